"""What an operator writes of bots and staff, checked and put into the one form that edges compare with."""

import re
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_network

from django.core.exceptions import ValidationError

from attribution.models import BotRule

# A wider network would take whole countries for bots or staff.
_WIDEST = {4: 8, 6: 16}
_SHORTEST_USER_AGENT = 3
_ASN = re.compile(r"(?:AS)?([0-9]{1,10})", re.IGNORECASE)
_HIGHEST_ASN = 4_294_967_294
_HOST = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


def plain_network(text: str) -> str:
    """Return a network in its one form, such as 192.0.2.0/24; an address alone is a network of one.

    Raises `ValidationError` for what is none, and for one that takes in too much of the world.
    """
    try:
        network: IPv4Network | IPv6Network = ip_network(text.strip(), strict=False)
    except ValueError as error:
        raise ValidationError("Write a network such as 192.0.2.0/24 or 2001:db8::/48.", code="network") from error
    if network.version == 6 and network.network_address.ipv4_mapped is not None:
        raise ValidationError("Write it as an IPv4 network, such as 192.0.2.0/24.", code="network")
    if network.prefixlen < _WIDEST[network.version]:
        raise ValidationError(
            f"That is too much of the world: /{_WIDEST[network.version]} is the widest.", code="too_wide"
        )
    return str(network)


def plain_pattern(kind: str, text: str) -> str:
    """Return a bot rule's pattern in the form that edges compare with; raises `ValidationError` that says how to."""
    return _PARSERS[BotRule.Kind(kind)](text.strip())


def _user_agent(text: str) -> str:
    if len(text) < _SHORTEST_USER_AGENT:
        raise ValidationError("Write at least three characters: fewer are in nearly every browser.", code="too_short")
    return text


def _asn(text: str) -> str:
    found = _ASN.fullmatch(text)
    if not found or not 0 < int(found[1]) <= _HIGHEST_ASN:
        raise ValidationError("Write the number of an autonomous system, such as 64500.", code="asn")
    return str(int(found[1]))


def _referrer(text: str) -> str:
    host = text.lower().rstrip(".")
    if not _HOST.fullmatch(host):
        raise ValidationError("Write a host alone, such as spam.example.", code="host")
    return host


_PARSERS: dict[BotRule.Kind, Callable[[str], str]] = {
    BotRule.Kind.USER_AGENT: _user_agent,
    BotRule.Kind.NETWORK: plain_network,
    BotRule.Kind.ASN: _asn,
    BotRule.Kind.REFERRER: _referrer,
}
