"""The same readings leave the same state: twice, renamed, packed, shuffled, split, by four at once.

The files are of several formats and have versions, confirmed values, and months that are cut.
"""

import random
import shutil

import pytest
from django.db import connection
from ugly import CUMULATIVE, FORMATS, deliveries, series

from gridtally import control, inbox
from gridtally.intake.options import Options
from gridtally.store import snapshot
from gridtally.store.check import check
from gridtally.store.state import state_digest
from gridtally.store.workspace import Workspace

LATER = 1_772_000_000


@pytest.fixture
def fresh(template, tmp_path):
    """Makes empty workspaces."""
    made = []

    def make():
        path = tmp_path / f"town{len(made)}"
        made.append(path)
        shutil.copytree(template, path)
        return Workspace.open(path)

    return make


def take(ws, files, **more):
    answers = inbox.receive(
        ws, files, sender="dso", zone=None, correction=False, as_of=LATER, actor="ina",
        dry_run=False, report=lambda *_: None, **more,
    )  # fmt: skip
    assert not [a.findings for a in answers if a.refused]


def state(ws):
    return state_digest(snapshot.snapshot(ws))


@pytest.mark.parametrize("name", FORMATS)
def test_in_whatever_way_they_come(fresh, tmp_path, name):
    """One process, any cut and order: one state, and it is not that of an empty store."""
    (tmp_path / "files").mkdir()
    empty, states = state(fresh()), {}
    for way, files in deliveries(name, tmp_path / "files").items():
        ws = fresh()
        take(ws, files)
        states[way] = state(ws)

    assert len(set(states.values())) == 1, states
    assert empty not in states.values()


@pytest.mark.parametrize("name", FORMATS)
def test_four_processes_at_once(fresh, tmp_path, nursery, name):
    """Each delivers everything, in an order of its own; each waits for the others, none fails."""
    (tmp_path / "files").mkdir()
    ways = deliveries(name, tmp_path / "files")
    one = fresh()
    take(one, ways["whole"])
    wanted, four = state(one), fresh()
    files = [*ways["whole"], *ways["split"], ways["twice, shuffled"][1]]
    random.Random(name).shuffle(files)
    connection.close()
    said = nursery.said("deliver_all", four.path, LATER, *files, count=4)
    ws = Workspace.open(four.path)

    assert said == [str(len(files))] * 4
    assert state(ws) == wanted
    assert control.models.Load.objects.count() == len(files)
    assert all(checked.ok for checked in check(ws))


def test_a_series_that_goes_on_from_file_to_file(fresh, tmp_path, nursery):
    """Each interval is the step from the row before, also when four processes bring the parts at
    once: none is lost between two files, in whatever order they come."""
    one = fresh()
    take(one, series(tmp_path, 1), options=Options(mapping=CUMULATIVE))
    wanted = state(one)
    backwards = fresh()
    take(backwards, series(tmp_path, 3)[::-1], options=Options(mapping=CUMULATIVE))
    assert state(backwards) == wanted
    mapping = tmp_path / "mapping.toml"
    mapping.write_bytes(CUMULATIVE)
    four = fresh()
    connection.close()
    nursery.said("deliver_mapped", four.path, LATER, mapping, *series(tmp_path, 8), count=4)

    assert state(Workspace.open(four.path)) == wanted


def test_a_neighbour_that_came_in_between(fresh, tmp_path, monkeypatch):
    """The file before is published while this one is being stored: it is decoded once more."""
    from gridtally.store import publish

    how = {"options": Options(mapping=CUMULATIVE)}
    one = fresh()
    take(one, series(tmp_path, 1), **how)
    wanted, two = state(one), fresh()
    first, second = series(tmp_path, 2)
    really, once = publish.prepare, []

    def prepare(*args, **kwargs):
        prepared = really(*args, **kwargs)
        if not once:
            once.append(True)
            take(two, [first], **how)
        return prepared

    monkeypatch.setattr(publish, "prepare", prepare)
    take(two, [second], **how)

    assert state(two) == wanted
