"""An uploaded file as a table: CSV in any of the encodings that people have, or the first sheet of an XLSX."""

import csv
import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zipfile import BadZipFile

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

MOST_ROWS = 100_000
MOST_COLUMNS = 200
MOST_BYTES = 50 * 1024 * 1024
WINDOWS_1252 = "cp1252"
_MOST_UNPACKED_BYTES = 400 * 1024 * 1024
_MOST_STRINGS_BYTES = 64 * 1024 * 1024
_MOST_PARTS = 500
_ZIP, _OLE, _GZIP = b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"\x1f\x8b"
_DELIMITERS = ",;\t|"
# What a spreadsheet keeps of a number: whatever has more digits was rounded when it was typed.
_EXCEL_DIGITS = 15


class UnreadableFile(Exception):
    """The file as a whole cannot be read; the text says what to mend."""


class Number(str):
    """A cell that the spreadsheet itself holds as a number, written with a point and no exponent."""

    is_rounded = False


@dataclass(frozen=True, kw_only=True)
class Table:
    """A header and rows of cells, each with its line in the sheet; `encoding` names how the text was read."""

    header: list[str]
    rows: Iterator[tuple[int, list[str]]]
    encoding: str


def read_table(content: bytes, *, encoding: str = "", most_rows: int = MOST_ROWS) -> Table:
    """Return the table that a file holds; raises `UnreadableFile`, for later rows when they are read.

    `encoding` is empty for UTF-8 (or UTF-16 that says so), or "cp1252".
    """
    if content.startswith(_OLE):
        raise UnreadableFile("This is an old .xls file or has a password: save it as .xlsx without one, or as CSV.")
    if content.startswith(_ZIP):
        rows, used = _workbook_rows(content, most_rows), "xlsx"
    else:
        text, used = _decoded(_unpacked(content), encoding)
        rows = _csv_rows(text)
    bounded = _bounded(rows, most_rows)
    header = next(bounded, (0, []))[1]
    if not any(header):
        raise UnreadableFile("The file is empty: its first line must name the columns.")
    if len(header) > MOST_COLUMNS:
        raise UnreadableFile(f"The header names {len(header)} columns; {MOST_COLUMNS} are the most.")
    return Table(header=header, rows=bounded, encoding=used)


def _unpacked(content: bytes) -> bytes:
    if not content.startswith(_GZIP):
        return content
    try:
        with gzip.open(io.BytesIO(content)) as packed:
            unpacked = packed.read(MOST_BYTES + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UnreadableFile("The file is damaged: it cannot be unpacked. Fetch or save it again.") from error
    if len(unpacked) > MOST_BYTES:
        raise UnreadableFile(f"The file unpacks to more than {MOST_BYTES // 1024**2} MiB: split it.")
    return unpacked


def _decoded(content: bytes, encoding: str) -> tuple[str, str]:
    """Return a CSV file's text and the name of its encoding."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding, used = "utf-16", "utf-16"
    elif encoding == WINDOWS_1252:
        _refuse_utf8(content)
        used = WINDOWS_1252
    else:
        encoding, used = "utf-8-sig", "utf-8 with BOM" if content.startswith(b"\xef\xbb\xbf") else "utf-8"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        advice = (
            "Save the list as “CSV UTF-8”, or choose Windows-1252 if it comes from an older Excel."
            if used != WINDOWS_1252
            else "Save the list as “CSV UTF-8” and choose automatic."
        )
        raise UnreadableFile(f"Line {line} has a character that is not {used.upper()}. {advice}") from error
    if "\0" in text:
        raise UnreadableFile("The file holds zero bytes: it is no CSV. Save the list as “CSV UTF-8” or .xlsx.")
    return text, used


def _refuse_utf8(content: bytes) -> None:
    """Raise when a file said to be Windows-1252 is UTF-8: read so, its letters would be others."""
    if content.isascii():
        return
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return
    raise UnreadableFile("The file is UTF-8, not Windows-1252: choose automatic.")


def _csv_rows(text: str) -> Iterator[tuple[int, list[str]]]:
    first, _, rest = text.partition("\n")
    if first.strip().lower().startswith("sep=") and len(first.strip()) <= len("sep=") + 1:
        delimiter, text = first.strip()[len("sep=") :] or "\t", rest
    else:
        delimiter = _delimiter_of(first)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 0
    try:
        for number, cells in enumerate(reader, start=1):
            yield number, [cell.strip() for cell in cells]
    except csv.Error as error:
        raise UnreadableFile(f"Row {number + 1} cannot be read ({error}): look for an open quotation mark.") from error


def _delimiter_of(header: str) -> str:
    """Return what parts the columns: whichever of these signs the header has most of."""
    return max(_DELIMITERS, key=lambda sign: (header.count(sign), -_DELIMITERS.index(sign)))


def _workbook_rows(content: bytes, most_rows: int) -> Iterator[tuple[int, list[str]]]:
    _refuse_bombs(content)
    try:
        workbook = load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
        sheet = workbook.worksheets[0]
        sheet.reset_dimensions()
        # Two rows more than allowed show that there are too many without reading a sheet without end.
        rows = sheet.iter_rows(max_row=most_rows + 2, max_col=MOST_COLUMNS + 1, values_only=True)
        for number, values in enumerate(rows, start=1):
            yield number, _without_empty_end([_cell(value) for value in values])
    except (InvalidFileException, BadZipFile, KeyError, ValueError, IndexError, zlib.error, EOFError) as error:
        raise UnreadableFile("The workbook cannot be read: save it again as .xlsx, or as CSV.") from error


def _refuse_bombs(content: bytes) -> None:
    """Raise for a workbook that unpacks to far more than a list has, or whose XML declares entities."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
            strings = [part.file_size for part in parts if part.filename.lower().endswith("sharedstrings.xml")]
            sizes = sum(part.file_size for part in parts)
            if len(parts) > _MOST_PARTS or sizes > _MOST_UNPACKED_BYTES or sum(strings) > _MOST_STRINGS_BYTES:
                raise UnreadableFile("The workbook unpacks to far more than a list needs: save the sheet as CSV.")
            if not any(part.filename == "[Content_Types].xml" for part in parts):
                raise UnreadableFile("This is a zip file but no workbook: unpack it, and upload the list inside.")
            for part in parts:
                _refuse_entities(archive, part)
    except (BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
        raise UnreadableFile("The workbook is damaged or has a password: save it again without one.") from error


def _refuse_entities(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    if part.filename.lower().endswith((".xml", ".rels")):
        with archive.open(part) as file:
            if b"<!" in file.read(1024).replace(b"<!--", b""):
                raise UnreadableFile("The workbook declares XML entities, as no spreadsheet does: save it as CSV.")


def _cell(value: Any) -> str:
    """Return a workbook's cell as text: a number exact to the 15 digits that a spreadsheet keeps, an instant as ISO."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, datetime):
        return value.replace(microsecond=0).isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    return str(value).strip()


def _number(value: float) -> Number:
    exact = Decimal(f"{value:.{_EXCEL_DIGITS}g}")
    number = Number(f"{exact:f}".rstrip("0").rstrip(".") if exact % 1 else f"{exact:.0f}")
    number.is_rounded = len(number.lstrip("-0.").replace(".", "")) > _EXCEL_DIGITS
    return number


def _without_empty_end(cells: list[str]) -> list[str]:
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _bounded(rows: Iterator[tuple[int, list[str]]], most_rows: int) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that hold anything; raises when there are too many."""
    filled = 0
    for number, cells in rows:
        if not any(cells):
            continue
        if filled > most_rows:  # the header is not counted
            raise UnreadableFile(f"The file has more than {most_rows:,} rows: split it.")
        filled += 1
        yield number, cells


def normalised_header(header: Sequence[str]) -> list[str]:
    """Return column names as they are compared: small letters, blanks and signs as underscores."""
    return ["_".join("".join(c if c.isalnum() else " " for c in name).lower().split()) for name in header]
