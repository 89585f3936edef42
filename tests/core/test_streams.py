"""Metric streams: points with many fields."""

import array
import json
import math
import os
import statistics
import threading
from collections import UserDict, deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from typing import cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker_core import AppRun
from tracker_core.errors import (
    InvalidValueError,
    RetryableError,
    RunEndedError,
    UnsupportedTypeError,
)
from tracker_core.records import Batch
from tracker_core.streams import MetricStream
from tracker_core.testing import FaultyTracker, MemoryTracker
from tracker_core.values import to_json

SURROGATE = "a\udcffb"


class Frame:
    """A column as tables of data have them: all that it has is ``tolist``."""

    def __init__(self, values: Sequence[object]) -> None:
        """Hold the values."""
        self._values = values

    def tolist(self) -> list[object]:
        """Give the values."""
        return list(self._values)


@pytest.fixture
def tracker() -> MemoryTracker:
    """Give an empty tracker."""
    return MemoryTracker()


@pytest.fixture
def run(tracker: MemoryTracker) -> AppRun:
    """Give a run on it."""
    return AppRun("r", [tracker])


@pytest.fixture
def train(run: AppRun) -> MetricStream:
    """Give a stream of that run."""
    return run.metrics("train")


def data(stream: MetricStream) -> list[tuple[int | None, Mapping[str, object]]]:
    """Give step and fields of each point."""
    return [(row["step"], row["data"]) for row in stream.read(limit=None)["data"]]


def in_threads(work: Callable[[int], object]) -> None:
    """Do the work in four threads at once."""
    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_stream_is_one_object_by_its_name(run: AppRun) -> None:
    """What it has buffered is there when it is asked for again."""
    assert run.metrics("train") is run.metrics("train")
    assert run.metrics() is run.metrics("")
    assert run.metrics("train") is not run.metrics("val")


@pytest.mark.parametrize("name", ["train", "", "a/b", "ä €", "a.b", "..", "a/", "/a"])
def test_stream_may_have_any_name(
    run: AppRun, tracker: MemoryTracker, name: str
) -> None:
    """Its points read back under that name alone."""
    run.metrics(name).log(x=1)
    run.metrics("other").log(x=2)

    assert data(run.metrics(name)) == [(None, {"x": 1})]
    assert list(tracker.points("r", f"{name}/x" if name else "x").values) == [1]


@pytest.mark.parametrize("name", [None, 3, b"a"])
def test_stream_name_that_is_no_text_is_refused(run: AppRun, name: object) -> None:
    """The message names the type."""
    with pytest.raises(UnsupportedTypeError, match="stream name has the type"):
        run.metrics(cast("str", name))


def test_stream_name_that_cannot_be_encoded_is_refused(run: AppRun) -> None:
    """At once, not when something is logged."""
    with pytest.raises(InvalidValueError, match="stream name holds the lone surrogate"):
        run.metrics(SURROGATE)


def test_log_appends_a_point(train: MetricStream) -> None:
    """The fields of points may differ; types are kept."""
    train.log(loss=0.5, epoch=1)
    train.log(loss=0.25, note="good", ok=True, best=None, shape=(1, 2))

    assert data(train) == [
        (None, {"epoch": 1, "loss": 0.5}),
        (
            None,
            {"best": None, "loss": 0.25, "note": "good", "ok": True, "shape": [1, 2]},
        ),
    ]


def test_log_repeated_appends_again(train: MetricStream) -> None:
    """Also for the same step: nothing is replaced."""
    train.log(loss=0.5, step=1).log(loss=0.5, step=1)

    assert data(train) == [(1, {"loss": 0.5})] * 2


def test_log_gives_the_stream_back(train: MetricStream) -> None:
    """Every call that writes can be followed by the next."""
    found = train.log(a=1).extend({"a": [2]}).buffer(b=3).log_summary("max").log(a=4)

    assert found is train
    assert [fields for _, fields in data(train)] == [
        {"a": 1},
        {"a": 2},
        {"b.max": 3},
        {"a": 4},
    ]


def test_step_is_the_argument_and_in_a_mapping_a_field(train: MetricStream) -> None:
    """One is the x axis, the other a value like any other."""
    train.log(loss=1, step=7).log({"loss": 2, "step": 8}).log({"step": 9}, step=3)

    assert data(train) == [
        (7, {"loss": 1}),
        (None, {"loss": 2, "step": 8}),
        (3, {"step": 9}),
    ]


def test_log_takes_any_name_of_a_field(train: MetricStream) -> None:
    """In a mapping, and as far as Python has words for it as a keyword."""
    train.log({"self": 1, "ä b": 2, "a.b": 3}, self=4, fields=5)

    assert data(train) == [(None, {"a.b": 3, "fields": 5, "self": 4, "ä b": 2})]


def test_log_takes_any_mapping(train: MetricStream) -> None:
    """It need not be a dict."""
    train.log(UserDict({"loss": 1}))

    assert data(train) == [(None, {"loss": 1})]


def test_log_takes_numbers_of_numpy(train: MetricStream) -> None:
    """They become Python's."""
    step_of_numpy = cast("int", np.int64(2))

    train.log(a=np.float32(0.5), b=np.int64(3), c=np.bool_(1), step=step_of_numpy)

    ((step, fields),) = data(train)
    assert (step, fields) == (2, {"a": 0.5, "b": 3, "c": True})
    assert [type(value) for value in fields.values()] == [float, int, bool]


def test_nan_and_infinities_survive(train: MetricStream) -> None:
    """They are what they were, and do not spoil the others."""
    train.log(x=math.nan).log(x=math.inf).log(x=-math.inf).log(x=1.0)

    found = [fields["x"] for _, fields in data(train)]
    assert found[1:] == [math.inf, -math.inf, 1.0]
    assert math.isnan(cast("float", found[0]))


def test_what_was_logged_is_not_changed_later(train: MetricStream) -> None:
    """A value is taken as it is at the call."""
    shape, column = [1, 2], [[1], [2]]
    train.log(shape=shape).extend({"shape": column})

    shape.append(3)
    column[0].append(3)
    column.append([4])

    assert [fields["shape"] for _, fields in data(train)] == [[1, 2], [1], [2]]


BAD_POINTS: dict[str, tuple[Callable[[MetricStream], object], str]] = {
    "object": (
        lambda stream: stream.log(good=1, bad=object()),
        r"metric 'bad' has the type object, which cannot be kept; use text, int",
    ),
    "surrogate as value": (
        lambda stream: stream.log(bad=SURROGATE),
        r"metric 'bad' holds the lone surrogate",
    ),
    "surrogate as field": (
        lambda stream: stream.log({SURROGATE: 1}),
        r"field of stream 'train' holds the lone surrogate",
    ),
    "field without a name": (
        lambda stream: stream.log({"": 1}),
        r"field of stream 'train' is empty",
    ),
    "field that is no text": (
        lambda stream: stream.log(cast("dict[str, object]", {3: 1})),
        r"field of stream 'train' has the type int",
    ),
    "field with a slash": (
        lambda stream: stream.log({"val/loss": 1}),
        r"field 'val/loss' of stream 'train' holds '/', .* the stream 'train/val'",
    ),
    "list as fields": (
        lambda stream: stream.log(cast("dict[str, object]", [1])),
        r"a point of stream 'train' has the type list, .* use a mapping",
    ),
    "empty list as fields": (
        lambda stream: stream.log(cast("dict[str, object]", [])),
        r"a point of stream 'train' has the type list",
    ),
    "number as fields": (
        lambda stream: stream.log(cast("dict[str, object]", 0)),
        r"a point of stream 'train' has the type int",
    ),
    "negative step": (lambda stream: stream.log(x=1, step=-1), r"step is -1; use an"),
    "bool as step": (
        lambda stream: stream.log(x=1, step=True),
        r"step has the type bool",
    ),
    "float as step": (
        lambda stream: stream.log(x=1, step=cast("int", 1.0)),
        r"step has the type float",
    ),
    "step beyond all": (
        lambda stream: stream.log(x=1, step=2**63),
        r"step is 9223372036854775808",
    ),
    "columns of different lengths": (
        lambda stream: stream.extend({"a": [1], "b": [1, 2]}),
        r"columns of stream 'train' differ in length: 'a' has 1, 'b' has 2",
    ),
    "steps of another length": (
        lambda stream: stream.extend({"a": [1]}, step=[1, 2]),
        r"columns of stream 'train' differ in length: 'a' has 1, 'the steps' has 2",
    ),
    "no columns": (
        lambda stream: stream.extend({}),
        r"columns of stream 'train' are empty; give at least one point",
    ),
    "empty column": (
        lambda stream: stream.extend({"a": []}),
        r"columns of stream 'train' are empty",
    ),
    "empty array": (
        lambda stream: stream.extend({"a": np.array([])}),
        r"columns of stream 'train' are empty",
    ),
    "steps without columns": (
        lambda stream: stream.extend({}, step=[1]),
        r"columns of stream 'train' differ in length|are empty",
    ),
    "text as column": (
        lambda stream: stream.extend({"a": "12"}),
        r"column 'a' has the type str, which cannot be kept; use a list or array",
    ),
    "bytes as column": (
        lambda stream: stream.extend({"a": b"12"}),
        r"column 'a' has the type bytes",
    ),
    "number as column": (
        lambda stream: stream.extend({"a": 1}),
        r"column 'a' has the type int",
    ),
    "array without dimensions": (
        lambda stream: stream.extend({"a": np.array(1.0)}),
        r"column 'a' has the type ndarray",
    ),
    "iterator as column": (
        lambda stream: stream.extend({"a": iter([1])}),
        r"column 'a' has the type list_iterator",
    ),
    "mapping as column": (
        lambda stream: stream.extend({"a": {0: 1}}),
        r"column 'a' has the type dict",
    ),
    "set as column": (
        lambda stream: stream.extend({"a": {1}}),
        r"column 'a' has the type set",
    ),
    "list of columns": (
        lambda stream: stream.extend(cast("dict[str, object]", [[1]])),
        r"columns has the type list, which cannot be kept; use a mapping",
    ),
    "object in a column": (
        lambda stream: stream.extend({"a": [1, object()]}),
        r"metric 'a' has the type object",
    ),
    "column with a slash": (
        lambda stream: stream.extend({"a/b": [1]}),
        r"field 'a/b' of stream 'train' holds '/'",
    ),
    "one step for all": (
        lambda stream: stream.extend({"a": [1]}, step=1),
        r"column of steps has the type int",
    ),
    "negative step in a column": (
        lambda stream: stream.extend({"a": [1, 2]}, step=[0, -1]),
        r"step is -1",
    ),
    "None in the steps": (
        lambda stream: stream.extend({"a": [1, 2]}, step=[0, None]),
        r"step 1 is None; give all rows a step, or none",
    ),
    "bool in the steps": (
        lambda stream: stream.extend({"a": [1, 2]}, step=[0, True]),
        r"step has the type bool",
    ),
    "float in the steps": (
        lambda stream: stream.extend({"a": [1, 2]}, step=np.array([0.0, 1.0])),
        r"step has the type float",
    ),
    "text in the buffer": (
        lambda stream: stream.buffer(a=1, b="2"),
        r"metric 'b' has the type str, which cannot be kept; use a number",
    ),
    "bool in the buffer": (
        lambda stream: stream.buffer(a=True),
        r"metric 'a' has the type bool",
    ),
    "list in the buffer": (
        lambda stream: stream.buffer(a=[1]),
        r"metric 'a' has the type list",
    ),
    "int beyond all in the buffer": (
        lambda stream: stream.buffer(a=10**400),
        r"metric 'a' is an int beyond every float; log it as text",
    ),
    "slash in the buffer": (
        lambda stream: stream.buffer(**{"a/b": 1}),
        r"field 'a/b' of stream 'train' holds '/'",
    ),
    "no name in the buffer": (
        lambda stream: stream.buffer(**{"": 1}),
        r"field of stream 'train' is empty",
    ),
    "unknown aggregate": (
        lambda stream: stream.buffer(a=1).log_summary("mean", "avg"),
        r"no aggregate 'avg'; use mean, std",
    ),
}


@pytest.mark.parametrize(("call", "message"), BAD_POINTS.values(), ids=BAD_POINTS)
def test_bad_input_is_refused_and_nothing_is_written(
    train: MetricStream,
    tracker: MemoryTracker,
    call: Callable[[MetricStream], object],
    message: str,
) -> None:
    """The error names what was wrong; the tracker has not heard of the run."""
    with pytest.raises((InvalidValueError, UnsupportedTypeError), match=message):
        call(train)

    assert tracker.runs() == []


@pytest.mark.parametrize(("call", "message"), BAD_POINTS.values(), ids=BAD_POINTS)
def test_bad_input_harms_nothing_that_is_there(
    train: MetricStream, call: Callable[[MetricStream], object], message: str
) -> None:
    """What was logged and what was collected stays, and the stream goes on."""
    train.log(x=1).buffer(y=2)
    with pytest.raises((ValueError, TypeError), match=message):
        call(train)
    train.log_summary("count", "first")

    assert data(train)[0] == (None, {"x": 1})
    assert data(train)[1][1].keys() >= {"y.count", "y.first"}
    assert data(train)[1][1]["y.count"] == 1


@pytest.mark.parametrize(
    "column",
    [
        [0.5, 1.5],
        (0.5, 1.5),
        deque([0.5, 1.5]),
        array.array("d", [0.5, 1.5]),
        np.array([0.5, 1.5]),
        np.array([0.5, 1.5], dtype=np.float32),
        np.array([0.5, 9.0, 1.5])[::2],
        Frame([0.5, 1.5]),
        [np.float64(0.5), np.float32(1.5)],
        memoryview(array.array("d", [0.5, 1.5])),
    ],
    ids=lambda column: type(column).__name__,
)
def test_extend_takes_columns_of_any_kind(train: MetricStream, column: object) -> None:
    """Lists, tuples, arrays, and whatever has ``tolist``; they become plain floats."""
    train.extend({"x": column})

    assert data(train) == [(None, {"x": 0.5}), (None, {"x": 1.5})]
    assert {type(fields["x"]) for _, fields in data(train)} == {float}


@pytest.mark.parametrize(
    "steps", [[3, 1], (3, 1), array.array("q", [3, 1]), np.array([3, 1], np.int8)]
)
def test_extend_takes_steps_of_any_kind(train: MetricStream, steps: object) -> None:
    """One for each point, in any order."""
    train.extend({"x": [1, 2]}, step=steps)

    assert data(train) == [(3, {"x": 1}), (1, {"x": 2})]


def test_extend_keeps_columns_in_rows(train: MetricStream) -> None:
    """Values of any type may stand side by side."""
    values = [1, 2.0, True, None, "a", [1, "b"], {"c": 1}, 2**70, math.inf]

    train.extend({"any": values, "index": np.arange(9)}, step=range(9))

    found = data(train)
    assert [fields["any"] for _, fields in found] == values
    assert [type(fields["any"]) for _, fields in found] == list(map(type, values))
    assert [(step, fields["index"]) for step, fields in found] == [
        (number, number) for number in range(9)
    ]


def test_row_of_an_array_is_one_value(train: MetricStream) -> None:
    """An array with two dimensions has as many points as rows."""
    train.extend({"x": np.array([[1, 2], [3, 4], [5, 6]])})

    assert [fields["x"] for _, fields in data(train)] == [[1, 2], [3, 4], [5, 6]]


def test_extend_is_one_record() -> None:
    """A tracker takes all of the points, or none."""
    tracker = FaultyTracker(MemoryTracker(), {1: RetryableError("no")}.get)
    stream = AppRun("r", [tracker]).metrics()

    with pytest.raises(RetryableError):
        stream.extend({"x": [1, 2, 3]})
    stream.extend({"x": [4, 5]})

    assert tracker.writes == 2
    assert [fields["x"] for _, fields in data(stream)] == [4, 5]


def test_points_of_one_extend_have_one_time(train: MetricStream) -> None:
    """That of the call."""
    train.extend({"x": [1, 2, 3]})

    assert len({row["time_ns"] for row in train.read()["data"]}) == 1


@given(st.lists(st.floats() | st.integers(-(2**80), 2**80), min_size=1, max_size=50))
def test_extend_is_many_times_log(values: list[float]) -> None:
    """A value comes back the same, whichever way it came."""
    run = AppRun("r", [MemoryTracker()])
    at_once, by_one = run.metrics("a"), run.metrics("b")

    at_once.extend({"x": values}, step=range(len(values)))
    for step, value in enumerate(values):
        by_one.log(x=value, step=step)

    shown = [
        [to_json(dict(row["data"])) for row in stream.read()["data"]]
        for stream in (at_once, by_one)
    ]
    assert shown[0] == shown[1] == [to_json({"x": value}) for value in values]


def test_point_without_fields_is_none(train: MetricStream) -> None:
    """There is nothing to append."""
    train.log().log({}, step=3)

    assert data(train) == []


def test_summary_is_that_of_what_was_collected(train: MetricStream) -> None:
    """By default the mean; then the collection begins again."""
    train.buffer(loss=1.0, acc=3).buffer(loss=2.0).log_summary(step=4)
    train.buffer(loss=7).log_summary("min", "count")

    assert data(train) == [
        (4, {"acc.mean": 3.0, "loss.mean": 1.5}),
        (None, {"loss.count": 1, "loss.min": 7}),
    ]


def test_summary_may_have_further_fields(train: MetricStream) -> None:
    """They stand beside the aggregates, and go before them."""
    train.buffer(loss=1.0).log_summary("max", epoch=2, **{"loss.max": 9})

    assert data(train) == [(None, {"epoch": 2, "loss.max": 9})]


def test_summary_of_nothing_is_nothing(train: MetricStream) -> None:
    """No point is appended, unless it has further fields."""
    train.log_summary().log_summary("mean", "p99", step=1)
    assert data(train) == []

    train.log_summary(epoch=1)
    assert data(train) == [(None, {"epoch": 1})]


def test_nan_and_none_are_not_collected(train: MetricStream) -> None:
    """They count for nothing."""
    train.buffer(x=math.nan, y=None).buffer(x=2.0, y=np.float32("nan"))
    train.log_summary("count", "mean")

    assert data(train) == [(None, {"x.count": 1, "x.mean": 2.0})]


def test_infinities_are_collected(train: MetricStream) -> None:
    """What they make undefined is NaN; nothing is lost over it."""
    train.buffer(x=math.inf, y=1).buffer(x=-math.inf, y=2)
    train.log_summary("mean", "std", "sum", "max")

    ((_, fields),) = data(train)
    assert fields["x.max"] == math.inf
    assert math.isnan(cast("float", fields["x.mean"]))
    assert fields["y.sum"] == 3.0


@given(
    st.lists(st.floats(-1e9, 1e9, allow_subnormal=False), min_size=2, max_size=40),
)
def test_summary_is_exact(values: list[float]) -> None:
    """The aggregates are those of the standard library."""
    stream = AppRun("r", [MemoryTracker()]).metrics()

    for value in values:
        stream.buffer(x=value)
    stream.log_summary("mean", "std", "median", "sum", "count", "min", "max")

    ((_, fields),) = data(stream)
    assert fields == {
        "x.mean": float(sum(map(Fraction, values)) / len(values)),
        "x.std": statistics.stdev(values),
        "x.median": statistics.median(values),
        "x.sum": math.fsum(values),
        "x.count": len(values),
        "x.min": min(values),
        "x.max": max(values),
    }


@pytest.mark.parametrize(
    "call",
    [
        lambda stream: stream.log_summary("avg"),
        lambda stream: stream.log_summary(step=-1),
        lambda stream: stream.log_summary(bad=object()),
        lambda stream: stream.log_summary(**{"a/b": 1}),
        lambda stream: stream.buffer(x=5, y="no"),
    ],
)
def test_what_was_collected_stays_when_a_call_is_refused(
    train: MetricStream, call: Callable[[MetricStream], object]
) -> None:
    """All of it, and nothing of the refused call."""
    train.buffer(x=1).buffer(x=2)

    with pytest.raises((InvalidValueError, UnsupportedTypeError)):
        call(train)

    train.log_summary("count")
    assert data(train) == [(None, {"x.count": 2})]


def test_reading_logs_no_summary(train: MetricStream) -> None:
    """What is collected is no point yet."""
    train.buffer(x=1)

    assert train.read()["total"] == 0


@pytest.mark.parametrize(
    "call",
    [
        lambda stream: stream.log(x=1),
        lambda stream: stream.extend({"x": [1]}),
        lambda stream: stream.buffer(x=1),
        lambda stream: stream.log_summary(),
        lambda stream: stream.log_summary(x=1),
    ],
)
@pytest.mark.parametrize("trackers", [0, 1])
def test_stream_of_a_run_that_has_ended_takes_no_more(
    call: Callable[[MetricStream], object], trackers: int
) -> None:
    """Also one that was asked for before; what is there can be read."""
    run = AppRun("r", [MemoryTracker() for _ in range(trackers)])
    stream = run.metrics("train").log(x=0)
    run.finish()

    with pytest.raises(RunEndedError, match="run 'r' has ended"):
        call(stream)

    assert stream.read()["total"] == trackers


def test_read_gives_a_page(train: MetricStream) -> None:
    """Where it lies in the stream, how long that is, and whether there is more."""
    for number in range(15):
        train.log(x=number, step=number)

    page = train.read(limit=3)

    assert {key: page[key] for key in page if key != "data"} == {  # type: ignore[literal-required]  # its own keys
        "start_index": 0,
        "end_index": 2,
        "total": 15,
        "has_more": True,
    }
    assert [row["index"] for row in page["data"]] == [0, 1, 2]


@pytest.mark.parametrize(
    ("start", "limit", "indexes", "has_more"),
    [
        (0, None, [0, 1, 2, 3, 4], False),
        (3, 10, [3, 4], False),
        (3, 1, [3], True),
        (4, 1, [4], False),
        (np.int64(1), np.int32(1), [1], True),
    ],
)
def test_read_takes_any_part(
    train: MetricStream,
    start: int,
    limit: int | None,
    indexes: list[int],
    has_more: object,
) -> None:
    """Its ends are told by index."""
    train.extend({"x": range(5)})

    page = train.read(start, limit)

    assert [row["index"] for row in page["data"]] == indexes
    assert [row["data"]["x"] for row in page["data"]] == indexes
    assert (page["start_index"], page["end_index"]) == (indexes[0], indexes[-1])
    assert (page["total"], page["has_more"]) == (5, has_more)


@pytest.mark.parametrize(
    ("start", "limit", "has_more"), [(5, 10, False), (0, 0, True), (9, 2, False)]
)
def test_part_without_points_ends_before_it_begins(
    train: MetricStream, start: int, limit: int, has_more: object
) -> None:
    """The end is the index before the start."""
    train.extend({"x": range(5)})

    page = train.read(start, limit)

    assert (page["data"], page["total"]) == ([], 5)
    assert (page["start_index"], page["end_index"]) == (start, start - 1)
    assert page["has_more"] == has_more


def test_read_gives_a_thousand_by_default(train: MetricStream) -> None:
    """A long stream is read page by page."""
    train.extend({"x": range(1001)})

    page = train.read()

    assert (len(page["data"]), page["total"], page["has_more"]) == (1000, 1001, True)


def test_page_is_json(train: MetricStream) -> None:
    """It can be handed on as it is."""
    train.log(x=1, step=2)

    assert json.loads(json.dumps(train.read()))["data"][0]["data"] == {"x": 1}


@pytest.mark.parametrize(
    ("start", "limit", "message"),
    [
        (-1, 1, "start_index -1 is below 0"),
        (0, -1, "limit -1 is below 0"),
        (1.0, 1, "start_index has the type float, which cannot be kept; use an int"),
        ("0", 1, "start_index has the type str"),
        (None, 1, "start_index has the type NoneType"),
        (0, "1", "limit has the type str"),
    ],
)
def test_part_that_cannot_be_is_refused(
    train: MetricStream, start: object, limit: object, message: str
) -> None:
    """Also where there is nothing to read."""
    with pytest.raises((InvalidValueError, UnsupportedTypeError), match=message):
        train.read(cast("int", start), cast("int", limit))


def test_unknown_stream_is_empty(run: AppRun) -> None:
    """In a run without records and in one with others."""
    nothing = {
        "data": [],
        "start_index": 0,
        "end_index": -1,
        "total": 0,
        "has_more": False,
    }
    assert run.metrics("gone").read() == nothing

    run.metrics("train").log(x=1)

    assert run.metrics("gone").read() == nothing
    assert run.metrics("gone").stats() == {
        "total": 0,
        "first_at": None,
        "last_at": None,
        "fields": {},
    }


def test_what_is_read_can_be_changed(train: MetricStream) -> None:
    """It is a copy."""
    train.log(x=[1])

    cast("list[int]", train.read()["data"][0]["data"]["x"]).append(2)

    assert data(train) == [(None, {"x": [1]})]


def test_stats_tell_of_length_times_and_fields(train: MetricStream) -> None:
    """Of this stream alone, not of one whose name begins in the same way."""
    before = datetime.now(UTC)
    train.log(loss=2.0, step=1).log(loss=1.0, acc=3, step=2)
    train.extend({"loss": [4.0, 3.0]}, step=[3, 4])
    after = datetime.now(UTC)

    stats = train.stats()

    first_at, last_at = stats["first_at"], stats["last_at"]
    assert first_at is not None
    assert last_at is not None
    assert before.timestamp() - 1e-3 <= first_at.timestamp() <= last_at.timestamp()
    assert last_at.timestamp() <= after.timestamp()
    assert stats["total"] == 4
    assert list(stats["fields"]) == ["acc", "loss"]
    loss = stats["fields"]["loss"]
    assert (loss.count, loss.first, loss.last, loss.min, loss.max) == (4, 2, 3, 1, 4)
    assert (loss.mean, loss.min_step, loss.max_step) == (2.5, 2, 3)


def test_stats_are_of_one_stream(run: AppRun) -> None:
    """Streams below it, and the root stream, are others."""
    run.log_metrics({"x": 1, "train/y": 2, "train/val/z": 3, "training/y": 4})

    fields = {name: list(run.metrics(name).stats()["fields"]) for name in ("", "train")}

    assert fields == {"": ["x"], "train": ["y"]}
    assert list(run.metrics("train/val").stats()["fields"]) == ["z"]


def test_stream_reads_past_a_tracker_that_missed_a_point() -> None:
    """The one that holds all of them is asked first."""
    missing = FaultyTracker(MemoryTracker(), {2: RetryableError("no")}.get)
    stream = AppRun("r", [missing, MemoryTracker()]).metrics()

    stream.log(x=1)
    with pytest.raises(RetryableError):
        stream.log(x=2)

    assert [fields["x"] for _, fields in data(stream)] == [1, 2]


def test_stream_of_the_empty_run_stores_nothing() -> None:
    """It checks values and answers with nothing."""
    stream = AppRun.run_from_env().metrics("train")

    stream.log(x=1).extend({"x": [2]}).buffer(x=3).log_summary()

    assert stream.read()["total"] == stream.stats()["total"] == 0
    with pytest.raises(UnsupportedTypeError, match="metric 'x' has the type object"):
        stream.log(x=object())


def test_threads_may_share_a_stream(train: MetricStream) -> None:
    """Each point is there once, and those of one thread are in their order."""
    in_threads(
        lambda number: [train.log(thread=number, x=x) for x in range(100)],
    )

    found = [fields for _, fields in data(train)]
    assert len(found) == 400
    for number in range(4):
        assert [f["x"] for f in found if f["thread"] == number] == [*range(100)]


def test_threads_may_share_a_buffer(train: MetricStream) -> None:
    """What several collect is summed up once, whoever does it."""

    def work(number: int) -> None:
        for x in range(200):
            train.buffer(x=x)
            if number == 0 and x % 10 == 0:
                train.log_summary("count")

    in_threads(work)
    train.log_summary("count")

    counts = [cast("int", fields["x.count"]) for _, fields in data(train)]
    assert sum(counts) == 800


def test_threads_get_the_same_stream(run: AppRun) -> None:
    """However many ask for it first at the same moment."""
    barrier, found = threading.Barrier(4), set()

    def work(_: int) -> None:
        barrier.wait()
        found.add(id(run.metrics("new")))

    in_threads(work)

    assert len(found) == 1


def in_child(holds: Callable[[], bool]) -> None:
    """Fork a child, and see that the claim holds there."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if holds() else 1
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0


def test_forked_child_begins_with_a_copy_of_the_buffer(train: MetricStream) -> None:
    """What it collects is its own; that of the parent stays as it was."""
    train.buffer(x=1)

    def holds() -> bool:
        train.buffer(x=5).log_summary("sum")
        return data(train) == [(None, {"x.sum": 6.0})]

    in_child(holds)
    train.log_summary("sum")

    assert data(train) == [(None, {"x.sum": 1.0})]


# Python 3.12 warns of what is tested here.
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_forked_child_does_not_wait_for_threads_of_its_parent() -> None:
    """One that was just logging does not exist there."""
    entered, leave = threading.Event(), threading.Event()

    class Slow(MemoryTracker):
        def write(self, batch: Batch) -> None:
            entered.set()
            leave.wait()
            super().write(batch)

    stream = AppRun("r", [Slow()]).metrics().buffer(x=1)
    thread = threading.Thread(target=stream.log, kwargs={"y": 1})
    thread.start()
    entered.wait()

    def holds() -> bool:
        leave.set()
        stream.buffer(x=2).log_summary("count")
        return data(stream) == [(None, {"x.count": 2})]

    try:
        in_child(holds)
    finally:
        leave.set()
        thread.join()
