"""A workspace whose runs are written by hand: what they stored, and what was billed."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from gridtally.periods import Period, zone
from gridtally.rating.tariff import load
from gridtally.store import files, history
from gridtally.store.master import put_tariff
from gridtally.store.runs import RunFolder
from gridtally.tables import (
    ADVANCES,
    CARRY,
    DETERMINANTS,
    HISTORY,
    LINES,
    METERING_POINTS,
    SPANS,
    table,
)

ZONE = "Europe/Lisbon"
HEAD = """
schema = 1
tariff = "{id}"
currency = "EUR"
zone = "Europe/Lisbon"
valid_from = {begin}
{more}
source = "by hand"
[rounding]
line = {{ places = 2, mode = "half_up" }}
total = {{ places = 2, mode = "half_up" }}
"""


def document(id_, body, *, begin="2026-01-01", end=None):
    """A version of a tariff."""
    more = f"valid_to = {end}" if end else ""
    data = (HEAD.format(id=id_, begin=begin, more=more) + body).encode()
    return load(data, name=id_), data


@dataclass
class Bill:
    """A bill segment: one span of a calendar month, its lines and determinants."""

    account: str
    month: int
    determinants: dict[str, str]
    """name -> kWh or kW"""
    lines: list[tuple[str, str, str]]
    """(component, kind, amount)"""
    carry_in: list[tuple[str, date, str]] = field(default_factory=list)
    spans: list[tuple[str, str]] | None = None
    """Several spans: (first day, digest) each; determinants are then by span number: name@1"""
    legal_source: str = "interval"
    advances: list[tuple[str, str, str, str]] = field(default_factory=list)
    """(channel, bucket, kind, kWh)"""
    total: str | None = None

    @property
    def period(self):
        return Period.month(2026, self.month)

    @property
    def agreement(self):
        return self.account.replace("AC", "AG")

    @property
    def segment(self):
        return f"{self.agreement}/{self.period.start}/{self.period.end}"


def micro(text):
    return int(Decimal(text) * 10**6)


class World:
    """A workspace; accounts that begin with `ACS` are shops."""

    def __init__(self, ws):
        self.ws = ws

    def tariff(self, version, data):
        """Receive a document."""
        put_tariff(
            self.ws, data, tariff=version.id, digest=version.digest,
            valid_from=version.valid_from, valid_to=version.valid_to, actor="ana", as_of=0,
        )  # fmt: skip

    def run(self, version, bills):
        """Seal a run of one month, and enter its bills into the history."""
        name = f"{bills[0].period.start}-hand"
        run = RunFolder(self.ws.path / "runs" / name, self.ws.path / "runs" / name)
        rows = {"spans": [], "determinants": [], "lines": [], "carry_in": [], "advances": []}
        for bill in bills:
            self._add(rows, version, bill)
        schemas = {"spans": SPANS, "determinants": DETERMINANTS, "lines": LINES,
                   "carry_in": CARRY, "advances": ADVANCES}  # fmt: skip
        for part, schema in schemas.items():
            run.write(part, table(schema, rows[part]))
        points = [
            {"metering_point": b.account.replace("AC", "MP"), "zone": ZONE,
             "region": "south" if b.account.startswith("ACS") else "north"}
            for b in bills
        ]  # fmt: skip
        run.write("master/metering_points", table(METERING_POINTS, points))
        files.write(run.path / "DONE", b"{}")
        past = [self._past(version, bill, name) for bill in bills]
        history.append(
            self.ws, table(HISTORY, past), kind="backfill", actor="ana", as_of=0
        )  # fmt: skip
        return name

    def _past(self, version, bill, run):
        energy = bill.determinants.get("energy/import/all/all", "0")
        total = bill.total or str(sum(Decimal(amount) for _, _, amount in bill.lines))
        return {
            "segment": bill.segment, "bill": "", "agreement": bill.agreement,
            "account": bill.account,
            "customer_segment": "shop" if bill.account.startswith("ACS") else "household",
            "metering_point": bill.account.replace("AC", "MP"), "from": bill.period.start,
            "to": bill.period.end, "tariff": version.id, "currency": version.currency,
            "import_ukwh": micro(energy), "export_ukwh": 0, "estimated_ukwh": 0,
            "total": Decimal(total), "findings": "", "run": run,
        }  # fmt: skip

    def _add(self, rows, version, bill):
        spans = bill.spans or [(str(bill.period.start), version.digest)]
        bounds = [*(date.fromisoformat(first) for first, _ in spans), bill.period.end]
        place = zone(ZONE)
        for number, (_, digest) in enumerate(spans):
            first, after = bounds[number : number + 2]
            rows["spans"].append({
                "segment": bill.segment, "span": number, "agreement": bill.agreement,
                "account": bill.account, "metering_point": bill.account.replace("AC", "MP"),
                "zone": ZONE, "from": first, "to": after, "start_utc": place.midnight(first),
                "end_utc": place.midnight(after), "legal_source": bill.legal_source,
                "tariff": digest,
            })  # fmt: skip
        for name, value in bill.determinants.items():
            plain, _, number = name.partition("#")
            rows["determinants"].append({
                "segment": bill.segment, "span": int(number or 0), "name": plain,
                "value": micro(value), "estimated": 0, "unit": "kWh",
            })  # fmt: skip
        for number, (component, kind, amount) in enumerate(bill.lines):
            rows["lines"].append({
                "segment": bill.segment, "span": 0, "line": number, "component": component,
                "kind": kind, "bucket": "", "quantity": Decimal(1), "unit": "kWh",
                "price": Decimal(1), "factor": "1", "amount": Decimal(amount),
            })  # fmt: skip
        for key, at, value in bill.carry_in:
            rows["carry_in"].append({
                "agreement": bill.agreement, "segment": "before", "key": key, "at": at,
                "value": micro(value),
            })  # fmt: skip
        for channel, bucket, kind, value in bill.advances:
            rows["advances"].append({
                "segment": bill.segment, "span": 0, "channel": channel, "bucket": bucket,
                "kind": kind, "value": micro(value), "estimated": 0,
            })  # fmt: skip
