"""The inbox: each event once, its first answer to every repeat, a conflict to whatever contradicts it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction

from conversions.domain.reported import Reported
from conversions.models import Anomaly, Endpoint, InboxEvent, Platform
from tracker_project.common.database import broken_constraint
from tracker_project.common.hints import hint_after_commit
from tracker_project.common.prepared import committed, insert_soon, update

log = structlog.get_logger(__name__)

_KNOWN_EVENT = {"one_inbox_event_per_event_id", "one_inbox_event_per_webhook_id"}
# Rows that another event, of the same moment, made first: the second time they are found.
RACED = {
    "one_player_per_platform_and_player_id",
    "one_conversion_per_transaction_and_kind",
    "one_milestone_per_kind_and_key",
    "one_movement_per_kind_and_transaction",
    "one_install_per_device_and_activity",
    "one_activity_per_player_and_day",
}
_REVIEWED = {
    InboxEvent.Kind.REGISTRATION,
    InboxEvent.Kind.DEPOSIT,
    InboxEvent.Kind.REFUND,
    InboxEvent.Kind.CHARGEBACK,
    InboxEvent.Kind.REJECTION,
}
_MILESTONES = {InboxEvent.Kind.SIGNUP, InboxEvent.Kind.LEAD, InboxEvent.Kind.SALE, InboxEvent.Kind.QUALIFIED}
_IGNORE_OTHERS = {Endpoint.Duplicates.IGNORE, Endpoint.Duplicates.EVENT_ID}
_TRIES = 3
# How long after a try what an event waits for is looked for again; the last one repeats.
_LOOK_AGAIN = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
)
_STATE_COLUMNS = ("answer", "state", "reason", "waits_for", "tries", "next_match_at", "settled_at")

Place = Callable[[InboxEvent], dict[str, Any]]
Also = Callable[["Recorded"], object]


class ConversionConflict(Exception):
    """The message contradicts what is held: `field` differs. Answered 409 and kept as an anomaly."""

    def __init__(self, *, code: str, field: str, held: Any, reported: Any) -> None:
        super().__init__(f"{field} differs from what was recorded before")
        self.code = code
        self.field = field
        self.held = held
        self.reported = reported


class Unplaced(Exception):
    """The event names nobody and nothing that we can find; raised before anything is written for it.

    `waits_for` names what would settle it; empty when only a person can.
    """

    def __init__(self, reason: str, *, waits_for: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.waits_for = waits_for


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """What the sender is answered; a repeat gets the first answer again."""

    answer: dict[str, Any]
    is_repeat: bool
    is_quarantined: bool = False
    event_pk: int = 0


def record_once(
    reported: Reported,
    *,
    platform: Platform,
    webhook_id: str,
    at: datetime,
    place: Place,
    endpoint: Endpoint | None = None,
    also: Also | None = None,
) -> Recorded:
    """Put an event into the inbox and `place` it, in one transaction; a repeat is answered as the first time.

    `place` writes what follows from the event and returns the answer; `also` writes what is kept beside it, of a
    repeat too. An event that cannot be placed (`Unplaced`) is quarantined. Raises `ConversionConflict`, kept as an
    anomaly, when the event id or webhook id stands there with other terms or when `place` raises it; nothing else of
    the message is stored then.
    """
    event = InboxEvent(
        platform=platform,
        endpoint=endpoint,
        event_id=reported.event_id,
        webhook_id=webhook_id,
        kind=reported.event_kind,
        terms=reported.terms(),
        occurred_at=reported.occurred_at,
        received_at=at,
    )
    if event.kind == InboxEvent.Kind.UNNAMED:  # nothing can follow from it, not for a moment
        event.state, event.reason = InboxEvent.State.QUARANTINED, "unknown_event_name"
    try:
        return _record_or_repeat(event, place, also, at=at)
    except ConversionConflict as conflict:
        keep_anomaly(event, conflict, at=at)
        raise


def settle(event: InboxEvent, place: Place, *, at: datetime) -> None:
    """Place an event whose row stands, and save the row: recorded, or quarantined until the next look.

    Call inside a transaction; raises what `place` raises.
    """
    was_quarantined = event.state == InboxEvent.State.QUARANTINED
    try:
        event.answer = place(event)
    except Unplaced as unplaced:
        _quarantine(event, unplaced, at=at)
    else:
        event.state, event.reason, event.waits_for, event.next_match_at = InboxEvent.State.RECORDED, "", "", None
        event.settled_at = at if was_quarantined else None
        if event.kind in _REVIEWED:
            hint_after_commit("conversion_recorded")
    update(event, *_STATE_COLUMNS)


def keep_anomaly(event: InboxEvent, conflict: ConversionConflict, *, at: datetime) -> None:
    """Keep what contradicted us, for a person to ask the platform about."""
    Anomaly.objects.create(
        platform_id=event.platform_id,
        code=conflict.code,
        event_id=event.event_id,
        field=conflict.field,
        held=conflict.held,
        reported=conflict.reported,
        received_at=at,
    )
    log.warning("event_conflict", platform=event.platform_id, code=conflict.code, field=conflict.field)


def refuse_other_terms(code: str, *, held: dict[str, Any], reported: dict[str, Any]) -> None:
    """Raise `ConversionConflict` for the first field of `held` that `reported` gives otherwise."""
    for field, value in held.items():
        if field in reported and reported[field] != value:
            raise ConversionConflict(code=code, field=field, held=value, reported=reported[field])


def _record_or_repeat(event: InboxEvent, place: Place, also: Also | None, *, at: datetime) -> Recorded:
    """Insert first: whoever brings the same event at the same moment waits at the constraint until we are done."""
    for _try in range(_TRIES):
        try:
            with committed():
                event.pk = None
                insert_soon(event)
                settle(event, place, at=at)
                recorded = _recorded(event, is_repeat=False)
                if also:
                    also(recorded)
        except IntegrityError as error:
            constraint = broken_constraint(error)
            if constraint in _KNOWN_EVENT:
                return _repeated(event, also)
            if constraint not in RACED:
                raise
        else:
            if recorded.is_quarantined:
                log.info("event_quarantined", inbox_event=event.pk, kind=event.kind, reason=event.reason)
            return recorded
    raise RuntimeError(f"Event {event.event_id} met the rows of others {_TRIES} times and found them never.")


@transaction.atomic
def _repeated(event: InboxEvent, also: Also | None) -> Recorded:
    recorded = _recorded(_earlier_event(event), is_repeat=True)
    if also:
        also(recorded)
    return recorded


def _recorded(event: InboxEvent, *, is_repeat: bool) -> Recorded:
    is_quarantined = event.state != InboxEvent.State.RECORDED
    return Recorded(answer=event.answer, is_repeat=is_repeat, is_quarantined=is_quarantined, event_pk=event.pk)


def _quarantine(event: InboxEvent, unplaced: Unplaced, *, at: datetime) -> None:
    event.state = InboxEvent.State.QUARANTINED
    event.reason, event.waits_for = unplaced.reason, unplaced.waits_for
    event.answer = {"status": "quarantined", "reason": unplaced.reason}
    event.next_match_at = _next_look(event, at=at) if unplaced.waits_for else None
    event.tries += 1


def _next_look(event: InboxEvent, *, at: datetime) -> datetime | None:
    """Return when to look again, or None once the event has waited for as long as it may."""
    look_at = at + _LOOK_AGAIN[min(event.tries, len(_LOOK_AGAIN) - 1)]
    return look_at if look_at < event.received_at + timedelta(days=settings.QUARANTINE_DAYS) else None


def _earlier_event(event: InboxEvent) -> InboxEvent:
    events = InboxEvent.objects.filter(platform_id=event.platform_id)
    earlier = events.filter(event_id=event.event_id).first()  # at most one, by constraint
    if earlier is None:
        held = events.get(webhook_id=event.webhook_id)
        raise ConversionConflict(
            code="webhook_id_reused", field="event_id", held=held.event_id, reported=event.event_id
        )
    if earlier.kind == InboxEvent.Kind.UNNAMED:  # its name was mapped since: it is read again, not its repeat
        return earlier
    if event.endpoint is not None and event.endpoint.duplicates in _IGNORE_OTHERS and event.kind in _MILESTONES:
        return earlier
    if earlier.kind != event.kind:
        raise ConversionConflict(code="event_conflict", field="event_id", held=earlier.kind, reported=event.kind)
    refuse_other_terms("event_conflict", held=earlier.terms, reported=event.terms)
    return earlier
