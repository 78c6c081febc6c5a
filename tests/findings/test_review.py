"""Every rule of the audit on the smallest bill it speaks about: severity, way, money, message."""

from __future__ import annotations

from decimal import Decimal

import pytest
from review_cases import CASES, PERIOD, Case

from gridtally.review.audit import audit
from gridtally.review.exact import require_exact
from gridtally.review.library import shipped_rules

SAID = {
    "review.account.unbilled": (
        "hold",
        "under",
        "60.00",
        "The agreement AG-A at MP-A is in force and was not billed; usual is 60.00 EUR.",
    ),
    "review.adjustment.large": (
        "warn",
        "over",
        "100.00",
        "Adjustments of 100.00 EUR on a bill of 160.00 EUR.",
    ),
    "review.agreement.gap": (
        "warn",
        "under",
        "40.00",
        "MP-A used 200 kWh on 10 days that no agreement covers, from 2026-10-01.",
    ),
    "review.agreement.overlap": (
        "hold",
        "over",
        "60.00",
        "MP is also billed on AC-B/2026-10-01/2026-11-01, for 31 days of the same period.",
    ),
    "review.bill.negative": (
        "hold",
        "under",
        "25.00",
        "The bill is -25.00 EUR with 0 kWh fed in; the largest bill so far was unknown.",
    ),
    "review.bill.readings": (
        "warn",
        "over",
        "50.00",
        "All of the 300 kWh billed are estimated; mostly estimated bills before this one: 0.",
    ),
    "review.bill.sum": (
        "hold",
        "under",
        "0.01",
        "The lines of a segment add up to 60.01 EUR, the total says 60.00 EUR.",
    ),
    "review.bill.total": (
        "warn",
        "over",
        "340.00",
        "The bill comes to 387.10 EUR in 30 days; the highest so far was 60.00 EUR, "
        "usual is 58.06 EUR.",
    ),
    "review.bill.unpriced": (
        "hold",
        "under",
        "60.00",
        "No amount could be calculated; a bill of this length is usually 60.00 EUR.",
    ),
    "review.channels.swapped": (
        "warn",
        "under",
        "42.00",
        "Import 120 kWh (usual 400 kWh) and export 380 kWh (usual 100 kWh).",
    ),
    "review.contract.unit": (
        "warn",
        "over",
        "28.99",
        "The contract is for 1,600 kW; the largest demand is 53.8 kW, the connection 2,000 kVA.",
    ),
    "review.demand.capacity": (
        "warn",
        "over",
        "12.00",
        "The billed demand is 50 kW, but the connection carries 40 kW.",
    ),
    "review.demand.energy": (
        "warn",
        "over",
        "27.00",
        "The demand is 400 kW, far more than ever while the energy is as usual (average "
        "power 12.1 kW, usual demand 40 kW).",
    ),
    "review.dials.copied": (
        "warn",
        "over",
        "30.00",
        "Meters M-A and M-B both went from 1,200 kWh to 1,500 kWh.",
    ),
    "review.energy.history": (
        "warn",
        "over",
        "40.00",
        "Billed 900 kWh, usually 250 kWh to 350 kWh (from 12 months of past bills).",
    ),
    "review.energy.multiplier": (
        "warn",
        "over",
        "540.00",
        "Billed 3,000 kWh where 300 kWh is usual: about 10 times, as if a multiplier were wrong.",
    ),
    "review.energy.repeated": (
        "warn",
        "over",
        "12.00",
        "300 kWh were billed 3 times in a row, the same to the last digit.",
    ),
    "review.energy.sum": (
        "warn",
        "over",
        "10.40",
        "For import the dials counted 300 kWh and the intervals 248 kWh.",
    ),
    "review.energy.zero": (
        "warn",
        "under",
        "60.00",
        "No energy was billed; 300 kWh would be usual.",
    ),
    "review.estimate.share": (
        "warn",
        "over",
        "8.00",
        "200 kWh (67 % of the bill) are estimated; mostly estimated bills before: 0.",
    ),
    "review.export.unexpected": (
        "warn",
        "under",
        "18.00",
        "Energy was fed in and no generator is known: 90 kWh, usual 0 kWh.",
    ),
    "review.line.missing": (
        "hold",
        "under",
        "5.00",
        "The charge standing (usually 5.00 EUR) is missing; 101 bills have this tariff version.",
    ),
    "review.line.twice": (
        "hold",
        "over",
        "2.50",
        "The charge standing of 2.50 EUR is on the bill 2 times.",
    ),
    "review.meter.multiplier": (
        "warn",
        "over",
        "54.00",
        "The meter was billed with a multiplier of 40; the bill before has 4.",
    ),
    "review.meter.place": (
        "warn",
        "over",
        "60.00",
        "Meter M1 is billed at MP-A and recorded at MP-B.",
    ),
    "review.period.days": (
        "hold",
        "under",
        "6.43",
        "The last bill went up to 2026-10-01 (not included), this one begins on "
        "2026-10-04: 3 days apart.",
    ),
    "review.points.swapped": (
        "note",
        "over",
        "30.00",
        "Billed 300 kWh where 200 kWh is usual; MP-B, usually 300 kWh, changed the other way.",
    ),
    "review.price.history": (
        "warn",
        "over",
        "30.00",
        "The average price is 0.3 EUR/kWh and was 0.2 EUR/kWh; comparable customers are "
        "at 100 % of before.",
    ),
    "review.price.step": (
        "hold",
        "over",
        "900.00",
        "In home the price of energy goes from 0.2 to 20, on 1 bills.",
    ),
    "review.profile.flat": (
        "warn",
        "over",
        "18.67",
        "From 2026-10-04 on, 28 days have the same 10 kWh: as if estimated, but marked as read.",
    ),
    "review.profile.stopped": (
        "warn",
        "under",
        "19.80",
        "From 2026-10-21 to the end nothing was counted for 11 days; before it was 9 kWh a day.",
    ),
    "review.reactive.jump": (
        "warn",
        "over",
        "18.00",
        "Reactive energy is 200 % of active energy, where 33 % is usual; adjustment 9.00 EUR.",
    ),
    "review.reactive.missing": (
        "warn",
        "under",
        "4.00",
        "300 kWh were billed with a power factor of 1 because no reactive energy arrived.",
    ),
    "review.reading.opening": (
        "hold",
        "under",
        "2.00",
        "Dial M-A 1.8.0 was billed up to 1,490 kWh and is now billed from 1,500 kWh.",
    ),
    "review.readings.copied": (
        "warn",
        "over",
        "30.00",
        "On 20 days the energy of MP-A equals that of MP-B to the last digit.",
    ),
    "review.tariff.segment": (
        "warn",
        "under",
        "30.00",
        "This household is billed on shop, a tariff of shop customers.",
    ),
    "review.tax.missing": (
        "hold",
        "under",
        "15.00",
        "No tax line on home-new, though nearly every household pays 25 %.",
    ),
    "review.tou.share": (
        "hold",
        "over",
        "30.00",
        "20 % of the energy is in off hours, where 70 % is usual for this customer.",
    ),
    "review.tou.sum": (
        "warn",
        "over",
        "18.00",
        "The dials by time of day sum to 390 kWh of import, the total dial shows 300 kWh.",
    ),
}
"""Code -> severity, direction, money at risk, message."""


def test_every_rule_has_a_smallest_case():
    """A rule that comes without a case and a message here is not finished."""
    assert {rule.id for rule in shipped_rules()} == CASES.keys() == SAID.keys()


@pytest.fixture(scope="module", autouse=True)
def looked_at_once():
    """The guard against floats looks at all rules together, once."""
    require_exact(shipped_rules())


@pytest.mark.parametrize("code", sorted(CASES))
def test_a_rule_speaks_about_its_smallest_case(code):
    """The rule finds the case; what it says is what a person will read."""
    case = Case()
    CASES[code](case)
    (rule,) = [rule for rule in shipped_rules() if rule.id == code]
    findings, (stats,) = audit(case.tables(), period=PERIOD, currency="EUR", rules=[rule])
    first = findings.to_pylist()[0]
    found = (first["severity"], first["direction"], first["money_at_risk"], first["message"])
    severity, direction, money, message = SAID[code]
    assert found == (severity, direction, Decimal(money), message)
    assert first["remedy"]
    assert stats.findings == findings.num_rows


def test_an_ordinary_bill_is_left_alone():
    """A customer who does as always, among others who do so too, gives no finding."""
    case = Case().crowd(25, months=6, usual=290, usual_total="58", expected=(250, 300, 350))
    findings, _ = audit(case.tables(), period=PERIOD, currency="EUR")
    assert findings.num_rows == 0
