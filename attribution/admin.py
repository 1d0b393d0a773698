"""Clicks, looked up by id or read day by day; a list reads the partitions of its day alone."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.views.main import SEARCH_VAR
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import AutocompleteSelectFilter, TextFilter
from unfold.widgets import UnfoldAdminTextInputWidget

from attribution.click_ids import ForgedClickId, MalformedClickId, read_click_id
from attribution.models import Click, ClickQuerySet, SetAsideClick
from tracker_project.common.pages import FactPage, copyable, exact, instant, label, plain_list
from tracker_project.common.time import day_bounds

KIND_COLOURS = {"Click": "success", "Bot": "danger", "Preview or prefetch": "info", "Campaign not active": "warning"}
_SUB_IDS = [f"sub_id_{number}" for number in range(1, 11)]


class DayForm(forms.Form):
    """One day, picked in the browser's own calendar."""

    def __init__(self, name: str, label: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        widget = UnfoldAdminTextInputWidget(attrs={"type": "date"})
        self.fields[name] = forms.CharField(label=label, required=False, widget=widget)


class DayFilter(TextFilter):  # type: ignore[misc]
    """The UTC day of the list: today unless another is asked for. Looking up an id needs no day."""

    title = "day (UTC)"
    parameter_name = "day"
    form_class = DayForm

    def __init__(self, request: HttpRequest, *args: Any) -> None:
        self.looks_up = bool(request.GET.get(SEARCH_VAR))
        super().__init__(request, *args)

    def value(self) -> str:
        return str(super().value() or ("" if self.looks_up else datetime.now(UTC).date()))

    def queryset(self, request: HttpRequest, queryset: ClickQuerySet) -> ClickQuerySet:
        if not self.value():
            return queryset
        try:
            day = date.fromisoformat(self.value())
        except ValueError:
            messages.error(request, f"“{self.value()}” is no day; write it as in 2026-11-22.")
            return queryset.none()
        return queryset.clicked_between(*day_bounds(day, "UTC"))


@admin.register(Click)
class ClickAdmin(FactPage):
    purpose = (
        "Every visit of a tracking link, by UTC day, newest first. To find one, paste the click id that the casino "
        "was given."
    )
    empty = "No click on this day. Copy a tracking link, open it, and look here again, or choose another day."
    list_display = [
        "clicked",
        "kind_label",
        "campaign",
        "creative",
        "partner",
        "country",
        "device",
        "cost_money",
        "sub_id_1",
        "external_id",
    ]
    list_filter = [DayFilter, ("campaign", AutocompleteSelectFilter), "kind"]
    list_filter_submit = True
    list_select_related = ["link", "campaign", "creative", "partner"]
    search_fields = ["id"]
    search_help_text = "Click id (48 characters) or UUID"
    ordering = ["-id"]
    fieldsets = [
        (None, {"fields": ["full_click_id", "id", "clicked", "kind_label"]}),
        ("Credited to", {"fields": ["link", "campaign", "creative", "partner", "source", "offer", "routing_version"]}),
        ("Visitor", {"fields": ["country", "region", "city", "device", "os", "browser", "network", "referrer_host"]}),
        ("From the source", {"fields": ["external_id", "keyword", "placement", "cost_money", "platform_ids"]}),
        ("Sub ids", {"fields": [*_SUB_IDS]}),
    ]

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

    @label("Kind", KIND_COLOURS)
    def kind_label(self, click: Click) -> str:
        return click.get_kind_display()

    @admin.display(description="Cost")
    def cost_money(self, click: Click) -> str:
        return exact(click.cost, click.currency)

    @admin.display(description="Click id")
    def full_click_id(self, click: Click) -> str:
        return copyable(click.click_id)

    @admin.display(description="Platforms' click ids")
    def platform_ids(self, click: Click) -> str:
        return plain_list(click.platform_click_ids)


@admin.register(SetAsideClick)
class SetAsideClickAdmin(FactPage):
    purpose = "Stored lines that are no click of any day we keep, such as one whose clock was far off."
    empty = "Good: every line that the edges stored became a click."
    list_display = ["created_at", "reason", "line"]
    ordering = ["-id"]
