"""The inbox: each event once, its first answer to every repeat, a conflict to whatever contradicts it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from django.db import IntegrityError, transaction

from conversions.domain.reported import ReportedDeposit, ReportedRegistration
from conversions.models import Anomaly, Conversion, InboxEvent, Platform
from tracker_project.common.database import broken_constraint
from tracker_project.common.hints import hint_after_commit

log = structlog.get_logger(__name__)

_KNOWN_EVENT = {"one_inbox_event_per_event_id", "one_inbox_event_per_webhook_id"}
# Rows that another event, of the same moment, made first: the second time they are found.
_RACED = {"one_player_per_platform_and_player_id", "one_conversion_per_transaction_and_kind"}
_TRIES = 3


class ConversionConflict(Exception):
    """The message contradicts what is held: `field` differs. Answered 409 and kept as an anomaly."""

    def __init__(self, *, code: str, field: str, held: Any, reported: Any) -> None:
        super().__init__(f"{field} differs from what was recorded before")
        self.code = code
        self.field = field
        self.held = held
        self.reported = reported


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """What the sender is answered; a repeat gets the first answer again."""

    answer: dict[str, Any]
    is_repeat: bool


def record_once(
    reported: ReportedRegistration | ReportedDeposit,
    *,
    kind: InboxEvent.Kind,
    platform: Platform,
    webhook_id: str,
    at: datetime,
    record: Callable[[InboxEvent], Conversion],
) -> Recorded:
    """Put an event into the inbox and `record` it, in one transaction; a repeat is answered as the first time.

    Raises `ConversionConflict`, kept as an anomaly, when the event id or webhook id stands there with other terms or
    when `record` raises it; nothing else of the message is stored then.
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
        return _record_or_repeat(event, record)
    except ConversionConflict as conflict:
        Anomaly.objects.create(
            platform=platform,
            code=conflict.code,
            event_id=reported.event_id,
            field=conflict.field,
            held=conflict.held,
            reported=conflict.reported,
            received_at=at,
        )
        log.warning("event_conflict", platform=platform.pk, code=conflict.code, field=conflict.field)
        raise


def refuse_other_terms(code: str, *, held: dict[str, Any], reported: dict[str, Any]) -> None:
    """Raise `ConversionConflict` for the first field of `held` that `reported` gives otherwise."""
    for field, value in held.items():
        if field in reported and reported[field] != value:
            raise ConversionConflict(code=code, field=field, held=value, reported=reported[field])


def _record_or_repeat(event: InboxEvent, record: Callable[[InboxEvent], Conversion]) -> Recorded:
    """Insert first: whoever brings the same event at the same moment waits at the constraint until we are done."""
    for _try in range(_TRIES):
        try:
            with transaction.atomic():
                event.pk = None
                event.save(force_insert=True)
                event.answer = _answer(record(event))
                event.save(update_fields=["answer"])
                hint_after_commit("conversion_recorded")
        except IntegrityError as error:
            constraint = broken_constraint(error)
            if constraint in _KNOWN_EVENT:
                return Recorded(answer=_earlier_event(event).answer, is_repeat=True)
            if constraint not in _RACED:
                raise
        else:
            log.info("event_recorded", inbox_event=event.pk, kind=event.kind)
            return Recorded(answer=event.answer, is_repeat=False)
    raise RuntimeError(f"Event {event.event_id} met the rows of others {_TRIES} times and found them never.")


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


def _answer(conversion: Conversion) -> dict[str, Any]:
    campaign, creative, partner = conversion.campaign, conversion.creative, conversion.partner
    credited = {
        "campaign": campaign.name if campaign else None,
        "campaign_id": campaign.pk if campaign else None,
        "creative": creative.name if creative else None,
        "partner": partner.tag if partner else None,
    }
    return {
        "status": "recorded",
        "conversion_id": conversion.pk,
        "first_deposit": conversion.is_first_deposit,
        "credited_to": credited if campaign or partner else None,
    }
