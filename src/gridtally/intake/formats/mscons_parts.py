"""Step 2: several OBIS codes of one metering point and channel, put together to that channel.

Quadrants (5 and 6, 7 and 8) and tariffs (1, 2, …) of one meter are parts: they are added interval
by interval. Beside a total they are left out, and of two totals nobody knows which one counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gridtally.intake.formats.obis import Obis
from gridtally.intake.report import Report
from gridtally.intake.runs import Runs, Slots, join, settle_slots
from gridtally.periods import Zone

__all__ = ["combine"]

Ints = npt.NDArray[np.int64]
_QUADRANTS = (5, 6, 7, 8)
_PLACE = ("metering_point", "channel")


def combine(
    runs: Runs, names: Sequence[tuple[str, str]], codes: Sequence[tuple[str, Obis]],
    report: Report, *, zone: Zone | None,
) -> tuple[Runs, set[int]]:  # fmt: skip
    """Runs of streams as runs of channels, and the streams that do not count.

    `names` and `codes` say what each stream is of.
    """
    unused: set[int] = set()
    channels: dict[tuple[str, str], list[int]] = {}
    for stream in np.unique(runs.key).tolist():
        channels.setdefault(names[stream], []).append(stream)
    several = [streams for streams in channels.values() if len(streams) > 1]
    if not several:
        return runs, unused
    kept = [runs.take(np.flatnonzero(~np.isin(runs.key, np.concatenate(several))))]
    for streams in several:
        own = runs.take(np.flatnonzero(np.isin(runs.key, streams)))
        meanings = [codes[stream][1] for stream in streams]
        texts = " and ".join(codes[stream][0] for stream in streams)
        totals = [s for s, m in zip(streams, meanings, strict=True) if _is_total(m)]
        where: dict[str, Any] = dict(zip(_PLACE, names[streams[0]], strict=True))
        if _are_parts(meanings):
            report.note("intake.channel.summed", text=texts, line=int(own.line.min()), **where)
            kept.append(_added(own, streams, names, where, report, zone))
        elif len(totals) == 1:
            parts = own.key != totals[0]
            unused |= set(streams) - set(totals)
            _set_aside(
                own.take(np.flatnonzero(parts)), "intake.mscons.streams", texts, where, report
            )
            kept.append(own.take(np.flatnonzero(~parts)))
        else:
            unused |= set(streams)
            _set_aside(own, "intake.mscons.streams", texts, where, report)
    return join(kept), unused


def _is_total(meaning: Obis) -> bool:
    return meaning.tariff == 0 and meaning.quantity not in _QUADRANTS


def _are_parts(meanings: Sequence[Obis]) -> bool:
    """Whether the codes differ in quadrant only, or in tariff only, and none is a total."""
    if len({(m.meter, m.measure) for m in meanings}) > 1 or any(map(_is_total, meanings)):
        return False
    quantities, tariffs = {m.quantity for m in meanings}, {m.tariff for m in meanings}
    return len(quantities) == 1 or len(tariffs) == 1


def _set_aside(runs: Runs, code: str, text: str, where: dict[str, Any], report: Report) -> None:
    """Set all values of runs aside: each stood in a row of its own."""
    lines = np.repeat(runs.line, runs.count)
    if len(lines):
        report.set_aside(
            code, int(lines.min()), rows=len(lines), lines=lines, where=where, text=text
        )


def _added(
    runs: Runs, streams: Sequence[int], names: Sequence[tuple[str, str]], where: dict[str, str],
    report: Report, zone: Zone | None,
) -> Runs:  # fmt: skip
    """The parts of a channel added up; an interval that lacks a part is set aside."""
    at = np.arange(len(runs.value)) - np.repeat(runs.offsets[:-1], runs.count)
    seconds, version, line = (
        np.repeat(column, runs.count) for column in (runs.seconds, runs.version, runs.line)
    )
    start = np.repeat(runs.start, runs.count) + at * seconds
    stream = np.repeat(runs.key, runs.count)
    order = np.lexsort((runs.quality, stream, start, seconds, version))
    columns = (version, seconds, start, stream, runs.value, line)
    version, seconds, start, stream, value, line = (column[order] for column in columns)
    quality = runs.quality[order]
    new = np.ones(len(start), bool)
    new[1:] = (np.diff(version) != 0) | (np.diff(seconds) != 0) | (np.diff(start) != 0)
    first = np.flatnonzero(new)
    parts = np.diff(np.append(first, len(start)))
    fresh = new.copy()
    fresh[1:] |= np.diff(stream) != 0
    whole = (parts == len(streams)) & (np.add.reduceat(fresh.astype(np.int64), first) == parts)
    partial = np.repeat(~whole, parts)
    if partial.any():
        report.set_aside(
            "intake.channel.partial", int(line[partial].min()), rows=int(partial.sum()),
            lines=line[partial], where=where, text="a part of the sum is missing",
        )  # fmt: skip
    total = np.add.reduceat(value, first)
    worst = np.minimum.reduceat(quality, first)
    slots = Slots(
        np.full(len(first), streams[0]), start[first], seconds[first],
        np.where(worst == 0, 0, total), worst, version[first], line[first],
    ).take(whole)  # fmt: skip
    return settle_slots(slots, names, Report(report.file), zone=zone)
