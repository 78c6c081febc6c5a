"""Before step 6 for charging sessions: JSON of others, read key by key, every complaint kept."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from gridtally.money import parse_decimal

__all__ = ["Complaint", "Reader", "json_of", "same_id", "unwrapped"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_YEARS = range(1990, 2060)
"""Of the tables of zones."""


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is no number of JSON")


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice[:64]!r} stands twice in one object")
    return found


def json_of(data: bytes) -> Any:
    """JSON with decimals of its numbers' text; `ValueError` says why it is none."""
    try:
        value = json.loads(
            data.decode("utf-8-sig"),
            parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=_once,
        )  # fmt: skip
        if b"\\ud" in data.lower():
            json.dumps(value, ensure_ascii=False, default=str).encode()
        return value
    except UnicodeEncodeError as err:
        raise ValueError("it holds half a character") from err
    except RecursionError as err:
        raise ValueError("it is nested too deeply") from err


def same_id(one: object, two: object) -> bool:
    """Whether two ids are one: those of OCPI are CiString, alike in capitals and small letters."""
    return str(one).casefold() == str(two).casefold()


def unwrapped(value: Any) -> Any:
    """The content of an OCPI response, `{"data": …, "status_code": …}`; anything else as it is."""
    return value["data"] if isinstance(value, dict) and "data" in value else value


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is wrong with a key."""

    path: str
    message: str
    remedy: str
    code: str = "rating.session.invalid"

    def __str__(self) -> str:
        return f"{self.path}: {self.message} {self.remedy}".strip()


@dataclass(slots=True)
class Reader:
    """Takes values out of JSON objects. A key whose value is null counts as absent."""

    problems: list[Complaint] = field(default_factory=list)

    def wrong(
        self, path: str, message: str, remedy: str, *, code: str = "rating.session.invalid"
    ) -> None:
        """Keep a complaint."""
        self.problems.append(Complaint(path, message, remedy, code))

    def mapping(self, value: object, path: str) -> Mapping[str, Any]:
        """A JSON object."""
        if isinstance(value, dict):
            return value
        self.wrong(path, "is no JSON object.", "Write { … }.")
        return {}

    def known(self, said: Mapping[str, Any], names: Iterable[str], path: str) -> None:
        """No other key."""
        for key in sorted(said.keys() - set(names)):
            near = get_close_matches(key, list(names), n=1)
            hint = f"Did you mean {near[0]}?" if near else f"Known are: {', '.join(names)}."
            self.wrong(_join(path, key[:64]), "is an unknown key.", hint)

    def items(
        self, said: Mapping[str, Any], key: str, path: str, *, needed: bool = True
    ) -> list[Any]:
        """A list, not empty where `needed`."""
        value = said.get(key)
        if value is None and not needed:
            return []
        if not isinstance(value, list) or (needed and not value):
            self.wrong(_join(path, key), "must be a list with at least one entry.", "Add it.")
            return []
        return value

    def text(self, said: Mapping[str, Any], key: str, path: str) -> str:
        """A text that must be there."""
        value = said.get(key)
        if isinstance(value, str) and value.strip() and len(value) <= 200:
            return value
        self.wrong(_join(path, key), "must be a text of 1 to 200 characters.", "Add it.")
        return ""

    def word(
        self, said: Mapping[str, Any], key: str, path: str, words: Sequence[str], *,
        needed: bool = False,
    ) -> str:  # fmt: skip
        """One of `words`; empty when absent."""
        value = said.get(key)
        if value is None and not needed:
            return ""
        return self.among(value, words, _join(path, key))

    def among(self, value: object, words: Sequence[str], path: str) -> str:
        """The value itself, if it is one of `words`."""
        if isinstance(value, str) and value in words:
            return value
        near = get_close_matches(str(value).upper(), words, n=1)
        near = near or get_close_matches(str(value).lower(), words, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"Known are: {', '.join(words)}."
        if value is None:
            self.wrong(path, "is missing.", hint)
        else:
            self.wrong(path, f"{str(value)[:64]!r} is unknown.", hint)
        return ""

    def number(
        self, said: Mapping[str, Any], key: str, path: str, *, places: int, below: int,
        needed: bool = False,
    ) -> Decimal | None:  # fmt: skip
        """A decimal, as number or text."""
        value, where = said.get(key), _join(path, key)
        if value is None:
            if needed:
                self.wrong(where, "is missing.", "Write a number.")
            return None
        try:
            if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
                raise ValueError(f"{str(value)[:64]!r} is no number")
            number = parse_decimal(_plain(value))
        except ValueError as err:
            self.wrong(where, f"{err}.", "Write a plain decimal number.")
            return None
        if abs(number) >= below:
            self.wrong(where, f"{number} is not below {below}.", "Check the unit.")
            return None
        if number != number.quantize(Decimal(1).scaleb(-places)):
            self.wrong(where, f"{number} has more than {places} decimals.",
                       f"Round it to {places} decimals.", code="rating.session.finer")  # fmt: skip
            return None
        return number

    def whole(
        self, said: Mapping[str, Any], key: str, path: str, *, needed: bool = False
    ) -> int | None:
        """A whole number from 0 to 10^9."""
        number = self.number(said, key, path, places=18, below=10**9, needed=needed)
        if number is None:
            return None
        if number < 0 or number != int(number):
            self.wrong(_join(path, key), f"{number} is no whole number from 0 on.", "Write one.")
            return None
        return int(number)

    def instant(
        self, said: Mapping[str, Any], key: str, path: str, *, needed: bool = False
    ) -> int | None:
        """Milliseconds since 1970 of an RFC 3339 text; without an offset it is UTC."""
        value, where = said.get(key), _join(path, key)
        if value is None:
            if needed:
                self.wrong(where, "is missing.", "Write it as 2026-05-04T07:30:00Z.")
            return None
        try:
            if not isinstance(value, str) or len(value) > 40 or "T" not in value.upper():
                raise ValueError
            at = datetime.fromisoformat(value)
            at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
            since = at - _EPOCH
        except (ValueError, OverflowError):
            self.wrong(where, f"{str(value)[:64]!r} is no instant.",
                       "Write it as 2026-05-04T07:30:00Z.")  # fmt: skip
            return None
        if since % timedelta(milliseconds=1) or at.year not in _YEARS:
            self.wrong(where, f"{value} is finer than a millisecond, or not in 1990 to 2059.",
                       "Give it to the second.")  # fmt: skip
            return None
        return since // timedelta(milliseconds=1)


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _plain(value: int | Decimal | str) -> str:
    """The digits of a number, of sane length."""
    if isinstance(value, Decimal):
        if not value.is_finite() or abs(value.adjusted()) > 30:
            raise ValueError("this number is out of all proportion")
        return format(value, "f")
    return str(value)
