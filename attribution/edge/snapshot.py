"""The routing snapshot: all that a click is routed by, immutable in memory and kept on disk."""

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import structlog
from django.core.exceptions import ValidationError
from psycopg import IsolationLevel

from attribution.edge.macros import OfferAddress, compile_offer_address
from attribution.edge.parameters import slots_of
from attribution.edge.rows import NULL, column

log = structlog.get_logger(__name__)

_LINKS = """
SELECT link.code, link.id, campaign.id, link.creative_id, link.partner_id, campaign.source_id, campaign.offer_id,
       campaign.currency, campaign.status = 'active', campaign.name, creative.name, partner.tag, source.name,
       source.click_id_parameter, source.keyword_parameter, source.placement_parameter, source.cost_parameter,
       offer.url
FROM tracking_links link
JOIN campaigns campaign ON campaign.id = link.campaign_id
JOIN traffic_sources source ON source.id = campaign.source_id
JOIN offers offer ON offer.id = campaign.offer_id
LEFT JOIN creatives creative ON creative.id = link.creative_id
LEFT JOIN partners partner ON partner.id = link.partner_id
"""
_VERSION = "SELECT version FROM routing_version WHERE id = 1"


class LinkRow(NamedTuple):
    """A tracking link with all that routing needs, as the query returns it and the disk keeps it."""

    code: str
    link_id: int
    campaign_id: int
    creative_id: int | None
    partner_id: int | None
    source_id: int
    offer_id: int
    currency: str
    is_active: bool
    campaign: str
    creative: str | None
    partner_tag: str | None
    source: str
    click_id_parameter: str
    keyword_parameter: str
    placement_parameter: str
    cost_parameter: str
    offer_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where a link leads, and the first columns of its clicks' rows.

    Without `offer` nobody can be sent on: the campaign is not active, or its offer's address is broken.
    """

    link_id: int
    offer: OfferAddress | None
    slots: Mapping[bytes, tuple[int, ...]]
    columns: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All routes of one version of the routing tables, by code."""

    version: int
    routes: Mapping[str, Route]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingTables:
    """The rows of one version, before they are made into routes."""

    version: int
    links: list[LinkRow]


async def load_tables(connection: psycopg.AsyncConnection[Any]) -> RoutingTables:
    """Read the routing tables as they stand together at one instant; needs a connection outside a transaction."""
    await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
    async with connection.transaction():
        version = await (await connection.execute(_VERSION)).fetchone()
        links = await (await connection.execute(_LINKS)).fetchall()
    return RoutingTables(version=version[0] if version else 0, links=[LinkRow(*link) for link in links])


def save_tables(tables: RoutingTables, path: Path) -> None:
    """Write the tables so that `path` is at all times a whole file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    with os.fdopen(handle, "w") as file:
        json.dump({"version": tables.version, "columns": LinkRow._fields, "links": tables.links}, file)
        file.flush()
        os.fsync(file.fileno())
    Path(name).replace(path)


def read_tables(path: Path) -> RoutingTables | None:
    """Return the tables that an edge saved; None without a file, or with one that is not of this program's form."""
    try:
        saved = json.loads(path.read_bytes())
        if tuple(saved["columns"]) != LinkRow._fields:
            return None
        return RoutingTables(version=saved["version"], links=[LinkRow(*link) for link in saved["links"]])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("the saved routing snapshot cannot be read", path=str(path), error=str(error))
        return None


def build_snapshot(tables: RoutingTables) -> Snapshot:
    return Snapshot(
        version=tables.version, routes={link.code: _route_of(link, tables.version) for link in tables.links}
    )


def _route_of(link: LinkRow, version: int) -> Route:
    parameters = {
        "external_id": link.click_id_parameter,
        "keyword": link.keyword_parameter,
        "placement": link.placement_parameter,
        "cost": link.cost_parameter,
    }
    ids = (link.link_id, link.campaign_id, link.creative_id, link.partner_id, link.source_id, link.offer_id)
    columns = [NULL if number is None else str(number) for number in ids]
    return Route(
        link_id=link.link_id,
        offer=_offer_of(link) if link.is_active else None,
        slots=slots_of(parameters),
        columns="\t".join([*columns, column(link.currency), str(version)]),
    )


def _offer_of(link: LinkRow) -> OfferAddress | None:
    constants = {
        "campaign_id": str(link.campaign_id),
        "campaign": link.campaign,
        "creative_id": str(link.creative_id or ""),
        "creative": link.creative or "",
        "offer_id": str(link.offer_id),
        "partner_tag": link.partner_tag or "",
        "source": link.source,
    }
    try:
        return compile_offer_address(link.offer_url, constants)
    except (ValidationError, ValueError) as error:
        log.error("an offer's address cannot be used", offer_id=link.offer_id, error=str(error))
        return None
