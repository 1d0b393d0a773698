"""What a replay is measured on: an inbox full of players' histories, and the live rows that they make."""

import itertools
from datetime import timedelta
from typing import Any

from django.db import connection, transaction

from attribution.domain.credit import Claim
from campaigns.models import TrackingLink
from conversions.domain.reported import (
    Reported,
    ReportedActivity,
    ReportedDeposit,
    ReportedMovement,
    ReportedPlayerStatus,
    ReportedRegistration,
)
from conversions.models import InboxEvent, Platform
from conversions.replay.scratch import COPIED, quoted
from tests.conversions.histories import STARTED_AT, eur
from tests.world import make_click, make_link, make_partner, make_platform

_PLAYERS_AT_ONCE = 500
_LINKS = 20
EVENTS_OF_ONE = 20


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
    """Return what one player did in his first days, by a click of his own: `EVENTS_OF_ONE` events.

    A registration, four deposits first pending and then confirmed, nine days of activity, a verified account; and a
    withdrawal, but with every tenth player a chargeback of all that he deposited last.
    """
    click = make_click(link, at=STARTED_AT - timedelta(hours=1))
    whom: dict[str, Any] = {"player_id": f"p-{number}"}

    def event(name: str, hours: float) -> dict[str, Any]:
        return whom | {"event_id": f"{number}-{name}", "occurred_at": STARTED_AT + timedelta(hours=hours)}

    deposits: list[Reported] = [
        ReportedDeposit(
            **event(f"d{each}-{status}", hours),
            transaction_id=f"{number}-d{each}",
            status=status,
            money=eur(f"{20 + each}.50"),
        )
        for each in range(4)
        for status, hours in (("pending", 1 + 24 * each), ("confirmed", 1.1 + 24 * each))
    ]
    days: list[Reported] = [
        ReportedActivity(
            **event(f"a{day}", 24 * day + 11),
            on_date=(STARTED_AT + timedelta(days=day)).date(),
            currency="EUR",
            mode="total",
            figures={"bets": "120", "wins": "112.5", "ngr": "7.5", "bets_count": "60"},
        )
        for day in range(9)
    ]
    last: dict[str, Any] = {"kind": "withdrawal", "transaction_id": f"{number}-w", "money": eur("15")}
    if number % 10 == 0:
        last = {"kind": "chargeback", "deposit_transaction_id": f"{number}-d3"}
    return [
        ReportedRegistration(**event("reg", 0), claim=Claim(click_id=click.click_id), country="MT"),
        *deposits,
        *days,
        ReportedPlayerStatus(**event("verified", 2), status="verified"),
        ReportedMovement(**event("last", 200), **last),
    ]


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
