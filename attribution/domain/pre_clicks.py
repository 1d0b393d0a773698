"""What becomes of landings that no click followed at once: made clicks where something says so, else forgotten."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

import structlog
from django.db import connection, transaction

from attribution.click_ids import uuid_floor
from attribution.edge.pre_clicks import promotion
from attribution.models import Click, PreClick

log = structlog.get_logger(__name__)

KEPT = timedelta(hours=24)
# A spool may hold a promoted landing's click for a while: only then is it taken for lost.
_PATIENCE = timedelta(hours=1)
_BATCH = 5_000

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
    since, until = uuid_floor(at - KEPT - _PATIENCE), at - KEPT
    values = {"at": at, "since": since, "until": until, "routed": "{}"}
    promoted = _execute(promotion(_FOLLOWED), values | {"since": uuid_floor(at - 2 * _PATIENCE)})
    promoted += _execute(promotion(_OLD_AND_FOLLOWED), values)
    promoted += _execute(_STORE_LOST, values | {"until": at - _PATIENCE})
    _execute(_BRING_CONSENT, values)
    deleted = 0
    while count := _delete_some(until):
        deleted += count
    if promoted or deleted:
        log.info("pre-clicks settled", promoted=promoted, deleted=deleted)
    return Settled(promoted, deleted)


def _delete_some(until: datetime) -> int:
    """Delete a batch of its own transaction, so that nobody waits long for its locks."""
    with transaction.atomic():
        old = PreClick.objects.filter(created_at__lt=until).order_by("created_at").values("id")[:_BATCH]
        return PreClick.objects.filter(id__in=old).delete()[0]


def _execute(statement: LiteralString, values: Mapping[str, Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)
