"""The table campaign × day against figures worked out by hand."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from analytics.domain.campaign_days import (
    CampaignDay,
    Figures,
    campaign_days,
    cost_per_first_deposit,
    only_currency,
    total,
)
from attribution.domain.partitions import ensure_click_partitions
from campaigns.models import Campaign, Cost
from conversions.models import Conversion, Revenue
from tests.affiliates.builders import make_deposit, make_player
from tests.attribution.builders import make_impression, make_landing_event
from tests.world import make_campaign, make_click, make_link, make_partner

pytestmark = pytest.mark.django_db

SUNDAY = date(2026, 11, 22)


def day_of(campaign: Campaign | None, day: date = SUNDAY) -> Figures:
    rows = campaign_days(first=day, last=day)
    return next((row.figures for row in rows if row.campaign == campaign), Figures())


def make_first_deposit(campaign: Campaign | None, **columns: Any) -> Conversion:
    return make_deposit(campaign=campaign, is_first_deposit=True, **columns)


def make_registration(campaign: Campaign | None, *, at: datetime, **columns: Any) -> Conversion:
    player = make_player()
    return Conversion.objects.create(
        **{
            "platform": player.platform,
            "player": player,
            "campaign": campaign,
            "kind": "registration",
            "status": "confirmed",
            "is_settled": True,
            "occurred_at": at,
            "received_at": at,
            "first_event_id": "r",
        }
        | columns
    )


def bring_revenue(conversion: Conversion, amount: int) -> None:
    Revenue.objects.create(
        conversion=conversion,
        amount=amount,
        currency="EUR",
        original_amount=amount,
        original_currency="EUR",
        exchange_rate=1,
        exchange_rate_on=SUNDAY,
        exchange_rate_source="same currency",
    )


def book_commission(campaign: Campaign, *, amount: int, on_date: date, reference: str) -> None:
    Cost.objects.create(
        campaign=campaign,
        partner=make_partner(),
        on_date=on_date,
        kind="commission",
        amount=amount,
        currency="EUR",
        reference=reference,
        original_amount=amount,
        original_currency="EUR",
        exchange_rate=1,
        exchange_rate_on=on_date,
        exchange_rate_source="same currency",
    )


def test_campaign_days_adds_up_a_day() -> None:
    campaign = make_campaign()
    link = make_link(campaign=campaign)
    noon = datetime(2026, 11, 22, 12, tzinfo=UTC)
    make_click(link, at=noon, cost=Decimal("0.25"))
    make_click(link, at=noon, cost=Decimal("0.105"))
    make_click(link, at=noon, kind="bot", cost=Decimal("9"))
    make_click(link, at=noon, kind="preview")
    make_click(link, at=noon, outcome="paused", cost=Decimal("0.40"))
    make_registration(campaign, at=noon)
    make_registration(campaign, at=noon)
    bring_revenue(make_first_deposit(campaign, occurred_at=noon), 200)
    make_first_deposit(campaign, occurred_at=noon, review_state="held")
    Cost.objects.create(campaign=campaign, on_date=SUNDAY, kind="spend", amount=Decimal("10.00"), currency="EUR")
    book_commission(campaign, amount=120, on_date=SUNDAY, reference="a")

    figures = day_of(campaign)

    assert figures == Figures(
        clicks=2,
        bots=1,
        previews=1,
        while_paused=1,
        registrations=2,
        first_deposits_gross=2,
        first_deposits_net=2,
        first_deposits_held=1,
        click_cost=Decimal("0.755"),
        spend=Decimal(10),
        commission=Decimal(120),
        revenue=Decimal(200),
    )
    assert figures.cost == Decimal("130.755")
    assert cost_per_first_deposit(figures, "EUR") == Decimal("65.38")


def test_campaign_days_counts_visitors_who_were_sent_on_and_the_others_apart() -> None:
    campaign = make_campaign()
    link = make_link(campaign=campaign)
    make_click(link, outcome="offer", is_unique=True, cost=Decimal(1))
    make_click(link, outcome="landing", is_unique=True, cost=Decimal(1))
    make_click(link, outcome="direct", is_unique=False, cost=Decimal(1))
    make_click(link, outcome="stopped", is_unique=True, cost=Decimal(1))
    make_click(link, outcome="elsewhere", is_unique=True, cost=Decimal(1))
    make_click(link, outcome="unknown_place", cost=Decimal(1))
    make_click(link, outcome="capped", cost=Decimal(1))
    make_click(link, outcome="broken", cost=Decimal(1))
    make_click(link, kind="staff", is_unique=True, cost=Decimal(10))
    make_click(link, kind="excess", is_unique=False, cost=Decimal(10))
    make_click(link, kind="bot", outcome="elsewhere", cost=Decimal(10))
    make_click(link, kind="test", is_unique=True, cost=Decimal(10))

    assert day_of(campaign) == Figures(
        clicks=3,
        unique_clicks=2,
        bots=1,
        excess=1,
        staff=1,
        while_paused=1,
        elsewhere=1,
        unknown_place=1,
        capped=1,
        nowhere=1,
        click_cost=Decimal(8),
    )


def test_campaign_days_counts_impressions_and_landing_pages_on_the_campaigns_days() -> None:
    campaign = make_campaign(time_zone="Asia/Tokyo")
    link = make_link(campaign=campaign)
    late, early = datetime(2026, 11, 22, 15, tzinfo=UTC), datetime(2026, 11, 22, 14, 59, tzinfo=UTC)
    make_impression(link, at=early)
    make_impression(link, at=late)
    make_impression(link, at=early, kind="bot")
    make_landing_event(link, at=early)
    make_landing_event(link, at=early)
    make_landing_event(link, at=early, kind="click_through")
    make_landing_event(link, at=early, kind="app_installed")
    make_landing_event(link, at=late)

    assert day_of(campaign) == Figures(impressions=1, landing_views=2, click_throughs=1)
    assert day_of(campaign, date(2026, 11, 23)) == Figures(impressions=1, landing_views=1)


def test_campaign_days_takes_reversed_and_rejected_deposits_out_of_net_alone() -> None:
    campaign = make_campaign()
    noon = datetime(2026, 11, 22, 12, tzinfo=UTC)
    bring_revenue(make_first_deposit(campaign, occurred_at=noon, status="charged_back", reversed_at=noon), 200)
    bring_revenue(make_first_deposit(campaign, occurred_at=noon, review_state="rejected"), 200)
    both = {"status": "refunded", "reversed_at": noon, "review_state": "held"}
    make_first_deposit(campaign, occurred_at=noon, **both)
    make_first_deposit(campaign, occurred_at=noon, review_state="pending")

    figures = day_of(campaign)

    assert figures == Figures(first_deposits_gross=4, first_deposits_net=1)


def test_campaign_days_never_counts_test_conversions() -> None:
    campaign = make_campaign()
    noon = datetime(2026, 11, 22, 12, tzinfo=UTC)
    make_registration(campaign, at=noon, is_test=True)
    make_deposit(campaign=campaign, occurred_at=noon, is_first_deposit=False, is_test=True)

    rows = campaign_days(first=SUNDAY, last=SUNDAY)

    assert rows == []


def test_campaign_days_counts_later_deposits_as_no_first_ones() -> None:
    campaign = make_campaign()
    make_deposit(campaign=campaign, occurred_at=datetime(2026, 11, 22, 12, tzinfo=UTC), is_first_deposit=False)

    assert day_of(campaign) == Figures()


def test_campaign_days_begins_a_day_at_midnight_of_the_campaigns_zone() -> None:
    in_auckland = make_campaign(time_zone="Pacific/Auckland")
    in_utc = make_campaign()
    before = datetime(2026, 11, 22, 10, 59, 59, 999000, tzinfo=UTC)
    midnight = datetime(2026, 11, 22, 11, 0, tzinfo=UTC)
    make_click(make_link(campaign=in_auckland), at=before)
    make_click(make_link(campaign=in_auckland), at=midnight)
    make_click(make_link(campaign=in_utc), at=midnight)
    make_registration(in_auckland, at=before)
    make_registration(in_auckland, at=midnight)

    rows = campaign_days(first=SUNDAY, last=date(2026, 11, 23))

    assert {(row.campaign, row.day, row.figures.clicks, row.figures.registrations) for row in rows} == {
        (in_auckland, date(2026, 11, 22), 1, 1),
        (in_auckland, date(2026, 11, 23), 1, 1),
        (in_utc, date(2026, 11, 22), 1, 0),
    }


def test_campaign_days_gives_the_day_of_25_hours_all_of_them() -> None:
    campaign = make_campaign(time_zone="Europe/Berlin")
    link = make_link(campaign=campaign)
    # 25 October 2026 lasts from 22:00 UTC of the 24th to 23:00 UTC of the 25th.
    make_click(link, at=datetime(2026, 10, 24, 22, 0, tzinfo=UTC))
    make_click(link, at=datetime(2026, 10, 25, 22, 59, 59, tzinfo=UTC))
    make_click(link, at=datetime(2026, 10, 25, 23, 0, tzinfo=UTC))
    make_registration(campaign, at=datetime(2026, 10, 25, 22, 59, 59, tzinfo=UTC))

    rows = campaign_days(first=date(2026, 10, 24), last=date(2026, 10, 26))

    assert [(row.day, row.figures.clicks, row.figures.registrations) for row in rows] == [
        (date(2026, 10, 26), 1, 0),
        (date(2026, 10, 25), 2, 1),
    ]


def test_campaign_days_gives_the_day_of_23_hours_no_more() -> None:
    campaign = make_campaign(time_zone="Europe/Berlin")
    link = make_link(campaign=campaign)
    # 29 March 2026 lasts from 23:00 UTC of the 28th to 22:00 UTC of the 29th.
    make_click(link, at=datetime(2026, 3, 28, 23, 0, tzinfo=UTC))
    make_click(link, at=datetime(2026, 3, 29, 21, 59, 59, tzinfo=UTC))
    make_click(link, at=datetime(2026, 3, 29, 22, 0, tzinfo=UTC))

    rows = campaign_days(first=date(2026, 3, 29), last=date(2026, 3, 30))

    assert [(row.day, row.figures.clicks) for row in rows] == [(date(2026, 3, 30), 1), (date(2026, 3, 29), 2)]


def test_campaign_days_puts_a_reversal_of_commission_on_its_own_day() -> None:
    campaign = make_campaign()
    book_commission(campaign, amount=120, on_date=date(2026, 11, 20), reference="a")
    book_commission(campaign, amount=-120, on_date=SUNDAY, reference="b")

    rows = campaign_days(first=date(2026, 11, 20), last=SUNDAY)

    assert [(row.day, row.figures.commission) for row in rows] == [
        (SUNDAY, Decimal(-120)),
        (date(2026, 11, 20), Decimal(120)),
    ]
    assert total(rows).cost == 0


def test_campaign_days_shows_conversions_that_no_campaign_brought_last() -> None:
    campaign = make_campaign(name="zebra")
    noon = datetime(2026, 11, 22, 12, tzinfo=UTC)
    make_registration(None, at=noon)
    make_registration(campaign, at=noon)

    rows = campaign_days(first=SUNDAY, last=SUNDAY)

    assert [row.campaign for row in rows] == [campaign, None]
    assert cost_per_first_deposit(rows[1].figures, None) is None


def test_campaign_days_of_one_campaign_leaves_the_others_out() -> None:
    mine, theirs = make_campaign(), make_campaign()
    noon = datetime(2026, 11, 22, 12, tzinfo=UTC)
    make_click(make_link(campaign=mine), at=noon)
    make_click(make_link(campaign=theirs), at=noon)
    make_registration(theirs, at=noon)
    make_registration(None, at=noon)

    rows = campaign_days(first=SUNDAY, last=SUNDAY, campaigns=[mine])

    assert [(row.campaign, row.figures) for row in rows] == [(mine, Figures(clicks=1))]


def test_cost_per_first_deposit_is_none_without_one() -> None:
    assert cost_per_first_deposit(Figures(spend=Decimal(10)), "EUR") is None


def test_only_currency_is_none_for_several() -> None:
    euro, dollar = make_campaign(), make_campaign(currency="USD")
    rows = [CampaignDay(campaign=campaign, day=SUNDAY, figures=Figures(clicks=1)) for campaign in (euro, dollar)]

    assert only_currency(rows) is None
    assert only_currency(rows[:1]) == "EUR"


def test_campaign_days_reads_the_partitions_of_its_days_alone() -> None:
    make_campaign(time_zone="Pacific/Auckland")
    ensure_click_partitions(at=datetime(2026, 11, 22, 12, tzinfo=UTC), days_back=3, days_ahead=3)
    with CaptureQueriesContext(connection) as queries:
        campaign_days(first=SUNDAY, last=SUNDAY)

    asked = next(query["sql"] for query in queries if "FROM clicks" in query["sql"])
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {asked}")
        plan = "\n".join(row[0] for row in cursor.fetchall())

    assert "clicks_20261121" in plan
    assert "clicks_20261122" in plan
    assert "clicks_20261120" not in plan
    assert "clicks_20261123" not in plan


def test_campaign_days_asks_as_many_queries_for_many_days_and_zones_as_for_one() -> None:
    for zone in ("UTC", "Europe/Malta", "America/Sao_Paulo"):
        campaign = make_campaign(time_zone=zone)
        make_registration(campaign, at=datetime(2026, 11, 22, 12, tzinfo=UTC))

    with CaptureQueriesContext(connection) as queries:
        campaign_days(first=date(2026, 10, 1), last=SUNDAY)

    assert len(queries) == 6
