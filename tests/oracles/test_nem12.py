"""NEM12 and NEM13 files of a dozen meter data providers, against counts and sums of another reader.

The other reader is nemreader; its answers lie in `expected.json` beside the files. It names streams
by NMI suffix, we name channels, so streams of one channel are added up here before comparing.
"""

import csv
import json
import os
from collections import defaultdict
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest

from gridtally.errors import RefusedFile
from gridtally.intake import archive
from gridtally.intake.convert import convert
from gridtally.intake.decode import decode, summary

ROOT = Path(os.environ.get("GRIDTALLY_ORACLES", Path(__file__).parents[3] / "shared" / "oracles"))
FOLDER = ROOT / "nem12" / "files"
AS_OF = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp())
CHANNEL = {"E": "import", "B": "export", "Q": "reactive_import", "K": "reactive_export"}
UNIT = {"WH": Decimal("0.001"), "KWH": Decimal(1), "MWH": Decimal(1000)}

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no NEM12 oracles in {FOLDER}")


def files(*, invalid):
    if not FOLDER.is_dir():
        return []
    found = sorted(path for path in FOLDER.rglob("*") if path.is_file())
    return [
        pytest.param(path, id=str(path.relative_to(FOLDER)))
        for path in found
        if ("invalid" in path.relative_to(FOLDER).parts) == invalid
    ]


def expected_of(path):
    """Per NMI and channel: count, sum in kWh or kvarh, first and last instant in UTC."""
    expected = json.loads((ROOT / "nem12" / "expected.json").read_text(), parse_float=Decimal)
    streams = expected[str(path.relative_to(FOLDER))]
    found = defaultdict(list)
    for nmi, by_suffix in streams.items():
        for suffix, stream in by_suffix.items():
            unit = stream["uom"].upper().replace("VAR", "W")
            amount = Decimal(stream["sum"]) * UNIT[unit]
            # An accumulating stream's suffix is a number; its sign says which way it counts.
            channel = CHANNEL.get(suffix[0]) or ("export" if amount < 0 else "import")
            found[nmi, channel].append((stream["n"], amount, stream["first"], stream["last"]))
    return {
        key: (
            sum(n for n, *_ in parts),
            sum(amount for _, amount, *_ in parts),
            min(instant(first) for *_, first, _ in parts),
            max(instant(last) for *_, last in parts),
        )
        for key, parts in found.items()
    }


def instant(text):
    naive = datetime.fromisoformat(text).replace(tzinfo=timezone(timedelta(hours=10)))
    return naive.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize("path", files(invalid=False))
def test_counts_sums_and_bounds(path):
    """Every valid file has, per NMI and channel, the other reader's count, sum, first and last."""
    decoded = decode(path.read_bytes(), name=path.name, as_of=AS_OF)
    found = {
        (row["metering_point"], row["channel"]): (
            row["n"],
            Decimal(row["sum"]),
            row["first"],
            row["last"],
        )
        for row in summary(decoded)["channels"]
    }
    expected = expected_of(path)

    assert found.keys() == expected.keys()
    for key, (n, amount, first, last) in expected.items():
        assert found[key][0] == n
        # The other reader adds binary floats: its sums are good to a millionth.
        assert abs(found[key][1] - amount) < Decimal("0.000001")
        assert found[key][2:] == (first, last)
    assert decoded.rows == decoded.accepted + decoded.duplicates + decoded.quarantined


@pytest.mark.parametrize("path", files(invalid=True))
def test_invalid_files_are_refused(path):
    """Every file under `invalid` is refused whole, with its line, a reason and a remedy."""
    with pytest.raises(RefusedFile) as caught:
        decode(path.read_bytes(), name=path.name, as_of=AS_OF)

    refusal = caught.value
    assert refusal.file == path.name
    assert refusal.line >= 1
    assert refusal.code.startswith("intake.")
    assert refusal.message
    assert refusal.remedy


@pytest.mark.parametrize("path", files(invalid=False))
def test_tables_hold_what_is_stated(path):
    """Blocks add up to the stated sums; a NEM13 file gives two readings for each stated advance."""
    decoded = decode(path.read_bytes(), name=path.name, as_of=AS_OF)
    stated = {(row["metering_point"], row["channel"]): row for row in summary(decoded)["channels"]}
    if decoded.format == "nem13":
        ends = [
            (row["metering_point"], row["meter"], row["register"], row["time_utc"], row["reading"])
            for row in decoded.registers.to_pylist()
        ]

        assert not decoded.blocks.num_rows
        assert len(set(ends)) == len(ends) <= 2 * sum(row["n"] for row in stated.values())
        assert {point for point, *_ in ends} == {point for point, _ in stated}
        return
    held = defaultdict(int)
    for block in decoded.blocks.to_pylist():
        held[block["metering_point"], block["channel"]] += sum(v or 0 for v in block["values"])

    assert held == {key: int(Decimal(row["sum"]) * 1_000_000) for key, row in stated.items()}


# ------------------------------------------------------------------ written back


def rows(table):
    """What a table says, without where it stood."""
    columns = [name for name in table.column_names if name not in ("load_seq", "source", "line")]
    return sorted(repr(tuple(row.values())) for row in table.select(columns).to_pylist())


@pytest.mark.parametrize("path", files(invalid=False))
def test_written_back(path):
    """Decoding what is written gives the same blocks, registers and remarks."""
    found = decode(path.read_bytes(), name=path.name, as_of=AS_OF)
    converted = convert(found, found.format, as_of=AS_OF)
    again = decode(converted.files[found.format], name="written", as_of=AS_OF)

    assert [row["code"] for row in converted.findings] == ["intake.convert.left"] * bool(
        found.quarantined
    )
    for kind in ("blocks", "registers", "remarks"):
        assert rows(getattr(again, kind)) == rows(getattr(found, kind))
    assert again.quarantined == 0


@pytest.mark.parametrize("path", files(invalid=False))
def test_the_same_records_are_written(path):
    """A plain reading of the written file finds the records of the original, in another order."""
    [(_, original)] = archive.members(path.read_bytes(), name=path.name)
    found = decode(original, name=path.name, as_of=AS_OF)
    written = convert(found, found.format, as_of=AS_OF).files[found.format]
    if found.quarantined:
        assert records(written) <= records(original)
    else:
        assert records(written) == records(original)


def records(data):
    """The header, and each day (or accumulated record) with all that is said of it."""
    lines = [
        [cell.strip() for cell in row] for row in csv.reader(data.decode().splitlines()) if row
    ]
    found = [tuple(padded(lines[0], 5))]
    head, created = (), lines[0][2]
    for row in lines[1:]:
        if row[0] == "200":
            head = padded(row, 10)
        elif row[0] == "300":
            found.append(day(head, row, created))
        elif row[0] == "250":
            found.append((tuple(plain(cell) for cell in padded(row, 23)), []))
        elif row[0] == "400":
            first, last = int(row[1]), int(row[2])
            found[-1][3][first - 1 : last] = [tuple(padded(row, 6)[3:])] * (last - first + 1)
        elif row[0] in ("500", "550"):
            found[-1][-1].append(padded(row, 5))
    # A record that is there twice is one.
    return {repr((*said[:-1], sorted(said[-1]))) for said in found[1:]} | {repr(found[0])}


def day(head, row, created):
    """Stream, date with values, what follows them, method and reason of each interval, orders."""
    slots = 1440 // int(head[8])
    values = [Decimal(cell or "0") for cell in row[2 : 2 + slots]]
    method, reason, text, update, loaded = padded(row[2 + slots :], 5)
    each = [(method, reason, text)] * slots
    return (*(tuple(head),), [row[1], *map(plain, values)], [method, update, loaded], each, [])


def padded(row, size):
    """A record whose last empty fields may have been left away."""
    while row and not row[-1]:
        row = row[:-1]
    return [*row, *[""] * (size - len(row))]


def plain(cell):
    """A number however it is written; other text as it is."""
    try:
        return str(Decimal(cell).normalize())
    except ArithmeticError:
        return cell
