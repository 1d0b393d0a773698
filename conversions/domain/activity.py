"""Daily activity: a day's figures by all its reports, whether each is the day so far or adds to it."""

import itertools
from datetime import datetime
from decimal import Decimal
from typing import Any

from conversions.domain.inbox import ConversionConflict
from conversions.domain.reported import ReportedActivity
from conversions.domain.subjects import credited_to, locked_player, player_id_of
from conversions.models import ActivityReport, DailyActivity, InboxEvent


def place_activity(reported: ReportedActivity, event: InboxEvent, *, at: datetime) -> dict[str, Any]:
    """Write what follows from an activity's inbox event and return its answer.

    Totals: the report counted up to the latest instant stands, then the greatest event id. Deltas: the sum stands.
    Raises `ConversionConflict` when one day is reported in both ways: its figures could not be told.
    """
    player = locked_player(event.platform, player_id_of(reported, event.platform), at=at)
    day, _ = DailyActivity.objects.get_or_create(
        player=player,
        on_date=reported.on_date,
        currency=reported.currency,
        defaults={"mode": reported.mode, "updated_at": at},
    )
    if day.mode != reported.mode:
        raise ConversionConflict(code="activity_conflict", field="mode", held=day.mode, reported=reported.mode)
    ActivityReport.objects.create(activity=day, event=event, figures=reported.figures, occurred_at=event.occurred_at)
    _follow_reports(day)
    day.is_test = day.is_test or reported.is_test or player.is_test
    day.updated_at = at
    day.save()
    return {"status": "recorded", "kind": event.kind, "credited_to": credited_to(player)}


def _follow_reports(day: DailyActivity) -> None:
    reports = sorted(
        day.reports.select_related("event"), key=lambda report: (report.occurred_at, report.event.event_id)
    )
    said = [report.figures for report in reports]
    for name in ReportedActivity.FIGURES:
        values = [Decimal(figures[name]) for figures in said if name in figures]
        if day.mode == DailyActivity.Mode.TOTAL:
            setattr(day, name, values[-1] if values else None)
        else:
            setattr(day, name, sum(values) if values else None)
    if day.mode == DailyActivity.Mode.TOTAL:
        day.restated = sum(earlier != later for earlier, later in itertools.pairwise(said))
