"""Who is told of conversions, by what they are limited, and what their owners are told when they fail."""

import secrets
import uuid
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q

from campaigns.models import Campaign, Partner, TrafficSource
from conversions.domain.event_names import validate_event_name
from conversions.domain.postback_macros import validate_postback_headers, validate_postback_url
from tracker_project.common.fields import AmountField, CurrencyField, EncryptedTextField


def new_hash_key() -> str:
    """Return a random key of 32 bytes, in hexadecimal."""
    return secrets.token_hex(32)


_DIGITS = RegexValidator(r"^[0-9]+\Z", "Digits only.")


class EventNameField(models.CharField[Any, Any]):
    """What an event is called on the receiver's side; empty for the usual name."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 50)
        kwargs.setdefault("blank", True)
        kwargs.setdefault("validators", [validate_event_name])
        super().__init__(*args, **kwargs)


class Destination(models.Model):
    """Where postbacks go: an advertising platform's account, or anyone's address.

    A destination with a partner gets that partner's conversions only, with the payout that was booked; one without
    gets approved conversions, of one source's campaigns or of all. Either may be limited to some campaigns, the latter
    to those whom some partners brought.
    """

    class Kind(models.TextChoices):
        GENERIC = "generic", "Generic S2S (any address)"
        META = "meta", "Meta Conversions API"
        GOOGLE = "google", "Google Data Manager API"
        GOOGLE_ADS = "google_ads", "Google Ads API (only for developer tokens on Google's list)"
        TIKTOK = "tiktok", "TikTok Events API"
        APPSFLYER = "appsflyer", "AppsFlyer S2S events"

    class Method(models.TextChoices):
        GET = "get", "GET"
        FORM = "form", "POST, as a form"
        JSON = "json", "POST, as JSON"

    class Value(models.TextChoices):
        DEPOSIT = "deposit", "The deposit's amount"
        SO_FAR = "so_far", "All the player's deposits so far"
        PREDICTED = "predicted", "The player's predicted lifetime value"
        NGR = "ngr", "The player's NGR so far (Google)"
        FIXED = "fixed", "A fixed value"
        NONE = "none", "No value"

    # The kinds that can be told another value of what they know.
    RESTATING = (Kind.GOOGLE, Kind.GOOGLE_ADS)

    name = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=10, choices=Kind)
    is_active = models.BooleanField(default=True)
    disabled_reason = models.CharField(max_length=300, blank=True, help_text="Why the tracker switched it off.")
    failing_since = models.DateTimeField(null=True, blank=True, help_text="Since when no request got through.")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="Is written to when the tracker switches it off, or something is unusual.",
    )
    alarm = models.CharField(max_length=300, blank=True, help_text="What is unusual about its deliveries.")

    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, null=True, blank=True, related_name="destinations")
    campaigns: Any = models.ManyToManyField(Campaign, through="DestinationCampaign", related_name="destinations")
    partners: Any = models.ManyToManyField(Partner, through="DestinationPartner", related_name="+")
    # Copies of these limits, empty where there are none, which a trigger keeps: a deposit reads them with the row.
    only_campaign_ids = ArrayField(models.BigIntegerField(), null=True, blank=True, editable=False)
    only_partner_ids = ArrayField(models.BigIntegerField(), null=True, blank=True, editable=False)
    source = models.ForeignKey(
        TrafficSource,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="destinations",
        help_text="All campaigns that buy from it.",
    )
    requires_consent = models.BooleanField(
        default=True, help_text="Send only for players who allowed their data to be used for advertising."
    )

    on_registration = models.BooleanField(default=False)
    on_first_deposit = models.BooleanField(default=True)
    on_deposit = models.BooleanField("on each deposit", default=False)
    on_valuable_deposit = models.BooleanField(
        "on a player's first valuable deposit", default=False, help_text="The first that reaches the brand's threshold."
    )
    min_value = AmountField(
        "at least", null=True, blank=True, help_text="Only deposits of this much, in the reports' currency."
    )
    max_value = AmountField("less than", null=True, blank=True, help_text="In the reports' currency.")

    registration_name = EventNameField("name of a registration")
    first_deposit_name = EventNameField("name of a first deposit")
    deposit_name = EventNameField("name of any other deposit")
    valuable_deposit_name = EventNameField("name of a valuable deposit")
    value_kind = models.CharField("value sent", max_length=10, choices=Value, default=Value.DEPOSIT)
    fixed_value = AmountField(null=True, blank=True)
    fixed_currency = CurrencyField(null=True, blank=True)

    test_event_code = models.CharField(
        max_length=50, blank=True, help_text="Meta, TikTok: from their test events page."
    )
    test_ends_at = models.DateTimeField(null=True, blank=True, help_text="Until then events carry the code.")

    tells_corrections = models.BooleanField(
        "tell when it was taken back", default=True, help_text="Generic: the same message again, its {status} rejected."
    )
    method = models.CharField(max_length=4, choices=Method, default=Method.GET)
    url_template = models.TextField(
        blank=True,
        validators=[validate_postback_url],
        help_text="Such as https://partner.example/postback?cid={external_id}&payout={payout}&tid={transaction_id}",
    )
    body_template = models.TextField(
        blank=True, help_text="Of a POST: JSON or name=value pairs, with macros in values."
    )
    headers = EncryptedTextField(
        blank=True, default="", validators=[validate_postback_headers], help_text="One a line, such as X-Api-Key: 42"
    )
    signing_secret = EncryptedTextField(blank=True, default="", help_text="Signs POSTs as Standard Webhooks does.")

    dataset_id = models.CharField(
        max_length=50, blank=True, validators=[_DIGITS], help_text="Meta: the pixel's or dataset's number."
    )
    access_token = EncryptedTextField(blank=True, default="", help_text="Never shown again.")
    pixel_code = models.CharField(
        max_length=50, blank=True, validators=[RegexValidator(r"^[A-Za-z0-9]+\Z", "Letters and digits only.")]
    )
    app_id = models.CharField(
        max_length=100,
        blank=True,
        validators=[RegexValidator(r"^(id[0-9]+|[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)+)\Z", "Not an app's id.")],
        help_text="AppsFlyer: id123456789 for iOS, com.example.app for Android.",
    )
    app_user_sub_id = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="AppsFlyer: the number of the sub id in which clicks bring AppsFlyer's own id."
    )
    google_account_id = models.CharField(
        "account number",
        max_length=20,
        blank=True,
        validators=[_DIGITS],
        help_text="The Google Ads account, digits only.",
    )
    google_login_account_id = models.CharField(
        "manager account's number",
        max_length=20,
        blank=True,
        validators=[_DIGITS],
        help_text="Where access comes by one.",
    )
    conversion_action_id = models.CharField(
        "conversion action's number",
        max_length=20,
        blank=True,
        validators=[_DIGITS],
        help_text="Google: the number of an import action for clicks.",
    )
    google_credentials = EncryptedTextField(blank=True, default="", help_text="Never shown again.")
    hash_key = EncryptedTextField(
        default=new_hash_key, editable=False, help_text="Players' keys sent there are hashed under it."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "destinations"
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="generic") & ~Q(url_template="")
                | Q(kind="meta") & ~Q(dataset_id="") & ~Q(access_token="")
                | Q(kind="google") & ~Q(google_account_id="") & ~Q(conversion_action_id="") & ~Q(google_credentials="")
                | Q(kind="google_ads")
                & ~Q(google_account_id="")
                & ~Q(conversion_action_id="")
                & ~Q(google_credentials="")
                & ~Q(access_token="")
                | Q(kind="tiktok") & ~Q(pixel_code="") & ~Q(access_token="")
                | Q(kind="appsflyer") & ~Q(app_id="") & ~Q(access_token=""),
                name="destination_has_its_address",
            ),
            models.CheckConstraint(
                condition=Q(partner__isnull=True) | Q(kind="generic"), name="partner_destination_is_generic"
            ),
            models.CheckConstraint(
                condition=Q(on_valuable_deposit=False) | Q(on_first_deposit=False, on_deposit=False),
                name="valuable_deposit_is_not_told_twice",
            ),
            models.CheckConstraint(
                condition=(Q(min_value__isnull=True) | Q(min_value__gte=0))
                & (Q(max_value__isnull=True) | Q(max_value__gt=0))
                & (Q(min_value__isnull=True) | Q(max_value__isnull=True) | Q(max_value__gt=F("min_value"))),
                name="value_band_is_not_empty",
            ),
            models.CheckConstraint(
                condition=Q(value_kind="fixed", fixed_value__gte=0, fixed_currency__isnull=False)
                & Q(fixed_value__isnull=False)
                | ~Q(value_kind="fixed") & Q(fixed_value__isnull=True, fixed_currency__isnull=True),
                name="fixed_value_is_given",
            ),
            models.CheckConstraint(
                condition=~Q(value_kind__in=["so_far", "predicted", "ngr"]) | Q(on_deposit=False),
                name="value_so_far_is_told_once",
            ),
            models.CheckConstraint(
                condition=~Q(value_kind="ngr") | Q(kind__in=["google", "google_ads"]),
                name="ngr_is_told_where_values_are_stated_anew",
            ),
            models.CheckConstraint(
                condition=Q(test_event_code="", test_ends_at__isnull=True)
                | ~Q(test_event_code="") & Q(kind__in=["meta", "tiktok"], test_ends_at__isnull=False),
                name="test_mode_ends",
            ),
            models.CheckConstraint(
                condition=Q(signing_secret="") | Q(kind="generic", method__in=["form", "json"]),
                name="signature_covers_a_body",
            ),
            models.CheckConstraint(
                condition=Q(app_user_sub_id__isnull=True) | Q(app_user_sub_id__gte=1, app_user_sub_id__lte=10),
                name="sub_id_exists",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def is_in_test_mode(self, *, at: datetime) -> bool:
        """Tell whether events are marked as tests now; the mode ends by itself."""
        return self.test_ends_at is not None and at < self.test_ends_at


class DestinationCampaign(models.Model):
    """One of the campaigns that a destination is limited to; one without any hears of all."""

    destination = models.ForeignKey(Destination, on_delete=models.CASCADE, related_name="campaign_limits")
    # A campaign that went away would leave a destination without a limit: it would hear of all.
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="+")

    class Meta:
        db_table = "destination_campaigns"
        constraints = [
            models.UniqueConstraint(fields=["destination", "campaign"], name="destination_names_a_campaign_once")
        ]

    def __str__(self) -> str:
        return f"{self.destination}: {self.campaign}"


class DestinationPartner(models.Model):
    """One of the partners to whose players a destination is limited; one without any hears of all."""

    destination = models.ForeignKey(Destination, on_delete=models.CASCADE, related_name="partner_limits")
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="+")

    class Meta:
        db_table = "destination_partners"
        constraints = [
            models.UniqueConstraint(fields=["destination", "partner"], name="destination_names_a_partner_once")
        ]

    def __str__(self) -> str:
        return f"{self.destination}: {self.partner}"


class DestinationNotice(models.Model):
    """One message to a destination's owner, written with what it tells of and moved on by whoever sends it."""

    class Kind(models.TextChoices):
        DISABLED = "disabled", "Switched off"
        ALARM = "alarm", "Unusual"

    class State(models.TextChoices):
        PENDING = "pending", "To be sent"
        DONE = "done", "Sent"
        DEAD = "dead", "Not sent"

    destination = models.ForeignKey(Destination, on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=10, choices=Kind)
    subject = models.CharField(max_length=200)
    text = models.TextField()
    message_id = models.UUIDField(default=uuid.uuid4, unique=True, help_text="The same on every try.")
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    state_reason = models.CharField(max_length=300, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "destination_notices"
        constraints = [
            models.CheckConstraint(
                condition=Q(state="pending", finished_at__isnull=True)
                | Q(state__in=["done", "dead"], finished_at__isnull=False),
                name="finished_notice_has_its_time",
            ),
            models.CheckConstraint(condition=~Q(state="dead") | ~Q(state_reason=""), name="unsent_notice_says_why"),
        ]
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=Q(state="pending"), name="destination_notices_due")
        ]

    def __str__(self) -> str:
        return self.subject
