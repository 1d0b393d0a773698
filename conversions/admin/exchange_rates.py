"""Admin of exchange rates; here and not in campaigns, as only here it is known which of them were used."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.contrib.filters.admin import RangeDateFilter

from campaigns.models import ExchangeRate
from conversions.domain.exchange_use import is_exchange_rate_used
from tracker_project.common.pages import Page


@admin.register(ExchangeRate)
class ExchangeRateAdmin(Page):
    purpose = (
        "How much one euro bought on a day. An amount is converted once, by the last rate on or before its day; a rate "
        "that was used stays as it is."
    )
    empty = "Load the European Central Bank's rates, or add one by hand: currency, day, units per euro, who says so."
    list_display = ["on_date", "currency", "rate", "source"]
    list_filter = [("on_date", RangeDateFilter), "source"]
    list_filter_submit = True
    search_fields = ["=currency"]
    search_help_text = "Currency, such as USD"
    ordering = ["-on_date", "currency"]
    sortable_by = ["on_date", "currency"]
    fields = [("currency", "on_date"), ("per_euro", "source")]

    def has_change_permission(self, request: HttpRequest, obj: ExchangeRate | None = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or not is_exchange_rate_used(obj))

    def has_delete_permission(self, request: HttpRequest, obj: ExchangeRate | None = None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or not is_exchange_rate_used(obj))

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        # Deleting many at once would not ask each whether it was used.
        return {name: action for name, action in super().get_actions(request).items() if name != "delete_selected"}

    @admin.display(description="1 EUR =")
    def rate(self, rate: ExchangeRate) -> str:
        return f"{rate.per_euro.normalize():f} {rate.currency}"
