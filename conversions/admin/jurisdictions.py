"""Admin of the jurisdictions whose players nobody may hear of."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from conversions.domain.jurisdictions import forget_jurisdictions
from conversions.models import ProhibitedJurisdiction
from tracker_project.common.pages import NOTHING, Page


class ProhibitedJurisdictionForm(forms.ModelForm[ProhibitedJurisdiction]):
    class Meta:
        model = ProhibitedJurisdiction
        fields = ["country", "region", "reason"]

    def clean_country(self) -> str:
        return str(self.cleaned_data["country"]).upper()

    def clean_region(self) -> str:
        return str(self.cleaned_data["region"]).upper()


@admin.register(ProhibitedJurisdiction)
class ProhibitedJurisdictionAdmin(Page):
    purpose = (
        "Countries and regions whose players never cause a new signal to anybody, whatever they allowed. Partners read "
        "“not eligible” and never why. Corrections of what was told before still pass."
    )
    empty = "Add a country or region where advertising gambling is prohibited; its players are then told of to nobody."
    form = ProhibitedJurisdictionForm
    list_display = ["place", "reason_given", "created_at"]
    search_fields = ["=country", "reason"]
    search_help_text = "Country, such as US, or words of the reason"
    ordering = ["country", "region"]
    sortable_by = ["created_at"]
    fields = [("country", "region"), "reason"]

    def save_model(self, request: HttpRequest, obj: ProhibitedJurisdiction, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        forget_jurisdictions()

    def delete_model(self, request: HttpRequest, obj: ProhibitedJurisdiction) -> None:
        super().delete_model(request, obj)
        forget_jurisdictions()

    @admin.display(description="Place", ordering="country")
    def place(self, jurisdiction: ProhibitedJurisdiction) -> str:
        return str(jurisdiction)

    @admin.display(description="Reason")
    def reason_given(self, jurisdiction: ProhibitedJurisdiction) -> str:
        return jurisdiction.reason or NOTHING
