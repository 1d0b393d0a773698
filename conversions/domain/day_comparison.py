"""What a platform says of a day beside what we recorded: figures, and the ids that one of us does not have."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from conversions.domain.day_reports import COUNTED
from conversions.models import Conversion, DayReport
from tracker_project.common.time import day_bounds, day_in_zone

# A deposit counts once its money was confirmed, even if it went back later: that is another day's matter.
_DEPOSITED = "kind = 'deposit' AND is_settled AND status IN ('confirmed', 'refunded', 'charged_back')"
_IS_COUNTED = {
    "registrations": "kind = 'registration'",
    "first_deposits": "kind = 'deposit' AND is_first_deposit",
    "deposits": _DEPOSITED,
}
# By what each is named in the platform's lists: players, or transactions.
_NAMED_BY = {
    "registrations": "players.player_id",
    "first_deposits": "players.player_id",
    "deposits": "conversions.transaction_id",
}


@dataclass(frozen=True, kw_only=True)
class Beside:
    """One figure of a day: what they say (None: nothing) and what we recorded."""

    name: str
    said: Decimal | int | None
    ours: Decimal | int
    currency: str = ""

    @property
    def difference(self) -> Decimal | int | None:
        """Return by how much ours is more than theirs; None where they said nothing."""
        return None if self.said is None else self.ours - self.said


@dataclass(frozen=True, kw_only=True)
class DayComparison:
    """One reported day beside ours: counts first, then an amount a currency."""

    report: DayReport
    figures: list[Beside] = field(default_factory=list)

    @property
    def differs(self) -> bool:
        return any(figure.difference for figure in self.figures)


@dataclass(frozen=True, kw_only=True)
class IdDifference:
    """An id that only one of us has on the day. `is_ours`: we recorded it and they do not list it."""

    counted: str
    name: str
    is_ours: bool
    why: str


def compare_days(reports: Sequence[DayReport]) -> list[DayComparison]:
    """Return reports (their `amounts` fetched) beside what we recorded; as many queries for one as for many.

    A day of a sandbox is compared with tests, any other with what is none.
    """
    counts, amounts = _our_counts(reports), _our_amounts(reports)
    return [_compared(report, counts.get(report.pk, {}), amounts.get(report.pk, {})) for report in reports]


def id_differences(report: DayReport) -> Iterator[IdDifference]:
    """Yield what only one of us has, for each list of ids that the report gave, theirs first, in order of id."""
    for counted, ids in COUNTED.items():
        said = getattr(report, ids)
        if said is not None:
            ours = _our_ids(report, counted)
            yield from _missing(report, counted, sorted(set(said) - ours))
            for name in sorted(ours - set(said)):
                yield IdDifference(counted=counted, name=name, is_ours=True, why="we recorded it; they do not list it")


def _compared(report: DayReport, counts: dict[str, int], amounts: dict[str, Decimal]) -> DayComparison:
    figures = [Beside(name=name, said=_said(report, name), ours=counts.get(name, 0)) for name in COUNTED]
    said = {each.currency: each.amount for each in report.amounts.all()}
    for currency in sorted(said | amounts):
        # Who names some amounts means nothing by the others; who names none did not say.
        theirs = said.get(currency, Decimal(0)) if said else None
        figures.append(Beside(name="deposited", said=theirs, ours=amounts.get(currency, Decimal(0)), currency=currency))
    return DayComparison(report=report, figures=figures)


def _said(report: DayReport, name: str) -> int | None:
    """Return a count of theirs; a sandbox's first deposits cannot be compared, as a test is never one."""
    said: int | None = getattr(report, name)
    return None if name == "first_deposits" and report.platform.is_sandbox else said


_DAYS = """
    FROM unnest(%s::bigint[], %s::bigint[], %s::boolean[], %s::timestamptz[], %s::timestamptz[])
         AS day (report, platform, is_test, starts_at, ends_at)
    JOIN conversions ON conversions.platform_id = day.platform AND conversions.is_test = day.is_test
         AND conversions.occurred_at >= day.starts_at AND conversions.occurred_at < day.ends_at
"""


def _our_counts(reports: Sequence[DayReport]) -> dict[int, dict[str, int]]:
    counts = ", ".join(f"count(*) FILTER (WHERE {condition})" for condition in _IS_COUNTED.values())
    rows = _rows(f"SELECT day.report, {counts} {_DAYS} GROUP BY day.report", _days(reports))
    return {report: dict(zip(_IS_COUNTED, found, strict=True)) for report, *found in rows}


def _our_amounts(reports: Sequence[DayReport]) -> dict[int, dict[str, Decimal]]:
    rows = _rows(
        f"SELECT day.report, currency, sum(amount) {_DAYS} WHERE {_DEPOSITED} GROUP BY day.report, currency",
        _days(reports),
    )
    amounts: dict[int, dict[str, Decimal]] = {}
    for report, currency, amount in rows:
        amounts.setdefault(report, {})[currency] = amount
    return amounts


def _our_ids(report: DayReport, counted: str) -> set[str]:
    rows = _rows(
        f"""SELECT {_NAMED_BY[counted]} {_DAYS} JOIN players ON players.id = conversions.player_id
             WHERE {_IS_COUNTED[counted]}""",
        _days([report]),
    )
    return {name for (name,) in rows}


def _missing(report: DayReport, counted: str, names: list[str]) -> Iterator[IdDifference]:
    """Yield what they list and we do not have on the day, with what we know of it."""
    known = dict(_known(report, counted, names))
    for name in names:
        why = known.get(name, "we never recorded it: send it again")
        yield IdDifference(counted=counted, name=name, is_ours=False, why=why)


def _known(report: DayReport, counted: str, names: list[str]) -> Iterator[tuple[str, str]]:
    kind = Conversion.Kind.REGISTRATION if counted == "registrations" else Conversion.Kind.DEPOSIT
    conversions = Conversion.objects.filter(platform_id=report.platform_id, kind=kind).select_related("player")
    if counted == "deposits":
        conversions = conversions.filter(transaction_id__in=names)
    else:
        conversions = conversions.filter(player__player_id__in=names)
    # The first deposit last, so that it is the one that is spoken of.
    for conversion in conversions.order_by("is_first_deposit", "-occurred_at"):
        name = conversion.transaction_id if counted == "deposits" else conversion.player.player_id
        yield str(name), _what_we_hold(conversion, report, counted)


def _what_we_hold(conversion: Conversion, report: DayReport, counted: str) -> str:
    if conversion.is_test and not report.platform.is_sandbox:
        return "we recorded it as a test"
    if not conversion.is_settled or conversion.status in (Conversion.Status.REJECTED, Conversion.Status.VOID):
        return f"we recorded it as {conversion.get_status_display().lower()}: report its last status"
    on_date = day_in_zone(conversion.occurred_at, report.time_zone)
    if on_date != report.on_date:
        what = "his first deposit" if counted == "first_deposits" and conversion.is_first_deposit else "it"
        return f"we recorded {what} on {on_date:%-d %b %Y}"
    return "we recorded a deposit of his that day, and an earlier one as his first"


def _days(reports: Sequence[DayReport]) -> list[list[Any]]:
    bounds = [_bounds(report) for report in reports]
    return [
        [report.pk for report in reports],
        [report.platform_id for report in reports],
        [report.platform.is_sandbox for report in reports],
        [starts_at for starts_at, _ in bounds],
        [ends_at for _, ends_at in bounds],
    ]


def _bounds(report: DayReport) -> tuple[datetime, datetime]:
    """Return the instants that the platform counted: up to the end of the day, or as far as it was when it did."""
    starts_at, ends_at = day_bounds(report.on_date, report.time_zone)
    return starts_at, min(ends_at, report.counted_at)


def _rows(sql: str, parameters: list[list[Any]]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())
