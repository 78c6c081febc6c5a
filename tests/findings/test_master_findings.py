"""Each finding of master data: the smallest input that causes it, and its message word by word."""

from datetime import UTC, datetime

import pytest

from gridtally.intake.master import take_in
from gridtally.intake.master.words import HELD, NOTED, WARNED
from gridtally.terms import Severity

AS_OF = int(datetime(2026, 6, 1, 12, tzinfo=UTC).timestamp())
POINTS = "metering_point,zone\nP,UTC\nQ,UTC\n"
METERS = "meter,metering_point,from,to\nM,P,2026-01-01,\n"
DIALS = (
    "meter,register,channel,bucket,kind,digits,multiplier\nM,1.8.0,import,total,cumulative,6,1\n"
)
DATED = DIALS.replace("multiplier\n", "multiplier,from\n").replace("6,1\n", "6,1,\n")
ACCOUNTS = "account,segment,language\nA,household,en\n"
TERMS = "agreement,account,metering_point,from,to,tariff,legal_source\n"
LINKS = "parent,child,from,to,relation,share\n"
PLATES = "meter,metering_point,from,to,ct_ratio,pt_ratio,constant\n"
CYCLES = "cycle,read_day,due_rule,holidays\n"


def term(name, *, start="2026-01-01", end="", point="P", source="interval", account="A"):
    return f"{name},{account},{point},{start},{end},home,{source}\n"


CASES = {
    "intake.master.value": (
        {"accounts": ACCOUNTS + "B,household,fr\n"},
        "language 'fr' is none of en, zh.",
    ),
    "intake.master.contradiction": (
        {"accounts": ACCOUNTS + "A,shop,en\n"},
        "The row for A contradicts line 2; neither is used.",
    ),
    "intake.master.reference": (
        {"metering_points": POINTS, "meters": METERS.replace(",P,", ",p,")},
        "metering_point 'p' is not in metering_points; 'P' is.",
    ),
    "intake.master.overlap": (
        {"agreements": TERMS + term("G") + term("H", start="2026-02-01")},
        "Two agreements supply 'P' from 2026-02-01. See lines 2 and 3.",
    ),
    "intake.point.zone": (
        {"metering_points": POINTS.replace("Q,UTC", "Q,Asia/Shanghai")},
        "The time zone of 'Q' changes from UTC to Asia/Shanghai: its days begin at other "
        "instants, also those that are billed.",
        {"metering_points": POINTS},
    ),
    "intake.register.multiplier": (
        {"meters": PLATES + "M,P,2026-01-01,,200/5,10000/100,\n",
         "registers": DIALS.replace("6,1\n", "6,40\n")},
        "The multiplier 40 of the dial 'M 1.8.0' is not CT 200/5 x PT 10000/100 x constant 1, "
        "which is 4000.",
    ),
    "intake.register.twice": (
        {"registers": DIALS + "M,1.8.1,import,total,cumulative,6,1\n"},
        "The dials 'M 1.8.0' and 'M 1.8.1' of one meter both count import total from the "
        "beginning: energy would be counted twice.",
    ),
    "intake.topology.circle": (
        {"topology": LINKS + "P,Q,2026-01-01,,subtract,\nQ,P,2026-03-01,,subtract,\n"},
        "The metering point 'P' lies behind itself, over 'P', 'Q', from 2026-03-01.",
    ),
    "intake.topology.parents": (
        {"topology": LINKS + "P,R,2026-01-01,,child_of,\nQ,R,2026-03-01,,child_of,\n"},
        "The metering point 'R' has two parents from 2026-03-01: 'P' and 'Q'.",
    ),
    "intake.topology.share": (
        {"topology": LINKS + "P,Q,2026-01-01,,ratio,0.6\nP,R,2026-03-01,,ratio,0.425\n"},
        "From 2026-03-01 the ratios behind 'P' sum to 102.5 %, more than the whole.",
    ),
    "intake.supply.gap": (
        {"agreements": TERMS + term("G", end="2026-02-01") + term("H", start="2026-03-01")},
        "Nobody is supplied at 'P' from 2026-02-01 to 2026-03-01, between two agreements.",
    ),
    "intake.place.meters": (
        {"meters": METERS + "N,P,2026-02-01,\n"},
        "Two meters stand at 'P' from 2026-02-01: 'M' and 'N'. Their energy is added.",
    ),
    "intake.place.unmetered": (
        {"meters": METERS, "agreements": TERMS + term("G", start="2025-12-01")},
        "No meter stands at 'P' from 2025-12-01 to 2026-01-01, and an agreement is in force.",
    ),
    "intake.exchange.gap": (
        {"meters": "meter,metering_point,from,to\nM,P,2026-01-01,2026-02-01\nN,P,2026-02-04,\n"},
        "Between the meters 'M' and 'N' at 'P' there is none from 2026-02-01 on, for 3 days.",
    ),
    "intake.meter.bare": (
        {"meters": METERS, "registers": DIALS.replace("M,", "N,"),
         "agreements": TERMS + term("G", source="register")},
        "The meter 'M' at 'P' is billed by registers and has none.",
    ),
    "intake.meter.unverified": (
        {"meters": "meter,metering_point,from,to,verify_by\nM,P,2026-01-01,,2026-06-01\n"},
        "The verification of the meter 'M' has ended on 2026-06-01, and it still stands.",
    ),
    "intake.meter.early": (
        {"meters": METERS, "meter_events": "meter,day,kind,value\nM,2025-12-31,seal,47\n"},
        "The event seal of the meter 'M' on 2025-12-31 lies before it was installed on "
        "2026-01-01.",
    ),
    "intake.register.changed": (
        {"registers": DATED.replace("6,1,", "6,2,2026-02-01") + DATED.split("\n")[1] + "\n"},
        "The multiplier of the dial 'M 1.8.0' changes from 1 to 2 on 2026-02-01 without an "
        "exchange; a bill over that day is held.",
    ),
    "intake.master.unknown": (
        {"accounts": "account,segment,language,party\nA,household,en,X\n"},
        "party 'X' of 'A' is not in parties.",
    ),
    "intake.master.orphan": (
        {"metering_points": POINTS.replace("P,UTC\n", "")},
        "'M' in meters names metering_point 'P', which this delivery takes away.",
        {"metering_points": POINTS, "meters": METERS},
    ),
    "intake.master.similar": (
        {"accounts": ACCOUNTS.replace("A,", "007,") + "7,household,en\n"},
        "'007' and '7' differ only in case, leading zeros or letters that look alike.",
    ),
    "intake.cycle.mixed": (
        {"cycles": CYCLES + "one,1,,\ntwo,15,,\n",
         "agreements": TERMS.replace("source\n", "source,cycle\n")
         + term("G").replace("\n", ",one\n") + term("H", point="Q").replace("\n", ",two\n")},
        "The account 'A' has agreements in the cycles 'one' and 'two' at once.",
    ),
    "intake.cycle.calendar": (
        {"cycles": CYCLES + "one,1,9 working days,PT\n",
         "holidays": "calendar,day,kind\nPT,2025-12-25,holiday\n"},
        "The cycle 'one' counts working days by the calendar 'PT', of which 2026 lists none.",
    ),
    "intake.agreement.exemption": (
        {"agreements": TERMS.replace("source\n", "source,exempt_to\n")
         + term("G").replace("\n", ",2026-05-01\n")},
        "The exemption of the agreement 'G' ended on 2026-05-01, and its terms still run.",
    ),
    "intake.agreement.tariff": (
        {"agreements": TERMS + term("G")},
        "There is no tariff 'home', which the agreement 'G' names.",
    ),
    "intake.master.duplicate": (
        {"accounts": ACCOUNTS + "A,household,en\n"},
        "The row for A repeats line 2; counted once.",
    ),
    "intake.register.total": (
        {"registers": DIALS.replace("total", "peak")},
        "The meter 'M' has dials by time of use for import and none for the total, so their sum "
        "cannot be checked.",
    ),
    "intake.register.uncommon": (
        {"meters": METERS, "registers": DIALS.replace("6,1\n", "6,37\n")},
        "The multiplier 37 of the dial 'M 1.8.0' is not one that transformers give.",
    ),
}  # fmt: skip


def taken(files, known=(), *, tariffs=None):
    before = take_in({n: t.encode() for n, t in dict(known).items()}).tables
    given = {name: text.encode() for name, text in files.items()}
    return take_in(given, known=before, tariffs=tariffs, as_of=AS_OF)


@pytest.mark.parametrize("code", CASES)
def test_a_finding_says(code):
    """Code, message, remedy, place and severity of each; what holds is never cut."""
    files, message, *known = CASES[code]
    tariffs = frozenset({"shop"}) if code == "intake.agreement.tariff" else None
    rows = taken(files, *known, tariffs=tariffs).findings.to_pylist()
    [row] = [row for row in rows if row["code"] == code]

    assert row["message"] == message
    assert row["remedy"]
    grave = next(s for c, s in ((HELD, "hold"), (WARNED, "warn"), (NOTED, "note")) if code in c)
    assert row["severity"] == grave
    assert row["must_hold"] == (grave == Severity.HOLD)
    if code != "intake.master.orphan":
        assert row["file"] in files
        assert row["line"] >= 2


def test_every_code_has_its_smallest_input():
    """No code without an example here, none here without words."""
    assert CASES.keys() == HELD.keys() | WARNED.keys() | NOTED.keys()


def test_many_cases_of_one_code():
    """Twenty cases are said one by one, the rest in one finding that counts them."""
    rows = "".join(f"B{n},household,fr\n" for n in range(100))
    found = taken({"accounts": ACCOUNTS + rows}).findings.to_pylist()

    assert [row["count"] for row in found] == [1] * 20 + [80]
    assert found[-1]["message"].endswith("This finding stands for 80 such cases.")
