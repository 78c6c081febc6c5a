"""The second opinion: sets, percentages inside and included, tables, formulas, bounds, banks."""

import pytest
from reference_cases import FLAT, KWH, case, dial, document, fixed, held, lines, rate, register_case

JUNE = ("2026-06-01", "2026-07-01")


def on(shape, name="x", of='["energy"]', **keys):
    """A component on other lines."""
    more = "".join(f"{key} = {value}\n" for key, value in keys.items())
    return f'[[components]]\nid = "{name}"\nshape = "{shape}"\nof = {of}\n{more}'


def of_june(toml, **more):
    """720 kWh: 72.00 at 0.1."""
    return case(toml, *JUNE, **({"import": KWH} | more))


def last(toml, **more):
    """Bucket, quantity, price, factor, amount of the last line."""
    return lines(of_june(toml, **more), toml)[-1][1:]


# --------------------------------------------------------------------- sets


def test_a_set_stands_for_its_components():
    """10 % of energy 72 and fix 8, both taxable: 8; the one that `of` names twice counts once."""
    taxable = 'sets = ["taxable"]\n'
    body = FLAT + taxable + fixed("month", 8, taxable)
    for of in ('["@taxable"]', '["fix", "@taxable", "energy"]'):
        toml = document(body + on("percentage", of=of, percent=10))
        assert last(toml) == ("", "80", "10", "1/100", "8")


@pytest.mark.parametrize("of", ['["@nobody"]', '["@own"]', "[]"])
def test_sets_that_are_refused(of):
    """A set that no component is in, one that holds the component itself, nothing."""
    toml = document(FLAT + on("percentage", of=of, percent=10, sets='["own"]'))
    assert held(of_june(toml), toml) == "rating.tariff.invalid"


# -------------------------------------------------------------- percentages


def test_a_tax_inside_its_own_base():
    """20 % of what the bill is with it: 72 x 20 / 80 = 18."""
    toml = document(FLAT + on("percentage", percent=20, method='"inside"'))
    assert last(toml) == ("", "72", "20", "1/80", "18")


def test_a_tax_that_the_prices_include():
    """8.25 % included in 72: 72 x 8.25 x 4/433 = 5.4873… -> 5.49, and net as much less."""
    toml = document(FLAT + on("percentage", percent=8.25, method='"included"'))
    assert lines(of_june(toml), toml)[1:] == [
        ("x", "", "72", "8.25", "4/433", "5.49"),
        ("x", "net", "72", "-8.25", "4/433", "-5.49"),
    ]
    assert rate(of_june(toml), toml)["total"] == "72"
    toml = document(FLAT + on("percentage", percent=8.25, method='"included"', credit="true"))
    assert [line[-1] for line in lines(of_june(toml), toml)[1:]] == ["-5.49", "5.49"]


def test_percentages_that_leave_no_base():
    """100 % inside, -100 % included: refused, from a term held; 100 on top is double."""
    term = "[terms.p]\n"
    for method, percent in (("inside", 100), ("included", -100)):
        more = {"negative": "true"} if percent < 0 else {}
        toml = document(FLAT + on("percentage", percent=percent, method=f'"{method}"', **more))
        assert held(of_june(toml), toml) == "rating.tariff.invalid"
        by_term = on("percentage", percent='{term="p"}', method=f'"{method}"', **more)
        toml = document(FLAT + by_term, extra=term)
        assert held(of_june(toml, terms={"p": str(percent)}), toml) == "rating.term.range"
    assert last(document(FLAT + on("percentage", percent=100)))[-1] == "72"


@pytest.mark.parametrize("percent", ["100.5", "-1"])
def test_a_percentage_out_of_range(percent):
    """Above 100 or below 0: refused as a number, held as a term."""
    toml = document(FLAT + on("percentage", percent=percent))
    assert held(of_june(toml), toml) == "rating.tariff.invalid"
    toml = document(FLAT + on("percentage", percent='{term="p"}'), extra="[terms.p]\n")
    assert held(of_june(toml, terms={"p": percent}), toml) == "rating.term.range"


# -------------------------------------------------------------------- tables

ROWS = "[{upto = 720, percent = 5}, {upto = 800, percent = -2.5}, {percent = 0}]"


@pytest.mark.parametrize(
    ("metric", "more", "kwh", "bucket", "amount"),
    [
        ("kwh", {}, 1, "row-1", "3.6"),  # 720 exactly: the lower row, 5 % of 72
        ("kwh", {"edge": '"upper"'}, 1, "row-2", "-1.8"),
        ("kwh", {"edge": '"lower"'}, 1, "row-1", "3.6"),
        ("kwh", {}, 1.1, "row-2", "-1.98"),  # 792 kWh, 79.20
        ("kwh", {}, 2, "row-3", "0"),
        ("kwh_per_day", {}, 1, "row-1", "3.6"),  # 24 a day
        ("kwh_per_kva", {}, 1, "row-1", "3.6"),  # 720 per kVA and month
        ("kwh", {"channel": '"export"'}, 1, "row-3", "0"),  # 1440 kWh of export
        ("kwh", {"credit": "true"}, 1, "row-1", "-3.6"),
    ],
)
def test_a_table(metric, more, kwh, bucket, amount):
    """A percentage by the step in which the metric lies."""
    toml = document(FLAT + on("table", metric=f'"{metric}"', rows=ROWS, **more))
    given = {"import": int(kwh * KWH), "export": 2 * KWH, "capacity": 1_000_000}
    found = last(toml, **given)
    assert (found[0], found[-1]) == (bucket, amount)


def test_a_table_by_a_term():
    """24 kV lies in the second row: -2.5 % of 72; the term is exact, 10 is in the first."""
    rows = "[{upto = 10, percent = 0}, {upto = 30, percent = -2.5}, {percent = -4}]"
    toml = document(
        FLAT + on("table", metric='"term"', term='"kv"', rows=rows), extra="[terms.kv]\n"
    )
    for kv, bucket, amount in (
        ("24", "row-2", "-1.8"),
        ("10", "row-1", "0"),
        ("31", "row-3", "-2.88"),
    ):
        found = last(toml, terms={"kv": kv})
        assert (found[0], found[-1]) == (bucket, amount)
    assert held(of_june(toml), toml) == "rating.term.missing"


def test_a_table_by_the_hours_of_use():
    """720 kWh over 4 kW: 180 hours in the month, in 10 of 30 days 80 kWh over 4 kW x 1/3."""
    demand = '[[components]]\nid="d"\nshape="demand"\nprice=1\n'
    rows = "[{upto = 180, percent = 10}, {percent = 20}]"

    def peak(clock):
        return (
            4 * KWH
            if (clock.day, clock.hour) == (3, 5)
            else KWH
            if clock.day <= 29
            else 13 * KWH // 24 * 0
        )

    body = FLAT + demand + on("table", metric='"kwh_per_kw"', demand='"d"', rows=rows)
    toml = document(body)
    # 29 days x 24 + 3 = 699 kWh over 4 kW = 174.75: the first row
    assert last(toml, **{"import": peak})[0] == "row-1"
    # 10 days: 243 kWh / (4 x 1/3) = 182.25: the second
    given = case(toml, "2026-06-01", "2026-06-11", **{"import": peak})
    assert lines(given, toml)[-1][1] == "row-2"
    body = (
        FLAT
        + demand
        + on("table", metric='"kw"', demand='"d"', rows="[{upto=3.99, percent=1}, {percent=2}]")
    )
    toml = document(body)
    assert last(toml, **{"import": peak})[0] == "row-2"


def test_a_table_that_divides_by_nothing():
    """No kVA, no kW: held."""
    toml = document(FLAT + on("table", metric='"kwh_per_kva"', rows=ROWS))
    assert held(of_june(toml, capacity=0), toml) == "rating.metric.zero"
    assert held(of_june(toml), toml) == "rating.term.missing"
    demand = '[[components]]\nid="d"\nshape="demand"\nprice=1\nmonths=[7]\n'
    toml = document(FLAT + demand + on("table", metric='"kwh_per_kw"', demand='"d"', rows=ROWS))
    assert held(of_june(toml), toml) == "rating.metric.zero"


@pytest.mark.parametrize(
    "keys",
    [
        {"metric": '"kw"', "rows": ROWS},
        {"metric": '"kwh"', "rows": ROWS, "demand": '"energy"'},
        {"metric": '"term"', "rows": ROWS},
        {"metric": '"kwh"', "rows": "[{upto=1, percent=1}]"},
        {"metric": '"kwh"', "rows": "[{upto=1, percent=1}, {upto=1, percent=2}, {percent=3}]"},
        {"metric": '"kwh"', "rows": "[]"},
        {"metric": '"kwh"', "rows": "[{percent=1, price=2}]"},
        {"metric": '"miles"', "rows": ROWS},
    ],
)
def test_tables_that_are_refused(keys):
    """No demand or term to look at, rows that end or do not rise."""
    toml = document(FLAT + on("table", **keys))
    assert held(of_june(toml), toml) == "rating.tariff.invalid"


# ------------------------------------------------------------- power factor


@pytest.mark.parametrize(
    ("kvarh", "factor", "percent", "amount"),
    [
        # P = 720; Q = 720 x 3/4: cos = 0.80: 10 steps below 0.90 at 1 %
        (750_000, "0.80", "10", "7.2"),
        # Q = 720 x 0.1: 0.9950: 0.995037 -> 1.00 by half up: 5 steps above at 0.5, at most 2
        (100_000, "1.00", "-2", "-1.44"),
        # Q = 720 x 0.25: 0.970143 -> 0.97: 2 steps x 0.5
        (250_000, "0.97", "-1", "-0.72"),
        # Q = 720 x 0.4: 0.928477 -> 0.93: neither
        (400_000, "0.93", "0", "0"),
        # Q = 720 x 3: 0.316228 -> 0.32: 58 steps, at most 20
        (3_000_000, "0.32", "20", "14.4"),
    ],
)
def test_a_power_factor_by_formula(kvarh, factor, percent, amount):
    """So much for each 0.01 below 0.90, less for each above 0.95."""
    formula = {
        "below": "{ from = 0.90, percent = 1, limit = 20 }",
        "above": "{ from = 0.95, percent = 0.5, limit = 2 }",
    }
    toml = document(FLAT + on("power_factor", **formula))
    assert last(toml, reactive_import=kvarh) == (factor, "72", percent, "1/100", amount)


def test_a_power_factor_with_losses():
    """P = 720 + 0, Q = 0 + 540 of losses: 0.80."""
    loss = '[losses.core]\nadds_to = "reactive_import"\nper_month = 540\n'
    toml = document(
        FLAT + on("power_factor", below="{from = 0.9, percent = 1}", losses='["core"]'), extra=loss
    )
    assert last(toml, reactive_import=0)[:3] == ("0.80", "72", "10")


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"below": "{from = 0.9, percent = 1}", "rows": '{"1.00" = 0}'},
        {"below": "{from = 0.955, percent = 1}"},
        {"below": "{from = 0.96, percent = 1}", "above": "{from = 0.95, percent = 1}"},
        {"below": "{from = 0.9, percent = 1, most = 3}"},
        {"above": "{from = 0.9}"},
    ],
)
def test_formulas_that_are_refused(keys):
    """Neither or both of rows and formula, three decimals, bounds that cross, unknown keys."""
    toml = document(FLAT + on("power_factor", **keys))
    assert held(of_june(toml, reactive_import=1), toml) == "rating.tariff.invalid"


# ----------------------------------------------------------------- reactive


def free(channel, ratio="0.5", more=""):
    return (
        f'[[components]]\nid="r"\nshape="reactive"\nchannel="{channel}"\n'
        f"free_ratio={ratio}\nprice=0.05\n{more}\n"
    )


@pytest.mark.parametrize(
    ("channel", "quantity"),
    [
        # P = 720, free 360; import 0.8 an hour: 576; export 0.2 an hour: 144
        ("reactive_import", "216"),
        ("reactive_export", None),
        ("both", "360"),  # 576 + 144 - 360
        ("larger", "216"),
    ],
)
def test_reactive_energy_beyond_what_is_free(channel, quantity):
    """max(0, Q - P x ratio)."""
    toml = document(free(channel))
    found = lines(of_june(toml, reactive_import=800_000, reactive_export=200_000), toml)
    assert [line[2] for line in found] == ([quantity] if quantity else [])


def test_reactive_energy_by_bucket():
    """Hour 0: P 1, Q 1: 0.5 beyond; the other hours P 1, Q 0.4: none. Together nothing would be
    beyond. Rounded to whole kvarh half up: 15 x 1 = 15 of 30 days x 0.5."""
    tou = '[[calendars.tou.rules]]\nbucket="night"\nhours=["00:00-01:00"]\n'
    tou += '[[calendars.tou.rules]]\notherwise="day"\n'
    body = free("reactive_import", more='calendar="tou"\nround_quantity={places=0,mode="half_up"}')
    toml = document(body.replace("price=0.05", "prices={night=0.05, day=0.05}"), extra=tou)

    def q(clock):
        return KWH if clock.hour == 0 else 400_000

    assert lines(of_june(toml, reactive_import=q), toml) == [
        ("r", "night", "15", "0.05", "1", "0.75")
    ]


def test_reactive_channels_that_are_missing():
    """A named channel must be there, of two at least one; import always."""
    toml = document(free("reactive_import"))
    assert held(of_june(toml, reactive_export=1), toml) == "rating.quantity.missing"
    toml = document(free("larger"))
    assert lines(of_june(toml, reactive_export=KWH), toml)[0][2] == "360"
    assert held(of_june(toml), toml) == "rating.quantity.missing"
    given = case(toml, *JUNE, reactive_export=KWH)
    assert held(given, toml) == "rating.quantity.missing"


# ---------------------------------------------------------- minimum, maximum


@pytest.mark.parametrize(
    ("shape", "keys", "days", "amount"),
    [
        ("minimum", {"amount": 100}, JUNE, "28"),
        ("minimum", {"amount": 72}, JUNE, None),
        ("maximum", {"amount": 50}, JUNE, "-22"),
        # 10 days: 24.00; 365 a year is 10; 3 a day is 30; 9 per kVA and month x 10/30 x 11 = 33
        ("minimum", {"amount": 365, "per": '"year"'}, ("2026-06-01", "2026-06-11"), None),
        ("maximum", {"amount": 365, "per": '"year"'}, ("2026-06-01", "2026-06-11"), "-14"),
        ("minimum", {"amount": 3, "per": '"day"'}, ("2026-06-01", "2026-06-11"), "6"),
        ("minimum", {"amount": 9, "per": '"kva_month"'}, ("2026-06-01", "2026-06-11"), "9"),
        ("minimum", {"amount": 9, "per": '"kw_month"'}, ("2026-06-01", "2026-06-11"), "12"),
        ("minimum", {"amount": 100, "proration": '"none"'}, ("2026-06-01", "2026-06-11"), "76"),
    ],
)
def test_bounds(shape, keys, days, amount):
    """What is missing to the bound, or beyond it."""
    toml = document(FLAT + on(shape, **keys))
    given = case(toml, *days, capacity=11_000_000, contract=12_000_000, **{"import": KWH})
    found = [line[-1] for line in lines(given, toml)[1:]]
    assert found == ([amount] if amount else [])


SETTLED = on("minimum", amount=100, settle='{ on = "07-01" }')


def test_a_bound_that_is_settled_once_a_year():
    """May: bound 100, sum 744 x 0.1 = 74.40, nothing billed. June: 100, 72: 200 - 146.40 = 53.60
    on 1 July, then both begin anew."""
    toml = document(FLAT + SETTLED)
    may = rate(case(toml, "2026-05-01", "2026-06-01", **{"import": KWH}), toml)
    assert [line["component"] for line in may["lines"]] == ["energy"]
    assert may["carry_out"] == [
        {"key": "bound/x", "at": "2026-06-01", "value": 10_000_000_000},
        {"key": "sum/x", "at": "2026-06-01", "value": 7_440_000_000},
    ]
    carry = [(entry["key"], entry["at"], entry["value"]) for entry in may["carry_out"]]
    june = rate(of_june(toml, carry=carry), toml)
    assert june["lines"][-1]["amount"] == "53.6"
    assert june["carry_out"] == [
        {"key": "bound/x", "at": "2026-07-01", "value": 0},
        {"key": "sum/x", "at": "2026-07-01", "value": 0},
    ]


def test_a_settled_bound_is_exact_to_8_places():
    """17 of 31 days of 100: 54.838709677… -> 54.83870968."""
    toml = document(FLAT + SETTLED)
    answer = rate(case(toml, "2026-01-01", "2026-01-18", **{"import": 0}), toml)
    assert answer["carry_out"][0]["value"] == 5_483_870_968


def test_a_settling_day_inside_a_span():
    """The span should have been cut there; so with months that are not those."""
    for more in ("", "months = [1]\n"):
        toml = document(FLAT + SETTLED + more)
        given = case(toml, "2026-06-01", "2026-07-02", **{"import": KWH})
        assert held(given, toml) == "rating.span.uncut"
    toml = document(FLAT + SETTLED)
    given = case(toml, "2026-06-01", "2026-07-01", "2026-07-02", **{"import": KWH})
    assert [line[-1] for line in lines(given, toml)] == ["72", "28", "2.4"]


def test_a_settled_maximum():
    """Carry 500 of bound, 900 of sum; June 100 and 72: 600 - 972 = -372."""
    toml = document(FLAT + SETTLED.replace("minimum", "maximum"))
    carry = [("bound/x", "2026-06-01", 50_000_000_000), ("sum/x", "2026-06-01", 90_000_000_000)]
    assert lines(of_june(toml, carry=carry), toml)[-1][-1] == "-372"


def test_carry_beyond_all_measure():
    """2^62 units of carry hold: the bound of 100 is what is too much."""
    toml = document(FLAT + SETTLED)
    for bound, code in ((2**62 - 10**10 - 1, None), (2**62 - 10**10, "rating.carry.range")):
        carry = [("bound/x", "2026-05-01", bound)]
        given = case(toml, "2026-05-01", "2026-06-01", carry=carry, **{"import": KWH})
        assert (held(given, toml) if code else None) == code
        assert (code is None) == bool(rate(given, toml)["lines"])


def test_a_bound_at_rest():
    """In June a component of July neither adds nor settles; its carry stays."""
    toml = document(FLAT + SETTLED + "months = [7]\n")
    carry = [("bound/x", "2026-06-01", 5), ("sum/x", "2026-06-01", 9)]
    answer = rate(of_june(toml, carry=carry), toml)
    assert len(answer["lines"]) == 1
    assert [(entry["at"], entry["value"]) for entry in answer["carry_out"]] == [
        ("2026-07-01", 5), ("2026-07-01", 9),
    ]  # fmt: skip


# --------------------------------------------------------------------- bank


def bank_of(amount, before=0, more=""):
    """A bank over one fixed amount of June."""
    credit = "credit = true" if amount < 0 else ""
    toml = document(fixed("month", abs(amount), credit) + on("bank", of='["fix"]') + more)
    carry = [("money/x", "2026-06-01", before * 10**8)] if before else ()
    answer = rate(of_june(toml, carry=carry), toml)
    found = [(line["bucket"], line["amount"]) for line in answer["lines"][1:]]
    return found, answer["carry_out"][0]["value"] / 10**8, answer["total"]


@pytest.mark.parametrize(
    ("amount", "before", "line", "after", "total"),
    [
        (10, 0, [], 0, "10"),
        (-5, 0, [("kept", "5")], 5, "0"),
        (-5, 3, [("kept", "5")], 8, "0"),
        (10, 3, [("used", "-3")], 0, "7"),
        (2, 5, [("used", "-2")], 3, "0"),
        (2, 2, [("used", "-2")], 0, "0"),
    ],
)
def test_money_that_is_kept(amount, before, line, after, total):
    """What is left over waits for later bills, and no bill is below zero."""
    assert bank_of(amount, before) == (line, after, total)


@pytest.mark.parametrize(
    ("percent", "before", "line", "total"),
    [
        (100, 8, [("used", "-2"), ("true-up", "-6")], "-6"),
        (50, 8, [("used", "-2"), ("true-up", "-3")], "-3"),
        (0, 8, [("used", "-2"), ("true-up", "0")], "0"),
        (100, 2, [("used", "-2")], "0"),
    ],
)
def test_a_bank_that_is_paid_out(percent, before, line, total):
    """On 1 July the rest of the bank, or a part of it, is paid; then it is empty."""
    more = f'true_up = {{ on = "07-01", percent = {percent} }}\n'
    assert bank_of(2, before, more) == (line, 0, total)


@pytest.mark.parametrize(
    ("amount", "credit", "before", "line", "after", "total"),
    [
        # 10 to pay, 4 of new credit for later: today only the 3 of before count
        (10, 4, 3, [("kept", "4"), ("used", "-3")], 4, "7"),
        (2, 4, 3, [("kept", "4"), ("used", "-2")], 5, "0"),
        (10, 0, 3, [("used", "-3")], 0, "7"),
    ],
)
def test_credits_for_later_bills(amount, credit, before, line, after, total):
    """What `later` names is kept first; only what was kept before is used."""
    more = '[[components]]\nid="sun"\nshape="fixed"\nper="month"\ncredit=true\n'
    more += f"price={credit}\n"
    toml = document(fixed("month", amount) + more + on("bank", of='["fix"]', later='["sun"]'))
    answer = rate(of_june(toml, carry=[("money/x", "2026-06-01", before * 10**8)]), toml)
    assert [(made["bucket"], made["amount"]) for made in answer["lines"][2:]] == line
    assert (answer["carry_out"][0]["value"], answer["total"]) == (after * 10**8, total)


@pytest.mark.parametrize("later", ['["fix"]', '["nobody"]', "[]"])
def test_later_credits_that_are_refused(later):
    """`of` names none of `later`, and each is there."""
    toml = document(fixed("month", 1) + on("bank", of='["fix"]', later=later))
    assert held(of_june(toml), toml) == "rating.tariff.invalid"


def test_a_bank_at_rest():
    """Nothing used, nothing paid, the same kept."""
    more = 'true_up = { on = "07-01", percent = 100 }\nmonths = [7]\n'
    assert bank_of(2, 8, more) == ([], 8, "2")


# ----------------------------------------------------------------- transfer


def test_parts_for_others():
    """100.01 at 1/3 each by percent: 33.33333333 + 33.33333333 + 33.33333334: rounded sums 33.34
    (33.3366…), 66.67, 100.01: parts -33.34, -33.33, -33.34, no cent lost."""
    parts = "{ b = 33.33333333, a = 33.33333333, c = 33.33333334 }"
    toml = document(fixed("month", 100.01) + on("transfer", of='["fix"]', parts=parts))
    assert lines(of_june(toml), toml)[1:] == [
        ("x", "b", "100.01", "-33.33333333", "1/100", "-33.34"),
        ("x", "a", "100.01", "-33.33333333", "1/100", "-33.33"),
        ("x", "c", "100.01", "-33.33333334", "1/100", "-33.34"),
    ]


def test_parts_of_nothing():
    """A part of 0 % has no line; with nothing to share none has."""
    body = on("transfer", of='["fix"]', parts="{ none = 0, half = 50 }")
    toml = document(fixed("month", 3) + body)
    assert [line[1] for line in lines(of_june(toml), toml)[1:]] == ["half"]
    toml = document(fixed("month", 0) + body)
    assert len(lines(of_june(toml), toml)) == 1


def test_more_than_there_is():
    """Parts of 101 %: refused; by terms held."""
    toml = document(fixed("month", 3) + on("transfer", of='["fix"]', parts="{ a = 51, b = 50 }"))
    assert held(of_june(toml), toml) == "rating.tariff.invalid"
    parts = '{ a = { term = "share" }, b = 50 }'
    body = fixed("month", 3) + on("transfer", of='["fix"]', parts=parts)
    toml = document(body, extra="[terms.share]\n")
    assert held(of_june(toml, terms={"share": "51"}), toml) == "rating.term.range"
    toml = document(body.replace("price = 3", "price = 0"), extra="[terms.share]\n")
    assert held(of_june(toml), toml) == "rating.term.missing"  # no zero answers for it
    toml = document(body, extra="[terms.share]\n")
    assert lines(of_june(toml, terms={"share": "50"}), toml)[1][-1] == "-1.5"


@pytest.mark.parametrize("shape", ["bank", "transfer", "minimum", "maximum"])
def test_no_credit_of_these(shape):
    """`credit` on what balances other lines is refused."""
    keys = {"bank": {}, "transfer": {"parts": "{a = 1}"}}.get(shape, {"amount": 1})
    toml = document(FLAT + on(shape, credit="true", **keys))
    assert held(of_june(toml), toml) == "rating.tariff.invalid"


def test_a_power_factor_from_dials():
    """Dials of 400 kWh and 300 kvarh: 0.80, 10 % of 40."""
    toml = document(FLAT + on("power_factor", below="{from = 0.9, percent = 1}"))
    dials = [
        dial([(JUNE[0], 0), (JUNE[1], 400)]),
        dial([(JUNE[0], 0), (JUNE[1], 300)], channel="reactive_import", register="3"),
    ]
    assert lines(register_case(toml, *JUNE, dials=dials), toml)[-1][1:] == (
        "0.80", "40", "10", "1/100", "4",
    )  # fmt: skip
