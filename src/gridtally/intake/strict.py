"""Step 2: a document of declarations is read strictly; every problem at once, each with its path.

A parser takes the value of one key and returns what is kept, or says with `ValueError` why not.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable, Mapping
from typing import Any

from gridtally.money import parse_decimal

__all__ = ["choice", "decimal", "flag", "parsed", "table", "text", "toml", "whole", "words"]

Parser = Callable[[Any], Any]

_BYTES_MAX = 256 * 1024
_TEXT_MAX = 200
_WORDS_MAX = 1000


def toml(data: bytes, problems: list[str]) -> dict[str, Any]:
    """The document as plain values; a number with a dot stays the text that it is."""
    if len(data) > _BYTES_MAX:
        problems.append(f"the document is larger than {_BYTES_MAX // 1024} KiB")
        return {}
    try:
        return tomllib.loads(data.decode("utf-8-sig"), parse_float=str)
    except UnicodeDecodeError as err:
        problems.append(f"byte {err.start + 1} is not UTF-8")
    except RecursionError:
        problems.append("the document is nested too deeply")
    except ValueError as err:
        problems.append(f"this is not TOML: {err}")
    return {}


def table(
    raw: object, path: str, known: Mapping[str, Parser], problems: list[str]
) -> dict[str, Any]:
    """What each key of a table says; a key that is not known is named with the nearest one."""
    if not isinstance(raw, dict):
        problems.append(f"{path or 'the document'} must be a table")
        return {}
    found: dict[str, Any] = {}
    for key, value in raw.items():
        where = f"{path}.{key}" if path else key
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
            problems.append(f"there is no key {where[:80]} ({hint})")
            continue
        parsed(known[key], value, where, found, problems)
    return found


def parsed(
    parse: Parser, value: object, where: str, found: dict[str, Any], problems: list[str]
) -> None:
    """Put what the value means into `found`, under the last part of its path."""
    try:
        found[where.rsplit(".", 1)[-1]] = parse(value)
    except ValueError as err:
        problems.append(f"{where} {err}")


def text(value: object) -> str:
    """A text of one line."""
    if not isinstance(value, str) or not 0 < len(value) <= _TEXT_MAX or not value.isprintable():
        raise ValueError(f"must be a text of 1 to {_TEXT_MAX} characters that can be seen")
    return value


def flag(value: object) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def whole(least: int, most: int) -> Parser:
    """A whole number within bounds."""

    def parse(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ValueError(f"must be a whole number from {least} to {most:,}")
        return value

    return parse


def choice(*options: str) -> Parser:
    """One of a few words."""

    def parse(value: object) -> str:
        if not isinstance(value, str) or value not in options:
            raise ValueError(f"must be one of {', '.join(map(repr, options))}")
        return value

    return parse


def decimal(value: object) -> tuple[int, int]:
    """An exact factor above zero as a whole number and the decimals that it is moved by."""
    try:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise ValueError
        exact = parse_decimal(str(value)[:41], places_max=12)
    except ValueError as err:
        raise ValueError("must be a plain decimal number such as 0.001") from err
    if not 0 < exact <= 1_000_000:
        raise ValueError("must be above zero and at most 1,000,000")
    places = max(0, -int(exact.normalize().as_tuple().exponent))
    return int(exact.scaleb(places)), places


def words(*allowed: str) -> Parser:
    """A table from the sender's words to ours; the sender's may be empty."""

    def parse(value: object) -> dict[str, str]:
        if not isinstance(value, dict) or not 0 < len(value) <= _WORDS_MAX:
            raise ValueError(f"must be a table of 1 to {_WORDS_MAX:,} words")
        for word, meaning in value.items():
            if len(word) > _TEXT_MAX:
                raise ValueError("has a word that is too long")
            if not isinstance(meaning, str) or meaning not in allowed:
                raise ValueError(f"gives {word!r} none of the meanings {', '.join(allowed)}")
        return dict(value)

    return parse
