"""After step 7 for charging sessions: the second rater on the dearest bills and a sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from gridtally.rating.reference.sessions import rate_session
from gridtally.rating.sessions.document import Session, remark

__all__ = ["ALL", "differing"]

ALL = 200
"""So many sessions are all rated twice; of more, the dearest half of that and as many others."""
Json = Mapping[str, Any]


def differing(
    tariff: Json, rated: Sequence[tuple[Session, Json]], *, file: str
) -> tuple[dict[str, dict[str, Any]], int]:
    """Sessions that the second rater rates differently, each with its finding; how many it rated.

    `tariff` is the OCPI object; `rated` are sessions with their bills.
    """
    chosen = _chosen([bill for _, bill in rated])
    found = {}
    for n in chosen:
        session, bill = rated[n]
        second = rate_session(tariff, session.told)
        if second["bill"] != bill:
            theirs = second["bill"] or {}
            words = ", ".join(second["held"]) or f"{theirs.get('total')} {bill['currency']}"
            found[session.id] = remark(
                "rating.session.raters_differ",
                f"{session.id}: the first rater says {bill['total']} {bill['currency']}, "
                f"the second: {words}.",
                remedy="Do not bill it; report the tariff and this session to the maintainers.",
                file=file, session=session.id,
            )  # fmt: skip
    return found, len(chosen)


def _chosen(bills: Sequence[Json]) -> list[int]:
    """Places of the bills that are rated again."""
    everything = range(len(bills))
    if len(bills) <= ALL:
        return list(everything)
    dearest = sorted(everything, key=lambda n: (-abs(Decimal(bills[n]["total"])), n))[: ALL // 2]
    sample = everything[:: -(-len(bills) // (ALL // 2))]
    return sorted({*dearest, *sample})
