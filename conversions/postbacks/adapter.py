"""What the adapter of one kind of destination has to offer, and the words that all of them share."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from conversions.models import Postback, PostbackAttempt
from tracker_project.common.egress import Answer, OutgoingRequest

Outcome = PostbackAttempt.Outcome

# Statuses that say "not now" whoever says them.
RETRY_STATUSES = frozenset({408, 425, 429})


class Unsendable(Exception):
    """The message can never be sent as it is; the text says why."""


@dataclass(frozen=True, kw_only=True)
class PreparedRequest:
    """A request that is ready to go, how it may be shown to people, and what no record of the answer may contain."""

    request: OutgoingRequest
    shown: str
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What an answer means; `pauses_destination` when nothing will get through until a person mends something."""

    outcome: Outcome
    reason: str = ""
    pauses_destination: bool = False


class Adapter(Protocol):
    """One file a vendor: build the request from an allow-list of facts, classify the answer."""

    def build_request(self, postback: Postback, *, at: datetime) -> PreparedRequest:
        """Return the request for a postback; raises `Unsendable`. Reads its destination, conversion and player."""

    def classify_answer(self, answer: Answer) -> Verdict:
        """Say what an answer means."""


def click_fact(postback: Postback, name: str) -> str:
    """Return a text of the credited click such as `external_id`, or ""."""
    facts: Mapping[str, object] = postback.conversion.player.click_facts or {}
    return str(facts.get(name) or "")
