"""Random declarations of a tariff document: calendars, terms, series, events, parts, losses.

Prices, roundings and values with them.
"""

import json
from dataclasses import dataclass, field
from itertools import pairwise

MODES = ("half_up", "half_even", "down", "up")
TERMS = ("deal", "rate", "share", "size", "persons", "meters", "volts")
"""What a value may refer to: a price, a percentage, a part of 1, a size, what is divided by."""


@dataclass
class Declared:
    """What a document's components may name."""

    calendars: dict = field(default_factory=dict)
    series: list = field(default_factory=list)
    events: list = field(default_factory=list)
    parts: list = field(default_factory=list)
    losses: list = field(default_factory=list)
    demands: list = field(default_factory=list)
    in_set: list = field(default_factory=list)
    grid: int = 15
    """Minutes of the readings that the document is made for."""
    dials: bool = False
    """It is made for dials: what needs single intervals is rare."""
    terms: bool = False


def a_price(r, *, most=1_00000000):
    """A price with up to 8 decimals, often a tie maker."""
    if r.random() < 0.3:
        return r.choice(("0.125", "0.5", "0.005", "1", "0.1", "0.00000001", "2.675"))
    whole, rest = divmod(r.randint(1, most), 10**8)
    return f"{whole}.{rest:08}"[: len(str(whole)) + r.choice((2, 3, 5, 9))]


def a_rounding(r, most=8):
    return f'{{ places = {r.randint(0, most)}, mode = "{r.choice(MODES)}" }}'


def a_value(r, d, term, numbers):
    """A number, or sometimes a term of the agreement."""
    if d is not None and d.terms and r.random() < 0.3:
        return f'{{ term = "{term}" }}'
    return r.choice(numbers)


def some_months(r):
    return sorted(r.sample(range(1, 13), r.randint(1, 11)))


def the_prices(r, buckets, d, **more):
    def one():
        if d is not None and d.terms and r.random() < 0.1:
            return '{ term = "deal" }'
        return a_price(r, **more)

    if buckets is None:
        return f"price = {one()}"
    return "prices = { " + ", ".join(f"{b} = {one()}" for b in buckets) + " }"


def the_tiers(r, buckets, sizes):
    bounds = sorted(r.sample(sizes, r.randint(1, 3)), key=float)
    rows = [f"{{ upto = {upto}, {the_prices(r, buckets, None)} }}" for upto in bounds]
    return f"tiers = [{', '.join([*rows, '{ ' + the_prices(r, buckets, None) + ' }'])}]"


def declarations(r, d, grid):
    """The text of all declarations of a document, which `d` then knows."""
    out = []
    d.terms = r.random() < 0.6
    ranges = ("", "", "least = 0\n", "most = 900000\n")
    out += [f"[terms.{name}]\n{r.choice(ranges)}" for name in TERMS]
    if r.random() < 0.5:
        d.series = ["spot", "month", "varh"]
        out += ['[series.spot]\nper = "MWh"\n', '[series.month]\nper = "kWh"\n',
                f'[series.varh]\nper = "{r.choice(("kvarh", "Mvarh"))}"\n']  # fmt: skip
    if r.random() < 0.5:
        d.events = ["critical", "calls"]
        out += ["[events.critical]\n", "[events.calls]\n"]
    if r.random() < 0.4:
        out += the_parts(r, d)
    if r.random() < 0.4:
        out += the_losses(r, d)
    for name in (r.choice(("tou", "tou", "all")), "season")[: r.randint(0, 2)]:
        text, buckets = a_calendar(r, d, name, grid if r.random() < 0.95 else 7)
        out.append(text)
        d.calendars[name] = buckets
    return "".join(out)


def the_parts(r, d):
    numbers = ("0.3", "0", "0.33333333", "0.1")
    made = {
        "some": f"ratio = {a_value(r, d, 'share', numbers)}",
        "fixed": f"per_month = {a_value(r, d, 'size', ('10', '0', '0.5', '123.456789'))}",
        "first": f"slice = [0, {a_value(r, d, 'share', ('0.5', '0.33333333'))}]",
        "second": f"slice = [{a_value(r, d, 'share', ('0.5', '0.33333333'))}, 1]",
        "left": "rest = true",
    }
    names = r.sample(list(made), r.randint(1, 5))
    d.parts = names
    return [f"[parts.{name}]\n{made[name]}\n" for name in names]


def the_losses(r, d):
    small = ("0.35", "0", "0.00000001")
    loads = r.choice((
        [f"no_load = {a_value(r, d, 'share', small)}", f"load = {a_value(r, d, 'rate', small)}"],
        ["no_load_percent = 0.3", f"load_percent = {a_value(r, d, 'rate', ('1.5', '0'))}"],
        ["no_load = 0.2"], ["load_percent = 2"], ["no_load_percent = 0.1", "load = 3"],
    ))  # fmt: skip
    if r.random() < 0.3:
        loads.append(f"capacity = {a_value(r, d, 'volts', ('50', '0.5', '400'))}")
    loads += [f"shape = {a_value(r, d, 'size', ('1.05', '1'))}"] * (r.random() < 0.3)
    hours = [f"hours_per_day = {a_value(r, d, 'share', ('24', '8', '0.5'))}"] * (r.random() < 0.3)
    blind = ["reactive = false"] * (r.random() < 0.3)
    ways = ("none", "thirtieths", "days_365", "hours")
    made = {
        "iron": [*loads, *hours, *blind],
        "wire": [f"ohm = {a_value(r, d, 'share', ('0.5', '0'))}",
                 f"kv = {a_value(r, d, 'volts', ('0.4', '10'))}", *hours, *blind],
        "part": [f"percent = {a_value(r, d, 'rate', ('4', '0', '3.33333333'))}"],
        "flat": [f"per_month = {a_value(r, d, 'size', ('10', '0.5'))}",
                 *[f'proration = "{r.choice(ways)}"'] * r.randint(0, 1)],
    }  # fmt: skip
    names = r.sample(list(made), r.randint(1, 4))
    d.losses = names
    out = []
    for name in names:
        to = r.choice(("import", "import", "reactive_import"))
        point = [f"round = {a_rounding(r, 6)}"] * (r.random() < 0.3)
        out.append(f'[losses.{name}]\nadds_to = "{to}"\n' + "\n".join([*made[name], *point]) + "\n")
    return out


# ----------------------------------------------------------------- calendars


def clock(minute):
    return f"{minute // 60:02}:{minute % 60:02}"


def a_season(r):
    days = ("03-31", "04-01", "10-24", "02-28", "12-31", "01-01", "06-15", "03-25", "10-25")
    last = r.choice((*days, "02-29"))
    return f"{r.choice(days)} to {last}"


def a_calendar(r, d, name, grid):
    """Rules that cover every minute once; edges on a grid of so many minutes."""
    edges = sorted(r.sample(range(1440 // grid + 1), r.randint(2, 5)))
    ranges = [f"{clock(a * grid)}-{clock(b * grid)}" for a, b in pairwise(edges)]
    first, second = ranges[::2], ranges[1::2]
    days = r.choice((None, ["weekday"], ["weekend", "holiday"], ["mon", "wed", "holiday"], ["sun"]))
    months = r.choice((None, None, some_months(r)))
    season = r.choice((None, None, [a_season(r)], [a_season(r), a_season(r)]))
    out, buckets = [], []
    if d.events and r.random() < (0.1 if d.dials else 0.6):
        rule = ['bucket = "called"', f'event = "{r.choice(d.events)}"']
        rule += [f"hours = {json.dumps(ranges[:1])}"] * (r.random() < 0.3)
        rule += ['days = ["weekday"]'] * (r.random() < 0.3)
        out.append(rule)
        buckets.append("called")
    for bucket, hours in (("peak", first), ("mid", second)):
        if not hours or (bucket == "mid" and r.random() < 0.4):
            continue
        rule = [f'bucket = "{bucket}"', f"hours = {json.dumps(hours)}"]
        rule += [f"days = {json.dumps(days)}"] if days else []
        rule += [f"months = {months}"] if months else []
        rule += [f"season = {json.dumps(season)}"] if season else []
        out.append(rule)
        buckets.append(bucket)
    rest = "all" if r.random() < (0.5 if name == "all" else 0.05) else "off"
    out.append([f'otherwise = "{rest}"'])
    buckets.append(rest)
    standard = [f'[calendars.{name}]\nclock = "standard"\n'] * (r.random() < 0.2)
    rules = [f"[[calendars.{name}.rules]]\n" + "\n".join(rule) + "\n" for rule in out]
    return "".join([*standard, *rules]), buckets
