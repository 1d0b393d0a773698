"""Shapes of what is sent and answered, for the description of the API."""

from rest_framework import serializers

from conversions.api.listing import TYPES
from conversions.models import Conversion


class ConsentSerializer(serializers.Serializer[object]):
    ad_user_data = serializers.BooleanField(required=False, allow_null=True)
    ad_personalization = serializers.BooleanField(required=False, allow_null=True)


class RegistrationSerializer(serializers.Serializer[object]):
    event_id = serializers.CharField(max_length=200, help_text="Your id of the event: a repeat gets the first answer.")
    occurred_at = serializers.DateTimeField(help_text="RFC 3339 with its offset.")
    player_id = serializers.CharField(max_length=200)
    click_id = serializers.CharField(max_length=200, required=False)
    promo_code = serializers.CharField(max_length=200, required=False)
    partner_tag = serializers.CharField(max_length=200, required=False)
    country = serializers.CharField(max_length=2, required=False)
    region = serializers.CharField(max_length=100, required=False)
    consent = ConsentSerializer(required=False)
    is_test = serializers.BooleanField(required=False, help_text="Recorded, never counted.")


class DepositSerializer(serializers.Serializer[object]):
    event_id = serializers.CharField(max_length=200)
    occurred_at = serializers.DateTimeField()
    player_id = serializers.CharField(max_length=200)
    transaction_id = serializers.CharField(max_length=200, help_text="The same for every status of one deposit.")
    status = serializers.ChoiceField(Conversion.Status.choices, required=False)
    amount = serializers.CharField(help_text="A string such as 120.00, more than 0.")
    currency = serializers.CharField(max_length=5)
    product = serializers.CharField(max_length=50, required=False)
    is_test = serializers.BooleanField(required=False)


class TrackSerializer(serializers.Serializer[object]):
    """One event; which fields it needs depends on its type."""

    type = serializers.ChoiceField([(name, name) for name in TYPES])
    event_id = serializers.CharField(max_length=200)
    occurred_at = serializers.DateTimeField()
    player_id = serializers.CharField(max_length=200, required=False)
    click_id = serializers.CharField(max_length=200, required=False, help_text="In place of the player.")
    promo_code = serializers.CharField(max_length=200, required=False)
    partner_tag = serializers.CharField(max_length=200, required=False)
    transaction_id = serializers.CharField(max_length=200, required=False)
    status = serializers.CharField(max_length=20, required=False)
    amount = serializers.CharField(required=False)
    currency = serializers.CharField(max_length=5, required=False)
    goal = serializers.CharField(max_length=100, required=False)
    country = serializers.CharField(max_length=2, required=False)
    consent = ConsentSerializer(required=False)
    install_id = serializers.CharField(max_length=200, required=False)
    activity = serializers.CharField(max_length=30, required=False)
    clicked_at = serializers.DateTimeField(required=False)
    is_test = serializers.BooleanField(required=False)


class CreditedSerializer(serializers.Serializer[object]):
    campaign = serializers.CharField(allow_null=True)
    campaign_id = serializers.IntegerField(allow_null=True)
    creative = serializers.CharField(allow_null=True)
    partner = serializers.CharField(allow_null=True)


class RecordedSerializer(serializers.Serializer[object]):
    status = serializers.CharField()
    reason = serializers.CharField(required=False, help_text="Why it waits in quarantine.")
    conversion_id = serializers.IntegerField(required=False)
    first_deposit = serializers.BooleanField(required=False)
    credited_to = CreditedSerializer(allow_null=True, required=False)


class ErrorBodySerializer(serializers.Serializer[object]):
    code = serializers.CharField()
    message = serializers.CharField()
    field = serializers.CharField(allow_null=True)


class ErrorSerializer(serializers.Serializer[object]):
    error = ErrorBodySerializer()


class ElementSerializer(serializers.Serializer[object]):
    index = serializers.IntegerField()
    event_id = serializers.CharField()
    status = serializers.IntegerField()
    answer = serializers.JSONField()


class ResultsSerializer(serializers.Serializer[object]):
    results = ElementSerializer(many=True)


class ConversionSerializer(serializers.Serializer[object]):
    type = serializers.CharField()
    id = serializers.IntegerField()
    occurred_at = serializers.DateTimeField()
    status = serializers.CharField(help_text="Of an install: what happened to the app.")
    player_id = serializers.CharField(allow_null=True)
    transaction_id = serializers.CharField(allow_null=True)
    amount = serializers.CharField(allow_null=True, help_text="Of a sale or lead: what it brings us.")
    currency = serializers.CharField(allow_null=True)
    first_deposit = serializers.BooleanField()
    campaign_id = serializers.IntegerField(allow_null=True)
    campaign = serializers.CharField(allow_null=True)
    partner = serializers.CharField(allow_null=True)
    credit = serializers.CharField()
    is_test = serializers.BooleanField()


class ConversionPageSerializer(serializers.Serializer[object]):
    results = ConversionSerializer(many=True)
    next = serializers.CharField(allow_null=True, help_text="The cursor of the next page.")
