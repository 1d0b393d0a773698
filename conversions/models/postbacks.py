"""Who is told of conversions, what is to be sent, and every attempt to send it."""

import secrets
from typing import Any

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q

from campaigns.models import Campaign, Partner
from conversions.domain.postback_macros import validate_postback_url
from conversions.models.players import Conversion
from tracker_project.common.fields import AmountField, CurrencyField, EncryptedTextField


def new_hash_key() -> str:
    """Return a random key of 32 bytes, in hexadecimal."""
    return secrets.token_hex(32)


class Destination(models.Model):
    """Where postbacks go: an advertising platform's account, or anyone's URL template.

    A destination with a partner gets that partner's conversions only, with the payout that was booked; one without
    gets approved conversions, of one campaign or of all.
    """

    class Kind(models.TextChoices):
        GENERIC = "generic", "Generic S2S (URL template)"
        META = "meta", "Meta Conversions API"

    name = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=10, choices=Kind)
    is_active = models.BooleanField(default=True)
    disabled_reason = models.CharField(max_length=300, blank=True, help_text="Why the tracker switched it off.")
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, null=True, blank=True, related_name="destinations")
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, null=True, blank=True, related_name="destinations")
    on_registration = models.BooleanField(default=False)
    on_first_deposit = models.BooleanField(default=True)
    on_deposit = models.BooleanField("on each deposit", default=False)
    requires_consent = models.BooleanField(
        default=True, help_text="Send only for players who allowed their data to be used for advertising."
    )
    url_template = models.TextField(
        blank=True,
        validators=[validate_postback_url],
        help_text="Generic: such as https://partner.example/postback?cid={external_id}&payout={payout}&tid={transaction_id}",
    )
    dataset_id = models.CharField(
        max_length=50,
        blank=True,
        validators=[RegexValidator(r"^[0-9]+\Z", "Digits only.")],
        help_text="Meta: the pixel's or dataset's number.",
    )
    access_token = EncryptedTextField(blank=True, default="", help_text="Meta: the dataset's token; never shown again.")
    hash_key = EncryptedTextField(
        default=new_hash_key, editable=False, help_text="Players' keys sent there are hashed under it."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "destinations"
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="generic") & ~Q(url_template="")
                | Q(kind="meta") & ~Q(dataset_id="") & ~Q(access_token=""),
                name="destination_has_its_address",
            ),
            models.CheckConstraint(
                condition=Q(partner__isnull=True) | Q(kind="generic"), name="partner_destination_is_generic"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Postback(models.Model):
    """One message that is owed to one destination about one fact, in a state that a worker moves on.

    `fact` names what is told, so that it is told once whatever marks move: a registration and a first deposit are
    facts of the player, each other deposit of its conversion. A correction is a fact of its own.
    """

    class Event(models.TextChoices):
        REGISTRATION = "registration", "Registration"
        FIRST_DEPOSIT = "first_deposit", "First deposit"
        DEPOSIT = "deposit", "Deposit"

    class State(models.TextChoices):
        PENDING = "pending", "To be sent"
        DONE = "done", "Delivered"
        DEAD = "dead", "Given up"
        CANCELLED = "cancelled", "Not to be sent any more"

    destination = models.ForeignKey(Destination, on_delete=models.PROTECT, related_name="postbacks")
    conversion = models.ForeignKey(Conversion, on_delete=models.PROTECT, related_name="postbacks")
    event = models.CharField(max_length=20, choices=Event)
    is_correction = models.BooleanField(default=False, help_text="Takes back what was told before.")
    fact = models.CharField(max_length=100)
    dedup_id = models.CharField(max_length=64, help_text="What the receiver de-duplicates on, the same on every try.")
    payout = AmountField(null=True, blank=True, help_text="What the partner is paid, where one is told.")
    payout_currency = CurrencyField(null=True, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    state_reason = models.CharField(max_length=300, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    leased_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "postbacks"
        constraints = [
            models.UniqueConstraint(fields=["destination", "fact"], name="one_postback_per_destination_and_fact"),
            models.CheckConstraint(
                condition=Q(state="pending", finished_at__isnull=True)
                | Q(state__in=["done", "dead", "cancelled"], finished_at__isnull=False),
                name="finished_postback_has_its_time",
            ),
            models.CheckConstraint(
                condition=Q(payout__isnull=True, payout_currency__isnull=True)
                | Q(payout__isnull=False, payout_currency__isnull=False),
                name="payout_has_its_currency",
            ),
            models.CheckConstraint(condition=Q(next_attempt_at__gte=F("created_at")), name="attempt_follows_creation"),
        ]
        indexes = [
            # By destination first: rows that wait for one that is down are not read on the way to the others.
            models.Index(fields=["destination", "next_attempt_at"], condition=Q(state="pending"), name="postbacks_due"),
            models.Index(fields=["-created_at"], name="postbacks_by_time"),
            models.Index(fields=["-created_at"], condition=Q(state="dead"), name="postbacks_given_up"),
        ]

    def __str__(self) -> str:
        return f"{self.get_event_display()} to {self.destination}"


class PostbackAttempt(models.Model):
    """One try to deliver a postback and what came back. Never changes."""

    class Outcome(models.TextChoices):
        OK = "ok", "Accepted"
        RETRY = "retry", "Failed, will be tried again"
        EVENT_REFUSED = "event_refused", "Refused for good"
        DESTINATION_REFUSED = "destination_refused", "Destination needs attention"

    postback = models.ForeignKey(Postback, on_delete=models.PROTECT, related_name="attempts")
    started_at = models.DateTimeField()
    latency_ms = models.PositiveIntegerField()
    http_status = models.PositiveSmallIntegerField(null=True, help_text="Empty when no answer came.")
    outcome = models.CharField(max_length=20, choices=Outcome)
    request: Any = models.TextField(help_text="What was sent, secrets masked.")
    answer = models.TextField(blank=True, help_text="The beginning of the answer, or what went wrong.")

    class Meta:
        db_table = "postback_attempts"

    def __str__(self) -> str:
        return f"{self.get_outcome_display()} at {self.started_at:%Y-%m-%d %H:%M:%S}"
