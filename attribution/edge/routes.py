"""The routing snapshot: all that a click is routed by, made once a version and immutable from then on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Generic, NamedTuple, TypeVar

import structlog
from django.core.exceptions import ValidationError

from attribution.edge.bots import Judge
from attribution.edge.macros import Address, compile_address
from attribution.edge.snapshot import (
    FilterRow,
)
from attribution.edge.usage import Budget, Cap
from attribution.edge.visit import Visit
from attribution.edge.zones import Zone
from campaigns.domain.filters import Test

log = structlog.get_logger(__name__)

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
    """A filter: what it asks of a visit in a campaign, and which answers it takes; its row is there for people."""

    ask: Callable[[Visit, "Campaign"], Any]
    test: Test
    is_negated: bool
    row: FilterRow

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
    slots: Mapping[str, tuple[int, ...]]
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


def with_link(route: Route, link_id: int) -> Route:
    """Return a route whose clicks carry another link's id, and all else of its own link."""
    columns = f"{link_id}{route.columns[route.columns.index(chr(9)) :]}"
    return replace(route, link_id=link_id, link_bytes=link_id.to_bytes(4, "big"), columns=columns)


def in_campaign(route: Route, other: Route) -> Route:
    """Return a route that leads through another's campaign, under the names of its own link."""
    constants = {**route.constants, **{name: other.constants[name] for name in ("campaign_id", "campaign", "source")}}
    return replace(route, campaign=other.campaign, source_id=other.source_id, constants=constants, _addresses={})


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


def _compile(url: str, constants: Mapping[str, str]) -> Address | None:
    try:
        return compile_address(url, constants)
    except (ValidationError, ValueError) as error:
        log.error("an address cannot be used", campaign_id=constants["campaign_id"], error=str(error))
        return None
