"""Two workers review at once: each conversion goes to one of them."""

import threading

import pytest
from django.db import connection

from conversions.models import Conversion
from fraud.domain.reviewing import review_pending_conversions
from fraud.models import Review
from tests.fraud.builders import make_pending
from tests.world import NOON, make_platform


@pytest.mark.django_db(transaction=True)
def test_review_each_conversion_once_with_three_workers():
    platform = make_platform()
    for _ in range(60):
        make_pending(platform=platform)
    start = threading.Barrier(3)
    reviewed: list[int] = []

    def work() -> None:
        start.wait()
        while count := review_pending_conversions(at=NOON, limit=7):
            reviewed.append(count)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert sum(reviewed) == 60
    assert Review.objects.count() == 60
    assert Conversion.objects.filter(review_state="approved").count() == 60
