"""Master data, tariffs and history: versions are added, none is lost, none overlaps."""

from datetime import date

import pytest
from synthetic import AS_OF, how_to_issue, released, results

from gridtally import control, tables
from gridtally.errors import Conflict, Corrupt, NotFound
from gridtally.store import history, snapshot
from gridtally.store.files import sha256
from gridtally.store.master import (
    Source,
    load,
    newest_master,
    people,
    put_master,
    put_tariff,
    version_at,
    versions,
)
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


def test_a_version_in_between_is_not_overwritten(ws):
    """What was compared with an older version is not stored over a newer one."""
    put_master(ws, {"accounts": accounts("A")}, actor="m", as_of=1)
    seen = newest_master()
    put_master(ws, {"accounts": accounts("A", "B")}, actor="n", as_of=2)
    with pytest.raises(Conflict, match="at the same time"):
        put_master(ws, {"accounts": accounts("A", "C")}, actor="m", as_of=3, after=seen)

    assert load(ws, newest_master())["accounts"]["account"].to_pylist() == ["A", "B"]


def test_a_version_says_where_it_comes_from(ws):
    """Who, when, and which files; what was known at an instant."""
    given = Source("ab" * 32, "accounts.csv", "crm", "changes", 3, 2, 1, 0)
    put_master(ws, {"accounts": accounts("A")}, actor="m", as_of=10, given=[given])
    put_master(ws, {"accounts": accounts("A")}, actor="m", as_of=20, given=[given])
    put_master(ws, {"meters": tables.empty(tables.METERS)}, actor="n", as_of=30)
    first, second = versions()

    assert (first.actor, first.recorded, list(first.sources)) == ("m", 10, [given])
    assert (second.actor, dict(second.rows)) == ("n", {"accounts": 1, "meters": 0})
    assert [version_at(at) for at in (10, 29, 30)] == [1, 1, 2]
    with pytest.raises(NotFound):
        version_at(9)


def who(**more):
    return {"account": "A", "segment": "shop", "language": "en"} | more


def test_people_stand_apart(ws):
    """No table that a run reads has a name; the file that has them is below master/personal."""
    table = tables.table(tables.ACCOUNTS, [who(name="Zoe Canary", address="Quay 1", email="")])
    seq = put_master(ws, {"accounts": table}, actor="m", as_of=1)

    assert snapshot.master(snapshot.snapshot(ws))["accounts"].column_names == [
        "account", "segment", "language", "party", "household_size",
    ]  # fmt: skip
    assert load(ws, seq, personal=True)["accounts"].equals(table)
    files = {
        path for path in (ws.path / "master").rglob("*.parquet") if b"Canary" in path.read_bytes()
    }
    assert {path.parent.name for path in files} == {"personal"}
    assert people(ws, seq, on=date(2026, 1, 1))["A"]["name"] == "Zoe Canary"


def test_the_contact_of_the_day(ws):
    """A party's contact on the day counts before the account's own columns."""
    contact = {"party": "P", "name": "Zoe", "postcode": "1100"}
    contacts = [
        contact | {"from": date(2026, 1, 1), "to": date(2026, 3, 1), "address": "Quay 1"},
        contact | {"from": date(2026, 3, 1), "address": "Hill 2"},
    ]
    seq = put_master(
        ws,
        {
            "accounts": tables.table(tables.ACCOUNTS, [who(party="P", name="old")]),
            "contacts": tables.table(tables.CONTACTS, contacts),
        },
        actor="m", as_of=1,
    )  # fmt: skip

    found = [people(ws, seq, on=date(2026, month, 1))["A"] for month in (2, 3)]
    assert [one["address"] for one in found] == ["Quay 1, 1100", "Hill 2, 1100"]
    assert people(ws, seq, on=date(2025, 1, 1))["A"]["name"] == "old"
    assert "contacts" not in load(ws, seq)


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
        (date(2026, 1, 1), None),
    ],
)
def test_overlapping_versions_of_a_tariff_are_refused(ws, start, end):
    """A day with two prices is never billed, so it cannot be stored."""
    put(ws, b"one", date(2026, 1, 1), date(2026, 7, 1))
    with pytest.raises(Conflict, match="Another version of the tariff home"):
        put(ws, b"two", start, end)
    assert len(snapshot.tariffs(snapshot.snapshot(ws))) == 1


def test_a_version_without_an_end_lasts_until_the_next_begins(ws):
    """Prices that change are a new document, not a new end of the old one."""
    assert put(ws, b"one", date(2026, 1, 1), None)
    assert put(ws, b"two", date(2027, 1, 1), None)
    assert put(ws, b"nil", date(2025, 1, 1), None)
    assert [row.data for row in snapshot.tariffs(snapshot.snapshot(ws))] == [b"nil", b"one", b"two"]
    with pytest.raises(Conflict, match="Another version of the tariff home"):
        put(ws, b"three", date(2026, 7, 1), date(2027, 2, 1))


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
