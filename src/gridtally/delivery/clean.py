"""Delivery: text from outside becomes text that is safe to print.

A name may hold anything: a formula, a script, a right-to-left override, a letter that no font has.
Neither output ever interprets text (the page escapes it, typst gets it as data); what is left to
do here is what the eye would be fooled by.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

from gridtally.delivery.fonts import printable
from gridtally.tables import finding
from gridtally.terms import Severity

__all__ = ["STAND_IN", "Cleaner"]

STAND_IN = "〓"
"""What is printed for a letter that no font has: the printers' sign for a missing sort."""

_LIMIT = 240
_LIMITS = {"name": 120, "address": 300, "assumptions": 600, "payment_terms": 400}
_LINES = 6


class Cleaner:
    """Copies records with every text made printable, and notes what it had to change."""

    def __init__(self, bill: str, account: str) -> None:
        self._where: dict[str, Any] = {"bill": bill, "account": account}
        self.findings: list[dict[str, Any]] = []
        self.missing = False
        """True when some letter has been replaced."""

    def clean(self, value: Any, path: str = "") -> Any:
        """A copy of a JSON value in which every text, keys apart, is printable."""
        if isinstance(value, str):
            return self._text(value, path)
        if isinstance(value, Mapping):
            return {key: self.clean(item, f"{path}.{key}") for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.clean(item, path) for item in value]
        return value

    def _text(self, text: str, path: str) -> str:
        field = path.rpartition(".")[2]
        limit = _LIMITS.get(field, _LIMIT)
        if text.isascii() and text.isprintable() and len(text) <= limit:
            return text
        if len(text) > limit:
            self._note_shortened(path, len(text), limit)
            text = text[: limit - 1] + "…"
        text = unicodedata.normalize("NFC", text)
        lines = text.splitlines()[:_LINES] if field == "address" else [text]
        lost: set[str] = set()
        shown = "\n".join(_line(line, lost) for line in lines)
        if lost:
            self._note_missing(path, lost)
        return shown

    def _note_missing(self, path: str, lost: set[str]) -> None:
        self.missing = True
        codes = " ".join(f"U+{ord(letter):04X}" for letter in sorted(lost)[:8])
        field = path.lstrip(".")
        self.findings.append(
            finding(
                "delivery.letter.missing",
                Severity.WARN,
                f"Our fonts lack {codes}, in {field}; the bill shows {STAND_IN} instead.",
                remedy="Ask the customer for another spelling, or add a font that has the letter "
                "(src/gridtally/delivery/fonts/README.md).",
                evidence={"field": field, "letters": codes},
                count=len(lost),
                **self._where,
            )
        )

    def _note_shortened(self, path: str, length: int, limit: int) -> None:
        field = path.lstrip(".")
        self.findings.append(
            finding(
                "delivery.text.shortened",
                Severity.WARN,
                f"{field} has {length:,} characters; the bill shows the first {limit - 1}.",
                remedy="Correct the text in the master data if it is not meant to be that long.",
                evidence={"field": field, "length": length, "limit": limit},
                **self._where,
            )
        )


def _line(line: str, lost: set[str]) -> str:
    """One line of printable letters; what had to be replaced is added to `lost`."""
    letters, ours = [], printable()
    for letter in line:
        kind = unicodedata.category(letter)
        if letter.isspace() and letter not in "\u00a0\u202f":
            letters.append(" ")
        elif kind in ("Cc", "Cf"):
            continue
        elif ord(letter) in ours:
            letters.append(letter)
        else:
            letters.append(STAND_IN)
            lost.add(letter)
    return "".join(letters).strip()
