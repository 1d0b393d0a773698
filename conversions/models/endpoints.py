"""Addresses at which a platform's events arrive in somebody else's words, and the requests that arrived."""

import re
from datetime import UTC, datetime
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from conversions.models.intake import Platform, validate_address_range
from tracker_project.common.fields import CurrencyField, EncryptedTextField
from tracker_project.common.time import validate_time_zone

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


OUR_FIELDS = (
    "event",
    "event_id",
    "click_id",
    "player_id",
    "transaction_id",
    "amount",
    "currency",
    "status",
    "occurred_at",
    "promo_code",
    "partner_tag",
    "country",
)
_PATH = re.compile(r"[A-Za-z0-9_\-]+(\.[A-Za-z0-9_\-]+){0,7}", re.ASCII)


def validate_field_paths(paths: object) -> None:
    """Refuse a map whose fields are not ours or whose paths could never be found."""
    if not isinstance(paths, dict):
        raise ValidationError('Write an object, such as {"event": "type"}.')
    for name, path in paths.items():
        if name not in OUR_FIELDS:
            raise ValidationError(f"“{name}” is none of our fields: {', '.join(OUR_FIELDS)}.")
        if not isinstance(path, str) or not _PATH.fullmatch(path):
            raise ValidationError(f"“{path}” is no path: write names with dots between, such as user.id.")


def validate_time_format(time_format: str) -> None:
    """Refuse a format by which no time can be read back."""
    try:
        written = datetime(2026, 11, 22, 10, 5, tzinfo=UTC).strftime(time_format)
        datetime.strptime(written, time_format)  # noqa: DTZ007 (whether it can be read is all that is asked)
    except ValueError as error:
        raise ValidationError(f"No time can be read by “{time_format}”: {error}.") from error


def validate_statuses(statuses: object) -> None:
    """Refuse what does not map their statuses to those that a conversion may have."""
    if not isinstance(statuses, dict):
        raise ValidationError('Write an object, such as {"ok": "confirmed"}.')
    for word, status in statuses.items():
        if status not in ("pending", "confirmed", "rejected"):
            raise ValidationError(f"“{word}” stands for pending, confirmed or rejected; “{status}” is neither.")


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
        MAPPED = "mapped", "Anything else, by the map below"

    class Amounts(models.TextChoices):
        REVENUE = "revenue", "what a conversion brings us"
        DEPOSIT = "deposit", "what the player deposited"

    class Duplicates(models.TextChoices):
        REFUSE = "", "Refuse what contradicts the first report (409)"
        NEW = "new", "Record each as a conversion of its own"
        TAGGED = "tagged", "Record each as its own, marked new or repeated"
        IGNORE = "ignore", "Ignore all but the first"
        EDIT = "edit", "Take the latest report's revenue"
        INCREMENT = "increment", "Add the revenues up"
        EVENT_ID = "event_id", "Ignore those with a known event id"

    class AmountUnit(models.TextChoices):
        MAJOR = "major", "units, such as 12.50"
        MINOR = "minor", "minor units, such as 1250 cents"

    class DefaultStatus(models.TextChoices):
        REQUIRED = "", "Each deposit must name its status"
        CONFIRMED = "confirmed", "A deposit without a status is confirmed"
        PENDING = "pending", "A deposit without a status is pending"

    platform = models.ForeignKey(Platform, on_delete=models.PROTECT, related_name="endpoints")
    name = models.CharField(max_length=100, unique=True)
    slug = models.SlugField(
        max_length=50, unique=True, help_text="Its name in the address that is called, such as /postback/network."
    )
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
    duplicates = models.CharField(
        "further reports of one lead or sale",
        max_length=10,
        blank=True,
        default="",
        choices=Duplicates,
        help_text="Deposits are never doubled: they follow their transaction and its status.",
    )
    field_paths: Any = models.JSONField(
        blank=True,
        default=dict,
        validators=[validate_field_paths],
        help_text='Where each of our fields stands in an event, such as {"event": "meta.type", "player_id": "user"}.',
    )
    events_path = models.CharField(
        max_length=100,
        blank=True,
        help_text="Where the array of events stands, such as data.items; empty: the message is the event or the array.",
    )
    amount_unit = models.CharField(max_length=5, choices=AmountUnit, default=AmountUnit.MAJOR)
    time_format = models.CharField(
        max_length=50,
        blank=True,
        validators=[validate_time_format],
        help_text="Such as %d.%m.%Y %H:%M:%S; empty: ISO 8601, or seconds or milliseconds since 1970.",
    )
    time_zone = models.CharField(
        max_length=50, default="UTC", validators=[validate_time_zone], help_text="Of times without an offset."
    )
    statuses: Any = models.JSONField(
        blank=True,
        default=dict,
        validators=[validate_statuses],
        help_text='What their statuses mean, such as {"ok": "confirmed", "wait": "pending", "no": "rejected"}.',
    )
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "endpoints"
        constraints = [
            models.CheckConstraint(
                condition=Q(duplicates__in=["", "new", "tagged", "ignore", "edit", "increment", "event_id"]),
                name="endpoint_duplicates",
            ),
            models.CheckConstraint(condition=Q(amount_unit__in=["major", "minor"]), name="endpoint_amount_unit"),
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
    were added to `DroppedField`. `is_sample`: we made it ourselves, to show a sample's whole way.
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
    is_sample = models.BooleanField("our own sample", default=False, db_default=False)

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
