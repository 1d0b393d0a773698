"""Recorded events as answers: one event, or an array whose bad elements do not sink the good ones."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from conversions.api.errors import WebhookError
from conversions.dialects.reading import MalformedEvent
from conversions.domain.inbox import ConversionConflict, Recorded
from conversions.domain.intake import record_event
from conversions.domain.reported import Reported
from conversions.models import Platform

MAX_EVENTS = 1000

Parse = Callable[[Any], Reported]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one event, as its sender is told."""

    status: int
    answer: dict[str, Any]
    event_id: str = ""


def record_or_refuse(record: Callable[[], Recorded]) -> Recorded:
    """Return what `record` recorded; raises the error that the sender of a bad event is answered."""
    try:
        return record()
    except MalformedEvent as error:
        raise WebhookError(400, error.code, str(error), field=error.field) from error
    except ConversionConflict as error:
        raise WebhookError(409, error.code, f"{error}; the first report stands.", field=error.field) from error


def status_of(recorded: Recorded) -> int:
    """Return 201 for what is new, 200 for a repeat, 202 for what waits in quarantine."""
    if recorded.is_quarantined:
        return 202
    return 200 if recorded.is_repeat else 201


def record_each(
    elements: Sequence[Any], parse: Parse, *, platform: Platform, message_id: str, at: datetime
) -> list[Outcome]:
    """Record each element in a transaction of its own; a bad one gets its error, the others are recorded.

    `message_id` names the message that brought them all; empty where the platform gives none.
    """
    return [_record_element(element, parse, platform=platform, message_id=message_id, at=at) for element in elements]


def message_id_of(event_id: str, message_id: str = "") -> str:
    """Return what the inbox knows one event's message by: an array's events share a message, not an id."""
    digest = hashlib.sha256(event_id.encode()).hexdigest()[:32]
    return f"{message_id}#{digest}" if message_id else f"event#{digest}"


def _record_element(element: Any, parse: Parse, *, platform: Platform, message_id: str, at: datetime) -> Outcome:
    event_id = ""
    try:
        if not isinstance(element, dict):
            raise WebhookError(400, "wrong_type", "Each event must be an object.")
        given = element.get("event_id")
        event_id = given if isinstance(given, str) else ""

        def record() -> Recorded:
            reported = parse(element)
            webhook_id = message_id_of(reported.event_id, message_id)
            return record_event(reported, platform=platform, webhook_id=webhook_id, at=at)

        recorded = record_or_refuse(record)
    except WebhookError as error:
        return Outcome(status=error.status_code, answer=error.body(), event_id=event_id)
    return Outcome(status=status_of(recorded), answer=recorded.answer, event_id=event_id)
