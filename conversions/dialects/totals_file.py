"""A CSV file with a platform's own counts of its days, in one of two forms.

Totals: `day,registrations,first_deposits,deposits` and a column a currency (`EUR`) with what was deposited; a row a
day. Ids: `day,kind,id` and optionally `amount,currency`; a row an id, kind registration, first_deposit or deposit.
"""

import csv
import io
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

from conversions.dialects.reading import MalformedEvent
from conversions.dialects.totals import parse_totals
from conversions.domain.day_reports import COUNTED, ReportedDay
from conversions.domain.reported import plain_amount
from tracker_project.common.money import is_currency, parse_amount

MOST_ROWS = 200_000
MOST_BYTES = 20 * 1024 * 1024
_MOST_ERRORS = 20
_MOST_DIGITS = 10

# What a row of ids calls what its id was counted as.
_KINDS = {"registration": "registrations", "first_deposit": "first_deposits", "deposit": "deposits"}
_ID_COLUMNS = {"day", "kind", "id"}
_MONEY_COLUMNS = {"amount", "currency"}

Row = dict[str, str]


class UnreadableFile(ValueError):
    """Nothing of the file is taken; `errors` says what to mend, a sentence a place."""

    def __init__(self, errors: Sequence[str]) -> None:
        super().__init__("; ".join(errors))
        self.errors = list(errors)


def read_totals_file(content: bytes, *, at: datetime) -> list[ReportedDay]:
    """Return the counts in a file, a day each; raises `UnreadableFile` where any row cannot be read."""
    rows = _rows(content)
    columns = list(rows[0])
    if set(columns) >= _ID_COLUMNS:
        bodies = _days_of_ids(rows, columns)
    elif "day" in columns:
        bodies = _days_of_totals(rows, columns)
    else:
        raise UnreadableFile(["The first row must name the columns: day and counts, or day, kind and id."])
    return [_parsed(on_date, body, at=at) for on_date, body in bodies]


def _rows(content: bytes) -> list[Row]:
    if len(content) > MOST_BYTES:
        raise UnreadableFile([f"The file has more than {MOST_BYTES // 1024 // 1024} MiB: send fewer days at once."])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableFile(["The file is not UTF-8: save it as “CSV UTF-8”."]) from None
    first_line = text.partition("\n")[0]
    delimiter = ";" if first_line.count(";") > first_line.count(",") else ","
    try:
        table = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise UnreadableFile([f"The file is no CSV: {error}."]) from error
    return _named(table)


def _named(table: list[list[str]]) -> list[Row]:
    header, *lines = [[cell.strip() for cell in line] for line in table if any(cell.strip() for cell in line)] or [[]]
    if not lines:
        raise UnreadableFile(["The file has no rows below the names of its columns."])
    if len(lines) > MOST_ROWS:
        raise UnreadableFile([f"The file has more than {MOST_ROWS:,} rows: send fewer days at once."])
    if len(set(header)) != len(header):
        raise UnreadableFile(["Two columns have the same name."])
    wrong = [number for number, line in enumerate(lines, 2) if len(line) != len(header)]
    if wrong:
        raise UnreadableFile([f"Row {number} has another number of cells than the first." for number in wrong[:5]])
    return [dict(zip(header, line, strict=True)) for line in lines]


def _days_of_totals(rows: list[Row], columns: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    unknown = [name for name in columns if name not in ("day", *COUNTED) and not is_currency(name)]
    if unknown:
        known = ", ".join(["day", *COUNTED])
        raise UnreadableFile([f"The column “{name}” is neither {known} nor a currency." for name in unknown])
    days = [row["day"] for row in rows]
    if len(set(days)) != len(days):
        raise UnreadableFile(["A day stands there twice."])
    bodies: list[tuple[str, dict[str, Any]]] = []
    errors: list[str] = []
    for number, row in enumerate(rows, 2):
        amounts = {name: text for name, text in row.items() if is_currency(name) and text}
        try:
            counts: dict[str, Any] = {name: _whole(row[name], name, number) for name in COUNTED if row.get(name)}
        except UnreadableFile as error:
            errors += error.errors
        else:
            bodies.append((row["day"], counts | ({"deposit_amounts": amounts} if amounts else {})))
    if errors:
        raise UnreadableFile(errors[:_MOST_ERRORS])
    yield from bodies


def _days_of_ids(rows: list[Row], columns: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    unknown = [name for name in columns if name not in _ID_COLUMNS | _MONEY_COLUMNS]
    if unknown:
        raise UnreadableFile([f"The column “{name}” is none of day, kind, id, amount, currency." for name in unknown])
    days: dict[str, dict[str, Any]] = defaultdict(dict)
    errors: list[str] = []
    for number, row in enumerate(rows, 2):
        try:
            _add_id(days[row["day"]], row)
        except ValueError as error:
            errors.append(f"Row {number}: {error}")
    if errors:
        raise UnreadableFile(errors[:_MOST_ERRORS])
    for on_date, day in days.items():
        amounts = day.pop("amounts", {})
        told = {currency: plain_amount(amount) for currency, amount in amounts.items()}
        yield on_date, day | ({"deposit_amounts": told} if told else {})


def _add_id(day: dict[str, Any], row: Row) -> None:
    counted = _KINDS.get(row["kind"])
    if counted is None:
        raise ValueError(f"kind is “{row['kind']}”; write {', '.join(_KINDS)}.")
    day.setdefault(COUNTED[counted], []).append(row["id"])
    amount, currency = row.get("amount", ""), row.get("currency", "")
    if counted != "deposits" or not (amount or currency):
        return
    if not is_currency(currency):
        raise ValueError(f"“{currency}” is no currency; write its ISO 4217 code, as in EUR.")
    amounts = day.setdefault("amounts", {})
    amounts[currency] = amounts.get(currency, Decimal(0)) + parse_amount(amount, currency)


def _whole(text: str, name: str, number: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise UnreadableFile([f"Row {number}: {name} is “{text[:20]}”; write a whole number without separators."])
    return int(text)


def _parsed(on_date: str, body: dict[str, Any], *, at: datetime) -> ReportedDay:
    event = {"event_id": f"upload-{uuid4().hex}", "on_date": on_date, "counted_at": at.isoformat()}
    try:
        return parse_totals(body | event, at=at)
    except MalformedEvent as error:
        raise UnreadableFile([f"Day {on_date or 'without a date'}: {error}"]) from error
