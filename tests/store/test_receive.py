"""Step 1: M04-M07 and M46-M50 of the list of bad inputs, quarantine, and races."""

import gzip
import io
import zipfile

import numpy as np
import pyarrow as pa
import pytest
from synthetic import AS_OF, blocks, decoder, dials, how_to_issue, released

from gridtally import control
from gridtally.errors import RefusedFile
from gridtally.intake.receive import receive
from gridtally.store import snapshot
from gridtally.store.check import check
from gridtally.subledger.issue import issue

DAY = 20_000


def take(ws, data=b"file", *, name="a.csv", decode=None, **more):
    known = {"sender": "dso", "as_of": AS_OF, "actor": "ina", "name": name, "decode": decode}
    return receive(ws, data, **known | more)


def values(ws, point="MP-1"):
    """The values of a point by load, nulls as None."""
    found = snapshot.read_blocks(snapshot.snapshot(ws), points=[point])
    return [row["values"] for row in found.to_pylist()]


def codes(receipt):
    """What is said beside that there are no master data in these tests."""
    return [code for code in receipt.findings["code"].to_pylist() if code != "intake.master.none"]


def stored_files(ws):
    return sorted(p.relative_to(ws.path).as_posix() for p in ws.path.rglob("*.parquet"))


def test_readings_are_stored_by_month_and_bucket(ws):
    """What was decoded is read back as it was, with the load and the source of its manifest."""
    given = blocks(["MP-1", "MP-2", "MP-3"], day=DAY, value=np.arange(96))
    receipt = take(ws, decode=decoder(given))
    found = snapshot.read_blocks(snapshot.snapshot(ws), columns=None)

    assert receipt.load_seq == 1
    assert receipt.readings == 3 * 96
    assert sorted(found["metering_point"].to_pylist()) == ["MP-1", "MP-2", "MP-3"]
    assert set(found["source"].to_pylist()) == {receipt.source}
    assert set(found["load_seq"].to_pylist()) == {1}
    assert found["values"].to_pylist() == [list(range(96))] * 3
    assert {path.split("/")[1] for path in stored_files(ws)} == {"2024-10"}


def test_m04_the_same_file_again(ws):
    """The receipt of the first comes back; no file, no load, no reading is added."""
    first = take(ws, decode=decoder(blocks(["MP-1"])))
    before = stored_files(ws)
    again = take(ws, decode=decoder(blocks(["MP-1"])))

    assert again.duplicate
    assert not first.duplicate
    assert (again.source, again.load_seq, again.arrived) == (first.source, 1, first.arrived)
    assert stored_files(ws) == before
    assert control.models.Load.objects.count() == 1


def _zipped(data, level):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
        archive.writestr("inside.csv", data)
    return out.getvalue()


@pytest.mark.parametrize(
    "packed",
    [gzip.compress(b"file", 1), gzip.compress(b"file", 9), _zipped(b"file", 1)],
    ids=["gzip-1", "gzip-9", "zip"],
)
def test_m05_the_same_content_renamed_or_packed(ws, packed):
    """Content is known again under another name, and packed by another program."""
    first = take(ws, decode=decoder(blocks(["MP-1"])))
    again = take(ws, packed, name="other.gz", decode=decoder(blocks(["MP-1"])))

    assert again.duplicate
    assert again.source == first.source


def test_m06_the_same_name_with_other_content(ws):
    """It is a new delivery, and is said to be."""
    take(ws, b"one", decode=decoder(blocks(["MP-1"])))
    second = take(ws, b"two", decode=decoder(blocks(["MP-2"])))

    assert not second.duplicate
    assert codes(second) == ["intake.file.name_reused"]


def test_m07_uploads_at_the_same_instant(ws, nursery):
    """Of six processes with the same file one is accepted, five are duplicates."""
    said = nursery.said("receive", ws.path, count=6)

    assert sorted(said) == ["accepted"] + ["duplicate"] * 5
    assert control.models.Load.objects.count() == 1
    assert snapshot.read_blocks(snapshot.snapshot(ws)).num_rows == 50


@pytest.mark.parametrize("place", ["raw", "files", "commit", "committed"])
def test_killed_while_receiving(ws, nursery, place):
    """Killed anywhere, then received again: the readings are there exactly once."""
    (killed,) = nursery.run("receive", ws.path, fault=f"receive.{place}")
    (again,) = nursery.said("receive", ws.path)

    assert killed["killed"]
    assert again == ("duplicate" if place == "committed" else "accepted")
    assert snapshot.read_blocks(snapshot.snapshot(ws)).num_rows == 50
    assert all(checked.ok for checked in check(ws))


def test_m46_overlap_with_the_same_value(ws):
    """Slots that are there already are counted and left out; the others are stored."""
    take(ws, b"one", decode=decoder(blocks(["MP-1"], value=5, slots=24)))
    both = pa.concat_tables(
        [blocks(["MP-1"], value=5, slots=24), blocks(["MP-1"], value=6, slots=24, day=20_001)]
    )
    receipt = take(ws, b"two", name="b", decode=decoder(both))

    assert (receipt.repeated, receipt.conflicting, receipt.readings) == (24, 0, 24)
    assert values(ws) == [[5] * 24, [6] * 24]


def test_m47_overlap_with_another_value_and_a_newer_mark(ws):
    """It is a new version, which wins; that it confirms the other values is kept, not counted."""
    take(ws, b"one", decode=decoder(blocks(["MP-1"], value=5, slots=24)))
    newer = blocks(["MP-1"], value=[5] * 23 + [7], slots=24, version=1)
    receipt = take(ws, b"two", name="b", decode=decoder(newer))

    assert (receipt.repeated, receipt.conflicting, receipt.readings) == (23, 0, 1)
    assert values(ws) == [[5] * 24, [5] * 23 + [7]]


@pytest.mark.parametrize(("before", "after"), [("E", "A"), ("E", "S"), ("S", "A")])
def test_a_better_quality_supersedes_without_a_mark(ws, before, after):
    """An actual value replaces an estimated one of the sender; no mark is needed."""
    take(ws, b"one", decode=decoder(blocks(["MP-1"], value=5, slots=24, quality=before)))
    receipt = take(
        ws, b"two", name="b", decode=decoder(blocks(["MP-1"], value=6, slots=24, quality=after))
    )

    assert (receipt.readings, receipt.conflicting) == (24, 0)


def test_m48_overlap_with_another_value_and_no_mark(ws):
    """Nobody can say which is right: the new slots are left out, the stored ones stay."""
    take(ws, b"one", decode=decoder(blocks(["MP-1"], value=5, slots=24)))
    other = decoder(blocks(["MP-1"], value=[5] * 22 + [8, 9], slots=24))
    receipt = take(ws, b"two", name="b", decode=other)

    assert (receipt.repeated, receipt.conflicting, receipt.readings) == (22, 2, 0)
    assert values(ws) == [[5] * 24]
    (finding,) = receipt.findings.to_pylist()
    assert finding["code"] == "intake.reading.conflict"
    assert finding["message"] == (
        "2 readings of MP-1 (import) from 2024-10-04T22:00:00Z on differ from stored ones, and "
        "neither says that it is newer. The stored ones stay."
    )
    assert finding["count"] == 2


def test_a_correction_is_newer_by_the_word_of_who_received_it(ws):
    """`correction` gives readings without a mark that of the delivery."""
    take(ws, b"one", decode=decoder(blocks(["MP-1"], value=5, slots=24)))
    receipt = take(
        ws, b"two", name="b", decode=decoder(blocks(["MP-1"], value=6, slots=24)), correction=True
    )

    assert (receipt.readings, receipt.conflicting) == (24, 0)
    assert snapshot.read_blocks(snapshot.snapshot(ws))["version"].to_pylist() == [0, AS_OF]


def test_dials_are_compared_too(ws):
    """The same dial reading again is repeated; another at the same instant is a conflict."""
    take(ws, b"one", decode=decoder(registers=dials(["MP-1", "MP-2"], reading=5)))
    mixed = pa.concat_tables([dials(["MP-1"], reading=5), dials(["MP-2"], reading=6)])
    receipt = take(ws, b"two", name="b", decode=decoder(registers=mixed))

    assert (receipt.repeated, receipt.conflicting, receipt.readings) == (1, 1, 0)
    found = snapshot.read_registers(snapshot.snapshot(ws))
    assert found["reading"].to_pylist() == [5, 5]


def test_m49_a_correction_to_a_billed_period(ws):
    """A new version and a proposal to rebill; the issued bill stays as it is."""
    issue(ws, released(ws, 1), **how_to_issue())
    inside = blocks(["MP-000000"], day=20_745, version=1)
    receipt = take(ws, decode=decoder(inside))
    outside = take(ws, b"two", name="b", decode=decoder(blocks(["MP-000000"], day=20_800)))

    assert codes(receipt) == ["intake.reading.billed"]
    assert receipt.readings == 96
    assert "issued bill B2026-000001" in receipt.findings["message"][-1].as_py()
    assert control.models.Event.objects.filter(what="rebill.proposed").count() == 1
    assert control.models.IssuedBill.objects.count() == 1
    assert codes(outside) == []


def test_m50_late_and_out_of_order(ws):
    """A load that is 14 months late is accepted, and each period finds its readings."""
    take(ws, b"new", decode=decoder(blocks(["MP-1"], day=DAY + 425, value=2)))
    receipt = take(ws, b"old", name="b", decode=decoder(blocks(["MP-1"], day=DAY, value=1)))
    snap = snapshot.snapshot(ws)
    early = snapshot.read_blocks(snap, start_utc=DAY * 86_400, end_utc=(DAY + 1) * 86_400)

    assert (receipt.readings, receipt.load_seq) == (96, 2)
    assert early["values"].to_pylist() == [[1] * 96]


def test_a_refused_file_leaves_its_bytes_in_quarantine_and_nothing_else(ws):
    """The refusal reaches the sender with file and line; no source, load or reading is stored."""

    def refuse(data, *, name, as_of):
        raise RefusedFile("The trailer is missing.", file=name, line=7, code="intake.file.cut")

    for _ in range(2):
        with pytest.raises(RefusedFile, match=r"a\.csv:7: The trailer"):
            take(ws, decode=refuse)
    (row,) = control.models.QuarantineItem.objects.all()

    assert (row.kind, row.code, row.line, row.name) == ("file", "intake.file.cut", 7, "a.csv")
    assert (ws.path / "raw" / "quarantine" / row.refused).read_bytes() == b"file"
    assert control.models.SourceFile.objects.count() == 0
    assert stored_files(ws) == []


def test_a_quarantined_file_can_be_accepted_later(ws):
    """The refused bytes hold no place: a decoder that understands them accepts them."""

    def refuse(data, *, name, as_of):
        raise RefusedFile("No.", file=name, code="intake.file.format")

    with pytest.raises(RefusedFile):
        take(ws, decode=refuse)

    assert not take(ws, decode=decoder(blocks(["MP-1"]))).duplicate


def test_a_reading_that_came_in_between_is_compared_too(ws, monkeypatch):
    """Two files with other values for one slot, at the same time: one conflicts, none is lost."""
    from gridtally.store import publish

    really, once = publish.prepare, []

    def prepare(*args, **kwargs):
        prepared = really(*args, **kwargs)
        if not once:
            once.append(True)
            take(ws, b"rival", name="r", decode=decoder(blocks(["MP-1"], value=9)))
        return prepared

    monkeypatch.setattr(publish, "prepare", prepare)
    receipt = take(ws, decode=decoder(blocks(["MP-1"], value=5)))

    assert receipt.conflicting == 96
    assert values(ws) == [[9] * 96]
