"""Step 10, the trail: the canonical bytes that leaves and digests are taken over.

`docs/bill-record.md` and `docs/rating-case.md` define them.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from gridtally.proof.merkle import leaf_hash

__all__ = ["canonical", "commit", "input_digest", "record_leaf", "short_code", "tariff_name"]

_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_DEPTH_MAX = 40
_CHANNEL_KEYS = {"start", "resolution_s", "values", "quality"}


def canonical(value: object) -> bytes:
    """Canonical JSON: sorted keys, no spaces, UTF-8, nothing escaped that need not be.

    Raises `ValueError` naming the place of a binary float, of anything else that JSON would
    write in more than one way, or of a text that UTF-8 cannot hold.
    """
    _check(value, "", _DEPTH_MAX)
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8")


def _check(value: object, path: str, depth: int) -> None:
    """Only objects with text keys, lists, texts, whole numbers, true, false, null."""
    if depth == 0:
        raise ValueError(f"{path[:100]}… is nested too deeply")
    if type(value) is dict:
        for key, inner in value.items():
            if type(key) is not str:
                raise ValueError(f"{path}: the key {key!r} is not a text")
            _check(key, f"{path}/{key}", 1)
            _check(inner, f"{path}/{key}", depth - 1)
    elif type(value) is list:
        if any(type(inner) is not int for inner in value):  # readings are long and plain
            for number, inner in enumerate(value):
                _check(inner, f"{path}/{number}", depth - 1)
    elif type(value) is str:
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as err:
            raise ValueError(f"{path}: a text that UTF-8 cannot hold") from err
    elif value is not None and type(value) not in (int, bool):
        raise ValueError(f"{path}: {value!r} is no text and no whole number")


def record_leaf(record: Mapping[str, Any]) -> bytes:
    """The leaf [32 bytes] of a bill record: SHA-256(0x00 || canonical record)."""
    return leaf_hash(canonical(record))


def short_code(leaf: bytes) -> str:
    """The first 12 letters of a leaf in Crockford base 32, as on the page: `7K2M-4QXZ-9D0C`."""
    bits = int.from_bytes(leaf[:8], "big") >> 4
    letters = "".join(_LETTERS[bits >> shift & 31] for shift in range(55, -5, -5))
    return "-".join(letters[i : i + 4] for i in (0, 4, 8))


def commit(key: bytes, field: str, value: str) -> str:
    """The keyed commitment (hex) to a personal value: HMAC-SHA256(key, field || 0x00 || value)."""
    message = field.encode() + b"\x00" + value.encode()
    return hmac.new(key, message, hashlib.sha256).hexdigest()


def input_digest(case: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of a rating case, the readings of each channel standing as their own digest.

    Raises `ValueError` when the case cannot be written canonically.
    """
    channels = {}
    for name, channel in case["channels"].items():
        if type(channel) is not dict or channel.keys() != _CHANNEL_KEYS:
            raise ValueError(f"channel {name} has not exactly {sorted(_CHANNEL_KEYS)}")
        short = {key: channel[key] for key in ("start", "resolution_s")}
        channels[name] = short | {"digest": _readings_digest(channel, name)}
    return hashlib.sha256(canonical({**case, "channels": channels})).hexdigest()


def _readings_digest(channel: Mapping[str, Any], name: str) -> str:
    """Values as little-endian signed 64-bit integers, then the quality letters."""
    values, quality = channel["values"], channel["quality"]
    if type(values) is not list or any(type(v) is not int or abs(v) >= 2**63 for v in values):
        raise ValueError(f"channel {name} has a value that is no integer of 64 bits")
    if type(quality) is not str or not quality.isascii() or len(quality) != len(values):
        raise ValueError(f"channel {name} has not one quality letter per value")
    packed = b"".join(value.to_bytes(8, "little", signed=True) for value in values)
    return hashlib.sha256(packed + quality.encode("ascii")).hexdigest()


def tariff_name(document: bytes) -> str:
    """The name of a tariff document: `sha256:` and the hex digest of its bytes."""
    return f"sha256:{hashlib.sha256(document).hexdigest()}"
