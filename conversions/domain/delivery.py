"""Delivery of one batch of postbacks: claim by lease, check once more, and keep what came of each attempt.

Nothing here waits for the network: `dispatch.py` sends what is claimed here, `confirmation.py` asks what became of what
was accepted.
"""

import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog
from django.db import connection, transaction
from django.db.models import F, QuerySet

from conversions.domain.backoff import MAX_TRIES, next_attempt_at
from conversions.domain.consent import refusal_to_signal
from conversions.domain.delivery_health import note_failures, note_successes, point_out
from conversions.domain.restatement import reason_to_wait
from conversions.models import Conversion, Destination, Postback, PostbackAttempt
from conversions.postbacks import appsflyer, generic, google, google_ads, meta, tiktok
from conversions.postbacks.adapter import (
    Adapter,
    BatchAdapter,
    NothingToTell,
    Outcome,
    PreparedRequest,
    Unsendable,
    Verdict,
)
from tracker_project.common.egress import Answer, NoAnswer
from tracker_project.common.hints import hint_after_commit
from tracker_project.common.prepared import columns_of, fetch, made

log = structlog.get_logger(__name__)

ADAPTERS: dict[str, Adapter] = {
    Destination.Kind.GENERIC: generic,
    Destination.Kind.META: meta,
    Destination.Kind.GOOGLE: google,
    Destination.Kind.GOOGLE_ADS: google_ads,
    Destination.Kind.TIKTOK: tiktok,
    Destination.Kind.APPSFLYER: appsflyer,
}
BATCH_ADAPTERS: dict[str, BatchAdapter] = {
    Destination.Kind.META: meta,
    Destination.Kind.GOOGLE: google,
    Destination.Kind.GOOGLE_ADS: google_ads,
    Destination.Kind.TIKTOK: tiktok,
}
# So many rows share a round at most, whatever a request may hold: other destinations wait for the round.
BATCH_ROWS = 500
# Longer than the longest request: whoever held the row then is dead, and it is sent again under the same id.
LEASE = timedelta(seconds=60)
# How long a row waits that must not be sent now but may be later; approval brings it forward.
POSTPONED = timedelta(minutes=5)
# How long it waits where the receiver says that it comes too early, such as before its own click is known there.
MUCH_LATER = timedelta(hours=6)
ANSWER_CHARACTERS = 500
REQUEST_CHARACTERS = 4000
FIRST_INQUIRY = timedelta(minutes=1)
_EMAIL = re.compile(r"[^\s@\"'<>=&]{1,64}@[^\s@\"'<>=&]{1,255}")
_POSTBACK = columns_of(Postback)
# Materialised: as a plain subquery it may be run again for each row and lease more than there is room for.
_LEASE = f"""
    WITH due AS MATERIALIZED (
        SELECT picked.id
          FROM unnest(%(destinations)s::bigint[], %(rooms)s::int[]) AS wanted (destination, room)
          JOIN destinations ON destinations.id = wanted.destination
         CROSS JOIN LATERAL (
            SELECT id FROM postbacks WHERE destination_id = wanted.destination AND state = 'pending'
               AND next_attempt_at <= %(at)s AND (leased_until IS NULL OR leased_until <= %(at)s)
             ORDER BY next_attempt_at
             LIMIT CASE WHEN destinations.kind = ANY(%(batching)s::text[]) THEN %(batch_rows)s ELSE wanted.room END
               FOR UPDATE SKIP LOCKED) AS picked)
    UPDATE postbacks SET leased_until = %(until)s FROM due WHERE postbacks.id = due.id
    RETURNING {", ".join(f"postbacks.{name}" for name in _POSTBACK)}"""  # noqa: S608
_GIVES_UP = frozenset({Outcome.RETRY, Outcome.LATER, Outcome.UNKNOWN})


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """Postbacks that this process alone may send until their lease ends, in one request; `events` as in `postbacks`."""

    postbacks: tuple[Postback, ...]
    prepared: PreparedRequest
    events: tuple[str, ...] = ()

    @property
    def postback(self) -> Postback:
        """Return the first of them: most requests carry but one."""
        return self.postbacks[0]


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One request: when, how long it took, and the answer or why there was none.

    `verdict` is what is known without an answer, where no request could be made. `shared` is of how many events, where
    this is but the part of a request that met one verdict.
    """

    claimed: Claimed
    started_at: datetime
    latency_ms: int
    answer: Answer | None
    failure: NoAnswer | None = None
    verdict: Verdict | None = None
    shared: int | None = None


def destinations_with_due_postbacks(*, at: datetime) -> list[int]:
    """Return the ids of destinations that have something to be sent now; one that the tracker paused has not."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT id FROM destinations
                WHERE (is_active OR disabled_reason = '') AND EXISTS (
                    SELECT FROM postbacks WHERE destination_id = destinations.id AND state = 'pending'
                       AND next_attempt_at <= %(at)s AND (leased_until IS NULL OR leased_until <= %(at)s))""",
            {"at": at},
        )
        return [row[0] for row in cursor.fetchall()]


def claim_due_postbacks(*, room: Mapping[int, int], at: datetime) -> list[Claimed]:
    """Lease due postbacks, for at most `room` requests a destination, and return those that may be sent.

    What may not be sent any more is cancelled, given up or postponed here. Commits before it returns.
    """
    with transaction.atomic():
        leased = _lease(room, at)
    postbacks = sorted(leased, key=lambda postback: (postback.next_attempt_at, postback.pk))
    told = {postback.conversion_id for postback in postbacks}  # one is often told to several destinations
    conversions = Conversion.objects.select_related("player").in_bulk(told)
    destinations = Destination.objects.in_bulk({postback.destination_id for postback in postbacks})
    claimed: list[Claimed] = []
    built: dict[tuple[int, int | None, bool], list[tuple[Postback, str]]] = {}
    for postback in postbacks:
        postback.destination = destinations[postback.destination_id]
        postback.conversion = conversions[postback.conversion_id]
        ready = _prepare(postback, at=at)
        if isinstance(ready, PreparedRequest):
            claimed.append(Claimed(postbacks=(postback,), prepared=ready))
        elif ready is not None:
            is_apart = postback.is_correction and BATCH_ADAPTERS[postback.destination.kind].CORRECTS_APART
            key = (postback.destination_id, postback.batch_limit, is_apart)
            built.setdefault(key, []).append((postback, ready))
    batches = [
        batch
        for (destination, limit, _), rows in built.items()
        for batch in _together(destinations[destination], rows, limit=limit, at=at)
    ]
    return claimed + _within_room(batches, room)


def record_attempts(attempts: Sequence[Attempt], *, at: datetime) -> None:
    """Keep what came of attempts and move their postbacks on, in one transaction."""
    judged = [part for attempt in attempts for part in _parts(attempt, judge(attempt))]
    with transaction.atomic():
        PostbackAttempt.objects.bulk_create(
            [row for attempt, verdict in judged for row in _attempt_rows(attempt, verdict)]
        )
        delivered = [
            postback
            for attempt, verdict in judged
            if verdict.outcome == Outcome.OK
            for postback in attempt.claimed.postbacks
        ]
        _finish_delivered(delivered, at)
        for attempt, verdict in judged:
            if verdict.outcome == Outcome.ACCEPTED:
                _accept(attempt.claimed.postbacks, verdict.receipt, at)
            elif verdict.outcome != Outcome.OK:
                _move_on(attempt, verdict, at)
        _note_health(judged, at)


def judge(attempt: Attempt) -> Verdict:
    """Say what came of an attempt; a request that was refused as a whole for one of its events is split."""
    if attempt.verdict is not None:
        return attempt.verdict
    if attempt.answer is None:
        can_retry = attempt.failure is None or attempt.failure.can_retry
        return Verdict(
            outcome=Outcome.RETRY if can_retry else Outcome.DESTINATION_REFUSED, reason=str(attempt.failure or "")
        )
    kind, count = attempt.claimed.postback.destination.kind, len(attempt.claimed.postbacks)
    if kind not in BATCH_ADAPTERS:
        return ADAPTERS[kind].classify_answer(attempt.answer)
    verdict = BATCH_ADAPTERS[kind].classify_answer(attempt.answer, events=count)
    return (
        replace(verdict, outcome=Outcome.SPLIT)
        if verdict.outcome == Outcome.EVENT_REFUSED and count > 1 and not verdict.each
        else verdict
    )


def _parts(attempt: Attempt, verdict: Verdict) -> Iterator[tuple[Attempt, Verdict]]:
    """Yield an attempt with its verdict, or a part of it for each verdict where its events met several."""
    claimed = attempt.claimed
    for one in dict.fromkeys(verdict.each):
        chosen = [position for position, each in enumerate(verdict.each) if each == one]
        destination, events = claimed.postback.destination, tuple(claimed.events[position] for position in chosen)
        shown = BATCH_ADAPTERS[destination.kind].combine(destination, events, at=attempt.started_at).shown
        part = Claimed(
            postbacks=tuple(claimed.postbacks[position] for position in chosen),
            prepared=replace(claimed.prepared, shown=shown),
            events=events,
        )
        yield replace(attempt, claimed=part, shared=len(claimed.postbacks)), one
    if not verdict.each:
        yield attempt, verdict


def _lease(room: Mapping[int, int], at: datetime) -> list[Postback]:
    leased = fetch(
        _LEASE,
        {
            "until": at + LEASE,
            "at": at,
            "destinations": list(room),
            "rooms": list(room.values()),
            "batching": [str(kind) for kind in BATCH_ADAPTERS],
            "batch_rows": BATCH_ROWS,
        },
    )
    return [made(Postback, _POSTBACK, row) for row in leased]


def _prepare(postback: Postback, *, at: datetime) -> PreparedRequest | str | None:
    """Return the request or the event for one, or settle the postback for good or for now and return None."""
    refusal = _refusal_to_send(postback, at=at)
    if refusal:
        _settle(postback, Postback.State.CANCELLED, refusal, at)
        return None
    if not postback.is_correction and postback.conversion.review_state != Conversion.Review.APPROVED:
        _postpone(postback, "It waits for a review.", at)
        return None
    try:
        waiting = reason_to_wait(postback, at=at) if postback.is_correction else None
        if waiting:
            _postpone(postback, waiting.reason, at, until=waiting.until)
            return None
        kind = postback.destination.kind
        if kind in BATCH_ADAPTERS:
            return BATCH_ADAPTERS[kind].build_event(postback, at=at)
        return ADAPTERS[kind].build_request(postback, at=at)
    except NothingToTell as error:
        _settle(postback, Postback.State.CANCELLED, str(error), at)
    except Unsendable as error:
        _settle(postback, Postback.State.DEAD, str(error), at)
    except Exception as error:  # a mistake of ours about one row must neither sink its batch nor be repeated for ever
        log.exception("postback_not_built", postback=postback.pk)
        _try_later(postback, f"The tracker could not build it ({type(error).__name__}).", at)
    return None


def _together(
    destination: Destination, rows: Sequence[tuple[Postback, str]], *, limit: int | None, at: datetime
) -> Iterator[Claimed]:
    """Yield requests of at most `limit` events each; rows of one limit share no request with those of another."""
    adapter = BATCH_ADAPTERS[destination.kind]
    size = min(limit or adapter.MAX_EVENTS, adapter.MAX_EVENTS)
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        events = tuple(event for _, event in part)
        yield Claimed(
            postbacks=tuple(postback for postback, _ in part),
            prepared=adapter.combine(destination, events, at=at),
            events=events,
        )


def _refusal_to_send(postback: Postback, *, at: datetime) -> str:
    """Return why a postback must not be sent any more, or "": the second gate, whatever the first one let in."""
    if not postback.destination.is_active and not postback.destination.disabled_reason:
        return "The destination was switched off."
    if postback.is_correction:
        return ""
    conversion = postback.conversion
    if conversion.status != Conversion.Status.CONFIRMED or conversion.reversed_at is not None:
        return f"The conversion is {conversion.get_status_display().lower()}."
    if conversion.review_state == Conversion.Review.REJECTED:
        return "The review rejected the conversion."
    return refusal_to_signal(conversion, postback.destination, at=at)


def _held(postback: Postback) -> QuerySet[Postback]:
    """Return the row while our lease on it stands: a later holder's state is not ours to change."""
    return Postback.objects.filter(pk=postback.pk, state=Postback.State.PENDING, leased_until=postback.leased_until)


def _settle(postback: Postback, state: Postback.State, reason: str, at: datetime, *, tries: int | None = None) -> None:
    tries = postback.tries if tries is None else tries
    _held(postback).update(state=state, state_reason=reason[:300], finished_at=at, leased_until=None, tries=tries)


def _within_room(batches: Iterable[Claimed], room: Mapping[int, int]) -> list[Claimed]:
    """Return as many requests as there is room for, and give the rows of the others back."""
    left, kept = dict(room), []
    for batch in batches:
        destination = batch.postback.destination_id
        left[destination] -= 1
        if left[destination] >= 0:
            kept.append(batch)
        else:
            _held_together(batch.postbacks).update(leased_until=None)
    return kept


def _postpone(postback: Postback, reason: str, at: datetime, *, until: datetime | None = None) -> None:
    _held(postback).update(next_attempt_at=until or at + POSTPONED, leased_until=None, state_reason=reason)


def _attempt_rows(attempt: Attempt, verdict: Verdict) -> Iterator[PostbackAttempt]:
    claimed, answer = attempt.claimed, attempt.answer
    text = answer.body.decode(errors="replace") if answer else str(attempt.failure or verdict.reason)
    said = scrub(text, claimed.prepared.secrets)[:ANSWER_CHARACTERS]
    for position, postback in enumerate(claimed.postbacks):
        yield PostbackAttempt(
            postback=postback,
            started_at=attempt.started_at,
            latency_ms=attempt.latency_ms,
            http_status=answer.status if answer else None,
            outcome=verdict.outcome,
            events=attempt.shared or len(claimed.postbacks),
            request=_shown(claimed, position, attempt.started_at)[:REQUEST_CHARACTERS],
            answer=said,
        )


def _shown(claimed: Claimed, position: int, at: datetime) -> str:
    """Return what was sent of one postback: its own event alone, where others shared the request."""
    if len(claimed.postbacks) == 1:
        return claimed.prepared.shown
    destination = claimed.postback.destination
    return BATCH_ADAPTERS[destination.kind].combine(destination, [claimed.events[position]], at=at).shown


def scrub(text: str, secrets: Iterable[str]) -> str:
    """Return the beginning of a text without secrets, e-mail addresses and what cannot be shown."""
    for secret in secrets:
        text = text.replace(secret, "***")
    text = _EMAIL.sub("***", text[: 2 * ANSWER_CHARACTERS])
    return "".join(character if character.isprintable() or character == "\n" else " " for character in text)


def _finish_delivered(postbacks: Sequence[Postback], at: datetime) -> None:
    """Mark what was delivered, also when the lease ran out meanwhile; and the receiver is well again."""
    rows = Postback.objects.filter(pk__in=[postback.pk for postback in postbacks])
    finished = rows.filter(state=Postback.State.PENDING).update(
        state=Postback.State.DONE, state_reason="", finished_at=at, leased_until=None, tries=F("tries") + 1
    )
    if finished < len(postbacks):
        # Withdrawn while it was on its way: it stays so, but it was told.
        rows.filter(state=Postback.State.CANCELLED, tries=0).update(tries=1)


def _accept(postbacks: Sequence[Postback], receipt: str, at: datetime) -> None:
    """Mark what was accepted and is to be confirmed; what was withdrawn on its way was told after all."""
    Postback.objects.filter(
        pk__in=[postback.pk for postback in postbacks], state__in=[Postback.State.PENDING, Postback.State.CANCELLED]
    ).update(
        state=Postback.State.ACCEPTED,
        state_reason="",
        receipt=receipt,
        accepted_at=at,
        next_attempt_at=at + FIRST_INQUIRY,
        finished_at=None,
        leased_until=None,
        tries=F("tries") + 1,
    )


def _move_on(attempt: Attempt, verdict: Verdict, at: datetime) -> None:
    """Give up what was not delivered, split its request, or say when it is tried again."""
    postbacks = attempt.claimed.postbacks
    if verdict.outcome == Outcome.SPLIT:
        _split(postbacks, verdict, at)
        return
    if verdict.outcome == Outcome.DESTINATION_REFUSED:
        point_out(postbacks[0].destination, verdict.reason, pauses=verdict.pauses_destination, at=at)
    for postback in postbacks:
        if verdict.outcome == Outcome.EVENT_REFUSED:
            _settle(postback, Postback.State.DEAD, verdict.reason, at, tries=postback.tries + 1)
        else:
            _try_later(
                postback,
                verdict.reason,
                at,
                retry_after=verdict.retry_after or _retry_after(attempt.answer),
                is_overloaded=_is_overloaded(attempt),
                is_early=verdict.outcome == Outcome.LATER,
                gives_up=verdict.outcome in _GIVES_UP,
            )


def _split(postbacks: Sequence[Postback], verdict: Verdict, at: datetime) -> None:
    """Send the events of a refused request again at once, apart: those that the answer names alone, else by halves.

    Nobody's tries grow: each half either passes or is halved again, until the event that was meant stands alone.
    """
    culprits = [postback for position, postback in enumerate(postbacks) if position in verdict.culprits]
    others = [postback for position, postback in enumerate(postbacks) if position not in verdict.culprits]
    limit = None if culprits and others else max(1, len(postbacks) // 2)
    for part, most in ((culprits if others else [], 1), (others or culprits, limit)):
        if part:
            rows = _held_together(part)
            rows.update(leased_until=None, state_reason=verdict.reason[:300], **({"batch_limit": most} if most else {}))
    hint_after_commit("postback_written")


def _held_together(postbacks: Sequence[Postback]) -> QuerySet[Postback]:
    """Return the rows while our lease on them stands; they were leased together."""
    return Postback.objects.filter(
        pk__in=[postback.pk for postback in postbacks],
        state=Postback.State.PENDING,
        leased_until=postbacks[0].leased_until,
    )


def _note_health(judged: Sequence[tuple[Attempt, Verdict]], at: datetime) -> None:
    taken = (Outcome.OK, Outcome.ACCEPTED)
    passing = {attempt.claimed.postback.destination for attempt, verdict in judged if verdict.outcome in taken}
    failing = {
        attempt.claimed.postback.destination: verdict.reason
        for attempt, verdict in judged
        if verdict.outcome in (Outcome.RETRY, Outcome.UNKNOWN, Outcome.DESTINATION_REFUSED)
        and attempt.claimed.postback.destination not in passing
    }
    note_successes(passing)
    note_failures(failing, at=at)


def _try_later(
    postback: Postback,
    reason: str,
    at: datetime,
    *,
    retry_after: timedelta | None = None,
    is_overloaded: bool = False,
    is_early: bool = False,
    gives_up: bool = True,
) -> None:
    tries = postback.tries + 1
    if gives_up and tries >= MAX_TRIES:
        _settle(postback, Postback.State.DEAD, f"Given up after {tries} tries. {reason}", at, tries=tries)
        return
    jitter = random.uniform(-1, 1)  # noqa: S311  (spreads load, hides nothing)
    later = next_attempt_at(at, tries=tries, jitter=jitter, retry_after=retry_after, is_overloaded=is_overloaded)
    if is_early:
        later = max(later, at + MUCH_LATER)
    _held(postback).update(next_attempt_at=later, leased_until=None, state_reason=reason[:300], tries=tries)


def _is_overloaded(attempt: Attempt) -> bool:
    if attempt.answer is not None:
        return attempt.answer.status == 429
    return attempt.failure is not None and attempt.failure.timed_out


def _retry_after(answer: Answer | None) -> timedelta | None:
    """Return the delay that a receiver asks for in seconds; one given as a date is left to our own schedule."""
    text = answer.headers.get("retry-after", "") if answer else ""
    return timedelta(seconds=int(text)) if re.fullmatch(r"[0-9]{1,6}", text) else None
