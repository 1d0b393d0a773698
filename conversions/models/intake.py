"""Who may report events, and the inbox in which each event is kept for ever."""

import ipaddress
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q

from campaigns.models import Brand
from conversions.signatures import validate_secret
from tracker_project.common.fields import EncryptedTextField
from tracker_project.common.time import validate_time_zone


def validate_address_range(text: str) -> None:
    """Refuse what is neither an address nor a range such as 203.0.113.0/24."""
    try:
        ipaddress.ip_network(text)
    except ValueError as error:
        raise ValidationError(f"“{text}” is no address or range: write it as in 203.0.113.0/24.") from error


class Platform(models.Model):
    """A casino's back office that posts signed webhooks about the players of one brand."""

    class DefaultStatus(models.TextChoices):
        REQUIRED = "", "Each deposit must name its status"
        CONFIRMED = "confirmed", "A deposit without a status is confirmed"
        PENDING = "pending", "A deposit without a status is pending"

    name = models.CharField(max_length=100, unique=True)
    slug = models.SlugField(
        max_length=50,
        unique=True,
        validators=[
            RegexValidator(r"^(registration|deposit)\Z", "This name is an event's own address.", inverse_match=True)
        ],
        help_text="Its webhooks come to /webhooks/<slug>/registration and /webhooks/<slug>/deposit.",
    )
    brand = models.ForeignKey(Brand, on_delete=models.PROTECT, related_name="platforms")
    secret = EncryptedTextField(
        validators=[validate_secret], help_text="whsec_ and base64, as Standard Webhooks writes it."
    )
    previous_secret = EncryptedTextField(
        blank=True,
        default="",
        validators=[validate_secret],
        help_text="Still accepted while the platform changes over; empty it afterwards.",
    )
    default_status = models.CharField(max_length=10, blank=True, default=DefaultStatus.REQUIRED, choices=DefaultStatus)
    allowed_addresses = ArrayField(
        models.CharField(max_length=50, validators=[validate_address_range]),
        blank=True,
        default=list,
        help_text="Addresses or ranges that may post, such as 203.0.113.0/24. Empty: any, the signature decides.",
    )
    is_default = models.BooleanField(
        default=False, help_text="Takes what is posted to /webhooks/registration and /webhooks/deposit."
    )
    is_active = models.BooleanField(default=True)
    sandbox_of = models.OneToOneField(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="sandbox",
        help_text="Whose tests are recorded here: everything that comes by this platform's secret is a test.",
    )
    time_zone = models.CharField(
        max_length=50,
        default="UTC",
        validators=[validate_time_zone],
        help_text="Of the days whose totals it reports, such as Europe/Malta.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "platforms"
        constraints = [
            models.CheckConstraint(
                condition=Q(sandbox_of__isnull=True) | Q(is_default=False), name="sandbox_is_no_default_platform"
            ),
            models.CheckConstraint(
                condition=Q(sandbox_of__isnull=True) | ~Q(sandbox_of=F("id")), name="sandbox_is_another_platform"
            ),
            models.UniqueConstraint(fields=["is_default"], condition=Q(is_default=True), name="one_default_platform"),
            models.CheckConstraint(
                condition=Q(default_status__in=["", "confirmed", "pending"]), name="platform_default_status"
            ),
            models.CheckConstraint(
                condition=~Q(slug__in=["registration", "deposit"]), name="platform_slug_is_no_event"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_sandbox(self) -> bool:
        """Tell whether all that it reports are tests."""
        return self.sandbox_of_id is not None


class InboxEvent(models.Model):
    """One event as a platform reported it, in our words; kept for ever, its answer given again to each repeat.

    `terms` are the normalised fields that a repeat must match (amounts and instants as text). One that names nobody
    whom we can find is quarantined: `waits_for` says what would settle it, `next_match_at` when that is looked for
    again (empty: not any more, a person decides).
    """

    class Kind(models.TextChoices):
        REGISTRATION = "registration", "Registration"
        DEPOSIT = "deposit", "Deposit"
        SIGNUP = "signup", "Signup"
        LEAD = "lead", "Lead"
        SALE = "sale", "Sale"
        QUALIFIED = "qualified", "Qualified"
        WITHDRAWAL = "withdrawal", "Withdrawal"
        REFUND = "refund", "Refund"
        CHARGEBACK = "chargeback", "Chargeback"
        REJECTION = "rejection", "Rejection"
        PLAYER_STATUS = "player_status", "Player's status"
        ACTIVITY = "activity", "Daily activity"
        INSTALL = "install", "Install"
        UNNAMED = "unnamed", "Without a name that we know"

    class State(models.TextChoices):
        RECORDED = "recorded", "Recorded"
        QUARANTINED = "quarantined", "Quarantined"
        DISCARDED = "discarded", "Discarded"

    platform = models.ForeignKey(Platform, on_delete=models.PROTECT, related_name="events")
    endpoint = models.ForeignKey(
        "conversions.Endpoint",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="events",
        help_text="Where it arrived; empty: at the platform's signed webhooks.",
    )
    event_id = models.CharField(max_length=200)
    webhook_id = models.CharField(max_length=240)
    kind = models.CharField(max_length=20, choices=Kind)
    terms: Any = models.JSONField()
    answer: Any = models.JSONField(null=True)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    state = models.CharField(max_length=12, choices=State, default=State.RECORDED)
    reason = models.CharField(max_length=50, blank=True, help_text="Why it was quarantined or discarded.")
    waits_for = models.CharField(max_length=250, blank=True)
    tries = models.PositiveIntegerField(default=0)
    next_match_at = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True, help_text="When it left the quarantine.")

    class Meta:
        db_table = "inbox_events"
        constraints = [
            models.UniqueConstraint(fields=["platform", "event_id"], name="one_inbox_event_per_event_id"),
            models.UniqueConstraint(fields=["platform", "webhook_id"], name="one_inbox_event_per_webhook_id"),
            models.CheckConstraint(condition=~Q(event_id="") & ~Q(webhook_id=""), name="inbox_event_has_its_ids"),
            models.CheckConstraint(
                condition=Q(
                    kind__in=[
                        "registration",
                        "deposit",
                        "signup",
                        "lead",
                        "sale",
                        "qualified",
                        "withdrawal",
                        "refund",
                        "chargeback",
                        "rejection",
                        "player_status",
                        "activity",
                        "install",
                        "unnamed",
                    ]
                ),
                name="inbox_event_kind",
            ),
            models.CheckConstraint(
                condition=Q(state="recorded", next_match_at__isnull=True)
                | (Q(state="quarantined") & ~Q(reason=""))
                | (Q(state="discarded", next_match_at__isnull=True) & ~Q(reason="")),
                name="inbox_event_state",
            ),
            models.CheckConstraint(
                condition=~Q(kind="unnamed") | ~Q(state="recorded"), name="unnamed_event_is_not_recorded"
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_match_at"], condition=Q(next_match_at__isnull=False), name="inbox_events_to_match"
            ),
            models.Index(
                fields=["platform", "waits_for"], condition=Q(state="quarantined"), name="inbox_events_waiting"
            ),
            models.Index(fields=["-id"], condition=Q(state="quarantined"), name="inbox_events_quarantined"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.event_id}"


class Anomaly(models.Model):
    """A message that contradicted what we hold, answered 409; a person asks the platform about it."""

    platform = models.ForeignKey(Platform, on_delete=models.PROTECT, related_name="anomalies")
    code = models.CharField(max_length=50)
    event_id = models.CharField(max_length=200)
    field = models.CharField(max_length=50, help_text="The field that differs.")
    held: Any = models.JSONField(null=True, help_text="What we hold; empty: nothing.")
    reported: Any = models.JSONField(null=True, help_text="What the message said; empty: nothing.")
    received_at = models.DateTimeField()

    class Meta:
        db_table = "anomalies"
        verbose_name_plural = "anomalies"

    def __str__(self) -> str:
        return f"{self.code}: {self.event_id}"
