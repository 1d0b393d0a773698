"""Clicks, looked up by id or read day by day; a list reads the partitions of its day alone."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.widgets import UnfoldAdminTextInputWidget

from attribution.admin.days import DayFilter
from attribution.click_ids import ForgedClickId, MalformedClickId, read_click_id
from attribution.domain.clearing import MOST, clear_clicks, clear_test_clicks, count_clearable_clicks
from attribution.domain.databases import names_db_ip
from attribution.models import Click
from campaigns.models import Campaign
from tracker_project.common.pages import (
    NOTHING,
    FactPage,
    ask_first,
    copyable,
    exact,
    instant,
    label,
    list_address,
    plain_list,
)

KIND_COLOURS = {
    "Click": "success",
    "Bot": "danger",
    "Preview or prefetch": "info",
    "Too many from one visitor": "warning",
    "Staff": "info",
    "Cleared as a test": "warning",
}
OUTCOME_COLOURS = {
    "Sent to an offer": "success",
    "Sent to a landing page": "success",
    "Went straight to the page": "success",
    "Campaign or flow takes a break": "warning",
    "A flow sends nobody on": "warning",
    "Outside all licences": "warning",
    "Place unknown": "warning",
    "Cap or budget reached": "warning",
    "Nowhere to go": "danger",
}
_SUB_IDS = [f"sub_id_{number}" for number in range(1, 11)]
_CONSEQUENCE = (
    "{number} will be marked as {tests}: no report counts {them} any more. Players who registered on {them} keep "
    "their credit, and caps and budgets keep what they counted. This cannot be undone."
)


class ClearForm(forms.Form):
    """Until when clicks were tests; `counted` is how many the reader was told of."""

    until = forms.DateTimeField(
        label="Clicks before (UTC)", widget=UnfoldAdminTextInputWidget, help_text="Such as 2026-11-22 14:30."
    )
    counted = forms.IntegerField(widget=forms.HiddenInput, required=False)


class SelectedForm(forms.Form):
    """The clicks that were ticked, carried through the question."""

    def __init__(self, ids: list[UUID]) -> None:
        super().__init__()
        fixed: dict[str, Any] = {"action": "clear_selected", "confirmed": "1"}
        for name, value in fixed.items():
            self.fields[name] = forms.CharField(widget=forms.HiddenInput, initial=value)
        self.fields[ACTION_CHECKBOX_NAME] = forms.MultipleChoiceField(
            widget=forms.MultipleHiddenInput, initial=[str(each) for each in ids]
        )


@admin.register(Click)
class ClickAdmin(FactPage):
    purpose = (
        "Every visit of a tracking link, by UTC day, newest first. To find one, paste the click id that the casino "
        "was given."
    )
    empty = "No click on this day. Copy a tracking link, open it, and look here again, or choose another day."
    list_display = [
        "clicked",
        "result_label",
        "campaign",
        "flow",
        "creative",
        "partner",
        "place",
        "device",
        "cost_money",
        "sub_id_1",
    ]
    list_before_template = "attribution/before_clicks.html"
    list_filter = [DayFilter, ("campaign", AutocompleteSelectFilter), "kind", "outcome"]
    list_filter_submit = True
    list_select_related = ["link", "campaign", "flow", "creative", "partner"]
    search_fields = ["id"]
    search_help_text = "Click id (48 characters) or UUID"
    ordering = ["-id"]
    actions = ["clear_selected"]
    fieldsets = [
        (None, {"fields": ["full_click_id", "id", "clicked", "kind_label", "outcome_label", "uniqueness"]}),
        ("Credited to", {"fields": ["link", "campaign", "creative", "partner", "source"]}),
        ("Sent by", {"fields": ["flow", "landing_page", "offer", "licence", "routing_version"]}),
        ("Visitor", {"fields": ["place", "device", "system", "browser", "language", "hint_list", "consent"]}),
        ("Network", {"fields": ["network", "provider", "as_number", "connection_type", "referrer_host"]}),
        (
            "From the source",
            {"fields": ["external_id", "keyword", "placement", "cost_money", "converted_from", "platform_ids"]},
        ),
        ("Sub ids", {"fields": [*_SUB_IDS]}),
    ]

    def get_urls(self) -> list[URLPattern]:
        clear = path("clear/<int:campaign_id>/", self.admin_site.admin_view(self.clear), name="attribution_click_clear")
        return [clear, *super().get_urls()]

    def has_clear_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("attribution.change_click")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        campaign = request.GET.get("campaign__id__exact", "")
        offers_clearing = campaign.isdecimal() and self.has_clear_permission(request)
        context = {
            "clear_address": reverse("admin:attribution_click_clear", args=[campaign]) if offers_clearing else "",
            "names_db_ip": names_db_ip(),
        }
        return super().changelist_view(request, context | (extra_context or {}))

    def clear(self, request: HttpRequest, campaign_id: int) -> HttpResponse:
        """Ask until when a campaign's clicks were tests, say how many that are, and clear them."""
        if not self.has_clear_permission(request):
            raise PermissionDenied
        campaign = get_object_or_404(Campaign, pk=campaign_id)
        form = ClearForm(request.POST or None, initial={"until": _next_minute()})
        until = form.cleaned_data["until"] if form.is_bound and form.is_valid() else form["until"].initial
        count = count_clearable_clicks(campaign, until=until)
        if request.method == "POST" and form.is_valid() and 0 < count <= MOST and form.cleaned_data["counted"] == count:
            cleared = clear_test_clicks(campaign, until=until, actor=cast(User, request.user))
            self.log_change(request, campaign, f"Cleared {cleared:,} clicks before {instant(until)} UTC as tests.")
            self.message_user(request, f"{_clicks(cleared)} of {campaign} cleared as tests.")
            return redirect(f"{list_address(Click)}?campaign__id__exact={campaign.pk}")
        asked = ClearForm(initial={"until": until, "counted": count})
        if form.is_bound and not form.is_valid():
            asked = form
        return ask_first(
            self,
            request,
            campaign,
            title=f"Clear test clicks of {campaign}",
            consequence=_consequence(count, f"{_clicks(count)} of this campaign before {instant(until)} UTC"),
            button="Clear as tests" if 0 < count <= MOST else "Count again",
            form=asked,
        )

    @admin.action(description="Clear as tests…", permissions=["clear"])
    def clear_selected(self, request: HttpRequest, queryset: QuerySet[Click]) -> HttpResponse | None:
        ids = list(queryset.values_list("id", flat=True))
        if request.POST.get("confirmed"):
            cleared = clear_clicks(ids, actor=cast(User, request.user))
            self.message_user(request, f"{_clicks(cleared)} cleared as tests.")
            return None
        context = {
            **self.admin_site.each_context(request),
            "title": "Clear test clicks",
            "subject": _clicks(len(ids)),
            "consequence": _consequence(len(ids), f"{_clicks(len(ids))}, except for bots and previews,"),
            "button": "Clear as tests",
            "form": SelectedForm(ids),
            "back": request.get_full_path(),
        }
        return TemplateResponse(request, "tracker/ask_first.html", context)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Click], search_term: str
    ) -> tuple[QuerySet[Click], bool]:
        if not search_term:
            return queryset, False
        uuid = self._uuid(request, search_term.strip())
        return (queryset.filter(id=uuid) if uuid else queryset.none()), False

    def _uuid(self, request: HttpRequest, text: str) -> UUID | None:
        """Return the key that the text names; where it names none, say why in plain words."""
        try:
            return UUID(text)
        except ValueError:
            pass
        try:
            click_id = read_click_id(text, settings.CLICK_ID_KEYS)
        except MalformedClickId:
            messages.error(request, "That is no click id: one has 48 characters, digits and the letters a to f.")
        except ForgedClickId:
            messages.error(
                request,
                "This click id is forged: it has the right form, but none of our keys signed it. Nobody gets credit "
                "for it.",
            )
        else:
            messages.info(
                request,
                f"This click id is genuine: link number {click_id.link_id}, clicked {instant(click_id.clicked_at)} "
                "UTC. If no row shows below, it is still on its way from an edge, or older than the clicks we keep.",
            )
            return click_id.uuid
        return None

    @admin.display(description="Clicked (UTC)")
    def clicked(self, click: Click) -> str:
        return instant(click.clicked_at)

    @label("Result", OUTCOME_COLOURS | KIND_COLOURS)
    def result_label(self, click: Click) -> str:
        """Return what became of a click that counts, and of any other what it was."""
        counts = click.kind == Click.Kind.CLICK
        return click.get_outcome_display() if counts else click.get_kind_display()

    @label("Kind", KIND_COLOURS)
    def kind_label(self, click: Click) -> str:
        return click.get_kind_display()

    @label("Outcome", OUTCOME_COLOURS)
    def outcome_label(self, click: Click) -> str:
        return click.get_outcome_display()

    @admin.display(description="Place")
    def place(self, click: Click) -> str:
        country = f"{click.country}-{click.region}" if click.country and click.region else click.country
        return ", ".join(part for part in (click.city, country) if part) or NOTHING

    @admin.display(description="Visitor came")
    def uniqueness(self, click: Click) -> str:
        return {True: "for the first time in the campaign's window", False: "again", None: NOTHING}[click.is_unique]

    @admin.display(description="System")
    def system(self, click: Click) -> str:
        return " ".join(part for part in (click.os, click.os_version) if part) or NOTHING

    @admin.display(description="Provider")
    def provider(self, click: Click) -> str:
        return click.isp or NOTHING

    @admin.display(description="AS number")
    def as_number(self, click: Click) -> str:
        return NOTHING if click.asn is None else f"AS{click.asn}"

    @admin.display(description="Client hints")
    def hint_list(self, click: Click) -> str:
        return plain_list(click.hints)

    @admin.display(description="Consent to ads in the click's address")
    def consent(self, click: Click) -> str:
        return {True: "given", False: "refused", None: "not said"}[click.has_ad_consent]

    @admin.display(description="Converted from")
    def converted_from(self, click: Click) -> str:
        if click.original_cost is None or click.exchange_rate is None:
            return NOTHING
        original = exact(click.original_cost, click.original_currency)
        rate = f"{click.exchange_rate.normalize():f}"
        return f"{original} at {rate} ({click.exchange_rate_source}, {click.exchange_rate_on})"

    @admin.display(description="Cost")
    def cost_money(self, click: Click) -> str:
        return exact(click.cost, click.currency)

    @admin.display(description="Click id")
    def full_click_id(self, click: Click) -> str:
        return copyable(click.click_id)

    @admin.display(description="Platforms' click ids")
    def platform_ids(self, click: Click) -> str:
        return plain_list(click.platform_click_ids)


def _next_minute() -> datetime:
    return datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)


def _clicks(number: int) -> str:
    if number > MOST:
        return f"More than {MOST:,} clicks"
    return f"{number:,} click{'' if number == 1 else 's'}"


def _consequence(number: int, named: str) -> str:
    if number > MOST:
        return f"{named}: so many were no tests. Choose an earlier instant."
    if not number:
        return f"There is nothing to clear: {named}. Choose a later instant."
    one = number == 1
    return _CONSEQUENCE.format(number=named, tests="a test" if one else "tests", them="it" if one else "them")
