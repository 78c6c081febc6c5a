"""Step 6, the second opinion: what one segment hands to the next, `docs/tariff.md`, *Carry*."""

from __future__ import annotations

from datetime import date
from typing import Any

from gridtally.rating.reference_readings import Span, iso_date, whole
from gridtally.rating.reference_tariff import Held

__all__ = ["Carry", "months_back", "window_start"]


class Carry:
    """What comes from the segment before and goes to the next, by key and date."""

    def __init__(self, case: dict[str, Any]) -> None:
        self.values: dict[tuple[str, date], int] = {}
        self.end = iso_date(case["to"])
        for entry in case["carry_in"]:
            key = (entry["key"], iso_date(entry["at"]))
            single = not entry["key"].startswith("demand/")
            if key in self.values or (single and any(k == key[0] for k, _ in self.values)):
                raise Held("rating.carry.ambiguous", f"Carry {entry['key']} comes twice.")
            self.values[key] = whole(entry["value"])

    def only(self, key: str, value: int, *, at: date) -> None:
        """Write the one entry of a tier or a bank; an earlier window's ends here."""
        self.values = {k: v for k, v in self.values.items() if k[0] != key}
        self.values[key, at] = value

    def bank(self, key: str) -> int:
        """The credit bank, whatever its date; 0 when there is none."""
        return sum(value for (name, _), value in self.values.items() if name == key)

    def out(self) -> list[dict[str, Any]]:
        """Sorted by key and date."""
        return [
            {"key": key, "at": at.isoformat(), "value": value}
            for (key, at), value in sorted(self.values.items())
        ]


def window_start(resets: str, span: Span) -> date:
    """The last reset on or before the span's first day; a reset inside the span holds."""
    day = [
        date(y, int(resets[:2]), int(resets[3:])) for y in (span.first.year - 1, span.first.year)
    ]
    following = [date(y.year + 1, y.month, y.day) for y in day]
    for reset in day + following:
        if span.first < reset < span.end:
            raise Held("rating.span.uncut", f"The yearly tiers start anew inside: {reset}.")
    return max(reset for reset in day if reset <= span.first)


def months_back(first: date, months: int) -> date:
    """The first day of the month so many months before that of `first`."""
    number = first.year * 12 + first.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)
