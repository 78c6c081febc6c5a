"""Tables that were stored are read with the columns of today."""

import pyarrow as pa

from gridtally.tables import CARRY, fitted


def test_a_column_that_was_not_there_is_null():
    """Columns in another order, one missing, one more, a wider number: the schema of today."""
    stored = pa.table({"value": pa.array([7], pa.int32()), "key": ["tier/e"], "old": [1]})
    made = fitted(stored, CARRY)
    assert made.schema.equals(CARRY)
    assert made.to_pylist() == [
        {"agreement": None, "segment": None, "key": "tier/e", "at": None, "value": 7}
    ]
