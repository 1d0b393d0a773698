"""A CSV file with a platform's own counts of its days, in one of two forms.

Totals: `day,registrations,first_deposits,deposits` and a column a currency (`EUR`) with what was deposited; a row a
day. Ids: `day,kind,id` and optionally `amount,currency`; a row an id, kind registration, first_deposit or deposit.
"""

import csv
import io
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

from conversions.dialects.reading import MalformedEvent, day, text
from conversions.dialects.totals import parse_totals
from conversions.domain.day_reports import COUNTED, ReportedDay
from conversions.domain.reported import plain_amount
from tracker_project.common.money import is_currency, parse_amount

MOST_ROWS = 200_000
MOST_BYTES = 20 * 1024 * 1024
MOST_LINES_NAMED = 20
_MOST_DIGITS = 9
_MOST_CHARACTERS_SHOWN = 20

# What a row of ids calls what its id was counted as.
_KINDS = {"registration": "registrations", "first_deposit": "first_deposits", "deposit": "deposits"}
_ID_COLUMNS = {"day", "kind", "id"}
_MONEY_COLUMNS = {"amount", "currency"}


class UnreadableFile(ValueError):
    """Nothing of the file is taken; `errors` says what to mend, a sentence a place."""

    def __init__(self, errors: Sequence[str]) -> None:
        super().__init__("; ".join(errors))
        self.errors = list(errors)


@dataclass(frozen=True, kw_only=True)
class _Row:
    """A row's cells by their columns, and the line of the file that it ends on."""

    line: int
    cells: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class _Day:
    """What a file says of a day, as it would be posted, and the line that says it first."""

    line: int
    on_date: date
    body: dict[str, Any]


class _BadLines:
    """What is to be mended in which line: the first ones in words, the others counted."""

    def __init__(self) -> None:
        self._said: list[str] = []
        self._number = 0

    def add(self, line: int, faults: Sequence[str]) -> None:
        self._number += 1
        if len(self._said) < MOST_LINES_NAMED:
            self._said.append(f"Line {line}: {' '.join(faults)}")

    def refuse(self) -> None:
        """Raise `UnreadableFile` where there is any."""
        more = self._number - len(self._said)
        also = [f"{more:,} more line{'' if more == 1 else 's'} cannot be read either."] if more else []
        if self._said:
            raise UnreadableFile([*self._said, *also])


def read_totals_file(content: bytes, *, at: datetime) -> list[ReportedDay]:
    """Return the counts in a file, a day each; raises `UnreadableFile` where any row cannot be read."""
    table = _table(content)
    bad = _BadLines()
    columns = table[0][1]
    rows = _rows(table, bad)
    if set(columns) >= _ID_COLUMNS:
        days = _days_of_ids(rows, columns, bad, at=at)
    elif "day" in columns:
        days = _days_of_totals(rows, columns, bad, at=at)
    else:
        raise UnreadableFile(["The first row must name the columns: day and counts, or day, kind and id."])
    bad.refuse()
    reported = list(_parsed(days, bad, at=at))
    bad.refuse()
    return reported


def _table(content: bytes) -> list[tuple[int, list[str]]]:
    """Return the rows that say anything, each with the line that it ends on; the first names the columns."""
    if len(content) > MOST_BYTES:
        raise UnreadableFile([f"The file has more than {MOST_BYTES // 1024 // 1024} MiB: send fewer days at once."])
    try:
        decoded = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableFile(["The file is not UTF-8: save it as “CSV UTF-8”."]) from None
    first_line = decoded.partition("\n")[0]
    delimiter = ";" if first_line.count(";") > first_line.count(",") else ","
    reader = csv.reader(io.StringIO(decoded, newline=""), delimiter=delimiter, strict=True)
    try:
        table = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except csv.Error as error:
        raise UnreadableFile([f"The file is no CSV from line {reader.line_num} on: {error}."]) from error
    table = [(line, cells) for line, cells in table if any(cells)]
    if len(table) < 2:
        raise UnreadableFile(["The file has no rows below the names of its columns."])
    if len(table) > MOST_ROWS + 1:
        raise UnreadableFile([f"The file has more than {MOST_ROWS:,} rows: send fewer days at once."])
    columns = table[0][1]
    if len(set(columns)) != len(columns):
        raise UnreadableFile(["Two columns have the same name."])
    return table


def _rows(table: list[tuple[int, list[str]]], bad: _BadLines) -> Iterator[_Row]:
    (_, columns), *others = table
    for line, cells in others:
        if len(cells) == len(columns):
            yield _Row(line=line, cells=dict(zip(columns, cells, strict=True)))
        else:
            said = f"it has another number of cells than the first line ({len(cells)}, not {len(columns)})"
            bad.add(line, [f"{said}; put quotes around a cell that holds a separator."])


def _days_of_totals(rows: Iterator[_Row], columns: list[str], bad: _BadLines, *, at: datetime) -> list[_Day]:
    unknown = [name for name in columns if name not in ("day", *COUNTED) and not is_currency(name)]
    if unknown:
        known = ", ".join(["day", *COUNTED])
        raise UnreadableFile([f"The column “{name}” is neither {known} nor a currency." for name in unknown])
    days: dict[date, _Day] = {}
    for row in rows:
        faults: list[str] = []
        on_date = _date(row, faults, at=at)
        if on_date in days:
            faults.append(f"{on_date} stands in line {days[on_date].line} already; leave one of the two out.")
        body = _totals(row, faults)
        if faults or on_date is None:
            bad.add(row.line, faults)
        else:
            days[on_date] = _Day(line=row.line, on_date=on_date, body=body)
    return list(days.values())


def _totals(row: _Row, faults: list[str]) -> dict[str, Any]:
    """Return the counts and amounts of a day; what cannot be read of them is added to `faults`."""
    body: dict[str, Any] = {}
    amounts = {}
    for name, cell in row.cells.items():
        if name == "day" or not cell:
            continue
        if name in COUNTED:
            if cell.isascii() and cell.isdigit() and len(cell) <= _MOST_DIGITS:
                body[name] = int(cell)
            else:
                faults.append(f"{name} is “{_shown(cell)}”; write a whole number without separators.")
        elif _amount(cell, name, faults, currency=name) is not None:
            amounts[name] = cell
    if not faults and not body and not amounts:
        faults.append("it says nothing of its day; fill in a count, or leave the line out.")
    return body | ({"deposit_amounts": amounts} if amounts else {})


def _days_of_ids(rows: Iterator[_Row], columns: list[str], bad: _BadLines, *, at: datetime) -> list[_Day]:
    unknown = [name for name in columns if name not in _ID_COLUMNS | _MONEY_COLUMNS]
    if unknown:
        raise UnreadableFile([f"The column “{name}” is none of day, kind, id, amount, currency." for name in unknown])
    days: dict[date, _Day] = {}
    amounts: dict[date, dict[str, Decimal]] = defaultdict(dict)
    lines: dict[tuple[date, str, str], int] = {}
    for row in rows:
        faults: list[str] = []
        on_date = _date(row, faults, at=at)
        counted = _kind(row, faults)
        paid = _paid(row, faults) if counted == "deposits" else None
        name = row.cells["id"]
        try:
            text({"id": name or None}, "id")
        except MalformedEvent as error:
            faults.append(str(error))
        if on_date is None or counted is None or faults:
            bad.add(row.line, faults)
            continue
        first = lines.setdefault((on_date, counted, name), row.line)
        if first != row.line:
            bad.add(row.line, [f"“{_shown(name)}” stands in line {first} already; leave one of the two out."])
            continue
        held = days.setdefault(on_date, _Day(line=row.line, on_date=on_date, body={}))
        held.body.setdefault(COUNTED[counted], []).append(name)
        if paid is not None:
            amount, currency = paid
            amounts[on_date][currency] = amounts[on_date].get(currency, Decimal(0)) + amount
    for on_date, sums in amounts.items():
        days[on_date].body["deposit_amounts"] = {name: plain_amount(amount) for name, amount in sums.items()}
    return list(days.values())


def _kind(row: _Row, faults: list[str]) -> str | None:
    counted = _KINDS.get(row.cells["kind"])
    if counted is None:
        faults.append(f"kind is “{_shown(row.cells['kind'])}”; write {', '.join(_KINDS)}.")
    return counted


def _paid(row: _Row, faults: list[str]) -> tuple[Decimal, str] | None:
    cell, currency = row.cells.get("amount", ""), row.cells.get("currency", "")
    if not (cell or currency):
        return None
    if not is_currency(currency):
        faults.append(f"“{_shown(currency)}” is no currency; write its ISO 4217 code, as in EUR.")
        return None
    amount = _amount(cell, "amount", faults, currency=currency)
    return None if amount is None else (amount, currency)


def _amount(cell: str, name: str, faults: list[str], *, currency: str) -> Decimal | None:
    try:
        return parse_amount(cell, currency)
    except ValueError as error:
        faults.append(f"{name} is “{_shown(cell)}”; {error}.")
        return None


def _date(row: _Row, faults: list[str], *, at: datetime) -> date | None:
    cell = row.cells["day"]
    if not cell:
        faults.append("day is missing; write it as in 2026-11-22.")
        return None
    try:
        read = date.fromisoformat(cell)
    except ValueError:
        faults.append(f"day is “{_shown(cell)}”; write it as in 2026-11-22.")
        return None
    try:
        return day({"day": cell}, "day", at=at)
    except MalformedEvent:
        faults.append(f"day is “{_shown(cell)}”, which is {'still to come' if read > at.date() else 'too long ago'}.")
        return None


def _shown(cell: str) -> str:
    return cell if len(cell) <= _MOST_CHARACTERS_SHOWN else f"{cell[:_MOST_CHARACTERS_SHOWN]}…"


def _parsed(days: Sequence[_Day], bad: _BadLines, *, at: datetime) -> Iterator[ReportedDay]:
    for each in days:
        fixed = {"event_id": f"upload-{uuid4().hex}", "on_date": each.on_date.isoformat(), "counted_at": at.isoformat()}
        try:
            yield parse_totals(each.body | fixed, at=at)
        except MalformedEvent as error:
            bad.add(each.line, [f"{each.on_date}: {error}"])
