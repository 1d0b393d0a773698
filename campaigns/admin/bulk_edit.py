"""The page that changes many campaigns at once: what is left empty stays as it is."""

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminSelect2Widget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldBooleanSwitchWidget,
)

from campaigns.domain.bulk_editing import CampaignChanges, CampaignsRefused, edit_campaigns
from campaigns.models import Campaign, Offer, TrafficSource
from tracker_project.common.pages import Page
from tracker_project.common.time import time_zone_names

_AS_IT_IS = "leave as it is"
_COLUMNS = ("status", "source", "offer", "daily_budget", "pacing", "time_zone")


def _choice(choices: list[tuple[str, str]], widget: type[forms.Select] = UnfoldAdminSelectWidget) -> forms.ChoiceField:
    return forms.ChoiceField(choices=[("", _AS_IT_IS), *choices], required=False, widget=widget)


class BulkEditForm(forms.Form):
    """New values; an empty field leaves each campaign's own."""

    status = _choice(Campaign.Status.choices)
    source: Any = forms.ModelChoiceField(
        TrafficSource.objects.order_by("name"), required=False, empty_label=_AS_IT_IS, widget=UnfoldAdminSelect2Widget
    )
    offer: Any = forms.ModelChoiceField(
        Offer.objects.filter(is_archived=False).order_by("name"),
        required=False,
        empty_label=_AS_IT_IS,
        widget=UnfoldAdminSelect2Widget,
    )
    daily_budget = forms.DecimalField(
        required=False,
        min_value=0,
        max_digits=20,
        decimal_places=8,
        widget=UnfoldAdminDecimalFieldWidget,
        help_text="In each campaign's own currency.",
    )
    no_daily_budget = forms.BooleanField(
        label="take the daily budget away", required=False, widget=UnfoldBooleanSwitchWidget
    )
    pacing = _choice(Campaign.Pacing.choices)
    stops_at_budget = forms.ChoiceField(
        label="stop at the daily budget",
        choices=[("", _AS_IT_IS), ("yes", "Yes"), ("no", "No")],
        required=False,
        widget=UnfoldAdminSelectWidget,
    )
    time_zone = _choice([(name, name) for name in sorted(time_zone_names())], UnfoldAdminSelect2Widget)
    added_notes = forms.CharField(
        label="add to the notes",
        required=False,
        max_length=2000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text="Becomes the last line of each campaign's notes.",
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("daily_budget") is not None and cleaned.get("no_daily_budget"):
            self.add_error("daily_budget", "Write a daily budget or take it away, not both.")
        elif not self.errors and self.changes.are_none:
            raise forms.ValidationError("Nothing to change: fill in what all chosen campaigns are to have.")
        return cleaned

    @property
    def changes(self) -> CampaignChanges:
        cleaned = self.cleaned_data
        columns = {name: cleaned[name] for name in _COLUMNS if cleaned.get(name) not in (None, "")}
        if cleaned.get("no_daily_budget"):
            columns |= {"daily_budget": None, "pacing": Campaign.Pacing.NONE, "stops_at_budget": False}
        if cleaned.get("stops_at_budget"):
            columns["stops_at_budget"] = cleaned["stops_at_budget"] == "yes"
        return CampaignChanges(columns=columns, added_notes=cleaned.get("added_notes", "").strip())


def edit_in_bulk(page: Page, request: HttpRequest, campaigns: QuerySet[Campaign]) -> TemplateResponse | None:
    """Ask what to change, and change it in all campaigns or in none; None once that is done."""
    rows = list(campaigns.select_related("source").order_by("name"))
    is_applied = "apply" in request.POST
    form = BulkEditForm(request.POST if is_applied else None)
    refused: dict[str, list[str]] = {}
    if is_applied and form.is_valid():
        try:
            number = edit_campaigns((row.pk for row in rows), form.changes, at=datetime.now(UTC))
        except CampaignsRefused as refusal:
            refused = refusal.errors
        else:
            for row in rows:
                page.log_change(request, row, "Changed together with others.")
            page.message_user(request, f"{number} campaigns changed; links follow within seconds.")
            return None
    context = {
        **page.admin_site.each_context(request),
        "title": f"Edit {len(rows)} campaigns" if len(rows) != 1 else f"Edit {rows[0]}",
        "form": form,
        "refused": refused,
        "rows": rows,
        "selected": ACTION_CHECKBOX_NAME,
        "back": request.get_full_path(),
    }
    return TemplateResponse(request, "tracker/bulk_edit.html", context)
