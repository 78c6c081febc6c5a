"""The second opinion: how far the months of a demand must be known."""

import pytest
from reference_cases import KWH, case, document, held, lines, rate

JUNE = ("2026-06-01", "2026-07-01")
RATCHET = "ratchet = { percent = 80, months = 3 }"
MEAN = "mean_of_months = 4"
TOU = (
    '[[calendars.tou.rules]]\nbucket="peak"\nhours=["08:00-12:00"]\n'
    '[[calendars.tou.rules]]\notherwise="off"\n'
)


def demand(more, price="price = 1"):
    return f'[[components]]\nid = "d"\nshape = "demand"\nproration = "none"\n{price}\n{more}\n'


def carried(*months, bucket="all"):
    """Demands of months, in kW: ("2026-05", 9)."""
    return [(f"demand/d/{bucket}", f"{month}-01", kw * KWH) for month, kw in months]


def asked(toml, *days, since="2020-01-15", carry=()):
    """6 kW all the time, for an agreement that began on that day; None: the case does not say."""
    given = case(toml, *(days or JUNE), carry=carried(*carry), **{"import": 6 * KWH})
    return given if since is None else given | {"look_back_from": since}


def kept(given, toml):
    """(month, kW) of what is carried out."""
    return [(e["at"][:7], e["value"] // KWH) for e in rate(given, toml)["carry_out"]]


BOTH = pytest.mark.parametrize("more", [RATCHET, MEAN])


@BOTH
@pytest.mark.parametrize(
    ("since", "carry"),
    [
        # June looks at March, April and May
        ("2020-01-15", ()),
        ("2020-01-15", [("2026-04", 9), ("2026-05", 9)]),
        ("2026-03-31", [("2026-04", 9), ("2026-05", 9)]),
        ("2026-04-20", [("2026-05", 9)]),  # from April on
        ("2026-05-31", ()),
        ("2026-05-31", [("2026-06", 9)]),  # June says nothing of May
    ],
)
def test_the_first_month_is_not_known(more, since, carry):
    """Neither it nor one before it has an entry: held; that months count by `known` alone."""
    toml = document(demand(more))
    assert held(asked(toml, since=since, carry=carry), toml) == "rating.history.missing"
    toml = document(demand(more + '\nlook_back = "agreement"'))
    assert held(asked(toml, since=since, carry=carry), toml) == "rating.history.missing"
    toml = document(demand(more + '\nlook_back = "known"'))
    assert len(lines(asked(toml, since=since, carry=carry), toml)) == 1


@BOTH
@pytest.mark.parametrize(
    ("since", "carry"),
    [
        ("2020-01-15", [("2026-03", 0)]),  # a month of nothing is known
        ("2020-01-15", [("2026-02", 0)]),  # a bill from February to April
        ("2020-01-15", [("2024-02", 0)]),
        ("2026-04-20", [("2026-04", 0)]),
        ("2026-04-20", [("2026-03", 0)]),
        ("2026-05-31", [("2026-05", 0)]),
        ("2026-06-01", ()),  # it began in the span's month
        ("2026-06-30", ()),
        ("2026-07-01", ()),
        (None, ()),
        (None, [("2026-05", 0)]),
    ],
)
def test_the_first_month_is_known_or_not_asked_for(more, since, carry):
    """An entry of it or of an earlier month; nothing without `look_back_from`."""
    toml = document(demand(more))
    assert len(lines(asked(toml, since=since, carry=carry), toml)) == 1


def test_the_message_names_component_bucket_and_month():
    """Whoever looks for the missing bill needs them."""
    toml = document(demand(f'calendar="tou"\n{RATCHET}', "prices={peak=1, off=1}"), extra=TOU)
    carry = carried(("2026-04", 1), bucket="peak")
    given = asked(toml, since="2026-04-20") | {"carry_in": []}
    given["carry_in"] = [{"key": k, "at": at, "value": v} for k, at, v in carry]
    (finding,) = rate(given, toml)["findings"]
    assert finding == {
        "code": "rating.history.missing",
        "message": "The component d (bucket off) looks back to 2026-04: no demand of it or a month"
        " before it.",
    }
    given["carry_in"].append({"key": "demand/d/off", "at": "2026-03-01", "value": 0})
    assert [line[1] for line in lines(given, toml)] == ["peak", "off"]


def test_whichever_looks_further():
    """A ratchet of 3 months beside a mean of 6: January is asked for; a mean of 2 does not
    shorten it."""
    for mean, first in ((6, "2026-01"), (2, "2026-03")):
        toml = document(demand(f"{RATCHET}\nmean_of_months = {mean}"))
        given = asked(toml, carry=[("2026-05", 0)])
        assert first in rate(given, toml)["findings"][0]["message"]
        assert len(lines(asked(toml, carry=[(first, 0)]), toml)) == 1


def test_over_the_turn_of_the_year():
    """January looks at October, November and December."""
    toml = document(demand(RATCHET))
    days = ("2026-01-01", "2026-02-01")
    given = asked(toml, *days, carry=[("2025-11", 1), ("2025-12", 1)])
    assert held(given, toml) == "rating.history.missing"
    assert len(lines(asked(toml, *days, carry=[("2025-10", 1)]), toml)) == 1


@BOTH
def test_nothing_is_asked_at_rest(more):
    """A component of July in June; it hands on what it had, June with nothing. In July it asks
    for April."""
    toml = document(demand(f"months = [7]\n{more}"))
    given = asked(toml)
    assert lines(given, toml) == []
    assert kept(given, toml) == [("2026-06", 0)]
    given = asked(toml, carry=[("2026-01", 4), ("2026-02", 5)])
    assert kept(given, toml) == [("2026-02", 5), ("2026-06", 0)]
    given = asked(toml, "2026-06-01", "2026-07-01", "2026-08-01")
    assert held(given, toml) == "rating.history.missing"
    given = asked(toml, "2026-06-01", "2026-07-01", "2026-08-01", since="2026-06-10")
    assert len(lines(given, toml)) == 1


def test_spans_of_an_agreement_that_begins():
    """May asks for nothing, June for May, which the span before has left."""
    toml = document(demand(RATCHET))
    given = asked(toml, "2026-05-10", "2026-06-01", "2026-07-01", since="2026-05-10")
    assert [line[2] for line in lines(given, toml)] == ["6", "6"]
    assert kept(given, toml) == [("2026-05", 6), ("2026-06", 6)]


@pytest.mark.parametrize("since", [None, "2020-01-15"])
@pytest.mark.parametrize("look_back", ["", 'look_back = "known"'])
@pytest.mark.parametrize(
    ("carry", "out"),
    [
        # without an entry of March the newest before it stays
        ([("2026-01", 90), ("2026-02", 100)], [("2026-02", 100), ("2026-06", 6)]),
        (
            [("2026-01", 90), ("2026-02", 100), ("2026-05", 4)],
            [("2026-02", 100), ("2026-05", 4), ("2026-06", 6)],
        ),
        (
            [("2026-02", 100), ("2026-03", 2), ("2026-05", 4)],
            [("2026-03", 2), ("2026-05", 4), ("2026-06", 6)],
        ),
    ],
)
def test_the_newest_entry_before_is_kept(since, look_back, carry, out):
    """100 kW of February are carried and raise nothing: 6 by the ratchet; the mean is that of the
    months that it looks at: 6, (6 + 4) / 2, (6 + 4 + 2) / 3."""
    toml = document(demand(f"{RATCHET}\n{look_back}"))
    given = asked(toml, since=since, carry=carry)
    assert lines(given, toml)[0][2] == "6"
    assert kept(given, toml) == out
    toml = document(demand(f"{MEAN}\n{look_back}"))
    given = asked(toml, since=since, carry=carry)
    counted = [kw for month, kw in out if month >= "2026-03"]
    assert lines(given, toml)[0][2] == str(sum(counted) // len(counted))
    assert kept(given, toml) == out


def test_a_mean_counts_its_own_months_only():
    """A ratchet of 3 months keeps March's 20; a mean of 2 is (6 + 4) / 2 = 5, the ratchet 16."""
    toml = document(demand(f"{RATCHET}\nmean_of_months = 2"))
    assert lines(asked(toml, carry=[("2026-03", 20), ("2026-05", 4)]), toml)[0][2] == "16"
    toml = document(demand(f"{RATCHET.replace('80', '10')}\nmean_of_months = 2"))
    assert lines(asked(toml, carry=[("2026-03", 20), ("2026-05", 4)]), toml)[0][2] == "5"


def test_a_bill_over_several_months():
    """February to May at once has an entry of February alone. June, July and August look at it as
    known; from March on it counts no more. September's first month is June."""
    toml = document(demand("ratchet = { percent = 50, months = 3 }"))
    carry = [("2026-02", 40)]
    days = ("2026-06-01", "2026-07-01", "2026-08-01", "2026-09-01", "2026-10-01")
    given = asked(toml, *days, carry=carry)
    assert [line[2] for line in lines(given, toml)] == ["6"] * 4
    assert kept(given, toml) == [("2026-06", 6), ("2026-07", 6), ("2026-08", 6), ("2026-09", 6)]
    given = asked(toml, *days[:4], carry=carry)
    assert kept(given, toml)[0] == ("2026-02", 40)


@pytest.mark.parametrize("since", [None, 7, "", "2026-6-1", "2026-02-30", "2026-06-01T00:00:00Z"])
def test_a_day_that_is_none(since):
    """Whether a component asks for it or not."""
    for more in (RATCHET, ""):
        toml = document(demand(more))
        given = asked(toml, since=None) | {"look_back_from": since}
        assert held(given, toml) == "rating.case.malformed"


def test_who_looks_at_nothing_asks_for_nothing():
    """Neither ratchet nor mean."""
    toml = document(demand(""))
    assert len(lines(asked(toml), toml)) == 1


CONTRACT = (
    'basis = "contract"\nexcess_over = 105\nexcess_factor = 1\nexcess_reading = "above_contract"\n'
)


@pytest.mark.parametrize(
    "more",
    [
        'look_back = "agreement"',
        'look_back = "known"',
        f'{RATCHET}\nlook_back = "all"',
        f"{RATCHET}\nlook_back = 3",
        f'{MEAN}\nlook_back = ["known"]',
        f'{CONTRACT}look_back = "known"',
        f'{CONTRACT}{RATCHET}\nlook_back = "known"',
    ],
)
def test_documents_that_are_refused(more):
    """Beside a ratchet or a mean alone, and one of two words."""
    toml = document(demand(more))
    given = case(toml, *JUNE, contract=KWH, **{"import": KWH})
    assert held(given, toml) == "rating.tariff.invalid"


def test_it_belongs_to_who_measures():
    """Beside the demand of another, and in another shape, it is refused."""
    first = demand(RATCHET)
    other = (
        '[[components]]\nid = "e"\nshape = "demand"\nbasis = "billed"\ndemand = "d"\nprice = 1\n'
    )
    energy = '[[components]]\nid = "e"\nshape = "energy"\nchannel = "import"\nprice = 1\n'
    for each in (other, energy):
        toml = document(first + each)
        assert len(lines(asked(toml, since=None), toml)) == 2
        toml = document(first + each + 'look_back = "known"\n')
        assert held(asked(toml, since=None), toml) == "rating.tariff.invalid"
