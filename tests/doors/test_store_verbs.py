"""The verbs on what is kept: readings, recompute, rebills, store, with a town that was billed."""

import csv
import io
import shutil
from datetime import date, timedelta

import pytest

from gridtally import control
from gridtally.store.workspace import Workspace


@pytest.fixture
def town(issued, tmp_path):
    """A copy of the town with issued bills."""
    path = tmp_path / "town"
    shutil.copytree(issued[0], path)
    Workspace.open(path)
    return path


@pytest.fixture
def late(door, town, tmp_path):
    """A correction of a whole day of an issued bill arrived: its number and metering point."""
    day = date(2026, 10, 14)
    span = ("--from", day, "--to", day + timedelta(1), "-w", town, "--json")
    for segment in control.models.IssuedSegment.objects.select_related("bill").order_by("pk"):
        point, number = segment.metering_point, segment.bill_id
        (sealed,) = door("recompute", number, "-w", town, "--json").json["segments"]
        rows = door("readings", point, *span).json["readings"]
        (tree,) = door("explain", number, "-w", town, "--json").json["segments"]
        if rows and tree["legal_source"] == "interval" and not sealed["estimated_ukwh"]:
            break
    lines = ["metering_point,channel,start,value,unit"]
    lines += [f"{point},{r['channel']},{r['start']},9.5,{r['unit']}" for r in rows]
    path = tmp_path / "late.csv"
    path.write_text("\n".join(lines) + "\n")
    before = untouched(town)
    got = door(
        "receive", path, "--correction", "--reason", "clock was off", "-w", town, "--as", "kim"
    )
    assert got.code == 0, got.err
    return segment.bill_id, point, before, len(rows)


def untouched(town):
    """All that must not change by itself: bills, entries, documents, leaves, sealed runs."""
    models = control.models
    kept = (models.IssuedBill, models.IssuedSegment, models.Entry, models.Outbox, models.Leaf,
            models.RunBill, models.Head, models.HistoryFile)  # fmt: skip
    rows = [list(model.objects.order_by("pk").values()) for model in kept]
    folders = ("runs", "documents", "published", "history")
    files = {p: p.read_bytes() for f in folders for p in (town / f).rglob("*") if p.is_file()}
    return rows, files


def test_an_issued_bill_comes_out_again(door, town):
    """Every bill of the town, from what its run saw, to the cent; `check --bills` says so."""
    number = control.models.IssuedBill.objects.order_by("pk").first().number
    said = door("recompute", number, "-w", town, "--json")
    checked = door("check", "--only", "rows", "--bills", "-w", town, "--json")

    assert said.code == 0, said.err
    assert said.json["same"]
    assert said.json["total"] == said.json["again"]
    assert checked.json["checks"][-1]["invariant"] == "bills"
    assert checked.code == 0


def test_late_readings_propose_and_change_nothing(door, town, late):
    """The bill still comes out to its own cents; on today's readings it is another one."""
    number, _, before, _ = late

    assert untouched(town) == before
    assert door("recompute", number, "-w", town).code == 0
    today = door("recompute", number, "--now", "-w", town, "--json")
    assert today.code == 1
    assert today.json["total"] != today.json["again"]
    assert untouched(town) == before
    assert door("check", "-w", town).code == 0


def test_a_proposal_is_listed_shown_and_closed(door, town, late):
    """With the energy and the money that late readings would change."""
    number, point, _, count = late
    status = door("status", "-w", town, "--json").json
    (listed,) = door("rebills", "list", "-w", town, "--json").json["proposals"]
    shown = door("rebills", "show", number, "-w", town, "--json").json
    span = ("--from", "2026-10-14", "--to", "2026-10-15", "-w", town, "--json")
    then = door("readings", point, *span, "--as-known-by", number).json["readings"]
    old = sum(micro(row["value"]) for row in then)

    assert status["rebills"] == [number]
    assert (listed["number"], listed["state"], listed["file"]) == (number, "open", "late.csv")
    assert shown["segments"][0]["import_ukwh"] == count * 9_500_000 - old
    assert shown["difference"] not in (None, "0")
    closed = door("rebills", "close", listed["id"], "--why", "agreed", "-w", town, "--as", "kim")
    assert closed.code == 0
    assert door("rebills", "list", "-w", town, "--json").json["proposals"] == []
    (again,) = door("rebills", "list", "--all", "-w", town, "--json").json["proposals"]
    assert (again["state"], again["by"], again["why"]) == ("closed", "kim", "agreed")
    twice = door("rebills", "close", listed["id"], "--why", "x", "-w", town, "--as", "kim")
    assert "closed already" in twice.calm
    assert "Nobody proposed" in door("rebills", "show", "B-0", "-w", town).calm


def micro(text):
    whole, _, part = text.partition(".")
    return int(whole) * 1_000_000 + int(part.ljust(6, "0"))


def test_readings_as_they_were_known(door, town, late):
    """What a bill saw, what is known now, and each version with who, when and why."""
    number, point, _, count = late
    span = ("--from", "2026-10-14", "--to", "2026-10-15", "-w", town)
    then = door("readings", point, *span, "--as-known-by", number, "--json").json["readings"]
    first = door("readings", point, *span, "--as-known-on", "2020-01-01")
    today = door("readings", point, *span, "--json").json["readings"]
    every = door("readings", point, *span, "--history", "--csv")
    rows = list(csv.DictReader(io.StringIO(every.out)))

    assert {r["value"] for r in today} == {"9.5"}
    assert {r["value"] for r in then} != {"9.5"}
    assert [r["start"] for r in then] == [r["start"] for r in today]
    assert (first.code, first.out) == (1, "")
    assert "was known then" in first.err
    assert len(rows) == 2 * count
    assert {(r["wins"], r["actor"], r["why"]) for r in rows} == {
        ("no", "ana", ""), ("yes", "kim", "clock was off"),
    }  # fmt: skip


@pytest.mark.parametrize("when", ["yesterday", "2026-10-14T10:00:00", "2026-13-01"])
def test_a_day_that_cannot_be_meant(door, town, when):
    """An instant needs its offset; what is no date is refused calmly."""
    assert "--as-known-on" in door("readings", "x", "-w", town, "--as-known-on", when).calm


def test_readings_for_people(door, town):
    """A table on stdout, the count and other kinds on stderr."""
    point = control.models.IssuedSegment.objects.order_by("pk").first().metering_point
    said = door("readings", point, "-w", town)

    assert said.code == 0
    assert point in said.err
    assert door("readings", "no such point", "-w", town).calm


def test_lost_readings_come_back(door, town):
    """The folder of readings is gone: made again, the state is as before, every bill comes out."""
    state = door("status", "-w", town, "--json").json["state"]
    assert door("store", "compact", "-w", town, "--as", "kim", "--dry-run").code == 0
    assert door("store", "compact", "-w", town, "--as", "kim", "--json").json["after"] > 0
    assert door("status", "-w", town, "--json").json["state"] == state
    for folder in ("readings", "registers"):
        shutil.rmtree(town / folder)
    assert door("status", "-w", town, "--json").json["state"] is None
    assert door("store", "rebuild", "--verify", "-w", town).code == 1
    made = door("store", "rebuild", "-w", town, "--as", "kim", "--json")

    assert made.code == 0, made.err
    assert made.json["state"] == state
    assert door("status", "-w", town, "--json").json["state"] == state
    assert door("store", "prune", "-w", town, "--as", "kim", "--json").json["orphans"] == 0
    assert door("check", "--bills", "-w", town).code == 0
