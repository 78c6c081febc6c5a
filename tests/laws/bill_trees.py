"""The bills of a random town as the trees that `explain` makes of them."""

import pyarrow as pa
from random_towns import Town

from gridtally.market import NO_MARKET
from gridtally.metering.cases import Cases
from gridtally.metering.determine import determine
from gridtally.rating.assemble import assemble
from gridtally.rating.explain import explain
from gridtally.rating.rate import rate
from gridtally.rating.tariff import load
from gridtally.tables import ADVANCES, REGISTERS_USED, SPANS, empty, table


def cases(town: Town):
    """The rating case of each segment, readings in it."""
    made = Cases(town.spans, dense=town.dense, used=empty(REGISTERS_USED), carry=town.carry)
    return {segment: made.case(segment) for segment in made}


def trees(town: Town, *, together=False, market=None):
    """A tree per bill that has a total; an account per agreement, or one with all of them."""
    market = market or getattr(town, "market", NO_MARKET)
    rows = town.spans.to_pylist()
    for row in rows:
        row["account"] = "C" if together else row["agreement"]
    spans = table(SPANS, rows)
    versions = {digest: load(text, name="t") for digest, text in town.tariffs.items()}
    wanted = {digest: version.wanted for digest, version in versions.items()}
    determinants, more = determine(
        spans, dense=town.dense, advances=empty(ADVANCES), wanted=wanted, market=market
    )
    rated = rate(
        spans, determinants, tariffs=versions, carry_in=town.carry, incomplete=more, market=market
    )
    segments, bills, _ = assemble(
        spans, rated.lines, determinants, tariffs=versions,
        findings=pa.concat_tables([more, rated.findings]),
    )  # fmt: skip
    known = {row["bill"]: row["total"] for row in bills.to_pylist() if row["total"] is not None}
    return [
        explain(
            bill, bills=bills, segments=segments, spans=spans, lines=rated.lines,
            determinants=determinants, used=empty(REGISTERS_USED), carry_in=town.carry,
            carry_out=rated.carry, tariffs=versions,
        )
        for bill in known
    ]  # fmt: skip
