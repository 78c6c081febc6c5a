"""The tree: known vectors of RFC 6962's reference implementation, and properties."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtally.proof.merkle import (
    EMPTY_ROOT,
    Tree,
    consistent,
    included,
    inclusion_proof,
    leaf_hash,
    root_of_path,
)

# The vectors of the Certificate Transparency log's own tests, which RFC 6962 and 9162 share.
DATA = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
A, B, C = (
    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
)
D, E = (
    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
)
PATHS = [
    (0, 1, []),
    (0, 8, [A, B, C]),
    (5, 8, [D, E, ROOTS[3]]),
    (2, 3, [ROOTS[1]]),
    (1, 5, [ROOTS[0], B, D]),
]
CONSISTENCY = [
    (1, 1, []),
    (1, 8, [A, B, C]),
    (6, 8, ["0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a", E, ROOTS[3]]),
    (2, 5, [B, D]),
]
TREE = Tree(map(leaf_hash, DATA))


def mth(leaves):
    """RFC 9162, 2.1.1, word for word: the root of a list of data."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def test_known_roots():
    """The root of the first n leaves is the published one, that of none SHA-256 of nothing."""
    assert [TREE.root(n).hex() for n in range(1, 9)] == ROOTS
    assert TREE.root(0) == EMPTY_ROOT == hashlib.sha256(b"").digest()


@pytest.mark.parametrize(("index", "size", "path"), PATHS)
def test_known_paths(index, size, path):
    """The published inclusion paths are made, and lead to the published roots."""
    assert [node.hex() for node in TREE.inclusion(index, size)] == path
    assert inclusion_proof(map(leaf_hash, DATA[:size]), index) == TREE.inclusion(index, size)
    nodes = [bytes.fromhex(node) for node in path]
    assert root_of_path(leaf_hash(DATA[index]), index, size, nodes).hex() == ROOTS[size - 1]


@pytest.mark.parametrize(("first", "second", "nodes"), CONSISTENCY)
def test_known_consistency(first, second, nodes):
    """The published consistency proofs are made and accepted."""
    assert [node.hex() for node in TREE.consistency(first, second)] == nodes
    roots = {"first_root": TREE.root(first), "second_root": TREE.root(second)}
    assert consistent(first, second, [bytes.fromhex(n) for n in nodes], **roots)


@settings(max_examples=40)
@given(st.lists(st.binary(max_size=4), max_size=70))
def test_a_grown_tree_is_the_rfcs_tree(data):
    """Leaf by leaf, every size's root is that of the recursive definition."""
    tree = Tree()
    for n, each in enumerate(data):
        assert tree.append(leaf_hash(each)) == n
    for size in range(len(data) + 1):
        assert tree.root(size) == mth(data[:size])


@settings(max_examples=40)
@given(st.data(), st.integers(1, 70))
def test_every_leaf_is_included_and_no_other(data, size):
    """A path shows its leaf at its index in its size; another leaf, index or size is refused."""
    tree = Tree(leaf_hash(b"%d" % n) for n in range(size))
    index = data.draw(st.integers(0, size - 1))
    leaf, path, root = leaf_hash(b"%d" % index), tree.inclusion(index), tree.root()
    assert included(leaf, index, size, path, root=root)
    assert not included(leaf_hash(b"other"), index, size, path, root=root)
    for other in range(size + 2):
        if other != index:
            assert not included(leaf, other, size, path, root=root)


@settings(max_examples=40)
@given(st.data(), st.integers(2, 70))
def test_a_changed_path_is_refused(data, size):
    """A node flipped, missing or too many: refused, wherever it is."""
    tree = Tree(leaf_hash(b"%d" % n) for n in range(size))
    index = data.draw(st.integers(0, size - 1))
    leaf, path, root = leaf_hash(b"%d" % index), tree.inclusion(index), tree.root()
    at = data.draw(st.integers(0, len(path) - 1))
    flipped = bytes([path[at][0] ^ 1]) + path[at][1:]
    extra = data.draw(st.sampled_from([*path, root, leaf]))
    for wrong in (
        [*path[:at], flipped, *path[at + 1 :]],
        path[:at] + path[at + 1 :],
        [*path[:at], extra, *path[at:]],
        [*path, extra],
        [],
        [*path[:at], path[at][:-1], *path[at + 1 :]],
    ):
        assert not included(leaf, index, size, wrong, root=root)


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0), (5, 2)])
def test_an_index_outside_the_tree(index, size):
    """Index and size must fit, whatever the nodes."""
    with pytest.raises(ValueError, match="not in a tree"):
        root_of_path(leaf_hash(b""), index, size, [])


@settings(max_examples=40)
@given(st.integers(0, 70), st.integers(0, 70))
def test_every_beginning_is_consistent(first, second):
    """A smaller tree is shown to be the beginning of the larger, and not of another one."""
    first, second = sorted((first, second))
    tree = Tree(leaf_hash(b"%d" % n) for n in range(second))
    nodes = tree.consistency(first)
    roots = {"first_root": tree.root(first), "second_root": tree.root()}
    assert consistent(first, second, nodes, **roots)
    assert not consistent(first, second, [*nodes, EMPTY_ROOT], **roots)
    assert not consistent(first, second, nodes, **roots | {"first_root": leaf_hash(b"x")})
    if first:
        assert not consistent(first, second, nodes, **roots | {"second_root": leaf_hash(b"x")})
    for n, node in enumerate(nodes):
        flipped = bytes([node[0] ^ 1]) + node[1:]
        assert not consistent(first, second, [*nodes[:n], flipped, *nodes[n + 1 :]], **roots)
        assert not consistent(first, second, nodes[:n] + nodes[n + 1 :], **roots)
    if first < second:
        assert not consistent(second, first, nodes, **roots)


@settings(max_examples=40)
@given(st.integers(2, 40), st.data())
def test_a_rewritten_log_is_not_consistent(size, data):
    """A log that changed one of its first leaves cannot show the old head as its beginning."""
    old = Tree(leaf_hash(b"%d" % n) for n in range(size))
    changed = data.draw(st.integers(0, size - 1))
    more = data.draw(st.integers(1, 20))
    leaves = [leaf_hash(b"%d" % n) for n in range(size + more)]
    leaves[changed] = leaf_hash(b"forged")
    new = Tree(leaves)
    roots = {"first_root": old.root(), "second_root": new.root()}
    assert not consistent(size, size + more, new.consistency(size), **roots)
