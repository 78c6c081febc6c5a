"""The twelve real homes: received, billed for each whole month, audited, issued, proved.

A year of hourly load and panels of real houses, under two residential rates of the URDB, with
import and export. The source has no dates: its first row is the hour from 2016-07-31T23:00 at
UTC-8 without daylight saving. Its values have up to 14 decimals: they are rounded half even to
6 decimals of a kWh here. The stubs of July at either end are no month.
"""

import csv
import io
import json
import os
import re
from calendar import monthrange
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest

from gridtally import closing, papers, pipeline, signing
from gridtally.periods import Period
from gridtally.proof import verify
from gridtally.rating import reference
from gridtally.rating.importers.urdb import to_text
from gridtally.store.check import check
from gridtally.store.settings import Settings
from gridtally.store.workspace import Workspace
from gridtally.subledger import approve

ROOT = Path(os.environ.get("GRIDTALLY_ORACLES", Path(__file__).parents[3] / "shared" / "oracles"))
HOMES, RATES = ROOT / "homes", ROOT / "urdb" / "rates.json"
ZONE = "Etc/GMT+8"
FIRST = datetime(2016, 7, 31, 23, tzinfo=timezone(timedelta(hours=-8)))
PEAK_KW = (4, 4, 4, 5, 4, 4, 4, 4, 4, 5, 5, 5)
"""Panels [kW], by the number in the name of a home's file."""
MICRO = Decimal("0.000001")
AS_OF = int(datetime(2017, 8, 3, 12, tzinfo=UTC).timestamp())
PREPARER, APPROVER = "ana", "bruno"

pytestmark = pytest.mark.skipif(
    not (HOMES.is_dir() and RATES.is_file()), reason=f"no homes or no URDB rates in {ROOT}"
)


# -------------------------------------------------------------------- adapter


def load_homes():
    """Metering point -> (import, export) by the hour [kWh]."""
    numbered = {}
    for path in HOMES.glob("*.csv"):
        with path.open(newline="") as file:
            rows = csv.DictReader(file)
            number = re.search(r"\d+", path.stem)
            if number and "non_shiftable_load" in rows.fieldnames:
                numbered[int(number[0])] = [
                    (Decimal(r["non_shiftable_load"]), Decimal(r["solar_generation"])) for r in rows
                ]
    homes = {}
    for (number, rows), peak in zip(sorted(numbered.items()), PEAK_KW, strict=True):
        net = [load - watt * peak / 1000 for load, watt in rows]
        homes[f"MP-{number:02d}"] = (
            [max(value, Decimal(0)).quantize(MICRO, ROUND_HALF_EVEN) for value in net],
            [max(-value, Decimal(0)).quantize(MICRO, ROUND_HALF_EVEN) for value in net],
        )
    return homes


def whole_months(hours):
    """The months that `hours` from FIRST cover wholly."""
    day, end = FIRST.date() + timedelta(1), (FIRST + timedelta(hours=hours)).date()
    months = []
    while (after := day + timedelta(monthrange(day.year, day.month)[1])) <= end:
        months.append(Period(day, after))
        day = after
    return months


def as_csv(header, rows):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue()


def write_readings(folder, homes):
    """One CSV long per home."""
    header = ("metering_point", "channel", "start", "value", "unit")
    for point, channels in homes.items():
        rows = [
            (point, channel, (FIRST + timedelta(hours=hour)).isoformat(), value, "kWh")
            for channel, values in zip(("import", "export"), channels, strict=True)
            for hour, value in enumerate(values)
        ]
        (folder / f"readings-{point}.csv").write_text(as_csv(header, rows))


def residential():
    """Two rates of the database, by sector."""
    found = json.loads(RATES.read_text(), parse_float=Decimal)
    rates = [rate for _, rate in sorted(found.items())] if isinstance(found, dict) else found
    mine = [rate for rate in rates if rate.get("sector", "").lower() == "residential"]
    assert len(mine) >= 2
    return mine[:2]


def write_tariffs(folder):
    """Two tariff documents; their ids."""
    ids = []
    for rate in residential():
        text = to_text(rate, zone=ZONE, channels=("import", "export"), resolution_s=3600)
        ids.append(re.search(r'^tariff = "(.+)"$', text, re.MULTILINE)[1])
        (folder / f"{ids[-1]}.toml").write_text(text)
    return ids


def write_master(folder, points, tariffs):
    """One account per home; the homes take turns with the tariffs."""
    tables = {
        "accounts": (
            ("account", "segment", "language", "name", "address", "email"),
            [(f"A-{p}", "household", "en", f"Home {p}", "", "") for p in points],
        ),
        "metering_points": (("metering_point", "zone"), [(p, ZONE) for p in points]),
        "agreements": (
            ("agreement", "account", "metering_point", "from", "to", "tariff", "legal_source"),
            [
                (f"G-{p}", f"A-{p}", p, FIRST.date(), "", tariffs[number % 2], "interval")
                for number, p in enumerate(points)
            ],
        ),
    }
    for name, (header, rows) in tables.items():
        (folder / f"{name}.csv").write_text(as_csv(header, rows))


# ------------------------------------------------------------------ the story


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """The homes' year: each month run, released by a colleague and issued before the next."""
    root = tmp_path_factory.mktemp("homes")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRIDTALLY_KEYS", str(root / "keys"))
        homes = load_homes()
        delivered = root / "delivered"
        delivered.mkdir()
        write_readings(delivered, homes)
        write_master(delivered, sorted(homes), write_tariffs(delivered))
        ws = Workspace.create(
            root / "ws",
            Settings(
                name="homes", zone=ZONE, currency="USD", buckets=2, second_opinion_percent="100"
            ),
        )
        signing.ensure_keys(ws)
        answers = pipeline.receive(
            ws, [delivered], sender="adapter", zone=None, correction=False, as_of=AS_OF,
            actor=PREPARER, dry_run=False, report=lambda *_: None,
        )  # fmt: skip
        months = whole_months(len(next(iter(homes.values()))[0]))
        billed = [(month, *bill(ws, month)) for month in months]
        yield SimpleNamespace(ws=ws, homes=homes, answers=answers, billed=billed)


def bill(ws, month):
    """Run, release, issue a month; what came of the run, and of the issue.

    A suspicion is decided on by a colleague; what must be held nobody can release.
    """
    outcome = pipeline.run(ws, month, actor=PREPARER, as_of=AS_OF)
    for name in outcome.release.bills("held"):
        approve.decide(
            outcome.run_id, name, "release", actor=APPROVER, as_of=AS_OF, why="a real home"
        )
    done = closing.Closing.open(ws, outcome.run_id)
    release = done.release(actor=APPROVER, as_of=AS_OF)
    return outcome, done.issue(release, actor=APPROVER, as_of=AS_OF)


def test_every_value_is_received(story):
    """Nothing is refused, quarantined or taken for a repetition."""
    assert not any(answer.refused for answer in story.answers)
    assert all(answer.answer == "stored" for answer in story.answers)
    values = sum(len(values) for channels in story.homes.values() for values in channels)
    readings = [a for a in story.answers if a.file.startswith("readings")]
    assert [a.findings for a in readings] == [[]] * len(story.homes)
    assert sum(a.accepted for a in readings) == values


def test_a_bill_for_each_home_and_whole_month(story):
    """Every one rated; the months are those that the year has wholly."""
    assert len(story.homes) == len(PEAK_KW)
    assert len(story.billed) == 11
    for _, outcome, _ in story.billed:
        bills = outcome.tables["bills"]
        assert bills.num_rows == len(story.homes)
        assert bills["total"].null_count == 0


def test_the_energy_is_that_of_the_readings(story):
    """Import and export of each bill are the exact sums of the hours of its month."""
    hours = defaultdict(list)
    start = FIRST
    for hour in range(len(next(iter(story.homes.values()))[0])):
        at = start + timedelta(hours=hour)
        hours[at.year, at.month].append(hour)
    for month, outcome, _ in story.billed:
        mine = hours[month.start.year, month.start.month]
        for row in outcome.tables["segments"].to_pylist():
            sums = [sum(values[h] for h in mine) for values in story.homes[row["metering_point"]]]
            assert [row["import_ukwh"], row["export_ukwh"]] == [int(s / MICRO) for s in sums]
            assert row["estimated_ukwh"] == 0


def test_nothing_stops_a_bill(story):
    """No bill must be held, hardly one is doubted, and each is issued exactly once."""
    numbers, doubted = [], 0
    for month, outcome, issued in story.billed:
        held = [
            (f["code"], f["message"])
            for f in outcome.tables["findings"].to_pylist()
            if f["must_hold"]
        ]
        assert held == [], month
        assert issued.findings.num_rows == issued.already == 0
        doubted += len(outcome.release.bills("held"))
        numbers += issued.numbers.values()
    assert len(numbers) == len(set(numbers)) == len(story.homes) * len(story.billed)
    assert doubted <= len(numbers) // 20


def test_the_second_rater_agrees_on_every_bill(story):
    """All of them were computed again by other code, to the same lines."""
    for _, outcome, _ in story.billed:
        assert outcome.second == len(story.homes)
        assert "review.second_rater.differs" not in outcome.tables["findings"]["code"].to_pylist()


def test_credits_flow_from_month_to_month(story):
    """What a netted home has left at the end of a month is the beginning of the next."""
    flowed = 0
    for (_, before, _), (_, after, _) in zip(story.billed, story.billed[1:], strict=False):
        left = {(r["agreement"], r["key"]): r["value"] for r in before.tables["carry"].to_pylist()}
        taken = {
            (r["agreement"], r["key"]): r["value"] for r in after.tables["carry_in"].to_pylist()
        }
        assert left == taken
        flowed += sum(value > 0 for value in taken.values())
    assert flowed > 0


def test_every_invariant_holds(story):
    """The workspace is what the store promises."""
    assert [(c.invariant, c.detail) for c in check(story.ws) if not c.ok] == []


def test_a_proof_of_each_home_verifies(story):
    """The last bill of each home is proved with nothing but the public key."""
    key = (story.ws.path / "published" / "log.pub").read_text().strip()
    _, _, issued = story.billed[-1]
    assert len(issued.numbers) == len(story.homes)
    for name, number in issued.numbers.items():
        proof = verify.load(papers.proof_of(story.ws, number))
        answer = verify.verify(proof, key, rate_case=reference.rate_case)
        assert answer["failures"] == []
        assert answer["ok"]
        assert answer["bill"] == name


def test_a_changed_reading_is_named(story):
    """A proof in which one hour differs is not a proof."""
    key = (story.ws.path / "published" / "log.pub").read_text().strip()
    number = next(iter(story.billed[-1][2].numbers.values()))
    proof = json.loads(papers.proof_of(story.ws, number))
    proof["cases"][0]["channels"]["import"]["values"][date(2017, 6, 1).day] += 1_000_000
    assert not verify.verify(proof, key, rate_case=reference.rate_case)["ok"]
