"""Before step 6: what a tariff document declares for its components to use.

Terms of the agreement, series and events from outside, parts and losses of energy, eligibility.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import override

from gridtally.rating.document.values import (
    Complaint,
    HoursValue,
    Many,
    NotNegativeValue,
    Number,
    PercentValue,
    PositiveValue,
    RatioValue,
    RoundingPoint,
    Strict,
    Text,
    Title,
)
from gridtally.terms import Channel

__all__ = ["Eligibility", "EventList", "Loss", "Part", "PriceSeries", "Proration", "Term"]

Proration = Literal[
    "days", "none", "thirtieths", "days_365", "days_366", "days_year", "hours"
]  # fmt: skip


class Term(Strict):
    """Something that the agreement has to state."""

    title: Title | None = None
    unit: Text | None = None
    least: Number | None = None
    most: Number | None = None

    @override
    def complaints(self) -> Iterator[Complaint]:
        if self.least is not None and self.most is not None and self.least > self.most:
            yield "least", f"{self.least} is above `most`, {self.most}: no value would do"


class PriceSeries(Strict):
    """Prices by time that come from outside."""

    per: Literal["kWh", "MWh", "kvarh", "Mvarh"]
    title: Title | None = None
    source: Text | None = None

    @property
    def units(self) -> int:
        """What the step's value is divided by, for a price per kWh or kvarh."""
        return 1000 if self.per[0] == "M" else 1

    @property
    def reactive(self) -> bool:
        """Whether it prices reactive energy."""
        return self.per.endswith("varh")


class EventList(Strict):
    """Times that are called or known later."""

    title: Title | None = None
    source: Text | None = None


class Part(Strict):
    """A part of what a channel gives."""

    ratio: RatioValue | None = None
    per_month: NotNegativeValue | None = None
    slice: Annotated[tuple[RatioValue, ...], Many(2, 2)] | None = None
    rest: Literal[True] | None = None

    @override
    def complaints(self) -> Iterator[Complaint]:
        if len(self.model_fields_set) != 1:
            yield "", "a part has one of `ratio`, `per_month`, `slice`, `rest`"
        if self.slice:
            low, high = (value.number for value in self.slice)
            if low is not None and high is not None and low > high:
                yield "slice", f"{low} is above {high}: a slice goes from the smaller to the larger"


class Loss(Strict):
    """Energy that is lost between the meter and the place of billing."""

    adds_to: Literal["import", "reactive_import"]
    no_load: NotNegativeValue | None = None
    load: NotNegativeValue | None = None
    no_load_percent: NotNegativeValue | None = None
    load_percent: NotNegativeValue | None = None
    capacity: PositiveValue | None = None
    shape: NotNegativeValue | None = None
    ohm: NotNegativeValue | None = None
    kv: PositiveValue | None = None
    percent: PercentValue | None = None
    per_month: NotNegativeValue | None = None
    hours_per_day: HoursValue | None = None
    reactive: Literal[False] | None = None
    proration: Proration = "days"
    round: RoundingPoint | None = None

    @property
    def form(self) -> Literal["transformer", "line", "percent", "per_month", ""]:
        """Which of the four formulas it is; empty: none, or more than one."""
        given = self.model_fields_set
        found: list[Literal["transformer", "line", "percent", "per_month"]] = []
        if given & _TRANSFORMER:
            found.append("transformer")
        if given & {"ohm", "kv"}:
            found.append("line")
        if "percent" in given:
            found.append("percent")
        if "per_month" in given:
            found.append("per_month")
        return found[0] if len(found) == 1 else ""

    @property
    def channel(self) -> Channel:
        """The channel that it adds to."""
        return Channel(self.adds_to)

    @override
    def complaints(self) -> Iterator[Complaint]:
        if not self.form:
            yield (
                "",
                "a loss is one of: `no_load` and `load` (or the two in percent); `ohm` and `kv`; "
                "`percent`; `per_month`",
            )
            return
        yield from self._keys()
        if self.round and self.round.places > 6:
            yield "round.places", "is at most 6"

    def _keys(self) -> Iterator[Complaint]:
        given = self.model_fields_set
        if self.form == "transformer":
            for one in ("no_load", "load"):
                if {one, f"{one}_percent"} <= given:
                    yield f"{one}_percent", f"`{one}` is there already: give one of the two"
            if not given & {"no_load", "load", "no_load_percent", "load_percent"}:
                yield "no_load", "a loss of a transformer has `no_load`, `load`, or both"
        if self.form == "line":
            for key in sorted({"ohm", "kv"} - given):
                yield key, "is missing: a loss of a line has `ohm` and `kv`"
        if self.form not in ("transformer", "line"):
            for key in sorted(given & {"hours_per_day", "reactive"}):
                yield key, "has a meaning only with `no_load` and `load`, or `ohm` and `kv`"
        if "proration" in given and self.form != "per_month":
            yield "proration", "has a meaning only with `per_month`"


_TRANSFORMER = {"no_load", "load", "no_load_percent", "load_percent", "capacity", "shape"}


class Eligibility(Strict):
    """Who may have the tariff; a list that is left out allows all."""

    voltage_levels: (
        Annotated[tuple[Literal["low", "medium", "high", "extra_high"], ...], Many()] | None
    ) = None
    regions: Annotated[tuple[Text, ...], Many()] | None = None
    segments: Annotated[tuple[Text, ...], Many()] | None = None
    phases: Annotated[tuple[Annotated[int, Field(ge=1, le=3)], ...], Many()] | None = None

    @override
    def complaints(self) -> Iterator[Complaint]:
        if not self.model_fields_set:
            yield "", "is empty: leave it out when everybody may have the tariff"
