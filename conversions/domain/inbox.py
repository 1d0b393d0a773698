"""The inbox: each event once, its first answer to every repeat, a conflict to whatever contradicts it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from conversions.domain.reported import ReportedDeposit, ReportedRegistration
from conversions.models import InboxEvent, Platform
from tracker_project.common.database import broken_constraint


class ConversionConflict(Exception):
    """The message contradicts what is held: `field` differs. Answered 409 and kept as an anomaly."""

    def __init__(self, *, code: str, field: str, held: Any, reported: Any) -> None:
        super().__init__(f"{field} differs from what was recorded before")
        self.code = code
        self.field = field
        self.held = held
        self.reported = reported


@dataclass(frozen=True, kw_only=True)
class TakenEvent:
    """An event in the inbox, and whether it stood there before."""

    event: InboxEvent
    is_repeat: bool


def take_event(
    reported: ReportedRegistration | ReportedDeposit, *, kind: str, platform: Platform, webhook_id: str, at: datetime
) -> TakenEvent:
    """Put an event into the inbox, or return the one that stands there under the same id and terms.

    Raises `ConversionConflict` when its event id or webhook id stands there with other terms.
    """
    event = InboxEvent(
        platform=platform,
        event_id=reported.event_id,
        webhook_id=webhook_id,
        kind=kind,
        terms=reported.terms(),
        occurred_at=reported.occurred_at,
        received_at=at,
    )
    try:
        with transaction.atomic():
            event.save(force_insert=True)
    except IntegrityError as error:
        if broken_constraint(error) not in ("one_inbox_event_per_event_id", "one_inbox_event_per_webhook_id"):
            raise
        return TakenEvent(event=_earlier_event(event), is_repeat=True)
    return TakenEvent(event=event, is_repeat=False)


def _earlier_event(event: InboxEvent) -> InboxEvent:
    events = InboxEvent.objects.filter(platform_id=event.platform_id)
    earlier = events.filter(event_id=event.event_id).first()  # at most one, by constraint
    if earlier is None:
        held = events.get(webhook_id=event.webhook_id)
        raise ConversionConflict(
            code="webhook_id_reused", field="event_id", held=held.event_id, reported=event.event_id
        )
    if earlier.kind != event.kind:
        raise ConversionConflict(code="event_conflict", field="event_id", held=earlier.kind, reported=event.kind)
    refuse_other_terms("event_conflict", held=earlier.terms, reported=event.terms)
    return earlier


def refuse_other_terms(code: str, *, held: dict[str, Any], reported: dict[str, Any]) -> None:
    """Raise `ConversionConflict` for the first field of `held` that `reported` gives otherwise."""
    for field, value in held.items():
        if field in reported and reported[field] != value:
            raise ConversionConflict(code=code, field=field, held=value, reported=reported[field])
