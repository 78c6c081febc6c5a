"""On request: thresholds by customer segment from stored history, and what they would change.

Whole numbers: a ratio is a percentage rounded down, a quantile is the value at a rank.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from gridtally.metering.past import RATIOS, Past, comparable, flagged, past_of
from gridtally.metering.scan import Ints, Mask
from gridtally.metering.thresholds import Limits, Thresholds, names

__all__ = ["Change", "Learned", "difference", "learn"]

_FEW = 100
"""Bills with a past that a segment needs before anything is learned from it."""
_LARGEST_PCT = 10_000


@dataclass(frozen=True, slots=True)
class Change:
    """One threshold of one segment, and how many past bills it flags before and after."""

    segment: str
    name: str
    old: int
    new: int
    bills: int = 0
    """Past bills that it can be asked of."""
    flagged_old: int = 0
    flagged_new: int = 0


@dataclass(frozen=True, slots=True)
class Learned:
    """New thresholds, what changes, and what was left as it is, with the reason."""

    thresholds: Thresholds
    changes: list[Change] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)


def learn(history: pa.Table, old: Thresholds, *, flag_permille: int) -> Learned:
    """Thresholds on a bill's energy that flag `flag_permille` of a segment's past bills [10^-3].

    Each bill of HISTORY is compared with those before it; the thresholds of `past.RATIOS` become
    the quantiles of these ratios, one per customer segment of `history`.
    """
    kinds = [name or "" for name in history["customer_segment"].to_pylist()]
    each = old.of(kinds)
    past = past_of(history, history, each)
    use = comparable(past, each)
    kind = np.array(kinds, dtype=object)
    new, left = old, dict[str, str]()
    for segment in sorted(set(kinds) - {""}):
        mine = {name: which & (kind == segment) for name, which in use.items()}
        if values := _quantiles(past, mine, flag_permille):
            new = new.changed(segment, values)
        else:
            count = len(_ratios(past, "usual", mine["usual"]))
            left[segment] = f"{count} bills with a past, {_FEW} are needed"
    return Learned(new, difference(old, new, history=history), left)


def _quantiles(past: Past, use: Mapping[str, Mask], permille: int) -> dict[str, int]:
    """The thresholds that flag so many of these bills; those of which there are too few are not."""
    found: dict[str, int] = {}
    for name, against in RATIOS.items():
        ratio = _ratios(past, against, use[against])
        if len(ratio) < _FEW:
            continue
        beyond = len(ratio) * permille // 1000
        low = name.endswith("low_pct")
        at = beyond if low else len(ratio) - 1 - beyond
        value = int(np.partition(ratio, at)[at])
        found[name] = value if low else min(value + 1, _LARGEST_PCT)
    return found


def _ratios(past: Past, against: str, mine: Mask) -> Ints:
    """Energy per day as a share of something in the past. [%]"""
    other = getattr(past, against)
    use = np.flatnonzero(mine & (other > 0))
    ratios: Ints = past.each_day[use] * 100 // other[use]
    return ratios


# ------------------------------------------------------------------ what changes


def difference(
    old: Thresholds, new: Thresholds, *, history: pa.Table | None = None
) -> list[Change]:
    """Every threshold that differs, by segment; with `history` how many bills each flags."""
    counts = [_counts(which, history) for which in (old, new)] if history is not None else [{}, {}]
    found = []
    for segment in ["", *sorted({*old.segments, *new.segments})]:
        before, after = (_limits(which, segment) for which in (old, new))
        for name in names:
            one, other = getattr(before, name), getattr(after, name)
            if one != other:
                bills, was = counts[0].get((segment, name), (0, 0))
                _, will = counts[1].get((segment, name), (0, 0))
                found.append(Change(segment, name, one, other, bills, was, will))
    return found


def _limits(thresholds: Thresholds, segment: str) -> Limits:
    return thresholds.segments.get(segment, thresholds.all)


def _counts(thresholds: Thresholds, history: pa.Table) -> Mapping[tuple[str, str], tuple[int, int]]:
    """(segment, threshold) -> past bills, and how many of them it flags; "" for all segments."""
    kinds: Sequence[str] = [name or "" for name in history["customer_segment"].to_pylist()]
    each = thresholds.of(kinds)
    past = past_of(history, history, each)
    known = past.bills > 0
    found = {}
    for name, hit in flagged(past, each).items():
        for segment in ["", *sorted(set(kinds) - {""})]:
            mine = known & (np.array(kinds, dtype=object) == segment) if segment else known
            found[segment, name] = (int(mine.sum()), int((mine & hit).sum()))
    return found
