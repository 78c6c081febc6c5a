"""Uploads of Open Energy Dashboard: what a building's meters really send, through mapping files.

Its request parameters become a mapping document here; a meter file gives what a request leaves out.
The dashboard keeps the time on the wall without a zone, so that a day with a clock change has no
place for the second of two equal hours. We keep instants; what it would show of them is worked out
here (`on_the_wall`) before comparing.
"""

import csv
import gzip
import json
import os
import re
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from gridtally.errors import InvalidDocument, RefusedFile
from gridtally.intake.decode import decode
from gridtally.intake.master import read_master
from gridtally.periods import zone
from gridtally.tables import REMARKS

ROOT = Path(os.environ.get("GRIDTALLY_ORACLES", Path(__file__).parents[3] / "shared" / "oracles"))
FOLDER = ROOT / "oed"
AS_OF = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp())
METER = (
    "name", "url", "enabled", "displayable", "type", "timezone", "gps", "identifier", "note",
    "area", "cumulative", "cumulativeReset", "cumulativeResetStart", "cumulativeResetEnd",
    "lengthGap", "lengthVariation", "duplications", "timeSort", "endOnly", "reading", "start",
    "end",
)  # fmt: skip
"""The columns of a meter file, by the names that requests give them."""

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no cases of uploads in {FOLDER}")


def cases(*, readings):
    if not FOLDER.is_dir():
        return []
    found = json.loads((FOLDER / "cases.json").read_text())
    return [
        pytest.param(case, id=case["name"])
        for case in found
        if (case["expected_csv"] is not None) == readings
    ]


def content(name):
    data = (FOLDER / "files" / name).read_bytes()
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def table(name):
    return list(csv.reader(content(name).decode().splitlines()))


def is_meter_file(name):
    return len(table(name)[0]) > 3


def seconds(text):
    """UTC seconds of a stamp, as if what is on the wall were UTC."""
    return int(datetime.fromisoformat(text[:19]).replace(tzinfo=UTC).timestamp())


def clock(text):
    """`0:00`, `23:59:59.9` as the mapping writes them."""
    hour, minute, second = [*text.split("."), ""][0].split(":") + ["00"] * (2 - text.count(":"))
    return f"{int(hour):02d}:{int(minute):02d}:{int(second):02d}"


def true(text):
    return str(text).lower() in ("true", "yes", "1")


def mapping_of(how, *, point, offsets):
    """The mapping document of one upload."""
    end_only, cumulative = true(how.get("endOnly")), true(how.get("cumulative"))
    reset = ""
    if true(how.get("cumulativeReset")):
        first = clock(how.get("cumulativeResetStart") or "0:00:00")
        last = clock(how.get("cumulativeResetEnd") or "23:59:59")
        reset = f'reset = ["{first}", "{last}"]'
    stamps = "end = 2" if end_only else "start = 2\nend = 3"
    where = how.get("timezone") or "UTC"
    return f"""
gridtally_mapping = 1
name = "Upload"
kind = "intervals"
[file]
header = {"true" if true(how.get("headerRow")) else "false"}
exponent = true
unreadable = "refuse"
[columns]
metering_point = {{ constant = "{point}" }}
{stamps}
[time]
pattern = "YYYY-MM-DD hh:mm:ss{"ZZ" if offsets else ""}"
zone = "{where if offsets else "UTC"}"
[interval]
gap = {int(Fraction(how.get("lengthGap") or "0"))}
tolerance = {int(Fraction(how.get("lengthVariation") or "0"))}
gaps = "{"set_aside" if cumulative else "note"}"
uneven = "note"
overlaps = "note"
[series]
order = "{how.get("timeSort") or "increasing"}"
repeats = {how.get("duplications") or 1}
values = "{"cumulative" if cumulative else "interval"}"
{reset}
[[value]]
column = 1
channel = "import"
unit = "kWh"
"""


class Dashboard:
    """Meters, the readings kept of them, and what was said beside them."""

    def __init__(self):
        self.meters, self.kept = {}, {}
        self.remarks = REMARKS.empty_table()

    def meter_file(self, name, request):
        rows = table(name)
        rows = rows[1:] if true(request.get("headerRow")) else rows
        for row in rows:
            meter = {key: cell for key, cell in zip(METER, row, strict=False) if cell != ""}
            known = request.get("meterIdentifier") or meter.get("identifier") or meter["name"]
            self.meters[known] = self.meters.get(known, {}) | meter

    def stands(self, points, _start, _end):
        mask = pa.compute.is_in(self.remarks["metering_point"], pa.array(points))
        return self.remarks.filter(mask)

    def upload(self, name, request, point):
        """Whether everything in the file was taken."""
        how = self.meters.get(point, {}) | {k: v for k, v in request.items() if v != ""}
        data = content(name)
        offsets = re.search(rb":\d\d[+-]\d\d:\d\d", data) is not None
        self.opening(how, point, offsets=offsets)
        document = mapping_of(how, point=point, offsets=offsets)
        try:
            found = decode(
                (FOLDER / "files" / name).read_bytes(), name=name, as_of=AS_OF,
                mapping=document.encode(), stands=self.stands,
            )  # fmt: skip
        except (RefusedFile, InvalidDocument):
            return False
        self.remarks = pa.concat_tables([self.remarks, found.remarks])
        for block in found.blocks.to_pylist():
            for index, value in enumerate(block["values"]):
                start = int(block["start_utc"].timestamp()) + index * block["resolution_s"]
                span = start, start + block["resolution_s"]
                if true(request.get("update")) or span not in self.kept:
                    self.kept[span] = Fraction(value, 1_000_000)
        assert found.rows == found.accepted + found.duplicates + found.quarantined
        opened = "intake.mapped.opened" in found.findings["code"].to_pylist()
        return not found.quarantined and not opened

    def opening(self, how, point, *, offsets):
        """A meter file may say what the last reading was before any upload."""
        if not how.get("end") or self.remarks.num_rows:
            return
        at = datetime.fromisoformat(how["end"] if offsets else how["end"][:19])
        end = int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())
        row = {
            "metering_point": point, "channel": "import", "start_utc": end - 1, "end_utc": end,
            "key": "mapped.dial" if true(how.get("cumulative")) else "mapped.end",
            "value": f"{int(Fraction(how.get('reading') or '0') * 1_000_000)} A", "version": 0,
            "load_seq": 0, "source": "", "line": 1,
        }  # fmt: skip
        self.remarks = pa.Table.from_pylist([row], schema=REMARKS)


def on_the_wall(kept, where):
    """Readings by the time on the wall.

    An interval in which the clocks leave an hour out is cut there. Once they have gone back, a
    reading shows what lies behind all that was shown before. Energy is shared by time.
    """
    local = zone(where)
    shown, reach = [], None
    for (start, end), value in sorted(kept.items()):
        offset = local.offset(np.array([start, end]))
        jumps = [int(at) for at in local.changes if start < at < end and offset[1] > offset[0]]
        for first, last in zip([start, *jumps], [*jumps, end], strict=True):
            from_ = first + int(local.offset(np.array([first]))[0])
            to = last + int(local.offset(np.array([last - 1 if last in jumps else last]))[0])
            to = min(to, from_ + end - start)
            used = from_ if reach is None else max(from_, reach)
            if used < to:
                shown.append((value * Fraction(to - used, end - start), used, to))
                reach = to
    return shown


def expected_of(case):
    return sorted((seconds(s), seconds(e), Fraction(v)) for v, s, e in table(case["expected_csv"]))


@pytest.mark.parametrize("case", cases(readings=True))
def test_readings_of_an_upload(case):
    """Each kept reading has the start, the end and the value that the dashboard keeps."""
    dashboard, taken, where = Dashboard(), [], None
    requests = case["requests"] or [{} for _ in case["files"]]
    for name, request in zip(case["files"], requests, strict=True):
        if is_meter_file(name):
            dashboard.meter_file(name, request)
            taken.append(None)
            continue
        point = request.get("meterIdentifier") or case["name"]
        taken.append(dashboard.upload(name, request, point))
        if true(request.get("honorDst")):
            where = dashboard.meters.get(point, {}).get("timezone") or "UTC"
    kept = [(value, *span) for span, value in dashboard.kept.items()]
    shown = on_the_wall(dashboard.kept, where) if where else kept

    assert sorted((start, end, value) for value, start, end in shown) == expected_of(case)
    for whole, code in zip(taken, case["response_codes"], strict=True):
        if whole is not None and not where:
            assert whole == (code == 200), "a file that is taken whole is answered so"


@pytest.mark.parametrize("case", cases(readings=False))
def test_uploads_of_meters_alone(case):
    """A meter that is delivered twice is never there twice, and that it was is said."""
    names = [row for name in case["files"] for row in table(name)[1:]]
    meters = [dict(zip(METER, row, strict=False)) for row in names]
    rows = [f"{meter['name']},{meter['timezone'] or 'UTC'}" for meter in meters]
    data = "\n".join(["metering_point,zone", *rows, ""]).encode()
    tables, findings = read_master({"metering_points": data})
    kept = tables["metering_points"]["metering_point"].to_pylist()

    assert len(set(kept)) == len(kept)
    assert set(kept) <= {meter["name"] for meter in meters}
    assert (findings.num_rows > 0) == (400 in case["response_codes"])
