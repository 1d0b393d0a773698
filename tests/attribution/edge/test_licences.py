"""Where an offer may be shown: no visitor from elsewhere ever reaches it."""

from datetime import UTC, datetime

import pytest

from attribution.edge.decision import Note
from tests.attribution.edge.tables import (
    bound,
    campaign_row,
    decide,
    flow_row,
    licence_row,
    make_tables,
    make_visit,
    offer_row,
    page_row,
    share_row,
    went,
)

MALTA = ("MT", None, None)
NOWHERE = (None, None, None)
LAS_VEGAS = ("US", "NV", "Las Vegas")
LICENSED = offer_row(1, is_licensed_only=True)


def licensed(*licences, **campaign):
    """Return the tables of a campaign whose own offer needs one of these licences."""
    return make_tables(campaign_row(offer_id=1, **campaign), offers=[LICENSED], licences=list(licences))


def outcome(tables, place):
    decision = decide(tables, make_visit(place=place))
    return decision.outcome, decision.licence_id


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (MALTA, ("offer", 7)),
        (("MT", "60", "Valletta"), ("offer", 7)),
        (("DE", None, None), ("elsewhere", None)),
        (NOWHERE, ("unknown_place", None)),
    ],
)
def test_licence_of_a_country_covers_all_of_it_and_nothing_else(place, expected):
    assert outcome(licensed(licence_row(7, 1, "MT")), place) == expected


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (("US", "NJ", None), ("offer", 7)),
        (("US", "NJ", "Newark"), ("offer", 7)),
        (("US", "NV", None), ("elsewhere", None)),
        (LAS_VEGAS, ("elsewhere", None)),
        (("US", None, None), ("unknown_place", None)),
        (("US", None, "Newark"), ("unknown_place", None)),
        (("CA", None, None), ("elsewhere", None)),
    ],
)
def test_licence_of_a_region_covers_it_alone(place, expected):
    assert outcome(licensed(licence_row(7, 1, "US", region="NJ")), place) == expected


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (("US", "NJ", "Atlantic City"), ("offer", 7)),
        (("US", "NJ", "ATLANTIC CITY"), ("offer", 7)),
        (("US", "NJ", "Newark"), ("elsewhere", None)),
        (("US", "NJ", None), ("unknown_place", None)),
        (("US", None, "Atlantic City"), ("unknown_place", None)),
        (("US", None, None), ("unknown_place", None)),
        # What is known is enough to tell that the visitor is not there.
        (("US", "NV", None), ("elsewhere", None)),
        (("US", None, "Las Vegas"), ("elsewhere", None)),
        (("US", "NV", "Atlantic City"), ("elsewhere", None)),
    ],
)
def test_licence_of_a_city_covers_it_alone(place, expected):
    assert outcome(licensed(licence_row(7, 1, "US", region="NJ", city="Atlantic City")), place) == expected


def test_licence_of_a_city_may_leave_its_region_open():
    tables = licensed(licence_row(7, 1, "DE", city="Köln"))

    assert outcome(tables, ("DE", "NW", "KÖLN")) == ("offer", 7)
    assert outcome(tables, ("DE", None, "Köln")) == ("offer", 7)
    assert outcome(tables, ("DE", "NW", None)) == ("unknown_place", None)


def test_any_licence_of_an_offer_is_enough():
    tables = licensed(licence_row(7, 1, "US", region="NJ"), licence_row(8, 1, "US", region="PA"))

    assert outcome(tables, ("US", "PA", None)) == ("offer", 8)
    assert outcome(tables, LAS_VEGAS) == ("elsewhere", None)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (datetime(2026, 11, 19, 23, 59, 59, 999_000, tzinfo=UTC), "elsewhere"),
        (datetime(2026, 11, 20, 0, 0, tzinfo=UTC), "offer"),
        (datetime(2026, 11, 30, 23, 59, 59, 999_000, tzinfo=UTC), "offer"),
        (datetime(2026, 12, 1, 0, 0, tzinfo=UTC), "elsewhere"),
    ],
)
def test_licence_holds_on_its_first_and_on_its_last_day(at, expected):
    licence = licence_row(7, 1, "MT", valid_from="2026-11-20", valid_until="2026-11-30")

    assert decide(licensed(licence), make_visit(at=at)).outcome == expected


def test_licence_that_ended_makes_no_place_unknown():
    tables = licensed(licence_row(7, 1, "US", region="NJ", valid_until="2026-10-31"))

    assert outcome(tables, ("US", None, None)) == ("elsewhere", None)


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (NOWHERE, ("offer", None)),
        (("US", None, None), ("offer", None)),
        (("US", "NJ", "Atlantic City"), ("offer", 7)),
        (("US", "NV", None), ("elsewhere", None)),
        (("US", None, "Las Vegas"), ("elsewhere", None)),
        (("DE", None, None), ("elsewhere", None)),
    ],
)
def test_campaign_may_let_visitors_from_an_unknown_place_pass_and_no_others(place, expected):
    licence = licence_row(7, 1, "US", region="NJ", city="Atlantic City")

    assert outcome(licensed(licence, unknown_geography="allow"), place) == expected


def test_offer_that_needs_a_licence_and_has_none_takes_nobody():
    assert outcome(licensed(), MALTA) == ("elsewhere", None)


def test_offer_that_needs_no_licence_takes_everybody_under_none():
    tables = make_tables(campaign_row(offer_id=2), offers=[offer_row(2)], licences=[licence_row(7, 2, "DE")])

    assert outcome(tables, MALTA) == ("offer", None)
    assert outcome(tables, NOWHERE) == ("offer", None)


def several(**more):
    """Return the tables of a flow with one offer for Malta, one for Finland, and one for both."""
    return make_tables(
        more.pop("campaign", None),
        flows=[flow_row(1)],
        offers=[offer_row(number, is_licensed_only=True) for number in (1, 2, 3)],
        flow_offers=[share_row(1, 1, weight=1000), share_row(1, 2), share_row(1, 3, weight=1)],
        licences=[
            licence_row(7, 1, "MT"),
            licence_row(8, 2, "FI"),
            licence_row(9, 3, "MT"),
            licence_row(10, 3, "FI"),
        ],
        **more,
    )


def test_visitor_from_elsewhere_gets_the_next_offer():
    finn = make_visit(place=("FI", None, None))

    assert went(decide(several(), finn, draw=lambda: 0.0)) == ("offer", 1, None, 2, 8)
    assert went(decide(several(), finn, draw=lambda: 0.999)) == ("offer", 1, None, 3, 10)


def test_visitor_who_moved_does_not_get_the_offer_that_he_is_bound_to():
    finn = make_visit(place=("FI", None, None))

    assert decide(several(), finn, binding=bound(flow=1, offer=1)).offer.id == 2


def test_visitor_whom_no_offer_may_take_goes_to_the_fallback():
    german = make_visit(place=("DE", None, None))

    assert went(decide(several(), german)) == ("elsewhere", 1, None, None, None)
    assert went(decide(several(), make_visit(place=NOWHERE))) == ("unknown_place", 1, None, None, None)


def test_landing_page_is_not_shown_where_no_offer_behind_it_may_be():
    tables = several(landing_pages=[page_row(1)], flow_landing_pages=[share_row(1, 1)])

    assert went(decide(tables)) == ("landing", 1, 1, None, None)
    assert went(decide(tables, make_visit(place=("DE", None, None)))) == ("elsewhere", 1, None, None, None)
    assert went(decide(tables, make_visit(place=NOWHERE), binding=bound(flow=1, page=1))) == (
        "unknown_place",
        1,
        None,
        None,
        None,
    )


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        (("US", "NV", "Las Vegas"), "None of its licences covers Las Vegas, US-NV today."),
        (("DE", None, None), "None of its licences covers DE today."),
        (NOWHERE, "It needs a licence for the visitor's country, and that is not known."),
        (
            ("US", None, None),
            "Its licences cover only a part of US, and whether the visitor is there is not known.",
        ),
    ],
)
def test_explanation_says_why_an_offer_may_not_be_shown(place, reason):
    notes: list[Note] = []

    decide(licensed(licence_row(7, 1, "US", region="NJ")), make_visit(place=place), notes=notes)

    assert notes == [("Offer “Offer 1”", False, reason)]
