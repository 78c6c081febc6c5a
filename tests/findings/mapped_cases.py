"""The smallest input for each finding and refusal of a mapped file, with its message."""

PLAIN = {
    "columns": 'metering_point = { constant = "P" }\nstart = "t"',
    "time": 'pattern = "YYYY-MM-DD hh:mm"\nzone = "UTC"',
    "interval": "length = 900",
}
SPAN = {"columns": 'metering_point = { constant = "P" }\nstart = "s"\nend = "e"', "interval": ""}
ENDS = {"columns": 'metering_point = { constant = "P" }\nend = "t"', "interval": ""}
ORDER = 'order = "increasing"'
DIAL = f'{ORDER}\nvalues = "cumulative"'


def how(**tables):
    """The arguments of `decode` for a small mapping with some tables replaced."""
    text = 'gridtally_mapping = 1\nname = "x"\nkind = "intervals"\n'
    text += "\n".join(f"[{name}]\n{keys}" for name, keys in (PLAIN | tables).items())
    text += '\n[[value]]\ncolumn = "v"\nchannel = "import"\nunit = "kWh"\n'
    return {"mapping": text.encode()}


def days(*rows):
    """Rows with start and end: (first day, last day, value) of January."""
    stamps = (f"2026-01-{a:02d} 00:00,2026-01-{b:02d} 00:00,{value}" for a, b, value in rows)
    return "\n".join(["s,e,v", *stamps, ""])


FINDINGS = {
    "intake.mapped.pattern": (
        "t,v\n2026-13-01 00:00,1\n",
        how(),
        "'2026-13-01 00:00' is not a date or time written as YYYY-MM-DD hh:mm, as the mapping "
        "says.",
    ),
    "intake.mapped.repeats": (
        "t,v\n2026-01-01 00:00,1\n2026-01-01 00:00,2\n",
        how(series="repeats = 2"),
        "The mapping says that each reading is there 2 times; these rows do not agree.",
    ),
    "intake.mapped.order": (
        days((1, 2, 1), (1, 3, 2)),
        how(**SPAN, series=DIAL),
        "The row that ends at 2026-01-03T00:00:00Z does not come after the row before it.",
    ),
    "intake.mapped.first": (
        "t,v\n2026-01-01 00:00,1\n",
        how(**ENDS, series=ORDER),
        "When the interval that ends at 2026-01-01T00:00:00Z began is not known: no row before it "
        "says so.",
    ),
    "intake.mapped.gap": (
        days((1, 2, 1), (3, 4, 2)),
        how(**SPAN, series=DIAL),
        "Before the row that ends at 2026-01-04T00:00:00Z time is missing, so its step is not of "
        "one interval.",
    ),
    "intake.mapped.length": (
        days((1, 1, 1)),
        how(**SPAN),
        "The interval that ends at 2026-01-01T00:00:00Z has 0 seconds, which the mapping does not "
        "allow.",
    ),
    "intake.mapped.opened": (
        days((1, 2, 1)),
        how(**SPAN, series=DIAL),
        "First readings of a dial, which only say where its series begins: 1.",
    ),
    "intake.mapped.reset": (
        days((1, 2, 5), (2, 3, 1)),
        how(**SPAN, series=f'{DIAL}\nreset = ["23:45", "00:15"]'),
        "Times that a dial began anew, as the mapping allows: 1.",
    ),
    "intake.mapped.gaps": (
        days((1, 2, 1), (3, 4, 2)),
        how(**SPAN, series=ORDER),
        "Rows that begin more than 0 s off the end of the row before: 1.",
    ),
    "intake.mapped.lengths": (
        days((1, 2, 1), (2, 4, 2)),
        how(**SPAN),
        "Intervals whose length differs by more than 0 s from what is usual: 1.",
    ),
}

REFUSALS = {
    "intake.mapped.columns": (
        "tt,v\n2026-01-01 00:00,1\n",
        how(),
        "The file does not have the columns of the mapping: there is no column 't' (the nearest is "
        "'tt').",
    ),
    "intake.mapped.fit": (
        "t,v\n2026-01-01 00:00,1,5\n",
        how(),
        "The file does not fit the mapping: each row has 3 cells, its header 2.",
    ),
    "intake.mapped.encoding": (
        b"t,v\n\xff,1\n",
        how(file='encoding = "gb18030"'),
        "The file is not gb18030 text, as the mapping says.",
    ),
    "intake.mapped.count": (
        "t,v\n2026-01-01 00:00,1\n",
        how(series="repeats = 2"),
        "The mapping says that each reading is there 2 times, but there are 1 rows.",
    ),
    "intake.mapped.decrease": (
        days((1, 2, 5), (2, 3, 1)),
        how(**SPAN, series=DIAL),
        "The dial goes back at 2026-01-03T00:00:00Z, and the mapping does not allow that then.",
    ),
    "intake.mapped.unreadable": (
        "t,v\n2026-01-01 00:00,x\n",
        how(file='unreadable = "refuse"'),
        "'x' is not a plain decimal number of at most 18 digits.",
    ),
}
