"""Visits that are known before they are clicks: one id for a landing and the background call of the same click."""

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from psycopg.types.json import Jsonb

from attribution.edge.rows import column

# How Postgres is asked: a statement and its named values; rows come back.
Fetch = Callable[[LiteralString, Mapping[str, Any]], Awaitable[list[tuple[Any, ...]]]]

# Keys of an index: longer ones are kept as their hash.
_LONGEST_KEY = 300
# These name a crowd, not a click: with the visitor's own key they are as good as the others.
SHARED_CLICK_IDS = frozenset({"gbraid", "wbraid"})

_CLAIM_FOR_LANDING: LiteralString = """
INSERT INTO pre_click_data AS owner
    (id, kind, link_id, campaign_id, platform_click_id, page, facts, has_ad_consent, created_at)
VALUES (%(id)s, 'landing', %(link_id)s, %(campaign_id)s, %(key)s, %(page)s, %(facts)s, %(consent)s, %(at)s)
ON CONFLICT (campaign_id, platform_click_id) DO UPDATE SET
    page = CASE WHEN owner.page = '' THEN excluded.page ELSE owner.page END,
    has_ad_consent = COALESCE(excluded.has_ad_consent, owner.has_ad_consent)
RETURNING id, link_id, promoted_at IS NOT NULL, has_ad_consent, (facts->>'is_unique')::boolean
"""
_CLAIM_FOR_BACKGROUND: LiteralString = """
INSERT INTO pre_click_data AS owner
    (id, kind, link_id, campaign_id, platform_click_id, page, facts, created_at, promoted_at)
VALUES (%(id)s, 'background', %(link_id)s, %(campaign_id)s, %(key)s, '', '{}', %(at)s, %(at)s)
ON CONFLICT (campaign_id, platform_click_id) DO UPDATE SET promoted_at = excluded.promoted_at
    WHERE owner.promoted_at IS NULL
RETURNING id, link_id, false, has_ad_consent, (facts->>'is_unique')::boolean
"""
_OWNER: LiteralString = """
SELECT id, link_id, true, has_ad_consent, (facts->>'is_unique')::boolean FROM pre_click_data
WHERE campaign_id = %(campaign_id)s AND platform_click_id = %(key)s
"""
_PROMOTE_ONE: LiteralString = "pre.id = %(id)s"
_TELL_CONSENT: tuple[LiteralString, ...] = (
    "UPDATE pre_click_data SET has_ad_consent = %(consent)s WHERE id = %(id)s",
    "UPDATE clicks SET has_ad_consent = %(consent)s WHERE id = %(id)s AND has_ad_consent IS DISTINCT FROM %(consent)s",
)


class Owner(NamedTuple):
    """The click that a visit is or will be: `is_click` once its row is written, or is about to be by its owner."""

    uuid: UUID
    link_id: int
    is_click: bool
    has_ad_consent: bool | None
    is_unique: bool | None


class Landing(NamedTuple):
    """A page with /t.js that was opened: `facts` are its click's columns by name."""

    uuid: UUID
    link_id: int
    campaign_id: int
    key: str | None
    page: str
    facts: Mapping[str, Any]
    has_ad_consent: bool | None


def promotion(which: LiteralString) -> LiteralString:
    """Return the statement that makes landings clicks, each once: of `pre`, those for which `which` holds.

    It takes `at`, and in `routed` the columns, as JSON, that are only known now.
    """
    return f"""
WITH promoted AS (
    UPDATE pre_click_data pre SET promoted_at = %(at)s
    WHERE pre.promoted_at IS NULL AND pre.kind = 'landing' AND {which}
    RETURNING facts || jsonb_strip_nulls(jsonb_build_object('id', id, 'has_ad_consent', has_ad_consent))
              || %(routed)s AS facts
)
INSERT INTO clicks
SELECT click.* FROM promoted, jsonb_populate_record(NULL::clicks, promoted.facts) AS click
ON CONFLICT (id) DO NOTHING
RETURNING id
"""  # noqa: S608 (the condition is one of ours, its values are parameters)


def visit_key(platform_click_ids: Mapping[str, str], visitor_key: int | None) -> str | None:
    """Return what tells one visit of a campaign from all others, None where nothing does."""
    for name, value in platform_click_ids.items():
        if name not in SHARED_CLICK_IDS:
            return _bounded(f"{name}:{value}")
    if visitor_key is None:
        return None
    return next((_bounded(f"{name}:{value}:{visitor_key}") for name, value in platform_click_ids.items()), None)


def landing_line(landing: Landing, *, at: datetime) -> str:
    """Return a landing as a line of `rows.PRE_CLICKS`, for when Postgres is away."""
    texts = (
        str(landing.uuid),
        "landing",
        str(landing.link_id),
        str(landing.campaign_id),
        landing.key,
        landing.page,
        json.dumps(landing.facts),
        None if landing.has_ad_consent is None else str(landing.has_ad_consent),
        at.isoformat(),
    )
    return "\t".join(map(column, texts)) + "\n"


async def claim_for_landing(fetch: Fetch, landing: Landing, *, at: datetime) -> Owner:
    """Store a landing and return whose id it has: its own, or that of the visit which was there before.

    A visit that is a click already hears of the landing's consent.
    """
    values = {
        "id": landing.uuid,
        "link_id": landing.link_id,
        "campaign_id": landing.campaign_id,
        "key": landing.key,
        "page": landing.page,
        "facts": Jsonb(landing.facts),
        "consent": landing.has_ad_consent,
        "at": at,
    }
    [owner] = await _owners(fetch, _CLAIM_FOR_LANDING, values)
    if owner.is_click and landing.has_ad_consent is not None:
        await tell_consent(fetch, owner.uuid, has_ad_consent=landing.has_ad_consent)
    return owner


async def claim_for_background(
    fetch: Fetch, uuid: UUID, *, link_id: int, campaign_id: int, key: str, at: datetime
) -> Owner:
    """Return whose id a click has that a browser called in the background.

    The caller stores the click under that id and link, unless it is one already.
    """
    values = {"id": uuid, "link_id": link_id, "campaign_id": campaign_id, "key": key, "at": at}
    while True:
        for statement in (_CLAIM_FOR_BACKGROUND, _OWNER):
            for owner in await _owners(fetch, statement, values):
                return owner
        # It was cleaned up in between.


async def promote(fetch: Fetch, uuid: UUID, *, routed: Mapping[str, Any], at: datetime) -> bool:
    """Make a landing a click, once however often it is asked; say whether this was the once.

    `routed` are the columns that are only known now.
    """
    return bool(await fetch(promotion(_PROMOTE_ONE), {"id": uuid, "routed": Jsonb(routed), "at": at}))


async def tell_consent(fetch: Fetch, uuid: UUID, *, has_ad_consent: bool) -> None:
    """Note what a visitor said of advertising on a page; the last word counts."""
    for statement in _TELL_CONSENT:
        await fetch(statement, {"id": uuid, "consent": has_ad_consent})


async def _owners(fetch: Fetch, statement: LiteralString, values: Mapping[str, Any]) -> list[Owner]:
    return [Owner(*row) for row in await fetch(statement, values)]


def _bounded(key: str) -> str:
    if len(key) <= _LONGEST_KEY and key.isascii():
        return key
    name, _, _ = key.partition(":")
    return f"{name}:sha256:{hashlib.sha256(key.encode('utf-8', 'replace')).hexdigest()}"
