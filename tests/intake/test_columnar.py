"""Parquet and Arrow files: the rows of the CSV formats, our own tables, and hostile files."""

import io
import struct
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from intake_cases import ANY_TIME, codes, counts, csv_long, csv_registers, decoded, nem12, slots

from gridtally.errors import RefusedFile
from gridtally.intake import archive
from gridtally.intake.decode import summary
from gridtally.intake.formats import columnar
from gridtally.money import Rounding
from gridtally.terms import RoundingMode

ROUNDED = {"round_finer": Rounding(3, RoundingMode.HALF_EVEN)}
UTC_S = pa.timestamp("s", "UTC")


def as_parquet(table, **how):
    file = io.BytesIO()
    pq.write_table(table, file, **how)
    return file.getvalue()


def as_arrow(table, *, stream=False, rows=5, **how):
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(**how)
    make = pa.ipc.new_stream if stream else pa.ipc.new_file
    with make(sink, table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=rows)
    return sink.getvalue().to_pybytes()


def as_large_arrow(table, **how):
    return as_arrow(table, rows=1 << 20, **how)


def as_stream(table):
    return as_arrow(table, stream=True)


WRITERS = pytest.mark.parametrize("write", [as_parquet, as_arrow, as_stream])


def table_of(text):
    """The rows of a CSV as a table of texts."""
    header, *rows = (line.split(",") for line in text.splitlines())
    return pa.table({name: [row[at] for row in rows] for at, name in enumerate(header)})


def hours(count=4, **columns):
    """Readings of some hours; columns may be replaced, or left out with None."""
    start = datetime(2026, 1, 5, tzinfo=UTC).timestamp()
    usual = {
        "metering_point": ["P"] * count,
        "channel": ["import"] * count,
        "start": pa.array([int(start) + 3600 * n for n in range(count)], UTC_S),
        "value": list(range(count)),
        "unit": ["kWh"] * count,
    }
    return pa.table({name: v for name, v in (usual | columns).items() if v is not None})


def refusal(data, **how):
    with pytest.raises(RefusedFile) as caught:
        decoded(data, **how)
    assert caught.value.remedy
    return caught.value


def answers(found):
    """Code, line and message of what was set aside."""
    rows = [row for row in found.findings.to_pylist() if row["severity"] == "warn"]
    return [(row["code"], row["line"], row["message"]) for row in rows]


class TestRows:
    """Tables by row are judged as CSV is."""

    @WRITERS
    @pytest.mark.parametrize("kind", [csv_long, csv_registers])
    @pytest.mark.parametrize(
        "bad",
        [{}, {"value": "x"}, {"value": "-1"}, {"value": "1e3"}, {"unit": "therm"}, {"value": ""},
         {"channel": "net"}, {"unit": "kvarh"}, {"value": "0.0000001"}, {"value": "1" * 19}],
    )  # fmt: skip
    def test_same_as_csv(self, write, kind, bad):
        """The same rows give the same readings and the same findings, counted without a header."""
        text = kind(**bad)
        one, two = decoded(text), decoded(write(table_of(text)))

        assert counts(two) == counts(one)
        assert slots(two) == slots(one)
        assert answers(two) == [(code, line - 1, said) for code, line, said in answers(one)]
        lines = [np.array(found.registers["line"]) for found in (one, two)]
        assert (lines[0] - 1 == lines[1]).all()
        assert two.aside["line"].to_pylist() == [n - 1 for n in one.aside["line"].to_pylist()]

    @WRITERS
    @pytest.mark.parametrize(
        "value",
        [
            pa.array([0, 1, 2, 3], pa.int8()),
            pa.array([0, 1, 2, 3], pa.uint64()),
            pa.array(["0", "1.000", "2", "3"]),
            pa.array(["0", "1", "2", "3"]).dictionary_encode(),
            pa.array(["0", "1", "2", "3"], pa.large_string()),
            pa.array([Decimal(n) for n in range(4)], pa.decimal128(5, 2)),
            pa.array([Decimal(n) for n in range(4)], pa.decimal128(38, 18)),
            pa.array([Decimal(n) for n in range(4)], pa.decimal256(70, 30)),
        ],
    )
    def test_numbers(self, write, value):
        """Whole numbers, decimals of any scale and text say the same."""
        found = decoded(write(hours(value=value)))

        assert counts(found) == (4, 0, 0)
        assert [slot[2] for slot in slots(found)] == [0, 10**6, 2 * 10**6, 3 * 10**6]

    def test_exact_decimals(self):
        """A decimal is read digit by digit, also a small or a negative one."""
        value = [Decimal(text) for text in ("0.00000100", "0.00000010", "-0.5", "99.12345600")]
        found = decoded(as_parquet(hours(value=pa.array(value, pa.decimal128(20, 8)))))

        assert [slot[2] for slot in slots(found)] == [1, 99_123_456]
        assert codes(found) == ["intake.value.finer", "intake.value.negative"]

    @pytest.mark.parametrize("kind", [pa.float64(), pa.float32(), pa.float16()])
    def test_binary_fractions(self, kind):
        """Columns of binary fractions refuse the file, unless a rounding is declared."""
        value = pa.array(
            np.array([0.5, 1.25, 1e-7, np.nan], np.float32).astype(kind.to_pandas_dtype())
        )
        data = (
            as_parquet(hours(value=value)) if kind != pa.float16() else as_arrow(hours(value=value))
        )
        error = refusal(data)
        found = decoded(data, **ROUNDED)

        assert error.code == "intake.table.type"
        assert str(kind) in error.message
        assert [slot[2] for slot in slots(found)] == [500_000, 1_250_000, 0]
        assert codes(found) == ["intake.value.number"]
        assert codes(found, "note")[-1] in ("intake.value.rounded", "intake.interval.gap")

    def test_fractions_elsewhere(self):
        """No rounding makes a length out of a binary fraction."""
        table = hours(resolution_min=pa.array([60.0] * 4))
        assert refusal(as_parquet(table), **ROUNDED).code == "intake.table.type"

    @pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
    @pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", None])
    def test_timestamps(self, unit, zone):
        """An instant is one whatever zone it is shown in; without a zone it is local time."""
        start = hours()["start"].combine_chunks().cast(pa.int64()).cast(pa.timestamp("s"))
        start = start.cast(pa.timestamp(unit)).cast(pa.int64()).cast(pa.timestamp(unit, zone))
        found = decoded(as_parquet(hours(start=start), version="2.6"), zone="Europe/Berlin")
        first = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp())

        assert counts(found) == (4, 0, 0)
        assert slots(found)[0][0] == (first if zone else first - 3600)

    def test_odd_timestamps(self):
        """Parts of a second, and times that no calendar has, are set aside."""
        usual = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp()) * 1000
        start = [usual, usual + 3_600_500, -(2**62), 2**62]
        table = hours(start=pa.array(start, pa.timestamp("ms", "UTC")), resolution_min=[60] * 4)
        found = decoded(as_arrow(table))

        assert counts(found) == (1, 0, 3)
        assert codes(found) == ["intake.time.future", "intake.time.past", "intake.time.pattern"]

    def test_nulls(self):
        """A null is an empty cell: allowed where that may be empty, else set aside."""
        found = decoded(as_parquet(hours(value=[1, None, 2, None], quality=["A", "N", None, None])))

        assert counts(found) == (3, 0, 1)
        assert codes(found) == ["intake.value.number"]
        assert answers(found)[0][1] == 4

    @WRITERS
    def test_names(self, write):
        """Names may hold commas and quotation marks, and columns come in any order."""
        table = hours(metering_point=['a,"b"'] * 4)
        found = decoded(write(table.select(table.column_names[::-1])))

        assert found.blocks["metering_point"].to_pylist() == ['a,"b"']

    def test_many_rows(self):
        """Rows beyond one batch and one row group have their numbers."""
        count = columnar._ROWS + 10
        value = np.ones(count, np.int64)
        value[-1] = -1
        start = pa.array(np.arange(count) * 900 + 1_200_000_000 - 1_200_000_000 % 900, UTC_S)
        table = hours(count, value=value, start=start)
        found = decoded(as_parquet(table, row_group_size=5000))

        assert counts(found) == (count - 1, 0, 1)
        assert answers(found)[0][1] == count


class TestOurTables:
    """BLOCKS and REGISTER_READINGS as a workspace stores them."""

    @WRITERS
    def test_blocks(self, write):
        """Blocks that were decoded are the same when they are read back."""
        first = decoded(nem12())
        again = decoded(write(first.blocks))

        assert counts(again) == (3, 0, 0)
        drop = ["load_seq", "source", "line"]
        assert (
            again.blocks.drop(drop)
            .sort_by("start_utc")
            .equals(first.blocks.drop(drop).sort_by("start_utc"))
        )

    @WRITERS
    def test_registers(self, write):
        """So are register readings."""
        first = decoded(csv_registers(value="2.25"))
        again = decoded(write(first.registers))

        assert counts(again) == (3, 0, 0)
        drop = ["load_seq", "source", "line"]
        assert again.registers.drop(drop).equals(first.registers.drop(drop))

    def blocks(self, **columns):
        start = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp())
        usual = {
            "metering_point": ["P", "P", "P"],
            "channel": ["import"] * 3,
            "start_utc": pa.array([start + 86_400 * n for n in range(3)], UTC_S),
            "resolution_s": pa.array([3600] * 3, pa.int32()),
            "values": pa.array([[1, 2], [3], [4, None]], pa.list_(pa.int64())),
            "quality": ["A", "E", "AA"],
        }
        return pa.table({name: v for name, v in (usual | columns).items() if v is not None})

    def test_qualities(self):
        """One letter for all, one for each, or none; a null is no value."""
        found = decoded(as_parquet(self.blocks(quality=["A", None, "SA"])))

        assert counts(found) == (3, 0, 0)
        assert [slot[2:4] for slot in slots(found)] == [
            (1, "A"), (2, "A"), (3, "A"), (4, "S"), (None, "N"),
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("columns", "code"),
        [
            ({"metering_point": ["P", " Q", "P"]}, "intake.point.name"),
            ({"metering_point": ["P", None, "P"]}, "intake.point.name"),
            ({"channel": ["import", "net", "import"]}, "intake.channel.unknown"),
            ({"resolution_s": [3600, 7, 3600]}, "intake.interval.length"),
            ({"resolution_s": [3600, -(2**60), 3600]}, "intake.interval.length"),
            ({"values": [[1, 2], [], [4, 5]]}, "intake.interval.length"),
            ({"values": [[1, 2], None, [4, 5]]}, "intake.interval.length"),
            ({"values": [[1, 2], [-3], [4, 5]]}, "intake.value.negative"),
            ({"values": [[1, 2], [2**62], [4, 5]]}, "intake.value.large"),
            ({"quality": ["A", "X", "A"]}, "intake.quality.unknown"),
            ({"quality": ["A", "AAA", "A"]}, "intake.quality.unknown"),
            ({"version": [0, -1, 0]}, "intake.version.number"),
            ({"version": pa.array([0, 2**63, 0], pa.uint64())}, "intake.version.number"),
            ({"start_utc": pa.array([0, 1, 2], UTC_S)}, "intake.time.past"),
            ({"start_utc": pa.array([2**40] * 3, UTC_S)}, "intake.time.future"),
        ],
    )
    def test_bad_blocks(self, columns, code):
        """A block with something wrong is set aside whole."""
        found = decoded(as_arrow(self.blocks(**columns)))

        assert found.quarantined in (1, 3)
        assert set(codes(found)) == {code}

    def test_duplicates(self):
        """The same block again is a duplicate; with another value, both are set aside."""
        start = pa.array([1_767_571_200] * 3, UTC_S)
        same = self.blocks(start_utc=start, values=[[1], [1], [1]], quality=["A"] * 3)
        other = self.blocks(start_utc=start, values=[[1], [1], [2]], quality=["A"] * 3)

        assert counts(decoded(as_parquet(same))) == (1, 2, 0)
        assert codes(decoded(as_parquet(other))) == ["intake.interval.conflict"] * 3

    @pytest.mark.parametrize(
        ("columns", "code"),
        [
            ({"resolution_s": None}, "intake.csv.columns"),
            ({"more": [1, 2, 3]}, "intake.csv.columns"),
            ({"values": [[0.5], [1.0], [2.0]]}, "intake.table.type"),
            ({"values": ["1", "2", "3"]}, "intake.table.type"),
            ({"start_utc": ["a", "b", "c"]}, "intake.table.type"),
            ({"version": [0.5, 1.0, 2.0]}, "intake.table.type"),
        ],
    )
    def test_other_columns(self, columns, code):
        """A table that is not quite ours is refused, never half read."""
        assert refusal(as_parquet(self.blocks(**columns))).code == code


class TestFiles:
    """M01, M02, M59, M62: files that are damaged, packed beyond measure, or something else."""

    @WRITERS
    def test_no_rows(self, write):
        """A table without rows has no data."""
        assert refusal(write(hours(0, value=pa.array([], pa.int64())))).code == "intake.file.rows"

    @WRITERS
    def test_cut(self, write):
        """A file that lost its end is refused."""
        data = write(hours())
        for end in (len(data) - 1, len(data) - 9, len(data) // 2, 12, 8):
            assert refusal(data[:end]).code in (
                "intake.file.truncated", "intake.file.control", "intake.table.broken",
            )  # fmt: skip

    @pytest.mark.parametrize(
        "columns",
        [
            {"kwh": [1] * 4},
            {"value": None},
            {"channel": None, "Channel": ["import"] * 4},
            {"a,b": [1] * 4},
        ],
    )
    def test_columns(self, columns):
        """Unknown and missing columns refuse the file, as in CSV."""
        assert refusal(as_parquet(hours(**columns))).code == "intake.csv.columns"

    def test_nested(self):
        """Lists, structs, maps and bytes are no cells."""
        for column in ([[1]] * 4, [{"a": 1}] * 4, [b"x"] * 4, [True] * 4):
            error = refusal(as_parquet(hours(unit=column)))
            assert error.code == "intake.table.type"

    def test_many_columns(self):
        """More columns than any table has refuse the file before they are read."""
        table = pa.table({f"c{n}": [1] for n in range(200)})
        assert refusal(as_parquet(table)).code == "intake.csv.columns"

    def test_control_characters(self):
        """A line end inside a cell refuses the file, with the row."""
        error = refusal(as_parquet(hours(metering_point=["P", "P", "P\nQ", "P"])))
        assert (error.code, error.line) == ("intake.file.control", 3)

    def test_long_cells(self):
        """A cell of more than 128 KiB refuses the file."""
        data = as_parquet(hours(metering_point=["P" * 140_000] * 4))
        assert refusal(data).code == "intake.csv.field"

    @pytest.mark.parametrize("write", [as_parquet, as_large_arrow])
    def test_bombs(self, write, monkeypatch):
        """What unpacks to far more than it is packed is refused before it is all unpacked."""
        monkeypatch.setattr(columnar, "_FREE", 1 << 16)
        monkeypatch.setattr(archive, "RATIO_MAX", 2)
        how = {"compression": "zstd"}
        table = hours(100_000, value=pa.array(np.zeros(100_000, np.int64)), start=["x"] * 100_000)
        data = write(table, **how)

        assert refusal(data).code == "intake.table.large"

    def test_large(self, monkeypatch):
        """No more comes out than from any other archive."""
        monkeypatch.setattr(archive, "UNPACKED_MAX", 1000)
        assert refusal(as_arrow(hours(100))).code in ("intake.table.large", "intake.file.large")

    def test_stated_sizes(self):
        """A compressed buffer that states a size of terabytes is refused, and nothing is taken."""
        table = hours(1000, value=pa.array(np.arange(1000)))
        data = as_arrow(table, stream=True, compression="zstd")
        frame = data.index(b"\x28\xb5\x2f\xfd")
        assert struct.unpack_from("<q", data, frame - 8)[0] < 10_000
        forged = data[: frame - 8] + struct.pack("<q", 1 << 42) + data[frame:]

        assert refusal(forged).code == "intake.table.large"

    @pytest.mark.parametrize(
        "data",
        [
            b"PAR1" + bytes(50) + b"PAR1",
            b"PAR1" + b"\xff" * 8 + b"PAR1",
            b"PAR1" + bytes(8) + b"\x04\0\0\0PAR1",
            b"PARE" + bytes(50) + b"PARE",
            b"PAR1",
            b"ARROW1\0\0" + bytes(50) + b"ARROW1",
            b"ARROW1",
            b"\xff\xff\xff\xff" + bytes(50) + b"\xff\xff\xff\xff\0\0\0\0",
            b"\xff\xff\xff\xff\0\0\0\0\xff\xff\xff\xff\0\0\0\0",
            b"\xff\xff\xff\xff\xff\xff\xff\x7f\xff\xff\xff\xff\0\0\0\0",
        ],
    )
    def test_no_tables(self, data):
        """Marks without a table between them are refused in words."""
        assert refusal(data).code.startswith(("intake.table", "intake.file"))

    def test_invalid_text(self):
        """Bytes that are no UTF-8 are no text, whatever the column's type says."""
        raw = pa.array([b"P\xff"] * 4, pa.binary()).view(pa.string())
        for write in (as_parquet, as_arrow):
            assert refusal(write(hours(metering_point=raw))).code == "intake.table.broken"


BLOCKS = TestOurTables().blocks()
GOOD = [
    as_parquet(hours(50)),
    as_arrow(hours(50)),
    as_arrow(hours(50), stream=True, compression="lz4"),
    as_parquet(BLOCKS, compression="zstd"),
    as_arrow(BLOCKS),
]


@ANY_TIME
@given(st.sampled_from(GOOD), st.data())
def test_damage_never_crashes(good, data):
    """A file with bytes changed, cut or doubled is decoded or refused in words."""
    raw = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        kind = data.draw(st.sampled_from(["set", "set", "cut", "double"]))
        if kind == "set":
            raw[at] = data.draw(st.integers(0, 255))
        elif kind == "cut":
            del raw[at : at + data.draw(st.integers(1, 40))]
        else:
            raw[at:at] = raw[at : at + data.draw(st.integers(1, 80))]
    refused = None
    try:
        found = decoded(bytes(raw))
        counts(found)
        summary(found)
        assert found.aside.num_rows == found.quarantined
    except RefusedFile as error:
        refused = error
    assert refused is None or (refused.message and refused.remedy)
