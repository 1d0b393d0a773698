"""Budgets: what edges counted and what costs say, on the day of the campaign's zone and in all."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from campaigns.domain.budgets import (
    budget_standings,
    campaigns_with_budgets,
    fold_campaign_spends,
    write_cost_spends,
)
from campaigns.models import Campaign, CampaignSpend, Cost
from tests.world import NOON, make_campaign
from tracker_project.common.database import broken_constraint

TODAY = date(2026, 11, 22)

pytestmark = pytest.mark.django_db


def spend(campaign: Campaign, amount: str, *, counter: str = "edge-1", day: date = TODAY) -> CampaignSpend:
    return CampaignSpend.objects.create(campaign=campaign, day=day, counter=counter, amount=Decimal(amount))


def cost(campaign: Campaign, amount: str, *, day: date = TODAY) -> Cost:
    return Cost.objects.create(campaign=campaign, on_date=day, amount=Decimal(amount), currency=campaign.currency)


def spends_of(campaign: Campaign) -> list[tuple[date, str, Decimal]]:
    return list(campaign.spends.order_by("day", "counter").values_list("day", "counter", "amount"))


def test_write_cost_spends_counts_the_days_costs_beside_the_edges() -> None:
    campaign = make_campaign(daily_budget=Decimal(100))
    spend(campaign, "12.50")
    cost(campaign, "30")
    cost(campaign, "7", day=date(2026, 11, 21))
    cost(campaign, "9", day=date(2026, 11, 20))

    write_cost_spends(at=NOON)

    assert spends_of(campaign) == [
        (date(2026, 11, 21), "costs", Decimal(7)),
        (TODAY, "costs", Decimal(30)),
        (TODAY, "edge-1", Decimal("12.5")),
    ]


def test_write_cost_spends_follows_a_correction_and_a_deletion() -> None:
    campaign = make_campaign(daily_budget=Decimal(100))
    row = cost(campaign, "30")
    write_cost_spends(at=NOON)

    Cost.objects.filter(pk=row.pk).update(amount=Decimal(20))
    write_cost_spends(at=NOON)
    corrected = spends_of(campaign)[-1]
    row.delete()
    write_cost_spends(at=NOON)

    assert corrected == (TODAY, "costs", Decimal(20))
    assert spends_of(campaign)[-1] == (TODAY, "costs", Decimal(0))


def test_write_cost_spends_takes_the_day_of_the_campaigns_zone() -> None:
    campaign = make_campaign(daily_budget=Decimal(100), time_zone="Asia/Tokyo")
    cost(campaign, "30", day=date(2026, 11, 23))

    write_cost_spends(at=datetime(2026, 11, 22, 15, 0, tzinfo=UTC))

    assert spends_of(campaign) == [(TODAY, "costs", Decimal(0)), (date(2026, 11, 23), "costs", Decimal(30))]


def test_write_cost_spends_leaves_campaigns_without_a_daily_budget_alone() -> None:
    cost(make_campaign(), "30")
    cost(make_campaign(daily_budget=Decimal(5), status="archived"), "30")

    write_cost_spends(at=NOON)

    assert not CampaignSpend.objects.exists()


def test_budget_standings_add_up_counters_for_the_day_and_costs_for_the_whole() -> None:
    campaign = make_campaign(daily_budget=Decimal(50), budget=Decimal(1000))
    spend(campaign, "12.50")
    spend(campaign, "10", counter="edge-2")
    spend(campaign, "400", counter="folded", day=date(2026, 10, 1))
    cost(campaign, "30")
    cost(campaign, "300", day=date(2026, 10, 1))
    write_cost_spends(at=NOON)

    [day, whole] = budget_standings([campaign], at=NOON)

    assert (day.day, day.spent, day.percent, day.is_reached) == (TODAY, Decimal("52.5"), 105, True)
    assert (whole.day, whole.spent, whole.percent, whole.is_reached) == (None, Decimal("752.5"), 75, False)


def test_budget_standings_ask_as_often_for_many_campaigns(django_assert_num_queries: Any) -> None:
    make_campaign(daily_budget=Decimal(50), budget=Decimal(1000))
    with django_assert_num_queries(4):
        budget_standings(list(campaigns_with_budgets()), at=NOON)
    make_campaign(daily_budget=Decimal(50))
    make_campaign(budget=Decimal(50))

    with django_assert_num_queries(4):
        standings = budget_standings(list(campaigns_with_budgets()), at=NOON)

    assert len(standings) == 4


def test_fold_campaign_spends_keeps_each_days_sum() -> None:
    campaign = make_campaign(daily_budget=Decimal(50))
    old = date(2026, 11, 19)
    spend(campaign, "1.25", day=old)
    spend(campaign, "2.50", counter="edge-2", day=old)
    spend(campaign, "9", counter="costs", day=old)
    spend(campaign, "4")
    CampaignSpend.objects.update(updated_at=NOON - timedelta(days=2))

    folded = [fold_campaign_spends(at=NOON), fold_campaign_spends(at=NOON)]

    assert folded == [2, 0]
    assert spends_of(campaign) == [
        (old, "costs", Decimal(9)),
        (old, "folded", Decimal("3.75")),
        (TODAY, "edge-1", Decimal(4)),
    ]


@pytest.mark.parametrize(
    ("counter", "constraint"),
    [("edge-1", "one_spend_per_campaign_day_and_counter"), ("", "spend_names_its_counter")],
)
def test_a_spend_that_cannot_be_is_refused(counter: str, constraint: str) -> None:
    campaign = make_campaign()
    spend(campaign, "1")

    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        spend(campaign, "2", counter=counter)

    assert broken_constraint(refused.value) == constraint
