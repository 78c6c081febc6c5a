"""A rating case with terms, prices and events through both raters, for the law of the language."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
from two_raters import differences

from gridtally.market import Events, Market, Series
from gridtally.metering.blocks import LETTERS, Dense
from gridtally.metering.determine import determine
from gridtally.periods import Period, zone
from gridtally.rating.rate import rate
from gridtally.rating.reference import rate_case
from gridtally.rating.tariff import load
from gridtally.tables import ADVANCES, CARRY, SPANS, empty, table

__all__ = ["disagreements", "market_of"]


def disagreements(case, tariffs):
    """What the two raters say differently of an interval-billed case."""
    why, lines, carry = kernel(case, tariffs)
    return list(differences("A/1", rate_case(case, tariffs), why or None, lines, carry))


def kernel(case, tariffs):
    """Codes that hold, lines, carry."""
    spans, dense, carry = tables_of(case)
    versions = {digest: load(text, name="t") for digest, text in tariffs.items()}
    market = market_of(case)
    determinants, first = determine(
        spans,
        dense=dense,
        advances=empty(ADVANCES),
        wanted={digest: version.wanted for digest, version in versions.items()},
        market=market,
    )
    rated = rate(
        spans, determinants, tariffs=versions, carry_in=carry, incomplete=first, market=market
    )
    rows = [*first.to_pylist(), *rated.findings.to_pylist()]
    why = [row["code"] for row in rows if row["severity"] == "hold"]
    return why, rated.lines.to_pylist(), rated.carry.to_pylist()


def tables_of(case):
    """Spans, grids of readings and carry, as the kernel reads them."""
    name, rows, began = case["zone"], [], case.get("look_back_from")
    for number, span in enumerate(case["spans"]):
        first, end = date.fromisoformat(span["from"]), date.fromisoformat(span["to"])
        start_utc, end_utc = zone(name).bounds(Period(first, end))
        terms = json.dumps(span.get("terms", {}), sort_keys=True, separators=(",", ":"))
        rows.append(
            {
                "segment": "A/1", "span": number, "agreement": "A", "account": "C",
                "metering_point": "P", "zone": name, "from": first, "to": end,
                "start_utc": start_utc, "end_utc": end_utc, "legal_source": "interval",
                "terms": None if terms == "{}" else terms,
                "look_back_from": date.fromisoformat(began) if began else None,
                **{key: span[key] for key in ("tariff", "contract_ukw", "capacity_ukva")},
            }
        )  # fmt: skip
    grids = [
        Dense(
            ("P",),
            channel,
            rows[0]["start_utc"],
            given["resolution_s"],
            np.array([given["values"]], np.int64),
            np.array([[LETTERS.index(letter) for letter in given["quality"]]], np.uint8),
        )
        for channel, given in case["channels"].items()
    ]
    carry = [
        {"agreement": "A", "segment": "before", "key": entry["key"],
         "at": date.fromisoformat(entry["at"]), "value": entry["value"]}
        for entry in case["carry_in"]
    ]  # fmt: skip
    return table(SPANS, rows), grids, table(CARRY, carry)


def instant(text):
    return int(datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp())


def market_of(case):
    """The case's series and events, as the kernel reads them."""
    series = {
        name: Series(
            tuple(instant(at) for at, _ in given["steps"]),
            tuple(None if value is None else Decimal(value) for _, value in given["steps"]),
            instant(given["to"]),
        )
        for name, given in case.get("series", {}).items()
    }
    events = {
        name: Events(
            instant(given["from"]),
            instant(given["to"]),
            tuple((instant(start), instant(end)) for start, end in given["times"]),
        )
        for name, given in case.get("events", {}).items()
    }
    return Market(series, events)
