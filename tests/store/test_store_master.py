"""Master data, tariffs and history: versions are added, none is lost, none overlaps."""

from datetime import date

import pytest
from synthetic import AS_OF, how_to_issue, released, results

from gridtally import control, tables
from gridtally.errors import Conflict, Corrupt, NotFound
from gridtally.store import history, snapshot
from gridtally.store.files import sha256
from gridtally.store.master import put_master, put_tariff
from gridtally.subledger.issue import issue


def accounts(*names):
    rows = [{"account": name, "segment": "shop", "language": "en"} for name in names]
    return tables.table(tables.ACCOUNTS, rows)


def test_a_snapshot_keeps_its_master_data(ws):
    """A later version is not seen by an earlier snapshot; tables not given stay."""
    put_master(
        ws, {"accounts": accounts("A"), "meters": tables.empty(tables.METERS)}, actor="m", as_of=1
    )
    before = snapshot.snapshot(ws)
    put_master(ws, {"accounts": accounts("A", "B")}, actor="m", as_of=2)
    after = snapshot.snapshot(ws)

    assert snapshot.master(before)["accounts"]["account"].to_pylist() == ["A"]
    assert snapshot.master(after)["accounts"]["account"].to_pylist() == ["A", "B"]
    assert sorted(snapshot.master(after)) == ["accounts", "meters"]


def test_the_same_master_data_makes_no_version(ws):
    """Storing the same again gives the same number."""
    numbers = [put_master(ws, {"accounts": accounts("A")}, actor="m", as_of=n) for n in (1, 2)]

    assert numbers == [1, 1]


def test_no_master_data_is_said(ws):
    """A run of an empty workspace ends with what to do."""
    with pytest.raises(NotFound, match="Receive accounts"):
        snapshot.master(snapshot.snapshot(ws))


def put(ws, text, start, end, tariff="home"):
    return put_tariff(
        ws, text, tariff=tariff, digest=f"sha256:{sha256(text)}", valid_from=start, valid_to=end,
        actor="t", as_of=AS_OF,
    )  # fmt: skip


def test_tariff_versions_follow_each_other(ws):
    """Versions that touch are fine, as are overlapping ones of two tariffs; the same is known."""
    first = put(ws, b"one", date(2026, 1, 1), date(2026, 7, 1))
    second = put(ws, b"two", date(2026, 7, 1), None)
    other = put(ws, b"three", date(2026, 3, 1), None, tariff="shop")
    again = put(ws, b"one", date(2026, 1, 1), date(2026, 7, 1))
    found = snapshot.tariffs(snapshot.snapshot(ws))

    assert (first, second, other, again) == (True, True, True, False)
    assert [(row.tariff, row.data) for row in found] == [
        ("home", b"one"), ("home", b"two"), ("shop", b"three"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (date(2026, 6, 30), None),
        (date(2025, 1, 1), date(2026, 1, 2)),
        (date(2026, 2, 1), date(2026, 3, 1)),
        (date(2025, 1, 1), None),
    ],
)
def test_overlapping_versions_of_a_tariff_are_refused(ws, start, end):
    """A day with two prices is never billed, so it cannot be stored."""
    put(ws, b"one", date(2026, 1, 1), date(2026, 7, 1))
    with pytest.raises(Conflict, match="Another version of the tariff home"):
        put(ws, b"two", start, end)
    assert len(snapshot.tariffs(snapshot.snapshot(ws))) == 1


def test_a_changed_tariff_document_is_not_read(ws):
    """Prices that were edited on disk are refused, not billed."""
    put(ws, b"one", date(2026, 1, 1), None)
    (path,) = (ws.path / "tariffs").iterdir()
    path.write_bytes(b"0ne")
    with pytest.raises(Corrupt, match="not what was stored"):
        snapshot.tariffs(snapshot.snapshot(ws))


def rows(ws):
    return history.read_history(snapshot.snapshot(ws))


def test_history_grows_and_can_be_rebuilt(ws):
    """Issued segments are appended, opening rows beside them; issued ones come from runs again."""
    given = results(2)
    past = history.history_rows(
        given["segments"], accounts=given["master/accounts"], findings=given["findings"],
        tariff_ids={"sha256:t1": "home"}, run="",
    )  # fmt: skip
    assert history.append(ws, past, kind="opening", actor="h", as_of=1)
    assert not history.append(ws, past, kind="opening", actor="h", as_of=2)
    issue(ws, released(ws, 3), **how_to_issue(batch=2))
    found = rows(ws)
    rebuilt = history.rebuild(ws, tariff_ids={"sha256:t1": "home"})

    assert found["decision"].to_pylist() == ["opening"] * 2 + ["issued"] * 3
    assert found.slice(2).to_pylist() == rebuilt.to_pylist()
    assert set(rebuilt["tariff"].to_pylist()) == {"home"}
    assert set(rebuilt["customer_segment"].to_pylist()) == {"household"}


def test_a_snapshot_does_not_see_later_history(ws):
    """A run that is asked again sees the past that it saw."""
    before = snapshot.snapshot(ws)
    issue(ws, released(ws, 1), **how_to_issue())

    assert history.read_history(before).num_rows == 0
    assert rows(ws).num_rows == 1
    assert control.models.HistoryFile.objects.get().kind == "issued"
