"""Whose address a request comes from: the peer's, or what a trusted proxy says."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def parse_networks(texts: Sequence[str]) -> list[Network]:
    return [ip_network(text) for text in texts]


def parse_address(text: str) -> Address | None:
    """Return the address that `text` writes (an IPv4 one mapped into IPv6 as itself), or None when it writes none."""
    try:
        address = ip_address(text.strip().strip("[]"))
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def is_in(address: Address, networks: Sequence[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


def client_address(peer: str, forwarded_for: str, trusted: Sequence[Network]) -> Address | None:
    """Return the visitor's address: the right-most one of `forwarded_for` that no trusted proxy of ours has.

    Without a trusted peer the header is a stranger's word and is not read. A hop that is no address ends the walk.
    """
    address = parse_address(peer)
    if address is None or not is_in(address, trusted):
        return address
    for hop in reversed(forwarded_for.split(",")):
        forwarded = parse_address(hop)
        if forwarded is None:
            return address
        address = forwarded
        if not is_in(address, trusted):
            return address
    return address
