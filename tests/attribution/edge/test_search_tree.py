"""Addresses led to their records, beside the reader of the databases' makers."""

import random
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_network
from pathlib import Path

import maxminddb
import pytest

from attribution.edge.search_tree import SearchTree
from tests.attribution.databases import write_database

_NETWORKS = (
    *("1.0.0.0/8", "1.2.0.0/16", "1.2.3.0/24", "1.2.3.4/32", "9.128.0.0/9", "250.0.0.0/7"),
    *("2001:db8::/32", "2001:db8:0:1::/64", "2a00::/11"),
)


@pytest.mark.parametrize("ip_version", [4, 6])
def test_record_tells_addresses_apart_as_the_makers_reader_does(tmp_path: Path, ip_version: int) -> None:
    networks = [network for network in _NETWORKS if ip_version == 6 or ":" not in network]
    path = write_database(tmp_path / "a.mmdb", {name: {"is": name} for name in networks}, ip_version=ip_version)
    tree = _tree(path)
    numbers: dict[str, set[int]] = {}
    with maxminddb.open_database(path) as reader:
        for address in _addresses(networks, random.Random(1)):
            numbers.setdefault(str(reader.get(address)), set()).add(tree.record(address.packed))

    assert len(numbers) == len(networks) + 1  # and those without a record
    assert all(len(found) == 1 for found in numbers.values())
    assert len(set.union(*numbers.values())) == len(numbers)


@pytest.mark.parametrize(
    ("record_size", "node", "left", "right"),
    [
        (24, "abcdef fedcba", 0xABCDEF, 0xFEDCBA),
        (28, "bcdef1 a9 876543", 0xABCDEF1, 0x9876543),
        (32, "abcdef12 87654321", 0xABCDEF12, 0x87654321),
    ],
)
def test_record_reads_nodes_of_all_sizes(record_size: int, node: str, left: int, right: int) -> None:
    tree = SearchTree(bytes.fromhex(node), nodes=1, record_size=record_size, ip_version=4)

    assert tree.record(IPv4Address("127.255.0.1").packed) == left
    assert tree.record(IPv4Address("128.0.0.1").packed) == right


def test_a_database_of_ipv4_has_no_record_of_an_ipv6_address(tmp_path: Path) -> None:
    tree = _tree(write_database(tmp_path / "a.mmdb", {"1.0.0.0/8": {"is": "eight"}}, ip_version=4))

    assert tree.record(IPv6Address("100::1").packed) == tree.record(IPv4Address("2.0.0.1").packed)


def test_a_tree_that_ends_too_early_is_refused(tmp_path: Path) -> None:
    path = write_database(tmp_path / "a.mmdb", {"1.2.3.0/24": {"is": "twenty-four"}}, ip_version=6)

    with pytest.raises(IndexError):
        _tree(path, most_bytes=40)


def _tree(path: Path, *, most_bytes: int | None = None) -> SearchTree:
    with maxminddb.open_database(path) as reader:
        facts = reader.metadata()
    return SearchTree(
        path.read_bytes()[:most_bytes],
        nodes=facts.node_count,
        record_size=facts.record_size,
        ip_version=facts.ip_version,
    )


def _addresses(networks: list[str], chance: random.Random) -> Iterator[IPv4Address | IPv6Address]:
    """Make addresses at both ends of each network, just outside of it, and anywhere in it."""
    for network in map(ip_network, networks):
        first, last = int(network.network_address), int(network.broadcast_address)
        for number in (first - 1, first, last, last + 1, *(chance.randint(first, last) for _ in range(100))):
            if 0 <= number < 1 << network.max_prefixlen:
                yield type(network.network_address)(number)
