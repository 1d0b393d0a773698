"""Delivery of one batch of postbacks: claim by lease, check once more, and keep what came of each attempt.

Nothing here waits for the network: `dispatch.py` sends what is claimed here.
"""

import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db import connection, transaction
from django.db.models import F, QuerySet

from conversions.domain.backoff import MAX_TRIES, next_attempt_at
from conversions.domain.consent import refusal_to_signal
from conversions.models import Conversion, Destination, Postback, PostbackAttempt
from conversions.postbacks import generic, meta
from conversions.postbacks.adapter import Adapter, Outcome, PreparedRequest, Unsendable, Verdict
from tracker_project.common.egress import Answer, NoAnswer

log = structlog.get_logger(__name__)

ADAPTERS: dict[str, Adapter] = {Destination.Kind.GENERIC: generic, Destination.Kind.META: meta}
# Longer than the longest request: whoever held the row then is dead, and it is sent again under the same id.
LEASE = timedelta(seconds=60)
# How long a row waits that must not be sent now but may be later; approval brings it forward.
POSTPONED = timedelta(minutes=5)
ANSWER_CHARACTERS = 500
REQUEST_CHARACTERS = 4000
_EMAIL = re.compile(r"[^\s@\"'<>=&]{1,64}@[^\s@\"'<>=&]{1,255}")


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """A postback that this process alone may send until its lease ends, and its request."""

    postback: Postback
    prepared: PreparedRequest


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One try: when, how long it took, and the answer or why there was none."""

    claimed: Claimed
    started_at: datetime
    latency_ms: int
    answer: Answer | None
    failure: NoAnswer | None = None


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
    """Lease due postbacks, at most `room` a destination, and return those that may be sent, ready to go.

    What may not be sent any more is cancelled, given up or postponed here. Commits before it returns.
    """
    with transaction.atomic():
        leased = _lease(room, at)
    postbacks = list(
        Postback.objects.filter(pk__in=leased).select_related("conversion__player").order_by("next_attempt_at", "pk")
    )
    destinations = Destination.objects.in_bulk({postback.destination_id for postback in postbacks})
    claimed = []
    for postback in postbacks:
        postback.destination = destinations[postback.destination_id]
        prepared = _prepare(postback, at=at)
        if prepared is not None:
            claimed.append(Claimed(postback=postback, prepared=prepared))
    return claimed


def record_attempts(attempts: Sequence[Attempt], *, at: datetime) -> None:
    """Keep what came of attempts and move their postbacks on, in one transaction."""
    judged = [(attempt, _judge(attempt)) for attempt in attempts]
    with transaction.atomic():
        PostbackAttempt.objects.bulk_create([_attempt_row(attempt, verdict) for attempt, verdict in judged])
        delivered = [attempt.claimed.postback for attempt, verdict in judged if verdict.outcome == Outcome.OK]
        _finish_delivered(delivered, at)
        for attempt, verdict in judged:
            if verdict.outcome != Outcome.OK:
                _move_on(attempt, verdict, at)


def _lease(room: Mapping[int, int], at: datetime) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            # Materialised: as a plain subquery it may be run again for each row and lease more than there is room for.
            """WITH due AS MATERIALIZED (
                SELECT picked.id
                  FROM unnest(%(destinations)s::bigint[], %(rooms)s::int[]) AS wanted (destination, room)
                 CROSS JOIN LATERAL (
                    SELECT id FROM postbacks WHERE destination_id = wanted.destination AND state = 'pending'
                       AND next_attempt_at <= %(at)s AND (leased_until IS NULL OR leased_until <= %(at)s)
                     ORDER BY next_attempt_at LIMIT wanted.room FOR UPDATE SKIP LOCKED) AS picked)
               UPDATE postbacks SET leased_until = %(until)s FROM due WHERE postbacks.id = due.id
               RETURNING postbacks.id""",
            {"until": at + LEASE, "at": at, "destinations": list(room), "rooms": list(room.values())},
        )
        return [row[0] for row in cursor.fetchall()]


def _prepare(postback: Postback, *, at: datetime) -> PreparedRequest | None:
    """Return the request, or settle the postback for good or for now and return None."""
    refusal = _refusal_to_send(postback)
    if refusal:
        _settle(postback, Postback.State.CANCELLED, refusal, at)
        return None
    if not postback.is_correction and postback.conversion.review_state != Conversion.Review.APPROVED:
        _held(postback).update(next_attempt_at=at + POSTPONED, leased_until=None, state_reason="It waits for a review.")
        return None
    try:
        return ADAPTERS[postback.destination.kind].build_request(postback, at=at)
    except Unsendable as error:
        _settle(postback, Postback.State.DEAD, str(error), at)
    except Exception as error:  # a mistake of ours about one row must neither sink its batch nor be repeated for ever
        log.exception("postback_not_built", postback=postback.pk)
        _try_later(postback, f"The tracker could not build it ({type(error).__name__}).", at)
    return None


def _refusal_to_send(postback: Postback) -> str:
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
    return refusal_to_signal(conversion, postback.destination)


def _held(postback: Postback) -> QuerySet[Postback]:
    """Return the row while our lease on it stands: a later holder's state is not ours to change."""
    return Postback.objects.filter(pk=postback.pk, state=Postback.State.PENDING, leased_until=postback.leased_until)


def _settle(postback: Postback, state: Postback.State, reason: str, at: datetime, *, tries: int | None = None) -> None:
    tries = postback.tries if tries is None else tries
    _held(postback).update(state=state, state_reason=reason[:300], finished_at=at, leased_until=None, tries=tries)


def _judge(attempt: Attempt) -> Verdict:
    if attempt.answer is not None:
        kind = attempt.claimed.postback.destination.kind
        return ADAPTERS[kind].classify_answer(attempt.answer)
    can_retry = attempt.failure is None or attempt.failure.can_retry
    return Verdict(
        outcome=Outcome.RETRY if can_retry else Outcome.DESTINATION_REFUSED, reason=str(attempt.failure or "")
    )


def _attempt_row(attempt: Attempt, verdict: Verdict) -> PostbackAttempt:
    answer, prepared = attempt.answer, attempt.claimed.prepared
    text = answer.body.decode(errors="replace") if answer else str(attempt.failure or "")
    return PostbackAttempt(
        postback=attempt.claimed.postback,
        started_at=attempt.started_at,
        latency_ms=attempt.latency_ms,
        http_status=answer.status if answer else None,
        outcome=verdict.outcome,
        request=prepared.shown[:REQUEST_CHARACTERS],
        answer=_scrub(text, prepared.secrets)[:ANSWER_CHARACTERS],
    )


def _scrub(text: str, secrets: Iterable[str]) -> str:
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
    recovered = {postback.destination_id for postback in postbacks if postback.destination.disabled_reason}
    if recovered:
        Destination.objects.filter(pk__in=recovered, is_active=True).update(disabled_reason="")


def _move_on(attempt: Attempt, verdict: Verdict, at: datetime) -> None:
    """Give up a postback that was not delivered, or say when it is tried again."""
    postback = attempt.claimed.postback
    if verdict.outcome == Outcome.EVENT_REFUSED:
        _settle(postback, Postback.State.DEAD, verdict.reason, at, tries=postback.tries + 1)
        return
    if verdict.outcome == Outcome.DESTINATION_REFUSED:
        _point_out(postback.destination, verdict, at)
    _try_later(
        postback,
        verdict.reason,
        at,
        retry_after=_retry_after(attempt.answer),
        is_overloaded=_is_overloaded(attempt),
        gives_up=verdict.outcome == Outcome.RETRY,
    )


def _try_later(
    postback: Postback,
    reason: str,
    at: datetime,
    *,
    retry_after: timedelta | None = None,
    is_overloaded: bool = False,
    gives_up: bool = True,
) -> None:
    tries = postback.tries + 1
    if gives_up and tries >= MAX_TRIES:
        _settle(postback, Postback.State.DEAD, f"Given up after {tries} tries. {reason}", at, tries=tries)
        return
    jitter = random.uniform(-1, 1)  # noqa: S311  (spreads load, hides nothing)
    later = next_attempt_at(at, tries=tries, jitter=jitter, retry_after=retry_after, is_overloaded=is_overloaded)
    _held(postback).update(next_attempt_at=later, leased_until=None, state_reason=reason[:300], tries=tries)


def _is_overloaded(attempt: Attempt) -> bool:
    if attempt.answer is not None:
        return attempt.answer.status == 429
    return attempt.failure is not None and attempt.failure.timed_out


def _point_out(destination: Destination, verdict: Verdict, at: datetime) -> None:
    """Show on the destination what a person has to mend, and stop sending there where nothing would get through."""
    changes: dict[str, object] = {"disabled_reason": verdict.reason[:300]}
    if verdict.pauses_destination:
        changes["is_active"] = False
    if Destination.objects.filter(pk=destination.pk, is_active=True).update(**changes):
        log.warning("destination_refuses", destination=destination.pk, reason=verdict.reason, at=at.isoformat())


def _retry_after(answer: Answer | None) -> timedelta | None:
    """Return the delay that a receiver asks for in seconds; one given as a date is left to our own schedule."""
    text = answer.headers.get("retry-after", "") if answer else ""
    return timedelta(seconds=int(text)) if re.fullmatch(r"[0-9]{1,6}", text) else None
