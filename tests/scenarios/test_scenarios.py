"""Given files as they are delivered, then the bill lines worked out by hand in `story.md`.

A folder `given_…` is a case: `given/` has what a utility delivers (master data, tariffs,
readings), `period.toml` and, where something is carried, `carry.csv`. `then/` has the tables that
must come out, in these columns alone and wholly. Steps 2 to 7 run, without a workspace.
"""

import csv
import tomllib
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from gridtally import bucket
from gridtally.intake.decode import decode
from gridtally.intake.master import TABLES, read_master
from gridtally.metering.scope import Version, scope
from gridtally.metering.stated import stated
from gridtally.money import number
from gridtally.outside import market_of
from gridtally.periods import Period
from gridtally.rating.assemble import to_bills
from gridtally.rating.tariff import load
from gridtally.tables import CARRY, METERS, REGISTERS, table

HERE = Path(__file__).parent
CASES = sorted(path for path in HERE.glob("given_*") if path.is_dir())
AS_OF = int(datetime(2027, 1, 1, tzinfo=UTC).timestamp())


def rows_of(path):
    """The rows of a CSV file; none when there is no file."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def master_of(given):
    """The master data; tables that no file brings are empty."""
    files = {name: given / f"{name}.csv" for name in TABLES}
    made, findings = read_master({n: p.read_bytes() for n, p in files.items() if p.is_file()})
    assert "hold" not in findings["severity"].to_pylist(), findings.to_pylist()
    return {"meters": METERS.empty_table(), "registers": REGISTERS.empty_table()} | made


def readings_of(given, zone):
    """BLOCKS and REGISTER_READINGS of all readings files."""
    found = [
        decode(path.read_bytes(), name=path.name, as_of=AS_OF, zone=zone)
        for path in sorted(given.glob("readings*.csv"))
    ]
    assert all(f.findings.num_rows == 0 for f in found), [f.findings.to_pylist() for f in found]
    return (
        pa.concat_tables([f.blocks for f in found]),
        pa.concat_tables([f.registers for f in found]),
    )


def carry_of(given):
    """What earlier bills handed on."""
    return table(
        CARRY,
        [
            row | {"at": date.fromisoformat(row["at"]), "value": int(row["value"])}
            for row in rows_of(given / "carry.csv")
        ],
    )


def bill(given):
    """Steps 2 to 7: lines, bills, carry and findings."""
    texts = tomllib.loads((given / "period.toml").read_text())
    period, master = Period(texts["from"], texts["to"]), master_of(given)
    documents = [p for p in given.glob("*.toml") if p.name != "period.toml"]
    tariffs = [load(path.read_bytes(), name=path.name) for path in sorted(documents)]
    versions = [
        Version(t.id, t.digest, t.valid_from, t.valid_to, t.resets, frozenset(t.terms))
        for t in tariffs
    ]
    spans, found = scope(
        master["agreements"],
        master["metering_points"],
        period=period,
        versions=versions,
        stated=stated(master, names={name for t in tariffs for name in t.terms}),
    )
    blocks, registers = readings_of(given, texts["zone"])
    part = bucket.bill(
        bucket.Job(
            period=period,
            spans=spans,
            blocks=lambda: blocks,
            past=lambda points: blocks.slice(0, 0),
            register_readings=lambda: registers,
            meters=master["meters"],
            registers=master["registers"],
            points=master["metering_points"],
            kinds={},
            usual={},
            tariffs={t.digest: t for t in tariffs},
            carry_in=carry_of(given),
            market=market_of(master, bounds=(-(2**60), 2**60)),
        )
    )
    _, bills, wrong = to_bills(part.segments)
    return {
        "lines": part.lines.sort_by([("segment", "ascending"), ("line", "ascending")]),
        "bills": bills,
        "carry": part.carry.sort_by([("agreement", "ascending"), ("key", "ascending")]),
        "findings": pa.concat_tables([found, part.findings, wrong]).sort_by("code"),
    }


def text(value):
    """A cell as the expectation writes it."""
    if value is None:
        return ""
    return number(value) if isinstance(value, Decimal) else str(value)


def test_there_are_cases():
    """Each with its story, what is given, and what comes of it."""
    assert len(CASES) >= 6
    for case in CASES:
        assert (case / "story.md").read_text().startswith("# Given ")
        assert list((case / "then").glob("*.csv"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_scenario(case):
    """Every table of `then/` comes out, row for row; nothing else is found."""
    made = bill(case / "given")
    assert (case / "then" / "lines.csv").is_file()
    for name, found in made.items():
        expected = rows_of(case / "then" / f"{name}.csv")
        if not expected:
            assert found.num_rows == 0 or name == "carry", found.to_pylist()
            continue
        columns = list(expected[0])
        shown = [{c: text(row[c]) for c in columns} for row in found.to_pylist()]
        assert shown == expected, name


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_expectation_adds_up(case):
    """What was worked out by hand: the lines of each account sum to its bill."""
    lines, bills = rows_of(case / "then" / "lines.csv"), rows_of(case / "then" / "bills.csv")
    assert sum(Decimal(r["amount"]) for r in lines) == sum(Decimal(r["total"]) for r in bills)
