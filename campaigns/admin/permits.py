"""Admin of advertising accounts and of what platforms allow them."""

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from campaigns.admin.archive import with_note
from campaigns.admin.offers import END_COLOURS, LicenceEndFilter, end_in_words, refuse_end_before_start
from campaigns.models import AdvertisingAccount, PlatformPermission
from tracker_project.common.pages import NOTHING, Inline, Page, label


class PermissionForm(forms.ModelForm[PlatformPermission]):
    class Meta:
        model = PlatformPermission
        fields = ["account", "country", "domain", "offer", "reference", "valid_from", "valid_until"]

    def clean_domain(self) -> str:
        domain = str(self.cleaned_data["domain"]).strip().lower()
        if "/" in domain or ":" in domain:
            raise forms.ValidationError("Write the domain alone, such as casino.example.")
        return domain.removeprefix("www.")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        refuse_end_before_start(self, cleaned)
        return cleaned


class PermissionInline(Inline):
    model = PlatformPermission
    form = PermissionForm
    autocomplete_fields = ["offer"]
    verbose_name = "permission"
    verbose_name_plural = "What the platform allows"
    ordering = ["country", "valid_from"]


@admin.register(AdvertisingAccount)
class AdvertisingAccountAdmin(Page):
    purpose = (
        "Accounts with advertising platforms. Meta, Google and TikTok show gambling only for accounts that they have "
        "allowed it, country by country."
    )
    empty = "Add the account that you advertise from, then what its platform allows: certificates, written permission."
    list_display = ["named", "platform", "account_id", "in_force"]
    list_filter = ["platform"]
    search_fields = ["name", "account_id", "notes"]
    ordering = ["platform", "name"]
    inlines = [PermissionInline]
    fieldsets = [
        (None, {"fields": ["platform", ("account_id", "name")]}),
        ("Notes", {"classes": ["collapse"], "fields": ["notes"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[AdvertisingAccount]:
        on = datetime.now(UTC).date()
        holds = Q(permissions__valid_from__lte=on) & (
            Q(permissions__valid_until__isnull=True) | Q(permissions__valid_until__gte=on)
        )
        accounts: QuerySet[AdvertisingAccount] = super().get_queryset(request)
        return accounts.annotate(permissions_in_force=Count("permissions", filter=holds))

    @admin.display(description="Name", ordering="name")
    def named(self, account: AdvertisingAccount) -> str:
        return with_note(account.name, account.notes)

    @admin.display(description="Permissions in force")
    def in_force(self, account: Any) -> int:
        return int(account.permissions_in_force)


@admin.register(PlatformPermission)
class PlatformPermissionAdmin(Page):
    purpose = (
        "What platforms have allowed: gambling of an account in a country, for a domain and an offer where they named "
        "them. A campaign without one is marked in its list."
    )
    empty = "Add one for each country that a platform has allowed, with the number of its certificate or case."
    form = PermissionForm
    list_display = ["account", "country", "shown_domain", "shown_offer", "reference", "valid_until", "end_label"]
    list_filter = [LicenceEndFilter, ("account", AutocompleteSelectFilter), "country"]
    list_filter_submit = True
    list_select_related = ["account", "offer"]
    search_fields = ["account__name", "country", "domain", "reference"]
    autocomplete_fields = ["account", "offer"]
    ordering = ["account__name", "country", "id"]
    fieldsets = [
        (None, {"fields": ["account", ("country", "reference")]}),
        ("What it is for", {"fields": [("domain", "offer")]}),
        ("Valid", {"fields": [("valid_from", "valid_until")]}),
    ]

    @admin.display(description="Domain")
    def shown_domain(self, permission: PlatformPermission) -> str:
        return permission.domain or f"{NOTHING} any"

    @admin.display(description="Offer")
    def shown_offer(self, permission: PlatformPermission) -> str:
        return permission.offer.name if permission.offer else f"{NOTHING} any"

    @label("State", END_COLOURS)
    def end_label(self, permission: PlatformPermission) -> str:
        return end_in_words(permission.valid_until)
