"""Run folders: sealed once, whole or absent, and whatever is changed afterwards is named."""

import os
import shutil

import pyarrow as pa
import pytest
from synthetic import results, sealed

from gridtally.errors import Corrupt, NotFound
from gridtally.store.files import table_bytes
from gridtally.store.runs import create_run, open_run, verify_run


def test_a_sealed_run_verifies(ws):
    """Its root and digests come out again from the files; its bills have their leaves."""
    run = open_run(ws, sealed(ws, 5).id)

    assert run.sealed
    assert verify_run(run) == []
    assert run.done["bills"] == 5
    assert run.done["tables"]["lines"]["rows"] == 10
    assert all(run.read("bills")["leaf"].to_pylist())


def test_the_same_question_finds_the_same_run(ws):
    """The id follows from run.json, so the run is not made twice; another question is another."""
    first, again, other = sealed(ws, 2), sealed(ws, 2), sealed(ws, 2, note="other")

    assert first.id == again.id != other.id
    assert first.done["run_root"] == other.done["run_root"]
    assert len(list((ws.path / "runs").iterdir())) == 2


def test_partitioning_and_order_do_not_matter(ws):
    """Written in any parts and any order, the seal says the same."""
    one = sealed(ws, 20, note="one")
    run = create_run(ws, {"period": {"from": "2026-10-01", "to": "2026-11-01"}, "note": "two"})
    for name, table in results(20).items():
        rows = list(range(table.num_rows))[::-1]
        for part in range(3):
            run.write(name, table.take(pa.array(rows[part::3], pa.int64())), part=f"{part}")
    two = run.seal()

    assert one.done["tables"] == two.done["tables"]
    assert one.done["run_root"] == two.done["run_root"]


def test_a_half_written_run_is_replaced(ws):
    """What a killed process left is not taken for a run, and does not stand in the way."""
    info = {"period": {"from": "2026-10-01", "to": "2026-11-01"}, "note": "", "n": 3}
    left = create_run(ws, info)
    left.write("lines", results(1)["lines"])
    left.path.rename(left.path.with_name(f".{left.id}.999999999"))
    with pytest.raises(NotFound):
        open_run(ws, left.id)
    run = sealed(ws, 3)

    assert run.id == left.id
    assert [p.name for p in (ws.path / "runs").iterdir()] == [run.id]
    assert verify_run(run) == []


def test_a_run_without_its_seal_is_made_again(ws):
    """DONE is the last thing written: without it a folder is as good as half-written."""
    run = sealed(ws, 3)
    (run.path / "DONE").unlink()
    (run.path / "lines" / "all.parquet").unlink()

    assert verify_run(sealed(ws, 3)) == []


@pytest.mark.parametrize("fault", ["run.sealed", "run.moved"])
def test_killed_while_sealing(ws, nursery, fault):
    """Killed before or after the move, the run is whole afterwards."""
    (killed,) = nursery.run("run", ws.path, fault=fault)
    (said,) = nursery.said("run", ws.path)

    assert killed["killed"]
    assert verify_run(open_run(ws, said)) == []
    assert len([p for p in (ws.path / "runs").iterdir() if p.is_dir()]) == 1


def test_two_processes_make_one_run(ws, nursery):
    """Whoever is second takes the first one's folder."""
    said = nursery.said("run", ws.path, count=4)

    assert len(set(said)) == 1
    assert verify_run(open_run(ws, said[0])) == []
    assert len(list((ws.path / "runs").iterdir())) == 1


def _replace(run, name, table):
    (run.path / name / "all.parquet").write_bytes(table_bytes(table))


def test_a_changed_table_is_named(ws):
    """A changed amount: the table, the bill and the root are said to differ."""
    run = sealed(ws, 3)
    lines = run.read("lines")
    amounts = [*lines["amount"].to_pylist()[:-1], 0]
    place = lines.schema.get_field_index("amount")
    _replace(
        run,
        "lines",
        lines.set_column(
            place, lines.schema.field("amount"), pa.array(amounts, lines["amount"].type)
        ),
    )
    said = verify_run(run)

    assert len(said) == 3
    assert said[0].startswith("table lines differs: 6 rows with digest")
    assert said[1] == "1 bills differ from their leaf, such as AC-000002/2026-10-01/2026-11-01"
    assert said[2] == "the run root differs"


def test_a_missing_table_an_added_one_and_a_changed_question_are_named(ws):
    """Every kind of change is found."""
    run = sealed(ws, 3)
    shutil.rmtree(run.path / "spans")
    (run.path / "extra").mkdir()
    (run.path / "extra" / "all.parquet").write_bytes(table_bytes(pa.table({"a": [1]})))
    (run.path / "run.json").write_text("{}")
    said = verify_run(run)

    assert said[0].startswith("table extra differs: nothing was sealed")
    assert said[1].startswith("table spans differs")
    assert said[2] == "run.json differs"


def test_a_broken_file_is_named(ws):
    """A file that is no Parquet any more is a sentence, not a crash."""
    run = sealed(ws, 3)
    os.truncate(run.path / "lines" / "all.parquet", 10)

    (said,) = verify_run(run)
    assert "table lines" in said
    with pytest.raises(Corrupt):
        run.read("lines")


def test_whatever_bit_is_flipped(ws):
    """Each flipped bit of a table is named, or changes nothing that the table says."""
    run = sealed(ws, 3)
    file = run.path / "lines" / "all.parquet"
    good, said = file.read_bytes(), run.read("lines")
    silent = 0
    for place in range(0, len(good), max(1, len(good) // 60)):
        file.write_bytes(good[:place] + bytes([good[place] ^ 4]) + good[place + 1 :])
        if not verify_run(run):
            silent += 1
            assert run.read("lines").equals(said)

    assert silent < 50


def test_other_results_under_the_same_name_are_not_accepted(ws):
    """Two processes that make the same run differently: the second one says so."""
    info = {"period": {"from": "2026-10-01", "to": "2026-11-01"}, "note": "", "n": 3}
    second = create_run(ws, info)
    for name, table in results(3, cents=7).items():
        second.write(name, table)
    aside = second.path.rename(second.path.with_name("aside"))
    sealed(ws, 3)
    aside.rename(second.path)

    with pytest.raises(Corrupt, match="made twice"):
        second.seal()
