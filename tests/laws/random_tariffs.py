"""Random tariff documents of every shape, for the law of the two raters.

Everything is drawn from one `random.Random`, so a seed is a reproduction.
"""

import json
from itertools import pairwise

from gridtally.errors import InvalidDocument
from gridtally.rating.tariff import load

MODES = ("half_up", "half_even", "down", "up")


def a_price(r, *, most=1_00000000):
    """A price with up to 8 decimals, often a tie maker."""
    if r.random() < 0.3:
        return r.choice(("0.125", "0.5", "0.005", "1", "0.1", "0.00000001", "2.675"))
    whole, rest = divmod(r.randint(1, most), 10**8)
    return f"{whole}.{rest:08}"[: len(str(whole)) + r.choice((2, 3, 5, 9))]


def a_rounding(r, most=8):
    return f'{{ places = {r.randint(0, most)}, mode = "{r.choice(MODES)}" }}'


def some_months(r):
    return sorted(r.sample(range(1, 13), r.randint(1, 11)))


def clock(minute):
    return f"{minute // 60:02}:{minute % 60:02}"


def a_calendar(r, name, grid):
    """Rules that cover every minute once; edges on a grid of so many minutes."""
    edges = sorted(r.sample(range(1440 // grid + 1), r.randint(2, 5)))
    ranges = [f"{clock(a * grid)}-{clock(b * grid)}" for a, b in pairwise(edges)]
    first, second = ranges[::2], ranges[1::2]
    days = r.choice((None, ["weekday"], ["weekend", "holiday"], ["mon", "wed", "holiday"], ["sun"]))
    months = r.choice((None, None, some_months(r)))
    out, buckets = [], []
    for bucket, hours in (("peak", first), ("mid", second)):
        if not hours or (bucket == "mid" and r.random() < 0.4):
            continue
        rule = [f'bucket = "{bucket}"', f"hours = {json.dumps(hours)}"]
        rule += [f"days = {json.dumps(days)}"] if days else []
        rule += [f"months = {months}"] if months else []
        out.append(rule)
        buckets.append(bucket)
    out.append(['otherwise = "off"'])
    buckets.append("off")
    text = "".join(f"[[calendars.{name}.rules]]\n" + "\n".join(rule) + "\n" for rule in out)
    return text, buckets


def the_prices(r, buckets, **more):
    if buckets is None:
        return f"price = {a_price(r, **more)}"
    return "prices = { " + ", ".join(f"{b} = {a_price(r, **more)}" for b in buckets) + " }"


def the_tiers(r, buckets, sizes):
    bounds = sorted(r.sample(sizes, r.randint(1, 3)))
    rows = [f"{{ upto = {upto}, {the_prices(r, buckets)} }}" for upto in bounds]
    return f"tiers = [{', '.join([*rows, '{ ' + the_prices(r, buckets) + ' }'])}]"


SIZES = ("0.000001", "1", "2.5", "10", "33.333333", "100", "250", "1000", "5000.00000001")


def an_energy(r, calendars, shape):
    channel = r.choice(("import", "import", "import", "export", "reactive_import"))
    name = r.choice([None, *calendars])
    buckets = calendars.get(name)
    out = [f'channel = "{channel}"']
    out += [f'calendar = "{name}"'] if name else []
    if channel == "import" and r.random() < 0.3:
        out.append('netting = "month"')
    if shape == "energy":
        return [*out, the_prices(r, buckets)]
    out += ['method = "graduated"', the_tiers(r, buckets, SIZES)]
    out += ['pooling = "pro_rata"'] if name else []
    if r.random() < 0.5:
        out.append('window = "year"')
        out += [f'resets = "{r.choice(("01-01", "04-01", "10-01", "03-29"))}"'] * r.randint(0, 1)
    return out


def a_demand(r, calendars):
    out = [f"window_min = {r.choice((15, 30, 60, 90, 120, 480, 1440))}"] * r.randint(0, 1)
    out += [f"round_kw = {a_rounding(r, 3)}"] * (r.random() < 0.3)
    if r.random() < 0.3:
        reading = r.choice(("above_contract", "above_threshold"))
        out += [
            'basis = "contract"',
            f"excess_over = {r.choice((100, 105, 110.5))}",
            f"excess_factor = {r.choice((1, 2, 3))}",
            f'excess_reading = "{reading}"',
        ]
        return [*out, the_prices(r, None)]
    name = r.choice([None, *calendars])
    out += [f'calendar = "{name}"'] if name else []
    out += [f"minimum_kw = {r.choice(('0.5', '3', '10.123456'))}"] * (r.random() < 0.3)
    if r.random() < 0.4:
        percent = r.choice((80, 50, 33.33333333, 100))
        out.append(f"ratchet = {{ percent = {percent}, months = {r.randint(1, 12)} }}")
    many = r.random() < 0.3
    prices = the_tiers if many else the_prices
    return [*out, prices(r, calendars.get(name), *([SIZES] if many else []))]


def a_component(r, number, calendars, ids):
    """The text of one component; `ids` it may name."""
    shape = r.choice(
        ("energy", "energy", "tiered", "tiered", "demand", "demand", "fixed", "fixed")
        + (("percentage", "percentage", "power_factor", "minimum", "maximum") if ids else ())
    )
    out = ["[[components]]", f'id = "c{number}"', f'shape = "{shape}"']
    if shape in ("energy", "tiered"):
        out += an_energy(r, calendars, shape)
    elif shape == "demand":
        out += a_demand(r, calendars)
    elif shape == "fixed":
        per = r.choice(("month", "day", "year", "kva_month", "kw_month"))
        out += [f'per = "{per}"', the_prices(r, None, most=90_00000000)]
    else:
        out.append(f"of = {json.dumps(r.sample(ids, r.randint(1, len(ids))))}")
        out += {
            "percentage": [f"percent = {r.choice((6, 21, '5.11269632', 100, '0.5'))}"],
            "power_factor": [the_rows(r)],
            "minimum": [f"amount = {r.choice((5, 100, '33.33'))}"],
            "maximum": [f"amount = {r.choice((5, 100, '33.33'))}"],
        }[shape]
    out += [f"months = {some_months(r)}"] * (r.random() < 0.15)
    out += ['proration = "none"'] * (r.random() < 0.25)
    out += [f"rounding = {a_rounding(r)}"] * (r.random() < 0.2)
    out += ["credit = true"] * (r.random() < 0.15 and shape not in ("minimum", "maximum"))
    out += ['kind = "tax"'] * (r.random() < 0.2)
    return "\n".join(out) + "\n"


def the_rows(r):
    low = r.choice((0, 0, 0, 50))
    rows = ", ".join(f'"{n / 100:.2f}" = {(90 - n) / 4}' for n in range(100, low - 1, -1))
    return f"rows = {{ {rows} }}"


def a_tariff(r, zone_name, grid):
    """A whole document; components stand in another order than they are computed in."""
    texts, calendars = [], {}
    for name in ("tou", "season")[: r.randint(0, 2)]:
        text, buckets = a_calendar(r, name, grid if r.random() < 0.95 else 7)
        texts.append(text)
        calendars[name] = buckets
    made, ids = [], []
    for number in range(r.randint(1, 7)):
        made.append(a_component(r, number, calendars, ids))
        ids.append(f"c{number}")
    r.shuffle(made)
    holidays = (
        '[holidays]\nsource = "x"\nyears = [2025, 2026, 2027]\n'
        "dates = [2026-01-01, 2026-03-30, 2026-10-26, 2026-12-25]\n"
        if any("holiday" in text for text in texts)
        else ""
    )
    return (
        f'schema = 1\ntariff = "t"\ncurrency = "EUR"\nzone = "{zone_name}"\n'
        f'valid_from = 2025-01-01\nvalid_to = 2028-01-01\nsource = "x"\n'
        f"[rounding]\nline = {a_rounding(r)}\ntotal = {a_rounding(r, 2)}\n"
        + holidays
        + "".join(texts)
        + "".join(made)
    ).encode()


def tariffs_that_load(r, name, grid):
    """Three documents; one that the loader refuses is drawn again (a rounding of a price)."""
    found = []
    while len(found) < 3:
        text = a_tariff(r, name, grid)
        try:
            load(text, name="t")
        except InvalidDocument:
            continue
        found.append(text)
    return found
