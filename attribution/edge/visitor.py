"""Who comes: the visitor's address as trusted proxies tell it, and what the request's headers say."""

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from ipaddress import ip_network
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import NamedTuple

# A request's headers by name in lower case.
Headers = Mapping[bytes, bytes]

_REFERRER_HOST = re.compile(rb"[a-zA-Z][a-zA-Z0-9+.-]*://(?:[^/?#@]*@)?([a-zA-Z0-9._-]{1,253})(?:[:/?#]|$)")
_LANGUAGE = re.compile(rb"\s*([a-zA-Z]{2,3})(?:[-_,;]|\s*$)")
_MAPPED = b"\0" * 10 + b"\xff\xff"
_PREFETCH_HEADERS = frozenset((b"sec-purpose", b"purpose", b"x-purpose", b"x-moz"))
_LONGEST_HINT = 100
# Client hints: the header, our name for it, and whether it is a number.
_HINTS = (
    (b"sec-ch-ua-model", "model", False),
    (b"sec-ch-ua-platform-version", "platform_version", False),
    (b"ect", "ect", False),
    (b"rtt", "rtt", True),
    (b"downlink", "downlink", True),
)
_TELLING_HINTS = frozenset(header for header, _, _ in _HINTS)
ASKED_HINTS = b"Sec-CH-UA-Model, Sec-CH-UA-Platform-Version, ECT, RTT, Downlink"
_NUMBER = re.compile(rb"[0-9]{1,6}(?:\.[0-9]{1,3})?", re.ASCII)


class Address(NamedTuple):
    """An address in 4 or 16 bytes, the network that is stored of it (/24 or /48), and what is counted by.

    `counted` is the address itself, or the /64 of an IPv6 address: what one household has.
    """

    packed: bytes
    network: str
    counted: bytes


def read_packed(text: str) -> bytes | None:
    """Return an address as 4 or 16 bytes, None when it is none; an IPv4 address in IPv6 clothes is IPv4."""
    try:
        if ":" not in text:
            return inet_pton(AF_INET, text)
        packed = inet_pton(AF_INET6, text)
    except (OSError, ValueError):
        return None
    return packed[12:] if packed.startswith(_MAPPED) else packed


def address_of(packed: bytes) -> Address:
    if len(packed) == 4:
        return Address(packed, inet_ntop(AF_INET, packed[:3] + b"\0"), packed)
    return Address(packed, inet_ntop(AF_INET6, packed[:6] + bytes(10)), packed[:8])


class Networks:
    """A few networks; `in` takes a packed address."""

    def __init__(self, networks: Sequence[str]) -> None:
        parsed = [ip_network(network, strict=False) for network in networks]
        self._ranges = [(network.network_address.packed, network.broadcast_address.packed) for network in parsed]
        self.is_any = bool(networks)

    def __contains__(self, packed: bytes) -> bool:
        for low, high in self._ranges:
            if low <= packed <= high and len(low) == len(packed):
                break
        else:
            return False
        return True


class TrustedProxies:
    """The proxies whose X-Forwarded-For counts: the visitor is the right-most address that is none of them."""

    def __init__(self, networks: Sequence[str]) -> None:
        self._networks = Networks(networks)
        # Remembered, for few peers bring all visitors.
        self._read_peer = lru_cache(maxsize=1_000)(self._read_peer_anew)

    def visitor_address(self, peer: str, forwarded: bytes | None) -> Address | None:
        """Return the visitor's address; None when a trusted proxy names something that is no address."""
        packed, is_trusted = self._read_peer(peer)
        if is_trusted and forwarded is not None:
            for part in reversed(forwarded.split(b",")):
                packed = read_packed(part.strip().decode("latin-1"))
                if packed is None or packed not in self._networks:
                    break
        return address_of(packed) if packed is not None else None

    def _read_peer_anew(self, peer: str) -> tuple[bytes | None, bool]:
        packed = read_packed(peer)
        return packed, packed is not None and packed in self._networks


@lru_cache(maxsize=10_000)
def referrer_host(header: bytes) -> str | None:
    """Return the host of a Referer header in lower case, None when it has none of a usual form."""
    found = _REFERRER_HOST.match(header)
    return found[1].decode("ascii").lower() if found else None


@lru_cache(maxsize=10_000)
def read_language(header: bytes) -> str | None:
    """Return the first language of an Accept-Language header, without its region."""
    found = _LANGUAGE.match(header)
    return found[1].decode("ascii").lower() if found else None


def named_headers(headers: Sequence[tuple[bytes, bytes]]) -> Headers:
    """Return a request's headers by their names in lower case; those that came several times are joined by commas."""
    named = dict(headers)
    if len(named) != len(headers):
        named = {}
        for name, value in headers:
            named[name] = named[name] + b"," + value if name in named else value
    return named


def is_prefetch(headers: Headers) -> bool:
    """Say whether the browser only fetches ahead, or a program makes a preview."""
    if headers.keys().isdisjoint(_PREFETCH_HEADERS):
        return False
    said = b",".join(headers.get(name, b"") for name in _PREFETCH_HEADERS).lower()
    return b"prefetch" in said or b"preview" in said


def read_hints(headers: Headers) -> str | None:
    """Return the client hints that came along as JSON, None without any."""
    if headers.keys().isdisjoint(_TELLING_HINTS):
        return None
    hints: dict[str, str | float] = {}
    for header, name, is_number in _HINTS:
        value = headers.get(header, b"").strip(b'" ')[:_LONGEST_HINT]
        if is_number:
            if _NUMBER.fullmatch(value):
                hints[name] = float(value)
        elif value and value.isascii() and value.decode("ascii").isprintable():
            hints[name] = value.decode("ascii")
    return json.dumps(hints) if hints else None


def read_cookie(headers: Headers, name: bytes) -> bytes | None:
    """Return the value of the first cookie of a name."""
    cookies = headers.get(b"cookie")
    if cookies is None:
        return None
    # Several Cookie headers are joined by a comma, which no value of ours has.
    for pair in cookies.replace(b",", b";").split(b";"):
        key, _, value = pair.strip().partition(b"=")
        if key == name:
            return value
    return None
