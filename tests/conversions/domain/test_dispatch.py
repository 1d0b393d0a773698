"""Postbacks on their way: real requests from threads to a receiver that holds them to the rules."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction

from conversions.domain import dispatch
from conversions.domain.dispatch import Dispatcher, deliver_due_postbacks
from conversions.domain.outbox import write_postbacks
from conversions.models import Postback, PostbackAttempt
from conversions.tasks import deliver_postbacks
from tests.conversions.postbacks.rows import make_conversion, make_first_deposit, make_generic, make_meta, make_player
from tests.outside.receivers import Receiver
from tests.world import NOON
from tracker_project.celery import app as celery_app
from tracker_project.common.egress import InsideTransaction

pytestmark = pytest.mark.django_db(transaction=True)

TOKEN = "EAAB-token-of-the-dataset"
# Hints need the project's own app, or they look for a broker that is not there.
assert celery_app


@pytest.fixture
def receiver(settings) -> Iterator[Receiver]:
    with Receiver(meta_tokens={"1234567890": TOKEN}, now=NOON.timestamp) as receiver:
        settings.META_BASE_URL = receiver.meta_url
        yield receiver


@pytest.fixture(autouse=True)
def dispatcher(monkeypatch) -> Dispatcher:
    """Give each test threads of its own, without the silences of the last one."""
    dispatcher = Dispatcher()
    monkeypatch.setattr(dispatch, "_dispatcher", lambda: dispatcher)
    return dispatcher


@pytest.fixture
def hints(monkeypatch) -> list[str]:
    hints: list[str] = []
    monkeypatch.setattr(dispatch, "hint_after_commit", hints.append)
    return hints


def deliver(at=NOON) -> int:
    return deliver_due_postbacks(clock=lambda: at)


def states():
    return list(Postback.objects.order_by("id").values_list("state", flat=True))


def eventually(condition) -> bool:
    give_up_at = time.monotonic() + 5
    while not condition() and time.monotonic() < give_up_at:
        time.sleep(0.02)
    return bool(condition())


def test_deliver_due_postbacks_brings_each_to_its_receiver(receiver):
    make_meta()
    make_generic(receiver.url + "/s2s?tid={transaction_id}&sum={amount}")
    write_postbacks(make_first_deposit(), at=NOON)

    assert deliver() == 2

    [event] = receiver.meta.accepted
    [get] = receiver.requests("/s2s")
    meta, generic = Postback.objects.order_by("destination__kind", "id").reverse()
    assert (event["event_id"], event["custom_data"]) == (meta.dedup_id, {"currency": "eur", "value": 120.10})
    assert get.query == {"tid": generic.dedup_id, "sum": "120.10"}
    assert receiver.meta.breaches == []
    assert states() == ["done", "done"]
    assert PostbackAttempt.objects.filter(outcome="ok", http_status=200).count() == 2
    assert deliver() == 0


def test_deliver_due_postbacks_sends_a_failed_one_again_under_the_same_id(receiver):
    make_generic(receiver.url + "/s2s?tid={transaction_id}")
    write_postbacks(make_first_deposit(), at=NOON)
    receiver.fail_next(status=503)

    deliver()
    due_at = Postback.objects.get().next_attempt_at
    deliver(due_at - timedelta(milliseconds=1))
    deliver(due_at)

    first, second = receiver.requests("/s2s")
    assert first.query == second.query
    assert (first.status, second.status, states()) == (503, 200, ["done"])
    assert timedelta(seconds=4) <= due_at - NOON <= timedelta(seconds=6)


def test_deliver_due_postbacks_lets_one_stale_event_sink_no_other(receiver):
    make_meta(on_deposit=True)
    fresh, stale = make_conversion(), make_conversion(occurred_at=NOON - timedelta(days=8))
    write_postbacks(stale, at=NOON)
    write_postbacks(fresh, at=NOON)

    deliver()

    assert states() == ["dead", "done"]
    assert receiver.meta.refusals == []


def test_deliver_due_postbacks_holds_nobody_up_for_a_slow_receiver(receiver, monkeypatch, hints):
    monkeypatch.setattr(dispatch, "STRAGGLER_SECONDS", 0.1)
    slow = make_generic(receiver.url + "/s2s/slow?tid={transaction_id}")
    fast = make_generic(receiver.url + "/s2s/fast?tid={transaction_id}", on_deposit=True)
    receiver.fail_next(1, status=None, delay=2.0, path="/s2s/slow")
    player = make_player()
    write_postbacks(make_first_deposit(player), at=NOON)
    for _ in range(20):
        write_postbacks(make_conversion(player), at=NOON)
    started = time.monotonic()

    deliver()

    assert time.monotonic() - started < 1.8
    assert set(Postback.objects.filter(destination=fast).values_list("state", flat=True)) == {"done"}
    assert Postback.objects.get(destination=slow).state == "pending"
    assert eventually(lambda: Postback.objects.get(destination=slow).state == "done")
    assert eventually(lambda: hints == ["postback_written"])


def test_deliver_due_postbacks_asks_a_silent_destination_by_one_request_at_a_time(receiver, dispatcher):
    with Receiver() as gone:
        url = gone.url + "/s2s?tid={transaction_id}"
    silent = make_generic(url, on_deposit=True)
    for _ in range(5):
        write_postbacks(make_conversion(), at=NOON)
    assert dispatcher.room_for(silent.pk) == dispatch.REQUESTS_PER_DESTINATION

    deliver()

    assert dispatcher.room_for(silent.pk) == 1
    assert set(states()) == {"pending"}
    assert set(PostbackAttempt.objects.values_list("answer", flat=True)) == {"The connection was refused."}


def test_deliver_due_postbacks_of_two_workers_at_once_sends_each_once(receiver, monkeypatch):
    make_generic(receiver.url + "/s2s?tid={transaction_id}", on_deposit=True)
    for _ in range(60):
        write_postbacks(make_conversion(), at=NOON)
    together = threading.Barrier(2)

    def work() -> int:
        try:
            together.wait()
            return dispatch._run(Dispatcher(), lambda: NOON)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as workers:
        begun = [future.result() for future in [workers.submit(work), workers.submit(work)]]

    tids = [request.query["tid"] for request in receiver.requests("/s2s")]
    assert sum(begun) == len(tids) == len(set(tids)) == 60
    assert min(begun) > 0
    assert set(states()) == {"done"}


def test_deliver_due_postbacks_runs_once_at_a_time(receiver, hints):
    make_generic(receiver.url + "/s2s?tid={transaction_id}")
    write_postbacks(make_first_deposit(), at=NOON)
    other = connections.create_connection("default")
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, 0)", [dispatch._LOCK])

    assert deliver() == 0

    with other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(%s, 0)", [dispatch._LOCK])
    other.close()
    assert deliver() == 1


def test_deliver_due_postbacks_hints_when_it_ends_before_the_work_does(receiver, monkeypatch, hints):
    monkeypatch.setattr(dispatch, "RUN_SECONDS", 0.0)
    make_generic(receiver.url + "/s2s?tid={transaction_id}")
    write_postbacks(make_first_deposit(), at=NOON)

    assert deliver() == 0

    assert hints == ["postback_written"]


def test_deliver_due_postbacks_counts_a_mistake_of_ours_as_a_try(monkeypatch):
    def fail(request):
        raise ZeroDivisionError

    monkeypatch.setattr(dispatch, "send", fail)
    make_generic()
    write_postbacks(make_first_deposit(), at=NOON)

    deliver()

    row = Postback.objects.get()
    assert (row.state, row.tries, row.state_reason) == ("pending", 1, "The tracker failed (ZeroDivisionError).")


def test_deliver_due_postbacks_refuses_to_work_inside_a_transaction():
    with transaction.atomic(), pytest.raises(InsideTransaction):
        deliver()


def test_deliver_postbacks_is_the_task_that_hints_name(receiver, settings):
    make_generic(receiver.url + "/s2s?tid={transaction_id}")
    write_postbacks(make_first_deposit(), at=NOON)

    deliver_postbacks()

    assert deliver_postbacks.name == settings.WORK_HINTS["postback_written"]
    assert states() == ["done"]


def test_deliver_due_postbacks_keeps_the_connection_of_its_turn_when_late_answers_come(receiver, monkeypatch, hints):
    monkeypatch.setattr(dispatch, "STRAGGLER_SECONDS", 0.0)

    def answered_but_not_recorded(under_way, until, clock):
        time.sleep(0.2)
        return set()

    monkeypatch.setattr(dispatch, "_finish", answered_but_not_recorded)
    make_generic(receiver.url + "/s2s?tid={transaction_id}")
    write_postbacks(make_first_deposit(), at=NOON)
    before = connection.connection

    deliver()

    # The turn is a lock of this very connection: closed for a straggler, a pool would keep it locked.
    assert connection.connection is before
    assert eventually(lambda: states() == ["done"])
