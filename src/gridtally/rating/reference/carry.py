"""Step 6, the second opinion: what one segment hands to the next, `docs/tariff.md`, *Carry*."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from gridtally.rating.reference.figures import Held
from gridtally.rating.reference.instants import Span, iso_date, whole

__all__ = ["Carry", "check_cut", "closes", "months_back", "window_start"]


class Carry:
    """What comes from the segment before and goes to the next, by key and date."""

    def __init__(self, case: dict[str, Any]) -> None:
        self.values: dict[tuple[str, date], int] = {}
        self.end = iso_date(case["to"])
        began = "look_back_from" in case
        self.look_back_from = iso_date(case["look_back_from"]) if began else None
        names: set[str] = set()
        for entry in case["carry_in"]:
            key = (entry["key"], iso_date(entry["at"]))
            single = not entry["key"].startswith("demand/")
            if key in self.values or (single and key[0] in names):
                raise Held("rating.carry.ambiguous", f"Carry {entry['key']} comes twice.")
            self.values[key] = whole(entry["value"])
            names.add(key[0])

    def only(self, key: str, value: int, *, at: date) -> None:
        """Write the one entry of a tier or a bank; an earlier window's ends here."""
        if abs(value) >= 2**62:
            raise Held("rating.carry.range", f"Carry {key} is beyond all measure.")
        self.values = {k: v for k, v in self.values.items() if k[0] != key}
        self.values[key, at] = value

    def of(self, key: str, at: date) -> int:
        """What is carried of that date; 0 when there is none."""
        return self.values.get((key, at), 0)

    def keep(self, key: str, value: int) -> None:
        """Write what is kept to the end of the segment, zero included."""
        self.only(key, value, at=self.end)

    def bank(self, key: str) -> int:
        """What is kept, whatever its date; 0 when there is none."""
        return sum(value for (name, _), value in self.values.items() if name == key)

    def out(self) -> list[dict[str, Any]]:
        """Sorted by key and date."""
        return [
            {"key": key, "at": at.isoformat(), "value": value}
            for (key, at), value in sorted(self.values.items())
        ]


def window_start(resets: list[str], span: Span) -> date:
    """The last reset on or before the span's first day."""
    years = (span.first.year - 1, span.first.year)
    days = [date.fromisoformat(f"{year:04d}-{reset}") for reset in resets for year in years]
    return max(day for day in days if day <= span.first)


def closing_days(c: Mapping[str, Any]) -> list[str]:
    """The days of the year on which something of the component starts anew."""
    days = [c[key]["on"] for key in ("true_up", "settle") if key in c]
    if days == ["month"]:
        days = [f"{month:02d}-01" for month in range(1, 13)]
    days += [move["on"] for move in c.get("bank_moves", [])]
    return days + (c["resets"] if c.get("window") == "year" else [])


def check_cut(c: Mapping[str, Any], span: Span) -> None:
    """Hold when one of those days lies inside the span, after its first."""
    closing = closing_days(c)
    for day in span.days()[1:] if closing else ():
        if f"{day:%m-%d}" in closing:
            message = f"The component {c['id']} starts anew inside the span: {day}."
            raise Held("rating.span.uncut", message)


def closes(span: Span, on: str) -> bool:
    """Whether the span ends at that day of a year, or at the first of any month."""
    return span.end.day == 1 if on == "month" else f"{span.end:%m-%d}" == on


def months_back(first: date, months: int) -> date:
    """The first day of the month so many months before that of `first`."""
    number = first.year * 12 + first.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)
