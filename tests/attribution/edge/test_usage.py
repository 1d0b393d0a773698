"""Caps and daily budgets: when they turn visitors away, where those go, and how edges count them together."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection

from attribution.edge.database import conninfo_of
from attribution.edge.decision import Note
from attribution.edge.usage import Cap, Usage
from attribution.edge.zones import Zone
from campaigns.domain.limits import fold_cap_uses
from campaigns.models import CampaignSpend, CapUse
from campaigns.models import Cap as CapModel
from tests.attribution.edge.tables import (
    bound,
    campaign_row,
    cap_row,
    decide,
    flow_row,
    licence_row,
    make_tables,
    make_visit,
    offer_row,
    page_row,
    share_row,
    used,
    went,
)
from tests.world import NOON, make_campaign

IN_ALL = Cap(1, counts_clicks=True, limit=100, zone=None)
BERLIN = Zone("Europe/Berlin")


def ms(*moment: int) -> int:
    return int(datetime(*moment, tzinfo=UTC).timestamp() * 1000)  # type: ignore[misc, arg-type]


def test_cap_of_a_campaign_turns_everybody_away_once_it_is_reached():
    tables = make_tables(campaign_row(offer_id=1), offers=[offer_row(1)], caps=[cap_row(1, 3, campaign_id=1)])
    notes: list[Note] = []

    assert decide(tables, usage=used(tables, cap_1=2)).outcome == "offer"
    assert went(decide(tables, usage=used(tables, cap_1=3), notes=notes)) == ("capped", None, None, None, None)
    assert notes == [("Campaign", False, "A cap of the campaign is reached.")]


def test_cap_of_0_takes_nobody():
    tables = make_tables(campaign_row(offer_id=1), offers=[offer_row(1)], caps=[cap_row(1, 0, campaign_id=1)])

    assert decide(tables).outcome == "capped"


def test_cap_a_day_begins_again_at_midnight_of_its_zone_and_one_in_all_never():
    a_day = make_tables(
        campaign_row(offer_id=1, time_zone="Europe/Berlin"),
        offers=[offer_row(1)],
        caps=[cap_row(1, 1, campaign_id=1, time_zone="Europe/Berlin")],
    )
    in_all = make_tables(
        campaign_row(offer_id=1), offers=[offer_row(1)], caps=[cap_row(1, 1, campaign_id=1, period="total")]
    )
    before, after = (
        make_visit(at=datetime(2026, 11, 22, 22, 59, 59, tzinfo=UTC)),
        make_visit(at=datetime(2026, 11, 22, 23, 0, tzinfo=UTC)),
    )

    used_a_day, used_in_all = used(a_day, cap_1=1), used(in_all, cap_1=1)

    assert [decide(a_day, visit, usage=used_a_day).outcome for visit in (before, after)] == ["capped", "offer"]
    assert [decide(in_all, visit, usage=used_in_all).outcome for visit in (before, after)] == ["capped", "capped"]


def test_cap_of_a_flow_leads_on_to_the_next_flow():
    tables = make_tables(
        flows=[flow_row(1), flow_row(2)],
        offers=[offer_row(1), offer_row(2)],
        flow_offers=[share_row(1, 1), share_row(2, 2)],
        caps=[cap_row(1, 1, flow_id=1)],
    )
    notes: list[Note] = []

    assert decide(tables).flow.id == 1
    assert decide(tables, usage=used(tables, cap_1=1), notes=notes).flow.id == 2
    assert notes[0] == ("Flow “Flow 1”", False, "A cap of the flow is reached.")


def chain(*alternatives, caps=(1,), **columns):
    """Return the tables of a campaign whose offer 1 has a cap and these alternatives one after the other."""
    numbers = [1, *alternatives]
    offers = {number: offer_row(number, **columns.get(f"offer_{number}", {})) for number in numbers}
    for number, alternative in zip(numbers, alternatives, strict=False):
        offers[number] = offers[number]._replace(alternative_id=alternative)
    return make_tables(
        campaign_row(offer_id=1),
        offers=list(offers.values()),
        caps=[cap_row(number, 1, offer_id=number) for number in caps],
        licences=columns.get("licences", []),
    )


def test_cap_of_an_offer_leads_to_its_alternative():
    tables = chain(2)
    notes: list[Note] = []

    assert went(decide(tables, usage=used(tables, cap_1=1), notes=notes)) == ("offer", None, None, 2, None)
    assert notes == [
        ("Offer “Offer 1”", False, "A cap of the offer is reached; its alternative is asked."),
        ("Offer “Offer 2”", True, "It may be shown."),
    ]


def test_alternatives_are_followed_as_far_as_they_go():
    tables = chain(2, 3, caps=(1, 2))

    assert decide(tables, usage=used(tables, cap_1=1)).offer.id == 2
    assert decide(tables, usage=used(tables, cap_1=1, cap_2=1)).offer.id == 3


def test_alternatives_in_a_circle_end_as_capped():
    tables = chain(2, 1, caps=(1, 2))

    assert went(decide(tables, usage=used(tables, cap_1=1, cap_2=1))) == ("capped", None, None, None, None)


def test_offer_without_an_alternative_is_capped():
    tables = chain()
    notes: list[Note] = []

    assert decide(tables, usage=used(tables, cap_1=1), notes=notes).outcome == "capped"
    assert notes == [("Offer “Offer 1”", False, "A cap of the offer is reached; it has no alternative.")]


def test_alternative_needs_a_licence_as_every_offer():
    tables = chain(2, offer_2={"is_licensed_only": True}, licences=[licence_row(7, 2, "MT")])
    usage = used(tables, cap_1=1)

    assert went(decide(tables, usage=usage)) == ("offer", None, None, 2, 7)
    assert decide(tables, make_visit(place=("DE", None, None)), usage=usage).outcome == "elsewhere"


def test_capped_offer_of_a_split_gives_its_visitors_to_the_others():
    tables = make_tables(
        flows=[flow_row(1)],
        offers=[offer_row(1), offer_row(2)],
        flow_offers=[share_row(1, 1, weight=1000), share_row(1, 2, weight=1)],
        landing_pages=[page_row(1)],
        caps=[cap_row(1, 1, offer_id=1), cap_row(2, 1, offer_id=2)],
    )

    assert decide(tables, usage=used(tables, cap_1=1)).offer.id == 2
    assert decide(tables, usage=used(tables, cap_1=1), binding=bound(flow=1, offer=1)).offer.id == 2
    assert decide(tables, usage=used(tables, cap_1=1, cap_2=1)).outcome == "capped"


def test_landing_page_is_not_shown_once_every_offer_behind_it_is_capped():
    tables = make_tables(
        flows=[flow_row(1)],
        offers=[offer_row(1)],
        flow_offers=[share_row(1, 1)],
        landing_pages=[page_row(1)],
        flow_landing_pages=[share_row(1, 1)],
        caps=[cap_row(1, 1, offer_id=1)],
    )

    assert decide(tables).outcome == "landing"
    assert went(decide(tables, usage=used(tables, cap_1=1))) == ("capped", 1, None, None, None)


def budgeted(**columns):
    return make_tables(
        campaign_row(offer_id=1, daily_budget="100", time_zone="Europe/Berlin", **columns), offers=[offer_row(1)]
    )


def spent(amount: str, at: datetime = NOON) -> Usage:
    usage = Usage()
    usage.spend(1, BERLIN, amount, int(at.timestamp() * 1000))
    return usage


def test_budget_stops_a_campaign_once_it_is_spent():
    tables = budgeted(stops_at_budget=True)
    notes: list[Note] = []

    assert decide(tables, usage=spent("99.99999999")).outcome == "offer"
    assert went(decide(tables, usage=spent("100"), notes=notes)) == ("capped", None, None, None, None)
    assert notes == [("Campaign", False, "The day's budget is spent.")]


def test_budget_begins_again_at_midnight_of_the_campaigns_zone():
    tables = budgeted(stops_at_budget=True)
    usage = spent("100")

    assert decide(tables, make_visit(at=datetime(2026, 11, 22, 22, 59, tzinfo=UTC)), usage=usage).outcome == "capped"
    assert decide(tables, make_visit(at=datetime(2026, 11, 22, 23, 0, tzinfo=UTC)), usage=usage).outcome == "offer"


def test_budget_that_only_alerts_stops_nobody():
    assert decide(budgeted(), usage=spent("1000")).outcome == "offer"


@pytest.mark.parametrize(
    ("hour", "amount", "outcome"),
    [
        # Noon of UTC is 13:00 in Berlin: 54.17 may be spent by then, and a 48th of the day at its beginning.
        (12, "54.16", "offer"),
        (12, "54.17", "capped"),
        (22, "95.83", "offer"),
        (22, "95.84", "capped"),
    ],
)
def test_even_pacing_allows_what_the_day_has_brought_so_far(hour, amount, outcome):
    at = datetime(2026, 11, 22, hour, 0, tzinfo=UTC)

    assert decide(budgeted(pacing="even"), make_visit(at=at), usage=spent(amount, at)).outcome == outcome


def test_even_pacing_allows_a_little_from_the_first_second_on():
    at = datetime(2026, 11, 21, 23, 0, tzinfo=UTC)
    notes: list[Note] = []

    assert decide(budgeted(pacing="even"), make_visit(at=at), usage=spent("2.08", at)).outcome == "offer"
    assert decide(budgeted(pacing="even"), make_visit(at=at), usage=spent("2.09", at), notes=notes).outcome == "capped"
    assert notes == [("Campaign", False, "As much of the day's budget is spent as even pacing allows by now.")]


def connect() -> Any:
    return psycopg.AsyncConnection.connect(conninfo_of(connection.settings_dict), autocommit=True)


def exchange(usage: Usage, *, at: datetime = NOON) -> None:
    async def tell() -> None:
        async with await connect() as other:
            await usage.exchange(other, at=at)

    asyncio.run(tell())


@pytest.fixture
def cap(transactional_db):
    return CapModel.objects.create(campaign=make_campaign(), event="click", period="total", limit=100)


def edge_cap(cap: CapModel) -> Cap:
    return Cap(cap.pk, counts_clicks=True, limit=cap.limit, zone=None)


def test_exchange_tells_absolute_numbers_however_often(cap):
    usage = Usage()
    usage.count([edge_cap(cap)] * 5, ms(2026, 11, 22))

    exchange(usage)
    exchange(usage)
    usage.count([edge_cap(cap)], ms(2026, 11, 22))
    exchange(usage)

    assert list(CapUse.objects.values_list("cap", "day", "uses")) == [(cap.pk, None, 6)]


def test_exchange_reads_what_others_used(cap):
    one, other = Usage(), Usage()
    one.count([edge_cap(cap)] * 60, ms(2026, 11, 22))
    other.count([edge_cap(cap)] * 40, ms(2026, 11, 22))

    exchange(one)
    exchange(other)

    assert other.is_reached([edge_cap(cap)], ms(2026, 11, 22))
    assert not one.is_reached([edge_cap(cap)], ms(2026, 11, 22))
    exchange(one)
    assert one.is_reached([edge_cap(cap)], ms(2026, 11, 22))


def test_exchange_leaves_out_caps_and_campaigns_that_are_gone(cap):
    usage = Usage()
    usage.count([edge_cap(cap), Cap(cap.pk + 1, counts_clicks=True, limit=5, zone=None)], ms(2026, 11, 22))
    usage.spend(cap.campaign_id + 1, BERLIN, "1", ms(2026, 11, 22))

    exchange(usage)

    assert CapUse.objects.get().cap_id == cap.pk
    assert not CampaignSpend.objects.exists()


def test_exchange_that_fails_is_made_up_for_by_the_next(cap):
    usage = Usage()
    usage.count([edge_cap(cap)] * 5, ms(2026, 11, 22))

    async def break_off() -> None:
        async with await connect() as other:
            telling = asyncio.create_task(usage.exchange(other, at=NOON))
            await asyncio.sleep(0)
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)

    asyncio.run(break_off())
    CapUse.objects.all().delete()
    exchange(usage)

    assert CapUse.objects.get().uses == 5


def test_counter_of_an_edge_that_saw_no_clicks_for_days_is_not_folded_and_counted_twice(cap):
    usage = Usage()
    usage.count([edge_cap(cap)] * 5, ms(2026, 11, 22))
    usage.spend(cap.campaign_id, BERLIN, "1.5", ms(2026, 11, 22))
    exchange(usage)
    for told in (CapUse, CampaignSpend):
        told.objects.update(updated_at=datetime.now(UTC) - timedelta(days=8))

    exchange(usage, at=NOON + timedelta(minutes=59))
    assert CapUse.objects.get().updated_at < datetime.now(UTC) - timedelta(days=7)
    exchange(usage, at=NOON + timedelta(minutes=60))
    fold_cap_uses(at=datetime.now(UTC))
    usage.count([edge_cap(cap)], ms(2026, 11, 22))
    exchange(usage, at=NOON + timedelta(minutes=61))

    assert list(CapUse.objects.values_list("uses", flat=True)) == [6]
    assert CampaignSpend.objects.get().updated_at > datetime.now(UTC) - timedelta(days=1)


def test_conversions_are_not_counted_by_edges(cap):
    usage = Usage()

    usage.count([Cap(cap.pk, counts_clicks=False, limit=5, zone=None)], ms(2026, 11, 22))

    assert not usage.is_reached([Cap(cap.pk, counts_clicks=False, limit=1, zone=None)], ms(2026, 11, 22))
