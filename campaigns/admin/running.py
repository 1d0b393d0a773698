"""Admin of creatives and tracking links."""

from typing import Any

from django import forms
from django.contrib import admin
from django.utils.html import format_html, format_html_join
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.widgets import UnfoldAdminSelect2Widget

from campaigns.admin.archive import with_note
from campaigns.domain.link_addresses import advertised_address, link_address, tracking_template
from campaigns.domain.tracking_domains import active_hosts
from campaigns.models import Campaign, Creative, TrackingLink
from tracker_project.common.pages import NOTHING, Page, copy_button, copyable


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


@admin.register(Creative)
class CreativeAdmin(Page):
    purpose = "Single advertisements of campaigns, under the names that the source's reports use."
    empty = "Add one for each advertisement that you want to tell apart, then a tracking link that names it."
    list_display = ["named", "campaign", "created_at"]
    list_filter = [("campaign", AutocompleteSelectFilter)]
    list_filter_submit = True
    list_select_related = ["campaign"]
    search_fields = ["name", "campaign__name", "notes"]
    autocomplete_fields = ["campaign"]
    ordering = ["-id"]

    @admin.display(description="Name", ordering="name")
    def named(self, creative: Creative) -> str:
        return with_note(creative.name, creative.notes)


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
        ("To copy", {"fields": ["address", "with_parameters", "on_own_domains"]}),
    ]
    readonly_fields = ["address", "with_parameters", "on_own_domains"]

    @admin.display(description="Copy")
    def to_copy(self, link: TrackingLink) -> str:
        plain = copy_button(link_address(link.code), "Address")
        if link.campaign.source.tracks_in_parallel:
            return format_html("{} {}", plain, copy_button(tracking_template(link), "Tracking template"))
        return format_html("{} {}", plain, copy_button(advertised_address(link), "With parameters"))

    @admin.display(description="Address")
    def address(self, link: TrackingLink) -> str:
        return copyable(link_address(link.code)) if link.pk else "shown once saved"

    @admin.display(description="With the source's parameters")
    def with_parameters(self, link: TrackingLink) -> str:
        return copyable(_to_paste(link)) if link.pk else "shown once saved"

    @admin.display(description="On your own domains")
    def on_own_domains(self, link: TrackingLink) -> str:
        hosts = sorted(active_hosts()) if link.pk else []
        if not hosts:
            return "no tracking domain yet"
        return format_html_join("", "<div>{}</div>", ((copyable(_to_paste(link, host)),) for host in hosts))


def _to_paste(link: TrackingLink, host: str = "") -> str:
    """Return what the source's editor wants: a tracking template where it tracks in parallel, else an address."""
    is_parallel = link.campaign.source.tracks_in_parallel
    return tracking_template(link, host) if is_parallel else advertised_address(link, host)
