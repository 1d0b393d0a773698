"""Players, what they did, who is credited for it, and what they are worth."""

from typing import Any

from django.db import models
from django.db.models import F, Q

from attribution.models import CreditOutcome
from campaigns.models import Campaign, Creative, Offer, Partner, TrackingLink, TrafficSource
from conversions.models.intake import InboxEvent, Platform
from tracker_project.common.fields import AmountField, CurrencyField


class Credited(models.Model):
    """Columns that copy what was credited; they outlive the click itself."""

    credit_outcome = models.CharField(max_length=20, choices=CreditOutcome, default=CreditOutcome.WAITING)
    click_uuid = models.UUIDField(null=True, blank=True)
    clicked_at = models.DateTimeField(null=True, blank=True)
    link = models.ForeignKey(TrackingLink, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    creative = models.ForeignKey(Creative, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    source = models.ForeignKey(TrafficSource, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        abstract = True


class AppSystem(models.TextChoices):
    """On what a player uses an app; empty for one who came by the web."""

    IOS = "ios", "iPhone or iPad"
    ANDROID = "android", "Android"
    UNKNOWN = "unknown", "An app on we do not know what"


class AttStatus(models.TextChoices):
    """What a person answered when an app on an iPhone asked to track him (App Tracking Transparency)."""

    AUTHORIZED = "authorized", "Allowed"
    DENIED = "denied", "Refused"
    RESTRICTED = "restricted", "Not allowed to decide"
    NOT_DETERMINED = "not_determined", "Not asked yet"


class OnDevice(models.Model):
    """Columns on the app that a fact came from."""

    app_system = models.CharField(
        "app", max_length=10, choices=AppSystem, blank=True, default="", db_default="", help_text="Empty: the web."
    )
    att_status = models.CharField(
        "tracking on the iPhone",
        max_length=20,
        choices=AttStatus,
        blank=True,
        default="",
        db_default="",
        help_text="App Tracking Transparency; empty where nothing was said. The web and Android ask nothing.",
    )

    class Meta:
        abstract = True


class Player(Credited, OnDevice):
    """A person at one platform, known by the platform's id alone; credit locks when he registers."""

    platform = models.ForeignKey(Platform, on_delete=models.PROTECT, related_name="players")
    player_id = models.CharField(max_length=200, help_text="The platform's own id.")
    registered_at = models.DateTimeField(null=True)
    country = models.CharField(max_length=2, blank=True)
    region = models.CharField(max_length=100, blank=True)
    consent_ad_user_data = models.BooleanField(null=True, help_text="Empty: the platform did not say.")
    consent_ad_personalization = models.BooleanField(null=True)
    is_test = models.BooleanField(default=False)
    verified_at = models.DateTimeField(null=True, blank=True)
    blocked_at = models.DateTimeField(null=True, blank=True)
    duplicate_at = models.DateTimeField(null=True, blank=True)
    self_excluded_at = models.DateTimeField(
        null=True, blank=True, help_text="While this stands nothing new about the player is signalled to anybody."
    )
    click_facts: Any = models.JSONField(
        default=dict,
        help_text="What the credited click carried: platform click ids, external id, sub ids, keyword, kind, country.",
    )
    credit_decision = models.ForeignKey(
        "conversions.CreditDecision",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        help_text="Why he is credited so; empty for players from before reasons were kept.",
    )
    credit_ends_at = models.DateTimeField(
        null=True, blank=True, help_text="Deposits from then on are credited to nobody. Empty: credit is for life."
    )
    att_reported_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "players"
        constraints = [
            models.UniqueConstraint(fields=["platform", "player_id"], name="one_player_per_platform_and_player_id"),
            models.CheckConstraint(condition=~Q(player_id=""), name="player_has_an_id"),
            models.CheckConstraint(
                condition=Q(registered_at__isnull=False) | Q(credit_outcome="waiting"),
                name="credit_waits_for_registration",
            ),
            models.CheckConstraint(
                condition=Q(app_system="", att_status="", att_reported_at__isnull=True)
                | Q(app_system__in=["ios", "android", "unknown"], att_status="", att_reported_at__isnull=True)
                | Q(
                    app_system__in=["ios", "android", "unknown"],
                    att_status__in=["authorized", "denied", "restricted", "not_determined"],
                    att_reported_at__isnull=False,
                ),
                name="att_status_is_of_an_app",
            ),
        ]
        indexes = [
            models.Index(
                fields=["platform", "click_uuid"], condition=Q(click_uuid__isnull=False), name="players_by_click"
            )
        ]

    def __str__(self) -> str:
        return self.player_id


class Conversion(Credited):
    """One fact about a player: his registration, or one deposit under the platform's transaction id.

    The status follows the platform's reports (`StatusReport`); credit copies the player's. `is_settled` says that the
    money was confirmed once, whatever came later. `reporting_amount` is the amount in the reporting currency,
    converted once; empty while no exchange rate is known.
    """

    class Kind(models.TextChoices):
        REGISTRATION = "registration", "Registration"
        DEPOSIT = "deposit", "Deposit"

    class Status(models.TextChoices):
        PENDING = "pending", "Pending"
        CONFIRMED = "confirmed", "Confirmed"
        REJECTED = "rejected", "Rejected"
        VOID = "void", "Void"
        REFUNDED = "refunded", "Refunded"
        CHARGED_BACK = "charged_back", "Charged back"

    class Review(models.TextChoices):
        PENDING = "pending", "Waiting for review"
        APPROVED = "approved", "Approved"
        HELD = "held", "Held"
        REJECTED = "rejected", "Rejected"

    class Booking(models.TextChoices):
        NONE = "none", "Nothing to book"
        DUE = "due", "To be booked"
        DONE = "done", "Booked"

    platform = models.ForeignKey(Platform, on_delete=models.PROTECT, related_name="conversions")
    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="conversions")
    kind = models.CharField(max_length=20, choices=Kind)
    transaction_id = models.CharField(max_length=200, null=True, blank=True)
    status = models.CharField(max_length=20, choices=Status)
    amount = AmountField(null=True, blank=True)
    currency = CurrencyField(null=True, blank=True)
    product = models.CharField(max_length=50, blank=True)
    occurred_at = models.DateTimeField(help_text="The earliest instant that the platform gave for it.")
    first_event_id = models.CharField(max_length=200, help_text="The event that gave this instant.")
    received_at = models.DateTimeField()
    is_test = models.BooleanField(default=False)
    is_settled = models.BooleanField(default=False)
    is_first_deposit = models.BooleanField(default=False)
    is_valuable = models.BooleanField(default=False)
    reversed_at = models.DateTimeField(null=True, blank=True)
    reporting_amount = AmountField(null=True, blank=True)
    reporting_currency = CurrencyField(null=True, blank=True)
    exchange_rate = models.DecimalField(max_digits=24, decimal_places=10, null=True, blank=True)
    exchange_rate_on = models.DateField(null=True, blank=True)
    exchange_rate_source = models.CharField(max_length=50, blank=True)
    credit_decision = models.ForeignKey(
        "conversions.CreditDecision",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        help_text="Why it is credited so.",
    )
    review_state = models.CharField(max_length=10, choices=Review, default=Review.PENDING)
    booking_state = models.CharField(max_length=10, choices=Booking, default=Booking.NONE)

    class Meta:
        db_table = "conversions"
        constraints = [
            models.UniqueConstraint(
                fields=["platform", "transaction_id", "kind"], name="one_conversion_per_transaction_and_kind"
            ),
            models.UniqueConstraint(
                fields=["player"], condition=Q(kind="registration"), name="one_registration_per_player"
            ),
            models.UniqueConstraint(
                fields=["player"], condition=Q(is_first_deposit=True), name="one_first_deposit_per_player"
            ),
            models.CheckConstraint(
                condition=Q(
                    kind="registration", transaction_id__isnull=True, amount__isnull=True, currency__isnull=True
                )
                | Q(
                    kind="deposit",
                    transaction_id__isnull=False,
                    amount__gt=0,
                    amount__isnull=False,
                    currency__isnull=False,
                ),
                name="deposit_has_transaction_and_positive_amount",
            ),
            models.CheckConstraint(condition=~Q(transaction_id=""), name="transaction_id_is_not_empty"),
            models.CheckConstraint(
                condition=Q(status__in=["pending", "confirmed", "rejected", "void", "refunded", "charged_back"]),
                name="conversion_status_is_known",
            ),
            models.CheckConstraint(
                condition=Q(is_first_deposit=False)
                | (Q(kind="deposit", is_settled=True, is_test=False) & ~Q(status__in=["pending", "rejected", "void"])),
                name="first_deposit_was_confirmed",
            ),
            models.CheckConstraint(
                condition=Q(is_valuable=False) | Q(kind="deposit", status="confirmed", review_state="approved"),
                name="valuable_deposit_is_confirmed_and_approved",
            ),
            models.CheckConstraint(
                condition=Q(is_valuable=False) | Q(is_test=False), name="test_deposit_is_not_valuable"
            ),
            models.CheckConstraint(
                condition=Q(reversed_at__isnull=True, status__in=["pending", "confirmed", "rejected", "void"])
                | Q(reversed_at__isnull=False, status__in=["refunded", "charged_back"]),
                name="reversal_has_its_time",
            ),
            models.CheckConstraint(
                condition=Q(review_state__in=["pending", "approved", "held", "rejected"]), name="review_state_is_known"
            ),
            models.CheckConstraint(condition=Q(booking_state__in=["none", "due", "done"]), name="booking_state"),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(review_state="pending"), name="conversions_to_review"),
            models.Index(fields=["id"], condition=Q(booking_state="due"), name="conversions_to_book"),
            models.Index(fields=["id"], condition=Q(review_state="held"), name="conversions_held"),
            models.Index(
                fields=["id"],
                condition=Q(kind="deposit", reporting_amount__isnull=True),
                name="conversions_without_rate",
            ),
            models.Index(fields=["campaign", "occurred_at"], name="conversions_by_campaign"),
            models.Index(fields=["occurred_at"], name="conversions_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.transaction_id or self.pk}"


class StatusReport(models.Model):
    """One report of a conversion's status by its platform. Never changes."""

    conversion = models.ForeignKey(Conversion, on_delete=models.PROTECT, related_name="status_reports")
    event = models.OneToOneField(InboxEvent, on_delete=models.PROTECT, related_name="status_report")
    status = models.CharField(max_length=20, choices=Conversion.Status)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()

    class Meta:
        db_table = "status_reports"

    def __str__(self) -> str:
        return f"{self.status} at {self.occurred_at:%Y-%m-%d %H:%M}"


class Revenue(models.Model):
    """What a first deposit brings us under its offer, in the campaign's currency, with what was converted."""

    conversion = models.OneToOneField(Conversion, on_delete=models.CASCADE, related_name="revenue")
    amount = AmountField()
    currency = CurrencyField()
    original_amount = AmountField()
    original_currency = CurrencyField()
    exchange_rate = models.DecimalField(max_digits=24, decimal_places=10)
    exchange_rate_on = models.DateField()
    exchange_rate_source = models.CharField(max_length=50)

    class Meta:
        db_table = "revenues"
        constraints = [models.CheckConstraint(condition=Q(amount__gte=0), name="revenue_is_not_negative")]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"


class CustomerLtv(models.Model):
    """What a player is worth so far, in the reporting currency; derived from his deposits, rewritten with each.

    Deposits count while confirmed, approved or not; reversed, test and unconverted ones are counted apart.
    """

    player = models.OneToOneField(Player, on_delete=models.PROTECT, primary_key=True, related_name="ltv")
    currency = CurrencyField()
    deposits = models.PositiveIntegerField(default=0)
    deposits_amount = AmountField(default=0)
    reversed_deposits = models.PositiveIntegerField(default=0)
    reversed_amount = AmountField(default=0)
    unconverted_deposits = models.PositiveIntegerField(default=0, help_text="Confirmed, but no exchange rate is known.")
    first_deposit_at = models.DateTimeField(null=True)
    last_deposit_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "customer_ltv"
        verbose_name = "customer lifetime value"
        verbose_name_plural = "customer lifetime values"
        constraints = [
            models.CheckConstraint(
                condition=Q(deposits_amount__gte=0, reversed_amount__gte=0), name="ltv_amounts_are_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(first_deposit_at__isnull=True)
                | Q(last_deposit_at__isnull=True)
                | Q(last_deposit_at__gte=F("first_deposit_at")),
                name="last_deposit_is_not_before_first",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.deposits_amount} {self.currency}"
