"""Step 2: Parquet files: readings by row, register readings, or our own blocks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gridtally.intake.formats.columnar import ENCRYPTED, PARQUET, parquet_batches
from gridtally.intake.formats.columnar_rows import read_table
from gridtally.intake.formats.common import Delivery, Read

__all__ = ["SENTENCE", "read", "sniff"]

SENTENCE = "Parquet: the columns of csv-long, of csv-registers, or of our own tables."


def sniff(head: bytes) -> bool:
    """Whether the file begins as Parquet, also an encrypted one."""
    return head[:4] in (PARQUET, ENCRYPTED)


def read(data: npt.NDArray[np.uint8], delivery: Delivery) -> Read:
    """The table's readings. Raises `RefusedFile`."""
    return read_table(parquet_batches(data, delivery.file), delivery)
