"""Shared by every room: the glossary as code. One word, one meaning, everywhere.

*Exception* belongs to Python and *settlement* to the market: neither names anything else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = [
    "STEPS",
    "BillState",
    "Channel",
    "LegalSource",
    "Quality",
    "Reduced",
    "RegisterKind",
    "RoundingMode",
    "Severity",
    "Stream",
    "Wanted",
    "Windows",
]

STEPS = (
    "receive", "decode", "validate", "estimate", "determine",
    "rate", "assemble", "audit", "release", "issue",
)  # fmt: skip
"""The ten steps, in order. The same word is the module, the command, the folder, the event."""


class Channel(StrEnum):
    """Direction and kind of an interval stream or register. [kWh] or [kvarh]"""

    IMPORT = "import"
    """Active energy delivered to the customer. [kWh]"""
    EXPORT = "export"
    """Active energy received from the customer. [kWh]"""
    REACTIVE_IMPORT = "reactive_import"
    """Reactive energy, lagging. [kvarh]"""
    REACTIVE_EXPORT = "reactive_export"
    """Reactive energy, leading. [kvarh]"""


class Quality(StrEnum):
    """One letter per reading: how it came to be. Stored as its code, see `QUALITY_RANK`."""

    ACTUAL = "A"
    """Read by the meter."""
    SUBSTITUTED = "S"
    """Replaced by the sender with a value held to be final."""
    ESTIMATED = "E"
    """Estimated by the sender, or by us inside a run."""
    MISSING = "N"
    """No value: a gap."""


QUALITY_RANK = {Quality.ACTUAL: 3, Quality.SUBSTITUTED: 2, Quality.ESTIMATED: 1, Quality.MISSING: 0}
"""The winner of a slot: higher rank, then declared version, then later load."""


class RegisterKind(StrEnum):
    """What a dial shows."""

    CUMULATIVE = "cumulative"
    """A counter that only grows until it rolls over. [kWh] or [kvarh]"""
    DEMAND = "demand"
    """The largest demand since the last reset. [kW]"""


class LegalSource(StrEnum):
    """Which readings an agreement is billed from; the other kind only checks it."""

    INTERVAL = "interval"
    REGISTER = "register"


class Severity(StrEnum):
    """What a finding does to the bill that it names."""

    HOLD = "hold"
    """The bill is not released until a person decides."""
    WARN = "warn"
    """A suspicion: ranked by money at risk, shown within the review budget."""
    NOTE = "note"
    """Recorded, shown with the bill, holds nothing."""


class BillState(StrEnum):
    """`DRAFT -> RELEASED | HELD | EXCLUDED`, `HELD -> RELEASED | SUPERSEDED`,
    `RELEASED -> HELD | ISSUED`, `ISSUED -> CANCELLED`."""

    DRAFT = "draft"
    RELEASED = "released"
    HELD = "held"
    EXCLUDED = "excluded"
    SUPERSEDED = "superseded"
    ISSUED = "issued"
    CANCELLED = "cancelled"


class RoundingMode(StrEnum):
    """How a tie and a remainder are treated. Named in the tariff, never assumed."""

    HALF_UP = "half_up"
    """To the nearest; a tie goes away from zero (-0.125 -> -0.13)."""
    HALF_EVEN = "half_even"
    """To the nearest; a tie goes to the even digit."""
    DOWN = "down"
    """Towards zero."""
    UP = "up"
    """Away from zero."""


@dataclass(frozen=True, slots=True)
class Windows:
    """How demand is measured where the largest of consecutive windows does not say it."""

    rolling_s: int | None = None
    """A window starts every so many seconds; None: one after the other. [s]"""
    top: int | None = None
    """The mean of the so many largest."""
    distinct_days: bool = False
    """At most one window of a local day counts."""
    mean: bool = False
    """The mean of all."""
    apparent: bool = False
    """√(P² + Q²), Q of the channels in `either`. [kVA]"""

    @property
    def name(self) -> str:
        """As a determinant's name says it: rolling5.top3.days.kva."""
        parts = [
            f"rolling{self.rolling_s // 60}" if self.rolling_s else "",
            f"top{self.top}" if self.top else "",
            "days" if self.distinct_days else "",
            "mean" if self.mean else "",
            "kva" if self.apparent else "",
        ]
        return ".".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Stream:
    """Billed blocks of time of a few rows: intervals, hours, or all that a dial moved."""

    energy: npt.NDArray[np.int64]
    """[10^-6 kWh or kvarh], shape (rows, blocks)"""
    labels: npt.NDArray[np.int64]
    """Index of the bucket of each block."""
    starts: npt.NDArray[np.int64]
    """[s]"""
    ends: npt.NDArray[np.int64]
    """[s]"""
    days: npt.NDArray[np.int64]
    """Number of the local day in which each block starts."""
    dial: bool = False
    """One block per bucket, from registers."""


@dataclass(slots=True)
class Reduced:
    """What a stream gives: (name of a part, values, where they are known), and what holds."""

    columns: list[tuple[str, npt.NDArray[np.int64], npt.NDArray[np.bool_]]]
    holds: list[tuple[str, npt.NDArray[np.bool_], str, str]]
    """(code, where, message, remedy)"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a tariff version wants to know of a channel: one determinant per bucket.

    `labels(start_utc, end_utc, resolution_s, market)` gives for every interval of that grid the
    index of its bucket, -1 where it lies outside `months`, -2 where the bucket changes inside it.
    """

    kind: str
    """energy (a sum), demand (the largest mean power of a window), net (a sum of what netting
    leaves), cost (energy x a price by time), tiers (energy by tier of a day, or in order)."""
    channel: str
    calendar: str
    """Name of the calendar; empty: one bucket that is always on."""
    buckets: tuple[str, ...]
    """Names of the buckets; ("",) without a calendar."""
    months: tuple[int, ...]
    """Calendar months that count; empty: all."""
    window_s: int | None
    """Demand: length of the window; None: the readings' own intervals. [s]"""
    optional: bool
    """A metering point without this channel is no fault."""
    labels: Callable[..., npt.NDArray[np.int16]]
    variant: str = ""
    """Tells it from others of its kind: how demand is measured, whose cost or tiers they are."""
    events: tuple[str, ...] = ()
    """Events whose times must be known."""
    windows: Windows | None = None
    netting: str = ""
    """"interval" or "hour": less what the other channel has in the same block."""
    others: tuple[str, ...] = ()
    """Channels that it takes besides its own."""
    either: tuple[str, ...] = ()
    """Channels of which it takes those that are there, at least one."""
    reduce: Callable[..., Reduced] | None = None
    """`reduce(stream, spans, market)`: what a stream of blocks gives; None: a plain sum."""
    strict: bool = False
    """An interval below zero holds."""

    @property
    def streamed(self) -> bool:
        """Whether single blocks of time are looked at, so that one sum per bucket is not enough."""
        return bool(self.windows or self.netting or self.reduce)

    @property
    def channels(self) -> tuple[str, ...]:
        """Every channel that it may take."""
        return (self.channel, *self.others, *self.either)

    def name(self, bucket: str) -> str:
        """Name of a determinant: kind/channel/calendar/bucket, such as energy/import/tou/peak.

        What `reduce` gives for a part of a bucket has the part behind it: peak/tier-1.
        """
        kind = f"{self.kind}-{self.window_s // 60}" if self.window_s else self.kind
        kind += f".{self.variant}" if self.variant else ""
        months = "@" + ",".join(map(str, self.months)) if self.months else ""
        own, slash, part = bucket.partition("/")
        place = f"{_or_all(self.calendar)}{months}/{_or_all(own)}"
        return f"{kind}/{self.channel}/{place}{slash}{part}"


def _or_all(name: str) -> str:
    """`all` stands for no calendar and no bucket: one that is called so is written `=all`."""
    return "=all" if name == "all" else name or "all"
