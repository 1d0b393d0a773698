"""Sending again by hand what was given up, or what a receiver lost, where that cannot count twice."""

from datetime import datetime, timedelta

import structlog
from django.db.models import Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Concat

from conversions.models import Destination, Postback
from conversions.models.postbacks import REVERSED
from tracker_project.common.hints import hint_after_commit

log = structlog.get_logger(__name__)

# An hour less than the 48 for which Meta and TikTok drop repeats: the request takes its time, and clocks differ.
REPEATS_DROPPED_FOR = timedelta(hours=47)
_DROPS_REPEATS = (Destination.Kind.META, Destination.Kind.TIKTOK)
_SENT_AGAIN = "Sent again by hand."


class NotResendable(Exception):
    """The postback must not be sent again; the text says why."""


def resend_postback(postback: Postback, *, at: datetime) -> Postback:
    """Owe a postback once more under its old id, at once; raises `NotResendable`. What may be sent is asked again."""
    if not _owe_again(Postback.objects.filter(pk=postback.pk), at=at):
        postback.refresh_from_db()
        raise NotResendable(_why_not(postback))
    postback.refresh_from_db()
    log.info("postback_resent", postback=postback.pk)
    return postback


def resend_postbacks(
    destination: Destination, *, starts_at: datetime, ends_at: datetime, also_delivered: bool, at: datetime
) -> int:
    """Owe once more what was written from `starts_at` until before `ends_at` and given up; return how many.

    With `also_delivered` that which was delivered too, as far as it cannot count twice.
    """
    sent = _owe_again(
        resendable(destination, starts_at=starts_at, ends_at=ends_at, also_delivered=also_delivered), at=at
    )
    log.info("postbacks_resent", destination=destination.pk, postbacks=sent)
    return sent


def resendable(
    destination: Destination, *, starts_at: datetime, ends_at: datetime, also_delivered: bool
) -> QuerySet[Postback]:
    """Return what was written in a period and given up, or delivered too."""
    states = [Postback.State.DEAD, *([Postback.State.DONE] if also_delivered else [])]
    return Postback.objects.filter(
        destination=destination, created_at__gte=starts_at, created_at__lt=ends_at, state__in=states
    )


def count_resendable(rows: QuerySet[Postback], *, at: datetime) -> int:
    """Return how many of `rows` would be sent again."""
    return rows.filter(_cannot_count_twice(at)).exclude(_was_taken_back()).count()


def _owe_again(rows: QuerySet[Postback], *, at: datetime) -> int:
    sent = (
        rows.filter(_cannot_count_twice(at))
        .exclude(_was_taken_back())
        .update(
            state=Postback.State.PENDING,
            state_reason=_SENT_AGAIN,
            tries=0,
            next_attempt_at=at,
            leased_until=None,
            finished_at=None,
            batch_limit=None,
            receipt="",
            accepted_at=None,
        )
    )
    if sent:
        hint_after_commit("postback_written")
    return sent


def _cannot_count_twice(at: datetime) -> Q:
    """Return what may go again: all that was given up, and what was delivered where the receiver drops a repeat."""
    drops = Q(destination__kind__in=_DROPS_REPEATS, finished_at__gt=at - REPEATS_DROPPED_FOR)
    knows = Q(destination__kind__in=[Destination.Kind.GENERIC, *Destination.RESTATING])
    unsent = Q(state__in=[Postback.State.DEAD, Postback.State.CANCELLED])
    return unsent | Q(state=Postback.State.DONE) & (drops | knows)


def _was_taken_back() -> Exists:
    correction = Postback.objects.filter(
        destination=OuterRef("destination"), fact=Concat(OuterRef("fact"), Value(REVERSED))
    )
    return Exists(correction)


def _why_not(postback: Postback) -> str:
    if postback.state in (Postback.State.PENDING, Postback.State.ACCEPTED):
        return "It is on its way already."
    if Postback.objects.filter(destination=postback.destination_id, fact=postback.fact + REVERSED).exists():
        return "It was taken back, and the receiver is told so."
    if postback.destination.kind in _DROPS_REPEATS:
        return "It was delivered more than 47 hours ago: the platform drops repeats for 48, and would count it twice."
    return "It was delivered, and the receiver would count it twice."
