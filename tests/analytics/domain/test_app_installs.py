"""Counting Apple's postbacks: what is an install, what is a value, and what a shortened source stands for."""

from collections import Counter
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from analytics.domain.app_installs import InstallFigures, InstallRow, app_installs, app_postback_counts, total
from conversions.models import SourceIdentifier
from tests.conversions.apple.signing import make_app_postback
from tests.world import make_campaign

pytestmark = pytest.mark.django_db

DAY = date(2026, 11, 22)
ADATTRIBUTIONKIT: dict[str, Any] = {"framework": "adattributionkit", "version": "", "fidelity": None}
OLD: dict[str, Any] = {
    "version": "2.2",
    "source_identifier": "",
    "campaign_number": 7,
    "did_win": None,
    "window": None,
}


def installs(**asked: Any) -> list[InstallRow]:
    return app_installs(**{"first": DAY, "last": DAY} | asked)


def test_app_installs_are_empty_without_postbacks() -> None:
    assert installs() == []
    assert total([]) == InstallFigures()


def test_app_installs_count_an_install_once_over_its_windows() -> None:
    make_app_postback("t-1", conversion_value=12)
    make_app_postback("t-1", window=1, coarse_value="high")
    make_app_postback("t-1", window=2)

    first, second, third = installs()

    assert (first.network, first.app_id, first.source) == ("com.example", 525463029, "5239")
    assert [row.window for row in (first, second, third)] == [0, 1, 2]
    assert first.figures == InstallFigures(postbacks=1, installs=1, clicked=1, fine=Counter({12: 1}))
    assert second.figures == InstallFigures(postbacks=1, clicked=1, high=1)
    assert third.figures == InstallFigures(postbacks=1, clicked=1, without_value=1)
    assert total(installs()).installs == 1


def test_app_installs_count_losers_apart() -> None:
    make_app_postback("t-1", did_win=False, fidelity=0)

    assert [row.figures for row in installs()] == [InstallFigures(postbacks=1, lost=1)]


def test_app_installs_count_what_says_nothing_of_winning_as_won() -> None:
    make_app_postback("t-1", **OLD, conversion_value=20)

    (row,) = installs()

    assert (row.source, row.is_campaign_number, row.window) == ("7", True, None)
    assert row.figures == InstallFigures(postbacks=1, installs=1, clicked=1, fine=Counter({20: 1}))


def test_app_installs_tell_redownloads_and_re_engagements_apart() -> None:
    make_app_postback("t-1", conversion_type="redownload", fidelity=0, coarse_value="low")
    make_app_postback("i-1", **ADATTRIBUTIONKIT, interaction="view", conversion_type="re-engagement")
    make_app_postback("i-2", **ADATTRIBUTIONKIT, interaction="click", coarse_value="medium")

    assert total(installs()) == InstallFigures(
        postbacks=3, installs=2, redownloads=1, re_engagements=1, viewed=2, clicked=1, low=1, medium=1, without_value=1
    )


def test_app_installs_add_up_fine_values() -> None:
    make_app_postback("t-1", conversion_value=12)
    make_app_postback("t-2", conversion_value=12)
    make_app_postback("t-3", conversion_value=0)

    (row,) = installs()

    assert row.figures.fine == Counter({12: 2, 0: 1})


def test_app_installs_never_count_tests() -> None:
    make_app_postback("t-1", is_test=True)

    assert installs() == []
    assert app_postback_counts(first=DAY, last=DAY) == []


def test_app_installs_take_the_days_of_receipt_in_utc() -> None:
    make_app_postback("t-1", received_at=datetime(2026, 11, 21, 23, 59, 59, tzinfo=UTC))
    make_app_postback("t-2", received_at=datetime(2026, 11, 22, 0, 0, tzinfo=UTC))
    make_app_postback("t-3", received_at=datetime(2026, 11, 22, 23, 59, 59, tzinfo=UTC))
    make_app_postback("t-4", received_at=datetime(2026, 11, 23, 0, 0, tzinfo=UTC))

    assert total(installs()).postbacks == 2
    assert total(installs(last=date(2026, 11, 23))).postbacks == 3


def test_app_installs_of_one_network_leave_out_the_others() -> None:
    make_app_postback("t-1", ad_network_id="alice.skadnetwork")
    make_app_postback("t-2", ad_network_id="bob.skadnetwork")

    assert [row.network for row in installs(network="alice.skadnetwork")] == ["alice.skadnetwork"]


def test_app_installs_stand_shortened_sources_beside_the_long_ones() -> None:
    make_app_postback("t-1", source_identifier="5239")
    make_app_postback("t-2", source_identifier="114")
    make_app_postback("t-3", source_identifier="39")
    make_app_postback("t-4", source_identifier="14")
    make_app_postback("t-5", source_identifier="239")
    make_app_postback("t-6", **OLD | {"campaign_number": 100})
    make_app_postback("t-7", **OLD)

    assert [row.source for row in installs()] == ["14", "114", "39", "239", "5239", "7", "100"]


def test_app_installs_name_the_campaign_by_the_most_digits_of_its_source() -> None:
    general, special = make_campaign(), make_campaign()
    SourceIdentifier.objects.create(ad_network_id="com.example", identifier="39", campaign=general)
    SourceIdentifier.objects.create(ad_network_id="com.example", identifier="5239", campaign=special)
    SourceIdentifier.objects.create(ad_network_id="com.other", identifier="40", campaign=special)
    make_app_postback("t-1", source_identifier="39")
    make_app_postback("t-2", source_identifier="239")
    make_app_postback("t-3", source_identifier="5239")
    make_app_postback("t-4", source_identifier="40")

    assert [(row.source, row.campaign) for row in installs()] == [
        ("39", general),
        ("239", general),
        ("5239", special),
        ("40", None),
    ]


def test_app_installs_name_a_campaign_number_whole() -> None:
    campaign = make_campaign()
    SourceIdentifier.objects.create(ad_network_id="com.example", identifier="7", campaign=campaign)
    make_app_postback("t-1", **OLD)
    make_app_postback("t-2", **OLD | {"campaign_number": 17})
    make_app_postback("t-3", source_identifier="97")

    assert [(row.source, row.campaign) for row in installs()] == [("97", None), ("7", campaign), ("17", None)]


def test_app_installs_ask_two_queries_for_any_number_of_rows() -> None:
    make_app_postback("t-1")
    make_app_postback("t-2", source_identifier="40", conversion_value=1)
    make_app_postback("t-3", source_identifier="41", ad_network_id="com.other")

    with CaptureQueriesContext(connection) as queries:
        installs()

    assert len(queries) == 2


def test_app_postback_counts_tell_days_and_all_else_apart() -> None:
    make_app_postback("t-1", conversion_value=12)
    make_app_postback("t-2", conversion_value=12)
    make_app_postback("t-3", conversion_value=13)
    make_app_postback("t-4", conversion_value=12, received_at=datetime(2026, 11, 23, 1, 0, tzinfo=UTC))

    counts = app_postback_counts(first=DAY, last=date(2026, 11, 23))

    assert [(row["day"], row["conversion_value"], row["postbacks"]) for row in counts] == [
        (date(2026, 11, 22), 12, 2),
        (date(2026, 11, 22), 13, 1),
        (date(2026, 11, 23), 12, 1),
    ]
