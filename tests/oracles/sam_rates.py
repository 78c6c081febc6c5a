"""Rates in the variables of the System Advisor Model as tariff documents, for its test cases.

Meaning of the variables: the help of SAM's Utility Rate model. A year has 365 days and begins on
a Monday, as 2018 does; the engine knows no zone, so UTC. Years after the first multiply prices by
inflation and escalation. Rows of the energy table are period, tier, most, unit, buy, sell; units
are kWh, kWh/kW, kWh daily, kWh/kW daily. A block in kWh/kW that is followed by tiers in kWh is
split by these. Metering options: 0 net kWh banked by the month, 1 the same in money, 2 net billing,
3 net billing with credits for later bills, 4 buy all and sell all. Prices by time, where they are
switched on, stand instead of the table's.
"""

from decimal import Decimal
from itertools import groupby

OPEN = Decimal("1e30")
MONTHS = range(1, 13)


class Unsupported(Exception):
    """The variables say what no bill can follow."""


def exact(value, scale=Decimal(1)):
    """The text of a price of the table, 8 decimals; empty when it is zero or not there."""
    price = (Decimal(repr(float(value))) * scale).quantize(Decimal("1e-8"))
    return text(price) if price else ""


def priced(value, scale=Decimal(1)):
    """The text of a price, zero included."""
    return exact(value, scale) or "0"


def text(value):
    return f"{value.normalize():f}"


def document(given, *, year, exports):
    """The TOML text of one contract year. `exports`: there is a system behind the meter."""
    scale = _scale(given, year)
    parts = [_head()]
    energy, calendars = _energy(given, scale, exports)
    demand, more = _demand(given, scale)
    fixed = exact(given.get("ur_monthly_fixed_charge", 0), scale)
    if fixed:
        parts.append(
            f'[[components]]\nid = "fixed"\nshape = "fixed"\nper = "month"\nprice = {fixed}\n'
        )
    charges = (["fixed"] if fixed else []) + [name for name, _ in (*energy, *demand)]
    parts += [body for _, body in (*energy, *demand)]
    parts += _bounds(given, scale, charges)
    parts += _banks(given, charges, exports)
    declared = [f'[series.{s}]\nper = "kWh"\n' for s in ("buy", "sell") if _timed(given, s)]
    return "\n".join([parts[0], *declared, *calendars, *more, *parts[1:]])


def _scale(given, year):
    if year == 1:
        return Decimal(1)
    rise = Decimal(repr(given.get("inflation_rate", 0))) + Decimal(
        repr((given.get("rate_escalation") or [0])[0])
    )
    return (1 + rise / 100) ** (year - 1)


def prices_by_time(given, scale=Decimal(1)):
    """Prices of the year by series, one per interval; of a single price, that price always."""
    found = {}
    for side in ("buy", "sell"):
        if _timed(given, side):
            rates = given[f"ur_ts_{side}_rate"]
            each = [Decimal(priced(rate, scale)) for rate in rates]
            found[side] = each * (8760 // len(each)) if len(each) < 8760 else each
    return found


def _head():
    return (
        'schema = 1\ntariff = "sam"\ncurrency = "USD"\nzone = "UTC"\nvalid_from = 2000-01-01\n'
        'source = "a test case of the rate engine"\n'
        '[rounding]\nline = { places = 8, mode = "half_even" }\n'
        'total = { places = 2, mode = "half_even" }\n'
    )


# -------------------------------------------------------------------- energy


def _energy(given, scale, exports):
    """Components by the periods that months have, and their calendars."""
    rows = given["ur_ec_tou_mat"]
    tables = (given["ur_ec_sched_weekday"], given["ur_ec_sched_weekend"])
    option = int(given.get("ur_metering_option", 0))
    by_period = {
        int(period): [tuple(row) for row in steps]
        for period, steps in groupby(sorted(rows, key=lambda r: (r[0], r[1])), key=lambda r: r[0])
    }
    used = [frozenset(int(p) for table in tables for p in table[m - 1]) for m in MONTHS]
    single = all(len(by_period[p]) == 1 for p in frozenset().union(*used))
    groups = [(frozenset().union(*used), list(MONTHS))] if single else [
        (periods, [m for m in MONTHS if used[m - 1] == periods])
        for periods in dict.fromkeys(used)
    ]  # fmt: skip
    made, calendars = [], []
    for number, (periods, months) in enumerate(groups):
        name = f"e{number}"
        ladders = {p: _ladder(by_period[p]) for p in sorted(periods)}
        steps = next(iter(ladders.values()))
        if any([s[:2] for s in ladder] != [s[:2] for s in steps] for ladder in ladders.values()):
            raise Unsupported("tiers of one month end elsewhere from period to period")
        calendars.append(_calendar(name, tables, sorted(periods), months))
        made += _parts(name, months, ladders, option, scale, exports, given)
    return made + (_surplus(given, scale, option) if exports else []), calendars


def _ladder(rows):
    """(kWh, kWh per kW, unit, buy, sell) of each tier; None: no end."""
    units = {int(row[3]) for row in rows}
    if units <= {0} or units <= {2}:
        daily = units == {2}
        return [
            (None if row[2] >= 1e37 else Decimal(repr(row[2])), None, daily, row[4], row[5])
            for row in rows
        ]
    if not units <= {0, 1}:
        raise Unsupported("hours of use by the day")
    steps, block = [], None
    for at, row in enumerate(rows):
        if int(row[3]) == 1:
            block = None if row[2] >= 1e37 else Decimal(repr(row[2]))
            if at + 1 < len(rows) and int(rows[at + 1][3]) == 0:
                continue
            steps.append((None, block, False, row[4], row[5]))
        else:
            upto = None if row[2] >= 1e37 else Decimal(repr(row[2]))
            steps.append((upto, block, False, row[4], row[5]))
    while len(steps) > 1 and steps[-2][:2] == (None, None):
        steps.pop()
    return steps


def _parts(name, months, ladders, option, scale, exports, given):
    """The component that is bought, and the one that is sold."""
    buckets = {p: f"p{p}" for p in ladders}
    steps = next(iter(ladders.values()))
    head = f'calendar = "{name}"\nmonths = {months}\nnegative = true\n'

    def prices(at, column):
        pairs = (
            f"{buckets[p]} = {priced(steps[at][column], scale)}" for p, steps in ladders.items()
        )
        return "{ " + ", ".join(pairs) + " }"

    if _timed(given, "buy"):
        made = [(name, _series(name, "import", "buy", ""))]
        sold = [(f"{name}s", _series(f"{name}s", "export", "sell", "credit = true\n"))]
        return made + (sold if exports and option in (2, 3, 4) and _timed(given, "sell") else [])
    netting = _netting(option, exports, ladders, buckets, scale, given)
    tail = f'channel = "import"\n{head}{netting}'
    if len(steps) == 1:
        body = f'shape = "energy"\n{tail}prices = {prices(0, 3)}\n'
    else:
        body = f'shape = "tiered"\n{tail}' + _tiers(steps, prices, netting, ladders, option)
    made = [(name, f'[[components]]\nid = "{name}"\n{body}')]
    if exports and option in (2, 3, 4):
        sold = (
            f'[[components]]\nid = "{name}s"\nshape = "energy"\nchannel = "export"\ncredit = true\n'
            f"{head}prices = {prices(0, 4)}\n"
        )
        made.append((f"{name}s", sold))
    return made


def _timed(given, side):
    return bool(given.get(f"ur_en_ts_{side}_rate"))


def _series(name, channel, series, more):
    return (
        f'[[components]]\nid = "{name}"\nshape = "energy"\nchannel = "{channel}"\n'
        f'series = "{series}"\n{more}'
    )


def _tiers(steps, prices, netting, ladders, option):
    pooling = "pro_rata" if len(ladders) == 1 or option in (0, 1) else "in_order"
    rows = []
    for at, (upto, hours, _, _, _) in enumerate(steps):
        ends = [f"upto = {text(upto)}"] if upto is not None else []
        ends += [f"upto_per_kw = {text(hours)}"] if hours is not None else []
        rows.append("{ " + ", ".join([*ends, f"prices = {prices(at, 3)}"]) + " }")
    unit = "kwh_per_day" if steps[0][2] else "kwh"
    demand = 'demand = "billing"\n' if any(step[1] is not None for step in steps) else ""
    return f'unit = "{unit}"\n{demand}pooling = "{pooling}"\ntiers = [{", ".join(rows)}]\n'


def _netting(option, exports, ladders, buckets, scale, given):
    if not exports or option not in (0, 1):
        return ""
    if option == 1:
        pairs = (f"{buckets[p]} = {priced(steps[0][4], scale)}" for p, steps in ladders.items())
        return (
            f'netting = "month"\ntrue_up = {{ on = "month", prices = {{ {", ".join(pairs)} }} }}\n'
        )
    moves = _moves(given, ladders)
    return f'netting = "month"\ntrue_up = {{ on = "{_closing(given)}", price = 0 }}\n{moves}'


def _moves(given, ladders):
    """Where a season begins, credits follow the hour: the engine looks at 0, 6, 12 and 18."""
    table, moves = given["ur_ec_sched_weekday"], []
    for month in MONTHS:
        before, after = table[month - 2], table[month - 1]
        if set(before) == set(after):
            continue
        moved = {}
        for hour in (0, 6, 12, 18):
            moved.setdefault(int(before[hour]), int(after[hour]))
        moves += [
            f'{{ on = "{month:02}-01", from = "p{old}", to = "p{new}" }}'
            for old, new in moved.items()
            if old != new and old in ladders and new in ladders
        ]
    return f"bank_moves = [{', '.join(moves)}]\n" if moves else ""


def _surplus(given, scale, option):
    """What the year's end pays for: the engine counts all periods of a month together there."""
    price = exact(given.get("ur_nm_yearend_sell_rate", 0), scale)
    if option != 0 or not price:
        return []
    return [
        (
            "surplus",
            '[[components]]\nid = "surplus"\nshape = "energy"\nchannel = "import"\nprice = 0\n'
            f'netting = "month"\ntrue_up = {{ on = "{_closing(given)}", price = {price} }}\n',
        )
    ]


def _closing(given):
    """The day after the month (from 0) that closes the year of credits."""
    month = int(given.get("ur_nm_credit_month", 11)) + 1
    return f"{month % 12 + 1:02}-01"


def _calendar(name, tables, periods, months):
    rules = []
    for days, table in (("weekday", tables[0]), ("weekend", tables[1])):
        for period in periods:
            by_hours = {}
            for month in months:
                hours = tuple(h for h in range(24) if int(table[month - 1][h]) == period)
                by_hours.setdefault(_ranges(hours), []).append(month)
            for hours, mine in by_hours.items():
                if hours:
                    shown = ", ".join(f'"{a:02}:00-{b:02}:00"' for a, b in hours)
                    rules.append(
                        f'{{ bucket = "p{period}", days = ["{days}"], months = {mine}, '
                        f"hours = [{shown}] }}"
                    )
    others = [m for m in MONTHS if m not in months]
    if others:
        rules.append(f'{{ bucket = "p{periods[0]}", months = {others} }}')
    return f"[calendars.{name}]\nrules = [{', '.join(rules)}]\n"


def _ranges(hours):
    found = []
    for hour in hours:
        if found and found[-1][1] == hour:
            found[-1] = (found[-1][0], hour + 1)
        else:
            found.append((hour, hour + 1))
    return tuple(found)


# -------------------------------------------------------------------- demand


def _demand(given, scale):
    made, calendars = [], []
    billing = bool(given.get("ur_enable_billing_demand"))
    if billing:
        made.append(("billing", _billing(given)))
    if not given.get("ur_dc_enable"):
        return made, calendars
    flat = {}
    for row in given["ur_dc_flat_mat"]:
        flat.setdefault(int(row[0]) + 1, []).append((row[2], row[3]))
    by_steps = {}
    for month, steps in flat.items():
        if any(charge for _, charge in steps):
            by_steps.setdefault(tuple(map(tuple, steps)), []).append(month)
    for number, (steps, months) in enumerate(by_steps.items()):
        made.append(
            (f"f{number}", _priced_demand(f"f{number}", steps, months, "", scale, billing, given))
        )
    tables = (given["ur_dc_sched_weekday"], given["ur_dc_sched_weekend"])
    periods = sorted({int(p) for table in tables for row in table for p in row})
    rows = {}
    for row in given["ur_dc_tou_mat"]:
        rows.setdefault(int(row[0]), []).append((row[2], row[3]))
    for period in periods:
        if any(charge for _, charge in rows.get(period, ())):
            name = f"d{period}"
            calendars.append(_calendar_of_one(name, tables, period))
            made.append(
                (name, _priced_demand(name, rows[period], MONTHS, name, scale, billing, given))
            )
    return made, calendars


def _calendar_of_one(name, tables, period):
    rules = []
    for days, table in (("weekday", tables[0]), ("weekend", tables[1])):
        for month in MONTHS:
            hours = _ranges([h for h in range(24) if int(table[month - 1][h]) == period])
            if hours:
                shown = ", ".join(f'"{a:02}:00-{b:02}:00"' for a, b in hours)
                rules.append(
                    f'{{ bucket = "on", days = ["{days}"], months = [{month}], hours = [{shown}] }}'
                )
    return f'[calendars.{name}]\nrules = [{", ".join(rules)}, {{ otherwise = "off" }}]\n'


def _priced_demand(name, steps, months, calendar, scale, billing, given):
    def price(charge):
        value = priced(charge, scale)
        return f"prices = {{ on = {value}, off = 0 }}" if calendar else f"price = {value}"

    rows = [
        "{ "
        + ("" if most >= 1e37 else f"upto = {text(Decimal(repr(most)))}, ")
        + price(charge)
        + " }"
        for most, charge in steps
    ]
    body = f"tiers = [{', '.join(rows)}]\n" if len(rows) > 1 else price(steps[0][1]) + "\n"
    body += f'calendar = "{calendar}"\n' if calendar else ""
    body += _ratchet(given) if billing else ""
    return f'[[components]]\nid = "{name}"\nshape = "demand"\nmonths = {list(months)}\n{body}'


def _billing(given):
    """Billing demand: priced nowhere, counted by the hours of use."""
    return f'[[components]]\nid = "billing"\nshape = "demand"\nprice = 0\n{_ratchet(given)}'


def _ratchet(given):
    months = int(given["ur_billing_demand_lookback_period"])
    least = text(Decimal(repr(given["ur_billing_demand_minimum"])))
    percents = given["ur_billing_demand_lookback_percentages"]
    by_month = ", ".join(f'"{m}" = {text(Decimal(repr(p[0])))}' for m, p in enumerate(percents, 1))
    current = ", ".join(
        f'"{m}" = {text(Decimal(repr(p[0])))}' for m, p in enumerate(percents, 1) if not p[1]
    )
    inner = f"percent = 100, months = {months}, by_month = {{ {by_month} }}"
    inner += f", current_by_month = {{ {current} }}" if current else ""
    return f"minimum_kw = {least}\nratchet = {{ {inner} }}\n"


# ------------------------------------------------------------------- on lines


def _bounds(given, scale, charges):
    made = []
    names = ", ".join(f'"{name}"' for name in charges)
    monthly = exact(given.get("ur_monthly_min_charge", 0), scale)
    if monthly:
        made.append(
            f'[[components]]\nid = "least"\nshape = "minimum"\nof = [{names}]\namount = {monthly}\n'
        )
        charges.append("least")
        names += ', "least"'
    yearly = exact(given.get("ur_annual_min_charge", 0), scale)
    if yearly:
        made.append(
            f'[[components]]\nid = "least-year"\nshape = "minimum"\nof = [{names}]\n'
            f'amount = {yearly}\nper = "year"\nsettle = {{ on = "01-01" }}\n'
        )
        charges.append("least-year")
    return made


def _banks(given, charges, exports):
    """Credits in money: for later bills, or what a bill could not use."""
    option = int(given.get("ur_metering_option", 0))
    if not exports:
        return []
    sold = [name for name in charges if name.startswith("e") and name.endswith("s")]
    others = [name for name in charges if name not in sold]

    def listed(names):
        return "[" + ", ".join(f'"{name}"' for name in names) + "]"

    if option == 3:
        now = bool(given.get("ur_nb_apply_credit_current_month"))
        percent = 0 if given.get("ur_nb_credit_expire") else 100
        body = f"of = {listed(charges if now else others)}\n"
        body += "" if now else f"later = {listed(sold)}\n"
        body += f'true_up = {{ on = "{_closing(given)}", percent = {percent} }}\n'
        return [f'[[components]]\nid = "bank"\nshape = "bank"\n{body}']
    if option in (0, 1) and given.get("ur_nm_credit_rollover"):
        return [f'[[components]]\nid = "bank"\nshape = "bank"\nof = {listed(charges)}\n']
    return []
