"""The document of docs/tariff-writing.md, rated: a month of quarter-hours through both raters."""

import hashlib
import random
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

from case_raters import disagreements

from gridtally.money import number
from gridtally.periods import Period, zone
from gridtally.rating.reference import rate_case

PAGE = (Path(__file__).parents[2] / "docs" / "tariff-writing.md").read_text()
DOCUMENT = re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)[1].encode()
DIGEST = f"sha256:{hashlib.sha256(DOCUMENT).hexdigest()}"


def iso(seconds):
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def march(seed):
    """March 2026, with its day of 23 hours: a business with panels, and two critical hours."""
    draw = random.Random(seed)
    start, end = zone("Europe/Lisbon").bounds(Period(date(2026, 3, 1), date(2026, 4, 1)))
    quarters = range((end - start) // 900)
    taken = [draw.randint(0, 30_000_000 if 7 <= i // 4 % 24 < 20 else 6_000_000) for i in quarters]
    given = [draw.randint(0, 40_000_000) if 11 <= i // 4 % 24 < 15 else 0 for i in quarters]
    channels = {"import": taken, "export": given, "reactive_import": [v // 3 for v in taken]}
    steps = [
        [iso(t), number(Decimal(1_000 * draw.randint(1, 20) + draw.randint(0, 999)) / 100)]
        for t in range(start, end, 3600)
    ]
    critical = start + 9 * 86_400 + 18 * 3600
    return {
        "schema": 1, "agreement": "A", "metering_point": "P", "zone": "Europe/Lisbon",
        "legal_source": "interval", "from": "2026-03-01", "to": "2026-04-01",
        "spans": [{
            "from": "2026-03-01", "to": "2026-04-01", "tariff": DIGEST,
            "contract_ukw": 60_000_000, "capacity_ukva": 250_000_000, "terms": {"meters": "2"},
        }],
        "channels": {
            name: {"start": iso(start), "resolution_s": 900, "values": values,
                   "quality": "A" * len(values)} for name, values in channels.items()
        },
        "registers": [], "carry_in": [],
        "series": {"day-ahead": {"steps": steps, "to": iso(end)}},
        "events": {"critical": {"from": iso(start), "to": iso(end),
                                "times": [[iso(critical), iso(critical + 7200)]]}},
    }  # fmt: skip


def test_the_page_s_document_is_rated_alike():
    """Both raters say the same to the cent; every clause of the order that applies has its line."""
    for seed in range(3):
        case = march(seed)
        answer = rate_case(case, {DIGEST: DOCUMENT})
        assert answer["findings"] == []
        assert disagreements(case, {DIGEST: DOCUMENT}) == []
        lines = {(line["component"], line["bucket"]): line for line in answer["lines"]}
        assert {name for name, _ in lines} == {
            "supply", "network", "demand", "capacity", "power-factor", "even-use",
            "subscription", "meters", "fund", "municipal", "solar", "vat",
        }  # fmt: skip
        # By hand: 250 kVA x 0.95; 2 meters x 1.80; 45 x 31/365 = 3.8219...
        assert [lines[name, ""]["amount"] for name in ("capacity", "meters", "subscription")] == [
            "237.5", "3.6", "3.82",
        ]  # fmt: skip
        before = sum(Decimal(line["amount"]) for line in answer["lines"][:-1])
        assert Decimal(lines["vat", ""]["quantity"]) == before
        assert Decimal(answer["total"]) == before + Decimal(lines["vat", ""]["amount"])
