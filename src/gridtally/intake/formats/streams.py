"""Step 2: several data streams of one NMI and letter (E1, E2) are together one channel.

Their values are added interval by interval, so that no energy is billed by half. A day for which a
stream that the NMI configuration names is missing is set aside whole.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
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
    many = _shared(runs, streams)
    if not len(many):
        return runs, runs
    said = _Said(streams, report)
    plain, rows, day = _plain(many, runs, streams)
    drop: list[int] = []
    sums = [_sum_plain(part, runs, said) for part in plain]
    for group in np.split(rows, np.flatnonzero(np.diff(day)) + 1) if len(rows) else []:
        winners = _newest(group.tolist(), runs, streams)
        configured = {s: streams.configuration(int(runs.line[row])) for s, row in winners.items()}
        missing = frozenset().union(*configured.values()) - winners.keys()
        if missing:
            name = streams.names[int(runs.key[group[0]])]
            _set_aside_partial(group.tolist(), runs, missing, name, report)
            drop += group.tolist()
            continue
        sums.append(_sum(winners, configured, runs))
        said.of(int(runs.key[group[0]]), winners, int(runs.line[group[0]]))
    keep = np.ones(len(runs.key), bool)
    keep[drop] = False
    alone = keep.copy()
    alone[many] = False
    rest = join([runs.take(np.flatnonzero(alone)), *sums])
    order = np.lexsort((rest.version, rest.start, rest.key))
    return runs.take(np.flatnonzero(keep)), rest.take(order)


class _Said:
    """Says once of each channel which streams are added up."""

    def __init__(self, streams: Streams, report: Report) -> None:
        self._streams, self._report = streams, report
        self._seen: set[tuple[str, str]] = set()

    def of(self, key: int, suffixes: Iterable[str], line: int) -> None:
        """Say it of the channel of a stream."""
        name, texts = self._streams.names[key], sorted(suffixes)
        if len(texts) < 2 or name in self._seen:
            return
        self._seen.add(name)
        self._report.note(
            "intake.channel.summed", text=" and ".join(texts), metering_point=name[0],
            channel=name[1], line=line,
        )  # fmt: skip

    def of_keys(self, keys: Ints, line: int) -> None:
        """Say it of streams of one channel."""
        self.of(int(keys[0]), [self._streams.suffixes[key] for key in keys.tolist()], line)


def _shared(runs: Runs, streams: Streams) -> Ints:
    """Rows whose channel has, or should have, more than one stream."""
    letters: dict[tuple[str, str], set[str]] = {}
    for key, name in enumerate(streams.names):
        letters.setdefault(name, set()).add(streams.suffixes[key])
    several = {name for name, suffixes in letters.items() if len(suffixes) > 1}
    wide = {at for at, parts in enumerate(streams.configurations) if len(parts) > 1}
    if not several and not wide:
        return np.zeros(0, np.int64)
    owner = np.searchsorted(np.array(streams.lines), runs.line, side="right") - 1
    many = np.array([name in several for name in streams.names], dtype=bool)[runs.key]
    many |= np.isin(owner, np.array(sorted(wide), dtype=np.int64))
    return np.flatnonzero(many)


def _plain(rows: Ints, runs: Runs, streams: Streams) -> tuple[list[tuple[Ints, Ints]], Ints, Ints]:
    """The rows by channel and day: those of plain days apart, and the others with their days.

    On a plain day each stream that the configuration names is there once, all of one configuration
    and interval length. Plain days come by interval length, as rows and where each day begins.
    """
    channels: dict[tuple[str, str], int] = {}
    of_key = np.array([channels.setdefault(name, len(channels)) for name in streams.names])
    kinds: dict[frozenset[str], int] = {}
    of_head = np.array([kinds.setdefault(parts, len(kinds)) for parts in streams.configurations])
    owner = np.searchsorted(np.array(streams.lines), runs.line[rows], side="right") - 1
    order = np.lexsort((runs.version[rows], runs.key[rows], runs.start[rows],
                        of_key[runs.key[rows]]))  # fmt: skip
    rows, kind = rows[order], of_head[owner[order]]
    key, start, seconds = runs.key[rows], runs.start[rows], runs.seconds[rows]
    new = np.ones(len(rows), bool)
    new[1:] = (np.diff(of_key[key]) != 0) | (np.diff(start) != 0)
    day, first = np.cumsum(new) - 1, np.flatnonzero(new)
    suffixes: dict[str, int] = {}
    own = np.array([suffixes.setdefault(text, len(suffixes)) for text in streams.suffixes])
    member = np.array([[text in parts for text in suffixes] for parts in kinds], dtype=bool)
    size = np.array([len(parts) for parts in kinds], dtype=np.int64)
    fine = member[kind, own[key]]
    fine[1:] &= new[1:] | ((np.diff(key) != 0) & (np.diff(kind) == 0) & (np.diff(seconds) == 0))
    plain = np.logical_and.reduceat(fine, first)
    plain &= np.diff(np.append(first, len(rows))) == size[kind[first]]
    parts = []
    for length in np.unique(seconds[first[plain]]).tolist():
        at = np.flatnonzero(plain[day] & (seconds == length))
        parts.append((rows[at], np.flatnonzero(new[at])))
    rest = ~plain[day]
    return parts, rows[rest], day[rest]


def _sum_plain(part: tuple[Ints, Ints], runs: Runs, said: _Said) -> Runs:
    """The days of several streams as one, where all streams have the same intervals."""
    rows, first = part
    slots = int(runs.count[rows[0]])
    cells = runs.offsets[rows][:, None] + np.arange(slots)
    value = np.add.reduceat(runs.value[cells], first, axis=0)
    quality = np.minimum.reduceat(runs.quality[cells], first, axis=0)
    line = np.minimum.reduceat(runs.line[rows], first)
    key = runs.key[rows[first]]
    for at in np.unique(key, return_index=True)[1].tolist():
        last = first[at + 1] if at + 1 < len(first) else len(rows)
        said.of_keys(runs.key[rows[first[at] : last]], int(line[at]))
    return Runs(
        key, runs.start[rows[first]], runs.seconds[rows[first]],
        np.maximum.reduceat(runs.version[rows], first), line,
        np.arange(len(first) + 1) * slots, np.where(quality == 0, 0, value).reshape(-1),
        quality.reshape(-1),
    )  # fmt: skip


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
    """The days of several streams as one, at the shortest length that all of theirs divide.

    An interval without value makes the sum have none, unless another stream's configuration no
    longer (or not yet) names its stream: a meter was exchanged that day.
    """
    rows = list(winners.values())
    seconds = int(np.lcm.reduce(runs.seconds[rows]))
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
