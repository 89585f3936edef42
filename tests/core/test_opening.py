"""Opening a run in code, and what an unusable setting does then."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

import tracker_memory
from tracker_core import TrackerBase, track
from tracker_core.configfile import BackendSetting
from tracker_core.errors import (
    BackendNotFoundError,
    BackendUnavailableError,
    ConfigError,
    InvalidValueError,
    TrackerError,
    UnsupportedTypeError,
)
from tracker_core.opening import open_targets
from tracker_core.testing import FaultyTracker, MemoryTracker

SECRET = "hunter2-and-more"  # noqa: S105 - what no message may show
MEMORY = "tracker_memory:create"

CLOSING = """
from tracker_core.testing import MemoryTracker

closed = []

class Tracker(MemoryTracker):
    def close(self):
        closed.append(self.config)
        raise OSError("cannot close")

def create(config):
    tracker = Tracker()
    tracker.config = config
    return tracker
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder that is also the user's home and that of Tracker."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TRACKER_HOME", str(tmp_path / "kept"))
    return tmp_path


@pytest.fixture
def store(tmp_path: Path) -> MemoryTracker:
    """Give the memory that the variables of :func:`configure` lead to."""
    return tracker_memory.create(str(tmp_path))


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """Give a function that configures the memory and sets more variables."""

    def configured(**variables: str) -> None:
        monkeypatch.setenv("TRACKER_BACKENDS", f"memory={MEMORY}")
        monkeypatch.setenv("TRACKER_MEMORY_CONFIG", str(tmp_path))
        for name, text in variables.items():
            monkeypatch.setenv(name, text)

    return configured


@pytest.fixture
def closing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Give a factory whose trackers cannot be closed."""
    (tmp_path / "closing_module.py").write_text(CLOSING)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "closing_module:create"
    sys.modules.pop("closing_module", None)


def test_track_opens_a_run_on_given_trackers() -> None:
    """It exists when the call returns, and lives as long as its block."""
    tracker = MemoryTracker()

    run = track("iris", name="first", group_id="g", trackers=[tracker])
    run.flush()
    before = tracker.run(run.id)
    with run:
        run.log_param("lr", 0.1)

    assert (before.status, before.experiment, before.name) == (
        "PENDING",
        "iris",
        "first",
    )
    assert before.group_id == "g"
    assert run.name == "first"
    assert tracker.run(run.id).status == "FINISHED"
    assert tracker.params(run.id) == {"lr": 0.1}


def test_track_gives_every_run_an_id_of_its_own() -> None:
    """It is a ULID."""
    ids = {track(trackers=[]).id for _ in range(100)}

    assert len(ids) == 100
    assert {len(run_id) for run_id in ids} == {26}


def test_track_uses_the_configured_backends(
    configure: Callable[..., None], store: MemoryTracker
) -> None:
    """Variables tell where, and fill what the call leaves open."""
    configure(TRACKER_EXPERIMENT="e", TRACKER_GROUP="g", TRACKER_ATTEMPT="2")

    with track() as run:
        pass

    info = store.run(run.id)
    assert (info.experiment, info.group_id) == ("e", "g")
    assert [attempt.number for attempt in info.attempts] == [2]


def test_track_uses_sqlite_when_nothing_is_configured(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database lies in the home of Tracker."""
    about = folder / "named-1.0.dist-info"
    about.mkdir()
    points = "[tracker_core.backends]\nsqlite = tracker_sqlite:create\n"
    (about / "entry_points.txt").write_text(points)
    monkeypatch.syspath_prepend(str(folder))

    with track() as run:
        run.log_param("lr", 0.1)

    assert (folder / "kept" / "tracker.db").exists()


def test_track_records_its_parent(configure: Callable[..., None]) -> None:
    """As a fact of the run and as a source."""
    tracker = MemoryTracker()
    configure(TRACKER_PARENT_RUN_ID="grandparent")

    given = track(parent_run_id="p", trackers=[tracker])
    configured = track(trackers=[tracker])
    for run in (given, configured):
        run.flush()

    assert tracker.run(given.id).parent_run_id == "p"
    assert [source.parent.id for source in given.sources()] == ["p"]
    assert tracker.run(configured.id).parent_run_id == "grandparent"


def test_track_in_a_job_makes_a_child_of_its_run(
    configure: Callable[..., None], store: MemoryTracker
) -> None:
    """The job's run is the parent of all that it tracks by itself."""
    configure(TRACKER_JOB_ID="job", TRACKER_PARENT_RUN_ID="grandparent")

    run = track()
    run.flush()

    assert store.run(run.id).parent_run_id == "job"


def test_track_in_a_scheduled_job_is_one_of_its_array(
    configure: Callable[..., None], store: MemoryTracker
) -> None:
    """It has an id of its own, and no parent, since the job need not have a run."""
    configure(LSB_JOBID="7", LSB_JOBINDEX="2")

    run = track()
    run.flush()

    assert len(run.id) == 26
    assert (store.run(run.id).parent_run_id, store.run(run.id).group_id) == (
        None,
        "lsf-7",
    )


@pytest.mark.parametrize("keyword", ["experiment", "name", "group_id", "parent_run_id"])
@pytest.mark.parametrize("text", ["", "a\udcff"])
def test_track_refuses_an_unusable_name(keyword: str, text: str) -> None:
    """Nothing is written."""
    tracker = MemoryTracker()

    opened: Callable[..., object] = track
    with pytest.raises(InvalidValueError):
        opened(**{keyword: text}, trackers=[tracker])

    assert tracker.runs() == []


def test_track_refuses_what_is_no_tracker() -> None:
    """The message says what is missing."""
    with pytest.raises(ConfigError, match="object is no tracker"):
        track(trackers=[cast("TrackerBase", object())])


def test_track_isolates_its_backends(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The bad one costs the others nothing, and is named twice."""
    monkeypatch.setenv("TRACKER_CLOSE_TIMEOUT", "2")
    first, last = MemoryTracker(), MemoryTracker()

    with track(trackers=[first, FaultyTracker(MemoryTracker()), last]) as run:
        run.log_param("lr", 0.1)

    assert first.params(run.id) == last.params(run.id) == {"lr": 0.1}
    assert first.run(run.id).status == last.run(run.id).status == "FINISHED"
    failed, missed = caplog.messages
    assert failed.startswith("backend 'FaultyTracker' failed: ")
    assert failed.endswith("; the job and the other backends go on")
    assert missed.startswith(
        f"backend 'FaultyTracker' has missed 5 records of run {run.id!r} ("
    )
    assert missed.endswith("so nobody delivers them later")


def test_track_leaves_nothing_in_the_journal_that_every_backend_has(
    folder: Path,
) -> None:
    """Neither records nor content, whoever the backends belong to."""
    trackers = [MemoryTracker(), MemoryTracker()]

    with track(trackers=trackers) as run:
        run.log_param("lr", 0.1)
        run.log_text("note", "text")

    assert [tracker.params(run.id) for tracker in trackers] == [{"lr": 0.1}] * 2
    (kept,) = (folder / "kept" / "journal").iterdir()
    assert list(kept.glob("writers/*/*.segment")) == []
    assert [path for path in kept.glob("content/*/*") if path.is_file()] == []


def test_track_keeps_in_the_journal_what_a_backend_lacks(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the others have is there for as long as one of them has not."""
    monkeypatch.setenv("TRACKER_CLOSE_TIMEOUT", "2")
    trackers = [MemoryTracker(), FaultyTracker(MemoryTracker())]

    with track(trackers=trackers) as run:
        run.log_text("note", "text")

    (kept,) = (folder / "kept" / "journal").iterdir()
    assert list(kept.glob("writers/*/*.segment")) != []
    assert [path.read_text() for path in kept.glob("content/*/*")] == ["text"]


@pytest.mark.parametrize("plan", ["first", "always"])
def test_track_closes_a_backend_that_fails(
    plan: str,
    configure: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
    closing: str,
) -> None:
    """Also while it is left alone after a failure."""
    inner = json.dumps({"fault": "fail", "plan": plan, "inner": {closing: None}})
    configure(
        TRACKER_BACKENDS="a=tracker_core.testing.faults:create",
        TRACKER_A_CONFIG=inner,
        TRACKER_CLOSE_TIMEOUT="0.3",
    )

    with track():
        pass

    assert "backend 'a' failed to close: OSError: cannot close" in caplog.messages


def test_track_leaves_given_trackers_open(
    closing: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Who made them closes them."""
    (target,) = open_targets([BackendSetting("a", closing)], "raise")

    with track(trackers=[target.raw]):
        pass

    assert caplog.messages == []


def test_track_closes_what_it_has_built(
    closing: str, configure: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    """A tracker that cannot be closed is a warning."""
    configure(TRACKER_BACKENDS=f"a={closing}")

    with track():
        pass

    assert caplog.messages == ["backend 'a' failed to close: OSError: cannot close"]


UNUSABLE: dict[str, type[TrackerError]] = {
    "zzz": BackendNotFoundError,
    "gone:f": BackendUnavailableError,
    "a=json:dumps": ConfigError,
}


@pytest.mark.parametrize("text", UNUSABLE)
def test_unusable_backend_is_raised(configure: Callable[..., None], text: str) -> None:
    """The error comes before any work is done."""
    configure(TRACKER_BACKENDS=f"memory={MEMORY},{text}")

    with pytest.raises(UNUSABLE[text]):
        track()


@pytest.mark.parametrize("text", UNUSABLE)
def test_unusable_backend_is_left_out_where_that_is_the_policy(
    configure: Callable[..., None],
    store: MemoryTracker,
    caplog: pytest.LogCaptureFixture,
    text: str,
) -> None:
    """The others are used, and a warning names it."""
    configure(TRACKER_BACKENDS=f"memory={MEMORY},{text}", TRACKER_ON_ERROR="warn")

    with track() as run:
        pass

    assert store.run(run.id).status == "FINISHED"
    assert len(caplog.messages) == 1
    assert "is left out: " in caplog.messages[0]


def test_corrupt_file_is_raised(folder: Path) -> None:
    """The message names it."""
    (folder / "tracker.toml").write_text("a = ")

    with pytest.raises(ConfigError, match=r"tracker.toml cannot be read at line 1"):
        track(trackers=[])


@pytest.mark.parametrize(
    "variables",
    [
        {"TRACKER_ON_ERROR": "warn"},
        {"TRACKER_ON_ERROR": " warn ", "TRACKER_GROUP": "g"},
    ],
)
def test_corrupt_file_is_left_out_where_that_is_the_policy(
    folder: Path,
    configure: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
    variables: dict[str, str],
) -> None:
    """Trackers that were given are used all the same."""
    (folder / "tracker.toml").write_text("a = ")
    configure(**variables)
    tracker = MemoryTracker()

    with track(trackers=[tracker]) as run:
        pass

    assert tracker.run(run.id).status == "FINISHED"
    assert len(caplog.messages) == 1
    assert "unusable and left out: tracker.toml cannot be read" in caplog.messages[0]


def test_policy_of_the_file_counts_for_a_variable(
    folder: Path, configure: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    """A file may say that no setting stops a job."""
    (folder / "tracker.toml").write_text('on_error = "warn"')
    configure(TRACKER_ATTEMPT="x")

    track(trackers=[])

    assert "left out: TRACKER_ATTEMPT is 'x'" in caplog.messages[0]


def test_open_targets_names_them_and_keeps_their_configs(folder: Path) -> None:
    """Each is closed by whoever delivers to it."""
    settings = [BackendSetting(name, MEMORY, str(folder)) for name in "ab"]

    targets = open_targets(settings, "raise")

    assert [(t.name, t.config, t.is_owned) for t in targets] == [
        ("a", str(folder), True),
        ("b", str(folder), True),
    ]


def test_open_targets_closes_what_it_has_built_when_it_raises(
    closing: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The error is the one of the backend that is unusable, whatever closing does."""
    settings = [
        BackendSetting("a", closing, "1"),
        BackendSetting("b", closing, "2"),
        BackendSetting("gone", "gone_away:f"),
        BackendSetting("c", closing, "3"),
    ]

    with pytest.raises(BackendUnavailableError, match="gone_away"):
        open_targets(settings, "raise")

    assert sys.modules["closing_module"].closed == ["1", "2"]
    assert len(caplog.messages) == 2


def test_no_secret_is_logged(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    configure: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Neither at opening, nor while the run works, nor at its end."""
    (folder / "leaky_module.py").write_text(
        "from tracker_core.testing import FaultyTracker, MemoryTracker\n"
        "def fail(config):\n    raise OSError(f'no login with {config}')\n"
        "def create(config):\n"
        "    plan = lambda write: OSError(f'no login with {config!r}')\n"
        "    return FaultyTracker(MemoryTracker(), plan)\n"
    )
    monkeypatch.syspath_prepend(str(folder))
    configure(
        TRACKER_BACKENDS="a=leaky_module:fail,b=leaky_module:create",
        TRACKER_A_CONFIG=SECRET,
        TRACKER_B_CONFIG=f"token={SECRET}",
        TRACKER_ON_ERROR="warn",
        TRACKER_CLOSE_TIMEOUT="0.5",
    )

    with caplog.at_level("DEBUG"), track() as run:
        run.log_param("lr", 0.1)

    del sys.modules["leaky_module"]
    assert len(caplog.messages) == 3
    assert SECRET not in caplog.text
    assert all(SECRET not in repr(vars(record)) for record in caplog.records)


def test_track_takes_a_list_of_trackers_alone() -> None:
    """One tracker by itself is not guessed to mean a list of it."""
    tracker: Any = MemoryTracker()

    with pytest.raises(UnsupportedTypeError, match="use a list of trackers"):
        track("a", trackers=tracker)
