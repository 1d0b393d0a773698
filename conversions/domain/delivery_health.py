"""How each destination is faring: what gets through, since when nothing does, and what is unusual."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db import connection, transaction
from django.db.models import Count, Q

from conversions.domain.notices import tell_of_alarm, tell_of_disabling
from conversions.models import Destination, Postback

log = structlog.get_logger(__name__)

# Nothing but failures for so long, and the tracker stops asking (Standard Webhooks' best-known sender does so too).
PATIENCE = timedelta(hours=120)
# An alarm needs so many attempts within the last hour, and so many of them failed.
WATCHED = timedelta(hours=1)
LEAST_ATTEMPTS = 10
ALARMING_SHARE = 0.5
# What is due for so long is late, whoever is to blame.
LATE = timedelta(minutes=15)
# Who heard of this many a day on average and of none in the last day has gone silent.
USUAL_PER_DAY = 10
USUAL_DAYS = 7


def point_out(destination: Destination, reason: str, *, pauses: bool, at: datetime) -> None:
    """Show on the destination what a person has to mend, and stop sending there where nothing would get through."""
    changes: dict[str, object] = {"disabled_reason": reason[:300]}
    if pauses:
        changes["is_active"] = False
    with transaction.atomic():
        if not Destination.objects.filter(pk=destination.pk, is_active=True).update(**changes):
            return
        if pauses:
            tell_of_disabling(destination, reason, at=at)
    log.warning("destination_refuses", destination=destination.pk, reason=reason, at=at.isoformat())


def note_successes(destinations: Collection[Destination]) -> None:
    """Forget what was wrong with destinations that something got through to."""
    if destinations:
        unwell = Q(failing_since__isnull=False) | ~Q(disabled_reason="")
        pks = [destination.pk for destination in destinations]
        Destination.objects.filter(unwell, pk__in=pks, is_active=True).update(failing_since=None, disabled_reason="")


def note_failures(reasons: Mapping[Destination, str], *, at: datetime) -> None:
    """Remember since when nothing got through, and switch a destination off that has failed for five days."""
    if not reasons:
        return
    failing = Destination.objects.filter(pk__in=[destination.pk for destination in reasons], is_active=True)
    failing.filter(failing_since=None).update(failing_since=at)
    for destination, reason in reasons.items():
        text = f"Nothing got through for five days: {reason}"[:300]
        hopeless = failing.filter(pk=destination.pk, failing_since__lte=at - PATIENCE)
        with transaction.atomic():
            is_switched_off = hopeless.update(is_active=False, disabled_reason=text)
            if is_switched_off:
                tell_of_disabling(destination, text, at=at)
        if is_switched_off:
            log.warning("destination_switched_off", destination=destination.pk, reason=reason, at=at.isoformat())


@dataclass(frozen=True, kw_only=True)
class PostbackCounts:
    """How many postbacks were written in a period, and in which state each is now: always the same sum."""

    received: int
    pending: int
    accepted: int
    done: int
    dead: int
    cancelled: int


def count_postbacks(*, starts_at: datetime, ends_at: datetime) -> PostbackCounts:
    """Count the postbacks written from `starts_at` until before `ends_at` by state, in one statement."""
    written = Postback.objects.filter(created_at__gte=starts_at, created_at__lt=ends_at)
    counts = {state: Count("pk", filter=Q(state=state)) for state in Postback.State.values}
    return PostbackCounts(**written.aggregate(received=Count("pk"), **counts))


def count_postbacks_by_destination(*, starts_at: datetime, ends_at: datetime) -> dict[Destination, PostbackCounts]:
    """Count the postbacks written from `starts_at` until before `ends_at` for each destination, by name."""
    written = Postback.objects.filter(created_at__gte=starts_at, created_at__lt=ends_at)
    counts = {state: Count("pk", filter=Q(state=state)) for state in Postback.State.values}
    names = ["received", *Postback.State.values]
    grouped = written.values("destination").annotate(received=Count("pk"), **counts)
    rows = {pk: dict(zip(names, found, strict=True)) for pk, *found in grouped.values_list("destination", *names)}
    destinations = Destination.objects.filter(Q(pk__in=rows) | Q(is_active=True)).order_by("name")
    nothing = dict.fromkeys(names, 0)
    return {destination: PostbackCounts(**rows.get(destination.pk, nothing)) for destination in destinations}


def watch_deliveries(*, at: datetime) -> list[Destination]:
    """Write on each destination that is switched on what is unusual about it, and return those that alarm."""
    alarms = {**_silences(at), **_lateness(at), **_failure_shares(at)}
    alarming = []
    for destination in Destination.objects.filter(Q(is_active=True) | ~Q(alarm="")).order_by("pk"):
        alarm = alarms.get(destination.pk, "") if destination.is_active else ""
        if alarm != destination.alarm:
            _change_alarm(destination, alarm, at=at)
            log.warning("destination_alarms", destination=destination.pk, alarm=alarm or "It is over.")
        if alarm:
            alarming.append(destination)
    return alarming


@transaction.atomic
def _change_alarm(destination: Destination, alarm: str, *, at: datetime) -> None:
    """Write an alarm, or its end, on a destination; whoever raises it tells the owner."""
    unchanged = Destination.objects.filter(pk=destination.pk, alarm=destination.alarm)
    is_raised = unchanged.update(alarm=alarm) and not destination.alarm
    destination.alarm = alarm
    if is_raised:
        tell_of_alarm(destination, alarm, at=at)


def _failure_shares(at: datetime) -> dict[int, str]:
    """Return the destinations most of whose attempts of the last hour failed."""
    rows = _rows(
        """SELECT destination_id, count(*), count(*) FILTER (WHERE outcome NOT IN ('ok', 'accepted', 'split'))
             FROM postback_attempts JOIN postbacks ON postbacks.id = postback_id
            WHERE started_at >= %s AND started_at <= %s GROUP BY destination_id""",
        [at - WATCHED, at],
    )
    return {
        destination: f"{failed} of {attempts} attempts failed within the last hour."
        for destination, attempts, failed in rows
        if attempts >= LEAST_ATTEMPTS and failed >= attempts * ALARMING_SHARE
    }


def _lateness(at: datetime) -> dict[int, str]:
    """Return the destinations for which postbacks have been due for long, so that nobody seems to send them."""
    rows = _rows(
        """SELECT destination_id, count(*) FROM postbacks
            WHERE state = 'pending' AND next_attempt_at <= %s GROUP BY destination_id""",
        [at - LATE],
    )
    return {destination: f"{late} postbacks have waited for more than 15 minutes." for destination, late in rows}


def _silences(at: datetime) -> dict[int, str]:
    """Return the destinations that usually hear of something every day and have not for a day."""
    day = timedelta(days=1)
    rows = _rows(
        """SELECT destination_id, count(*) FROM postbacks WHERE created_at >= %s AND created_at < %s
            GROUP BY destination_id HAVING count(*) >= %s AND NOT EXISTS (
                SELECT FROM postbacks AS lately
                 WHERE lately.created_at >= %s AND lately.destination_id = postbacks.destination_id)""",
        [at - day * (USUAL_DAYS + 1), at - day, USUAL_PER_DAY * USUAL_DAYS, at - day],
    )
    return {
        destination: f"Nothing to tell for a day; usually it is {written // USUAL_DAYS} a day."
        for destination, written in rows
    }


def _rows(sql: str, parameters: Sequence[datetime | int]) -> list[tuple[int, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())
