"""One process' share of a replay: its events placed again, by the code that records them, in the scratch schema."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, connection, transaction

from conversions.domain.inbox import ConversionConflict, Unplaced
from conversions.domain.intake import place_again
from conversions.domain.recrediting import settle_due_touches
from conversions.models import Endpoint, InboxEvent, Platform
from conversions.replay.scratch import quoted, refuse_live_writes
from conversions.replay.staff import repeat_staff_decisions
from conversions.replay.then import (
    KEPT_CREDIT,
    clicks_not_stored,
    credited_otherwise,
    hide_clicks_table,
    keep_rates_of_then,
    note_kept,
)
from tracker_project.common.database import broken_constraint
from tracker_project.common.prepared import gathered

_READ_AT_ONCE = 2_000
_COMMITTED_AT_ONCE = 500
_TOUCHES_AT_ONCE = 1_000
_PAGE = """
SELECT event.*, replay.place, replay.subject, replay.took_effect_at
  FROM {scratch}.replay_order replay JOIN {scratch}.inbox_events event ON event.id = replay.event_id
 WHERE replay.share = %s AND replay.place > %s ORDER BY replay.place LIMIT %s
"""


@dataclass(frozen=True, kw_only=True)
class Due:
    """An event that is to be placed again: among what belongs together, and as of which instant."""

    event: InboxEvent
    place: int
    subject: str
    at: datetime


def rebuild_share(scratch: str, share: int, *, report: Callable[[int], None]) -> None:
    """Place the share's events again; `report` is told after each transaction how many more were.

    Call on a connection whose search path begins with the scratch schema. Sends nothing and leaves the live schema
    alone: a transaction that wrote to it is refused.
    """
    hide_clicks_table()
    for subjects in _batches(_subjects(_events(scratch, share))):
        _rebuild(scratch, share, subjects)
        report(sum(map(len, subjects)))


def _rebuild(scratch: str, share: int, subjects: Sequence[Sequence[Due]]) -> None:
    """Place a batch; once more where credit differs, as if no click had been stored, and keep that if it fits."""
    differing = _attempt(scratch, share, subjects, without_clicks=frozenset())
    if not differing:
        return
    still = _attempt(scratch, share, subjects, without_clicks=differing)
    if still:
        _attempt(scratch, share, subjects, without_clicks=differing - still, is_last=True)


def _attempt(
    scratch: str,
    share: int,
    subjects: Sequence[Sequence[Due]],
    *,
    without_clicks: frozenset[str],
    is_last: bool = False,
) -> frozenset[str]:
    """Place a batch and return the subjects whose credit differs from what is stored; then nothing is kept of it.

    The last attempt is kept whatever differs.
    """
    first, last = subjects[0][0].place, subjects[-1][-1].place
    with transaction.atomic():
        for events in subjects:
            with clicks_not_stored(scratch) if events[0].subject in without_clicks else nullcontext():
                _place_subject(scratch, events)
        _settle_touches(at=subjects[-1][-1].at)
        repeat_staff_decisions(scratch, share, first=first, last=last, at=subjects[-1][-1].at)
        keep_rates_of_then(scratch, share, first=first, last=last)
        differing = frozenset() if is_last else frozenset(credited_otherwise(scratch, share, first=first, last=last))
        if differing:
            transaction.set_rollback(True)
            return differing
        kept = [_name_of(events[0]) for events in subjects if events[0].subject in without_clicks]
        note_kept(scratch, kept, KEPT_CREDIT)
        refuse_live_writes(scratch)
        connection.run_on_commit.clear()  # hints: nobody is to work on what is only rebuilt
    return differing


def _settle_touches(*, at: datetime) -> None:
    """Have done by now what a worker does a few seconds after an event: what belongs together is complete."""
    while settle_due_touches(at=at, limit=_TOUCHES_AT_ONCE) == _TOUCHES_AT_ONCE:
        pass


def _name_of(due: Due) -> str:
    return f"{due.event.platform.slug}, {due.subject.partition(':')[2]}"


def _events(scratch: str, share: int) -> Iterator[Due]:
    platforms = {platform.pk: platform for platform in Platform.objects.select_related("brand")}
    endpoints = {endpoint.pk: endpoint for endpoint in Endpoint.objects.select_related("platform__brand")}
    after = 0
    while page := _page(scratch, share, after=after):
        for due in page:
            due.event.platform = platforms[due.event.platform_id]
            due.event.endpoint = endpoints[due.event.endpoint_id] if due.event.endpoint_id else None
        yield from page
        after = page[-1].place


def _page(scratch: str, share: int, *, after: int) -> list[Due]:
    rows = InboxEvent.objects.raw(_PAGE.format(scratch=quoted(scratch)), [share, after, _READ_AT_ONCE])
    return [
        Due(event=row, place=row.place, subject=row.subject, at=row.took_effect_at)  # type: ignore[attr-defined]
        for row in rows
    ]


def _subjects(events: Iterable[Due]) -> Iterator[list[Due]]:
    for _, together in itertools.groupby(events, key=lambda due: due.subject):
        yield list(together)


def _batches(subjects: Iterable[list[Due]]) -> Iterator[list[list[Due]]]:
    batch: list[list[Due]] = []
    for events in subjects:
        batch.append(events)
        if sum(map(len, batch)) >= _COMMITTED_AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


def _place_subject(scratch: str, events: Sequence[Due]) -> None:
    """Place what belongs together: at one go, or, where that fails, each by itself."""
    try:
        with transaction.atomic(), gathered():
            for due in events:
                place_again(due.event, at=due.at)
    except (Unplaced, ConversionConflict, IntegrityError):
        _place_one_by_one(scratch, events)


def _place_one_by_one(scratch: str, events: Sequence[Due]) -> None:
    """Place events each in its turn; those that could not be then are tried again after the others.

    Two that came at the same moment may have been recorded the other way round.
    """
    waiting = {due: _place(due) for due in events}
    waiting = {due: reason for due, reason in waiting.items() if reason}
    while waiting:
        again = {due: _place(due) for due in waiting}
        still = {due: reason for due, reason in again.items() if reason}
        if len(still) == len(waiting):
            break
        waiting = still
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {quoted(scratch)}.replay_unplaced (event_id, reason) VALUES (%s, %s)",
            [(due.event.pk, reason) for due, reason in waiting.items()],
        )


def _place(due: Due) -> str:
    """Place one event and return "", or why that is impossible."""
    try:
        with transaction.atomic(), gathered():
            place_again(due.event, at=due.at)
    except Unplaced as unplaced:
        return unplaced.reason
    except ConversionConflict as conflict:
        return f"{conflict.code}: {conflict.field}"
    except IntegrityError as error:
        return broken_constraint(error)
    return ""
