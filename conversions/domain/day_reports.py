"""What platforms say of their days: each count kept, the latest of a day standing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import structlog
from django.db import transaction

from conversions.domain.reported import plain_amount
from conversions.domain.subjects import lock_key
from conversions.models import DayReport, DayReportAmount, Platform
from tracker_project.common.money import Money

log = structlog.get_logger(__name__)

# What may be counted, by the field of the count; its ids stand in the field that is named beside it.
COUNTED = {
    "registrations": "registration_ids",
    "first_deposits": "first_deposit_ids",
    "deposits": "deposit_ids",
}


class DayReportConflict(Exception):
    """The event id stands there with other figures: `field` differs. Answered 409."""

    def __init__(self, field_name: str) -> None:
        super().__init__(f"{field_name} differs from what this event_id said before")
        self.field = field_name


@dataclass(frozen=True, kw_only=True)
class ReportedDay:
    """A platform's count of one of its days; what it did not say is not there.

    `counts` and `ids` are by the names in `COUNTED`; `amounts` is None where it said nothing of money.
    """

    event_id: str
    on_date: date
    counted_at: datetime
    counts: Mapping[str, int] = field(default_factory=dict)
    ids: Mapping[str, Sequence[str]] = field(default_factory=dict)
    amounts: Sequence[Money] | None = None

    def figures(self) -> dict[str, Any]:
        """Return all that was said of the day, so that two reports can be compared."""
        figures: dict[str, Any] = {name: self.counts.get(name) for name in COUNTED}
        figures |= {ids: sorted(self.ids[name]) if name in self.ids else None for name, ids in COUNTED.items()}
        return figures | {"deposit_amounts": _amounts(self.amounts or ())}


@dataclass(frozen=True, kw_only=True)
class DayRecorded:
    """The report as it is kept, and whether it was there before."""

    report: DayReport
    is_repeat: bool


@transaction.atomic
def record_day_report(
    reported: ReportedDay, *, platform: Platform, at: datetime, uploaded_by: Any = None
) -> DayRecorded:
    """Keep a platform's count of a day; the count that was made last stands, in whatever order they come.

    Idempotent by event id; raises `DayReportConflict` where it said something else before. The former counts stay as
    history.
    """
    lock_key(platform.pk, "day reports")
    earlier = DayReport.objects.filter(platform=platform, event_id=reported.event_id).first()  # at most one
    if earlier is not None:
        _refuse_other_figures(earlier, reported)
        return DayRecorded(report=earlier, is_repeat=True)
    standing = DayReport.objects.filter(platform=platform, on_date=reported.on_date, is_current=True).first()
    is_current = standing is None or _order(standing) < (reported.counted_at, reported.event_id)
    if standing is not None and is_current:
        DayReport.objects.filter(pk=standing.pk).update(is_current=False)
    report = _write(reported, platform, is_current=is_current, at=at, uploaded_by=uploaded_by)
    log.info("day_reported", day_report=report.pk, platform=platform.pk, is_current=is_current)
    return DayRecorded(report=report, is_repeat=False)


@transaction.atomic
def upload_day_reports(days: Sequence[ReportedDay], *, platform: Platform, by: Any, at: datetime) -> list[DayReport]:
    """Keep the counts of a file, all or none of them, and return those that say something new.

    What says of a day what stands already is left out, so that the same file twice changes nothing.
    """
    new = []
    for day in days:
        lock_key(platform.pk, "day reports")
        standing = standing_report(platform, day.on_date)
        if standing is None or figures_of(standing) != day.figures():
            new.append(record_day_report(day, platform=platform, at=at, uploaded_by=by).report)
    return new


def figures_of(report: DayReport) -> dict[str, Any]:
    """Return what a kept report says, as `ReportedDay.figures` does."""
    figures: dict[str, Any] = {name: getattr(report, name) for name in COUNTED}
    for ids in COUNTED.values():
        held = getattr(report, ids)
        figures[ids] = sorted(held) if held is not None else None
    money = [Money(amount=each.amount, currency=each.currency) for each in report.amounts.all()]
    return figures | {"deposit_amounts": _amounts(money)}


def standing_report(platform: Platform, on_date: date) -> DayReport | None:
    """Return the count of a day that stands, or None where the platform said nothing of it."""
    return DayReport.objects.filter(platform=platform, on_date=on_date, is_current=True).first()  # at most one


def _write(reported: ReportedDay, platform: Platform, *, is_current: bool, at: datetime, uploaded_by: Any) -> DayReport:
    report = DayReport.objects.create(
        platform=platform,
        event_id=reported.event_id,
        on_date=reported.on_date,
        time_zone=platform.time_zone,
        counted_at=reported.counted_at,
        received_at=at,
        origin=DayReport.Origin.UPLOAD if uploaded_by else DayReport.Origin.API,
        uploaded_by=uploaded_by,
        is_current=is_current,
        **{name: reported.counts.get(name) for name in COUNTED},
        **{ids: list(reported.ids[name]) if name in reported.ids else None for name, ids in COUNTED.items()},
    )
    DayReportAmount.objects.bulk_create(
        DayReportAmount(report=report, currency=money.currency, amount=money.amount) for money in reported.amounts or ()
    )
    return report


def _refuse_other_figures(earlier: DayReport, reported: ReportedDay) -> None:
    held = figures_of(earlier) | {"on_date": earlier.on_date, "counted_at": earlier.counted_at}
    said = reported.figures() | {"on_date": reported.on_date, "counted_at": reported.counted_at}
    for name, value in held.items():
        if said[name] != value:
            raise DayReportConflict(name)


def _order(report: DayReport) -> tuple[datetime, str]:
    return report.counted_at, report.event_id


def _amounts(amounts: Sequence[Money]) -> dict[str, str]:
    return {money.currency: plain_amount(money.amount) for money in sorted(amounts, key=lambda each: each.currency)}
