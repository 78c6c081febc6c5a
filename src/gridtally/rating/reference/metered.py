"""Step 6, the second opinion: components of energy and demand, every key of them checked."""

from __future__ import annotations

from fractions import Fraction

from gridtally.rating.reference.hours import known, refuse
from gridtally.rating.reference.values import (
    C,
    Table,
    check_losses,
    check_rounding,
    count,
    floor_of,
    numbers,
    price_tiers,
    value,
    values,
    yearly_day,
)

__all__ = ["MEASURED", "SERIES", "check_demand", "check_energy", "check_tiered"]

SERIES = "times plus floor cap round_price round_each"
MEASURED = """channel calendar window_min rolling_min top distinct_days measure power least_measured
 minimum_kw least_of_contract least_of_capacity mean_of_months power_factor_below ratchet look_back
 above_percent contracts excess_over excess_factor excess_reading round_kw"""


def check_billed(c: C, table: Table, name: str) -> None:
    """*From measured to billed energy*."""
    refuse("channel" not in c, f"{name} has no channel")
    netting, billed = c.get("netting"), c.keys() & {"part", "loss_factor", "loss_factors"}
    if netting:
        channels = ("import",) if netting == "month" else ("import", "export")
        refuse(c["channel"] not in channels, f"{name}: netting of this channel")
    refuse(netting == "month" and billed, f"{name}: netting beside {sorted(billed)}")
    refuse("part" in c and c["part"] not in table["parts"], f"{name}: no part {c.get('part')!r}")
    check_losses(c, table, name)
    refuse("losses" in c and netting, f"{name}: losses beside netting")
    refuse(c.keys() >= {"loss_factor", "loss_factors"}, f"{name}: loss factors twice")
    if "loss_factor" in c:
        given = c["loss_factor"] if isinstance(c["loss_factor"], list) else [c["loss_factor"]]
        refuse(not 1 <= len(given) <= 4, f"{name}: one to four loss factors")
        factors = [value(each, table["terms"], least=0) for each in given]
        c["loss_factors"] = dict.fromkeys(c["buckets"], factors)
    elif "loss_factors" in c:
        given = c["loss_factors"]
        fits = "calendar" in c and set(given) == set(c["buckets"])
        refuse(not fits, f"{name}: loss_factors do not fit the calendar's buckets")
        c["loss_factors"] = {b: [value(v, table["terms"], least=0)] for b, v in given.items()}
    check_rounding(c.get("round_quantity", {"places": 6, "mode": "down"}), most=6)
    if "true_up" in c:
        refuse(netting != "month", f"{name}: true_up without netting by month")
        check_true_up(c, f"{name}, true_up")
    if "bank_moves" in c:
        refuse(netting != "month" or "calendar" not in c, f"{name}: bank_moves")
        check_moves(c, f"{name}, bank_moves")


def check_moves(c: C, name: str) -> None:
    """Days, and buckets of the calendar; of one bucket at most one move a day."""
    for move in c["bank_moves"]:
        known(move, "on from to", name)
        yearly_day(move["on"], f"{name}: on")
        refuse({move["from"], move["to"]} - set(c["buckets"]), f"{name}: no such bucket")
    once = {(move["on"], move["from"]) for move in c["bank_moves"]}
    refuse(len(once) != len(c["bank_moves"]), f"{name}: a bucket moves twice")


def check_true_up(c: C, name: str) -> None:
    """When the bank is paid, and at which price; by bucket, if it is so written."""
    given = c["true_up"]
    known(given, "on price prices", name)
    if given["on"] != "month":
        yearly_day(given["on"], f"{name}: on")
    refuse(("price" in given) == ("prices" in given), f"{name}: one of price and prices")
    by_bucket = given.get("prices")
    if by_bucket is None:
        by_bucket = dict.fromkeys(c["buckets"], given["price"])
    else:
        fits = "calendar" in c and set(by_bucket) == set(c["buckets"])
        refuse(not fits, f"{name}: prices do not fit the calendar's buckets")
    c["true_up"] = {"on": given["on"], "prices": dict(by_bucket)}
    numbers(c["true_up"]["prices"], name, *by_bucket, below_zero=bool(c.get("negative")))


def check_energy(c: C, table: Table, name: str) -> None:
    """A price, prices by bucket, or a series."""
    check_billed(c, table, name)
    if "series" not in c:
        alien = c.keys() & set(SERIES.split())
        refuse(alien, f"{name}: {sorted(alien)[:1]} without a series")
        price_tiers(c, table, name)
        return
    refuse(c.keys() & {"price", "prices"}, f"{name}: a price beside the series")
    refuse(c.get("netting") == "month", f"{name}: netting by month of a series")
    refuse(c["series"] not in table["series"], f"{name}: no series {c['series']!r}")
    reactive = table["series"][c["series"]]["per"] in ("kvarh", "Mvarh")
    refuse(reactive != c["channel"].startswith("reactive"), f"{name}: unit of the series")
    values(c, table, {"times": (floor_of(c), None), "plus": (floor_of(c), None)})
    numbers(c, name, "floor", "cap", below_zero=True)
    refuse("cap" in c and c.get("floor", c["cap"]) > c["cap"], f"{name}: floor above cap")
    for key in ("round_price", "round_each"):
        check_rounding(c.get(key, {"places": 2, "mode": "down"}))


def check_tiered(c: C, table: Table, name: str) -> None:
    """What goes with which window, unit, method and pooling."""
    refuse("tiers" not in c, f"{name} has no tiers")
    check_billed(c, table, name)
    price_tiers(c, table, name)
    window, pooling = c.setdefault("window", "month"), c.get("pooling")
    unit, more = c.setdefault("unit", "kwh"), c.get("more")
    method = c.setdefault("method", "graduated")
    refuse("calendar" in c and not pooling, f"{name}: pooling is required")
    refuse(pooling and "calendar" not in c, f"{name}: pooling without a calendar")
    refuse(c.setdefault("fill", "position") == "quota" and window != "year", f"{name}: fill")
    refuse(window == "year" and unit != "kwh", f"{name}: unit with yearly windows")
    refuse(window != "month" and method == "volume", f"{name}: volume with this window")
    refuse(window == "year" and pooling in ("separate", "in_order"), f"{name}: pooling")
    hours_of_use = any(tier.get("upto_per_kw") is not None for tier in c["tiers"])
    needed = unit == "kwh_per_kw" or hours_of_use
    refuse(needed != ("demand" in c), f"{name}: hours of use name a demand")
    plain_month = window == "month" and unit == "kwh" and pooling != "in_order"
    refuse(hours_of_use and not plain_month, f"{name}: hours of use")
    refuse(unit == "kwh_per_person" and "persons" not in table["terms"], f"{name}: no persons")
    billed = c.keys() & {"part", "losses", "loss_factor", "loss_factors", "round_quantity"}
    if window == "day":
        refuse(unit in ("kwh_per_day", "kwh_per_kw"), f"{name}: unit with a window of a day")
        refuse(pooling not in (None, "separate"), f"{name}: pooling with a window of a day")
        refuse(billed or c.get("netting") == "month", f"{name}: {billed} with a window of a day")
    if pooling == "in_order":
        plainly = window == "month" and unit in ("kwh", "kwh_per_day") and method == "graduated"
        refuse(not plainly or more or billed, f"{name}: in_order")
        refuse(c.get("netting", "interval") != "interval", f"{name}: in_order with this netting")
    resets = c.get("resets", "01-01")
    c["resets"] = resets if isinstance(resets, list) else [resets]
    refuse(not c["resets"], f"{name}: resets")
    for day in c["resets"]:
        yearly_day(day, f"{name}: resets")
    if more is not None:
        known(more, "term above each", f"{name}, more")
        numbers(more, name, "above", "each")
        more["term"] = value({"term": more["term"]}, table["terms"], least=0)


# ------------------------------------------------------------------- demand


def check_demand(c: C, table: Table, name: str) -> None:
    """The keys that belong to each basis and each measure."""
    basis = c.setdefault("basis", "measured")
    needed = basis == "billed" or "above_percent" in c
    refuse(needed != ("demand" in c), f"{name}: billed, or above a part of, which demand")
    if basis == "billed":
        alien = c.keys() & set(MEASURED.split())
        refuse(alien, f"{name}: {sorted(alien)} beside the demand of another")
        price_tiers(c, table, name)
        return
    c.setdefault("channel", "import")
    refuse(basis == "contract" and "tiers" in c, f"{name}: a contract takes no tiers")
    price_tiers(c, table, name)
    window, rolling = c.get("window_min"), c.get("rolling_min")
    for minutes in (each for each in (window, rolling) if each is not None):
        count(minutes, f"{name}: minutes of a window", 1440)
        refuse(1440 % minutes, f"{name}: windows must divide the day")
    refuse(rolling and (not window or window % rolling), f"{name}: rolling_min")
    if "top" in c:
        count(c["top"], f"{name}: top", 100)
        refuse("measure" in c, f"{name}: top beside measure")
    refuse("distinct_days" in c and "top" not in c, f"{name}: distinct_days without top")
    refuse(not isinstance(c.get("distinct_days", False), bool), f"{name}: distinct_days")
    check_rounding(c.get("round_kw", {"places": 6, "mode": "down"}), most=6)
    least = ("least_measured", "minimum_kw", "least_of_contract", "least_of_capacity")
    values(c, table, dict.fromkeys(least, (0, None)))
    numbers(c, name, "power_factor_below", "above_percent", "excess_over", "excess_factor")
    if "mean_of_months" in c:
        count(c["mean_of_months"] - 1, f"{name}: mean_of_months", 35)
    if "ratchet" in c:
        check_ratchet(c["ratchet"], name)
        two = c["ratchet"]["current_by_month"] and "mean_of_months" in c
        refuse(two, f"{name}: current_by_month beside mean_of_months")
    looks_back = c.keys() & {"ratchet", "mean_of_months"}
    refuse("look_back" in c and not looks_back, f"{name}: look_back without anything to look at")
    refuse(c.get("power_factor_below", 0) > 1, f"{name}: power_factor_below")
    check_basis(c, table, name)


def check_ratchet(ratchet: C, name: str) -> None:
    """`percent`, `months`, and percentages of single calendar months."""
    known(ratchet, "percent months by_month current_by_month", f"{name}, ratchet")
    count(ratchet["months"], f"{name}: ratchet months", 36)
    numbers(ratchet, name, "percent")
    refuse("percent" not in ratchet or ratchet["percent"] > 100, f"{name}: ratchet percent")
    for key in ("by_month", "current_by_month"):
        of_months = ratchet.setdefault(key, {})
        refuse(of_months.keys() - {str(m) for m in range(1, 13)}, f"{name}: {key}")
        numbers(of_months, name, *of_months)
        refuse(any(percent > 100 for percent in of_months.values()), f"{name}: {key}")


def check_basis(c: C, table: Table, name: str) -> None:
    """A contract has an excess and no tiers; a measured demand has neither of them."""
    if c["basis"] == "measured":
        alien = {key for key in c if key.startswith("excess")} | c.keys() & {"contracts"}
        refuse(alien, f"{name}: {sorted(alien)} without a contract")
        return
    refuse(not c.keys() >= {"excess_over", "excess_factor", "excess_reading"}, f"{name}: excess")
    alien = c.keys() & {
        "ratchet", "look_back", "least_measured", "above_percent", "demand", "minimum_kw",
        "least_of_contract", "mean_of_months", "power_factor_below",
    }  # fmt: skip
    refuse(alien or len(c["tiers"]) > 1, f"{name}: a contract takes no tiers, no {sorted(alien)}")
    for price in c["tiers"][0]["prices"].values():
        each = (price.number or Fraction(0)) * c["excess_factor"]
        refuse((each * 10**8).denominator != 1, f"{name}: excess price has over 8 decimals")
    check_contracts(c, table, name)


def check_contracts(c: C, table: Table, name: str) -> None:
    """With a calendar, and only then, what is agreed for each bucket."""
    refuse(("calendar" in c) != ("contracts" in c), f"{name}: contracts and calendar")
    if "contracts" in c:
        given = c["contracts"]
        refuse(set(given) != set(c["buckets"]), f"{name}: contracts do not fit the calendar")
        c["contracts"] = {b: value(v, table["terms"], least=0) for b, v in given.items()}
