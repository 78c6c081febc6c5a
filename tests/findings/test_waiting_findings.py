"""The smallest input for each reason to wait for master data, with its message and remedy."""

import sys
from datetime import date
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "intake"))
from intake_cases import decoded

from gridtally import tables
from gridtally.intake.known import CODES, Master, Watch, few, findings

LATER = "Deliver master data that have it: the readings are kept, and count from then on."
INTERVAL = (
    "metering_point,channel,start,value,unit,resolution_min\n{point},{channel},{at},1,kWh,60\n"
)
DIAL = "metering_point,meter,register,time,reading\n{point},{meter},{register},{at},1\n"
SAID = {
    "intake.master.none": (
        INTERVAL, {}, "There are no master data yet, so all readings wait for them.",
        "Deliver master data; nothing needs to be delivered again.",
    ),
    "intake.point.unknown": (
        INTERVAL, {"point": "Q"}, "There is no metering point 'Q' in master data.", LATER,
    ),
    "intake.meter.unknown": (
        DIAL, {"meter": "N"}, "There is no meter 'N' in master data; the reading is of 'P'.", LATER,
    ),
    "intake.meter.elsewhere": (
        DIAL, {"at": "2025-01-05T00:00:00Z"},
        "The meter 'M' does not stand at 'P' then, as master data have it.",
        "Correct the meter's place and days in master data, or the reading at its sender.",
    ),
    "intake.meter.absent": (
        INTERVAL, {"at": "2025-01-05T00:00:00Z"},
        "No meter stands at 'P' then, as master data have it.",
        "Correct the days of its meters in master data, or the readings at their sender.",
    ),
    "intake.register.unknown": (
        DIAL, {"register": "2.8.0"}, "The meter 'M' at 'P' has no dial '2.8.0' in master data.",
        "Add the dial to master data, or correct the reading at its sender.",
    ),
    "intake.channel.absent": (
        INTERVAL, {"channel": "export"},
        "The meters of 'P' have no dial for 'export' in master data.",
        "Add the dial to master data, or correct the channel at its sender.",
    ),
}  # fmt: skip
KNOWN = {
    "metering_points": tables.table(
        tables.METERING_POINTS, [{"metering_point": "P", "zone": "UTC"}]
    ),
    "meters": tables.table(
        tables.METERS, [{"meter": "M", "metering_point": "P", "from": date(2026, 1, 1)}]
    ),
    "registers": tables.table(
        tables.REGISTERS, [{"meter": "M", "register": "1.8.0", "channel": "import"}]
    ),
}
PLAIN = {
    "point": "P", "channel": "import", "at": "2026-01-05T00:00:00Z", "meter": "M",
    "register": "1.8.0",
}  # fmt: skip


def said(text, known):
    """The findings of what waits in a file."""
    master, found = Master(known, zone="UTC"), decoded(text)
    watch = Watch(master, False)
    watch("blocks", found.blocks)
    watch("registers", found.registers)
    return findings(watch.groups(), file="a.csv", master=master)


def test_every_reason_is_here():
    """A new one comes with its smallest input."""
    assert set(SAID) == set(CODES)


@pytest.mark.parametrize("code", SAID)
def test_what_waits_is_said(code):
    """Code, severity, message, remedy, and how many rows."""
    text, change, message, remedy = SAID[code]
    known = {} if code == "intake.master.none" else KNOWN
    (row,) = said(text.format(**PLAIN | change), known)

    assert (row["code"], row["count"], row["file"]) == (code, 1, "a.csv")
    assert row["severity"] == ("note" if code == "intake.master.none" else "warn")
    assert row["message"] == f"{message} Rows that wait: 1."
    assert row["remedy"] == remedy


@pytest.mark.parametrize("text", [INTERVAL, DIAL])
def test_what_is_known_is_not_spoken_of(text):
    """No finding without a reason."""
    assert said(text.format(**PLAIN), KNOWN) == []


def test_a_receipt_has_the_first_and_one_for_the_others():
    """Thirty unknown points are 21 findings, which count all thirty."""
    rows = [INTERVAL.format(**PLAIN | {"point": f"X{n}"}).split("\n")[1] for n in range(30)]
    kept = few(said("\n".join([INTERVAL.split("\n", maxsplit=1)[0], *rows, ""]), KNOWN))

    assert len(kept) == 21
    assert sum(row["count"] for row in kept) == 30
    assert kept[-1]["message"].endswith("So do those of 9 more; the quarantine lists all.")
