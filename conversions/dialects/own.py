"""Our own JSON: what a platform sends that was written for this tracker."""

import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Any

from attribution.domain.credit import Claim
from conversions.domain.reported import ReportedDeposit, ReportedRegistration
from conversions.models import Conversion
from tracker_project.common.money import Money, is_currency, parse_amount
from tracker_project.common.strict_json import is_fraction

_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_CLOCK_TOLERANCE = timedelta(minutes=5)
_COUNTRY_LETTERS = 2


class MalformedEvent(ValueError):
    """The event cannot be recorded as it is: `field` says where, `code` and the message say why."""

    def __init__(self, code: str, message: str, field: str) -> None:
        super().__init__(message)
        self.code = code
        self.field = field


def parse_registration(body: dict[str, Any], *, at: datetime) -> ReportedRegistration:
    """Return the registration that `body` reports; raises `MalformedEvent`. Unknown keys are dropped."""
    consent = _object(body, "consent")
    return ReportedRegistration(
        event_id=_text(body, "event_id"),
        occurred_at=_instant(body, "occurred_at", at=at),
        player_id=_text(body, "player_id"),
        claim=Claim(
            click_id=_optional_text(body, "click_id").lower(),
            promo_code=_optional_text(body, "promo_code"),
            partner_tag=_optional_text(body, "partner_tag"),
        ),
        country=_country(body, "country"),
        region=_optional_text(body, "region", longest=100),
        consent_ad_user_data=_optional_flag(consent, "ad_user_data", path="consent.ad_user_data"),
        consent_ad_personalization=_optional_flag(consent, "ad_personalization", path="consent.ad_personalization"),
        is_test=bool(_optional_flag(body, "is_test")),
    )


def parse_deposit(body: dict[str, Any], *, default_status: str, at: datetime) -> ReportedDeposit:
    """Return the deposit that `body` reports; raises `MalformedEvent`. Unknown keys are dropped.

    `default_status` stands for a missing status; empty when the platform must name one.
    """
    return ReportedDeposit(
        event_id=_text(body, "event_id"),
        transaction_id=_text(body, "transaction_id"),
        status=_status(body, default_status),
        occurred_at=_instant(body, "occurred_at", at=at),
        player_id=_text(body, "player_id"),
        money=_money(body),
        product=_optional_text(body, "product", longest=50),
        is_test=bool(_optional_flag(body, "is_test")),
    )


def _text(body: dict[str, Any], name: str, *, longest: int = 200) -> str:
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


def _optional_text(body: dict[str, Any], name: str, *, longest: int = 200) -> str:
    return "" if body.get(name) in (None, "") else _text(body, name, longest=longest)


def _optional_flag(body: dict[str, Any], name: str, *, path: str = "") -> bool | None:
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise MalformedEvent("wrong_type", f"{path or name} must be true or false.", path or name)
    return value


def _object(body: dict[str, Any], name: str) -> dict[str, Any]:
    value = body.get(name)
    if value is not None and not isinstance(value, dict):
        raise MalformedEvent("wrong_type", f"{name} must be an object.", name)
    return value or {}


def _country(body: dict[str, Any], name: str) -> str:
    value = _optional_text(body, name).upper()
    if value and (len(value) != _COUNTRY_LETTERS or not value.isascii() or not value.isalpha()):
        raise MalformedEvent("bad_country", f"{name} must be two letters, as in MT.", name)
    return value


def _instant(body: dict[str, Any], name: str, *, at: datetime) -> datetime:
    text = _text(body, name)
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise MalformedEvent("bad_time", f"{name} must be written as in 2026-11-22T10:05:00Z.", name) from error
    if instant.tzinfo is None:
        raise MalformedEvent("bad_time", f"{name} needs its offset from UTC, as in 2026-11-22T10:05:00Z.", name)
    try:
        instant = instant.astimezone(UTC)
    except OverflowError as error:
        raise MalformedEvent("bad_time", f"{name} is not a time of ours.", name) from error
    if instant < _EARLIEST:
        raise MalformedEvent("too_early", f"{name} is before the year 2000.", name)
    if instant > at + _CLOCK_TOLERANCE:
        raise MalformedEvent("in_the_future", f"{name} is more than five minutes ahead of our clock.", name)
    return instant


def _status(body: dict[str, Any], default_status: str) -> str:
    if body.get("status") is None and default_status:
        return default_status
    status = _text(body, "status")
    if status not in Conversion.Status.values:
        raise MalformedEvent(
            "unknown_status", f"status must be one of {', '.join(Conversion.Status.values)}.", "status"
        )
    return status


def _money(body: dict[str, Any]) -> Money:
    currency = _text(body, "currency", longest=5)
    if not is_currency(currency):
        raise MalformedEvent(
            "unknown_currency", "currency must be an ISO 4217 code in capitals, as in EUR.", "currency"
        )
    try:
        amount = parse_amount(_text(body, "amount"), currency)
    except MalformedEvent:
        raise
    except ValueError as error:
        raise MalformedEvent("bad_amount", f"amount: {error}.", "amount") from error
    if amount == 0:
        raise MalformedEvent("bad_amount", "amount must be more than 0.", "amount")
    return Money(amount=amount, currency=currency)
