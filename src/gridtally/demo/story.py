"""Before step 1: the town told in words, and the truth about what was hidden in it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gridtally.demo.faults import KINDS_OF_FAULT
from gridtally.demo.plan import Plan
from gridtally.errors import InvalidDocument, NotFound

__all__ = ["Truth", "load_truth", "tell", "truth"]


@dataclass(frozen=True, slots=True)
class Truth:
    """What was hidden: faults that an audit should see, oddities that it should let pass."""

    seed: int
    faults: tuple[dict[str, str], ...]
    oddities: tuple[dict[str, str], ...]
    kinds: dict[str, str]
    """Each kind of fault in a sentence."""


def truth(plan: Plan) -> bytes:
    """`truth.json`: no part of the billing reads it."""
    document: dict[str, Any] = {
        "schema": 1,
        "seed": plan.seed,
        "month": "2026-10",
        "kinds": KINDS_OF_FAULT,
        "faults": plan.faults,
        "oddities": plan.oddities,
    }
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()


def load_truth(path: Path) -> Truth:
    """Read `truth.json`, or the one in the town's folder `path`.

    Raises `NotFound` when it is not there, `InvalidDocument` when it is not one of ours.
    """
    file = path / "truth.json" if path.is_dir() else path
    if not file.is_file():
        raise NotFound(f"There is no {file}.", remedy="Build the town first.")
    try:
        document = json.loads(file.read_bytes())
        return Truth(
            document["seed"],
            tuple(document["faults"]),
            tuple(document["oddities"]),
            document["kinds"],
        )
    except (ValueError, KeyError, TypeError) as err:
        raise InvalidDocument(f"{file} is not the truth about a town: {err!r}.") from err


_PLURAL = {"household": "households", "shop": "shops", "factory": "factories"}
_ODD = {
    "holiday": "people away for a part of October",
    "kiosk": "beach kiosks, busy in summer only",
    "new-ev": "new electric cars",
    "new-heatpump": "new heat pumps",
    "new-pv": "roofs that got solar panels during the year",
    "new-supply": "supplies that are new and have a short past",
    "rollover": "dials that turn over from 99999 to 00000 in October",
    "school": "schools, closed in the holidays",
    "second-home": "second homes, used at weekends",
    "student": "students, away in summer and back in September",
    "tariff-change": "homes that change to time-of-use prices within October",
    "vacancy": "empty homes",
}


def tell(plan: Plan) -> str:
    """`story.md`: who lives in Port Lumen and what happened in October 2026."""
    segments = Counter(account["segment"] for account in plan.accounts)
    legal = Counter(point.kind.legal for point in plan.points)
    faults = Counter(fault["kind"] for fault in plan.faults)
    odd = Counter(oddity["kind"] for oddity in plan.oddities)
    who = ", ".join(f"{segments[name]:,} {plural}" for name, plural in _PLURAL.items())
    lines = [
        "# Port Lumen",
        "",
        "A harbour town that is on no map: its people, prices and meters are made up.",
        f"It has {len(plan.accounts):,} customers ({who}) at {len(plan.points):,} metering points: "
        f"{legal['register']:,} are billed from dials, {legal['interval']:,} from intervals.",
        "",
        "The month to bill is October 2026.",
        "Two tariffs get new prices on the 16th; the clocks go back on the 25th.",
        f"For {len(plan.changed()):,} customers something changes within it: somebody moves, "
        "a meter is exchanged, a price, a contract or a capacity is new.",
        "",
        "## What went wrong",
        "",
        *(f"- {faults[kind]} x {kind}: {what}" for kind, what in KINDS_OF_FAULT.items()),
        "",
        "## What only looks wrong",
        "",
        *(f"- {odd[kind]} x {kind}: {what}" for kind, what in _ODD.items() if odd[kind]),
    ]
    return "\n".join(lines) + "\n"
