"""Steps 3-6, seen from behind: what a line's quantity is made of, day by day or each interval.

The readings are those of the rating case (`docs/rating-case.md`), sorted into buckets by the
tariff's calendar again. What does not sum to the determinant it stands under is not shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from gridtally.market import NO_MARKET, Market
from gridtally.money import number
from gridtally.periods import Period, Zone, iso_utc, zone
from gridtally.rating.calendars import runs
from gridtally.rating.charges import Charge, Energy
from gridtally.rating.costs import price_of
from gridtally.rating.tariff import TariffVersion
from gridtally.terms import Wanted

__all__ = ["clock", "deepened", "summary"]

Ints = npt.NDArray[np.int64]
Tree = Mapping[str, Any]
_MICRO, _HOUR = 10**6, 3600
_BARS = "▁▂▃▄▅▆▇█"


def deepened(
    tree: Tree,
    *,
    cases: Mapping[str, Mapping[str, Any]],
    tariffs: Mapping[str, TariffVersion],
    market: Market = NO_MARKET,
    intervals: bool = False,
) -> dict[str, Any]:
    """The tree of `explain` with days (and intervals) under energy, the peak under demand.

    `cases` are the rating cases of its segments with all values.
    """
    return {**tree, "segments": [
        _segment(segment, cases.get(segment["segment"]), tariffs, market, intervals)
        for segment in tree["segments"]
    ]}  # fmt: skip


def _segment(
    segment: Tree,
    case: Mapping[str, Any] | None,
    tariffs: Mapping[str, TariffVersion],
    market: Market,
    intervals: bool,
) -> dict[str, Any]:
    if case is None or not case["channels"]:
        return dict(segment)
    spans = []
    for span in segment["spans"]:
        version = tariffs.get(span["tariff"]["digest"]) if span["tariff"] else None
        if version is None:
            spans.append(span)
            continue
        days = Period(date.fromisoformat(span["from"]), date.fromisoformat(span["to"]))
        known = _Known(case, zone(case["zone"]), days, version, market)
        lines = [
            {
                **line,
                "from": [
                    known.deep(source, version.component(line["component"]), intervals)
                    for source in line["from"]
                ],
            }
            for line in span["lines"]
        ]
        spans.append({**span, "lines": lines})
    return {**segment, "spans": spans}


class _Known:
    """The readings of one span."""

    def __init__(
        self,
        case: Mapping[str, Any],
        place: Zone,
        days: Period,
        version: TariffVersion,
        market: Market,
    ) -> None:
        self.case, self.place, self.days, self.market = case, place, days, market
        self.series = version.series
        self.wanted = {
            wanted.name(bucket): (wanted, bucket)
            for wanted in version.wanted for bucket in wanted.buckets
        }  # fmt: skip

    def deep(
        self, source: Mapping[str, Any], charge: Charge | None, intervals: bool
    ) -> dict[str, Any]:
        """A source of a line with what it is made of, where that gives it exactly."""
        found = self.wanted.get(source["of"]) if source["kind"] == "determinant" else None
        if found is None or found[0].channel not in self.case["channels"]:
            return dict(source)
        wanted, bucket = found
        at, values, quality = self._readings(wanted, bucket)
        whole = int(Fraction(source["value"]) * _MICRO)
        step = self.case["channels"][wanted.channel]["resolution_s"]
        if wanted.kind == "energy" and int(values.sum()) == whole:
            rows = list(_days(self.place, at, values, quality, intervals=intervals))
            if intervals and isinstance(charge, Energy) and charge.series:
                self._price(charge, rows)
            return {**source, "bucket": bucket, "days": rows}
        if wanted.kind == "demand" and (peak := self._peak(wanted, step, at, values, whole)):
            return {**source, "bucket": bucket, "peak": peak}
        return dict(source)

    def _readings(self, wanted: Wanted, bucket: str) -> tuple[Ints, Ints, str]:
        """Starts, values and qualities of the intervals of a bucket in the span."""
        channel = self.case["channels"][wanted.channel]
        step = channel["resolution_s"]
        first = int(datetime.fromisoformat(channel["start"]).timestamp())
        bounds = self.place.bounds(self.days)
        low, high = ((at - first) // step for at in bounds)
        labels = wanted.labels(*bounds, step, self.market)
        mine = np.flatnonzero(labels == wanted.buckets.index(bucket))
        values = np.array(channel["values"][low:high], np.int64)[mine]
        quality = "".join(np.array(list(channel["quality"][low:high]))[mine].tolist())
        return bounds[0] + mine * step, values, quality

    def _price(self, charge: Energy, rows: Sequence[Mapping[str, Any]]) -> None:
        """Beside each interval its price of a series."""
        assert charge.series
        series, declared = self.market.series.get(charge.series), self.series[charge.series]
        for one in (one for row in rows for one in row["intervals"]):
            at = int(datetime.fromisoformat(one["start"]).timestamp())
            found = series.cut(at, at + 1) if series else None
            price = price_of(found.values[0], declared, charge) if found else None
            one["price"] = None if price is None else number(price)

    def _peak(
        self, wanted: Wanted, step: int, at: Ints, values: Ints, whole: int
    ) -> dict[str, str] | None:
        """The window whose mean power was billed, when it is one of blocks from midnight on."""
        window = wanted.window_s or step
        if not len(at) or window % step or wanted.windows:
            return None
        days = np.array([self.place.midnight(day) for day in _dates(self.days)], np.int64)
        midnight = days[np.searchsorted(days, at, side="right") - 1]
        start = midnight + (at - midnight) // window * window
        begins = runs(start)
        sums = np.add.reduceat(values, begins).tolist()
        long = (np.diff([*begins, len(at)]) * step).tolist()  # a clock change leaves a shorter one
        power = [round(Fraction(energy * _HOUR, s)) for energy, s in zip(sums, long, strict=True)]
        best = power.index(max(power))
        if power[best] != whole:
            return None
        opens, window = int(start[begins[best]]), long[best]
        return {"from": iso_utc(opens), "to": iso_utc(opens + window),
                "local": clock(self.place, opens)}  # fmt: skip


def _dates(days: Period) -> Iterator[date]:
    return (days.start + timedelta(n) for n in range(days.days))


def _days(
    place: Zone, at: Ints, values: Ints, quality: str, *, intervals: bool
) -> Iterator[dict[str, Any]]:
    """Energy by local day, and its intervals with reading and quality."""
    local = place.to_local(at) // 86_400
    edges = [*runs(local).tolist(), len(local)]
    for low, high in pairwise(edges):
        guessed = sum(
            value for value, letter in zip(values[low:high].tolist(), quality[low:high],
                                           strict=True) if letter == "E"
        )  # fmt: skip
        row: dict[str, Any] = {
            "day": str(place.date(int(at[low]))),
            "quantity": _text(int(values[low:high].sum())), "estimated": _text(guessed),
        }  # fmt: skip
        if intervals:
            row["intervals"] = [
                {"start": iso_utc(int(at[i])), "local": clock(place, int(at[i])),
                 "value": _text(int(values[i])), "quality": quality[i]}
                for i in range(low, high)
            ]  # fmt: skip
        yield row


def _text(value: int) -> str:
    return number(Fraction(value, _MICRO))


def clock(place: Zone, utc: int) -> str:
    """`2026-10-25 02:15+01:00`: local time with its offset, which tells a repeated hour apart."""
    at = datetime.fromtimestamp(utc, UTC).astimezone(place.info)
    return at.strftime("%Y-%m-%d %H:%M%z")[:-2] + ":" + at.strftime("%z")[-2:]


def summary(days: Sequence[Mapping[str, Any]]) -> str:
    """`31 days ▂▃▅…, least 5.1 on 2026-10-03, most 12.3 on 2026-10-18`."""
    values = [Fraction(row["quantity"]) for row in days]
    low, high = min(values), max(values)
    room = high - low
    bars = "".join(_BARS[int((value - low) / room * 7) if room else 3] for value in values)
    least, most = days[values.index(low)], days[values.index(high)]
    count = f"{len(days)} days" if len(days) != 1 else "1 day"
    if not room:
        return f"{count} {bars} of {most['quantity']}"
    return (
        f"{count} {bars}, least {least['quantity']} on {least['day']}, "
        f"most {most['quantity']} on {most['day']}"
    )
