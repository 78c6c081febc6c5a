"""Notes on tariff documents."""

from rating_world import header

from gridtally.rating.lint import lint

TOU = (
    '[[calendars.c.rules]]\nbucket = "peak"\ndays = ["weekday"]\nhours = ["08:00-10:30"]\n'
    '[[calendars.c.rules]]\notherwise = "off"\n'
)
ENERGY = (
    '[[components]]\nid = "e"\nshape = "energy"\nchannel = "import"\ncalendar = "c"\n'
    "prices = { peak = 0.3, off = 0.1 }\n"
)


def notes(text):
    return [(p.path, p.message, str(p.severity)) for p in lint(text.encode())]


def test_a_plain_document_has_no_notes():
    """Nothing odd, nothing said."""
    assert notes(header("UTC") + TOU + ENERGY) == []


def test_t07_a_price_of_zero_is_noted():
    """Accepted, and said."""
    assert notes(header("UTC") + TOU + ENERGY.replace("0.1", "0")) == [
        ("components[0].prices.off", "The price of e is zero.", "note")
    ]


def test_a_problem_hides_no_other():
    """A document that is refused gives its problems, which hold."""
    found = lint((header("Nowhere") + ENERGY).encode())
    assert {p.path: str(p.severity) for p in found} == {
        "zone": "hold", "components[0].calendar": "hold",
    }  # fmt: skip


def test_months_in_which_energy_has_no_price():
    """A price for summer alone leaves the other months of the validity without one."""
    text = header("UTC") + TOU + ENERGY + "months = [6, 7, 8]\n"
    assert notes(text) == [
        ("components", "Energy of import has no price in January to May, September to December: "
         "such bills are held.", "note"),
    ]  # fmt: skip
    summer = text.replace("2026-01-01", "2026-06-01").replace("2027-01-01", "2026-09-01")
    assert notes(summer) == []
    winter = summer.replace("months = [6, 7, 8]", "months = [1]")
    assert ("components[0].months", "The months of e lie outside the validity: it never charges.",
            "note") in notes(winter)  # fmt: skip


def test_parts_without_effect():
    """A calendar that nobody uses, holidays that no calendar names, an end that is open."""
    fixed = '[[components]]\nid = "f"\nshape = "fixed"\nper = "month"\nprice = 1\nnegative = true\n'
    listed = '[holidays]\nsource = "x"\nyears = [2026]\ndates = []\n'
    text = header("UTC").replace("valid_to = 2027-01-01\n", "") + listed + TOU + fixed
    assert notes(text) == [
        ("components[0].negative", "No price of f is below zero.", "note"),
        ("calendars.c", "No component uses the calendar 'c'.", "note"),
        ("holidays", "No calendar uses the day type `holiday`.", "note"),
        ("valid_to", "The version has no end: it is in force until another is added.", "note"),
    ]
