"""Read a postback's fields strictly: each is what Apple documents, or is refused by its name."""

import re
import unicodedata
from collections.abc import Collection
from typing import Any

from conversions.apple.reported import MalformedPostback
from conversions.models import AppPostback
from tracker_project.common.strict_json import is_fraction

_GREATEST_APP_ID = 2**63 - 1
_SOURCE_IDENTIFIER = re.compile(r"[0-9]{2,4}", re.ASCII)
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)


def text(body: dict[str, Any], name: str, *, longest: int = 100) -> str:
    value = body.get(name)
    if value is None:
        raise MalformedPostback("missing", f"{name} is required.", name)
    if not isinstance(value, str) or is_fraction(value):
        raise MalformedPostback("wrong_type", f"{name} must be a string.", name)
    if not value or len(value) > longest:
        raise MalformedPostback("wrong_length", f"{name} must have 1 to {longest} characters.", name)
    # Format characters too: Apple joins what it signs with one of them, U+2063, which must not stand inside a value.
    if value != value.strip() or any(unicodedata.category(character)[0] == "C" for character in value):
        raise MalformedPostback(
            "bad_characters", f"{name} must not hold control characters or begin or end with blanks.", name
        )
    return value


def optional_text(body: dict[str, Any], name: str, *, longest: int = 100) -> str:
    return "" if body.get(name) is None else text(body, name, longest=longest)


def choice(body: dict[str, Any], name: str, allowed: Collection[str]) -> str:
    value = text(body, name)
    if value not in allowed:
        raise MalformedPostback("unknown_value", f"{name} must be one of {', '.join(allowed)}.", name)
    return value


def flag(body: dict[str, Any], name: str) -> bool:
    value = body.get(name)
    if value is None:
        raise MalformedPostback("missing", f"{name} is required.", name)
    if not isinstance(value, bool):
        raise MalformedPostback("wrong_type", f"{name} must be true or false.", name)
    return value


def number(body: dict[str, Any], name: str, *, least: int, greatest: int) -> int:
    value = body.get(name)
    if value is None:
        raise MalformedPostback("missing", f"{name} is required.", name)
    if type(value) is not int:  # true and false are numbers to Python
        raise MalformedPostback("wrong_type", f"{name} must be a whole number.", name)
    if not least <= value <= greatest:
        raise MalformedPostback("out_of_range", f"{name} must be from {least} to {greatest}.", name)
    return value


def optional_number(body: dict[str, Any], name: str, *, least: int, greatest: int) -> int | None:
    return None if body.get(name) is None else number(body, name, least=least, greatest=greatest)


def app_id(body: dict[str, Any], name: str) -> int:
    return number(body, name, least=1, greatest=_GREATEST_APP_ID)


def optional_source_app_id(body: dict[str, Any], name: str) -> int | None:
    """Return the app that showed the ad: 0 for a build that is not from the App Store."""
    return optional_number(body, name, least=0, greatest=_GREATEST_APP_ID)


def source_identifier(body: dict[str, Any], name: str) -> str:
    value = text(body, name)
    if not _SOURCE_IDENTIFIER.fullmatch(value):
        raise MalformedPostback("bad_source_identifier", f"{name} must be two to four digits.", name)
    return value


def country(body: dict[str, Any], name: str) -> str:
    value = optional_text(body, name).upper()
    if value and not _COUNTRY.fullmatch(value):
        raise MalformedPostback("bad_country", f"{name} must be two letters, as in MT.", name)
    return value


def fine_value(body: dict[str, Any]) -> int | None:
    return optional_number(body, "conversion-value", least=0, greatest=63)


def coarse_value(body: dict[str, Any]) -> str:
    """Return the coarse conversion value, which a postback has only where it has no fine one."""
    name = "coarse-conversion-value"
    value = "" if body.get(name) is None else choice(body, name, AppPostback.CoarseValue.values)
    if value and body.get("conversion-value") is not None:
        raise MalformedPostback("two_values", f"A postback has either conversion-value or {name}, not both.", name)
    return value
