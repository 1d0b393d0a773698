"""Recording verified postbacks: once each, whoever sends them again and whatever they say then."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from conversions.apple.recording import ContradictingPostback, record_app_postback
from conversions.apple.reported import ReportedPostback
from conversions.apple.skadnetwork import read_skadnetwork
from conversions.models import AppPostback, AppPostbackConflict, Conversion, InboxEvent, Player
from tests.conversions.apple.vectors import NON_WINNER_3_0, VERSION_2_1, VERSION_2_2, WEB_HIGH_TIER
from tests.world import NOON

LATER = NOON + timedelta(days=1)
HIGH = read_skadnetwork(WEB_HIGH_TIER)
KIT = ReportedPostback(
    framework="adattributionkit",
    postback_id="i-1",
    ad_network_id="test.adattributionkit",
    source_identifier="8344",
    app_id=684939,
    conversion_type="download",
    interaction="click",
    did_win=True,
    window=0,
    signature="a.b.c",
)


@pytest.mark.django_db
def test_record_app_postback_stores_what_was_reported_and_nothing_else() -> None:
    record_app_postback(HIGH, at=NOON)

    stored: dict[str, Any] = dict(AppPostback.objects.values().get())
    assert {name: stored[name] for name in HIGH.columns()} == HIGH.columns()
    assert stored.keys() - HIGH.columns().keys() == {"id", "received_at"}
    assert stored["received_at"] == NOON
    assert [Player.objects.count(), Conversion.objects.count(), InboxEvent.objects.count()] == [0, 0, 0]


@pytest.mark.django_db
def test_record_app_postback_stores_a_repeat_once() -> None:
    first = record_app_postback(HIGH, at=NOON)
    again = record_app_postback(replace(HIGH, signature="made anew"), at=LATER)

    assert again == first
    assert AppPostback.objects.get().received_at == NOON
    assert AppPostbackConflict.objects.count() == 0


@pytest.mark.django_db
def test_record_app_postback_stores_a_repeat_without_windows_once() -> None:
    lost = read_skadnetwork(NON_WINNER_3_0)

    assert record_app_postback(lost, at=NOON) == record_app_postback(lost, at=LATER)
    assert AppPostback.objects.count() == 1


@pytest.mark.django_db
def test_record_app_postback_stores_each_window_of_a_transaction() -> None:
    record_app_postback(HIGH, at=NOON)
    record_app_postback(replace(HIGH, window=1, conversion_value=None, coarse_value="low"), at=LATER)

    assert list(AppPostback.objects.order_by("id").values_list("window", flat=True)) == [0, 1]


@pytest.mark.django_db
def test_record_app_postback_keeps_the_first_report_and_what_contradicts_it_once() -> None:
    held = record_app_postback(HIGH, at=NOON)

    with pytest.raises(ContradictingPostback, match="conversion_value differs"):
        record_app_postback(replace(HIGH, conversion_value=0), at=LATER)
    with pytest.raises(ContradictingPostback, match="conversion_value differs"):
        record_app_postback(replace(HIGH, conversion_value=0), at=LATER)
    with pytest.raises(ContradictingPostback, match="conversion_value differs"):
        record_app_postback(replace(HIGH, conversion_value=None, coarse_value="low"), at=LATER)

    assert AppPostback.objects.get().conversion_value == 63
    first, second = AppPostbackConflict.objects.order_by("id")
    assert (first.postback, first.field, first.held, first.reported) == (held, "conversion_value", 63, 0)
    assert (second.postback, second.field, second.held, second.reported) == (held, "conversion_value", 63, None)


@pytest.mark.django_db
def test_record_app_postback_takes_another_version_of_a_transaction_for_a_contradiction() -> None:
    record_app_postback(read_skadnetwork(VERSION_2_2), at=NOON)

    with pytest.raises(ContradictingPostback) as conflict:
        record_app_postback(read_skadnetwork(VERSION_2_1), at=LATER)

    assert conflict.value.field == "version"


@pytest.mark.django_db
def test_record_app_postback_takes_another_window_of_an_identifier_for_a_contradiction() -> None:
    record_app_postback(KIT, at=NOON)

    with pytest.raises(ContradictingPostback) as conflict:
        record_app_postback(replace(KIT, window=1), at=LATER)

    assert conflict.value.field == "window"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("reported", [HIGH, KIT, read_skadnetwork(VERSION_2_1)], ids=["4.0", "kit", "2.1"])
def test_record_app_postback_at_the_same_moment_stores_one(reported: ReportedPostback) -> None:
    together = Barrier(8)

    def record(number: int) -> int:
        try:
            together.wait(timeout=10)
            return record_app_postback(reported, at=NOON + timedelta(seconds=number)).pk
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(record, range(8)))

    assert set(made) == {AppPostback.objects.get().pk}
