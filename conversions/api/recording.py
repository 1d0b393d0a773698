"""Events as they arrive: parted from personal data, recorded, kept beside our answer."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from conversions.api.errors import error_body
from conversions.dialects.dialect import IgnoredEvent
from conversions.dialects.reading import MalformedEvent
from conversions.domain.inbox import ConversionConflict, Recorded
from conversions.domain.intake import record_event
from conversions.domain.privacy import Scrubbed, scrub
from conversions.domain.reported import Reported
from conversions.domain.requests import keep_request, keep_tokens
from conversions.models import Endpoint, Platform

_KEPT_ELEMENTS = 1000

Parse = Callable[[dict[str, Any]], Reported]
_NOTHING = Scrubbed(fields={}, content={})


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """Where a proven sender's request arrived.

    `known` are the fields that are read there, `secrets` those that prove the sender. `is_sample`: we sent it.
    """

    platform: Platform
    endpoint: Endpoint | None = None
    address: str
    at: datetime
    known: frozenset[str]
    secrets: frozenset[str] = field(default_factory=frozenset)
    is_sample: bool = False


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one event, as its sender is told."""

    status: int
    answer: dict[str, Any]
    event_id: str = ""
    event_pk: int = 0
    scrubbed: Scrubbed = _NOTHING


Also = Callable[[Outcome], None]


def receive_one(arrival: Arrival, fields: Any, parse: Parse, *, webhook_id: str = "") -> Outcome:
    """Record one event and keep its request, in one transaction."""

    def keep(outcome: Outcome) -> None:
        _keep(arrival, [outcome], status=outcome.status, answer=outcome.answer)

    return _record(arrival, fields, parse, lambda event_id: webhook_id or message_id_of(event_id), keep)


def receive_each(arrival: Arrival, elements: Sequence[Any], parse: Parse, *, message_id: str = "") -> list[Outcome]:
    """Record each element in a transaction of its own: a bad one gets its error, the others are recorded.

    `message_id` names the message that brought them all; empty where the platform gives none.
    """
    outcomes = [
        _record(arrival, element, parse, lambda event_id: message_id_of(event_id, message_id), _keep_later)
        for element in elements
    ]
    _keep(arrival, outcomes, status=207, answer=results_of(outcomes[:_KEPT_ELEMENTS]))
    return outcomes


def _keep_later(outcome: Outcome) -> None:
    """Do nothing yet: the request brought other events too."""


def keep_refused(arrival: Arrival, *, status: int, answer: dict[str, Any]) -> None:
    """Keep that a proven sender's message could not be read at all."""
    _keep(arrival, [], status=status, answer=answer)


def results_of(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Return what the sender of an array is told of each of its elements."""
    return [
        {"index": index, "event_id": outcome.event_id, "status": outcome.status, "answer": outcome.answer}
        for index, outcome in enumerate(outcomes)
    ]


def message_id_of(event_id: str, message_id: str = "") -> str:
    """Return what the inbox knows one event's message by: an array's events share a message, not an id."""
    digest = hashlib.sha256(event_id.encode()).hexdigest()[:32]
    return f"{message_id}#{digest}" if message_id else f"event#{digest}"


def _record(
    arrival: Arrival,
    fields: Any,
    parse: Parse,
    name_message: Callable[[str], str],
    also: Also,
) -> Outcome:
    """Return what became of one event; `also` writes with it, in its transaction where it is recorded."""
    if not isinstance(fields, dict):
        outcome = Outcome(status=400, answer=error_body("wrong_type", "Each event must be an object."))
        also(outcome)
        return outcome
    scrubbed = scrub(fields, known=arrival.known, secret=arrival.secrets)
    try:
        reported = parse(scrubbed.fields)
    except IgnoredEvent:
        outcome = Outcome(status=200, answer={"status": "ignored"}, scrubbed=scrubbed)
    except MalformedEvent as error:
        answer = error_body(error.code, str(error), field=error.field or None)
        outcome = Outcome(status=400, answer=answer, event_id=_given_id(scrubbed), scrubbed=scrubbed)
    else:
        return _record_reported(arrival, reported, scrubbed, name_message, also)
    also(outcome)
    return outcome


def _record_reported(
    arrival: Arrival,
    reported: Reported,
    scrubbed: Scrubbed,
    name_message: Callable[[str], str],
    also: Also,
) -> Outcome:
    event_id = _given_id(scrubbed) or reported.event_id

    def outcome_of(recorded: Recorded) -> Outcome:
        return Outcome(
            status=_status_of(recorded),
            answer=recorded.answer,
            event_id=event_id,
            event_pk=recorded.event_pk,
            scrubbed=scrubbed,
        )

    def keep(recorded: Recorded) -> None:
        player_id = reported.player_id or reported.named_click
        keep_tokens(scrubbed, platform=arrival.platform, player_id=player_id, event_pk=recorded.event_pk, at=arrival.at)
        also(outcome_of(recorded))

    try:
        return outcome_of(
            record_event(
                reported,
                platform=arrival.platform,
                endpoint=arrival.endpoint,
                webhook_id=name_message(reported.event_id),
                at=arrival.at,
                also=keep,
            )
        )
    except ConversionConflict as error:
        answer = error_body(error.code, f"{error}; the first report stands.", field=error.field)
        outcome = Outcome(status=409, answer=answer, event_id=event_id, scrubbed=scrubbed)
    also(outcome)
    return outcome


def _given_id(scrubbed: Scrubbed) -> str:
    given = scrubbed.content.get("event_id")
    return given if isinstance(given, str) else ""


def _status_of(recorded: Recorded) -> int:
    """Return 201 for what is new, 200 for a repeat, 202 for what waits in quarantine."""
    if recorded.is_quarantined:
        return 202
    return 200 if recorded.is_repeat else 201


def _keep(arrival: Arrival, outcomes: Sequence[Outcome], *, status: int, answer: Any) -> None:
    keep_request(
        [outcome.scrubbed for outcome in outcomes[:_KEPT_ELEMENTS]],
        platform=arrival.platform,
        endpoint=arrival.endpoint,
        address=arrival.address,
        status=status,
        answer=answer,
        at=arrival.at,
        is_sample=arrival.is_sample,
    )
