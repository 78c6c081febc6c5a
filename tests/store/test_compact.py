"""Compaction: fewer files say the same, for every snapshot; killed or raced, nothing is lost."""

import os

import pytest
from django.db import connection
from synthetic import AS_OF, blocks, decoder, dials, remarks

from gridtally import control
from gridtally.errors import Corrupt
from gridtally.intake.receive import receive
from gridtally.store import compact as room
from gridtally.store import readings, snapshot
from gridtally.store.check import check
from gridtally.store.compact import compact, orphans, prune
from gridtally.store.snapshot import Snapshot
from gridtally.store.state import state_digest

POINTS = ["MP-1", "MP-2", "MP-3"]
LATER = AS_OF + 90_000
WHO = {"actor": "ina", "as_of": AS_OF}


def take(ws, read_blocks=None, **more):
    count = snapshot.snapshot(ws).load_seq
    known = {"sender": "dso", "name": f"{count}.csv"} | WHO
    return receive(ws, b"file %d" % count, decode=decoder(read_blocks, **more), **known)


@pytest.fixture
def many(ws):
    """Seven loads: days of October 2024, a correction, dials, remarks."""
    for day in range(20_000, 20_004):
        take(ws, blocks(POINTS, day=day, value=day))
    take(ws, blocks(POINTS, day=20_001, value=5, version=1))
    for day in (20_000, 20_001):
        take(ws, registers=dials(POINTS, day=day), said=remarks(POINTS, day=day))
    return ws


def at(ws, load):
    """The snapshot after so many loads."""
    return Snapshot(ws, load, 0, 0, 0)


def rows(ws, load):
    """Every row that a snapshot sees, its load, source and line with it."""
    found = {}
    for kind in readings.KINDS:
        table = readings.read(ws.path, snapshot.entries(at(ws, load), kind=kind), kind=kind)
        found[kind] = sorted(map(repr, table.to_pylist()))
    return found


def everything(ws):
    return [(rows(ws, n), state_digest(at(ws, n))) for n in range(8)]


def current(ws):
    return [e for kind in readings.KINDS for e in snapshot.entries(at(ws, 99), kind=kind)]


def test_files_become_one_per_month_and_bucket(many):
    """Every snapshot, of whatever load, sees the same rows as before, and the same state."""
    before = everything(many)
    told = compact(many, **WHO, dry_run=True)
    assert everything(many) == before
    done = compact(many, **WHO)
    places = [(e.kind, e.month, e.bucket) for e in current(many)]

    assert len(places) == len(set(places)) == done.after == told.after
    assert (done.seq, told.seq, done.before) == (1, None, told.before)
    assert done.rows == told.rows == 15 + 6 + 6
    assert everything(many) == before
    assert all(checked.ok for checked in check(many))


def test_nothing_is_left_to_merge(many):
    """A second compaction finds nothing; after a further load it merges the merged file too."""
    compact(many, **WHO)
    assert compact(many, **WHO).seq is None
    take(many, blocks(POINTS, day=20_009))
    before = everything(many)
    assert compact(many, **WHO).seq == 2

    assert everything(many) == before
    assert all(checked.ok for checked in check(many))


def test_new_readings_are_compared_with_merged_ones(many):
    """What is repeated, contradicts or supersedes is known after a compaction as before it."""
    compact(many, **WHO)

    assert take(many, blocks(POINTS, day=20_000, value=20_000)).repeated == 3 * 96
    assert take(many, blocks(["MP-1"], day=20_000, value=1)).conflicting == 96
    assert take(many, blocks(["MP-1"], day=20_001, value=6, version=2)).readings == 96


def test_who_reads_old_files_goes_on(many):
    """Entries that were listed before a compaction can be read until the files are pruned."""
    listed = snapshot.entries(at(many, 7))
    before = readings.read(many.path, listed, kind="blocks").num_rows
    compact(many, **WHO)
    prune(many, **WHO)  # too early: whoever reads them may still need them

    assert readings.read(many.path, listed, kind="blocks").num_rows == before == 15


def test_pruned_after_a_day(many):
    """Retired files go after a day, and no snapshot loses anything; the manifest remembers them."""
    before, old = everything(many), [e.path for e in current(many)]
    compact(many, **WHO)
    told = prune(many, actor="ina", as_of=LATER, dry_run=True)
    assert all((many.path / path).exists() for path in old)
    done = prune(many, actor="ina", as_of=LATER)

    assert (done.retired, done.orphans) == (len(old), 0)
    assert done == told
    assert not any((many.path / path).exists() for path in old)
    assert everything(many) == before
    assert all(checked.ok for checked in check(many))
    assert prune(many, actor="ina", as_of=LATER).retired == 0


def test_orphans_are_listed_and_pruned(many):
    """What a killed process left is told by `check`, breaks nothing, and goes with `prune`."""
    left = many.path / "readings" / "2024-10" / "0000" / "x-y.parquet"
    left.parent.mkdir(parents=True, exist_ok=True)
    left.write_bytes(b"half")
    half = left.with_name(".x.parquet.ab12")
    half.write_bytes(b"")
    os.utime(half, (LATER - 10, LATER - 10))
    (told,) = check(many, only={"orphans"})

    assert told.ok
    assert "readings/2024-10/0000/x-y.parquet" in told.detail
    assert prune(many, actor="ina", as_of=LATER).orphans == 1
    assert list(orphans(many)) == ["readings/2024-10/0000/.x.parquet.ab12"]  # may be in the making
    assert prune(many, actor="ina", as_of=LATER + LATER).orphans == 1
    assert list(orphans(many)) == []


def test_a_file_that_was_pruned_while_it_waited(ws, monkeypatch):
    """A receive whose files were taken for orphans writes them again before it publishes."""
    from gridtally.store import publish

    really, once = publish.prepare, []

    def prepare(*args, **kwargs):
        prepared = really(*args, **kwargs)
        if not once:
            once.append(True)
            assert prune(ws, actor="ina", as_of=LATER).orphans > 0
        return prepared

    monkeypatch.setattr(publish, "prepare", prepare)
    take(ws, blocks(POINTS))

    assert len(rows(ws, 1)["blocks"]) == 3
    assert all(checked.ok for checked in check(ws))


def test_a_merge_that_loses_a_row_is_refused(many, monkeypatch):
    """What was written is read again: it must be row for row what it replaces."""
    before = everything(many)
    really = readings.ordered
    monkeypatch.setattr(readings, "ordered", lambda part, *, kind: really(part, kind=kind)[:-1])
    with pytest.raises(Corrupt, match="without a loss"):
        compact(many, **WHO)

    assert everything(many) == before


@pytest.mark.parametrize("place", ["files", "commit", "committed"])
def test_killed_while_compacting(many, nursery, place):
    """Killed anywhere: the store is as before or as after; done again it is as after."""
    before = everything(many)
    connection.close()
    (killed,) = nursery.run("compact", many.path, fault=f"compact.{place}")

    assert killed["killed"]
    assert everything(many) == before
    assert all(checked.ok for checked in check(many))
    nursery.said("compact", many.path)
    places = [(e.kind, e.month, e.bucket) for e in current(many)]
    assert len(places) == len(set(places))
    assert everything(many) == before
    assert list(orphans(many)) == []


def test_killed_while_pruning(many, nursery):
    """Files that the manifest has given up and the disk has not are removed the next time."""
    before = everything(many)
    compact(many, **WHO)
    connection.close()
    (killed,) = nursery.run("prune", many.path, fault="prune.committed")

    assert killed["killed"]
    assert everything(many) == before
    assert all(checked.ok for checked in check(many))
    assert len(list(orphans(many))) > 0
    prune(many, actor="ina", as_of=LATER)
    assert list(orphans(many)) == []


def test_compactions_and_deliveries_at_once(many, nursery):
    """Two compactions, a prune and three deliveries at the same time: every row is there once."""
    before = everything(many)
    connection.close()
    said = nursery.said("mixed", many.path, count=6)
    found = rows(many, 99)

    assert len(said) == 6
    assert everything(many) == before
    assert len(found["blocks"]) == len(set(found["blocks"])) == 15 + 3 * 50
    assert all(checked.ok for checked in check(many))


def test_two_compactions_of_the_same_files(many):
    """The second finds them retired, and publishes nothing."""
    group = snapshot.entries(at(many, 7), kind="registers")
    bucket = group[0].bucket
    merge = room.merged(many.path, [entry for entry in group if entry.bucket == bucket])
    one = room.publish(many, [merge], why="compact", **WHO)
    two = room.publish(many, [merge], why="compact", **WHO)

    assert one[0] == 1
    assert two == (None, [])
    assert control.models.Compaction.objects.count() == 1
