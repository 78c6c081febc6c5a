"""Shipped documents on small rating cases, through both raters."""

import hashlib
import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from case_raters import disagreements

from gridtally.rating.reference import rate_case
from gridtally.rating.shipped import find


def text_of(name):
    return find(name).data.decode()


def priced(text, component, **numbers):
    """A document with some keys of one component replaced: prices of an example in their place."""
    start = text.index(f'\nid = "{component}"\n')
    end = text.find("\n[[components]]", start)
    part = text[start : end if end > 0 else None]
    for key, value in numbers.items():
        part, times = re.subn(rf"^{key} = .*$", f"{key} = {value}", part, count=1, flags=re.M)
        assert times == 1, f"{component} has no {key}"
    return text[:start] + part + (text[end:] if end > 0 else "")


def case_of(
    text, first, end, used, *, step=3600, contract=None, capacity=None, terms=None,
    series=None, carry=(),
):  # fmt: skip
    """A case of one document: {channel: {hour of the first day: energy}}; hours beyond 23 go on."""
    spans = [(first, end, text, terms or {})]
    return case_of_spans(
        spans, used, step=step, contract=contract, capacity=capacity, series=series, carry=carry
    )


def case_of_spans(spans, used, *, step=3600, contract=None, capacity=None, series=None, carry=()):
    """Spans: (first day, day after the last, document, terms)."""
    first, end = spans[0][0], spans[-1][1]
    name = re.search(r'^zone = "(.*)"$', spans[0][2], re.M)[1]
    start, stop = (midnight(day, name) for day in (first, end))
    size = (stop - start) // step
    channels = {}
    for channel, energy in used.items():
        values = [0] * size
        for hour, kwh in energy.items():
            micro = Decimal(kwh) * 1_000_000
            assert micro == int(micro)
            values[int(Decimal(hour) * 3600 / step)] += int(micro)
        channels[channel] = {
            "start": utc(start), "resolution_s": step, "values": values, "quality": "A" * size,
        }  # fmt: skip
    tariffs, rows = {}, []
    for low, high, text, terms in spans:
        digest = f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
        tariffs[digest] = text.encode()
        row = {
            "from": str(low), "to": str(high), "tariff": digest,
            "contract_ukw": None if contract is None else int(Decimal(contract) * 1_000_000),
            "capacity_ukva": None if capacity is None else int(Decimal(capacity) * 1_000_000),
        }  # fmt: skip
        rows.append(row | ({"terms": terms} if terms else {}))
    case = {
        "schema": 1, "agreement": "A", "metering_point": "P", "zone": name,
        "legal_source": "interval", "from": str(first), "to": str(end), "spans": rows,
        "channels": channels, "registers": [], "carry_in": list(carry),
    }  # fmt: skip
    if series:
        flat = {
            key: {"steps": [[utc(start), value]], "to": utc(stop)} for key, value in series.items()
        }
        case["series"] = flat
    return case, tariffs


def rated(case, tariffs):
    """The second rater's answer, which the kernel shares."""
    answer = rate_case(case, tariffs)
    assert answer["findings"] == []
    assert disagreements(case, tariffs) == []
    return answer


def amounts(answer):
    """(component, bucket) -> amount."""
    return {
        (line["component"], line["bucket"]): Decimal(line["amount"]) for line in answer["lines"]
    }


def total_of(answer, *components):
    return sum(
        Decimal(line["amount"]) for line in answer["lines"] if line["component"] in components
    )


def midnight(day, name):
    return int(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(name)).timestamp())


def utc(at):
    return datetime.fromtimestamp(at, ZoneInfo("UTC")).strftime("%Y-%m-%dT%H:%M:%SZ")


def month(year, number):
    first = date(year, number, 1)
    return first, (first + timedelta(days=31)).replace(day=1)
