"""Step 6, the second opinion: exact numbers and the tariff document, read from `docs/tariff.md`.

Every key is known, every number exact, every minute of a calendar has one bucket, every bucket a
price: what is not so is refused here, so that nothing of the document is left unread later.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import date, timedelta
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from typing import Any

__all__ = ["MICRO", "Calendar", "Held", "exact", "micro", "plain", "rounded", "tariff"]

MICRO = 1_000_000
HALF_EVEN = {"places": 6, "mode": "half_even"}


class Held(Exception):
    """The pages say: no lines for this segment."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


# ------------------------------------------------------------- exact numbers


def rounded(value: Fraction, how: Mapping[str, Any]) -> Fraction:
    """Round to `places` decimals; every mode treats a negative number as its mirror image."""
    scaled = abs(value) * 10 ** int(how["places"])
    whole, rest = scaled.numerator // scaled.denominator, scaled % 1
    up = {
        "half_up": rest >= Fraction(1, 2),
        "half_even": rest > Fraction(1, 2) or (rest == Fraction(1, 2) and whole % 2 == 1),
        "down": False,
        "up": rest > 0,
    }[how["mode"]]
    return Fraction(whole + up, 10 ** int(how["places"])) * (-1 if value < 0 else 1)


def micro(value: Fraction) -> int:
    """A quantity as a whole number of millionths, rounded half even."""
    return int(rounded(value, HALF_EVEN) * MICRO)


def plain(value: Fraction) -> str:
    """An exact decimal as text: no exponent, no trailing zero, no minus zero."""
    places = 0
    while (value * 10**places).denominator != 1:
        places += 1
    digits = str(abs(int(value * 10**places))).rjust(places + 1, "0")
    point = len(digits) - places
    return ("-" if value < 0 else "") + digits[:point] + ("." + digits[point:] if places else "")


def exact(value: object) -> Fraction:
    """A number of a tariff document: a plain decimal below a million, at most 8 decimals."""
    text = str(value) if isinstance(value, (int, str)) and not isinstance(value, bool) else ""
    if not re.fullmatch(r"-?[0-9]{1,6}(\.[0-9]{1,8})?", text, re.ASCII):
        raise Held("rating.tariff.invalid", f"{str(value)[:40]!r} is not an exact decimal.")
    return Fraction(text)


# ----------------------------------------------------------- tariff document

DOCUMENT = """schema tariff title currency zone valid_from valid_to source assumptions rounding
 holidays calendars components"""
COMMON = "id shape title kind months proration rounding ledger source credit negative"
SHAPES = {
    "energy": "channel calendar price prices netting",
    "tiered": "channel calendar tiers window resets method pooling netting",
    "demand": """channel calendar price prices tiers window_min basis minimum_kw ratchet
 excess_over excess_factor excess_reading round_kw""",
    "fixed": "per price",
    "percentage": "of percent",
    "power_factor": "of rows standard",
    "minimum": "of amount",
    "maximum": "of amount",
}
CHOICES = {
    "channel": "import export reactive_import reactive_export",
    "netting": "month",
    "window": "month year",
    "method": "graduated",
    "pooling": "pro_rata",
    "basis": "measured contract",
    "excess_reading": "above_contract above_threshold",
    "per": "month day year kva_month kw_month",
    "proration": "days none",
}
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday")
GROUPS = {"weekday": DAYS[:5], "weekend": DAYS[5:7]}


def refuse(condition: object, message: str) -> None:
    """Refuse the tariff document if `condition` holds."""
    if condition:
        raise Held("rating.tariff.invalid", f"The tariff document is refused: {message}.")


def known(table: Mapping[str, Any], names: str, where: str) -> None:
    """Refuse a key that nobody would read."""
    unknown = table.keys() - set(names.split())
    refuse(unknown, f"{where} has the unknown key {sorted(unknown)[:1]}")


@lru_cache(maxsize=64)
def tariff(document: bytes) -> dict[str, Any]:
    """The document as a table, every component checked, `calendars` painted minute by minute."""
    try:  # numbers stay the text that they are: a binary float never comes to be
        return checked(tomllib.loads(document.decode("utf-8-sig"), parse_float=str))
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
    ) as err:
        reason = f"The tariff document is refused: {type(err).__name__}: {str(err)[:200]}"
        raise Held("rating.tariff.invalid", reason) from err


def checked(table: dict[str, Any]) -> dict[str, Any]:
    """The same table, when it says what `docs/tariff.md` asks for."""
    known(table, DOCUMENT, "the document")
    refuse(table["schema"] != 1, "its schema is not 1")
    for name in ("line", "total"):
        check_rounding(table["rounding"][name])
    known(table["rounding"], "line total", "rounding")
    rules = table.setdefault("calendars", {})
    check_holidays(table)
    table["calendars"] = {
        name: Calendar(calendar["rules"], table.get("holidays", {}).get("dates", []), name)
        for name, calendar in rules.items()
    }
    ids = [component["id"] for component in table["components"]]
    refuse(len(set(ids)) != len(ids), "two components have one id")
    for component in table["components"]:
        check_component(component, table["calendars"], ids)
    return table


def check_holidays(table: dict[str, Any]) -> None:
    """The years that the version reaches are all there, when a calendar asks for them."""
    rules = [rule for calendar in table.get("calendars", {}).values() for rule in calendar["rules"]]
    first = table["valid_from"]
    refuse(table.get("valid_to", date.max) <= first, "it ends before it begins")
    if any("holiday" in rule.get("days", ()) for rule in rules):
        known(table["holidays"], "source years dates", "holidays")
        years = table["holidays"]["years"]
        last = (table["valid_to"] - timedelta(days=1)).year if "valid_to" in table else max(years)
        gap = set(range(first.year, last + 1)) - set(years)
        refuse(gap or not years, f"the holidays of {sorted(gap)[:1]} are not listed")


def check_rounding(how: Mapping[str, Any], most: int = 8) -> None:
    """`{places = 0..8, mode = …}` and nothing else."""
    known(how, "places mode", "a rounding")
    refuse(not 0 <= how["places"] <= most, "a rounding's places are out of range")
    refuse(how["mode"] not in ("half_up", "half_even", "down", "up"), "unknown rounding mode")


def check_component(c: dict[str, Any], calendars: dict[str, Calendar], ids: list[str]) -> None:
    """Nothing unknown, nothing missing, a price for every bucket; numbers become exact."""
    name, shape = f"component {c['id']}", c["shape"]
    refuse(shape not in SHAPES, f"{name} has an unknown shape")
    known(c, f"{COMMON} {SHAPES[shape]}", name)
    for key, choices in CHOICES.items():
        refuse(key in c and c[key] not in choices.split(), f"{name}: {key} = {c.get(key)!r}")
    check_rounding(c.get("rounding", {"places": 2, "mode": "down"}))
    refuse(not set(c.get("months", [1])) <= set(range(1, 13)), f"{name}: months")
    refuse(set(c.get("of", [])) - set(ids), f"{name} names a component that is not there")
    buckets = [""]
    if "calendar" in c:
        refuse(c["calendar"] not in calendars, f"{name}: no calendar {c['calendar']!r}")
        buckets = calendars[c["calendar"]].buckets
    c["buckets"] = buckets
    c["tiers"] = price_tiers(c, buckets, name)
    if shape == "tiered":
        refuse("calendar" in c and "pooling" not in c, f"{name}: pooling is required")
        refuse(not re.fullmatch(r"\d\d-\d\d", c.setdefault("resets", "01-01")), f"{name}: resets")
        date.fromisoformat(f"2001-{c['resets']}")  # 29 February is not a day of every year
    if shape == "demand":
        check_demand(c, name)
    for key in ("percent", "amount", "minimum_kw", "excess_over", "excess_factor"):
        if key in c:
            c[key] = exact(c[key])
            refuse(c[key] < 0 and not c.get("negative"), f"{name}: {key} is negative")
    refuse(c.get("credit") and shape in ("minimum", "maximum"), f"{name}: credit")
    if c.get("basis") == "contract":
        each = c["tiers"][0]["prices"][""] * c["excess_factor"]
        refuse((each * 10**8).denominator != 1, f"{name}: excess price has over 8 decimals")
    if shape == "percentage":
        refuse(c["percent"] > 100, f"{name}: more than 100 percent")
    if shape == "power_factor":
        rows = [(exact(text), exact(percent)) for text, percent in c["rows"].items()]
        steps = {above[0] - below[0] for above, below in pairwise(rows)}
        refuse(not rows or steps - {Fraction(1, 100)}, f"{name}: rows must descend by 0.01")
        c["rows"] = rows


def price_tiers(c: dict[str, Any], buckets: list[str], name: str) -> list[dict[str, Any]]:
    """The prices as tiers `{upto, prices}`: a component without tiers has one without bound."""
    if c["shape"] in ("percentage", "power_factor", "minimum", "maximum"):
        return []
    refuse(c["shape"] == "tiered" and not c.get("tiers"), f"{name} has no tiers")
    refuse("tiers" in c and c.keys() & {"price", "prices"}, f"{name}: prices twice")
    tiers, last = [], Fraction(0)
    for i, written in enumerate(
        c.get("tiers", [{k: c[k] for k in c.keys() & {"price", "prices"}}])
    ):
        known(written, f"upto {'prices' if 'calendar' in c else 'price'}", f"{name}, tier {i + 1}")
        prices = written["prices"] if "calendar" in c else {"": written["price"]}
        refuse(set(prices) != set(buckets), f"{name}: prices do not fit the calendar's buckets")
        prices = {bucket: exact(price) for bucket, price in prices.items()}
        refuse(min(prices.values()) < 0 and not c.get("negative"), f"{name}: a negative price")
        upto = exact(written["upto"]) if "upto" in written else None
        refuse(upto is not None and upto <= last, f"{name}: tiers must rise")
        refuse((upto is None) != (i + 1 == len(c.get("tiers", [0]))), f"{name}: upto of a tier")
        last = upto or last
        tiers.append({"upto": upto, "prices": prices})
    return tiers


def check_demand(c: dict[str, Any], name: str) -> None:
    """The keys that belong to each basis."""
    refuse(1440 % c.get("window_min", 1), f"{name}: window_min must divide 1440")
    if "round_kw" in c:
        check_rounding(c["round_kw"], most=6)
    if "ratchet" in c:
        known(c["ratchet"], "percent months", f"{name}, ratchet")
        refuse(not 1 <= c["ratchet"]["months"] <= 120, f"{name}: ratchet months")
    if c.setdefault("basis", "measured") == "contract":
        refuse(
            not c.keys() >= {"excess_over", "excess_factor", "excess_reading"}, f"{name}: excess"
        )
        alien = c.keys() & {"calendar", "ratchet", "minimum_kw"}
        refuse(alien or len(c["tiers"]) > 1, f"{name}: a contract takes no tiers, no {alien}")
    else:
        refuse([key for key in c if key.startswith("excess")], f"{name}: excess without contract")


class Calendar:
    """Exactly one bucket for every minute of every month and day type."""

    def __init__(self, rules: list[dict[str, Any]], holidays: list[date], name: str) -> None:
        named = [str(r["otherwise"] if "otherwise" in r else r["bucket"]) for r in rules]
        self.buckets: list[str] = list(dict.fromkeys(named))
        self.holidays = set(holidays)
        self.uses_holiday = any("holiday" in r.get("days", ()) for r in rules)
        otherwise = [r for r in rules if "otherwise" in r]
        alone = otherwise == rules[-1:] and otherwise[0].keys() == {"otherwise"}
        refuse(otherwise and not alone, f"calendar {name}: otherwise")
        self.minutes = {
            (month, day): self._paint(rules, month, day, name)
            for month in range(1, 13)
            for day in DAYS
            if day != "holiday" or self.uses_holiday
        }

    def _paint(self, rules: list[dict[str, Any]], month: int, day: str, name: str) -> list[str]:
        minutes: list[str | None] = [None] * 1440
        for rule in (r for r in rules if "bucket" in r):
            known(rule, "bucket months days hours", f"calendar {name}")
            types = {t for d in rule.get("days", DAYS) for t in GROUPS.get(d, (d,))}
            refuse(types - set(DAYS), f"calendar {name}: unknown day")
            if month in rule.get("months", range(1, 13)) and day in types:
                for hours in rule.get("hours", ["00:00-24:00"]):
                    first, end = clock_range(hours)
                    where = f"calendar {name}: {hours}, month {month}, {day} is covered twice"
                    refuse(any(minutes[first:end]), where)
                    minutes[first:end] = [rule["bucket"]] * (end - first)
        rest = str(rules[-1].get("otherwise", ""))
        refuse(None in minutes and not rest, f"calendar {name}: month {month}, {day} has a gap")
        return [bucket or rest for bucket in minutes]

    def day(self, day: date) -> list[str]:
        """The bucket of each minute of the local clock on that day."""
        holiday = self.uses_holiday and day in self.holidays
        return self.minutes[day.month, "holiday" if holiday else DAYS[day.weekday()]]


def clock_range(text: str) -> tuple[int, int]:
    """`HH:MM-HH:MM` as minutes of the day, half-open."""
    found = re.fullmatch(r"([0-9]{2}):([0-5][0-9])-([0-9]{2}):([0-5][0-9])", text)
    refuse(not found, f"hours {text!r}")
    assert found
    first, end = (int(found[i]) * 60 + int(found[i + 1]) for i in (1, 3))
    refuse(not 0 <= first < end <= 1440, f"hours {text!r}")
    return first, end
