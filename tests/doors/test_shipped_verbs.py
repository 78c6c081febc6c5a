"""tariff list, tariff copy: what is printed and written, exit codes; where unverified shows."""

from conftest import ROOT
from gridtally.rating.shipped import UNVERIFIED, shipped

VERIFIED, OPEN = "es-pvpc-2.0dha-2019-07-01", "cn-hubei-one-part-10kv-2026-01-01"
PART = "cn-hubei-two-part-10kv-low-metered-2026-01-01"
LOSSES = "checked in part: the losses of the transformer; no published bill has these prices"


def test_the_list_names_each_and_marks_the_unverified(door):
    """A row per version; whatever nobody's example stands behind is marked."""
    said = door("tariff", "list")
    assert said.code == 0
    rows = {
        line.split()[0]: line for line in said.out.splitlines() if line[:3] in ("cn-", "es-", "dk-")
    }
    assert list(rows) == [one.name for one in shipped()]
    for one in shipped():
        assert ("unverified" in rows[one.name]) == (one.version.verified_by is None)
    assert rows[VERIFIED].split()[-1] == "yes"
    assert "checked in" in rows[PART]


def test_the_list_as_json(door):
    """With source, validity and what each was checked against."""
    rows = {row["name"]: row for row in door("tariff", "list", "--json").json["tariffs"]}
    row = rows[VERIFIED]
    assert (row["id"], row["country"]) == ("es-pvpc-2.0dha", "es")
    assert (row["valid_from"], row["valid_to"]) == ("2019-07-01", "2020-07-01")
    assert row["verified"]
    assert "pvpcbill" in row["verified_by"]
    assert "RD 216/2014" in row["source"]
    assert row["mark"] is None
    assert (rows[OPEN]["verified"], rows[OPEN]["mark"]) == (False, "unverified")
    assert (rows[PART]["verified"], rows[PART]["mark"]) == (False, LOSSES)
    assert "xiaomilidoc" in rows[PART]["verified_by"]


def test_a_copy_is_the_document(door, tmp_path):
    """The bytes of the version; the newest one for an id; a file that is there stays."""
    target = tmp_path / "mine.toml"
    assert door("tariff", "copy", VERIFIED, "--to", target).code == 0
    (one,) = (one for one in shipped() if one.name == VERIFIED)
    assert target.read_bytes() == one.data
    assert "mine.toml is there already" in door("tariff", "copy", OPEN, "--to", target).calm
    assert target.read_bytes() == one.data
    newest = tmp_path / "newest.toml"
    door("tariff", "copy", "es-pvpc-2.0dha", "--to", newest)
    assert b"valid_from = 2020-07-01" in newest.read_bytes()


def test_a_name_that_is_none(door, tmp_path):
    """The nearest name, and where the names are."""
    said = door("tariff", "copy", "es-pvpc-2.0dhb", "--to", tmp_path / "x.toml").calm
    assert "es-pvpc-2.0dh" in said
    assert "tariff list" in said


def test_a_copy_still_says_that_it_is_unverified(door, tmp_path):
    """tariff show has the badge, tariff lint a note; a verified one names what it was checked
    against instead."""
    file, good = tmp_path / "open.toml", tmp_path / "good.toml"
    assert "unverified" in door("tariff", "copy", OPEN, "--to", file).err
    door("tariff", "copy", VERIFIED, "--to", good)
    assert door("tariff", "show", file, "--json").json["badge"] == "unverified"
    assert UNVERIFIED in door("tariff", "show", file).out
    notes = [
        row["message"]
        for row in door("tariff", "lint", file, "--json").json["files"][0]["findings"]
    ]
    assert "The version says that it is unverified." in notes
    assert door("tariff", "show", good, "--json").json["badge"] is None
    assert "Checked against: Bill of 30 days" in door("tariff", "show", good).out


def test_a_copy_says_of_which_part_an_example_is(door, tmp_path):
    """copy, show, its picture and lint say what was checked, and so that the rest was not."""
    file, svg = tmp_path / "part.toml", tmp_path / "part.svg"
    assert LOSSES in " ".join(door("tariff", "copy", PART, "--to", file).err.split())
    said = door("tariff", "show", file)
    assert " checked in part " in said.out.partition("Source:")[0]
    assert f"Assumed: {LOSSES[0].upper()}{LOSSES[1:]}." in " ".join(said.out.split())
    door("tariff", "show", file, "--svg", svg)
    assert ">checked in part<" in svg.read_text()
    notes = door("tariff", "lint", file, "--json").json["files"][0]["findings"]
    assert f"The version says that it is {LOSSES}." in [row["message"] for row in notes]


def test_diff_says_it_of_both(door, tmp_path):
    """Each of the two head lines has its mark, in text and as data; of an own document none."""
    for name in (OPEN, PART, VERIFIED):
        door("tariff", "copy", name, "--to", tmp_path / name)
    open_, part, good = (tmp_path / name for name in (OPEN, PART, VERIFIED))
    heads = door("tariff", "diff", open_, part).out.split("tariff\n")[0].split("\nnew  ")
    assert "unverified" in heads[0]
    assert "checked in part" in heads[1]
    said = door("tariff", "diff", good, open_, "--json").json
    assert [said[word]["badge"] for word in ("old", "new")] == [None, "unverified"]
    town = ROOT / "src" / "gridtally" / "demo" / "tariffs"
    files = [town / f"home-tou-{year}-01-01.toml" for year in (2025, 2026)]
    said = door("tariff", "diff", *files, "--json").json
    assert [said[word]["badge"] for word in ("old", "new")] == ["unverified"] * 2


def over_two_months(door, tmp_path):
    """A copy of an unverified tariff, and readings of the last day of January and the next."""
    file, readings = tmp_path / "open.toml", tmp_path / "r.csv"
    door("tariff", "copy", "cn-agriculture", "--to", file)
    rows = [
        f"P,{channel},2026-{month:02}-{day:02}T{hour:02}:00:00+08:00,1,{unit}"
        for channel, unit in (("import", "kWh"), ("reactive_import", "kvarh"))
        for month, day in ((1, 31), (2, 1))
        for hour in range(24)
    ]
    readings.write_text("metering_point,channel,start,value,unit\n" + "\n".join(rows) + "\n")
    return file, readings


def test_a_rate_under_one_says_so_and_may_be_one_bill(door, tmp_path):
    """Readings over two months: two bills or, when asked for, one; the assumption with both."""
    file, readings = over_two_months(door, tmp_path)
    asked = ("rate", file, readings, "--term", "price=0.5", "--as-of", "2026-12-31", "--json")
    two, one = door(*asked).json, door(*asked, "--one-bill").json
    assert UNVERIFIED in two["assumptions"]
    assert UNVERIFIED in one["assumptions"]
    assert [bill["from"] for bill in two["bills"]] == ["2026-01-31", "2026-02-01"]
    (bill,) = one["bills"]
    assert (bill["from"], bill["to"]) == ("2026-01-31", "2026-02-02")
    # 48 kWh at 0.5 are 24; power factor 0.71, standard 0.80: 4.5 % are 1.08.
    assert bill["total"] == "25.08"


def test_contract_and_capacity_are_terms_that_need_no_declaring(door, tmp_path):
    """--term contract_kw and capacity_kva are what the agreement states: 2 days of 4.6 kW at 10 a
    day are 92, 160 kVA at 1 a day are 320."""
    file, readings = tmp_path / "t.toml", tmp_path / "r.csv"
    parts = [("kw_day", 10), ("kva_day", 1)]
    file.write_text(
        'schema = 1\ntariff = "t"\ncurrency = "EUR"\nzone = "UTC"\nvalid_from = 2026-01-01\n'
        'source = "order"\n[rounding]\nline = { places = 2, mode = "half_up" }\n'
        'total = { places = 2, mode = "half_up" }\n'
        + "".join(
            f'[[components]]\nid = "{per[:3].strip("_")}"\nshape = "fixed"\nper = "{per}"\n'
            f"price = {price}\n"
            for per, price in parts
        )
    )
    rows = [
        f"P,import,2026-01-{day:02}T{hour:02}:00:00Z,1,kWh" for day in (1, 2) for hour in range(24)
    ]
    readings.write_text("metering_point,channel,start,value,unit\n" + "\n".join(rows) + "\n")
    said = door(
        "rate", file, readings, "--term", "contract_kw=4.6", "--term", "capacity_kva=160",
        "--as-of", "2026-12-31", "--json",
    )  # fmt: skip
    (bill,) = said.json["bills"]
    assert [line["amount"] for line in bill["lines"]] == ["92", "320"]
    without = door("rate", file, readings, "--term", "contract_kw=4.6", "--as-of", "2026-12-31")
    assert "P 2026-01-01 to 2026-01-03:" in without.err
    assert "Give --term capacity_kva=KVA." in " ".join(without.err.split())


def test_each_finding_says_which_bill_it_is_of(door, tmp_path):
    """Two months held for the same reason are two lines that differ, and two rows with days."""
    file, readings = over_two_months(door, tmp_path)
    asked = ("rate", file, readings, "--as-of", "2026-12-31")
    held = [row for row in door(*asked, "--json").json["findings"] if row["severity"] == "hold"]
    assert [(row["metering_point"], row["from"], row["to"]) for row in held] == [
        ("P", "2026-01-31", "2026-02-01"), ("P", "2026-02-01", "2026-02-02"),
    ]  # fmt: skip
    assert {row["remedy"] for row in held} == {"Give it as --term NAME=VALUE; it is never guessed."}
    said = " ".join(door(*asked).err.split())
    assert "P 2026-01-31 to 2026-02-01: rating.term.missing" in said
    assert "P 2026-02-01 to 2026-02-02: rating.term.missing" in said
