"""A small street for tests: clean tables of one month and a year of history, all consistent.

Every figure comes from a seeded generator; bills add up, dials and days agree with the energy.
"""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from gridtally import tables as t
from gridtally.periods import Period
from gridtally.review.inputs import TARIFFS

PERIOD = Period.month(2026, 10)
KWH = 1_000_000
SEASON = {
    10: 100,
    11: 115,
    12: 130,
    1: 135,
    2: 120,
    3: 110,
    4: 95,
    5: 85,
    6: 80,
    7: 82,
    8: 78,
    9: 90,
}
PRICES = {
    "home": Decimal("0.21"),
    "home-tou": Decimal("0.20"),
    "shop": Decimal("0.16"),
    "works": Decimal("0.12"),
}
CENT = Decimal("0.01")


def months():
    return [Period.month(2025 + (9 + n) // 12, (9 + n) % 12 + 1) for n in range(13)]


def price_lines(segment, tariff, kwh_u, demand_kw, *, span=0, export_u=0):
    """Standing charge, energy, demand, credit and tax, as LINES rows, and the total."""
    rows = []

    def line(component, kind, quantity, unit, price, amount):
        rows.append(
            {
                "segment": segment,
                "span": span,
                "line": len(rows),
                "component": component,
                "kind": kind,
                "bucket": "",
                "quantity": quantity,
                "unit": unit,
                "price": price,
                "factor": "1",
                "amount": amount,
            }
        )

    line("standing", "fixed", Decimal(1), "month", Decimal(5), Decimal(5))
    kwh = Decimal(kwh_u) / KWH
    line("energy", "energy", kwh, "kWh", PRICES[tariff], (kwh * PRICES[tariff]).quantize(CENT))
    if demand_kw is not None:
        power = Decimal(demand_kw)
        line("demand", "demand", power, "kW", Decimal(3), (power * 3).quantize(CENT))
    if tariff == "works":
        line("pf", "power_factor", Decimal(100), "percent", Decimal(-1), Decimal("-12.00"))
        rows[-1]["bucket"] = "0.95"
    if export_u:
        out = Decimal(export_u) / KWH
        line(
            "feed-in",
            "energy",
            out,
            "kWh",
            Decimal("0.08"),
            -(out * Decimal("0.08")).quantize(CENT),
        )
    base = sum(row["amount"] for row in rows)
    line("vat", "tax", base, "EUR", Decimal(20), (base * 20 / 100).quantize(CENT))
    return rows, sum(row["amount"] for row in rows)


class Street:
    """Collects rows, gives tables."""

    def __init__(self, seed=1):
        self.random = random.Random(seed)
        self.rows = {
            name: []
            for name in (
                "spans",
                "segments",
                "bills",
                "lines",
                "determinants",
                "history",
                "accounts",
                "metering_points",
                "meters",
                "registers",
                "agreements",
                "register_readings",
                "past_readings",
                "past_determinants",
                "advances",
                "daily",
            )
        }
        self.count = 0

    def noise(self, middle, permille):
        return middle * (1000 + self.random.randint(-permille, permille)) // 1000

    def customer(
        self,
        segment,
        tariff,
        day_kwh,
        *,
        register=False,
        tou=False,
        pv=False,
        demand_kw=None,
        multiplier=1,
    ):
        """One account with thirteen months; the last one is the period."""
        self.count += 1
        n = self.count
        account, point, agreement, meter = f"AC-{n:04d}", f"MP-{n:04d}", f"AG-{n:04d}", f"M{n:04d}"
        self.rows["accounts"].append({"account": account, "segment": segment, "language": "en"})
        self.rows["metering_points"].append(
            {
                "metering_point": point,
                "zone": "Europe/Lisbon",
                "region": f"R{n % 3}",
                "fuse_ukw": max(14, day_kwh // 2) * KWH,
                "features": "pv" if pv else "",
            }
        )
        self.rows["meters"].append(
            {"meter": meter, "metering_point": point, "from": date(2020, 1, 1), "to": None}
        )
        contract = demand_kw * 2 if segment == "factory" else None
        legal = "register" if register else "interval"
        self.rows["agreements"].append(
            {
                "agreement": agreement,
                "account": account,
                "metering_point": point,
                "from": date(2020, 1, 1),
                "to": None,
                "tariff": tariff,
                "legal_source": legal,
                "contract_ukw": contract and contract * KWH,
                "capacity_ukva": None,
            }
        )
        habit = self.noise(day_kwh * KWH, 300)
        dial = self.random.randint(1000, 60000) * KWH
        common = {"account": account, "agreement": agreement, "metering_point": point}
        for period in months():
            now = period == PERIOD
            segment_id = f"{agreement}/{period.start}/{period.end}"
            bill = f"{account}/{period.start}/{period.end}"
            where = {"segment": segment_id, "from": period.start, "to": period.end} | common
            days = [
                self.noise(habit * SEASON[period.start.month] // 100, 200)
                for _ in range(period.days)
            ]
            days = [day // (1000 * multiplier) * 1000 * multiplier for day in days]
            used = sum(days)
            fed = used // 2 if pv else 0
            power = None if demand_kw is None else self.noise(demand_kw * KWH, 100)
            lines, total = price_lines(
                segment_id, tariff, used, power and Decimal(power) / KWH, export_u=fed
            )
            facts = {
                "bill": bill,
                "currency": "EUR",
                "import_ukwh": used,
                "export_ukwh": fed,
                "estimated_ukwh": 0,
                "demand_ukw": power,
                "total": total,
            }
            parts = self.determinants(segment_id, used, fed, tou, power)
            reads = self.readings(where, meter, dial, used, multiplier) if register else []
            dial += used // multiplier
            if not now:
                self.rows["history"].append(
                    where
                    | facts
                    | {
                        "customer_segment": segment,
                        "tariff": tariff,
                        "findings": "",
                        "decision": "issued",
                        "run": "r",
                    }
                )
                if period == months()[-2]:
                    self.rows["past_readings"] += reads
                    self.rows["past_determinants"] += parts
                continue
            self.rows["segments"].append(
                where
                | facts
                | {"legal_source": legal, "tariffs": f"sha256:{tariff}", "input_digest": "0" * 64}
            )
            self.rows["spans"].append(
                where
                | {
                    "span": 0,
                    "zone": "Europe/Lisbon",
                    "start_utc": 0,
                    "end_utc": 1,
                    "legal_source": legal,
                    "tariff": f"sha256:{tariff}",
                    "contract_ukw": contract and contract * KWH,
                    "capacity_ukva": None,
                }
            )
            self.rows["bills"].append(
                {
                    "bill": bill,
                    "account": account,
                    "from": period.start,
                    "to": period.end,
                    "currency": "EUR",
                    "segments": 1,
                    "total": total,
                    "state": "draft",
                    "leaf": f"leaf-{n}",
                }
            )
            self.rows["lines"] += lines
            self.rows["determinants"] += parts
            self.rows["register_readings"] += reads
            if register:
                self.rows["advances"].append(
                    {
                        "segment": segment_id,
                        "span": 0,
                        "channel": "import",
                        "bucket": "total",
                        "kind": "cumulative",
                        "value": used,
                        "estimated": 0,
                    }
                )
                self.rows["registers"].append(
                    {
                        "meter": meter,
                        "register": "1.8.0",
                        "channel": "import",
                        "bucket": "total",
                        "kind": "cumulative",
                        "digits": 5,
                        "multiplier": multiplier * KWH,
                    }
                )
            self.rows["daily"] += [
                {
                    "metering_point": point,
                    "channel": "import",
                    "day": period.start + timedelta(k),
                    "ukwh": day,
                    "estimated_ukwh": 0,
                }
                for k, day in enumerate(days)
            ]
        return f"{agreement}/{PERIOD.start}/{PERIOD.end}"

    def determinants(self, segment, used, fed, tou, power):
        rows = [("energy/import/all/all", used)]
        if tou:
            peak = used * self.random.randint(230, 300) // 1000
            rows += [("energy/import/tou/peak", peak), ("energy/import/tou/off", used - peak)]
        if fed:
            rows.append(("energy/export/all/all", fed))
        if power is not None:
            rows.append(("demand/import/all/all", power))
            rows.append(("energy/reactive_import/all/all", used // 3))
        return [
            {
                "segment": segment,
                "span": 0,
                "name": name,
                "value": value,
                "estimated": 0,
                "unit": "kWh",
            }
            for name, value in rows
        ]

    def readings(self, where, meter, dial, used, multiplier):
        common = {
            "segment": where["segment"],
            "meter": meter,
            "register": "1.8.0",
            "channel": "import",
            "bucket": "total",
            "kind": "cumulative",
            "digits": 5,
            "multiplier": multiplier * KWH,
            "quality": "A",
            "reason": "routine",
        }
        return [
            common | {"time_utc": datetime(day.year, day.month, day.day, tzinfo=UTC), "reading": at}
            for day, at in ((where["from"], dial), (where["to"], dial + used // multiplier))
        ]

    def tables(self):
        schemas = {name: getattr(t, name.upper(), None) for name in self.rows}
        schemas |= {
            "past_determinants": t.DETERMINANTS,
            "register_readings": t.REGISTERS_USED,
            "past_readings": t.REGISTERS_USED,
        }
        made = {name: t.table(schemas[name], rows) for name, rows in self.rows.items()}
        digests = [
            {
                "digest": f"sha256:{name}",
                "id": name,
                "title": name,
                "currency": "EUR",
                "valid_from": date(2026, 1, 1),
            }
            for name in PRICES
        ]
        return made | {"tariffs": t.table(TARIFFS, digests)}


def street(*, homes=60, seed=1):
    """A clean street and a segment of each kind: (tables, {name: segment, name-0: segment, …})."""
    made, named = Street(seed), {}
    kinds = {
        "home": ("household", "home", 10, {}),
        "dial": ("household", "home", 9, {"register": True}),
        "tou": ("household", "home-tou", 11, {"tou": True}),
        "pv": ("household", "home", 14, {"pv": True}),
        "shop": ("shop", "shop", 60, {"demand_kw": 12}),
        "works": ("factory", "works", 4000,
                  {"register": True, "demand_kw": 400, "multiplier": 40}),
    }  # fmt: skip
    for name, (segment, tariff, day_kwh, more) in kinds.items():
        for n in range(homes if name in ("home", "dial", "tou") else homes // 3):
            named[name] = named[f"{name}-{n}"] = made.customer(segment, tariff, day_kwh, **more)
    return made.tables(), named
