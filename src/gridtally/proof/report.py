"""Step 10, the trail: what does not fit, each with its place in the file."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from typing import Any

__all__ = ["Report", "exact"]

_NUMBER = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?|-?[0-9]{1,40}/[1-9][0-9]{0,40}", re.ASCII)
_FAILURES_MAX = 1000
_SHOWN_MAX = 300


def exact(text: object) -> Fraction | None:
    """The number that a decimal or a fraction spells; None when the text is neither."""
    if type(text) is not str or not _NUMBER.fullmatch(text):
        return None
    return Fraction(text)


class Report:
    """Failures `{"path", "expected", "found"}`; `path` is a JSON Pointer (RFC 6901)."""

    def __init__(self) -> None:
        self.failures: list[dict[str, str]] = []

    def fail(self, path: str, expected: object, found: object) -> None:
        """Write down one failure."""
        if len(self.failures) < _FAILURES_MAX:
            entry = {"path": path, "expected": _shown(expected), "found": _shown(found)}
            self.failures.append(entry)

    def same(self, path: str, expected: object, found: object) -> None:
        """Fail unless both are equal, and of one type: `true` is not 1."""
        if _shape(expected) != _shape(found):
            self.fail(path, expected, found)

    def equal(self, path: str, expected: Fraction, found: object) -> None:
        """Fail unless the text spells this number."""
        if exact(found) != expected:
            self.fail(path, expected, found)

    @staticmethod
    def join(path: str, name: str) -> str:
        """A path with one more name, escaped."""
        return f"{path}/{name.replace('~', '~0').replace('/', '~1')}"


def _shape(value: object) -> str:
    return json.dumps(value, sort_keys=True)


def _shown(value: object) -> str:
    """A value for a person to read: texts as they are, numbers plain, long ones cut."""
    if isinstance(value, Fraction):
        text = _plain(value)
    elif isinstance(value, str):
        text = value
    else:
        text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=repr)
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}… ({len(text)} characters)"


def _plain(value: Fraction) -> str:
    """A fraction as a decimal when it is one, else as numerator/denominator."""
    for places in range(41):
        scaled: Any = value * 10**places
        if scaled.denominator == 1:
            digits = str(abs(scaled.numerator)).rjust(places + 1, "0")
            point = len(digits) - places
            tail = f".{digits[point:]}" if places else ""
            return f"{'-' if value < 0 else ''}{digits[:point]}{tail}"
    return str(value)
