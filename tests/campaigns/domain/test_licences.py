"""Which licences are missing, over or about to end."""

from datetime import date

import pytest

from campaigns.domain.concerns import Coverage, Level, Span, Standing, coverage
from campaigns.domain.licences import LicensedPlace, licence_concerns, licensed_countries

TODAY = date(2026, 11, 22)


def licence(country: str = "MT", region: str = "", city: str = "", *, since: str, until: str = "") -> LicensedPlace:
    span = Span(since=date.fromisoformat(since), until=date.fromisoformat(until) if until else None)
    return LicensedPlace(country=country, region=region, city=city, jurisdiction="MGA", number="123", span=span)


def texts(*licences: LicensedPlace, needs_licence: bool = True) -> list[str]:
    return [each.text for each in licence_concerns("Slots", licences, needs_licence=needs_licence, on=TODAY)]


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([], Coverage(standing=Standing.NONE)),
        ([("2026-01-01", None)], Coverage(standing=Standing.OPEN)),
        ([("2026-01-01", "2026-11-22")], Coverage(standing=Standing.UNTIL, day=TODAY)),
        ([("2026-01-01", "2026-11-21")], Coverage(standing=Standing.ENDED, day=date(2026, 11, 21))),
        ([("2026-11-23", None)], Coverage(standing=Standing.BEGINS, day=date(2026, 11, 23))),
        (
            [("2026-01-01", "2026-11-30"), ("2026-12-01", "2027-11-30")],
            Coverage(standing=Standing.UNTIL, day=date(2027, 11, 30)),
        ),
        (
            [("2026-01-01", "2026-11-30"), ("2026-12-02", "2027-11-30")],
            Coverage(standing=Standing.UNTIL, day=date(2026, 11, 30)),
        ),
    ],
    ids=["nothing", "no end", "last day", "over", "to come", "goes on", "a day between"],
)
def test_coverage_says_how_spans_stand_together(spans: list[tuple[str, str | None]], expected: Coverage) -> None:
    read = [Span(since=date.fromisoformat(a), until=date.fromisoformat(b) if b else None) for a, b in spans]

    assert coverage(read, on=TODAY) == expected


def test_licence_that_runs_on_is_no_concern() -> None:
    assert texts(licence(since="2026-01-01")) == []
    assert texts(licence(since="2026-01-01", until="2026-12-23")) == []


def test_licence_that_ends_in_thirty_days_is_one() -> None:
    concerns = licence_concerns(
        "Slots", [licence(since="2026-01-01", until="2026-12-22")], needs_licence=True, on=TODAY
    )

    assert [(each.level, each.label, each.place, each.text) for each in concerns] == [
        (
            Level.ENDING,
            "Licence ends 2026-12-22",
            "MT",
            "The licence MGA 123 of the offer “Slots” ends in 30 days (2026-12-22): after that visitors from MT do not "
            "reach it.",
        )
    ]


def test_licence_that_a_next_one_follows_is_no_concern() -> None:
    assert texts(licence(since="2026-01-01", until="2026-12-01"), licence(since="2026-12-02")) == []


def test_licence_that_ended_says_since_when() -> None:
    assert texts(licence(since="2026-01-01", until="2026-11-20")) == [
        "The licence MGA 123 of the offer “Slots” ended on 2026-11-20: visitors from MT no longer reach it."
    ]


def test_licence_of_a_region_that_ended_is_no_concern_where_the_country_is_covered() -> None:
    ended = licence("US", "NJ", since="2026-01-01", until="2026-11-20")

    assert texts(ended, licence("US", since="2026-01-01")) == []
    assert len(texts(ended, licence("US", "PA", since="2026-01-01"))) == 1


def test_licence_to_come_says_from_when() -> None:
    assert texts(licence(since="2026-12-01")) == [
        "The licence MGA 123 of the offer “Slots” begins on 2026-12-01: until then visitors from MT do not reach it."
    ]


def test_offer_that_needs_a_licence_and_has_none_reaches_nobody() -> None:
    assert texts() == ["The offer “Slots” needs a licence and has none: no visitor reaches it."]
    assert texts(needs_licence=False) == []


def test_licensed_countries_leave_out_what_is_over() -> None:
    rows = [
        licence("MT", since="2026-01-01"),
        licence("DE", since="2026-01-01", until="2026-11-21"),
        licence("FI", since="2027-01-01"),
    ]

    assert licensed_countries(rows, on=TODAY) == {"MT", "FI"}
