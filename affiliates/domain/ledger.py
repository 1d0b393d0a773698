"""Post commissions and their reversals: each is one transfer, with the campaign's cost and the partner's postback."""

from datetime import datetime, timedelta
from decimal import Decimal

import structlog

from affiliates.models import (
    Commission,
    CommissionPlanVersion,
    LedgerAccount,
    LedgerEntry,
    LedgerTransfer,
    PartnerAccount,
)
from campaigns.domain.costs import record_commission_cost, reverse_commission_cost
from campaigns.models import Cost
from conversions.domain.outbox import write_partner_postback
from conversions.models import Conversion
from tracker_project.common.money import Money, round_money
from tracker_project.common.time import day_in_zone

log = structlog.get_logger(__name__)


def book_commission(
    first: Conversion, *, partner_account: PartnerAccount, version: CommissionPlanVersion, at: datetime
) -> Commission:
    """Book what a partner earned by a first deposit and return it; call with the player locked.

    Raises `NoExchangeRate` when the campaign counts in a currency that cannot be reached.
    """
    currency = version.plan.currency
    amount = round_money(version.cpa_amount, currency)
    commission = Commission.objects.create(
        partner_account=partner_account,
        player_id=first.player_id,
        conversion=first,
        plan_version=version,
        amount=amount,
        currency=currency,
        booked_at=at,
        payable_on=day_in_zone(first.occurred_at, "UTC") + timedelta(days=version.hold_days),
    )
    transfer = _post(
        commission, kind=LedgerTransfer.Kind.COMMISSION, reverses=None, at=at, occurred_at=first.occurred_at
    )
    if first.campaign is not None:
        record_commission_cost(
            campaign=first.campaign,
            creative=first.creative,
            partner=partner_account.partner,
            money=Money(amount=amount, currency=currency),
            reference=cost_reference(transfer.pk),
            at=first.occurred_at,
        )
    _tell_partner(commission, is_correction=False, at=at)
    log.info("commission_booked", commission=commission.pk, conversion=first.pk, partner=partner_account.partner_id)
    return commission


def reverse_commission(commission: Commission, *, reason: str, at: datetime) -> LedgerTransfer:
    """Take a live commission back exactly and return the reversing transfer; call with the player locked."""
    at = max(at, commission.booked_at)  # two machines' clocks may differ
    original = commission.transfers.get(kind=LedgerTransfer.Kind.COMMISSION)
    commission.reversed_at, commission.reversal_reason = at, reason
    commission.save(update_fields=["reversed_at", "reversal_reason"])
    occurred_at = commission.conversion.reversed_at or at
    transfer = _post(commission, kind=LedgerTransfer.Kind.REVERSAL, reverses=original, at=at, occurred_at=occurred_at)
    cost = Cost.objects.filter(reference=cost_reference(original.pk)).first()  # at most one, by constraint
    if cost is not None:
        reverse_commission_cost(cost, reference=cost_reference(transfer.pk))
    _tell_partner(commission, is_correction=True, at=at)
    log.info("commission_reversed", commission=commission.pk, reason=reason)
    return transfer


def cost_reference(transfer_id: int) -> str:
    """Return the reference of a transfer's cost row in campaigns."""
    return f"commission:{transfer_id}"


def _post(
    commission: Commission,
    *,
    kind: LedgerTransfer.Kind,
    reverses: LedgerTransfer | None,
    at: datetime,
    occurred_at: datetime,
) -> LedgerTransfer:
    """Write a transfer and its entries: expense against payable, or the negative of what it reverses."""
    transfer = LedgerTransfer.objects.create(
        kind=kind, commission=commission, reverses=reverses, occurred_at=occurred_at, booked_at=at
    )
    if reverses is None:
        sides = _commission_sides(commission)
    else:
        sides = [(entry.account, -entry.amount) for entry in reverses.entries.select_related("account").order_by("pk")]
    LedgerEntry.objects.bulk_create(
        LedgerEntry(transfer=transfer, account=account, amount=amount, currency=account.currency)
        for account, amount in sides
    )
    return transfer


def _commission_sides(commission: Commission) -> list[tuple[LedgerAccount, Decimal]]:
    expense, _ = LedgerAccount.objects.get_or_create(
        kind=LedgerAccount.Kind.HOUSE_COMMISSION_EXPENSE, partner_account=None, currency=commission.currency
    )
    payable, _ = LedgerAccount.objects.get_or_create(
        kind=LedgerAccount.Kind.PARTNER_PAYABLE,
        partner_account=commission.partner_account,
        currency=commission.currency,
    )
    return [(expense, commission.amount), (payable, -commission.amount)]


def _tell_partner(commission: Commission, *, is_correction: bool, at: datetime) -> None:
    write_partner_postback(
        commission.conversion,
        partner=commission.partner_account.partner,
        payout=Money(amount=commission.amount, currency=commission.currency),
        event="first_deposit",
        is_correction=is_correction,
        at=at,
    )
