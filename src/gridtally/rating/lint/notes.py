"""Before step 6: a note on a tariff document that is accepted."""

from __future__ import annotations

from gridtally.rating.document.values import Problem
from gridtally.terms import Severity

__all__ = ["note"]


def note(path: str, message: str, remedy: str) -> Problem:
    """What is odd, where, and what to do about it; it refuses nothing."""
    return Problem("rating.document.note", path, message, remedy, Severity.NOTE)
