"""Where visits go: flows in their order, draws by weight, what visitors keep, and the outcomes with nowhere to go."""

import random
from collections import Counter
from dataclasses import replace

import pytest

from attribution.edge.building import build_snapshot
from attribution.edge.decision import Note, Router
from attribution.edge.snapshot import StaffRow
from attribution.edge.usage import Usage
from tests.attribution.edge.tables import (
    bound,
    campaign_row,
    decide,
    filter_row,
    flow_row,
    make_tables,
    make_visit,
    offer_row,
    page_row,
    share_row,
    went,
)

OFFERS = [offer_row(1), offer_row(2), offer_row(3)]


def split(*weights, **more):
    """Return the tables of one flow whose offers have these weights."""
    shares = [share_row(1, number, weight=weight, position=number) for number, weight in enumerate(weights, start=1)]
    offers = [offer_row(number) for number in range(1, len(weights) + 1)]
    return make_tables(flows=[flow_row(1)], offers=offers, flow_offers=shares, **more)


def drawn(tables, count=1000, **facts):
    draw = random.Random(7).random
    return Counter(went(decide(tables, draw=draw, **facts))[2:4] for _ in range(count))


def test_decide_sends_to_the_campaigns_own_offer_without_flows():
    tables = make_tables(campaign_row(offer_id=2), offers=OFFERS)

    assert went(decide(tables)) == ("offer", None, None, 2, None)


def test_decide_tries_forced_flows_before_regular_ones_by_position():
    flows = [
        flow_row(1, position=1),
        flow_row(2, position=2, kind="forced"),
        flow_row(3, position=3, kind="forced"),
    ]
    shares = [share_row(1, 1), share_row(2, 2), share_row(3, 3)]
    tables = make_tables(flows=flows, offers=OFFERS, flow_offers=shares)

    assert went(decide(tables)) == ("offer", 2, None, 2, None)
    germans = replace(tables, filters=[filter_row(2, "country", "DE")])
    assert went(decide(germans)) == ("offer", 3, None, 3, None)
    nobody = replace(tables, filters=[filter_row(2, "country", "DE"), filter_row(3, "country", "DE")])
    assert went(decide(nobody)) == ("offer", 1, None, 1, None)


def test_decide_takes_the_first_regular_flow_by_position_whatever_its_weight():
    tables = make_tables(
        flows=[flow_row(1, weight=1), flow_row(2, weight=1000)],
        offers=OFFERS,
        flow_offers=[share_row(1, 1), share_row(2, 2)],
    )

    assert decide(tables, draw=lambda: 0.999).flow.id == 1


def test_decide_draws_regular_flows_by_weight_among_those_that_take_the_visitor():
    tables = make_tables(
        campaign_row(flow_choice="weight"),
        flows=[flow_row(1, weight=50), flow_row(2, weight=30), flow_row(3, weight=20)],
        offers=OFFERS,
        flow_offers=[share_row(1, 1), share_row(2, 2), share_row(3, 3)],
        filters=[filter_row(1, "country", "DE")],
    )

    flows = drawn(tables)

    assert set(flows) == {(None, 2), (None, 3)}
    assert 550 < flows[None, 2] < 650


def test_decide_keeps_a_visitor_on_his_flow_and_gives_one_of_weight_0_no_others():
    tables = make_tables(
        campaign_row(flow_choice="weight"),
        flows=[flow_row(1, weight=0), flow_row(2)],
        offers=OFFERS,
        flow_offers=[share_row(1, 1), share_row(2, 2)],
    )

    assert decide(tables, binding=bound(flow=1)).flow.id == 1
    assert set(drawn(tables, 200)) == {(None, 2)}


def test_decide_draws_anew_for_a_visitor_whom_his_flow_takes_no_more():
    tables = make_tables(
        campaign_row(flow_choice="weight"),
        flows=[flow_row(1), flow_row(2)],
        offers=OFFERS,
        flow_offers=[share_row(1, 1), share_row(2, 2)],
        filters=[filter_row(1, "country", "DE")],
    )

    assert decide(tables, binding=bound(flow=1)).flow.id == 2


def test_decide_goes_on_to_the_default_where_every_regular_flow_has_weight_0():
    tables = make_tables(
        campaign_row(flow_choice="weight"),
        flows=[flow_row(1, weight=0), flow_row(2, kind="default")],
        offers=OFFERS,
        flow_offers=[share_row(1, 1), share_row(2, 2)],
    )

    assert decide(tables).flow.id == 2


def test_decide_falls_to_the_default_flow_and_then_to_the_own_offer():
    tables = make_tables(
        campaign_row(offer_id=3),
        flows=[flow_row(1), flow_row(2, kind="default", position=0)],
        offers=OFFERS,
        flow_offers=[share_row(1, 1), share_row(2, 2)],
        filters=[filter_row(1, "country", "DE")],
    )

    assert went(decide(tables)) == ("offer", 2, None, 2, None)
    not_default = replace(tables, filters=[*tables.filters, filter_row(2, "country", "DE")])
    assert went(decide(not_default)) == ("offer", None, None, 3, None)


def test_decide_asks_all_filters_or_any():
    tables = make_tables(
        campaign_row(offer_id=2),
        flows=[flow_row(1)],
        offers=OFFERS,
        flow_offers=[share_row(1, 1)],
        filters=[filter_row(1, "country", "MT"), filter_row(1, "device", "desktop")],
    )
    with_any = replace(tables, flows=[flow_row(1, matches="any")])

    assert decide(tables).flow is None
    assert decide(with_any).flow.id == 1
    assert decide(with_any, make_visit(place=("DE", None, None))).flow is None


def test_decide_takes_everybody_with_any_of_no_filters():
    tables = make_tables(flows=[flow_row(1, matches="any")], offers=OFFERS, flow_offers=[share_row(1, 1)])

    assert decide(tables).flow.id == 1


@pytest.mark.parametrize(("field", "value"), [("os_version", "seventeen"), ("hour", "25"), ("no_such_field", "x")])
def test_decide_passes_by_a_flow_whose_filter_cannot_be_read(field, value):
    tables = make_tables(
        flows=[flow_row(1), flow_row(2)],
        offers=OFFERS,
        flow_offers=[share_row(1, 1), share_row(2, 2)],
        filters=[filter_row(1, field, value, operator="is_not")],
    )
    notes: list[Note] = []

    assert decide(tables).flow.id == 2
    assert decide(tables, notes=notes).flow.id == 2
    assert "cannot be read" in notes[0].reason


@pytest.mark.parametrize(("action", "outcome"), [("paused_page", "paused"), ("nothing", "stopped")])
def test_decide_shows_a_page_where_a_flow_says_so(action, outcome):
    tables = make_tables(
        campaign_row(offer_id=1), flows=[flow_row(1, action=action)], offers=OFFERS, flow_offers=[share_row(1, 1)]
    )

    assert went(decide(tables)) == (outcome, 1, None, None, None)


def test_decide_pauses_with_the_campaign():
    tables = make_tables(campaign_row(is_active=False, offer_id=1), offers=OFFERS)

    assert went(decide(tables)) == ("paused", None, None, None, None)


def test_decide_leads_a_flow_without_offers_to_the_campaigns_own():
    tables = make_tables(
        campaign_row(offer_id=3),
        flows=[flow_row(1)],
        offers=OFFERS,
        landing_pages=[page_row(1)],
        flow_landing_pages=[share_row(1, 1)],
    )

    assert went(decide(tables)) == ("landing", 1, 1, None, None)
    assert went(decide(replace(tables, flow_landing_pages=[]))) == ("offer", 1, None, 3, None)


def test_decide_is_broken_where_nothing_leads_anywhere():
    assert went(decide(make_tables())) == ("broken", None, None, None, None)
    assert went(decide(make_tables(flows=[flow_row(1)]))) == ("broken", 1, None, None, None)


def test_decide_splits_over_offers_by_weight():
    offers = drawn(split(70, 20, 10))

    assert 650 < offers[None, 1] < 750
    assert 150 < offers[None, 2] < 250
    assert 60 < offers[None, 3] < 140


def test_decide_draws_the_last_with_a_weight_where_rounding_leaves_nothing():
    assert decide(split(1, 1, 0), draw=lambda: 1.0).offer.id == 2


def test_decide_keeps_a_visitor_on_his_offer_of_weight_0_and_gives_it_no_others():
    tables = split(100, 0)

    assert set(drawn(tables, 200)) == {(None, 1)}
    assert decide(tables, binding=bound(flow=1, offer=2)).offer.id == 2
    assert decide(tables, binding=bound(flow=1, offer=9)).offer.id == 1


def test_decide_gives_the_only_offer_nobody_new_once_its_weight_is_0():
    tables = split(0)
    notes: list[Note] = []

    assert decide(tables, notes=notes).offer is None
    assert decide(tables).outcome == "broken"
    assert "weight 0" in notes[-1].reason
    assert decide(tables, binding=bound(flow=1, offer=1)).offer.id == 1
    assert decide(split(0, 0)).outcome == "broken"


def test_decide_splits_over_landing_pages_and_keeps_visitors_there():
    tables = split(
        100,
        landing_pages=[page_row(1), page_row(2), page_row(3)],
        flow_landing_pages=[share_row(1, 1, weight=75), share_row(1, 2, weight=25), share_row(1, 3, weight=0)],
    )

    pages = drawn(tables)

    assert set(pages) == {(1, None), (2, None)}
    assert 700 < pages[1, None] < 800
    assert went(decide(tables, binding=bound(flow=1, page=3))) == ("landing", 1, 3, None, None)


def test_decide_goes_straight_to_the_offer_where_every_landing_page_has_weight_0():
    tables = split(100, landing_pages=[page_row(1)], flow_landing_pages=[share_row(1, 1, weight=0)])

    assert went(decide(tables)) == ("offer", 1, None, 1, None)


def test_choose_offer_follows_the_number_of_a_link_whatever_its_weight():
    snapshot = build_snapshot(split(100, 0))
    campaign = snapshot.routes["spring"].campaign

    router = Router(snapshot.offers, Usage(), lambda: 0.0)
    offers = [
        router.choose_offer(campaign, snapshot.flows[1], make_visit(), position=number).offer for number in (1, 2, 3)
    ]

    assert offers == [snapshot.offers[1], snapshot.offers[2], snapshot.offers[1]]


def test_build_snapshot_leaves_out_what_it_cannot_use_and_keeps_the_rest(caplog):
    tables = make_tables(
        campaign_row(offer_id=1, time_zone="Mars/Olympus"),
        offers=OFFERS,
        staff=[StaffRow("nonsense"), StaffRow("192.0.2.0/24")],
    )

    snapshot = build_snapshot(tables)

    assert decide(tables).offer.id == 1
    assert snapshot.routes["spring"].campaign.zone.name == "UTC"
    assert snapshot.judge.is_staff(bytes([192, 0, 2, 7]))
    assert not snapshot.judge.is_staff(bytes([192, 0, 3, 7]))
    assert "Mars/Olympus" in caplog.text
