"""Who comes: the visitor's address as trusted proxies tell it, and what the request's headers say."""

import json
import re
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import ip_network
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import NamedTuple

_REFERRER_HOST = re.compile(rb"[a-zA-Z][a-zA-Z0-9+.-]*://(?:[^/?#@]*@)?([a-zA-Z0-9._-]{1,253})(?:[:/?#]|$)")
_LANGUAGE = re.compile(rb"\s*([a-zA-Z]{2,3})(?:[-_,;]|\s*$)")
_MAPPED = b"\0" * 10 + b"\xff\xff"
_PREFETCH_HEADERS = (b"sec-purpose", b"purpose", b"x-purpose", b"x-moz")
_LONGEST_HINT = 100
# Client hints: the header, our name for it, and whether it is a number.
_HINTS = (
    (b"sec-ch-ua-model", "model", False),
    (b"sec-ch-ua-platform-version", "platform_version", False),
    (b"ect", "ect", False),
    (b"rtt", "rtt", True),
    (b"downlink", "downlink", True),
)
ASKED_HINTS = b"Sec-CH-UA-Model, Sec-CH-UA-Platform-Version, ECT, RTT, Downlink"
_NUMBER = re.compile(rb"[0-9]{1,6}(?:\.[0-9]{1,3})?", re.ASCII)


class Address(NamedTuple):
    """An address in plain form and packed, the network that is stored of it (/24 or /48), and what is counted by.

    `counted` is the address itself, or the /64 of an IPv6 address: what one household has.
    """

    text: str
    network: str
    packed: bytes
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
        text = inet_ntop(AF_INET, packed)
        return Address(text, f"{text[: text.rindex('.')]}.0", packed, packed)
    text = inet_ntop(AF_INET6, packed)
    return Address(text, inet_ntop(AF_INET6, packed[:6] + bytes(10)), packed, packed[:8])


class Networks:
    """A few networks; `in` takes a packed address."""

    def __init__(self, networks: Sequence[str]) -> None:
        parsed = [ip_network(network, strict=False) for network in networks]
        self._ranges = [(network.network_address.packed, network.broadcast_address.packed) for network in parsed]
        self.is_any = bool(networks)

    def __contains__(self, packed: bytes) -> bool:
        size = len(packed)
        return any(len(low) == size and low <= packed <= high for low, high in self._ranges)


class TrustedProxies:
    """The proxies whose X-Forwarded-For counts: the visitor is the right-most address that is none of them."""

    def __init__(self, networks: Sequence[str]) -> None:
        self._networks = Networks(networks)
        self._trusts = lru_cache(maxsize=1_000)(self._networks.__contains__)

    def visitor_address(self, peer: str, forwarded: bytes | None) -> Address | None:
        """Return the visitor's address; None when a trusted proxy names something that is no address."""
        packed = read_packed(peer)
        if packed is None:
            return None
        if forwarded is not None and self.trusts(packed):
            for part in reversed(forwarded.split(b",")):
                packed = read_packed(part.strip().decode("latin-1"))
                if packed is None:
                    return None
                if packed not in self._networks:
                    break
        return address_of(packed)

    def trusts(self, packed: bytes) -> bool:
        """Say whether an address is a proxy's; remembered, for few peers bring all visitors."""
        return self._trusts(packed)


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


class Headers:
    """A request's headers by their names in lower case; those that came several times are joined by commas."""

    __slots__ = ("_named",)

    def __init__(self, headers: Sequence[tuple[bytes, bytes]]) -> None:
        self._named = dict(headers)
        if len(self._named) != len(headers):
            self._named = {}
            for name, value in headers:
                self._named[name] = self._named[name] + b"," + value if name in self._named else value

    def get(self, name: bytes) -> bytes | None:
        return self._named.get(name)

    @property
    def is_prefetch(self) -> bool:
        """Say whether the browser only fetches ahead, or a program makes a preview."""
        for name in _PREFETCH_HEADERS:
            value = self._named.get(name)
            if value is not None and (b"prefetch" in value.lower() or b"preview" in value.lower()):
                return True
        return False

    def read_hints(self) -> str | None:
        """Return the client hints that came along as JSON, None without any."""
        named = self._named
        if b"ect" not in named and b"sec-ch-ua-model" not in named and b"rtt" not in named:
            return None
        hints: dict[str, str | float] = {}
        for header, name, is_number in _HINTS:
            value = named.get(header, b"").strip(b'" ')[:_LONGEST_HINT]
            if is_number:
                if _NUMBER.fullmatch(value):
                    hints[name] = float(value)
            elif value and value.isascii() and value.decode("ascii").isprintable():
                hints[name] = value.decode("ascii")
        return json.dumps(hints) if hints else None

    def cookie(self, name: bytes) -> bytes | None:
        """Return the value of the first cookie of a name."""
        cookies = self._named.get(b"cookie")
        if cookies is None:
            return None
        # Several Cookie headers are joined by a comma, which no value of ours has.
        for pair in cookies.replace(b",", b";").split(b";"):
            key, _, value = pair.strip().partition(b"=")
            if key == name:
                return value
        return None
