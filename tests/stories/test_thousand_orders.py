"""One player's events in as many orders as there is time for: balances, first deposit, credit, value stay the same."""

import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from conversions.domain.intake import match_waiting_events, record_event
from conversions.domain.recrediting import settle_due_touches
from conversions.domain.reported import Reported
from conversions.models import InboxEvent, Platform
from tests.conversions.histories import STARTED_AT, history
from tests.conversions.rows import recorded_rows
from tests.world import make_click, make_link, make_partner

pytestmark = pytest.mark.django_db

RECEIVED_AT = STARTED_AT + timedelta(days=1)
MATCHED_AT = STARTED_AT + timedelta(days=2)


def rows_after(platform: Platform, events: Sequence[Reported]) -> dict[str, Any]:
    """Return what is recorded after these events, and after whatever waited was looked for again; nothing stays."""
    with transaction.atomic():
        for event in events:
            record_event(event, platform=platform, webhook_id=f"msg-{event.event_id}", at=RECEIVED_AT)
        at = MATCHED_AT
        while InboxEvent.objects.filter(state="quarantined").exists() and at < MATCHED_AT + timedelta(days=3):
            match_waiting_events(at=at, limit=100)
            at += timedelta(hours=7)
        settle_due_touches(at=at, limit=10_000)
        rows = recorded_rows()
        transaction.set_rollback(True)
    return rows


@pytest.mark.parametrize("is_test", [False, True], ids=["real", "test"])
def test_any_order_of_a_players_events_records_the_same(platform: Platform, orders: int, is_test: bool) -> None:
    click = make_click(make_link(partner=make_partner()), at=STARTED_AT - timedelta(hours=1))
    told = history(1, click.click_id, is_test=is_test)
    expected = rows_after(platform, told)
    shuffler = random.Random(20261122)

    wrong = [
        (names_of(order), differences)
        for order in shuffled(told, shuffler, times=orders // 2)
        if (differences := differing(expected, rows_after(platform, order)))
    ]

    assert wrong == []


def shuffled(events: Sequence[Reported], shuffler: random.Random, *, times: int) -> list[list[Reported]]:
    return [shuffler.sample(events, len(events)) for _ in range(times)]


def names_of(order: Sequence[Reported]) -> list[str]:
    return [event.event_id for event in order]


def differing(expected: dict[str, Any], found: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Return the rows that differ: table, key, what is expected, what was found."""
    return [
        (table, key, expected[table].get(key), found[table].get(key))
        for table in expected
        for key in sorted(expected[table].keys() | found[table].keys())
        if expected[table].get(key) != found[table].get(key)
    ]
