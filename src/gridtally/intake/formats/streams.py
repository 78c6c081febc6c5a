"""Step 2: several data streams of one NMI and letter (E1, E2) are together one channel.

Their values are added interval by interval, so that no energy is billed by half. A day for which a
stream that the NMI configuration names is missing is set aside whole.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from gridtally.intake.report import Report
from gridtally.intake.runs import Runs, join

__all__ = ["Streams", "combine"]

Ints = npt.NDArray[np.int64]
_SUFFIX = re.compile(r"[A-Z][A-Z0-9]")


@dataclass(slots=True)
class Streams:
    """Data streams by number: `names[key]` is (NMI, channel), `suffixes[key]` such as E1.

    `lines` and `configurations`: where each 200 record stands and what it configures.
    """

    names: list[tuple[str, str]] = field(default_factory=list)
    suffixes: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    configurations: list[frozenset[str]] = field(default_factory=list)
    _number: dict[tuple[str, str], int] = field(default_factory=dict)

    def number(self, nmi: str, suffix: str, channel: str, configuration: str, line: int) -> int:
        """The number of a stream, as one 200 record names it."""
        self.lines.append(line)
        self.configurations.append(_configured(configuration, suffix[0]))
        key = self._number.setdefault((nmi, suffix), len(self.names))
        if key == len(self.names):
            self.names.append((nmi, channel))
            self.suffixes.append(suffix)
        return key

    @property
    def tags(self) -> list[str]:
        """What tells the streams of one channel apart, such as `.E2`; empty where there is one."""
        count = Counter(self.names)
        return [
            f".{suffix}" if count[name] > 1 else ""
            for name, suffix in zip(self.names, self.suffixes, strict=True)
        ]

    def configuration(self, line: int) -> frozenset[str]:
        """The suffixes of the letter that the 200 record above a line configures."""
        at = int(np.searchsorted(np.array(self.lines), line, side="right")) - 1
        return self.configurations[at]


@lru_cache(maxsize=1024)
def _configured(configuration: str, letter: str) -> frozenset[str]:
    """The suffixes of a letter in an NMI configuration such as E1B1Q1, whatever separates them."""
    plain = "".join(char for char in configuration if char.isalnum())
    parts = _SUFFIX.findall(plain) if len(plain) % 2 == 0 else []
    return frozenset(part for part in parts if part[0] == letter)


def combine(runs: Runs, streams: Streams, report: Report) -> tuple[Runs, Runs]:
    """The accepted days stream by stream, and the same with streams of one channel added up."""
    groups = _shared(runs, streams)
    if not groups:
        return runs, runs
    drop: list[int] = []
    merged: list[int] = []
    sums: list[Runs] = []
    said: set[tuple[str, str]] = set()
    for rows in groups:
        winners = _newest(rows, runs, streams)
        configured = {s: streams.configuration(int(runs.line[row])) for s, row in winners.items()}
        missing = frozenset().union(*configured.values()) - winners.keys()
        point, channel = streams.names[int(runs.key[rows[0]])]
        if missing:
            _set_aside_partial(rows, runs, missing, (point, channel), report)
            drop += rows
            continue
        merged += rows
        sums.append(_sum(winners, configured, runs))
        if len(winners) > 1 and (point, channel) not in said:
            said.add((point, channel))
            report.note(
                "intake.channel.summed", text=" and ".join(sorted(winners)),
                metering_point=point, channel=channel, line=int(runs.line[rows[0]]),
            )  # fmt: skip
    keep = np.ones(len(runs.key), bool)
    keep[drop] = False
    alone = keep.copy()
    alone[merged] = False
    rest = join([runs.take(np.flatnonzero(alone)), *sums])
    order = np.lexsort((rest.version, rest.start, rest.key))
    return runs.take(np.flatnonzero(keep)), rest.take(order)


def _shared(runs: Runs, streams: Streams) -> list[list[int]]:
    """Days whose channel has, or should have, more than one stream: rows by channel and day."""
    letters: dict[tuple[str, str], set[str]] = {}
    for key, name in enumerate(streams.names):
        letters.setdefault(name, set()).add(streams.suffixes[key])
    several = {name for name, suffixes in letters.items() if len(suffixes) > 1}
    wide = {at for at, parts in enumerate(streams.configurations) if len(parts) > 1}
    if not several and not wide:
        return []
    owner = np.searchsorted(np.array(streams.lines), runs.line, side="right") - 1
    many = np.array([name in several for name in streams.names], dtype=bool)[runs.key]
    many |= np.isin(owner, np.array(sorted(wide), dtype=np.int64))
    groups: dict[tuple[str, str, int], list[int]] = {}
    for row in np.flatnonzero(many).tolist():
        point, channel = streams.names[int(runs.key[row])]
        groups.setdefault((point, channel, int(runs.start[row])), []).append(row)
    return list(groups.values())


def _newest(rows: Sequence[int], runs: Runs, streams: Streams) -> dict[str, int]:
    """The newest version of each stream's day."""
    newest: dict[str, int] = {}
    for row in rows:
        suffix = streams.suffixes[int(runs.key[row])]
        if suffix not in newest or runs.version[row] > runs.version[newest[suffix]]:
            newest[suffix] = row
    return newest


def _set_aside_partial(
    rows: Sequence[int], runs: Runs, missing: frozenset[str], name: tuple[str, str], report: Report
) -> None:
    for row in rows:
        report.set_aside(
            "intake.channel.partial", int(runs.line[row]),
            where={"metering_point": name[0], "channel": name[1]},
            text=f"{' and '.join(sorted(missing))} is missing",
        )  # fmt: skip


def _sum(winners: dict[str, int], configured: dict[str, frozenset[str]], runs: Runs) -> Runs:
    """The days of several streams as one, at the coarsest of their interval lengths.

    An interval without value makes the sum have none, unless another stream's configuration no
    longer (or not yet) names its stream: a meter was exchanged that day.
    """
    rows = list(winners.values())
    seconds = int(runs.seconds[rows].max())
    slots = int((runs.seconds[rows] * runs.count[rows]).max()) // seconds
    value, quality = np.zeros(slots, np.int64), np.full(slots, 9, np.uint8)
    for suffix, row in winners.items():
        span = slice(int(runs.offsets[row]), int(runs.offsets[row + 1]))
        parts = seconds // int(runs.seconds[row])
        own = runs.value[span].reshape(slots, parts).sum(axis=1)
        worst = runs.quality[span].reshape(slots, parts).min(axis=1)
        gone = any(suffix not in parts_ for other, parts_ in configured.items() if other != suffix)
        counts = worst > 0 if gone else np.ones(slots, bool)
        value += np.where(counts, own, 0)
        quality = np.where(counts, np.minimum(quality, worst), quality).astype(np.uint8)
    quality = np.where(quality == 9, 0, quality).astype(np.uint8)
    first = rows[0]
    return Runs(
        runs.key[[first]], runs.start[[first]], np.array([seconds]),
        runs.version[rows].max(keepdims=True), runs.line[rows].min(keepdims=True),
        np.array([0, slots]), np.where(quality == 0, 0, value), quality,
    )  # fmt: skip
