"""rebills plan and approve with bills that hand something on, and issued while a plan waits."""

import json
import shutil

import four_months
import pytest

from gridtally import control, planning
from gridtally.errors import Conflict
from gridtally.store import plans
from gridtally.store.workspace import Workspace

AS_OF = 1_790_000_000


@pytest.fixture(scope="module")
def billed_town(door, tmp_path_factory):
    """Two of four months of two meters, issued."""
    home = tmp_path_factory.mktemp("plans")
    files = four_months.write(home / "files")
    ws = home / "town"
    assert door("init", ws, "--zone", "UTC").code == 0
    got = door("receive", *sorted(files.iterdir()), "-w", ws, "--as", "ana")
    assert got.code == 0, got.err
    four_months.bill(door, ws, months=("2026-01", "2026-02"))
    return ws


@pytest.fixture
def town(billed_town, tmp_path):
    """A copy of it."""
    shutil.copytree(billed_town, tmp_path / "town")
    return Workspace.open(tmp_path / "town")


def january(text):
    """The tariff of the first month alone."""
    return text.replace("valid_from = 2026-01-01", "valid_from = 2026-01-01\nvalid_to = 2026-02-01")


DEARER = january(four_months.STEPPED.replace("price = 0.10", "price = 0.12"))
NO_TIERS = january(four_months.STEPPED.replace('window = "year"', 'window = "month"'))
"""It hands on no position in the year's tiers."""


def plan(town, text, who="ana"):
    return planning.plan(town, text.encode(), name="t.toml", actor=who, as_of=AS_OF)


def approve(town, made, *people):
    for who in people:
        kept = plans.approve(town, made["plan"], why="checked", actor=who, as_of=AS_OF)
    return kept


def bills(made):
    return {(b["account"], b["service"]["from"]): b["total"]["delta"] for b in made["bills"]}


def test_later_bills_that_build_on_it_are_in_the_plan(town):
    """Without tiers of the year in January, February counts its kWh from the start."""
    made = plan(town, NO_TIERS)
    # February: all 672 kWh at 0.10 instead of 256 at 0.10 and 416 at 0.20, and 10 % tax.
    assert bills(made) == {("AC-1", "2026-01-01"): "0", ("AC-1", "2026-02-01"): "-45.76"}
    assert made["delta"] == {"EUR": "-45.76"}


def test_a_bill_of_other_days_leaves_a_plan_as_it_is(door, town):
    """What January hands on is the same, so that March is none of its bills."""
    made = plan(town, DEARER)
    assert bills(made) == {("AC-1", "2026-01-01"): "16.37"}  # 744 kWh x 0.02 x 1.1
    assert made["tails"] == []
    four_months.bill(door, town.path, months=("2026-03",))
    assert approve(town, made, "carla", "dora").state == "approved"


def test_a_bill_that_builds_on_it_makes_a_plan_stale(door, town):
    """What February hands on is other than then: March is a bill that the plan does not have."""
    made = plan(town, NO_TIERS)
    assert made["tails"] == [{"agreement": "AG-1", "from": "2026-03-01"}]
    approve(town, made, "carla")
    four_months.bill(door, town.path, months=("2026-03",))
    with pytest.raises(Conflict, match="is stale: since it was made"):
        approve(town, made, "dora")
    again = plan(town, NO_TIERS)
    assert again["plan"] != made["plan"]
    assert [day for _, day in bills(again)] == ["2026-01-01", "2026-02-01", "2026-03-01"]


def test_a_bill_of_its_days_makes_a_plan_stale(door, town, tmp_path):
    """A version to further notice has the days of March, too: also once it was approved."""
    text = four_months.STEPPED.replace("price = 0.10", "price = 0.12")
    made = plan(town, text)
    assert approve(town, made, "carla", "dora").state == "approved"
    four_months.bill(door, town.path, months=("2026-03",))
    assert [one.state for one in plans.plans(town)] == ["stale"]
    path = tmp_path / "t.toml"
    path.write_text(text)
    said = door("receive", path, "-w", town.path, "--json").json[0]
    assert said["findings"][0]["code"] == "rating.tariff.billed"
    row = plans.of_document(town, made["document"])
    with pytest.raises(Conflict, match="is stale"):
        plans.put_in_place(
            town, text.encode(), row, valid_from=four_months.date(2026, 1, 1), valid_to=None,
            actor="ana", as_of=AS_OF,
        )  # fmt: skip
    assert not control.models.RebillProposal.objects.exists()


def test_a_run_after_it_goes_on_from_what_was_issued(door, town, tmp_path):
    """Received, it is in force: a month that is billed later has its prices, none has both."""
    text = four_months.STEPPED.replace("price = 0.10", "price = 0.12")
    made = plan(town, text)
    approve(town, made, "carla", "dora")
    path = tmp_path / "t.toml"
    path.write_text(text)
    assert door("receive", path, "-w", town.path, "--json").json[0]["answer"] == "stored"
    numbers = four_months.bill(door, town.path, months=("2026-03",))
    march = numbers["AC-1/2026-03-01/2026-04-01"]
    row = control.models.IssuedBill.objects.get(number=march)
    assert row.total_minor == 164_78  # all in the second tier, whose price is what it was
    digests = {
        span["tariff"]
        for run in (town.path / "runs").iterdir()
        for span in plans.RunFolder(run).read("spans").to_pylist()
        if (span["agreement"], str(span["from"])) == ("AG-1", "2026-03-01")
    }
    assert digests == {made["document"]}
    found = door("rebills", "delta", "-w", town.path, "--json").json
    assert bills(found) == bills(made)


def test_what_cannot_be_made_anew_is_said(door, town, tmp_path):
    """A version that asks for a term nobody stated: no delta; the plan says so, and is kept."""
    path = tmp_path / "t.toml"
    path.write_text(
        DEARER + '[[components]]\nid = "line"\nshape = "fixed"\nper = "kva_month"\nprice = 1\n'
    )
    said = door("rebills", "plan", "--tariff", path, "-w", town.path, "--as", "ana")
    assert said.code == 1
    assert "cannot be made anew" in said.err
    listed = door("rebills", "plans", "-w", town.path, "--json").json["plans"]
    assert [row["state"] for row in listed] == ["waiting"]


def test_bills_from_elsewhere_are_named(door, tmp_path):
    """Months that were billed again before the beginning have no bill here: no delta, said."""
    files = four_months.write(tmp_path / "files")
    ws = tmp_path / "town"
    assert door("init", ws, "--zone", "UTC").code == 0
    assert door("receive", *sorted(files.iterdir()), "-w", ws, "--as", "ana").code == 0
    assert door("run", "2026-01", "--backfill", "-w", ws, "--as", "ana").code == 0
    path = tmp_path / "t.toml"
    path.write_text(DEARER)
    said = door("rebills", "plan", "--tariff", path, "-w", ws, "--as", "ana")
    assert said.code == 0
    assert "1 bills of these days were not issued here" in " ".join(said.err.split())
    (town,) = [Workspace.open(ws)]
    (row,) = plans.plans(town)
    assert plans.content(town, row.id)["elsewhere"] == ["AC-1/2026-01-01/2026-02-01"]


def test_a_plan_is_kept_by_its_content(town):
    """The file's digest is its name; who asks, and when, is not in it."""
    made = plan(town, DEARER)
    (path,) = (town.path / "plans").iterdir()
    said = json.loads(path.read_text())
    assert path.name.startswith(made["plan"])
    assert said["text"] == DEARER
    assert not {"by", "at", "state"} & said.keys()


TWO_TARIFFS = """\
agreement,account,metering_point,from,to,tariff,legal_source
AG-1,AC-1,MP-1,2026-01-01,2026-01-16,stepped,interval
AG-1,AC-1,MP-1,2026-01-16,,flat,interval
AG-2,AC-2,MP-2,2026-01-01,,flat,interval
"""


def test_an_earlier_tariff_of_a_bill_has_billed_its_days(door, tmp_path):
    """AG-1 was under `stepped` until the 16th: a version from the 10th needs a plan, one from the
    20th none, because nobody was billed under it then."""
    files, ws = four_months.write(tmp_path / "files"), tmp_path / "town"
    (files / "agreements.csv").write_text(TWO_TARIFFS)
    assert door("init", ws, "--zone", "UTC").code == 0
    got = door("receive", *sorted(files.iterdir()), "-w", ws, "--as", "ana")
    assert got.code == 0, got.err
    four_months.bill(door, ws, months=("2026-01",))
    for day, refused in (("10", True), ("20", False)):
        late = four_months.STEPPED.replace("valid_from = 2026-01-01", f"valid_from = 2026-01-{day}")
        (tmp_path / "late.toml").write_text(late.replace("price = 0.10", "price = 0.11"))
        (answer,) = door("receive", tmp_path / "late.toml", "-w", ws, "--as", "ana", "--json").json
        assert answer["refused"] is refused
        codes = [row["code"] for row in answer["findings"]]
        assert codes == (["rating.tariff.billed"] if refused else [])
