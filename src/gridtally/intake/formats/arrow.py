"""Step 2: Arrow IPC files and streams: readings by row, register readings, or our own blocks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gridtally.intake.formats.columnar import ARROW, CONTINUATION, arrow_batches
from gridtally.intake.formats.columnar_rows import read_table
from gridtally.intake.formats.common import Delivery, Read

__all__ = ["SENTENCE", "read", "sniff"]

SENTENCE = "Arrow IPC, file or stream: the columns of csv-long, csv-registers or our own tables."


def sniff(head: bytes) -> bool:
    """Whether the file begins with Arrow's mark, or with a message of a stream."""
    return head[:6] == ARROW or head[:4] == CONTINUATION


def read(data: npt.NDArray[np.uint8], delivery: Delivery) -> Read:
    """The table's readings. Raises `RefusedFile`."""
    return read_table(arrow_batches(data, delivery.file), delivery)
