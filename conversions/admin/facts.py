"""Admin of what players did beside registrations and deposits: all of it facts."""

from decimal import Decimal

from django.contrib import admin
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter

from conversions.admin.players import STATUS_COLOURS, credit_sentence
from conversions.domain.installs import REFUSED
from conversions.models import DailyActivity, Install, Milestone, MilestoneReport, Movement
from tracker_project.common.pages import NOTHING, FactInline, FactPage, exact, label, link_to, money

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def duration(seconds: int | None) -> str:
    """Return how long something took, for people."""
    if seconds is None:
        return NOTHING
    for unit, name in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if abs(seconds) >= 2 * unit:
            return f"{seconds / unit:.1f} {name}"
    return f"{seconds} s"


class MilestoneReportInline(FactInline):
    model = MilestoneReport
    fields = ["status", "occurred_at", "reported_by"]
    ordering = ["id"]
    verbose_name_plural = "What was said of it"

    @admin.display(description="Event")
    def reported_by(self, report: MilestoneReport) -> str:
        return link_to(report.event)


@admin.register(Milestone)
class MilestoneAdmin(FactPage):
    purpose = (
        "Signups, leads, sales and the platforms' own “qualified”. The revenue is what the message said that it brings "
        "us: it is never summed with deposits."
    )
    empty = "None was reported yet: postbacks of networks and trackers land here."
    list_display = ["occurred_at", "kind", "status_label", "revenue_money", "player", "campaign", "partner", "goal"]
    list_filter = [
        ("occurred_at", RangeDateTimeFilter),
        "kind",
        "status",
        ("campaign", AutocompleteSelectFilter),
        "is_test",
    ]
    list_filter_submit = True
    list_select_related = ["player", "campaign", "partner"]
    ordering = ["-occurred_at"]
    inlines = [MilestoneReportInline]
    fields = [
        ("kind", "status_label"),
        ("platform", "player"),
        ("key", "goal"),
        "revenue_money",
        "credit",
        ("occurred_at", "received_at"),
        "is_test",
    ]

    @label("Status", STATUS_COLOURS)
    def status_label(self, milestone: Milestone) -> str:
        return milestone.get_status_display()

    @admin.display(description="Revenue")
    def revenue_money(self, milestone: Milestone) -> str:
        return exact(milestone.revenue, milestone.currency)

    @admin.display(description="Credit")
    def credit(self, milestone: Milestone) -> str:
        return credit_sentence(milestone)


@admin.register(Movement)
class MovementAdmin(FactPage):
    purpose = "Money that went back to players: withdrawals, and refunds and chargebacks of deposits."
    empty = "No money went back yet."
    list_display = ["occurred_at", "kind", "amount_money", "player", "deposit_link", "transaction_id"]
    list_filter = [("occurred_at", RangeDateTimeFilter), "kind", "platform"]
    list_filter_submit = True
    list_select_related = ["player", "deposit"]
    ordering = ["-id"]
    fields = [
        ("kind", "amount_money"),
        ("platform", "player"),
        ("transaction_id", "deposit_link"),
        ("occurred_at", "is_test"),
    ]

    @admin.display(description="Amount")
    def amount_money(self, movement: Movement) -> str:
        return money(movement.amount, movement.currency)

    @admin.display(description="Deposit")
    def deposit_link(self, movement: Movement) -> str:
        return link_to(movement.deposit)


@admin.register(Install)
class InstallAdmin(FactPage):
    purpose = (
        "Installs of apps as measurement partners report them, with the time from click to install. Refused installs "
        "are facts of their own and credit nobody."
    )
    empty = "No install was reported yet."
    list_display = ["installed_at", "activity", "media_source", "click_to_install", "campaign", "partner", "country"]
    list_filter = [("installed_at", RangeDateTimeFilter), "activity", ("campaign", AutocompleteSelectFilter)]
    list_filter_submit = True
    list_select_related = ["campaign", "partner"]
    ordering = ["-installed_at"]
    fields = [
        ("activity", "rejection_reason"),
        ("platform", "player"),
        ("media_source", "app_id"),
        ("app_system", "att_status"),
        ("installed_at", "click_to_install"),
        ("is_organic", "country"),
        "credit",
        "is_test",
    ]

    @admin.display(description="Click to install")
    def click_to_install(self, install: Install) -> str:
        return duration(install.click_to_install_seconds)

    @admin.display(description="Credit")
    def credit(self, install: Install) -> str:
        if install.activity in REFUSED:
            return "Nobody: a refused install credits nobody."
        return credit_sentence(install)


@admin.register(DailyActivity)
class DailyActivityAdmin(FactPage):
    purpose = "What players played by day, as their platforms report and restate it. Negative: the player won."
    empty = "No platform reports daily activity yet."
    list_display = ["on_date", "player", "currency", "bets_", "wins_", "ggr_", "ngr_", "restated", "updated_at"]
    list_filter = ["on_date", "currency", "mode"]
    list_select_related = ["player"]
    ordering = ["-on_date", "-id"]
    fields = [
        ("on_date", "player"),
        ("currency", "mode"),
        ("bets_", "wins_", "bets_count"),
        ("bonuses_", "fees_"),
        ("ggr_", "ngr_"),
        ("restated", "updated_at"),
        "is_test",
    ]

    def _money(self, day: DailyActivity, amount: Decimal | None) -> str:
        return money(amount, day.currency)

    @admin.display(description="Bets")
    def bets_(self, day: DailyActivity) -> str:
        return self._money(day, day.bets)

    @admin.display(description="Wins")
    def wins_(self, day: DailyActivity) -> str:
        return self._money(day, day.wins)

    @admin.display(description="Bonuses")
    def bonuses_(self, day: DailyActivity) -> str:
        return self._money(day, day.bonuses)

    @admin.display(description="Fees")
    def fees_(self, day: DailyActivity) -> str:
        return self._money(day, day.fees)

    @admin.display(description="GGR")
    def ggr_(self, day: DailyActivity) -> str:
        return self._money(day, day.ggr)

    @admin.display(description="NGR")
    def ngr_(self, day: DailyActivity) -> str:
        return self._money(day, day.ngr)
