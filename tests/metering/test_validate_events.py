"""What meters report beside the values."""

import pytest
from grids import THURSDAY
from street import codes, remark, remarks, rows

from gridtally.metering.checks_events import Place, events
from gridtally.metering.thresholds import Limits


def told(*given, hours=False, still=False, limits=None):
    place = Place(THURSDAY, THURSDAY + 86_400, "UTC", limits or Limits(), hours, still)
    return events(remarks(*given), {"P": place})


def test_what_happened_is_told_once_per_kind():
    """The same event on several channels is one; several are counted (check 39)."""
    twice = [remark("event.tamper", "2", channel=c) for c in ("import", "export")]
    found = rows(told(*twice, remark("event.tamper", "2", at=THURSDAY + 60)))
    assert [(row["code"], row["count"]) for row in found] == [("metering.event.tamper", 2)]


def test_only_the_billed_time_and_points_count():
    """Events before, after, elsewhere, and remarks that are no events say nothing."""
    assert not rows(
        told(
            remark("event.tamper", at=THURSDAY - 1),
            remark("event.tamper", at=THURSDAY + 86_400),
            remark("event.tamper", point="Q"),
            remark("nem12.method", "51"),
        )
    )


@pytest.mark.parametrize(
    ("seconds", "hours", "severity"),
    [("60", True, None), ("-61", True, "warn"), ("300", True, "warn"), ("301", True, "hold"),
     ("-301", False, "warn"), ("about noon", True, None)],
)  # fmt: skip
def test_a_clock_that_is_off(seconds, hours, severity):
    """Above a minute it is told; above five it holds what is billed by the hour (M56)."""
    found = rows(told(remark("event.clock_drift", seconds), hours=hours))
    assert [row["severity"] for row in found] == ([severity] if severity else [])
    assert all(row["must_hold"] is (severity == "hold") for row in found)


def test_the_limits_of_the_clock_are_data():
    """A supplier may hold at two seconds."""
    strict = Limits(drift_s=1, drift_hold_s=1)
    assert rows(told(remark("event.clock_drift", "2"), hours=True, limits=strict))[0]["must_hold"]


def test_all_zero_and_alive():
    """No energy at all while the meter reports something else than a lost supply (check 31)."""
    assert codes(told(remark("event.clock_set"), still=True))["event.still"] == ["P"]
    assert "event.still" not in codes(told(remark("event.power_loss"), still=True))
    assert "event.still" not in codes(told(remark("event.clock_set")))
