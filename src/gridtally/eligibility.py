"""Before step 3: agreements whose tariff is not for them are held (`docs/tariff.md`, eligibility).

A household at medium voltage, or a tariff of another region: apart from both raters, because the
amounts would be right and the tariff would still be the wrong one (T20).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gridtally.rating.document.declared import Eligibility
from gridtally.rating.tariff import TariffVersion
from gridtally.tables import finding, findings_table
from gridtally.terms import Severity

__all__ = ["ineligible"]

_WORDS = {
    "voltage_levels": ("voltage_level", "voltage level"),
    "regions": ("region", "region"),
    "phases": ("phases", "number of phases"),
    "segments": ("segment", "customer segment"),
}
"""list of the document -> (column of the master data, its name for people)"""


def ineligible(
    spans: pa.Table, tariffs: Mapping[str, TariffVersion], master: Mapping[str, pa.Table]
) -> pa.Table:
    """A finding that holds for each agreement and tariff version that do not go together."""
    asked = {digest: t for digest, t in tariffs.items() if t.eligibility}
    if not asked:
        return findings_table([])
    mine = spans.filter(pc.is_in(spans["tariff"], pa.array(sorted(asked), pa.string())))
    points = _rows(master["metering_points"], "metering_point")
    accounts = _rows(master["accounts"], "account")
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in mine.to_pylist():
        known = points.get(row["metering_point"], {}) | {
            "segment": accounts.get(row["account"], {}).get("segment")
        }
        version = asked[row["tariff"]]
        assert version.eligibility
        reasons = list(_outside(version.eligibility, known))
        if reasons:
            found.setdefault((row["segment"], version.digest), _told(row, version, reasons))
    return findings_table(list(found.values()))


def _rows(table: pa.Table, key: str) -> dict[str, dict[str, Any]]:
    columns = [key, *(column for column, _ in _WORDS.values() if column in table.column_names)]
    return {row[key]: row for row in table.select(columns).to_pylist()}


def _outside(allowed: Eligibility, known: Mapping[str, Any]) -> Iterator[str]:
    """Why something known of a metering point and its account is not allowed."""
    for name, (column, word) in _WORDS.items():
        wanted = getattr(allowed, name)
        have = known.get(column)
        if wanted is None or have in wanted:
            continue
        listed = ", ".join(map(str, wanted))
        here = f"it is {have}" if have not in (None, "") else "the master data say none"
        yield f"{word} must be {listed}, and {here}"


def _told(row: Mapping[str, Any], version: TariffVersion, reasons: list[str]) -> dict[str, Any]:
    keys = ("segment", "account", "metering_point", "start_utc", "end_utc")
    return finding(
        "rating.tariff.ineligible",
        Severity.HOLD,
        f"Agreement {row['agreement']} may not have the tariff {version.id}: {'; '.join(reasons)}.",
        remedy="Give the agreement the tariff that it may have, or correct the master data.",
        must_hold=True,
        evidence={"tariff": version.id, "version": version.digest},
        **{key: row[key] for key in keys},
    )
