"""Every sentence of docs/tariff.md that says "refused": the smallest document, place and reason."""

import pytest
from rating_world import header

from gridtally.rating.document.remedies import UNKNOWN
from gridtally.rating.lint import lint

DECLARED = """
[terms.n]
[series.spot]
per = "MWh"
[series.kvar]
per = "kvarh"
[events.cp]
[parts.p]
ratio = 0.5
[losses.iron]
adds_to = "import"
percent = 2
[[calendars.c.rules]]
bucket = "peak"
hours = ["08:00-10:00"]
[[calendars.c.rules]]
otherwise = "off"
[[components]]
id = "e"
shape = "energy"
channel = "import"
price = 0.2
[[components]]
id = "kw"
shape = "demand"
price = 5
[[components]]
id = "x"
"""
ENERGY = 'shape = "energy"\nchannel = "import"\n'
TIERED = 'shape = "tiered"\nchannel = "import"\ntiers = [{ upto = 9, price = 1 }, { price = 2 }]\n'
IN_ORDER = (
    'shape = "tiered"\nchannel = "import"\ncalendar = "c"\npooling = "in_order"\n'
    "tiers = [{ upto = 9, prices = { peak = 2, off = 1 } }, { prices = { peak = 3, off = 2 } }]\n"
)
DAY = TIERED + 'window = "day"\n'
KW = 'shape = "demand"\nprice = 5\n'
CONTRACT = (
    KW + 'basis = "contract"\nexcess_over = 105\nexcess_factor = 2\n'
    'excess_reading = "above_contract"\n'
)
PERCENT = 'shape = "percentage"\nof = ["e"]\n'
TABLE = 'shape = "table"\nof = ["e"]\nrows = [{ upto = 9, percent = 1 }, { percent = 2 }]\n'
FACTOR = 'shape = "power_factor"\nof = ["e"]\n'
BELOW = "below = { from = 0.9, percent = 1 }\n"
MINIMUM = 'shape = "minimum"\nof = ["e"]\namount = 5\n'
BANK = 'shape = "bank"\nof = ["e"]\n'
UNIT = 'shape = "fixed"\nper = "unit_month"\nprice = 1\n'
MONTH = 'netting = "month"\n'


def said(text):
    return [(p.path.removeprefix("components[2]."), p.message) for p in lint(text.encode())
            if p.severity == "hold"]  # fmt: skip


def all_answered(text):
    """Whether every problem says what to do about it, and about which component it is."""
    return all(
        p.remedy and p.remedy != UNKNOWN and bool(p.part) == p.path.startswith("components[")
        for p in lint(text.encode())
    )


COMPONENTS = [
    # values, terms and names
    (ENERGY + 'price = { term = "persons" }', "price", "There is no term 'persons'."),
    (ENERGY + 'price = { trem = "n" }', "price", 'Must be a number, or { term = "NAME" }.'),
    (ENERGY + "series = 'spott'", "series", "There is no series 'spott'."),
    (ENERGY + "series = 'kvar'", "series", "import is not counted in kvarh, which 'kvar' prices."),
    ('shape = "energy"\nchannel = "reactive_import"\nseries = "spot"', "series",
     "reactive_import is not counted in MWh, which 'spot' prices."),
    (ENERGY + "price = 1\npart = 'q'", "part", "There is no part 'q'."),
    (ENERGY + "price = 1\nlosses = ['irn']", "losses[0]", "There is no loss 'irn'."),
    (ENERGY + "price = 1\nlosses = ['iron', 'iron']", "losses[1]",
     "'iron' is named twice: it would be added twice."),
    (PERCENT.replace('"e"', '"@s"') + "percent = 1", "of[0]", "No component is in the set 's'."),
    # energy
    (ENERGY + "series = 'spot'\nprice = 1", "price",
     "The prices of a `series` come from outside: leave it out."),
    (ENERGY + "price = 1\ntimes = 2", "times", "Has a meaning only with a `series`."),
    (ENERGY + "series = 'spot'\ntimes = -1", "times",
     "-1 is below zero; say `negative = true` if it is meant."),
    (ENERGY + "series = 'spot'\nfloor = 2\ncap = 1", "floor", "2 is above `cap`, 1."),
    (ENERGY + "series = 'spot'\n" + MONTH, "netting",
     'A `series` cannot be netted by the month; "hour" can.'),
    (ENERGY + "price = 1\npart = 'p'\n" + MONTH, "part",
     'Cannot stand beside netting = "month".'),
    (ENERGY + "price = 1\nloss_factor = 1.02\n" + MONTH, "loss_factor",
     'Cannot stand beside netting = "month".'),
    (ENERGY + "price = 1\nlosses = ['iron']\nnetting = 'hour'", "losses",
     "Cannot stand beside `netting`."),
    (ENERGY + "price = 1\nlosses = ['iron']\nmonths = [1]", "losses",
     "Cannot be computed beside `months`: losses count all hours of a span."),
    ('shape = "energy"\nchannel = "reactive_import"\nprice = 1\nnetting = "hour"', "netting",
     "Only the channels `import` and `export` can be netted."),
    (ENERGY + 'price = 1\ntrue_up = { on = "04-01", price = 1 }', "true_up",
     'Has a meaning only with netting = "month".'),
    (ENERGY + 'price = 1\ntrue_up = { on = "02-29", price = 1 }\n' + MONTH, "true_up.on",
     "02-29 is not a day of every year."),
    (ENERGY + "price = 1\nloss_factors = { peak = 1 }", "loss_factors",
     "`loss_factors` needs a `calendar` that says when each holds."),
    (ENERGY + "calendar = 'c'\nprices = { peak = 1, off = 1 }\nloss_factors = { peak = 1 }",
     "loss_factors.off", "The bucket 'off' has no loss factor."),
    (ENERGY + "price = 1\nround_quantity = { places = 7, mode = 'down' }",
     "round_quantity.places", "Is at most 6."),
    # tiered
    (TIERED + 'window = "year"\nunit = "kwh_per_day"', "unit", 'Yearly windows count "kwh".'),
    (TIERED + 'window = "year"\nmethod = "volume"', "method",
     '"volume" has a meaning only with windows of a month.'),
    (TIERED + 'window = "year"\nresets = "02-29"', "resets[0]",
     "02-29 is not a day of every year."),
    (TIERED + 'fill = "quota"', "fill", 'Has a meaning only with window = "year".'),
    (TIERED + 'unit = "kwh_per_person"', "unit", "There is no term 'persons'."),
    (TIERED + 'unit = "kwh_per_kw"\ndemand = "e"', "demand",
     "'e' is no component of the shape `demand`."),
    (DAY + 'unit = "kwh_per_day"', "unit",
     "Windows of a day count kwh, kwh_per_kva, kwh_per_person."),
    (DAY + "losses = ['iron']", "losses", "Cannot stand beside a window of a day."),
    (DAY + "part = 'p'", "part", "Cannot stand beside a window of a day."),
    (DAY + "loss_factor = 1", "loss_factor", "Cannot stand beside a window of a day."),
    (DAY + "round_quantity = { places = 0, mode = 'down' }", "round_quantity",
     "Cannot stand beside a window of a day."),
    (DAY + MONTH, "netting", '"month" cannot stand beside a window of a day.'),
    (IN_ORDER + "part = 'p'", "part", 'Cannot stand beside pooling = "in_order".'),
    (IN_ORDER + "more = { term = 'n' }", "more", 'Cannot stand beside pooling = "in_order".'),
    (IN_ORDER + 'netting = "hour"', "netting",
     'Only "interval" can stand beside pooling = "in_order".'),
    (IN_ORDER + 'method = "volume"', "method", 'Tiers filled in order are "graduated".'),
    (IN_ORDER + 'window = "year"', "pooling", 'Windows of a year are pooled "pro_rata".'),
    (IN_ORDER + 'window = "day"', "pooling", 'Windows of a day are pooled "separate".'),
    # demand
    (KW + 'top = 3\nmeasure = "mean"', "measure",
     "Cannot stand beside `top`: both say which windows count."),
    (KW + "distinct_days = true", "distinct_days", "Has a meaning only beside `top`."),
    (KW + "rolling_min = 5", "window_min",
     "Is missing: `rolling_min` says how far apart such windows start."),
    (KW + "window_min = 30\nrolling_min = 20", "rolling_min", "Must divide `window_min`, 30."),
    (KW + 'power = "apparent"\nchannel = "reactive_import"', "power",
     "Apparent power is that of an active channel and the reactive ones."),
    *((CONTRACT + f"{key} = {value}", key, 'Has no meaning with basis = "contract".')
      for key, value in (("ratchet", "{ percent = 80, months = 1 }"), ("minimum_kw", 1),
                         ("least_of_contract", 1), ("mean_of_months", 3),
                         ("power_factor_below", 0.9))),
    (CONTRACT.replace("price = 5", "price = 0.00000001").replace("excess_factor = 2",
                                                                "excess_factor = 1.5"),
     "excess_factor", "X price gives more than 8 decimals."),
    # fixed and reactive
    (UNIT, "count", "Is missing: it says how many units there are."),
    (UNIT.replace("unit_month", "meter_month"), "per", "There is no term 'meters'."),
    (UNIT.replace("unit_month", "month") + "count = 2", "count",
     'Has a meaning only with per = "unit_month" and its like.'),
    (UNIT.replace("unit_month", "event"), "event",
     "Is missing: it names the events that are counted."),
    (UNIT.replace("unit_month", "event") + 'event = "pc"', "event", "There is no event 'pc'."),
    ('shape = "reactive"\nchannel = "both"\nprice = 1', "free_ratio", "`free_ratio` is missing."),
    # on lines
    (PERCENT + "percent = 100\nmethod = 'inside'", "percent",
     'Must be below 100 with method = "inside".'),
    (PERCENT + "percent = -100\nmethod = 'included'\nnegative = true", "percent",
     'Must be above -100 with method = "included".'),
    (PERCENT + "percent = -5", "percent",
     "-5 is below zero; say `negative = true` if it is meant."),
    (TABLE + 'metric = "kwh_per_kw"', "demand",
     'Stands with metric = "kwh_per_kw" or "kw", and only there.'),
    (TABLE + 'metric = "term"', "term", 'Stands with metric = "term", and only there.'),
    (TABLE + 'metric = "term"\nterm = "m"', "term", "There is no term 'm'."),
    (FACTOR, "rows", "A power factor has either `rows`, or `below` and `above` or one of them."),
    (FACTOR + BELOW + 'rows = { "0.90" = 1 }', "rows",
     "A power factor has either `rows`, or `below` and `above` or one of them."),
    (FACTOR + BELOW + "above = { from = 0.89, percent = 1 }", "below.from",
     "0.9 is above `above.from`, 0.89."),
    (FACTOR + BELOW.replace("0.9", "0.905"), "below.from",
     "0.905 has more than two decimals, as a power factor has."),
    *((text + "credit = true", "credit", "Its sign follows from the named lines: leave it out.")
      for text in (MINIMUM, MINIMUM.replace("minimum", "maximum"), BANK,
                   BANK.replace("bank", "transfer") + "parts = { a = 1 }\n")),
    (MINIMUM + 'settle = { on = "02-29" }', "settle.on", "02-29 is not a day of every year."),
    (BANK + 'true_up = { on = "02-30", percent = 1 }', "true_up.on",
     "02-30 is not a day of every year."),
    (BANK + 'later = ["kw", "e"]', "later[1]",
     "'e' is named twice: its lines would count twice."),
    (BANK.replace("bank", "transfer") + "parts = { a = 70, b = 31 }", "parts",
     "The parts are 101 percent together; they are at most 100."),
    (BANK.replace("bank", "transfer") + "parts = { a = -1 }", "parts.a",
     "-1 must be from 0 to 100 percent."),
]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "path", "message"),
    [pytest.param(*c, id=f"{c[1]}-{n}") for n, c in enumerate(COMPONENTS)],
)
def test_a_component_is_refused(body, path, message):
    """One place, one reason."""
    found = said(header("UTC") + DECLARED + body + "\n")
    assert (path, message) in found
    assert all_answered(header("UTC") + DECLARED + body + "\n")
    assert {where.partition("[")[0] for where, _ in found} == {path.partition("[")[0]}


PARTS = [
    ("[terms.capacity_kva]", "terms.capacity_kva",
     "capacity_kva is known of every agreement and is not declared."),
    ("[terms.m]\nleast = 3\nmost = 2", "terms.m.least", "3 is above `most`, 2: no value would do."),
    ("[series.s]", "series.s.per", "`per` is missing."),
    ("[parts.q]\nratio = 0.5\nper_month = 3", "parts.q",
     "A part has one of `ratio`, `per_month`, `slice`, `rest`."),
    ("[parts.q]\nratio = 35", "parts.q.ratio",
     "35 must be from 0 to 1; 35 percent is written 0.35."),
    ("[parts.q]\nslice = [0.5, 0.4]", "parts.q.slice",
     "0.5 is above 0.4: a slice goes from the smaller to the larger."),
    ("[parts.q]\nratio = { term = 'm' }", "parts.q.ratio", "There is no term 'm'."),
    ("[losses.l]\nadds_to = 'import'\nno_load = 1\ncapacity = 0", "losses.l.capacity",
     "0 must be above zero."),
    ("[losses.l]\nadds_to = 'import'\nohm = 1\nkv = 0", "losses.l.kv", "0 must be above zero."),
    ("[losses.l]\nadds_to = 'import'\nohm = 1", "losses.l.kv",
     "Is missing: a loss of a line has `ohm` and `kv`."),
    ("[losses.l]\nadds_to = 'import'\nno_load = 1\nhours_per_day = 0", "losses.l.hours_per_day",
     "0 must be above zero."),
    ("[losses.l]\nadds_to = 'import'\nno_load = 1\nno_load_percent = 1",
     "losses.l.no_load_percent", "`no_load` is there already: give one of the two."),
    ("[losses.l]\nadds_to = 'export'\npercent = 1", "losses.l.adds_to",
     "'export' should be 'import' or 'reactive_import'."),
    ("[losses.l]\nadds_to = 'import'\npercent = 1\nper_month = 1", "losses.l",
     "A loss is one of: `no_load` and `load` (or the two in percent); `ohm` and `kv`; `percent`; "
     "`per_month`."),
    ("[[calendars.d.rules]]\notherwise = 'a'\n[[calendars.d.rules]]\nbucket = 'b'\nevent = 'cp'",
     "calendars.d.rules[0].otherwise", "`otherwise` is the last rule, and there is one."),
    ("[[calendars.d.rules]]\nbucket = 'a'\nhours = ['00:00-24:00']\n[[calendars.d.rules]]\n"
     "bucket = 'b'\nevent = 'cp'", "calendars.d.rules[1].event",
     "Rules with an event stand before all others."),
    ("[[calendars.d.rules]]\nbucket = 'a'\nevent = 'pc'\n[[calendars.d.rules]]\notherwise = 'b'",
     "calendars.d.rules[0].event", "There is no event 'pc'."),
    ("[eligibility]", "eligibility",
     "Is empty: leave it out when everybody may have the tariff."),
    ("[eligibility]\nvoltage_level = ['low']", "eligibility.voltage_level",
     "There is no key `voltage_level`."),
    ("[holidays]\nsource = 'x'\nyears = [2026]\ndates = []\nadd = [2026-01-02]", "holidays.add",
     "Has a meaning only beside `library`."),
]  # fmt: skip


@pytest.mark.parametrize(("text", "path", "message"), PARTS)
def test_what_is_declared_is_refused(text, path, message):
    """Terms, series, parts, losses, calendars, eligibility."""
    whole = header("UTC") + text + DECLARED + ENERGY + "price = 1\n"
    assert (path, message) in said(whole)
    assert all_answered(whole)


@pytest.mark.parametrize(
    ("body", "remedy"),
    [
        (ENERGY + "serise = 'spot'", "Did you mean `series`?"),
        (ENERGY + "price = 1\nnetting = 'month'\ntrue_up = { on = '04-01', pirce = 1 }",
         "Did you mean `price`?"),
        (KW + "ratchet = { percent = 80, month = 3 }", "Did you mean `months`?"),
        (TIERED + "more = { trem = 'n' }", "Did you mean `term`?"),
        (FACTOR + "below = { from = 0.9, percent = 1, limits = 3 }", "Did you mean `limit`?"),
        (ENERGY + "price = 1\nproration = 'day'", "Did you mean 'days'?"),
        (ENERGY.replace("import", "imports") + "price = 1", "Did you mean 'import'?"),
        (ENERGY + "series = 'spott'", "Did you mean 'spot'?"),
    ],
)  # fmt: skip
def test_the_nearest_name_is_the_remedy(body, remedy):
    """Of keys, of words, and of what is declared."""
    text = header("UTC") + DECLARED + body + "\n"
    assert remedy in {p.remedy for p in lint(text.encode())}


@pytest.mark.parametrize(
    ("body", "remedy"),
    [
        (ENERGY, "A price of zero is written as 0; a missing one is no zero."),
        (ENERGY + "price = 1\ntimes = 2", "Add what it needs, or leave it out."),
        (DAY + MONTH, "Leave out one of the two."),
        (CONTRACT + "minimum_kw = 1", "Leave it out."),
        (KW + 'basis = "contract"\nexcess_over = 105\nexcess_factor = 2', "Add it."),
        (TABLE + 'metric = "kw"', "Add it there, and leave it out elsewhere."),
        (ENERGY + "calendar = 'c'\nprices = { peak = 1, off = 1, x = 1 }",
         "Buckets are peak, off."),
    ],
)  # fmt: skip
def test_a_contradiction_has_a_remedy(body, remedy):
    """What the keys of a component say together and must not is answered with what to do."""
    text = header("UTC") + DECLARED + body + "\n"
    assert [p.remedy for p in lint(text.encode())] == [remedy]


@pytest.mark.parametrize(
    ("lines", "odd"),
    [
        ("months = [1_0]", ["1_0"]),
        ("months = [0x0A]", ["0x0A"]),
        ("months = [1_0 ]", ["1_0"]),
        ("months = [1_0, 3]", ["1_0"]),
        ("months = [\n  0b11,\n  1_0\n]", ["0b11", "1_0"]),
        ("loss_factor = [1_0]", ["1_0"]),
        ("loss_factor = 1_0", ["1_0"]),
        ("months = [\n  [1_0],\n]", ["1_0"]),
    ],
)
def test_integers_in_plain_digits_alone(lines, odd):
    """Wherever they stand in an array; each is named."""
    found = [p for p in lint((header("UTC") + DECLARED + ENERGY + f"price = 1\n{lines}\n").encode())
             if p.remedy == "Write digits only, without underscores or a base."]  # fmt: skip
    assert [p.message for p in found] == [f"{text} is not a plain number." for text in odd]


def test_names_may_look_like_odd_integers():
    """Headers of tables, keys, texts and comments are no numbers."""
    text = header("UTC") + (
        "[terms.1_0]  # 1_0\n [terms.0x0A]\n[terms]\n2_0 = { }\n[parts]\n3_0.ratio = 0.5\n"
        '[[components]]\nid = "1_0"\nshape = "fixed"\nper = "month"\nprice = { term = "1_0" }\n'
    )
    assert [p for p in lint(text.encode()) if p.severity == "hold"] == []


@pytest.mark.parametrize(
    ("hours", "remedy"),
    [
        ("9:00-13:00", "Write 09:00-13:00."),
        ("9-13", "Write 09:00-13:00."),
        ("09.00 to 13.30", "Write 09:00-13:30."),
        ("21:00-6:00", "Write it as 08:00-10:30, up to 24:00."),
        ("morning", "Write it as 08:00-10:30, up to 24:00."),
        ("9:75-13:00", "Write it as 08:00-10:30, up to 24:00."),
    ],
)
def test_the_range_of_hours_that_is_meant_is_offered(hours, remedy):
    """A range that is written in another way is written out; what is none gets an example."""
    rule = f"[[calendars.d.rules]]\nbucket = 'a'\nhours = ['{hours}']\n"
    text = header("UTC") + rule + DECLARED + ENERGY + "price = 1\n"
    (problem,) = (p for p in lint(text.encode()) if p.path.startswith("calendars.d"))
    assert (problem.message, problem.remedy) == (f"{hours!r} is no range of hours.", remedy)


def test_a_place_names_the_component():
    """Who reads it sees the id; what is about the whole file says so; the path stays as it was."""
    (one,) = lint((header("UTC") + DECLARED + ENERGY + "price = 'x'\n").encode())
    assert (one.path, one.where) == ("components[2].price", "components[2] (x).price")
    (whole,) = lint(b"=")
    assert (whole.path, whole.where) == ("", "the file")
    text = header("UTC") + DECLARED.replace('"x"', '"[red]"') + ENERGY + "price = 'x'\n"
    assert {p.where for p in lint(text.encode())} == {"components[2].price", "components[2].id"}
