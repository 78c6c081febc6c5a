"""URDB rates that are nearly right: a document that the specification accepts, or a refusal."""

import copy
import json
import random
from decimal import Decimal

import pytest

from gridtally.errors import InvalidDocument
from gridtally.rating.importers.urdb import to_text
from gridtally.rating.tariff import load

TABLE = [[0] * 12 + [1] * 12 for _ in range(12)]
RATE = {
    "label": "L", "name": "N", "utility": "U", "dgrules": "Net Billing Hourly", "startdate": 1,
    "energyratestructure": [
        [{"rate": 0.1, "max": 9, "unit": "kWh", "sell": 0.1}, {"rate": 0.2, "adj": 0.01}]
        for _ in range(2)
    ],
    "energyweekdayschedule": TABLE, "energyweekendschedule": TABLE,
    "flatdemandstructure": [[{"rate": 1}], [{"rate": 2}]], "flatdemandmonths": [0, 1] * 6,
    "flatdemandunit": "kW", "demandratestructure": [[{"rate": 1}], [{"rate": 3, "max": 0}]],
    "demandweekdayschedule": TABLE, "demandweekendschedule": TABLE, "demandwindow": 30,
    "lookbackpercent": 0.5, "lookbackrange": 6, "lookbackmonths": [True] * 12,
    "coincidentratestructure": [[{"rate": 1}]], "fueladjustmentsmonthly": [0.01] * 12,
    "demandreactivepowercharge": 1, "fixedchargefirstmeter": 3, "fixedchargeunits": "$/day",
    "mincharge": 9, "minchargeunits": "$/month", "annualmincharge": 99, "enddate": 2,
    "demandattrs": [{"a": "b"}], "energycomments": "c",
}  # fmt: skip
JUNK = (
    None, "", [], {}, -1, 0, 0.5, 2, 1e9, 1e38, 10**30, -1e-17, 1 / 3, "x", "0.5", "nan", True,
    [[]], [1], {"a": 1}, [[{}]], [{}], "$/day", "$/year", "kVA", "hp", "kW daily", "kWh/kW",
    "kWh daily", "kWh/kW daily", "\x00", "a" * 999, [0] * 12, [[0] * 24] * 12, [[5] * 24] * 12,
    "Net Metering", "Buy All Sell All", "Net Billing Instantaneous",
)  # fmt: skip


def places(value, path=()):
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value[:3])
    for key, inner in items:
        if isinstance(inner, dict | list):
            yield from places(inner, (*path, key))
        else:
            yield (*path, key)


@pytest.mark.parametrize("seed", range(300))
def test_nearly_right_rates_are_read_or_refused(seed):
    """Up to two values are something else; nothing but a document or a refusal comes of it."""
    rng = random.Random(seed)
    rate = copy.deepcopy(RATE)
    for _ in range(rng.randint(1, 2)):
        *way, last = rng.choice(list(places(rate)))
        inner = rate
        for key in way:
            inner = inner[key]
        inner[last] = copy.deepcopy(rng.choice(JUNK))
    given = json.loads(json.dumps(rate), parse_float=Decimal)
    channels = rng.choice(
        (("import",), ("import", "export"), ("import", "export", "reactive_import"))
    )
    refused = None
    try:
        text = to_text(given, zone="UTC", channels=channels, registers=rng.random() < 0.2)
    except InvalidDocument as err:
        refused = err
    if refused is None:
        load(text.encode(), name="t")
    else:
        assert refused.code == "rating.importer.unsupported"
        assert "\n  " in refused.message
