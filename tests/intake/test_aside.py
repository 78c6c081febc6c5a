"""Every row that is set aside can be found again: code and line of each, however many they are."""

import numpy as np
import pytest
from intake_cases import csv_long, csv_registers, csv_wide, decoded, nem12

HEAD = "metering_point,channel,start,value,unit\n"


def aside(found):
    """The rows set aside, as tuples in order of line; as many as are counted."""
    rows = sorted((tuple(row.values()) for row in found.aside.to_pylist()), key=lambda r: r[2])
    assert len(rows) == found.quarantined
    return rows


def test_a_clean_file_sets_nothing_aside():
    """The table is there and empty."""
    assert aside(decoded(csv_long())) == []


@pytest.mark.parametrize(("build", "line"), [(csv_long, 14), (csv_wide, 3), (csv_registers, 3)])
def test_a_row_is_listed_with_its_line_point_and_channel(build, line):
    """As far as the row says them."""
    found = decoded(build(value="x"), zone="Europe/Lisbon")

    assert aside(found) == [("file", "intake.value.number", line, "P", "import")]


def test_far_more_rows_than_findings():
    """Each of 500 bad rows is listed; 21 findings speak of them."""
    bad = "".join(
        f"P{n % 3},export,2026-01-05T00:{n % 60:02d}:00Z,{'x' if n % 2 else '1'},kWh\n"
        for n in range(1000)
    )
    found = decoded(HEAD + bad)
    numbers = [row for row in aside(found) if row[1] == "intake.value.number"]

    assert [row[2] for row in numbers] == list(range(3, 1002, 2))
    assert [row[3] for row in numbers[:3]] == ["P1", "P0", "P2"]
    assert {row[4] for row in numbers} == {"export"}
    said = [r for r in found.findings.to_pylist() if r["code"] == "intake.value.number"]
    assert len(said) == 21


def test_what_a_bad_row_does_not_say_is_empty():
    """A name that is none and a channel that there is not are not grouped by."""
    text = HEAD + " P,import,2026-01-05T00:00:00Z,1,kWh\nP,imp,2026-01-05T00:00:00Z,1,kWh\nP,1\n"
    text += "P,import,2026-01-05T00:00:00Z,1,kWh\nP,import,2026-01-05T01:00:00Z,1,kWh\n"

    assert [row[1:] for row in aside(decoded(text))] == [
        ("intake.point.name", 2, "", "import"),
        ("intake.channel.unknown", 3, "P", ""),
        ("intake.row.cells", 4, "", ""),
    ]


def test_conflicts_inside_a_file_are_listed_both():
    """Both rows of a contradiction, each with its line."""
    rows = [f"P,import,2026-01-05T{n:02d}:00:00Z,1,kWh\n" for n in range(3)]
    text = HEAD + "".join(rows) + rows[1].replace(",1,", ",2,")

    assert [row[1:4] for row in aside(decoded(text))] == [
        ("intake.interval.conflict", 3, "P"), ("intake.interval.conflict", 5, "P"),
    ]  # fmt: skip


def test_rows_of_an_archive_name_their_member():
    """Lines count from the start of each member."""
    import io
    import zipfile

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", csv_long(value="x"))
        archive.writestr("b.csv", csv_long(value="y").replace("P,", "Q,"))
    found = decoded(out.getvalue(), name="both.zip")

    assert [row[:3] for row in sorted(aside(found))] == [
        ("both.zip!a.csv", "intake.value.number", 14),
        ("both.zip!b.csv", "intake.value.number", 14),
    ]


def test_a_million_rows_set_aside_are_a_few_columns():
    """Twenty bytes a row, not an object."""
    row = "P,import,2026-01-05T00:00:00Z,x,kWh\n"
    found = decoded(HEAD + row * 100_000)

    assert found.aside.num_rows == found.quarantined == 100_000
    assert found.aside.nbytes < 30 * 100_000
    assert np.array_equal(found.aside["line"].to_numpy(), np.arange(2, 100_002))


def test_days_of_nem12_are_listed_with_their_channel():
    """The NMI and the channel of its suffix; a suffix that is no channel of ours has none."""
    assert aside(decoded(nem12(value="x"))) == [
        ("file", "intake.value.number", 5, "P", "import"),
    ]  # fmt: skip
    assert aside(decoded(nem12(suffix="F1"))) == [("file", "intake.channel.unknown", 5, "", "")]
