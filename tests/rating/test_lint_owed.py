"""Notes of lint on who is charged, where it is posted, and what a tax does not reach."""

import pytest
from rating_world import header

from gridtally.rating.lint import lint

ENERGY = '[[components]]\nid = "e"\nshape = "energy"\nchannel = "import"\nprice = 0.2\n'
SUN = '[[components]]\nid = "sun"\nshape = "energy"\nchannel = "export"\n'
METER = '[[components]]\nid = "meter"\nshape = "fixed"\nper = "month"\nprice = 2\n'
TAX = (
    '[[components]]\nid = "{}"\nshape = "percentage"\nkind = "tax"\nof = [{}]\npercent = 6\n'
    'ledger = "{}"\n'
)


def notes(*parts):
    """Path and message of each note; every one says what to do."""
    said = lint((header("UTC") + "".join(parts)).encode())
    assert not [p for p in said if p.severity == "hold"], said
    assert all(p.remedy for p in said)
    return [(p.path, p.message) for p in said]


@pytest.mark.parametrize(
    ("keys", "noted"),
    [
        ("price = 0.05\n", True),
        ('series = "s"\n', True),
        ("tiers = [{ upto = 300, price = 0.05 }, { price = 0 }]\n", True),
        ("price = 0.05\ncredit = true\n", False),
        ("price = -0.05\nnegative = true\n", False),
    ],
)
def test_energy_that_is_fed_in_is_charged(keys, noted):
    """A price of `export` is charged unless it is a credit."""
    declared = '[series.s]\nper = "MWh"\n' if "series" in keys else ""
    text = SUN.replace('"energy"', '"tiered"') if "tiers" in keys else SUN
    found = [(p, m) for p, m in notes(declared, ENERGY, text, keys) if "zero" not in m]
    message = "sun charges the customer for energy that is fed in."
    assert found == ([("components[1].credit", message)] if noted else [])


def test_energy_that_is_fed_in_for_nothing():
    """A price of zero charges nobody."""
    assert [m for _, m in notes(ENERGY, SUN, "price = 0\n")] == ["The price of sun is zero."]


def test_reactive_energy_that_is_fed_in_is_charged():
    """It is charged everywhere."""
    assert notes(SUN.replace('"export"', '"reactive_export"'), "price = 0.02\n") == []


def test_a_tax_without_an_account():
    """It would be revenue."""
    text = TAX.format("vat", '"e"', "x").replace('ledger = "x"\n', "")
    assert notes(ENERGY, text) == [
        ("components[1].ledger", "vat is a tax and would be posted to revenue.vat.")
    ]
    assert notes(ENERGY, text + 'ledger = "tax.vat"\n') == []


def test_lines_that_a_tax_does_not_reach():
    """Named once, with all of them; credits, taxes and banks are not asked for."""
    sun = SUN + "price = 0.05\ncredit = true\n"
    bank = '[[components]]\nid = "kept"\nshape = "bank"\nof = ["e", "sun"]\n'
    rest = METER + METER.replace('"meter"', '"lamp"').replace("price = 2", "price = 3")
    assert notes(ENERGY, rest, sun, bank, TAX.format("vat", '"e"', "tax.vat")) == [
        ("components[5].of", "vat is not on meter, lamp.")
    ]
    of = '"e", "meter", "lamp"'
    assert notes(ENERGY, rest, sun, bank, TAX.format("vat", of, "tax.vat")) == []


def test_sets_reach_their_components():
    """@taxed stands for what is in it."""
    text = ENERGY + 'sets = ["taxed"]\n' + TAX.format("vat", '"@taxed"', "tax.vat")
    assert notes(text) == []
    assert notes(text, METER) == [("components[1].of", "vat is not on meter.")]


def test_two_rates_of_one_tax_and_a_tax_on_a_part():
    """Components of one account are one tax; a tax on fewer lines is another and may leave some."""
    parts = (
        ENERGY, METER, TAX.format("vat", '"e", "electricity"', "tax.vat"),
        TAX.format("vat-meter", '"meter"', "tax.vat"),
        TAX.format("electricity", '"e"', "tax.electricity"),
    )  # fmt: skip
    assert notes(*parts) == []
    assert notes(*parts[:3], parts[4]) == [("components[2].of", "vat is not on meter.")]


def test_a_document_without_taxes():
    """It is not asked for any."""
    assert notes(ENERGY, METER) == []
