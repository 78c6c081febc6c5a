"""What a document may not say is the same for both raters: documents with one thing made wrong."""

import copy
import hashlib
import random
import tomllib
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from test_written_tariff import DOCUMENT, march

from gridtally.rating.document.reader import read
from gridtally.rating.importers.toml import to_toml
from gridtally.rating.reference import rate_case

WHOLE = tomllib.loads(DOCUMENT.decode(), parse_float=Decimal)
VALUES = [
    0, 1, -1, Decimal("0.5"), 100, 101, -100, True, [], ["energy"], {"term": "meters"},
    {"term": "nobody"}, {"places": 7, "mode": "down"}, "02-29", "04-01", "import", "export",
    "reactive_import", "month", "year", "day", "hour", "interval", "kwh_per_day", "kwh_per_kw",
    "volume", "separate", "in_order", "quota", "mean", "apparent", "contract", "inside", "none",
    "rounding",
]  # fmt: skip
KEYS = [
    "months", "netting", "part", "losses", "loss_factor", "window", "unit", "demand", "method",
    "pooling", "fill", "price", "prices", "calendar", "series", "times", "floor", "cap",
    "true_up", "top", "measure", "distinct_days", "rolling_min", "power", "basis", "ratchet",
    "look_back", "least_measured", "above_percent", "contracts",
    "mean_of_months", "negative", "credit", "proration", "rounding", "settle", "per", "count",
    "event", "below", "above", "rows", "later", "percent", "more", "round_quantity", "channel",
    "kind",
]  # fmt: skip


def places(part, path=()):
    """The path of everything in a document."""
    yield path
    inner = part.items() if isinstance(part, dict) else enumerate(part)
    for key, value in inner if isinstance(part, dict | list) else ():
        yield from places(value, (*path, key))


def broken(seed):
    """The page's document with one key added, taken away, or of another value."""
    draw, document = random.Random(seed), copy.deepcopy(WHOLE)
    if draw.random() < 0.5:
        draw.choice(document["components"])[draw.choice(KEYS)] = draw.choice(VALUES)
    else:
        path = draw.choice([p for p in places(document) if p])
        at = document
        for key in path[:-1]:
            at = at[key]
        if isinstance(at, dict) and draw.random() < 0.4:
            del at[path[-1]]
        else:
            at[path[-1]] = draw.choice(VALUES)
    return to_toml(document).encode()


def answers(seed):
    """Whether the second rater, and whether the reader refuses a broken document."""
    try:
        text = broken(seed)
    except (AssertionError, TypeError, ValueError):
        return False, False  # nothing that TOML can say
    digest = f"sha256:{hashlib.sha256(text).hexdigest()}"
    case = march(0) | {"from": "2025-01-01", "to": "2025-01-02", "channels": {}}
    case["spans"][0] |= {"from": "2025-01-01", "to": "2025-01-02", "tariff": digest}
    codes = [found["code"] for found in rate_case(case, {digest: text})["findings"]]
    return codes == ["rating.tariff.invalid"], read(text)[0] is None


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**40))
def test_what_the_second_rater_refuses_is_refused(seed):
    """Nothing is stored that one of the raters would not take."""
    second, reader = answers(seed)
    assert reader or not second


def test_the_law_of_refusals_is_not_empty():
    """Of some fixed documents a good part is refused, and some are good."""
    seconds = [answers(seed)[0] for seed in range(40)]
    assert 10 < sum(seconds) < 40
