"""Days' keys: made ahead, once, and gone when 48 hours have passed since their day began."""

import threading
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from attribution.domain.visitor_keys import keep_visitor_keys
from attribution.models import DailyVisitorKey
from tests.world import NOON
from tracker_project.common.database import broken_constraint

pytestmark = pytest.mark.django_db


def days() -> list[date]:
    return list(DailyVisitorKey.objects.order_by("day").values_list("day", flat=True))


def test_keep_visitor_keys_makes_todays_and_tomorrows() -> None:
    keep_visitor_keys(at=NOON)

    assert days() == [date(2026, 11, 22), date(2026, 11, 23)]
    keys = [bytes(key) for key in DailyVisitorKey.objects.values_list("key", flat=True)]
    assert [len(key) for key in keys] == [32, 32]
    assert keys[0] != keys[1]


def test_keep_visitor_keys_leaves_a_key_that_is_there() -> None:
    DailyVisitorKey.objects.create(day=date(2026, 11, 22), key=b"made by an edge")

    keep_visitor_keys(at=NOON)
    keep_visitor_keys(at=NOON)

    assert bytes(DailyVisitorKey.objects.get(day=date(2026, 11, 22)).key) == b"made by an edge"


@pytest.mark.parametrize(
    ("at", "kept"),
    [
        (datetime(2026, 11, 23, 23, 59, 59, tzinfo=UTC), True),
        (datetime(2026, 11, 24, 0, 0, 0, tzinfo=UTC), False),
    ],
)
def test_keep_visitor_keys_deletes_a_key_48_hours_after_its_day_began(at: datetime, kept: bool) -> None:
    keep_visitor_keys(at=NOON)

    keep_visitor_keys(at=at)

    assert DailyVisitorKey.objects.filter(day=date(2026, 11, 22)).exists() is kept


@pytest.mark.django_db(transaction=True)
def test_keep_visitor_keys_twice_at_once_agree_on_one_key() -> None:
    start = threading.Barrier(4)

    def run() -> None:
        start.wait()
        keep_visitor_keys(at=NOON + timedelta(days=1))
        connection.close()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert days() == [date(2026, 11, 23), date(2026, 11, 24)]


def test_an_empty_key_is_refused() -> None:
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        DailyVisitorKey.objects.create(day=date(2026, 11, 22), key=b"")

    assert broken_constraint(refused.value) == "visitor_key_is_not_empty"
