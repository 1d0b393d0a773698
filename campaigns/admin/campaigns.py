"""Admin of campaigns: what is bought and where its visitors go."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html_join
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from campaigns.admin.archive import StatusFilter, is_picker, with_note
from campaigns.admin.bulk_edit import edit_in_bulk
from campaigns.admin.caps import CapInline, time_zone_field
from campaigns.admin.concerns import as_labels
from campaigns.admin.copying import Copyable, copy_row
from campaigns.admin.listing import ListWithConcerns
from campaigns.admin.refusing import RefusingPage
from campaigns.domain.budgets import BudgetStanding, budget_standings
from campaigns.domain.bulk_editing import daily_budget_errors, missing_rate, set_status
from campaigns.domain.cloning import clone_campaign
from campaigns.domain.concerns import Concern
from campaigns.domain.flow_words import flows_in_words, next_position
from campaigns.domain.link_addresses import link_address, tracking_template
from campaigns.domain.reach import concerns_of
from campaigns.domain.soundness import CampaignBroken, faults_of
from campaigns.domain.tracking_domains import refuse_click_address
from campaigns.models import Campaign, Creative, Flow, Goal, TrackingLink
from tracker_project.common.money import format_amount
from tracker_project.common.pages import NOTHING, Inline, button, copyable, label, money

STATUS_COLOURS = {"Active": "success", "Paused": "warning", "Archived": "info"}
# How long a visitor's daily key can be compared with an earlier one.
_LONGEST_KEY_HOURS = 48
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")


class CampaignForm(forms.ModelForm[Campaign]):
    time_zone = time_zone_field("The campaign's days begin at midnight there.")

    class Meta:
        model = Campaign
        exclude: ClassVar[Any] = []
        labels = {
            "stops_at_budget": "Stop at the daily budget",
            "alert_percent": "Alert from (percent)",
            "budget": "Budget in all",
        }
        help_texts = {
            "daily_budget": "What the campaign may cost on a day of its time zone, in its currency. Empty: no limit.",
            "pacing": "Evenly lets the daily budget out bit by bit, so that it lasts until midnight: who comes before "
            "the next bit goes to the fallback. As it comes lets it go as fast as visitors come.",
            "stops_at_budget": "Once the day's budget is used, visitors go to the fallback until midnight. Without it "
            "you are only told, unless the budget is paced.",
            "alert_percent": "You are told when so much of a budget or a cap is used, and once it is reached.",
            "advertising_account": "Meta, Google and TikTok show gambling only for accounts that they have allowed it.",
        }

    def clean_fallback_url(self) -> str:
        url = str(self.cleaned_data["fallback_url"])
        if url:
            refuse_click_address(url)
        return url

    def clean_own_hosts(self) -> list[str]:
        hosts = [
            re.sub(r"^https?://", "", host.strip().lower()).split("/")[0] for host in self.cleaned_data["own_hosts"]
        ]
        wrong = [host for host in hosts if not _HOST.fullmatch(host)]
        if wrong:
            raise forms.ValidationError(f"“{wrong[0]}” is not a host: write names such as lp.example, without port.")
        return list(dict.fromkeys(hosts))

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        offer, currency = cleaned.get("offer"), cleaned.get("currency") or self.instance.currency
        if offer and currency:
            rate = missing_rate(offer, currency, at=datetime.now(UTC))
            if rate:
                self.add_error("offer", rate)
        self._check_budget(cleaned, currency)
        by_key = cleaned.get("uniqueness") == Campaign.Uniqueness.VISITOR_KEY
        if by_key and (cleaned.get("uniqueness_hours") or 0) > _LONGEST_KEY_HOURS:
            self.add_error(
                "uniqueness_hours", f"A visitor key lasts {_LONGEST_KEY_HOURS} hours: choose less, or cookies."
            )
        return cleaned

    def _check_budget(self, cleaned: dict[str, Any], currency: str) -> None:
        if "daily_budget" not in cleaned:
            return
        budget = Campaign(
            currency=currency,
            daily_budget=cleaned["daily_budget"],
            pacing=cleaned.get("pacing") or Campaign.Pacing.NONE,
            stops_at_budget=bool(cleaned.get("stops_at_budget")),
        )
        for error in daily_budget_errors(budget):
            self.add_error("daily_budget", error)


class GoalInline(Inline):
    model = Goal
    tab = True
    verbose_name_plural = "Goals"


class CreativeInline(Inline):
    model = Creative
    tab = True
    fields = ["name", "notes"]
    show_change_link = True


class LinkInline(Inline):
    model = TrackingLink
    tab = True
    fields = ["code", "creative", "partner", "promo_code", "address"]
    readonly_fields = ["address"]
    autocomplete_fields = ["partner"]
    show_change_link = True

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "creative":
            match = request.resolver_match
            campaign_id = match.kwargs.get("object_id") if match else None
            kwargs["queryset"] = Creative.objects.filter(campaign_id=int(campaign_id or 0)).order_by("name")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    @admin.display(description="Address")
    def address(self, link: TrackingLink) -> str:
        return copyable(link_address(link.code)) if link.pk else "shown once saved"


@admin.register(Campaign)
class CampaignAdmin(Copyable, ListWithConcerns, RefusingPage):
    purpose = "What is bought, from whom and for which offer. Figures are under “Campaigns by day”."
    empty = "Add a source and an offer first, then the campaign, then its creatives, goals and tracking links."
    form = CampaignForm
    list_display = ["named", "status_label", "source", "offer", "warnings", "daily_money", "budget_money", "time_zone"]
    list_filter = [
        StatusFilter,
        "cost_model",
        ("source", AutocompleteSelectFilter),
        ("offer", AutocompleteSelectFilter),
        ("advertising_account", AutocompleteSelectFilter),
    ]
    list_filter_submit = True
    list_select_related = ["source", "offer", "advertising_account"]
    search_fields = ["name", "notes", "source__name", "offer__name"]
    autocomplete_fields = ["source", "offer", "advertising_account"]
    ordering = ["-id"]
    inlines = [LinkInline, CreativeInline, CapInline, GoalInline]
    actions = ["edit_in_bulk", "pause", "activate", "archive", "unarchive"]
    actions_detail = ["copy"]
    change_form_before_template = "tracker/campaign_top.html"
    change_form_after_template = "tracker/campaign_flows.html"
    fieldsets = [
        (None, {"fields": [("name", "status"), ("source", "offer"), ("currency", "time_zone")]}),
        (
            "Budget",
            {
                "classes": ["tab"],
                "fields": [
                    ("daily_budget", "pacing"),
                    "stops_at_budget",
                    "spent",
                    "alert_percent",
                    ("budget", "cost_model"),
                ],
            },
        ),
        (
            "Routing",
            {"classes": ["tab"], "fields": ["flow_choice", "fallback_url", "unknown_geography", "own_hosts"]},
        ),
        ("Counting", {"classes": ["tab"], "fields": [("uniqueness", "uniqueness_hours"), "counts_staff"]}),
        ("Permission", {"classes": ["tab"], "fields": ["advertising_account"]}),
        ("Notes", {"classes": ["tab"], "fields": ["notes"]}),
    ]

    def campaigns_at_risk(self, row: Campaign) -> set[int]:
        return {row.pk} if row.pk else set()

    def get_readonly_fields(self, request: HttpRequest, obj: Campaign | None = None) -> list[str]:
        # Clicks and costs hold amounts in it.
        return ["spent", "currency"] if obj else ["spent"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Campaign], search_term: str
    ) -> tuple[QuerySet[Campaign], bool]:
        found, may_repeat = super().get_search_results(request, queryset, search_term)
        if is_picker(request) and not search_term.strip():
            # Who looks for an archived campaign, such as for its costs, finds it by name.
            found = found.exclude(status=Campaign.Status.ARCHIVED)
        return found, may_repeat

    def concerns_of_page(self, rows: Sequence[Campaign], on: date) -> dict[int, list[Concern]]:
        return concerns_of(rows, on=on)

    def look_up(self, rows: Sequence[Campaign], at: datetime) -> None:
        found = {standing.campaign.pk: standing for standing in budget_standings(rows, at=at) if standing.day}
        for row in rows:
            row.day_standing = found.get(row.pk)  # type: ignore[attr-defined]

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        campaign = self.get_object(request, object_id) if object_id else None
        context = _surroundings(campaign) if campaign else {}
        return super().changeform_view(request, object_id, form_url, context | (extra_context or {}))

    @button("Copy…", path="copy", icon="content_copy", permission="copy")
    def copy(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return copy_row(
            self,
            request,
            object_id,
            consequence="Flows, filters, offers, landing pages, caps, creatives and goals are copied, and its links "
            "with new codes and without promo codes. Clicks, costs and alerts stay here. The copy is paused until you "
            "activate it.",
            clone=clone_campaign,
            taken=lambda campaign, name: Campaign.objects.filter(name=name).exists(),
        )

    @admin.display(description="Name", ordering="name")
    def named(self, campaign: Campaign) -> str:
        return with_note(campaign.name, campaign.notes)

    @label("Status", STATUS_COLOURS)
    def status_label(self, campaign: Campaign) -> str:
        return campaign.get_status_display()

    @admin.display(description="Warnings")
    def warnings(self, campaign: Campaign) -> str:
        return as_labels(self.concerns_in_list(campaign))

    @admin.display(description="Daily budget", ordering="daily_budget")
    def daily_money(self, campaign: Campaign) -> str:
        standing: BudgetStanding | None = getattr(campaign, "day_standing", None)
        return _spent(standing) if standing else money(campaign.daily_budget, campaign.currency)

    @admin.display(description="Spent so far")
    def spent(self, campaign: Campaign) -> str:
        standings = budget_standings([campaign], at=datetime.now(UTC)) if campaign.pk else []
        lines = [f"{_spent(each)} {'today' if each.day else 'in all'}, {each.percent} %" for each in standings]
        return format_html_join("", "<div>{}</div>", ((line,) for line in lines)) if lines else NOTHING

    @admin.display(description="Budget", ordering="budget")
    def budget_money(self, campaign: Campaign) -> str:
        return money(campaign.budget, campaign.currency)

    @admin.action(description="Edit together…", permissions=["change"])
    def edit_in_bulk(self, request: HttpRequest, campaigns: QuerySet[Campaign]) -> Any:
        return edit_in_bulk(self, request, campaigns)

    @admin.action(description="Pause", permissions=["change"])
    def pause(self, request: HttpRequest, campaigns: QuerySet[Campaign]) -> None:
        self._set_status(request, campaigns, Campaign.Status.PAUSED)

    @admin.action(description="Activate", permissions=["change"])
    def activate(self, request: HttpRequest, campaigns: QuerySet[Campaign]) -> None:
        self._set_status(request, campaigns, Campaign.Status.ACTIVE)

    @admin.action(description="Archive", permissions=["change"])
    def archive(self, request: HttpRequest, campaigns: QuerySet[Campaign]) -> None:
        self._set_status(request, campaigns, Campaign.Status.ARCHIVED)

    @admin.action(description="Take out of the archive (paused)", permissions=["change"])
    def unarchive(self, request: HttpRequest, campaigns: QuerySet[Campaign]) -> None:
        self._set_status(request, campaigns.filter(status=Campaign.Status.ARCHIVED), Campaign.Status.PAUSED)

    def _set_status(self, request: HttpRequest, campaigns: QuerySet[Campaign], status: Campaign.Status) -> None:
        try:
            changed = set_status(campaigns.values_list("pk", flat=True), status)
        except CampaignBroken as broken:
            for sentence in broken.sentences:
                self.message_user(request, f"Nothing was changed. {sentence}", messages.ERROR)
        else:
            self.message_user(request, f"{changed} now {status.label.lower()}; links follow within seconds.")


def _spent(standing: BudgetStanding) -> str:
    currency = standing.campaign.currency
    return f"{format_amount(standing.spent, currency)} of {money(standing.budget, currency)}"


def _surroundings(campaign: Campaign) -> dict[str, Any]:
    """Return what stands around a campaign's form: its flows, what keeps it from routing, templates to paste."""
    is_parallel = campaign.source.tracks_in_parallel
    links = campaign.links.select_related("campaign__source").order_by("id") if is_parallel else []
    is_active = campaign.status == Campaign.Status.ACTIVE
    return {
        "flows": flows_in_words(campaign),
        "next_position": next_position(campaign),
        "by_weight": campaign.flow_choice == Campaign.FlowChoice.WEIGHT,
        "flow_list": f"{reverse('admin:campaigns_flow_changelist')}?campaign__id__exact={campaign.pk}",
        "flow_kinds": Flow.Kind,
        "unfinished": [] if is_active else faults_of([campaign.pk]).get(campaign, []),
        "tracks_in_parallel": is_parallel,
        "tracking_templates": [(link.code, copyable(tracking_template(link))) for link in links],
        "tester": _tester_address(campaign),
    }


def _tester_address(campaign: Campaign) -> str:
    """Return the address of the page that routes an invented visitor, or "" where there is none."""
    try:
        return f"{reverse('routing_tester')}?campaign={campaign.pk}"
    except NoReverseMatch:
        return ""
