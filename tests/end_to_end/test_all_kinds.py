"""One scripted run with every kind of record reads back equal from every backend."""

import logging
import math
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import pytest
from pydantic import BaseModel, Field

import tracker_fsspec
import tracker_sqlite
from tracker_core import AppRun, LogHandler, NativeTracker, track, track_this
from tracker_core.testing.contract.answers import answers
from tracker_core.testing.memory import MemoryTracker

BIG = 10**30


class Ham(BaseModel):
    """A result as programs hold them."""

    name: str = Field(alias="Ham-Alias")


def params_and_labels(run: AppRun) -> None:
    """Log settings of every type, twice, and labels."""
    values = {"lr": 1e-3, "n": 3, "big": BIG, "ok": True, "none": None, "nan": math.nan}
    run.log_params(
        {**values, "optimizer": {"type": "adam", "betas": [0.9, 1]}, "e": {}}
    )
    run.log_param("lr", 1)
    run.log_param("optimizer", "adam")
    run.set_tags({"device": "cpu", "é": "\U0001f680"})
    run.set_tag("device", "gpu")
    run.add_metadata(best=math.inf, labels=["a", {"b": -0.0}])


def metrics(run: AppRun) -> None:
    """Log numbers and other values, one by one, in columns and collected."""
    for step in (0, 1, 1, 2):
        run.log_metrics({"train/loss": 1 / (step + 1), "train/n": step}, step=step)
    run.log_metric("train/loss", math.nan, step=3)
    train = run.metrics("train")
    train.extend(
        {"loss": np.linspace(0, 1, 100), "extra": ["x"] * 100}, step=range(100)
    )
    train.log({"step": 7}, text="note", ham=Ham(**{"Ham-Alias": "x"}))
    train.buffer(speed=1.0).buffer(speed=2.0).log_summary("mean", "p95", step=4)
    run.metrics().log(loss=-math.inf)


def the_rest(run: AppRun, folder: Path) -> None:
    """Log messages, tracks, artifacts, edges and steps."""
    logger = logging.getLogger("test.all_kinds")
    logger.addHandler(LogHandler(run))
    logger.warning("from %s", "logging")
    logger.handlers.clear()
    run.log("hello", level="DEBUG", metadata={})
    pose = run.tracks("robot/position")
    pose.append(q=[0.1, 0.2], _ts=1.0).append(v=1, pose={"x": 1}, _ts=1.0)
    pose.append(q=[0.3], _ts=-2.5)
    run.tracks("robot_position").append(_ts=0)
    (folder / "model.pt").write_bytes(bytes(range(256)) * 1000)
    run.log_file(folder / "model.pt", "model", "program", metadata={"epoch": 3})
    run.log_json("counts", {"11": 500, "00": 500}, role="results")
    run.log_text("counts", "replaced")
    run.log_bytes("qpy", b"\x00" * 10, "application/x-qpy", name="../circuit")
    run.add_artifact("ckpt", "s3://bucket/ckpt", {"epoch": 10})
    run.add_source("dataset", "train")
    run.set_span_id("00f067aa0ba902b7", "4bf92f3577b34da6a3ce929d0e0e4736")
    with run.step("fit") as fit, fit.step("epoch"):
        track_this(answer=42, step=1)
        track_this(answer=43, step=2)
    with suppress(ZeroDivisionError), run.step("fit"):
        raise ZeroDivisionError


@pytest.fixture
def trackers(tmp_path: Path) -> Iterator[dict[str, NativeTracker]]:
    """Give one tracker of each native backend."""
    found = {
        "memory": MemoryTracker(),
        "sqlite": tracker_sqlite.create(str(tmp_path / "runs.db")),
        "fsspec": tracker_fsspec.create(str(tmp_path / "runs")),
    }
    yield found
    for tracker in found.values():
        tracker.close()


def log_everything(trackers: dict[str, NativeTracker], folder: Path) -> str:
    """Log every kind of record to several trackers at once; return the run."""
    with track(
        "iris",
        name="all kinds",
        group_id="sweep",
        parent_run_id="parent",
        experiment_config={"model": "gpt2", "layers": [1, 2]},
        trackers=trackers.values(),
    ) as run:
        params_and_labels(run)
        metrics(run)
        the_rest(run, folder)
    return run.id


@pytest.fixture
def told(trackers: dict[str, NativeTracker], tmp_path: Path) -> str:
    """Log everything to all of them at once, and give the run."""
    return log_everything(trackers, tmp_path)


@pytest.mark.parametrize("backend", ["sqlite", "fsspec"])
def test_run_reads_back_as_the_model_has_it(
    backend: str, trackers: dict[str, NativeTracker], told: str
) -> None:
    """Kind by kind, by value and type, with all history."""
    expected = answers(trackers["memory"], told)

    found = answers(trackers[backend], told)

    assert expected.keys() == found.keys()
    for kind, answer in expected.items():
        assert found[kind] == answer, kind


@pytest.mark.parametrize("backend", ["sqlite", "fsspec"])
@pytest.mark.parametrize("name", ["model.pt", "counts", "../circuit"])
def test_content_is_the_same_everywhere(
    backend: str, name: str, trackers: dict[str, NativeTracker], told: str
) -> None:
    """By name, and by the digest, which is equal too."""
    with closing(trackers["memory"].open_artifact(told, name)) as file:
        expected = file.read()

    digest = trackers[backend].artifacts(told)[name].digest

    assert digest is not None
    with closing(trackers[backend].open_artifact(told, digest)) as file:
        assert file.read() == expected


@pytest.mark.parametrize(
    "view",
    [
        lambda run: run.run_log(),
        lambda run: run.fingerprints(["params", "seed", "code"]),
        lambda run: run.metrics("train").read(90, 20),
        lambda run: run.tracks("robot/position").read(format="mocap"),
        lambda run: run.lineage(),
        lambda run: [found.run_id for found in run.backends[0].runs("params.n = 3")],
    ],
    ids=["run log", "fingerprints", "page", "track", "lineage", "query"],
)
@pytest.mark.parametrize("backend", ["sqlite", "fsspec"])
def test_views_are_the_same(
    backend: str,
    view: Callable[[AppRun], object],
    trackers: dict[str, NativeTracker],
    told: str,
) -> None:
    """What is made from the reads does not depend on the backend."""
    expected = view(AppRun(told, [trackers["memory"]]))

    found = view(AppRun(told, [trackers[backend]]))

    assert repr(found) == repr(expected)


def test_script_uses_every_read(trackers: dict[str, NativeTracker], told: str) -> None:
    """None of the answers that are compared is empty, so that nothing is forgotten."""
    found = answers(trackers["memory"], told)

    assert [kind for kind, answer in found.items() if not answer] == []
