"""What becomes of landings that no click followed at once: made clicks where something says so, else forgotten."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

import structlog
from django.db import connection

from attribution.click_ids import uuid_floor
from attribution.edge.pre_clicks import promotion
from attribution.models import Click

log = structlog.get_logger(__name__)

KEPT_FOR = timedelta(hours=24)
BATCH = 5_000
# A spool may hold a promoted landing's click for a while: only then is it taken for lost.
_PATIENCE = timedelta(hours=1)

_FOLLOWED: LiteralString = """pre.id IN (
    SELECT event.click FROM landing_events event
    WHERE event.id >= %(since)s AND event.kind IN ('click_through', 'app_installed'))
"""
_OLD_AND_FOLLOWED: LiteralString = """pre.created_at < %(until)s AND EXISTS (
    SELECT FROM landing_events event
    WHERE event.click = pre.id AND event.id >= %(since)s AND event.kind IN ('click_through', 'app_installed'))
"""
_STORE_LOST: LiteralString = """
INSERT INTO clicks
SELECT click.* FROM pre_click_data pre, jsonb_populate_record(NULL::clicks, pre.facts || jsonb_strip_nulls(
    jsonb_build_object('id', pre.id, 'has_ad_consent', pre.has_ad_consent))) AS click
WHERE pre.promoted_at < %(until)s AND pre.kind = 'landing'
    AND NOT EXISTS (SELECT FROM clicks stored WHERE stored.id = pre.id AND stored.id >= %(since)s)
ON CONFLICT (id) DO NOTHING
"""
_BRING_CONSENT: LiteralString = """
UPDATE clicks SET has_ad_consent = pre.has_ad_consent FROM pre_click_data pre
WHERE clicks.id = pre.id AND clicks.id >= %(since)s AND pre.promoted_at IS NOT NULL
    AND pre.has_ad_consent IS NOT NULL AND clicks.has_ad_consent IS DISTINCT FROM pre.has_ad_consent
"""
_DELETE_BATCH: LiteralString = """
DELETE FROM pre_click_data WHERE id IN (
    SELECT id FROM pre_click_data WHERE created_at < %(until)s
    ORDER BY created_at LIMIT %(batch)s FOR UPDATE SKIP LOCKED)
"""


class Settled(NamedTuple):
    """What became of pre-clicks in one run."""

    promoted: int
    deleted: int


def promote_pre_click(uuid: UUID, *, at: datetime) -> Click | None:
    """Make a landing a click, once however often it is asked; return the click, None where there is neither."""
    _execute(promotion("pre.id = %(id)s"), {"id": uuid, "at": at, "routed": "{}"})
    return Click.objects.filter(id=uuid).first()


def settle_pre_clicks(*, at: datetime) -> Settled:
    """Make clicks of the landings whose visitors went on while Postgres was away; forget all after 24 hours.

    Also brings what visitors said of consent to clicks that were not stored yet when they said it. Safe to run twice
    at once.
    """
    since, until = uuid_floor(at - KEPT_FOR - _PATIENCE), at - KEPT_FOR
    values = {"at": at, "since": since, "until": until, "routed": "{}"}
    promoted = _execute(promotion(_FOLLOWED), values | {"since": uuid_floor(at - 2 * _PATIENCE)})
    promoted += _execute(promotion(_OLD_AND_FOLLOWED), values)
    promoted += _execute(_STORE_LOST, values | {"until": at - _PATIENCE})
    _execute(_BRING_CONSENT, values)
    deleted = delete_old_pre_clicks(at=at)
    if promoted or deleted:
        log.info("pre-clicks settled", promoted=promoted, deleted=deleted)
    return Settled(promoted, deleted)


def delete_old_pre_clicks(*, at: datetime, batch: int = BATCH) -> int:
    """Delete the rows that are older than 24 h, `batch` a transaction; return how many. Two runs at once share them."""
    total = 0
    while deleted := _execute(_DELETE_BATCH, {"until": at - KEPT_FOR, "batch": batch}):
        total += deleted
    return total


def _execute(statement: LiteralString, values: Mapping[str, Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)
