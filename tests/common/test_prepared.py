"""Prepared statements write and read what the ORM would."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import psycopg
import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.forms.models import model_to_dict
from psycopg.pq import TransactionStatus

from conversions.models import Conversion, InboxEvent, Platform, Player
from tests.world import make_platform
from tracker_project.common.database import broken_constraint
from tracker_project.common.prepared import (
    ask,
    columns_of,
    committed,
    draw_keys,
    fetch,
    gathered,
    insert,
    insert_missing,
    insert_soon,
    made,
    run,
    update,
)

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def make_event(platform: Platform, number: int) -> InboxEvent:
    return InboxEvent(
        platform=platform,
        event_id=f"event-{number}",
        webhook_id=f"message-{number}",
        kind=InboxEvent.Kind.DEPOSIT,
        terms={"amount": "10.5", "product": "ca\u1e61ino %s"},
        answer=None,
        occurred_at=NOON,
        received_at=NOON,
    )


def test_insert_stores_each_kind_of_column_as_save_does():
    platform = make_platform()
    inserted, saved = make_event(platform, 1), make_event(platform, 2)

    insert(inserted)
    saved.save(force_insert=True)

    stored = [InboxEvent.objects.get(pk=row.pk) for row in (inserted, saved)]
    one, other = (model_to_dict(row, exclude=["id", "event_id", "webhook_id"]) for row in stored)
    assert one == other
    assert stored[0].terms == {"amount": "10.5", "product": "ca\u1e61ino %s"}


def test_insert_gives_rows_their_keys_in_order():
    rows = [make_event(make_platform(), number) for number in range(1, 2)]
    rows += [make_event(rows[0].platform, number) for number in range(2, 4)]

    insert(*rows)

    found = [InboxEvent.objects.get(pk=row.pk).event_id for row in rows]
    assert found == ["event-1", "event-2", "event-3"]
    assert not any(row._state.adding for row in rows)


def test_insert_names_the_constraint_that_it_broke():
    platform = make_platform()
    insert(make_event(platform, 1))

    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        insert(make_event(platform, 1))

    assert broken_constraint(caught.value) == "one_inbox_event_per_event_id"


def test_update_writes_the_named_columns_alone():
    event = make_event(make_platform(), 1)
    insert(event)
    event.answer, event.reason = {"status": "recorded"}, "not to be written"

    update(event, "answer", "settled_at")

    stored = InboxEvent.objects.get(pk=event.pk)
    assert (stored.answer, stored.reason, stored.settled_at) == ({"status": "recorded"}, "", None)


def test_made_reads_what_get_does_secrets_and_json_too():
    platform = make_platform()
    player = Player(platform=platform, player_id="p-1", click_facts={"country": "MT"}, created_at=NOON)
    insert(player)

    columns = columns_of(Player)
    row = fetch(f"SELECT {', '.join(columns)} FROM players WHERE id = %s", [player.pk])[0]
    held = fetch(f"SELECT {', '.join(columns_of(Platform))} FROM platforms", [])[0]

    assert model_to_dict(made(Player, columns, row)) == model_to_dict(Player.objects.get(pk=player.pk))
    assert made(Platform, columns_of(Platform), held).secret == platform.secret


def test_made_fetches_later_what_was_not_read():
    platform = make_platform()

    partly = made(Platform, ("id", "name"), (platform.pk, platform.name))

    assert (partly.name, partly.slug) == (platform.name, platform.slug)


def test_insert_keeps_amounts_and_instants_exact():
    platform = make_platform()
    player = Player(platform=platform, player_id="p-1", created_at=NOON)
    insert(player)
    deposit = Conversion(
        platform=platform,
        player=player,
        kind=Conversion.Kind.DEPOSIT,
        status=Conversion.Status.CONFIRMED,
        transaction_id="t-1",
        amount=Decimal("0.00000001"),
        currency="BTC",
        occurred_at=NOON + timedelta(microseconds=1),
        first_event_id="event-1",
        received_at=NOON,
    )

    insert(deposit)

    stored = Conversion.objects.get(pk=deposit.pk)
    assert (stored.amount, stored.kind, stored.status) == (Decimal("0.00000001"), "deposit", "confirmed")
    assert stored.occurred_at == NOON + timedelta(microseconds=1)


def test_fetch_sees_its_own_transaction_and_is_planned_once():
    make_platform()
    Platform.objects.update(name="Renamed")

    found = [fetch("SELECT name FROM platforms WHERE name = %s", ["Renamed"]) for _ in range(2)]

    plans = fetch("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE %s", ["SELECT name FROM platf%"])
    assert (found, plans) == ([[("Renamed",)], [("Renamed",)]], [(1,)])


def stored_ids():
    return [event_id for (event_id,) in fetch("SELECT event_id FROM inbox_events ORDER BY event_id", [])]


def test_gathered_sends_what_waits_before_the_next_answer():
    platform = make_platform()
    one, other = make_event(platform, 1), make_event(platform, 2)

    with transaction.atomic(), gathered():
        insert_soon(one)
        insert_missing(other)
        has_key = one.pk is not None
        found = stored_ids()

    assert not has_key
    assert found == ["event-1", "event-2"]
    assert InboxEvent.objects.get(pk=one.pk).event_id == "event-1"


def test_ask_goes_with_the_next_answer_or_when_its_rows_are_asked_for():
    event = make_event(make_platform(), 1)

    with transaction.atomic(), gathered():
        before = ask("SELECT event_id FROM inbox_events", [])
        insert(event)
        after = ask("SELECT event_id FROM inbox_events", [])
        found = [answer.rows for answer in (after, before)]

    assert found == [[("event-1",)], []]


def test_ask_has_no_rows_when_its_turn_has_failed():
    with suppress(ProgrammingError), transaction.atomic(), gathered():
        answer = ask("SELECT nothing FROM nowhere", [])
        stored_ids()

    with pytest.raises(RuntimeError, match="has failed"):
        _ = answer.rows


def test_draw_keys_gives_keys_that_rows_are_inserted_with():
    platform = make_platform()

    with transaction.atomic(), gathered():
        drawn = draw_keys(InboxEvent, InboxEvent)
        [keys] = drawn.rows
        rows = [make_event(platform, 1), make_event(platform, 2)]
        rows[0].pk, rows[1].pk = keys
        insert(*rows)

    later = make_event(platform, 3)
    insert(later)
    assert not any(row._state.adding for row in rows)
    assert dict(fetch("SELECT event_id, id FROM inbox_events", [])) == {
        "event-1": keys[0],
        "event-2": keys[1],
        "event-3": later.pk,
    }


def test_gathered_sends_what_waits_before_a_statement_of_the_orm():
    event = make_event(make_platform(), 1)

    with transaction.atomic(), gathered():
        insert_soon(event)
        found = InboxEvent.objects.filter(event_id="event-1").count()

    assert found == 1


def test_gathered_sends_the_rest_when_it_ends_in_the_order_it_was_written():
    event = make_event(make_platform(), 1)
    told: list[tuple[str]] = []

    with transaction.atomic(), gathered():
        insert_soon(event)
        event.reason = "waits"
        update(event, "reason")
        run("SELECT reason FROM inbox_events WHERE id = %s", [event.pk], told.extend)
        run("UPDATE inbox_events SET reason = 'settled' WHERE id = %s", [event.pk])
        waited = list(told)

    event.refresh_from_db()
    assert (waited, told, event.reason) == ([], [("waits",)], "settled")


@transaction.atomic
def insert_twice(platform):
    with gathered():
        insert_soon(make_event(platform, 1))
        run("SELECT 1", [])


def test_gathered_raises_what_a_statement_breaks_where_it_is_sent():
    platform = make_platform()
    insert(make_event(platform, 1))

    with pytest.raises(IntegrityError) as caught:
        insert_twice(platform)

    assert broken_constraint(caught.value) == "one_inbox_event_per_event_id"
    assert stored_ids() == ["event-1"]


def test_gathered_sends_nothing_of_a_block_that_raises():
    with suppress(ZeroDivisionError), gathered():
        insert_soon(make_event(make_platform(), 1))
        raise ZeroDivisionError

    assert stored_ids() == []


def test_gathered_within_gathered_is_one():
    platform = make_platform()

    with transaction.atomic(), gathered():
        insert_soon(make_event(platform, 1))
        with gathered():
            insert_soon(make_event(platform, 2))
        run("DELETE FROM inbox_events WHERE event_id = 'event-1'", [])

    assert stored_ids() == ["event-2"]


def is_stored_for_others(event):
    """Ask by a connection of its own, which sees what is committed."""
    with psycopg.connect(**connection.get_connection_params() | {"autocommit": True}) as other:
        found = other.execute("SELECT count(*) FROM inbox_events WHERE event_id = %s", [event.event_id]).fetchone()
    return found == (1,)


@pytest.mark.django_db(transaction=True)
def test_committed_commits_with_the_last_statements():
    event = make_event(make_platform(), 1)
    told = []

    with committed():
        insert_soon(event)
        transaction.on_commit(lambda: told.append(event.pk))
        run("SELECT 1", [], lambda rows: told.append(is_stored_for_others(event)))

    assert told == [True, event.pk]
    assert connection.connection.info.transaction_status == TransactionStatus.IDLE


@pytest.mark.django_db(transaction=True)
def test_committed_keeps_nothing_of_a_block_that_raises():
    platform = make_platform()

    with suppress(ZeroDivisionError), committed():
        insert(make_event(platform, 1))
        insert_soon(make_event(platform, 2))
        raise ZeroDivisionError

    assert stored_ids() == []


@pytest.mark.django_db(transaction=True)
def test_committed_raises_what_is_checked_at_the_end_and_keeps_nothing():
    event = make_event(make_platform(), 1)
    event.platform_id = 0

    with pytest.raises(IntegrityError), committed():
        insert_soon(event)

    assert stored_ids() == []


@pytest.mark.django_db(transaction=True)
def test_committed_takes_back_what_is_to_be_taken_back():
    platform = make_platform()

    with committed():
        insert_soon(make_event(platform, 1))
        transaction.set_rollback(True)

    assert stored_ids() == []


@pytest.mark.django_db(transaction=True)
def test_committed_within_a_transaction_is_a_part_of_it():
    platform = make_platform()

    with suppress(ZeroDivisionError), transaction.atomic():
        with committed():
            insert_soon(make_event(platform, 1))
        raise ZeroDivisionError

    assert stored_ids() == []
