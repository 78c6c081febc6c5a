"""Green Button feeds of the Green Button Alliance, against a second, plain reading of the XML."""

import os
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from gridtally.intake.decode import decode, summary

ROOT = Path(os.environ.get("GRIDTALLY_ORACLES", Path(__file__).parents[3] / "shared" / "oracles"))
FOLDER = ROOT / "greenbutton"
AS_OF = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp())
ATOM, ESPI = "{http://www.w3.org/2005/Atom}", "{http://naesb.org/espi}"
ESTIMATED = {"8", "9", "10", "12", "13", "15", "16"}
SUBSTITUTED = {"7", "11"}

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no Green Button oracles in {FOLDER}")


def feeds():
    return [pytest.param(path, id=path.name) for path in sorted(FOLDER.glob("*.xml"))]


def letter(reading):
    quality = reading.findtext(f"{ESPI}ReadingQuality/{ESPI}quality", "0")
    return "E" if quality in ESTIMATED else "S" if quality in SUBSTITUTED else "A"


def expected_of(path):
    """Start -> (seconds, 10^-6 kWh, quality), by the feed's one reading type."""
    root = ET.parse(path).getroot()
    types = root.findall(f".//{ESPI}ReadingType")
    if len(types) != 1:
        pytest.skip("out of scope: several reading types: the plain reading here follows no links")
    assert types[0].findtext(f"{ESPI}uom") == "72"
    power = int(types[0].findtext(f"{ESPI}powerOfTenMultiplier"))
    found = {}
    for reading in root.iter(f"{ESPI}IntervalReading"):
        watt_hours = Decimal(reading.findtext(f"{ESPI}value")).scaleb(power)
        start = int(reading.findtext(f"{ESPI}timePeriod/{ESPI}start"))
        seconds = int(reading.findtext(f"{ESPI}timePeriod/{ESPI}duration"))
        found[start] = (seconds, watt_hours * 1000, letter(reading))
    return found


@pytest.mark.parametrize("path", feeds())
def test_every_reading(path):
    """Every reading is there once, with its start, length, quality and energy."""
    decoded = decode(path.read_bytes(), name=path.name, as_of=AS_OF)
    expected = expected_of(path)
    found = {}
    for block in decoded.blocks.to_pylist():
        start = int(block["start_utc"].timestamp())
        letters = block["quality"] * (len(block["values"]) if len(block["quality"]) == 1 else 1)
        for index, value in enumerate(block["values"]):
            at = start + index * block["resolution_s"]
            assert at not in found
            found[at] = (block["resolution_s"], Decimal(value), letters[index])

    assert found == expected
    assert decoded.accepted == decoded.rows == len(expected)
    assert decoded.quarantined == decoded.duplicates == 0


@pytest.mark.parametrize("path", feeds())
def test_summary(path):
    """The summary states their number, unit and sum."""
    decoded = decode(path.read_bytes(), name=path.name, as_of=AS_OF)
    expected = expected_of(path)
    channels = summary(decoded)["channels"]

    assert sum(row["n"] for row in channels) == len(expected)
    assert {row["unit"] for row in channels} == {"kWh"}
    total = sum(Decimal(row["sum"]) for row in channels)
    assert total == sum(value for _, value, _ in expected.values()) / 1_000_000
