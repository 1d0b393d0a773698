"""Cells of an export: text never starts a formula, numbers and instants are plain."""

from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
from import_export.fields import Field

from tracker_project.common.exports import PlainField, SafeResource, disarm_text, plain_number, utc_instant


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\rx",
        "\nx",
        "\x00=1",
        "＝1+1",
        "＋1",
        "－1",
        "＠SUM(A1)",
        "﹦1",
        " =1",
        "\u00a0=1",
        "\u200b=1",
        "\ufeff=1",
    ],
)
def test_disarm_text_puts_an_apostrophe_before_a_formula(text):
    assert disarm_text(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", " ", "Lotus Media", "a=b", "1-2", "'=1", "тест", "https://example.com/?a=1"])
def test_disarm_text_leaves_other_text(text):
    assert disarm_text(text) == text


def test_plain_number_has_no_exponent():
    assert plain_number(Decimal("1E+3")) == "1000"
    assert plain_number(Decimal("0E-8")) == "0.00000000"


def test_utc_instant_shifts_to_utc():
    at = datetime(2026, 11, 22, 1, 30, 5, 999, tzinfo=timezone(timedelta(hours=2)))

    assert utc_instant(at) == "2026-11-21T23:30:05Z"


class Row:
    text = "-5"
    number = "-5"


class RowResource(SafeResource):
    text = Field("text", column_name="text")
    number = PlainField("number", column_name="number")


def test_safe_resource_disarms_text_and_leaves_numbers():
    assert RowResource().export([Row()]).csv == "text,number\r\n'-5,-5\r\n"
