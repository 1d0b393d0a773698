"""What a replay is measured on: an inbox full of players' histories, and the live rows that they make."""

import itertools
from datetime import timedelta

from django.db import connection, transaction

from campaigns.models import TrackingLink
from conversions.domain.reported import Reported
from conversions.models import InboxEvent, Platform
from conversions.replay.scratch import COPIED, quoted
from tests.conversions.histories import EVENTS_OF_ONE, STARTED_AT, history
from tests.world import make_click, make_link, make_partner, make_platform

_PLAYERS_AT_ONCE = 500
_LINKS = 20


def write_inbox(events: int) -> int:
    """Fill the inbox with as many events, each player's by a click of his own; return their platform."""
    platform = make_platform()
    links = [make_link(partner=make_partner()) for _ in range(_LINKS)]
    numbers = range(events // EVENTS_OF_ONE)
    turns = itertools.cycle(links)
    for start in range(0, len(numbers), _PLAYERS_AT_ONCE):
        share = numbers[start : start + _PLAYERS_AT_ONCE]
        with transaction.atomic():
            rows = [_row(platform, each) for number in share for each in _events_of(number, next(turns))]
            InboxEvent.objects.bulk_create(rows, batch_size=2_000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return platform.pk


def adopt_rebuilt_rows(scratch: str) -> None:
    """Make the rows of a kept replay the live ones, and drop its schema."""
    with transaction.atomic(), connection.cursor() as cursor:
        for table in (model._meta.db_table for model in COPIED if model is not InboxEvent):
            cursor.execute(f"INSERT INTO {table} SELECT * FROM {quoted(scratch)}.{table}")
        cursor.execute(f"DROP SCHEMA {quoted(scratch)} CASCADE")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _events_of(number: int, link: TrackingLink) -> list[Reported]:
    click = make_click(link, at=STARTED_AT - timedelta(hours=1))
    return history(number, click.click_id)


def _row(platform: Platform, reported: Reported) -> InboxEvent:
    received_at = reported.occurred_at + timedelta(seconds=5)
    return InboxEvent(
        platform=platform,
        event_id=reported.event_id,
        webhook_id=f"msg-{reported.event_id}",
        kind=reported.event_kind,
        terms=reported.terms(),
        answer={"status": "recorded"},
        occurred_at=reported.occurred_at,
        received_at=received_at,
    )
