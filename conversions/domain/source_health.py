"""When each source was heard, and which of them have fallen silent against their own rhythm.

A source is a platform's signed webhooks, or one endpoint. What is read is what arrived since the last look and the
hours that each source was heard in, never all events: a look costs the same among a thousand events and a billion.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

import structlog
from django.db import connection, transaction
from django.db.models import Q

from conversions.domain.rhythm import HOUR, LEARNED_WEEKS, SHORTEST_SILENCE, WEEK, Heard, silence_alarm
from conversions.models import SourceHour, SourceWatch

log = structlog.get_logger(__name__)

# What a request's transaction may take until its row shows: an hour is counted when it has been over for this long.
_SETTLING = timedelta(minutes=5)
_KEPT = (LEARNED_WEEKS + 4) * WEEK
# A test is no sign of life, nor is what was refused.
_IS_HEARD = "status < 400 AND jsonb_path_exists(content, '$[*] ? (!(@.is_test == true))')"


def watch_sources(*, at: datetime) -> list[SourceWatch]:
    """Note what was heard until `at`, write on each source whether its silence is unusual, return those that alarm.

    Idempotent; where another run is at it this one leaves it to that, and returns nothing.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext('source_health'))")
        if not cursor.fetchone()[0]:
            return []
        _note_heard(at)
        _count_hours(at)
        return _write_alarms(at)


def forget_old_hours(*, at: datetime) -> int:
    """Delete the hours that no rhythm is learned from any more, and return how many."""
    deleted, _ = SourceHour.objects.filter(hour__lt=at - _KEPT).exclude(platform__watches__alarm__gt="").delete()
    return deleted


def hours_of(watch: SourceWatch) -> dict[datetime, int]:
    """Return a source's messages by hour, in the weeks before it was heard last."""
    of = Q(endpoint=watch.endpoint) if watch.endpoint else Q(endpoint=None)
    hours = SourceHour.objects.filter(of, platform=watch.platform, hour__gte=watch.last_heard_at - LEARNED_WEEKS * WEEK)
    return dict(hours.values_list("hour", "messages"))


def _note_heard(at: datetime) -> None:
    """Take in when each source was heard since the last look; the first look reads all requests that are kept."""
    latest = SourceWatch.objects.order_by("-last_heard_at").values_list("last_heard_at", flat=True).first()
    since = latest - _SETTLING if latest else datetime.min.replace(tzinfo=at.tzinfo)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""INSERT INTO source_watches
                       (platform_id, endpoint_id, first_heard_at, last_heard_at, counted_until, alarm)
                SELECT platform_id, endpoint_id, min(received_at), max(received_at),
                       date_trunc('hour', min(received_at), 'UTC'), ''
                  FROM intake_requests WHERE received_at >= %s AND received_at <= %s AND {_IS_HEARD}
                 GROUP BY platform_id, endpoint_id
                    ON CONFLICT ON CONSTRAINT one_watch_per_source DO UPDATE SET
                       last_heard_at = greatest(source_watches.last_heard_at, EXCLUDED.last_heard_at)""",  # noqa: S608
            [since, at],
        )


def _count_hours(at: datetime) -> None:
    """Count the hours that are over and not counted yet, once each."""
    until = (at - _SETTLING).replace(minute=0, second=0, microsecond=0)
    due = SourceWatch.objects.filter(counted_until__lt=until)
    earliest = due.order_by("counted_until").values_list("counted_until", flat=True).first()
    if earliest is None:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            f"""INSERT INTO source_hours (platform_id, endpoint_id, hour, messages)
                SELECT platform_id, endpoint_id, date_trunc('hour', received_at, 'UTC'), count(*)
                  FROM intake_requests WHERE received_at >= %s AND received_at < %s AND {_IS_HEARD}
                 GROUP BY 1, 2, 3
                    ON CONFLICT ON CONSTRAINT one_count_per_source_and_hour DO NOTHING""",  # noqa: S608
            [earliest, until],
        )
    due.update(counted_until=until)


def _write_alarms(at: datetime) -> list[SourceWatch]:
    watches = SourceWatch.objects.select_related("platform", "endpoint").order_by("pk")
    candidates = list(watches.filter(Q(last_heard_at__lte=at - SHORTEST_SILENCE) | ~Q(alarm="")))
    heard = _heard(candidates)
    for watch in candidates:
        _write_alarm(watch, silence_alarm(heard[watch.pk], at=at) if _is_on(watch) else "")
    return [watch for watch in candidates if watch.alarm]


def _write_alarm(watch: SourceWatch, alarm: str) -> None:
    """Write what is unusual; a person is told when it begins and when it is over, and not in between."""
    if alarm == watch.alarm:
        return
    if bool(alarm) != bool(watch.alarm):
        said = alarm or "It is heard again."
        log.warning("source_silence", platform=watch.platform_id, endpoint=watch.endpoint_id, alarm=said)
    watch.alarm, watch.silent_since = alarm, watch.last_heard_at if alarm else None
    watch.save(update_fields=["alarm", "silent_since"])


def _is_on(watch: SourceWatch) -> bool:
    """Tell whether anything is to be expected of a source: a sandbox is used when somebody tries something."""
    is_on = watch.platform.is_active and not watch.platform.is_sandbox
    return is_on and (watch.endpoint is None or watch.endpoint.is_active)


def _heard(watches: Iterable[SourceWatch]) -> dict[int, Heard]:
    """Return what is known of each source, in one query."""
    by_source = {(watch.platform_id, watch.endpoint_id): watch for watch in watches}
    hours: dict[int, dict[datetime, int]] = defaultdict(dict)
    if by_source:
        oldest = min(watch.last_heard_at for watch in by_source.values()) - LEARNED_WEEKS * WEEK
        rows = SourceHour.objects.filter(platform__in={platform for platform, _ in by_source}, hour__gte=oldest - HOUR)
        for platform_id, endpoint_id, hour, messages in rows.values_list("platform", "endpoint", "hour", "messages"):
            watch = by_source.get((platform_id, endpoint_id))
            if watch is not None:
                hours[watch.pk][hour] = messages
    return {
        watch.pk: Heard(
            first_at=watch.first_heard_at,
            last_at=watch.last_heard_at,
            hours=hours[watch.pk],
            time_zone=watch.platform.time_zone,
        )
        for watch in by_source.values()
    }
