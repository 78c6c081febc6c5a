"""Terms of a dial in a period: one row per dial, and a change within the period is held (T21)."""

from datetime import date

from gridtally.metering.in_force import in_force
from gridtally.periods import Period
from gridtally.tables import METERS, REGISTERS, SPANS, table

MARCH = Period.month(2026, 3)


def dial(start=None, end=None, multiplier=1, **more):
    days = {"from": start and date.fromisoformat(start), "to": end and date.fromisoformat(end)}
    return {
        "meter": "M", "register": "1.8.0", "channel": "import", "bucket": "total",
        "kind": "cumulative", "digits": 6, "multiplier": multiplier * 10**6, **days, **more,
    }  # fmt: skip


def found(*dials, source="register"):
    meters = table(METERS, [{"meter": "M", "metering_point": "P", "from": date(2025, 1, 1)}])
    spans = table(
        SPANS,
        [
            {"segment": "G/2026-03-01/2026-04-01", "span": n, "account": "A",
             "metering_point": "P", "legal_source": source}
            for n in (0, 1)
        ],
    )  # fmt: skip
    rows, findings = in_force(table(REGISTERS, dials), meters, spans, period=MARCH)
    said = [(f["code"], f["severity"], f["segment"]) for f in findings.to_pylist()]
    for row in findings.to_pylist():
        assert row["message"] == (
            "The dial M 1.8.0 changes on 2026-03-10, within the period: multiplier 40 to 60, "
            "digits 6 to 6."
        )
    return [row["multiplier"] // 10**6 for row in rows.to_pylist()], said


def test_always():
    """Dials without dates are in force whenever their meter stands."""
    assert found(dial(), dial(register="2.8.0")) == ([1, 1], [])


def test_before_and_after():
    """A change outside the period is seen from its side, and says nothing."""
    assert found(dial(end="2026-03-01", multiplier=40), dial("2026-03-01", multiplier=60)) == (
        [60], [],
    )  # fmt: skip
    assert found(dial(end="2026-04-01", multiplier=40), dial("2026-04-01", multiplier=60)) == (
        [40], [],
    )  # fmt: skip


def test_a_change_within_the_period_is_held():
    """The bill waits for a reading on the day of the change; intervals are only warned about."""
    dials = (dial("2026-03-10", multiplier=60), dial(end="2026-03-10", multiplier=40))

    assert found(*dials) == (
        [60], [("metering.register.changed", "hold", "G/2026-03-01/2026-04-01")],
    )  # fmt: skip
    assert found(*dials, source="interval")[1][0][1] == "warn"


def test_the_same_terms_again():
    """Two rows that say the same are no change."""
    assert found(dial(end="2026-03-10"), dial("2026-03-10")) == ([1], [])
