"""What holds here where ML-Dash was seen to be weak; one test for each weakness."""

import io
import json
import math
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from tracker_core import (
    AppRun,
    InvalidValueError,
    KeyConflictError,
    NativeTracker,
    RunEndedError,
    UnsupportedTypeError,
    track,
)
from tracker_core.plain import native
from tracker_core.registry import build_trackers
from tracker_core.testing import FaultyTracker, MemoryTracker


@pytest.fixture
def run(tracker: NativeTracker) -> AppRun:
    """Make a run."""
    return track("ml-dash", trackers=[tracker])


def fields(run: AppRun, stream: str) -> list[dict[str, object]]:
    """Return the fields of all points of a stream."""
    return [dict(point["data"]) for point in run.metrics(stream).read()["data"]]


def table(run: AppRun, topic: str) -> pa.Table:
    """Return a track as a table."""
    data = run.tracks(topic).read(format="parquet")
    assert isinstance(data, bytes)
    return parquet.read_table(io.BytesIO(data))


# Experiment


def test_names_never_become_paths(
    tracker: NativeTracker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dots and slashes in any name lead nowhere, and come back as they were."""
    name = "../../../outside"
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    before = {path for path in tmp_path.parent.iterdir() if path.is_dir()}

    run = track(name, name=name, group_id=name, trackers=[tracker])
    run.log_text(name, "text")
    run.tracks(name).append(x=1, _ts=1.0)
    run.metrics(name).log(x=1)
    run.flush()

    info = tracker.run(run.run_id)
    assert (info.experiment, info.group_id, info.name) == (name, name, name)
    assert run.tracks.topics() == [name]
    assert list(tracker.artifacts(run.run_id)) == [name]
    assert {path for path in tmp_path.parent.iterdir() if path.is_dir()} == before
    assert not list(tmp_path.rglob("*outside*"))


def test_failed_run_is_told_apart(tracker: NativeTracker) -> None:
    """The status is in the local store."""
    for error in (None, OSError("disk is gone")):
        run = track("ml-dash", trackers=[tracker])
        run.__enter__()
        run.__exit__(type(error) if error else None, error, None)

    assert [info.status for info in tracker.runs()] == ["FAILED", "FINISHED"]


@pytest.mark.parametrize(
    "write",
    [
        lambda run: run.log_params({"a": 1}),
        lambda run: run.metrics("train").log(loss=0.5),
        lambda run: run.tracks("robot").append(x=1),
        lambda run: run.log("message"),
        lambda run: run.log_text("note", "text"),
        lambda run: run.set_tag("a", "b"),
    ],
    ids=["params", "metrics", "tracks", "log", "artifact", "tag"],
)
def test_ended_run_is_protected_from_every_write(
    run: AppRun, write: Callable[[AppRun], object]
) -> None:
    """Not only from params."""
    with run:
        pass

    with pytest.raises(RunEndedError):
        write(run)


# Parameters


def test_empty_mapping_stays_a_param(tracker: NativeTracker, run: AppRun) -> None:
    """It does not disappear."""
    run.log_params({"optimizer": {}, "model": {"head": {}}})
    run.flush()

    assert tracker.params(run.run_id) == {"model.head": {}, "optimizer": {}}


@pytest.mark.parametrize("order", [1, -1])
def test_key_that_is_leaf_and_prefix_keeps_both(
    tracker: NativeTracker, run: AppRun, order: int
) -> None:
    """In whatever order; only the nested view, which cannot be, is an error."""
    both = [{"optimizer": "adam"}, {"optimizer": {"type": "adam"}}]
    for params in both[::order]:
        run.log_params(params)
    run.flush()

    assert tracker.params(run.run_id) == {
        "optimizer": "adam",
        "optimizer.type": "adam",
    }
    with pytest.raises(KeyConflictError, match="optimizer"):
        run.params(nested=True)


def test_unkeepable_param_loses_no_other(tracker: NativeTracker, run: AppRun) -> None:
    """Those of before are there, and those of after are added to them."""
    run.log_params({"before": 1})
    with pytest.raises(UnsupportedTypeError):
        run.log_params({"bad": object()})
    run.log_params({"after": 2})
    run.flush()

    assert tracker.params(run.run_id) == {"after": 2, "before": 1}


# Metrics


def test_scalars_beside_streams_are_of_the_root_stream(
    tracker: NativeTracker, run: AppRun
) -> None:
    """No stream is called None."""
    run.log_metrics({"epoch": 1, "train/loss": 0.5, "eval/loss": 0.6})
    run.flush()

    assert list(tracker.series(run.run_id)) == ["epoch", "eval/loss", "train/loss"]
    assert fields(run, "") == [{"epoch": 1}]


@pytest.mark.parametrize("text", ["nan", "inf", "-inf"])
def test_number_that_json_cannot_say_is_kept(run: AppRun, text: str) -> None:
    """In every store alike."""
    run.metrics("train").log(loss=float(text))

    (point,) = fields(run, "train")
    assert repr(point["loss"]) == text


def test_total_is_the_length_of_the_stream(run: AppRun) -> None:
    """Not how many were asked for; the rest is as ML-Dash has it."""
    for loss in range(15):
        run.metrics("loss").log(value=loss)

    first = run.metrics("loss").read(start_index=0, limit=3)
    last = run.metrics("loss").read(start_index=13, limit=10)

    shown = [
        (page["start_index"], page["end_index"], page["total"], page["has_more"])
        for page in (first, last)
    ]
    assert shown == [(0, 2, 15, True), (13, 14, 15, False)]


def test_negative_start_is_refused(run: AppRun) -> None:
    """It is not echoed and treated as 0."""
    with pytest.raises(InvalidValueError, match="start_index -1"):
        run.metrics("loss").read(start_index=-1)


def test_unknown_stream_is_empty_in_every_read(run: AppRun) -> None:
    """Points and stats agree."""
    stream = run.metrics("unknown")

    assert stream.read() == {
        "data": [],
        "start_index": 0,
        "end_index": -1,
        "total": 0,
        "has_more": False,
    }
    assert stream.stats() == {
        "total": 0,
        "first_at": None,
        "last_at": None,
        "fields": {},
    }


def test_stats_have_numbers_and_times(run: AppRun) -> None:
    """A count is an int, and the times are those of the points."""
    before = datetime.now(UTC).replace(microsecond=0)
    run.metrics("train").log(loss=0.5).log(loss=0.25)

    stats = run.metrics("train").stats()

    assert stats["total"] == 2
    assert stats["first_at"] is not None
    assert stats["last_at"] is not None
    assert before <= stats["first_at"] <= stats["last_at"] <= datetime.now(UTC)
    assert stats["fields"]["loss"].mean == 0.375


def test_streams_are_listed_sorted(tracker: NativeTracker, run: AppRun) -> None:
    """Whatever the order in which they came."""
    for name in ("train", "eval", "all"):
        run.metrics(name).log(loss=0.5)
    run.flush()

    assert list(tracker.series(run.run_id)) == ["all/loss", "eval/loss", "train/loss"]


def test_name_of_a_stream_may_hold_a_slash(run: AppRun) -> None:
    """No point of it is lost."""
    run.metrics("robot/left/arm").log(angle=0.5)

    assert fields(run, "robot/left/arm") == [{"angle": 0.5}]


def test_read_sees_what_was_logged_before(run: AppRun) -> None:
    """Without a flush."""
    run.metrics("train").log(loss=0.5)

    assert run.metrics("train").read()["total"] == 1


def test_bad_value_is_refused_at_its_call(run: AppRun) -> None:
    """Points before and after it are kept, and those of other streams."""
    run.metrics("train").log(loss=0.5)
    with pytest.raises(UnsupportedTypeError, match="metric 'loss' has the type object"):
        run.metrics("train").log(loss=object())
    run.metrics("eval").log(loss=0.6)
    run.metrics("train").log(loss=0.25)

    assert fields(run, "train") == [{"loss": 0.5}, {"loss": 0.25}]
    assert fields(run, "eval") == [{"loss": 0.6}]


def test_failing_backend_does_not_fail_the_run(
    tracker: NativeTracker,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The run is FINISHED when its work is, and the others have all of it."""
    monkeypatch.setenv("TRACKER_CLOSE_TIMEOUT", "2")
    faulty = FaultyTracker(MemoryTracker())

    with track("ml-dash", trackers=[faulty, tracker]) as run:
        run.metrics("train").log(loss=0.5)

    assert tracker.run(run.run_id).status == "FINISHED"
    assert tracker.series(run.run_id)["train/loss"].last == 0.5
    assert caplog.records


def test_committed_points_are_read_by_index(run: AppRun) -> None:
    """Block by block, from wherever the run is kept."""
    run.metrics("loss").extend({"value": list(range(10))})

    pages = [run.metrics("loss").read(start, 4)["data"] for start in (0, 4, 8)]

    read = [point["data"]["value"] for page in pages for point in page]
    assert read == list(range(10))


# Tracks


def test_timestamp_minus_one_is_a_timestamp(run: AppRun) -> None:
    """It does not mean the one before."""
    run.tracks("robot").append(x=1, _ts=5.0).append(x=2, _ts=-1)

    assert run.tracks("robot").read() == {
        "entries": [{"timestamp": -1.0, "x": 2}, {"timestamp": 5.0, "x": 1}],
        "count": 2,
    }


@pytest.mark.parametrize("moment", [math.nan, math.inf, -math.inf])
def test_timestamp_is_finite(run: AppRun, moment: float) -> None:
    """NaN has no place in time."""
    with pytest.raises(InvalidValueError, match="use finite seconds"):
        run.tracks("robot").append(x=1, _ts=moment)


def test_entries_merge_across_flushes(run: AppRun) -> None:
    """Whenever a flush comes, and whichever object says it."""
    run.tracks("robot").append(x=1, y=1, _ts=1.0)
    run.tracks.flush()
    run.tracks("robot").append(y=2, _ts=1.0)
    run.tracks("robot").flush()

    assert run.tracks("robot").read() == {
        "entries": [{"timestamp": 1.0, "x": 1, "y": 2}],
        "count": 1,
    }


@pytest.mark.parametrize("name", ["timestamp", "time"])
def test_field_with_the_name_of_the_axis_is_refused(run: AppRun, name: str) -> None:
    """It does not silently move the entry."""
    with pytest.raises(InvalidValueError, match="is reserved for the timestamp"):
        run.tracks("robot").append(_ts=1.0, **{name: 9.0})


def test_entries_are_read_in_the_order_of_time(run: AppRun) -> None:
    """Not in that of logging."""
    for moment in (3.0, 1.0, 2.0):
        run.tracks("robot").append(x=moment, _ts=moment)

    entries = [entry.timestamp for entry in run.tracks("robot").slice()]
    assert entries == [1.0, 2.0, 3.0]


def test_parquet_has_the_fields_of_every_row(run: AppRun) -> None:
    """Not of the first alone."""
    run.tracks("robot").append(x=1, _ts=1.0).append(y=2, _ts=2.0)

    assert table(run, "robot").to_pylist() == [
        {"timestamp": 1.0, "x": 1, "y": None},
        {"timestamp": 2.0, "x": None, "y": 2},
    ]


def test_parquet_takes_values_of_mixed_types(run: AppRun) -> None:
    """As text, where they have no type in common."""
    run.tracks("robot").append(x=1, _ts=1.0).append(x="two", _ts=2.0)

    assert table(run, "robot").column("x").to_pylist() == ["1", '"two"']


def test_parquet_of_an_empty_track_has_a_typed_time(run: AppRun) -> None:
    """So that it can be joined with others."""
    schema = table(run, "unknown").schema

    assert schema.field("timestamp").type == pa.float64()


def test_mocap_never_lasts_less_than_nothing(run: AppRun) -> None:
    """Its duration is from the earliest to the latest moment."""
    run.tracks("robot").append(x=2, _ts=9.0).append(x=1, _ts=1.0)

    data = run.tracks("robot").read(format="mocap")

    assert isinstance(data, dict)
    assert data["metadata"]["duration"] == 8.0
    assert (data["metadata"]["startTime"], data["metadata"]["endTime"]) == (1.0, 9.0)


def test_mocap_of_an_empty_track_has_all_its_parts(run: AppRun) -> None:
    """As one with entries has them."""
    run.tracks("robot").append(x=1, _ts=1.0)

    full = run.tracks("robot").read(format="mocap")
    empty = run.tracks("unknown").read(format="mocap")

    assert isinstance(full, dict)
    assert isinstance(empty, dict)
    assert empty.keys() == full.keys()
    assert empty["metadata"].keys() == full["metadata"].keys()


@pytest.mark.parametrize("topic", ["robot", "unknown"])
def test_unknown_format_is_one_error_for_every_topic(run: AppRun, topic: str) -> None:
    """Whether there are entries or not."""
    run.tracks("robot").append(x=1, _ts=1.0)

    with pytest.raises(InvalidValueError, match="format is 'mcap'; use json"):
        run.tracks(topic).read(format="mcap")


def test_topics_with_slash_and_underscore_are_two(run: AppRun) -> None:
    """``r/s`` and ``r_s`` share nothing."""
    run.tracks("r/s").append(x=1, _ts=1.0)
    run.tracks("r_s").append(x=2, _ts=1.0)

    assert run.tracks.topics() == ["r/s", "r_s"]
    assert [entry.fields for entry in run.tracks("r/s").slice()] == [{"x": 1}]


def test_nothing_before_the_first_entry_is_a_key_error(run: AppRun) -> None:
    """As its documentation promises."""
    run.tracks("robot").append(x=1, _ts=1.0).append(x=2, _ts=3.0)
    found = run.tracks("robot").slice()

    assert found.find_by_time(2.9).fields == {"x": 1}
    with pytest.raises(KeyError):
        found.find_by_time(0.9)


# Logs, files, buffering


def test_log_prints_nothing(run: AppRun, capfd: pytest.CaptureFixture[str]) -> None:
    """Neither to the output nor to the errors."""
    run.log("something", level="error")

    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("given", "kept"), [("warning", "warn"), ("critical", "fatal"), ("ERROR", "error")]
)
def test_levels_of_others_are_taken(run: AppRun, given: str, kept: str) -> None:
    """By the words that Python's logging has for them."""
    run.log("something", level=given)

    (entry,) = run.logs()
    assert entry.level == kept


def test_logs_are_read_by_level_time_and_text(run: AppRun) -> None:
    """From the local store."""
    run.log("Training started")
    run.log("GPU memory low", level="warn")
    (first, second) = run.logs()
    between = second.time_ns / 1e9

    assert [entry.message for entry in run.logs("warn")] == ["GPU memory low"]
    assert [entry.message for entry in run.logs(text="training")] == [first.message]
    assert second.message in {entry.message for entry in run.logs(start=between - 1)}
    assert list(run.logs(end=between - 3600)) == []
    assert [entry.message for entry in run.logs(limit=1)] == ["GPU memory low"]


def test_logged_file_has_its_digest_at_once(run: AppRun, tmp_path: Path) -> None:
    """There is no pending reference."""
    path = tmp_path / "weights.pt"
    path.write_bytes(b"weights")

    made = run.log_file(path)

    assert str(made.digest).startswith("sha256:")
    assert made.size_bytes == 7


def test_logged_file_is_left_where_it_was(run: AppRun, tmp_path: Path) -> None:
    """In a temporary folder too."""
    path = tmp_path / "weights.pt"
    path.write_bytes(b"weights")

    run.log_file(path)

    assert path.read_bytes() == b"weights"


def test_media_type_of_weights_is_right(run: AppRun, tmp_path: Path) -> None:
    """A ``.pt`` file is one of PyTorch."""
    path = tmp_path / "weights.pt"
    path.write_bytes(b"weights")

    assert run.log_file(path).media_type == "application/x-pytorch"


def test_killed_process_keeps_metrics_and_logs(tmp_path: Path) -> None:
    """Nothing waits in a buffer when the process dies."""
    path = tmp_path / "runs.db"
    code = (
        "import os, signal\n"
        "from tracker_core import AppRun\n"
        "from tracker_core.registry import build_trackers\n"
        f"run = AppRun('r1', build_trackers({{'sqlite': {str(path)!r}}}))\n"
        "run.metrics('train').log(loss=0.5)\n"
        "run.log('Training started')\n"
        "run.tracks('robot').append(x=1, _ts=1.0)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )

    done = subprocess.run([sys.executable, "-c", code], check=False, timeout=60)

    assert done.returncode == -signal.SIGKILL
    tracker = native(build_trackers({"sqlite": str(path)})[0])
    with closing(tracker):
        assert tracker.series("r1")["train/loss"].last == 0.5
        assert [entry.message for entry in tracker.logs("r1")] == ["Training started"]
        assert tracker.topics("r1") == ["robot"]


def test_import_asks_no_network() -> None:
    """No socket is made, so no index of packages can keep a job waiting."""
    code = (
        "import sys\n"
        "def refuse(event, arguments):\n"
        "    assert not event.startswith('socket.'), event\n"
        "sys.addaudithook(refuse)\n"
        "import tracker_core\n"
        "tracker_core.AppRun.run_from_env()\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_jsonl_is_valid_json(run: AppRun) -> None:
    """NaN in a field is written as a mark that JSON can say."""
    run.tracks("robot").append(x=math.nan, _ts=1.0)

    data = run.tracks("robot").read(format="jsonl")

    assert isinstance(data, bytes)
    assert json.loads(data, parse_constant=pytest.fail) == {
        "timestamp": 1.0,
        "x": {"$float": "nan"},
    }
