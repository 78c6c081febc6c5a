"""What is known of a metering point: winners, every version of them, and on which day."""

import pyarrow as pa
import pytest
from synthetic import AS_OF, blocks, decoder, dials, released, remarks, sealed

from gridtally.errors import NotFound
from gridtally.intake.receive import receive
from gridtally.store import snapshot
from gridtally.store.compact import compact
from gridtally.store.known import as_known_by, as_known_on, known, known_kinds

HOUR = 3600
START = 20_000 * 86_400


@pytest.fixture
def town(ws):
    """A day delivered estimated, then actual with one slot newer, then a correction by hand."""
    deliveries = [
        ("first.csv", {"read_blocks": blocks(["MP-1", "MP-2"], value=1, quality="E", slots=24)}),
        ("second.csv", {"read_blocks": blocks(["MP-1"], value=2, slots=24)}),
        ("other.csv", {"read_blocks": blocks(["MP-2"], value=9, slots=24)}),
        ("fixed.csv", {"read_blocks": blocks(["MP-1"], value=[3] + [2] * 23, slots=24)}),
        ("dials.csv", {"registers": dials(["MP-1"], reading=5), "said": remarks(["MP-1"])}),
    ]
    for number, (name, read) in enumerate(deliveries):
        receive(
            ws, name.encode(), name=name, sender="dso", as_of=AS_OF + number * HOUR,
            actor="ina" if number < 3 else "kim", decode=decoder(**read),
            correction=name == "fixed.csv", reason="meter was read wrongly" * (number == 3),
        )  # fmt: skip
    return ws


def now(ws):
    return snapshot.snapshot(ws)


def values(table):
    return table["value"].to_pylist()


def test_the_winners_and_whence_they_came(town):
    """A row per interval: value, quality, and the file, line and arrival of the one that wins."""
    table = known(now(town), "MP-1")
    first, second = table.slice(0, 2).to_pylist()

    assert values(table) == [3] + [2] * 23
    assert all(table["wins"].to_pylist())
    assert (first["file"], first["line"], first["arrived"]) == ("fixed.csv", 1, AS_OF + 3 * HOUR)
    assert (first["version"], first["why"], first["actor"]) == (
        AS_OF + 3 * HOUR, "meter was read wrongly", "kim",
    )  # fmt: skip
    assert (second["file"], second["quality"], second["sender"]) == ("second.csv", "A", "dso")


def test_every_version_of_a_slot(town):
    """Who brought what, when and why, in the order of arrival; which one counts."""
    table = known(now(town), "MP-1", every=True, end_utc=START + HOUR)
    found = [(r["file"], r["value"], r["quality"], r["wins"], r["why"]) for r in table.to_pylist()]

    assert found == [
        ("first.csv", 1, "E", False, ""),
        ("second.csv", 2, "A", False, ""),
        ("fixed.csv", 3, "A", True, "meter was read wrongly"),
    ]


@pytest.mark.parametrize("merged", [False, True])
def test_what_was_known_on_a_day(town, merged):
    """Before, between and after the deliveries, also once files were merged."""
    if merged:
        compact(town, actor="ina", as_of=AS_OF)
    seen = {
        hour: values(known(as_known_on(town, AS_OF + hour * HOUR - 1), "MP-1"))[:1]
        for hour in range(5)
    }

    assert seen == {0: [], 1: [1], 2: [2], 3: [2], 4: [3]}


def test_a_delivery_that_was_numbered_before_an_earlier_one(town):
    """What arrived later was not known, nor what was published after it."""
    late = blocks(["MP-9"], slots=24)
    known_then = {"sender": "", "actor": "ina", "decode": decoder(late), "as_of": AS_OF + 50 * HOUR}
    receive(town, b"x", name="x", **known_then)
    receive(town, b"y", name="y", **known_then | {"as_of": AS_OF + 49 * HOUR})

    assert as_known_on(town, AS_OF + 49 * HOUR).load_seq == 5
    assert as_known_on(town, AS_OF + 50 * HOUR).load_seq == 7


def test_what_a_run_saw(town):
    """A run's snapshot is that of its run.json; an issued bill has that of its run."""
    run = sealed(town, 1)
    with pytest.raises(KeyError):
        as_known_by(town, run.id)  # this one was made without a snapshot
    with pytest.raises(NotFound):
        as_known_by(town, "no-such-run")
    assert released(town, 2)


def test_a_span_and_a_channel(town):
    """Bounds are half-open, and cut inside blocks."""
    snap = now(town)
    part = known(snap, "MP-1", start_utc=START + HOUR, end_utc=START + 3 * HOUR)

    assert values(part) == [2, 2]
    assert known(snap, "MP-1", channel="export").num_rows == 0
    assert part["start_utc"].cast(pa.int64()).to_pylist() == [START + HOUR, START + 2 * HOUR]


def test_dials_and_remarks_are_known_too(town):
    """Each kind with its own columns; a point of which nothing is stored is said so."""
    snap = now(town)

    assert known(snap, "MP-1", kind="registers")["reading"].to_pylist() == [5]
    assert known(snap, "MP-1", kind="remarks")["key"].to_pylist() == ["nem12.method"]
    assert known_kinds(snap, "MP-1") == {"blocks", "registers", "remarks"}
    assert known_kinds(snap, "MP-2") == {"blocks"}
    with pytest.raises(NotFound, match="'MP-7'"):
        known_kinds(snap, "MP-7")
