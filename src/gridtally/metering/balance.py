"""Step 8, checks of metering points that lie behind one another: a parent against its children."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa

from gridtally.metering.scan import Row
from gridtally.metering.words import amount, counted
from gridtally.tables import finding
from gridtally.terms import Severity

__all__ = ["balance"]

_PER_MILLE, _LEAST = 20, 1_000_000
"""Tolerance: 2 % of the parent, two meters of class 1, and 1 kWh. [10^-3], [10^-6 kWh]"""


@dataclass(frozen=True, slots=True)
class _Energy:
    """What a metering point took from the network over a time, less what it gave."""

    first: date
    last: date
    net: int
    segment: str


def balance(segments: pa.Table, topology: pa.Table, points: pa.Table) -> Iterator[Row]:
    """Findings `metering.balance.parent` and `metering.balance.remainder`.

    A parent measures what its children take, and something of its own: its energy less theirs
    (SEGMENTS) is never below zero, beyond the accuracy of the meters. Compared where all were
    billed for the same days and the links of TOPOLOGY held for all of them; not where the parent
    has a generator of its own, whose energy its children may take.
    """
    energy = _energies(segments)
    features = dict(zip(points["metering_point"].to_pylist(), points["features"].to_pylist(),
                        strict=True))  # fmt: skip
    for parent, links in sorted(_links(topology).items()):
        whole = energy.get(parent)
        if whole is None or {"pv", "battery"} & set((features.get(parent) or "").split()):
            continue
        mine = [link for link in links if _holds(link, whole)]
        parts = [energy.get(link["child"]) for link in mine]
        known = [part for part in parts if part is not None and _same(part, whole)]
        if not known or len(known) < len(parts):
            continue
        rest = whole.net - sum(part.net for part in known)
        if rest < -(max(whole.net, 0) * _PER_MILLE // 1000 + _LEAST):
            yield _short(parent, whole, rest, mine)


def _energies(segments: pa.Table) -> dict[str, _Energy]:
    """Per metering point; none where some segment's energy is not known."""
    found: dict[str, _Energy | None] = {}
    keys = ("metering_point", "from", "to", "import_ukwh", "export_ukwh", "segment")
    for point, first, last, taken, given, name in sorted(
        zip(*(segments[key].to_pylist() for key in keys), strict=True), key=lambda row: row[:2]
    ):
        old = found.get(point)
        if taken is None or (point in found and (old is None or old.last != first)):
            found[point] = None
            continue
        net = taken - (given or 0)
        found[point] = _Energy(
            old.first if old else first, last, net + (old.net if old else 0), name
        )
    return {point: one for point, one in found.items() if one is not None}


def _links(topology: pa.Table) -> dict[str, list[dict[str, Any]]]:
    """The measured children of each parent."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in topology.sort_by([("parent", "ascending"), ("child", "ascending")]).to_pylist():
        if row["relation"] in ("child_of", "subtract"):
            found[row["parent"]].append(row)
    return found


def _holds(link: dict[str, Any], whole: _Energy) -> bool:
    ends = link["to"] is None or link["to"] >= whole.last
    return bool(ends and (link["from"] is None or link["from"] <= whole.first))


def _same(part: _Energy, whole: _Energy) -> bool:
    return (part.first, part.last) == (whole.first, whole.last)


def _short(parent: str, whole: _Energy, rest: int, links: Sequence[dict[str, Any]]) -> Row:
    children = ", ".join(link["child"] for link in links[:3]) + (" …" if len(links) > 3 else "")
    behind = f"{counted(len(links), 'metering point')} behind it ({children})"
    evidence = {"parent_ukwh": whole.net, "remainder_ukwh": rest,
                "children": " ".join(link["child"] for link in links)}  # fmt: skip
    where: dict[str, Any] = {
        "metering_point": parent, "channel": "import", "segment": whole.segment,
    }  # fmt: skip
    if any(link["relation"] == "subtract" for link in links):
        return finding(
            "metering.balance.remainder", Severity.HOLD,
            f"{parent}: less the {behind} there remain {amount(rest, 'kWh')}: what is billed here "
            "would be below zero.",
            remedy="Check multipliers and periods of all these meters, and who lies behind whom.",
            must_hold=True, evidence=evidence, direction="under", **where,
        )  # fmt: skip
    return finding(
        "metering.balance.parent", Severity.WARN,
        f"{parent}: {amount(whole.net, 'kWh')} are {amount(-rest, 'kWh')} less than the {behind} "
        "took together.",
        remedy="Check multipliers and periods of all these meters, and who lies behind whom.",
        evidence=evidence, direction="under", **where,
    )  # fmt: skip
