"""What people write in cells: read as they mean it, or refused with what to write instead; money is never guessed."""

from typing import Any

import pytest

from conversions.dialects.reading import MalformedEvent
from conversions.imports.cells import amount, day, flag, identifier, instant, whole_number
from conversions.imports.tables import Number


@pytest.mark.parametrize(
    ("text", "mark", "read"),
    [
        ("120.00", ".", "120"),
        ("0.10", ".", "0.1"),
        ("-12.5", ".", "-12.5"),
        ("'-12.5", ".", "-12.5"),
        ("1 234 567.50", ".", "1234567.5"),
        ("1\u202f234,50", ",", "1234.5"),
        ("120,00", ",", "120"),
        ("0", ",", "0"),
        (Number("1234.5"), ",", "1234.5"),
    ],
)
def test_amount_is_exact(text: str, mark: str, read: str) -> None:
    assert amount(text, "amount", decimal_mark=mark) == read


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("1,234.50", "."), ("1.234,50", ","), ("120,00", "."), ("120.00", ","), ("€12.50", "."), ("12.50 EUR", "."),
        ("1e3", "."), ("=1+1", "."), ("12 34", "."), ("٣", "."), ("", "."), ("+", "."),
    ],
)  # fmt: skip
def test_amount_that_could_mean_two_things_is_refused(text: str, mark: str) -> None:
    with pytest.raises(MalformedEvent, match="without currency or thousands sign"):
        amount(text, "amount", decimal_mark=mark)


@pytest.mark.parametrize(
    ("text", "order", "zone", "read"),
    [
        ("2026-11-22 10:05", "iso", "UTC", "2026-11-22T10:05:00+00:00"),
        ("2026-11-22T10:05:30+02:00", "iso", "Europe/Malta", "2026-11-22T10:05:30+02:00"),
        ("2026-11-22T10:05:30Z", "iso", "Europe/Malta", "2026-11-22T10:05:30+00:00"),
        ("2026-11-22", "iso", "Europe/Malta", "2026-11-22T00:00:00+01:00"),
        ("22.11.2026 9:05", "iso", "Europe/Malta", "2026-11-22T09:05:00+01:00"),
        ("03/04/2026", "day_first", "UTC", "2026-04-03T00:00:00+00:00"),
        ("03/04/2026 23:59:59", "month_first", "UTC", "2026-03-04T23:59:59+00:00"),
        ("1763816400", "iso", "UTC", "2025-11-22T13:00:00+00:00"),
    ],
)
def test_instant_has_its_offset_or_that_of_the_chosen_zone(text: str, order: str, zone: str, read: str) -> None:
    assert instant(text, "occurred_at", order=order, time_zone=zone) == read


@pytest.mark.parametrize(
    ("text", "zone", "sentence"),
    [
        ("03/04/2026", "UTC", "say on upload whether 03/04/2026 begins with the day or the month"),
        ("2026-03-29 02:30", "Europe/Malta", "02:30 on 2026-03-29 was skipped in Europe/Malta when clocks changed"),
        ("2026-10-25 02:30", "Europe/Malta", "02:30 on 2026-10-25 came twice in Europe/Malta when clocks changed"),
        ("yesterday", "UTC", "write the time as in 2026-11-22 10:05"),
        ("2026-13-01", "UTC", "write the time as in 2026-11-22 10:05"),
        ("31.02.2026", "UTC", "write the time as in 2026-11-22 10:05"),
    ],
)
def test_instant_that_is_none_or_two_says_so(text: str, zone: str, sentence: str) -> None:
    with pytest.raises(MalformedEvent, match=sentence):
        instant(text, "occurred_at", order="iso", time_zone=zone)


def test_day_flag_and_whole_number_are_read() -> None:
    read: list[Any] = [
        day("22.11.2026", "on_date", order="iso"),
        flag("Yes", "is_test"),
        flag("0", "is_test"),
        whole_number("-12", "bets_count"),
        identifier("007", "player_id"),
    ]

    assert read == ["2026-11-22", True, False, -12, "007"]


def test_id_that_a_spreadsheet_rounded_is_refused() -> None:
    rounded = Number("1234567890123460000")
    rounded.is_rounded = True

    with pytest.raises(MalformedEvent, match="more than 15 digits, which a spreadsheet rounds"):
        identifier(rounded, "transaction_id")
