"""What players did beside registrations and deposits: milestones, money taken out, standing, installs, activity."""

from typing import Any

from django.db import models
from django.db.models import Q

from conversions.models.intake import InboxEvent, Platform
from conversions.models.players import Conversion, Credited, OnDevice, Player
from tracker_project.common.fields import AmountField, CurrencyField


class Milestone(Credited):
    """A step on a player's way that moves no money of ours: a signup, lead, sale, or the platform's own "qualified".

    `key` is the platform's transaction id, or whom it is about where there is none. The status follows the platform's
    reports. `revenue` is what the message said that it brings us: shown, never summed with deposits.
    """

    class Kind(models.TextChoices):
        SIGNUP = "signup", "Signup"
        LEAD = "lead", "Lead"
        SALE = "sale", "Sale"
        QUALIFIED = "qualified", "Qualified"

    class Status(models.TextChoices):
        PENDING = "pending", "Pending"
        CONFIRMED = "confirmed", "Confirmed"
        REJECTED = "rejected", "Rejected"

    class Occurrence(models.TextChoices):
        UNKNOWN = "", "Not told apart"
        NEW = "new", "New"
        REPEATED = "repeated", "Repeated"

    platform = models.ForeignKey(Platform, on_delete=models.PROTECT, related_name="milestones")
    player = models.ForeignKey(Player, on_delete=models.PROTECT, null=True, blank=True, related_name="milestones")
    kind = models.CharField(max_length=20, choices=Kind)
    key = models.CharField(max_length=250)
    status = models.CharField(max_length=20, choices=Status)
    revenue = AmountField(null=True, blank=True)
    currency = CurrencyField(null=True, blank=True)
    goal = models.CharField(max_length=100, blank=True, help_text="The platform's own name of it.")
    occurrence = models.CharField(max_length=10, blank=True, choices=Occurrence)
    occurred_at = models.DateTimeField(help_text="The earliest instant that the platform gave for it.")
    first_event_id = models.CharField(max_length=200)
    received_at = models.DateTimeField()
    is_test = models.BooleanField(default=False)

    class Meta:
        db_table = "milestones"
        constraints = [
            models.UniqueConstraint(fields=["platform", "kind", "key"], name="one_milestone_per_kind_and_key"),
            models.CheckConstraint(condition=~Q(key=""), name="milestone_has_a_key"),
            models.CheckConstraint(
                condition=Q(kind__in=["signup", "lead", "sale", "qualified"]), name="milestone_kind_is_known"
            ),
            models.CheckConstraint(
                condition=Q(status__in=["pending", "confirmed", "rejected"]), name="milestone_status_is_known"
            ),
            models.CheckConstraint(
                condition=Q(revenue__isnull=True, currency__isnull=True)
                | Q(revenue__isnull=False, currency__isnull=False),
                name="milestone_revenue_has_its_currency",
            ),
        ]
        indexes = [
            models.Index(fields=["occurred_at"], name="milestones_by_time"),
            models.Index(
                fields=["platform", "click_uuid"],
                condition=Q(click_uuid__isnull=False, player__isnull=True),
                name="milestones_by_click",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.key}"


class MilestoneReport(models.Model):
    """One report of a milestone's status by its platform; a rejection reports on each of its transaction's steps."""

    milestone = models.ForeignKey(Milestone, on_delete=models.PROTECT, related_name="reports")
    event = models.ForeignKey(InboxEvent, on_delete=models.PROTECT, related_name="milestone_reports")
    status = models.CharField(max_length=20, choices=Milestone.Status)
    revenue = AmountField(null=True, blank=True)
    occurred_at = models.DateTimeField()

    class Meta:
        db_table = "milestone_reports"
        constraints = [
            models.UniqueConstraint(fields=["milestone", "event"], name="one_report_per_milestone_and_event")
        ]

    def __str__(self) -> str:
        return f"{self.status} at {self.occurred_at:%Y-%m-%d %H:%M}"


class Movement(models.Model):
    """Money that went back to a player: a withdrawal, or a refund or chargeback of a deposit.

    Never changes, but that those of a player who registers as a test become tests.
    Refunds that together reach the deposit's amount, and any chargeback of it in full, reverse the deposit
    (`Conversion.status`); a smaller one stands here alone.
    """

    class Kind(models.TextChoices):
        WITHDRAWAL = "withdrawal", "Withdrawal"
        REFUND = "refund", "Refund"
        CHARGEBACK = "chargeback", "Chargeback"

    platform = models.ForeignKey(Platform, on_delete=models.PROTECT, related_name="movements")
    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="movements")
    kind = models.CharField(max_length=20, choices=Kind)
    transaction_id = models.CharField(max_length=200, help_text="Its own id; the deposit's where it has none.")
    deposit = models.ForeignKey(Conversion, on_delete=models.PROTECT, null=True, blank=True, related_name="movements")
    amount = AmountField()
    currency = CurrencyField()
    occurred_at = models.DateTimeField()
    is_test = models.BooleanField(default=False)
    event = models.OneToOneField(InboxEvent, on_delete=models.PROTECT, related_name="movement")

    class Meta:
        db_table = "money_movements"
        constraints = [
            models.UniqueConstraint(
                fields=["platform", "kind", "transaction_id"], name="one_movement_per_kind_and_transaction"
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="movement_amount_is_positive"),
            models.CheckConstraint(
                condition=Q(kind="withdrawal", deposit__isnull=True)
                | Q(kind__in=["refund", "chargeback"], deposit__isnull=False),
                name="movement_names_its_deposit",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.transaction_id}"


class PlayerStatus(models.Model):
    """One change of a player's standing at his platform. Never changes; the player's columns follow the latest."""

    class Status(models.TextChoices):
        VERIFIED = "verified", "Verified"
        BLOCKED = "blocked", "Blocked"
        UNBLOCKED = "unblocked", "Unblocked"
        DUPLICATE = "duplicate", "Duplicate of another account"
        NOT_DUPLICATE = "not_duplicate", "No duplicate after all"
        SELF_EXCLUDED = "self_excluded", "Excluded himself"
        RETURNED = "returned", "Came back from self-exclusion"

    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="statuses")
    status = models.CharField(max_length=20, choices=Status)
    occurred_at = models.DateTimeField()
    event = models.OneToOneField(InboxEvent, on_delete=models.PROTECT, related_name="player_status")

    class Meta:
        db_table = "player_statuses"
        verbose_name_plural = "player statuses"
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    status__in=[
                        "verified",
                        "blocked",
                        "unblocked",
                        "duplicate",
                        "not_duplicate",
                        "self_excluded",
                        "returned",
                    ]
                ),
                name="player_status_is_known",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_status_display()} at {self.occurred_at:%Y-%m-%d %H:%M}"


class Install(Credited, OnDevice):
    """What a measurement partner says about an app on one device: installed, again, or the install refused.

    `install_id` is a keyed token of the partner's own id of the device. An install and a refused install of one
    device are two facts. `click_to_install_seconds` is empty where no click is known. Never changes, but that a
    player may be linked later.
    """

    class Activity(models.TextChoices):
        INSTALL = "install", "Installed"
        REINSTALL = "reinstall", "Installed again"
        REATTRIBUTION = "reattribution", "Came back through an advertisement"
        REJECTED_INSTALL = "rejected_install", "Install refused as fraud"
        REJECTED_REATTRIBUTION = "rejected_reattribution", "Return refused as fraud"
        UNINSTALL = "uninstall", "Removed"

    platform = models.ForeignKey(Platform, on_delete=models.PROTECT, related_name="installs")
    player = models.ForeignKey(Player, on_delete=models.PROTECT, null=True, blank=True, related_name="installs")
    install_id = models.CharField(max_length=64)
    activity = models.CharField(max_length=30, choices=Activity)
    installed_at = models.DateTimeField()
    click_to_install_seconds = models.IntegerField(null=True, blank=True)
    is_organic = models.BooleanField(default=False)
    media_source = models.CharField(max_length=100, blank=True)
    app_id = models.CharField(max_length=100, blank=True)
    country = models.CharField(max_length=2, blank=True)
    rejection_reason = models.CharField(max_length=100, blank=True)
    is_test = models.BooleanField(default=False)
    event = models.OneToOneField(InboxEvent, on_delete=models.PROTECT, related_name="install")

    class Meta:
        db_table = "installs"
        constraints = [
            models.UniqueConstraint(
                fields=["platform", "install_id", "activity", "installed_at"],
                name="one_install_per_device_and_activity",
            ),
            models.CheckConstraint(condition=~Q(install_id=""), name="install_has_an_id"),
            models.CheckConstraint(
                condition=Q(
                    activity__in=[
                        "install",
                        "reinstall",
                        "reattribution",
                        "rejected_install",
                        "rejected_reattribution",
                        "uninstall",
                    ]
                ),
                name="install_activity_is_known",
            ),
            models.CheckConstraint(
                condition=Q(app_system__in=["", "ios", "android", "unknown"])
                & Q(att_status__in=["", "authorized", "denied", "restricted", "not_determined"]),
                name="install_says_known_words_of_its_app",
            ),
        ]
        indexes = [
            models.Index(fields=["installed_at"], name="installs_by_time"),
            models.Index(
                fields=["platform", "click_uuid"], condition=Q(click_uuid__isnull=False), name="installs_by_click"
            ),
            models.Index(
                fields=["click_uuid"],
                condition=Q(activity__in=["rejected_install", "rejected_reattribution"], click_uuid__isnull=False),
                name="refused_installs_by_click",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_activity_display()} at {self.installed_at:%Y-%m-%d %H:%M}"


class DailyActivity(models.Model):
    """What one player played on one day in one currency; rewritten from its reports with each of them.

    Figures may be negative: a player may win, and a platform may restate. Empty: the platform did not say.
    """

    class Mode(models.TextChoices):
        TOTAL = "total", "Each report is the day so far; the latest stands"
        DELTA = "delta", "Each report adds to the day"

    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="activity")
    on_date = models.DateField(help_text="The platform's business day.")
    currency = CurrencyField()
    mode = models.CharField(max_length=5, choices=Mode)
    bets = AmountField(null=True, blank=True)
    wins = AmountField(null=True, blank=True)
    bonuses = AmountField(null=True, blank=True)
    fees = AmountField(null=True, blank=True)
    ggr = AmountField(null=True, blank=True)
    ngr = AmountField(null=True, blank=True)
    bets_count = models.BigIntegerField(null=True, blank=True)
    is_test = models.BooleanField(default=False)
    restated = models.PositiveIntegerField(default=0, help_text="How often a later report gave other figures.")
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "daily_activity"
        verbose_name_plural = "daily activity"
        constraints = [
            models.UniqueConstraint(fields=["player", "on_date", "currency"], name="one_activity_per_player_and_day"),
            models.CheckConstraint(condition=Q(mode__in=["total", "delta"]), name="activity_mode_is_known"),
        ]
        indexes = [models.Index(fields=["on_date"], name="daily_activity_by_day")]

    def __str__(self) -> str:
        return f"{self.on_date}"


class ActivityReport(models.Model):
    """One report of a day's activity by its platform; `figures` as text by name. Never changes."""

    activity = models.ForeignKey(DailyActivity, on_delete=models.PROTECT, related_name="reports")
    event = models.OneToOneField(InboxEvent, on_delete=models.PROTECT, related_name="activity_report")
    figures: Any = models.JSONField()
    occurred_at = models.DateTimeField(help_text="Up to when the platform counted.")

    class Meta:
        db_table = "activity_reports"

    def __str__(self) -> str:
        return f"Report of {self.occurred_at:%Y-%m-%d %H:%M}"
