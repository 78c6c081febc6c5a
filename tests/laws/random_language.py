"""Random documents of the whole tariff language and rating cases for them, for the two raters.

Everything is drawn from one `random.Random`, so a seed is a reproduction. Most documents are
whole; keys that do not go together are drawn now and then, too: then both raters refuse.
"""

import hashlib
import json
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

ZONES = (
    "Europe/Lisbon", "Asia/Shanghai", "UTC", "Australia/Lord_Howe", "America/St_Johns",
    "America/Santiago",
)  # fmt: skip
STARTS = ("2026-01-01", "2026-03-20", "2026-10-20", "2026-12-20", "2026-04-01", "2026-09-01")
CLOSING = ("01-01", "04-01", "10-01", "03-29")
CHANNELS = ("import", "export", "reactive_import", "reactive_export")
TERMS = ("rate", "share", "persons", "meters", "kv")
PRORATIONS = ("days", "none", "thirtieths", "days_365", "days_366", "days_year", "hours")


MODES = ("half_up", "half_even", "down", "up")
SIZES = ("0.000001", "1", "2.5", "10", "33.333333", "100", "250", "1000", "5000.00000001")


def a_price(r):
    """A price with up to 8 decimals, often a tie maker."""
    if r.random() < 0.3:
        return r.choice(("0.125", "0.5", "0.005", "1", "0.1", "0.00000001", "2.675"))
    whole, rest = divmod(r.randint(1, 10**8), 10**8)
    return f"{whole}.{rest:08}"[: len(str(whole)) + r.choice((2, 3, 5, 9))]


def a_rounding(r, most=8):
    return f'{{ places = {r.randint(0, most)}, mode = "{r.choice(MODES)}" }}'


def some_months(r):
    return sorted(r.sample(range(1, 13), r.randint(1, 11)))


def clock(minute):
    return f"{minute // 60:02}:{minute % 60:02}"


def the_rows(r):
    low = r.choice((0, 0, 0, 50))
    rows = ", ".join(f'"{n / 100:.2f}" = {(90 - n) / 4}' for n in range(100, low - 1, -1))
    return f"rows = {{ {rows} }}"


def maybe(r, chance, *texts):
    """These keys, or none."""
    return list(texts) if r.random() < chance else []


def term(name):
    return f'{{ term = "{name}" }}'


def a_value(r, *, name="rate"):
    """A price, or the term that gives it."""
    return term(name) if r.random() < 0.15 else a_price(r)


def a_share(r):
    return r.choice(("0", "0.25", "0.33333333", "0.5", "1", term("share")))


def values_of(r, buckets):
    if buckets is None:
        return f"price = {a_value(r)}"
    return "prices = { " + ", ".join(f"{b} = {a_value(r)}" for b in buckets) + " }"


def numbers_of(r, buckets):
    if buckets is None:
        return f"price = {a_price(r)}"
    return "prices = { " + ", ".join(f"{b} = {a_price(r)}" for b in buckets) + " }"


def tiers_of(r, buckets):
    bounds = sorted(r.sample(SIZES, r.randint(1, 3)), key=float)
    rows = [f"{{ upto = {upto}, {numbers_of(r, buckets)} }}" for upto in bounds]
    return f"tiers = [{', '.join([*rows, '{ ' + numbers_of(r, buckets) + ' }'])}]"


# ---------------------------------------------------------------- calendars


def a_calendar(r, name, grid):
    """Rules by hours, days, months or seasons, perhaps standard time, perhaps events."""
    edges = sorted(r.sample(range(1440 // grid + 1), r.randint(2, 4)))
    hours = [f"{clock(a * grid)}-{clock(b * grid)}" for a, b in list(pairwise(edges))[::2]]
    rule = ['bucket = "peak"', f"hours = {json.dumps(hours)}"]
    rule += maybe(r, 0.3, f"days = {json.dumps(r.choice((['weekday'], ['sat', 'holiday'])))}")
    rule += maybe(r, 0.2, f"months = {some_months(r)}")
    seasons = (["03-15 to 10-31"], ["11-16 to 03-31"], ["01-02 to 02-29", "12-24 to 12-24"])
    rule += maybe(r, 0.3, f"season = {json.dumps(r.choice(seasons))}")
    rules, buckets = [rule], ["peak"]
    if r.random() < 0.35:
        called = ['bucket = "cp"', 'event = "cp"']
        called += maybe(r, 0.3, 'hours = ["06:00-22:00"]')
        rules.insert(r.random() < 0.02, called)
        buckets = [each[0][10:-1] for each in rules]
    rest = "all" if name == "all" else "off"
    rules.append([f'otherwise = "{rest}"'])
    head = f"[calendars.{name}]\n" + 'clock = "standard"\n' * (r.random() < 0.25)
    text = "".join(f"[[calendars.{name}.rules]]\n" + "\n".join(each) + "\n" for each in rules)
    return head + text, [*buckets, rest]


# --------------------------------------------------------- parts and losses


def some_parts(r):
    a, b = sorted(r.sample(("0", "0.2", "0.33333333", "0.7", "1"), 2))
    return {
        "ratio": f"ratio = {a_share(r)}",
        "block": f"per_month = {r.choice(('10', '0.5', term('kv')))}",
        "slice": f"slice = [{a}, {b}]",
        "rest": "rest = true",
    }


def some_losses(r):
    loads = r.choice(
        ("no_load = 0.2", "load = 1.5", "no_load_percent = 0.3\nload_percent = 4",
         "no_load = 0.2\nload_percent = 1.2")
    )  # fmt: skip
    more = maybe(r, 0.4, "capacity = 50") + maybe(r, 0.2, "shape = 1.07")
    more += maybe(r, 0.3, "hours_per_day = 16")
    more += maybe(r, 0.2, "reactive = false")
    forms = (
        "\n".join([loads, *more]),
        f"ohm = 0.35\nkv = {r.choice(('0.4', '10', term('kv')))}",
        f"percent = {r.choice(('2.5', '0.33333333', term('rate')))}",
        f'per_month = 7.5\nproration = "{r.choice(PRORATIONS)}"',
    )
    losses = {}
    for name in ("one", "two"):
        side = r.choice(("import", "import", "reactive_import"))
        lines = [f'adds_to = "{side}"', r.choice(forms)]
        losses[name] = "\n".join(lines + maybe(r, 0.3, f"round = {a_rounding(r, 6)}"))
    return losses


# ---------------------------------------------------------------- components


def billed(r, channel, month):
    """Steps after the measured energy."""
    out = maybe(r, 0.15, f"round_quantity = {a_rounding(r, 6)}")
    if not month:
        out += maybe(r, 0.2, f'part = "{r.choice(("ratio", "block", "slice", "rest"))}"')
        out += maybe(
            r, 0.2, f"loss_factor = {r.choice(('1.03', '[1.01, 0.987654]', term('rate')))}"
        )
        out += maybe(r, 0.2, f"losses = {r.choice((['one'], ['two'], ['one', 'two']))}")
    return out


def netting(r, channel, calendar, *, month):
    """How export is taken from import, and what becomes of the rest."""
    how = r.choice(("interval", "hour"))
    if month and channel == "import" and r.random() < 0.6:
        how = "month"
    out = [f'netting = "{how}"']
    if how == "month" and r.random() < 0.5:
        on = r.choice((*CLOSING, "month"))
        out.append(f'true_up = {{ on = "{on}", price = {a_price(r)} }}')
    if how == "month" and calendar and r.random() < 0.3:
        moves = [f'{{ on = "{r.choice(CLOSING)}", from = "peak", to = "off" }}']
        moves += maybe(r, 0.5, f'{{ on = "{r.choice(CLOSING)}", from = "off", to = "peak" }}')
        out.append(f"bank_moves = [{', '.join(moves)}]")
    return out


def an_energy(r, calendars):
    channel = r.choice(("import", "import", "import", "export", "reactive_import"))
    name = r.choice([None, *calendars])
    out = [f'channel = "{channel}"'] + ([f'calendar = "{name}"'] if name else [])
    series = r.random() < 0.3
    net = channel in ("import", "export") and r.random() < 0.3
    if net:
        out += netting(r, channel, name, month=not series)
    else:
        out += billed(r, channel, month=False)
    if not series:
        return [*out, values_of(r, calendars.get(name))]
    out.append(f'series = "{"kvar" if channel.startswith("r") else "spot"}"')
    out += maybe(r, 0.3, f"times = {r.choice(('1.1', '0.333', term('rate')))}")
    out += maybe(r, 0.3, f"plus = {a_value(r)}")
    out += maybe(r, 0.2, "floor = 0") + maybe(r, 0.2, "cap = 0.1")
    out += maybe(r, 0.2, f"round_price = {a_rounding(r)}")
    return out + maybe(r, 0.2, f"round_each = {a_rounding(r)}")


def a_tiered(r, calendars, demands):
    channel = r.choice(("import", "import", "import", "export"))
    name, window = r.choice([None, *calendars]), r.choice(("month", "month", "year", "day"))
    out = [f'channel = "{channel}"', f'window = "{window}"', tiers_of(r, calendars.get(name))]
    pooling, unit = None, "kwh"
    if name:
        choices = {"month": ("pro_rata", "separate", "in_order"), "day": ("separate",)}
        pooling = r.choice(choices.get(window, ("pro_rata",)))
        out += [f'calendar = "{name}"', f'pooling = "{pooling}"']
    units = {
        "month": ["kwh", "kwh_per_day", "kwh_per_kva", "kwh_per_person", "kwh_per_kw"],
        "day": ["kwh", "kwh_per_kva", "kwh_per_person"],
        "year": ["kwh"],
    }[window]
    unit = r.choice(units[:2] if pooling == "in_order" else units)
    if unit == "kwh_per_kw" and not demands:
        unit = "kwh"
    out += [f'unit = "{unit}"'] if unit != "kwh" else []
    out += [f'demand = "{r.choice(demands)}"'] if unit == "kwh_per_kw" else []
    plain = unit == "kwh" and window == "month" and pooling != "in_order"
    if plain and demands and r.random() < 0.5:
        out[2] = hours_of_use(r, calendars.get(name))
        out.append(f'demand = "{r.choice(demands)}"')
    more = (
        f'more = {{ term = "persons", above = {r.randint(0, 4)}, each = {r.choice((1, "20.5"))} }}'
    )
    out += maybe(r, 0.3 if pooling != "in_order" else 0.02, more)
    if window == "year":
        out += maybe(r, 0.5, 'fill = "quota"')
        resets = r.choice(("04-01", ["04-01", "10-01"]))
        out += maybe(r, 0.5, f"resets = {json.dumps(resets)}")
    elif window == "month" and pooling != "in_order":
        out += maybe(r, 0.25, 'method = "volume"')
    if r.random() < 0.3:
        month = window != "day" and pooling != "in_order"
        found = netting(r, channel, name, month=month)
        return out + (['netting = "interval"'] if pooling == "in_order" else found)
    return out + (
        billed(r, channel, month=False) if window != "day" and pooling != "in_order" else []
    )


def hours_of_use(r, buckets):
    """Tiers that end at energy or hours of use, whichever comes first."""
    ends = ("upto = 3, upto_per_kw = 5", "upto = 3, upto_per_kw = 40.5", "upto_per_kw = 90")
    rows = [f"{{ {end}, {numbers_of(r, buckets)} }}" for end in ends[r.randint(0, 2) :]]
    return f"tiers = [{', '.join([*rows, '{ ' + numbers_of(r, buckets) + ' }'])}]"


def a_demand_of(r, demands):
    """Sometimes the demand of another component, at prices of its own."""
    if not demands or r.random() > 0.2:
        return None
    out = ['basis = "billed"', f'demand = "{r.choice(demands)}"']
    out += maybe(r, 0.3, f'per = "{r.choice(("day", "year"))}"')
    return [*out, (tiers_of if r.random() < 0.3 else values_of)(r, None)]


def a_demand(r, calendars, grid, demands):
    out = maybe(r, 0.2, 'channel = "reactive_import"')
    out += maybe(r, 0.3, f'per = "{r.choice(("day", "year", "month"))}"')
    out += [] if out else maybe(r, 0.25, 'power = "apparent"')
    fine = [m for m in (15, 30, 60, 120) if m >= grid or r.random() < 0.02]
    window = r.choice((None, *fine))
    out += [f"window_min = {window}"] if window else []
    if window and r.random() < 0.3:
        out.append(f"rolling_min = {r.choice([m for m in fine if m <= window])}")
    how = r.random()
    if how < 0.25:
        out += [f"top = {r.randint(1, 4)}", *maybe(r, 0.5, "distinct_days = true")]
    elif how < 0.35:
        out.append('measure = "mean"')
    out += maybe(r, 0.2, f"round_kw = {a_rounding(r, 3)}")
    if r.random() < 0.25:
        reading = r.choice(("above_contract", "above_threshold"))
        out += ['basis = "contract"', "excess_over = 105", "excess_factor = 2",
                f'excess_reading = "{reading}"']  # fmt: skip
        return out + maybe(r, 0.3, "least_of_capacity = 40") + contracts(r, calendars)
    name = r.choice([None, *calendars])
    out += [f'calendar = "{name}"'] if name else []
    out += maybe(r, 0.2, f"minimum_kw = {r.choice(('3', term('kv')))}")
    out += maybe(r, 0.15, "least_of_contract = 33.3") + maybe(r, 0.15, "least_of_capacity = 12.5")
    out += maybe(r, 0.2, f"mean_of_months = {r.choice((2, 3, 12))}")
    out += maybe(r, 0.15, "power_factor_below = 0.95")
    out += maybe(r, 0.2, f"least_measured = {r.choice(('0.7', '2.5', term('kv')))}")
    if demands and r.random() < 0.3:
        part = r.choice(("61.97", "33.33333333", "100", "0", "250"))
        out += [f"above_percent = {part}", f'demand = "{r.choice(demands)}"']
    by_month = ', by_month = { "1" = 100, "3" = 0, "10" = 33.3 }' * (r.random() < 0.5)
    if "mean_of_months" not in "".join(out):
        by_month += ', current_by_month = { "1" = 60, "3" = 33.33333333 }' * (r.random() < 0.5)
    out += maybe(r, 0.3, f"ratchet = {{ percent = 80, months = {r.randint(1, 12)}{by_month} }}")
    out += known_alone(r, out)
    many = r.random() < 0.2
    return [*out, (tiers_of if many else values_of)(r, calendars.get(name))]


def contracts(r, calendars):
    """One price for the agreement's contract, or a price and a contract for each bucket."""
    if not calendars or r.random() < 0.5:
        return [f"price = {a_price(r)[:9]}"]
    name = r.choice(list(calendars))
    agreed = ", ".join(f"{b} = {r.choice(('0.5', '3', '12', term('kv')))}" for b in calendars[name])
    prices = ", ".join(f"{b} = {a_price(r)[:9]}" for b in calendars[name])
    return [f'calendar = "{name}"', f"contracts = {{ {agreed} }}", f"prices = {{ {prices} }}"]


def known_alone(r, out):
    looks = any(text.startswith(("ratchet", "mean_of_months")) for text in out)
    return ['look_back = "known"'] if looks and r.random() < 0.5 else []


def a_fixed(r):
    units = [f"{a}_{b}" for a in ("kva", "kw", "meter", "unit") for b in ("month", "day", "year")]
    per = r.choice(("month", "day", "year", "event", *units))
    out = [f'per = "{per}"', f"price = {a_value(r)}"]
    out += [f"count = {r.choice(('3', '0.1234567', term('kv')))}"] if per.startswith("unit") else []
    return out + (['event = "cp"'] if per == "event" else [])


def a_percentage(r):
    percent = r.choice((6, 21, "5.11269632", 99, "0.5", term("rate")))
    return [f"percent = {percent}", f'method = "{r.choice(("on_top", "inside", "included"))}"']


def a_table(r, demands):
    metrics = ["kwh", "kwh_per_day", "kwh_per_kva", "term"] + ["kwh_per_kw", "kw"] * bool(demands)
    metric = r.choice(metrics)
    rows = "[{ upto = 2, percent = 1.5 }, { upto = 5, percent = -2 }, { upto = 400, percent = 0 }, { percent = 7 }]"  # noqa: E501
    out = [f'metric = "{metric}"', f"rows = {rows}", *maybe(r, 0.3, 'edge = "upper"')]
    out += [f'demand = "{r.choice(demands)}"'] if metric in ("kwh_per_kw", "kw") else []
    out += ['term = "kv"'] if metric == "term" else []
    return out + (maybe(r, 0.2, 'channel = "export"') if metric.startswith("kwh") else [])


def a_power_factor(r):
    below = "below = { from = 0.95, percent = 1, limit = 20 }"
    above = "above = { from = 0.97, percent = 0.5 }"
    out = [the_rows(r)] if r.random() < 0.4 else r.choice(([below], [above], [below, above]))
    return out + maybe(r, 0.3, "losses = ['one', 'two']")


def a_reactive(r, calendars):
    name = r.choice([None, *calendars])
    channel = r.choice(("reactive_import", "reactive_export", "both", "larger"))
    out = [
        f'channel = "{channel}"',
        f"free_ratio = {r.choice(('0', '0.5', '0.33', term('share')))}",
    ]
    out += [f'calendar = "{name}"'] if name else []
    out += maybe(r, 0.3, f"round_quantity = {a_rounding(r, 6)}")
    return [*out, values_of(r, calendars.get(name))]


def a_bound(r):
    per = r.choice(("month", "month", "year", "day", "kva_month", "kw_month"))
    out = [f"amount = {r.choice((5, '33.33', term('rate')))}", f'per = "{per}"']
    return out + maybe(r, 0.4, f'settle = {{ on = "{r.choice(CLOSING)}" }}')


def a_bank(r):
    percent = r.choice(("0", "50", "100"))
    on = r.choice(CLOSING)
    return maybe(r, 0.5, f'true_up = {{ on = "{on}", percent = {percent} }}')


def a_component(r, number, calendars, ids, demands, grid):
    """The text of one component; `ids` it may name."""
    quantities = ("energy", "energy", "energy", "tiered", "tiered", "tiered", "demand", "demand")
    on_lines = ("percentage", "table", "power_factor", "minimum", "maximum", "bank", "transfer")
    shape = r.choice((*quantities, "fixed", "fixed", "reactive", *(on_lines * 2 if ids else ())))
    out = ["[[components]]", f'id = "c{number}"', f'shape = "{shape}"']
    out += {
        "energy": lambda: an_energy(r, calendars),
        "tiered": lambda: a_tiered(r, calendars, demands),
        "demand": lambda: a_demand_of(r, demands) or a_demand(r, calendars, grid, demands),
        "fixed": lambda: a_fixed(r),
        "percentage": lambda: a_percentage(r),
        "table": lambda: a_table(r, demands),
        "power_factor": lambda: a_power_factor(r),
        "reactive": lambda: a_reactive(r, calendars),
        "minimum": lambda: a_bound(r),
        "maximum": lambda: a_bound(r),
        "bank": lambda: a_bank(r),
        "transfer": lambda: [
            f"parts = {{ b = {r.choice(('33.33333333', term('rate')))}, a = 40 }}"
        ],
    }[shape]()
    if shape in on_lines:
        names = r.sample(ids, r.randint(1, len(ids)))
        rest = [name for name in ids if name not in names]
        out.append(f"of = {json.dumps(names)}")
        out += maybe(r, 0.4, f"later = {json.dumps(rest[:1])}") if shape == "bank" and rest else []
    out += maybe(r, 0.12, f"months = {some_months(r)}") if "losses" not in "".join(out) else []
    out += maybe(r, 0.5, f'proration = "{r.choice(PRORATIONS)}"')
    out += maybe(r, 0.15, f"round_factor = {a_rounding(r)}")
    out += maybe(r, 0.15, f"round_component = {a_rounding(r, 3)}")
    out += maybe(r, 0.2, f"rounding = {a_rounding(r)}")
    out += maybe(r, 0.3, 'sets = ["some"]') if number else ['sets = ["some"]']
    free = shape not in ("minimum", "maximum", "bank", "transfer")
    return shape, "\n".join(out + (maybe(r, 0.15, "credit = true") if free else [])) + "\n"


def a_document(r, zone_name, grid):
    """A whole document; components stand in another order than they are computed in."""
    texts, calendars = [], {}
    for name in (r.choice(("tou", "tou", "tou", "all")), "season")[: r.randint(0, 2)]:
        text, buckets = a_calendar(r, name, grid)
        texts.append(text)
        calendars[name] = buckets
    made, ids, demands = [], [], []
    for number in range(r.randint(2, 8)):
        shape, text = a_component(r, number, calendars, ids, demands, grid)
        made.append(text)
        ids.append(f"c{number}")
        measures = shape == "demand" and 'basis = "billed"' not in text
        demands += [ids[-1]] if measures else []
    if r.random() < 0.3:
        made.append(
            '[[components]]\nid = "tax"\nshape = "percentage"\nof = ["@some"]\npercent = 23\n'
        )
    r.shuffle(made)
    holidays = (
        '[holidays]\nsource = "x"\nyears = [2025, 2026, 2027]\ndates = [2026-01-01, 2026-10-26]\n'
    )
    out = [
        f'schema = 1\ntariff = "t"\ncurrency = "EUR"\nzone = "{zone_name}"\n'
        f'valid_from = 2025-01-01\nvalid_to = 2028-01-01\nsource = "x"\n'
        f"[rounding]\nline = {a_rounding(r)}\ntotal = {a_rounding(r, 2)}\n",
        *([holidays] if any("holiday" in text for text in texts) else []),
        "".join(f"[terms.{name}]\n" for name in TERMS if name != "kv"),
        "[terms.kv]\nleast = 0.1\nmost = 40\n",
        '[series.spot]\nper = "MWh"\n[series.kvar]\nper = "kvarh"\n[events.cp]\n',
        *(f"[parts.{name}]\n{text}\n" for name, text in some_parts(r).items()),
        *(f"[losses.{name}]\n{text}\n" for name, text in some_losses(r).items()),
        *texts,
        *made,
    ]
    return "".join(out).encode()


# --------------------------------------------------------------------- cases


def midnight(day, zone):
    return int(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).timestamp())


def stamp(at):
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def a_case(r, documents, zone, first, days, step):
    """One segment under these documents, cut where the page says, with all that it may need."""
    end = first + timedelta(days=days)
    cuts = {first, end} | {
        first + timedelta(days=r.randint(1, days)) for _ in range(r.randint(0, 2))
    }
    cuts |= {day for n in range(1, days) if closes(day := first + timedelta(days=n))}
    digests = {f"sha256:{hashlib.sha256(text).hexdigest()}": text for text in documents}
    spans = [
        {
            "from": str(a), "to": str(b), "tariff": r.choice(list(digests)),
            "contract_ukw": r.choice((3_000_000, 50_000_000, 1_234_567)),
            "capacity_ukva": r.choice((6_900_000, 100_000_000, 3)),
            "terms": some_terms(r),
        }
        for a, b in pairwise(sorted(cuts))
    ]  # fmt: skip
    start, stop = midnight(first, zone), midnight(end, zone)
    width = (stop - start) // step
    found = {
        "schema": 1, "agreement": "A", "metering_point": "P", "zone": zone,
        "legal_source": "interval", "from": str(first), "to": str(end), "spans": spans,
        "channels": {
            name: {"start": stamp(start), "resolution_s": step,
                   "values": some_values(r, width), "quality": "A" * width}
            for name in CHANNELS if r.random() < 0.97
        },
        "registers": [], "carry_in": some_carry(r, first),
        "series": {name: some_steps(r, start, stop, step) for name in ("spot", "kvar")},
        "events": {"cp": some_events(r, start, stop, step)},
    }  # fmt: skip
    if r.random() < 0.5:
        found["look_back_from"] = str(first - timedelta(days=r.choice((0, r.randint(0, 500)))))
    return found, {digest: digests[digest] for digest in {span["tariff"] for span in spans}}


def closes(day):
    return day.day == 1 or f"{day:%m-%d}" in CLOSING


def some_terms(r):
    """What the agreement states, sometimes out of range, sometimes not at all."""
    choices = {
        "rate": ("0.1", "0.98765432", "2.5", "1"),
        "share": ("0.5", "0.12345678", "1", "0"),
        "persons": ("5", "2", "0"),
        "meters": ("1", "2"),
        "kv": ("0.4", "10", "3.3"),
    }
    stated = {name: r.choice(each) for name, each in choices.items() if r.random() < 0.995}
    below = {"rate": r.choice(("-1", "-100", "-100.00000001", "-150"))}
    return stated | (below if r.random() < 0.01 else {})


def some_values(r, width):
    most = r.choice((0, 1000, 800_000, 3_000_000))
    values = [r.randint(0, most) if r.random() < 0.9 else 0 for _ in range(width)]
    if r.random() < 0.01:
        values[r.randrange(width)] = -r.choice((1, 10**9))
    if r.random() < 0.01:
        at = r.randrange(width)
        huge = r.choice((2**62 // 3600 - 1, 2**63 // 3600 // 4 + 10**9, 27 * 10**12, 10**12))
        values[at : at + 200] = [huge] * len(values[at : at + 200])
    return values


def some_steps(r, start, stop, step):
    """Prices by hours of the grid, sometimes finer, sometimes unknown."""
    every = max(step, r.choice((3600, 86400, 7200)))
    offset = 0 if r.random() < 0.97 else step // 2
    steps = [[stamp(start), f"{r.randint(-50, 300)}"]]
    for at in range(start + every + offset, stop, every):
        value = f"{r.randint(-50, 300)}.{r.randint(1, 9)}" if r.random() < 0.9999 else None
        if value != steps[-1][1]:
            steps.append([stamp(at), value])
    return {"steps": steps, "to": stamp(stop)}


def some_events(r, start, stop, step):
    """A few events, on the grid most of the time; the list is whole most of the time."""
    grid = max(step, 3600) if r.random() < 0.97 else 420
    count = (stop - start) // grid
    edges = sorted(r.sample(range(count + 1), min(count, 2 * r.randint(0, 4))))
    times = [[stamp(start + a * grid), stamp(start + b * grid)]
             for a, b in zip(edges[::2], edges[1::2], strict=False)]  # fmt: skip
    return {"from": stamp(start), "to": stamp(stop if r.random() < 0.98 else stop - 3600),
            "times": times if r.random() < 0.98 else []}  # fmt: skip


def some_carry(r, first):
    """What a predecessor may have handed on, used or not."""
    out = {}
    for component in range(8):
        key, buckets = f"c{component}", ("all", "peak", "off", "cp")
        kind = r.choice(("tier", "quota", "bank", "demand", "money", "settle", "none"))
        at = r.choice((date(first.year, 1, 1), date(2025, 10, 1), date(2026, 4, 1)))
        if kind == "tier":
            out[f"tier/{key}", at] = r.randint(0, 2_000_000_000)
        elif kind == "quota":
            out |= {(f"tier/{key}/{k}", at): r.randint(0, 90_000_000) for k in range(1, 5)}
        elif kind == "bank":
            out |= {(f"bank/{key}/{b}", first): r.randint(0, 200_000_000) for b in buckets}
        elif kind == "money":
            out[f"money/{key}", first] = r.randint(0, 3_000_000_000)
        elif kind == "settle":
            for name in ("bound", "sum"):
                out[f"{name}/{key}", first] = r.randint(0, 9_000_000_000)
        elif kind == "demand":
            for b in buckets:
                for back in r.choice((range(15), r.sample(range(15), 3))):
                    month = first.year * 12 + first.month - 1 - back
                    at = date(month // 12, month % 12 + 1, 1)
                    out[f"demand/{key}/{b}", at] = r.randint(0, 30_000_000)
    return [{"key": key, "at": str(at), "value": value} for (key, at), value in sorted(out.items())]


def a_story(r):
    """Documents and one case: zone, days and grid drawn."""
    zone, step = r.choice(ZONES), r.choice((900, 900, 1800, 3600, 3600))
    first = date.fromisoformat(r.choice(STARTS)) + timedelta(days=r.randint(0, 12))
    documents = [a_document(r, zone, step // 60) for _ in range(r.choice((1, 1, 2)))]
    return a_case(r, documents, zone, first, r.choice((1, 2, 5, 28, 35)), step)
