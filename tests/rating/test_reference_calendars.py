"""The second opinion: seasons, standard time, events, parties of a calendar."""

import pytest
from reference_cases import ENERGY_TOU, KWH, case, dial, document, held, lines, register_case


def rules(*written, clock=""):
    """A calendar `tou` of these rules."""
    head = f'[calendars.tou]\nclock = "{clock}"\n' if clock else ""
    return head + "".join(f"[[calendars.tou.rules]]\n{each}\n" for each in written)


def hours(toml, *days, zone="UTC", step=3600, **more):
    """Bucket and kWh of each line at 1 kWh an interval."""
    given = case(toml, *days, zone=zone, step=step, **{"import": KWH}, **more)
    return [line[1:3] for line in lines(given, toml)]


@pytest.mark.parametrize(
    ("season", "days", "expected"),
    [
        # 15 June to 14 September, both included
        ('["06-15 to 09-14"]', ("2026-06-14", "2026-06-16"), [("peak", "24"), ("off", "24")]),
        ('["06-15 to 09-14"]', ("2026-09-14", "2026-09-16"), [("peak", "24"), ("off", "24")]),
        # over the end of the year
        ('["11-16 to 03-31"]', ("2026-12-31", "2027-01-02"), [("peak", "48")]),
        ('["11-16 to 03-31"]', ("2026-03-31", "2026-04-02"), [("peak", "24"), ("off", "24")]),
        # 29 February as an end is the last of February, in every year
        ('["02-01 to 02-29"]', ("2026-02-28", "2026-03-02"), [("peak", "24"), ("off", "24")]),
        ('["02-01 to 02-29"]', ("2028-02-29", "2028-03-02"), [("peak", "24"), ("off", "24")]),
        # 28 February as an end leaves the 29th out
        ('["02-01 to 02-28"]', ("2028-02-28", "2028-03-01"), [("peak", "24"), ("off", "24")]),
        # two seasons of one rule
        ('["01-01 to 01-01", "01-03 to 01-03"]', ("2026-01-01", "2026-01-05"),
         [("peak", "48"), ("off", "48")]),
    ],
)  # fmt: skip
def test_seasons(season, days, expected):
    """A rule narrowed to days of the year."""
    tou = rules(f'bucket = "peak"\nseason = {season}', 'otherwise = "off"')
    toml = document(ENERGY_TOU, extra=tou)
    assert hours(toml, *days) == expected


@pytest.mark.parametrize(
    "written",
    [
        ['bucket = "peak"\nseason = ["02-29 to 03-31"]', 'otherwise = "off"'],
        ['bucket = "peak"\nseason = ["02-30 to 03-31"]', 'otherwise = "off"'],
        ['bucket = "peak"\nseason = ["06-15 - 09-14"]', 'otherwise = "off"'],
        # the 14th is covered twice
        ['bucket="peak"\nseason = ["06-15 to 09-14"]', 'bucket="b"\nseason = ["09-14 to 06-14"]'],
        # nobody covers 29 February
        ['bucket="peak"\nseason = ["03-01 to 12-31"]', 'bucket="b"\nseason = ["01-01 to 02-28"]'],
        # an event rule after another
        ['bucket = "peak"', 'bucket = "off"\nevent = "known"'],
        # an event that is not declared
        ['bucket = "peak"\nevent = "cp"', 'otherwise = "off"'],
    ],
)  # fmt: skip
def test_seasons_that_are_refused(written):
    """29 February as a beginning, no day, covered twice, by none, an unknown event."""
    prices = ENERGY_TOU.replace("off = ", "b = " if '"b"' in written[-1] else "off = ")
    toml = document(prices, extra="[events.known]\n" + rules(*written))
    assert held(case(toml, "2026-06-01", "2026-06-02", **{"import": KWH}), toml) == (
        "rating.tariff.invalid"
    )


def test_two_seasons_that_tile_the_year():
    """15 June to 14 September, and from then to 14 June."""
    tou = rules(
        'bucket = "peak"\nseason = ["06-15 to 09-14"]',
        'bucket = "off"\nseason = ["09-15 to 06-14"]',
    )
    toml = document(ENERGY_TOU, extra=tou)
    assert hours(toml, "2026-09-13", "2026-09-16") == [("peak", "48"), ("off", "24")]


def test_standard_time_all_year():
    """Madrid, 1 July, peak 10:00-12:00 by the meter's winter clock: 11:00-13:00 in summer time.
    1 kWh in the hour of summer time 11 and 12, none else: 2 kWh of peak; by local time only 11."""

    def two(clock):
        return KWH if clock.hour in (11, 12) else 0

    for clock, expected in (("standard", [("peak", "2")]), ("", [("peak", "1"), ("off", "1")])):
        tou = rules('bucket = "peak"\nhours = ["10:00-12:00"]', 'otherwise = "off"', clock=clock)
        toml = document(ENERGY_TOU, extra=tou, zone="Europe/Madrid")
        given = case(toml, "2026-07-01", "2026-07-02", zone="Europe/Madrid", **{"import": two})
        assert [line[1:3] for line in lines(given, toml)] == expected


def test_days_and_months_of_standard_time():
    """The first local hour of 1 July in Madrid is 23:00 of 30 June by standard time: June."""
    tou = rules('bucket = "peak"\nmonths = [6]', 'otherwise = "off"', clock="standard")
    toml = document(ENERGY_TOU, extra=tou, zone="Europe/Madrid")
    assert hours(toml, "2026-07-01", "2026-07-02", zone="Europe/Madrid") == [
        ("peak", "1"), ("off", "23"),
    ]  # fmt: skip


def test_standard_time_in_the_south():
    """Santiago: January is summer time; standard time is that of July, UTC-4. On 1 January the
    hour 10 of standard time is hour 11 on the local clock."""

    def one(clock):
        return KWH if clock.hour == 11 else 0

    tou = rules('bucket = "peak"\nhours = ["10:00-11:00"]', 'otherwise = "off"', clock="standard")
    toml = document(ENERGY_TOU, extra=tou, zone="America/Santiago")
    given = case(toml, "2026-01-01", "2026-01-02", zone="America/Santiago", **{"import": one})
    assert [line[1:3] for line in lines(given, toml)] == [("peak", "1")]


def test_a_calendar_knows_no_other_clock():
    """`clock` is `standard` or left out."""
    toml = document(
        ENERGY_TOU, extra=rules('bucket="peak"\nmonths=[1]', 'otherwise="off"', clock="daylight")
    )
    assert held(case(toml, "2026-06-01", "2026-06-02", **{"import": KWH}), toml) == (
        "rating.tariff.invalid"
    )


# ------------------------------------------------------------------- events

CALLED = ["2026-06-01T17:00:00Z", "2026-06-01T20:00:00Z"]
EVENT = "[events.cp]\n"


def test_an_event_takes_precedence():
    """17 to 20 is critical, whatever the other rules say: 3 kWh; of peak 08-12 and 18-20 four
    remain, 17 are off."""
    tou = rules(
        'bucket = "critical"\nevent = "cp"',
        'bucket = "peak"\nhours = ["08:00-12:00", "18:00-20:00"]',
        'otherwise = "off"',
    )
    energy = ENERGY_TOU.replace("{ peak", "{ critical = 1, peak")
    toml = document(energy, extra=EVENT + tou)
    days = ("2026-06-01", "2026-06-02")
    assert hours(toml, *days, events={"cp": [CALLED]}) == [
        ("critical", "3"), ("peak", "4"), ("off", "17"),
    ]  # fmt: skip
    assert hours(toml, *days, events={"cp": []}) == [("peak", "6"), ("off", "18")]


def test_an_event_narrowed_by_hours():
    """Of an event 17 to 20 only 18 to 22 counts: 2 kWh; the first of two event rules has it."""
    tou = rules(
        'bucket = "peak"\nevent = "cp"\nhours = ["18:00-22:00"]',
        'bucket = "off"\nevent = "cp"',
        'otherwise = "rest"',
    )
    energy = ENERGY_TOU.replace("off = 0.125", "off = 0.125, rest = 1")
    toml = document(energy, extra=EVENT + tou)
    assert hours(toml, "2026-06-01", "2026-06-02", events={"cp": [CALLED]}) == [
        ("peak", "2"), ("off", "1"), ("rest", "21"),
    ]  # fmt: skip


def test_an_event_finer_than_the_readings():
    """An event from 17:15 lies inside the hour of 17: held; on readings of 15 minutes 11 of 96
    quarters are peak."""
    tou = rules('bucket = "peak"\nevent = "cp"', 'otherwise = "off"')
    toml = document(ENERGY_TOU, extra=EVENT + tou)
    called = {"cp": [["2026-06-01T17:15:00Z", "2026-06-01T20:00:00Z"]]}
    given = case(toml, "2026-06-01", "2026-06-02", events=called, **{"import": KWH})
    assert held(given, toml) == "rating.calendar.finer"
    assert hours(toml, "2026-06-01", "2026-06-02", step=900, events=called) == [
        ("peak", "11"), ("off", "85"),
    ]  # fmt: skip


def test_a_second_of_an_event():
    """An event of the last second of an hour changes the bucket inside it."""
    tou = rules('bucket = "peak"\nevent = "cp"', 'otherwise = "off"')
    toml = document(ENERGY_TOU, extra=EVENT + tou)
    called = {"cp": [["2026-06-01T17:30:07Z", "2026-06-01T17:30:08Z"]]}
    given = case(toml, "2026-06-01", "2026-06-02", step=900, events=called, **{"import": KWH})
    assert held(given, toml) == "rating.calendar.finer"


def test_events_that_nobody_knows():
    """No list, or one that ends before the span: held, from dials, too; a span before is not."""
    tou = rules('bucket = "peak"\nevent = "cp"', 'otherwise = "off"')
    toml = document(ENERGY_TOU, extra=EVENT + tou)
    days = ("2026-06-01", "2026-06-02")
    given = case(toml, *days, **{"import": KWH})
    assert held(given, toml) == "rating.event.missing"
    given = case(toml, *days, events={"cp": []}, **{"import": KWH})
    given["events"]["cp"]["to"] = "2026-06-01T23:59:59Z"
    assert held(given, toml) == "rating.event.missing"
    dials = [dial([(days[0], 0), (days[1], kwh)], bucket=b) for b, kwh in (("peak", 3), ("off", 5))]
    assert held(register_case(toml, *days, dials=dials), toml) == "rating.event.missing"
    plain = document(
        ENERGY_TOU, extra=rules('bucket="peak"\nhours=["00:00-01:00"]', 'otherwise="off"')
    )
    given = case(
        [plain, toml],
        "2026-06-01",
        "2026-06-02",
        "2026-06-03",
        events={"cp": []},
        **{"import": KWH},
    )
    given["events"]["cp"]["from"] = "2026-06-02T00:00:00Z"
    assert [line[1:3] for line in lines(given, plain, toml)] == [
        ("peak", "1"), ("off", "23"), ("off", "24"),
    ]  # fmt: skip
