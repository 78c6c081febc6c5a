"""Whatever a file of a format has become, it is refused with a reason, or all its rows add up.

Here a few files of each format, the same ones every time; `./run fuzz [FILES] [SEED]` makes more.
"""

import os
import time

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from fuzz_files import SEED, made
from intake_cases import AS_OF

from gridtally.errors import InvalidDocument, RefusedFile, UsageError
from gridtally.intake.decode import decode, summary
from gridtally.intake.formats import FORMATS
from gridtally.intake.formats.common import DIAL_MAX, ENERGY_MAX
from gridtally.intake.units import CHANNELS
from gridtally.intake.words import QUARANTINED
from gridtally.tables import BLOCKS, REGISTER_READINGS, REMARKS

FILES = int(os.environ.get("GRIDTALLY_FUZZ", "100"))
AGAIN = "fuzz_files.made({!r}, {}) with GRIDTALLY_FUZZ_SEED={}"
FIRST, LAST = 631_152_000, AS_OF + 300
"""1990, and five minutes from now. [s]"""
BY_READING = ("csv-long", "csv-registers", "csv-frozen")
"""Formats of which each accepted row, or filled cell, is one reading."""
STREAMS = 100
"""How many streams of a channel may be added up."""
SECONDS = 5
"""Processor time for one of these files, which are small: more is a runaway."""


@pytest.mark.parametrize("name", FORMATS)
def test_whatever_arrives(name):
    """Refused with code, file and remedy, or told row by row; never anything else."""
    print(f"{FILES} files, seed {SEED}")
    refused = 0
    for number in range(FILES):
        data, how = made(name, number)
        began = time.process_time()
        try:
            refused += judged(data, how)
        except Exception as problem:
            problem.add_note(f"{AGAIN.format(name, number, SEED)}: {how} {data[:3000]!r}")
            raise
        assert time.process_time() - began < SECONDS, AGAIN.format(name, number, SEED)
    assert 0 < refused < FILES, "the files are all alike: the law says nothing"


def judged(data, how):
    """Whether a file is refused, after looking at all that is said of it."""
    try:
        found = decode(data, name="file", as_of=AS_OF, **how)
    except (RefusedFile, InvalidDocument, UsageError) as no:
        return is_plain(no, how)
    rows_add_up(found)
    findings_are_whole(found)
    blocks_are_whole(found)
    dials_are_whole(found, packed=data[:2] == b"PK")
    totals_are_whole(found)
    summary(found)
    return False


def is_plain(no, how):
    """Whether it is the file that is refused; each refusal says what is wrong, and what to do."""
    assert no.message
    assert no.remedy
    if isinstance(no, RefusedFile):
        assert no.code.startswith("intake.")
        assert no.file.startswith("file")
        assert no.line is None or no.line >= 1
        return True
    if isinstance(no, InvalidDocument):
        assert "mapping" in how, "a mapping may be wrong as well"
    else:
        assert how["zone"] is None, "only a zone that is missing is the operator's mistake"
    return False


def rows_add_up(found):
    """Every row is accepted, a duplicate, or listed among those set aside."""
    parts = found.accepted, found.duplicates, found.quarantined
    assert min(parts) >= 0
    assert found.rows == sum(parts)
    assert found.aside.num_rows == found.quarantined
    assert set(found.aside["code"].unique().to_pylist()) <= QUARANTINED.keys()
    assert found.accepted or not (found.blocks.num_rows or found.registers.num_rows)
    if found.format in BY_READING:
        values = pc.sum(pc.list_value_length(found.blocks["values"])).as_py() or 0
        assert found.accepted == values + found.registers.num_rows


def findings_are_whole(found):
    """Each says what is wrong and what to do, and together they stand for all rows set aside."""
    rows = found.findings.to_pylist()
    for row in rows:
        assert row["message"]
        assert row["remedy"]
        assert "{" not in row["code"]
        assert row["count"] >= 1
        assert row["file"].startswith("file")
        assert row["line"] is None or row["line"] >= 0
        assert row["message"].isprintable(), row["message"]
    aside = sum(row["count"] for row in rows if row["severity"] == "warn")
    assert aside >= found.quarantined


def blocks_are_whole(found):
    """Letters fit, values and instants lie within limits, and no slot comes twice."""
    assert found.blocks.schema == BLOCKS
    found.blocks.validate(full=True)
    seen = set()
    for block in found.blocks.to_pylist():
        values, letters = block["values"], block["quality"]
        named(block)
        assert values
        assert block["channel"] in CHANNELS
        assert 0 < block["resolution_s"] <= 86_400
        assert block["resolution_s"] * len(values) <= 90_000, "more than a day of 25 hours"
        assert len(letters) in (1, len(values))
        assert set(letters) <= set("ASEN")
        start = int(block["start_utc"].timestamp())
        assert start >= FIRST - 90_000
        assert start + block["resolution_s"] * len(values) <= LAST + 90_000
        letters *= len(values) // len(letters)
        for at, value in enumerate(values):
            assert value is None or 0 <= value <= ENERGY_MAX * STREAMS
            assert value is not None or letters[at] == "N"
            slot = (block["metering_point"], block["channel"], block["version"], letters[at],
                    start + at * block["resolution_s"], block["resolution_s"])  # fmt: skip
            assert slot not in seen
            seen.add(slot)


def dials_are_whole(found, *, packed):
    """Readings lie within limits, and never contradict each other; remarks have a period.

    The same reading comes once, but for the members of an archive.
    """
    assert found.registers.schema == REGISTER_READINGS
    assert found.remarks.schema == REMARKS
    seen = {}
    for row in found.registers.to_pylist():
        named(row)
        assert row["meter"]
        assert row["register"]
        assert 0 <= row["reading"] <= DIAL_MAX
        assert row["quality"] in ("A", "S", "E")
        assert row["multiplier"] is None or row["multiplier"] > 0
        assert row["digits"] is None or 1 <= row["digits"] <= 12
        assert FIRST <= row["time_utc"].timestamp() <= LAST
        keys = "metering_point", "meter", "register", "time_utc", "version", "quality"
        one = tuple(row[key] for key in keys)
        reading, reasons = seen.setdefault(one, (row["reading"], set()))
        assert row["reading"] == reading, "two readings of a dial at one instant"
        meant = tuple(
            row[key] for key in ("reason", "digits", "multiplier", "channel", "bucket", "kind")
        )
        assert packed or meant not in reasons
        reasons.add(meant)
    for row in found.remarks.to_pylist():
        named(row)
        assert row["key"]
        assert row["start_utc"] <= row["end_utc"]


def named(row):
    """A metering point with a name that people can read, and a version that is none or counts."""
    assert row["metering_point"].isprintable()
    assert 0 < len(row["metering_point"].encode()) <= 64
    assert row["version"] >= 0
    assert row["line"] >= 0


def totals_are_whole(found):
    """Sums are those of the blocks, exactly, and none is below zero."""
    for total in found.totals:
        assert total.n >= 0
        assert total.channel in ("", *CHANNELS), "empty: master data say what the dial counts"
        if total.first_utc is not None:
            assert total.first_utc <= total.last_utc
    sums = {(total.metering_point, total.channel): total.sum for total in found.totals}
    dials = set(found.registers["metering_point"].to_pylist())
    grouped = {}
    for point, channel, values in zip(
        *(found.blocks[name].to_pylist() for name in ("metering_point", "channel", "values")),
        strict=True,
    ):
        grouped[point, channel] = grouped.get((point, channel), 0) + sum(v or 0 for v in values)
    for key, energy in grouped.items():
        assert key in sums
        assert sums[key] >= 0
        if key[0] not in dials and found.format != "mscons":
            assert sums[key] == energy
    assert pc.sum(pc.cast(found.blocks["line"], pa.int64())).as_py() or not grouped
