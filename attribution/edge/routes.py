"""The routing snapshot: all that a click is routed by, made once a version and immutable from then on."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Generic, NamedTuple, TypeVar

import structlog
from django.core.exceptions import ValidationError

from attribution.edge.bots import Judge
from attribution.edge.macros import Address, compile_address
from attribution.edge.parameters import POSITIONS, slots_of
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
from attribution.edge.zones import Zone
from campaigns.domain.filters import Test, parse_filter

log = structlog.get_logger(__name__)

_EPOCH = date(1970, 1, 1)
_FOR_EVER = 1 << 30
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Licence:
    """A place where an offer may be shown, from one UTC day since 1970 to another, both included."""

    id: int
    region: str
    city: str
    first_day: int
    last_day: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Where visitors may be sent; its licences by country."""

    id: int
    name: str
    url: str
    needs_licence: bool
    alternative_id: int | None
    licences: Mapping[str, Sequence[Licence]]
    caps: Sequence[Cap]


@dataclass(frozen=True, slots=True, kw_only=True)
class LandingPage:
    """A page between click and offer."""

    id: int
    name: str
    url: str


class Share(NamedTuple, Generic[T]):
    """One of those that visitors are split over; `position` is an offer's number in `/go/<click id>/<number>`."""

    target: T
    weight: int
    position: int


class Question(NamedTuple):
    """A filter: what it asks of a visit in a campaign, and which answers it takes."""

    ask: Callable[[Visit, "Campaign"], Any]
    test: Test
    is_negated: bool
    text: str

    def takes(self, visit: Visit, campaign: "Campaign") -> bool:
        return self.test.takes(self.ask(visit, campaign)) is not self.is_negated


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One way through a campaign. One whose filters cannot be read takes nobody."""

    id: int
    name: str
    kind: str
    weight: int
    action: str
    takes_any: bool
    questions: Sequence[Question] | None
    offers: Sequence[Share[Offer]]
    landing_pages: Sequence[Share[LandingPage]]
    caps: Sequence[Cap]


class Scenario(NamedTuple):
    """A named period, by days of its zone since 1970, the last one excluded; no campaigns mean all."""

    slug: str
    first_day: int
    end_day: int
    zone: Zone
    campaign_ids: frozenset[int]


class Rate(NamedTuple):
    """What a unit of a currency is worth in a campaign's, and the columns that a click keeps of it."""

    rate: Decimal
    columns: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """All that its links' clicks are routed by; flows are in the order in which they are tried."""

    id: int
    name: str
    is_active: bool
    currency: str
    zone: Zone
    forced: Sequence[Flow]
    regular: Sequence[Flow]
    default: Flow | None
    is_by_weight: bool
    offer: Offer | None
    fallback_url: str
    allows_unknown_place: bool
    uses_cookie: bool
    knows_by_cookie: bool
    uniqueness_seconds: int
    counts_staff: bool
    own_hosts: frozenset[str]
    tracks_in_parallel: bool
    caps: Sequence[Cap]
    budget: Budget | None
    has_daily_budget: bool
    scenarios: Sequence[Scenario]
    cost_currency: str
    rates: Mapping[str, Rate]

    @property
    def flows(self) -> list[Flow]:
        return [*self.forced, *self.regular, *([self.default] if self.default else [])]

    def scenarios_at(self, milliseconds: int) -> frozenset[str]:
        """Return the slugs of the scenarios that run at a Unix time."""
        return frozenset(
            scenario.slug
            for scenario in self.scenarios
            if scenario.first_day <= scenario.zone.day(milliseconds) < scenario.end_day
        )


@dataclass(slots=True, kw_only=True)
class Route:
    """A link: its campaign, what its parameters mean, the first columns of its clicks' rows, names for macros."""

    link_id: int
    link_bytes: bytes
    campaign: Campaign
    source_id: int
    creative_id: int | None
    partner_id: int | None
    slots: Mapping[bytes, tuple[int, ...]]
    columns: str
    constants: Mapping[str, str]
    _addresses: dict[tuple[str, str, str], Address | None] = field(default_factory=dict)

    def offer_address(self, offer: Offer, flow: Flow | None) -> Address | None:
        """Return an offer's address with this link's names; None for one that cannot be used."""
        return self._address(offer.url, flow.name if flow else "", offer.name, {"offer_id": str(offer.id)})

    def landing_page_address(self, page: LandingPage, flow: Flow | None) -> Address | None:
        return self._address(page.url, flow.name if flow else "", page.name, {"landing_page": page.name})

    def fallback_address(self) -> Address | None:
        url = self.campaign.fallback_url
        return self._address(url, "", "", {}) if url else None

    def _address(self, url: str, flow: str, name: str, more: Mapping[str, str]) -> Address | None:
        key = url, flow, name
        if key not in self._addresses:
            self._addresses[key] = _compile(url, {**self.constants, "flow": flow, "offer": name, **more})
        return self._addresses[key]


@dataclass(frozen=True, slots=True)
class Domain:
    """A host that clicks arrive on."""

    root_code: str | None
    unknown_path: str
    unknown_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All routes of one version of the routing tables, by code and by link; offers by id; hosts; who is no visitor."""

    version: int
    routes: Mapping[str, Route]
    routes_by_link: Mapping[int, Route]
    offers: Mapping[int, Offer]
    flows: Mapping[int, Flow]
    domains: Mapping[str, Domain]
    judge: Judge
    has_limits: bool


NO_ROUTES = Snapshot(
    version=0,
    routes={},
    routes_by_link={},
    offers={},
    flows={},
    domains={},
    judge=Judge([], []),
    has_limits=False,
)

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
        return {name: _rate(row, into) for name, row in self._per_euro.items() if name != currency}

    def _zone(self, name: str) -> Zone:
        if name not in self._zones:
            self._zones[name] = Zone(name)
        return self._zones[name]


def _route(
    link: LinkRow, row: CampaignRow, campaign: Campaign, slots: Mapping[bytes, tuple[int, ...]], version: int
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


def _compile(url: str, constants: Mapping[str, str]) -> Address | None:
    try:
        return compile_address(url, constants)
    except (ValidationError, ValueError) as error:
        log.error("an address cannot be used", campaign_id=constants["campaign_id"], error=str(error))
        return None


def _questions(rows: Sequence[FilterRow]) -> list[Question] | None:
    try:
        return [_question(row) for row in rows]
    except (ValidationError, KeyError) as error:
        log.error("a flow's filters cannot be read, it takes nobody", flow_id=rows[0].flow_id, error=str(error))
        return None


def _question(row: FilterRow) -> Question:
    word = "is not" if row.operator == "is_not" else "is"
    text = f"{row.field.replace('_', ' ')} {word} {', '.join(row.values)}"
    return Question(_asked(row.field), parse_filter(row.field, row.values), row.operator == "is_not", text)


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


def _rate(row: RateRow, into: RateRow) -> Rate:
    rate = (Decimal(into.per_euro) / Decimal(row.per_euro)).quantize(Decimal("1e-10"))
    dated = min(part.on_date for part in (row, into) if part.on_date)
    source = " and ".join(sorted({part.source for part in (row, into) if part.source}))
    return Rate(rate, f"{rate:f}\t{dated}\t{column(source)}")


def _domain(row: DomainRow) -> Domain:
    return Domain(row.root_code, row.unknown_path, row.unknown_url)


def _day(text: str) -> int:
    return (date.fromisoformat(text) - _EPOCH).days


def _grouped(rows: Iterable[T], key: Callable[[T], Any]) -> dict[Any, list[T]]:
    groups: dict[Any, list[T]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups
