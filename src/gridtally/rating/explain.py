"""After step 7: one bill as a tree, from the total down to readings and clauses.

bill <- segments <- spans <- lines <- quantity x price x factor, rounded once
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from rich.markup import escape
from rich.tree import Tree

from gridtally.errors import NotFound
from gridtally.money import minor_digits, number
from gridtally.rating.charges import Charge, Demand, Energy, Fixed, OnLines, PowerFactor, Tiered
from gridtally.rating.explain_estimates import sentences, told
from gridtally.rating.explain_readings import summary
from gridtally.rating.tariff import TariffVersion, demand_of, energy_of

__all__ = ["explain", "render", "word"]

Row = Mapping[str, Any]
_MICRO = 10**6


def explain(
    bill: str,
    *,
    bills: pa.Table,
    segments: pa.Table,
    spans: pa.Table,
    lines: pa.Table,
    determinants: pa.Table,
    used: pa.Table,
    carry_in: pa.Table,
    carry_out: pa.Table,
    tariffs: Mapping[str, TariffVersion],
    estimates: pa.Table | None = None,
) -> dict[str, Any]:
    """The bill as nested dicts, numbers as text.

    `used` are the register readings that bound the stretches (REGISTERS_USED), `estimates` the
    gaps that the run filled (ESTIMATES). Raises `NotFound`.
    """
    head = _rows(bills, "bill", bill)
    if not head:
        raise NotFound(f"There is no bill {bill[:80]!r}.", remedy="See the run's list of bills.")
    parts = []
    for segment in _rows(segments, "bill", bill):
        name = segment["segment"]
        known = {(row["span"], row["name"]): row for row in _rows(determinants, "segment", name)}
        mine = _rows(lines, "segment", name)
        parts.append(
            {key: _plain(segment[key]) for key in ("segment", "metering_point", "legal_source")}
            | {"from": str(segment["from"]), "to": str(segment["to"])}
            | {"total": _plain(segment["total"]), "energy": _energy(segment)}
            | {"demand": None if segment["demand_ukw"] is None else _micro(segment["demand_ukw"])}
            | {"spans": [
                _span(span, [line for line in mine if line["span"] == span["span"]], known, tariffs)
                for span in sorted(_rows(spans, "segment", name), key=lambda row: row["span"])
            ]}
            | {"readings": _dials(_rows(used, "segment", name))}
            | {"estimates": [] if estimates is None else told(
                estimates, segment["metering_point"], _rows(spans, "segment", name)
            )}
            | {"carry_in": _carry(_rows(carry_in, "agreement", segment["agreement"]))}
            | {"carry_out": _carry(_rows(carry_out, "segment", name))}
        )  # fmt: skip
    top = head[0]
    return {
        "bill": bill, "account": top["account"], "from": str(top["from"]), "to": str(top["to"]),
        "currency": top["currency"], "total": _plain(top["total"]), "segments": parts,
    }  # fmt: skip


def _rows(table: pa.Table, column: str, value: str) -> list[Row]:
    return list(table.filter(pc.equal(table[column], value)).to_pylist())


def _plain(value: Any) -> Any:
    return number(value) if isinstance(value, Decimal) else value


def _micro(value: int) -> str:
    return number(Fraction(value, _MICRO))


def _span(
    span: Row,
    lines: Sequence[Row],
    known: Mapping[tuple[int, str], Row],
    tariffs: Mapping[str, TariffVersion],
) -> dict[str, Any]:
    version = tariffs.get(span["tariff"] or "")
    stated = None
    if version is not None:
        stated = {
            "id": version.id, "digest": version.digest, "source": version.source,
            "title": version.title if isinstance(version.title, str) else dict(version.title),
            "valid_from": str(version.valid_from), "assumptions": list(version.assumptions),
        }  # fmt: skip
    return {
        "span": span["span"],
        "from": str(span["from"]),
        "to": str(span["to"]),
        "days": (span["to"] - span["from"]).days,
        "tariff": stated,
        "components": [_component(charge) for charge in version.components] if version else [],
        "lines": [_line(line, span, known, version) for line in lines],
    }


def _energy(segment: Row) -> dict[str, str | None]:
    """import, export and the estimated part of the import, in kWh."""
    names = ("import", "export", "estimated")
    return {
        name: None if segment[f"{name}_ukwh"] is None else _micro(segment[f"{name}_ukwh"])
        for name in names
    }


def _component(charge: Charge) -> dict[str, Any]:
    """A component that is in force in a span, whether it gives a line or not."""
    netting = isinstance(charge, Energy | Tiered) and charge.netting == "month"
    channel = getattr(charge, "channel", None)
    energy = isinstance(charge, Energy | Tiered)
    return {
        "id": charge.id,
        "title": charge.title if charge.title is not None else charge.id,
        "shape": charge.shape,
        "of": list(charge.of) if isinstance(charge, OnLines) else [],
        "channels": (["import", "export"] if netting else [channel]) if energy else [],
    }


def _line(
    line: Row,
    span: Row,
    known: Mapping[tuple[int, str], Row],
    version: TariffVersion | None,
) -> dict[str, Any]:
    keys = ("component", "kind", "bucket", "quantity", "unit", "price", "factor", "amount")
    told = {key: _plain(line[key]) for key in keys}
    charge = version.component(line["component"]) if version else None
    if version is None or charge is None:
        return told | {"title": line["component"], "clause": "", "from": []}
    exact = _exact(charge, line)
    rounding = charge.rounding.point() if charge.rounding else version.line
    return told | {
        "title": charge.title if charge.title is not None else charge.id,
        "clause": charge.source or version.source,
        "ledger": charge.ledger or "",
        "shape": charge.shape,
        "exact": number(exact),
        "mean_price": bool(getattr(charge, "series", None)),
        "rounding": {"places": rounding.places, "mode": str(rounding.mode)},
        "from": _sources(charge, line, span, known, version),
    }


def _exact(charge: Charge, line: Row) -> Fraction:
    """A line before rounding; one of a price series has a mean price, and is told as it is."""
    amount = Fraction(line["amount"])
    if getattr(charge, "series", None):
        return amount
    exact = Fraction(line["quantity"]) * Fraction(line["price"]) * Fraction(line["factor"])
    if amount and exact:  # credits and what is paid out have turned signs
        return -exact if (amount < 0) != (exact < 0) else exact
    return -exact if charge.credit else exact


def _sources(
    charge: Charge,
    line: Row,
    span: Row,
    known: Mapping[tuple[int, str], Row],
    version: TariffVersion,
) -> list[dict[str, str]]:
    """What a line's quantity comes from: determinants, lines or terms."""
    if isinstance(charge, OnLines) and not isinstance(charge, PowerFactor):
        return [{"kind": "lines", "of": name} for name in charge.of]
    if isinstance(charge, Fixed):
        term = {"kva_month": "capacity_ukva", "kw_month": "contract_ukw"}.get(charge.per)
        return [{"kind": "term", "of": term, "value": _micro(span[term])}] if term else []
    found = []
    for name in _determinants(charge, line["bucket"], version):
        row = known.get((span["span"], name))
        if row is not None:
            found.append({
                "kind": "determinant", "of": name, "value": _micro(row["value"]),
                "actual": _micro(row["value"] - row["estimated"]),
                "estimated": _micro(row["estimated"]), "unit": row["unit"],
            })  # fmt: skip
    return found


def _determinants(charge: Charge, bucket: str, version: TariffVersion) -> list[str]:
    """Names of the determinants of a line."""
    if isinstance(charge, PowerFactor):
        return [
            energy_of(version.zone, channel, None, charge.months).name("")
            for channel in ("import", "reactive_import", "reactive_export")
        ]
    if not isinstance(charge, Energy | Tiered | Demand):
        return []
    calendar = version.calendars[charge.calendar] if charge.calendar else None
    name = bucket.partition("/")[0]
    mine = (name,) if calendar and name in calendar.buckets else ("",)
    if isinstance(charge, Demand):
        wanted = demand_of(version.zone, charge, calendar)
        return [wanted.name(bucket) for bucket in mine]
    channels = ("import", "export") if charge.netting else (charge.channel,)
    return [
        energy_of(version.zone, channel, calendar, charge.months).name(bucket)
        for channel in channels for bucket in mine
    ]  # fmt: skip


def _dials(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Opening and closing of each dial, with what lies between, and what that gives."""
    dials: dict[tuple[str, str], list[Row]] = {}
    for row in sorted(rows, key=lambda r: (r["meter"], r["register"], r["time_utc"])):
        dials.setdefault((row["meter"], row["register"]), []).append(row)
    return [
        {
            "meter": meter, "register": register,
            "channel": readings[0]["channel"], "bucket": readings[0]["bucket"],
            "kind": readings[0]["kind"], "digits": readings[0]["digits"],
            "multiplier": _micro(readings[0]["multiplier"]),
            "readings": [
                {"time": r["time_utc"].strftime("%Y-%m-%dT%H:%M:%SZ"),
                 "reading": _micro(r["reading"]), "quality": r["quality"], "reason": r["reason"]}
                for r in readings
            ],
        } | _moved(readings)
        for (meter, register), readings in dials.items()
    ]  # fmt: skip


def _moved(readings: Sequence[Row]) -> dict[str, Any]:
    """How far a dial went, how often over its end, and times the multiplier."""
    values = [row["reading"] for row in readings]
    turns = sum(after < before for before, after in pairwise(values))
    if readings[0]["kind"] == "demand":
        steps, turns = max(values[1:], default=0), 0
    else:
        steps = values[-1] - values[0] + turns * 10 ** readings[0]["digits"] * _MICRO
    whole = Fraction(steps * readings[0]["multiplier"], _MICRO**2)
    return {"steps": _micro(steps), "rolled_over": turns, "gives": number(whole)}


def _carry(rows: Sequence[Row]) -> list[dict[str, str]]:
    return [
        {"key": row["key"], "at": str(row["at"]), "value": _micro(row["value"]),
         "from": row["segment"] or ""}
        for row in sorted(rows, key=lambda row: (row["key"], row["at"]))
    ]  # fmt: skip


# ------------------------------------------------------------------- rendering


def render(tree: Mapping[str, Any], *, language: str = "en") -> Tree:
    """The tree as it is printed."""
    money = tree["currency"] or ""
    top = Tree(f"[bold]{escape(tree['bill'])}[/]  {_money(tree['total'], money)}")
    for segment in tree["segments"]:
        branch = top.add(
            f"{escape(segment['metering_point'])}, billed from {segment['legal_source']} readings: "
            f"{_money(segment['total'], money)}"
        )
        for dial in segment["readings"]:
            values = " -> ".join(
                f"{reading['reading']} ({reading['quality']}, {reading['time'][:10]})"
                for reading in dial["readings"]
            )
            branch.add(
                f"[dim]meter {escape(dial['meter'])}, dial {escape(dial['register'])} "
                f"x {dial['multiplier']}: {values}{_turned(dial)}[/]"
            )
        for sentence in sentences(segment["estimates"]):
            branch.add(f"[dim]{escape(sentence)}[/]")
        for span in segment["spans"]:
            _render_span(branch, span, money, language)
        for name, word in (("carry_in", "carried in"), ("carry_out", "carried on")):
            for row in segment[name]:
                branch.add(f"[dim]{word}: {row['key']} {row['at']}: {row['value']}[/]")
    return top


def _turned(dial: Mapping[str, Any]) -> str:
    """` = 37.2, times 20 = 744, over its end once`."""
    steps = f" = {dial['steps']}" if dial["kind"] != "demand" else ""
    whole = f", times {dial['multiplier']} = {dial['gives']}" if dial["multiplier"] != "1" else ""
    turns = {0: "", 1: ", over its end once"}
    return (
        steps
        + whole
        + turns.get(dial["rolled_over"], f", {dial['rolled_over']} times over its end")
    )


def _render_source(leaf: Tree, source: Mapping[str, Any]) -> None:
    """A source of a line; under it its days, its intervals or its peak, where they are known."""
    twig = leaf.add(f"[dim]{_source(source)}[/]")
    if source.get("peak"):
        twig.add(f"[dim]reached from {source['peak']['local']} on[/]")
    days = source.get("days") or []
    if days:
        twig.add(f"[dim]{summary(days)}[/]")
    for day in days:
        if "intervals" in day:
            guessed = f", {day['estimated']} of it estimated" if day["estimated"] != "0" else ""
            each = " · ".join(
                f"{one['local'][11:16]} {one['value']}"
                + (f" {one['quality']}" if one["quality"] != "A" else "")
                for one in day["intervals"]
            )
            twig.add(f"[dim]{day['day']}: {day['quantity']}{guessed}\n{each}[/]")


def _render_span(branch: Tree, span: Mapping[str, Any], money: str, language: str) -> None:
    tariff = span["tariff"]
    name = word(tariff["title"], language) if tariff else "no tariff"
    node = branch.add(f"{span['from']} to {span['to']}, {span['days']} days: {name}")
    if tariff:
        node.add(f"[dim]{escape(tariff['source'])}, in force from {tariff['valid_from']}[/]")
    for line in span["lines"]:
        bucket = f" {escape(line['bucket'])}" if line["bucket"] else ""
        leaf = node.add(
            f"{word(line['title'], language)}{bucket}: {_product(line, money)} "
            f"= [bold]{_money(line['amount'], money)}[/]"
        )
        if "exact" in line and line["exact"] != line["amount"]:
            leaf.add(
                f"[dim]{line['exact']} rounded to {line['rounding']['places']} places, "
                f"{line['rounding']['mode']}[/]"
            )
        of = [source["of"] for source in line["from"] if source["kind"] == "lines"]
        if of:
            leaf.add(f"[dim]the lines of {escape(', '.join(of))}[/]")
        for source in line["from"]:
            if source["kind"] != "lines":
                _render_source(leaf, source)


def _money(amount: str | None, currency: str) -> str:
    """`5.7` -> `5.70 EUR`: the currency's places, and more where a line keeps more."""
    if amount is None:
        return "no amount"
    if not currency:
        return amount
    decimals = len(amount.partition(".")[2])
    return f"{Decimal(amount):.{max(decimals, minor_digits(currency))}f} {currency}"


def _product(line: Mapping[str, Any], currency: str) -> str:
    """`120 kWh x 0.1558`; a percentage of money as `22.02 EUR x 23 %`."""
    quantity = f"{line['quantity']} {line['unit']}"
    if line["unit"] == currency:
        quantity = _money(line["quantity"], currency)
    if line["factor"] == "1/100":
        return f"{quantity} x {line['price']} %"
    return f"{quantity} x {line['price']}" + (
        f" x {line['factor']}" if line["factor"] != "1" else ""
    )


def word(title: object, language: str) -> str:
    """A title in a language, safe to print."""
    if isinstance(title, Mapping):
        title = title.get(language) or title.get("en") or next(iter(title.values()))
    return escape(str(title))


def _source(source: Mapping[str, str]) -> str:
    if source["kind"] == "term":
        return f"{source['of'].partition('_')[0]} of the agreement: {source['value']}"
    estimated = f", {source['estimated']} of it estimated" if source["estimated"] != "0" else ""
    return f"{source['of']}: {source['value']} {source['unit']}{estimated}"
