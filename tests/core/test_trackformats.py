"""The forms in which the entries of a track are read."""

import io
import json
import math
import subprocess
import sys
from typing import Any, cast

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from tracker_core.entries import TrackEntry
from tracker_core.errors import InvalidValueError
from tracker_core.trackformats import formatted
from tracker_core.values import Value, from_json, to_json

ENTRIES = [
    TrackEntry(1.0, {"x": 1, "y": "a"}),
    TrackEntry(2.5, {"x": 2, "z.q": [1.0, 2.0]}),
]
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(max_size=3)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=2), inner, max_size=2)
    ),
    max_leaves=6,
)


def table(entries: list[TrackEntry], *columns: str) -> pa.Table:
    """Give the table that is read as Parquet."""
    data = formatted("parquet", "t", entries, columns or None)
    return parquet.read_table(io.BytesIO(cast("bytes", data)))


def column(*values: Value) -> pa.ChunkedArray:
    """Give the column of a field that has these values."""
    return table([TrackEntry(float(n), {"x": v}) for n, v in enumerate(values)])["x"]


def test_json_is_a_list_of_entries() -> None:
    """With their number."""
    assert formatted("json", "t", ENTRIES) == {
        "entries": [
            {"timestamp": 1.0, "x": 1, "y": "a"},
            {"timestamp": 2.5, "x": 2, "z.q": [1.0, 2.0]},
        ],
        "count": 2,
    }


def test_jsonl_is_one_entry_a_line() -> None:
    """Bytes in UTF-8, without a newline at the end."""
    entries = [*ENTRIES, TrackEntry(3.0, {"ä": "1\n2"})]

    data = cast("bytes", formatted("jsonl", "t", entries))

    assert not data.endswith(b"\n")
    assert [json.loads(line) for line in data.split(b"\n")] == [
        {"timestamp": entry.timestamp, **entry.fields} for entry in entries
    ]


@pytest.mark.parametrize(
    ("form", "nothing"), [("json", {"entries": [], "count": 0}), ("jsonl", b"")]
)
def test_no_entries_are_nothing(form: str, nothing: object) -> None:
    """As a list and as lines."""
    assert formatted(form, "t", []) == nothing


@pytest.mark.parametrize("form", ["", "JSON", "csv", "mcap"])
def test_unknown_form_is_refused(form: str) -> None:
    """The message names those that there are."""
    with pytest.raises(InvalidValueError, match=f"format is '{form}'; use json, jsonl"):
        formatted(form, "t", ENTRIES)


@given(st.lists(st.dictionaries(st.text(min_size=1, max_size=3), VALUES, max_size=3)))
def test_lines_read_back(rows: list[dict[str, Value]]) -> None:
    """Each is valid JSON, and gives every value as it was."""
    entries = [TrackEntry(float(number), row) for number, row in enumerate(rows)]
    expected = [{"timestamp": entry.timestamp, **entry.fields} for entry in entries]

    data = cast("bytes", formatted("jsonl", "t", entries))
    found = [from_json(line) for line in data.split(b"\n") if line]

    assert found == expected


def test_mocap_has_channels_and_frames() -> None:
    """The shape that the field knows, with the topic in the metadata."""
    assert formatted("mocap", "robot/pose", ENTRIES) == {
        "version": "1.0",
        "metadata": {
            "topic": "robot/pose",
            "description": None,
            "tags": [],
            "fps": 30,
            "duration": 1.5,
            "frameCount": 2,
            "startTime": 1.0,
            "endTime": 2.5,
        },
        "channels": ["x", "y", "z.q"],
        "frames": [
            {"time": 1.0, "x": 1, "y": "a"},
            {"time": 2.5, "x": 2, "z.q": [1.0, 2.0]},
        ],
    }


def test_mocap_of_nothing_has_no_frames() -> None:
    """It lasts no time and has no ends."""
    found = cast("dict[str, Any]", formatted("mocap", "t", []))

    assert (found["channels"], found["frames"]) == ([], [])
    assert found["metadata"]["frameCount"] == found["metadata"]["duration"] == 0
    assert found["metadata"]["startTime"] is found["metadata"]["endTime"] is None


def test_mocap_has_the_channels_that_are_wanted() -> None:
    """Every frame stays."""
    found = cast("dict[str, Any]", formatted("mocap", "t", ENTRIES, ["x"]))

    assert found["channels"] == ["x"]
    assert found["frames"] == [{"time": 1.0, "x": 1}, {"time": 2.5, "x": 2}]


def test_parquet_has_all_columns_of_all_rows() -> None:
    """Also of a field that the first entry lacks."""
    found = table(ENTRIES)

    assert found.column_names == ["timestamp", "x", "y", "z.q"]
    assert found.to_pylist() == [
        {"timestamp": 1.0, "x": 1, "y": "a", "z.q": None},
        {"timestamp": 2.5, "x": 2, "y": None, "z.q": [1.0, 2.0]},
    ]


def test_parquet_is_compressed() -> None:
    """By the codec that reads fast."""
    data = cast("bytes", formatted("parquet", "t", ENTRIES))
    file = parquet.ParquetFile(io.BytesIO(data))

    assert file.metadata.row_group(0).column(0).compression == "ZSTD"


def test_parquet_has_the_columns_that_are_wanted() -> None:
    """The timestamp is always one."""
    assert table(ENTRIES, "x", "gone").column_names == ["timestamp", "x"]


def test_parquet_of_nothing_has_a_column_of_times() -> None:
    """Of the same type as otherwise."""
    found = table([])

    assert (found.num_rows, found.column_names) == (0, ["timestamp"])
    assert found.schema.field("timestamp").type == pa.float64()


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2, None], pa.int64()),
        ([1.5, None], pa.float64()),
        ([True, False], pa.bool_()),
        (["a", None], pa.string()),
        ([[1.0], [], [2.0, 3.0]], pa.list_(pa.float64())),
        ([[[1], [2, 3]], None], pa.list_(pa.list_(pa.int64()))),
    ],
)
def test_column_of_one_type_has_that_type(
    values: list[Value], kind: pa.DataType
) -> None:
    """Lists too, however deep."""
    found = column(*values)

    assert found.to_pylist() == values
    assert found.type == kind


@pytest.mark.parametrize(
    "values",
    [
        [1, 2.5],
        [1, True],
        [1.0, False],
        [1, "a"],
        [1, [1]],
        [[1], [2.5]],
        [[1, True]],
        [[1, [2]]],
        [2**63],
        [-(2**80), 1],
        [None],
        [None, None],
        [[]],
        [[], None, [[]]],
        [{}],
        [{}, 1],
        [[{"a": 1}]],
        [[{"a": 1}, {"b": 2}]],
    ],
    ids=str,
)
def test_column_of_several_types_is_json_text(values: list[Value]) -> None:
    """So each value keeps its own; None is no text."""
    found = column(*values)

    assert found.type == pa.string()
    assert found.to_pylist() == [
        None if value is None else to_json(value) for value in values
    ]


def test_parquet_keeps_nan() -> None:
    """It is a value; None is none."""
    nan, inf, none = column(math.nan, math.inf, None).to_pylist()

    assert math.isnan(nan)
    assert (inf, none) == (math.inf, None)


@given(
    st.lists(
        st.dictionaries(st.text(min_size=1, max_size=2), VALUES, max_size=3), max_size=6
    )
)
def test_every_table_can_be_written(rows: list[dict[str, Value]]) -> None:
    """Whatever the values: each has its place, itself or as JSON text."""
    entries = [TrackEntry(float(number), row) for number, row in enumerate(rows)]

    found = table(entries)

    names = sorted({name for row in rows for name in row})
    assert found.column_names == ["timestamp", *names]
    for name in names:
        values = [row.get(name) for row in rows]
        is_text = {type(value) for value in values} <= {str, type(None)}
        if found.schema.field(name).type == pa.string() and not is_text:
            values = [None if value is None else to_json(value) for value in values]
        assert found[name].to_pylist() == values


def test_parquet_without_its_package_says_what_to_install() -> None:
    """The message names the extra."""
    code = (
        f"import sys; sys.path[:] = {sys.path!r}; sys.modules['pyarrow'] = None\n"
        "from tracker_core import AppRun, ConfigError\n"
        "try:\n"
        "    AppRun('r', []).tracks('t').read(format='parquet')\n"
        "except ConfigError as error:\n"
        "    print(error)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == (
        "format 'parquet' needs the package pyarrow; install tracker-core[parquet]"
    )
