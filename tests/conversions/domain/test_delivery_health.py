"""How destinations fare: an end after five days of failures, alarms, and counts that always add up."""

import json
from datetime import timedelta

import pytest

from conversions.domain.delivery import Attempt, claim_due_postbacks, record_attempts
from conversions.domain.delivery_health import count_postbacks, watch_deliveries
from conversions.domain.dispatch import BREAKER_REST_SECONDS, REQUESTS_PER_DESTINATION, Breaker
from conversions.domain.outbox import write_postbacks
from conversions.models import Destination, Postback, PostbackAttempt
from tests.conversions.postbacks.rows import make_conversion, make_generic, make_meta
from tests.world import NOON
from tracker_project.common.egress import Answer

pytestmark = pytest.mark.django_db

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
OK = Answer(status=200, headers={}, body=b"OK")
BROKEN = Answer(status=500, headers={}, body=b"")


def attempt(answer: Answer, at=NOON) -> Destination:
    """Send one more deposit to the only destination there is."""
    destination = Destination.objects.get()
    write_postbacks(make_conversion(), at=at)
    [claimed] = claim_due_postbacks(room={destination.pk: 1}, at=at)
    record_attempts([Attempt(claimed=claimed, started_at=at, latency_ms=5, answer=answer)], at=at)
    Postback.objects.filter(state="pending").update(next_attempt_at=at + 300 * DAY)
    destination.refresh_from_db()
    return destination


def test_a_destination_that_only_fails_is_switched_off_after_five_days_and_says_why():
    make_generic(on_deposit=True)

    assert attempt(BROKEN).failing_since == NOON
    assert attempt(BROKEN, NOON + 5 * DAY - HOUR).is_active
    destination = attempt(BROKEN, NOON + 5 * DAY)

    assert not destination.is_active
    assert destination.disabled_reason == "Nothing got through for five days: The receiver answered 500."


def test_one_success_begins_the_five_days_anew():
    make_generic(on_deposit=True)
    attempt(BROKEN)

    assert attempt(OK, NOON + 4 * DAY).failing_since is None
    assert attempt(BROKEN, NOON + 5 * DAY).is_active


def test_what_is_refused_for_good_says_nothing_of_the_destination():
    make_generic(on_deposit=True)

    assert attempt(Answer(status=404, headers={}, body=b"")).failing_since is None


def test_an_address_that_is_gone_is_switched_off_at_once():
    make_generic(on_deposit=True)

    assert not attempt(Answer(status=410, headers={}, body=b"")).is_active


# Alarms.


def fail_often(failures: int, successes: int) -> Destination:
    make_generic(on_deposit=True)
    for number in range(failures + successes):
        attempt(BROKEN if number < failures else OK, NOON - HOUR / 2)
    return Destination.objects.get()


@pytest.mark.parametrize(
    ("failures", "successes", "alarm"),
    [
        (5, 5, "5 of 10 attempts failed within the last hour."),
        (4, 6, ""),
        (9, 0, ""),
    ],
)
def test_watch_deliveries_alarms_when_half_of_ten_fail(failures, successes, alarm):
    fail_often(failures, successes)

    watch_deliveries(at=NOON)

    assert Destination.objects.get().alarm == alarm


def test_watch_deliveries_ends_an_alarm():
    fail_often(10, 0)
    assert len(watch_deliveries(at=NOON)) == 1

    assert watch_deliveries(at=NOON + 2 * HOUR) == []
    assert Destination.objects.get().alarm == ""


def test_watch_deliveries_alarms_when_nobody_sends():
    make_generic(on_deposit=True)
    write_postbacks(make_conversion(), at=NOON - HOUR)

    watch_deliveries(at=NOON)

    assert Destination.objects.get().alarm == "1 postbacks have waited for more than 15 minutes."


@pytest.mark.parametrize(("written", "alarms"), [(70, True), (69, False)])
def test_watch_deliveries_alarms_at_silence_where_there_usually_is_none(written, alarms):
    make_generic(on_deposit=True)
    conversion = make_conversion()
    write_postbacks(conversion, at=NOON - 3 * DAY)
    row = Postback.objects.get()
    columns = {"conversion": conversion, "destination": row.destination, "event": "deposit", "state": "done"}
    times = {"created_at": NOON - 3 * DAY, "next_attempt_at": NOON - 3 * DAY, "finished_at": NOON - 3 * DAY}
    Postback.objects.update(state="done", finished_at=NOON)
    Postback.objects.bulk_create(
        Postback(**columns, **times, fact=f"deposit:x{number}", dedup_id=str(number)) for number in range(written - 1)
    )

    assert bool(watch_deliveries(at=NOON)) is alarms


def test_counts_of_states_add_up_to_what_was_written():
    make_generic(on_deposit=True)
    make_meta(on_deposit=True)
    for number in range(6):
        write_postbacks(make_conversion(), at=NOON + number * HOUR)
    states = ["done", "dead", "cancelled", "done"]
    for row, state in zip(Postback.objects.order_by("id"), states, strict=False):
        Postback.objects.filter(pk=row.pk).update(state=state, finished_at=NOON)

    counts = count_postbacks(starts_at=NOON, ends_at=NOON + 5 * HOUR)

    assert (counts.received, counts.done, counts.dead, counts.cancelled, counts.pending) == (10, 2, 1, 1, 6)
    assert counts.received == sum((counts.done, counts.dead, counts.cancelled, counts.pending, counts.accepted))


# The breaker.


def asked(breaker: Breaker, results: str, now: float = 0.0) -> int:
    """Note results, an x for each failure, and return how many requests may be under way."""
    for result in results:
        breaker.note(failed=result == "x", now=now)
    return breaker.limit(now=now)


def test_breaker_opens_when_seven_of_ten_fail_and_not_before():
    breaker = Breaker()

    assert asked(breaker, "x" * 9) == REQUESTS_PER_DESTINATION
    assert asked(breaker, "x") == 0
    assert asked(Breaker(), "...." + "x" * 6) == REQUESTS_PER_DESTINATION
    assert asked(Breaker(), "..." + "x" * 7) == 0


def test_breaker_asks_by_one_request_after_a_rest_and_closes_when_it_gets_through():
    breaker = Breaker()
    asked(breaker, "x" * 10)

    assert breaker.limit(now=BREAKER_REST_SECONDS) == 1
    assert asked(breaker, "x", now=BREAKER_REST_SECONDS) == 0
    assert breaker.limit(now=2 * BREAKER_REST_SECONDS) == 1
    assert asked(breaker, ".", now=2 * BREAKER_REST_SECONDS) == REQUESTS_PER_DESTINATION


def test_breaker_forgets_what_is_older_than_five_minutes():
    breaker = Breaker()
    asked(breaker, "x" * 9)

    assert asked(breaker, "x", now=301.0) == REQUESTS_PER_DESTINATION


def test_a_batch_counts_each_of_its_postbacks_in_the_log_and_once_in_health():
    make_meta(on_deposit=True)
    for _ in range(3):
        write_postbacks(make_conversion(), at=NOON)
    [claimed] = claim_due_postbacks(room={Destination.objects.get().pk: 1}, at=NOON)
    answer = Answer(status=200, headers={}, body=json.dumps({"events_received": 3}).encode())

    record_attempts([Attempt(claimed=claimed, started_at=NOON, latency_ms=5, answer=answer)], at=NOON)

    assert PostbackAttempt.objects.filter(outcome="ok", events=3).count() == 3
