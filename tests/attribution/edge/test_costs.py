"""What a click costs: from the URL, in any currency, kept exactly and counted against the day's budget."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from attribution.edge.clicks import cost_columns, cost_in_currency
from attribution.edge.routes import build_snapshot
from attribution.edge.snapshot import RateRow
from attribution.models import Click
from campaigns.models import CampaignSpend, ExchangeRate
from tests.attribution.edge.tables import campaign_row, make_tables, make_visit
from tests.attribution.edge.test_store import wait_until
from tests.world import make_campaign, make_link, make_source

RATES = [RateRow("USD", "1.25", "2026-11-20", "ECB"), RateRow("BRL", "6.4", "2026-11-19", "bank")]
NOTHING = "\\N"


def campaign(currency="EUR", cost_currency="", rates=RATES):
    row = campaign_row(currency=currency, cost_currency=cost_currency)
    return build_snapshot(make_tables(row, rates=rates)).routes["spring"].campaign


def values(cost, currency=None):
    named = {"cost": cost} | ({"cost_currency": currency} if currency else {})
    return make_visit(parameters={name: value for name, value in named.items() if value is not None}).values


@pytest.mark.parametrize(
    ("of", "cost", "currency", "columns"),
    [
        (campaign(), "0.5", None, ["0.5", *[NOTHING] * 5]),
        (campaign(), "0.5", "eur", ["0.5", *[NOTHING] * 5]),
        (campaign(), None, "USD", [NOTHING] * 6),
        (campaign(), "0.5", "USD", ["0.40000000", "0.5", "USD", "0.8000000000", "2026-11-20", "ECB"]),
        (
            campaign(cost_currency="USD"),
            "0.5",
            None,
            ["0.40000000", "0.5", "USD", "0.8000000000", "2026-11-20", "ECB"],
        ),
        (campaign(cost_currency="USD"), "0.5", "EUR", ["0.5", *[NOTHING] * 5]),
        # Two rates that meet in the euro: the older day counts, both sources are named.
        (
            campaign(currency="BRL"),
            "0.5",
            "USD",
            ["2.56000000", "0.5", "USD", "5.1200000000", "2026-11-19", "ECB and bank"],
        ),
        (campaign(currency="USD"), "1", "EUR", ["1.25000000", "1", "EUR", "1.2500000000", "2026-11-20", "ECB"]),
        # Without a rate the cost is kept as it came, and counts nowhere.
        (campaign(), "900", "JPY", [NOTHING, "900", "JPY", *[NOTHING] * 3]),
        (campaign(cost_currency="JPY"), "900", None, [NOTHING, "900", "JPY", *[NOTHING] * 3]),
        (campaign(currency="JPY"), "1", "EUR", [NOTHING, "1", "EUR", *[NOTHING] * 3]),
        # What is no currency says nothing: the source's is meant.
        (campaign(), "0.5", "{currency}", ["0.5", *[NOTHING] * 5]),
        (campaign(), "0.5", "dollars", ["0.5", *[NOTHING] * 5]),
        (campaign(cost_currency="USD"), "0.5", "??", ["0.40000000", "0.5", "USD", "0.8000000000", "2026-11-20", "ECB"]),
    ],
)
def test_cost_columns_keep_the_cost_and_what_it_was_converted_by(of, cost, currency, columns):
    text = cost_columns(values(cost, currency), of)

    assert text.split("\t") == columns
    counted = cost_in_currency(values(cost, currency), of)
    assert (counted or NOTHING) == columns[0]


@pytest.mark.parametrize(("dollars", "yen"), [("0.0000000001", "99999999999999"), ("0.0000000001", "10000")])
def test_rate_that_is_too_large_to_be_kept_is_none_at_all(caplog, dollars, yen):
    rates = [RateRow("USD", dollars, "2026-11-20", "ECB"), RateRow("JPY", yen, "2026-11-20", "ECB")]

    of = campaign(currency="JPY", rates=rates)

    assert cost_columns(values("1", "USD"), of).split("\t") == [NOTHING, "1", "USD", *[NOTHING] * 3]
    assert "an exchange rate cannot be used" in caplog.text


def test_sources_of_a_rate_are_kept_as_far_as_they_fit():
    rates = [RateRow("USD", "1.25", "2026-11-20", "a" * 50), RateRow("BRL", "6.4", "2026-11-19", "b" * 50)]

    text = cost_columns(values("1", "USD"), campaign(currency="BRL", rates=rates))

    assert text.split("\t")[5] == "a" * 50


def test_costs_are_stored_and_spent_in_the_campaigns_currency(serve):
    today = datetime.now(UTC).date()
    for days, per_euro in ((0, "1.25"), (1, "1.6"), (-1, "3")):
        ExchangeRate.objects.create(
            currency="USD", on_date=today - timedelta(days=days), per_euro=per_euro, source="ECB"
        )
    campaign = make_campaign(
        source=make_source(cost_currency="USD", cost_parameter="price"), daily_budget=Decimal(3), stops_at_budget=True
    )
    make_link(code="spring", campaign=campaign)
    edge = serve()

    edge.get("/c/spring?price=1.5")
    edge.get("/c/spring?price=1&cost_currency=EUR", x_forwarded_for="192.0.2.1")
    edge.get("/c/spring?price=900&cost_currency=JPY", x_forwarded_for="192.0.2.2")
    edge.get("/c/spring?price=5", user_agent="curl/8.5.0")

    assert list(
        Click.objects.order_by("id").values_list(
            "cost", "original_cost", "original_currency", "exchange_rate", "exchange_rate_on", "exchange_rate_source"
        )
    ) == [
        (Decimal("1.2"), Decimal("1.5"), "USD", Decimal("0.8"), today, "ECB"),
        (Decimal(1), None, None, None, None, None),
        (None, Decimal(900), "JPY", None, None, None),
        (Decimal(4), Decimal(5), "USD", Decimal("0.8"), today, "ECB"),
    ]
    assert wait_until(lambda: spends(campaign) == [Decimal("2.2")])

    # Another edge's, and costs that were entered, count as well.
    CampaignSpend.objects.create(campaign=campaign, day=today, counter="costs", amount=Decimal("0.8"))
    assert wait_until(lambda: edge.get("/c/spring").status == 200)
    assert Click.objects.filter(outcome="capped").exists()


def spends(campaign) -> list[Decimal]:
    return list(CampaignSpend.objects.filter(campaign=campaign).values_list("amount", flat=True))


def test_budget_of_a_campaign_whose_clicks_come_in_parallel_is_spent_too(serve):
    source = make_source(tracks_in_parallel=True)
    campaign = make_campaign(source=source, daily_budget=Decimal(3), time_zone="Pacific/Kiritimati")
    make_link(code="spring", campaign=campaign)
    edge = serve()

    edge.get("/c/spring?cost=0.75", sec_purpose="prefetch")

    assert wait_until(lambda: spends(campaign) == [Decimal("0.75")])
    assert CampaignSpend.objects.get().day == (datetime.now(UTC) + timedelta(hours=14)).date()
