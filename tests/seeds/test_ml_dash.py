"""The document of ML-Dash: what each of its snippets shows, works here."""

import argparse
import io
import json
from pathlib import Path

import pytest
from pyarrow import parquet

from tracker_core import AppRun, NativeTracker, track

POSITION = {"q": [0.1, 0.2, 0.3], "e": [0.5, 0.0, 0.6]}


@pytest.fixture
def run(tracker: NativeTracker) -> AppRun:
    """Make a run."""
    return track("ml-dash", trackers=[tracker])


def test_parameters(tracker: NativeTracker, run: AppRun) -> None:
    """Parameters, Basic Usage: several at once, each with its type."""
    run.log_params(
        {
            "learning_rate": 0.001,
            "batch_size": 32,
            "optimizer": "adam",
            "epochs": 100,
        }
    )
    run.flush()

    assert tracker.params(run.run_id) == {
        "batch_size": 32,
        "epochs": 100,
        "learning_rate": 0.001,
        "optimizer": "adam",
    }


def test_nested_parameters(tracker: NativeTracker, run: AppRun) -> None:
    """Parameters, Nested Parameters: stored as dotted keys, read in both forms."""
    nested = {
        "model": {"architecture": "resnet50", "pretrained": True},
        "optimizer": {"type": "adam", "lr": 0.001},
    }

    run.log_params(nested)
    run.flush()

    assert tracker.params(run.run_id) == {
        "model.architecture": "resnet50",
        "model.pretrained": True,
        "optimizer.lr": 0.001,
        "optimizer.type": "adam",
    }
    assert run.params(nested=True) == nested


def test_parameters_from_a_config_file(
    tracker: NativeTracker, run: AppRun, tmp_path: Path
) -> None:
    """Parameters, From Config Files: what json.load gives, or the path itself."""
    path = tmp_path / "config.json"
    path.write_text('{"model": {"layers": [64, 64]}, "seed": 7}')

    with path.open() as f:
        config = json.load(f)
    run.log_params(config)
    again = track("ml-dash", trackers=[tracker])
    again.log_params(path)
    for logged in (run, again):
        logged.flush()

    expected = {"model.layers": [64, 64], "seed": 7}
    assert tracker.params(run.run_id) == expected
    assert tracker.params(again.run_id) == expected


def test_parameters_from_argparse(tracker: NativeTracker, run: AppRun) -> None:
    """Parameters, From argparse: the mapping, or the namespace itself."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=0.001)
    args = parser.parse_args([])

    run.log_params(vars(args))
    again = track("ml-dash", trackers=[tracker])
    again.log_params(args)
    for logged in (run, again):
        logged.flush()

    assert tracker.params(run.run_id) == {"lr": 0.001}
    assert tracker.params(again.run_id) == {"lr": 0.001}


def test_metrics(run: AppRun) -> None:
    """Metrics, Basic Usage: fields by keyword; ``step`` is the step of the point."""
    run.metrics("train").log(loss=0.5, epoch=1)
    run.metrics("eval").log(accuracy=0.85, step=100, epoch=1)

    (trained,) = run.metrics("train").read()["data"]
    (evaluated,) = run.metrics("eval").read()["data"]
    assert (trained["step"], trained["data"]) == (None, {"epoch": 1, "loss": 0.5})
    assert (evaluated["step"], evaluated["data"]) == (
        100,
        {"accuracy": 0.85, "epoch": 1},
    )


def test_metrics_take_several_fields(run: AppRun) -> None:
    """Metrics, Multiple Fields Per Point: one point has them all."""
    run.metrics("metrics").log(loss=0.5, accuracy=0.85, learning_rate=0.001, epoch=1)

    (point,) = run.metrics("metrics").read()["data"]
    assert point["data"] == {
        "accuracy": 0.85,
        "epoch": 1,
        "learning_rate": 0.001,
        "loss": 0.5,
    }


def test_metrics_have_several_streams(run: AppRun) -> None:
    """Metrics, Multiple Metric Streams: each has its own points."""
    for epoch in range(5):
        run.metrics("train").log(loss=0.5 - epoch * 0.1, epoch=epoch)
        run.metrics("eval").log(loss=0.6 - epoch * 0.1, epoch=epoch)

    for name, first in (("train", 0.5), ("eval", 0.6)):
        points = run.metrics(name).read()["data"]
        assert [point["data"] for point in points] == [
            {"epoch": epoch, "loss": first - epoch * 0.1} for epoch in range(5)
        ]


def test_metrics_have_a_flexible_schema(run: AppRun) -> None:
    """Metrics, Flexible Schema: the fields may differ from point to point."""
    run.metrics("flexible").log(field_a=1, field_b=2)
    run.metrics("flexible").log(field_a=3, field_c=4)
    run.metrics("flexible").log(field_a=5, field_b=6, field_c=7)

    points = run.metrics("flexible").read()["data"]
    assert [point["data"] for point in points] == [
        {"field_a": 1, "field_b": 2},
        {"field_a": 3, "field_c": 4},
        {"field_a": 5, "field_b": 6, "field_c": 7},
    ]


def test_reading_metrics(run: AppRun) -> None:
    """Metrics, Reading Metrics: index and data of each point."""
    run.metrics("loss").log(value=0.5).log(value=0.25)

    result = run.metrics("loss").read(start_index=0, limit=10)
    lines = [f"Index {point['index']}: {point['data']}" for point in result["data"]]

    assert lines == ["Index 0: {'value': 0.5}", "Index 1: {'value': 0.25}"]


def test_stats(run: AppRun) -> None:
    """Metrics, Get Stats: how many points there are."""
    run.metrics("train").log(loss=0.5).log(loss=0.25)

    stats = run.metrics("train").stats()

    assert f"Total points: {stats['total']}" == "Total points: 2"


def test_tracks(run: AppRun) -> None:
    """Tracks, Basic Usage: fields at a timestamp in seconds."""
    run.tracks("robot/position").append(
        q=[0.1, 0.2, 0.3],
        e=[0.5, 0.0, 0.6],
        _ts=1.0,
    )

    assert run.tracks("robot/position").read() == {
        "entries": [{"timestamp": 1.0, **POSITION}],
        "count": 1,
    }


def test_tracks_merge_entries_of_one_timestamp(run: AppRun) -> None:
    """Tracks, Multiple Fields with Same Timestamp: one entry has them all."""
    run.tracks("robot/state").append(q=[0.1, 0.2], _ts=1.0)
    run.tracks("robot/state").append(v=[0.01, 0.02], _ts=1.0)

    assert run.tracks("robot/state").read() == {
        "entries": [{"timestamp": 1.0, "q": [0.1, 0.2], "v": [0.01, 0.02]}],
        "count": 1,
    }


def test_flushing_tracks(run: AppRun) -> None:
    """Tracks, Flushing Tracks: of one topic and of all; nothing is left due."""
    run.tracks("robot/position").append(**POSITION, _ts=1.0)

    assert run.tracks("robot/position").flush() == 0
    assert run.tracks.flush() == 0


def test_reading_tracks(run: AppRun) -> None:
    """Tracks, Reading Track Data: all of it, or what lies in a range of time."""
    for moment in (-1.0, 0.0, 10.0, 11.0):
        run.tracks("robot/position").append(x=moment, _ts=moment)

    everything = run.tracks("robot/position").read()
    data = run.tracks("robot/position").read(
        start_timestamp=0.0,
        end_timestamp=10.0,
    )

    assert isinstance(everything, dict)
    assert everything["count"] == 4
    assert data == {
        "entries": [{"timestamp": 0.0, "x": 0.0}, {"timestamp": 10.0, "x": 10.0}],
        "count": 2,
    }


def test_exporting_tracks_as_jsonl(run: AppRun) -> None:
    """Tracks, Reading Track Data: jsonl is an object per line."""
    run.tracks("robot/position").append(**POSITION, _ts=1.0).append(x=1, _ts=2.0)

    data = run.tracks("robot/position").read(format="jsonl")

    assert isinstance(data, bytes)
    assert [json.loads(line) for line in data.splitlines()] == [
        {"timestamp": 1.0, **POSITION},
        {"timestamp": 2.0, "x": 1},
    ]


def test_exporting_tracks_as_parquet(run: AppRun) -> None:
    """Tracks, Reading Track Data: parquet is a table of all fields."""
    run.tracks("robot/position").append(**POSITION, _ts=1.0)

    parquet_data = run.tracks("robot/position").read(format="parquet")

    assert isinstance(parquet_data, bytes)
    table = parquet.read_table(io.BytesIO(parquet_data))
    assert table.to_pylist() == [{"timestamp": 1.0, **POSITION}]


def test_exporting_tracks_as_mocap(run: AppRun) -> None:
    """Tracks, Reading Track Data: mocap has channels and frames."""
    run.tracks("robot/position").append(**POSITION, _ts=1.0)

    data = run.tracks("robot/position").read(format="mocap")

    assert isinstance(data, dict)
    assert data["channels"] == ["e", "q"]
    assert data["frames"] == [{"time": 1.0, **POSITION}]


def test_logging(run: AppRun) -> None:
    """Logging, Basic Usage: messages with levels, in order."""
    run.log("Training started")
    run.log("Model: ResNet-50", level="info")
    run.log("GPU memory low", level="warn")
    run.log("Failed to load", level="error")

    assert [(entry.level, entry.message) for entry in run.logs()] == [
        ("info", "Training started"),
        ("info", "Model: ResNet-50"),
        ("warn", "GPU memory low"),
        ("error", "Failed to load"),
    ]


@pytest.mark.parametrize("level", ["debug", "info", "warn", "error", "fatal"])
def test_log_levels(run: AppRun, level: str) -> None:
    """Logging, Log Levels: each of the five."""
    run.log("something", level=level)

    (entry,) = run.logs()
    assert entry.level == level


def test_logging_with_metadata(run: AppRun) -> None:
    """Logging, Structured Metadata: values beside the message."""
    run.log(
        "Epoch completed",
        level="info",
        metadata={"epoch": 5, "train_loss": 0.234, "val_loss": 0.456},
    )

    (entry,) = run.logs()
    assert entry.metadata == {"epoch": 5, "train_loss": 0.234, "val_loss": 0.456}


def test_error_tracking(tracker: NativeTracker, run: AppRun) -> None:
    """Logging, Error Tracking: an error is logged, and goes on to end the run."""

    def work() -> None:
        try:
            risky_operation()
        except Exception as e:
            run.log(
                f"Operation failed: {e}",
                level="error",
                metadata={"error_type": type(e).__name__},
            )
            raise

    with pytest.raises(OSError, match="disk is gone"), run:
        work()

    (entry,) = run.logs(level="error")
    assert entry.message == "Operation failed: disk is gone"
    assert entry.metadata == {"error_type": "OSError"}
    assert tracker.run(run.run_id).status == "FAILED"


def test_storage_keeps_all_four(tracker: NativeTracker, run: AppRun) -> None:
    """Storage Format: parameters, metrics, logs and tracks are in one store."""
    run.log_params({"seed": 7})
    run.metrics("train").log(loss=0.5)
    run.log("Training started")
    run.tracks("robot/position").append(x=1.0, _ts=1.0)
    run.flush()

    assert tracker.params(run.run_id) == {"seed": 7}
    assert list(tracker.series(run.run_id)) == ["train/loss"]
    assert [entry.message for entry in tracker.logs(run.run_id)] == ["Training started"]
    assert list(tracker.topics(run.run_id)) == ["robot/position"]


def risky_operation() -> None:
    """Fail."""
    raise OSError("disk is gone")
