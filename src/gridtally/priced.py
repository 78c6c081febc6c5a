"""Before step 3: days on which a tariff prices no energy, although it does on others, are held.

Apart from both raters: each component says what its months cost, and no component that no month
is left out. A component of price zero says that a month is free; nothing at all says nothing, and
a missing price is never a zero (`docs/tariff.md`, *Months without a price*).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gridtally.periods import Period
from gridtally.rating.lint import unpriced_months
from gridtally.rating.tariff import TariffVersion
from gridtally.tables import finding, findings_table
from gridtally.terms import Severity

__all__ = ["unpriced"]


def unpriced(spans: pa.Table, tariffs: Mapping[str, TariffVersion]) -> pa.Table:
    """A finding that holds for each span with a day in such a month."""
    months = {digest: unpriced_months(t.components) for digest, t in tariffs.items()}
    wanted = pa.array([digest for digest, found in months.items() if found], pa.string())
    if not len(wanted):
        return findings_table([])
    rows = spans.filter(pc.is_in(spans["tariff"], wanted)).to_pylist()
    found = []
    for row in rows:
        for channel, missing in months[row["tariff"]].items():
            mine = [p.start for p in Period(row["from"], row["to"]).months()]
            hit = [day for day in mine if day.month in missing]
            if hit:
                found.append(_told(row, tariffs[row["tariff"]], channel, hit[0]))
    return findings_table(found)


def _told(row: Mapping[str, Any], version: TariffVersion, channel: str, first: Any) -> Any:
    keys = ("segment", "account", "metering_point", "start_utc", "end_utc")
    last = (first.replace(day=28) + timedelta(4)).replace(day=1) - timedelta(1)
    return finding(
        "rating.price.months",
        Severity.HOLD,
        f"The tariff {version.id} has no price for energy of {channel} from {first} to "
        f"{min(last, row['to'] - timedelta(1))}, and has one in other months.",
        remedy="Add a component for these months; energy that is free has a price of 0.",
        must_hold=True,
        channel=channel,
        **{key: row[key] for key in keys},
    )
