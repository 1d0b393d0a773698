"""Landings without a click are kept for a day, and deleted a bounded number at a time."""

from datetime import timedelta
from typing import Any

import pytest

from attribution.domain.pre_clicks import delete_old_pre_clicks
from attribution.models import PreClick
from tests.attribution.builders import make_pre_click
from tests.world import NOON, make_link

pytestmark = pytest.mark.django_db


def test_delete_old_pre_clicks_keeps_a_day_of_them() -> None:
    link = make_link()
    make_pre_click(link, at=NOON - timedelta(hours=24, seconds=1))
    kept = make_pre_click(link, at=NOON - timedelta(hours=24))

    deleted = delete_old_pre_clicks(at=NOON)

    assert deleted == 1
    assert list(PreClick.objects.all()) == [kept]


def test_delete_old_pre_clicks_goes_on_batch_by_batch(django_assert_num_queries: Any) -> None:
    link = make_link()
    for minutes in range(5):
        make_pre_click(link, at=NOON - timedelta(days=2, minutes=minutes))

    with django_assert_num_queries(4):
        deleted = delete_old_pre_clicks(at=NOON, batch=2)

    assert deleted == 5
    assert not PreClick.objects.exists()
