"""Caps beside what they limit, with their use so far, and what buyers are told of campaigns."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.widgets import UnfoldAdminSelect2Widget

from campaigns.domain.limits import CapStanding, standings_of
from campaigns.models import CampaignAlert, Cap
from tracker_project.common.pages import NOTHING, FactPage, Inline, instant, label, link_to
from tracker_project.common.time import time_zone_names

ALERT_COLOURS = {
    "Budget nearly used": "warning",
    "Budget reached": "danger",
    "Cap nearly used": "warning",
    "Cap reached": "danger",
    "Licence ends": "warning",
    "Permission ends": "warning",
}


def time_zone_field(help_text: str) -> forms.ChoiceField:
    """Return a choice of all time zones."""
    names = [(name, name) for name in sorted(time_zone_names())]
    return forms.ChoiceField(choices=names, initial="UTC", widget=UnfoldAdminSelect2Widget, help_text=help_text)


class CapFormSet(forms.BaseInlineFormSet[Any, Any, Any]):
    """The caps of one thing: at most one of each kind."""

    def clean(self) -> None:
        super().clean()
        kept = [form.cleaned_data for form in self.forms if form.has_changed() or form.instance.pk]
        kinds = Counter((row.get("event"), row.get("period")) for row in kept if row and not row.get("DELETE"))
        for (event, period), number in kinds.items():
            if number > 1 and event and period:
                kind = f"{Cap.Event(event).label.lower()} {Cap.Period(period).label}"
                raise forms.ValidationError(f"There are {number} caps of {kind}: leave one.")


class CapInline(Inline):
    """Caps with their use on the current day, or in all."""

    model = Cap
    formset = CapFormSet
    tab = True
    fields = ["event", "period", "limit", "used"]
    readonly_fields = ["used"]
    verbose_name_plural = "Caps"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Cap]:
        caps: QuerySet[Cap] = super().get_queryset(request)
        return caps.select_related("campaign", "flow__campaign").order_by("pk")

    @admin.display(description="Used so far")
    def used(self, cap: Cap) -> str:
        if cap._state.adding:
            return NOTHING
        use = self._uses(cap).get(cap.pk)
        return use_in_words(use) if use else NOTHING

    def _uses(self, cap: Cap) -> dict[int, CapStanding]:
        """Return the uses of all caps of the same thing, asked for once a page."""
        found: dict[int, CapStanding] | None = getattr(self, "_found", None)
        if found is None or cap.pk not in found:
            same = Cap.objects.filter(campaign=cap.campaign_id, offer=cap.offer_id, flow=cap.flow_id)
            caps = list(same.select_related("campaign", "flow__campaign"))
            found = {standing.cap.pk: standing for standing in standings_of(caps, at=datetime.now(UTC))}
            self._found = found
        return found


class OfferCapInline(CapInline):
    """An offer has no campaign to take its time zone from."""

    fields = ["event", "period", "limit", "time_zone", "used"]

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "time_zone":
            return time_zone_field("The cap's day begins at midnight there.")
        return super().formfield_for_dbfield(db_field, request, **kwargs)


def use_in_words(use: CapStanding) -> str:
    """Return “12 of 100”, and by how much it is over."""
    if use.overshoot:
        over = f"{use.overshoot:,} over"
        return format_html(
            '<strong class="tracker-error">{} of {}, {}</strong>', f"{use.uses:,}", f"{use.cap.limit:,}", over
        )
    return f"{use.uses:,} of {use.cap.limit:,}"


class SeenFilter(admin.SimpleListFilter):
    """Alerts that nobody has marked yet."""

    title = "seen"
    parameter_name = "seen"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("no", "Not seen yet"), ("yes", "Seen")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[CampaignAlert]) -> QuerySet[CampaignAlert]:
        if self.value() not in ("no", "yes"):
            return queryset
        return queryset.filter(seen_at__isnull=self.value() == "no")


@admin.register(CampaignAlert)
class CampaignAlertAdmin(FactPage):
    purpose = "What buyers should know of campaigns: budgets and caps reached, licences and permissions about to end."
    empty = "Nothing was reached and nothing is about to end."
    list_display = ["created_at", "kind_label", "campaign_link", "text", "seen"]
    list_filter = [SeenFilter, "kind", ("campaign", AutocompleteSelectFilter)]
    list_filter_submit = True
    list_select_related = ["campaign"]
    search_fields = ["text", "campaign__name"]
    ordering = ["-created_at"]
    sortable_by = ["created_at"]
    actions = ["mark_as_seen"]
    fields = ["kind_label", "campaign_link", "text", "day", "created_at", "seen"]
    readonly_fields = ["kind_label", "campaign_link", "seen"]

    def has_mark_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("campaigns.change_campaignalert")

    @admin.action(description="Mark as seen", permissions=["mark"])
    def mark_as_seen(self, request: HttpRequest, alerts: QuerySet[CampaignAlert]) -> None:
        marked = alerts.filter(seen_at__isnull=True).update(seen_at=datetime.now(UTC))
        self.message_user(request, f"{marked} marked as seen.")

    @label("What", ALERT_COLOURS)
    def kind_label(self, alert: CampaignAlert) -> str:
        return alert.get_kind_display()

    @admin.display(description="Campaign", ordering="campaign")
    def campaign_link(self, alert: CampaignAlert) -> str:
        return link_to(alert.campaign)

    @admin.display(description="Seen")
    def seen(self, alert: CampaignAlert) -> str:
        return instant(alert.seen_at)
