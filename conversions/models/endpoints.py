"""Addresses at which a platform's events arrive in somebody else's words, and the requests that arrived."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from conversions.models.intake import Platform, validate_address_range
from tracker_project.common.fields import CurrencyField, EncryptedTextField

EVENT_NAMES = (
    "registration",
    "signup",
    "lead",
    "sale",
    "qualified",
    "deposit",
    "withdrawal",
    "refund",
    "chargeback",
    "rejection",
    "ignore",
)


def validate_event_names(names: object) -> None:
    """Refuse what does not map words of theirs to kinds of ours."""
    if not isinstance(names, dict):
        raise ValidationError('Write an object, such as {"ftd": "deposit"}.')
    for word, kind in names.items():
        if kind not in EVENT_NAMES:
            raise ValidationError(f"“{word}” stands for one of {', '.join(EVENT_NAMES)}; “{kind}” is none.")


class Endpoint(models.Model):
    """One address at which a platform's events arrive in one dialect, with the key that its sender must show.

    The key is kept as its SHA-256 alone; while a sender changes over, the one before is accepted too.
    """

    class Dialect(models.TextChoices):
        GENERIC = "generic", "Postback with our own parameter names"
        KEITARO = "keitaro", "Keitaro postback"
        VOLUUM = "voluum", "Voluum postback"
        BINOM = "binom", "Binom postback"
        REDTRACK = "redtrack", "RedTrack postback"
        AFFISE = "affise", "Affise postback"
        EVERFLOW = "everflow", "Everflow postback"
        SMARTICO = "smartico", "Smartico (TAP) postback"
        AFFILKA = "affilka", "Affilka operator feed"
        MYAFFILIATES = "myaffiliates", "MyAffiliates feed"
        AFFILIATE_CONTROL = "affiliate_control", "Affiliate Control events"
        TRACKIER = "trackier", "Trackier customers"
        APPSFLYER = "appsflyer", "AppsFlyer Push"
        ADJUST = "adjust", "Adjust callbacks"

    class Amounts(models.TextChoices):
        REVENUE = "revenue", "what a conversion brings us"
        DEPOSIT = "deposit", "what the player deposited"

    class DefaultStatus(models.TextChoices):
        REQUIRED = "", "Each deposit must name its status"
        CONFIRMED = "confirmed", "A deposit without a status is confirmed"
        PENDING = "pending", "A deposit without a status is pending"

    platform = models.ForeignKey(Platform, on_delete=models.PROTECT, related_name="endpoints")
    name = models.CharField(max_length=100, unique=True)
    slug = models.SlugField(max_length=50, unique=True, help_text="Its address is /postback/<slug>.")
    dialect = models.CharField(max_length=20, choices=Dialect)
    key_hash = models.CharField(max_length=64, unique=True, editable=False, help_text="SHA-256 of the key.")
    previous_key_hash = models.CharField(max_length=64, blank=True, editable=False)
    signing_secret = EncryptedTextField(
        blank=True, default="", help_text="What the sender signs with, where it signs (Affilka); never shown again."
    )
    allowed_addresses = ArrayField(
        models.CharField(max_length=50, validators=[validate_address_range]),
        blank=True,
        default=list,
        help_text="Addresses or ranges that may post, such as 203.0.113.0/24. Empty: any, the key decides.",
    )
    amounts = models.CharField(
        "amounts are",
        max_length=10,
        choices=Amounts,
        default=Amounts.REVENUE,
        help_text="Only what players deposited is recorded as deposits; else a deposit counts as a sale.",
    )
    default_status = models.CharField(max_length=10, blank=True, default="", choices=DefaultStatus)
    currency = CurrencyField(blank=True, help_text="Of amounts that name none; empty: the brand's.")
    player_parameter = models.CharField(
        max_length=60, blank=True, help_text="The parameter with the casino's own id of the player, where there is one."
    )
    event_names: Any = models.JSONField(
        blank=True,
        default=dict,
        validators=[validate_event_names],
        help_text='What their words mean, such as {"reg": "registration", "ftd": "deposit", "ping": "ignore"}.',
    )
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "endpoints"
        constraints = [
            models.CheckConstraint(condition=Q(amounts__in=["revenue", "deposit"]), name="endpoint_amounts"),
            models.CheckConstraint(
                condition=Q(default_status__in=["", "confirmed", "pending"]), name="endpoint_default_status"
            ),
            models.CheckConstraint(
                condition=Q(key_hash__regex=r"^[0-9a-f]{64}$"), name="endpoint_key_is_kept_as_its_hash"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class IntakeRequest(models.Model):
    """One request that a known sender made, and our answer; its content without personal fields, for a while.

    `content` holds the fields that a dialect reads, `dropped` the names of all others; `is_counted` says that these
    were added to `DroppedField`.
    """

    platform = models.ForeignKey(Platform, on_delete=models.PROTECT, related_name="+")
    endpoint = models.ForeignKey(Endpoint, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    address = models.CharField(max_length=100, help_text="Where it was sent, without its key.")
    received_at = models.DateTimeField()
    content: Any = models.JSONField()
    dropped = ArrayField(models.CharField(max_length=80), default=list)
    status = models.PositiveSmallIntegerField()
    answer: Any = models.JSONField()
    is_counted = models.BooleanField(default=False)

    class Meta:
        db_table = "intake_requests"
        indexes = [
            models.Index(fields=["platform", "received_at"], name="intake_requests_by_platform"),
            models.Index(fields=["received_at"], name="intake_requests_by_time"),
            models.Index(fields=["id"], condition=Q(is_counted=False), name="intake_requests_to_count"),
        ]

    def __str__(self) -> str:
        return f"{self.status} at {self.received_at:%Y-%m-%d %H:%M:%S}"


class DroppedField(models.Model):
    """A field that a platform sends and that we drop unread or keep as a token alone, and how often."""

    platform = models.ForeignKey(Platform, on_delete=models.PROTECT, related_name="dropped_fields")
    name = models.CharField(max_length=80)
    kept_as = models.CharField(max_length=20, blank=True, help_text="The kind of token that fraud's rules compare.")
    times = models.BigIntegerField(default=0)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()

    class Meta:
        db_table = "dropped_fields"
        constraints = [
            models.UniqueConstraint(fields=["platform", "name"], name="one_dropped_field_per_platform_and_name")
        ]

    def __str__(self) -> str:
        return self.name
