"""Random tariff documents of every shape and key, for the law of the two raters.

Everything is drawn from one `random.Random`, so a seed is a reproduction.
"""

import json

from random_declared import (
    Declared,
    a_rounding,
    a_value,
    declarations,
    some_months,
    the_prices,
    the_tiers,
)

from gridtally.errors import InvalidDocument
from gridtally.rating.tariff import load

SIZES = ("0.000001", "1", "2.5", "10", "33.333333", "100", "250", "1000", "5000.00000001")
RESETS = ("01-01", "04-01", "10-01", "03-29")
"""Days on which a year closes: `random_towns` cuts spans there most of the time."""
PRORATIONS = ("none", "thirtieths", "days_365", "days_366", "days_year", "hours")


def chance(r, odds, *texts):
    """Some texts, or none."""
    return list(texts) if r.random() < odds else []


def finely(r, d):
    """Whether something may look at single intervals."""
    return not d.dials or r.random() < 0.03


def billed(r, d, *, netted, part=True):
    """Keys of *From measured to billed energy*."""
    out = chance(r, 0.15, f"round_quantity = {a_rounding(r, 6)}")
    if netted:
        return out
    if d.losses and part and r.random() < 0.2:
        out.append(f"losses = {json.dumps(r.sample(d.losses, r.randint(1, len(d.losses))))}")
    if d.parts and part and r.random() < 0.2:
        out.append(f'part = "{r.choice(d.parts)}"')
    factors = [a_value(r, d, "size", ("1.03", "0.97", "1", "1.00000001", "0"))
               for _ in range(r.randint(2, 4))]  # fmt: skip
    return out + chance(
        r,
        0.15,
        f"loss_factor = {factors[0] if r.random() < 0.5 else '[' + ', '.join(factors) + ']'}",
    )


def an_energy(r, d, months):
    channel = r.choice(("import", "import", "import", "export", "reactive_import"))
    name = r.choice([None, *d.calendars])
    buckets = d.calendars.get(name)
    out = [f'channel = "{channel}"'] + ([f'calendar = "{name}"'] if name else [])
    netting = None
    if channel in ("import", "export") and r.random() < 0.4:
        ways = ["interval", *["hour"] * (d.grid <= 60)] if finely(r, d) else []
        ways += ["month"] * (channel == "import")
        netting = r.choice(ways or [None])
    series = [s for s in d.series if (s == "varh") == channel.startswith("reactive")]
    if series and netting != "month" and r.random() < 0.4:
        out += a_series(r, d, r.choice(series))
    else:
        out.append(the_prices(r, buckets, d))
    out += the_netting(r, netting, buckets)
    out += billed(r, d, netted=bool(netting), part=not months)
    if buckets and not netting and not any(text.startswith("loss_factor") for text in out):
        factors = ", ".join(f"{b} = {r.choice(('1.1', '0.9', '1'))}" for b in buckets)
        out += chance(r, 0.1, f"loss_factors = {{ {factors} }}")
    return out


def the_netting(r, netting, buckets):
    if netting is None:
        return []
    out = [f'netting = "{netting}"']
    if netting == "month" and buckets and r.random() < 0.3:
        days, moves = r.sample(RESETS, 2), []
        for on in days:
            first, second = r.sample(buckets, 2)
            moves.append(f'{{ on = "{on}", from = "{first}", to = "{second}" }}')
        out.append(f"bank_moves = [{', '.join(moves[: r.randint(1, 2)])}]")
    if netting == "month" and r.random() < 0.5:
        on = r.choice((*RESETS, "month"))
        prices = the_prices(r, buckets if r.random() < 0.5 else None, None)
        out.append(f'true_up = {{ on = "{on}", {prices} }}')
    return out


def a_series(r, d, name):
    low, high = sorted((r.choice((0, -5, 1, "0.05", "0.1")), r.choice((0, 3, "0.2", "60"))),
                       key=float)  # fmt: skip
    times = a_value(r, d, "deal", ("1.1", "0.5", "2", "1.00000001"))
    return [
        f'series = "{name}"',
        *chance(r, 0.4, f"times = {times}"),
        *chance(r, 0.4, f"plus = {a_value(r, d, 'deal', ('0.01', '0.00000001', '3'))}"),
        *chance(r, 0.2, f"floor = {low}"),
        *chance(r, 0.2, f"cap = {high}"),
        *chance(r, 0.3, f"round_price = {a_rounding(r)}"),
        *chance(r, 0.3, f"round_each = {a_rounding(r)}"),
    ]


def a_tiered(r, d, months):
    channel = r.choice(("import", "import", "import", "export", "reactive_import"))
    name = r.choice([None, *d.calendars])
    buckets = d.calendars.get(name)
    out = [f'channel = "{channel}"', the_tiers(r, buckets, SIZES)]
    out += [f'calendar = "{name}"'] if name else []
    window = r.choice(("month", "month", "year", "day" if finely(r, d) else "year"))
    pooling = None
    if name:
        pooling = {"year": "pro_rata", "day": "separate"}.get(
            window, r.choice(("pro_rata", "separate", "in_order" if finely(r, d) else "separate"))
        )
        out.append(f'pooling = "{pooling}"')
    out += the_window(r, d, window, pooling)
    if "hours of use" in out:
        out.remove("hours of use")
        out[1] = hours_of_use(r, buckets)
    plain = window != "day" and pooling != "in_order"
    netting = None
    if channel in ("import", "export") and r.random() < 0.4:
        ways = ["interval", *["hour"] * (pooling != "in_order")] if finely(r, d) else []
        ways += ["month"] * (plain and channel == "import")
        netting = r.choice(ways or [None])
    out += the_netting(r, netting, buckets)
    return out + (billed(r, d, netted=bool(netting), part=not months) if plain else [])


def hours_of_use(r, buckets):
    """Tiers that end at the smaller of an energy and of hours of the billed demand."""
    count = r.randint(1, 3)
    energy = sorted(r.choices((*SIZES, None), k=count), key=lambda s: float(s or "inf"))
    hours = sorted(r.choices((*SIZES, None), k=count), key=lambda s: float(s or "inf"))
    rows = []
    for upto, per_kw in zip(energy, hours, strict=True):
        keys = [f"upto = {upto}"] * (upto is not None)
        keys += [f"upto_per_kw = {per_kw}"] * (per_kw is not None)
        rows.append(f"{{ {', '.join([*keys, the_prices(r, buckets, None)])} }}")
    return f"tiers = [{', '.join([*rows, '{ ' + the_prices(r, buckets, None) + ' }'])}]"


def the_window(r, d, window, pooling):
    out = [f'window = "{window}"'] if window != "month" or r.random() < 0.3 else []
    if window == "year":
        resets = r.sample(RESETS, r.randint(1, 3))
        out += chance(r, 0.6, f"resets = {json.dumps(resets if len(resets) > 1 else resets[0])}")
        out += chance(r, 0.5, f'fill = "{r.choice(("quota", "position"))}"')
    elif window == "day":
        unit = r.choice(("kwh", "kwh_per_kva", "kwh_per_person"))
        out += chance(r, 0.5, f'unit = "{unit}"')
    elif pooling == "in_order":
        out += chance(r, 0.5, 'unit = "kwh_per_day"')
    else:
        unit = r.choice(("kwh_per_day", "kwh_per_kva", "kwh_per_person", "kwh_per_kw"))
        if unit != "kwh_per_kw":
            out += chance(r, 0.5, f'unit = "{unit}"')
        elif d.demands:
            out += [f'unit = "{unit}"', f'demand = "{r.choice(d.demands)}"']
        if d.demands and not any(text.startswith("unit") for text in out) and r.random() < 0.5:
            out += [f'demand = "{r.choice(d.demands)}"', "hours of use"]
        out += chance(r, 0.3, 'method = "volume"')
    if pooling != "in_order" and r.random() < 0.25:
        more = [f'term = "{r.choice(("persons", "size"))}"']
        more += chance(r, 0.7, f"above = {r.choice((0, 4, 2.5))}")
        more += chance(r, 0.7, f"each = {r.choice((100, 33.333333, 0))}")
        out.append(f"more = {{ {', '.join(more)} }}")
    return out


def a_demand(r, d):
    out = [f"round_kw = {a_rounding(r, 3)}"] * (r.random() < 0.3)
    windows = [m for m in (15, 30, 60, 90, 120, 480, 1440) if m % d.grid == 0 or r.random() < 0.02]
    window = r.choice((None, *windows, d.grid))
    name = r.choice([None, *d.calendars])
    if name and window and window != d.grid and r.random() < 0.9:
        window = d.grid  # or few hours of a calendar would fit
    out += [f"window_min = {window}"] if window else []
    channels = ("export", "import", "reactive_import", "reactive_export")
    out += chance(r, 0.3, f'channel = "{r.choice(channels)}"')
    fine = finely(r, d)
    if window and fine and r.random() < 0.3:
        steps = [m for m in (5, 15, 30, 60, 120) if window % m == 0 and 1440 % m == 0]
        steps = [m for m in steps if m % d.grid == 0 or r.random() < 0.05]
        out += [f"rolling_min = {r.choice(steps)}"] if steps else []
    kind = r.random() if fine else 1
    if kind < 0.2:
        out += [f"top = {r.choice((1, 2, 3, 10, 100))}", *chance(r, 0.5, "distinct_days = true")]
    elif kind < 0.3:
        out.append('measure = "mean"')
    if not any("reactive" in text for text in out):
        out += chance(r, 0.2 * fine, 'power = "apparent"')
    out += chance(r, 0.3, f'per = "{r.choice(("day", "year", "month"))}"')
    if r.random() < 0.25:
        reading = r.choice(("above_contract", "above_threshold"))
        out += [
            'basis = "contract"',
            f"excess_over = {r.choice((100, 105, 110.5))}",
            f"excess_factor = {r.choice((1, 2, 3, 1.5))}",
            f'excess_reading = "{reading}"',
            *chance(r, 0.3, f"least_of_capacity = {a_value(r, d, 'rate', ('40', '33.333333'))}"),
        ]
        if not name or r.random() < 0.5:
            return [*out, the_prices(r, None, d)]
        sizes = [
            (b, a_value(r, d, "size", ("0.5", "3", "0", "2.123456"))) for b in d.calendars[name]
        ]
        agreed = ", ".join(f"{b} = {size}" for b, size in sizes)
        out += [f'calendar = "{name}"', f"contracts = {{ {agreed} }}"]
        return [*out, the_prices(r, d.calendars[name], d)]
    out += [f'calendar = "{name}"'] if name else []
    out += raised(r, d)
    many = r.random() < 0.3
    if many:
        return [*out, the_tiers(r, d.calendars.get(name), SIZES)]
    return [*out, the_prices(r, d.calendars.get(name), d)]


def raised(r, d):
    """What a measured demand is raised to."""
    out = chance(r, 0.3, f"minimum_kw = {a_value(r, d, 'size', ('0.5', '3', '10.123456'))}")
    out += chance(r, 0.15, f"least_of_contract = {a_value(r, d, 'rate', ('85', '33.333333'))}")
    out += chance(r, 0.15, f"least_of_capacity = {a_value(r, d, 'rate', ('40', '0.00000001'))}")
    out += chance(r, 0.15, f"mean_of_months = {r.randint(2, 12)}")
    out += chance(r, 0.15, f"power_factor_below = {r.choice(('0.9', '0.95', '1', '0.333'))}")
    out += chance(r, 0.2, f"least_measured = {a_value(r, d, 'size', ('0.5', '2.5', '1.0000005'))}")
    if d.demands and r.random() < 0.3:
        part = r.choice(("61.97", "33.33333333", "100", "0", "250"))
        out += [f"above_percent = {part}", f'demand = "{r.choice(d.demands)}"']
    if r.random() < 0.4:
        percent = r.choice((80, 50, 33.33333333, 100))
        by = "".join(f'"{m}" = {r.choice((0, 100, 75.5))}, ' for m in some_months(r)[:4])
        by = f", by_month = {{ {by.rstrip(', ')} }}" if r.random() < 0.4 else ""
        if r.random() < 0.3 and not any(text.startswith("mean_of_months") for text in out):
            now = ", ".join(f'"{m}" = {r.choice((60, 0, 33.3))}' for m in some_months(r))
            by += f", current_by_month = {{ {now} }}"
        out.append(f"ratchet = {{ percent = {percent}, months = {r.randint(1, 12)}{by} }}")
    if r.random() < 0.5 and any(text.startswith(("ratchet", "mean_of")) for text in out):
        out.append('look_back = "known"')
    return out


TIMES = ("month", "day", "year")
PER_THING = [f"{of}_{time}" for of in ("kva", "kw", "meter", "unit") for time in TIMES]


def a_fixed(r, d):
    per = r.choice(("month", "day", "year", "month", "event", *PER_THING))
    if per == "event" and not d.events:
        per = "day"
    out = [f'per = "{per}"', the_prices(r, None, d, most=90_00000000)]
    if per == "event":
        out.append(f'event = "{r.choice(d.events)}"')
    if per.startswith("unit"):
        out.append(f"count = {a_value(r, d, 'size', ('2', '0', '12.00000005'))}")
        out += chance(r, 0.5, 'unit = "lamp"')
    return out


def a_reactive(r, d):
    name = r.choice([None, *d.calendars])
    channel = r.choice(("reactive_import", "reactive_export", "both", "larger"))
    return [
        f'channel = "{channel}"',
        f"free_ratio = {a_value(r, d, 'share', ('0.5', '0', '0.33333333', '1.2'))}",
        *([f'calendar = "{name}"'] if name else []),
        the_prices(r, d.calendars.get(name), d),
        *chance(r, 0.3, f"round_quantity = {a_rounding(r, 6)}"),
    ]


def a_percentage(r, d):
    percent = a_value(r, d, "rate", ("6", "21", "5.11269632", "100", "0.5", "8.25"))
    method = r.choice(("on_top", "inside", "included"))
    if method == "inside" and percent == "100":
        percent = "99"
    return [f"percent = {percent}", *chance(r, 0.5, f'method = "{method}"')]


def a_table(r, d):
    metric = r.choice(("kwh", "kwh_per_day", "kwh_per_kva", "term", "kwh_per_kw", "kw"))
    if metric in ("kwh_per_kw", "kw") and not d.demands:
        metric = "kwh"
    bounds = sorted(
        r.sample((0, 1, 5, 10, "33.333333", 100, 250, 1000), r.randint(1, 4)), key=float
    )
    rows = [f"{{ upto = {b}, percent = {r.choice((1, 0, -2.5, 100))} }}" for b in bounds]
    out = [f'metric = "{metric}"', f"rows = [{', '.join(rows)}, {{ percent = 3 }}]"]
    out += chance(r, 0.5, f'edge = "{r.choice(("lower", "upper"))}"')
    if metric in ("kwh_per_kw", "kw"):
        out.append(f'demand = "{r.choice(d.demands)}"')
    if metric == "term":
        out.append(f'term = "{r.choice(("size", "persons", "contract_kw"))}"')
    if metric.startswith("kwh"):
        out += chance(r, 0.3, f'channel = "{r.choice(("import", "export", "reactive_import"))}"')
    return out


def a_power_factor(r, d, months):
    losses = [f"losses = {json.dumps(d.losses)}"] if d.losses and not months else []
    out = chance(r, 0.3, *losses)
    if r.random() < 0.5:
        low = r.choice((0, 0, 0, 50))
        rows = ", ".join(f'"{n / 100:.2f}" = {(90 - n) / 4}' for n in range(100, low - 1, -1))
        return [*out, f"rows = {{ {rows} }}"]
    first, second = sorted(r.sample(("0.8", "0.9", "0.95", "1", "0.45"), 2))
    below = f"below = {{ from = {first}, percent = {r.choice((0.5, 1, '0.33333333'))}"
    above = f"above = {{ from = {second}, percent = {r.choice((0.5, 2))}"
    both = [text + r.choice((" }", ", limit = 1.5 }", ", limit = 0 }")) for text in (below, above)]
    return [*out, *r.sample(both, r.randint(1, 2))]


def a_bound(r, d):
    per = r.choice(("month", "year", "day", "kva_month", "kw_month"))
    return [
        f"amount = {a_value(r, d, 'size', ('5', '100', '33.33', '0.00000001'))}",
        *chance(r, 0.6, f'per = "{per}"'),
        *chance(r, 0.3, f'settle = {{ on = "{r.choice(RESETS)}" }}'),
    ]


def a_bank(r, d, ids, of):
    others = [name for name in ids if name not in of]
    true_up = f'true_up = {{ on = "{r.choice(RESETS)}", percent = {r.choice((0, 100, 33.3))} }}'
    out = chance(r, 0.4, true_up)
    if others:
        out += chance(r, 0.4, f"later = {json.dumps(r.sample(others, r.randint(1, len(others))))}")
    return out


def a_transfer(r, d):
    parts = ["landlord = 33.33333333", f"fund = {a_value(r, d, 'share', ('10', '0', '66.6'))}",
             "other = 0.07"]  # fmt: skip
    return [f"parts = {{ {', '.join(r.sample(parts, r.randint(1, 3)))} }}"]


ON_LINES = ("percentage", "percentage", "table", "power_factor", "minimum", "maximum", "bank",
            "transfer")  # fmt: skip
MEASURED = ("energy", "energy", "energy", "tiered", "tiered", "tiered", "demand", "demand",
            "demand", "fixed", "fixed", "reactive")  # fmt: skip


def a_component(r, number, d, ids):
    """The text of one component; `ids` it may name."""
    shape = r.choice(MEASURED + (ON_LINES if ids else ()))
    out = ["[[components]]", f'id = "c{number}"', f'shape = "{shape}"']
    months = r.random() < 0.15
    if shape in ON_LINES:
        of = r.sample(ids, r.randint(1, len(ids)))
        if d.in_set and r.random() < 0.2 and shape != "bank":
            of = ["@taxed"]
        out.append(f"of = {json.dumps(of)}")
    out += {
        "energy": lambda: an_energy(r, d, months),
        "tiered": lambda: a_tiered(r, d, months),
        "demand": lambda: a_demand(r, d),
        "fixed": lambda: a_fixed(r, d),
        "reactive": lambda: a_reactive(r, d),
        "percentage": lambda: a_percentage(r, d),
        "table": lambda: a_table(r, d),
        "power_factor": lambda: a_power_factor(r, d, months),
        "minimum": lambda: a_bound(r, d),
        "maximum": lambda: a_bound(r, d),
        "bank": lambda: a_bank(r, d, ids, of),
        "transfer": lambda: a_transfer(r, d),
    }[shape]()
    out += [f"months = {some_months(r)}"] * months
    out += chance(r, 0.35, f'proration = "{r.choice(PRORATIONS)}"')
    out += chance(r, 0.1, f"round_factor = {a_rounding(r)}")
    out += chance(r, 0.2, f"rounding = {a_rounding(r)}")
    out += chance(r, 0.1, f"round_component = {a_rounding(r)}")
    if shape not in ("minimum", "maximum", "bank", "transfer"):
        out += chance(r, 0.15, "credit = true")
    out += chance(r, 0.15, "negative = true")
    out += chance(r, 0.2, 'kind = "tax"')
    if shape not in ON_LINES and r.random() < 0.3:
        out.append('sets = ["taxed"]')
        d.in_set.append(f"c{number}")
    if shape == "demand":
        d.demands.append(f"c{number}")
    return "\n".join(out) + "\n"


def a_tariff(r, zone_name, grid, *, dials=False):
    """A whole document; components stand in another order than they are computed in."""
    d = Declared(grid=grid, dials=dials)
    declared = declarations(r, d, grid)
    made, ids = [], []
    for number in range(r.randint(1, 7)):
        made.append(a_component(r, number, d, ids))
        ids.append(f"c{number}")
    r.shuffle(made)
    holidays = (
        '[holidays]\nsource = "x"\nyears = [2025, 2026, 2027]\n'
        "dates = [2026-01-01, 2026-03-30, 2026-10-26, 2026-12-25]\n"
        if '"holiday"' in declared
        else ""
    )
    return (
        f'schema = 1\ntariff = "t"\ncurrency = "EUR"\nzone = "{zone_name}"\n'
        f'valid_from = 2025-01-01\nvalid_to = 2028-01-01\nsource = "x"\n'
        f"[rounding]\nline = {a_rounding(r)}\ntotal = {a_rounding(r, 2)}\n"
        + holidays
        + declared
        + "".join(made)
    ).encode()


def tariffs_that_load(r, name, grid, *, dials=False):
    """Three documents; one that the loader refuses is drawn again (a rounding of a price)."""
    found = []
    while len(found) < 3:
        text = a_tariff(r, name, grid, dials=dials)
        try:
            load(text, name="t")
        except InvalidDocument:
            continue
        found.append(text)
    return found
