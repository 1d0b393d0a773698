"""Addresses with macros: taken apart once a snapshot, filled in for each click."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from attribution.edge.parameters import NAMES
from campaigns.domain.macros import MACRO, MACROS, validate_offer_url

# What differs from click to click, in the order in which `Address.fill` takes it.
FACTS = (
    "click_id",
    *NAMES,
    *("country", "region", "city", "language", "device", "os", "browser", "timestamp", "random"),
)
_POSITIONS = {name: position for position, name in enumerate(FACTS) if name in MACROS}
_VISIBLE = "".join(chr(code) for code in range(0x21, 0x7F))
_UNRESERVED = re.compile(r"[A-Za-z0-9_.~-]*", re.ASCII).fullmatch


class _Step(NamedTuple):
    position: int
    is_in_path: bool
    literal: str


class Address:
    """An address: a scheme and host that nothing can change, and macros after them."""

    __slots__ = ("_head", "_steps")

    def __init__(self, head: str, steps: Sequence[_Step]) -> None:
        self._head = head
        self._steps = tuple(steps)

    @property
    def is_https(self) -> bool:
        return self._head.startswith("https://")

    def fill(self, facts: Sequence[str | None]) -> str:
        """Return the address in ASCII; `facts` come in the order of `FACTS`, unknown ones are left empty."""
        parts = [self._head]
        for position, is_in_path, literal in self._steps:
            fact = facts[position]
            # A browser takes dots alone in a path for a step up, encoded or not.
            if fact and not (is_in_path and not fact.strip(".")):
                parts.append(fact if _UNRESERVED(fact) else quote(fact, safe=""))
            parts.append(literal)
        return "".join(parts)


def compile_address(template: str, constants: Mapping[str, str]) -> Address:
    """Return the address with `constants` (campaign, partner_tag and so on) filled in.

    Raises `ValidationError` for a template that the admin would refuse, `UnicodeError` for a host that has no
    name in the DNS.
    """
    origin, rest, macros = _take_apart(template)
    head, steps = origin + rest, list[_Step]()
    for name, is_in_path, literal in macros:
        if name in _POSITIONS:
            steps.append(_Step(_POSITIONS[name], is_in_path, literal))
            continue
        text = quote(_harmless(constants.get(name, ""), is_in_path), safe="") + literal
        if steps:
            steps[-1] = steps[-1]._replace(literal=steps[-1].literal + text)
        else:
            head += text
    return Address(head, steps)


def _harmless(constant: str, is_in_path: bool) -> str:
    return "" if is_in_path and not constant.strip(".") else constant


@lru_cache(maxsize=10_000)
def _take_apart(template: str) -> tuple[str, str, tuple[tuple[str, bool, str], ...]]:
    """Return the origin, the text up to the first macro, and each macro with its place and the text after it."""
    validate_offer_url(template)
    parts = urlsplit(template)
    origin = f"{parts.scheme}://{parts.netloc.encode('idna').decode()}"
    rest = template[len(parts.scheme) + 3 + len(parts.netloc) :]
    pieces = MACRO.split(rest)
    macros, seen = [], pieces[0]
    for name, literal in zip(pieces[1::2], pieces[2::2], strict=True):
        macros.append((name, "?" not in seen and "#" not in seen, quote(literal, safe=_VISIBLE)))
        seen += literal
    return origin, quote(pieces[0], safe=_VISIBLE), tuple(macros)
