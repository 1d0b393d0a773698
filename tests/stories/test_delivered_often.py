"""Thousands of events, each delivered up to eight times, shuffled, by sixteen threads: as if told once and in order."""

import random
import threading
from collections.abc import Sequence
from datetime import timedelta

import pytest
from django.db import connection

from conversions.domain.intake import match_waiting_events, record_event
from conversions.domain.recrediting import settle_due_touches
from conversions.domain.reported import Reported
from conversions.models import InboxEvent, Platform
from conversions.replay.ordering import Choice
from conversions.replay.running import replay
from tests.conversions.histories import EVENTS_OF_ONE, STARTED_AT, history
from tests.conversions.rows import recorded_rows
from tests.world import make_click, make_link, make_partner, make_platform

pytestmark = pytest.mark.django_db(transaction=True)

THREADS = 16
RECEIVED_AT = STARTED_AT + timedelta(days=10)
MATCHED_AT = STARTED_AT + timedelta(days=11)


def test_events_delivered_often_by_many_threads_end_as_one_ordered_delivery(events_at_once: int) -> None:
    once, often = make_platform(slug="once"), make_platform(slug="often")
    told = histories(events_at_once // EVENTS_OF_ONE)
    deliver(once, told)
    deliveries = repeated_and_shuffled(told)

    errors = deliver_by_threads(often, deliveries)
    match_all_waiting()

    rows = rows_by_platform()
    assert errors == []
    assert len(rows["once"]["status_reports"]) > events_at_once // EVENTS_OF_ONE
    assert rows["often"] == rows["once"]


def test_what_threads_recorded_is_what_a_replay_rebuilds(events_at_once: int) -> None:
    platform = make_platform()
    errors = deliver_by_threads(platform, repeated_and_shuffled(histories(events_at_once // EVENTS_OF_ONE)))
    match_all_waiting()

    replayed = replay(Choice(platforms=(platform.pk,)), scratch="replay_of_threads", processes=2)

    assert errors == []
    assert replayed.differences == []
    assert replayed.events == InboxEvent.objects.filter(state="recorded").count()


def histories(players: int) -> list[Reported]:
    """Return what many players did, each by a click of his own, every tenth of them a test."""
    partner_links = [make_link(partner=make_partner()) for _ in range(5)]
    clicks = [make_click(partner_links[number % 5], at=STARTED_AT - timedelta(hours=1)) for number in range(players)]
    return [
        event
        for number, click in enumerate(clicks)
        for event in history(number, click.click_id, is_test=number % 10 == 9)
    ]


def repeated_and_shuffled(events: Sequence[Reported]) -> list[Reported]:
    shuffler = random.Random(20261122)
    deliveries = [event for event in events for _ in range(shuffler.randint(1, 8))]
    shuffler.shuffle(deliveries)
    return deliveries


def deliver(platform: Platform, events: Sequence[Reported]) -> None:
    for event in events:
        record_event(event, platform=platform, webhook_id=f"msg-{event.event_id}", at=RECEIVED_AT)


def deliver_by_threads(platform: Platform, events: Sequence[Reported]) -> list[Exception]:
    """Deliver a share in each thread, all at once; return what went wrong."""
    errors: list[Exception] = []

    def run(share: Sequence[Reported]) -> None:
        try:
            deliver(platform, share)
        except Exception as error:  # the story fails by it
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(events[number::THREADS],)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def match_all_waiting() -> None:
    """Look again until nothing waits, or for three days."""
    at = MATCHED_AT
    while InboxEvent.objects.filter(state="quarantined").exists() and at < MATCHED_AT + timedelta(days=3):
        while match_waiting_events(at=at, limit=500):
            pass
        at += timedelta(hours=7)
    while settle_due_touches(at=at, limit=500):
        pass


def rows_by_platform() -> dict[str, dict[str, dict[str, object]]]:
    """Return all that is recorded by platform and table, the platform's name left out of each key."""
    parted: dict[str, dict[str, dict[str, object]]] = {"once": {}, "often": {}}
    for table, rows in recorded_rows().items():
        for key, facts in rows.items():
            platform, _, name = key.partition("/")
            parted[platform].setdefault(table, {})[name] = facts
    return parted
