"""Step 2: OBIS codes of electric energy (IEC 62056-61) as channel, kind of value, and bucket.

`A-B:C.D.E*F`: medium, channel, quantity, kind of measurement, tariff, billing period.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from gridtally.terms import Channel

__all__ = ["DEMAND", "ENERGY", "PROFILE", "READING", "Obis", "obis_of"]

ENERGY, PROFILE, READING, DEMAND = range(4)
"""What a code stands for: energy of some period, of one of many equal intervals, a dial, the
largest demand of a period."""
_CODE = re.compile(
    r"(\d{1,3})-(\d{1,3}):(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:[*&]\d{1,3})?\Z", re.ASCII
)
_ELECTRICITY = 1
_CHANNELS = {
    1: Channel.IMPORT, 2: Channel.EXPORT,
    3: Channel.REACTIVE_IMPORT, 5: Channel.REACTIVE_IMPORT, 6: Channel.REACTIVE_IMPORT,
    4: Channel.REACTIVE_EXPORT, 7: Channel.REACTIVE_EXPORT, 8: Channel.REACTIVE_EXPORT,
}  # fmt: skip
"""Quantity (C) -> channel: 3 is the sum of quadrants I and II (5, 6), 4 of III and IV (7, 8)."""
_KINDS = {6: DEMAND, 8: READING, 9: ENERGY, 10: PROFILE, 29: PROFILE, 30: PROFILE}
"""Kind of measurement (D): time integral 1 is a dial, 2 energy of any period, 3, 5, 6 profiles."""
_ACTIVE = (1, 2)
_TARIFFS = 62


class Obis(NamedTuple):
    """What a code means; `meter` is its A-B, `quantity`, `measure`, `tariff` its C, D, E."""

    channel: str
    kind: int
    bucket: str
    meter: str
    quantity: int
    measure: int
    tariff: int


def obis_of(text: str) -> Obis | None:
    """What an OBIS code means here; None when it is none, or not of electric energy."""
    match = _CODE.match(text)
    if match is None:
        return None
    medium, place, quantity, measure, tariff = (int(part) for part in match.groups())
    if medium != _ELECTRICITY or quantity not in _CHANNELS or measure not in _KINDS:
        return None
    if tariff > _TARIFFS or (_KINDS[measure] == DEMAND and quantity not in _ACTIVE):
        return None
    bucket = f"t{tariff}" if tariff else "total"
    return Obis(
        str(_CHANNELS[quantity]), _KINDS[measure], bucket, f"{medium}-{place}", quantity, measure,
        tariff,
    )  # fmt: skip
