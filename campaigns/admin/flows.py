"""Admin of flows with their filters, offers, landing pages and caps; of landing pages and scenarios."""

import json
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.postgres.forms import SimpleArrayField
from django.core.exceptions import ValidationError
from django.db.models import Case, QuerySet, When
from django.http import HttpRequest, HttpResponse
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from campaigns.admin.archive import Archivable, ArchiveFilter, with_note
from campaigns.admin.caps import CapInline, time_zone_field
from campaigns.admin.copying import Copyable, copy_row
from campaigns.admin.refusing import RefusingPage
from campaigns.domain.cloning import clone_flow
from campaigns.domain.filters import describe_values, parse_filter
from campaigns.domain.flow_words import where_it_leads, who_it_takes
from campaigns.domain.macros import MACROS
from campaigns.domain.soundness import campaigns_that_use
from campaigns.domain.tracking_domains import refuse_click_address
from campaigns.models import Flow, FlowFilter, FlowLandingPage, FlowOffer, LandingPage, Scenario
from tracker_project.common.pages import Inline, Page, button, label

KIND_COLOURS = {"Forced": "info", "Regular": "success", "Default": "warning"}
# Forced flows first, the default flow last.
_TRIED_AT = Case(When(kind="forced", then=0), When(kind="regular", then=1), default=2)
_SHORT_KINDS = {"forced": "Forced", "regular": "Regular", "default": "Default"}


class FilterForm(forms.ModelForm[FlowFilter]):
    """One question; its values are read by the grammar that edges read them by."""

    values = SimpleArrayField(
        forms.CharField(max_length=200),
        label="values (comma-separated)",
        widget=UnfoldAdminTextInputWidget(
            attrs={
                "data-tracker-hints": json.dumps({name: describe_values(name) for name in FlowFilter.Field.values}),
            }
        ),
    )

    class Meta:
        model = FlowFilter
        fields = ["field", "operator", "values"]

    def clean_values(self) -> list[str]:
        return [value.strip() for value in self.cleaned_data["values"] if value.strip()]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        name, values = cleaned.get("field"), cleaned.get("values")
        if name and values is not None:
            try:
                parse_filter(name, values)
                _refuse_unknown_scenarios(name, values)
            except ValidationError as error:
                self.add_error("values", error)
        return cleaned


def _refuse_unknown_scenarios(name: str, values: list[str]) -> None:
    if name != FlowFilter.Field.SCENARIO:
        return
    known = set(Scenario.objects.filter(slug__in=values).values_list("slug", flat=True))
    unknown = [slug for slug in values if slug not in known]
    if unknown:
        raise ValidationError(f"No scenario has the slug {', '.join(unknown)}.")


class FilterInline(Inline):
    model = FlowFilter
    form = FilterForm
    verbose_name = "filter"
    verbose_name_plural = "Whom it takes: filters (none: everybody)"

    class Media:
        js = ["tracker/filters.js"]


class FlowOfferFormSet(forms.BaseInlineFormSet[Any, Any, Any]):
    """The offers of a flow; a new one whose number is taken gets the next free one."""

    def clean(self) -> None:
        super().clean()
        kept = [form for form in self.forms if form.cleaned_data.get("offer") and not form.cleaned_data.get("DELETE")]
        taken = {form.cleaned_data.get("position") for form in kept if form.instance.pk}
        for form in kept:
            if form.instance.pk:
                continue
            position = form.cleaned_data.get("position") or 1
            while position in taken:
                position += 1
            taken.add(position)
            form.instance.position = position


class FlowOfferInline(Inline):
    model = FlowOffer
    formset = FlowOfferFormSet
    fields = ["offer", "weight", "position"]
    autocomplete_fields = ["offer"]
    verbose_name = "offer"
    verbose_name_plural = "Offers (none: the campaign's own)"
    ordering = ["position", "id"]


class FlowLandingPageInline(Inline):
    model = FlowLandingPage
    fields = ["landing_page", "weight"]
    autocomplete_fields = ["landing_page"]
    verbose_name = "landing page"
    verbose_name_plural = "Landing pages before the offers"
    ordering = ["id"]


class FlowForm(forms.ModelForm[Flow]):
    # A field called “matches” would hide the form's own method of that name, which the theme's scripts call.
    joined_by = forms.ChoiceField(
        label="Takes who matches",
        choices=Flow.Match.choices,
        required=False,
        widget=UnfoldAdminSelectWidget,
    )

    class Meta:
        model = Flow
        fields = ["campaign", "name", "kind", "position", "weight", "action", "is_active", "notes"]
        help_texts = {
            "position": "1 is tried first, among flows of its kind.",
            "weight": "Its share where regular flows are drawn by weight; with 0 it keeps the visitors that it has and "
            "takes no new ones.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "joined_by" in self.fields:
            self.fields["joined_by"].initial = self.instance.matches

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        self.instance.matches = cleaned.get("joined_by") or self.instance.matches
        campaign = cleaned.get("campaign") or (self.instance.campaign if self.instance.campaign_id else None)
        if campaign is None:
            return cleaned
        others = Flow.objects.filter(campaign=campaign).exclude(pk=self.instance.pk)
        if cleaned.get("name") and others.filter(name=cleaned["name"]).exists():
            self.add_error("name", f"The campaign has a flow called “{cleaned['name']}” already.")
        if cleaned.get("kind") == Flow.Kind.DEFAULT and cleaned.get("is_active"):
            default = others.filter(kind=Flow.Kind.DEFAULT, is_active=True).order_by("id").first()
            if default:
                self.add_error(
                    "kind" if "kind" in self.fields else None,
                    f"“{default.name}” is the campaign's active default flow: there can be one. Switch it off first.",
                )
        return cleaned


class FlowListForm(FlowForm):
    """What is edited in the list: a row's campaign, name and kind stay."""

    joined_by = None  # type: ignore[assignment]

    class Meta:
        model = Flow
        fields = ["position", "weight", "is_active"]

    def clean(self) -> dict[str, Any]:
        self.cleaned_data.setdefault("kind", self.instance.kind)
        return super().clean()


@admin.register(Flow)
class FlowAdmin(Copyable, RefusingPage):
    purpose = (
        "The ways through a campaign. Forced flows are tried first, by position; then regular ones, by position or by "
        "weight as the campaign has it; the default flow takes whom no other took; whoever is left goes to the "
        "campaign's own offer."
    )
    empty = "A campaign with an offer of its own needs none. Add one where visitors part: by country, device, hour."
    form = FlowForm
    list_display = ["named", "campaign", "kind_label", "takes", "leads_to", "position", "weight", "is_active"]
    list_editable = ["position", "weight", "is_active"]
    list_filter = [("campaign", AutocompleteSelectFilter), "kind", "is_active", "action"]
    list_filter_submit = True
    list_select_related = ["campaign__offer"]
    search_fields = ["name", "campaign__name", "notes"]
    autocomplete_fields = ["campaign"]
    ordering = ["campaign__name", _TRIED_AT, "position", "id"]
    inlines = [FilterInline, FlowOfferInline, FlowLandingPageInline, CapInline]
    actions_detail = ["copy"]
    change_form_before_template = "tracker/flow_order.html"
    fieldsets = [
        (None, {"fields": [("campaign", "name"), ("kind", "is_active"), ("joined_by", "action")]}),
        ("Order", {"fields": [("position", "weight")]}),
        ("Notes", {"classes": ["collapse"], "fields": ["notes"]}),
    ]

    def campaigns_at_risk(self, row: Flow) -> set[int]:
        return {row.campaign_id}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Flow]:
        flows: QuerySet[Flow] = super().get_queryset(request)
        return flows.prefetch_related("filters", "flow_offers__offer", "flow_landing_pages__landing_page")

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> Any:
        return super().get_changelist_form(request, **{"form": FlowListForm, **kwargs})

    def get_readonly_fields(self, request: HttpRequest, obj: Flow | None = None) -> list[str]:
        return ["campaign"] if obj else []

    @button("Copy…", path="copy", icon="content_copy", permission="copy")
    def copy(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return copy_row(
            self,
            request,
            object_id,
            consequence="Filters, offers, landing pages and caps are copied. The copy is off until you switch it on.",
            clone=clone_flow,
            taken=lambda flow, name: Flow.objects.filter(campaign=flow.campaign_id, name=name).exists(),
        )

    @admin.display(description="Name", ordering="name")
    def named(self, flow: Flow) -> str:
        return with_note(flow.name, flow.notes)

    @label("Kind", KIND_COLOURS)
    def kind_label(self, flow: Flow) -> str:
        return _SHORT_KINDS[flow.kind]

    @admin.display(description="Takes who matches")
    def joined_by(self, flow: Flow) -> str:
        """Shown to those who may not change it."""
        return flow.get_matches_display()

    @admin.display(description="Takes")
    def takes(self, flow: Flow) -> str:
        return who_it_takes(flow, list(flow.filters.all()))

    @admin.display(description="Leads to")
    def leads_to(self, flow: Flow) -> str:
        return where_it_leads(flow)


class LandingPageForm(forms.ModelForm[LandingPage]):
    class Meta:
        model = LandingPage
        fields = ["name", "url", "notes", "is_archived"]

    def clean_url(self) -> str:
        url = str(self.cleaned_data["url"])
        refuse_click_address(url)
        return url


@admin.register(LandingPage)
class LandingPageAdmin(Archivable, RefusingPage):
    purpose = "Pages between the click and the offer, such as a review or a quiz. Their links lead to /go/<click id>."
    empty = "Add a page with {click_id} in its address: its links need the click id to lead on to the offer."
    form = LandingPageForm
    list_display = ["named", "url", "created_at"]
    list_filter = [ArchiveFilter]
    search_fields = ["name", "url", "notes"]
    ordering = ["name"]
    actions = ["archive", "unarchive"]
    fieldsets = [(None, {"fields": ["name", "url", "macros", "notes", "is_archived"]})]
    readonly_fields = ["macros"]

    def campaigns_at_risk(self, row: LandingPage) -> set[int]:
        return campaigns_that_use(row)

    @admin.display(description="Name", ordering="name")
    def named(self, page: LandingPage) -> str:
        return with_note(page.name, page.notes)

    @admin.display(description="Macros that the address may use")
    def macros(self, page: LandingPage) -> str:
        return " ".join("{" + name + "}" for name in MACROS)


class ScenarioForm(forms.ModelForm[Scenario]):
    time_zone = time_zone_field("The scenario's days begin at midnight there.")

    class Meta:
        model = Scenario
        fields = ["name", "slug", "starts_on", "ends_on", "time_zone", "separator_on", "campaigns", "notes"]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        starts_on, ends_on, separator = (cleaned.get(name) for name in ("starts_on", "ends_on", "separator_on"))
        if starts_on and ends_on and ends_on <= starts_on:
            self.add_error("ends_on", "The day after the last one comes after the first day.")
        elif starts_on and separator and not (starts_on <= separator and (ends_on is None or separator < ends_on)):
            self.add_error("separator_on", "The separator is a day of the scenario.")
        return cleaned


@admin.register(Scenario)
class ScenarioAdmin(Page):
    purpose = "Named periods that reports compare and flows can ask for, such as a tournament or a redesign."
    empty = "Add one for a period that you want to tell apart: a bonus week, a new landing page, a test."
    form = ScenarioForm
    list_display = ["named", "slug", "starts_on", "ends_on", "time_zone", "separator_on"]
    search_fields = ["name", "slug", "notes"]
    autocomplete_fields = ["campaigns"]
    ordering = ["-starts_on", "name"]
    prepopulated_fields = {"slug": ["name"]}
    fieldsets = [
        (None, {"fields": [("name", "slug"), ("starts_on", "ends_on"), "time_zone"]}),
        ("More", {"fields": ["separator_on", "campaigns", "notes"]}),
    ]

    @admin.display(description="Name", ordering="name")
    def named(self, scenario: Scenario) -> str:
        return with_note(scenario.name, scenario.notes)
