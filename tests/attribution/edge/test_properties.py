"""Whatever the tables say and whoever comes: a decision is made, and it is one that the tables allow."""

from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from attribution.edge.building import build_snapshot
from attribution.edge.cookies import Binding
from attribution.edge.decision import Note, Router
from attribution.edge.parameters import NAMES
from attribution.edge.routes import Campaign
from attribution.edge.snapshot import RoutingTables, ScenarioRow
from attribution.edge.usage import Usage
from attribution.edge.visit import Visit
from campaigns.models import FlowFilter
from tests.attribution.edge.in_app_browsers import IN_APP
from tests.attribution.edge.tables import (
    campaign_row,
    cap_row,
    filter_row,
    flow_row,
    licence_row,
    make_tables,
    make_visit,
    offer_row,
    page_row,
    share_row,
)
from tests.world import NOON

numbers = st.integers(1, 4)
weights = st.sampled_from([0, 0, 1, 50, 100])
countries = st.sampled_from(["MT", "US", "DE"])
regions = st.sampled_from(["", "NJ", "NV"])
cities = st.sampled_from(["", "Newark", "Valletta"])
VALUES = ["MT", "US-NJ", "Newark", "de", "phone", "iOS", ">=17", "Cellular", "64500", "any", "sun", "9-17", "yes", "no"]


@st.composite
def offers(draw):
    rows = []
    for number in range(1, 5):
        alternative = draw(st.sampled_from([None, *({1, 2, 3, 4} - {number})]))
        rows.append(offer_row(number, is_licensed_only=draw(st.booleans()), alternative_id=alternative))
    return rows


@st.composite
def licences(draw, number):
    return licence_row(
        number,
        draw(numbers),
        draw(countries),
        region=draw(regions),
        city=draw(cities),
        valid_from=draw(st.sampled_from(["2026-01-01", "2026-11-22", "2026-11-23"])),
        valid_until=draw(st.sampled_from([None, "2026-11-21", "2026-11-22"])),
    )


@st.composite
def tables(draw) -> RoutingTables:
    flows = [
        flow_row(
            number,
            kind=draw(st.sampled_from(["forced", "regular", "regular", "default"])),
            weight=draw(weights),
            action=draw(st.sampled_from(["offers", "offers", "offers", "paused_page", "nothing"])),
            matches=draw(st.sampled_from(["all", "any"])),
        )
        for number in range(1, draw(st.integers(0, 4)) + 1)
    ]
    shares = [
        share_row(flow.id, offer, weight=draw(weights), position=offer)
        for flow in flows
        for offer in draw(st.sets(numbers, max_size=3))
    ]
    pages = [share_row(flow.id, page, weight=draw(weights)) for flow in flows for page in draw(st.sets(numbers))]
    filters = [
        filter_row(
            flow.id,
            draw(st.sampled_from(FlowFilter.Field.values)),
            *draw(st.lists(st.sampled_from(VALUES), min_size=1, max_size=2)),
            operator=draw(st.sampled_from(["is", "is_not"])),
        )
        for flow in flows
        for _ in range(draw(st.integers(0, 2)))
    ]
    owners = [{"campaign_id": 1}, {"offer_id": 1}, {"offer_id": 2}, {"flow_id": 1}]
    caps = [
        cap_row(number, draw(st.integers(0, 2)), **draw(st.sampled_from(owners)))
        for number in range(1, draw(st.integers(0, 3)) + 1)
    ]
    campaign = campaign_row(
        offer_id=draw(st.none() | numbers),
        is_active=draw(st.sampled_from([True, True, True, False])),
        flow_choice=draw(st.sampled_from(["position", "weight"])),
        unknown_geography=draw(st.sampled_from(["fallback", "allow"])),
        time_zone=draw(st.sampled_from(["UTC", "America/New_York", "Pacific/Kiritimati"])),
        daily_budget=draw(st.sampled_from([None, "1"])),
        stops_at_budget=draw(st.booleans()),
        pacing=draw(st.sampled_from(["none", "even"])),
    )
    return make_tables(
        campaign,
        offers=draw(offers()),
        licences=[draw(licences(number)) for number in range(1, draw(st.integers(0, 5)) + 1)],
        landing_pages=[page_row(number) for number in range(1, 5)],
        flows=flows,
        filters=filters,
        flow_offers=shares,
        flow_landing_pages=pages,
        caps=caps,
        scenarios=[ScenarioRow("any", "2026-11-01", None, "UTC", [])],
    )


@st.composite
def visits(draw) -> Visit:
    visit = make_visit(
        at=draw(st.datetimes(datetime(2026, 11, 21), datetime(2026, 11, 24))).replace(tzinfo=NOON.tzinfo),  # noqa: DTZ001
        place=(
            draw(st.none() | countries),
            draw(regions.map(lambda region: region or None)),
            draw(cities.map(lambda city: city or None)),
        ),
        network=draw(st.sampled_from([(None, None, None), ("Carrier", 64500, "Cellular")])),
        user_agent=draw(st.sampled_from(IN_APP[:3]) | st.text(max_size=20)),
        language=draw(st.sampled_from([None, "de"])),
        referrer=draw(st.none() | st.text(max_size=10)),
        kind=draw(st.sampled_from(["click", "bot", "preview", "staff", "excess"])),
        is_unique=draw(st.none() | st.booleans()),
    )
    visit.values = draw(st.lists(st.none() | st.text(max_size=5), min_size=len(NAMES), max_size=len(NAMES)))
    return visit


bindings = st.none() | st.builds(Binding, st.integers(0, 4), st.integers(0, 4), st.integers(0, 4), st.just(0))
draws = st.floats(0, 1, exclude_max=True)


def usage_of(campaign: Campaign, clicks: int, visit: Visit, snapshot) -> Usage:
    usage = Usage()
    owners = [campaign, *snapshot.offers.values(), *snapshot.flows.values()]
    for _ in range(clicks):
        for owner in owners:
            usage.count(owner.caps, visit.milliseconds)
        usage.spend(campaign.id, campaign.zone, "0.5", visit.milliseconds)
    return usage


def alternatives_of(offer_id, snapshot):
    """Return the offer and all that may stand in for it."""
    found, current = [], snapshot.offers.get(offer_id)
    while current is not None and current.id not in found:
        found.append(current.id)
        current = snapshot.offers.get(current.alternative_id)
    return found


def is_covered(licence, visit):
    country, region, city = visit.place[:3]
    day = (NOON.date() + timedelta(days=visit.milliseconds // 86_400_000 - int(NOON.timestamp()) // 86_400)).isoformat()
    return (
        licence.country == country
        and licence.region in ("", region)
        and licence.city in ("", city)
        and licence.valid_from <= day <= (licence.valid_until or "9999")
    )


@settings(max_examples=300, deadline=None)
@given(tables(), visits(), bindings, draws, st.integers(0, 3))
def test_decide_is_always_allowed_by_the_tables(tables, visit, binding, draw, clicks):
    snapshot = build_snapshot(tables)
    campaign = snapshot.routes["spring"].campaign
    usage = usage_of(campaign, clicks, visit, snapshot)

    decision = Router(snapshot.offers, usage, lambda: draw).decide(campaign, visit, binding)

    # What explains a decision goes its own way through the filters: it decides the same.
    notes: list[Note] = []
    assert Router(snapshot.offers, usage, lambda: draw, notes=notes).decide(campaign, visit, binding) == decision
    assert (decision.offer is not None) == (decision.outcome == "offer")
    assert (decision.landing_page is not None) == (decision.outcome == "landing")
    flow, offer, page = decision.flow, decision.offer, decision.landing_page
    bound = binding or Binding(0, 0, 0, 0)
    if flow is not None and flow.kind == "regular" and campaign.is_by_weight:
        assert flow.weight or flow.id == bound.flow_id
    if page is not None and flow is not None:
        assert any(
            share.target.id == page.id and (share.weight or page.id == bound.landing_page_id)
            for share in flow.landing_pages
        )
    if offer is not None:
        shares = [(share.target.id, share.weight) for share in flow.offers] if flow is not None else []
        shares = shares or [(tables.campaigns[0].offer_id, 1)]
        assert any(
            offer.id in alternatives_of(offer_id, snapshot) and (weight or bound.offer_id in (offer_id, offer.id))
            for offer_id, weight in shares
        )
        assert not usage.is_reached(offer.caps, visit.milliseconds)
        licensed = [row for row in tables.licences if row.offer_id == offer.id and is_covered(row, visit)]
        if decision.licence_id is not None:
            assert decision.licence_id in [row.id for row in licensed]
        elif offer.needs_licence:
            assert campaign.allows_unknown_place
            assert not licensed


@settings(max_examples=100, deadline=None)
@given(tables(), visits(), bindings, draws, st.integers(0, 5))
def test_choose_offer_gives_an_offer_of_the_flow(tables, visit, binding, draw, position):
    snapshot = build_snapshot(tables)
    campaign = snapshot.routes["spring"].campaign
    router = Router(snapshot.offers, Usage(), lambda: draw)

    decisions = [
        (flow, router.choose_offer(campaign, flow, visit, position=position, bound_offer_id=0))
        for flow in snapshot.flows.values()
    ]

    for flow, decision in decisions:
        own = [share.target.id for share in flow.offers] or [tables.campaigns[0].offer_id]
        if decision.offer is not None:
            assert any(decision.offer.id in alternatives_of(offer_id, snapshot) for offer_id in own)
