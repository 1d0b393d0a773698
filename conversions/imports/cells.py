"""What people write in a cell, in the form in which a webhook would say it."""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from conversions.dialects.reading import MalformedEvent
from conversions.imports.tables import Number
from conversions.models import Import

_BLANKS = re.compile(r"(?<=[0-9])[ \u00a0\u202f\u2009](?=[0-9]{3}(?![0-9]))")
_PLAIN = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?", re.ASCII)
_COMMA = re.compile(r"[+-]?[0-9]+(,[0-9]+)?", re.ASCII)
_TRUE, _FALSE = ("true", "yes", "1", "y"), ("false", "no", "0", "n", "")
_TIME = r"(?:[ T](\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d{1,6})?)?)?\Z"
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})" + _TIME, re.ASCII)
_SLASHED = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})" + _TIME, re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)
_SECONDS = re.compile(r"\d{10}\Z", re.ASCII)


def amount(text: str, column: str, *, decimal_mark: str) -> str:
    """Return an amount with a point and without padding; blanks between thousands are the only grouping believed."""
    if isinstance(text, Number):
        return _refuse_rounded(text, column)
    written = _BLANKS.sub("", text.lstrip("'"))
    pattern = _COMMA if decimal_mark == Import.DecimalMark.COMMA else _PLAIN
    if not pattern.fullmatch(written):
        example = "1234,50" if decimal_mark == Import.DecimalMark.COMMA else "1234.50"
        raise MalformedEvent(
            "bad_amount", f"{column}: write the amount as {example}, without currency or thousands sign.", column
        )
    number = Decimal(written.replace(",", "."))
    return f"{number.normalize():f}" if number else "0"


def identifier(text: str, column: str) -> str:
    """Return an id as it was written; raises for one that the spreadsheet turned into a rounded number."""
    return _refuse_rounded(text, column) if isinstance(text, Number) else text


def flag(text: str, column: str) -> bool:
    word = text.lower()
    if word not in _TRUE and word not in _FALSE:
        raise MalformedEvent("wrong_type", f"{column} must be yes or no.", column)
    return word in _TRUE


def whole_number(text: str, column: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,13}", text, re.ASCII):
        raise MalformedEvent("wrong_type", f"{column} must be a whole number.", column)
    return int(text)


def day(text: str, column: str, *, order: str) -> str:
    """Return a calendar day as 2026-11-22."""
    return _local(text, column, order).date().isoformat()


def instant(text: str, column: str, *, order: str, time_zone: str) -> str:
    """Return an instant with its offset; one without is of `time_zone`. A bare date is that day's beginning.

    Raises for a local time that clocks skipped or had twice: it needs its offset.
    """
    if _SECONDS.fullmatch(text):
        return f"{datetime.fromtimestamp(int(text), ZoneInfo('UTC')).isoformat()}"
    read = _local(text, column, order)
    if read.tzinfo is not None:
        return read.isoformat()
    zone = ZoneInfo(time_zone)
    early, late = read.replace(tzinfo=zone, fold=0), read.replace(tzinfo=zone, fold=1)
    if early.utcoffset() == late.utcoffset():
        return early.isoformat()
    is_skipped = early.astimezone(ZoneInfo("UTC")).astimezone(zone).replace(tzinfo=None) != read
    what = "was skipped" if is_skipped else "came twice"
    raise MalformedEvent(
        "bad_time",
        f"{column}: {read:%H:%M} on {read:%Y-%m-%d} {what} in {time_zone} when clocks changed; write it with its "
        "offset, such as +01:00.",
        column,
    )


def _local(text: str, column: str, order: str) -> datetime:
    """Return what a cell says, with the offset that it has or with none."""
    try:
        if match := _DOTTED.match(text):
            return _built(match, day_at=1, month_at=2)
        if match := _SLASHED.match(text):
            if order == Import.DateOrder.ISO:
                raise MalformedEvent(
                    "bad_time", f"{column}: say on upload whether {text[:10]} begins with the day or the month.", column
                )
            day_at, month_at = (1, 2) if order == Import.DateOrder.DAY_FIRST else (2, 1)
            return _built(match, day_at=day_at, month_at=month_at)
        return datetime.fromisoformat(text.replace(" UTC", "Z").replace("/", "-"))
    except MalformedEvent:
        raise
    except ValueError as error:
        raise MalformedEvent(
            "bad_time", f"{column}: write the time as in 2026-11-22 10:05 or 2026-11-22T10:05:00+01:00.", column
        ) from error


def _built(match: re.Match[str], *, day_at: int, month_at: int) -> datetime:
    hour, minute, second = (int(match.group(place) or 0) for place in (4, 5, 6))
    return datetime(  # noqa: DTZ001 (the zone is the caller's matter)
        int(match.group(3)), int(match.group(month_at)), int(match.group(day_at)), hour, minute, second
    )


def _refuse_rounded(number: Number, column: str) -> str:
    if number.is_rounded:
        raise MalformedEvent(
            "bad_characters",
            f"{column} has more than 15 digits, which a spreadsheet rounds: make the column text and fill it anew.",
            column,
        )
    return str(number)


def filled(cells: Mapping[str, str], columns: tuple[str, ...]) -> dict[str, str]:
    """Return those of `columns` that hold anything."""
    return {name: cells[name] for name in columns if cells.get(name)}
