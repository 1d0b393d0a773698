"""Admin of costs: spend is entered here, commissions are shown."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateFilter

from campaigns.admin.running import creative_choice, refuse_foreign_creative
from campaigns.models import Campaign, Cost, Creative
from tracker_project.common.money import minor_digits, round_money
from tracker_project.common.pages import Page, label, money

_SPEND_FIELDS: list[Any] = ["campaign", "creative", "on_date", "amount"]
_COMMISSION_FIELDS: list[Any] = ["campaign", "creative", "partner", "on_date", "money", "converted_from", "reference"]


class SpendForm(forms.ModelForm[Cost]):
    """What a buyer spent on a campaign's day; the currency is the campaign's own."""

    class Meta:
        model = Cost
        fields = ["campaign", "creative", "on_date", "amount"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "creative" in self.fields:
            self.fields["creative"] = creative_choice(None if self.data else self.instance.campaign_id)
            self.fields["creative"].help_text = "Empty: spent on the campaign as a whole."

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        campaign, creative = cleaned.get("campaign"), cleaned.get("creative")
        refuse_foreign_creative(campaign, creative)
        if campaign is None:
            return cleaned
        self.instance.currency = campaign.currency
        self._check_amount(cleaned.get("amount"), campaign.currency)
        if cleaned.get("on_date") and self._entered_already(campaign, creative, cleaned["on_date"]):
            self.add_error("on_date", "Spend of this campaign, creative and day is entered already: correct that row.")
        return cleaned

    def _check_amount(self, amount: Any, currency: str) -> None:
        if amount is None:
            return
        if amount < 0:
            self.add_error("amount", "Spend is not negative; to take it back, correct or delete the row.")
        elif amount != round_money(amount, currency):
            self.add_error("amount", f"{currency} has {minor_digits(currency)} digits after the point.")

    def _entered_already(self, campaign: Campaign, creative: Creative | None, on_date: Any) -> bool:
        rows = Cost.objects.filter(kind=Cost.Kind.SPEND, campaign=campaign, creative=creative, on_date=on_date)
        return rows.exclude(pk=self.instance.pk).exists()


@admin.register(Cost)
class CostAdmin(Page):
    purpose = (
        "Spend by campaign, creative and day, in the campaign's currency. Commissions are written by the ledger; the "
        "cost in click addresses is counted with the clicks and not entered here."
    )
    empty = "Enter what a campaign spent on a day, or let the source send the cost of each click in the link."
    form = SpendForm
    list_display = ["on_date", "campaign", "creative", "kind_label", "partner", "money", "converted_from"]
    list_filter = [
        ("on_date", RangeDateFilter),
        "kind",
        ("campaign", AutocompleteSelectFilter),
        ("partner", AutocompleteSelectFilter),
    ]
    list_filter_submit = True
    list_select_related = ["campaign", "creative", "partner"]
    search_fields = ["campaign__name", "creative__name", "partner__name"]
    autocomplete_fields = ["campaign"]
    ordering = ["-on_date", "-id"]
    sortable_by = ["on_date"]

    def get_fields(self, request: HttpRequest, obj: Cost | None = None) -> list[Any]:
        return _COMMISSION_FIELDS if obj and obj.kind == Cost.Kind.COMMISSION else _SPEND_FIELDS

    def get_readonly_fields(self, request: HttpRequest, obj: Cost | None = None) -> list[Any]:
        return _COMMISSION_FIELDS if obj and obj.kind == Cost.Kind.COMMISSION else []

    def has_change_permission(self, request: HttpRequest, obj: Cost | None = None) -> bool:
        is_commission = obj is not None and obj.kind == Cost.Kind.COMMISSION
        return not is_commission and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Cost | None = None) -> bool:
        is_commission = obj is not None and obj.kind == Cost.Kind.COMMISSION
        return not is_commission and super().has_delete_permission(request, obj)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        # Deleting many rows at once would not ask each row whether it is a commission.
        return {name: action for name, action in super().get_actions(request).items() if name != "delete_selected"}

    @label("Kind", {"Spend": "info", "Commission": "warning"})
    def kind_label(self, cost: Cost) -> str:
        return cost.get_kind_display()

    @admin.display(description="Amount", ordering="amount")
    def money(self, cost: Cost) -> str:
        return money(cost.amount, cost.currency)

    @admin.display(description="Converted from")
    def converted_from(self, cost: Cost) -> str:
        if cost.original_currency in (None, cost.currency) or cost.exchange_rate is None:
            return "–"
        rate = f"{cost.exchange_rate.normalize():f}"
        return f"{money(cost.original_amount, cost.original_currency)} × {rate} ({cost.exchange_rate_source})"
