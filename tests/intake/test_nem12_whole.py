"""NEM12 and NEM13: nothing that a record says is lost, and plain data are few rows."""

from datetime import date, timedelta

import pytest
from intake_cases import codes, counts, decoded, slots
from nem_cases import accumulated, day, file, record, said, stream

DAY = (0, 24)
PLAIN = {
    "nem12.config": "E1", "nem12.register": "1", "nem12.suffix": "E1", "nem12.stream": "N1",
    "nem12.meter": "M1", "nem12.uom": "kWh", "nem12.header": "202601100000,A,B",
}  # fmt: skip


def keys(found):
    return {row["key"] for row in found.remarks.to_pylist()}


def test_what_a_200_record_says():
    """Configuration, register, suffix, stream, meter, unit and next reading, as written."""
    record_ = "200,P,e1 b1,R7,e1,N1,M-1,KWH,60,20260201"
    found = decoded(file(record_, day()))
    expected = {
        "config": "e1 b1", "register": "R7", "suffix": "e1", "stream": "N1", "meter": "M-1",
        "uom": "KWH", "next_read": "20260201",
    }  # fmt: skip

    for key, value in expected.items():
        assert said(found, f"nem12.{key}") == [(*DAY, value)]


def test_what_follows_is_not_said_again():
    """Plain actual values have remarks of the meter and the file, none of methods or updates."""
    found = decoded(file(stream(), day()))

    assert {row["key"]: row["value"] for row in found.remarks.to_pylist()} == PLAIN


def test_a_year_is_a_few_rows():
    """A year of plain days, each updated the next morning, is as many remarks as one day."""
    first = date(2025, 1, 1)
    days = []
    for number in range(365):
        at, after = (first + timedelta(number + more) for more in (0, 1))
        days.append(day(tail=f"A,,,{after:%Y%m%d}093000,", date=f"{at:%Y%m%d}"))
    found = decoded(file(stream(), *days))

    assert counts(found) == (365, 0, 0)
    assert found.remarks.num_rows == len(PLAIN)
    assert {
        row["version"] for row in found.remarks.to_pylist() if row["key"] != "nem12.header"
    } == {max(version for *_, version in slots(found))}


@pytest.mark.parametrize("method", ["S14", "F56", "E52", "S", "a", "e52"])
def test_methods(method):
    """A method is said unless it is the letter of the quality; its letter may be small."""
    found = decoded(file(stream(), day(tail=f"{method},76,why,20260110000000,")))
    expected = [] if method in "ASEN" else [(*DAY, method)]

    assert counts(found) == (1, 0, 0)
    assert said(found, "nem12.method") == expected
    assert said(found, "nem12.reason") == [(*DAY, "76")]
    assert said(found, "nem12.reason_text") == [(*DAY, "why")]


def test_ranges_are_exact():
    """Methods, reasons and texts of 400 records stand for the intervals that they name."""
    found = decoded(
        file(stream(), day(tail="V,,,20260110000000,"), "400,1,10,A,,", '400,11,20,S14,0,"a, b"',
             "400,21,24,E52,76,")
    )  # fmt: skip

    assert said(found, "nem12.method") == [(10, 20, "S14"), (20, 24, "E52")]
    assert said(found, "nem12.reason") == [(10, 20, "0"), (20, 24, "76")]
    assert said(found, "nem12.reason_text") == [(10, 20, "a, b")]
    assert "nem12.day" not in keys(found)


def test_neighbours_are_joined():
    """The same said of touching intervals of one version is one remark, over midnight too."""
    tail = "S14,76,,20260110000000,"
    found = decoded(
        file(stream(), day(tail="V,,,20260110000000,"), "400,1,20,A,,", "400,21,24,S14,76,",
             day(tail=tail, date="20260106"), day(tail=tail, date="20260108"))
    )  # fmt: skip

    assert said(found, "nem12.method") == [(20, 48, "S14"), (72, 96, "S14")]


def test_a_corrected_day_keeps_what_was_said_before():
    """What each version says of a day is kept apart, by its version."""
    found = decoded(
        file(stream(), day(tail="E52,,,20260107000000,"),
             "200,P,E1,1,E1,N1,M2,kWh,60,", day(tail="S14,76,,20260109000000,"))
    )  # fmt: skip
    rows = {
        (row["key"], row["value"]): row["version"]
        for row in found.remarks.to_pylist()
        if row["key"] in ("nem12.method", "nem12.meter")
    }
    old, new = sorted({version for *_, version in slots(found)})

    assert rows == {
        ("nem12.method", "E52"): old, ("nem12.method", "S14"): new,
        ("nem12.meter", "M1"): old, ("nem12.meter", "M2"): new,
    }  # fmt: skip


def test_partial_ranges():
    """What 400 records leave out takes the 300 record's own method; with V it has none."""
    found = decoded(
        file(stream(), day(tail="E52,,,20260110000000,"), "400,5,10,S14,76,",
             day(tail="V,,,20260110000000,", date="20260106"), "400,1,10,A,,")
    )  # fmt: skip
    letters = "".join(letter for *_, letter, _ in slots(found))

    assert counts(found) == (1, 0, 1)
    assert letters == "E" * 4 + "S" * 6 + "E" * 14
    assert said(found, "nem12.day") == [(*DAY, "E52,,")]
    assert said(found, "nem12.method") == [(0, 4, "E52"), (4, 10, "S14"), (10, 24, "E52")]
    assert "intake.nem.rule" in codes(found, "note")


def test_ranges_that_overlap():
    """Ranges that cover an interval twice set the day aside, whatever the 300 record says."""
    found = decoded(
        file(stream(), day(), "400,1,12,A,,", "400,12,24,S14,76,", day(date="20260106"))
    )

    assert counts(found) == (1, 0, 1)
    assert codes(found) == ["intake.nem.quality"]
    assert said(found, "nem12.method") == []


def test_times_of_update_and_load():
    """Load times are said; an update time is the version, and is said where it is written else."""
    found = decoded(
        file(stream(), day(tail="A,,,20260110000000,20260111000000"),
             day(tail="A,,,,", date="20260106"), day(tail="A,,,20260110,", date="20260107"))
    )  # fmt: skip

    assert said(found, "nem12.msats") == [(*DAY, "20260111000000")]
    assert said(found, "nem12.update") == [(24, 48, ""), (48, 72, "20260110")]


def test_service_orders():
    """500 records are kept with their day, each of them."""
    found = decoded(
        file(stream(), day(), "500,S,RETNSRVCEORD1,20260105154500,001123.5", "500,O,,20260105,",
             day(date="20260106"))
    )  # fmt: skip

    assert said(found, "nem12.b2b") == [
        (*DAY, "O,,20260105,"), (*DAY, "S,RETNSRVCEORD1,20260105154500,001123.5"),
    ]  # fmt: skip


def test_each_of_several_streams():
    """Of streams that are added up, each keeps its values and methods under its own suffix."""
    found = decoded(
        file(stream("E1", "E1E2"), day(1, "V,,,20260110000000,"), "400,1,12,A,,",
             "400,13,24,S14,76,", stream("E2", "E1E2"), day("0.25"))
    )  # fmt: skip

    assert {slot[2:4] for slot in slots(found)} == {(1_250_000, "A"), (1_250_000, "S")}
    assert said(found, "nem12.values.E1") == [(*DAY, ",".join(["1"] * 24))]
    assert said(found, "nem12.values.E2") == [(*DAY, ",".join(["0.25"] * 24))]
    assert said(found, "nem12.method.E1") == [(0, 12, "A"), (12, 24, "S14")]
    assert said(found, "nem12.method.E2") == [(*DAY, "A")]


def test_a_day_that_is_set_aside_says_nothing():
    """Remarks are of accepted days only."""
    found = decoded(
        file(stream(), day("x", "S14,76,,20260110000000,"), "500,O,,,", day(date="20260106"))
    )

    assert counts(found) == (1, 0, 1)
    assert {row["start_utc"].day for row in found.remarks.to_pylist()} == {5}
    assert not {"nem12.method", "nem12.b2b"} & keys(found)


def test_values_without_value():
    """A figure in an interval of quality N is no energy, but it is kept."""
    found = decoded(file(stream(), day(2, "V,,,20260110000000,"), "400,1,23,A,,", "400,24,24,N,,"))

    assert slots(found)[-1][2] is None
    assert said(found, "nem12.null_value") == [(23, 24, "2")]


def test_padded_and_quoted_fields():
    """Blanks around fields, and quotation marks around all of them, change nothing."""
    plain = file(stream(), day("1.5", tail="V,,,20260110000000,"), "400,1,10,A,,",
                 "400,11,24,S14,76,", "500,O,S1,20260105,12")  # fmt: skip
    padded = plain.replace(",", " , ").replace(" 1.5 ", "1.5")
    quoted = "\r\n".join(
        ",".join(f'"{cell}"' for cell in line.split(",")) for line in plain.splitlines()
    )
    expected = decoded(plain)

    for text in (padded, quoted):
        found = decoded(text)
        assert slots(found) == slots(expected)
        assert found.remarks.drop(["source"]).equals(expected.remarks.drop(["source"]))


@pytest.mark.parametrize(("minutes", "count"), [(5, 288), (15, 96), (30, 48)])
def test_interval_lengths(minutes, count):
    """Days of 288, 96 and 48 intervals."""
    found = decoded(
        file(stream(minutes=minutes), day(count=count, tail="V,,,20260110000000,"),
             f"400,1,{count - 1},A,,", f"400,{count},{count},S14,76,")
    )  # fmt: skip

    assert len(slots(found)) == count
    assert said(found, "nem12.method") == [(24 - minutes / 60, 24, "S14")]
    assert "intake.nem.rule" not in codes(found, "note")


@pytest.mark.parametrize(
    ("tail", "ranges", "rule"),
    [
        ("S14,,,20260110000000,", (), "a substituted value (S, F) has a reason code"),
        ("E,,,20260110000000,", (), "has a method number"),
        ("S14,0,,20260110000000,", (), "reason code 0 has a description"),
        ("A,79,,20260110000000,", (), "stand in 400 records"),
        ("V,1,,20260110000000,", ("400,1,48,A,,",), "a 300 record of quality V has no reason"),
        ("A,,,20260110000000,", ("400,1,47,A,,",), "400 records cover the whole day"),
    ],
)
def test_rules_that_change_no_value(tail, ranges, rule):
    """A rule of the format that is broken without a value in doubt is said once."""
    found = decoded(file(stream(minutes=30), day(tail=tail, count=48), *ranges))
    notes = [row for row in found.findings.to_pylist() if row["code"] == "intake.nem.rule"]

    assert counts(found) == (1, 0, 0)
    assert [row["line"] for row in notes] == [3]
    assert rule in notes[0]["message"]


def test_nem13_records():
    """Both readings as they are written, quantity, unit and the rest of each 250 and its 550."""
    found = decoded(accumulated(record(q="S62"), "550,N,SO-1,R,"))
    values = {row["key"]: row["value"] for row in found.remarks.to_pylist()}

    assert values == {
        "nem13.header": "202605010000,A,B", "nem13.config": "11", "nem13.register": "1",
        "nem13.suffix": "11", "nem13.stream": "11", "nem13.meter": "M1",
        "nem13.previous": "00100,A,,", "nem13.current": "00210,S62,,", "nem13.quantity": "110",
        "nem13.uom": "kWh", "nem13.next_read": "20260701", "nem13.b2b": "N,SO-1,R,",
    }  # fmt: skip


def test_nem13_dials_of_one_channel():
    """Remarks of several dials of a channel name the dial."""
    found = decoded(accumulated(record(), record(suffix="41")))

    assert {"nem13.quantity.11", "nem13.quantity.41"} <= keys(found)
