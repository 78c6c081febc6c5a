"""The same readings as files of several formats, and those files cut, shuffled and packed anew."""

import gzip
import random

POINTS = ("NMI0000001", "NMI0000002", "NMI0000003")
DAYS = (5, 6, 31)
SLOTS = 48
LETTERS = "AAAES"


def _value(point, day, slot, version):
    return (POINTS.index(point) * 7 + day * 3 + slot + (version and slot % 5 == 0) * 100) / 4


def readings():
    """(point, channel, day of January 2026, slot, value, quality, version) of half hours.

    Version 1 covers the first day again: some values are others, most are confirmed.
    """
    for point in POINTS:
        for channel in ("import", "export"):
            for day, version in [*((day, 0) for day in DAYS), (DAYS[0], 1)]:
                letter = LETTERS[day % 5]
                for slot in range(SLOTS):
                    value = _value(point, day, slot, version)
                    yield point, channel, day, slot, value, letter, version


def csv_long():
    head = "metering_point,channel,start,value,unit,quality,version,resolution_min"
    rows = [
        f"{p},{c},2026-01-{d:02}T{s // 2:02}:{s % 2 * 30:02}:00Z,{v},kWh,{q},{n},30"
        for p, c, d, s, v, q, n in readings()
    ]
    return head, rows, ""


def csv_wide():
    head = "metering_point,channel,date,resolution_min,unit,quality,version," + ",".join(
        f"v{n}" for n in range(1, SLOTS + 1)
    )
    days = {}
    for p, c, d, _, v, q, n in readings():
        days.setdefault((p, c, d, q, n), []).append(str(v))
    rows = [
        f"{p},{c},2026-01-{d:02},30,kWh,{q},{n},{','.join(values)}"
        for (p, c, d, q, n), values in days.items()
    ]
    return head, rows, ""


def csv_registers():
    head = "metering_point,meter,register,time,reading,unit,quality,reason,version"
    rows = [
        f"{p},M-{p},1.8.{d % 2},2026-01-{d:02}T00:00:00Z,{d * 10 + n},kWh,A,{why},{n}"
        for p in POINTS
        for d in DAYS
        for n in (0, 1)
        for why in (("routine", "exchange_out") if d == 6 else ("routine",))
    ]
    return head, rows, ""


def nem12():
    """A record 200 and its days are one piece; versions are update times."""
    pieces = {}
    for p, c, d, _, v, q, n in readings():
        pieces.setdefault((p, c), {}).setdefault((d, q, n), []).append(str(v))
    rows = []
    for (p, c), days in pieces.items():
        suffix = "E1" if c == "import" else "B1"
        for (d, q, n), values in days.items():
            flag = {"A": "A,,,", "E": "E52,,,", "S": "S52,76,,"}[q]
            rows.append(
                f"200,{p},E1B1,1,{suffix},N1,METER1,kWh,30,\n"
                f"300,202601{d:02},{','.join(values)},{flag}202602{n + 1:02}120000,"
            )
    return "100,NEM12,202602030930,SENDER,RECEIVER", rows, "900"


FORMATS = {"csv-long": csv_long, "csv-wide": csv_wide, "csv-registers": csv_registers,
           "nem12": nem12}  # fmt: skip


def text(head, rows, tail):
    return "\n".join([head, *rows, *([tail] if tail else [])]).encode() + b"\n"


def deliveries(name, folder):
    """Ways to deliver the readings of a format: name of the way -> files, in order."""
    head, rows, tail = FORMATS[name]()
    mixed, again = list(rows), list(rows)
    random.Random(7).shuffle(mixed)
    random.Random(8).shuffle(again)
    third = len(rows) // 3
    ways = {
        "whole": [rows],
        "twice, shuffled": [mixed, again],
        "split": [mixed[n::5] for n in range(5)],
        "split in order, last first": [rows[2 * third :], rows[third : 2 * third], rows[:third]],
        "overlapping": [mixed[: 2 * third], mixed[third:]],
    }
    found = {}
    for way, parts in ways.items():
        for number, part in enumerate(parts):
            path = folder / f"{name}-{way.replace(' ', '_').replace(',', '')}-{number}.txt"
            path.write_bytes(text(head, part, tail))
            found.setdefault(way, []).append(path)
    renamed = folder / f"{name}-another.name"
    renamed.write_bytes(text(head, rows, tail))
    packed = folder / f"{name}.gz"
    packed.write_bytes(gzip.compress(text(head, rows, tail), 1, mtime=0))
    return found | {"twice, renamed, packed": [*found["whole"], renamed, packed]}


CUMULATIVE = b"""
gridtally_mapping = 1
name = "dials with ends alone"
kind = "intervals"
[columns]
metering_point = "point"
end = "end"
[time]
pattern = "YYYY-MM-DD hh:mm"
zone = "UTC"
[interval]
length = 1800
[series]
values = "cumulative"
order = "increasing"
[[value]]
column = "dial"
channel = "import"
unit = "kWh"
"""


def series(folder, parts):
    """What dials showed each half hour, cut into so many consecutive files."""
    lines = [
        (d, s, f"{p},2026-01-{d:02} {s // 2:02}:{s % 2 * 30:02},{(d * SLOTS + s) * k / 8}")
        for d in (29, 30, 31)
        for s in range(SLOTS)
        for k, p in enumerate(POINTS, 1)
    ]
    rows = [line for *_, line in sorted(lines)]
    size = -(-len(rows) // parts)
    files = []
    for number in range(parts):
        files.append(folder / f"series-{parts}-{number}.csv")
        part = rows[number * size : (number + 1) * size]
        files[-1].write_bytes(text("point,end,dial", part, ""))
    return files
