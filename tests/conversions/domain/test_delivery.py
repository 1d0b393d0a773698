"""Claiming, the second gate, and what becomes of a postback after each outcome."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection, connections, transaction

from conversions.domain import delivery, outbox
from conversions.domain.backoff import next_attempt_at
from conversions.domain.delivery import (
    LEASE,
    Attempt,
    claim_due_postbacks,
    destinations_with_due_postbacks,
    record_attempts,
)
from conversions.domain.outbox import withdraw_postbacks, write_partner_postback, write_postbacks
from conversions.models import Conversion, Destination, Postback, PostbackAttempt
from tests.conversions.postbacks.rows import make_conversion, make_first_deposit, make_generic, make_meta, make_player
from tests.world import NOON, make_partner
from tracker_project.celery import app as celery_app
from tracker_project.common.egress import Answer, NoAnswer
from tracker_project.common.money import Money

pytestmark = pytest.mark.django_db

# Hints need the project's own app, or they look for a broker that is not there.
assert celery_app

OK = Answer(status=200, headers={}, body=b"OK")
TIMED_OUT = NoAnswer("No answer in time.", can_retry=True, timed_out=True)


@pytest.fixture(autouse=True)
def no_jitter(monkeypatch):
    monkeypatch.setattr("random.uniform", lambda low, high: 0.0)


def claim(at=NOON, room=10):
    return claim_due_postbacks(room=dict.fromkeys(destinations_with_due_postbacks(at=at), room), at=at)


def answer(claimed, answer=OK, *, failure=None, at=NOON):
    attempt = Attempt(claimed=claimed, started_at=at, latency_ms=12, answer=answer, failure=failure)
    record_attempts([attempt], at=at)


def the_row():
    return Postback.objects.get()


def answered(status, *, headers=None, body=b""):
    return Answer(status=status, headers=headers or {}, body=body)


# Claims.


def test_claim_due_postbacks_leases_what_is_due_and_leaves_the_rest():
    make_generic(on_deposit=True)
    due, later = make_conversion(), make_conversion()
    write_postbacks(due, at=NOON)
    write_postbacks(later, at=NOON + timedelta(seconds=1))

    [claimed] = claim()

    assert claimed.postback.conversion == due
    assert claimed.postback.leased_until == NOON + LEASE
    assert claim() == []


def test_claim_due_postbacks_takes_no_more_than_a_destination_has_room_for():
    first, second = make_generic(on_deposit=True), make_generic(on_deposit=True)
    for _ in range(3):
        write_postbacks(make_conversion(), at=NOON)

    claimed = claim_due_postbacks(room={first.pk: 1, second.pk: 2}, at=NOON)

    assert sorted(item.postback.destination_id for item in claimed) == [first.pk, second.pk, second.pk]


def test_claim_due_postbacks_sends_again_under_the_same_id_when_a_lease_ran_out():
    make_generic()
    write_postbacks(make_first_deposit(), at=NOON)
    [first] = claim()

    assert claim(NOON + LEASE - timedelta(seconds=1)) == []
    [again] = claim(NOON + LEASE)

    assert again.prepared.request == first.prepared.request
    assert again.postback.dedup_id in again.prepared.request.url


def test_claim_due_postbacks_passes_over_a_destination_that_the_tracker_paused():
    make_generic(is_active=False, disabled_reason="Invalid token")
    write_postbacks(make_first_deposit(), at=NOON)

    assert destinations_with_due_postbacks(at=NOON) == []
    assert the_row().state == "pending"


@pytest.fixture
def other_worker():
    """Another connection to the same database, inside a transaction of its own."""
    other = connections.create_connection("default")
    other.set_autocommit(False)
    yield other
    other.rollback()
    other.close()


@pytest.mark.django_db(transaction=True)
def test_claim_due_postbacks_passes_over_what_another_worker_is_claiming(other_worker):
    destination = make_generic(on_deposit=True)
    for _ in range(4):
        write_postbacks(make_conversion(), at=NOON)
    with other_worker.cursor() as cursor:
        cursor.execute("SELECT id FROM postbacks ORDER BY id LIMIT 3 FOR UPDATE")
        theirs = {row[0] for row in cursor.fetchall()}

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 1000")
        ours = {claimed.postback.pk for claimed in claim_due_postbacks(room={destination.pk: 2}, at=NOON)}

    assert len(ours) == 1
    assert not ours & theirs


def test_claim_due_postbacks_asks_the_database_as_often_for_many_as_for_one(django_assert_num_queries):
    destination = make_generic(on_deposit=True)
    write_postbacks(make_conversion(), at=NOON)
    with django_assert_num_queries(5):
        claim_due_postbacks(room={destination.pk: 10}, at=NOON)
    for _ in range(3):
        write_postbacks(make_conversion(), at=NOON)

    with django_assert_num_queries(5):
        claimed = claim_due_postbacks(room={destination.pk: 10}, at=NOON)

    assert len(claimed) == 3


# The two gates, each with the other taken away.


def without_gate(monkeypatch, module):
    monkeypatch.setattr(module, "refusal_to_signal", lambda conversion, destination, *, at: "")


@pytest.mark.parametrize("player", [{"consent_ad_user_data": False}, {"consent_ad_user_data": None}, {"is_test": True}])
def test_first_gate_alone_stops_what_may_not_be_signalled(monkeypatch, player):
    without_gate(monkeypatch, delivery)
    make_meta()
    make_generic()

    write_postbacks(make_first_deposit(make_player(**player)), at=NOON)

    assert claim() == []
    assert Postback.objects.count() == 0


@pytest.mark.parametrize("player", [{"consent_ad_user_data": False}, {"consent_ad_user_data": None}, {"is_test": True}])
def test_second_gate_alone_stops_what_may_not_be_signalled(monkeypatch, player):
    without_gate(monkeypatch, outbox)
    make_meta()
    make_generic()

    write_postbacks(make_first_deposit(make_player(**player)), at=NOON)

    assert Postback.objects.count() == 2
    assert claim() == []
    assert set(Postback.objects.values_list("state", flat=True)) == {"cancelled"}


def test_second_gate_stops_a_player_who_withdrew_his_consent_meanwhile():
    make_generic()
    player = make_player()
    write_postbacks(make_first_deposit(player), at=NOON)
    player.consent_ad_user_data = False
    player.save()

    assert claim() == []
    assert (the_row().state, the_row().finished_at) == ("cancelled", NOON)
    assert "did not allow" in the_row().state_reason


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "charged_back", "reversed_at": NOON},
        {"status": "void", "is_first_deposit": False},
        {"review_state": "rejected"},
        {"is_test": True, "is_first_deposit": False},
    ],
)
def test_second_gate_stops_a_conversion_that_no_longer_stands(changes):
    make_generic()
    write_postbacks(make_first_deposit(), at=NOON)
    Conversion.objects.update(**changes)

    assert claim() == []
    assert the_row().state == "cancelled"


@pytest.mark.parametrize("review_state", ["pending", "held"])
def test_second_gate_lets_a_postback_wait_for_a_review(review_state):
    make_generic()
    write_postbacks(make_first_deposit(), at=NOON)
    Conversion.objects.update(review_state=review_state)

    assert claim() == []
    assert (the_row().state, the_row().tries, the_row().leased_until) == ("pending", 0, None)
    assert the_row().next_attempt_at == NOON + timedelta(minutes=5)


def test_second_gate_stops_a_destination_that_a_person_switched_off():
    make_generic()
    write_postbacks(make_first_deposit(), at=NOON)
    Destination.objects.update(is_active=False)

    assert claim() == []
    assert (the_row().state, the_row().state_reason) == ("cancelled", "The destination was switched off.")


def test_second_gate_lets_corrections_pass():
    make_generic()
    player = make_player()
    conversion = make_first_deposit(player)
    write_postbacks(conversion, at=NOON)
    answer(claim()[0])
    player.consent_ad_user_data = False
    player.save()
    Conversion.objects.update(status="charged_back", reversed_at=NOON, review_state="pending")
    withdraw_postbacks(conversion, at=NOON)

    [claimed] = claim()

    assert claimed.postback.is_correction


def test_claim_due_postbacks_gives_up_what_meta_would_refuse_without_sending_it():
    make_meta()
    write_postbacks(make_first_deposit(occurred_at=NOON - timedelta(days=8)), at=NOON)

    assert claim() == []
    assert (the_row().state, the_row().tries) == ("dead", 0)
    assert "seven days" in the_row().state_reason


def test_claim_due_postbacks_lets_no_broken_row_sink_the_others():
    make_generic(on_deposit=True)
    broken, sound = make_conversion(), make_conversion()
    write_postbacks(broken, at=NOON)
    write_postbacks(sound, at=NOON)
    player = broken.player
    player.click_facts = {"sub_ids": ["not", "a", "mapping"]}
    player.save()

    [claimed] = claim()

    row = Postback.objects.get(conversion=broken)
    assert claimed.postback.conversion == sound
    assert (row.state, row.tries, row.next_attempt_at) == ("pending", 1, NOON + timedelta(seconds=5))


# What becomes of it.


def test_record_attempts_marks_what_was_delivered():
    make_generic()
    write_postbacks(make_first_deposit(), at=NOON)

    answer(claim()[0])

    row, attempt = the_row(), PostbackAttempt.objects.get()
    assert (row.state, row.tries, row.finished_at, row.leased_until) == ("done", 1, NOON, None)
    assert (attempt.outcome, attempt.http_status, attempt.latency_ms, attempt.answer) == ("ok", 200, 12, "OK")
    assert attempt.request == f"GET https://tracker.example/s2s?tid={row.dedup_id}"
    assert claim(NOON + timedelta(days=2)) == []


def test_record_attempts_keeps_to_the_schedule_and_gives_up_after_eight_tries():
    make_generic()
    write_postbacks(make_first_deposit(), at=NOON)
    at, waits = NOON, []

    while the_row().state == "pending":
        at = the_row().next_attempt_at
        answer(claim(at)[0], answered(500), at=at)
        waits.append(the_row().next_attempt_at - at)

    minutes = [wait / timedelta(minutes=1) for wait in waits[:-1]]
    assert minutes == [5 / 60, 5, 30, 120, 300, 600, 600]
    assert (the_row().state, the_row().tries) == ("dead", 8)
    assert the_row().state_reason == "Given up after 8 tries. The receiver answered 500."
    assert PostbackAttempt.objects.count() == 8


@pytest.mark.parametrize(("jitter", "seconds"), [(-1.0, 240), (0.0, 300), (1.0, 360)])
def test_next_attempt_at_spreads_by_a_fifth(jitter, seconds):
    assert next_attempt_at(NOON, tries=2, jitter=jitter) == NOON + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("status", "headers", "tries", "seconds"),
    [
        (503, {"retry-after": "7"}, 0, 7),
        (503, {"retry-after": "1"}, 0, 5),
        (503, {"retry-after": "86400"}, 0, 10),
        (503, {"retry-after": "400"}, 1, 400),
        (503, {"retry-after": "86400"}, 1, 600),
        (503, {"retry-after": "Mon, 23 Nov 2026 12:00:00 GMT"}, 0, 5),
        (429, {}, 0, 60),
        (429, {"retry-after": "2"}, 0, 60),
        (429, {"retry-after": "400"}, 1, 400),
    ],
)
def test_record_attempts_honours_retry_after_within_bounds(status, headers, tries, seconds):
    make_generic()
    write_postbacks(make_first_deposit(), at=NOON)
    Postback.objects.update(tries=tries)

    answer(claim()[0], answered(status, headers=headers))

    assert the_row().next_attempt_at == NOON + timedelta(seconds=seconds)


def test_record_attempts_is_patient_with_who_does_not_answer_in_time():
    make_generic()
    write_postbacks(make_first_deposit(), at=NOON)

    answer(claim()[0], None, failure=TIMED_OUT)

    attempt = PostbackAttempt.objects.get()
    assert the_row().next_attempt_at == NOON + timedelta(minutes=1)
    assert (attempt.outcome, attempt.http_status, attempt.answer) == ("retry", None, "No answer in time.")


def test_record_attempts_never_retries_what_was_refused_for_good():
    make_generic()
    write_postbacks(make_first_deposit(), at=NOON)

    answer(claim()[0], answered(404))

    assert (the_row().state, the_row().tries) == ("dead", 1)
    assert claim(NOON + timedelta(days=2)) == []


def meta_error(code, subcode=None):
    error = {"error": {"message": "It failed", "code": code, "error_subcode": subcode}}
    return answered(400, body=json.dumps(error).encode())


def test_record_attempts_pauses_a_destination_whose_token_is_refused_until_it_is_mended():
    destination = make_meta()
    write_postbacks(make_first_deposit(), at=NOON)

    answer(claim()[0], meta_error(190, 463))

    destination.refresh_from_db()
    assert (destination.is_active, destination.disabled_reason) == (False, "Meta: It failed (code 190/463)")
    assert (the_row().state, the_row().tries) == ("pending", 1)
    assert claim(NOON + timedelta(days=1)) == []

    Destination.objects.update(is_active=True)
    answer(claim(NOON + timedelta(days=1))[0], answered(200, body=b'{"events_received":1}'))

    destination.refresh_from_db()
    assert (destination.is_active, destination.disabled_reason) == (True, "")
    assert the_row().state == "done"


def test_record_attempts_shows_on_a_destination_that_it_redirects_and_keeps_trying():
    destination = make_generic()
    write_postbacks(make_first_deposit(), at=NOON)

    answer(claim()[0], answered(302))

    destination.refresh_from_db()
    assert destination.is_active
    assert "redirects (302)" in destination.disabled_reason
    assert (the_row().state, the_row().next_attempt_at) == ("pending", NOON + timedelta(seconds=5))


def test_record_attempts_keeps_a_bounded_answer_without_secrets():
    make_generic("https://t.example/?token=hunter22&t={transaction_id}")
    write_postbacks(make_first_deposit(), at=NOON)

    answer(claim()[0], answered(500, body=b"token=hunter22 \x00\x1b[31m ana@example.com \xff" + b"x" * 100_000))

    attempt = PostbackAttempt.objects.get()
    assert attempt.answer.startswith("token=***   [31m *** �xxx")
    assert len(attempt.answer) == 500
    assert "hunter22" not in attempt.request


def test_record_attempts_counts_a_late_success_whose_lease_ran_out():
    make_generic()
    write_postbacks(make_first_deposit(), at=NOON)
    [slow] = claim()
    [again] = claim(NOON + LEASE)

    answer(slow, at=NOON + LEASE)
    answer(again, answered(500), at=NOON + LEASE)

    assert (the_row().state, the_row().tries) == ("done", 1)
    assert PostbackAttempt.objects.count() == 2


def test_record_attempts_leaves_a_row_alone_that_another_worker_holds_now():
    make_generic()
    write_postbacks(make_first_deposit(), at=NOON)
    [slow] = claim()
    [again] = claim(NOON + LEASE)

    answer(slow, answered(500), at=NOON + LEASE)

    row = the_row()
    assert (row.leased_until, row.tries, row.next_attempt_at) == (again.postback.leased_until, 0, NOON)


def test_withdrawal_on_the_way_leaves_it_cancelled_told_and_corrected():
    make_generic()
    conversion = make_first_deposit()
    write_postbacks(conversion, at=NOON)
    [claimed] = claim()

    withdraw_postbacks(conversion, at=NOON)
    answer(claimed)

    told, correction = Postback.objects.order_by("id")
    assert (told.state, told.tries) == ("cancelled", 1)
    assert (correction.is_correction, correction.state, correction.next_attempt_at) == (True, "pending", NOON + LEASE)


def test_partner_postback_carries_its_payout():
    partner = make_partner()
    make_generic("https://p.example/?p={payout}&c={payout_currency}&s={status}", partner=partner)
    payout = Money(amount=Decimal(120), currency="EUR")
    conversion = make_first_deposit()
    write_partner_postback(
        conversion, partner=partner, payout=payout, event="first_deposit", is_correction=False, at=NOON
    )

    [claimed] = claim()

    assert claimed.prepared.request.url == "https://p.example/?p=120.00&c=EUR&s=approved"


def test_counts_of_owed_and_settled_agree_at_any_instant():
    make_generic(on_deposit=True)
    for _ in range(3):
        write_postbacks(make_conversion(), at=NOON)
    first, second, _third = claim()
    answer(first)
    answer(second, answered(404))

    with connection.cursor() as cursor:
        cursor.execute("SELECT state, count(*) FROM postbacks GROUP BY state ORDER BY state")
        assert cursor.fetchall() == [("dead", 1), ("done", 1), ("pending", 1)]
