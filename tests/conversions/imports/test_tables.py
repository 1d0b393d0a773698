"""Files as people save them: every encoding is read right or refused with what to do, and no bomb goes off."""

import gzip
import io
import zipfile
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest
from openpyxl import Workbook

from conversions.imports.tables import UnreadableFile, read_table


def workbook(*rows: Sequence[Any]) -> bytes:
    book, file = Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(file)
    return file.getvalue()


def rezipped(content: bytes, **parts: bytes) -> bytes:
    """Return a workbook with some of its parts replaced; a part's name has two underscores for a slash."""
    replaced = {name.replace("__", "/") + ".xml": part for name, part in parts.items()}
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, replaced.get(name, old.read(name)))
        for name in replaced.keys() - set(old.namelist()):
            new.writestr(name, replaced[name])
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "encoding", "used"),
    [
        ("type;região\ndeposit;Évora\n".encode(), "", "utf-8"),
        ("type;região\ndeposit;Évora\n".encode("utf-8-sig"), "", "utf-8 with BOM"),
        ("type\tregião\ndeposit\tÉvora\n".encode("utf-16"), "", "utf-16"),
        ("type;região\ndeposit;Évora\n".encode("cp1252"), "cp1252", "cp1252"),
        ('sep=;\r\ntype;região\r\ndeposit;"Évora"\r\n'.encode(), "", "utf-8"),
        ("type|região\rdeposit|Évora\r".encode().replace(b"\r", b"\r\n"), "", "utf-8"),
    ],
)
def test_text_is_read_in_its_encoding_and_says_which(content: bytes, encoding: str, used: str) -> None:
    table = read_table(content, encoding=encoding)

    assert (table.header, next(table.rows)[1], table.encoding) == (["type", "região"], ["deposit", "Évora"], used)


@pytest.mark.parametrize(
    ("content", "encoding", "sentence"),
    [
        (
            b"type;region\ndeposit;Malm\xf6\n",
            "",
            "Line 2 has a character that is not UTF-8. Save the list as “CSV UTF-8”, or choose Windows-1252",
        ),
        ("type;region\ndeposit;Malmö\n".encode(), "cp1252", "The file is UTF-8, not Windows-1252: choose automatic."),
        (b"type\ndeposit\x00\n", "", "The file holds zero bytes"),
        (b"", "", "The file is empty"),
        (b"\n\n", "", "The file is empty"),
        (b'type,region\ndeposit,"open\n', "", "Row 2 cannot be read"),
        (b"\xd0\xcf\x11\xe0rest", "", "This is an old .xls file or has a password"),
        (b"PK\x03\x04rest", "", "The workbook is damaged or has a password"),
        (b"\x1f\x8bnothing", "", "The file is damaged"),
    ],
)
def test_unreadable_file_says_what_to_mend(content: bytes, encoding: str, sentence: str) -> None:
    with pytest.raises(UnreadableFile, match="^" + sentence.replace("(", r"\(")):
        list(read_table(content, encoding=encoding).rows)


def test_rows_keep_their_number_in_the_sheet_past_blank_lines_and_breaks_in_cells() -> None:
    table = read_table(b'a,b\n\n"two\nlines",x\n , \ny,z\n')

    assert list(table.rows) == [(3, ["two\nlines", "x"]), (5, ["y", "z"])]


def test_more_rows_than_allowed_are_refused() -> None:
    with pytest.raises(UnreadableFile, match="more than 2 rows"):
        list(read_table(b"a\n1\n2\n3\n", most_rows=2).rows)


def test_workbook_cells_are_text_exact_to_what_a_spreadsheet_keeps() -> None:
    content = workbook(
        ["number", "amount", "sum", "at", "flag", "text", "empty", "long"],
        [42, 120.5, 0.1 + 0.2, datetime(2026, 11, 22, 10, 5), True, " x ", None, 1234567890123456789],  # noqa: DTZ001
    )

    _, cells = next(read_table(content).rows)

    assert cells == ["42", "120.5", "0.3", "2026-11-22 10:05:00", "true", "x", "", "1234567890123460000"]
    assert [getattr(cell, "is_rounded", None) for cell in cells[:3]] == [False, False, False]


def test_workbook_formula_is_read_as_its_result_and_never_calculated() -> None:
    _, cells = next(read_table(workbook(["a", "b"], ["=1+1", "x"])).rows)

    assert cells == ["", "x"]


def test_zip_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = rezipped(workbook(["a"]), xl__worksheets__sheet1=b"<x>" + b" " * (401 * 1024 * 1024))

    assert len(bomb) < 2 * 1024 * 1024
    with pytest.raises(UnreadableFile, match="unpacks to far more than a list needs"):
        read_table(bomb)


def test_workbook_that_declares_entities_is_refused() -> None:
    evil = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa">]><sst>&a;</sst>'

    with pytest.raises(UnreadableFile, match="declares XML entities"):
        read_table(rezipped(workbook(["a"]), xl__sharedStrings=evil))


def test_gzip_bomb_is_refused() -> None:
    with pytest.raises(UnreadableFile, match="unpacks to more than 50 MiB"):
        read_table(gzip.compress(b"a\n" * (26 * 1024 * 1024)))


def test_zip_without_a_workbook_is_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("list.csv", "type\n")

    with pytest.raises(UnreadableFile, match="a zip file but no workbook"):
        read_table(out.getvalue())
