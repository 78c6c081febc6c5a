"""Step 2: daily frozen register readings: metering_point,meter,frozen_on,import_total,….

A row holds what all dials of a meter showed at the end of a local day, as Chinese meters freeze
them. The format is a mapping that is shipped: `intake/mappings/csv-frozen.toml`.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from gridtally.intake.formats.common import Delivery, Read
from gridtally.intake.formats.csv_mapped import read_mapped
from gridtally.intake.formats.sheet import header_names
from gridtally.intake.mapping import Mapping, load

__all__ = ["SENTENCE", "read", "sniff"]

Bytes = npt.NDArray[np.uint8]

SENTENCE = "CSV with a row per meter and day: all its dials, frozen at the end of the local day."


def sniff(head: bytes) -> bool:
    """Whether the first line names the day of freezing."""
    return "frozen_on" in header_names(head)


def read(data: Bytes, delivery: Delivery) -> Read:
    """The file's register readings. Raises `RefusedFile`."""
    return read_mapped(data, delivery, _mapping())


@cache
def _mapping() -> Mapping:
    name = "csv-frozen.toml"
    return load((files("gridtally.intake") / "mappings" / name).read_bytes(), name=name)
