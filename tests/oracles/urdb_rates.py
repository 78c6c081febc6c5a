"""URDB rates that nobody wrote, and years of load and generation for them.

Tiers (none, kWh, kWh daily, kWh/kW, kWh/kW daily, hours of use divided by kWh) x time of use (one
to three periods, one or two seasons) x demand (flat by season, by periods, tiers) x ratchet
(look-back of 1 to 11 months, of all or some months) x minimum (month, day, year) x rule for export
(net metering, net billing instantaneous and hourly, buy all sell all, none) x hours and
quarter-hours. What is not made, and why (`test_urdb_generated.py` shows each by an experiment):

- periods that stand at none of 0, 5, 11 and 17 o'clock of weekdays, under net metering: the engine
  loses what they banked;
- a ratchet with several demand periods: the engine charges each of them at the month's demand;
- tiers in kWh/kW with several periods where nothing is netted over the month: the engine fills them
  in the order of time, a document in proportion;
- net billing hourly with quarter-hours, tiers and several periods: for the same reason; and with
  quarter-hours and demand: the engine nets each quarter-hour alone, and is given hours here;
- export beside tiers in kWh/kW daily under net metering: refused here;
- periods of one month with other thresholds, demand periods with other thresholds: refused by the
  engine.
"""

import random
from decimal import Decimal

HOURS = 8760
RULES = (
    "Net Metering", "Net Billing Instantaneous", "Net Billing Hourly", "Buy All Sell All", None,
)  # fmt: skip
KINDS = ("one price", "kWh", "kWh daily", "kWh/kW", "kWh/kW daily", "kWh/kW and kWh")
SUMMER = (6, 7, 8, 9)


class Made:
    """A rate, what it is made of, and its load and generation in kW by the interval."""

    def __init__(self, seed):
        self.rng = rng = random.Random(f"urdb {seed}")
        self.rule = RULES[seed % len(RULES)]
        self.kind = KINDS[seed // len(RULES) % len(KINDS)]
        self.per_hour = 4 if seed % 7 in (2, 5) else 1
        self.seasons = rng.random() < 0.4
        self.periods = rng.randint(1, 3)
        self.net = self.rule in (None, "Net Metering")
        if self.rule == "Net Billing Hourly" and self.per_hour > 1:
            self.kind = KINDS[self.kind.startswith("kWh")]
            self.periods = 1 if self.kind != "one price" else self.periods
        if not self.net and self.kind.startswith("kWh/kW"):
            self.periods = 1
        self.exports = not (self.net and self.kind == "kWh/kW daily")
        self.ratchet = rng.random() < 0.35
        self.rate = {"label": f"made-{seed}", "name": "made up", "utility": "none"}
        if self.rule:
            self.rate["dgrules"] = self.rule
        self.fixed()
        self.energy()
        self.demand()
        self.year()

    @property
    def family(self):
        words = [str(self.rule), f"{60 // self.per_hour} min", self.kind]
        words += ["seasons"] * self.seasons + [f"{self.periods} periods"]
        keys = ("flatdemandstructure", "demandratestructure", "lookbackpercent", "mincharge")
        return ", ".join([*words, *(key for key in keys if key in self.rate)])

    def price(self, top):
        return round(self.rng.uniform(0.001, top), self.rng.randint(2, 5))

    def fixed(self):
        rng, units = self.rng, ("$/month", "$/day", "$/year")
        self.rate |= {
            "fixedchargefirstmeter": rng.randint(1, 90), "fixedchargeunits": rng.choice(units),
        }  # fmt: skip
        if rng.random() < 0.5:
            unit = rng.choice(units)
            top = {"$/month": 9000, "$/day": 300, "$/year": 110_000}[unit]
            self.rate |= {"mincharge": rng.randint(1, top), "minchargeunits": unit}

    # ------------------------------------------------------------------ energy

    def bounds(self):
        """Ends of the tiers but the last, with their units."""
        rng, kind = self.rng, self.kind
        many = rng.randint(1, 3)
        if kind == "one price":
            return []
        if kind == "kWh/kW and kWh":
            inner = sorted(rng.sample(range(500, 20_000), rng.randint(1, 2)))
            hours = sorted(rng.sample(range(50, 500), 2))
            return [
                (hours[0], "kWh/kW"), *((end, "kWh") for end in inner), (900_000, "kWh"),
                (hours[1], "kWh/kW"),
            ]  # fmt: skip
        top = {"kWh": 40_000, "kWh daily": 1400, "kWh/kW": 500, "kWh/kW daily": 17}[kind]
        ends = sorted(rng.sample(range(top // 20 + 1, top), min(many, 3)))
        return [(end, kind) for end in ends]

    def tiers(self, bounds, sells):
        unit = "kWh" if self.kind == "one price" else bounds[-1][1]
        made = [{"rate": self.price(0.4), "max": end, "unit": unit} for end, unit in bounds]
        made.append({"rate": self.price(0.4), "unit": unit})
        if self.rng.random() < 0.3:
            made[0]["adj"] = round(self.rng.uniform(-0.01, 0.02), 4)
        for step, sell in zip(made, sells, strict=False):
            step["sell"] = sell
        return made

    def energy(self):
        rng, sets = self.rng, 1 + self.seasons
        bounds = self.bounds()
        structure = []
        for number in range(sets):
            if number and self.kind in ("kWh", "kWh daily"):
                bounds = self.bounds()
            for _ in range(self.periods):
                by_tier = self.kind in ("kWh", "kWh daily") and rng.random() < 0.3
                one = self.price(0.1)
                count = len(bounds) + 1
                sells = [self.price(0.1) if by_tier else one for _ in range(count)]
                structure.append(self.tiers(bounds, [] if self.net else sells))
        self.rate["energyratestructure"] = structure
        self.schedule("energy", self.periods, sets)

    def schedule(self, name, periods, sets):
        """Every period occurs in every month of its season, on weekdays.

        Under net metering each stands at 0, 5, 11 or 17 o'clock, where the engine looks for it
        when a month begins: the credits of another it loses.
        """
        rng = self.rng
        tables = [[], []]
        days = []
        for number in range(sets):
            cuts = sorted(rng.sample(range(1, 24), periods - 1))
            if self.net and name == "energy":
                gaps = rng.sample(((1, 6), (6, 12), (12, 18)), periods - 1)
                cuts = sorted(rng.randrange(*gap) for gap in gaps)
            day = [sum(hour >= cut for cut in cuts) + number * periods for hour in range(24)]
            days.append((day, [number * periods + rng.randrange(periods)] * 24))
        for month in range(1, 13):
            day, flat = days[sets - 1 if month in SUMMER else 0]
            tables[0].append(list(day))
            tables[1].append(list(rng.choice((day, flat))))
        self.rate |= {f"{name}weekdayschedule": tables[0], f"{name}weekendschedule": tables[1]}

    # ------------------------------------------------------------------ demand

    def steps(self, ends):
        made = [{"rate": self.price(20), "max": end} for end in ends]
        return [*made, {"rate": self.price(20)}]

    def demand(self):
        rng = self.rng
        if self.rule == "Net Billing Hourly" and self.per_hour > 1:
            return
        if rng.random() < 0.6 or self.ratchet:
            many = rng.randint(1, 3)
            self.rate["flatdemandstructure"] = [
                self.steps(sorted(rng.sample(range(20, 250), rng.randint(0, 2))))
                for _ in range(many)
            ]
            self.rate["flatdemandmonths"] = [rng.randrange(many) for _ in range(12)]
        if rng.random() < 0.6:
            many = 1 if self.ratchet else rng.randint(1, 3)
            ends = sorted(rng.sample(range(20, 250), rng.randint(0, 2)))
            self.rate["demandratestructure"] = [self.steps(ends) for _ in range(many)]
            self.schedule("demand", many, 1)
        if self.ratchet:
            self.rate |= {
                "lookbackpercent": round(rng.uniform(0.4, 1), 2),
                "lookbackrange": rng.randint(1, 11),
            }
            if rng.random() < 0.5:
                self.rate["lookbackmonths"] = [rng.random() < 0.5 for _ in range(12)]

    # -------------------------------------------------------------------- a year

    def year(self):
        """Whole 10^-6 kWh in every interval."""
        rng, per_hour = self.rng, self.per_hour
        size = rng.choice((0, 80, 250, 600)) * self.exports
        scale = rng.choice((0.2, 1, 2))
        self.load, self.generation = [], []
        for at in range(HOURS * per_hour):
            hour, day = at // per_hour % 24, at // per_hour // 24
            peak = 150 if 8 <= hour < 20 else 80
            used = rng.randint(0, int(peak * scale * 1e6 / per_hour))
            sun = (9 <= hour < 17) * (1.3 - abs(day - 182) / 182)
            made = int(rng.random() * size * sun * 1e6 / per_hour)
            self.load.append(Decimal(used * per_hour).scaleb(-6))
            self.generation.append(Decimal(made * per_hour).scaleb(-6))
