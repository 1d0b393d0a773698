"""Who may be signalled: consent, its absence by country, and tests."""

from datetime import timedelta

import pytest

from conversions.domain.consent import has_consent, refusal_to_signal
from conversions.models import Conversion, Destination, Player
from tests.world import NOON
from tracker_project.common.privacy import CONSENT_COUNTRIES

pytestmark = pytest.mark.django_db


def player(**columns):
    return Player(**{"country": "MT", "consent_ad_user_data": None, "click_facts": {}} | columns)


@pytest.mark.parametrize(
    ("country", "consent", "expected"),
    [
        ("MT", True, True),
        ("MT", False, False),
        ("MT", None, False),
        ("DE", None, False),
        ("NO", None, False),
        ("IS", None, False),
        ("LI", None, False),
        ("GB", None, False),
        ("CH", None, False),
        ("RE", None, False),
        ("de", None, False),
        ("BR", None, True),
        ("BR", False, False),
        ("US", None, True),
        ("", None, False),
        ("", True, True),
    ],
)
def test_has_consent_takes_silence_as_refusal_where_the_law_does(country, consent, expected):
    assert has_consent(player(country=country, consent_ad_user_data=consent)) is expected


@pytest.mark.parametrize(("clicked_in", "expected"), [("FI", False), ("BR", True)])
def test_has_consent_goes_by_the_click_when_the_platform_names_no_country(clicked_in, expected):
    assert has_consent(player(country="", click_facts={"country": clicked_in})) is expected


def test_consent_is_asked_for_in_all_of_the_european_economic_area():
    assert len(CONSENT_COUNTRIES & set("AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL".split())) == 21
    assert {"PT", "RO", "SK", "SI", "ES", "SE", "IS", "LI", "NO", "GB", "CH"} <= CONSENT_COUNTRIES


def test_refusal_to_signal_needs_consent_only_where_the_destination_does():
    conversion = Conversion(player=player(consent_ad_user_data=False))

    assert refusal_to_signal(conversion, Destination(requires_consent=True), at=NOON) != ""
    assert refusal_to_signal(conversion, Destination(requires_consent=False), at=NOON) == ""


@pytest.mark.parametrize(("conversion_is_test", "player_is_test"), [(True, False), (False, True)])
def test_refusal_to_signal_stops_tests_but_where_test_mode_is_on(conversion_is_test, player_is_test):
    consenting = player(consent_ad_user_data=True, is_test=player_is_test)
    conversion = Conversion(player=consenting, is_test=conversion_is_test)
    watched = Destination(requires_consent=False, test_event_code="TEST1", test_ends_at=NOON)

    assert refusal_to_signal(conversion, Destination(requires_consent=False), at=NOON) != ""
    assert refusal_to_signal(conversion, watched, at=NOON - timedelta(seconds=1)) == ""
    assert refusal_to_signal(conversion, watched, at=NOON) != ""
