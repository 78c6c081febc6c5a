"""Rebuild: raw bytes and what is recorded of them give the same readings again."""

import os
import shutil

import pytest
from django.db import connection
from synthetic import AS_OF, Read, blocks, dials, remarks

from gridtally import control, tables
from gridtally.errors import Corrupt, RefusedFile
from gridtally.intake.options import Options
from gridtally.intake.receive import receive
from gridtally.store import readings, snapshot
from gridtally.store.check import check
from gridtally.store.compact import compact, prune
from gridtally.store.rebuild import rebuild, verify
from gridtally.store.snapshot import Snapshot
from gridtally.store.state import state_digest

POINTS = ["MP-1", "MP-2", "MP-3"]
WHO = {"actor": "ina", "as_of": AS_OF}
DAY = 20_000
FILES = {
    b"one": {"blocks": blocks(POINTS, day=DAY)},
    b"two": {"blocks": blocks(POINTS, day=DAY + 40, value=3), "registers": dials(POINTS)},
    b"other": {"blocks": blocks(POINTS, day=DAY, value=[1] * 95 + [2])},  # marked as a correction
    b"newer": {"blocks": blocks(["MP-1"], day=DAY, value=7, version=AS_OF + 9)},
    b"said": {"remarks": remarks(POINTS), "registers": dials(POINTS, day=DAY + 1)},
}


def parse(data):
    empty = {"blocks": "BLOCKS", "registers": "REGISTER_READINGS", "remarks": "REMARKS"}
    found = {kind: tables.empty(getattr(tables, name)) for kind, name in empty.items()}
    return found | FILES[bytes(data)]


def decode(data, *, name, as_of, **_):
    found, nothing = parse(data), tables.empty(tables.FINDINGS)
    count = found["blocks"].num_rows + found["registers"].num_rows
    return Read("test", findings=nothing, rows=count, accepted=count, **found)


def again(data, *, name, as_of, options, mapping, stands):
    """What the door hands in: decode as it was decoded."""
    return parse(data)


@pytest.fixture
def town(ws):
    """Five loads, the third of them a correction without version marks."""
    for number, data in enumerate(FILES):
        receive(
            ws, data, name=f"{number}.csv", sender="dso", actor="ina", as_of=AS_OF + number,
            decode=decode, correction=data == b"other", reason="wrong meter constant",
        )  # fmt: skip
    return ws


def at(ws, load):
    return Snapshot(ws, load, 0, 0, 0)


def rows(ws, load):
    """Every row that a snapshot sees, all versions, with load, source and line."""
    found = []
    for kind in readings.KINDS:
        table = readings.read(ws.path, snapshot.entries(at(ws, load), kind=kind), kind=kind)
        found.append(sorted(map(repr, table.to_pylist())))
    return found


def everything(ws):
    return [(rows(ws, n), state_digest(at(ws, n))) for n in range(6)]


def lose(ws, *folders):
    for folder in folders or ("readings", "registers", "remarks"):
        shutil.rmtree(ws.path / folder)


def healthy(ws):
    return [c.detail for c in check(ws) if not c.ok]


def test_verify_says_that_all_is_as_it_was(town):
    """The readings that come out are the stored ones, version for version; nothing is changed."""
    before = everything(town)
    made = verify(town, decode=again)

    assert made.same
    assert (made.loads, made.readings) == (5, 3 * 96 * 2 + 3 + 3 + 96 + 3)
    assert made.state == state_digest(at(town, 5))
    assert everything(town) == before
    assert not list(town.path.glob(".rebuild-*"))


def test_verify_says_what_differs(town):
    """A lost file, and a decoder that reads otherwise now, are told, each by its place."""
    entry = snapshot.entries(at(town, 5), kind="registers")[0]
    (town.path / entry.path).unlink()
    assert f"The readings file {entry.path} cannot be read" in verify(town, decode=again).differs[0]

    def other(data, **_):
        return parse(b"one") if data == b"two" else parse(data)

    made = verify(town, decode=other)
    assert made.differs[0].startswith("1.csv (load 2) had 291 readings, and has 0 now")

    def refuses(data, **_):
        raise RefusedFile("No.")

    assert verify(town, decode=refuses).differs[0] == "0.csv (load 1) is refused now: No."


def test_lost_folders_are_made_again(town):
    """All files of readings are gone: they come back byte for byte, the manifest is as it was."""
    before, files = everything(town), control.models.ReadingFile.objects.count()
    lose(town)
    assert healthy(town)
    made = rebuild(town, decode=again, **WHO)

    assert made.same
    assert (made.restored, made.merged) == (files, 0)
    assert control.models.ReadingFile.objects.count() == files
    assert everything(town) == before
    assert healthy(town) == []


def test_a_damaged_file_is_put_back(town):
    """One flipped bit: that file alone is put back."""
    entry = snapshot.entries(at(town, 5))[0]
    path = town.path / entry.path
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    before = path.stat().st_size
    made = rebuild(town, decode=again, **WHO)

    assert (made.same, made.restored, made.merged) == (True, 1, 0)
    assert path.stat().st_size == before
    assert healthy(town) == []


@pytest.mark.parametrize("pruned", [False, True])
def test_lost_after_a_compaction(town, pruned):
    """A merged file comes back as it was; what was retired is noted as gone."""
    before = everything(town)
    compact(town, **WHO)
    if pruned:
        prune(town, actor="ina", as_of=AS_OF + 90_000)
    lose(town)
    made = rebuild(town, decode=again, **WHO)

    assert (made.same, made.merged) == (True, 0)
    assert everything(town) == before
    assert healthy(town) == []


def test_lost_after_a_compaction_and_a_further_load(town):
    """A merged file stands beside a later one: both are replaced by one that has all rows."""
    compact(town, **WHO)
    FILES[b"late"] = {"blocks": blocks(POINTS, day=DAY + 2)}
    receive(town, b"late", name="5.csv", sender="", decode=decode, **WHO)
    before = everything(town)
    lose(town)
    made = rebuild(town, decode=again, **WHO)
    places = [(e.kind, e.month, e.bucket) for e in snapshot.entries(at(town, 9))]

    assert made.same
    assert made.merged > 0
    assert len(places) == len(set(places))
    assert everything(town) == before
    assert healthy(town) == []


def test_files_that_come_out_otherwise(town, monkeypatch):
    """Another version of Arrow writes other bytes: merged files stand for the lost ones."""
    from gridtally.store import files

    before = everything(town)
    lose(town, "readings")
    really = files.pq.write_table
    monkeypatch.setattr(
        files.pq, "write_table", lambda *a, **k: really(*a, **k | {"compression": "zstd"})
    )
    made = rebuild(town, decode=again, **WHO)

    assert made.same
    assert made.merged > 0
    assert everything(town) == before
    assert healthy(town) == []


def test_lost_raw_bytes_change_nothing(town):
    """Without the raw bytes nothing can be made again, and nothing is touched."""
    before = everything(town)
    source = control.models.SourceFile.objects.get(name="1.csv").delivered
    (town.path / "raw" / source[:2] / source).unlink()
    with pytest.raises(Corrupt, match=f"{source} is gone"):
        rebuild(town, decode=again, **WHO)

    assert everything(town) == before


def test_a_decoder_that_reads_otherwise_changes_nothing(town):
    """What does not give what was published does not replace what is left of it."""
    lose(town, "registers")

    def other(data, **_):
        return parse(b"one") if data == b"two" else parse(data)

    with pytest.raises(Corrupt, match=r"1\.csv \(load 2\) had 291 readings, and has 0 now"):
        rebuild(town, decode=other, **WHO)

    assert not (town.path / "registers").exists()


@pytest.mark.parametrize("place", ["files", "committed"])
def test_killed_while_rebuilding(town, place):
    """Killed anywhere and done again, everything is there, and nothing is left over."""
    before = everything(town)
    compact(town, **WHO)
    lose(town)
    connection.close()
    pid = os.fork()
    if not pid:
        os.environ["GRIDTALLY_FAULT"] = f"rebuild.{place}"
        try:
            rebuild(town, decode=again, **WHO)
        finally:
            os._exit(3)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -9
    rebuild(town, decode=again, **WHO)
    prune(town, actor="ina", as_of=AS_OF + 4_000_000_000)

    assert everything(town) == before
    assert healthy(town) == []
    assert not list(town.path.glob(".rebuild-*"))


def test_what_a_file_was_decoded_with_is_kept(ws):
    """Format, zone, rounding, mapping, mark, reason and actor reach the row and come back."""
    from gridtally.money import Rounding
    from gridtally.terms import RoundingMode

    mapping = b'format = "x"\n'
    options = Options("csv-long", "Asia/Shanghai", Rounding(6, RoundingMode.HALF_EVEN), mapping)
    receive(
        ws, b"one", name="a.csv", sender="dso", decode=decode, options=options, correction=True,
        reason="meter was off", **WHO,
    )  # fmt: skip
    row = control.models.SourceFile.objects.get()
    seen = []

    def look(data, **known):
        seen.append(known)
        return parse(data)

    assert verify(ws, decode=look).same
    assert (row.mark, row.reason, row.actor) == (AS_OF, "meter was off", "ina")
    assert row.options == '{"format": "csv-long", "round": "6 half_even", "zone": "Asia/Shanghai"}'
    assert (seen[0]["name"], seen[0]["as_of"], seen[0]["mapping"]) == ("a.csv", AS_OF, mapping)
    assert Options.of(seen[0]["options"], seen[0]["mapping"]) == options
