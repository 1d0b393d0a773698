"""What Postgres knows of a click whose visitor comes back: its columns, and what was counted of it already."""

import json
import re
from collections.abc import Mapping
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from attribution.edge.parameters import NAMES, POSITIONS, SUB_IDS
from attribution.edge.pre_clicks import Fetch
from attribution.edge.rows import CLICKS, NULL
from campaigns.domain.filters import PLATFORM_CLICK_IDS

_FIND: LiteralString = """
SELECT known.stage, known.columns::text,
    (SELECT count(*) FROM landing_events event
     WHERE event.click = %(id)s AND event.kind = %(kind)s AND event.id >= %(since)s),
    EXISTS (SELECT FROM landing_events event
            WHERE event.click = %(id)s AND event.kind = %(kind)s AND event.id >= %(repeat_since)s
                AND event.cta IS NOT DISTINCT FROM %(cta)s)
FROM (
    SELECT 'click' AS stage, to_jsonb(click) AS columns FROM clicks click WHERE click.id = %(id)s
    UNION ALL
    SELECT CASE WHEN promoted_at IS NULL THEN 'landing' ELSE 'promoted' END,
        facts || jsonb_strip_nulls(jsonb_build_object(
            'link_id', link_id, 'campaign_id', campaign_id, 'has_ad_consent', has_ad_consent))
    FROM pre_click_data WHERE id = %(id)s
) known
ORDER BY known.stage LIMIT 1
"""
_TEXTS = ("external_id", "keyword", "placement", *SUB_IDS)
_JSON = ("hints", "platform_click_ids")
_OWN = ("id", "has_ad_consent")
_ESCAPE = re.compile(r"\\(.)")
_UNESCAPED = {"\\": "\\", "t": "\t", "n": "\n", "r": "\r"}


class StoredClick(NamedTuple):
    """A click, or a landing that is to be one, with its columns by name; and its events of one kind so far.

    `is_promoted` where it has become a click whose row we do not see: it is on its way, or in a spool.
    """

    is_click: bool
    is_promoted: bool
    columns: Mapping[str, Any]
    events: int
    is_repeat: bool

    @property
    def campaign_id(self) -> int:
        return int(self.columns["campaign_id"])

    @property
    def kind(self) -> str:
        return str(self.columns.get("kind", "click"))

    def number(self, name: str) -> int | None:
        """Return the id that a column holds."""
        value = self.columns.get(name)
        return None if value is None else int(value)

    def values(self) -> list[str | None]:
        """Return what came in its URL, in the order of `parameters.NAMES`."""
        columns = self.columns
        values: list[str | None] = [None] * len(NAMES)
        for name in _TEXTS:
            values[POSITIONS[name]] = columns.get(name)
        values[POSITIONS["cost"]] = _plain(columns.get("original_cost") or columns.get("cost"))
        values[POSITIONS["cost_currency"]] = columns.get("original_currency")
        platform_click_ids = columns.get("platform_click_ids") or {}
        for name in PLATFORM_CLICK_IDS:
            values[POSITIONS[name]] = platform_click_ids.get(name)
        return values

    def facts(self, click_id: str) -> list[str | None]:
        """Return what macros show of it, in the order of `macros.FACTS`."""
        columns = self.columns
        return [
            click_id,
            *self.values(),
            *(columns.get(name) for name in ("country", "region", "city", "language", "device", "os", "browser")),
            str(int(click_id[:12], 16) // 1000),
            str(int(click_id[20:32], 16)),
        ]


async def find_click(
    fetch: Fetch, uuid: UUID, *, kind: str, cta: int | None, milliseconds: int, repeat_seconds: int
) -> StoredClick | None:
    """Return the click of an id with its events of a kind; None where nothing is known of it."""
    since = UUID(int=uuid.int >> 80 << 80)
    repeat_since = max(since, UUID(int=milliseconds - repeat_seconds * 1000 << 80))
    values = {"id": uuid, "kind": kind, "cta": cta, "since": since, "repeat_since": repeat_since}
    for stage, columns, events, is_repeat in await fetch(_FIND, values):
        return StoredClick(
            stage == "click", stage != "landing", json.loads(columns, parse_float=str), events, is_repeat
        )
    return None


def columns_of(line: str) -> dict[str, Any]:
    """Return a click's line as columns by name, without those that are empty or that a landing has of its own."""
    texts = dict(zip(CLICKS.columns, line.rstrip("\n").split("\t"), strict=True))
    columns: dict[str, Any] = {
        name: _ESCAPE.sub(_unescaped, text) for name, text in texts.items() if text != NULL and name not in _OWN
    }
    columns |= {name: json.loads(columns[name]) for name in _JSON if name in columns}
    if "is_unique" in columns:
        columns["is_unique"] = columns["is_unique"] == "t"
    return columns


def _unescaped(found: re.Match[str]) -> str:
    return _UNESCAPED[found[1]]


def _plain(amount: str | None) -> str | None:
    """Return an amount without the noughts that a column of eight decimals ends in."""
    return amount.rstrip("0").rstrip(".") if amount is not None and "." in amount else amount
