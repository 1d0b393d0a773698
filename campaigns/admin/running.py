"""Admin of campaigns, creatives and tracking links."""

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.widgets import UnfoldAdminSelect2Widget

from campaigns.domain.exchange import NoExchangeRate, convert
from campaigns.domain.link_addresses import advertised_address, link_address
from campaigns.models import Campaign, Creative, Goal, Offer, TrackingLink
from tracker_project.common.money import Money
from tracker_project.common.pages import NOTHING, Inline, Page, copy_button, copyable, label, money
from tracker_project.common.time import time_zone_names

STATUS_COLOURS = {"Active": "success", "Paused": "warning", "Archived": "info"}


class CreativeChoice(forms.ModelChoiceField[Creative]):
    """A creative, named with its campaign: many campaigns have a “Banner 1”."""

    def label_from_instance(self, obj: Creative) -> str:
        return f"{obj.campaign} · {obj.name}"


def creative_choice(campaign_id: int | None) -> CreativeChoice:
    """Return a choice among the creatives of a campaign, or of all that are not archived while none is known."""
    creatives = Creative.objects.select_related("campaign").order_by("campaign__name", "name")
    if campaign_id:
        creatives = creatives.filter(campaign_id=campaign_id)
    else:
        creatives = creatives.exclude(campaign__status=Campaign.Status.ARCHIVED)
    return CreativeChoice(queryset=creatives, required=False, widget=UnfoldAdminSelect2Widget, empty_label=NOTHING)


def refuse_foreign_creative(campaign: Campaign | None, creative: Creative | None) -> None:
    """Raise `ValidationError` when a creative is another campaign's."""
    if campaign and creative and creative.campaign_id != campaign.pk:
        raise forms.ValidationError(
            {"creative": f"“{creative.name}” belongs to the campaign {creative.campaign}, not to {campaign}."}
        )


class CampaignForm(forms.ModelForm[Campaign]):
    time_zone = forms.ChoiceField(
        choices=[(name, name) for name in sorted(time_zone_names())],
        initial="UTC",
        widget=UnfoldAdminSelect2Widget,
        help_text="The campaign's days begin at midnight there.",
    )

    class Meta:
        model = Campaign
        fields = ["name", "status", "source", "offer", "cost_model", "budget", "currency", "time_zone", "notes"]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        offer, currency = cleaned.get("offer"), cleaned.get("currency") or self.instance.currency
        if offer and currency:
            self._refuse_unknown_rate(offer, currency)
        return cleaned

    def _refuse_unknown_rate(self, offer: Offer, currency: str) -> None:
        """An offer whose money cannot be turned into the campaign's would stop the booking of its first deposits."""
        try:
            convert(Money(amount=offer.revenue, currency=offer.currency), currency, on=datetime.now(UTC).date())
        except NoExchangeRate as missing:
            self.add_error(
                "offer",
                f"The offer counts in {offer.currency}, the campaign in {currency}, and no exchange rate of "
                f"{missing.currency} is known: add one under Exchange rates first.",
            )


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
class CampaignAdmin(Page):
    purpose = "What is bought, from whom and for which offer. Figures are under “Campaigns by day”."
    empty = "Add a source and an offer first, then the campaign, then its creatives, goals and tracking links."
    form = CampaignForm
    list_display = ["name", "status_label", "source", "offer", "cost_model", "budget_money", "time_zone"]
    list_filter = ["status", "cost_model", ("source", AutocompleteSelectFilter), ("offer", AutocompleteSelectFilter)]
    list_filter_submit = True
    list_select_related = ["source", "offer"]
    search_fields = ["name", "notes", "source__name", "offer__name"]
    autocomplete_fields = ["source", "offer"]
    ordering = ["-id"]
    inlines = [LinkInline, CreativeInline, GoalInline]
    actions = ["pause", "activate", "archive"]
    change_form_before_template = "tracker/campaign_figures.html"
    fieldsets = [
        (None, {"fields": [("name", "status"), ("source", "offer")]}),
        ("Money and days", {"fields": [("cost_model", "budget"), ("currency", "time_zone")]}),
        ("Notes", {"fields": ["notes"]}),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Campaign | None = None) -> list[str]:
        # Clicks and costs hold amounts in it.
        return ["currency"] if obj else []

    @label("Status", STATUS_COLOURS)
    def status_label(self, campaign: Campaign) -> str:
        return campaign.get_status_display()

    @admin.display(description="Budget", ordering="budget")
    def budget_money(self, campaign: Campaign) -> str:
        return money(campaign.budget, campaign.currency)

    @admin.action(description="Pause", permissions=["change"])
    def pause(self, request: HttpRequest, campaigns: QuerySet[Campaign]) -> None:
        self._set_status(request, campaigns, Campaign.Status.PAUSED)

    @admin.action(description="Activate", permissions=["change"])
    def activate(self, request: HttpRequest, campaigns: QuerySet[Campaign]) -> None:
        self._set_status(request, campaigns, Campaign.Status.ACTIVE)

    @admin.action(description="Archive", permissions=["change"])
    def archive(self, request: HttpRequest, campaigns: QuerySet[Campaign]) -> None:
        self._set_status(request, campaigns, Campaign.Status.ARCHIVED)

    def _set_status(self, request: HttpRequest, campaigns: QuerySet[Campaign], status: Campaign.Status) -> None:
        changed = campaigns.exclude(status=status).update(status=status)
        self.message_user(request, f"{changed} now {status.label.lower()}; links follow within seconds.")


@admin.register(Creative)
class CreativeAdmin(Page):
    purpose = "Single advertisements of campaigns, under the names that the source's reports use."
    empty = "Add one for each advertisement that you want to tell apart, then a tracking link that names it."
    list_display = ["name", "campaign", "created_at"]
    list_filter = [("campaign", AutocompleteSelectFilter)]
    list_filter_submit = True
    list_select_related = ["campaign"]
    search_fields = ["name", "campaign__name"]
    autocomplete_fields = ["campaign"]
    ordering = ["-id"]


class LinkForm(forms.ModelForm[TrackingLink]):
    class Meta:
        model = TrackingLink
        fields = ["code", "campaign", "creative", "partner", "promo_code"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "creative" in self.fields:
            self.fields["creative"] = creative_choice(None if self.data else self.instance.campaign_id)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        refuse_foreign_creative(cleaned.get("campaign"), cleaned.get("creative"))
        return cleaned


@admin.register(TrackingLink)
class TrackingLinkAdmin(Page):
    purpose = "The addresses that visitors click. Copy one into the source's advertisement, parameters and all."
    empty = "Add a link for each campaign, creative and partner that you want to tell apart."
    form = LinkForm
    list_display = ["code", "campaign", "creative", "partner", "promo_code", "to_copy", "created_at"]
    list_filter = [("campaign", AutocompleteSelectFilter), ("partner", AutocompleteSelectFilter)]
    list_filter_submit = True
    list_select_related = ["campaign__source", "creative", "partner"]
    search_fields = ["code", "campaign__name", "creative__name", "partner__name", "promo_code"]
    autocomplete_fields = ["campaign", "partner"]
    ordering = ["-id"]
    fieldsets = [
        (None, {"fields": ["campaign", "creative", ("partner", "promo_code"), "code"]}),
        ("To copy", {"fields": ["address", "with_parameters"]}),
    ]
    readonly_fields = ["address", "with_parameters"]

    @admin.display(description="Copy")
    def to_copy(self, link: TrackingLink) -> str:
        plain = copy_button(link_address(link.code), "Address")
        return format_html("{} {}", plain, copy_button(advertised_address(link), "With parameters"))

    @admin.display(description="Address")
    def address(self, link: TrackingLink) -> str:
        return copyable(link_address(link.code)) if link.pk else "shown once saved"

    @admin.display(description="With the source's parameters")
    def with_parameters(self, link: TrackingLink) -> str:
        return copyable(advertised_address(link)) if link.pk else "shown once saved"
