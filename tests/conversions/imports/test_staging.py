"""Taking a file: all rows or none, each bad one with its column and what to do, nothing personal kept."""

from typing import Any

import pytest
from django.core import serializers

from conversions.domain.imports.deciding import discard_import
from conversions.domain.imports.staging import FileKnown
from conversions.imports.tables import UnreadableFile
from conversions.models import Import, ImportRow, PrivateToken
from tests.conversions.builders import LATER
from tests.conversions.imports.files import HEADER, lines, record, row, stage, the_uploader
from tests.conversions.imports.test_tables import workbook
from tests.world import make_platform

pytestmark = pytest.mark.django_db

DEPOSIT = "deposit,2026-11-22T14:00:00Z,p-1,t-1,,confirmed,100.00,EUR"


@pytest.mark.parametrize(
    ("line", "column", "problem"),
    [
        (",2026-11-22,p-1,t-1,,confirmed,1,EUR", "type", "type is required."),
        ("jackpot,2026-11-22,p-1,t-1,,confirmed,1,EUR", "type", "type must be one of registration, deposit, signup"),
        ("deposit,,p-1,t-1,,confirmed,1,EUR", "occurred_at", "occurred_at is required."),
        ("deposit,2026-12-24,p-1,t-1,,confirmed,1,EUR", "occurred_at", "occurred_at is more than five minutes ahead"),
        ("deposit,2026-11-22,,t-1,,confirmed,1,EUR", "player_id", "player_id is required."),
        ("deposit,2026-11-22,p-1,,,confirmed,1,EUR", "transaction_id", "transaction_id is required."),
        ("deposit,2026-11-22,p-1,t-1,,paid,1,EUR", "status", "status must be one of pending, confirmed"),
        ("deposit,2026-11-22,p-1,t-1,,,1,EUR", "status", "status is required."),
        ("deposit,2026-11-22,p-1,t-1,,confirmed,1.234,EUR", "amount", "amount: EUR has 2 digits after the point."),
        ("deposit,2026-11-22,p-1,t-1,,confirmed,0,EUR", "amount", "amount must be more than 0."),
        ("deposit,2026-11-22,p-1,t-1,,confirmed,1,XXX", "currency", "currency must be an ISO 4217 code"),
        ("refund,2026-11-22,,,,,,", "deposit_transaction_id", "deposit_transaction_id is required."),
        ("lead,2026-11-22,,,,,,", "transaction_id", "transaction_id is required where neither player_id nor click_id"),
        ("deposit,2026-11-22,p-1,t-1,,confirmed,1,EUR,,x", "", "The row has 10 cells, the header 8: put a cell with a"),
    ],
)
def test_bad_row_names_its_column_and_what_to_do(line: str, column: str, problem: str) -> None:
    file = stage(lines(DEPOSIT, line), make_platform())

    bad = row(file, 3)
    assert (bad.verdict, bad.problem_column) == ("unreadable", column)
    assert bad.problem.startswith(problem)
    assert file.counts == {"": 1, "unreadable": 1}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("kind,when\nx,y\n", "The header has no column type and none occurred_at. Its columns are: kind, when."),
        ("type,occurred_at,Type\nx,y,z\n", "The header names type twice: take one of the columns out."),
    ],
)
def test_file_with_another_header_is_refused_whole(content: str, sentence: str) -> None:
    with pytest.raises(UnreadableFile, match=sentence):
        stage(content, make_platform())

    assert not Import.objects.exists()


def test_file_that_breaks_off_leaves_nothing() -> None:
    with pytest.raises(UnreadableFile):
        stage(lines(DEPOSIT, '"never closed'), make_platform())

    assert (Import.objects.count(), ImportRow.objects.count()) == (0, 0)


def test_header_is_read_whatever_its_capitals_and_blanks() -> None:
    header = "Type;Occurred At;PLAYER_ID;Transaction id;Status;Amount;Currency"

    file = stage(
        lines("Deposit;22.11.2026 10:05;p-1;t-1;Confirmed;1 234,50;eur", header=header),
        make_platform(),
        decimal_mark=",",
        time_zone="Europe/Malta",
    )

    terms = row(file, 2).terms
    assert (terms["amount"], terms["currency"], terms["status"], terms["occurred_at"]) == (
        "1234.5",
        "EUR",
        "confirmed",
        "2026-11-22T09:05:00+00:00",
    )


def test_workbook_is_staged_like_its_text() -> None:
    platform = make_platform()
    table: list[list[Any]] = [
        HEADER.split(","),
        ["deposit", "2026-11-22T14:00:00Z", "p-1", "t-1", None, "confirmed", 100, "EUR"],
    ]

    book, text = stage(workbook(*table), platform), stage(lines(DEPOSIT), platform)

    assert (row(book, 2).terms, row(book, 2).event_id) == (row(text, 2).terms, row(text, 2).event_id)


def test_personal_columns_are_kept_as_tokens_alone_and_named() -> None:
    header = f"{HEADER},email,Full name"
    content = lines(f"{DEPOSIT},anna@example.com,Anna Example", header=header)

    file = record(content, make_platform(), file_name="anna@example.com.csv")

    kept = serializers.serialize("json", [file, *ImportRow.objects.all()])
    assert [word for word in ("anna@", "Anna", "Example") if word in kept] == []
    assert file.unread_columns == ["email:email", "full_name"]
    assert PrivateToken.objects.get().kind == "email"
    assert row(file, 2).tokens == []


def test_personal_text_in_a_column_that_is_read_is_replaced() -> None:
    file = stage(lines("registration,2026-11-22,anna@example.com,,,,,"), make_platform())

    assert row(file, 2).terms["player_id"].startswith("private-")


def test_same_file_again_is_told_and_not_taken_twice() -> None:
    platform = make_platform()
    first = stage(lines(DEPOSIT), platform)

    with pytest.raises(FileKnown) as known:
        stage(lines(DEPOSIT), platform, file_name="other name.csv", decimal_mark=",")

    assert (known.value.earlier, Import.objects.count()) == (first, 1)


def test_discarded_file_may_be_uploaded_again() -> None:
    platform = make_platform()
    first = stage(lines(DEPOSIT), platform)
    discard_import(first, actor=the_uploader(), at=LATER)

    again = stage(lines(DEPOSIT), platform, decimal_mark=",")

    assert (again.rows.count(), first.rows.count()) == (1, 0)


def test_rows_about_one_thing_share_a_subject_whatever_joins_them() -> None:
    rows = [
        "registration,2026-11-22,p-1,,,,,",
        "refund,2026-11-22,,,t-2,,,",
        "registration,2026-11-22,p-3,,,,,",
        "deposit,2026-11-22,p-1,t-2,,confirmed,1,EUR",
    ]

    file = stage(lines(*rows), make_platform())

    assert list(file.rows.order_by("number").values_list("subject", flat=True)) == [2, 2, 4, 2]


@pytest.mark.parametrize("cell", ["=cmd|' /C calc'!A0", "+1+1", "@SUM(1)", "-2+3"])
def test_formula_in_a_cell_is_text_and_leaves_disarmed(cell: str, settings: Any) -> None:
    from conversions.imports.downloads import rows_csv

    file = stage(lines(f"registration,2026-11-22,{cell},,,,,"), make_platform())

    assert row(file, 2).terms["player_id"] == cell
    assert f",'{cell}" in "".join(rows_csv(file)).replace('"', "")
