"""Laws of decoding: rows are accounted for, order and packing change nothing, nothing crashes."""

import gzip
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from intake_cases import counts, csv_long, csv_registers, csv_wide, decoded, nem12, slots

from gridtally.errors import RefusedFile
from gridtally.intake.decode import summary
from gridtally.periods import Period, iso_utc
from gridtally.periods import zone as zone_of

SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
POINTS = st.sampled_from(["P", "Q", "", " P", "P" * 70])
CHANNELS = st.sampled_from(["import", "export", "reactive_import", "net", ""])
STARTS = st.sampled_from(
    [f"2026-01-05T{hour:02d}:{minute:02d}Z" for hour in range(4) for minute in (0, 7, 30)]
    + ["2026-01-05T01:00+01:00", "2026-02-30T00:00Z", "soon", "2030-01-01T00:00Z"]
)
VALUES = st.sampled_from(["1", "1.5", "2", "-1", "NaN", "", "0.0000001", "9999999999"])
UNITS = st.sampled_from(["kWh", "Wh", "kvarh", "therm"])
QUALITIES = st.sampled_from(["A", "E", "N", "", "X"])
VERSIONS = st.sampled_from(["", "1", "2", "x"])
ROWS = st.lists(
    st.tuples(POINTS, CHANNELS, STARTS, VALUES, UNITS, QUALITIES, VERSIONS).map(",".join)
    | st.sampled_from(["", "P,import", "a,b,c,d,e,f,g,h"]),
    min_size=1,
    max_size=40,
)
DIALS = st.lists(
    st.tuples(
        st.sampled_from(["P", "Q"]),
        st.sampled_from(["M", "N"]),
        st.sampled_from(["1.8.0", ""]),
        STARTS,
        VALUES,
        st.sampled_from(["", "5", "1", "x"]),
        VERSIONS,
    ).map(",".join),
    min_size=1,
    max_size=30,
)


def long(rows):
    header = "metering_point,channel,start,value,unit,quality,version"
    return "\n".join([header, *rows, ""])


def outcome(data, **how):
    """What comes of a delivery; None when it is refused, which is always with its reasons."""
    refusal = None
    try:
        found = decoded(data, **how)
    except RefusedFile as err:
        refusal = err
    if refusal is not None:
        assert refusal.code.startswith("intake.")
        assert refusal.message
        assert refusal.remedy
        assert refusal.file == "file"
        return None
    counts(found)
    summary(found)
    warned = [row for row in found.findings.to_pylist() if row["severity"] == "warn"]
    assert sum(row["count"] for row in warned) == found.quarantined
    return found


@SETTINGS
@given(ROWS)
def test_rows_are_accounted_for(rows):
    """rows = accepted + duplicates + quarantined, and every quarantined row has a finding."""
    found = outcome(long(rows))
    if found is not None:
        assert found.rows == sum(bool(row) for row in rows)
        assert len(slots_of_all(found)) == found.accepted


def slots_of_all(found):
    return [slot for name in ("import", "export", "reactive_import") for slot in slots(found, name)]


@SETTINGS
@given(DIALS)
def test_dials_are_accounted_for(rows):
    """The same for register readings: each accepted row is a reading in the table."""
    header = "metering_point,meter,register,time,reading,digits,version"
    found = outcome("\n".join([header, *rows, ""]))
    if found is not None:
        assert found.rows == len(rows)
        assert found.registers.num_rows == found.accepted


@SETTINGS
@given(ROWS, st.randoms(use_true_random=False))
def test_order_changes_nothing(rows, random):
    """The same rows in another order give the same intervals and the same counts."""
    shuffled = rows.copy()
    random.shuffle(shuffled)
    one, two = outcome(long(rows)), outcome(long(shuffled))
    assert (one is None) == (two is None)
    if one is not None:
        assert counts(one) == counts(two)
        assert slots_of_all(one) == slots_of_all(two)


@SETTINGS
@given(
    st.sampled_from([csv_long(), csv_wide(), csv_registers(), nem12()]),
    st.data(),
)
def test_damage_never_crashes(text, data):
    """A file with bytes changed, cut or doubled is decoded or refused, and accounted for."""
    raw = bytearray(text.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        kind = data.draw(st.sampled_from(["set", "cut", "drop", "double"]))
        if kind == "set":
            raw[at] = data.draw(st.sampled_from(list(b'\0\r\n",;0159-.eZ+ \xff')))
        elif kind == "cut" and at > 0:
            del raw[at:]
        elif kind == "drop":
            del raw[at : at + data.draw(st.integers(1, 40))]
        else:
            raw[at:at] = raw[at : at + data.draw(st.integers(1, 200))]
        if not raw:
            break
    outcome(bytes(raw), zone="Europe/Lisbon")


@SETTINGS
@given(st.binary(max_size=300))
def test_any_bytes_are_answered(data):
    """Whatever is delivered, the answer is readings or a refusal in words."""
    outcome(data)
    outcome(gzip.compress(data))


@SETTINGS
@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=50))
def test_energy_is_conserved(values):
    """The sum of the file is the sum of its cells, in whatever unit they are."""
    rows = [
        f"P,import,2026-01-{1 + n // 24:02d}T{n % 24:02d}:00Z,{value},{'Wh' if n % 2 else 'kWh'}"
        for n, value in enumerate(values)
    ]
    if len(rows) == 1:
        rows.append("P,import,2026-01-01T01:00Z,0,kWh")
    found = decoded("\n".join(["metering_point,channel,start,value,unit", *rows, ""]))
    [total] = found.totals

    assert total.sum == sum(v * (1000 if n % 2 else 1_000_000) for n, v in enumerate(values))


@pytest.mark.parametrize("zone", ["Europe/Lisbon", "Asia/Kolkata", "Australia/Lord_Howe"])
def test_wide_and_long_agree(zone):
    """The same month written by day and by reading gives the same intervals."""
    first = date(2026, 10, 1)
    bounds = zone_of(zone).day_bounds(Period(first, first + timedelta(10))).tolist()
    wide = [
        "metering_point,channel,date,resolution_min," + ",".join(f"v{n + 1}" for n in range(50))
    ]
    long_rows = ["metering_point,channel,start,kwh,resolution_min"]
    for day, (start, end) in enumerate(pairwise(bounds)):
        times = range(start, end, 1800)
        values = [str(n + 100 * day) for n in range(len(times))]
        wide.append(f"P,import,{first + timedelta(day)},30," + ",".join(values))
        long_rows += [
            f"P,import,{iso_utc(at)},{value},30" for at, value in zip(times, values, strict=True)
        ]
    one = decoded("\n".join([*wide, ""]), zone=zone)
    two = decoded("\n".join([*long_rows, ""]), zone=zone)

    assert counts(one) == (10, 0, 0)
    assert slots(one) == slots(two)
    assert one.blocks["start_utc"].to_pylist() == two.blocks["start_utc"].to_pylist()
