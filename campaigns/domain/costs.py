"""What campaigns cost beyond their spend: partners' commissions, written by affiliates."""

from dataclasses import asdict
from datetime import datetime

from django.db import IntegrityError, transaction

from campaigns.domain.exchange import convert
from campaigns.models import Campaign, Cost, Creative, Partner
from tracker_project.common.database import broken_constraint
from tracker_project.common.money import Money
from tracker_project.common.time import day_in_zone


def record_commission_cost(
    *, campaign: Campaign, creative: Creative | None, partner: Partner, money: Money, reference: str, at: datetime
) -> Cost:
    """Count a commission (negative: its reversal) as a cost of the campaign's day of `at`, in its currency.

    `reference` names what is counted: the same one again returns the row that stands. Raises `NoExchangeRate`.
    """
    on_date = day_in_zone(at, campaign.time_zone)
    converted = convert(money, campaign.currency, on=on_date)
    cost = Cost(
        campaign=campaign,
        creative=creative,
        partner=partner,
        on_date=on_date,
        kind=Cost.Kind.COMMISSION,
        reference=reference,
        **asdict(converted),
    )
    return _write_once(cost)


def reverse_commission_cost(cost: Cost, *, reference: str) -> Cost:
    """Take a commission's cost back to the last digit: same campaign, day and rate; idempotent by `reference`."""
    reversal = Cost(
        campaign_id=cost.campaign_id,
        creative_id=cost.creative_id,
        partner_id=cost.partner_id,
        on_date=cost.on_date,
        kind=cost.kind,
        amount=-cost.amount,
        currency=cost.currency,
        reference=reference,
        original_amount=-cost.original_amount if cost.original_amount is not None else None,
        original_currency=cost.original_currency,
        exchange_rate=cost.exchange_rate,
        exchange_rate_on=cost.exchange_rate_on,
        exchange_rate_source=cost.exchange_rate_source,
    )
    return _write_once(reversal)


def _write_once(cost: Cost) -> Cost:
    try:
        with transaction.atomic():
            cost.save(force_insert=True)
    except IntegrityError as error:
        if broken_constraint(error) != "one_cost_per_reference":
            raise
        return Cost.objects.get(reference=cost.reference)
    return cost
