"""run, worklist, release, issue, explain, bill, verify, check, status on a small town."""

import json
import shutil
import sqlite3
from decimal import Decimal

import pytest

from gridtally import signing
from gridtally.terms import STEPS


@pytest.fixture
def copy(billed, tmp_path):
    """The billed town, to change things in."""
    shutil.copytree(billed[0], tmp_path / "town")
    return tmp_path / "town"


def test_run_json(billed):
    """What a run says of itself; every bill has a state."""
    path, run = billed
    assert run.keys() >= {"schema", "run", "bills", "total", "currency", "states", "root", "tables"}
    assert sum(run["states"].values()) == run["bills"] == 60
    assert (path / "runs" / run["run"] / "DONE").is_file()
    assert not run["dry_run"]


def test_dry_run_gives_the_same_bytes_without_effects(door, received, billed):
    """The same run, root and tables; nothing is stored."""
    before = {p for p in received.rglob("*") if not p.name.startswith("control.db")}
    said = door("run", "2026-10", "-w", received, "--dry-run", "--json")
    assert said.code == 0
    assert said.json["dry_run"]
    for name in ("run", "root", "tables", "states", "total"):
        assert said.json[name] == billed[1][name]
    assert {p for p in received.rglob("*") if not p.name.startswith("control.db")} == before
    assert len(door("status", "-w", received, "--json").json["runs"]) == 0


def test_fail_on_held(door, billed):
    """Held bills are no failure, unless asked for: then 3. The same run again is the same run."""
    path, run = billed
    assert run["states"]["held"] > 0
    said = door("run", "2026-10", "-w", path, "--as", "ana", "--json", "--fail-on-held")
    assert said.code == 3
    assert said.json["run"] == run["run"]
    assert said.json["root"] == run["root"]


@pytest.mark.parametrize("step", STEPS[2:9])
def test_only_a_step(door, received, step):
    """Prints what that step makes as JSON, and keeps nothing."""
    said = door("run", "2026-10", "-w", received, "--only", step, "--account", "AC-000007")
    if said.code == 2:
        pytest.fail(said.err)
    answer = said.json
    assert (said.code, answer["step"]) == (0, step)
    assert answer["tables"]
    assert len(door("status", "-w", received, "--json").json["runs"]) == 0


def test_worklist(door, billed):
    """Held bills first, each with reasons and what to do; the rest is counted."""
    path, run = billed
    said = door("worklist", run["run"], "-w", path, "--json")
    assert (said.code, said.err) == (0, "")
    assert said.json["bills"]
    assert {"bills", "over", "under"} == said.json["below_the_cut"].keys()
    text = door("worklist", "2026-10", "-w", path, "-n", "1").out
    assert text.startswith("1. ")
    assert said.json["bills"][0]["bill"] in text
    assert "bills on the list" in text


def test_the_preparer_cannot_release(door, copy):
    """Four eyes: who ran it is told to ask a colleague."""
    said = door("release", "2026-10", "-w", copy, "--as", "ana")
    assert "ana prepared this run and cannot approve it." in said.calm
    assert "--as" in said.calm


@pytest.mark.parametrize("name", [" ana", "ana "])
def test_the_preparer_with_blanks(door, copy, name):
    """A blank more is not a colleague."""
    assert "cannot approve it" in door("release", "2026-10", "-w", copy, "--as", name).calm


def test_the_first_signer_is_named(door, copy):
    """The same list is signed once: the answer says by whom."""
    first = door("release", "2026-10", "-w", copy, "--as", "bruno")
    second = door("release", "2026-10", "-w", copy, "--as", "carla")
    assert "signed by bruno." in first.out
    assert second.out == first.out


def test_dry_release_and_issue(door, copy):
    """What would be signed and issued, and nothing is."""
    words = ("release", "2026-10", "-w", copy, "--as", "bruno", "--dry-run")
    would = door(*words, "--json").json
    assert (
        f"{would['bills']} bills would be signed; list {would['list_digest']}." in door(*words).out
    )
    assert "There is no release" in door("issue", "2026-10", "-w", copy).calm
    assert "Leave out" in door(*words[:2], "B", *words[2:]).calm
    assert "cannot approve" in door(*words[:5], "ana", "--dry-run").calm
    signed = door(*words[:-1], "--json").json["release"]
    assert signed.endswith(would["list_digest"][:12])
    for _ in range(2):
        said = door("issue", signed, "-w", copy, "--dry-run", "--json").json
        assert (said["would_issue"], said["already"]) == (would["bills"], 0)
    assert door("status", "-w", copy, "--json").json["facts"]["bills issued"] == 0
    assert len(door("issue", signed, "-w", copy, "--json").json["issued"]) == would["bills"]
    assert "0 bills would be issued" in door("issue", signed, "-w", copy, "--dry-run").out


@pytest.fixture
def new_keys(monkeypatch, tmp_path):
    """A folder of keys that is lost: everybody's next key is another."""
    return lambda: monkeypatch.setenv("GRIDTALLY_KEYS", str(tmp_path / "other-keys"))


def test_a_replaced_key(door, copy, new_keys):
    """The signer signs again under the new key; nobody else is taken for the signer."""
    words = ("release", "2026-10", "-w", copy, "--json", "--as")
    first = door(*words, "bruno").json["release"]
    new_keys()
    assert "is not what bruno signed" in door("issue", first, "-w", copy).calm
    assert "let bruno sign again (--as bruno)" in door(*words, "carla").calm
    second = door(*words, "bruno").json
    assert second == {"schema": 1, "release": f"{first}-2", "signed_by": "bruno"}
    assert door(*words, "bruno").json == second
    assert door("issue", "2026-10", "-w", copy, "--dry-run", "--json").json["would_issue"] > 0


def test_a_signature_belongs_to_a_person(door, monkeypatch, tmp_path):
    """Names that differ have keys that differ; a colleague's signature is not one's own."""
    monkeypatch.setenv("GRIDTALLY_KEYS", str(tmp_path))
    names = ("ana b", "ana_b", "ana+b", "Ana_b", "x" * 60, "x" * 61)
    made = {name: signing.approver(name) for name in names}
    assert len({key.name.lower() for key in made.values()}) == len(names)
    assert signing.approver("Jose\u0301") == signing.approver("Jos\u00e9")
    for name, key in made.items():
        seal = signing.signed(b"list", key)
        assert [other for other in names if signing.verified(b"list", seal, other)] == [name]


def test_decisions(door, billed, copy):
    """A released bill can be held and released again, by name, with a reason."""
    work = door("worklist", "2026-10", "-w", copy, "--json").json["bills"]
    doubted = {row["bill"] for row in work}
    signed = door("release", "2026-10", "-w", copy, "--as", "bruno", "--json").json["release"]
    issued = door("issue", signed, "-w", copy, "--as", "ana", "--json").json
    assert doubted.isdisjoint(issued["issued"])
    bill = sorted(doubted)[0]
    said = door("release", "2026-10", bill, "-w", copy, "--as", "bruno", "--exclude",
                "--why", "moved out", "--json")  # fmt: skip
    assert said.json == {"schema": 1, "decided": {bill: "exclude"}}
    assert "reason" in door("release", "2026-10", bill, "-w", copy, "--as", "bruno").calm.lower()


def test_issue_again(door, issued):
    """Nothing is issued twice; the answer says how many were."""
    path, first = issued
    assert first["already"] == 0
    assert first["checkpoint"]
    again = door("issue", "2026-10", "-w", path, "--as", "ana", "--json")
    assert again.code == 0
    assert again.json["already"] == len(first["issued"])
    assert again.json["issued"] == {}


def test_explain(door, issued):
    """Down to prices, for people and as data; and why a bill differs from another."""
    path, first = issued
    number = sorted(first["issued"].values())[0]
    said = door("explain", number, "-w", path)
    assert (said.code, said.err) == (0, "")
    assert "EUR" in said.out
    assert door("explain", number, "-w", path, "--json").json["segments"]
    by_name = next(bill for bill, n in first["issued"].items() if n == number)
    assert door("explain", by_name, "-w", path).out == said.out


def test_explain_down_to_readings(door, issued):
    """The days, and the intervals, of each quantity sum to it; the bill is the sum of its lines."""
    path, first = issued
    days = intervals = 0
    for number in sorted(first["issued"].values())[:12]:
        told = door("explain", number, "--depth", "intervals", "-w", path, "--json").json
        for segment in told["segments"]:
            assert segment["readings_found"]
            for line in (line for span in segment["spans"] for line in span["lines"]):
                for source in (one for one in line["from"] if one.get("days")):
                    days, last = days + 1, (number, source)
                    whole = [Decimal(day["quantity"]) for day in source["days"]]
                    assert sum(whole) == Decimal(source["value"])
                    for day in source["days"]:
                        intervals += len(day["intervals"])
                        parts = sum(Decimal(one["value"]) for one in day["intervals"])
                        assert parts == Decimal(day["quantity"])
    assert days > 10
    assert intervals > 1000
    assert "days" in door("explain", number, "-w", path).out
    printed = door("explain", last[0], "--depth", "intervals", "-w", path).out.split()
    for one in last[1]["days"][-1]["intervals"]:  # nothing is cut off at the end of a line
        assert one["value"] in printed


def test_explain_a_difference(door, issued, tmp_path):
    """Against the month before: effects that add up, in two languages, and as a picture."""
    path, first = issued
    number = sorted(first["issued"].values())[0]
    account = door("explain", number, "-w", path, "--json").json["account"]
    other = f"{account}/2026-09-01/2026-10-01"
    words = ("explain", number, "--against", other, "-w", path)
    said = door(*words, "--json").json
    total = {name: Decimal(value) for name, value in said["total"].items()}
    assert said["residual"] == "0"
    assert total.pop("after") == sum(total.values())
    assert said["words"]["en"].split()[0] == said["after"]
    drawn = tmp_path / "difference.svg"
    chinese = door(*words, "--language", "zh", "--svg", drawn)
    assert (chinese.code, chinese.err) == (0, "")
    assert "合计" in chinese.out
    assert "原账单" in drawn.read_text(encoding="utf-8")
    assert "--against" in door("explain", number, "--svg", drawn, "-w", path).calm


def test_bill_and_verify(door, issued, tmp_path):
    """Three files; the proof holds with the public key alone, and a changed one does not."""
    path, first = issued
    number = sorted(first["issued"].values())[0]
    said = door("bill", number, "-o", tmp_path, "-w", path)
    assert said.code == 0
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == [f"{number}.{kind}" for kind in ("html", "pdf", "proof.json")]
    proof, key = tmp_path / f"{number}.proof.json", path / "published" / "log.pub"
    said = door("verify", proof, "--key", key, "--published", path / "published", "--json")
    assert (said.code, said.err) == (0, "")
    assert said.json["ok"]
    assert said.json["failures"] == []
    assert {"schema", "ok", "bill", "head", "failures"} <= said.json.keys()
    assert door("verify", proof, "--key", key.read_text().strip()).out.startswith("Proved.")
    changed = json.loads(proof.read_bytes())
    changed["record"]["total"] = "1.23"
    proof.write_text(json.dumps(changed))
    said = door("verify", proof, "--key", key, "--json")
    assert said.code == 1
    assert not said.json["ok"]
    assert {"path", "expected", "found"} <= said.json["failures"][0].keys()
    assert door("verify", proof, "--key", key).out.startswith("Not proved.")


@pytest.fixture
def proof(door, issued, tmp_path):
    """A bill's proof file, and the log's public key."""
    number = sorted(issued[1]["issued"].values())[0]
    assert door("bill", number, "-o", tmp_path, "-w", issued[0]).code == 0
    return tmp_path / f"{number}.proof.json", issued[0] / "published" / "log.pub"


def test_verify_where_nothing_is_published(door, proof, tmp_path):
    """A folder that is not there cannot be meant; one without heads proves nothing."""
    file, key = proof
    missing = door("verify", file, "--key", key, "--published", tmp_path / "no")
    assert "--published: there is no folder" in missing.calm
    (tmp_path / "empty").mkdir()
    said = door("verify", file, "--key", key, "--published", tmp_path / "empty")
    assert said.code == 1
    assert said.out.startswith("Not proved.")
    assert "/checkpoint: expected among the published heads, found none published" in said.out


def test_a_proof_that_writes_on_the_terminal(door, proof):
    """Text of a proof is shown, never obeyed: no colours, no cursor, no turned direction."""
    file, key = proof
    changed = json.loads(file.read_bytes())
    changed["record"]["bill"] = "B[green]Proved.[/green]\x1b[2J\r\u202e:smile:\nProved."
    file.write_text(json.dumps(changed))
    said = door("verify", file, "--key", key)
    assert said.code == 1
    first = said.out.splitlines()[0]
    expected = "B[green]Proved.[/green]\ufffd[2J\ufffd\ufffd:smile:\ufffdProved."
    assert first == f"Not proved. {expected}"
    assert not set("\x1b\r\u202e") & set(said.out)


def test_a_proof_without_the_person(door, issued, tmp_path):
    """May be shown to others: no name, no address, and still a proof."""
    path, first = issued
    number = sorted(first["issued"].values())[0]
    assert door("bill", number, "-o", tmp_path, "--without-person", "-w", path).code == 0
    proof = tmp_path / f"{number}.proof.json"
    assert json.loads(proof.read_bytes())["openings"] is None
    assert door("verify", proof, "--key", path / "published" / "log.pub").code == 0


def test_check_and_status(door, issued):
    """All invariants hold; status counts and says what is next."""
    path, first = issued
    said = door("check", "-w", path, "--json")
    assert said.code == 0
    assert said.json["ok"]
    assert door("check", "--only", "guards", "-w", path).out.count("holds") == 1
    seen = door("status", "-w", path, "--json").json
    assert seen["facts"]["bills issued"] == len(first["issued"])
    assert seen["runs"][-1]["states"]["issued"] == len(first["issued"])
    assert "Next: gridtally" in door("status", "-w", path).err


def test_a_missing_guard_is_a_broken_invariant(door, issued, tmp_path):
    """check looks at what every other verb refuses to open."""
    path = tmp_path / "town"
    shutil.copytree(issued[0], path)
    with sqlite3.connect(path / "control.db") as database:
        name = database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchone()
        database.execute(f'DROP TRIGGER "{name[0]}"')
    database.close()
    said = door("check", "-w", path, "--json")
    assert said.code == 1
    assert [row["ok"] for row in said.json["checks"] if name[0] in row["detail"]] == [False]
    assert name[0] in door("status", "-w", path).calm


def test_a_damaged_run_folder(door, copy, billed):
    """check names what is not as it was sealed."""
    table = next((copy / "runs" / billed[1]["run"] / "lines").glob("*.parquet"))
    table.write_bytes(table.read_bytes()[:-8] + b"12345678")
    said = door("check", "-w", copy)
    assert said.code == 1
    assert "BROKEN" in said.out
