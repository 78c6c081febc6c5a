"""Step 2: the formats that `decode` knows, one file each: an open set.

A format is a name, a sentence, a test of a file's first bytes, and a reader.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gridtally.intake.formats import (
    arrow,
    csv_events,
    csv_frozen,
    csv_long,
    csv_mapped,
    csv_registers,
    csv_wide,
    dsmr,
    green_button,
    mscons,
    nem12,
    nem13,
    parquet,
)
from gridtally.intake.formats.common import Delivery, Read

__all__ = ["FORMATS", "Format", "sniff"]

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Format:
    """One format: `sentence` for people, `sniff` for its first bytes, `read` for all of them.

    A `binary` format is given its bytes as they are, the others UTF-8 text that was checked.
    """

    name: str
    sentence: str
    sniff: Callable[[bytes], bool]
    read: Callable[[Bytes, Delivery], Read]
    binary: bool = False


FORMATS: Mapping[str, Format] = {
    format_.name: format_
    for format_ in (
        Format("nem12", nem12.SENTENCE, nem12.sniff, nem12.read),
        Format("nem13", nem13.SENTENCE, nem13.sniff, nem13.read),
        Format("dsmr", dsmr.SENTENCE, dsmr.sniff, dsmr.read),
        Format("mscons", mscons.SENTENCE, mscons.sniff, mscons.read, binary=True),
        Format("parquet", parquet.SENTENCE, parquet.sniff, parquet.read, binary=True),
        Format("arrow", arrow.SENTENCE, arrow.sniff, arrow.read, binary=True),
        Format("green-button", green_button.SENTENCE, green_button.sniff, green_button.read),
        Format("csv-frozen", csv_frozen.SENTENCE, csv_frozen.sniff, csv_frozen.read, binary=True),
        Format("csv-events", csv_events.SENTENCE, csv_events.sniff, csv_events.read),
        Format("csv-registers", csv_registers.SENTENCE, csv_registers.sniff, csv_registers.read),
        Format("csv-wide", csv_wide.SENTENCE, csv_wide.sniff, csv_wide.read),
        Format("csv-long", csv_long.SENTENCE, csv_long.sniff, csv_long.read),
        Format("csv-mapped", csv_mapped.SENTENCE, csv_mapped.sniff, csv_mapped.read, binary=True),
    )
}
"""Every format by name, in the order in which they are tried."""


def sniff(head: bytes) -> Format | None:
    """The format whose test a file's first bytes pass; None when there is none."""
    return next((format_ for format_ in FORMATS.values() if format_.sniff(head)), None)
