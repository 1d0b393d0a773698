"""What became of what a platform accepted: asked for by its receipt until it says, and shown apart until then."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog
from django.db import connection, transaction
from django.db.models import F

from conversions.domain.backoff import MAX_TRIES
from conversions.domain.delivery import MUCH_LATER
from conversions.domain.delivery_health import point_out
from conversions.models import Destination, Postback
from conversions.postbacks import google
from conversions.postbacks.adapter import ConfirmingAdapter, NotAuthorized, Outcome, PreparedRequest, Verdict
from tracker_project.common.egress import Answer, NoAnswer, refuse_inside_transaction, send
from tracker_project.common.hints import hint_after_commit

log = structlog.get_logger(__name__)

CONFIRMING: dict[str, ConfirmingAdapter] = {Destination.Kind.GOOGLE: google}
# Asked again after as long as it has been waiting for, within these bounds.
SOONEST, LATEST = timedelta(minutes=1), timedelta(hours=1)
# Platforms decide within a day; what they never speak of is given up, and may be sent again by a person.
GIVEN_UP_AFTER = timedelta(days=7)
# A run leaves its place to the next before the sweeper wakes another.
MAX_INQUIRIES = 100
_LOCK = 7_064_202


class _Due(NamedTuple):
    destination: int
    receipt: str


def confirm_accepted_postbacks(*, clock: Callable[[], datetime]) -> int:
    """Ask what became of accepted requests that are due, one after the other, and return how many were asked for.

    One run goes on at a time; others return 0. Refuses to work inside a transaction.
    """
    refuse_inside_transaction()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, 0)", [_LOCK])
        if cursor.fetchone() != (True,):
            return 0
    try:
        return sum(_inquire(due, at=clock()) for due in _due(at=clock()))
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, 0)", [_LOCK])


def _due(*, at: datetime) -> list[_Due]:
    rows = Postback.objects.filter(state=Postback.State.ACCEPTED, next_attempt_at__lte=at)
    on = rows.filter(destination__in=Destination.objects.filter(is_active=True))
    found = on.order_by("destination_id", "receipt").values_list("destination_id", "receipt").distinct()
    return [_Due(destination, receipt) for destination, receipt in found[:MAX_INQUIRIES]]


def _inquire(due: _Due, *, at: datetime) -> int:
    destination = Destination.objects.get(pk=due.destination)
    adapter = CONFIRMING[destination.kind]
    events = Postback.objects.filter(destination=destination, receipt=due.receipt).count()
    answer = _ask(destination, adapter.build_inquiry(destination, due.receipt, at=at), at=at)
    if answer is None:
        verdict = Verdict(outcome=Outcome.ACCEPTED, reason="No answer came when it was asked for.")
    else:
        verdict = adapter.classify_inquiry(answer, events=events)
    with transaction.atomic():
        rows = Postback.objects.select_for_update().filter(
            destination=destination, receipt=due.receipt, state=Postback.State.ACCEPTED
        )
        _settle(list(rows.order_by("pk")), verdict, at=at)
    return 1


def _ask(destination: Destination, inquiry: PreparedRequest, *, at: datetime) -> Answer | None:
    authorization = inquiry.authorization
    try:
        prepared = authorization.apply(inquiry) if authorization else inquiry
        answer = send(prepared.request)
    except NotAuthorized as error:
        if error.verdict.outcome == Outcome.DESTINATION_REFUSED:
            point_out(destination, error.verdict.reason, pauses=error.verdict.pauses_destination, at=at)
        return None
    except NoAnswer:
        return None
    if answer.status == 401 and authorization:
        authorization.forget()
    return answer


def _settle(rows: Sequence[Postback], verdict: Verdict, *, at: datetime) -> None:
    """Move the rows of one receipt on; call with them locked."""
    if not rows:
        return
    accepted_at = min(row.accepted_at or at for row in rows)
    these = Postback.objects.filter(pk__in=[row.pk for row in rows])
    done, dead = Postback.State.DONE, Postback.State.DEAD
    if verdict.outcome == Outcome.OK:
        these.update(state=done, state_reason=verdict.reason, finished_at=at)
        _bring_corrections_forward(rows, at=at)
    elif verdict.outcome == Outcome.ACCEPTED and at - accepted_at < GIVEN_UP_AFTER:
        later = at + min(max(at - accepted_at, SOONEST), LATEST)
        these.update(next_attempt_at=later, state_reason=verdict.reason)
    elif verdict.outcome == Outcome.ACCEPTED:
        these.update(state=dead, state_reason="It was accepted, and never confirmed within a week.", finished_at=at)
    elif verdict.outcome == Outcome.SPLIT:
        _send_again(rows, verdict.reason, at=at, alone=True)
    elif verdict.outcome in (Outcome.LATER, Outcome.RETRY) and max(row.tries for row in rows) < MAX_TRIES:
        later = at + (MUCH_LATER if verdict.outcome == Outcome.LATER else SOONEST)
        _send_again(rows, verdict.reason, at=later)
    else:
        these.update(state=dead, state_reason=verdict.reason[:300], finished_at=at)
        log.warning("accepted_postbacks_refused", postbacks=len(rows), reason=verdict.reason)


def _send_again(rows: Sequence[Postback], reason: str, *, at: datetime, alone: bool = False) -> None:
    """Owe the rows once more under the same ids: the platform states what it knows anew."""
    these = Postback.objects.filter(pk__in=[row.pk for row in rows])
    these.update(
        state=Postback.State.PENDING,
        state_reason=reason[:300],
        receipt="",
        accepted_at=None,
        next_attempt_at=at,
        # Told apart, each is judged by itself; that is no try of its own.
        batch_limit=1 if alone else F("batch_limit"),
        tries=F("tries") - 1 if alone else F("tries"),
    )
    hint_after_commit("postback_written")


def _bring_corrections_forward(rows: Sequence[Postback], *, at: datetime) -> None:
    waiting = Postback.objects.filter(
        destination=rows[0].destination_id,
        conversion__in=[row.conversion_id for row in rows],
        is_correction=True,
        state=Postback.State.PENDING,
        leased_until=None,
        next_attempt_at__gt=at,
    )
    if waiting.update(next_attempt_at=at):
        hint_after_commit("postback_written")
