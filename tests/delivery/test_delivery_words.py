"""Numbers, money and dates as a reader expects them, and words for why a line is there."""

import hashlib
from decimal import Decimal

import pytest
from delivery_bills import NAMES, bill

from gridtally.delivery.page import Row
from gridtally.delivery.say import speaker
from gridtally.delivery.sections import section
from gridtally.delivery.view import page, short_code

EN, ZH, YEN = speaker("en", "EUR"), speaker("zh", "CNY"), speaker("en", "JPY")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("0", "0"), ("999", "999"), ("1000", "1\u202f000"), ("0.00000001", "0.00000001"),
        ("-1234567.890", "−1\u202f234\u202f567.890"), ("00812.40", "00\u202f812.40"),
    ],
)  # fmt: skip
def test_numbers_have_thin_groups_and_keep_their_decimals(text, shown):
    """Nothing is rounded or cut, zeros of a dial are kept, minus is a minus."""
    assert EN.number(text) == shown


@pytest.mark.parametrize(
    ("say", "text", "shown"),
    [
        (EN, "23.6", "€23.60"), (EN, "-1234.5", "−€1\u202f234.50"), (EN, "0", "€0.00"),
        (EN, "0.1234", "€0.1234"), (ZH, "1234.5", "¥1\u202f234.50"), (YEN, "1234", "¥1\u202f234"),
        (speaker("en", "CHF"), "5", "CHF\u00a05.00"), (speaker("en", "KWD"), "5", "KWD\u00a05.000"),
    ],
)  # fmt: skip
def test_money_has_its_sign_and_at_least_its_decimals(say, text, shown):
    """A finer amount is shown whole, never rounded."""
    assert say.money(text) == shown


@pytest.mark.parametrize(
    ("start", "end", "english", "chinese"),
    [
        ("2026-10-01", "2026-11-01", "1 – 31 October 2026", "2026年10月1日至31日"),
        ("2026-10-17", "2026-11-02", "17 October – 1 November 2026", "2026年10月17日至11月1日"),
        ("2026-12-15", "2027-01-15", "15 December 2026 – 14 January 2027",
         "2026年12月15日至2027年1月14日"),
        ("2026-10-01", "2026-10-02", "1 October 2026", "2026年10月1日"),
    ],
)  # fmt: skip
def test_periods_name_their_last_day(start, end, english, chinese):
    """Half-open inside, inclusive for people."""
    assert EN.period(start, end).replace("\u00a0", " ") == english
    assert ZH.period(start, end) == chinese


def test_another_language_falls_back_to_english():
    """A language that we do not have is no error on a bill."""
    record, openings = bill("household-tiers", language="fr")
    assert page(record, openings)[0].language == "en"


# ----------------------------------------------------------------- lines, and why


def lines(name, *, language="en"):
    record, _ = bill(name, language=language)
    say = speaker(language, record["currency"])
    shown = section(say, record["segments"][0], alone=True)
    return [line for group in shown.groups for line in group.lines], shown


def plain(text):
    return text.replace("\u00a0", " ").replace("\u202f", " ")


def test_steps_say_from_where_to_where():
    """The kWh of a tier are counted along the lines."""
    found, _ = lines("household-tiers")
    assert [plain(line.why) for line in found[1:3]] == [
        "0 to 100 kWh in this period",
        "100 to 155.6 kWh in this period",
    ]


def test_steps_of_a_year_go_on_where_the_last_bill_ended():
    """Carry-in gives the start, and the next bill is told where to go on."""
    found, shown = lines("moved-in")
    assert [plain(line.why) for line in found[1:3]] == [
        "939.8 to 1 000 kWh since 1 Jan 2026",
        "1 000 to 1 012.7 kWh since 1 Jan 2026",
    ]
    assert plain(shown.notes[0]).startswith("Steps are counted by the year: 1 012.7 kWh since")


def test_a_part_of_a_month_says_how_many_days():
    """Factor, days and amount agree."""
    found, _ = lines("factory-en")
    assert (found[1].factor, found[1].why) == ("× 15/31", "15 of the month’s 31 days")


def test_power_factor_says_its_value_and_direction():
    """The customer learns the measured value, and that it costs."""
    found, _ = lines("factory-en")
    assert found[6].why == "power factor 0.88, surcharge for reactive energy"
    assert (plain(found[6].quantity), plain(found[6].price)) == ("€23 180.31", "1 %")


def test_a_share_that_no_page_can_hold_is_shown_as_a_percentage():
    """A factor with a long denominator, as tiers with time of use have."""
    found, _ = lines("fourteen-lines")
    assert plain(found[2].factor) == "× 31.89 %"
    assert found[2].why == "this step’s share of all energy"


def test_events_are_told_with_their_date():
    """Price change, exchange, and how the energy of a dial was divided."""
    _, shown = lines("fourteen-lines")
    assert [plain(event) for event in shown.events] == [
        "New prices apply from 16 October 2026; the days before and after are billed at their own "
        "prices.",
        "The meter was exchanged on 20 October 2026 for M00999; the use on both is added up.",
        "Where a dial was not read on the day of the change, its energy is divided by days.",
    ]


def test_an_estimated_reading_and_share_are_named():
    """On the dial, with the source, and once for the whole bill."""
    _, shown = lines("fourteen-lines")
    assert [dial.estimated for dial in shown.dials] == [False, False, False, True]
    assert shown.dials[3].closed == "1\u00a0Nov, estimated"
    _, shown = lines("estimated")
    assert "53.036 kWh of it (17.7 %) was estimated" in plain(shown.source)
    record, openings = bill("estimated")
    assert "53.036 kWh of 299.456 kWh on this bill (17.7 %)" in plain(
        page(record, openings)[0].notes[0]
    )


def test_all_measured_is_only_said_when_it_is():
    """One estimated dial is enough to say so for the whole bill."""
    notes = {name: page(*bill(name, language="en"))[0].notes[0] for name in NAMES}
    assert notes["household-tiers"] == "All energy on this bill was measured."
    assert notes["fourteen-lines"].startswith("A reading on this bill is estimated.")


def line(**change):
    base = {
        "span": 0, "from": "2026-10-01", "to": "2026-11-01", "component": "c",
        "title": {"en": "C"}, "kind": "energy", "bucket": "", "quantity": "1", "unit": "kWh",
        "price": "1", "factor": "1", "amount": "1",
    }  # fmt: skip
    return base | change


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"kind": "minimum", "unit": "month"}, "what is missing to the agreed minimum"),
        ({"kind": "maximum", "unit": "month"}, "what lies above the agreed maximum"),
        ({"kind": "rounding", "unit": "EUR"}, "brings the sum to the smallest coin"),
        ({"unit": "kW", "bucket": "contract"}, "the demand that was agreed"),
        ({"unit": "kW", "bucket": "excess"}, "measured above the agreed demand"),
        ({"unit": "kW"}, "the highest power of the period that is billed"),
        ({"amount": "-1"}, "we pay you"),
        ({"amount": "-1", "price": "-1"}, ""),
        ({"unit": "EUR", "factor": "1/100", "bucket": "0.97", "price": "-0.75"},
         "power factor 0.97, reduction for little reactive energy"),
        ({"unit": "EUR", "factor": "1/100", "bucket": "0.90", "price": "0"}, "power factor 0.90"),
        ({"unit": "year", "factor": "31/365"}, "31 of the year’s 365 days"),
        ({"unit": "month", "factor": "1/7"}, "for this part of the period"),
    ],
)  # fmt: skip
def test_each_kind_of_line_says_why(change, why):
    """One sentence per kind; nothing where the title says it."""
    record, _ = bill("household-tiers")
    segment = record["segments"][0] | {"lines": [line(**change)]}
    (group,) = section(EN, segment, alone=True).groups
    assert group.lines[0].why == why


def test_netted_energy_says_so_and_the_rest_is_kept():
    """Energy in the bank is shown with what becomes of it."""
    record, _ = bill("household-tiers")
    carry = [{"key": "bank/c/all", "at": "2026-11-01", "value": 35_200_000}]
    segment = record["segments"][0] | {"lines": [line()], "carry_out": carry}
    shown = section(EN, segment, alone=True)
    assert shown.groups[0].lines[0].why == "after your feed-in has been taken off"
    assert plain(shown.notes[0]).startswith("35.2 kWh fed in beyond your use is kept")


# ------------------------------------------------------------- what is owed, and before


def test_a_credit_is_carried_and_has_no_code_to_pay():
    """Below zero: the amount is a credit, and the page says what happens to it."""
    shown = page(*bill("solar-credit"))[0]
    assert shown.due == Row("Your credit", "€25.05")
    assert shown.due_text == "Nothing to pay. We carry this credit over to your next bill."
    assert shown.payment.title == "What happens to your credit"
    assert shown.payment.code is None
    assert shown.balance[-1] == Row("Credit", "−€25.05", strong=True)


def test_nothing_due_says_so():
    """Exactly zero is neither debt nor credit."""
    record, openings = bill("household-tiers")
    record["balance"]["due"] = "0"
    shown = page(record, openings)[0]
    assert shown.due == Row("Nothing to pay", "€0.00")
    assert shown.payment.code is None


@pytest.mark.parametrize("name", NAMES)
def test_the_balance_adds_up_as_it_is_shown(name):
    """Previous balance, payments, adjustments and this bill make the amount due."""
    rows = page(*bill(name, language="en"))[0].balance
    values = [
        Decimal(
            plain(row.value).replace(" ", "").replace("−", "-").replace("€", "").replace("CN¥", "")
        )
        for row in rows
    ]
    assert sum(values[:-1]) == values[-1]


def test_the_comparison_is_per_day_of_supply():
    """A customer who moved in on the 17th used the energy of fifteen days."""
    shown = page(*bill("moved-in", language="en"))[0]
    assert plain(shown.changes[0].per_day) == "4.9 kWh"
    assert shown.figure is None
    assert shown.change_texts[0].startswith("This is the first bill")
    shown = page(*bill("household-tiers"))[0]
    assert [plain(text) for text in shown.change_texts] == [
        "Per day you used 7 % more than in September 2026.",
        "Per day you used 9 % less than in October 2025.",
    ]


def test_the_short_code_is_the_start_of_the_leaf():
    """SHA-256 over a zero byte and the canonical record; 60 bits in Crockford's letters."""
    record = {"a": "é", "b": [1, "2"]}
    leaf = hashlib.sha256(b'\x00{"a":"\xc3\xa9","b":[1,"2"]}').digest()
    bits = "".join(f"{byte:08b}" for byte in leaf)
    letters = ["0123456789ABCDEFGHJKMNPQRSTVWXYZ"[int(bits[i : i + 5], 2)] for i in range(0, 60, 5)]
    assert short_code(record) == "-".join("".join(letters[i : i + 4]) for i in (0, 4, 8))


@pytest.mark.parametrize(
    ("change", "quantity", "price", "why"),
    [
        ({"unit": "EUR", "price": "-3", "bucket": "kept"}, "", "", ""),
        ({"unit": "EUR", "price": "23", "factor": "1/123"}, "€10.00", "23\u00a0%",
         "contained in the prices above"),
        ({"unit": "EUR", "price": "-23", "factor": "1/123", "bucket": "net"}, "€10.00",
         "−23\u00a0%", "contained in the prices above"),
        ({"unit": "EUR", "price": "18", "factor": "1/82"}, "€10.00", "18\u00a0%",
         "the tax is part of its own base"),
        ({"unit": "EUR", "price": "8", "factor": "1/100"}, "€10.00", "8\u00a0%", ""),
        ({"unit": "kWh", "how": "series"}, "10\u00a0kWh", "€1.00",
         "each interval at the price of its time; the mean is shown"),
        ({"unit": "kWh", "how": "volume", "bucket": "tier-2"}, "10\u00a0kWh", "€1.00",
         "all energy is charged at the price of the step it reaches"),
        ({"unit": "kVA", "factor": "31"}, "10\u00a0kVA", "€1.00", "for each of 31 days"),
    ],
)  # fmt: skip
def test_each_kind_of_line_says_what_it_is(change, quantity, price, why):
    """Money that is what it is has no quantity; a tax inside its base says so."""
    record, _ = bill("household-tiers")
    segment = record["segments"][0]
    line = segment["lines"][0] | {
        "kind": "x", "bucket": "", "quantity": "10", "price": "1", "factor": "1", "amount": "10",
        "from": "2026-10-01", "to": "2026-11-01",
    }  # fmt: skip
    segment["lines"] = [line | change]
    (group,) = section(EN, segment, alone=True).groups
    shown = group.lines[0]
    assert (shown.quantity, shown.price, shown.why) == (quantity, price, why)
