"""Steps 1-2: every finding of master data in words: what is wrong, and what to do about it.

`HELD` ones hold the bills that they touch, `WARNED` ones are suspicions, `NOTED` ones only say
something. No message quotes a personal column.
"""

from __future__ import annotations

from gridtally.intake.words import Words
from gridtally.terms import Severity

__all__ = ["HELD", "NOTED", "WARNED", "severity", "words"]

HELD: dict[str, Words] = {
    "intake.master.value": Words("{text}.", "Correct the cell and deliver the file again."),
    "intake.master.contradiction": Words(
        "The row for {what} contradicts line {other}; neither is used.",
        "Leave one of the rows away and deliver the file again.",
    ),
    "intake.master.reference": Words(
        "{column} {text} is not in {table}{hint}.",
        "Add what is missing, or correct the name; then deliver again.",
    ),
    "intake.master.overlap": Words(
        "{text} from {day}. See {other}.",
        "End the first period before the second begins; deliver again.",
    ),
    "intake.point.zone": Words(
        "The time zone of {what} changes from {other} to {text}: its days begin at other instants, "
        "also those that are billed.",
        "Find out which is right. A metering point that moves to another zone gets a new name.",
    ),
    "intake.register.multiplier": Words(
        "The multiplier {text} of the dial {what} is not CT {ct} x PT {pt} x constant {constant}, "
        "which is {expected}.",
        "Read the plates of meter and transformers; correct multiplier or ratios.",
    ),
    "intake.register.twice": Words(
        "The dials {what} and {other} of one meter both count {text} from {day}: energy would be "
        "counted twice.",
        "Give them their buckets, or end one of them.",
    ),
    "intake.topology.circle": Words(
        "The metering point {what} lies behind itself, over {other}, from {day}.",
        "Correct the parent; energy is never measured behind itself.",
    ),
    "intake.topology.parents": Words(
        "The metering point {what} has two parents from {day}: {other} and {text}.",
        "End the first relation before the second begins.",
    ),
    "intake.topology.share": Words(
        "From {day} the ratios behind {what} sum to {text}, more than the whole.",
        "Correct the shares, or end one of them; what remains belongs to the parent.",
    ),
}
"""Codes that hold (severity hold)."""

WARNED: dict[str, Words] = {
    "intake.supply.gap": Words(
        "Nobody is supplied at {what} from {day} to {other}, between two agreements.",
        "If somebody lived there, add the agreement; if not, set the feature vacant.",
    ),
    "intake.place.meters": Words(
        "Two meters stand at {what} from {day}: {other} and {text}. Their energy is added.",
        "End the one that was taken away, unless both are read.",
    ),
    "intake.place.unmetered": Words(
        "No meter stands at {what} from {day} to {other}, and an agreement is in force.",
        "Add the meter with its dates, or correct those that are there.",
    ),
    "intake.exchange.gap": Words(
        "Between the meters {other} and {text} at {what} there is none from {day} on, "
        "for {expected} days.",
        "Give the new meter the day on which the old one left.",
    ),
    "intake.meter.bare": Words(
        "The meter {what} at {text} is billed by registers and has none.",
        "Add its dials to registers.csv.",
    ),
    "intake.meter.unverified": Words(
        "The verification of the meter {what} has ended on {day}, and it still stands.",
        "Exchange or verify it; say what applies to its readings since then.",
    ),
    "intake.meter.early": Words(
        "{text} of the meter {what} on {day} lies before it was installed on {other}.",
        "Correct one of the dates.",
    ),
    "intake.register.changed": Words(
        "The multiplier of the dial {what} changes from {other} to {text} on {day} without an "
        "exchange; a bill over that day is held.",
        "Read the dial on that day, and have a second person check the new multiplier.",
    ),
    "intake.master.unknown": Words(
        "{column} {text} of {what} is not in {table}{hint}.",
        "Add what is missing, or correct the name.",
    ),
    "intake.master.orphan": Words(
        "{what} in {table} names {column} {text}, which this delivery takes away.",
        "Deliver both tables together, or bring the row back.",
    ),
    "intake.master.similar": Words(
        "{text} and {other} differ only in case, leading zeros or letters that look alike.",
        "Check whether both are meant; a spreadsheet may have changed one.",
    ),
    "intake.cycle.mixed": Words(
        "The account {what} has agreements in the cycles {text} and {other} at once.",
        "Give them one cycle: an account gets one bill for one period.",
    ),
    "intake.cycle.calendar": Words(
        "The cycle {what} counts working days by the calendar {text}, of which {day} lists none.",
        "Add its holidays of that year to holidays.csv; they are never guessed.",
    ),
    "intake.agreement.exemption": Words(
        "The exemption of the agreement {what} ended on {day}, and its terms still run.",
        "Ask for new evidence, or end these terms and begin ones without it.",
    ),
    "intake.agreement.tariff": Words(
        "There is no tariff {text}, which the agreement {what} names.",
        "Receive the tariff document, or correct the name; until then its bills are held.",
    ),
}
"""Codes that warn (severity warn); the rows are kept."""

NOTED: dict[str, Words] = {
    "intake.master.duplicate": Words(
        "The row for {what} repeats line {other}; counted once.", "Nothing to do."
    ),
    "intake.register.total": Words(
        "The meter {what} has dials by time of use for {text} and none for the total, so their "
        "sum cannot be checked.",
        "Add the total dial if the meter has one.",
    ),
    "intake.register.uncommon": Words(
        "The multiplier {text} of the dial {what} is not one that transformers give.",
        "Give ct_ratio and pt_ratio of the meter, so that it can be checked.",
    ),
}
"""Codes that only say something (severity note)."""


def words(code: str) -> Words:
    """Message and remedy of a code."""
    return (HELD.get(code) or WARNED.get(code) or NOTED.get(code)) or NOTED[code]


def severity(code: str) -> Severity:
    """What a finding of this code does."""
    if code in HELD:
        return Severity.HOLD
    return Severity.WARN if code in WARNED else Severity.NOTE
