"""Admin of players, conversions and lifetime values: all of it facts."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter

from conversions.admin.credit_buttons import CreditButtons
from conversions.domain.credit_story import tell_credit
from conversions.domain.untold import why_untold
from conversions.models import Conversion, CustomerLtv, Platform, Player, Postback, StatusReport
from conversions.models.players import Credited
from tracker_project.common.pages import NOTHING, FactInline, FactPage, instant, label, link_to, money, plain_list

STATUS_COLOURS = {
    "Confirmed": "success",
    "Pending": "info",
    "Rejected": "danger",
    "Void": "danger",
    "Refunded": "danger",
    "Charged back": "danger",
}
REVIEW_COLOURS = {"Approved": "success", "Held": "warning", "Rejected": "danger", "Waiting for review": "info"}
_CREDIT = ["credit_outcome", "click_uuid", "clicked_at", "link", "campaign", "creative", "partner", "source", "offer"]


def players_called(text: str) -> QuerySet[Player]:
    """Return the players whose platform's id is `text`; the platforms are named so that the index serves."""
    return Player.objects.filter(platform__in=list(Platform.objects.values_list("pk", flat=True)), player_id=text)


def credit_sentence(row: Credited) -> str:
    """Return in plain words who is credited with a player and why."""
    outcome = str(row.get_credit_outcome_display())
    if row.clicked_at:
        outcome += f", clicked {instant(row.clicked_at)} UTC"
    credited = [("campaign", row.campaign), ("creative", row.creative), ("partner", row.partner)]
    names = [f"{kind} {who}" for kind, who in credited if who is not None]
    return f"{outcome}: {', '.join(names)}." if names else f"{outcome}."


def marks_of(conversion: Conversion) -> str:
    """Return what a conversion is marked as, in words."""
    marks = [
        ("FTD", conversion.is_first_deposit),
        ("valuable", conversion.is_valuable),
        ("reversed", conversion.reversed_at is not None),
        ("test", conversion.is_test),
    ]
    return ", ".join(name for name, is_set in marks if is_set) or NOTHING


class ConversionInline(FactInline):
    model = Conversion
    fields = ["seen", "status", "amount_money", "marks", "review_state", "occurred_at"]
    ordering = ["-id"]
    per_page = 20

    @admin.display(description="Conversion")
    def seen(self, conversion: Conversion) -> str:
        return link_to(conversion)

    @admin.display(description="Amount")
    def amount_money(self, conversion: Conversion) -> str:
        return money(conversion.amount, conversion.currency)

    @admin.display(description="Marks")
    def marks(self, conversion: Conversion) -> str:
        return marks_of(conversion)


@admin.register(Player)
class PlayerAdmin(CreditButtons):
    purpose = "People at a platform, known by its id alone. Who brought a player locks when he registers."
    empty = "No platform has reported a player yet."
    list_display = ["player_id", "platform", "country", "registered_at", "credit", "test"]
    list_filter = ["platform", ("campaign", AutocompleteSelectFilter), ("partner", AutocompleteSelectFilter), "is_test"]
    list_filter_submit = True
    list_select_related = ["platform", "campaign", "creative", "partner"]
    search_fields = ["player_id"]
    search_help_text = "The platform's player id, whole"
    ordering = ["-id"]
    inlines = [ConversionInline]
    fieldsets = [
        (None, {"fields": [("player_id", "platform"), ("country", "region"), ("registered_at", "test"), "worth"]}),
        ("Credit", {"fields": ["credit", "timeline"]}),
        ("What is credited", {"classes": ["collapse"], "fields": [*_CREDIT[1:], "credit_ends_at", "facts"]}),
        ("Consent", {"fields": [("consent_ad_user_data", "consent_ad_personalization"), ("app_system", "att_status")]}),
        ("Standing", {"fields": [("verified_at", "blocked_at"), ("duplicate_at", "self_excluded_at")]}),
    ]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Player], search_term: str
    ) -> tuple[QuerySet[Player], bool]:
        term = search_term.strip()
        return (queryset.filter(pk__in=players_called(term)) if term else queryset), False

    @admin.display(description="Test")
    def test(self, player: Player) -> str:
        return "test: never counted" if player.is_test else NOTHING

    @admin.display(description="Credit")
    def credit(self, player: Player) -> str:
        return credit_sentence(player)

    @admin.display(description="How he came, and why he is credited so")
    def timeline(self, player: Player) -> str:
        return render_to_string("tracker/credit_timeline.html", {"story": tell_credit(player)})

    @admin.display(description="What the click carried")
    def facts(self, player: Player) -> str:
        return plain_list(player.click_facts)

    @admin.display(description="Worth so far")
    def worth(self, player: Player) -> str:
        ltv = CustomerLtv.objects.filter(pk=player.pk).first()
        if ltv is None:
            return NOTHING
        deposits = f"{ltv.deposits} deposit{'' if ltv.deposits == 1 else 's'}"
        return link_to(ltv, f"{money(ltv.deposits_amount, ltv.currency)} in {deposits}")


class StatusReportInline(FactInline):
    model = StatusReport
    fields = ["status", "occurred_at", "received_at", "reported_by"]
    ordering = ["id"]
    verbose_name_plural = "What the platform said of it"

    @admin.display(description="Event")
    def reported_by(self, report: StatusReport) -> str:
        return link_to(report.event)

    def get_queryset(self, request: HttpRequest) -> QuerySet[StatusReport]:
        return super().get_queryset(request).select_related("event")


class PostbackInline(FactInline):
    model = Postback
    fields = ["told", "state", "tries", "created_at", "finished_at"]
    ordering = ["id"]
    verbose_name_plural = "Who is told"

    @admin.display(description="Postback")
    def told(self, postback: Postback) -> str:
        return link_to(postback)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Postback]:
        return super().get_queryset(request).select_related("destination")


@admin.register(Conversion)
class ConversionAdmin(FactPage):
    purpose = (
        "What players did, newest first: registrations and deposits with their status, review and credit. Test events "
        "are shown and never counted."
    )
    empty = "No registration or deposit was reported yet. Check the platform's secret and addresses."
    list_display = [
        "occurred_at",
        "kind",
        "player",
        "amount_money",
        "status_label",
        "review_label",
        "marks",
        "campaign",
        "partner",
        "number",
    ]
    list_filter = [
        ("occurred_at", RangeDateTimeFilter),
        "kind",
        "status",
        "review_state",
        "is_first_deposit",
        ("campaign", AutocompleteSelectFilter),
        "is_test",
    ]
    list_filter_submit = True
    list_select_related = ["player", "campaign", "partner"]
    search_fields = ["transaction_id"]
    search_help_text = "Transaction or player id, whole"
    ordering = ["-occurred_at"]
    inlines = [StatusReportInline, PostbackInline]
    change_form_before_template = "tracker/conversion_reviews.html"
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("kind", "status_label"),
                    ("player_link", "platform"),
                    ("transaction_id", "product"),
                    "number",
                ]
            },
        ),
        ("Money", {"fields": [("amount_money", "reporting_money"), ("marks", "reversed_at")]}),
        ("Review and booking", {"fields": [("review_label", "booking_state")]}),
        ("Credit", {"fields": ["credit", "why", "timeline"]}),
        ("What is credited", {"classes": ["collapse"], "fields": [*_CREDIT[1:]]}),
        ("Times", {"fields": [("occurred_at", "received_at"), "first_event_id"]}),
    ]

    def get_inlines(self, request: HttpRequest, obj: Conversion | None) -> list[Any]:
        return [StatusReportInline] if obj and not obj.postbacks.exists() else [StatusReportInline, PostbackInline]

    def get_fieldsets(self, request: HttpRequest, obj: Conversion | None = None) -> Any:
        if obj is None or obj.postbacks.exists() or not request.user.has_perm("conversions.view_postback"):
            return self.fieldsets
        return [*self.fieldsets, ("Who is told", {"fields": ["untold"]})]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Conversion], search_term: str
    ) -> tuple[QuerySet[Conversion], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        platforms = list(Platform.objects.values_list("pk", flat=True))
        players = list(players_called(term).values_list("pk", flat=True))
        found = Q(platform__in=platforms, transaction_id=term) | Q(player__in=players)
        return queryset.filter(found), False

    @admin.display(description="Number")
    def number(self, conversion: Conversion) -> str:
        return str(conversion.pk)

    @admin.display(description="Player")
    def player_link(self, conversion: Conversion) -> str:
        return link_to(conversion.player)

    @admin.display(description="Amount")
    def amount_money(self, conversion: Conversion) -> str:
        return money(conversion.amount, conversion.currency)

    @admin.display(description="In the reporting currency")
    def reporting_money(self, conversion: Conversion) -> str:
        if conversion.kind == Conversion.Kind.REGISTRATION:
            return NOTHING
        if conversion.reporting_amount is None or conversion.exchange_rate is None:
            return "not converted: no exchange rate was known"
        rate = f"{conversion.exchange_rate.normalize():f}"
        converted = money(conversion.reporting_amount, conversion.reporting_currency)
        return f"{converted} (× {rate}, {conversion.exchange_rate_source}, {conversion.exchange_rate_on})"

    @label("Status", STATUS_COLOURS)
    def status_label(self, conversion: Conversion) -> str:
        return conversion.get_status_display()

    @label("Review", REVIEW_COLOURS)
    def review_label(self, conversion: Conversion) -> str:
        return conversion.get_review_state_display()

    @admin.display(description="Marks")
    def marks(self, conversion: Conversion) -> str:
        return marks_of(conversion)

    @admin.display(description="Credit")
    def credit(self, conversion: Conversion) -> str:
        return credit_sentence(conversion)

    @admin.display(description="Why")
    def why(self, conversion: Conversion) -> str:
        decision = conversion.credit_decision
        if decision is None:
            return "Reasons were not kept yet when he registered."
        if decision.rule is None:
            return decision.reason
        return format_html("{} ({})", decision.reason, link_to(decision.rule, "the rule"))

    @admin.display(description="Nobody, because")
    def untold(self, conversion: Conversion) -> str:
        context = {
            "untold": why_untold(conversion, at=timezone.now()),
            "add_address": reverse("admin:conversions_destination_add"),
        }
        return render_to_string("tracker/untold.html", context)

    @admin.display(description="The player's way")
    def timeline(self, conversion: Conversion) -> str:
        return render_to_string("tracker/credit_timeline.html", {"story": tell_credit(conversion.player)})


@admin.register(CustomerLtv)
class CustomerLtvAdmin(FactPage):
    purpose = "What each player is worth so far: confirmed deposits in the reporting currency, reversed ones apart."
    empty = "No player has deposited yet."
    list_display = ["player", "deposits", "worth", "reversed_worth", "first_deposit_at", "last_deposit_at"]
    list_select_related = ["player"]
    search_fields = ["player__player_id"]
    search_help_text = "The platform's player id, whole"
    ordering = ["-player"]
    fields = [
        "player_link",
        ("deposits", "worth"),
        ("reversed_deposits", "reversed_worth"),
        "unconverted_deposits",
        ("first_deposit_at", "last_deposit_at"),
        "updated_at",
    ]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[CustomerLtv], search_term: str
    ) -> tuple[QuerySet[CustomerLtv], bool]:
        term = search_term.strip()
        return (queryset.filter(player__in=players_called(term)) if term else queryset), False

    @admin.display(description="Player")
    def player_link(self, ltv: CustomerLtv) -> str:
        return link_to(ltv.player)

    @admin.display(description="Worth")
    def worth(self, ltv: CustomerLtv) -> str:
        return money(ltv.deposits_amount, ltv.currency)

    @admin.display(description="Reversed")
    def reversed_worth(self, ltv: CustomerLtv) -> str:
        if not ltv.reversed_deposits:
            return NOTHING
        return f"{money(ltv.reversed_amount, ltv.currency)} in {ltv.reversed_deposits}"
