"""Shared by the tests of NEM12 and NEM13: records by the piece, and what is said of them."""

from datetime import UTC, datetime


def values(number, count=24):
    return ",".join([str(number)] * count)


def file(*records, header="100,NEM12,202601100000,A,B"):
    return "\r\n".join([header, *records, "900", ""])


def stream(suffix="E1", config="E1", unit="kWh", minutes=60):
    return f"200,P,{config},1,{suffix},N1,M1,{unit},{minutes},"


def day(number=1, tail="A,,,20260110000000,", date="20260105", count=24):
    return f"300,{date},{values(number, count)},{tail}"


def accumulated(*records):
    return file(*records, header="100,NEM13,202605010000,A,B")


def record(before="00100", after="00210", quantity="110", **other):
    fields = {"suffix": "11", "way": "E", "start": "20260101000000", "end": "20260401000000",
              "unit": "kWh", "update": "20260402000000", "q": "A"} | other  # fmt: skip
    return (
        "250,P,11,1,{suffix},{suffix},M1,{way},{before},{start},A,,,{after},{end},{q},,,"
        "{quantity},{unit},20260701,{update},"
    ).format(before=before, after=after, quantity=quantity, **fields)


def said(found, key):
    """The remarks of one key: (first, end, value), hours since 5 January 2026 in UTC+10."""
    rows = [row for row in found.remarks.to_pylist() if row["key"] == key]
    return sorted((hours(row["start_utc"]), hours(row["end_utc"]), row["value"]) for row in rows)


def hours(instant):
    """Hours since 5 January 2026 in UTC+10."""
    return (instant - datetime(2026, 1, 4, 14, tzinfo=UTC)).total_seconds() / 3600
