"""Beside step 6: which hours change their bucket between two versions of a calendar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gridtally.rating.calendars import HOLIDAY, OUTSIDE, Calendar
from gridtally.rating.diff.changes import Change
from gridtally.rating.hours import Grid, grid, stretches

__all__ = ["Renamed", "calendar_changes", "hours_told", "same_hours"]


@dataclass(frozen=True, slots=True)
class Renamed:
    """How a calendar and its buckets were called before."""

    was: str
    buckets: Mapping[str, str]
    """The new name by the old one, of buckets that kept their hours and changed their name."""


def same_hours(old: Calendar, new: Calendar) -> bool:
    """Whether both give every minute the same bucket by the same name."""
    return old.buckets == new.buckets and np.array_equal(grid(old), grid(new))


def calendar_changes(
    group: str, old: Calendar, new: Calendar
) -> tuple[dict[str, str], list[Change]]:
    """Buckets that changed their name alone, and every hour that changed its bucket."""
    before, after = grid(old), grid(new)
    names = _renamed(old, new, before, after)
    found = [
        Change(group, "buckets", "renamed", was, now,
               text=f"The bucket {was} is called {now} now; it keeps its hours.")
        for was, now in names.items()
    ]  # fmt: skip
    found += _holidays(group, old, new, before, after)
    called = [names.get(bucket, bucket) for bucket in old.buckets]
    found += _moved(group, (called, list(new.buckets)), before, after)
    if [b for b in called if b in new.buckets] != [b for b in new.buckets if b in called]:
        was, now = ", ".join(called), ", ".join(new.buckets)
        text = f"The order of the buckets, and so of the lines, changes: {was} → {now}"
        found.append(Change(group, "buckets", "moved", was, now, text=text))
    return names, found


def _renamed(old: Calendar, new: Calendar, before: Grid, after: Grid) -> dict[str, str]:
    gone = [bucket for bucket in old.buckets if bucket not in new.buckets]
    come = [bucket for bucket in new.buckets if bucket not in old.buckets]
    names: dict[str, str] = {}
    for was in gone:
        cells = before == old.buckets.index(was)
        for now in come:
            same = cells.any() and np.array_equal(cells, after == new.buckets.index(now))
            if same and now not in names.values():
                names[was] = now
                break
    return names


def _holidays(group: str, old: Calendar, new: Calendar, before: Grid, after: Grid) -> list[Change]:
    """A calendar that begins or ceases to know public holidays."""
    if (old.holidays is None) == (new.holidays is None):
        return []
    if new.holidays is None:
        text = "Public holidays are ordinary days now: the hours of their weekday hold."
        return [Change(group, "holiday", "removed", _holiday_hours(old, before), None, text=text)]
    said = _holiday_hours(new, after)
    text = f"Public holidays have hours of their own now: {said}."
    return [Change(group, "holiday", "added", None, said, text=text)]


def hours_told(calendar: Calendar) -> str:
    """All hours of a calendar by bucket: `peak Mondays to Fridays 08:00-10:30; off ...`."""
    cells = grid(calendar)
    types = HOLIDAY if calendar.holidays is None else 8
    parts = [
        f"{bucket} " + ", ".join(part.text(types=types) for part in stretches(cells == index))
        for index, bucket in enumerate(calendar.buckets)
    ]
    return "; ".join(parts)


def _holiday_hours(calendar: Calendar, cells: Grid) -> str:
    parts = []
    for index, bucket in enumerate(calendar.buckets):
        mask = cells == index
        mask[:, :HOLIDAY] = False
        for part in stretches(mask):
            words = part.text(types=1).removeprefix("every day").strip() or "all day"
            parts.append(f"{bucket} {words}")
    return ", ".join(parts)


def _moved(
    group: str, called: tuple[list[str], list[str]], before: Grid, after: Grid
) -> list[Change]:
    first, second = (np.array([*names, ""]) for names in called)
    both = (before != OUTSIDE) & (after != OUTSIDE)
    differs = both & (first[before] != second[after])
    if not differs.any():
        return []
    types = 8 if both[:, HOLIDAY].any() else HOLIDAY
    found = []
    pairs = np.unique(before[differs].astype(np.int64) * len(second) + after[differs])
    for pair in pairs.tolist():
        i, j = divmod(pair, len(second))
        for part in stretches(differs & (before == i) & (after == j)):
            words = part.text(types=types)
            text = f"{words[0].upper()}{words[1:]} move from {first[i]} to {second[j]}"
            found.append(
                Change(group, "hours", "changed", str(first[i]), str(second[j]), text=text)
            )
    return found
