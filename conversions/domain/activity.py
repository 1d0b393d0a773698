"""Daily activity: a day's figures by all its reports, whether each is the day so far or adds to it."""

import itertools
import json
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from conversions.domain.inbox import ConversionConflict
from conversions.domain.reported import ReportedActivity
from conversions.domain.subjects import credited_to, locked_player, player_id_of
from conversions.models import ActivityReport, DailyActivity, InboxEvent, Player
from tracker_project.common.prepared import columns_of, fetch, insert, made, update

_DAY = columns_of(DailyActivity)
_DAY_OF = f"SELECT {', '.join(_DAY)} FROM daily_activity WHERE player_id = %s AND on_date = %s AND currency = %s"  # noqa: S608
_FIGURES_OF = """
    SELECT report.figures FROM activity_reports report JOIN inbox_events event ON event.id = report.event_id
     WHERE report.activity_id = %s ORDER BY report.occurred_at, event.event_id COLLATE "C"
"""
_FOLLOWING = (*ReportedActivity.FIGURES, "restated", "is_test", "updated_at")


def place_activity(reported: ReportedActivity, event: InboxEvent, *, at: datetime) -> dict[str, Any]:
    """Write what follows from an activity's inbox event and return its answer.

    Totals: the report counted up to the latest instant stands, then the greatest event id. Deltas: the sum stands.
    Raises `ConversionConflict` when one day is reported in both ways: its figures could not be told.
    """
    player = locked_player(event.platform, player_id_of(reported, event.platform), at=at)
    day = _known_day(player, reported)
    if day is not None and day.mode != reported.mode:
        raise ConversionConflict(code="activity_conflict", field="mode", held=day.mode, reported=reported.mode)
    if day is None:
        _write_new(player, reported, event, at=at)
    else:
        insert(_report(day, reported, event))
        _follow_reports(day, [json.loads(figures) for (figures,) in fetch(_FIGURES_OF, [day.pk])])
        day.is_test = day.is_test or reported.is_test or player.is_test
        day.updated_at = at
        update(day, *_FOLLOWING)
    return {"status": "recorded", "kind": event.kind, "credited_to": credited_to(player)}


def _known_day(player: Player, reported: ReportedActivity) -> DailyActivity | None:
    rows = fetch(_DAY_OF, [player.pk, reported.on_date, reported.currency])
    return made(DailyActivity, _DAY, rows[0]) if rows else None


def _write_new(player: Player, reported: ReportedActivity, event: InboxEvent, *, at: datetime) -> None:
    day = DailyActivity(
        player=player,
        on_date=reported.on_date,
        currency=reported.currency,
        mode=reported.mode,
        is_test=reported.is_test or player.is_test,
        updated_at=at,
    )
    _follow_reports(day, [reported.figures])
    insert(day)
    insert(_report(day, reported, event))


def _report(day: DailyActivity, reported: ReportedActivity, event: InboxEvent) -> ActivityReport:
    return ActivityReport(activity=day, event=event, figures=reported.figures, occurred_at=event.occurred_at)


def _follow_reports(day: DailyActivity, said: Sequence[dict[str, str]]) -> None:
    """Set a day's figures by what all its reports said, in order."""
    for name in ReportedActivity.FIGURES:
        values = [Decimal(figures[name]) for figures in said if name in figures]
        if day.mode == DailyActivity.Mode.TOTAL:
            setattr(day, name, values[-1] if values else None)
        else:
            setattr(day, name, sum(values) if values else None)
    if day.mode == DailyActivity.Mode.TOTAL:
        day.restated = sum(earlier != later for earlier, later in itertools.pairwise(said))
