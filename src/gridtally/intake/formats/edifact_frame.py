"""Step 2: the frame of an EDIFACT interchange: UNB … UNZ around messages, UNH … UNT around each.

Their order, the counts in the trailers and the references that both ends repeat are checked: a file
that lost a part is refused whole.
"""

from __future__ import annotations

import numpy as np

from gridtally.intake.formats.edifact import Interchange, Segments, number_of
from gridtally.intake.report import shown
from gridtally.intake.words import refuse

__all__ = ["Frame"]

_SERVICE = {number_of(tag): tag for tag in ("UNB", "UNH", "UNT", "UNZ")}


class Frame:
    """UNB … UNZ and UNH … UNT as they come: the order, the counts, the references."""

    def __init__(self, interchange: Interchange) -> None:
        self.of = interchange
        self.line = self.segments = 1
        self.messages = 0
        self.last = 0
        """Number of the last segment that is no part of a message."""
        self.reference = ""
        self.message: tuple[str, int] | None = None
        self.state = "begin"

    def take(self, found: Segments) -> None:
        """Follow the service segments of a piece."""
        if found.rows:
            self.line, self.segments = int(found.line[-1]), int(found.number[-1])
        for row in np.flatnonzero(np.isin(found.tag, list(_SERVICE))).tolist():
            tag, number = _SERVICE[int(found.tag[row])], int(found.number[row])
            line = int(found.line[row])
            if self.message is None and number != self.last + 1:
                raise self.of.broken(line, "segments stand outside messages")
            if tag == "UNB" and self.state == "begin":
                self.reference, self.state = found.said(row, 5), "open"
            elif tag == "UNH" and self.state == "open" and self.message is None:
                self._message(found, row, line)
            elif tag == "UNT" and self.message is not None:
                self._end_message(found, row, line, number)
            elif tag == "UNZ" and self.state == "open" and self.message is None:
                self._end(found, row, line)
            elif tag in ("UNH", "UNZ") and self.message is not None:
                raise self.of.truncated(line, f"message {shown(self.message[0])} has no UNT")
            else:
                raise self.of.broken(line, f"{tag} stands where it cannot stand")
            self.last = number
        if self.message is None and self.segments != self.last:
            closed = self.state == "closed"
            text = "the file goes on after UNZ" if closed else "segments stand outside messages"
            raise self.of.broken(self.line, text)

    def _message(self, found: Segments, row: int, line: int) -> None:
        """A message begins; only MSCONS is read here."""
        kind = found.said(row, 2)
        if kind != "MSCONS":
            raise self.of.broken(line, f"a message is {shown(kind)}, not MSCONS")
        self.message = found.said(row, 1), int(found.number[row])
        self.messages += 1

    def _end_message(self, found: Segments, row: int, line: int, number: int) -> None:
        assert self.message is not None
        reference, start = self.message
        self._same(found.said(row, 2), reference, "UNT", "UNH", line)
        self._counted(found.said(row, 1), number - start + 1, f" (segments of {reference})", line)
        self.message = None

    def _end(self, found: Segments, row: int, line: int) -> None:
        self._same(found.said(row, 2), self.reference, "UNZ", "UNB", line)
        self._counted(found.said(row, 1), self.messages, " (messages)", line)
        self.state = "closed"

    def _same(self, said: str, expected: str, end: str, begin: str, line: int) -> None:
        if said != expected:
            text = f"{end} refers to {shown(said)}, {begin} to {shown(expected)}"
            raise self.of.broken(line, text)

    def _counted(self, said: str, there: int, what: str, line: int) -> None:
        plain = said.isascii() and said.isdigit() and len(said) < 10
        if not plain or int(said) != there:
            raise refuse(
                "intake.file.count", file=self.of.file, line=line,
                expected=said if plain else shown(said), cells=there, text=what,
            )  # fmt: skip

    def close(self) -> None:
        """Refuse a file that ends before its trailer."""
        if self.message is not None:
            raise self.of.truncated(self.line, f"message {shown(self.message[0])} has no UNT")
        if self.state != "closed":
            raise self.of.truncated(self.line, "there is no UNZ")
