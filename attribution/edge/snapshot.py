"""The routing tables as one version of them stands in Postgres, and as an edge keeps them on disk."""

import json
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, LiteralString, NamedTuple

import psycopg
import structlog
from psycopg import IsolationLevel

log = structlog.get_logger(__name__)


class LinkRow(NamedTuple):
    """A tracking link with the names that macros show."""

    code: str
    id: int
    campaign_id: int
    creative_id: int | None
    partner_id: int | None
    creative: str | None
    partner_tag: str | None


class CampaignRow(NamedTuple):
    """A campaign with what its source says of parameters."""

    id: int
    name: str
    is_active: bool
    offer_id: int | None
    currency: str
    time_zone: str
    flow_choice: str
    fallback_url: str
    unknown_geography: str
    uniqueness: str
    uniqueness_hours: int
    counts_staff: bool
    own_hosts: list[str]
    daily_budget: str | None
    pacing: str
    stops_at_budget: bool
    source_id: int
    source: str
    click_id_parameter: str
    keyword_parameter: str
    placement_parameter: str
    cost_parameter: str
    cost_currency: str
    tracks_in_parallel: bool


class ParameterRow(NamedTuple):
    """One more parameter of a source under our name for it."""

    source_id: int
    name: str
    parameter: str


class OfferRow(NamedTuple):
    """Where visitors may be sent."""

    id: int
    name: str
    url: str
    is_licensed_only: bool
    alternative_id: int | None


class LicenceRow(NamedTuple):
    """A place where an offer may be shown; days are ISO dates, both included."""

    id: int
    offer_id: int
    country: str
    region: str
    city: str
    valid_from: str
    valid_until: str | None


class LandingPageRow(NamedTuple):
    """A page between click and offer."""

    id: int
    name: str
    url: str


class FlowRow(NamedTuple):
    """An active flow."""

    id: int
    campaign_id: int
    name: str
    kind: str
    position: int
    weight: int
    action: str
    matches: str


class FilterRow(NamedTuple):
    """A question that a flow asks."""

    flow_id: int
    field: str
    operator: str
    values: list[str]


class ShareRow(NamedTuple):
    """What a flow splits its visitors over: an offer, or a landing page (position 0)."""

    flow_id: int
    target_id: int
    weight: int
    position: int


class CapRow(NamedTuple):
    """A cap of one campaign, offer or flow; `time_zone` is the one that its days are counted in."""

    id: int
    campaign_id: int | None
    offer_id: int | None
    flow_id: int | None
    event: str
    period: str
    limit: int
    time_zone: str


class ScenarioRow(NamedTuple):
    """A named period, its days ISO dates of its zone; no campaigns mean all."""

    slug: str
    starts_on: str
    ends_on: str | None
    time_zone: str
    campaign_ids: list[int]


class RateRow(NamedTuple):
    """How many units of a currency one EUR buys by the last rate known today."""

    currency: str
    per_euro: str
    on_date: str
    source: str


class DomainRow(NamedTuple):
    """A host on which clicks arrive."""

    host: str
    root_code: str | None
    unknown_path: str
    unknown_url: str


class BotRuleRow(NamedTuple):
    """The operator's own word on who is a bot."""

    kind: str
    pattern: str
    verdict: str


class StaffRow(NamedTuple):
    """A network of our own people."""

    network: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingTables:
    """The rows of one version, before they are made into routes."""

    version: int
    links: list[LinkRow]
    campaigns: list[CampaignRow]
    parameters: list[ParameterRow]
    offers: list[OfferRow]
    licences: list[LicenceRow]
    landing_pages: list[LandingPageRow]
    flows: list[FlowRow]
    filters: list[FilterRow]
    flow_offers: list[ShareRow]
    flow_landing_pages: list[ShareRow]
    caps: list[CapRow]
    scenarios: list[ScenarioRow]
    rates: list[RateRow]
    domains: list[DomainRow]
    bot_rules: list[BotRuleRow]
    staff: list[StaffRow]


_VERSION = "SELECT version FROM routing_version WHERE id = 1"
_QUERIES: dict[str, tuple[type[Any], LiteralString]] = {
    "links": (
        LinkRow,
        """
        SELECT link.code, link.id, link.campaign_id, link.creative_id, link.partner_id, creative.name, partner.tag
        FROM tracking_links link
        LEFT JOIN creatives creative ON creative.id = link.creative_id
        LEFT JOIN partners partner ON partner.id = link.partner_id
        """,
    ),
    "campaigns": (
        CampaignRow,
        """
        SELECT c.id, c.name, c.status = 'active', c.offer_id, c.currency, c.time_zone, c.flow_choice, c.fallback_url,
               c.unknown_geography, c.uniqueness, c.uniqueness_hours, c.counts_staff, c.own_hosts,
               c.daily_budget::text, c.pacing, c.stops_at_budget, s.id, s.name, s.click_id_parameter,
               s.keyword_parameter, s.placement_parameter, s.cost_parameter, s.cost_currency, s.tracks_in_parallel
        FROM campaigns c JOIN traffic_sources s ON s.id = c.source_id
        """,
    ),
    "parameters": (ParameterRow, "SELECT source_id, name, parameter FROM source_parameters ORDER BY id"),
    "offers": (OfferRow, "SELECT id, name, url, is_licensed_only, alternative_id FROM offers"),
    "licences": (
        LicenceRow,
        "SELECT id, offer_id, country, region, city, valid_from::text, valid_until::text FROM licences ORDER BY id",
    ),
    "landing_pages": (LandingPageRow, "SELECT id, name, url FROM landing_pages"),
    "flows": (
        FlowRow,
        """
        SELECT id, campaign_id, name, kind, position, weight, action, matches
        FROM flows WHERE is_active ORDER BY position, id
        """,
    ),
    "filters": (FilterRow, 'SELECT flow_id, field, operator, "values" FROM flow_filters ORDER BY id'),
    "flow_offers": (
        ShareRow,
        "SELECT flow_id, offer_id, weight, position FROM flow_offers ORDER BY position, id",
    ),
    "flow_landing_pages": (
        ShareRow,
        "SELECT flow_id, landing_page_id, weight, 0 FROM flow_landing_pages ORDER BY id",
    ),
    "caps": (
        CapRow,
        """
        SELECT cap.id, cap.campaign_id, cap.offer_id, cap.flow_id, cap.event, cap.period, cap."limit",
               coalesce(campaign.time_zone, cap.time_zone)
        FROM caps cap
        LEFT JOIN flows flow ON flow.id = cap.flow_id
        LEFT JOIN campaigns campaign ON campaign.id = coalesce(cap.campaign_id, flow.campaign_id)
        """,
    ),
    "scenarios": (
        ScenarioRow,
        """
        SELECT slug, starts_on::text, ends_on::text, time_zone,
               array(SELECT campaign_id FROM scenarios_campaigns WHERE scenario_id = scenario.id)
        FROM scenarios scenario
        """,
    ),
    "rates": (
        RateRow,
        """
        SELECT DISTINCT ON (currency) currency, per_euro::text, on_date::text, source
        FROM exchange_rates WHERE on_date <= (now() AT TIME ZONE 'UTC')::date ORDER BY currency, on_date DESC
        """,
    ),
    "domains": (
        DomainRow,
        """
        SELECT domain.host, link.code, domain.unknown_path, domain.unknown_url
        FROM tracking_domains domain LEFT JOIN tracking_links link ON link.id = domain.root_link_id
        WHERE domain.is_active
        """,
    ),
    "bot_rules": (BotRuleRow, "SELECT kind, pattern, verdict FROM bot_rules WHERE is_active ORDER BY id"),
    "staff": (StaffRow, "SELECT network FROM staff_networks ORDER BY id"),
}


async def load_tables(connection: psycopg.AsyncConnection[Any]) -> RoutingTables:
    """Read the routing tables as they stand together at one instant; needs a connection outside a transaction."""
    await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
    rows: dict[str, list[Any]] = {}
    async with connection.transaction():
        version = await (await connection.execute(_VERSION)).fetchone()
        for name, (row_type, query) in _QUERIES.items():
            found = await (await connection.execute(query)).fetchall()
            rows[name] = [row_type(*row) for row in found]
    return RoutingTables(version=version[0] if version else 0, **rows)


def load_tables_now(conninfo: str) -> RoutingTables:
    """Read the routing tables on a connection of its own, for programs without an event loop."""
    with psycopg.connect(conninfo, application_name="routing tables") as connection:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        version = connection.execute(_VERSION).fetchone()
        rows = {
            name: [row_type(*row) for row in connection.execute(query).fetchall()]
            for name, (row_type, query) in _QUERIES.items()
        }
    return RoutingTables(version=version[0] if version else 0, **rows)


def save_tables(tables: RoutingTables, path: Path) -> None:
    """Write the tables so that `path` is at all times a whole file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w") as file:
            json.dump({"version": tables.version, "columns": _columns(), "rows": _rows(tables)}, file)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def read_tables(path: Path) -> RoutingTables | None:
    """Return the tables that an edge saved; None without a file, or with one that is not of this program's form."""
    try:
        saved = json.loads(path.read_bytes())
        if saved["columns"] != _columns():
            return None
        rows = {name: _typed(row_type, saved["rows"][name]) for name, (row_type, _) in _QUERIES.items()}
        return RoutingTables(version=saved["version"], **rows)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("the saved routing snapshot cannot be read", path=str(path), error=str(error))
        return None


def _typed(row_type: type[Any], rows: Iterable[list[Any]]) -> list[Any]:
    return [row_type(*row) for row in rows]


def _columns() -> dict[str, list[str]]:
    return {name: list(row_type._fields) for name, (row_type, _) in _QUERIES.items()}


def _rows(tables: RoutingTables) -> dict[str, list[Any]]:
    return {field.name: getattr(tables, field.name) for field in fields(tables) if field.name != "version"}
