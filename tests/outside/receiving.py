"""What the receivers got, read back into the words of the model."""

import json
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from tests.outside.expected import Told
from tests.outside.receivers import ReceivedRequest, Receiver

EVENTS = {"CompleteRegistration": "registration", "Purchase": "first_deposit"}


def read_told(receiver: Receiver) -> list[Told]:
    """Return what the receivers took, in the model's words; a Meta event says where it came from by its fbc."""
    told = [_read_meta(event) for event in receiver.meta.accepted + receiver.meta.repeats]
    for path, name in (("/s2s", "s2s"), ("/partner", "partner")):
        told += [_read_query(name, request) for request in _accepted(receiver, path)]
    return told


def doubles(receiver: Receiver) -> list[str]:
    """Return what was told twice under the id that receivers de-duplicate on."""
    queries = [request.query for path in ("/s2s", "/partner") for request in _accepted(receiver, path)]
    ids = Counter((query["transaction_id"], query["event"], query["status"]) for query in queries)
    twice = [" ".join(found) for found, times in ids.items() if times > 1]
    return twice + [f"{event['event_name']} {event['event_id']}" for event in receiver.meta.repeats]


def missing_and_unexpected(expected: list[Told], got: list[Told]) -> Iterator[str]:
    """Yield in words what should have come and did not, and what came and should not have."""
    wanted, found = Counter(expected), Counter(got)
    yield from (f"missing: {told}" for told in (wanted - found).elements())
    yield from (f"unexpected: {told}" for told in (found - wanted).elements())


def fbc_of(click_id: str, fbclid: str) -> str:
    """Return Meta's form of its click id: first seen when our click happened, the first 48 bits of our click id."""
    return f"fb.1.{int(click_id[:12], 16):013d}.{fbclid}" if click_id else ""


def _accepted(receiver: Receiver, path: str) -> list[ReceivedRequest]:
    return [request for request in receiver.requests(path) if request.status == 200]


def _read_meta(event: dict[str, Any]) -> Told:
    custom = event.get("custom_data") or {}
    value = custom.get("value")
    return Told(
        receiver="meta",
        event=EVENTS.get(event["event_name"], event["event_name"]),
        is_correction=False,
        click_id="",
        external_id=str(event["user_data"].get("fbc", "")),
        amount=None if value is None else Decimal(json.dumps(value)),
        currency=str(custom["currency"]).upper() if "currency" in custom else None,
    )


def _read_query(name: str, request: ReceivedRequest) -> Told:
    query = request.query
    amount = query.get("payout" if name == "partner" else "amount")
    return Told(
        receiver=name,
        event=query.get("event", ""),
        is_correction=query.get("status") == "rejected",
        click_id=query.get("click_id", ""),
        external_id=query.get("external_id", ""),
        amount=Decimal(amount) if amount else None,
        currency=query.get("currency") or None,
    )


def as_received(told: Told) -> Told:
    """Return what a message looks like when it arrives: Meta hears no click id of ours, and its own only as fbc."""
    if told.receiver != "meta":
        return told
    return Told(
        receiver="meta",
        event=told.event,
        is_correction=told.is_correction,
        click_id="",
        external_id=fbc_of(told.click_id, told.external_id),
        amount=told.amount,
        currency=told.currency,
    )
