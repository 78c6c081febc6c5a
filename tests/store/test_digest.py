"""Canonical digests and Merkle roots: what a table says, whatever its layout."""

import hashlib
import subprocess
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from synthetic import results

from gridtally.store.digest import canonical, hash_root, merkle_root, table_digest
from gridtally.store.leaves import bill_leaves
from gridtally.tables import LINES, finding


def small():
    return pa.table(
        {
            "name": pa.array(["b", "a", "a\tb\\\n\x01", None, ""]),
            "count": pa.array([1, 10, 9, None, 0], pa.int64()),
            "amount": pa.array(
                [Decimal("1.5"), Decimal("-0.00000001"), Decimal(0), None, Decimal("1e20")],
                pa.decimal128(38, 8),
            ),
            "day": pa.array([date(2026, 1, 2)] * 5),
            "at": pa.array([datetime(2026, 1, 1, tzinfo=UTC)] * 5, pa.timestamp("s", tz="UTC")),
            "flag": pa.array([True, False, None, True, False]),
            "list": pa.array([[1, 2], [], None, [3], [4]], pa.list_(pa.int64())),
        }
    )


def test_the_canonical_text_is_that_of_copy():
    """One line per row; every kind of cell has one spelling; lines are sorted by their bytes."""
    text = bytes(canonical(small()).text).decode()

    assert text.split("\n") == [
        "\t0\t100000000000000000000.00000000\t2026-01-02\t1767225600\tfalse\t{4}",
        "\\N\t\\N\t\\N\t2026-01-02\t1767225600\ttrue\t{3}",
        "a\t10\t-0.00000001\t2026-01-02\t1767225600\tfalse\t{}",
        "a\\tb\\\\\\n\\x01\t9\t0.00000000\t2026-01-02\t1767225600\t\\N\t\\N",
        "b\t1\t1.50000000\t2026-01-02\t1767225600\ttrue\t{1,2}",
        "",
    ]


def test_sort_and_sha256sum_give_the_same(tmp_path):
    """Other programs can check a digest: sort in byte order, header in front, SHA-256."""
    table = results(200)["lines"]
    spoken = canonical(table)
    lines = bytes(spoken.text).splitlines(keepends=True)
    (tmp_path / "rows").write_bytes(b"".join(lines[::-1]))
    (tmp_path / "head").write_text(spoken.header)
    done = subprocess.run(
        "(cat head; LC_ALL=C sort rows) | sha256sum", shell=True, cwd=tmp_path,
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert done.stdout.split()[0] == table_digest(table)


def test_a_digest_ignores_layout():
    """Row order, chunks and dictionary encoding do not matter."""
    table = results(300)["lines"]
    expected = table_digest(table)
    shuffled = table.take(pa.array(np.random.default_rng(1).permutation(table.num_rows)))
    parts = pa.concat_tables([shuffled.slice(n, 50) for n in range(0, table.num_rows, 50)][::-1])
    encoded = parts.set_column(0, "segment", parts["segment"].dictionary_encode())

    assert table_digest(shuffled) == expected
    assert table_digest(parts) == expected
    assert (
        table_digest(pa.table(encoded.columns, names=encoded.column_names).cast(LINES)) == expected
    )


def test_repeated_rows_count():
    """Rows that are wholly alike count as often as they are there."""
    once, twice = pa.table({"a": ["x", "y"]}), pa.table({"a": ["x", "y", "y"]})

    assert table_digest(once) != table_digest(twice)


def test_every_cell_matters():
    """One changed cell, of any column, changes the digest; so does a column's name."""
    table = small()
    digests = {table_digest(table), table_digest(table.rename_columns(list("abcdefg")))}
    for name in table.column_names:
        column = table[name].to_pylist()
        column[0] = column[1]
        place = table.schema.get_field_index(name)
        changed = table.set_column(
            place, table.schema.field(name), pa.array(column, table[name].type)
        )
        if not changed.equals(table):
            digests.add(table_digest(changed))

    assert len(digests) == 1 + 1 + 5


def test_a_float_has_no_digest():
    """Sums of binary floats differ between two runs: they are not let in."""
    with pytest.raises(AssertionError, match="float"):
        table_digest(pa.table({"a": [1.5]}))


def _rfc_root(leaves):
    """The definition of RFC 9162, 2.1.1, word by word."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    left, right = _rfc_root(leaves[:split]), _rfc_root(leaves[split:])
    return hashlib.sha256(b"\x01" + left + right).digest()


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 31, 100])
def test_the_root_is_that_of_the_rfc(count):
    """Computed level by level it is the recursive definition's."""
    leaves = [b"%d" % n for n in range(count)]
    hashes = [hashlib.sha256(b"\x00" + leaf).digest() for leaf in leaves]

    assert merkle_root(leaves) == _rfc_root(leaves).hex()
    assert hash_root(hashes) == _rfc_root(leaves)


def leaves_of(tables):
    return bill_leaves(
        tables["bills"], segments=tables["segments"], lines=tables["lines"],
        findings=tables["findings"],
    )  # fmt: skip


def test_a_leaf_is_the_documented_text():
    """The leaf of a bill can be made by hand from the canonical rows."""
    tables = results(
        1,
        findings=[
            finding("a.b.c", "warn", "m", remedy="r", bill="AC-000000/2026-10-01/2026-11-01")
        ],
    )
    bill = bytes(canonical(tables["bills"].drop_columns(["state", "leaf"])).text)
    segment = bytes(canonical(tables["segments"]).text)
    lines = hashlib.sha256(canonical(tables["lines"]).text).hexdigest().encode()
    found = tables["findings"].add_column(0, "of_bill", tables["findings"]["bill"])
    findings = hashlib.sha256(canonical(found).text).hexdigest().encode()
    text = b"gridtally bill 1\n" + bill + lines + b"\t" + segment + findings + b"\n"

    assert leaves_of(tables) == {
        "AC-000000/2026-10-01/2026-11-01": hashlib.sha256(text).hexdigest()
    }


def _with(tables, name, column, row, value):
    table = tables[name]
    values = table[column].to_pylist()
    values[row] = value
    field = table.schema.field(column)
    place = table.schema.get_field_index(column)
    changed = table.set_column(place, field, pa.array(values, field.type))
    return tables | {name: changed}


@pytest.mark.parametrize(
    ("name", "column", "value"),
    [
        ("lines", "amount", Decimal("0.01")),
        ("lines", "component", "other"),
        ("segments", "input_digest", "0" * 64),
        ("segments", "import_ukwh", 77),
        ("bills", "total", Decimal(9)),
    ],
)
def test_a_leaf_changes_with_its_bill_alone(name, column, value):
    """A change of a line, an input or a total changes that bill's leaf and no other."""
    tables = results(5)
    before, after = leaves_of(tables), leaves_of(_with(tables, name, column, 0, value))
    changed = {bill for bill in before if before[bill] != after[bill]}

    assert changed == {"AC-000000/2026-10-01/2026-11-01"}


def test_a_finding_belongs_to_the_bill_of_its_segment():
    """A finding that names only the segment changes the leaf of its bill; others change none."""
    plain = leaves_of(results(3))
    named = finding("a.b.c", "hold", "m", remedy="r", segment="AG-000001/2026-10-01/2026-11-01")
    base = finding("a.b.c", "note", "m", remedy="r", metering_point="MP-000002")
    found = leaves_of(results(3, findings=[named, base]))

    assert [bill for bill in plain if plain[bill] != found[bill]] == [
        "AC-000001/2026-10-01/2026-11-01"
    ]
