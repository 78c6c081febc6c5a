"""Master data: exact tables from plain units, and findings for what cannot be meant."""

from datetime import date

import pytest

from gridtally import tables
from gridtally.errors import RefusedFile
from gridtally.intake.master import read_master

FILES = {
    "accounts": "account,segment,language,name,address,email\nA,household,en,Ana,Rua 1,a@b.pt\n",
    "metering_points": (
        "metering_point,zone,region,fuse_kw,features\nP,Europe/Lisbon,north,10.35,pv ev\n"
    ),
    "meters": "meter,metering_point,from,to\nM,P,2025-01-01,2026-01-01\nN,P,2026-01-01,\n",
    "registers": (
        "meter,register,channel,bucket,kind,digits,multiplier\n"
        "M,1.8.0,import,total,cumulative,5,1\nN,1.8.0,import,total,cumulative,6,40\n"
    ),
    "agreements": (
        "agreement,account,metering_point,from,to,tariff,legal_source,contract_kw,capacity_kva\n"
        "G,A,P,2025-01-01,2026-01-01,home,register,,\n"
        "G,A,P,2026-01-01,,home,interval,250.5,315\n"
    ),
}


def read(**changed):
    files = {name: text.encode() for name, text in (FILES | changed).items()}
    found, findings = read_master(files)
    return found, [(row["code"], row["line"]) for row in findings.to_pylist()]


def test_tables():
    """Each file is a table of its schema; decimals are exact millionths."""
    found, findings = read()

    assert findings == []
    assert {name: table.schema for name, table in found.items()} == {
        name: getattr(tables, name.upper()) for name in FILES
    }
    point = found["metering_points"].to_pylist()[0]
    assert (point["zone"], point["region"], point["features"]) == (
        "Europe/Lisbon", "north", "pv ev",
    )  # fmt: skip
    assert point["fuse_ukw"] == 10_350_000
    assert found["registers"]["multiplier"].to_pylist() == [1_000_000, 40_000_000]
    assert found["meters"]["to"].to_pylist() == [date(2026, 1, 1), None]
    last = found["agreements"].to_pylist()[1]
    assert (last["contract_ukw"], last["capacity_ukva"]) == (250_500_000, 315_000_000)


def test_optional_columns():
    """Columns that may be left away are null or empty then."""
    found, findings = read(
        accounts="account,segment,language\nA,household,en\n",
        metering_points="metering_point,zone\nP,Europe/Lisbon\n",
    )

    assert findings == []
    assert found["accounts"].to_pylist()[0]["name"] == ""
    assert found["metering_points"].to_pylist()[0]["fuse_ukw"] is None


def test_only_what_is_given():
    """A file alone gives its table alone; references into others are not checked."""
    found, findings = read_master({"dir/agreements.csv": FILES["agreements"].encode()})

    assert list(found) == ["agreements"]
    assert findings.num_rows == 0


@pytest.mark.parametrize(
    ("table", "old", "new"),
    [
        ("accounts", "A,household", ",household"),
        ("accounts", ",en,", ",fr,"),
        ("accounts", "a@b.pt", "nobody"),
        ("accounts", "Ana", "A" * 201),
        ("accounts", "Ana", "\u202eana"),
        ("metering_points", "Europe/Lisbon", "Europe/Lisboa"),
        ("metering_points", "10.35", "1e3"),
        ("metering_points", "10.35", "0"),
        ("metering_points", "pv ev", "pool"),
        ("meters", "2025-01-01", "20250101"),
        ("meters", "2025-01-01", "2025-02-29"),
        ("meters", "2026-01-01\n", "2024-01-01\n"),
        ("registers", ",5,", ",0,"),
        ("registers", ",5,", ",5.0,"),
        ("registers", ",5,1", ",5,-1"),
        ("registers", ",5,1", ",5,0.0000001"),
        ("registers", "import", "in"),
        ("registers", "cumulative", "counter"),
        ("agreements", "register", "guess"),
        ("agreements", "home", "Home"),
        ("agreements", "250.5", "250,5"),
    ],
)
def test_a_wrong_cell_leaves_its_row_out(table, old, new):
    """A cell that cannot be meant leaves its row out, with a finding that holds."""
    before = read()[0][table].num_rows
    found, findings = read(**{table: FILES[table].replace(old, new, 1)})

    assert findings[0][0] == "intake.master.value"
    assert found[table].num_rows == before - 1


def test_contradictions():
    """Two different rows of one key: neither is used. The same row again counts once."""
    found, findings = read(accounts=FILES["accounts"] + "B,shop,en,,,\nB,shop,zh,,,\n")

    assert findings == [("intake.master.contradiction", 4)]
    assert found["accounts"]["account"].to_pylist() == ["A"]
    found, findings = read(meters=FILES["meters"] + "N,P,2026-01-01,\n")
    assert findings == [("intake.master.duplicate", 4)]
    assert found["meters"].num_rows == 2


def test_references():
    """Rows that point at nothing are left out, and what points at them, too."""
    found, findings = read(metering_points="metering_point,zone\nQ,UTC\n")

    assert {code for code, _ in findings} == {"intake.master.reference"}
    assert [found[name].num_rows for name in FILES] == [1, 1, 0, 0, 0]


@pytest.mark.parametrize(
    ("table", "row"),
    [
        ("agreements", "G,A,P,2026-06-01,,home,interval,,\n"),
        ("agreements", "H,A,P,2026-06-01,,home,interval,,\n"),
        ("meters", "N,P2,2026-06-01,\n"),
    ],
)
def test_overlaps(table, row):
    """Two terms at once, two agreements for one supply, a meter at two places: kept, and held."""
    points = FILES["metering_points"] + "P2,Europe/Lisbon,north,,\n"
    found, findings = read(metering_points=points, **{table: FILES[table] + row})

    assert findings == [("intake.master.overlap", 4)]
    assert found[table].num_rows == 3


def test_whole_files():
    """Wrong columns refuse a file; names and packing are looked through."""
    with pytest.raises(RefusedFile) as caught:
        read(accounts="account,segment\nA,household\n")
    assert caught.value.code == "intake.csv.columns"
    with pytest.raises(RefusedFile):
        read_master({"readings.csv": b"x"})
    assert read(registers=FILES["registers"].splitlines()[0] + "\n")[0]["registers"].num_rows == 0


def test_cells():
    """A row with too few cells is left out."""
    found, findings = read(accounts=FILES["accounts"] + "B,shop\n")

    assert findings == [("intake.master.value", 3)]
    assert found["accounts"].num_rows == 1
