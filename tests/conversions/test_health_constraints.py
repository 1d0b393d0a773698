"""Wrong states of a source's health that the database refuses, each tried once."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError

from conversions.domain.sandbox import open_sandbox
from conversions.models import (
    Conversion,
    DayReport,
    DayReportAmount,
    DeveloperLink,
    Platform,
    SourceHour,
    SourceWatch,
)
from tests.conversions.builders import deposit
from tests.world import NOON, make_platform

pytestmark = pytest.mark.django_db


def refuses(name: str) -> Any:
    return pytest.raises(IntegrityError, match=name)


def day_report(platform: Platform, **columns: Any) -> DayReport:
    defaults = {
        "event_id": "day-1",
        "on_date": date(2026, 11, 22),
        "time_zone": "UTC",
        "counted_at": NOON,
        "received_at": NOON,
        "origin": "api",
        "is_current": True,
        "deposits": 1,
    }
    return DayReport.objects.create(platform=platform, **defaults | columns)


def watch(platform: Platform, **columns: Any) -> SourceWatch:
    defaults = {"first_heard_at": NOON, "last_heard_at": NOON, "counted_until": NOON}
    return SourceWatch.objects.create(platform=platform, **defaults | columns)


def test_day_report_event_id_is_used_once():
    platform = make_platform()
    day_report(platform)

    with refuses("one_day_report_per_event_id"):
        day_report(platform, is_current=False)


def test_day_has_one_report_that_stands():
    platform = make_platform()
    day_report(platform)

    with refuses("one_current_report_per_day"):
        day_report(platform, event_id="day-2")


def test_day_report_has_an_event_id():
    with refuses("day_report_has_an_event_id"):
        day_report(make_platform(), event_id="")


@pytest.mark.parametrize("origin", ["upload", "fax"])
def test_uploaded_report_names_its_person(origin):
    with refuses("uploaded_report_names_its_person"):
        day_report(make_platform(), origin=origin)


def test_report_of_the_platform_names_nobody_here():
    with refuses("uploaded_report_names_its_person"):
        day_report(make_platform(), uploaded_by=User.objects.create_user("alice"))


def test_reported_amount_stands_once_a_currency():
    report = day_report(make_platform())
    DayReportAmount.objects.create(report=report, currency="EUR", amount=Decimal(1))

    with refuses("one_reported_amount_per_currency"):
        DayReportAmount.objects.create(report=report, currency="EUR", amount=Decimal(2))


def test_reported_amount_is_not_negative():
    with refuses("reported_amount_is_not_negative"):
        DayReportAmount.objects.create(report=day_report(make_platform()), currency="EUR", amount=Decimal(-1))


def test_source_is_counted_once_an_hour_also_without_an_endpoint():
    platform = make_platform()
    SourceHour.objects.create(platform=platform, hour=NOON, messages=1)

    with refuses("one_count_per_source_and_hour"):
        SourceHour.objects.create(platform=platform, hour=NOON, messages=1)


def test_source_hour_without_messages_is_none():
    with refuses("source_hour_has_messages"):
        SourceHour.objects.create(platform=make_platform(), hour=NOON, messages=0)


def test_source_is_watched_once_also_without_an_endpoint():
    platform = make_platform()
    watch(platform)

    with refuses("one_watch_per_source"):
        watch(platform)


def test_source_is_not_heard_last_before_first():
    with refuses("source_is_heard_first_before_last"):
        watch(make_platform(), last_heard_at=NOON - timedelta(seconds=1))


@pytest.mark.parametrize("columns", [{"alarm": "Silent."}, {"silent_since": NOON}])
def test_alarm_and_its_beginning_stand_together(columns):
    with refuses("alarm_says_since_when"):
        watch(make_platform(), **columns)


def test_developer_link_ends_after_it_began():
    user = User.objects.create_user("alice")

    with refuses("developer_link_ends"):
        DeveloperLink.objects.create(
            platform=make_platform(), given_to="them", created_by=user, created_at=NOON, expires_at=NOON
        )


def test_sandbox_is_no_default_platform():
    sandbox = open_sandbox(make_platform())

    with refuses("sandbox_is_no_default_platform"):
        Platform.objects.filter(pk=sandbox.pk).update(is_default=True)


def test_sandbox_is_another_platform():
    platform = make_platform()

    with refuses("sandbox_is_another_platform"):
        Platform.objects.filter(pk=platform.pk).update(sandbox_of=platform.pk)


def test_platform_has_one_sandbox():
    platform = make_platform()
    open_sandbox(platform)

    with refuses("platforms_sandbox_of_id_key"):
        make_platform(sandbox_of=platform)


@pytest.mark.parametrize(
    ("mark", "constraint"),
    [("is_first_deposit", "first_deposit_was_confirmed"), ("is_valuable", "test_deposit_is_not_valuable")],
)
def test_test_deposit_is_neither_first_nor_valuable(mark, constraint):
    deposit(make_platform(), is_test=True)

    with refuses(constraint):
        Conversion.objects.filter(kind="deposit").update(review_state="approved", **{mark: True})
