"""Findings on interval lengths that change: the smallest input, and the words."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "metering"))

from test_resolutions import HOUR, QUARTER, block, refined, span, wanting

from gridtally.metering.resolutions import unfit


def test_split():
    """An hour before quarter-hours."""
    (row,) = refined(block([10]), block([1], at=HOUR, step=QUARTER)).findings.to_pylist()
    assert (row["code"], row["severity"], row["message"]) == (
        "metering.block.split", "note",
        "P import: 1 interval of 60 minutes from 2026-01-01T00:00:00Z on among those of 15 "
        "minutes: each is spread evenly, and its energy stays the same.",
    )  # fmt: skip


def test_disagree():
    """Quarter-hours that do not sum to their hour."""
    (row,) = refined(
        block([4_000_000]), block([10**6] * 3 + [2 * 10**6], step=QUARTER)
    ).findings.to_pylist()
    assert (row["code"], row["severity"], row["message"]) == (
        "metering.block.disagree", "hold",
        "P import: 1 interval of 60 minutes from 2026-01-01T00:00:00Z on disagree with the shorter "
        "readings inside, at first 4 kWh with 5 kWh; the shorter ones count.",
    )  # fmt: skip


def test_coarse():
    """A demand over a quarter-hour, of a day that began with hours."""
    found = refined(block([10]), block([1], at=HOUR, step=QUARTER))
    (row,) = unfit(
        span(), found.stretches, wanted=wanting("demand", window=QUARTER)
    ).to_pylist()  # fmt: skip
    assert (row["code"], row["severity"], row["message"]) == (
        "metering.block.coarse", "hold",
        "P import: readings of 60 minutes from 2026-01-01T00:00:00Z on cannot tell what the tariff "
        "asks: demand is billed over 15 minutes.",
    )  # fmt: skip
