"""Step 6, the second opinion: one bill segment, rated slowly and plainly.

Written from `docs/tariff.md`, `docs/rating-case.md` and `docs/registers.md` by somebody who had
not read the kernel, and importing nothing from it: read it with those pages beside it.

`segment.py` rates a case; `tariff.py` reads the document, with every key of it checked
(`components.py`, `metered.py`, `values.py`) and its calendars painted (`hours.py`). `readings.py`
gives energy, `dials.py` that of registers, `series.py` prices by time; `span.py` terms, factors
and lines, `carry.py` what one segment hands to the next. The shapes are in `energy.py` (from
measured to billed: `billed.py`), `demand.py` and `charges.py`. Charging sessions are rated by
`sessions.py` and `session_bill.py`, from `docs/charging.md`.
Quantities are whole numbers of 10^-6 kWh, kvarh or kW; everything else is an exact fraction
until the one rounding that the tariff declares. Whatever the pages hold gives no lines and one
finding that says why.
"""

from gridtally.rating.reference.segment import rate_case

__all__ = ["rate_case"]
