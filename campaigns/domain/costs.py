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
    try:
        with transaction.atomic():
            cost.save(force_insert=True)
    except IntegrityError as error:
        if broken_constraint(error) != "one_cost_per_reference":
            raise
        return Cost.objects.get(reference=reference)
    return cost
