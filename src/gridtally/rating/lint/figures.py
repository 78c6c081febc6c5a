"""Before step 6: figures other than prices that are of another size than such figures have.

A percentage that is written as a fraction, watts for kilowatts, a factor for a percentage. The
bounds are wide: what tariffs have that we know lies well within them, and a note refuses nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from pydantic import BaseModel

from gridtally.money import number
from gridtally.rating.charges import Document, PowerFactor, StepTable
from gridtally.rating.document.values import Problem, Value
from gridtally.rating.lint.notes import note

__all__ = ["figure_notes"]


class _Usual(NamedTuple):
    """What a key usually holds, both included; zero is always usual."""

    least: str
    most: str
    unit: str
    remedy: str
    """How it is written, or why it has such a size."""


_SHARE = _Usual("2", "100", "percent", "80 percent is written 80, not 0.8.")
_OF_POWER = _Usual("2", "150", "percent", "60 percent is written 60, not 0.6.")
_FACTOR = _Usual("0.7", "1.5", "times", "3 percent of losses are written 1.03.")
_PER_HUNDREDTH = _Usual("0.05", "10", "percent per hundredth", "1 percent is written 1, not 0.01.")
_AT_MOST = _Usual("1", "100", "percent", "20 percent is written 20, not 0.2.")
_USUAL = {
    "excess_over": _Usual("50", "300", "percent of the contract", "105 percent is written 105."),
    "excess_factor": _Usual("0.5", "20", "times", "Double the price is written 2."),
    "ratchet.percent": _SHARE,
    "ratchet.by_month": _SHARE,
    "ratchet.current_by_month": _SHARE,
    "least_of_contract": _OF_POWER,
    "least_of_capacity": _OF_POWER,
    "power_factor_below": _Usual("0.5", "1", "as a power factor", "Write it as 0.90."),
    "parts": _Usual("1", "100", "percent", "70 percent is written 70, not 0.7."),
    "loss_factor": _FACTOR,
    "loss_factors": _FACTOR,
    "free_ratio": _Usual("0.01", "2", "kvarh per kWh", "A third is written 0.33, not 33."),
    "times": _Usual("0.1", "2.5", "times the series", "4 percent more is written 1.04."),
    "below.percent": _PER_HUNDREDTH,
    "above.percent": _PER_HUNDREDTH,
    "below.limit": _AT_MOST,
    "above.limit": _AT_MOST,
    "true_up.percent": _Usual("1", "100", "percent", "50 percent is written 50, not 0.5."),
    "losses.no_load": _Usual("0", "100", "kW", "420 W are written 0.42."),
    "losses.load": _Usual("0", "1000", "kW", "3,100 W are written 3.1."),
    "losses.no_load_percent": _Usual("0.01", "5", "percent of the capacity", "Check the point."),
    "losses.load_percent": _Usual("0.05", "20", "percent of the capacity", "Check the point."),
    "losses.percent": _Usual("0.1", "30", "percent", "3 percent is written 3, not 0.03."),
    "losses.kv": _Usual("0.1", "1200", "kV", "400 V are written 0.4."),
}


def figure_notes(document: Document) -> Iterator[Problem]:
    """A note for each figure that its key usually does not hold."""
    for i, charge in enumerate(document.components):
        path = f"components[{i}]"
        for key, place, figure in _figures(charge):
            yield from _unusual(key, f"{path}.{place}", figure)
        if isinstance(charge, StepTable | PowerFactor):
            yield from _fractions(charge, path)
    for name, loss in document.losses.items():
        for key, place, figure in _figures(loss):
            yield from _unusual(f"losses.{key}", f"losses.{name}.{place}", figure)


def _unusual(key: str, path: str, figure: Decimal) -> Iterator[Problem]:
    usual = _USUAL.get(key)
    if usual is None or not figure:
        return
    if not Decimal(usual.least) <= abs(figure) <= Decimal(usual.most):
        name = key.rpartition(".")[2]
        message = (
            f"{number(figure)} is an odd `{name}`: most lie from {usual.least} to {usual.most} "
            f"{usual.unit}."
        )
        yield note(path, message, usual.remedy)


def _fractions(charge: StepTable | PowerFactor, path: str) -> Iterator[Problem]:
    """Rows of percentages that are all below one."""
    rows = (
        {f"rows[{k}].percent": row.percent for k, row in enumerate(charge.rows)}
        if isinstance(charge, StepTable)
        else {f"rows.{key}": percent for key, percent in (charge.rows or {}).items()}
    )
    if rows and 0 < max(map(abs, rows.values())) < 1:
        place = max(rows, key=lambda at: abs(rows[at]))
        message = f"No row of {charge.id} reaches 1 percent: fractions instead of percentages?"
        yield note(f"{path}.{place}", message, "10 percent is written 10, not 0.1.")


def _figures(part: object, key: str = "", path: str = "") -> Iterator[tuple[str, str, Decimal]]:
    """(key, path, number) of every number in a part of the document."""
    figure = part.number if isinstance(part, Value) else part
    if isinstance(figure, Decimal):
        yield key, path, figure
    elif isinstance(part, BaseModel):
        for name, field in type(part).model_fields.items():
            word, dot = field.alias or name, "." if path else ""
            yield from _figures(getattr(part, name), f"{key}{dot}{word}", f"{path}{dot}{word}")
    elif isinstance(part, dict):
        for name, item in part.items():
            yield from _figures(item, key, f"{path}.{name}")
    elif isinstance(part, tuple):
        for k, item in enumerate(part):
            yield from _figures(item, key, f"{path}[{k}]")
