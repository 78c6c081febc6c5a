"""Which segments a run covers, and where they are cut."""

from datetime import date

from gridtally.metering.scope import Version, scope
from gridtally.periods import Period
from gridtally.tables import AGREEMENTS, METERING_POINTS, table

OCTOBER = Period.month(2026, 10)


def terms(agreement, start, end=None, *, tariff="home", point="P1", **more):
    row = {"agreement": agreement, "account": "C1", "metering_point": point, "tariff": tariff}
    return row | {"from": start, "to": end, "legal_source": "interval"} | more


def run(*rows, versions=None, period=OCTOBER):
    versions = versions or [Version("home", "d1", date(2025, 1, 1), None)]
    points = table(METERING_POINTS, [{"metering_point": "P1", "zone": "Europe/Lisbon"}])
    spans, findings = scope(table(AGREEMENTS, rows), points, period=period, versions=versions)
    cuts = [(str(s["from"]), str(s["to"]), s["tariff"]) for s in spans.to_pylist()]
    return spans.to_pylist(), cuts, findings.to_pylist()


def test_a_whole_month_is_one_span_with_the_25_hour_day():
    """Start and end are the local midnights, 745 hours apart in a month with the clock change."""
    spans, _, findings = run(terms("A", date(2020, 1, 1)))

    assert [s["segment"] for s in spans] == ["A/2026-10-01/2026-11-01"]
    assert spans[0]["end_utc"] - spans[0]["start_utc"] == 745 * 3600
    assert findings == []


def test_cut_where_prices_and_terms_change():
    """A new tariff version and a new contract each begin a span; spans count from 0."""
    versions = [
        Version("home", "d1", date(2025, 1, 1), date(2026, 10, 16)),
        Version("home", "d2", date(2026, 10, 16), None),
    ]
    spans, cuts, findings = run(
        terms("A", date(2020, 1, 1), date(2026, 10, 20), contract_ukw=5_000_000),
        terms("A", date(2026, 10, 20), contract_ukw=7_000_000),
        versions=versions,
    )

    assert cuts == [
        ("2026-10-01", "2026-10-16", "d1"),
        ("2026-10-16", "2026-10-20", "d2"),
        ("2026-10-20", "2026-11-01", "d2"),
    ]
    assert [s["span"] for s in spans] == [0, 1, 2]
    assert {s["segment"] for s in spans} == {"A/2026-10-01/2026-11-01"}
    assert findings == []


def test_an_open_version_lasts_until_the_next_begins():
    """No day has two versions, and none is left without one."""
    versions = [
        Version("home", "d2", date(2026, 10, 16), None),
        Version("home", "d1", date(2025, 1, 1), None),
    ]
    _, cuts, findings = run(terms("A", date(2020, 1, 1)), versions=versions)

    assert cuts == [("2026-10-01", "2026-10-16", "d1"), ("2026-10-16", "2026-11-01", "d2")]
    assert findings == []


def test_cut_where_a_yearly_window_resets():
    """A tariff with yearly tiers that reset on 20 October is cut there, others are not."""
    versions = [Version("home", "d1", date(2025, 1, 1), None, frozenset({(10, 20)}))]
    _, cuts, _ = run(terms("A", date(2020, 1, 1)), versions=versions)

    assert [cut[:2] for cut in cuts] == [
        ("2026-10-01", "2026-10-20"),
        ("2026-10-20", "2026-11-01"),
    ]


def test_days_without_a_tariff_hold():
    """A hole between two versions is a span without tariff and a must-hold finding, not a price."""
    versions = [
        Version("home", "d1", date(2025, 1, 1), date(2026, 10, 10)),
        Version("home", "d2", date(2026, 10, 12), None),
    ]
    _, cuts, findings = run(terms("A", date(2020, 1, 1)), versions=versions)

    assert ("2026-10-10", "2026-10-12", None) in cuts
    assert [(f["code"], f["must_hold"]) for f in findings] == [("rating.tariff.none", True)]
    assert "from 2026-10-10 to 2026-10-12" in findings[0]["message"]


def test_overlapping_terms_hold():
    """Two rows of one agreement that share days would bill them twice."""
    _, _, findings = run(
        terms("A", date(2020, 1, 1), date(2026, 10, 12)), terms("A", date(2026, 10, 10))
    )

    assert [f["code"] for f in findings] == ["metering.agreement.torn"]


def test_what_lies_outside_is_not_billed():
    """Agreements that ended before or begin after the period give nothing."""
    spans, _, findings = run(
        terms("A", date(2020, 1, 1), date(2026, 10, 1)), terms("B", date(2026, 11, 1))
    )

    assert (spans, findings) == ([], [])


def test_where_a_demand_looks_back_the_agreement_s_first_day_is_said():
    """The first day of its first row, in every span of a segment that looks back, in no other."""
    versions = [
        Version("home", "d1", date(2025, 1, 1), date(2026, 10, 16)),
        Version("home", "d2", date(2026, 10, 16), None, looks_back=True),
        Version("shop", "d3", date(2025, 1, 1), None),
    ]
    spans, _, _ = run(
        terms("A", date(2019, 3, 7), date(2020, 1, 1)), terms("A", date(2020, 1, 1)),
        terms("B", date(2020, 1, 1), tariff="shop"), terms("C", date(2026, 10, 20)),
        versions=versions,
    )  # fmt: skip
    assert [(s["agreement"], s["tariff"], s["look_back_from"]) for s in spans] == [
        ("A", "d1", date(2019, 3, 7)), ("A", "d2", date(2019, 3, 7)),
        ("B", "d3", None), ("C", "d2", date(2026, 10, 20)),
    ]  # fmt: skip
