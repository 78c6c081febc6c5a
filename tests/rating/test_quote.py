"""`gridtally rate` without a workspace: months, carry, gaps, zones, the JSON that is answered."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from rating_world import header

from gridtally.errors import InvalidDocument, RefusedFile, UsageError
from gridtally.market import Market, Series
from gridtally.quote.rate import rate_readings

AS_OF = int(datetime(2027, 1, 1, tzinfo=UTC).timestamp())
FIXED = '[[components]]\nid = "fixed"\nshape = "fixed"\nper = "month"\nprice = 31\n'
ENERGY = '[[components]]\nid = "energy"\nshape = "energy"\nchannel = "import"\nprice = 0.1\n'


def readings(start, hours, *, channel="import", point="MP", value="1", skip=()):
    first = datetime.fromisoformat(start)
    return "".join(
        f"{point},{channel},{(first + timedelta(hours=i)).isoformat()},{value},kWh\n"
        for i in range(hours) if i not in skip
    )  # fmt: skip


def quote(document, *parts, **options):
    data = "metering_point,channel,start,value,unit\n" + "".join(parts)
    return rate_readings(
        document.encode(), data.encode(), tariff_name="t.toml", readings_name="r.csv",
        **({"as_of": AS_OF} | options),
    )  # fmt: skip


def shown(answer):
    return [(b["metering_point"], b["from"], b["to"], b["total"]) for b in answer["bills"]]


def test_a_bill_per_point_and_month():
    """Two points, two months: four bills, each with its lines, numbers as text."""
    parts = [readings("2026-01-01T00:00:00+00:00", 59 * 24, point=p) for p in ("B", "A")]
    answer = quote(header("UTC") + FIXED + ENERGY, *parts)
    assert shown(answer) == [
        ("A", "2026-01-01", "2026-02-01", "105.4"), ("A", "2026-02-01", "2026-03-01", "98.2"),
        ("B", "2026-01-01", "2026-02-01", "105.4"), ("B", "2026-02-01", "2026-03-01", "98.2"),
    ]  # fmt: skip
    assert answer["findings"] == []
    assert answer["bills"][0]["currency"] == "EUR"
    assert answer["bills"][0]["lines"] == [
        {"component": "fixed", "kind": "fixed", "bucket": "", "quantity": "1", "unit": "month",
         "price": "31", "factor": "1", "amount": "31"},
        {"component": "energy", "kind": "energy", "bucket": "", "quantity": "744", "unit": "kWh",
         "price": "0.1", "factor": "1", "amount": "74.4"},
    ]  # fmt: skip


def test_a_year_that_is_planned():
    """As of a local day: its last hour counts, the next one lies in the future."""
    data = readings("2031-12-31T16:00:00+00:00", 32 * 24)
    document = header("Asia/Shanghai", valid_to="2040-01-01") + ENERGY
    answer = quote(document, data, as_of=date(2032, 1, 31))
    assert shown(answer) == [("MP", "2032-01-01", "2032-02-01", "74.4")]
    assert quote(document, data)["bills"] == []


def test_a_partial_month_is_in_proportion_and_says_so():
    """10 of 31 days of January."""
    answer = quote(header("UTC") + FIXED, readings("2026-01-22T00:00:00+00:00", 240))
    assert shown(answer) == [("MP", "2026-01-22", "2026-02-01", "10")]
    assert [(f["code"], f["severity"], f["message"]) for f in answer["findings"]] == [
        ("rating.month.partial", "note", "2026-01: 10 of 31 days, from 2026-01-22 to 2026-02-01; "
         "charges per month are in proportion to days."),
    ]  # fmt: skip


def test_days_that_are_not_whole_are_not_billed():
    """Readings from noon to noon: the two halves are left out, the whole day between is billed."""
    answer = quote(header("UTC") + ENERGY, readings("2026-01-01T12:00:00+00:00", 48))
    assert shown(answer) == [("MP", "2026-01-02", "2026-01-03", "2.4")]


def test_from_and_to():
    """The days that are asked for."""
    data = readings("2026-01-01T00:00:00+00:00", 31 * 24)
    answer = quote(header("UTC") + ENERGY, data, from_=date(2026, 1, 10), to=date(2026, 1, 12))
    assert shown(answer) == [("MP", "2026-01-10", "2026-01-12", "4.8")]
    with pytest.raises(UsageError, match="empty"):
        quote(header("UTC") + ENERGY, data, from_=date(2026, 1, 12), to=date(2026, 1, 10))


def test_a_gap_has_a_finding_and_no_bill():
    """Nothing is estimated; the other month is billed."""
    answer = quote(
        header("UTC") + ENERGY, readings("2026-01-01T00:00:00+00:00", 59 * 24, skip=(5, 6))
    )
    assert shown(answer) == [("MP", "2026-02-01", "2026-03-01", "67.2")]
    messages = [f["message"] for f in answer["findings"] if f["code"].startswith("metering.det")]
    assert messages == [
        "The import energy cannot be summed: 2 readings are missing, from 2026-01-01T05:00:00Z on."
    ]


def test_carry_is_folded_from_month_to_month():
    """744 kWh of export banked in January are netted in February."""
    netted = ENERGY + 'netting = "month"\n'
    answer = quote(
        header("UTC") + netted,
        readings("2026-01-01T00:00:00+00:00", 59 * 24, value="0.5"),
        readings("2026-01-01T00:00:00+00:00", 31 * 24, channel="export"),
        readings("2026-02-01T00:00:00+00:00", 28 * 24, channel="export", value="0"),
    )
    assert [bill["total"] for bill in answer["bills"]] == ["0", "0"]
    assert answer["bills"][1]["lines"] == []


def test_a_month_without_a_bill_breaks_the_chain():
    """What January hands on is not known, so that February is not billed on a guess."""
    yearly = (
        '[[components]]\nid = "t"\nshape = "tiered"\nchannel = "import"\nwindow = "year"\n'
        "tiers = [{ upto = 100, price = 1 }, { price = 2 }]\n"
    )
    answer = quote(header("UTC") + yearly, readings("2026-01-01T00:00:00+00:00", 59 * 24, skip=[3]))
    assert answer["bills"] == []
    assert "rating.carry.unknown" in [f["code"] for f in answer["findings"]]


def test_nothing_is_said_of_no_days():
    """The month without a bill is the last one: it breaks no chain, and so it is not told to."""
    yearly = (
        '[[components]]\nid = "t"\nshape = "tiered"\nchannel = "import"\nwindow = "year"\n'
        "tiers = [{ upto = 100, price = 1 }, { price = 2 }]\n"
    )
    data = readings("2026-01-01T00:00:00+00:00", 59 * 24, skip=[40 * 24])
    answer = quote(header("UTC") + yearly, data)
    assert [bill["from"] for bill in answer["bills"]] == ["2026-01-01"]
    held = [found for found in answer["findings"] if found["severity"] == "hold"]
    assert held
    assert "rating.carry.unknown" not in [found["code"] for found in held]
    assert {(found["from"], found["to"]) for found in held} == {("2026-02-01", "2026-03-01")}


def test_the_days_are_those_of_the_billing_zone():
    """A month in Shanghai begins at 16:00 UTC; clock changes make days of 23 hours."""
    data = readings("2025-12-31T16:00:00+00:00", 31 * 24)
    assert shown(quote(header("Asia/Shanghai") + ENERGY, data)) == [
        ("MP", "2026-01-01", "2026-02-01", "74.4")
    ]
    march = readings("2026-03-01T00:00:00+00:00", 31 * 24 - 1)
    assert shown(quote(header("Europe/Lisbon") + ENERGY, march)) == [
        ("MP", "2026-03-01", "2026-04-01", "74.3")
    ]


def test_a_tariff_of_another_zone_is_not_bent():
    """Billing days in one zone, tariff hours in another: held."""
    data = readings("2025-12-31T16:00:00+00:00", 31 * 24)
    answer = quote(header("UTC") + ENERGY, data, zone="Asia/Shanghai")
    assert answer["bills"] == []
    assert [f["code"] for f in answer["findings"]] == ["rating.zone.differs"]


def test_days_outside_the_validity_have_no_bill():
    """No price, no bill."""
    answer = quote(header("UTC") + ENERGY, readings("2025-12-01T00:00:00+00:00", 31 * 24))
    assert answer["bills"] == []
    assert {"rating.tariff.none", "rating.price.missing"} & {f["code"] for f in answer["findings"]}


def test_assumptions_are_shown():
    """What the tariff's source left open stands above the bills."""
    document = header("UTC", assumptions='["Days are counted whole."]') + ENERGY
    answer = quote(document, readings("2026-01-01T00:00:00+00:00", 31 * 24))
    assert answer["assumptions"] == ["Days are counted whole."]


def test_what_is_refused():
    """A bad tariff and a bad file are refused whole."""
    with pytest.raises(InvalidDocument):
        quote("schema = 1", readings("2026-01-01T00:00:00+00:00", 24))
    with pytest.raises(RefusedFile):
        quote(header("UTC") + ENERGY, "not,a,row\n")


def test_prices_by_time_and_terms_of_the_agreement():
    """24 hours of 0.1 kWh at 50 per MWh and 0.07 more: 0.12 + 0.168 = 0.288."""
    text = (
        header("UTC", places=4) + '[series.spot]\nper = "MWh"\n[terms.margin]\n[[components]]\n'
        'id = "e"\nshape = "energy"\nchannel = "import"\nseries = "spot"\n'
        'plus = { term = "margin" }\n'
    )
    data = readings("2026-01-01T00:00:00+00:00", 24, value="0.1")
    start = 1_767_225_600
    market = Market(series={"spot": Series((start,), (Decimal(50),), start + 86_400)})
    answer = quote(text, data, market=market, terms={"margin": "0.07"})
    assert answer["bills"][0]["lines"][0]["amount"] == "0.288"
    codes = {finding["code"] for finding in quote(text, data)["findings"]}
    assert {"rating.series.missing", "rating.term.missing"} <= codes
