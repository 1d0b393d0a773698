"""Routes an invented visitor by the tables as they stand, and says of every step why it went as it did."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings

from campaigns.domain.budgets import budget_standings
from campaigns.domain.limits import standings_of
from campaigns.models import Campaign, Cap

if TYPE_CHECKING:
    from attribution.edge.decision import Decision, Note
    from attribution.edge.routes import Route
    from attribution.edge.usage import Budget
    from attribution.edge.usage import Cap as EdgeCap
    from attribution.edge.visit import Visit

# A click id that nobody issued: the address can be looked at, but opening it credits nobody.
EXAMPLE_CLICK_ID = "0" * 48


@dataclass(frozen=True, kw_only=True)
class InventedVisitor:
    """What a buyer says of a visitor. With an address, place and network are looked up as an edge does it."""

    address: str = ""
    country: str = ""
    region: str = ""
    city: str = ""
    isp: str = ""
    asn: int | None = None
    connection: str = ""
    user_agent: str = ""
    language: str = ""
    referrer: str = ""
    query: str = ""
    is_repeat: bool = False


@dataclass(frozen=True, kw_only=True)
class Share:
    """One of the offers or landing pages that the winning flow draws from."""

    name: str
    percent: int


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Where the visitor went and why: how he was understood, each step, the outcome in a click's words."""

    understood: list[tuple[str, str]]
    notes: "Sequence[Note]"
    outcome: str
    flow: str
    landing_page: str
    offer: str
    location: str
    shares: list[Share]
    version: int


class CampaignHasNoLink(Exception):
    """Visitors reach a campaign by its tracking links; this one has none yet."""


def explain_routing(campaign: Campaign, visitor: InventedVisitor, *, at: datetime) -> Explanation:
    """Return where an edge would send the visitor at `at`, with the caps and budgets that are used so far.

    Nothing is stored or counted. Raises `CampaignHasNoLink`.
    """
    # Edges' parsers take most of a second to load: only this page pays for them.
    from attribution.edge.building import build_snapshot
    from attribution.edge.database import conninfo_of
    from attribution.edge.decision import Note, Router
    from attribution.edge.snapshot import load_tables_now
    from attribution.edge.visitor import read_packed

    snapshot = build_snapshot(load_tables_now(conninfo_of(settings.DATABASES["default"])))
    route = next((route for route in snapshot.routes.values() if route.campaign.id == campaign.pk), None)
    if route is None:
        raise CampaignHasNoLink(f"campaign {campaign.pk} has no tracking link")
    visit = _visit(visitor, route, at=at)
    visit.kind = (
        "bot"
        if snapshot.judge.is_bot(
            visitor.user_agent.encode(),
            visit.user_agent,
            packed=read_packed(visitor.address),
            asn=visit.network_of.asn,
            referrer=visit.referrer,
        )
        else "click"
    )
    notes: list[Note] = []
    limits = StoredLimits(campaign, at=at)
    decision = Router(snapshot.offers, limits, random.random, notes=notes).decide(route.campaign, visit)
    return Explanation(
        understood=_understood(visit),
        notes=notes,
        outcome=decision.outcome,
        flow=decision.flow.name if decision.flow else "",
        landing_page=decision.landing_page.name if decision.landing_page else "",
        offer=decision.offer.name if decision.offer else "",
        location=_location(route, decision, visit),
        shares=_shares(decision),
        version=snapshot.version,
    )


class StoredLimits:
    """Caps and budgets as all edges told of them: what an edge that just started goes by."""

    def __init__(self, campaign: Campaign, *, at: datetime) -> None:
        caps = list(Cap.objects.select_related("campaign", "offer", "flow__campaign").order_by("id"))
        self._reached = {standing.cap.pk for standing in standings_of(caps, at=at) if standing.is_reached}
        self._spent = {
            standing.campaign.pk: standing.spent for standing in budget_standings([campaign], at=at) if standing.day
        }

    def is_reached(self, caps: "Sequence[EdgeCap]", milliseconds: int) -> bool:
        return any(cap.id in self._reached for cap in caps)

    def is_spent(self, budget: "Budget", milliseconds: int) -> bool:
        from attribution.edge.usage import cost_units

        spent = self._spent.get(budget.campaign_id)
        return spent is not None and cost_units(f"{spent:f}") >= budget.allowed(milliseconds)


def _visit(visitor: InventedVisitor, route: "Route", *, at: datetime) -> "Visit":
    from attribution.edge.clicks import read_cost
    from attribution.edge.geography import Geography, network_of, place_of
    from attribution.edge.parameters import POSITIONS, read_consent, read_parameters
    from attribution.edge.user_agents import LONGEST_USER_AGENT, read_user_agent
    from attribution.edge.visit import Visit
    from attribution.edge.visitor import read_packed
    from attribution.geography import Network

    visit = Visit()
    visit.milliseconds = int(at.timestamp() * 1000)
    packed = read_packed(visitor.address)
    if packed is not None:
        geography = Geography(
            settings.GEOIP_PATH,
            networks=settings.GEOIP_ASN_PATH,
            connections=settings.GEOIP_CONNECTION_PATH,
            copies=settings.VAR_DIR / "edge",
        )
        geography.refresh()
        visit.place, visit.network_of = geography.find(packed)
    else:
        visit.place = place_of(visitor.country or None, visitor.region or None, visitor.city or None)
        visit.network_of = network_of(Network(visitor.isp or None, visitor.asn, visitor.connection or None))
    visit.user_agent = read_user_agent(visitor.user_agent.encode()[:LONGEST_USER_AGENT])
    visit.language = visitor.language or None
    visit.referrer = visitor.referrer or None
    visit.values = read_parameters(visitor.query.encode(), route.slots)
    visit.values[POSITIONS["cost"]] = read_cost(visit.values[POSITIONS["cost"]])
    visit.consent = read_consent(visit.values[POSITIONS["consent"]])
    visit.is_unique = not visitor.is_repeat
    visit.network = visit.hints = visit.visitor_key = None
    return visit


def _location(route: "Route", decision: "Decision", visit: "Visit") -> str:
    """Return the address as the visitor would get it, under a click id that nobody issued; "" for a page of ours."""
    from attribution.edge.clicks import click_facts
    from attribution.edge.decision import address_of

    address = address_of(route, decision)
    return address.fill(click_facts(EXAMPLE_CLICK_ID, visit)) if address is not None else ""


def _shares(decision: "Decision") -> list[Share]:
    if decision.flow is None:
        return []
    shares = decision.flow.landing_pages if decision.landing_page is not None else decision.flow.offers
    total = sum(share.weight for share in shares)
    if len(shares) < 2 or not total:
        return []
    return [Share(name=share.target.name, percent=round(100 * share.weight / total)) for share in shares]


def _understood(visit: "Visit") -> list[tuple[str, str]]:
    place, network, agent = visit.place, visit.network_of, visit.user_agent
    facts = [
        ("Place", ", ".join(part for part in (place.city, place.full_region or place.country) if part)),
        ("Device", " · ".join(part for part in (agent.device, agent.os, agent.os_version, agent.browser) if part)),
        ("Counts as", "a bot" if visit.kind == "bot" else "a person"),
        ("Language", visit.language or ""),
        ("Provider", " · ".join(str(part) for part in (network.isp, network.asn, network.connection) if part)),
        ("Referrer", visit.referrer or ""),
        ("Platform click ids", ", ".join(sorted(visit.platform_click_ids()))),
    ]
    return [(name, text or "unknown") for name, text in facts]
