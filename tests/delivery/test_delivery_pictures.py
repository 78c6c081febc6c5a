"""The chart of the period and the payment code."""

import re
from decimal import Decimal
from xml.etree import ElementTree as ET

import pytest
import segno
from delivery_bills import bill

from gridtally.delivery import chart, pay
from gridtally.delivery.view import page

SVG = "{http://www.w3.org/2000/svg}"


def draw(values, estimated=None):
    values = [Decimal(value) for value in values]
    return chart.days(values, estimated or [False] * len(values), label=str)


def bars(svg):
    return [
        (Decimal(rect.get("height")), rect.get("fill"))
        for rect in ET.fromstring(svg).iter(f"{SVG}rect")
        if rect.get("x")
    ]


def test_a_bar_is_as_high_as_its_day():
    """Heights are in proportion to the values, to a hundredth of a point."""
    (one, _), (two, _), (four, _) = bars(draw(["1", "2", "4"]))
    assert abs(two - 2 * one) <= Decimal("0.02")
    assert abs(four - 4 * one) <= Decimal("0.04")


def test_estimated_days_are_hatched():
    """Not by colour alone."""
    fills = [fill for _, fill in bars(draw(["1", "2", "3"], [False, True, False]))]
    assert fills == [fills[0], "url(#estimated)", fills[0]]
    assert fills[0] != "url(#estimated)"


@pytest.mark.parametrize("values", [["0"] * 31, ["0.001"] * 28, ["99999999"], ["7"] * 366])
def test_any_period_and_size_gives_a_picture(values):
    """Nothing used, one day, a year, very much: well-formed, and inside its frame."""
    svg = draw(values)
    root = ET.fromstring(svg)
    width, height = (Decimal(text) for text in root.get("viewBox").split()[2:])
    for rect in root.iter(f"{SVG}rect"):
        if rect.get("x"):
            assert 0 <= Decimal(rect.get("x")) <= width
            assert 0 <= Decimal(rect.get("y")) <= height
    assert len(list(root.iter(f"{SVG}text"))) < 20


def test_the_grid_has_two_to_five_lines():
    """Round numbers, whatever the size."""
    for top in ("1", "3.2", "4.1", "9.9", "10", "25", "48", "1234", "5001"):
        ticks = re.findall(r'text-anchor="end"[^>]*>([^<]+)<', draw([top]))
        assert 3 <= len(ticks) <= 6, (top, ticks)
        assert not [tick for tick in ticks if "." in tick and tick.endswith("0")]


def test_the_chart_adds_metering_points_and_says_how_many_it_shows():
    """Of three metering points one records its days."""
    figure = page(*bill("several-points", language="en"))[0].figure
    assert (
        figure.title == "Your use day by day [kWh], where it is recorded (1 of 3 metering points)"
    )
    assert figure.alt.startswith("Bar chart of 31 days from 1\u00a0October\u00a02026")


def test_without_days_the_chart_compares_bills():
    """A bill from registers alone still has a picture."""
    figure = page(*bill("household-tiers"))[0].figure
    assert figure.title == "Your use per day"
    assert figure.alt.replace("\u00a0", " ") == (
        "Bar chart of the use per day: October 2026 5.0 kWh; September 2026 4.7 kWh; "
        "October 2025 5.5 kWh."
    )


# --------------------------------------------------------------------- payment code


def payload(**change):
    values = {
        "payee": "Port Lumen", "iban": "PT50 0002 0123 1234 5678 9015 4",
        "amount": Decimal("12.3"), "reference": "2026-000123",
    }  # fmt: skip
    return pay.epc_payload(**values | change)


def test_the_payload_follows_the_standard():
    """EPC069-12: version 002, UTF-8, SEPA credit transfer, no BIC, unstructured reference."""
    assert payload() == (
        "BCD\n002\n1\nSCT\n\nPort Lumen\nPT50000201231234567890154\nEUR12.30\n\n\n2026-000123"
    )


@pytest.mark.parametrize(
    "change",
    [
        {"iban": "PT50 0002 0123 1234 5678 9015 5"}, {"iban": ""}, {"iban": "нет"},
        {"amount": Decimal("0")}, {"amount": Decimal("-1")}, {"amount": Decimal("1E9")},
        {"amount": Decimal("0.001")}, {"payee": ""},
    ],
)  # fmt: skip
def test_no_code_is_better_than_a_wrong_one(change):
    """A wrong check digit, or an amount that SEPA cannot carry: plain text instead."""
    assert payload(**change) is None


def test_without_terms_the_page_still_says_how():
    """A supplier who gave no payment terms, and no IBAN."""
    record, openings = bill("household-tiers")
    record["supplier"] |= {"iban": "", "payment_terms": ""}
    shown = page(record, openings)[0].payment
    assert shown.code is None
    assert [row.label for row in shown.rows] == ["To", "Reference"]
    assert shown.text == "Please name this reference when you pay."


def test_only_a_euro_bill_has_a_code():
    """Other currencies are paid by the text beside it."""
    assert page(*bill("factory-en"))[0].payment.code is not None
    shown = page(*bill("factory-zh"))[0].payment
    assert shown.code is None
    assert "户号" in shown.text


def test_the_code_reads_back():
    """Every dark module of the symbol is in the picture, and no other."""
    text = payload()
    symbol = segno.make(text, error="m", mask=3, micro=False, boost_error=False, encoding="utf-8")
    wanted = {
        (x + 2, y + 2) for y, row in enumerate(symbol.matrix) for x, dark in enumerate(row) if dark
    }
    path = re.search(r' d="([^"]+)"', pay.qr_svg(text))[1]
    drawn, x, y = set(), 0, Decimal("-0.5")
    for command, numbers in re.findall(r"([Mmh])([-\d. ]+)", path):
        first, *rest = (Decimal(n) for n in re.findall(r"-?[\d.]+", numbers))
        if command == "M":
            x, y = first, rest[0]
        elif command == "m":
            x, y = x + first, y + rest[0]
        else:
            drawn |= {(int(x) + i, int(y)) for i in range(int(first))}
            x += first
    assert drawn == wanted
