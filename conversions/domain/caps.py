"""Caps on registrations and first deposits: counted here, written down to the caps' counter of conversions."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection

from campaigns.domain.limits import CapCount, cap_day, cap_zone, caps_of_running_campaigns, write_conversion_uses
from campaigns.models import Cap
from tracker_project.common.time import day_bounds

# A reversed first deposit keeps its place under a cap: the advertiser took it.
_COUNTS = {
    Cap.Event.REGISTRATION: "done.kind = 'registration' AND done.status NOT IN ('rejected', 'void')",
    Cap.Event.FIRST_DEPOSIT: "done.is_first_deposit",
}
# What was copied of the click outlives it; a click that was not stored yet when its player registered is looked up.
_FLOW = """CASE WHEN jsonb_exists(player.click_facts, 'kind') THEN (player.click_facts ->> 'flow_id')::bigint
           ELSE (SELECT click.flow_id FROM clicks click WHERE click.id = done.click_uuid) END"""


def count_capped_conversions(*, at: datetime, period: Cap.Period) -> list[CapCount]:
    """Count what caps of `period` on conversions took, write it to their counter and return it.

    Days are those on which conversions occurred, in the cap's zone: today's and yesterday's are counted. Tests and
    what review rejected do not count; a flow's conversions are those whose credited click took it. Idempotent: each
    run counts from the rows, and an older count is put right by the next.
    """
    caps = caps_of_running_campaigns().filter(event__in=_COUNTS, period=period)
    asked = [(cap, day) for cap in caps for day in _days(cap, at)]
    if not asked:
        return []
    counts = _count(asked)
    write_conversion_uses(counts)
    return counts


def _days(cap: Cap, at: datetime) -> Iterator[date | None]:
    today = cap_day(cap, at=at)
    if today is not None:
        yield today - timedelta(days=1)
    yield today


def _count(asked: list[tuple[Cap, date | None]]) -> list[CapCount]:
    questions, parameters = [], list[Any]()
    for number, (cap, day) in enumerate(asked):
        question, filled_in = _question(cap, day)
        questions.append(f"SELECT {number} AS number, ({question}) AS uses")
        parameters += filled_in
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(questions), parameters)
        found = cursor.fetchall()
    return [CapCount(cap_id=asked[number][0].pk, day=asked[number][1], uses=uses) for number, uses in found]


def _question(cap: Cap, day: date | None) -> tuple[str, list[Any]]:
    """Return the SQL that counts one cap's conversions of a day (None: of all), and what to fill in."""
    tables, conditions = "conversions done", [_COUNTS[Cap.Event(cap.event)]]
    conditions += ["NOT done.is_test", "done.review_state <> 'rejected'"]
    parameters: list[Any] = []
    if cap.flow is not None:
        tables += " JOIN players player ON player.id = done.player_id"
        conditions += ["done.campaign_id = %s", f"{_FLOW} = %s"]
        parameters += [cap.flow.campaign_id, cap.flow_id]
    elif cap.campaign_id is not None:
        conditions.append("done.campaign_id = %s")
        parameters.append(cap.campaign_id)
    else:
        conditions.append("done.offer_id = %s")
        parameters.append(cap.offer_id)
    if day is not None:
        conditions.append("done.occurred_at >= %s AND done.occurred_at < %s")
        parameters += day_bounds(day, cap_zone(cap))
    return f"SELECT count(*) FROM {tables} WHERE {' AND '.join(conditions)}", parameters  # noqa: S608  (constants)
