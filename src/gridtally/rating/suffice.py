"""What-if: which stored determinants make up one that another tariff wants, and which do not.

A determinant belongs to the calendar that it was summed by: `energy/import/tou/peak` of one tariff
need not be that of another. So calendars are compared minute by minute over the period in question:
a wanted bucket can be had when it is exactly a union of stored ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from math import gcd

import numpy as np
import numpy.typing as npt

from gridtally.market import NO_MARKET, Market
from gridtally.terms import Wanted

__all__ = ["Lack", "Recipe", "recipes"]

Labels = npt.NDArray[np.int64]
_MINUTE_S = 60
_WHEN = ("calendar", "buckets", "months", "optional", "labels", "events")
"""What says when a determinant counts; all else must be the same for one to serve for another."""
_JOINED = ("energy", "demand")
"""Kinds whose buckets can be put together: energies are summed, of demands the largest counts.
Not so the mean of the largest, what netting leaves, costs: these are had whole or not at all."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a wanted determinant comes from stored ones."""

    name: str
    of: tuple[str, ...]
    """Names of the stored ones; none: its hours do not occur in the period, so it is zero."""
    largest: bool
    """The largest of them, not their sum."""


@dataclass(frozen=True, slots=True)
class Lack:
    """A wanted determinant that no stored ones make up."""

    name: str
    reason: str


def recipes(
    wanted: Sequence[Wanted],
    stored: Sequence[Wanted],
    *,
    start_utc: int,
    end_utc: int,
    market: Market = NO_MARKET,
) -> tuple[list[Recipe], list[Lack]]:
    """Recipes for everything that is wanted in [start_utc, end_utc), and what cannot be had.

    What lies wholly outside its months is not asked for, as in step 5. `market` knows the events
    that decide hours.
    """
    found: list[Recipe] = []
    lacking: list[Lack] = []
    step = gcd(_MINUTE_S, end_utc - start_utc)

    def labels_of(one: Wanted) -> Labels:
        known = {"market": market} if one.events else {}
        return one.labels(start_utc, end_utc, step, **known).astype(np.int64)

    for want in wanted:
        labels = labels_of(want)
        if not (labels >= 0).any():
            continue
        if missing := _unknown(want, market, start_utc, end_utc):
            lacking += [Lack(want.name(bucket), missing) for bucket in want.buckets]
            continue
        alike = [one for one in stored if _alike(want, one)]
        tables = [(one, labels_of(one)) for one in alike]
        whole = want.streamed or want.kind not in _JOINED
        for number, bucket in enumerate(want.buckets):
            of = _union(labels == number, tables, whole=whole)
            if of is None:
                lacking.append(Lack(want.name(bucket), _reason(want, bucket, stored, alike)))
            else:
                found.append(Recipe(want.name(bucket), of, want.kind == "demand"))
    return found, lacking


def _unknown(want: Wanted, market: Market, start_utc: int, end_utc: int) -> str:
    """The events that decide its hours and are not known for all of the period."""
    for name in want.events:
        known = market.events.get(name)
        if known is None or not known.covers(start_utc, end_utc):
            return f"the events {name} are not known for all of the period"
    return ""


def _alike(want: Wanted, one: Wanted) -> bool:
    """Whether both measure the same thing, if perhaps at other times."""
    names = (field.name for field in fields(Wanted) if field.name not in _WHEN)
    return all(getattr(want, name) == getattr(one, name) for name in names)


def _union(
    mine: npt.NDArray[np.bool_], tables: Iterable[tuple[Wanted, Labels]], *, whole: bool
) -> tuple[str, ...] | None:
    """Stored determinants whose minutes are together exactly `mine`; None when there are none.

    `whole`: one of them must be it alone. Fewer parts come first: less to read and to add.
    """
    ways = list(_ways(mine, tables))
    ways = [way for way in ways if not whole or len(way) <= 1]
    return min(ways, key=len, default=None)


def _ways(
    mine: npt.NDArray[np.bool_], tables: Iterable[tuple[Wanted, Labels]]
) -> Iterator[tuple[str, ...]]:
    for one, labels in tables:
        size = len(one.buckets)
        inside = np.bincount(labels[mine & (labels >= 0)], minlength=size)
        every = np.bincount(labels[labels >= 0], minlength=size)
        touched = np.flatnonzero(inside)
        if inside.sum() == mine.sum() and (inside[touched] == every[touched]).all():
            yield tuple(one.name(one.buckets[i]) for i in touched.tolist())


def _reason(want: Wanted, bucket: str, stored: Sequence[Wanted], alike: Sequence[Wanted]) -> str:
    if alike:
        have = ", ".join(sorted({one.name(b) for one in alike for b in one.buckets}))
        return f"the hours are no union of those of {have}"
    same = [one for one in stored if (one.kind, one.channel) == (want.kind, want.channel)]
    if same:
        have = ", ".join(sorted({one.name(b) for one in same for b in one.buckets}))
        return f"{have} is measured otherwise"
    return f"no {want.channel} {want.kind} was stored"
