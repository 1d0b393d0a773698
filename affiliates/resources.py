"""The commission export that finance opens: the admin and `manage.py export_commissions` write the same bytes."""

from decimal import Decimal
from typing import Any

from django.db.models import QuerySet
from import_export.fields import Field

from affiliates.models import Commission
from tracker_project.common.exports import InstantWidget, PlainField, SafeResource, plain_number
from tracker_project.common.money import round_money


class CommissionResource(SafeResource):
    """One row a commission, oldest booking first; amounts in units of the currency beside them."""

    booked_at = PlainField("booked_at", column_name="booked at (UTC)", widget=InstantWidget())
    partner = Field("partner_account__partner__name", column_name="partner")
    tag = Field("partner_account__partner__tag", column_name="tag")
    campaign = Field("conversion__campaign__name", column_name="campaign")
    player = Field("player__player_id", column_name="player id")
    transaction = Field("conversion__transaction_id", column_name="transaction id")
    deposit_amount = PlainField(column_name="deposit amount")
    deposit_currency = Field("conversion__currency", column_name="deposit currency")
    commission = PlainField(column_name="commission")
    currency = Field("currency", column_name="currency")
    status = Field(column_name="status")
    reversed_at = PlainField("reversed_at", column_name="reversed at (UTC)", widget=InstantWidget())
    reason = Field("reversal_reason", column_name="reason")
    payable_on = PlainField("payable_on", column_name="payable on")
    plan = Field("plan_version__plan__name", column_name="plan")
    plan_version = PlainField("plan_version__starts_at", column_name="plan version from (UTC)", widget=InstantWidget())

    def filter_export(self, queryset: "QuerySet[Commission]", **kwargs: Any) -> "QuerySet[Commission]":
        return queryset.select_related(
            "partner_account__partner", "player", "conversion__campaign", "plan_version__plan"
        ).order_by("booked_at", "pk")

    def dehydrate_deposit_amount(self, commission: Commission) -> str:
        deposit = commission.conversion
        return _amount(deposit.amount or Decimal(0), deposit.currency or "")

    def dehydrate_commission(self, commission: Commission) -> str:
        return _amount(commission.amount, commission.currency)

    def dehydrate_status(self, commission: Commission) -> str:
        return "booked" if commission.reversed_at is None else "reversed"


def _amount(amount: Decimal, currency: str) -> str:
    return plain_number(round_money(amount, currency))


def commissions_csv(commissions: "QuerySet[Commission]") -> str:
    """Return the export of these commissions as comma-separated text."""
    text: str = CommissionResource().export(commissions).csv
    return text
