"""One point at UTC under one document: lines worked out by hand stand beside what is rated."""

from datetime import date

import numpy as np
from rating_world import NO_CARRY, World, header, months

from gridtally.periods import zone as zone_of
from gridtally.tables import CARRY, table

JANUARY = months(date(2026, 1, 1), 1)
TOU = """
[calendars.c]
[[calendars.c.rules]]
bucket = "peak"
hours = ["08:00-20:00"]
[[calendars.c.rules]]
otherwise = "off"
"""


def world(
    body, *, kwh=None, period=JANUARY, carry=(), head=(), terms=None, docs=None, step=3600,
    zone="UTC", **more
):  # fmt: skip
    """One point; `kwh`: energy per channel, spread evenly, or an array of ukWh."""
    low, high = zone_of(zone).bounds(period)
    hours = (high - low) // step
    channels = {}
    for channel, energy in {"import": 310, **(kwh or {})}.items():
        even = isinstance(energy, int)
        channels[channel] = np.full(hours, energy * 10**6 // hours) if even else np.array(energy)
        if even:
            channels[channel][: energy * 10**6 % hours] += 1
    rows = [
        {"agreement": "A", "segment": "old", "key": k, "at": a, "value": v} for k, a, v in carry
    ]
    return World(
        docs or [header(zone, **dict(head)) + body], period, zone, step, channels, terms or {},
        table(CARRY, rows) if rows else NO_CARRY, **more,
    )  # fmt: skip


def bill(body, **options):
    found, _, _ = world(body, **options).rated()
    return found


def lines(body, **options):
    """(component, bucket, quantity, price, factor, amount) of each line."""
    found = bill(body, **options)
    assert found.lines or not found.findings, found.findings
    keys = ("component", "bucket", "quantity", "price", "factor", "amount")
    return [tuple(line[key] for key in keys) for line in found.lines]


def component(shape, rest, name="x"):
    return f'[[components]]\nid = "{name}"\nshape = "{shape}"\n{rest}\n'
