"""The state digest: what the store knows, whatever the way in which it came."""

import hashlib

import numpy as np
import pyarrow as pa
import pytest
from synthetic import AS_OF, blocks, decoder, dials, remarks

from gridtally import tables
from gridtally.errors import Corrupt
from gridtally.intake.receive import receive
from gridtally.store import readings, snapshot
from gridtally.store.master import put_master
from gridtally.store.state import parts, state_digest
from gridtally.store.workspace import Workspace

EMPTY = hashlib.sha256(b"gridtally state 1\n").hexdigest()
UTC = pa.timestamp("s", tz="UTC")
RISING = np.arange(96)


@pytest.fixture
def fresh(template, tmp_path):
    """Makes further empty workspaces."""
    import shutil

    count = iter(range(100))

    def make():
        path = tmp_path / f"other{next(count)}"
        shutil.copytree(template, path)
        return Workspace.open(path)

    return make


def take(ws, read_blocks=None, *, registers=None, said=None, **more):
    """Receive these tables as one file of its own."""
    count = snapshot.snapshot(ws).load_seq
    known = {"sender": "dso", "as_of": AS_OF, "actor": "ina", "name": f"{count}.csv"}
    decode = decoder(read_blocks, registers, said)
    return receive(ws, b"file %d" % count, decode=decode, **known | more)


def state(ws):
    return state_digest(snapshot.snapshot(ws))


def cut(table, slots):
    """The same readings in blocks of so many slots."""
    rows = []
    for row in table.to_pylist():
        for first in range(0, len(row["values"]), slots):
            part = row | {"values": row["values"][first : first + slots], "line": 7}
            if len(row["quality"]) > 1:
                part["quality"] = row["quality"][first : first + slots]
            part["start_utc"] = row["start_utc"] + np.timedelta64(
                first * row["resolution_s"], "s"
            ).astype(object)
            rows.append(part)
    return tables.table(tables.BLOCKS, rows)


def later(table, *, hours):
    """The same blocks, so much later."""
    place = table.schema.get_field_index("start_utc")
    moved = pa.array(table["start_utc"].cast(pa.int64()).to_numpy() + hours * 3600)
    return table.set_column(place, table.schema.field("start_utc"), moved.cast(UTC))


def test_an_empty_store(ws):
    """Nothing is known: the digest is that of the heading alone."""
    assert state(ws) == EMPTY


@pytest.mark.parametrize("slots", [1, 7, 24, 95])
def test_the_cut_of_blocks_does_not_matter(ws, fresh, slots):
    """Blocks of a day, or of a few slots that cross into another month: the same state."""
    days = [blocks(["MP-1", "MP-2"], day=day, value=RISING) for day in (20_026, 20_027)]
    given = later(pa.concat_tables(days), hours=12)  # until noon of the first of November 2024
    take(ws, given)
    other = fresh()
    pieces = cut(given, slots)
    for part in (pieces.slice(0, 3), pieces.slice(3)):
        take(other, part)
    one, two = (parts(snapshot.snapshot(Workspace.open(w.path))) for w in (ws, other))

    assert sorted(one) == [("blocks", "2024-10"), ("blocks", "2024-11")]
    assert one == two


def test_letters_for_each_value_or_for_all(ws, fresh):
    """A block with one quality letter says the same as one with a letter per value."""
    take(ws, blocks(["MP-1"], quality="E"))
    first = state(ws)
    other = fresh()
    take(other, blocks(["MP-1"], quality="E" * 96))

    assert state(other) == first


@pytest.mark.parametrize(
    "changed",
    [
        {"value": [*RISING[:-1], 96]}, {"quality": "S"}, {"version": 1}, {"day": 20_001},
        {"channel": "export"}, {"slots": 24, "value": RISING[:24]},
    ],
    ids=lambda c: next(iter(c)),
)  # fmt: skip
def test_every_property_of_a_reading_counts(ws, fresh, changed):
    """Another value, quality, version, time, channel or resolution is another state."""
    take(ws, blocks(["MP-1"], value=RISING))
    first = state(ws)
    other = fresh()
    take(other, blocks(["MP-1"], **{"value": RISING} | changed))

    assert state(other) != first


def test_what_lost_does_not_count(ws, fresh):
    """A version that came and lost, first or last, leaves the state of its winner."""
    old, new = (blocks(["MP-1"], value=v, version=v) for v in (1, 2))
    take(ws, new)
    alone = state(ws)
    take(ws, old)
    other = fresh()
    take(other, old)
    take(other, new)

    assert state(other) == alone
    assert state(Workspace.open(ws.path)) == alone


def test_a_version_that_confirms_is_kept(ws, fresh):
    """Versions 1 and 3 say the same, a late 2 something else: 3 wins in every order."""
    said = {1: 5, 2: 6, 3: 5}
    found = set()
    for order in ((1, 3, 2), (3, 2, 1), (2, 1, 3)):
        store = fresh()
        for version in order:
            take(store, blocks(["MP-1"], value=said[version], version=version))
        found.add(state(store))

    assert len(found) == 1


def test_dials_count_with_all_that_they_say(ws, fresh):
    """The same figure for two reasons is two rows; in one file or in two, the same state."""
    routine = dials(["MP-1"], reading=5)
    place = routine.schema.get_field_index("reason")
    exchange = routine.set_column(place, routine.schema.field("reason"), pa.array(["exchange_out"]))
    take(ws, registers=pa.concat_tables([routine, exchange]))
    first = state(ws)
    other = fresh()
    assert take(other, registers=routine).readings == 1
    one = state(other)
    assert take(other, registers=exchange).readings == 1
    assert take(other, registers=exchange).repeated == 1
    both = state(other)
    third = fresh()
    take(third, registers=dials(["MP-1"], reading=6))

    assert both == first
    assert len({first, one, state(third)}) == 3


def said_of(snap, *, points=None, **bounds):
    """REMARKS of a snapshot."""
    found = snapshot.entries(snap, kind="remarks", **bounds)
    return readings.read(snap.workspace.path, found, kind="remarks", points=points, **bounds)


def test_remarks_are_stored_once(ws):
    """The same remark again, in its file or in a later one, is dropped; another is kept."""
    twice = pa.concat_tables([remarks(["MP-1"], line=1), remarks(["MP-1"], line=2)])
    take(ws, blocks(["MP-1"]), said=twice)
    take(ws, said=remarks(["MP-1"], line=9))
    first = state(ws)
    take(ws, said=remarks(["MP-1"], value="F14"))
    found = said_of(snapshot.snapshot(ws), points=["MP-1"])

    assert found.schema.names == tables.REMARKS.names
    assert list(zip(found["value"].to_pylist(), found["line"].to_pylist(), strict=True)) == [
        ("A51", 1), ("F14", 1),
    ]  # fmt: skip
    assert state(ws) != first


def test_the_cut_of_remarks_does_not_matter(ws, fresh):
    """One remark for days, across a month's end, or one per day, twice, and out of order."""
    days = [remarks(["MP-1"], day=day) for day in range(20_025, 20_030)]
    whole = pa.concat_tables(days).combine_chunks()
    long = whole.slice(0, 1).set_column(
        3, whole.schema.field(3), whole["end_utc"].slice(4, 1).combine_chunks()
    )
    take(ws, said=long)
    first = parts(snapshot.snapshot(ws))
    other = fresh()
    for day in (3, 0, 4, 1):
        take(other, said=days[day])
    gap = state(other)
    take(other, said=pa.concat_tables([days[2], days[1]]))

    assert sorted(first) == [("remarks", "2024-10"), ("remarks", "2024-11")]
    assert parts(snapshot.snapshot(other)) == first
    assert gap != state(other)


def test_an_instant_and_a_header(ws):
    """A remark about one instant counts; what is said about the file itself does not."""
    at = remarks(["MP-1"], key="event.tamper").combine_chunks()
    at = at.set_column(3, at.schema.field(3), at["start_utc"].combine_chunks())
    before = state(ws)
    take(ws, said=remarks(["MP-1"], key="nem12.header"))
    assert state(ws) == before
    take(ws, said=at)
    assert state(ws) != before


def test_remarks_of_a_span(ws):
    """A remark is found by the time that it is about, an instant too."""
    take(ws, said=pa.concat_tables([remarks(["MP-1"], day=day) for day in (20_000, 20_040)]))
    snap = snapshot.snapshot(ws)
    day = 86_400

    assert said_of(snap, start_utc=20_040 * day).num_rows == 1
    assert said_of(snap, end_utc=20_000 * day + 1).num_rows == 1
    assert said_of(snap, start_utc=20_001 * day, end_utc=20_040 * day).num_rows == 0


def test_master_data_count(ws):
    """A row of master data more, and the state is another; its order does not matter."""
    rows = [{"meter": "M-1", "metering_point": "MP-1"}, {"meter": "M-2", "metering_point": "MP-2"}]
    found = []
    for some in (rows[:1], rows, rows[::-1]):
        put_master(ws, {"meters": tables.table(tables.METERS, some)}, actor="m", as_of=AS_OF)
        found.append(state(ws))

    assert found[0] != found[1]
    assert found[1] == found[2]


def test_what_was_hashed_before_is_remembered(ws, monkeypatch):
    """Only months with other files are read again; a lost file is noticed all the same."""
    from gridtally.store import state as room

    read, really = [], room._read
    monkeypatch.setattr(room, "_read", lambda *a: read.append(a[1:3]) or really(*a))
    take(ws, blocks(["MP-1"], day=20_000))
    take(ws, blocks(["MP-1"], day=20_040))
    snap = snapshot.snapshot(ws)
    first = room.remembered_state(snap)
    assert first == state_digest(snap)
    read.clear()
    assert room.remembered_state(snap) == first
    assert read == []
    take(ws, blocks(["MP-2"], day=20_040))
    assert room.remembered_state(snapshot.snapshot(ws)) == state(ws)
    (ws.path / room._MEMORY).write_text("no json")
    assert room.remembered_state(snap) == first
    entry = snapshot.entries(snap)[0]
    (ws.path / entry.path).unlink()
    with pytest.raises(Corrupt):
        room.remembered_state(snap)
