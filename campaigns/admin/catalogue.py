"""Admin of partners and brands."""

from django.contrib import admin

from campaigns.admin.archive import with_note
from campaigns.models import Brand, Partner
from tracker_project.common.pages import Page, money


@admin.register(Partner)
class PartnerAdmin(Page):
    purpose = "Affiliates who bring players. What they are paid is set under their account and plan."
    empty = "Add a partner, then an account with a plan for it, then a tracking link that names it."
    list_display = ["named", "tag", "is_active", "created_at"]
    list_filter = ["is_active"]
    search_fields = ["name", "tag", "notes"]
    ordering = ["name"]
    change_form_before_template = "tracker/partner_top.html"

    @admin.display(description="Name", ordering="name")
    def named(self, partner: Partner) -> str:
        return with_note(partner.name, partner.notes)


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
