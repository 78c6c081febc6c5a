"""Shared by the tests of MSCONS: interchanges of a few segments, counts and references right."""

from datetime import UTC, datetime, timedelta

DAY = datetime(2026, 1, 5, tzinfo=UTC)
HEAD = ["BGM+7+DOC1+9", "DTM+137:202601051200?+00:303", "RFF+Z13:13018", "NAD+MS+99::293"]


def quarter(number, value="0.25", status="220", *more):
    """A QTY of the quarter-hour `number` of 5 January 2026, UTC, and what follows it."""
    begin, end = (f"{DAY + timedelta(minutes=15 * n):%Y%m%d%H%M}?+00" for n in (number, number + 1))
    return [f"QTY+{status}:{value}", f"DTM+163:{begin}:303", f"DTM+164:{end}:303", *more]


def profile(*quarters, obis="1-1?:1.29.0", point="DE1"):
    """A location with one load profile."""
    place = [f"LOC+172+{point}", "LIN+1", f"PIA+5+{obis}:SRW"]
    return ["NAD+DP", *place, *(segment for quarter_ in quarters for segment in quarter_)]


def reading(
    value="1234.5", obis="1-1?:1.8.0", time="DTM+7:202601042300?+00:303", meter="M1", more=()
):
    """A location with one dial reading."""
    device = [f"RFF+MG:{meter}"] if meter else []
    place = ["NAD+DP", "LOC+172+DE1", *device, "LIN+1", f"PIA+5+{obis}:SRW"]
    return [*place, f"QTY+220:{value}", *([time] if time else []), *more]


def message(*body, head=HEAD, reference="1"):
    """A message around segments, with its count."""
    inner = [*head, "UNS+D", *body]
    return [f"UNH+{reference}+MSCONS:D:04B:UN:2.4c", *inner, f"UNT+{len(inner) + 2}+{reference}"]


def interchange(*messages, una="UNA:+.? '", charset="UNOC", between="\n", reference="R1"):
    """A whole file; `una` may be empty."""
    head = f"UNB+{charset}:3+SENDER:500+RECEIVER:500+260105:1200+{reference}++TL"
    segments = [head, *(segment for one in messages for segment in one)]
    segments += [f"UNZ+{len(messages)}+{reference}"]
    start = una + between if una else ""
    return start + "".join(segment + "'" + between for segment in segments)
