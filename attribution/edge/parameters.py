"""What a click's query string says, byte for byte, bounded in number and length."""

import re
from collections.abc import Mapping
from urllib.parse import quote_from_bytes, unquote_to_bytes

SUB_IDS = tuple(f"sub_id_{number}" for number in range(1, 11))
PLATFORM_CLICK_IDS = ("fbclid", "gclid", "gbraid", "wbraid", "ttclid", "msclkid", "twclid", "ScCid", "rdt_cid")
# What a query is read into, in this order.
NAMES = ("external_id", "keyword", "placement", "cost", *SUB_IDS, *PLATFORM_CLICK_IDS)
POSITIONS = {name: position for position, name in enumerate(NAMES)}
LONGEST_VALUE = 2_000
MOST_PARAMETERS = 200

_PLAIN = re.compile(rb"[!-$&-~]*")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_VISIBLE = "".join(chr(code) for code in range(0x21, 0x7F))


def slots_of(source_parameters: Mapping[str, str]) -> dict[bytes, tuple[int, ...]]:
    """Return which positions of `NAMES` each parameter fills.

    `source_parameters` maps external_id, cost, placement and keyword to the source's names for them; "" is none.
    """
    named = [(alias, name) for name, alias in source_parameters.items() if alias]
    named += [(name, name) for name in (*SUB_IDS, *PLATFORM_CLICK_IDS)]
    named += [(f"sub{number}", f"sub_id_{number}") for number in range(1, 11)]
    slots: dict[bytes, tuple[int, ...]] = {}
    for alias, name in named:
        key = alias.encode()
        slots[key] = (*slots.get(key, ()), POSITIONS[name])
    return slots


def read_parameters(query: bytes, slots: Mapping[bytes, tuple[int, ...]]) -> list[str | None]:
    """Return the values in the order of `NAMES`; the first of a name that is not empty counts."""
    values: list[str | None] = [None] * len(NAMES)
    if not query:
        return values
    for pair in query.split(b"&", MOST_PARAMETERS)[:MOST_PARAMETERS]:
        name, _, raw = pair.partition(b"=")
        if not raw:
            continue
        positions = slots.get(name)
        if positions is None:
            # Few parameters that we do not know are ours in disguise.
            positions = slots.get(unquote_to_bytes(name)) if b"%" in name else None
        if positions is None:
            continue
        text = read_text(raw)
        for position in positions:
            if values[position] is None:
                values[position] = text
    return values


def read_text(raw: bytes) -> str:
    """Return a value percent-decoded where that is valid text without control characters, else as received.

    "+" stays "+": it is what the sender wrote. At most `LONGEST_VALUE` characters are kept.
    """
    if _PLAIN.fullmatch(raw):
        return raw[:LONGEST_VALUE].decode("ascii")
    try:
        text = unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        return _as_received(raw)
    return _as_received(raw) if _CONTROL.search(text) else text[:LONGEST_VALUE]


def _as_received(raw: bytes) -> str:
    return quote_from_bytes(raw[:LONGEST_VALUE], safe=_VISIBLE)[:LONGEST_VALUE]
