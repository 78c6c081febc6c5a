"""The second opinion refuses: whatever the specification holds has no lines and a reason."""

import copy

import pytest
from reference_cases import (
    ENERGY_TOU,
    FLAT,
    KWH,
    POWER_FACTOR,
    TOU,
    case,
    document,
    fixed,
    held,
    lines,
    name_of,
    rate,
    tiered,
)

DAY = ("2026-06-01", "2026-06-02")


def broken(toml, **changes):
    """A good day's case with some keys replaced."""
    return case(toml, *DAY, **{"import": KWH}) | changes


def test_a_good_case_is_not_held():
    """What the tests below break is whole."""
    toml = document(FLAT)
    assert len(lines(broken(toml), toml)) == 1


def test_no_tariff():
    """No document of that digest, or none in force: held, never another version."""
    toml = document(FLAT)
    assert held(broken(toml)) == "rating.tariff.missing"
    later = document(FLAT).replace(b"2020-01-01", b"2026-06-02")
    assert held(broken(later), later) == "rating.tariff.missing"
    ended = document(FLAT, head="valid_to = 2026-06-01")
    assert held(broken(ended), ended) == "rating.tariff.missing"
    ended = document(FLAT, head="valid_to = 2026-06-02")
    assert lines(broken(ended), ended)
    none = broken(toml)
    none["spans"][0]["tariff"] = None
    assert held(none, toml) == "rating.tariff.missing"


def test_another_zone():
    """The tariff's hours would not be the segment's."""
    toml = document(FLAT, zone="Europe/Lisbon")
    assert held(broken(toml), toml) == "rating.zone.differs"


def test_two_currencies():
    """Amounts of two currencies have no sum."""
    euro, dollar = document(FLAT), document(FLAT).replace(b"EUR", b"USD")
    given = case([euro, dollar], "2026-06-01", "2026-06-02", "2026-06-03", **{"import": KWH})
    assert held(given, euro, dollar) == "rating.currency.differs"


def test_a_version_per_span():
    """24 kWh at 0.1, then 24 at 0.2: each span has its own version."""
    first, second = document(FLAT), document(FLAT.replace("0.1", "0.2"))
    given = case([first, second], "2026-06-01", "2026-06-02", "2026-06-03", **{"import": KWH})
    assert [line[-1] for line in lines(given, first, second)] == ["2.4", "4.8"]


def test_holidays_that_nobody_listed():
    """An open version whose list ends before the span: held."""
    extra = '[holidays]\nsource="x"\nyears=[2020,2021,2022,2023,2024,2025]\ndates=[2025-01-01]\n'
    named = '[[calendars.tou.rules]]\nbucket="peak"\ndays=["holiday"]\n'
    named += '[[calendars.tou.rules]]\notherwise="off"\n'
    toml = document(ENERGY_TOU, extra=extra + named)
    assert held(broken(toml), toml) == "rating.holidays.missing"


@pytest.mark.parametrize("step", [7200, 14400])
def test_readings_coarser_than_the_calendar(step):
    """An edge at 18:00 is on the grid of 2 hours; with 4 hours it is inside an interval."""
    toml = document(ENERGY_TOU, extra=TOU)
    given = case(toml, *DAY, step=step, **{"import": KWH})
    if step == 7200:
        assert len(lines(given, toml)) == 2
    else:
        assert held(given, toml) == "rating.calendar.finer"


def test_an_edge_without_a_change_does_not_matter():
    """Two rules of one bucket that meet at 09:30 leave hourly readings in it."""
    tou = '[[calendars.tou.rules]]\nbucket="peak"\nhours=["08:00-09:30","09:30-12:00"]\n'
    tou += '[[calendars.tou.rules]]\notherwise="off"\n'
    toml = document(ENERGY_TOU, extra=tou)
    assert [line[2] for line in lines(broken(toml), toml)] == ["4", "20"]


@pytest.mark.parametrize("what", ["short", "late", "hole", "quality", "no channel"])
def test_readings_that_do_not_cover_the_segment(what):
    """Every interval from the first to the last instant, or nothing is billed."""
    toml = document(FLAT)
    given = broken(toml)
    channel = given["channels"]["import"]
    if what == "short":
        channel["values"] = channel["values"][:-1]
    elif what == "late":
        channel["start"] = "2026-06-01T01:00:00Z"
    elif what == "hole":
        channel["quality"] = "N" + channel["quality"][1:]
    elif what == "quality":
        channel["quality"] = channel["quality"][1:]
    else:
        given["channels"] = {}
    assert held(given, toml) == "rating.quantity.missing"


def test_a_negative_quantity():
    """Energy below zero is nobody's bill; a negative interval within a positive sum is."""
    toml = document(FLAT)
    given = broken(toml)
    given["channels"]["import"]["values"][0] = -KWH
    assert lines(given, toml)[0][2] == "22"
    given["channels"]["import"]["values"][0] = -24 * KWH
    assert held(given, toml) == "rating.quantity.negative"


@pytest.mark.parametrize("value", [1.0, True, "5", None, 2**63])
def test_a_value_that_is_no_integer(value):
    """A float, a truth value, a text, nothing, too large: no such reading exists."""
    toml = document(FLAT)
    given = broken(toml)
    given["channels"]["import"]["values"][3] = value
    assert held(given, toml) == "rating.case.malformed"


def test_no_capacity():
    """A price per kVA needs the kVA."""
    toml = document(fixed("kva_month", 1))
    assert held(broken(toml), toml) == "rating.term.missing"


def test_a_power_factor_without_active_energy():
    """P = 0: no power factor, no price."""
    toml = document(FLAT + POWER_FACTOR)
    channels = {"import": 0, "reactive_import": KWH, "reactive_export": 0}
    assert held(case(toml, *DAY, **channels), toml) == "rating.price.missing"


def test_a_power_factor_without_reactive_readings():
    """Neither reactive channel: held; export alone under netting: held."""
    toml = document(FLAT + POWER_FACTOR)
    assert held(broken(toml), toml) == "rating.quantity.missing"
    toml = document(FLAT + 'netting = "month"\n')
    assert held(broken(toml), toml) == "rating.quantity.missing"


def test_a_reset_inside_a_span():
    """Yearly tiers start anew on 2 June: the span should have been cut there."""
    toml = document(tiered('window = "year"\nresets = "06-02"'))
    given = case(toml, "2026-06-01", "2026-06-03", **{"import": KWH})
    assert held(given, toml) == "rating.span.uncut"
    given = case(toml, "2026-06-01", "2026-06-02", "2026-06-03", **{"import": KWH})
    assert [line[1:3] for line in lines(given, toml)] == [("tier-1", "24"), ("tier-1", "24")]


def test_carry_that_comes_twice():
    """Two banks, or two demands of one month, cannot both be right."""
    toml = document(FLAT)
    twice = [{"key": "bank/x/all", "at": at, "value": 1} for at in ("2026-05-01", "2026-06-01")]
    assert held(broken(toml, carry_in=twice), toml) == "rating.carry.ambiguous"


def test_carry_that_nobody_uses_is_passed_on():
    """A bank of a component that the new version does not have is not lost."""
    toml = document(FLAT)
    carry = [{"key": "bank/old/all", "at": "2026-06-01", "value": 7}]
    assert rate(broken(toml, carry_in=carry), toml)["carry_out"] == carry


def test_spans_with_a_hole():
    """Spans tile the segment."""
    toml = document(FLAT)
    given = case(toml, "2026-06-01", "2026-06-02", "2026-06-03", **{"import": KWH})
    for change in ({"from": "2026-06-02"}, {"to": "2026-06-04"}, {"spans": given["spans"][1:]}):
        assert held(given | change, toml) == "rating.case.malformed"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("price = 0.1", "price = 1e-1"),
        ("price = 0.1", "price = nan"),
        ("price = 0.1", "price = 0.123456789"),
        ("price = 0.1", "price = 1000000"),
        ("price = 0.1", "price = -0.1"),
        ("price = 0.1", "price = 0.1\nprize = 0.2"),
        ("price = 0.1", ""),
        ("price = 0.1", 'price = "０.1"'),
        ('shape = "energy"', 'shape = "magic"'),
        ('channel = "import"', 'channel = "sideways"'),
        ("schema = 1", "schema = 2"),
        ('mode = "half_up" }\ntotal', 'mode = "random" }\ntotal'),
        ("places = 2", "places = 9"),
        ('currency = "EUR"', 'currency = "EUR"\nsecret = 1'),
        ('tariff = "test"', "tariff = "),
        ("price = 0.1", "price = 0.1\nsets = []"),
        ("price = 0.1", "price = 0.1\nmonths = []"),
        ("price = 0.1", 'price = 0.1\nsets = ["@all"]'),
        ('id = "energy"', 'id = "all energy"'),
        ('zone = "UTC"', 'zone = "Mars/Olympus"'),
        ('currency = "EUR"', 'currency = "JPY"'),  # totals of two places, yen have none
        ('currency = "EUR"', 'currency = "eur"'),
    ],
)
def test_a_document_that_is_refused(old, new):
    """Unknown keys, missing prices, numbers that are not exact: no lines from such a document."""
    toml = document(FLAT).decode()
    assert old in toml
    toml = toml.replace(old, new, 1).encode()
    assert held(broken(toml), toml) == "rating.tariff.invalid"


@pytest.mark.parametrize(
    "rules",
    [
        '[[calendars.tou.rules]]\nbucket="peak"\nhours=["08:00-12:00"]\n',  # a gap
        TOU.replace('otherwise = "off"', 'bucket = "off"'),  # covered twice
        TOU.replace("08:00", "13:00"),  # runs backwards
        TOU.replace("weekday", "someday"),
        TOU + '[[calendars.tou.rules]]\nbucket="late"\n',  # after otherwise
        TOU.replace('"off"', '"night"'),  # a bucket without a price
    ],
)
def test_a_calendar_that_is_refused(rules):
    """Every hour has one bucket and every bucket a price."""
    toml = document(ENERGY_TOU, extra=rules)
    assert held(broken(toml), toml) == "rating.tariff.invalid"


def test_references():
    """A circle and an unknown name are refused."""
    circle = (
        '[[components]]\nid="a"\nshape="percentage"\nof=["b"]\npercent=1\n'
        '[[components]]\nid="b"\nshape="percentage"\nof=["a"]\npercent=1\n'
    )
    for toml in (document(circle), document(circle.replace('of=["a"]', 'of=["c"]'))):
        assert held(broken(toml), toml) == "rating.tariff.invalid"


def test_any_key_may_be_missing():
    """Whatever key of a case is missing or of a wrong type: an answer, never a traceback."""
    toml = document(FLAT)
    good = broken(toml, carry_in=[{"key": "bank/x/all", "at": "2026-06-01", "value": 1}])
    for where in ([], ["spans", 0], ["channels", "import"], ["carry_in", 0]):
        part = good
        for step in where:
            part = part[step]
        for key in part:
            for value in (None, 7, [], {}, "x"):
                given = copy.deepcopy(good)
                target = given
                for step in where:
                    target = target[step]
                target[key] = value
                answer = rate(given, toml)
                assert answer["lines"] == [] or answer["findings"] == []
                del target[key]
                assert rate(given, toml)["findings"] or key in (
                    "schema",
                    "agreement",
                    "metering_point",
                    "contract_ukw",
                    "capacity_ukva",
                    "registers",
                )
    assert name_of(toml) == good["spans"][0]["tariff"]


def test_a_channel_that_ends_early():
    """Two hours do not divide a segment with a clock change: only spans that ask for it hold."""
    imports = document(FLAT)
    exports = document(FLAT.replace('"import"', '"reactive_export"'))
    days = ("2026-06-01", "2026-06-02", "2026-06-03")

    def early(*tomls):
        given = case(list(tomls), *days, **{"import": KWH, "reactive_export": KWH})
        ends = given["channels"]["reactive_export"]
        return given | {
            "channels": given["channels"]
            | {"reactive_export": ends | {"values": ends["values"][:-1], "quality": "A" * 47}}
        }

    assert lines(early(exports, imports), exports, imports)
    assert held(early(imports, exports), exports, imports) == "rating.quantity.missing"
    assert held(early(exports, exports), exports) == "rating.quantity.missing"
