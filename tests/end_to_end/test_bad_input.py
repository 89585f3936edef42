"""Bad input is refused where it comes in, and leaves nothing behind."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest

import tracker_sqlite
from tracker_core import (
    AppRun,
    ConfigError,
    InvalidValueError,
    NativeTracker,
    RunEndedError,
    UnsupportedTypeError,
    track,
)
from tracker_core.registry import build_trackers
from tracker_core.testing import MemoryTracker

tracker_fsspec = pytest.importorskip("tracker_fsspec", reason="needs fsspec")

SURROGATE = "a\udcffb"


@pytest.fixture
def trackers(tmp_path: Path) -> Iterator[list[NativeTracker]]:
    """Give an empty store of each kind."""
    made = [
        MemoryTracker(),
        tracker_sqlite.create(str(tmp_path / "runs.db")),
        tracker_fsspec.create(str(tmp_path / "runs")),
    ]
    yield made
    for tracker in made:
        tracker.close()


@pytest.fixture
def run(trackers: list[NativeTracker]) -> AppRun:
    """Give a run on all of them."""
    return AppRun("r", trackers)


def values(tracker: NativeTracker) -> list[object]:
    """Give the values of the series that the tests log."""
    return list(tracker.points("r", "x").values)


def circle() -> list[object]:
    """Give a list that holds itself."""
    items: list[object] = [1]
    items.append(items)
    return items


def deep() -> object:
    """Give a value that nests too deep."""
    value: object = 1
    for _ in range(100):
        value = {"x": value}
    return value


def text(value: object) -> str:
    """Pass off anything as text."""
    return cast("str", value)


def step(value: object) -> int:
    """Pass off anything as a step."""
    return cast("int", value)


# What a job may get wrong, and what the message says of it.
BAD_CALLS: dict[str, tuple[Callable[[AppRun], object], str]] = {
    "object as param": (
        lambda run: run.log_params({"lr": 0.1, "model": object()}),
        r"param 'model' has the type object, which cannot be kept; use text, int",
    ),
    "object in a param": (
        lambda run: run.log_param("layers", [1, {"a": {1, 2}}]),
        r"param 'layers'\[1\]\['a'\] has the type set, which cannot be kept",
    ),
    "object as metadata": (
        lambda run: run.add_metadata(good=1, bad=b"bytes"),
        r"metadata 'bad' has the type bytes, which cannot be kept",
    ),
    "object as metric": (
        lambda run: run.log_metrics({"a": 1, "b": 1j}),
        r"metric 'b' has the type complex, which cannot be kept",
    ),
    "object in the metadata of an artifact": (
        lambda run: run.add_artifact("a", "b", {"c": object()}),
        r"metadata of artifact 'a'\['c'\] has the type object, which cannot be kept",
    ),
    "text as metadata of an artifact": (
        lambda run: run.add_artifact("a", "b", cast("dict[str, object]", "c")),
        r"metadata of artifact 'a' has the type str, which cannot be kept; use a map",
    ),
    "number as key": (
        lambda run: run.log_param("a", {1: 2}),
        r"param key under 'a\.' has the type int",
    ),
    "list as params": (
        lambda run: run.log_params([1]),
        r"params has the type list, which cannot be kept; use a mapping",
    ),
    "number as tag": (
        lambda run: run.set_tag("device", text(3)),
        r"tag 'device' has the type int, which cannot be kept; use text",
    ),
    "None as tag": (
        lambda run: run.set_tags({"a": "b", "device": text(None)}),
        r"tag 'device' has the type NoneType",
    ),
    "number as path": (
        lambda run: run.add_artifact("a", text(3)),
        r"path of artifact 'a' has the type int",
    ),
    "number as source": (
        lambda run: run.add_source(text(3)),
        r"source id has the type int",
    ),
    "negative step": (
        lambda run: run.log_metric("a", 1, step=-1),
        r"step is -1; use an int from 0",
    ),
    "bool as step": (
        lambda run: run.log_metric("a", 1, step=True),
        r"step has the type bool, which cannot be kept; use an int from 0",
    ),
    "float as step": (
        lambda run: run.log_metric("a", 1, step=step(1.0)),
        r"step has the type float",
    ),
    "text as step": (
        lambda run: run.log_metric("a", 1, step=step("1")),
        r"step has the type str",
    ),
    "step beyond all": (
        lambda run: run.log_metric("a", 1, step=2**63),
        r"step is 9223372036854775808; use an int from 0 to 2\*\*63 - 1",
    ),
    "metric without a field": (
        lambda run: run.log_metric("train/", 1),
        r"metric key 'train/' has an empty stream or field; use stream/field",
    ),
    "metric without a stream": (
        lambda run: run.log_metric("/loss", 1),
        r"metric key '/loss' has an empty stream or field; use stream/field",
    ),
    "metric without a name": (
        lambda run: run.log_metric("", 1),
        r"metric key is empty; give it a name",
    ),
    "param without a name": (
        lambda run: run.log_param("", 1),
        r"param key is empty; give it a name",
    ),
    "tag without a name": (lambda run: run.set_tag("", "a"), r"tag key is empty"),
    "artifact without a name": (
        lambda run: run.add_artifact("", "a"),
        r"artifact name is empty",
    ),
    "artifact without a path": (
        lambda run: run.add_artifact("a", ""),
        r"path of artifact 'a' is empty",
    ),
    "source without an id": (lambda run: run.add_source(""), r"source id is empty"),
    "reserved prefix": (
        lambda run: run.add_metadata(**{"a": 1, "tracker.params.lr": 2}),
        r"metadata key 'tracker\.params\.lr' is reserved; choose another",
    ),
    "reserved run_id": (
        lambda run: run.add_metadata(run_id="x"),
        r"metadata key 'run_id' is reserved",
    ),
    "surrogate in a value": (
        lambda run: run.add_metadata(a=["b", SURROGATE]),
        r"metadata 'a'\[1\] holds the lone surrogate '.udcff' at position 1",
    ),
    "surrogate in a nested key": (
        lambda run: run.add_metadata(a={SURROGATE: 1}),
        r"a key of metadata 'a' holds the lone surrogate",
    ),
    "surrogate in a metadata key": (
        lambda run: run.add_metadata(**{SURROGATE: 1}),
        r"metadata key holds the lone surrogate",
    ),
    "surrogate in a param": (
        lambda run: run.log_param("a", SURROGATE),
        r"param 'a' holds the lone surrogate",
    ),
    "surrogate in a tag": (
        lambda run: run.set_tag("a", SURROGATE),
        r"tag 'a' holds the lone surrogate",
    ),
    "surrogate in a metric key": (
        lambda run: run.log_metric(SURROGATE, 1),
        r"metric key holds the lone surrogate",
    ),
    "surrogate in a path": (
        lambda run: run.add_artifact("a", os.fsdecode(b"\xff")),
        r"path of artifact 'a' holds the lone surrogate",
    ),
    "surrogate in a label": (
        lambda run: run.add_source("a", SURROGATE),
        r"artifact name holds the lone surrogate",
    ),
    "circle as metadata": (
        lambda run: run.add_metadata(a=circle()),
        r"metadata 'a'.* nests deeper than 64 levels; flatten it",
    ),
    "circle as param": (
        lambda run: run.log_param("a", circle()),
        r"param 'a'.* nests deeper than 64 levels; flatten it",
    ),
    "too deep a metric": (
        lambda run: run.log_metric("a", deep()),
        r"metric 'a'.* nests deeper than 64 levels; flatten it",
    ),
    "too deep params": (
        lambda run: run.log_params({"a": deep()}),
        r"params nest deeper than 64 levels",
    ),
    "list as metrics": (
        lambda run: run.log_metrics(cast("dict[str, object]", [1])),
        r"metrics has the type list, which cannot be kept; use a mapping",
    ),
    "object tracked": (
        lambda run: run.track_this(good=1, bad=object()),
        r"metric 'bad' has the type object",
    ),
    "unknown level": (
        lambda run: run.log("a", "loud"),
        r"level is 'loud'; use debug, info, warn, error, fatal",
    ),
    "number as level": (
        lambda run: run.log("a", text(20)),
        r"level has the type int",
    ),
    "object as message": (
        lambda run: run.log(text(object())),
        r"log message has the type object, which cannot be kept; use text",
    ),
    "surrogate in a message": (
        lambda run: run.log(SURROGATE),
        r"log message holds the lone surrogate",
    ),
    "object in the metadata of a message": (
        lambda run: run.log("a", metadata={"b": object()}),
        r"metadata of the log\['b'\] has the type object",
    ),
    "empty span": (lambda run: run.set_span_id(""), r"span id is empty"),
    "number as span": (
        lambda run: run.set_span_id(text(3)),
        r"span id has the type int",
    ),
    "empty trace": (lambda run: run.set_span_id("a", ""), r"trace id is empty"),
    "object as point": (
        lambda run: run.metrics("train").log(loss=object()),
        r"metric 'loss' has the type object",
    ),
    "columns of different lengths": (
        lambda run: run.metrics("t").extend({"a": [1], "b": [1, 2]}),
        r"columns of stream 't' differ in length: 'a' has 1, 'b' has 2",
    ),
    "object within a column": (
        lambda run: run.metrics("t").extend({"a": [1, {2}]}),
        r"metric 'a' has the type set",
    ),
    "moment that is none": (
        lambda run: run.tracks("t").append(x=1, _ts=float("nan")),
        r"_ts of topic 't' is nan; use finite seconds",
    ),
    "object on a track": (
        lambda run: run.tracks("t").append(x=object()),
        r"an entry of topic 't'\['x'\] has the type object",
    ),
    "object as JSON": (
        lambda run: run.log_json("a", {1, 2}),
        r"artifact 'a' has the type set",
    ),
    "text as bytes": (
        lambda run: run.log_bytes("k", cast("bytes", "a")),
        r"data of artifact 'k' has the type str, which cannot be kept; use bytes",
    ),
    "file that is not there": (
        lambda run: run.log_file("gone.pt"),
        r"file 'gone\.pt' cannot be logged: No such file or directory; check it",
    ),
    "folder as file": (
        lambda run: run.log_file(os.curdir, name="a"),
        r"'\.' is a folder; log regular files, one by one",
    ),
    "step without a name": (
        lambda run: run.step(""),
        r"step name is empty; give it a name",
    ),
    "unknown status": (
        lambda run: run.finish("DONE"),
        r"status is 'DONE'; use FINISHED, FAILED, KILLED",
    ),
    "object as cause": (
        lambda run: run.finish("FAILED", {"kind": object()}),
        r"cause\['kind'\] has the type object",
    ),
    "int without end": (
        lambda run: run.log_param("a", 10**5000),
        r"param 'a' is an int of 16610 bits; log it as text",
    ),
}


@pytest.mark.parametrize(("call", "message"), BAD_CALLS.values(), ids=BAD_CALLS)
def test_bad_value_is_refused_and_nothing_is_written(
    run: AppRun,
    trackers: list[NativeTracker],
    call: Callable[[AppRun], object],
    message: str,
) -> None:
    """The error names what was wrong; no backend has heard of the run."""
    with pytest.raises((InvalidValueError, UnsupportedTypeError), match=message):
        call(run)

    assert [list(tracker.runs()) for tracker in trackers] == [[], [], []]


@pytest.mark.parametrize(("call", "message"), BAD_CALLS.values(), ids=BAD_CALLS)
def test_bad_value_harms_nothing_that_is_there(
    run: AppRun,
    trackers: list[NativeTracker],
    call: Callable[[AppRun], object],
    message: str,
) -> None:
    """The run goes on before and after, in every backend."""
    run.log_metric("x", 1)
    with pytest.raises((ValueError, TypeError), match=message):
        call(run)
    run.log_metric("x", 2)

    assert [values(tracker) for tracker in trackers] == [[1, 2]] * 3


def test_bad_value_is_refused_by_the_empty_run() -> None:
    """A job learns of its mistake before it is ever launched."""
    run = AppRun.run_from_env()

    with pytest.raises(UnsupportedTypeError, match="param 'model' has the type object"):
        run.log_param("model", object())


@pytest.mark.parametrize("run_id", ["", SURROGATE])
def test_unusable_run_id_is_refused(trackers: list[NativeTracker], run_id: str) -> None:
    """By the run, and by every tracker that is called directly."""
    with pytest.raises(InvalidValueError, match="run id"):
        AppRun(run_id, trackers)
    for tracker in trackers:
        with pytest.raises(InvalidValueError, match="run id"):
            tracker.add_metadata(run_id, a=1)

    assert [list(tracker.runs()) for tracker in trackers] == [[], [], []]


def test_log_after_finish_is_refused(
    run: AppRun, trackers: list[NativeTracker]
) -> None:
    """The message says when to log; what is there stays."""
    run.log_metric("x", 1)
    run.finish()

    with pytest.raises(RunEndedError, match=r"log before finish\(\) or before leaving"):
        run.log_metric("x", 2)

    assert [values(tracker) for tracker in trackers] == [[1]] * 3


def test_unknown_tracker_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any work is done, with what to do."""
    monkeypatch.setenv("TRACKER_BACKENDS", "no-such-backend")

    with pytest.raises(LookupError, match="no backend is named 'no-such-backend'; "):
        AppRun.run_from_env()


@pytest.mark.parametrize("name", ["tracker.toml", ".torchxconfig"])
def test_corrupt_config_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The message names file and line, and nothing of the content."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / name).write_text("# ours\npassword hunter2\n")

    with pytest.raises(ConfigError, match=f"{name} cannot be read at line 2") as found:
        track()

    assert "hunter2" not in str(found.value)


def test_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    """The message names it."""
    path = tmp_path / "notes.db"
    path.write_text("dear diary\n" * 100)

    with pytest.raises(ConfigError, match=r"notes\.db"):
        build_trackers({"tracker_sqlite:create": str(path)})

    assert path.read_text() == "dear diary\n" * 100


@pytest.mark.parametrize("backend", ["tracker_sqlite:create", "tracker_fsspec:create"])
def test_place_that_cannot_be_written_is_refused(tmp_path: Path, backend: str) -> None:
    """Below a file nobody can write, not even root; the message names the place."""
    (tmp_path / "file").touch()
    config = str(tmp_path / "file" / "runs.db")

    with pytest.raises(ConfigError, match=r"file/runs\.db"):
        build_trackers({backend: config})


def test_home_that_cannot_be_written_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The default store has no place; the message names the variable."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("TRACKER_HOME", str(tmp_path / "file" / "home"))

    with pytest.raises(
        ConfigError, match=r"TRACKER_HOME '.*/file/home' cannot be made"
    ):
        build_trackers({"tracker_sqlite:create": None})


def start(job: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run a job that opens its run and then does something."""
    path = os.pathsep.join(path for path in sys.path if path)
    code = f"from tracker_core import AppRun\nrun = AppRun.run_from_env()\n{job}"
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("backends", "message"),
    [
        ("sqlit", "no backend is named 'sqlit'"),
        ("a=tracker_sqlite:SqliteTracker", "'a' names the class SqliteTracker"),
        ("a=gone_away:create", "backend 'a' needs the package gone_away"),
        ("a=tracker_sqlite:gone", "has no attribute 'gone'; correct the name"),
    ],
)
def test_job_with_an_unusable_backend_stops_at_once(
    backends: str, message: str
) -> None:
    """The last line on stderr is the message."""
    done = start("print('worked')", TRACKER_BACKENDS=backends)

    assert (done.returncode, done.stdout) == (1, "")
    assert message in done.stderr.splitlines()[-1]


def test_job_with_an_unusable_backend_may_go_on(tmp_path: Path) -> None:
    """Where a warning is the policy, the others are used."""
    done = start(
        "run.log_metric('x', 1)\nprint('worked')",
        TRACKER_BACKENDS="gone_away:create,sqlite=tracker_sqlite:create",
        TRACKER_SQLITE_CONFIG=str(tmp_path / "runs.db"),
        TRACKER_JOB_ID="j",
        TRACKER_ON_ERROR="warn",
    )

    assert (done.returncode, done.stdout) == (0, "worked\n")
    assert "backend 'gone_away:create' is left out: " in done.stderr
    (tracker,) = build_trackers({"tracker_sqlite:create": str(tmp_path / "runs.db")})
    assert cast("NativeTracker", tracker).series("j")["x"].count == 1
    cast("NativeTracker", tracker).close()
