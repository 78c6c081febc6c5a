"""Step 10, the trail: a Merkle tree over leaf hashes, as in RFC 9162, section 2.1 (SHA-256).

    leaf = SHA-256(0x00 || data)        node = SHA-256(0x01 || left || right)

A tree only grows. An inclusion proof shows that a leaf is in the tree of a size; a consistency
proof shows that a smaller tree is the beginning of a larger one. The verifiers look at every
node and take no more and no fewer than the sizes ask for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

__all__ = [
    "EMPTY_ROOT",
    "HASH_BYTES",
    "Tree",
    "consistent",
    "included",
    "inclusion_proof",
    "leaf_hash",
    "node_hash",
    "root_of_path",
]

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256().digest()
"""The root of a tree without leaves."""


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf's data."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def _split(size: int) -> int:
    """The largest power of two below `size`: how many leaves the left subtree has."""
    return 1 << ((size - 1).bit_length() - 1)


class Tree:
    """A growing tree. Keeps the hash of every full subtree: twice the leaves, each made once."""

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        self._levels: list[list[bytes]] = [[]]
        for leaf in leaves:
            self.append(leaf)

    @property
    def size(self) -> int:
        """How many leaves there are."""
        return len(self._levels[0])

    def append(self, leaf: bytes) -> int:
        """Add a leaf hash [32 bytes] and return its index."""
        assert len(leaf) == HASH_BYTES
        index, level = self.size, 0
        self._levels[0].append(leaf)
        while (index >> level) & 1:  # a full pair: its parent is final
            left, right = self._levels[level][-2:]
            level += 1
            if level == len(self._levels):
                self._levels.append([])
            self._levels[level].append(node_hash(left, right))
        return index

    def root(self, size: int | None = None) -> bytes:
        """The root of the first `size` leaves, of all when left out."""
        size = self.size if size is None else size
        assert 0 <= size <= self.size
        return self._range(0, size) if size else EMPTY_ROOT

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """The path that shows leaf `index` in the tree of `size` leaves, from the leaf up."""
        size = self.size if size is None else size
        assert 0 <= index < size <= self.size
        path, low, high = [], 0, size
        while high - low > 1:  # from the root down, so the path is turned round at the end
            middle = low + _split(high - low)
            if index < middle:
                path.append(self._range(middle, high))
                high = middle
            else:
                path.append(self._range(low, middle))
                low = middle
        return path[::-1]

    def consistency(self, first: int, second: int | None = None) -> list[bytes]:
        """The nodes that show the tree of `first` leaves as the beginning of that of `second`."""
        second = self.size if second is None else second
        assert 0 <= first <= second <= self.size
        if first in (0, second):
            return []
        nodes, low, high, whole = [], 0, second, True
        while high != first:
            middle = low + _split(high - low)
            if first <= middle:
                nodes.append(self._range(middle, high))
                high = middle
            else:
                nodes.append(self._range(low, middle))
                low, whole = middle, False
        if not whole:
            nodes.append(self._range(low, high))
        return nodes[::-1]

    def _range(self, low: int, high: int) -> bytes:
        """The root over leaves `low` to `high`, half-open."""
        size = high - low
        if size & (size - 1) == 0 and low % size == 0:
            return self._levels[size.bit_length() - 1][low // size]
        middle = low + _split(size)
        return node_hash(self._range(low, middle), self._range(middle, high))


def inclusion_proof(leaves: Iterable[bytes], index: int) -> list[bytes]:
    """The path of one leaf in the tree of these leaf hashes; `Tree` serves for more than one."""
    return Tree(leaves).inclusion(index)


def root_of_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root to which a leaf and its path lead (RFC 9162, 2.1.3.2).

    Raises `ValueError` when index and size do not fit, or when there are nodes missing or over.
    """
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}")
    _check_nodes([leaf, *path])
    own, last, root = index, size - 1, leaf
    for node in path:
        if last == 0:
            raise ValueError(f"the path has {len(path)} nodes, more than the size asks for")
        if own & 1 or own == last:
            root = node_hash(node, root)
            while own and not own & 1:
                own, last = own >> 1, last >> 1
        else:
            root = node_hash(root, node)
        own, last = own >> 1, last >> 1
    if last != 0:
        raise ValueError(f"the path has {len(path)} nodes, fewer than the size asks for")
    return root


def included(leaf: bytes, index: int, size: int, path: Sequence[bytes], *, root: bytes) -> bool:
    """Whether the path shows the leaf at `index` in the tree of `size` leaves with that root."""
    try:
        return root_of_path(leaf, index, size, path) == root
    except ValueError:
        return False


def consistent(
    first: int, second: int, nodes: Sequence[bytes], *, first_root: bytes, second_root: bytes
) -> bool:
    """Whether the tree of `first` leaves is the beginning of that of `second` (RFC 9162, 2.1.4.2).

    An empty tree is the beginning of every tree and takes no nodes; so does a tree of itself.
    """
    try:
        _check_nodes([first_root, second_root, *nodes])
    except ValueError:
        return False
    if not 0 <= first <= second:
        return False
    if first in (0, second):
        same = first_root == (EMPTY_ROOT if first == 0 else second_root)
        return same and not nodes and (second > 0 or second_root == EMPTY_ROOT)
    if first & (first - 1) == 0:
        nodes = [first_root, *nodes]
    return bool(nodes) and _roots_of(first, second, nodes) == (first_root, second_root)


def _roots_of(first: int, second: int, nodes: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """Both roots to which the nodes lead; None when there are too many or too few."""
    own, last = first - 1, second - 1
    while own & 1:
        own, last = own >> 1, last >> 1
    old = new = nodes[0]
    for node in nodes[1:]:
        if last == 0:
            return None
        if own & 1 or own == last:
            old, new = node_hash(node, old), node_hash(node, new)
            while own and not own & 1:
                own, last = own >> 1, last >> 1
        else:
            new = node_hash(new, node)
        own, last = own >> 1, last >> 1
    return (old, new) if last == 0 else None


def _check_nodes(nodes: Iterable[bytes]) -> None:
    if any(len(node) != HASH_BYTES for node in nodes):
        raise ValueError(f"a hash has not {HASH_BYTES} bytes")
