"""Which record of an mmdb file an address has, without reading the record: to read it costs ten times the search.

Source: MaxMind DB File Format Specification 2.0, "Binary Search Tree Section".
"""

from array import array
from mmap import mmap

Tree = mmap | bytes

# An IPv4 address's first bits are looked up at once, those after them one by one.
_FIRST_BITS = 16
_IPV4_BITS, _IPV6_BITS = 32, 128


def _child_of_24(tree: Tree, node: int, bit: int) -> int:
    at = node * 6 + bit * 3
    return tree[at] << 16 | tree[at + 1] << 8 | tree[at + 2]


def _child_of_28(tree: Tree, node: int, bit: int) -> int:
    at = node * 7
    if bit:
        return (tree[at + 3] & 0x0F) << 24 | tree[at + 4] << 16 | tree[at + 5] << 8 | tree[at + 6]
    return (tree[at + 3] & 0xF0) << 20 | tree[at] << 16 | tree[at + 1] << 8 | tree[at + 2]


def _child_of_32(tree: Tree, node: int, bit: int) -> int:
    at = node * 8 + bit * 4
    return tree[at] << 24 | tree[at + 1] << 16 | tree[at + 2] << 8 | tree[at + 3]


_CHILDREN = {24: _child_of_24, 28: _child_of_28, 32: _child_of_32}


class SearchTree:
    """The tree that a file begins with. Raises `IndexError` where the file ends before the tree does."""

    def __init__(self, tree: Tree, *, nodes: int, record_size: int, ip_version: int) -> None:
        self._tree = tree
        self._nodes = nodes
        self._child = _CHILDREN[record_size]
        self._knows_ipv6 = ip_version == 6
        level = [self._descend(0, 0, _IPV6_BITS - _IPV4_BITS if self._knows_ipv6 else 0)]
        for _ in range(_FIRST_BITS):
            level = [self._descend(node, bit, 1) for node in level for bit in (0, 1)]
        self._after_first_bits = array("I", level)

    def record(self, packed: bytes) -> int:
        """Return a number that stands for the record of an address of 4 or 16 bytes, or for there being none."""
        if len(packed) == 4:
            node = self._after_first_bits[packed[0] << 8 | packed[1]]
            if node < self._nodes:
                node = self._descend(node, packed[2] << 8 | packed[3], _IPV4_BITS - _FIRST_BITS)
            return node
        return self._descend(0, int.from_bytes(packed, "big"), _IPV6_BITS) if self._knows_ipv6 else self._nodes

    def _descend(self, node: int, bits: int, count: int) -> int:
        """Follow the lowest `count` bits of a number, the highest of them first, until a node is a record."""
        tree, nodes, child = self._tree, self._nodes, self._child
        while count and node < nodes:
            count -= 1
            node = child(tree, node, bits >> count & 1)
        return node
