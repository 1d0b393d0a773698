"""What a pasted request would record at an endpoint, found out by recording it and taking it all back."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.http import QueryDict

from conversions.api.errors import WebhookError
from conversions.api.postbacks import arrival_at, elements_of
from conversions.api.recording import Outcome, receive_one
from conversions.dialects.dialect import Message
from conversions.dialects.registry import parse
from conversions.models import Endpoint, InboxEvent
from tracker_project.common.strict_json import MalformedJson, parse_value

MOST_TRIED = 20


@dataclass(frozen=True, kw_only=True)
class Tried:
    """What one event of a pasted request would come to: our status and answer, and the event in our words."""

    status: int
    answer: dict[str, Any]
    kind: str
    terms: dict[str, Any]
    content: dict[str, Any]
    dropped: list[str]


def try_request(endpoint: Endpoint, text: str, *, at: datetime) -> list[Tried]:
    """Return what a pasted address, form or JSON body would record, at most twenty events of it; records nothing.

    The key is not asked for. Raises `WebhookError` where no event can be found in the text.
    """
    elements = elements_of(message_of(text), endpoint)[:MOST_TRIED]
    arrival = arrival_at(endpoint, at=at)
    tried = []
    with transaction.atomic():
        for element in elements:
            outcome = receive_one(arrival, element, lambda fields: parse(fields, endpoint, at=at))
            tried.append(_tried(outcome))
        transaction.set_rollback(True)
    return tried


def message_of(text: str) -> Message:
    """Return the message that a pasted text is: a JSON body, an address with its parameters, or the parameters."""
    pasted = text.strip()
    if pasted.startswith(("{", "[")):
        return Message(
            parameters=_flat(pasted), headers={}, body=pasted.encode("utf-8", "replace"), media_type="application/json"
        )
    query = pasted.partition("?")[2] if "?" in pasted else pasted
    if "=" not in query:
        raise WebhookError(400, "nothing_to_read", "Paste a JSON body, or an address with its parameters.")
    parameters = QueryDict(query.partition("#")[0])
    return Message(parameters=parameters.dict(), headers={}, body=b"", media_type="")


def _flat(pasted: str) -> dict[str, Any]:
    value = parse_pasted(pasted)
    return value if isinstance(value, dict) else {}


def parse_pasted(pasted: str) -> Any:
    """Return the JSON value of a pasted body; raises `WebhookError`."""
    try:
        return parse_value(pasted.encode("utf-8", "replace"))
    except MalformedJson as error:
        raise WebhookError(400, "malformed_json", str(error)) from error


def _tried(outcome: Outcome) -> Tried:
    event = InboxEvent.objects.filter(pk=outcome.event_pk).first() if outcome.event_pk else None  # at most one
    return Tried(
        status=outcome.status,
        answer=outcome.answer,
        kind=event.get_kind_display() if event else "",
        terms=event.terms if event else {},
        content=outcome.scrubbed.content,
        dropped=outcome.scrubbed.dropped,
    )
