"""A year of months under random tariffs: each month is billed with what the one before hands on."""

from dataclasses import dataclass, field

import pyarrow as pa
from random_declared import a_price
from random_tariffs import tariffs_that_load
from random_towns import ZONES, some_readings, some_spans

from gridtally.metering.determine import determine
from gridtally.periods import Period
from gridtally.rating.assemble import to_segments
from gridtally.rating.cone import Made, Wave
from gridtally.rating.rate import rate
from gridtally.rating.tariff import load
from gridtally.tables import ADVANCES, CARRY, SPANS, empty, table


@dataclass
class Year:
    """Spans and readings by month, and the documents by digest."""

    zone: str
    months: list[Period]
    spans: list[pa.Table]
    dense: list[list]
    tariffs: dict = field(default_factory=dict)


def a_tariff_that_carries(r, name):
    """All that a month hands on: tiers by position and by quota, a ratchet, banks of energy and of
    money that are paid out in some month, a minimum that is settled once a year; a tax on top."""
    closes = f"{r.randint(1, 12):02}-01"
    resets, bounds = r.choice(("01-01", "04-01", "10-01")), sorted(r.sample(range(1, 9), 2))
    tiers = ", ".join(
        [f"{{ upto = {900 * bound}, price = {a_price(r)} }}" for bound in bounds]
        + [f"{{ price = {a_price(r)} }}"]
    )
    ratchet = f"{{ percent = {r.choice((60, 80, 100))}, months = {r.randint(1, 11)} }}"
    return (
        f'schema = 1\ntariff = "t"\ncurrency = "EUR"\nzone = "{name}"\n'
        f'valid_from = 2025-01-01\nvalid_to = 2028-01-01\nsource = "x"\n'
        f'[rounding]\nline = {{ places = {r.choice((2, 4))}, mode = "half_up" }}\n'
        'total = { places = 2, mode = "half_up" }\n'
        '[[components]]\nid = "year"\nshape = "tiered"\nchannel = "import"\nwindow = "year"\n'
        f'resets = "{resets}"\ntiers = [{tiers}]\n'
        '[[components]]\nid = "power"\nshape = "demand"\n'
        f"price = {a_price(r)}\nratchet = {ratchet}\n"
        '[[components]]\nid = "net"\nshape = "energy"\nchannel = "import"\n'
        f'netting = "month"\nprice = {a_price(r)}\n'
        f'true_up = {{ on = "{closes}", price = {a_price(r)} }}\n'
        '[[components]]\nid = "quota"\nshape = "tiered"\nchannel = "import"\nwindow = "year"\n'
        f'fill = "quota"\nresets = "{resets}"\ntiers = [{tiers}]\n'
        '[[components]]\nid = "sold"\nshape = "energy"\nchannel = "export"\ncredit = true\n'
        f"price = {a_price(r)}\n"
        '[[components]]\nid = "least"\nshape = "minimum"\nof = ["net"]\n'
        f'amount = {r.choice((50, 500))}\nsettle = {{ on = "{closes}" }}\n'
        '[[components]]\nid = "kept"\nshape = "bank"\nof = ["net", "sold"]\n'
        f'true_up = {{ on = "{closes}", percent = {r.choice((0, 50, 100))} }}\n'
        '[[components]]\nid = "tax"\nshape = "percentage"\nof = ["year", "power", "net"]\n'
        f'kind = "tax"\npercent = {r.choice((6, 21))}\n'
    ).encode()


def a_year(r, *, agreements=3, months=12):
    """Every month of a year that may begin anywhere, hourly."""
    name = r.choice(ZONES)
    start = r.choice((1, 4, 10))
    periods = [Period.month(2026 + (start + n - 1) // 12, (start + n - 1) % 12 + 1)
               for n in range(months)]  # fmt: skip
    texts = [a_tariff_that_carries(r, name)] * (r.random() < 0.7)
    texts = texts or tariffs_that_load(r, name, 60)
    versions = [load(text, name="t") for text in texts]
    spans = [
        table(SPANS, [
            row | {"look_back_from": periods[0].start} for number in range(agreements)
            for row in some_spans(r, number, name, one.start, one.end,
                                  [v.digest for v in versions], faults=False)
        ])
        for one in periods
    ]  # fmt: skip
    dense = [
        some_readings(r, name, one.start, one.end, 3600, agreements, faults=False)
        for one in periods
    ]
    return Year(name, periods, spans, dense, {version.digest: version for version in versions})


def billed(year, month, handed):
    """A month with CARRY that is handed on to it."""
    spans = year.spans[month]
    wanted = {digest: version.wanted for digest, version in year.tariffs.items()}
    determinants, first = determine(
        spans, dense=year.dense[month], advances=empty(ADVANCES), wanted=wanted
    )
    rated = rate(spans, determinants, tariffs=year.tariffs, carry_in=handed, incomplete=first)
    findings = pa.concat_tables([first, rated.findings])
    segments = to_segments(
        spans, rated.lines, determinants, tariffs=year.tariffs, findings=findings
    )
    return Made(segments, rated.lines, rated.carry, findings)


def fresh(year):
    """All months, one after the other."""
    made, handed = [], empty(CARRY)
    for month in range(len(year.months)):
        made.append(billed(year, month, handed))
        handed = made[-1].carry
    return made


def waves(issued, touched):
    """What was issued, month by month; `touched`: (month, agreement) that changed."""
    return [
        Wave(
            f"run-{month:02d}", one.segments, one.lines, one.carry,
            frozenset(name for at, name in touched if at == month),
        )
        for month, one in enumerate(issued)
    ]  # fmt: skip


def by_segment(made):
    """segment -> (its row, its lines, its carry), whatever month."""
    found = {}
    for one in made:
        parts = [grouped(t) for t in (one.segments, one.lines, one.carry)]
        for segment, (row,) in parts[0].items():
            found[segment] = (row, parts[1].get(segment, []), parts[2].get(segment, []))
    return found


def grouped(rows):
    found = {}
    for row in rows.to_pylist():
        found.setdefault(row["segment"], []).append(row)
    return found


def held(issued):
    """Whether any segment of these months has no total."""
    return any(None in one.segments["total"].to_pylist() for one in issued)
