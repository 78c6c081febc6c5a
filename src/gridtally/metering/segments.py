"""Step 5: segments of SPANS as columns, with the windows in which their registers are read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gridtally.periods import Zone
from gridtally.periods import zone as zone_of
from gridtally.terms import LegalSource

__all__ = ["Segments"]

Ints = npt.NDArray[np.int64]
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Segments:
    """Segments in order of name; instants in seconds, days counted from 1970-01-01."""

    name: list[str]
    point: list[str]
    zone: list[Zone]
    legal: npt.NDArray[np.bool_]
    """Billed from registers; otherwise registers only check."""
    start: Ints
    end: Ints
    first: Ints
    """First local day."""
    last: Ints
    """Local day after the last."""
    opens: Ints
    """The window of the opening reading: the day before the first instant, and the day after."""
    begins: Ints
    ends: Ints
    """The window of the closing reading."""
    closes: Ints
    offset: Ints
    """Where its spans begin below, shape (segments + 1,)."""
    span: Ints
    """Number of each span."""
    span_start: Ints
    span_first: Ints
    span_last: Ints

    @classmethod
    def of(cls, spans: pa.Table) -> Segments:
        """The segments of SPANS, which need not be sorted."""
        spans = spans.sort_by([("segment", "ascending"), ("span", "ascending")])
        names = spans["segment"].to_pylist()
        head = [at for at, name in enumerate(names) if at == 0 or name != names[at - 1]]
        tail = [*(at - 1 for at in head[1:]), len(names) - 1]
        zones = [zone_of(name) for name in spans["zone"].take(head).to_pylist()]
        froms, tos = spans["from"].to_pylist(), spans["to"].to_pylist()
        first, last = [froms[at] for at in head], [tos[at] for at in tail]
        start, end = (spans[key].to_numpy() for key in ("start_utc", "end_utc"))

        def windows(days: list[date], shift: int) -> Ints:
            both = zip(zones, days, strict=True)
            return np.array([_midnight(zone, day + timedelta(shift)) for zone, day in both])

        return cls(
            name=[names[at] for at in head],
            point=spans["metering_point"].take(head).to_pylist(),
            zone=zones,
            legal=np.array(
                [
                    text == LegalSource.REGISTER
                    for text in spans["legal_source"].take(head).to_pylist()
                ]
            ),
            start=start[head],
            end=end[tail],
            first=_numbers(first),
            last=_numbers(last),
            opens=windows(first, -1),
            begins=windows(first, 1),
            ends=windows(last, -1),
            closes=windows(last, 1),
            offset=np.array([*head, len(names)]),
            span=spans["span"].to_numpy().astype(np.int64),
            span_start=start,
            span_first=_numbers(froms),
            span_last=_numbers(tos),
        )

    def day(self, segment: int, instant: int) -> int:
        """Local day of an instant."""
        return (self.zone[segment].date(instant) - _EPOCH).days

    def spans(self, segment: int) -> slice:
        """Where the spans of a segment are."""
        return slice(int(self.offset[segment]), int(self.offset[segment + 1]))


@cache
def _midnight(zone: Zone, day: date) -> int:
    return zone.midnight(day)


def _numbers(days: list[date]) -> Ints:
    return np.array([(day - _EPOCH).days for day in days], dtype=np.int64)
