"""Canonical bytes, digests, commitments, the short code."""

import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from proof_cases import interval_case, register_case

from gridtally.proof.merkle import leaf_hash
from gridtally.proof.record import (
    canonical,
    commit,
    input_digest,
    record_leaf,
    short_code,
    tariff_name,
)

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=20,
)


def test_the_canonical_form():
    """Sorted keys, no spaces, UTF-8, nothing escaped that need not be."""
    value = {"b": [1, True, None], "a": {"电": 'x"\\/\n\u2028é'}}
    assert canonical(value) == '{"a":{"电":"x\\"\\\\/\\n\u2028é"},"b":[1,true,null]}'.encode()


@given(VALUES)
def test_the_canonical_form_says_the_same(value):
    """It reads back as the same value and is written the same again."""
    assert json.loads(canonical(value)) == value
    assert canonical(json.loads(canonical(value))) == canonical(value)


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"lines": [{"amount": 1.5}]}, "/lines/0/amount"),
        ([1, 2, float("nan")], "/2"),
        ({"a": {1: 2}}, "/a"),
        ({"a": (1, 2)}, "/a"),
        ({"a": "\ud800"}, "/a"),
        ({"\ud800": 1}, "/"),
    ],
)
def test_no_float_sneaks_in(value, place):
    """A float, or what JSON or UTF-8 would write in two ways, is refused with its place."""
    with pytest.raises(ValueError, match=place):
        canonical(value)


def test_nesting_has_an_end():
    """A value nested beyond reason is refused, not a crash."""
    value = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(ValueError, match="nested"):
        canonical(value)


def test_the_leaf_and_its_short_code():
    """Worked out by hand for an empty record: SHA-256(0x00 "{}") and its first 60 bits."""
    leaf = hashlib.sha256(b"\x00{}").digest()
    assert record_leaf({}) == leaf == leaf_hash(b"{}")
    bits = bin(int.from_bytes(leaf, "big"))[2:].rjust(256, "0")[:60]
    letters = ["0123456789ABCDEFGHJKMNPQRSTVWXYZ"[int(bits[i : i + 5], 2)] for i in range(0, 60, 5)]
    assert short_code(leaf).replace("-", "") == "".join(letters)
    assert len(short_code(leaf)) == 14
    assert short_code(bytes(32)) == "0000-0000-0000"
    assert short_code(b"\xff" * 32) == "ZZZZ-ZZZZ-ZZZZ"


def test_a_commitment():
    """HMAC-SHA256 of field, zero byte, value: the field cannot run over into the value."""
    expected = hmac.new(b"k" * 32, b"name\x00Ana", hashlib.sha256).hexdigest()
    assert commit(b"k" * 32, "name", "Ana") == expected
    assert commit(b"k" * 32, "nam", "eAna") != expected
    assert commit(b"l" * 32, "name", "Ana") != expected


def test_an_input_digest_by_hand():
    """The channel's readings stand as the digest of their bytes; the rest is canonical JSON."""
    case = interval_case()
    short = json.loads(json.dumps(case))
    for channel in short["channels"].values():
        values, quality = channel.pop("values"), channel.pop("quality")
        body = b"".join(v.to_bytes(8, "little", signed=True) for v in values) + quality.encode()
        channel["digest"] = hashlib.sha256(body).hexdigest()
    text = json.dumps(short, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert input_digest(case) == hashlib.sha256(text.encode()).hexdigest()


def test_an_input_digest_without_readings():
    """A register-billed case is digested as it stands."""
    assert input_digest(register_case()) == hashlib.sha256(canonical(register_case())).hexdigest()


@pytest.mark.parametrize(
    "change",
    [
        {"values": [1.0] * 25},
        {"values": [True] * 25},
        {"values": [2**63] * 25},
        {"quality": "A" * 24},
        {"quality": "Ä" * 25},
        {"digest": "00" * 32},
    ],
)
def test_readings_that_have_no_digest(change):
    """Values that are no integers, letters that are none, a digest that is given: refused."""
    case = interval_case()
    case["channels"]["import"] |= change
    with pytest.raises(ValueError, match="channel import"):
        input_digest(case)


def test_the_name_of_a_tariff():
    """sha256: and the digest of the bytes as they are."""
    assert tariff_name(b"x\r\n") == "sha256:" + hashlib.sha256(b"x\r\n").hexdigest()
