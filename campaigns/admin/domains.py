"""Admin of the hosts on which clicks arrive."""

from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.contrib import admin
from unfold.widgets import UnfoldAdminURLInputWidget

from campaigns.admin.archive import with_note
from campaigns.domain.tracking_domains import active_hosts, refuse_web_host
from campaigns.models import TrackingDomain
from tracker_project.common.pages import Page, link_to


class DomainForm(forms.ModelForm[TrackingDomain]):
    unknown_url = forms.URLField(
        label="Redirect to",
        required=False,
        assume_scheme="https",
        widget=UnfoldAdminURLInputWidget,
        help_text=TrackingDomain._meta.get_field("unknown_url").help_text,
    )

    class Meta:
        model = TrackingDomain
        fields = ["host", "root_link", "unknown_path", "unknown_url", "is_active", "notes"]

    def clean_host(self) -> str:
        host = str(self.cleaned_data["host"])
        refuse_web_host(host)
        return host

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        unknown = cleaned.get("unknown_path")
        if unknown == TrackingDomain.UnknownPath.ROOT and not cleaned.get("root_link"):
            self.add_error("root_link", "Choose the link that answers at the root, or another answer to unknown paths.")
        url = cleaned.get("unknown_url")
        if unknown == TrackingDomain.UnknownPath.REDIRECT and not url and "unknown_url" not in self.errors:
            self.add_error("unknown_url", "Write where unknown paths lead, or choose another answer to them.")
        if url and not url.startswith(("http://", "https://")):
            self.add_error("unknown_url", "Write an address that begins with https:// or http://.")
        elif url and urlsplit(url).hostname in {*active_hosts(), cleaned.get("host")}:
            self.add_error("unknown_url", "This is a click host: visitors would go round in a circle.")
        return cleaned


@admin.register(TrackingDomain)
class TrackingDomainAdmin(Page):
    purpose = (
        "Hosts that serve clicks and nothing else. Point a name at the click edge, enter it here, and copy links with "
        "it; the admin answers 404 on it."
    )
    empty = "Links use the click host of the settings until you add one of your own, such as go.example.com."
    form = DomainForm
    list_display = ["named", "root", "unknown_path", "is_active"]
    list_filter = ["is_active"]
    list_select_related = ["root_link__campaign"]
    search_fields = ["host", "notes"]
    autocomplete_fields = ["root_link"]
    ordering = ["host"]
    fieldsets = [
        (None, {"fields": [("host", "is_active"), "root_link"]}),
        ("Paths that it does not know", {"fields": ["unknown_path", "unknown_url"]}),
        ("Notes", {"classes": ["collapse"], "fields": ["notes"]}),
    ]

    @admin.display(description="Host", ordering="host")
    def named(self, domain: TrackingDomain) -> str:
        return with_note(domain.host, domain.notes)

    @admin.display(description="At its root")
    def root(self, domain: TrackingDomain) -> str:
        link = domain.root_link
        return link_to(link, f"{link.campaign} ({link.code})") if link else "The page for unknown paths"
