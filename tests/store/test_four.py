"""The same readings leave the same state: twice, renamed, packed, shuffled, split, by four at once.

The files are of several formats and have versions, confirmed values, and months that are cut.
"""

import random
import shutil

import pytest
from django.db import connection
from ugly import FORMATS, deliveries

from gridtally import control, inbox
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


def take(ws, files):
    answers = inbox.receive(
        ws, files, sender="dso", zone=None, correction=False, as_of=LATER, actor="ina",
        dry_run=False, report=lambda *_: None,
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
