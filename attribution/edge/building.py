"""Makes the routing snapshot of the tables' rows, once a version."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

import structlog
from django.core.exceptions import ValidationError

from attribution.edge.bots import Judge
from attribution.edge.parameters import POSITIONS, slots_of
from attribution.edge.routes import (
    Campaign,
    Domain,
    Flow,
    LandingPage,
    Licence,
    Offer,
    Question,
    Rate,
    Route,
    Scenario,
    Share,
    Snapshot,
)
from attribution.edge.rows import NULL, column
from attribution.edge.snapshot import (
    CampaignRow,
    CapRow,
    DomainRow,
    FilterRow,
    FlowRow,
    LicenceRow,
    LinkRow,
    RateRow,
    RoutingTables,
    ScenarioRow,
)
from attribution.edge.usage import Budget, Cap, cost_units
from attribution.edge.visit import Visit
from attribution.edge.zones import UTC_ZONE, Zone
from campaigns.domain.filters import parse_filter

log = structlog.get_logger(__name__)

_EPOCH = date(1970, 1, 1)
_FOR_EVER = 1 << 30
# What a click's columns hold.
_RATE_LIMIT = Decimal(10) ** 14
_LONGEST_RATE_SOURCE = 50
T = TypeVar("T")


_ASK: dict[str, Callable[[Visit, Campaign], Any]] = {
    "country": lambda visit, campaign: visit.place.country,
    "region": lambda visit, campaign: visit.place.full_region,
    "city": lambda visit, campaign: visit.place.city,
    "language": lambda visit, campaign: visit.language,
    "device": lambda visit, campaign: visit.user_agent.device,
    "os": lambda visit, campaign: visit.user_agent.os,
    "os_version": lambda visit, campaign: visit.user_agent.os_version,
    "browser": lambda visit, campaign: visit.user_agent.browser,
    "connection": lambda visit, campaign: visit.network_of.connection,
    "isp": lambda visit, campaign: visit.network_of.isp,
    "asn": lambda visit, campaign: visit.network_of.asn,
    "referrer": lambda visit, campaign: visit.referrer,
    "platform_click_id": lambda visit, campaign: visit.platform_click_ids(),
    "weekday": lambda visit, campaign: campaign.zone.weekday(visit.milliseconds),
    "hour": lambda visit, campaign: campaign.zone.hour(visit.milliseconds),
    "unique": lambda visit, campaign: visit.is_unique,
    "bot": lambda visit, campaign: visit.kind == "bot",
    "scenario": lambda visit, campaign: campaign.scenarios_at(visit.milliseconds),
}


def build_snapshot(tables: RoutingTables) -> Snapshot:
    """Make the tables' rows into routes. What cannot be used is logged and left out; it never stops the rest."""
    return _Builder(tables).build()


class _Builder:
    """One making of a snapshot: the rows by what they belong to."""

    def __init__(self, tables: RoutingTables) -> None:
        self._tables = tables
        self._zones: dict[str, Zone] = {}
        self._parameters = _grouped(tables.parameters, lambda row: row.source_id)
        self._licences = _grouped(tables.licences, lambda row: row.offer_id)
        self._filters = _grouped(tables.filters, lambda row: row.flow_id)
        self._flow_offers = _grouped(tables.flow_offers, lambda row: row.flow_id)
        self._flow_pages = _grouped(tables.flow_landing_pages, lambda row: row.flow_id)
        self._caps = _grouped(tables.caps, lambda row: (row.campaign_id, row.offer_id, row.flow_id))
        self._per_euro = {"EUR": RateRow("EUR", "1", "", "")} | {row.currency: row for row in tables.rates}
        self._offers = {
            row.id: Offer(
                id=row.id,
                name=row.name,
                url=row.url,
                needs_licence=row.is_licensed_only,
                alternative_id=row.alternative_id,
                licences=_licences(self._licences.get(row.id, [])),
                caps=self._caps_of((None, row.id, None)),
            )
            for row in tables.offers
        }
        self._pages = {row.id: LandingPage(id=row.id, name=row.name, url=row.url) for row in tables.landing_pages}
        self._flows = {row.id: self._flow(row) for row in tables.flows}
        self._flows_of = _grouped(tables.flows, lambda row: row.campaign_id)

    def build(self) -> Snapshot:
        tables = self._tables
        campaigns = {row.id: (row, self._campaign(row)) for row in tables.campaigns}
        slots = {row.source_id: slots_of(self._source_parameters(row)) for row in tables.campaigns}
        routes = {}
        for link in tables.links:
            row, campaign = campaigns[link.campaign_id]
            routes[link.code] = _route(link, row, campaign, slots[row.source_id], tables.version)
        return Snapshot(
            version=tables.version,
            routes=routes,
            routes_by_link={route.link_id: route for route in routes.values()},
            offers=self._offers,
            flows=self._flows,
            domains={row.host: _domain(row) for row in tables.domains},
            judge=Judge(tables.bot_rules, [row.network for row in tables.staff]),
            has_limits=bool(tables.caps) or any(row.daily_budget for row in tables.campaigns),
        )

    def _campaign(self, row: CampaignRow) -> Campaign:
        flows = [(flow, self._flows[flow.id]) for flow in self._flows_of.get(row.id, [])]
        regular = [built for flow, built in flows if flow.kind == "regular"]
        zone = self._zone(row.time_zone)
        return Campaign(
            id=row.id,
            name=row.name,
            is_active=row.is_active,
            currency=row.currency,
            zone=zone,
            forced=[built for flow, built in flows if flow.kind == "forced"],
            regular=regular,
            default=next((built for flow, built in flows if flow.kind == "default"), None),
            is_by_weight=row.flow_choice == "weight",
            offer=self._offers.get(row.offer_id) if row.offer_id else None,
            fallback_url=row.fallback_url,
            allows_unknown_place=row.unknown_geography == "allow",
            uses_cookie=row.uniqueness == "cookie" or _splits(row, [built for _, built in flows]),
            knows_by_cookie=row.uniqueness == "cookie",
            uniqueness_seconds=row.uniqueness_hours * 3600,
            counts_staff=row.counts_staff,
            own_hosts=frozenset(host.lower() for host in row.own_hosts),
            tracks_in_parallel=row.tracks_in_parallel,
            caps=self._caps_of((row.id, None, None)),
            budget=_budget(row, zone),
            has_daily_budget=row.daily_budget is not None,
            scenarios=[
                self._scenario(scenario)
                for scenario in self._tables.scenarios
                if not scenario.campaign_ids or row.id in scenario.campaign_ids
            ],
            cost_currency=row.cost_currency or row.currency,
            rates=self._rates_into(row.currency),
        )

    def _flow(self, row: FlowRow) -> Flow:
        offers = [
            Share(self._offers[share.target_id], share.weight, share.position)
            for share in self._flow_offers.get(row.id, [])
            if share.target_id in self._offers
        ]
        pages = [
            Share(self._pages[share.target_id], share.weight, 0)
            for share in self._flow_pages.get(row.id, [])
            if share.target_id in self._pages
        ]
        return Flow(
            id=row.id,
            name=row.name,
            kind=row.kind,
            weight=row.weight,
            action=row.action,
            takes_any=row.matches == "any",
            questions=_questions(self._filters.get(row.id, [])),
            offers=offers,
            landing_pages=pages,
            caps=self._caps_of((None, None, row.id)),
        )

    def _caps_of(self, owner: tuple[int | None, int | None, int | None]) -> list[Cap]:
        return [self._cap(row) for row in self._caps.get(owner, [])]

    def _cap(self, row: CapRow) -> Cap:
        zone = self._zone(row.time_zone) if row.period == "day" else None
        return Cap(row.id, row.event == "click", row.limit, zone)

    def _scenario(self, row: ScenarioRow) -> Scenario:
        end = _day(row.ends_on) if row.ends_on else _FOR_EVER
        return Scenario(row.slug, _day(row.starts_on), end, self._zone(row.time_zone), frozenset(row.campaign_ids))

    def _source_parameters(self, row: CampaignRow) -> list[tuple[str, str]]:
        own = [
            ("external_id", row.click_id_parameter),
            ("keyword", row.keyword_parameter),
            ("placement", row.placement_parameter),
            ("cost", row.cost_parameter),
        ]
        return own + [(more.name, more.parameter) for more in self._parameters.get(row.source_id, [])]

    def _rates_into(self, currency: str) -> dict[str, Rate]:
        """Return what one unit of each other currency is worth in `currency`, by the last rates known."""
        into = self._per_euro.get(currency)
        if into is None:
            return {}
        rates = {name: _rate(row, into) for name, row in self._per_euro.items() if name != currency}
        return {name: rate for name, rate in rates.items() if rate is not None}

    def _zone(self, name: str) -> Zone:
        if name not in self._zones:
            self._zones[name] = _zone_of(name)
        return self._zones[name]


def _route(
    link: LinkRow, row: CampaignRow, campaign: Campaign, slots: Mapping[str, tuple[int, ...]], version: int
) -> Route:
    ids = (link.id, campaign.id, link.creative_id, link.partner_id, row.source_id)
    columns = [NULL if number is None else str(number) for number in ids]
    return Route(
        link_id=link.id,
        link_bytes=link.id.to_bytes(4, "big"),
        campaign=campaign,
        source_id=row.source_id,
        creative_id=link.creative_id,
        partner_id=link.partner_id,
        slots=slots,
        columns="\t".join([*columns, column(campaign.currency), str(version)]),
        constants={
            "campaign_id": str(campaign.id),
            "campaign": campaign.name,
            "creative_id": str(link.creative_id or ""),
            "creative": link.creative or "",
            "partner_tag": link.partner_tag or "",
            "source": row.source,
        },
    )


def _questions(rows: Sequence[FilterRow]) -> list[Question] | None:
    try:
        return [_question(row) for row in rows]
    except (ValidationError, KeyError) as error:
        log.error("a flow's filters cannot be read, it takes nobody", flow_id=rows[0].flow_id, error=str(error))
        return None


def _question(row: FilterRow) -> Question:
    return Question(_asked(row.field), parse_filter(row.field, row.values), row.operator == "is_not", row)


def _asked(field: str) -> Callable[[Visit, Campaign], Any]:
    if field in _ASK:
        return _ASK[field]
    position = POSITIONS[field]
    return lambda visit, campaign: visit.values[position]


def _licences(rows: Iterable[LicenceRow]) -> dict[str, list[Licence]]:
    by_country: dict[str, list[Licence]] = {}
    for row in rows:
        last_day = _day(row.valid_until) if row.valid_until else _FOR_EVER
        licence = Licence(row.id, row.region, row.city.casefold(), _day(row.valid_from), last_day)
        by_country.setdefault(row.country, []).append(licence)
    return by_country


def _splits(row: CampaignRow, flows: Sequence[Flow]) -> bool:
    """Say whether a campaign draws anything by lot, so that visitors have to be recognised to keep what they drew."""
    draws_flows = row.flow_choice == "weight" and sum(flow.kind == "regular" for flow in flows) > 1
    return draws_flows or any(len(flow.offers) > 1 or len(flow.landing_pages) > 1 for flow in flows)


def _budget(row: CampaignRow, zone: Zone) -> Budget | None:
    """Return the budget that visitors are turned away by; one that only alerts is none."""
    if row.daily_budget is None or not (row.stops_at_budget or row.pacing == "even"):
        return None
    return Budget(row.id, cost_units(row.daily_budget), row.pacing == "even", zone)


def _zone_of(name: str) -> Zone:
    try:
        return Zone(name)
    except (KeyError, ValueError, OSError):
        log.error("a time zone is not known, its days are UTC's", time_zone=name)
        return UTC_ZONE


def _rate(row: RateRow, into: RateRow) -> Rate | None:
    try:
        rate = (Decimal(into.per_euro) / Decimal(row.per_euro)).quantize(Decimal("1e-10"))
    except ArithmeticError:
        rate = _RATE_LIMIT
    if rate >= _RATE_LIMIT:
        log.error("an exchange rate cannot be used", currency=row.currency, into=into.currency)
        return None
    dated = min(part.on_date for part in (row, into) if part.on_date)
    source = " and ".join(sorted({part.source for part in (row, into) if part.source}))
    return Rate(rate, f"{rate:f}\t{dated}\t{column(source[:_LONGEST_RATE_SOURCE])}")


def _domain(row: DomainRow) -> Domain:
    return Domain(row.root_code, row.unknown_path, row.unknown_url)


def _day(text: str) -> int:
    return (date.fromisoformat(text) - _EPOCH).days


def _grouped(rows: Iterable[T], key: Callable[[T], Any]) -> dict[Any, list[T]]:
    groups: dict[Any, list[T]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups
