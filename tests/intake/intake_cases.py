"""Shared by the tests of intake: deliveries in each format, and what comes of them."""

from datetime import UTC, datetime

import numpy as np
from hypothesis import settings

from gridtally.intake.decode import decode

AS_OF = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp())
ANY_TIME = settings(deadline=None, max_examples=60)
"""For properties: a busy machine, or a zone that is read first, is no failure."""


def column(texts):
    """Texts as bytes with the positions of each."""
    raw = [text.encode() for text in texts]
    ends = np.cumsum([len(text) for text in raw]).astype(np.int64)
    starts = ends - np.array([len(text) for text in raw], dtype=np.int64)
    return np.frombuffer(b"".join(raw) + bytes(64), np.uint8), starts, ends


def decoded(data, **how):
    """A delivery, decoded; text is sent as UTF-8."""
    data = data if isinstance(data, bytes) else data.encode()
    return decode(data, **({"name": "file", "as_of": AS_OF} | how))


def counts(found):
    """Accepted, duplicates, quarantined, after checking that they are all rows."""
    assert found.rows == found.accepted + found.duplicates + found.quarantined
    return found.accepted, found.duplicates, found.quarantined


def codes(found, severity="warn"):
    """Codes of the findings of one severity, each as often as it stands for rows."""
    rows = [row for row in found.findings.to_pylist() if row["severity"] == severity]
    return sorted(code for row in rows for code in [row["code"]] * row["count"])


def slots(found, channel="import"):
    """Every interval of a channel: (start [s], seconds, value or None, quality, version)."""
    rows = []
    for block in found.blocks.to_pylist():
        if block["channel"] != channel:
            continue
        start = int(block["start_utc"].timestamp())
        size = len(block["values"])
        letters = block["quality"] * (size if len(block["quality"]) == 1 else 1)
        for index, value in enumerate(block["values"]):
            at = start + index * block["resolution_s"]
            rows.append((at, block["resolution_s"], value, letters[index], block["version"]))
    return sorted(rows)


# Each builder takes one reading that may be bad, among good ones: value and unit, or when.


def csv_long(value="1.5", unit="kWh", start="2026-01-05T12:00:00Z", channel="import", point="P"):
    """A day of hours, its reading at noon replaced, and a good row after it."""
    rows = ["metering_point,channel,start,value,unit"]
    rows += [f"P,import,2026-01-05T{hour:02d}:00:00Z,1.5,kWh" for hour in range(12)]
    rows += [f"{point},{channel},{start},{value},{unit}"]
    rows += [f"P,import,2026-01-05T{hour:02d}:00:00Z,1.5,kWh" for hour in range(13, 24)]
    return "\n".join([*rows, ""])


def csv_wide(value="1.5", unit="kWh", day="2026-01-06", channel="import", point="P"):
    """Three days of hours, the noon of the second replaced."""
    rows = ["metering_point,channel,date,resolution_min,unit," + names(24)]
    rows += ["P,import,2026-01-05,60,kWh" + ",1.5" * 24]
    rows += [f"{point},{channel},{day},60,{unit}" + ",1.5" * 12 + f",{value}" + ",1.5" * 11]
    rows += ["P,import,2026-01-07,60,kWh" + ",1.5" * 24]
    return "\n".join([*rows, ""])


def csv_registers(value="1.5", unit="kWh", time="2026-02-01T00:00:00Z", channel="import"):
    """Three monthly readings of a dial, the second replaced."""
    rows = ["metering_point,meter,register,time,reading,unit,channel"]
    rows += ["P,M,1.8.0,2026-01-01T00:00:00Z,1.5,kWh,import"]
    rows += [f"P,M,1.8.0,{time},{value},{unit},{channel}"]
    rows += ["P,M,1.8.0,2026-03-01T00:00:00Z,1.5,kWh,import"]
    return "\n".join([*rows, ""])


def nem12(value="1.5", unit="kWh", day="20260106", suffix="E1"):
    """Three days of hours, the noon of the second replaced; then another stream."""
    rows = ["100,NEM12,202602010000,SENDER,RECEIVER", "200,P,E1,1,E1,N1,M,kWh,60,"]
    rows += ["300,20260105" + ",1.5" * 24 + ",A,,,20260110000000,"]
    rows += [f"200,P,{suffix},1,{suffix},N1,M,{unit},60,"]
    rows += [f"300,{day}" + ",1.5" * 12 + f",{value}" + ",1.5" * 11 + ",A,,,20260110000000,"]
    rows += ["200,P,E1,1,E1,N1,M,kWh,60,"]
    rows += ["300,20260107" + ",1.5" * 24 + ",A,,,20260110000000,", "900"]
    return "\n".join([*rows, ""])


def names(count):
    """v1,v2 … of a wide file."""
    return ",".join(f"v{number}" for number in range(1, count + 1))


def wide_day(day, count, zone_minutes=60, value="1"):
    """A wide file of one day with so many values."""
    header = "metering_point,channel,date,resolution_min," + names(max(count, 1))
    return f"{header}\nP,import,{day},{zone_minutes}{(',' + value) * count}\n"
