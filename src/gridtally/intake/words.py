"""Step 2: every finding and refusal of `decode` in words: what is wrong, and what to do about it.

A code that ends a row quarantines it: the row is counted and set aside, the rest goes on.
A refusal ends the file: nothing of it is stored.
"""

from __future__ import annotations

from typing import NamedTuple

from gridtally.errors import RefusedFile

__all__ = ["NOTED", "QUARANTINED", "REFUSED", "Words", "refuse"]


class Words(NamedTuple):
    """A message and its remedy, both format strings."""

    message: str
    remedy: str


_RESEND = "Ask the sender for a corrected file; deliver it as it comes."

QUARANTINED: dict[str, Words] = {
    "intake.row.cells": Words(
        "The row has {cells} cells where the header names {expected}: {text}.",
        "Ask the sender for the whole row; a missing cell is written as an empty one.",
    ),
    "intake.row.broken": Words(
        "The record is broken over several lines; its parts are not put together again.",
        "Ask the sender for the record on one line.",
    ),
    "intake.point.name": Words(
        "{text} cannot be an identifier: it is empty, longer than 64 bytes, or has a blank at an "
        "end.",
        "Send the identifier exactly as master data has it.",
    ),
    "intake.point.unseen": Words(
        "{text} cannot be an identifier: it has a character that cannot be seen, spelled out here.",
        "Remove it at the sender; it often comes with text that was copied from a page.",
    ),
    "intake.channel.unknown": Words(
        "There is no channel {text}.",
        "Use import, export, reactive_import or reactive_export (NEM12 suffixes E, B, Q, K).",
    ),
    "intake.channel.partial": Words(
        "Only part of the streams that make up this channel is there: {text}.",
        "Send all streams that the NMI configuration names, for the whole day, in one file.",
    ),
    "intake.unit.unknown": Words(
        "{text} is not a unit that can be read here.",
        "Send energy in Wh, kWh or MWh, reactive energy in varh, kvarh or Mvarh.",
    ),
    "intake.unit.channel": Words(
        "The unit {text} does not belong to this channel.",
        "Active channels are in Wh, kWh or MWh, reactive ones in varh, kvarh or Mvarh.",
    ),
    "intake.value.number": Words(
        "{text} is not a plain decimal number of at most 18 digits.",
        "Send ASCII digits with a decimal point, such as 12.345, or with the mark that the file "
        "declares; nothing is guessed.",
    ),
    "intake.value.large": Words(
        "{text} is larger than any meter can count in one interval or on one dial.",
        "Check the unit and the scaling at the sender.",
    ),
    "intake.value.finer": Words(
        "{text} is finer than a millionth of a kWh (kvarh, kW), which is what is kept.",
        "Send at most 6 decimals of a kWh, or declare a rounding for this source.",
    ),
    "intake.value.negative": Words(
        "{text} is below zero, but the channel counts one direction only.",
        "Send energy that flows back on its own channel, export or reactive_export.",
    ),
    "intake.time.pattern": Words(
        "{text} is not an instant written as 2026-01-31T23:15:00Z (hours 00 to 23).",
        "Send date and time like that, with Z or an offset, or in the declared zone's local time.",
    ),
    "intake.time.nonexistent": Words(
        "{text} does not exist: the clocks skip it that day.",
        "Send an offset or UTC; the sender's clock may not follow summer time.",
    ),
    "intake.time.ambiguous": Words(
        "{text} happens twice that day, when the clocks go back.",
        "Send an offset or UTC, so that both hours can be told apart.",
    ),
    "intake.time.offset": Words(
        "The offset of {text} is not in force at that instant in the declared zone, or anywhere.",
        "Correct the offset at the sender, or declare the zone that the source really uses.",
    ),
    "intake.time.future": Words(
        "{text} lies in the future.",
        "Check the sender's clock and time zone.",
    ),
    "intake.time.past": Words(
        "{text} lies before 1990.",
        "Check the sender's clock; an unset one often starts at 1970 or 2000.",
    ),
    "intake.day.slots": Words(
        "The day has {expected} intervals in this zone, the row has {cells} values.",
        "Send a value for each interval that the local day really has: 23, 24 or 25 hours of them.",
    ),
    "intake.interval.length": Words(
        "{text} gives no interval length from a minute to a day that divides the day.",
        "Use lengths such as 15, 30 or 60 minutes.",
    ),
    "intake.interval.unknown": Words(
        "How long the interval is that starts at {text} cannot be told from its neighbours.",
        "Give the length in a column resolution_min, or the end of each interval in a column end.",
    ),
    "intake.interval.mixed": Words(
        "The channel seems to change its interval length within the file.",
        "Give the length of each interval in a column resolution_min or end.",
    ),
    "intake.interval.grid": Words(
        "{text} is off the interval grid of {expected} minutes.",
        "Check the meter's clock; readings are not moved to the grid.",
    ),
    "intake.interval.conflict": Words(
        "The interval that starts at {text} is in the file twice with different values.",
        "Ask which is right; a correction needs a newer version mark.",
    ),
    "intake.interval.overlap": Words(
        "The interval that starts at {text} overlaps another of the same channel.",
        "Ask the sender for one row per interval, all of one length.",
    ),
    "intake.quality.unknown": Words(
        "There is no quality {text}.",
        "Use A (actual), S (substituted), E (estimated) or N (no value).",
    ),
    "intake.event.unknown": Words(
        "There is no event {text}.",
        "Use clock_drift, clock_set, cover_open, overflow, phase_loss, power_loss, reverse, tamper "
        "or test_mode.",
    ),
    "intake.event.value": Words(
        "The value {text} is longer than 200 characters, or holds what cannot be printed.",
        "Write a number such as the seconds of a drift, or a few words.",
    ),
    "intake.version.number": Words(
        "{text} is no version mark.",
        "Use a whole number that grows with each correction, or an instant with Z or an offset.",
    ),
    "intake.register.value": Words(
        "{text} cannot stand in this column of a register reading.",
        "See docs/formats.md for the words and numbers that the column takes.",
    ),
    "intake.register.digits": Words(
        "The dial cannot show {text}: it has only {expected} digits before the mark.",
        "Check the reading and the number of digits in master data.",
    ),
    "intake.register.conflict": Words(
        "The dial has two different readings at {text}.",
        "Ask which is right; a correction needs a newer version mark.",
    ),
    "intake.mapped.pattern": Words(
        "{text} is not a date or time written as {expected}, as the mapping says.",
        "Ask the sender to keep to one way of writing, or correct time.pattern in the mapping.",
    ),
    "intake.mapped.repeats": Words(
        "The mapping says that each reading is there {expected} times; these rows do not agree.",
        "Ask the sender which is right, or correct series.repeats in the mapping.",
    ),
    "intake.mapped.order": Words(
        "The row that ends at {text} does not come after the row before it.",
        "Ask for the rows in the order that the mapping declares; none is moved.",
    ),
    "intake.mapped.first": Words(
        "When the interval that ends at {text} began is not known: no row before it says so.",
        "Deliver the rows before it as well, or declare interval.length in the mapping.",
    ),
    "intake.mapped.gap": Words(
        "Before the row that ends at {text} time is missing, so its step is not of one interval.",
        "Deliver the missing rows; or let the mapping allow it with interval.gap or gaps.",
    ),
    "intake.mapped.length": Words(
        "The interval that ends at {text} has {cells} seconds, which the mapping does not allow.",
        "Check its start and end; lengths are a minute to 31 days, and as the mapping declares.",
    ),
    "intake.nem.quality": Words(
        "The quality of each interval is not plain: {text}.",
        "Quality V needs 400 records that cover intervals 1 to the last exactly once.",
    ),
    "intake.nem.order": Words(
        "The previous reading, at {text}, is later than the current one.",
        "Ask the sender which of the two times is right.",
    ),
    "intake.dsmr.time": Words(
        "Nothing says when the dial showed this: the telegram's time is {text}.",
        "Keep the time of receipt beside each telegram and deliver the readings as csv-registers; "
        "telegrams before DSMR 4 have none.",
    ),
    "intake.mscons.obis": Words(
        "{text} is no OBIS code of electric energy that can be read here.",
        "Send PIA with a code such as 1-1:1.29.0 (profile), 1-1:1.8.0 (dial), 1-1:1.6.0 (demand).",
    ),
    "intake.mscons.qualifier": Words(
        "{text} is no status of a value (QTY qualifier).",
        "Use 220, 67, 79, 187, 201, 20, Z18, Z30, Z31 or Z47.",
    ),
    "intake.mscons.time": Words(
        "The time of the value is missing, twice there, or cannot be used: {text}.",
        "Send DTM 163 and 164 for energy, 7 for a reading, with an offset (303), or declare the "
        "source's zone.",
    ),
    "intake.mscons.withdrawn": Words(
        "Message {text} takes an earlier one back. Nothing is taken back by itself, and values in "
        "it are set aside.",
        "Look up what the earlier message brought; a newer message with right values replaces it.",
    ),
    "intake.mscons.streams": Words(
        "The values of several OBIS codes do not make up one channel together: {text}.",
        "Send the total, or all parts of it and nothing else. Beside a total, parts are set aside.",
    ),
    "intake.greenbutton.type": Words(
        "The reading type cannot be used: {text}.",
        "Send interval energy in Wh or varh with powerOfTenMultiplier and flowDirection.",
    ),
    "intake.greenbutton.reading": Words(
        "The reading lacks a usable {text}.",
        "Each IntervalReading needs a start, a duration and a value in whole numbers.",
    ),
}
"""Codes that set a row aside (severity warn)."""

NOTED: dict[str, Words] = {
    "intake.interval.duplicate": Words(
        "Rows that repeat another row of the file, counted once: {count}.",
        "Nothing to do.",
    ),
    "intake.register.duplicate": Words(
        "Readings that repeat another one of the file, counted once: {count}.",
        "Nothing to do.",
    ),
    "intake.interval.version": Words(
        "Intervals that are there in more than one version: {count}. The newest will be used.",
        "Nothing to do.",
    ),
    "intake.interval.gap": Words(
        "Intervals of this channel without a value, between its first and last: {count}.",
        "Ask for them; until they come, gaps are estimated and said to be.",
    ),
    "intake.value.rounded": Words(
        "Values that were finer than what is kept and were rounded, as declared: {count}.",
        "Nothing to do.",
    ),
    "intake.file.unended": Words(
        "The file does not end with a line end, so its last value may have been cut.",
        "Compare the last row with the sender's.",
    ),
    "intake.channel.summed": Words(
        "{text} together are the channel; their values are added interval by interval.",
        "Nothing to do.",
    ),
    "intake.channel.net": Words(
        "The channel is net of both directions: above zero is import, below zero export.",
        "Nothing to do.",
    ),
    "intake.nem.rule": Words(
        "The format asks that {text}; records that do not keep to it: {count}.",
        "Nothing to do; the values are read as they are. Tell the sender.",
    ),
    "intake.mapped.opened": Words(
        "First readings of a dial, which only say where its series begins: {count}.",
        "Nothing to do; a delivery that brings the readings before them gives the energy.",
    ),
    "intake.mapped.reset": Words(
        "Times that a dial began anew, as the mapping allows: {count}.",
        "Nothing to do; what was counted between the last reading and zero is not known.",
    ),
    "intake.mapped.gaps": Words(
        "Rows that begin more than {text} s off the end of the row before: {count}.",
        "Ask for the missing rows; until they come, gaps are estimated and said to be.",
    ),
    "intake.mapped.lengths": Words(
        "Intervals whose length differs by more than {text} s from what is usual: {count}.",
        "Check the meter's clock; intervals are taken as they are.",
    ),
    "intake.convert.left": Words(
        "The format that is written has no place for {text}; left out: {count}.",
        "Convert to parquet, which keeps everything.",
    ),
    "intake.convert.as_is": Words(
        "Written all the same: {text}: {count}.",
        "Ask the receiver whether this is taken.",
    ),
    "intake.convert.header": Words(
        "No one file header is known: the file is dated {text} and names no participants.",
        "Fill in the sender and the receiver in its first line.",
    ),
    "intake.register.quantity": Words(
        "The sender's quantity {text} is not the difference of its two readings.",
        "Check multiplier, roll-over and estimate; the readings are what counts here.",
    ),
    "intake.dsmr.media": Words(
        "Values of other meters ({text}), kept as remarks: {count}. Only electricity is billed.",
        "Nothing to do.",
    ),
    "intake.dsmr.zone": Words(
        "The meter's clock is read in the declared zone {text}, not in Europe/Amsterdam.",
        "Nothing to do, if the meter stands there; else leave the zone out.",
    ),
    "intake.mscons.period": Words(
        "Energy of periods that are no interval, kept as remarks: {count}. No bill is made of it.",
        "Nothing to do; ask for a load profile or for register readings where bills need them.",
    ),
    "intake.mscons.segments": Words(
        "The file is one line: its segments are counted instead, from 1 (UNB).",
        "Nothing to do.",
    ),
    "intake.greenbutton.cost": Words(
        "Costs in the feed, kept as remarks; bills are calculated here: {count}.",
        "Nothing to do.",
    ),
    "intake.greenbutton.personal": Words(
        "Resources about people and contracts in the feed, which are not kept: {count}.",
        "Deliver what is needed of them as master data.",
    ),
    "intake.greenbutton.other": Words(
        "Resources in the feed that hold no readings and are not kept ({text}): {count}.",
        "Nothing to do.",
    ),
    "intake.greenbutton.zone": Words(
        "The feed's rules for the clock are not those of the declared zone, first at {text}; "
        "stretches concerned: {count}.",
        "Check the declared zone; the readings themselves are in UTC.",
    ),
    "intake.greenbutton.dst": Words(
        "The feed's rules for the clock cannot be read: {text}.",
        "Nothing to do; the readings themselves are in UTC.",
    ),
}
"""Codes that only say something (severity note)."""

REFUSED: dict[str, Words] = {
    "intake.file.empty": Words("The file is empty.", _RESEND),
    "intake.file.rows": Words("The file has no data, only its frame.", _RESEND),
    "intake.file.large": Words(
        "The file is larger than {expected} MiB.", "Deliver it in several smaller files."
    ),
    "intake.file.encoding": Words(
        "The file is not UTF-8 text{text}.",
        "Save it as UTF-8; in a spreadsheet choose 'CSV UTF-8'.",
    ),
    "intake.file.control": Words(
        "There is a control character (code {text}) in the text.",
        _RESEND,
    ),
    "intake.file.truncated": Words("The file ends in the middle: {text}.", _RESEND),
    "intake.file.count": Words(
        "The file's trailer announces {expected} rows{text}, {cells} are there.", _RESEND
    ),
    "intake.file.format": Words(
        "This is none of the formats that can be read here{text}.",
        "`gridtally formats` lists them; docs/formats.md has an example of each.",
    ),
    "intake.csv.quote": Words(
        "A quotation mark opens a cell that does not close on the same line.",
        "Close it, or leave quotation marks away; a cell never holds a line end.",
    ),
    "intake.csv.field": Words("A cell is longer than 128 KiB.", _RESEND),
    "intake.csv.row": Words(
        "A row is longer than 1 MiB.", "Ask the sender for a file with a line end after each row."
    ),
    "intake.csv.dialect": Words(
        "The file is not comma-separated with a decimal point: {text}.",
        "Separate cells with commas and write decimals with a point; nothing is reinterpreted.",
    ),
    "intake.csv.columns": Words(
        "The header does not fit: {text}.",
        "Use exactly the column names of docs/formats.md, each once.",
    ),
    "intake.mapped.columns": Words(
        "The file does not have the columns of the mapping: {text}.",
        "Correct the columns of the mapping, or ask for the file that it was written for.",
    ),
    "intake.mapped.fit": Words(
        "The file does not fit the mapping: {text}.",
        "Check delimiter, quote and skip under [file] in the mapping.",
    ),
    "intake.mapped.encoding": Words(
        "The file is not {text} text, as the mapping says.",
        "Correct file.encoding in the mapping, or ask for the file again.",
    ),
    "intake.mapped.count": Words(
        "The mapping says that each reading is there {expected} times, but there are {cells} rows.",
        "Ask for the whole file, or correct series.repeats in the mapping.",
    ),
    "intake.mapped.decrease": Words(
        "The dial goes back at {text}, and the mapping does not allow that then.",
        "Find out why: an exchange, a roll-over, a misread. series.reset can allow a daily reset.",
    ),
    "intake.mapped.unreadable": Words(
        "{text}",
        "Ask the sender for a corrected file; with file.unreadable such rows are set aside alone.",
    ),
    "intake.time.dialect": Words(
        "{text} leaves open which number is the day and which the month.",
        "Write dates as 2026-04-25.",
    ),
    "intake.time.zone": Words(
        "{text} is local time without an offset, and no zone is declared for this file.",
        "Declare the source's zone, for example --zone Europe/Lisbon, or send UTC.",
    ),
    "intake.nem.record": Words("{text}", "Ask the sender for a file that follows the MDFF rules."),
    "intake.dsmr.frame": Words("The telegrams are not whole: {text}.", _RESEND),
    "intake.dsmr.crc": Words(
        "The telegram's CRC is {text}, that of its text {expected}.",
        "The telegram was damaged on its way: take it out, or read the meter again.",
    ),
    "intake.edifact.frame": Words("The interchange is not whole: {text}.", _RESEND),
    "intake.edifact.charset": Words(
        "The text is not in the character set that UNB declares ({text}).", _RESEND
    ),
    "intake.table.broken": Words("The table cannot be read: {text}.", _RESEND),
    "intake.table.type": Words(
        "The column {text} is of type {expected}, which is not read there.",
        "Send text, whole numbers, decimals and timestamps. Numbers of type float or double are "
        "not exact: they are read only if a rounding is declared for this source.",
    ),
    "intake.table.large": Words(
        "The table holds more than {expected}.", "Deliver it in several smaller files."
    ),
    "intake.xml.unsafe": Words(
        "The XML has {text}, which is never read here.",
        "Ask the sender for plain XML without DTD, entities or deep nesting.",
    ),
    "intake.xml.broken": Words("The XML is broken: {text}.", _RESEND),
    "intake.archive.broken": Words("The archive cannot be unpacked: {text}.", _RESEND),
    "intake.archive.unsafe": Words(
        "The archive is refused: {text}.",
        "Send plain files in one archive, without folders above it, links, passwords or archives "
        "inside.",
    ),
    "intake.archive.large": Words(
        "The archive unpacks to more than {expected}.",
        "Deliver the files one by one.",
    ),
    "intake.archive.overlap": Words(
        "Two members of the archive both deliver {text}.",
        "Send one of them, or the correction as a delivery of its own.",
    ),
    "intake.master.columns": Words(
        "{text}.", "Use exactly the column names of docs/formats.md, each once."
    ),
}
"""Codes of `RefusedFile`."""


def refuse(code: str, *, file: str, line: int | None = None, **filling: object) -> RefusedFile:
    """The refusal of a whole file, in the words of its code. Raise what this returns."""
    words = REFUSED[code]
    blank: dict[str, object] = {"text": "", "expected": "", "cells": ""}
    return RefusedFile(
        words.message.format(**(blank | filling)),
        remedy=words.remedy,
        file=file,
        line=line,
        code=code,
    )
