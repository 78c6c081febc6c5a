"""A small bill with everything in it: intervals, dials, two spans, carry, tax, openings."""

import json

from gridtally.proof.build import build, dump
from gridtally.proof.checkpoint import Checkpoint, sign
from gridtally.proof.keys import LogKey
from gridtally.proof.merkle import Tree, leaf_hash
from gridtally.proof.record import commit, input_digest, record_leaf, tariff_name
from gridtally.rating.reference import rate_case

ORIGIN = "bills.example/2026"
KEY = LogKey(ORIGIN, bytes(range(32)))
"""A key for tests alone: everybody can read its seed here."""
OTHER = LogKey(ORIGIN, bytes(range(1, 33)))
PERSON = bytes(range(100, 132))

TARIFF = """\
schema = 1
tariff = "home"
title = { en = "Home", zh = "居民" }
currency = "EUR"
zone = "Europe/Lisbon"
valid_from = 2026-01-01
source = "a test"
[rounding]
line = { places = 2, mode = "half_up" }
total = { places = 2, mode = "half_up" }
[calendars.tou]
[[calendars.tou.rules]]
bucket = "peak"
hours = ["08:00-20:00"]
[[calendars.tou.rules]]
otherwise = "off"
[[components]]
id = "standing"
shape = "fixed"
per = "month"
price = 4.5
[[components]]
id = "energy"
shape = "tiered"
channel = "import"
window = "year"
tiers = [{ upto = 100, price = 0.1 }, { price = 0.2 }]
[[components]]
id = "vat"
shape = "percentage"
kind = "tax"
of = ["standing", "energy"]
percent = 6
"""
TOU = TARIFF.replace('shape = "tiered"', 'shape = "energy"').replace(
    'window = "year"\ntiers = [{ upto = 100, price = 0.1 }, { price = 0.2 }]',
    'calendar = "tou"\nprices = { peak = 0.25, off = 0.125 }\nnetting = "month"',
)


def interval_case():
    """One day of the clock change in October, 25 hours, import and export."""
    return {
        "schema": 1,
        "agreement": "AG-1",
        "metering_point": "MP-1",
        "zone": "Europe/Lisbon",
        "legal_source": "interval",
        "from": "2026-10-25",
        "to": "2026-10-26",
        "spans": [
            {
                "from": "2026-10-25",
                "to": "2026-10-26",
                "tariff": tariff_name(TOU.encode()),
                "contract_ukw": None,
                "capacity_ukva": 6_900_000,
            }
        ],
        "channels": {
            "import": {
                "start": "2026-10-24T23:00:00Z",
                "resolution_s": 3600,
                "values": [100_000 * (n + 1) for n in range(25)],
                "quality": "A" * 20 + "E" * 5,
            },
            "export": {
                "start": "2026-10-24T23:00:00Z",
                "resolution_s": 3600,
                "values": [50_000] * 25,
                "quality": "A" * 25,
            },
        },
        "registers": [],
        "carry_in": [{"key": "bank/energy/off", "at": "2026-10-25", "value": 70_000}],
    }


def register_case():
    """October with a change of a term on the 17th, yearly tiers, a check reading."""
    spans = [("2026-10-01", "2026-10-17", 3_450_000), ("2026-10-17", "2026-11-01", 6_900_000)]
    times = ("2026-09-30T23:00:00Z", "2026-10-16T23:00:00Z", "2026-11-01T00:00:00Z")
    dials = zip(times, (99_990_000_000, 31_500_000, 120_250_000), ("A", "S", "A"), strict=True)
    return {
        "schema": 1,
        "agreement": "AG-2",
        "metering_point": "MP-2",
        "zone": "Europe/Lisbon",
        "legal_source": "register",
        "from": "2026-10-01",
        "to": "2026-11-01",
        "spans": [
            {
                "from": first,
                "to": end,
                "tariff": tariff_name(TARIFF.encode()),
                "contract_ukw": None,
                "capacity_ukva": capacity,
            }
            for first, end, capacity in spans
        ],
        "channels": {},
        "registers": [
            {
                "meter": "M-2",
                "register": "1.8.0",
                "channel": "import",
                "bucket": "total",
                "kind": "cumulative",
                "digits": 5,
                "multiplier": 1_000_000,
                "readings": [
                    {"time": time, "reading": reading, "quality": quality, "reason": "routine"}
                    for time, reading, quality in dials
                ],
            }
        ],
        "carry_in": [{"key": "tier/energy", "at": "2026-01-01", "value": 80_000_000}],
    }


READINGS = [
    {
        "meter": "M-2", "register": "1.8.0", "channel": "import", "bucket": "total", "unit": "kWh",
        "opening": "99990", "opening_date": "2026-10-01", "opening_quality": "A",
        "closing": "120.25", "closing_date": "2026-11-01", "closing_quality": "A",
        "multiplier": "1", "advance": "130.25",
    }
]  # fmt: skip
"""Worked out by hand: 100,000 - 99,990 + 120.25."""


def segment(case, text, readings, energy):
    """A segment of the record: its numbers are the rater's, the rest is written out."""
    answer = rate_case(case, {tariff_name(text.encode()): text.encode()})
    assert answer["findings"] == []
    spans = case["spans"]
    return {
        "segment": f"{case['agreement']}/{case['from']}/{case['to']}",
        **{key: case[key] for key in ("agreement", "metering_point", "zone", "legal_source")},
        "from": case["from"],
        "to": case["to"],
        "tariff": {
            "id": "home",
            "title": {"en": "Home", "zh": "居民"},
            "digests": list(dict.fromkeys(span["tariff"] for span in spans)),
            "assumptions": [],
        },
        "readings": readings,
        "energy": energy,
        "lines": [
            line
            | {"from": spans[line["span"]]["from"], "to": spans[line["span"]]["to"]}
            | {"title": {"en": line["component"], "zh": "电"}}
            for line in answer["lines"]
        ],
        "total": answer["total"],
        "carry_in": case["carry_in"],
        "carry_out": answer["carry_out"],
        "events": [],
        "chart": None,
        "input_digest": input_digest(case),
    }


def record():
    """The record of a bill with both segments.

    Energy by hand: 0.1 x (1 + … + 25) = 32.5 kWh, estimated 0.1 x (21 + … + 25) = 11.5 kWh,
    export 25 x 0.05 = 1.25 kWh.
    """
    first = segment(
        interval_case(), TOU, [], {"import": "32.5", "export": "1.25", "estimated": "11.5"}
    )
    second = segment(
        register_case(),
        TARIFF,
        READINGS,
        {"import": "130.25", "export": "0", "estimated": "0"},
    )
    segments = [first, second]
    taxes = [line for part in segments for line in part["lines"] if line["kind"] == "tax"]
    cents = sum(round(100 * float(part["total"])) for part in segments)
    return {
        "schema": 1,
        "number": "2026-000123",
        "bill": "AC-1/2026-10-01/2026-11-01",
        "account": "AC-1",
        "period": {"from": "2026-10-01", "to": "2026-11-01"},
        "issued": "2026-11-03",
        "due": "2026-11-24",
        "language": "en",
        "currency": "EUR",
        "supplier": {"name": "Example Energy", "iban": "…"},
        "run": {"id": "2026-10", "root": "00" * 32},
        "segments": segments,
        "total": f"{cents / 100:.2f}",
        "tax": [
            {
                "component": "vat",
                "percent": "6",
                "base": f"{sum(round(100 * float(t['quantity'])) for t in taxes) / 100:.2f}",
                "amount": f"{sum(round(100 * float(t['amount'])) for t in taxes) / 100:.2f}",
            }
        ],
        "balance": {
            "previous": "10",
            "payments": "-10",
            "adjustments": "-1.5",
            "due": f"{(cents - 150) / 100:.2f}",
        },
        "compare": {"previous": None, "year_ago": None},
        "decision": {"state": "released", "by": "rules", "findings": []},
        "personal": {
            "name": commit(PERSON, "name", "Ana Silva"),
            "address": commit(PERSON, "address", "Rua Nova 1\nLisboa"),
        },
        "engine": {"gridtally": "0.1.0", "tzdata": "2026.1"},
    }


def head_of(leaves, key=KEY):
    tree = Tree(leaves)
    return tree, sign(Checkpoint(key.name, tree.size, tree.root()), key)


def proof(key=KEY, others=6, index=2, **changes):
    """The proof of the bill as leaf `index` in a tree with some other leaves."""
    made = record() | changes
    leaves = [leaf_hash(b"other bill %d" % n) for n in range(others)]
    leaves.insert(index, record_leaf(made))
    tree, checkpoint = head_of(leaves, key)
    openings = {"key": PERSON.hex(), "name": "Ana Silva", "address": "Rua Nova 1\nLisboa"}
    built = build(
        made,
        cases=[interval_case(), register_case()],
        tariffs={tariff_name(text.encode()): text.encode() for text in (TARIFF, TOU, "unused")},
        index=index,
        path=tree.inclusion(index),
        checkpoint=checkpoint,
        openings=openings,
    )
    return json.loads(dump(built))
