"""Step 6, the second opinion: one bill segment, rated slowly and plainly.

Written from `docs/tariff.md`, `docs/rating-case.md` and `docs/registers.md` by somebody who had
not read the kernel, and importing nothing from it: read it with those pages beside it.
`reference_tariff.py` reads the document, `reference_readings.py` gives energy and demand,
`reference_carry.py` what one segment hands to the next; here are the charges.
Quantities are whole numbers of 10^-6 kWh, kvarh or kW; everything else is an exact fraction
until the one rounding that the tariff declares. Whatever the pages hold gives no lines and one
finding that says why.
"""

from __future__ import annotations

from calendar import isleap, monthrange
from collections.abc import Mapping
from datetime import date, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from gridtally.rating.reference_carry import Carry, months_back, window_start
from gridtally.rating.reference_readings import (
    Buckets,
    Readings,
    Span,
    first_instant,
    iso_date,
    whole,
)
from gridtally.rating.reference_tariff import MICRO, Held, exact, micro, plain, rounded, tariff

__all__ = ["rate_case"]

Line = dict[str, Any]


def rate_case(case: dict[str, Any], tariffs: Mapping[str, bytes]) -> dict[str, Any]:
    """Rate one segment: `docs/rating-case.md` says what goes in and what comes out.

    `tariffs` maps `sha256:…` to the bytes of the tariff document. A segment that cannot be rated
    has no lines, no total, and one finding `{"code", "message"}`. Never raises for wrong data.
    """
    try:
        return rate_segment(case, tariffs)
    except Held as held:
        finding = {"code": held.code, "message": held.message}
    except (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError) as err:
        reason = f"The case is malformed: {type(err).__name__}: {str(err)[:200]}"
        finding = {"code": "rating.case.malformed", "message": reason}
    return {"lines": [], "total": None, "carry_out": [], "findings": [finding]}


def rate_segment(case: dict[str, Any], tariffs: Mapping[str, bytes]) -> dict[str, Any]:
    """Span after span; only carry connects them."""
    zone = ZoneInfo(case["zone"])
    spans = cut(case, zone)
    versions = [version(written, case, tariffs) for written in case["spans"]]
    if len({document["currency"] for document in versions}) > 1:
        raise Held("rating.currency.differs", "The spans have different currencies.")
    readings, carry = Readings(case, spans, zone), Carry(case)
    lines: list[Line] = []
    for span, written, document in zip(spans, case["spans"], versions, strict=True):
        lines += SpanRater(span, written, document, readings, carry).lines()
    last = versions[-1]
    exact_sum = sum((line["amount"] for line in lines), Fraction(0))
    total = rounded(exact_sum, last["rounding"]["total"])
    if total != exact_sum:
        rounding = {"id": "rounding", "shape": "rounding", "kind": "rounding"}
        rest = total - exact_sum
        lines.append(line(spans[-1], rounding, Fraction(1), last["currency"], rest, rest))
    return {
        "lines": [written_line(each) for each in lines],
        "total": plain(total),
        "carry_out": carry.out(),
        "findings": [],
    }


def cut(case: dict[str, Any], zone: ZoneInfo) -> list[Span]:
    """The spans of the case, which must tile its days."""
    spans, expected = [], iso_date(case["from"])
    for number, written in enumerate(case["spans"]):
        first, end = iso_date(written["from"]), iso_date(written["to"])
        if first != expected or end <= first:
            raise ValueError("the spans do not tile the segment")
        start, stop = (first_instant(day, zone) for day in (first, end))
        spans.append(Span(number, first, end, start, stop))
        expected = end
    if not spans or expected != iso_date(case["to"]):
        raise ValueError("the spans do not tile the segment")
    return spans


def version(
    written: dict[str, Any], case: dict[str, Any], tariffs: Mapping[str, bytes]
) -> dict[str, Any]:
    """The tariff document of a span: there, in force, of the same zone, its holidays known."""
    if written["tariff"] not in tariffs:
        raise Held("rating.tariff.missing", f"There is no tariff for {written['from']}.")
    document = tariff(tariffs[written["tariff"]])
    first, end = iso_date(written["from"]), iso_date(written["to"])
    if first < document["valid_from"] or end > document.get("valid_to", date.max):
        raise Held("rating.tariff.missing", f"The tariff is not in force from {first} to {end}.")
    if document["zone"] != case["zone"]:
        raise Held("rating.zone.differs", f"The tariff's hours are local to {document['zone']}.")
    years = set(range(first.year, (end - timedelta(days=1)).year + 1))
    if any(calendar.uses_holiday for calendar in document["calendars"].values()):
        unknown = years - set(document["holidays"]["years"])
        if unknown:
            raise Held("rating.holidays.missing", f"The holidays of {min(unknown)} are not listed.")
    return document


# --------------------------------------------------------------------- lines


def line(
    span: Span,
    component: Mapping[str, Any],
    quantity: Fraction,
    unit: str,
    price: Fraction,
    amount: Fraction,
    *,
    factor: Fraction = Fraction(1),
    bucket: str = "",
) -> Line:
    """A line with exact numbers; `written_line` makes the texts."""
    return {
        "span": span.number,
        "component": component["id"],
        "kind": component.get("kind", component["shape"]),
        "bucket": bucket,
        "quantity": quantity,
        "unit": unit,
        "price": price,
        "factor": factor,
        "amount": amount,
    }


def written_line(made: Line) -> Line:
    """The line as the page on rating cases shows it."""
    texts = {key: plain(made[key]) for key in ("quantity", "price", "amount")}
    return made | texts | {"factor": str(made["factor"])}


def fill(upper: list[int | None], start: int, amount: int) -> list[int]:
    """How much of `[start, start + amount)` falls in each tier; a threshold is the lower tier's."""
    parts, low = [], 0
    for bound in upper:
        top = start + amount if bound is None else min(start + amount, bound)
        parts.append(max(0, top - max(start, low)))
        low = low if bound is None else bound
    return parts


class SpanRater:
    """One span under one tariff version."""

    def __init__(
        self,
        span: Span,
        written: dict[str, Any],
        document: dict[str, Any],
        readings: Readings,
        carry: Carry,
    ) -> None:
        self.span, self.written, self.document = span, written, document
        self.readings, self.carry = readings, carry
        self.made: dict[str, list[Line]] = {}

    def lines(self) -> list[Line]:
        """Every component's lines in the document's order, each computed after those it names."""
        waiting = list(self.document["components"])
        while waiting:
            ready = [c for c in waiting if set(c.get("of", [])) <= self.made.keys()]
            if not ready:
                raise Held("rating.tariff.invalid", "Components refer to each other in a circle.")
            for c in ready:
                self.made[c["id"]] = self.component(c)
                waiting.remove(c)
        return [line for c in self.document["components"] for line in self.made[c["id"]]]

    def component(self, c: dict[str, Any]) -> list[Line]:
        """The lines of one component; none, only its carry, outside its months."""
        in_season = any(True for _ in self.span.days(c.get("months")))
        carries = c["shape"] in ("energy", "tiered", "demand") and c.get("basis") != "contract"
        lines: list[Line] = getattr(self, f"_{c['shape']}")(c) if in_season or carries else []
        return lines if in_season else []

    # ------------------------------------------------------------- the tools

    def share(self, c: Mapping[str, Any]) -> Fraction:
        """The factor: the span in months by days, or 1 when nothing is pro-rated."""
        if c.get("proration", "days") == "none":
            return Fraction(1)
        days = self.span.days(c.get("months"))
        return sum((Fraction(1, monthrange(d.year, d.month)[1]) for d in days), Fraction(0))

    def rate(
        self,
        c: Mapping[str, Any],
        quantity: Fraction,
        unit: str,
        price: Fraction,
        factor: Fraction,
        bucket: str = "",
    ) -> list[Line]:
        """One line, rounded once; none when there is nothing to rate."""
        if (quantity == 0 or factor == 0) and c["shape"] != "fixed":
            return []
        amount = rounded(quantity * price * factor, self.rounding(c))
        amount = -amount if c.get("credit") else amount
        return [line(self.span, c, quantity, unit, price, amount, factor=factor, bucket=bucket)]

    def rounding(self, c: Mapping[str, Any]) -> Mapping[str, Any]:
        """The component's own rounding, or the document's for lines."""
        found: Mapping[str, Any] = c.get("rounding", self.document["rounding"]["line"])
        return found

    def sum_of(self, c: Mapping[str, Any]) -> Fraction:
        """The already rounded amounts of the components that `of` names."""
        amounts = (made["amount"] for name in set(c["of"]) for made in self.made[name])
        return sum(amounts, Fraction(0))

    def term(self, name: str) -> int:
        """A term of the agreement [10^-6 kW or kVA]; missing holds."""
        if self.written[name] is None:
            raise Held("rating.term.missing", f"The agreement has no {name}.")
        return whole(self.written[name])

    def energy(self, c: Mapping[str, Any], channel: str) -> Buckets:
        """The span's energy of a channel as this component sees it."""
        calendar = self.document["calendars"].get(c.get("calendar"))
        return self.readings.energy(self.span, channel, calendar, c.get("months"))

    def billed_energy(self, c: Mapping[str, Any]) -> Buckets:
        """Energy by bucket; under netting less export and bank, the shortfall banked."""
        energy = self.energy(c, c["channel"])
        if "netting" in c:
            export = self.energy(c, "export")
            for bucket in energy:
                key = f"bank/{c['id']}/{bucket or 'all'}"
                net = energy[bucket] - export[bucket] - self.carry.bank(key)
                energy[bucket] = max(0, net)
                self.carry.only(key, max(0, -net), at=self.carry.end)
        return energy

    # ------------------------------------------------------------ the shapes

    def _energy(self, c: dict[str, Any]) -> list[Line]:
        unit = "kvarh" if c["channel"].startswith("reactive") else "kWh"
        prices = c["tiers"][0]["prices"]
        return [
            made
            for bucket, value in self.billed_energy(c).items()
            for made in self.rate(
                c, Fraction(value, MICRO), unit, prices[bucket], Fraction(1), bucket
            )
        ]

    def _tiered(self, c: dict[str, Any]) -> list[Line]:
        energy = self.billed_energy(c)
        everything, position, factor = sum(energy.values()), 0, self.share(c)
        if c.get("window", "month") == "year":
            at, key, factor = window_start(c["resets"], self.span), f"tier/{c['id']}", Fraction(1)
            position = self.carry.values.get((key, at), 0)
            self.carry.only(key, position + everything, at=at)
        upper = [None if t["upto"] is None else micro(t["upto"] * factor) for t in c["tiers"]]
        parts = fill(upper, position, everything)
        unit = "kvarh" if c["channel"].startswith("reactive") else "kWh"
        lines: list[Line] = []
        for number, (tier, part) in enumerate(zip(c["tiers"], parts, strict=True), start=1):
            for bucket, price in ((b, tier["prices"][b]) for b in c["buckets"]):
                if "calendar" not in c:
                    lines += self.rate(
                        c, Fraction(part, MICRO), unit, price, Fraction(1), f"tier-{number}"
                    )
                elif everything:
                    quantity, of_tier = Fraction(energy[bucket], MICRO), Fraction(part, everything)
                    lines += self.rate(c, quantity, unit, price, of_tier, f"{bucket}/tier-{number}")
        return lines

    def _demand(self, c: dict[str, Any]) -> list[Line]:
        calendar = self.document["calendars"].get(c.get("calendar"))
        measured = self.readings.demand(
            self.span, c.get("channel", "import"), calendar, c.get("months"), c.get("window_min")
        )
        if c["basis"] == "contract":
            return self._contract(c, measured[""])
        lines: list[Line] = []
        billed = {b: self.round_kw(c, self._floor(c, b, kw)) for b, kw in measured.items()}
        upper = [None if t["upto"] is None else micro(t["upto"]) for t in c["tiers"]]
        filled = {b: fill(upper, 0, kw) for b, kw in billed.items()}
        for number, tier in enumerate(c["tiers"]):
            for bucket in c["buckets"]:
                name = f"tier-{number + 1}" if len(c["tiers"]) > 1 else ""
                name = "/".join(part for part in (bucket, name) if part)
                quantity = Fraction(filled[bucket][number], MICRO)
                price = tier["prices"][bucket]
                lines += self.rate(c, quantity, "kW", price, self.share(c), name)
        return lines

    def _floor(self, c: dict[str, Any], bucket: str, measured: int) -> int:
        """The billed demand: measured, raised to the minimum and to the ratchet."""
        billed = max(measured, micro(c.get("minimum_kw", Fraction(0))))
        if "ratchet" in c:
            key, month = f"demand/{c['id']}/{bucket or 'all'}", months_back(self.span.first, 0)
            oldest = months_back(month, c["ratchet"]["months"])
            carried = {at: kw for (name, at), kw in self.carry.values.items() if name == key}
            before = [kw for at, kw in carried.items() if oldest <= at < month]
            percent = exact(c["ratchet"]["percent"])
            billed = max(billed, micro(Fraction(max(before, default=0), MICRO) * percent / 100))
            carried[month] = max(measured, carried.get(month, 0))
            self.carry.values = {k: v for k, v in self.carry.values.items() if k[0] != key}
            self.carry.values |= {(key, at): kw for at, kw in carried.items() if at >= oldest}
        return billed

    def round_kw(self, c: Mapping[str, Any], kw: int) -> int:
        """The billed demand as `round_kw` declares, if it does."""
        return micro(rounded(Fraction(kw, MICRO), c["round_kw"])) if "round_kw" in c else kw

    def _contract(self, c: dict[str, Any], measured: int) -> list[Line]:
        contract, price = self.term("contract_ukw"), c["tiers"][0]["prices"][""]
        threshold = micro(Fraction(contract, MICRO) * c["excess_over"] / 100)
        at_price = contract
        if measured > threshold and c["excess_reading"] == "above_threshold":
            at_price = threshold
        excess = max(0, measured - threshold)
        lines: list[Line] = []
        for bucket, kw, each in (
            ("contract", at_price, price),
            ("excess", excess, price * c["excess_factor"]),
        ):
            quantity = Fraction(self.round_kw(c, kw), MICRO)
            lines += self.rate(c, quantity, "kW", each, self.share(c), bucket)
        return lines

    def _fixed(self, c: dict[str, Any]) -> list[Line]:
        price = c["tiers"][0]["prices"][""]
        days = list(self.span.days(c.get("months")))
        quantity, unit, factor = Fraction(1), "month", self.share(c)
        if c["per"] == "day":
            quantity, unit, factor = Fraction(len(days)), "day", Fraction(1)
        elif c["per"] == "year":
            unit = "year"
            if c.get("proration", "days") == "days":
                factor = sum(
                    (Fraction(1, 366 if isleap(d.year) else 365) for d in days), Fraction(0)
                )
        elif c["per"] == "kva_month":
            quantity, unit = Fraction(self.term("capacity_ukva"), MICRO), "kVA"
        elif c["per"] == "kw_month":
            quantity, unit = Fraction(self.term("contract_ukw"), MICRO), "kW"
        return self.rate(c, quantity, unit, price, factor)

    def _percentage(self, c: dict[str, Any]) -> list[Line]:
        currency = self.document["currency"]
        return self.rate(c, self.sum_of(c), currency, c["percent"], Fraction(1, 100))

    def _power_factor(self, c: dict[str, Any]) -> list[Line]:
        there = [ch for ch in ("reactive_import", "reactive_export") if self.readings.has(ch)]
        if not there:
            raise Held("rating.quantity.missing", "There are no readings of reactive energy.")
        months = c.get("months")
        active = self.readings.energy(self.span, "import", None, months)[""]
        reactive = sum(self.readings.energy(self.span, ch, None, months)[""] for ch in there)
        hundredths = power_factor(active, reactive)
        bucket = f"{hundredths // 100}.{hundredths % 100:02d}"
        percents = dict(c["rows"])
        if Fraction(hundredths, 100) not in percents:
            raise Held("rating.price.missing", f"There is no row for the power factor {bucket}.")
        percent = percents[Fraction(hundredths, 100)]
        currency = self.document["currency"]
        return self.rate(c, self.sum_of(c), currency, percent, Fraction(1, 100), bucket)

    def _minimum(self, c: dict[str, Any]) -> list[Line]:
        missing = self._bound(c) - self.sum_of(c)
        return self._difference(c, missing) if missing > 0 else []

    def _maximum(self, c: dict[str, Any]) -> list[Line]:
        excess = self._bound(c) - self.sum_of(c)
        return self._difference(c, excess) if excess < 0 else []

    def _bound(self, c: Mapping[str, Any]) -> Fraction:
        return rounded(c["amount"] * self.share(c), self.rounding(c))

    def _difference(self, c: Mapping[str, Any], amount: Fraction) -> list[Line]:
        return [line(self.span, c, Fraction(1), "month", amount, amount)]


def power_factor(active: int, reactive: int) -> int:
    """P / sqrt(P² + Q²) in hundredths, rounded half up, by comparing integers alone."""
    if active <= 0:
        raise Held("rating.price.missing", "Without active energy there is no power factor.")
    square = active**2 + reactive**2
    reached = [x for x in range(101) if active**2 * 1000**2 >= (10 * x - 5) ** 2 * square or x == 0]
    return max(reached)
