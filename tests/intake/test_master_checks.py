"""Master data as a whole: what is no finding, deliveries as changes, Parquet, the row account."""

import io
import random
from datetime import date
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtally.errors import RefusedFile
from gridtally.intake.fields import address as parse_address
from gridtally.intake.fields import (
    identifier,
    is_address,
    is_identifier,
    is_name,
    is_text,
    optional,
    text,
)
from gridtally.intake.master import read_master, take_in
from gridtally.intake.master.columns import gaps, overlaps, trimmed
from gridtally.intake.master.devices import COMMON

POINTS = "metering_point,zone,features\nP,UTC,\nQ,UTC,vacant\nR,UTC,\nS,UTC,\n"
TERMS = "agreement,account,metering_point,from,to,tariff,legal_source\n"
METERS = "meter,metering_point,from,to\n"
LINKS = "parent,child,from,to,relation,share,quantity_kwh\n"
DIALS = "meter,register,channel,bucket,kind,digits,multiplier,from,to\n"


def codes(**files):
    _, findings = read_master({name: body.encode() for name, body in files.items()})
    return findings["code"].to_pylist()


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"meters": METERS + "M,P,2025-01-01,2026-02-02\nN,P,2026-02-01,\n"},
                     id="both meters stand on the day of an exchange"),
        pytest.param({"meters": METERS + "M,P,2025-01-01,2026-02-01\nM,Q,2026-02-01,\n"},
                     id="a meter moves"),
        pytest.param({"metering_points": POINTS, "agreements": TERMS
                      + "G,A,Q,2025-01-01,2026-01-01,home,interval\n"
                      + "H,B,Q,2026-03-01,,home,interval\n"},
                     id="nobody at a place that is vacant"),
        pytest.param({"agreements": TERMS + "G,A,P,2025-01-01,2026-01-01,home,interval\n"
                      + "G,A,P,2026-01-01,,home-2,interval\n"},
                     id="terms that touch"),
        pytest.param({"topology": LINKS + "P,Q,2025-01-01,,ratio,0.4,\n"
                      + "P,R,2025-01-01,,ratio,0.6,\n"},
                     id="ratios that are the whole"),
        pytest.param({"topology": LINKS + "P,Q,2025-01-01,2026-01-01,ratio,0.7,\n"
                      + "P,R,2026-01-01,,ratio,0.7,\n"},
                     id="ratios one after the other"),
        pytest.param({"topology": LINKS + "P,Q,2025-01-01,2026-01-01,subtract,,\n"
                      + "Q,P,2026-01-01,,subtract,,\n"},
                     id="parent and child change places"),
        pytest.param({"topology": LINKS + "P,Q,2025-01-01,,subtract,,\n"
                      + "Q,R,2025-01-01,,quantity,,30\n"
                      + "P,S,2025-01-01,,child_of,,\n"},
                     id="a tree"),
        pytest.param({"registers": DIALS + "M,1.8.1,import,peak,cumulative,6,40,,\n"
                      + "M,1.8.0,import,total,cumulative,6,40,,\n"
                      + "M,1.6.0,import,total,demand,6,40,,\n"},
                     id="a total, a part and a demand"),
        pytest.param({"registers": DIALS + "M,1.8.0,import,total,cumulative,6,40,,2026-01-01\n"
                      + "M,1.8.9,import,total,cumulative,6,40,2026-01-01,\n"},
                     id="a dial after the other"),
        pytest.param({"meters": "meter,metering_point,from,to,ct_ratio,pt_ratio,constant\n"
                      + "M,P,2025-01-01,2026-01-01,100/5,10000/100,0.5\nM,P,2026-01-01,,,,\n",
                      "registers": DIALS + "M,1.8.0,import,total,cumulative,6,1000,,2026-01-01\n"
                      + "M,1.8.1,import,total,cumulative,6,1,2026-01-01,\n"},
                     id="new transformers, new multiplier, another dial"),
    ],
)  # fmt: skip
def test_what_is_no_finding(files):
    """Data that can be meant say nothing."""
    assert codes(**files) == []


def test_an_overlap_behind_another_is_found():
    """Terms of one agreement that overlap do not hide another agreement of the same supply."""
    found = codes(agreements=TERMS + "G,A,P,2025-01-01,2027-01-01,home,interval\n"
                  "H,B,P,2025-06-01,2026-01-01,home,interval\n"
                  "G,A,P,2026-06-01,,home,interval\n")  # fmt: skip

    assert found == ["intake.master.overlap"] * 2


def test_a_long_ring_is_found():
    """Ten points behind each other in a ring are one finding, whatever hangs on them."""
    ring = "".join(f"R{n},R{(n + 1) % 10},2026-01-0{n % 9 + 1},,subtract,,\n" for n in range(10))
    tree = "".join(f"R{n % 10},L{n},2026-01-01,,subtract,,\n" for n in range(50))

    assert codes(topology=LINKS + tree + ring) == ["intake.topology.circle"]


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("topology", "P,Q,2025-01-01,,ratio,,"),
        ("topology", "P,Q,2025-01-01,,ratio,1.1,"),
        ("topology", "P,Q,2025-01-01,,ratio,0,"),
        ("topology", "P,Q,2025-01-01,,quantity,0.5,"),
        ("topology", "P,Q,2025-01-01,,subtract,0.5,"),
        ("agreements", "G,A,P,2025-01-01,2025-01-01,home,interval"),
        ("agreements", "1.23E+11,A,P,2025-01-01,,home,interval"),
        ("agreements", "G ,A,P,2025-01-01,,home,interval"),
        ("agreements", "G,\u0410C-A,P,2025-01-01,,home,interval"),
        ("agreements", "G,\uff21,P,2025-01-01,,home,interval"),
        ("registers", "M,1.8.0,import,total,cumulative,6,0,,"),
        ("registers", "M,1.8.0,import,total,cumulative,6,-40,,"),
        ("cycles", "C,32,"),
        ("cycles", "C,15,soon"),
        ("cycles", "C,15,15 working days"),
    ],
)
def test_a_row_that_cannot_be_meant(name, row):
    """Shares out of range, empty periods, names that a spreadsheet or a keyboard changed."""
    head = {"topology": LINKS, "agreements": TERMS, "registers": DIALS,
            "cycles": "cycle,read_day,due_rule\n"}[name]  # fmt: skip
    tables, findings = read_master({name: (head + row + "\n").encode()})

    assert findings["code"].to_pylist() == ["intake.master.value"]
    assert tables[name].num_rows == 0


def test_names_are_not_taken_for_others():
    """A name in one alphabet of its own is a name; nothing is folded into another."""
    tables, findings = read_master({"metering_points": (
        "metering_point,zone\n\u0422\u041f-7,UTC\n测点-1,UTC\nmp-1,UTC\nMP-2,UTC\n".encode()
    )})  # fmt: skip

    assert tables["metering_points"].num_rows == 4
    assert findings.num_rows == 0


# ------------------------------------------------------------------- deliveries


def taken(known=(), *, replace=True, **files):
    return take_in(
        {name: body.encode() for name, body in files.items()}, known=dict(known), replace=replace
    )


def test_changes_are_taken_in_by_key():
    """A known key is replaced, a new one added, the others stay; the same again is a duplicate."""
    before = taken(metering_points=POINTS).tables
    after = taken(before, replace=False, metering_points=(
        "metering_point,zone,features\nR,UTC,pv\nT,UTC,\nS,UTC,\n"
    ))  # fmt: skip
    [count] = after.counts

    assert after.tables["metering_points"]["metering_point"].to_pylist() == list("PQRST")
    assert (count.rows, count.accepted, count.duplicates, count.quarantined) == (3, 2, 1, 0)
    assert count.changes.counts() == {"added": 1, "changed": 1, "gone": 0}


def test_a_row_that_is_set_aside_leaves_the_known_one():
    """A wrong change changes nothing."""
    before = taken(metering_points=POINTS).tables
    after = taken(
        before, replace=False, metering_points="metering_point,zone\nP,Mars/Base\nQ,UTC\nQ,GMT\n"
    )

    assert not after.counts[0].changes
    assert after.counts[0].quarantined == 3
    assert after.tables["metering_points"].equals(before["metering_points"])


def test_references_lead_to_what_is_known():
    """A row may name what was delivered before; what is nowhere is not checked."""
    before = taken(metering_points=POINTS).tables

    assert taken(before, meters=METERS + "M,P,2025-01-01,\n").counts[0].accepted == 1
    assert taken(before, meters=METERS + "M,X,2025-01-01,\n").counts[0].quarantined == 1
    assert taken(meters=METERS + "M,X,2025-01-01,\n").counts[0].accepted == 1


def test_the_order_of_rows_is_nothing():
    """A shuffled file is the same table."""
    rows = POINTS.splitlines()
    mixed = "\n".join([rows[0], *random.Random(7).sample(rows[1:], 4)]) + "\n"

    one, two = (taken(metering_points=body).tables["metering_points"] for body in (POINTS, mixed))
    assert one.equals(two)


cell = st.sampled_from(["P", "Q", "p", "", "1E+9", "Ω", "\u0410", "x" * 65, "UTC", "Mars", "pv"])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(cell, min_size=2, max_size=4), max_size=12), st.booleans())
def test_the_row_account(rows, replace):
    """rows = accepted + duplicates + quarantined, whatever stands in the file (I-01)."""
    body = "metering_point,zone,features\n" + "".join(",".join(row) + "\n" for row in rows)
    known = taken(metering_points=POINTS).tables
    found = taken(known, replace=replace, metering_points=body)
    [count] = found.counts

    assert count.rows == len(rows)
    assert count.rows == count.accepted + count.duplicates + count.quarantined
    left = [f for f in found.findings.to_pylist() if f["code"] != "intake.master.similar"]
    aside = sum(f["count"] for f in left if f["severity"] == "hold")
    assert (count.quarantined > 0) == (aside > 0)


# ---------------------------------------------------------------------- Parquet


def parquet(**columns):
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def test_parquet_is_the_same_as_csv():
    """Text, dates, decimals, whole numbers and null cells mean what they mean in CSV."""
    packed = parquet(
        agreement=pa.array(["G", "H"]).dictionary_encode(),
        account=["A", "B"], metering_point=["P", "Q"],
        **{"from": pa.array([date(2025, 1, 1), date(2025, 2, 1)]),
           "to": pa.array([date(2026, 1, 1), None])},
        tariff=["home", "home"], legal_source=["interval", "register"],
        contract_kw=pa.array([Decimal("10.350000"), None], pa.decimal128(12, 6)),
        capacity_kva=pa.array([None, 20], pa.int32()),
    )  # fmt: skip
    text_ = (
        "agreement,account,metering_point,from,to,tariff,legal_source,contract_kw,capacity_kva\n"
        "G,A,P,2025-01-01,2026-01-01,home,interval,10.35,\nH,B,Q,2025-02-01,,home,register,,20\n"
    )
    one, _ = read_master({"agreements.parquet": packed})
    two, _ = read_master({"agreements.csv": text_.encode()})

    assert one["agreements"].equals(two["agreements"])


def test_rows_of_parquet_are_set_aside_by_number():
    """The line of a row is its number; the rest goes on."""
    tables, findings = read_master({
        "metering_points.parquet": parquet(metering_point=["P", "Q"], zone=["UTC", "Mars/Base"])
    })  # fmt: skip

    assert [(f["code"], f["line"]) for f in findings.to_pylist()] == [("intake.master.value", 2)]
    assert tables["metering_points"].num_rows == 1


@pytest.mark.parametrize(
    "columns",
    [
        {"metering_point": ["P"]},
        {"metering_point": ["P"], "zone": ["UTC"], "more": ["x"]},
        {"metering_point": ["P"], "zone": ["UTC"], "fuse_kw": np.array([10.35])},
        {"metering_point": ["P"], "zone": [["UTC"]]},
    ],
)
def test_parquet_of_another_form_is_refused(columns):
    """Missing and unknown columns, binary floats and lists refuse the file."""
    with pytest.raises(RefusedFile, match="does not fit"):
        read_master({"metering_points.parquet": parquet(**columns)})


def test_broken_parquet_is_refused():
    """A file that only begins like Parquet is refused with a reason."""
    data = parquet(metering_point=["P"], zone=["UTC"])
    for bad in (data[:-20], b"PAR1" + bytes(100), data.replace(b"UTC", b"\xff\xfe\xfd")):
        with pytest.raises(RefusedFile):
            read_master({"metering_points.parquet": bad})


# ---------------------------------------------------------------- whole columns

odd = st.text(st.sampled_from("aZ09 @.-_,+\t\x00éΩ中\u200b\u0410Ee1"), max_size=8)


@settings(max_examples=200, deadline=None)
@given(st.lists(odd, min_size=1, max_size=20))
def test_what_is_surely_right_is_right(cells):
    """A cell that the column test takes is one that the parser takes and leaves as it is."""
    column = pa.array(cells, pa.string())
    for test, parse in (
        (is_identifier, identifier), (is_name, optional(identifier, "")), (is_text, text),
        (is_address, optional(parse_address, "")),
    ):  # fmt: skip
        for one, sure in zip(cells, test(column).to_pylist(), strict=True):
            if sure:
                assert parse(one) == one


spans = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30), st.integers(1, 9)), max_size=14)


@settings(max_examples=200, deadline=None)
@given(spans)
def test_overlaps_and_gaps(rows):
    """Set against the plain meaning: each row against all earlier ones of its group."""
    key, first, size = (np.array([row[n] for row in rows], np.int64) for n in range(3))
    after = first + size
    order = sorted(range(len(rows)), key=lambda i: (key[i], first[i], i))
    over, left = set(), set()
    for place, row in enumerate(order):
        earlier = [i for i in order[:place] if key[i] == key[row]]
        if any(after[i] > first[row] for i in earlier):
            over.add(row)
        elif earlier and all(after[i] < first[row] for i in earlier):
            left.add(row)
    one, two = overlaps(key, first, after)

    assert set(two.tolist()) == over
    assert all(after[i] > first[j] and key[i] == key[j] for i, j in zip(one, two, strict=True))
    assert set(gaps(key, first, after)[1].tolist()) == left
    later = trimmed(key, first, after)
    keep = later < after
    assert not overlaps(key[keep], later[keep], after[keep])[1].size


def test_the_common_multipliers():
    """The list that auditors use, one, and those of medium voltage; no odd factor."""
    assert {1, 20, 40, 80, 120, 200, 1000, 2000} <= {int(m) for m in COMMON if m == int(m)}
    assert not COMMON & {0, 7, 37, 41, 999}
