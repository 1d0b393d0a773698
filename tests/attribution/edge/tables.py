"""Routing tables made by hand, and visits: what decisions are made of, without a database."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from attribution.edge.building import build_snapshot
from attribution.edge.cookies import Binding
from attribution.edge.decision import Decision, Note, Router
from attribution.edge.geography import network_of, place_of
from attribution.edge.parameters import NAMES, POSITIONS
from attribution.edge.snapshot import (
    CampaignRow,
    CapRow,
    FilterRow,
    FlowRow,
    LandingPageRow,
    LicenceRow,
    LinkRow,
    OfferRow,
    RoutingTables,
    ShareRow,
)
from attribution.edge.usage import Usage
from attribution.edge.user_agents import read_user_agent
from attribution.edge.visit import Visit
from attribution.geography import Network
from tests.attribution.edge.serving import IPHONE
from tests.world import NOON

CAMPAIGN = 1


def campaign_row(**columns: Any) -> CampaignRow:
    defaults: dict[str, Any] = {
        "id": CAMPAIGN,
        "name": "Spring",
        "is_active": True,
        "offer_id": None,
        "currency": "EUR",
        "time_zone": "UTC",
        "flow_choice": "position",
        "fallback_url": "",
        "unknown_geography": "fallback",
        "uniqueness": "visitor_key",
        "uniqueness_hours": 24,
        "counts_staff": False,
        "own_hosts": [],
        "daily_budget": None,
        "pacing": "none",
        "stops_at_budget": False,
        "source_id": 1,
        "source": "Meta",
        "click_id_parameter": "fbclid",
        "keyword_parameter": "keyword",
        "placement_parameter": "placement",
        "cost_parameter": "cost",
        "cost_currency": "",
        "tracks_in_parallel": False,
    }
    return CampaignRow(**defaults | columns)


def make_tables(campaign: CampaignRow | None = None, **rows: Any) -> RoutingTables:
    """Return the tables of one campaign with the link `spring`; `rows` are the others by their names."""
    campaign = campaign or campaign_row()
    nothing: dict[str, Any] = {
        name: []
        for name in RoutingTables.__dataclass_fields__
        if name not in ("version", "links", "campaigns", "scenarios")
    }
    link = LinkRow("spring", 1, campaign.id, None, None, None, None)
    given: dict[str, Any] = {"version": 1, "links": [link], "campaigns": [campaign], "scenarios": []}
    return RoutingTables(**nothing | given | rows)


def offer_row(number: int, **columns: Any) -> OfferRow:
    defaults: dict[str, Any] = {
        "id": number,
        "name": f"Offer {number}",
        "url": f"https://offer{number}.example/",
        "is_licensed_only": False,
        "alternative_id": None,
    }
    return OfferRow(**defaults | columns)


def page_row(number: int) -> LandingPageRow:
    return LandingPageRow(number, f"Page {number}", f"https://page{number}.example/")


def flow_row(number: int, **columns: Any) -> FlowRow:
    defaults: dict[str, Any] = {
        "id": number,
        "campaign_id": CAMPAIGN,
        "name": f"Flow {number}",
        "kind": "regular",
        "position": number,
        "weight": 100,
        "action": "offers",
        "matches": "all",
    }
    return FlowRow(**defaults | columns)


def filter_row(flow_id: int, field: str, *values: str, operator: str = "is") -> FilterRow:
    return FilterRow(flow_id, field, operator, list(values))


def share_row(flow_id: int, target_id: int, *, weight: int = 100, position: int = 1) -> ShareRow:
    return ShareRow(flow_id, target_id, weight, position)


def licence_row(number: int, offer_id: int, country: str, **columns: Any) -> LicenceRow:
    defaults: dict[str, Any] = {"region": "", "city": "", "valid_from": "2026-01-01", "valid_until": None}
    return LicenceRow(**defaults | {"id": number, "offer_id": offer_id, "country": country} | columns)


def cap_row(number: int, limit: int, **columns: Any) -> CapRow:
    """Return a cap on clicks a UTC day; its owner is one of `columns`."""
    defaults: dict[str, Any] = {"campaign_id": None, "offer_id": None, "flow_id": None}
    defaults |= {"event": "click", "period": "day", "time_zone": "UTC"}
    return CapRow(**defaults | {"id": number, "limit": limit} | columns)


def make_visit(
    *,
    at: datetime = NOON,
    place: tuple[str | None, str | None, str | None] = ("MT", None, None),
    network: tuple[str | None, int | None, str | None] = (None, None, None),
    user_agent: str = IPHONE,
    parameters: dict[str, str] | None = None,
    **facts: Any,
) -> Visit:
    """Return the visit of a person from Malta on an iPhone, at noon; `parameters` by our names for them."""
    visit = Visit()
    visit.milliseconds = int(at.timestamp() * 1000)
    visit.kind = "click"
    visit.place = place_of(*place)
    visit.network_of = network_of(Network(*network))
    visit.user_agent = read_user_agent(user_agent.encode())
    visit.network = visit.hints = visit.consent = visit.visitor_key = visit.referrer = visit.language = None
    visit.is_unique = True
    visit.values = [None] * len(NAMES)
    for name, value in (parameters or {}).items():
        visit.values[POSITIONS[name]] = value
    for name, fact in facts.items():
        setattr(visit, name, fact)
    return visit


def decide(
    tables: RoutingTables,
    visit: Visit | None = None,
    *,
    draw: Callable[[], float] = lambda: 0.0,
    usage: Usage | None = None,
    binding: Binding | None = None,
    notes: list[Note] | None = None,
) -> Any:
    """Return the `Decision` that an edge makes by the tables."""
    snapshot = build_snapshot(tables)
    router = Router(snapshot.offers, usage or Usage(), draw, notes=notes)
    return router.decide(snapshot.routes["spring"].campaign, visit or make_visit(), binding)


def went(decision: Decision) -> tuple[str, int | None, int | None, int | None, int | None]:
    """Return a decision's outcome, flow, landing page, offer and licence, by their numbers."""
    return (
        decision.outcome,
        decision.flow.id if decision.flow else None,
        decision.landing_page.id if decision.landing_page else None,
        decision.offer.id if decision.offer else None,
        decision.licence_id,
    )


def used(tables: RoutingTables, *, at: datetime = NOON, **clicks: int) -> Usage:
    """Return the usage after so many clicks on each cap, such as `cap_1=5`."""
    usage = Usage()
    snapshot = build_snapshot(tables)
    campaign = snapshot.routes["spring"].campaign
    owners: list[Any] = [campaign, *snapshot.offers.values(), *snapshot.flows.values()]
    caps = {f"cap_{cap.id}": cap for owner in owners for cap in owner.caps}
    for name, count in clicks.items():
        for _ in range(count):
            usage.count([caps[name]], int(at.timestamp() * 1000))
    return usage


def bound(*, flow: int = 0, page: int = 0, offer: int = 0) -> Binding:
    return Binding(flow, page, offer, 0)
