"""Shared by every room: text from a file or a stranger, made safe to print."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

__all__ = ["clean", "cleaned", "is_plain"]

_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that turn the direction of writing: what is read is not what is there."""


def is_plain(char: str) -> bool:
    """Whether a character is no control, half a character, line end, or turn of direction."""
    return char not in _TURNING and unicodedata.category(char) not in ("Cc", "Cs", "Zl", "Zp")


def clean(text: object, *, lines: bool = False) -> str:
    """The text as one line (or with its lines), safe on a terminal and on a page.

    Control characters, half characters and those that turn the direction become U+FFFD.
    """
    return "".join(
        char if is_plain(char) or (lines and char == "\n") else "\ufffd" for char in str(text)
    )


def cleaned(value: Any) -> Any:
    """A JSON value with every text in it, keys apart, as `clean` gives it."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {key: cleaned(item) for key, item in value.items()}
    return [cleaned(item) for item in value] if isinstance(value, list | tuple) else value
