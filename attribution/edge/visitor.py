"""Who comes: the visitor's address as trusted proxies tell it, and what the request's headers say."""

import re
from collections.abc import Sequence
from ipaddress import ip_network
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import NamedTuple

_REFERRER_HOST = re.compile(rb"[a-zA-Z][a-zA-Z0-9+.-]*://(?:[^/?#@]*@)?([a-zA-Z0-9._-]{1,253})(?:[:/?#]|$)")
_MAPPED = b"\0" * 10 + b"\xff\xff"


class Address(NamedTuple):
    """An address in plain form, and the network that is stored of it: /24 or /48."""

    text: str
    network: str


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
        return Address(inet_ntop(AF_INET, packed), inet_ntop(AF_INET, packed[:3] + b"\0"))
    return Address(inet_ntop(AF_INET6, packed), inet_ntop(AF_INET6, packed[:6] + bytes(10)))


class TrustedProxies:
    """The proxies whose X-Forwarded-For counts: the visitor is the right-most address that is none of them."""

    def __init__(self, networks: Sequence[str]) -> None:
        self._ranges = [
            (network.network_address.packed, network.broadcast_address.packed) for network in map(ip_network, networks)
        ]

    def visitor_address(self, peer: str, forwarded: Sequence[bytes]) -> Address | None:
        """Return the visitor's address; None when a trusted proxy names something that is no address."""
        packed = read_packed(peer)
        if packed is None:
            return None
        if forwarded and self._trusts(packed):
            for part in reversed(b",".join(forwarded).split(b",")):
                packed = read_packed(part.strip().decode("latin-1"))
                if packed is None:
                    return None
                if not self._trusts(packed):
                    break
        return address_of(packed)

    def _trusts(self, packed: bytes) -> bool:
        return any(len(low) == len(packed) and low <= packed <= high for low, high in self._ranges)


def referrer_host(header: bytes) -> str | None:
    """Return the host of a Referer header in lower case, None when it has none of a usual form."""
    found = _REFERRER_HOST.match(header)
    return found[1].decode("ascii").lower() if found else None


class Headers(NamedTuple):
    """The headers that a click is read from."""

    user_agent: bytes
    referrer: bytes
    forwarded: Sequence[bytes]
    is_prefetch: bool


def read_headers(headers: Sequence[tuple[bytes, bytes]]) -> Headers:
    """Pick what a click needs; names come in lower case."""
    user_agent = referrer = b""
    forwarded: list[bytes] = []
    is_prefetch = False
    for name, value in headers:
        if name == b"user-agent":
            user_agent = value
        elif name == b"x-forwarded-for":
            forwarded.append(value)
        elif name == b"referer":
            referrer = value
        elif name in (b"sec-purpose", b"purpose", b"x-purpose", b"x-moz"):
            is_prefetch = is_prefetch or b"prefetch" in value.lower() or b"preview" in value.lower()
    return Headers(user_agent, referrer, forwarded, is_prefetch)
