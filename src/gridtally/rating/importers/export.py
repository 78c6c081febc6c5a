"""Beside step 6: how a URDB rate's rule for export reads; see `urdb.py`."""

from __future__ import annotations

from dataclasses import dataclass

from gridtally.rating.importers.parts import Part
from gridtally.rating.importers.rate import Rate
from gridtally.terms import Channel

__all__ = ["Export", "bank", "export_rule"]

_RULES = (
    "", "net metering", "net billing instantaneous", "net billing hourly", "buy all sell all",
)  # fmt: skip
_HOUR = 3600


@dataclass(frozen=True, slots=True)
class Export:
    """`netting` of import against export; whether export is sold; how tiers of periods fill.

    `kept`: what it earns is for later bills. `minimum`: what a minimum is compared with, the whole
    `bill`, `zero` in place of a bill below zero, or the `charges` without what export earns.
    """

    netting: str | None = None
    sold: bool = False
    kept: bool = False
    pooling: str = "pro_rata"
    minimum: str = "bill"


def export_rule(source: Rate, *, resolution_s: int | None, registers: bool) -> Export:
    """What the rule means for these readings."""
    rule = " ".join(str(source.get("dgrules") or "").lower().split())
    if rule not in _RULES:
        source.refuse(f"dgrules: there is no rule {rule[:40]!r}")
        return Export()
    metered = _metered(source)
    if metered is False and not rule:
        rule = "net billing instantaneous"
        source.assume(f"usenetmetering is false and there is no dgrules: read as {rule}.")
    elif metered is not None and rule and metered != (rule == "net metering"):
        said = str(metered).lower()
        source.assume(f"usenetmetering is {said}, dgrules {rule!r}: dgrules holds.")
    monthly = rule in ("", "net metering")
    pooling = "pro_rata" if monthly or registers else "in_order"
    if Channel.EXPORT not in source.channels:
        source.assume("The readings have no export: nothing is netted or credited.")
        return Export(pooling=pooling)
    if monthly:
        return _net_metering(source, rule)
    if rule == "buy all sell all":
        source.assume(
            "Buy all sell all: import is taken as all that was used and export as all that was "
            "generated, each with a meter of its own; nothing is netted."
        )
        return Export(sold=True, pooling=pooling, minimum="charges")
    if rule == "net billing instantaneous":
        source.assume(
            "Net billing instantaneous: import is charged and export credited as the meter "
            "measured them; nothing is netted between readings. A bill may be below zero."
        )
        return Export(sold=True, pooling=pooling, minimum="zero")
    return _hourly(source, pooling, resolution_s=resolution_s, registers=registers)


def _metered(source: Rate) -> bool | None:
    """`usenetmetering`, which older rates have in place of `dgrules`."""
    stated = source.get("usenetmetering")
    if stated is None:
        return None
    text = str(stated).strip().lower()
    if text not in ("true", "false", "1", "0", "1.0", "0.0"):
        source.refuse(f"usenetmetering: {text[:40]!r} is neither true nor false")
    return text in ("true", "1", "1.0")


def _net_metering(source: Rate, rule: str) -> Export:
    if not rule and source.get("usenetmetering") is not None:
        source.assume("usenetmetering: export counts at the price of import, as in net metering.")
    elif not rule:
        source.assume("The source has no rule for export: net metering is assumed.")
    source.assume(
        "Net metering: export is netted within the month and the bucket, the rest is banked for "
        "the same bucket without end; there is no settlement at the end of the year."
    )
    return Export(netting="month")


def _hourly(source: Rate, pooling: str, *, resolution_s: int | None, registers: bool) -> Export:
    """Netted within each hour; what is sold counts for later bills."""
    source.assume(
        "Net billing hourly: import and export are netted within each hour. What export earns "
        "counts from the next bill on, against the energy charges alone, as NREL's System Advisor "
        "Model reads this rule; the source says nothing of it."
    )
    if registers:
        source.assume("Registers show no hours: nothing is netted within them.")
        return Export(sold=True, kept=True)
    if pooling == "in_order" and resolution_s is not None and resolution_s >= _HOUR:
        return Export("interval", sold=True, kept=True, pooling=pooling)
    return Export("hour", sold=True, kept=True)


def bank(source: Rate, rule: Export, parts: list[Part], *, minimum: bool) -> list[Part]:
    """What export earned, kept for the energy of later bills.

    With a minimum it is never paid: the minimum would take back what is paid in its month.
    """
    later = [part["id"] for part in parts if part.get("credit")]
    of = [part["id"] for part in parts if part["id"].startswith(("energy", "fuel"))]
    if not rule.kept or not later or not of:
        return []
    kept: Part = {"id": "kept", "shape": "bank", "of": of, "later": later}
    if minimum:
        source.assume("What export earned and no bill has used is kept without end.")
        return [kept]
    source.assume("What export earned and no bill has used is paid on 31 December.")
    return [kept | {"true_up": {"on": "01-01", "percent": 100}}]
