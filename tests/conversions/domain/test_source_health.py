"""Sources that fall silent and are heard again."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from conversions.domain.sandbox import open_sandbox
from conversions.domain.source_health import forget_old_hours, hours_of, watch_sources
from conversions.models import Endpoint, IntakeRequest, Platform, SourceHour, SourceWatch
from tests.conversions.builders import make_endpoint
from tests.world import NOON, make_platform

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
MONTH_AGO = NOON - timedelta(days=28)


def hear(source: Platform | Endpoint, *instants: datetime, **columns: Any) -> None:
    endpoint = source if isinstance(source, Endpoint) else None
    platform = source.platform if isinstance(source, Endpoint) else source
    defaults: dict[str, Any] = {"content": [{"event_id": "e-1"}], "status": 201, "answer": {"status": "recorded"}}
    IntakeRequest.objects.bulk_create(
        IntakeRequest(platform=platform, endpoint=endpoint, address="/", received_at=at, **defaults | columns)
        for at in instants
    )


def hear_steadily(source: Platform | Endpoint, *, until: datetime = NOON) -> None:
    """Have a source heard twice an hour for four weeks."""
    hear(source, *(MONTH_AGO + HOUR / 2 * number for number in range((until - MONTH_AGO) // (HOUR / 2) + 1)))


def alarms() -> list[tuple[object, str]]:
    return [(watch.source, watch.alarm) for watch in SourceWatch.objects.exclude(alarm="").order_by("pk")]


def test_watch_sources_alarms_for_the_silent_one_alone():
    platform = make_platform()
    silent, heard = make_endpoint("keitaro", platform=platform), make_endpoint("binom", platform=platform, key="other")
    hear_steadily(silent, until=NOON - 9 * HOUR)
    hear_steadily(heard)
    hear_steadily(platform)

    alarming = watch_sources(at=NOON)

    assert [watch.source for watch in alarming] == [silent]
    assert alarms() == [(silent, "Nothing has come for 9 hours; about 18 messages are usual in such a time.")]
    assert alarming[0].silent_since == NOON - 9 * HOUR


def test_watch_sources_recovers_by_itself():
    platform = make_platform()
    hear_steadily(platform, until=NOON - 9 * HOUR)
    watch_sources(at=NOON)
    hear(platform, NOON + HOUR)

    assert watch_sources(at=NOON + HOUR) == []
    assert alarms() == []
    assert SourceWatch.objects.get().silent_since is None


def test_watch_sources_tells_when_it_begins_and_when_it_is_over(caplog):
    platform = make_platform()
    hear_steadily(platform, until=NOON - 9 * HOUR)
    watch_sources(at=NOON)
    watch_sources(at=NOON + HOUR)
    watch_sources(at=NOON + 2 * HOUR)
    hear(platform, NOON + 3 * HOUR)
    watch_sources(at=NOON + 3 * HOUR)
    watch_sources(at=NOON + 3 * HOUR)

    told = [record for record in caplog.records if "source_silence" in record.getMessage()]
    assert len(told) == 2


def test_watch_sources_counts_each_hour_once_however_often_it_looks():
    platform = make_platform()
    for minutes in (0, 10, 59, 60, 125):
        hear(platform, NOON + timedelta(minutes=minutes))
    for minutes in (5, 61, 66, 66, 130, 190, 200):
        watch_sources(at=NOON + timedelta(minutes=minutes))

    assert hours_of(SourceWatch.objects.get()) == {NOON: 3, NOON + HOUR: 1, NOON + 2 * HOUR: 1}


def test_watch_sources_takes_neither_tests_nor_refused_messages_for_signs_of_life():
    platform = make_platform()
    hear(platform, NOON)
    hear(platform, NOON + HOUR, content=[{"is_test": True}])
    hear(platform, NOON + HOUR, content=[{"is_test": True}, {"is_test": True}], status=207)
    hear(platform, NOON + HOUR, status=401, content=[])

    watch_sources(at=NOON + 2 * HOUR)

    assert SourceWatch.objects.get().last_heard_at == NOON


def test_watch_sources_takes_an_array_with_one_real_event_for_a_sign_of_life():
    platform = make_platform()
    hear(platform, NOON, content=[{"is_test": True}, {"event_id": "e-1"}], status=207)

    watch_sources(at=NOON)

    assert SourceWatch.objects.get().last_heard_at == NOON


@pytest.mark.parametrize("switched_off", ["platform", "endpoint"])
def test_watch_sources_expects_nothing_of_what_is_switched_off(switched_off):
    endpoint = make_endpoint("keitaro")
    hear_steadily(endpoint, until=NOON - 9 * HOUR)
    watch_sources(at=NOON)
    row = endpoint if switched_off == "endpoint" else endpoint.platform
    type(row).objects.filter(pk=row.pk).update(is_active=False)

    assert watch_sources(at=NOON + HOUR) == []


def test_watch_sources_expects_nothing_of_a_sandbox():
    hear_steadily(open_sandbox(make_platform()), until=NOON - 9 * HOUR)

    assert watch_sources(at=NOON) == []


def test_watch_sources_asks_as_often_for_three_sources_as_for_one():
    hear(make_platform(), NOON - 9 * HOUR)
    watch_sources(at=NOON)
    with CaptureQueriesContext(connection) as for_one:
        watch_sources(at=NOON + timedelta(minutes=1))
    hear(make_platform(), NOON - 9 * HOUR)
    hear(make_platform(), NOON - 9 * HOUR)
    watch_sources(at=NOON + timedelta(minutes=2))

    with CaptureQueriesContext(connection) as for_three:
        watch_sources(at=NOON + timedelta(minutes=3))

    assert SourceWatch.objects.count() == 3
    assert len(for_three) == len(for_one)


@pytest.mark.django_db(transaction=True)
def test_watch_sources_leaves_it_to_another_run():
    other = connection.copy()
    hear(make_platform(), NOON)
    with transaction.atomic(), other.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('source_health'))")

        assert watch_sources(at=NOON) == []
        assert SourceWatch.objects.count() == 0
    other.close()


def test_forget_old_hours_keeps_what_a_rhythm_is_learned_from():
    platform = make_platform()
    hear(platform, NOON - timedelta(weeks=13))
    hear(platform, NOON - timedelta(weeks=11))
    watch_sources(at=NOON)

    assert forget_old_hours(at=NOON) == 1
    assert list(SourceHour.objects.values_list("hour", flat=True)) == [NOON - timedelta(weeks=11)]
