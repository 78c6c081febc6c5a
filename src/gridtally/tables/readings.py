"""Steps 1-2: readings, and what was said of them."""

from __future__ import annotations

import pyarrow as pa

from gridtally.tables.kinds import I8, I32, I64, STR, UTC, WORD, schema

__all__ = [
    "ASIDE",
    "BLOCKS",
    "REGISTER_READINGS",
    "REMARKS",
]

BLOCKS = schema(
    "Interval readings: a block holds a run of equal intervals of one channel, a day or less.",
    ("metering_point", STR, "where the energy was measured"),
    ("channel", STR, "import, export, reactive_import, reactive_export"),
    ("start_utc", UTC, "start of the first interval"),
    ("resolution_s", I32, "length of each interval [s]"),
    ("values", pa.list_(I64), "energy per interval [10^-6 kWh or kvarh]; null: not here"),
    ("quality", STR, "one letter for all values, or one letter per value: A S E N"),
    ("version", I64, "declared version of the sender, 0 when none (UTC seconds of its mark)"),
    ("load_seq", I64, "order of arrival; 0 until stored"),
    ("source", STR, "SHA-256 of the file it came from"),
    ("line", I64, "line of that file where the block begins"),
)

REGISTER_READINGS = schema(
    "Register readings: what a dial showed at an instant.",
    ("metering_point", STR, "where the meter is"),
    ("meter", STR, "serial number on the meter"),
    ("register", STR, "name of the dial on the meter, such as 1.8.0 or total"),
    ("channel", STR, "import, export, reactive_import, reactive_export; empty: see REGISTERS"),
    ("bucket", STR, "time-of-use bucket of the dial, total for all; empty: see REGISTERS"),
    ("kind", STR, "cumulative or demand; empty: see REGISTERS"),
    ("time_utc", UTC, "instant of the reading"),
    ("reading", I64, "dial reading before multiplier [10^-6 kWh, kvarh or kW]"),
    ("digits", I8, "digits before the mark that the dial has; null: see REGISTERS"),
    ("multiplier", I64, "CT x PT x constant [10^-6]; null: see REGISTERS"),
    ("quality", STR, "A S E N"),
    ("reason", STR, "routine, initial, exchange_out, exchange_in, move, check"),
    ("version", I64, "declared version of the sender, 0 when none"),
    ("load_seq", I64, "order of arrival; 0 until stored"),
    ("source", STR, "SHA-256 of the file it came from"),
    ("line", I64, "line of that file"),
)


REMARKS = schema(
    "Remarks: what a sender said beside the values, kept so that nothing is lost in decoding.",
    ("metering_point", STR, "whom it is about"),
    ("channel", STR, "import, export, reactive_import, reactive_export; empty: all of the point"),
    ("start_utc", UTC, "first instant concerned"),
    ("end_utc", UTC, "first instant after; the same as the first for a single instant"),
    ("key", STR, "what is said, as format.subject, such as nem12.method or event.tamper"),
    ("value", STR, "as the sender wrote it"),
    ("version", I64, "declared version of the sender, 0 when none"),
    ("load_seq", I64, "order of arrival; 0 until stored"),
    ("source", STR, "SHA-256 of the file it came from"),
    ("line", I64, "line of that file"),
)

ASIDE = schema(
    "Rows set aside: what decode quarantined, row by row; their text stays in the file.",
    ("file", WORD, "file, or file!member of an archive"),
    ("code", WORD, "why, as in FINDINGS"),
    ("line", I64, "line of that file; 0 when it has none"),
    ("metering_point", WORD, "empty when the row does not say"),
    ("channel", WORD, "empty when the row does not say"),
)
