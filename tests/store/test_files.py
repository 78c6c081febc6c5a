"""Files of the store: their bytes become tables, and nothing outlives the call."""

import os
import subprocess
import sys

import pyarrow as pa
import pytest

from gridtally.store.files import table_bytes, table_of

TABLE = pa.table({"a": [1, 2, 3], "s": ["x", "y", "x"], "b": [4, 5, 6]})

THREADS = """
import os

import pyarrow as pa

from gridtally.store.files import table_bytes, table_of

data = bytes(table_bytes(pa.table({"a": [1, 2, 3], "s": ["x", "y", "x"]})))
before = os.listdir("/proc/self/task")
table_of(data, columns=["s"], texts=["s"])
print(len(os.listdir("/proc/self/task")) - len(before))
"""


def test_bytes_are_the_table_again():
    """All columns, or those that are asked for, in the order in which they are."""
    data = bytes(table_bytes(TABLE))
    assert table_of(data).equals(TABLE)
    some = table_of(data, columns=["b", "s"], texts=["s"])
    assert some.column_names == ["b", "s"]
    assert some["s"].type == pa.dictionary(pa.int32(), pa.string())
    assert some["s"].to_pylist() == ["x", "y", "x"]


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="counts the threads of Linux")
def test_reading_bytes_starts_no_thread():
    """A worker that lets go of the bytes while Python shuts down would have the command killed."""
    done = subprocess.run(
        [sys.executable, "-c", THREADS], capture_output=True, text=True, check=True
    )
    assert done.stdout == "0\n"
