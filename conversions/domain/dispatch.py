"""Sending postbacks from threads, so that a receiver that is slow or silent holds up nobody else's."""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import cache

import structlog
from django.conf import settings
from django.db import connection

from conversions.domain.delivery import (
    BATCH_ADAPTERS,
    Attempt,
    Claimed,
    claim_due_postbacks,
    destinations_with_due_postbacks,
    judge,
    record_attempts,
)
from conversions.postbacks.adapter import NotAuthorized, Outcome
from tracker_project.common.egress import NoAnswer, refuse_inside_transaction, send
from tracker_project.common.hints import hint_after_commit, take_hint

log = structlog.get_logger(__name__)

THREADS = 128
# At a receiver's usual 300 ms this is 100 postbacks a second.
REQUESTS_PER_DESTINATION = 32
# A destination that did not answer so often in a row is asked by one request at a time until it does.
SILENCES = 3
# Of the requests of the last five minutes, at least ten, so many failed: it is left alone for half a minute, then asked
# by one request, and left alone again unless that one gets through.
BREAKER_WINDOW_SECONDS = 300.0
BREAKER_LEAST = 10
BREAKER_SHARE = 0.7
BREAKER_REST_SECONDS = 30.0
# Rows that come within one round share its queries; the first of a run waits for no round.
ROUND_SECONDS = 0.1
# A run ends so that other tasks have their turn; what is still on its way then ends by itself.
RUN_SECONDS = 5.0
STRAGGLER_SECONDS = 0.5
LINGER_SECONDS = 0.25
_FAILURES = frozenset({Outcome.RETRY, Outcome.UNKNOWN, Outcome.DESTINATION_REFUSED})
# The first half of the advisory lock's key: a number of our own.
_LOCK = 7_064_201
# Late answers are recorded one by one: a hundred threads at once would want as many connections.
_one_straggler = threading.Lock()


def deliver_due_postbacks(*, clock: Callable[[], datetime]) -> int:
    """Send what is due until nothing is, or for five seconds, and return how many attempts were begun.

    Only `settings.POSTBACK_DISPATCHERS` runs go on at a time, whatever number of tasks is woken: the others return 0,
    and the runs see their rows. Refuses to work inside a transaction.
    """
    refuse_inside_transaction()
    dispatcher = _dispatcher()
    with _turn() as has_turn:
        begun = _run(dispatcher, clock) if has_turn else 0
    if has_turn:
        # While the hint stood nobody sent another, and a task that came went away again: rows may have come since.
        take_hint(settings.WORK_HINTS["postback_written"])
        if _rooms(dispatcher, at=clock()):
            hint_after_commit("postback_written")
    return begun


class Breaker:
    """Whether one destination is asked at all: most of what was asked lately must not have failed."""

    def __init__(self) -> None:
        self._results: deque[tuple[float, bool]] = deque()
        self._rests_until: float | None = None

    def note(self, *, failed: bool, now: float) -> None:
        """Count one request; `now` is of the monotonic clock. One success after a rest ends it."""
        if self._rests_until is not None and not failed:
            self._results.clear()
            self._rests_until = None
        self._results.append((now, failed))
        while self._results[0][0] < now - BREAKER_WINDOW_SECONDS:
            self._results.popleft()
        failures = sum(failed for _, failed in self._results)
        if failed and len(self._results) >= BREAKER_LEAST and failures >= BREAKER_SHARE * len(self._results):
            self._rests_until = now + BREAKER_REST_SECONDS

    def limit(self, *, now: float) -> int:
        """Return how many requests may be under way: none while it rests, one after that, as many as wanted else."""
        if self._rests_until is None:
            return REQUESTS_PER_DESTINATION
        return 1 if now >= self._rests_until else 0


class Dispatcher:
    """The threads of this process that send, and how each destination is faring."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="postback")
        self._lock = threading.Lock()
        self._in_flight: Counter[int] = Counter()
        self._silences: Counter[int] = Counter()
        self._breakers: dict[int, Breaker] = {}
        self._asked_at: dict[int, float] = {}
        self._pauses: dict[int, float] = {}

    def room_for(self, destination: int) -> int:
        """Return how many more requests may go to a destination now."""
        with self._lock:
            now = time.monotonic()
            limit = 1 if self._silences[destination] >= SILENCES else REQUESTS_PER_DESTINATION
            if destination in self._breakers:
                limit = min(limit, self._breakers[destination].limit(now=now))
            if pause := self._pauses.get(destination):
                limit = min(limit, 1) if now - self._asked_at[destination] >= pause else 0
            free = THREADS - self._in_flight.total()
            return max(0, min(limit - self._in_flight[destination], free))

    def submit(self, claimed: Claimed, *, started_at: datetime) -> "Future[Attempt]":
        destination = claimed.postback.destination_id
        adapter = BATCH_ADAPTERS.get(claimed.postback.destination.kind)
        with self._lock:
            self._in_flight[destination] += 1
            self._asked_at[destination] = time.monotonic()
            self._pauses[destination] = adapter.PAUSE_SECONDS if adapter else 0.0
        future = self._threads.submit(_send, claimed, started_at)
        future.add_done_callback(lambda done: self._note(destination, done))
        return future

    def when_done(self, future: "Future[Attempt]", then: Callable[["Future[Attempt]"], None]) -> None:
        """Call `then` in one of the threads, never in this one, even when it is done already."""
        future.add_done_callback(lambda done: self._threads.submit(then, done))

    def _note(self, destination: int, done: "Future[Attempt]") -> None:
        attempt = None if done.exception() else done.result()
        answered = attempt is not None and attempt.answer is not None
        failed = attempt is None or judge(attempt).outcome in _FAILURES
        with self._lock:
            self._in_flight[destination] -= 1
            self._silences[destination] = 0 if answered else self._silences[destination] + 1
            self._breakers.setdefault(destination, Breaker()).note(failed=failed, now=time.monotonic())


@cache
def _dispatcher() -> Dispatcher:
    return Dispatcher()


@contextmanager
def _turn() -> Iterator[bool]:
    """Hold one of the places for runs; Postgres gives it back when this process dies."""
    place = None
    with connection.cursor() as cursor:
        for candidate in range(settings.POSTBACK_DISPATCHERS):
            cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [_LOCK, candidate])
            if cursor.fetchone() == (True,):
                place = candidate
                break
    try:
        yield place is not None
    finally:
        if place is not None:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [_LOCK, place])
                if cursor.fetchone() != (True,):
                    log.error("turn_was_lost", place=place)


def _run(dispatcher: Dispatcher, clock: Callable[[], datetime]) -> int:
    started = last_begun_at = time.monotonic()
    under_way: set[Future[Attempt]] = set()
    begun = 0
    try:
        while time.monotonic() - started < RUN_SECONDS:
            round_ends_at = time.monotonic() + ROUND_SECONDS
            futures = _begin(dispatcher, at=clock())
            under_way |= futures
            begun += len(futures)
            under_way -= _finish(under_way, until=round_ends_at, clock=clock)
            if futures:
                last_begun_at = time.monotonic()
            elif time.monotonic() - last_begun_at > (STRAGGLER_SECONDS if under_way else LINGER_SECONDS):
                break
            time.sleep(max(0, round_ends_at - time.monotonic()))
    finally:
        for future in under_way:
            dispatcher.when_done(future, lambda done: _finish_straggler(done, clock))
    return begun


def _begin(dispatcher: Dispatcher, *, at: datetime) -> set["Future[Attempt]"]:
    """Claim what there is room for and hand it to the threads."""
    rooms = _rooms(dispatcher, at=at)
    if not rooms:
        return set()
    return {dispatcher.submit(claimed, started_at=at) for claimed in claim_due_postbacks(room=rooms, at=at)}


def _rooms(dispatcher: Dispatcher, *, at: datetime) -> dict[int, int]:
    """Return how many postbacks may be sent now to each destination that has some due."""
    rooms = {destination: dispatcher.room_for(destination) for destination in destinations_with_due_postbacks(at=at)}
    return {destination: room for destination, room in rooms.items() if room}


def _finish(
    under_way: set["Future[Attempt]"], *, until: float, clock: Callable[[], datetime]
) -> set["Future[Attempt]"]:
    """Record what is answered by `until` (of the monotonic clock) and return it."""
    done, _ = wait(under_way, timeout=max(0, until - time.monotonic()))
    if done:
        record_attempts([future.result() for future in done], at=clock())
    return done


def _finish_straggler(done: "Future[Attempt]", clock: Callable[[], datetime]) -> None:
    """Record a late answer in a thread with a connection of its own; its destination has room again."""
    with _one_straggler:
        try:
            record_attempts([done.result()], at=clock())
            hint_after_commit("postback_written")
        finally:
            connection.close()


def _send(claimed: Claimed, started_at: datetime) -> Attempt:
    began = time.monotonic()
    answer, failure, verdict = None, None, None
    authorization = claimed.prepared.authorization
    try:
        if authorization is not None:
            claimed = replace(claimed, prepared=authorization.apply(claimed.prepared))
        answer = send(claimed.prepared.request)
        if answer.status == 401 and authorization is not None:
            authorization.forget()
    except NotAuthorized as error:
        verdict = error.verdict
    except NoAnswer as error:
        failure = error
    except Exception as error:  # a mistake of ours must not be repeated for ever: it counts as a try
        log.exception("postback_not_sent", postback=claimed.postback.pk)
        failure = NoAnswer(f"The tracker failed ({type(error).__name__}).", can_retry=True)
    return Attempt(
        claimed=claimed,
        started_at=started_at,
        latency_ms=round((time.monotonic() - began) * 1000),
        answer=answer,
        failure=failure,
        verdict=verdict,
    )
