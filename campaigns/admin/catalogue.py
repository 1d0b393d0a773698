"""Admin of sources, partners, brands and offers."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.http import HttpRequest

from campaigns.domain.macros import MACROS
from campaigns.models import Brand, Offer, Partner, TrafficSource
from tracker_project.common.pages import NOTHING, Page, money


@admin.register(TrafficSource)
class TrafficSourceAdmin(Page):
    purpose = "Networks that sell clicks, and the names of the URL parameters in which each sends its own facts."
    empty = "Add the first one, such as Meta Ads with fbclid or Google Ads with gclid; campaigns buy from it."
    list_display = ["name", "click_id_parameter", "cost_parameter", "placement_parameter", "keyword_parameter"]
    search_fields = ["name", "click_id_parameter"]
    ordering = ["name"]


@admin.register(Partner)
class PartnerAdmin(Page):
    purpose = "Affiliates who bring players. What they are paid is set under their account and plan."
    empty = "Add a partner, then an account with a plan for it, then a tracking link that names it."
    list_display = ["name", "tag", "is_active", "created_at"]
    list_filter = ["is_active"]
    search_fields = ["name", "tag"]
    ordering = ["name"]


@admin.register(Brand)
class BrandAdmin(Page):
    purpose = "Casino brands. A player belongs to one; from its threshold on a deposit counts as valuable."
    empty = "Add the casino's brand first: offers and platforms belong to it."
    list_display = ["name", "threshold", "created_at"]
    search_fields = ["name"]
    ordering = ["name"]

    @admin.display(description="Valuable from")
    def threshold(self, brand: Brand) -> str:
        return money(brand.valuable_deposit_amount, brand.currency)


class OfferForm(forms.ModelForm[Offer]):
    class Meta:
        model = Offer
        fields = ["name", "brand", "url", "payout", "revenue", "currency", "countries"]

    def clean_url(self) -> str:
        url = str(self.cleaned_data["url"])
        if url.lower().startswith(settings.PUBLIC_CLICK_URL.lower()):
            raise forms.ValidationError("This is the tracker's own address: visitors would go round in a circle.")
        return url


@admin.register(Offer)
class OfferAdmin(Page):
    purpose = "Where visitors are sent, what a first deposit there brings us, and what we usually pay for it."
    empty = "Add the casino's offer with {click_id} in its address: by that id players come back to their campaign."
    form = OfferForm
    list_display = ["name", "brand", "payout_money", "revenue_money", "taken_countries", "url"]
    list_filter = ["brand"]
    list_select_related = ["brand"]
    search_fields = ["name", "url"]
    autocomplete_fields = ["brand"]
    ordering = ["name"]
    fieldsets = [
        (None, {"fields": ["name", "brand", "url", "macros", "countries"]}),
        ("A first deposit", {"fields": [("payout", "revenue", "currency")]}),
    ]
    readonly_fields = ["macros"]

    @admin.display(description="Macros that the address may use")
    def macros(self, offer: Offer) -> str:
        return " ".join("{" + name + "}" for name in MACROS)

    @admin.display(description="Payout")
    def payout_money(self, offer: Offer) -> str:
        return money(offer.payout, offer.currency)

    @admin.display(description="Revenue")
    def revenue_money(self, offer: Offer) -> str:
        return money(offer.revenue, offer.currency)

    @admin.display(description="Countries")
    def taken_countries(self, offer: Offer) -> str:
        return ", ".join(offer.countries) or f"{NOTHING} all"

    def save_model(self, request: HttpRequest, obj: Offer, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if "{click_id}" not in obj.url:
            messages.warning(
                request,
                "The address has no {click_id}: the casino cannot say which click a player came from, and only promo "
                "codes and partner tags will bring credit.",
            )
