"""Step 2: the units and channels that senders use, as powers of ten and our four channels."""

from __future__ import annotations

from gridtally.terms import Channel, Quality

__all__ = ["CHANNELS", "QUALITIES", "UNITS", "is_reactive", "unit_of"]

CHANNELS = tuple(str(channel) for channel in Channel)
"""The four channels, in the order in which they are numbered."""

ACTIVE, REACTIVE, POWER = "kWh", "kvarh", "kW"

UNITS: dict[str, tuple[str, int]] = {
    "wh": (ACTIVE, 3), "kwh": (ACTIVE, 6), "mwh": (ACTIVE, 9), "gwh": (ACTIVE, 12),
    "varh": (REACTIVE, 3), "kvarh": (REACTIVE, 6), "mvarh": (REACTIVE, 9), "gvarh": (REACTIVE, 12),
    "w": (POWER, 3), "kw": (POWER, 6), "mw": (POWER, 9),
}  # fmt: skip
"""Lower-case unit -> (unit that is kept, power of ten from the unit to its millionth kept)."""

QUALITIES = {str(quality): rank for rank, quality in enumerate(reversed(list(Quality)))}
"""Letter -> code in rank order: N 0, E 1, S 2, A 3."""


def is_reactive(channel: str) -> bool:
    """Whether a channel counts kvarh."""
    return channel.startswith("reactive")


def unit_of(channel: str) -> str:
    """The unit in which a channel is kept."""
    return REACTIVE if is_reactive(channel) else ACTIVE
