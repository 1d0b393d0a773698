"""What a dialect is: how a platform proves who it is, where the events stand in its message, what each one says."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from conversions.dialects.reading import MalformedEvent
from conversions.domain.endpoint_keys import hash_key
from conversions.domain.reported import Reported
from conversions.models import Endpoint

Fields = dict[str, Any]

MAX_BODY_BYTES = 256 * 1024
MAX_EVENTS = 1000


class NotAuthentic(Exception):
    """The request does not show that the endpoint's platform sent it; `code` is for the sender."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class IgnoredEvent(Exception):
    """The platform sends something that is no event, such as a ping: answered, and not recorded."""


@dataclass(frozen=True, kw_only=True)
class Message:
    """A request as it arrived: its parameters, headers (names in small letters) and raw body."""

    parameters: Mapping[str, Any]
    headers: Mapping[str, str]
    body: bytes
    media_type: str
    path_key: str = ""


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """One platform's way of speaking.

    `known` are the fields that `parse` reads (paths, with dots): nothing else of an event is passed to it or kept.
    `secrets` are fields that prove the sender, or name a device: passed to `parse` and kept nowhere. `answer` turns
    what was recorded into what the platform wants to read, where that is not our JSON. `is_json`: `read` takes the
    body's JSON itself. `is_array`: `read` returns any number of events, answered together with `array_status`;
    `answers_one`: a single one is answered like a postback.
    """

    known: frozenset[str]
    parse: Callable[[Fields, Endpoint, datetime], Reported]
    read: Callable[[Message, Endpoint], list[Any]]
    authenticate: Callable[[Message, Endpoint], None]
    secrets: frozenset[str] = field(default_factory=frozenset)
    answer: Callable[[Fields], str] | None = None
    is_array: bool = False
    is_json: bool = False
    answers_one: bool = False
    array_status: int = 207
    longest_body: int = MAX_BODY_BYTES
    most_events: int = MAX_EVENTS


def shows_key(endpoint: Endpoint, key: str) -> bool:
    """Say whether `key` is the endpoint's, or the one before while its sender changes over; in constant time."""
    shown = hash_key(key)
    held = [endpoint.key_hash, endpoint.previous_key_hash or endpoint.key_hash]
    return any([hmac.compare_digest(shown, each) for each in held])  # noqa: C419 (both, always)


def derived_event_id(*parts: str) -> str:
    """Return the id of an event whose platform gives none: the same for whatever says the same."""
    return "derived:" + hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:40]


def unreadable(message: str) -> MalformedEvent:
    return MalformedEvent("malformed_message", message, "")
