"""Step 10: exactly once, whatever is killed, run twice or run at once."""

import json
import shutil
import subprocess
import sys
from datetime import date
from decimal import Decimal

import pyarrow as pa
import pytest
from django.db import connection
from nursery import ACTOR
from synthetic import (
    APPROVER,
    AS_OF,
    MONTH,
    how_to_issue,
    record,
    register,
    released,
    results,
    sealed,
    sign,
)

from gridtally import control
from gridtally.errors import Conflict, Corrupt, GridtallyError, NotFound, UsageError
from gridtally.store import history, snapshot
from gridtally.store.check import check
from gridtally.store.files import table_bytes
from gridtally.store.runs import open_run
from gridtally.subledger import post
from gridtally.subledger.approve import approve, close_run, decide, decisions, standings
from gridtally.subledger.deliver import deliver
from gridtally.subledger.issue import issue
from gridtally.subledger.records import read_record
from gridtally.tables import finding
from gridtally.terms import BillState


def name(i, month=MONTH):
    return f"AC-{i:06d}/{month[0]}/{month[1]}"


def wrong(ws):
    return [checked.detail for checked in check(ws) if not checked.ok]


def numbers():
    rows = control.models.IssuedBill.objects.order_by("serial")
    return dict(rows.values_list("bill", "number"))


def test_a_release_is_issued(ws):
    """Every bill has a number, a record with it, entries, a leaf, deliveries, and history."""
    issued = issue(ws, released(ws, 3), **how_to_issue(batch=2))
    text = json.loads(read_record(ws, "B2026-000002"))

    assert issued.numbers == {name(i): f"B2026-{i + 1:06d}" for i in range(3)}
    assert (issued.already, issued.findings.num_rows) == (0, 0)
    assert (text["number"], text["total"], text["due"]) == (
        "B2026-000002",
        "10.01000000",
        "2026-11-24",
    )
    assert post.balances() == {f"AC-{i:06d}": 1000 + i for i in range(3)}
    assert control.models.Leaf.objects.count() == 3
    assert control.models.Outbox.objects.count() == 6
    assert history.read_history(snapshot.snapshot(ws)).num_rows == 3
    assert issued.checkpoint.startswith("town\n3\n")
    assert [p.read_text() for p in (ws.path / "published").iterdir()] == [issued.checkpoint]
    assert wrong(ws) == []


def test_issued_twice_is_issued_once(ws):
    """The second time nothing happens, and it says that all are issued already."""
    release = released(ws, 3)
    first = issue(ws, release, **how_to_issue())
    before = numbers()
    second = issue(ws, release, **how_to_issue())

    assert (second.numbers, second.already, second.checkpoint) == ({}, 3, first.checkpoint)
    assert numbers() == before
    assert control.models.Entry.objects.count() == 6
    assert wrong(ws) == []


def test_entries_go_to_the_accounts_of_the_components(ws):
    """Receivable against revenue and tax; service period, posting and due date are on each."""
    issue(ws, released(ws, 1), **how_to_issue())
    rows = control.models.Entry.objects.order_by("line").values_list(
        "debit_id", "credit_id", "amount", "service_from", "posted", "due", "bill_id"
    )

    assert list(rows) == [
        ("receivable", credit, amount, date(2026, 10, 1), date(2026, 11, 3), date(2026, 11, 24),
         "B2026-000001")
        for credit, amount in (("revenue.energy", 900), ("tax.vat", 100))
    ]  # fmt: skip


def test_a_credit_swaps_the_sides(ws):
    """A negative bill is a credit: revenue is debited, the receivable credited."""
    issue(ws, released(ws, 1, cents=-500), **how_to_issue())
    rows = control.models.Entry.objects.order_by("line").values_list(
        "debit_id", "credit_id", "amount"
    )

    assert list(rows) == [("revenue.energy", "receivable", 600), ("receivable", "tax.vat", 100)]
    assert post.balances() == {"AC-000000": -500}


def test_held_bills_are_not_issued(ws):
    """A held bill is on no release, and asking for it is refused."""
    run = sealed(ws, 3)
    register(ws, run, held=[name(1)])
    with pytest.raises(Conflict, match="not released"):
        approve(ws, run.id, sign=sign, actor=APPROVER, as_of=AS_OF, bills=[name(1)])
    release = approve(ws, run.id, sign=sign, actor=APPROVER, as_of=AS_OF)
    issued = issue(ws, release, **how_to_issue())

    assert sorted(issued.numbers) == [name(0), name(2)]


def test_a_bill_held_after_the_approval_is_not_issued(ws):
    """Released, approved, then held by a person: it stays."""
    release = released(ws, 2)
    run_id = control.models.Run.objects.get().id
    decide(run_id, name(0), "hold", actor="rita", as_of=AS_OF, why="customer called")
    issued = issue(ws, release, **how_to_issue())

    assert sorted(issued.numbers) == [name(1)]
    assert [s.bill for s in standings(run_id, states=[BillState.HELD])] == [name(0)]


def test_a_held_bill_is_released_by_a_colleague(ws):
    """Not by who prepared the run; with a reason; then a second release carries it."""
    run = sealed(ws, 2)
    register(ws, run, held=[name(0)])
    with pytest.raises(Conflict, match="prepared this run"):
        decide(run.id, name(0), "release", actor="paula", as_of=AS_OF, why="looks fine")
    with pytest.raises(UsageError, match="with a reason"):
        decide(run.id, name(0), "release", actor=APPROVER, as_of=AS_OF, why=" ")
    first = approve(ws, run.id, sign=sign, actor=APPROVER, as_of=AS_OF)
    issue(ws, first, **how_to_issue())
    state = decide(run.id, name(0), "release", actor=APPROVER, as_of=AS_OF, why="vacant house")
    second = approve(ws, run.id, sign=sign, actor=APPROVER, as_of=AS_OF)
    issued = issue(ws, second, **how_to_issue())

    assert state == BillState.RELEASED
    assert issued.numbers == {name(0): "B2026-000002"}
    assert decisions().select(["bill", "verdict", "by", "reason"]).to_pylist() == [
        {"bill": name(0), "verdict": "release", "by": APPROVER, "reason": "vacant house"}
    ]
    assert control.models.ReleaseItem.objects.get(release=second).decision == APPROVER


def test_a_must_hold_bill_is_released_by_nobody(ws):
    """A finding that must be put right is not decided away; excluding it is possible."""
    grave = finding(
        "rating.price.none", "hold", "No price.", remedy="r", must_hold=True, bill=name(0)
    )
    run = sealed(ws, 2, findings=[grave])
    register(ws, run, held=[name(0)])
    with pytest.raises(Conflict, match="must be put right first"):
        decide(run.id, name(0), "release", actor=APPROVER, as_of=AS_OF, why="please")

    assert (
        decide(run.id, name(0), "exclude", actor=APPROVER, as_of=AS_OF, why="moved") == "excluded"
    )


def test_the_preparer_does_not_approve(ws):
    """Four eyes: the message says whom to ask."""
    run = sealed(ws, 1)
    register(ws, run)
    with pytest.raises(Conflict, match=r"cannot approve it\. Ask a colleague"):
        approve(ws, run.id, sign=sign, actor="paula", as_of=AS_OF)


def test_the_same_list_is_the_same_release(ws):
    """Approved twice, signed once; with nothing left there is nothing to approve."""
    run = sealed(ws, 1)
    register(ws, run)
    first, again = (approve(ws, run.id, sign=sign, actor=APPROVER, as_of=n) for n in (1, 2))
    issue(ws, first, **how_to_issue())

    assert first == again
    with pytest.raises(Conflict, match="no released bill"):
        approve(ws, run.id, sign=sign, actor=APPROVER, as_of=3)


def test_a_changed_result_drops_that_bill_alone(ws):
    """Lines that are not the approved ones: that bill is held with a finding, the rest goes out."""
    release = released(ws, 3)
    run = open_run(ws, control.models.Run.objects.get().id)
    lines = run.read("lines")
    amounts = lines["amount"].to_pylist()
    amounts[0] += 1
    place = lines.schema.get_field_index("amount")
    changed = lines.set_column(
        place, lines.schema.field("amount"), pa.array(amounts, lines["amount"].type)
    )
    (run.path / "lines" / "all.parquet").write_bytes(table_bytes(changed))
    issued = issue(ws, release, **how_to_issue())

    assert sorted(issued.numbers) == [name(1), name(2)]
    (found,) = issued.findings.to_pylist()
    assert (found["code"], found["bill"]) == ("subledger.issue.changed", name(0))
    assert found["message"].endswith("not those that were approved.")
    assert [s.bill for s in standings(run.id, states=[BillState.HELD])] == [name(0)]


def test_changed_readings_drop_that_bill_alone(ws):
    """The input digest is taken again: readings that came after the run hold their bill."""
    release = released(ws, 3)
    digests = dict(
        zip(
            *(results(3)["segments"][c].to_pylist() for c in ("segment", "input_digest")),
            strict=True,
        )
    )
    first = min(digests)
    issued = issue(ws, release, **how_to_issue(check_inputs=lambda s: digests | {first: "other"}))

    assert sorted(issued.numbers) == [name(1), name(2)]
    assert issued.findings["code"].to_pylist() == ["subledger.issue.inputs"]


def test_a_period_that_is_issued_already_is_not_issued_again(ws):
    """Another run over an overlapping period: its bills are held, and say by what."""
    issue(ws, released(ws, 2), **how_to_issue())
    later = (date(2026, 10, 15), date(2026, 11, 15))
    issued = issue(ws, released(ws, 3, month=later, note="later"), **how_to_issue())

    assert sorted(issued.numbers) == [name(2, later)]
    assert issued.findings["code"].to_pylist() == ["subledger.issue.overlap"] * 2
    assert (
        "AG-000000/2026-10-01/2026-11-01 on B2026-000001" in issued.findings["message"][0].as_py()
    )
    assert wrong(ws) == []


def test_amounts_that_do_not_sum_are_not_posted(ws):
    """A bill whose lines are not its total never gets a number."""
    parts = results(2)
    parts["lines"] = parts["lines"].slice(1)
    run = sealed(ws, 2, parts=parts)
    register(ws, run)
    issued = issue(
        ws, approve(ws, run.id, sign=sign, actor=APPROVER, as_of=AS_OF), **how_to_issue()
    )

    assert issued.numbers == {name(1): "B2026-000001"}
    assert issued.findings["code"].to_pylist() == ["subledger.issue.sum"]


def test_a_record_that_says_another_total_stops_everything(ws):
    """The paper and the ledger must say the same: nothing of the batch is issued."""
    with pytest.raises(GridtallyError, match="does not say what would be posted"):
        issue(
            ws, released(ws, 2), **how_to_issue(render_record=lambda b: record(b) | {"total": "1"})
        )

    assert control.models.IssuedBill.objects.count() == control.models.Leaf.objects.count() == 0


def test_a_release_that_was_changed_is_not_issued(ws):
    """A list or a signature that is not the approver's: nothing is issued."""
    release = released(ws, 2)
    with pytest.raises(Corrupt, match="is not what anton signed"):
        issue(ws, release, **how_to_issue(verify=lambda text, signature: False))
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER guard_release_item_no_delete")
        cursor.execute("DELETE FROM release_item WHERE bill = %s", [name(0)])
    with pytest.raises(Corrupt, match="Approve the run again"):
        issue(ws, release, **how_to_issue())
    with pytest.raises(NotFound):
        issue(ws, "other", **how_to_issue())


def test_a_newer_draft_supersedes_the_older(ws):
    """Calculated again, the earlier draft can be issued no more, though it was approved."""
    old = released(ws, 2)
    new = released(ws, 2, note="again", cents=2_000)
    first, second = (issue(ws, release, **how_to_issue()) for release in (old, new))

    assert first.numbers == {}
    assert sorted(second.numbers) == [name(0), name(1)]
    assert post.balances() == {"AC-000000": 2000, "AC-000001": 2001}


def test_a_run_is_closed_when_nobody_is_forgotten(ws):
    """Closing needs every bill issued, held or excluded."""
    release = released(ws, 3, held=[name(2)])
    run_id = control.models.Run.objects.get().id
    with pytest.raises(Conflict, match="2 bills"):
        close_run(run_id, actor=APPROVER, as_of=AS_OF)
    issue(ws, release, **how_to_issue())
    close_run(run_id, actor=APPROVER, as_of=AS_OF)

    assert wrong(ws) == []


# ------------------------------------------------------------- kills and races


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """A workspace with an approved release of ten bills, to copy."""
    from synthetic import workspace

    path = tmp_path_factory.mktemp("ready") / "town"
    release = released(workspace(path), 10)
    connection.close()
    return path, release


@pytest.fixture
def approved(ready, tmp_path):
    """A copy of it: folder and release."""
    shutil.copytree(ready[0], tmp_path / "town")
    return tmp_path / "town", ready[1]


def all_there(folder):
    """Ten bills with the numbers of an undisturbed issue, and nothing wrong."""
    from gridtally.store.workspace import Workspace

    ws = Workspace.open(folder)
    assert numbers() == {name(i): f"B2026-{i + 1:06d}" for i in range(10)}
    assert sum(post.balances().values()) == sum(range(1000, 1010))
    assert wrong(ws) == []
    return ws


PLACES = [
    *(f"issue.batch:{n}" for n in (1, 2, 3)), *(f"issue.files:{n}" for n in (1, 3)),
    *(f"issue.commit:{n}" for n in (1, 2, 3)), *(f"issue.committed:{n}" for n in (1, 3)),
    "head.published",
]  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_killed_while_issuing(approved, nursery, place):
    """Killed anywhere and started again: the same numbers, none twice, records as undisturbed."""
    folder, release = approved
    (killed,) = nursery.run("issue", folder, release, fault=place)
    (said,) = nursery.said("issue", folder, release)
    ws = all_there(folder)

    assert killed["killed"]
    assert sum(int(word) for word in said.split()) == 10
    for i in range(10):
        text = json.loads(read_record(ws, f"B2026-{i + 1:06d}"))
        assert (text["bill"], text["issued"]) == (name(i), "2026-11-03")


def test_issued_by_five_at_once(approved, nursery):
    """Each bill is issued by one of them, and the numbers are those of a single one."""
    folder, release = approved
    said = [answer.split() for answer in nursery.said("issue", folder, release, count=5)]

    assert sum(int(issued) for issued, _ in said) == 10
    all_there(folder)


SWEEP = [
    ("pwrite64", 9),
    ("pwrite64", 31),
    ("pwrite64", 60),
    ("fdatasync", 2),
    ("fsync", 3),
    ("rename", 2),
]


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
@pytest.mark.parametrize(("call", "nth"), SWEEP)
def test_killed_at_a_system_call(approved, nursery, call, nth):
    """SIGKILL at some write, sync or rename to the disk; then the issue is completed."""
    folder, release = approved
    inject = f"inject={call}:signal=SIGKILL:when={nth}"
    command = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", inject]
    dead = subprocess.run(
        [*command, sys.executable, str(ACTOR), "issue", str(folder), release], capture_output=True,
        check=False,
    )  # fmt: skip
    (said,) = nursery.said("issue", folder, release)
    all_there(folder)

    assert dead.returncode != 0, "the call was never made so often: lower the number"
    assert sum(int(word) for word in said.split()) == 10


# ------------------------------------------------------------------ deliveries


def drawers():
    return {"pdf": lambda record: b"%PDF " + record, "html": lambda record: b"<p>" + record}


def test_documents_are_drawn_once(ws):
    """Each waits in the outbox, is written, becomes a leaf; the second call has nothing to do."""
    issue(ws, released(ws, 2), **how_to_issue())
    made = [deliver(ws, drawers(), actor="dora", as_of=AS_OF, limit=3) for _ in range(3)]
    row = control.models.Outbox.objects.order_by("id").first()

    assert made == [3, 1, 0]
    assert (ws.path / row.path).read_bytes() == b"%PDF " + read_record(ws, "B2026-000001")
    assert control.models.Leaf.objects.filter(kind="document").count() == 4
    assert wrong(ws) == []


def test_killed_while_drawing(approved, nursery):
    """Documents that were written and not noted are drawn again, to the same bytes."""
    folder, release = approved
    nursery.said("issue", folder, release)
    (killed,) = nursery.run("deliver", folder, fault="deliver.drawn")
    said = nursery.said("deliver", folder, count=3)

    assert killed["killed"]
    assert sum(int(answer) for answer in said) == 20
    all_there(folder)
    assert control.models.Leaf.objects.filter(kind="document").count() == 20


def test_the_head_never_forks(ws):
    """When a published leaf was changed, no further head is signed."""
    issue(ws, released(ws, 2), **how_to_issue())
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER guard_leaf_no_update")
        cursor.execute('UPDATE leaf SET hash = %s WHERE "index" = 0', ["0" * 64])
    november = (date(2026, 11, 1), date(2026, 12, 1))
    with pytest.raises(Corrupt, match="do not give the root that was published"):
        issue(ws, released(ws, 1, month=november), **how_to_issue())


def test_totals_finer_than_a_cent_are_not_issued(ws):
    """Money in the ledger is whole cents; a total that is not was not rounded as a bill must be."""
    parts = results(1)
    for table, row in (("bills", 0), ("segments", 0), ("lines", 0)):
        column = "amount" if table == "lines" else "total"
        values = parts[table][column].to_pylist()
        values[row] += Decimal("0.001")
        place = parts[table].schema.get_field_index(column)
        field = parts[table].schema.field(column)
        parts[table] = parts[table].set_column(place, field, pa.array(values, field.type))
    run = sealed(ws, 1, parts=parts)
    register(ws, run)
    issued = issue(
        ws, approve(ws, run.id, sign=sign, actor=APPROVER, as_of=AS_OF), **how_to_issue()
    )

    assert issued.numbers == {}
    assert "smallest unit" in issued.findings["message"][0].as_py()
