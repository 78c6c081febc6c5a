"""Reading a part of a stored file: bounds are seconds, though Parquet keeps milliseconds."""

import pyarrow as pa
from synthetic import AS_OF, blocks, decoder

from gridtally.intake.receive import receive
from gridtally.store import snapshot

DAY = 20_000


def test_a_day_of_a_month_is_read(ws, tmp_path):
    """One day of a file that holds several gives that day, and nothing else."""
    month = pa.concat_tables([blocks(["MP-1"], day=DAY + n, value=n) for n in range(3)])
    path = tmp_path / "month.csv"
    path.write_bytes(b"any")
    receive(
        ws, path, name="month.csv", sender="", as_of=AS_OF, actor="paula", decode=decoder(month)
    )
    start = (DAY + 1) * 86_400
    found = snapshot.read_blocks(snapshot.snapshot(ws), start_utc=start, end_utc=start + 86_400)
    assert found["values"].to_pylist() == [[1] * 96]
