"""One way in for every kind of event, and the second look at those that could not be placed."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

import structlog
from django.db import IntegrityError, transaction

from conversions.dialects.dialect import IgnoredEvent
from conversions.dialects.reading import MalformedEvent
from conversions.dialects.registry import parse
from conversions.domain.activity import place_activity
from conversions.domain.app_tracking import note_app
from conversions.domain.inbox import Also, ConversionConflict, Recorded, Unplaced, keep_anomaly, record_once, settle
from conversions.domain.installs import place_install
from conversions.domain.milestones import place_milestone
from conversions.domain.movements import place_movement
from conversions.domain.recording import place_deposit, place_registration
from conversions.domain.reported import (
    Reported,
    ReportedActivity,
    ReportedDeposit,
    ReportedInstall,
    ReportedMilestone,
    ReportedMovement,
    ReportedPlayerStatus,
    ReportedRegistration,
    ReportedUnnamed,
    reported_again,
)
from conversions.domain.sandbox import as_it_counts
from conversions.domain.standing import place_player_status
from conversions.domain.subjects import player_id_of, waiting_for_name
from conversions.models import Endpoint, InboxEvent, Platform, Player

log = structlog.get_logger(__name__)


def _place_unnamed(reported: ReportedUnnamed, event: InboxEvent, *, at: datetime) -> dict[str, Any]:
    raise Unplaced("unknown_event_name", waits_for=waiting_for_name(reported.name))


_Place = Callable[..., dict[str, Any]]
_PLACE: dict[type[Reported], _Place] = {
    ReportedRegistration: place_registration,
    ReportedDeposit: place_deposit,
    ReportedMilestone: place_milestone,
    ReportedMovement: place_movement,
    ReportedPlayerStatus: place_player_status,
    ReportedActivity: place_activity,
    ReportedInstall: place_install,
    ReportedUnnamed: _place_unnamed,
}


def record_event(
    reported: Reported,
    *,
    platform: Platform,
    webhook_id: str,
    at: datetime,
    endpoint: Endpoint | None = None,
    also: Also | None = None,
) -> Recorded:
    """Record an event of any kind, with all that follows from it; idempotent by event id.

    `also` writes what is kept beside it, in the same transaction. Raises `ConversionConflict` when it contradicts what
    is held.
    """
    reported = as_it_counts(reported, platform)
    return record_once(
        reported,
        platform=platform,
        webhook_id=webhook_id,
        at=at,
        place=lambda event: _place(reported, event, at=at),
        endpoint=endpoint,
        also=also,
    )


def match_waiting_events(*, at: datetime, limit: int) -> int:
    """Look again at the quarantined events that are due, and return how many were placed.

    Safe beside itself: a row that another worker holds is passed over.
    """
    due = InboxEvent.objects.filter(next_match_at__lte=at).order_by("next_match_at")
    return sum(match_again(pk, at=at) for pk in due.values_list("pk", flat=True)[:limit])


def match_again(event_pk: int, *, at: datetime) -> bool:
    """Try to place a quarantined event and return whether it is recorded now.

    One that contradicts what came meanwhile stays quarantined for a person, with the contradiction as an anomaly.
    """
    try:
        with transaction.atomic():
            event = _locked(event_pk)
            if event is None:
                return False
            reported = _read_again(event)
            settle(event, lambda held: _place(reported, held, at=at), at=at)
    except ConversionConflict as conflict:
        _give_up(event_pk, conflict, at=at)
        return False
    except IntegrityError as error:  # somebody made the same row at the same moment: the next look finds it
        log.warning("event_not_matched", inbox_event=event_pk, error=str(error))
        return False
    return event.state == InboxEvent.State.RECORDED


def place_again(event: InboxEvent, *, at: datetime) -> None:
    """Write what follows from an event that was recorded once, as if it came now; the event itself stays as it is.

    Call inside a transaction; raises what the first time could have raised: `Unplaced`, `ConversionConflict`.
    """
    _place(reported_again(event), event, at=at)


def discard_event(event: InboxEvent, *, reason: str, at: datetime) -> None:
    """Take a quarantined event out of the way for good; it stays in the inbox and is never recorded."""
    quarantined = InboxEvent.objects.filter(pk=event.pk, state=InboxEvent.State.QUARANTINED)
    quarantined.update(state=InboxEvent.State.DISCARDED, reason=reason[:50], next_match_at=None, settled_at=at)


def _read_again(event: InboxEvent) -> Reported:
    """Return the event as it was reported; one without a name as its endpoint reads it by now."""
    if event.kind != InboxEvent.Kind.UNNAMED or event.endpoint is None:
        return reported_again(event)
    try:
        read = parse(event.terms["said"], event.endpoint, at=event.received_at)
    except (MalformedEvent, IgnoredEvent):  # its name has a meaning now, and the rest has none: for a person
        return reported_again(event)
    reported = as_it_counts(replace(read, event_id=event.event_id), event.platform)
    event.kind, event.terms, event.occurred_at = reported.event_kind, reported.terms(), reported.occurred_at
    event.save(update_fields=["kind", "terms", "occurred_at"])
    return reported


def _place(reported: Reported, event: InboxEvent, *, at: datetime) -> dict[str, Any]:
    answer = _PLACE[type(reported)](reported, event, at=at)
    if reported.app_system:
        _note_app(reported, event)
    return answer


def _note_app(reported: Reported, event: InboxEvent) -> None:
    """Keep on the player in which app he did it; an install has done so itself."""
    if isinstance(reported, ReportedInstall):
        return
    try:
        player_id = player_id_of(reported, event.platform)
    except Unplaced:  # a milestone that stands without a player
        return
    for player in Player.objects.filter(platform=event.platform, player_id=player_id):  # at most one, by constraint
        note_app(player, system=reported.app_system, att_status=reported.att_status, reported_at=reported.occurred_at)


def _locked(event_pk: int) -> InboxEvent | None:
    events = InboxEvent.objects.select_for_update(of=("self",), skip_locked=True).select_related(
        "platform__brand", "endpoint__platform__brand"
    )
    return events.filter(pk=event_pk, state=InboxEvent.State.QUARANTINED).first()  # at most one, by its key


@transaction.atomic
def _give_up(event_pk: int, conflict: ConversionConflict, *, at: datetime) -> None:
    event = InboxEvent.objects.select_for_update().get(pk=event_pk)
    event.reason, event.waits_for, event.next_match_at = conflict.code, "", None
    event.answer = cast(Any, {"status": "quarantined", "reason": conflict.code})
    event.save(update_fields=["reason", "waits_for", "next_match_at", "answer"])
    keep_anomaly(event, conflict, at=at)
