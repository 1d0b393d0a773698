"""What the adapter of one kind of destination has to offer, and the words that all of them share."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

from conversions.domain.lifetime_value import net_revenue_so_far, worth_so_far
from conversions.models import Conversion, Destination, Postback, PostbackAttempt
from tracker_project.common.egress import Answer, OutgoingRequest
from tracker_project.common.money import Money, round_money

Outcome = PostbackAttempt.Outcome

# Statuses that say "not now" whoever says them.
RETRY_STATUSES = frozenset({408, 425, 429})
# Advertising platforms know ISO 4217 only: these are told in the reporting currency.
CRYPTO = frozenset({"BTC", "DOGE", "ETH", "LTC", "SOL", "TRX", "USDC", "USDT", "XRP"})


class Unsendable(Exception):
    """The message can never be sent as it is; the text says why."""


class NothingToTell(Unsendable):
    """The receiver could make nothing of the message, and nobody has to mend anything: it is not owed at all."""


class NotAuthorized(Exception):
    """No request could be made, since the receiver's credentials gave no access; the verdict says what follows."""

    def __init__(self, verdict: "Verdict") -> None:
        super().__init__(verdict.reason)
        self.verdict = verdict


class Authorization(Protocol):
    """How a request gets access that has to be asked for over the network, in the thread that sends."""

    def apply(self, prepared: "PreparedRequest") -> "PreparedRequest":
        """Return the request with its access, and the access among its secrets; raises `NotAuthorized`."""

    def forget(self) -> None:
        """Ask anew next time: the access was refused."""


@dataclass(frozen=True, kw_only=True)
class PreparedRequest:
    """A request that is ready to go, how it may be shown to people, and what no record of the answer may contain."""

    request: OutgoingRequest
    shown: str
    secrets: tuple[str, ...] = ()
    authorization: Authorization | None = None


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What an answer means; `pauses_destination` when nothing will get through until a person mends something.

    `receipt` is by what the receiver says later what became of it. `culprits` are the positions of the events for
    which a request was refused as a whole, as far as the answer names them. `each` has a verdict for every event, in
    their order, where the answer judges them one by one. `retry_after` is what the answer's body asks for.
    """

    outcome: Outcome
    reason: str = ""
    pauses_destination: bool = False
    receipt: str = ""
    culprits: frozenset[int] = frozenset()
    each: tuple["Verdict", ...] = ()
    retry_after: timedelta | None = None


class Adapter(Protocol):
    """One file a vendor: build the request from an allow-list of facts, classify the answer."""

    def build_request(self, postback: Postback, *, at: datetime) -> PreparedRequest:
        """Return the request for a postback; raises `Unsendable`. Reads its destination, conversion and player."""

    def build_test_request(self, destination: Destination, *, at: datetime) -> PreparedRequest:
        """Return a request that tries the destination without telling of anybody; raises `Unsendable`."""

    def classify_answer(self, answer: Answer) -> Verdict:
        """Say what an answer means."""


class BatchAdapter(Adapter, Protocol):
    """One that takes many events in a request, so that each is checked before it joins the others."""

    MAX_EVENTS: int
    # How long requests to one destination are apart at least, where a platform counts requests.
    PAUSE_SECONDS: float
    # Whether corrections share no request with new events.
    CORRECTS_APART: bool

    def build_event(self, postback: Postback, *, at: datetime) -> str:
        """Return a postback's event as JSON; raises `Unsendable` for what would sink its request."""

    def combine(self, destination: Destination, events: Sequence[str], *, at: datetime) -> PreparedRequest:
        """Return the request that carries `events`."""

    def classify_answer(self, answer: Answer, *, events: int = 1) -> Verdict:
        """Say what an answer to a request of so many events means."""


class ConfirmingAdapter(BatchAdapter, Protocol):
    """One whose receiver accepts first and says later what became of it."""

    def build_inquiry(self, destination: Destination, receipt: str, *, at: datetime) -> PreparedRequest:
        """Return the request that asks what became of what `receipt` names."""

    def classify_inquiry(self, answer: Answer, *, events: int) -> Verdict:
        """Say what became of so many events; `ACCEPTED` while it is not known."""


def click_fact(postback: Postback, name: str) -> str:
    """Return a text of the credited click such as `external_id`, or ""."""
    facts: Mapping[str, object] = postback.conversion.player.click_facts or {}
    return str(facts.get(name) or "")


def platform_click_id(postback: Postback, name: str) -> str:
    """Return the click id that a platform gave the credited click under `name`, byte for byte, or ""."""
    facts: Mapping[str, Any] = postback.conversion.player.click_facts or {}
    return str((facts.get("platform_click_ids") or {}).get(name) or "")


def told_at(postback: Postback) -> datetime:
    """Return when it happened; a platform whose clock runs ahead must not place an event in a receiver's future."""
    return min(postback.conversion.occurred_at, postback.conversion.received_at)


def event_name(postback: Postback, usual: Mapping[str, str]) -> str:
    """Return the event's name on the receiver's side: the destination's own, else the usual one."""
    return str(getattr(postback.destination, f"{postback.event}_name")) or usual[postback.event]


def told_value(postback: Postback) -> Money | None:
    """Return what a platform is told that it is worth, in a currency that platforms know; None where no value is told.

    A reversal is worth nothing. What the player is worth so far is read anew at each try. Raises `Unsendable` for a
    crypto amount without an exchange rate.
    """
    money = chosen_value(postback)
    if money is None:
        return None
    if money.currency in CRYPTO:
        money = _in_reporting_currency(postback.conversion)
    amount = Decimal(0) if postback.is_reversal else money.amount
    return Money(amount=round_money(amount, money.currency), currency=money.currency)


def chosen_value(postback: Postback) -> Money | None:
    """Return the value that the destination asks for, in whatever currency it has, or None."""
    conversion, destination = postback.conversion, postback.destination
    is_deposit = conversion.amount is not None and conversion.currency is not None
    match destination.value_kind:
        case Destination.Value.FIXED:
            return Money(amount=destination.fixed_value, currency=str(destination.fixed_currency))
        case Destination.Value.SO_FAR if is_deposit:
            return worth_so_far(conversion.player)
        case Destination.Value.PREDICTED if is_deposit:
            return _predicted_value(postback)
        case Destination.Value.NGR if is_deposit:
            ngr = net_revenue_so_far(conversion.player)
            # No platform takes a negative value.
            return Money(amount=max(ngr.amount, Decimal(0)), currency=ngr.currency)
        case Destination.Value.DEPOSIT if is_deposit:
            return Money(amount=conversion.amount, currency=str(conversion.currency))
        case _:
            return None


def _predicted_value(postback: Postback) -> Money:
    """Return the prediction as it stood when the postback was written; one from before that has none says less."""
    if postback.predicted_value is None:
        return worth_so_far(postback.conversion.player)
    return Money(amount=postback.predicted_value, currency=str(postback.predicted_currency))


def _in_reporting_currency(conversion: Conversion) -> Money:
    if conversion.reporting_amount is None or conversion.reporting_currency is None:
        raise Unsendable(f"Platforms do not know {conversion.currency}, and no exchange rate was known.")
    return Money(amount=conversion.reporting_amount, currency=conversion.reporting_currency)


def with_numbers(event: Mapping[str, Any], numbers: Mapping[str, Decimal]) -> str:
    """Return an object as JSON with `numbers` in place of the texts `#name` in it, each in its own digits.

    A float would not keep them.
    """
    text = json.dumps(event, separators=(",", ":"))
    for name, number in numbers.items():
        text = text.replace(f'"#{name}"', f"{number:f}", 1)
    return text


def json_object(body: bytes) -> dict[str, Any]:
    """Return the object that an answer's body holds, or an empty one."""
    try:
        parsed = json.loads(body)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}
