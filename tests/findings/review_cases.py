"""The smallest bill that each rule of the audit speaks about."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from gridtally import tables as t
from gridtally.periods import Period
from gridtally.review.inputs import INPUTS

PERIOD = Period.month(2026, 10)
START, END = PERIOD.start, PERIOD.end
KWH = 1_000_000


class Case:
    """Rows by table; every method adds what one thing in the world leaves behind."""

    def __init__(self):
        self.rows = {}

    def add(self, table, **row):
        self.rows.setdefault(table, []).append(row)
        return self

    def customer(
        self,
        name="A",
        *,
        used=300,
        total="60",
        kind="household",
        tariff="home",
        point=None,
        months=0,
        usual=300,
        usual_total="60",
        demand=None,
        usual_demand=None,
        export=0,
        usual_export=0,
        estimated=0,
        features="",
        legal="interval",
        contract=None,
        capacity=None,
        fuse=None,
        since=date(2020, 1, 1),
        digest=None,
        expected=None,
        bill=True,
        start=START,
    ):
        """An account with one metering point, its bill, and `months` earlier bills."""
        point = point or f"MP-{name}"
        segment, bill_id = f"AG-{name}/{start}/{END}", f"AC-{name}/{START}/{END}"
        digest = digest or f"sha256:{tariff}"
        who = {"account": f"AC-{name}", "agreement": f"AG-{name}", "metering_point": point}
        energy = {
            "import_ukwh": used * KWH,
            "export_ukwh": export * KWH,
            "estimated_ukwh": estimated * KWH,
            "demand_ukw": demand and demand * KWH,
        }
        if demand == 0:
            energy["demand_ukw"] = 0
        self.add("accounts", account=f"AC-{name}", segment=kind, language="en")
        self.add(
            "metering_points",
            metering_point=point,
            zone="UTC",
            region="R",
            fuse_ukw=fuse and fuse * KWH,
            features=features,
        )
        self.add(
            "agreements",
            agreement=f"AG-{name}",
            account=f"AC-{name}",
            metering_point=point,
            tariff=tariff,
            legal_source=legal,
            **{"from": since, "to": None},
        )
        tariffs = self.rows.setdefault("tariffs", [])
        if digest not in [row["digest"] for row in tariffs]:
            self.add(
                "tariffs",
                digest=digest,
                id=tariff,
                title=tariff,
                currency="EUR",
                valid_from=date(2026, 1, 1),
            )
        for n in range(1, months + 1):
            first = date(2026 + (9 - n) // 12, (9 - n) % 12 + 1, 1)
            month = Period.month(first.year, first.month)
            self.add(
                "history",
                segment=f"AG-{name}/{month.start}/{month.end}",
                bill=f"AC-{name}/{month.start}/{month.end}",
                customer_segment=kind,
                tariff=tariff,
                currency="EUR",
                import_ukwh=usual * KWH,
                export_ukwh=usual_export * KWH,
                estimated_ukwh=0,
                demand_ukw=usual_demand and usual_demand * KWH,
                total=Decimal(usual_total),
                findings="",
                decision="issued",
                run="r",
                **who,
                **{"from": month.start, "to": month.end},
            )
        if not bill:
            return self
        days = {"from": start, "to": END}
        self.add(
            "segments",
            segment=segment,
            bill=bill_id,
            legal_source=legal,
            tariffs=digest,
            currency="EUR",
            total=Decimal(total),
            input_digest="",
            **who,
            **days,
            **energy,
        )
        self.add(
            "spans",
            segment=segment,
            span=0,
            zone="UTC",
            start_utc=0,
            end_utc=1,
            legal_source=legal,
            tariff=digest,
            contract_ukw=contract and contract * KWH,
            capacity_ukva=capacity and capacity * KWH,
            **who,
            **days,
        )
        self.add(
            "bills",
            bill=bill_id,
            account=f"AC-{name}",
            currency="EUR",
            segments=1,
            total=Decimal(total),
            state="draft",
            leaf=f"leaf-{name}",
            **{"from": START, "to": END},
        )
        self.line(name, "energy", total, start=start)
        if expected:
            low, middle, high = (value * KWH for value in expected)
            self.add(
                "expected",
                segment=segment,
                low_ukwh=low,
                usual_ukwh=middle,
                high_ukwh=high,
                months=12,
                coverage=980,
            )
        return self

    def line(
        self,
        name,
        component,
        amount,
        *,
        kind="energy",
        bucket="",
        price="0.2",
        span=0,
        number=0,
        start=START,
    ):
        return self.add(
            "lines",
            segment=f"AG-{name}/{start}/{END}",
            span=span,
            line=number,
            component=component,
            kind=kind,
            bucket=bucket,
            quantity=Decimal(1),
            unit="kWh",
            price=Decimal(price),
            factor="1",
            amount=Decimal(amount),
        )

    def span(self, name, number, *, tariff=None, **more):
        who = {"account": f"AC-{name}", "agreement": f"AG-{name}", "metering_point": f"MP-{name}"}
        return self.add(
            "spans",
            segment=segment(name),
            span=number,
            zone="UTC",
            start_utc=0,
            end_utc=1,
            legal_source="interval",
            tariff=tariff,
            **who,
            **{"from": START, "to": END},
            **more,
        )

    def part(self, name, what, value, *, table="determinants", of=None):
        return self.add(
            table,
            segment=of or segment(name),
            span=0,
            name=what,
            value=value * KWH,
            estimated=0,
            unit="kWh",
        )

    def dial(
        self,
        name,
        opening,
        closing,
        *,
        meter=None,
        register="1.8.0",
        multiplier=1,
        table="register_readings",
        days=(START, END),
        bucket="total",
    ):
        for day, reading in zip(days, (opening, closing), strict=True):
            self.add(
                table,
                segment=segment(name),
                meter=meter or f"M-{name}",
                register=register,
                channel="import",
                bucket=bucket,
                kind="cumulative",
                digits=5,
                multiplier=multiplier * KWH,
                reading=reading * KWH,
                quality="A",
                reason="routine",
                time_utc=datetime(*day.timetuple()[:3], tzinfo=UTC),
            )
        return self

    def advance(self, name, value, *, bucket="total"):
        return self.add(
            "advances",
            segment=segment(name),
            span=0,
            channel="import",
            bucket=bucket,
            kind="cumulative",
            value=value * KWH,
            estimated=0,
        )

    def days(self, name, values, *, point=None, start=START):
        for n, value in enumerate(values):
            self.add(
                "daily",
                metering_point=point or f"MP-{name}",
                channel="import",
                day=start + timedelta(n),
                ukwh=value * KWH,
                estimated_ukwh=0,
            )
        return self

    def meter(self, serial, point, first=date(2020, 1, 1), after=None):
        return self.add(
            "meters", meter=serial, metering_point=point, **{"from": first, "to": after}
        )

    def crowd(self, count, **common):
        """Ordinary customers, so that there is something to compare with."""
        for n in range(count):
            self.customer(f"crowd{n:02d}", **common)
        return self

    def tables(self):
        return {name: t.table(INPUTS[name], rows) for name, rows in self.rows.items()}


def segment(name):
    return f"AG-{name}/{START}/{END}"


CASES = {}


def case(code):
    """Register the smallest case of a rule."""

    def keep(make):
        CASES[code] = make
        return make

    return keep


def tax(case, count, *, names=None):
    for name in names or [f"crowd{n:02d}" for n in range(count)]:
        case.line(name, "vat", "12", kind="tax", number=9)
        for row in case.rows["lines"]:
            if row["segment"] == segment(name) and row["component"] == "energy":
                row["amount"] = Decimal(48)
    return case


def shares(case, name, peak, *, table="determinants", of=None, total=300):
    case.part(name, "energy/import/tou/peak", peak, table=table, of=of)
    return case.part(name, "energy/import/tou/off", total - peak, table=table, of=of)


LAST = "AG-A/2026-09-01/2026-10-01"


def factor_lines(case, names, *, adjustment="-1"):
    for name in names:
        case.line(name, "pf", adjustment, kind="power_factor", bucket="0.95", number=5)
        case.part(name, "energy/import/all/all", 300)
        case.part(name, "energy/reactive_import/all/all", 100)
    return case


def crowd_names(count):
    return [f"crowd{n:02d}" for n in range(count)]


@case("review.price.step")
def price_change(case):
    case.customer(tariff="home", digest="sha256:old")
    case.rows["tariffs"].append(
        {
            "digest": "sha256:new",
            "id": "home",
            "title": "",
            "currency": "EUR",
            "valid_from": date(2026, 10, 16),
        }
    )
    case.span("A", 1, tariff="sha256:new")
    case.line("A", "energy", "900", price="20", span=1, number=1)


@case("review.account.unbilled")
def account_unbilled(c):
    c.customer(bill=False, months=3)


@case("review.adjustment.large")
def adjustment_large(c):
    c.customer(total="160")
    c.line("A", "goodwill", "100", kind="adjustment", number=1)


@case("review.agreement.gap")
def agreement_gap(c):
    c.customer(since=date(2026, 10, 11), start=date(2026, 10, 11))
    c.days("A", [20] * 31)


@case("review.agreement.overlap")
def agreement_overlap(c):
    c.customer("A", point="MP")
    c.customer("B", point="MP")


@case("review.bill.negative")
def bill_negative(c):
    c.customer(total="-25")


@case("review.bill.readings")
def bill_readings(c):
    c.customer(estimated=300, total="250")


@case("review.bill.sum")
def bill_sum(c):
    c.customer()
    c.line("A", "stray", "0.01", number=1)


@case("review.bill.total")
def bill_total(c):
    c.customer(total="400", months=6)


@case("review.bill.unpriced")
def bill_unpriced(c):
    c.customer(months=6)
    for table in ("segments", "bills"):
        c.rows[table][0]["total"] = None
    c.rows["lines"] = []


@case("review.channels.swapped")
def channels_swapped(c):
    c.customer(
        used=120,
        export=380,
        months=6,
        usual=400,
        usual_export=100,
        features="pv",
        expected=(350, 400, 450),
    )


@case("review.contract.unit")
def contract_unit(c):
    c.customer(demand=160, contract=1600, capacity=2000, used=40_000)


@case("review.demand.capacity")
def demand_capacity(c):
    c.customer(demand=50, fuse=40, used=9000)


@case("review.demand.energy")
def demand_energy(c):
    c.customer(demand=400, used=9000, months=6, usual=9000, usual_demand=40)


@case("review.dials.copied")
def dials_copied(c):
    c.customer("A")
    c.customer("B")
    c.dial("A", 1200, 1500)
    c.dial("B", 1200, 1500)


@case("review.energy.history")
def energy_history(c):
    c.customer(used=900, months=6, expected=(250, 300, 350))


@case("review.energy.multiplier")
def energy_multiplier(c):
    c.customer(used=3000, months=6, expected=(250, 300, 350))


@case("review.energy.repeated")
def energy_repeated(c):
    c.customer(used=300, months=4, usual=300)


@case("review.energy.sum")
def energy_sum(c):
    c.customer(legal="register")
    c.advance("A", 300)
    c.days("A", [8] * 31)


@case("review.energy.zero")
def energy_zero(c):
    c.customer(used=0, total="5", months=6)


@case("review.estimate.share")
def estimate_share(c):
    c.customer(estimated=200)


@case("review.export.unexpected")
def export_unexpected(c):
    c.customer(export=90)


@case("review.line.missing")
def line_missing(c):
    c.crowd(100)
    c.customer("A")
    for name in crowd_names(100):
        c.line(name, "standing", "5", kind="fixed", number=1)


@case("review.line.twice")
def line_twice(c):
    c.customer(total="65")
    c.line("A", "standing", "2.50", kind="fixed", number=1)
    c.line("A", "standing", "2.50", kind="fixed", number=2)


@case("review.meter.multiplier")
def meter_multiplier(c):
    c.customer()
    c.dial("A", 0, 300, multiplier=40)
    c.dial("A", 100, 200, multiplier=4, table="past_readings")


@case("review.meter.place")
def meter_place(c):
    c.customer()
    c.meter("M1", "MP-A")
    c.meter("M1", "MP-B")


@case("review.period.days")
def period_days(c):
    c.customer(months=2, start=date(2026, 10, 4))


@case("review.points.swapped")
def points_swapped(c):
    c.customer("A", used=300, months=6, expected=(180, 200, 220))
    c.customer("B", used=200, months=6, expected=(270, 300, 330))


@case("review.price.history")
def price_history(c):
    c.crowd(12, months=6)
    c.customer("A", total="90", months=6)


@case("review.profile.flat")
def profile_flat(c):
    c.customer()
    c.days("A", [12, 9, 14] + [10] * 28)


@case("review.profile.stopped")
def profile_stopped(c):
    c.customer()
    c.days("A", [9] * 20 + [0] * 11)


@case("review.reactive.jump")
def reactive_jump(c):
    c.crowd(12, tariff="works")
    c.customer("A", tariff="works")
    factor_lines(c, crowd_names(12))
    c.line("A", "pf", "9", kind="power_factor", number=5)
    c.part("A", "energy/import/all/all", 300)
    c.part("A", "energy/reactive_import/all/all", 600)


@case("review.reactive.missing")
def reactive_missing(c):
    c.crowd(12, tariff="works")
    c.customer("A", tariff="works")
    factor_lines(c, crowd_names(12))
    c.line("A", "pf", "-1", kind="power_factor", bucket="1", number=5)


@case("review.reading.opening")
def reading_opening(c):
    c.customer()
    c.dial("A", 1500, 1800)
    c.dial("A", 1200, 1490, table="past_readings", days=(date(2026, 9, 1), START))


@case("review.readings.copied")
def readings_copied(c):
    c.customer("A")
    c.customer("B")
    c.days("A", range(5, 25))
    c.days("B", range(5, 25))


@case("review.tariff.segment")
def tariff_segment(c):
    c.crowd(80, kind="household")
    c.customer("shop", kind="shop", tariff="shop")
    c.customer("A", kind="household", tariff="shop", total="30")


@case("review.tax.missing")
def tax_missing(c):
    c.crowd(24)
    c.customer("A", tariff="home-new")
    tax(c, 24)


@case("review.tou.share")
def tou_share(c):
    c.customer(months=1)
    shares(c, "A", 240)
    c.line("A", "energy", "0.30", bucket="peak", number=1)
    c.line("A", "energy", "0.10", bucket="off", number=2)
    shares(c, "A", 90, table="past_determinants", of=LAST)


@case("review.tou.sum")
def tou_sum(c):
    c.customer()
    c.advance("A", 300)
    c.advance("A", 100, bucket="peak")
    c.advance("A", 290, bucket="off")
