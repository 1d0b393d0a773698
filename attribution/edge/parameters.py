"""What a click's query string says, byte for byte, bounded in number and length."""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote_from_bytes, unquote_to_bytes

from campaigns.domain.filters import PLATFORM_CLICK_IDS

SUB_IDS = tuple(f"sub_id_{number}" for number in range(1, 11))
# What a query is read into, in this order.
NAMES = (
    *("external_id", "keyword", "placement", "cost", "cost_currency", "consent", "url"),
    *SUB_IDS,
    *PLATFORM_CLICK_IDS,
)
POSITIONS = {name: position for position, name in enumerate(NAMES)}
LONGEST_VALUE = 2_000
MOST_PARAMETERS = 200

_PLAIN = re.compile(rb"[!-$&-~]*").fullmatch
_PRINTABLE = re.compile(r"[!-~]*").fullmatch
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_VISIBLE = "".join(chr(code) for code in range(0x21, 0x7F))
_ALWAYS = [
    *((name, name) for name in ("cost_currency", "consent", "url", *SUB_IDS, *PLATFORM_CLICK_IDS)),
    *((f"sub_id_{number}", f"sub{number}") for number in range(1, 11)),
]
_YES = frozenset(("1", "true", "yes", "granted"))
_NO = frozenset(("0", "false", "no", "denied"))


def slots_of(source_parameters: Iterable[tuple[str, str]]) -> dict[str, tuple[int, ...]]:
    """Return which positions of `NAMES` each parameter fills; its name has one character a byte, as in a query.

    `source_parameters` pairs our names with the source's parameters for them; "" is none.
    """
    slots: dict[str, tuple[int, ...]] = {}
    for name, parameter in (*source_parameters, *_ALWAYS):
        key, position = _as_in_query(parameter.encode()), POSITIONS[name]
        if parameter and position not in slots.get(key, ()):
            slots[key] = (*slots.get(key, ()), position)
    return slots


def read_parameters(query: bytes, slots: Mapping[str, tuple[int, ...]]) -> list[str | None]:
    """Return the values in the order of `NAMES`; the first of a name that is not empty counts."""
    values: list[str | None] = [None] * len(NAMES)
    if not query:
        return values
    text, find = _as_in_query(query), slots.get
    is_printable = _PRINTABLE(text) is not None
    for pair in text.split("&", MOST_PARAMETERS)[:MOST_PARAMETERS]:
        name, _, value = pair.partition("=")
        if not value:
            continue
        positions = find(name)
        if positions is None:
            # Few parameters that we do not know are ours in disguise.
            positions = find(_as_in_query(unquote_to_bytes(name.encode("latin-1")))) if "%" in name else None
            if positions is None:
                continue
        if not is_printable or "%" in value or len(value) > LONGEST_VALUE:
            value = read_text(value.encode("latin-1"))
        for position in positions:
            if values[position] is None:
                values[position] = value
    return values


def read_text(raw: bytes) -> str:
    """Return a value percent-decoded where that is valid text without control characters, else as received.

    "+" stays "+": it is what the sender wrote. At most `LONGEST_VALUE` characters are kept.
    """
    if _PLAIN(raw):
        return raw[:LONGEST_VALUE].decode("ascii")
    try:
        text = unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        return _as_received(raw)
    return _as_received(raw) if _CONTROL.search(text) else text[:LONGEST_VALUE]


def read_consent(text: str | None) -> bool | None:
    """Return what a `consent` parameter says; None for silence and for words that mean neither."""
    if text is None:
        return None
    word = text.lower()
    return True if word in _YES else False if word in _NO else None


def _as_in_query(text: bytes) -> str:
    return text.decode("latin-1")


def _as_received(raw: bytes) -> str:
    return quote_from_bytes(raw[:LONGEST_VALUE], safe=_VISIBLE)[:LONGEST_VALUE]
