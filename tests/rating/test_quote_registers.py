"""`gridtally rate` of register readings: months between readings, dials, carry, what is unsaid."""

import io
import json
import zipfile
from datetime import UTC, date, datetime

import pytest
from rating_world import header

from gridtally.cli import main
from gridtally.quote.rate import rate_readings

AS_OF = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp())
HEAD = "metering_point,meter,register,time,reading,reason,channel,bucket,kind,digits,multiplier\n"
FIXED = '[[components]]\nid = "fixed"\nshape = "fixed"\nper = "month"\nprice = 31\n'
ENERGY = '[[components]]\nid = "energy"\nshape = "energy"\nchannel = "import"\nprice = 0.1\n'
TOU = (
    '[[calendars.tou.rules]]\nbucket = "peak"\nhours = ["08:00-20:00"]\n'
    '[[calendars.tou.rules]]\notherwise = "off"\n'
    '[[components]]\nid = "energy"\nshape = "energy"\nchannel = "import"\ncalendar = "tou"\n'
    "prices = { peak = 0.24, off = 0.13 }\n"
)
DEMAND = '[[components]]\nid = "kw"\nshape = "demand"\nprice = 10\n'
YEARLY = (
    '[[components]]\nid = "t"\nshape = "tiered"\nchannel = "import"\nwindow = "year"\n'
    "tiers = [{ upto = 100, price = 1 }, { price = 2 }]\n"
)
NEM13 = (
    "100,NEM13,202605010930,SENDER,RECEIVER\n"
    "250,NMI1234567,11,1,11,11,METER1,E,00100,20260101000000,A,,,00210,20260401000000,A,,,110,"
    "kWh,20260701,20260402093000,\n900\n"
)


def dial(*shown, point="MP", meter="M", register="1", bucket="total", kind="cumulative",
         digits="5", multiplier="1"):  # fmt: skip
    """Rows of one dial: (instant, reading) or (instant, reading, reason)."""
    rows = ""
    for time, reading, *reason in shown:
        at = time if "T" in time else f"{time}T00:00"
        rows += (
            f"{point},{meter},{register},{at}Z,{reading},{''.join(reason)},import,{bucket},"
            f"{kind},{digits},{multiplier}\n"
        )
    return rows


def quote(document, *rows, data=None, **options):
    data = (HEAD + "".join(rows)).encode() if data is None else data
    return rate_readings(
        document.encode(), data, tariff_name="t.toml", readings_name="r.csv", as_of=AS_OF,
        **options,
    )  # fmt: skip


def shown(answer):
    return [(b["metering_point"], b["from"], b["to"], b["total"]) for b in answer["bills"]]


def lines(bill):
    return [(x["component"], x["bucket"], x["quantity"], x["amount"]) for x in bill["lines"]]


def codes(answer):
    return [f["code"] for f in answer["findings"]]


def test_dials_by_time_of_use():
    """10.5 x 40 = 420 kWh at 0.24 and 30 x 40 = 1200 kWh at 0.13, and the standing charge."""
    answer = quote(
        header("UTC") + FIXED + TOU,
        dial(("2026-01-01", "1000"), ("2026-02-01", "1010.5"), ("2026-03-01", "1012"),
             bucket="peak", multiplier="40"),
        dial(("2026-01-01", "2000"), ("2026-02-01", "2030"), ("2026-03-01", "2031.25"),
             register="2", bucket="off", multiplier="40"),
    )  # fmt: skip
    assert shown(answer) == [
        ("MP", "2026-01-01", "2026-02-01", "287.8"), ("MP", "2026-02-01", "2026-03-01", "51.9"),
    ]  # fmt: skip
    assert lines(answer["bills"][0]) == [
        ("fixed", "", "1", "31"), ("energy", "peak", "420", "100.8"),
        ("energy", "off", "1200", "156"),
    ]  # fmt: skip
    assert lines(answer["bills"][1]) == [
        ("fixed", "", "1", "31"), ("energy", "peak", "60", "14.4"), ("energy", "off", "50", "6.5"),
    ]  # fmt: skip
    assert answer["findings"] == []


def test_a_bucket_without_a_dial_has_no_bill():
    """The off-peak dial is not in the file: its energy is not guessed."""
    rows = dial(("2026-01-01", "1"), ("2026-02-01", "2"), bucket="peak")
    answer = quote(header("UTC") + TOU, rows)
    assert answer["bills"] == []
    assert "metering.determinant.incomplete" in codes(answer)


def test_a_dial_that_turns_over():
    """From 99998 to 3 on five digits are 5, times 40: 200 kWh; the bill shows the roll-over."""
    rows = dial(("2026-01-01", "99998"), ("2026-02-01", "3"), multiplier="40")
    answer = quote(header("UTC") + ENERGY, rows)
    assert shown(answer) == [("MP", "2026-01-01", "2026-02-01", "20")]
    assert codes(answer) == ["metering.register.rollover"]


def test_a_dial_that_goes_backward_has_no_bill():
    """From 50000 to 3 is no roll-over; February, between good readings, is billed."""
    answer = quote(
        header("UTC") + ENERGY,
        dial(("2026-01-01", "50000"), ("2026-02-01", "3"), ("2026-03-01", "13")),
    )
    assert shown(answer) == [("MP", "2026-02-01", "2026-03-01", "1")]
    assert codes(answer) == ["metering.register.backward"]


def test_an_exchange():
    """February: 100 on the old meter and 50.5 on the new one; each serves only its own months."""
    answer = quote(
        header("UTC") + ENERGY,
        dial(("2026-01-01", "900"), ("2026-02-01", "1000"),
             ("2026-02-15T12:00", "1100", "exchange_out"), meter="OLD"),
        dial(("2026-02-15T12:00", "0", "exchange_in"), ("2026-03-01", "50.5"),
             ("2026-04-01", "80.5"), meter="NEW", digits="6"),
    )  # fmt: skip
    assert shown(answer) == [
        ("MP", "2026-01-01", "2026-02-01", "10"), ("MP", "2026-02-01", "2026-03-01", "15.05"),
        ("MP", "2026-03-01", "2026-04-01", "3"),
    ]  # fmt: skip
    assert answer["findings"] == []


def test_an_exchange_at_the_bound():
    """The old meter goes at the very midnight at which the new one comes."""
    answer = quote(
        header("UTC") + ENERGY,
        dial(("2026-01-01", "900"), ("2026-02-01", "1000", "exchange_out"), meter="OLD"),
        dial(("2026-02-01", "7", "exchange_in"), ("2026-03-01", "57"), meter="NEW"),
    )
    assert shown(answer) == [
        ("MP", "2026-01-01", "2026-02-01", "10"), ("MP", "2026-02-01", "2026-03-01", "5"),
    ]  # fmt: skip
    assert answer["findings"] == []


def test_a_meter_that_changes_without_a_word_has_no_bill():
    """Nothing says that the old meter went: what it counted after its last reading is not known."""
    answer = quote(
        header("UTC") + ENERGY,
        dial(("2026-01-01", "900"), ("2026-02-01", "1000"), meter="OLD"),
        dial(("2026-02-15", "0"), ("2026-03-01", "50"), ("2026-04-01", "80"), meter="NEW"),
    )
    assert answer["bills"] == []
    assert set(codes(answer)) == {"metering.register.missing"}


def test_a_meter_that_moves_is_another_thing_at_each_place():
    """The same meter behind other transformers: 10 x 40 at A in January, 10 x 20 at B after."""
    answer = quote(
        header("UTC") + ENERGY,
        dial(("2026-01-01", "0"), ("2026-02-01", "10", "exchange_out"), point="A", multiplier="40"),
        dial(("2026-02-01", "10", "exchange_in"), ("2026-03-01", "20"), point="B", multiplier="20"),
    )
    assert shown(answer) == [
        ("A", "2026-01-01", "2026-02-01", "40"), ("B", "2026-02-01", "2026-03-01", "20"),
    ]  # fmt: skip


def test_a_demand_dial():
    """The largest after the opening: 12.5 kW x 40 at 10 a kW; what the opening shows is older."""
    rows = dial(
        ("2026-01-01", "99"), ("2026-01-20", "12.5"), ("2026-02-01", "11"),
        kind="demand", multiplier="40",
    )  # fmt: skip
    answer = quote(header("UTC") + DEMAND, rows)
    assert lines(answer["bills"][0]) == [("kw", "", "500", "5000")]


def test_contracted_demand_needs_an_agreement():
    """A file of readings states no contract: held, not billed as measured."""
    keys = 'basis = "contract"\nexcess_over = 105\nexcess_factor = 2\n'
    keys += 'excess_reading = "above_contract"\n'
    rows = dial(("2026-01-01", "99"), ("2026-02-01", "11"), kind="demand")
    answer = quote(header("UTC") + DEMAND + keys, rows)
    assert answer["bills"] == []
    assert codes(answer) == ["rating.contract.missing"]


def test_yearly_tiers_go_on_from_month_to_month():
    """80 kWh in January at 1; in February 20 more at 1 and 30 at 2."""
    rows = dial(("2026-01-01", "0"), ("2026-02-01", "80"), ("2026-03-01", "130"))
    answer = quote(header("UTC") + YEARLY, rows)
    assert [lines(bill) for bill in answer["bills"]] == [
        [("t", "tier-1", "80", "80")], [("t", "tier-1", "20", "20"), ("t", "tier-2", "30", "60")],
    ]  # fmt: skip


def test_a_month_without_a_bill_breaks_the_chain():
    """Without the reading of February neither month is billed, nor March, which builds on them."""
    rows = dial(("2026-01-01", "0"), ("2026-03-01", "130"), ("2026-04-01", "140"))
    answer = quote(header("UTC") + YEARLY, rows)
    assert answer["bills"] == []
    assert codes(answer) == ["metering.register.missing", "rating.carry.unknown"]
    answer = quote(header("UTC") + ENERGY, rows)
    assert shown(answer) == [("MP", "2026-03-01", "2026-04-01", "1")]


def test_a_reading_within_a_day_of_the_bound_is_its_reading():
    """Months are those of the billing zone: January in Shanghai begins at 16:00 UTC."""
    rows = dial(("2025-12-31T01:00", "0"), ("2026-02-01T15:00", "100"))
    assert shown(quote(header("Asia/Shanghai") + ENERGY, rows)) == [
        ("MP", "2026-01-01", "2026-02-01", "10")
    ]
    late = dial(("2025-12-31T01:00", "0"), ("2026-02-01T16:01", "100"))
    assert quote(header("Asia/Shanghai") + ENERGY, late)["bills"] == []


def test_a_month_without_both_bounds_has_a_finding_and_no_bill():
    """The first reading is of 16 January: January has no opening, February is billed."""
    rows = dial(("2026-01-16", "5"), ("2026-02-01", "10"), ("2026-03-01", "30"))
    answer = quote(header("UTC") + FIXED, rows)
    assert shown(answer) == [("MP", "2026-02-01", "2026-03-01", "31")]
    assert [f["message"] for f in answer["findings"]] == [
        "MP meter M 1: no reading within a day of 2026-01-01, where the period begins."
    ]
    answer = quote(header("UTC") + FIXED, rows, from_=date(2026, 1, 16), to=date(2026, 2, 1))
    assert shown(answer) == [("MP", "2026-01-16", "2026-02-01", "16")]
    assert codes(answer) == ["rating.month.partial"]


def test_readings_of_no_month():
    """A single reading bounds nothing."""
    answer = quote(header("UTC") + FIXED, dial(("2026-01-01", "5")))
    assert (answer["bills"], codes(answer)) == ([], ["rating.month.none"])


def test_a_dial_that_was_not_read_is_not_passed_over():
    """Two dials make the channel; in March only one of them was read."""
    answer = quote(
        header("UTC") + ENERGY,
        dial(("2026-01-01", "0"), ("2026-02-01", "10"), bucket="day"),
        dial(("2026-01-01", "0"), ("2026-02-01", "20"), ("2026-03-01", "30"), ("2026-04-01", "40"),
             register="2", bucket="night"),
    )  # fmt: skip
    assert shown(answer) == [("MP", "2026-01-01", "2026-02-01", "3")]
    assert set(codes(answer)) == {"metering.register.missing"}


def test_what_a_dial_is_may_stand_in_one_of_its_rows():
    """Each column of a dial must be said once."""
    rows = dial(("2026-01-01", "0")) + dial(
        ("2026-02-01", "10"), bucket="", kind="", digits="", multiplier=""
    )
    assert shown(quote(header("UTC") + ENERGY, rows)) == [("MP", "2026-01-01", "2026-02-01", "1")]


def test_columns_that_are_missing_are_named():
    """One finding per metering point; the others are billed."""
    good = [("2026-01-01", "0"), ("2026-02-01", "10")]
    answer = quote(
        header("UTC") + ENERGY,
        dial(*good, point="A", digits="", multiplier=""), dial(*good, point="B", meter="N"),
    )  # fmt: skip
    assert shown(answer) == [("B", "2026-01-01", "2026-02-01", "1")]
    assert [(f["code"], f["metering_point"], f["message"]) for f in answer["findings"]] == [
        ("rating.register.unknown", "A", "A: the file does not say what a bill needs to know of "
         "meter M 1: digits, multiplier.")
    ]  # fmt: skip


def test_nem13_says_too_little():
    """The format has no bucket, digits and multiplier: a finding that names them, and no bill."""
    answer = quote(header("UTC") + ENERGY, data=NEM13.encode())
    assert answer["bills"] == []
    (found,) = answer["findings"]
    assert (found["code"], found["severity"]) == ("rating.register.unknown", "hold")
    assert found["message"].endswith("meter METER1 11: bucket, digits, multiplier.")


def test_intervals_go_before_registers():
    """A point with both is billed from its intervals and says so; one without, from its dials."""
    days = "".join(
        f"MP,import,2026-01-{d:02}T{h:02}:00Z,1,kWh\n" for d in range(1, 32) for h in range(24)
    )
    span = [("2026-01-01", "0"), ("2026-02-01", "10")]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("i.csv", "metering_point,channel,start,value,unit\n" + days)
        archive.writestr("r.csv", HEAD + dial(*span) + dial(*span, point="P2", meter="N"))
    answer = quote(header("UTC") + ENERGY, data=packed.getvalue())
    assert shown(answer) == [
        ("MP", "2026-01-01", "2026-02-01", "74.4"), ("P2", "2026-01-01", "2026-02-01", "1"),
    ]  # fmt: skip
    assert [(f["code"], f["severity"], f["metering_point"]) for f in answer["findings"]] == [
        ("rating.registers.unused", "note", "MP")
    ]


# ------------------------------------------------------------------ the door


@pytest.fixture
def rated(tmp_path, monkeypatch, capsys):
    """Exit code and answer of `gridtally rate --json`."""

    def run(readings):
        document = header("UTC", valid_from="2020-01-01") + ENERGY
        (tmp_path / "t.toml").write_text(document)
        (tmp_path / "r.csv").write_text(readings)
        files = [str(tmp_path / name) for name in ("t.toml", "r.csv")]
        monkeypatch.setattr("sys.argv", ["gridtally", "rate", *files, "--json"])
        with pytest.raises(SystemExit) as done:
            main()
        return done.value.code, json.loads(capsys.readouterr().out)

    return run


def test_the_command_bills_registers(rated):
    """The same JSON as of intervals."""
    code, answer = rated(HEAD + dial(("2020-01-01", "0"), ("2020-02-01", "10")))
    assert (code, answer["findings"]) == (0, [])
    assert answer["bills"] == [
        {"metering_point": "MP", "from": "2020-01-01", "to": "2020-02-01", "currency": "EUR",
         "total": "1", "lines": [
             {"component": "energy", "kind": "energy", "bucket": "", "quantity": "10",
              "unit": "kWh", "price": "0.1", "factor": "1", "amount": "1"}]}
    ]  # fmt: skip


@pytest.mark.parametrize(
    "readings",
    [
        "metering_point,channel,start,value,unit\nMP,import,2020-01-01T00:00:00Z,-1,kWh\n",
        HEAD + dial(("2020-01-01", "-5")),
    ],
)
def test_a_file_of_quarantined_rows_alone_has_no_bills(rated, readings):
    """Nothing was refused: bills are empty, findings say why, exit code 0."""
    code, answer = rated(readings)
    assert (code, answer["bills"]) == (0, [])
    assert codes(answer) == ["intake.value.negative"]
