"""Read JSON from strangers: no doubled keys, no NaN, no endless nesting, text that can be stored."""

import json
from typing import Any

MAX_DEPTH = 32


class MalformedJson(ValueError):
    """The text is not JSON that we take; the message says why."""


def parse_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object that `body` holds; raises `MalformedJson`. Fractions come as text, never as floats."""
    parsed = parse_value(body)
    if not isinstance(parsed, dict):
        raise MalformedJson("The body must be a JSON object.")
    return parsed


def parse_value(body: bytes) -> Any:
    """Return the JSON value that `body` holds; raises `MalformedJson`. Fractions come as text, never as floats."""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise MalformedJson(f"The body is not UTF-8 (byte {error.start}).") from error
    if _depth(text) > MAX_DEPTH:
        raise MalformedJson(f"The body is nested deeper than {MAX_DEPTH} levels.")
    try:
        return json.loads(
            text, parse_constant=_refuse_constant, parse_float=_Fraction, object_pairs_hook=_refuse_doubled_keys
        )
    except json.JSONDecodeError as error:
        raise MalformedJson(f"The body is not JSON: {error.msg} at character {error.pos}.") from error
    except ValueError as error:  # also Python's own limit on the digits of an integer
        raise MalformedJson(str(error) if isinstance(error, MalformedJson) else "A number is too long.") from error


class _Fraction(str):
    """A JSON number with a point or exponent, as it was written."""


def _refuse_constant(name: str) -> None:
    raise MalformedJson(f"{name} is not a JSON value.")


def _refuse_doubled_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        doubled = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise MalformedJson(f"The key {doubled[:50]!r} stands twice in one object.")
    return made


def _depth(text: str) -> int:
    """Return how deep brackets open, those in strings included: a bound that costs no parse."""
    deepest = depth = 0
    for character in text:
        if character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest


def is_fraction(value: object) -> bool:
    return isinstance(value, _Fraction)
