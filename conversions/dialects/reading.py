"""Readers of single fields, for every dialect: each returns what a field says or names the field that is wrong."""

import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from conversions.models import Conversion
from tracker_project.common.money import Money, is_currency, parse_amount
from tracker_project.common.strict_json import is_fraction

Body = Mapping[str, Any]

_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_CLOCK_TOLERANCE = timedelta(minutes=5)
_COUNTRY_LETTERS = 2


class MalformedEvent(ValueError):
    """The event cannot be recorded as it is: `field` says where, `code` and the message say why."""

    def __init__(self, code: str, message: str, field: str) -> None:
        super().__init__(message)
        self.code = code
        self.field = field


def text(body: Body, name: str, *, longest: int = 200) -> str:
    """Return a string that must be there, printable and without blanks around it."""
    value = body.get(name)
    if value is None:
        raise MalformedEvent("missing", f"{name} is required.", name)
    if not isinstance(value, str) or is_fraction(value):
        raise MalformedEvent("wrong_type", f"{name} must be a string.", name)
    if not value or len(value) > longest:
        raise MalformedEvent("wrong_length", f"{name} must have 1 to {longest} characters.", name)
    if value != value.strip() or any(unicodedata.category(character)[0] == "C" for character in value):
        raise MalformedEvent(
            "bad_characters", f"{name} must not hold control characters or begin or end with blanks.", name
        )
    return value


def optional_text(body: Body, name: str, *, longest: int = 200) -> str:
    """Return a string, or "" where there is none."""
    return "" if body.get(name) in (None, "") else text(body, name, longest=longest)


def one_of(body: Body, name: str, known: list[str]) -> str:
    """Return a word that must be one of `known`."""
    word = text(body, name)
    if word not in known:
        raise MalformedEvent(f"unknown_{name}", f"{name} must be one of {', '.join(known)}.", name)
    return word


def optional_flag(body: Body, name: str, *, path: str = "") -> bool | None:
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise MalformedEvent("wrong_type", f"{path or name} must be true or false.", path or name)
    return value


def sub_object(body: Body, name: str) -> dict[str, Any]:
    """Return an object inside the event, empty where there is none."""
    value = body.get(name)
    if value is not None and not isinstance(value, dict):
        raise MalformedEvent("wrong_type", f"{name} must be an object.", name)
    return value or {}


def country(body: Body, name: str) -> str:
    value = optional_text(body, name).upper()
    if value and (len(value) != _COUNTRY_LETTERS or not value.isascii() or not value.isalpha()):
        raise MalformedEvent("bad_country", f"{name} must be two letters, as in MT.", name)
    return value


def instant(body: Body, name: str, *, at: datetime) -> datetime:
    """Return an RFC 3339 instant in UTC, not before 2000 and not after our clock."""
    written = text(body, name)
    try:
        read = datetime.fromisoformat(written)
    except ValueError as error:
        raise MalformedEvent("bad_time", f"{name} must be written as in 2026-11-22T10:05:00Z.", name) from error
    if read.tzinfo is None:
        raise MalformedEvent("bad_time", f"{name} needs its offset from UTC, as in 2026-11-22T10:05:00Z.", name)
    return plausible(read, name, at=at)


def plausible(read: datetime, name: str, *, at: datetime) -> datetime:
    """Return an instant in UTC; raises `MalformedEvent` for one that our clock cannot believe."""
    try:
        read = read.astimezone(UTC)
    except OverflowError as error:
        raise MalformedEvent("bad_time", f"{name} is not a time of ours.", name) from error
    if read < _EARLIEST:
        raise MalformedEvent("too_early", f"{name} is before the year 2000.", name)
    if read > at + _CLOCK_TOLERANCE:
        raise MalformedEvent("in_the_future", f"{name} is more than five minutes ahead of our clock.", name)
    return read


def day(body: Body, name: str, *, at: datetime) -> date:
    """Return a calendar day such as 2026-11-22, at most one ahead of UTC's."""
    try:
        read = date.fromisoformat(text(body, name))
    except MalformedEvent:
        raise
    except ValueError as error:
        raise MalformedEvent("bad_date", f"{name} must be written as in 2026-11-22.", name) from error
    if not _EARLIEST.date() <= read <= at.date() + timedelta(days=1):
        raise MalformedEvent("bad_date", f"{name} is not a day of ours.", name)
    return read


def deposit_status(body: Body, default_status: str) -> str:
    if body.get("status") is None and default_status:
        return default_status
    return one_of(body, "status", Conversion.Status.values)


def currency_code(body: Body, name: str = "currency") -> str:
    code = text(body, name, longest=5)
    if not is_currency(code):
        raise MalformedEvent("unknown_currency", f"{name} must be an ISO 4217 code in capitals, as in EUR.", name)
    return code


def money(body: Body) -> Money:
    """Return `amount` and `currency`, the amount more than 0."""
    currency = currency_code(body)
    amount = _amount(body, "amount", currency)
    if amount == 0:
        raise MalformedEvent("bad_amount", "amount must be more than 0.", "amount")
    return Money(amount=amount, currency=currency)


def optional_money(body: Body) -> Money | None:
    """Return `amount` and `currency`, the amount of either sign, or None where neither is there."""
    if body.get("amount") is None and body.get("currency") is None:
        return None
    currency = currency_code(body)
    return Money(amount=signed_amount(body, "amount", currency), currency=currency)


def signed_amount(body: Body, name: str, currency: str) -> Decimal:
    """Return an amount that may begin with a minus."""
    written = text(body, name)
    if not written.startswith("-"):
        return _amount(body, name, currency)
    return -_amount({name: written[1:]}, name, currency)


def _amount(body: Body, name: str, currency: str) -> Decimal:
    try:
        return parse_amount(text(body, name), currency)
    except MalformedEvent:
        raise
    except ValueError as error:
        raise MalformedEvent("bad_amount", f"{name}: {error}.", name) from error
