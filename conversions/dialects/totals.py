"""A platform's own count of one of its days, as it posts it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from conversions.dialects.reading import Body, MalformedEvent, day, instant, text
from conversions.domain.day_reports import COUNTED, ReportedDay
from conversions.domain.privacy import scrub
from tracker_project.common.money import Money, is_currency, parse_amount
from tracker_project.common.strict_json import is_fraction

KNOWN = frozenset(["event_id", "on_date", "counted_at", "deposit_amounts", *COUNTED, *COUNTED.values()])
MOST_IDS = 100_000
# Ids of 40 characters each, in three lists.
MAX_BODY_BYTES = 16 * 1024 * 1024

_LARGEST_COUNT = 10**9
_MOST_CURRENCIES = 50
_LONGEST_ID = 200


def parse_totals(body: dict[str, Any], *, at: datetime) -> ReportedDay:
    """Return the count that `body` reports; raises `MalformedEvent`. Unknown keys are dropped."""
    ids = {name: _ids(body, listed) for name, listed in COUNTED.items() if body.get(listed) is not None}
    counts = {name: _count(body, name) for name in COUNTED if body.get(name) is not None}
    _refuse_other_lengths(counts, ids)
    amounts = None if body.get("deposit_amounts") is None else _amounts(body["deposit_amounts"])
    if not counts and not ids and amounts is None:
        raise MalformedEvent("missing", f"Say at least one of {', '.join(COUNTED)} or deposit_amounts.", "deposits")
    return ReportedDay(
        event_id=text(body, "event_id"),
        on_date=day(body, "on_date", at=at),
        counted_at=instant(body, "counted_at", at=at),
        counts={name: len(listed) for name, listed in ids.items()} | counts,
        ids=ids,
        amounts=amounts,
    )


def _count(body: Body, name: str) -> int:
    value = body[name]
    if isinstance(value, bool) or not isinstance(value, int):
        raise MalformedEvent("wrong_type", f"{name} must be a whole number.", name)
    if not 0 <= value <= _LARGEST_COUNT:
        raise MalformedEvent("bad_count", f"{name} must be 0 to {_LARGEST_COUNT}.", name)
    return value


def _ids(body: Body, name: str) -> list[str]:
    """Return a list of ids as events carry them: an address in the place of an id becomes its token here too."""
    value = body[name]
    if not isinstance(value, list):
        raise MalformedEvent("wrong_type", f"{name} must be a list of ids.", name)
    if len(value) > MOST_IDS:
        raise MalformedEvent("wrong_length", f"{name} holds at most {MOST_IDS} ids.", name)
    ids = [_id(each, name) for each in value]
    if len(set(ids)) != len(ids):
        raise MalformedEvent("doubled", f"{name} names an id twice.", name)
    return ids


def _id(value: object, name: str) -> str:
    if not isinstance(value, str) or is_fraction(value):
        raise MalformedEvent("wrong_type", f"{name} must hold strings.", name)
    return text(scrub({"player_id": value}, known=frozenset(["player_id"])).fields, "player_id", longest=_LONGEST_ID)


def _refuse_other_lengths(counts: Mapping[str, int], ids: Mapping[str, Sequence[str]]) -> None:
    for name, listed in ids.items():
        if name in counts and counts[name] != len(listed):
            said = f"{name} is {counts[name]}, but {COUNTED[name]} names {len(listed)}."
            raise MalformedEvent("contradiction", said, name)


def _amounts(value: object) -> list[Money]:
    if not isinstance(value, dict):
        raise MalformedEvent(
            "wrong_type", 'deposit_amounts must be an object, as in {"EUR": "120.00"}.', "deposit_amounts"
        )
    if len(value) > _MOST_CURRENCIES:
        raise MalformedEvent("wrong_length", "deposit_amounts names too many currencies.", "deposit_amounts")
    return [_money(currency, amount) for currency, amount in value.items()]


def _money(currency: str, amount: object) -> Money:
    field = "deposit_amounts"
    if not is_currency(currency):
        raise MalformedEvent("unknown_currency", f"{field} is by ISO 4217 codes in capitals, as in EUR.", field)
    if not isinstance(amount, str) or is_fraction(amount):
        raise MalformedEvent("wrong_type", f'{field} holds strings, as in "120.00".', field)
    try:
        return Money(amount=parse_amount(amount, currency), currency=currency)
    except ValueError as error:
        raise MalformedEvent("bad_amount", f"{field}: {error}.", field) from error
