"""A rating case with terms, prices and events through both raters, for the law of the language."""

from datetime import UTC, datetime
from decimal import Decimal

from two_raters import differences, tables_of

from gridtally.market import Events, Market, Series
from gridtally.metering.determine import determine
from gridtally.rating.rate import rate
from gridtally.rating.reference import rate_case
from gridtally.rating.tariff import load
from gridtally.tables import ADVANCES, empty

__all__ = ["disagreements", "market_of", "tables_of"]


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
