"""Tests of the faulty backend, which a job's environment names."""

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest

from tracker_core.api import Capability, TrackerBase
from tracker_core.configfile import BackendSetting
from tracker_core.errors import (
    BackendNotFoundError,
    ConfigError,
    PermanentError,
    RetryableError,
    TrackerError,
)
from tracker_core.registry import build_tracker
from tracker_core.testing import MemoryTracker
from tracker_core.testing.faults import FaultyTracker, create
from tracker_sqlite import SqliteTracker

_ROOT = Path(__file__).parents[2]
_JOB = """
from tracker_core import AppRun
from tracker_core.registry import trackers_from_environ

run = AppRun("run", trackers_from_environ())
for number in range(5):
    run.add_metadata(**{f"key{number}": number})
"""


def create_plain(config: str | None) -> object:
    """Make a tracker that has the eight calls alone."""
    del config
    inner = MemoryTracker()
    calls = {name: getattr(inner, name) for name in TrackerBase.__abstractmethods__}
    return SimpleNamespace(**calls)


def planned(**said: object) -> FaultyTracker:
    """Build a tracker from settings."""
    return create(json.dumps(said))


def tried(tracker: FaultyTracker, count: int) -> list[int]:
    """Write one key after the other; tell those that were kept."""
    for number in range(1, count + 1):
        with suppress(TrackerError):
            tracker.add_metadata("run", **{f"key{number}": number})
    return sorted(int(str(value)) for value in tracker.metadata("run").values())


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (None, "planned to fail"),
        ("", "planned to fail"),
        ("disk full", "disk full"),
        ("3", "^3$"),
        ("{}", "planned to fail"),
        ('{"message": "disk full"}', "disk full"),
    ],
)
def test_every_write_fails_by_default(config: str | None, message: str) -> None:
    """A config that is no JSON object is the message of the errors."""
    tracker = create(config)

    with pytest.raises(RetryableError, match=message):
        tracker.add_metadata("run", key=1)

    assert Capability.PERSISTENT not in tracker.capabilities


def test_backend_is_named_in_the_environment() -> None:
    """The registry finds it like any factory."""
    setting = BackendSetting("faulty", "tracker_core.testing.faults:create", "no")

    assert isinstance(build_tracker(setting), FaultyTracker)


def test_refusal_is_for_ever() -> None:
    """Sending the batch again would not help."""
    with pytest.raises(PermanentError, match="never"):
        planned(fault="refuse", message="never").add_metadata("run", key=1)


@pytest.mark.parametrize(
    ("fault", "kept"), [("fail", []), ("halfway", []), ("after", [1]), ("slow", [1])]
)
def test_fault_leaves_nothing_or_all_of_a_record(fault: str, kept: list[int]) -> None:
    """As the faults of those names do."""
    assert tried(planned(fault=fault, seconds=0.001), 1) == kept


@pytest.mark.parametrize(
    ("plan", "kept"),
    [
        ({}, []),
        ({"plan": "always"}, []),
        ({"plan": "every", "n": 2}, [1, 3, 5]),
        ({"plan": "first", "n": 2}, [3, 4, 5, 6]),
        ({"plan": "first"}, [2, 3, 4, 5, 6]),
        ({"plan": "once", "n": 3}, [1, 2, 4, 5, 6]),
        ({"plan": "seeded", "seed": 5, "probability": 0.5}, [4, 5]),
        ({"plan": "seeded", "probability": 0}, [1, 2, 3, 4, 5, 6]),
    ],
)
def test_plan_befalls_its_calls(plan: dict[str, object], kept: list[int]) -> None:
    """The others pass."""
    assert tried(planned(**plan), 6) == kept


def test_inner_tracker_is_built_by_its_name(tmp_path: Path) -> None:
    """What gets through lies there, and is read from there."""
    path = str(tmp_path / "runs.db")
    tracker = planned(plan="once", n=2, inner={"sqlite": path})

    kept = tried(tracker, 3)
    tracker.close()
    again = SqliteTracker(path)

    assert kept == [1, 3]
    assert dict(again.metadata("run")) == {"key1": 1, "key3": 3}
    assert tracker.capabilities == again.capabilities
    again.close()


def test_inner_tracker_may_be_a_plain_one() -> None:
    """It is wrapped, as everywhere."""
    inner = {f"{__name__}:create_plain": None}

    assert tried(planned(plan="first", inner=inner), 2) == [2]


def test_unknown_inner_tracker_is_an_error() -> None:
    """The one that the registry raises."""
    with pytest.raises(BackendNotFoundError, match="sqlight"):
        planned(inner={"sqlight": None})


def test_fault_is_gone_once_the_file_is_there(tmp_path: Path) -> None:
    """A test ends it from another process so."""
    tracker = planned(until=str(tmp_path / "well"))

    before = tried(tracker, 2)
    (tmp_path / "well").touch()

    assert (before, tried(tracker, 2)) == ([], [1, 2])


def test_relative_file_belongs_to_the_launch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever the job goes."""
    monkeypatch.setenv("TRACKER_LAUNCH_DIR", str(tmp_path))
    (tmp_path / "well").touch()

    assert tried(planned(until="well"), 1) == [1]


def test_call_that_hangs_goes_on_once_the_file_is_there(tmp_path: Path) -> None:
    """Also one that hung before."""
    tracker = planned(fault="hang", until=str(tmp_path / "well"))
    with ThreadPoolExecutor(1) as pool:
        hung = pool.submit(tried, tracker, 1)
        before = hung.done()
        (tmp_path / "well").touch()

    assert (before, hung.result()) == (False, [1])


@pytest.mark.parametrize("until", [{}, {"until": "/never/there"}])
def test_call_that_hangs_goes_on_when_it_is_released(until: dict[str, str]) -> None:
    """With a file to wait for, and without."""
    tracker = planned(fault="hang", **until)
    with ThreadPoolExecutor(1) as pool:
        hung = pool.submit(tried, tracker, 1)
        tracker.release()

    assert hung.result() == [1]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"fault": "hangs"}, "fault of a faulty tracker is 'hangs'; make it one of "),
        ({"fault": "x"}, "fail, refuse, halfway, after, slow, hang, die, die-after$"),
        ({"plan": "twice"}, "make it one of always, every, first, once, seeded$"),
        ({"plan": ["once"]}, "plan of a faulty tracker is "),
        ({"faults": "die"}, "no setting 'faults'; use some of fault, plan, message, "),
        ({"message": 1}, "make it a text"),
        ({"n": 0}, "n of a faulty tracker is 0; make it a whole number from 1"),
        ({"n": True}, "n of a faulty tracker is True"),
        ({"seed": 1.5}, "make it a whole number"),
        ({"probability": 1.1}, "make it a number from 0 to 1"),
        ({"probability": float("nan")}, "make it a number from 0 to 1"),
        ({"seconds": -1}, "make it a number of seconds"),
        ({"seconds": float("inf")}, "make it a number of seconds"),
        ({"until": 1}, "make it the path of a file"),
        ({"inner": {"a": None, "b": None}}, "one backend with its config or null"),
        ({"inner": "sqlite"}, "one backend with its config or null"),
    ],
)
def test_wrong_setting_is_an_error_that_names_what_is_allowed(
    said: dict[str, object], message: str
) -> None:
    """Nothing is guessed."""
    with pytest.raises(ConfigError, match=message):
        planned(**said)


def test_config_of_the_inner_tracker_is_not_shown() -> None:
    """It may hold a password."""
    with pytest.raises(ConfigError) as caught:
        planned(inner={"sqlite": ["hunter2"]})

    assert "hunter2" not in str(caught.value)


def test_broken_json_is_an_error() -> None:
    """What begins like an object is meant as one."""
    with pytest.raises(ConfigError, match=r"is no JSON: .*line 1.*; correct it"):
        create('{"fault": hang}')


@pytest.mark.parametrize(("fault", "kept"), [("die", 2), ("die-after", 3)])
def test_job_dies_where_its_environment_says(
    tmp_path: Path, fault: str, kept: int
) -> None:
    """By SIGKILL, with all that was taken before in the inner tracker."""
    path = str(tmp_path / "runs.db")
    config = {"fault": fault, "plan": "once", "n": 3, "inner": {"sqlite": path}}

    job = subprocess.run(
        [sys.executable, "-c", _JOB],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, (_ROOT, _ROOT / "backends"))),
            "TRACKER_BACKENDS": "faulty=tracker_core.testing.faults:create",
            "TRACKER_FAULTY_CONFIG": json.dumps(config),
        },
        timeout=60,
        check=False,
    )
    held = SqliteTracker(path)

    assert job.returncode == -signal.SIGKILL
    assert len(held.metadata("run")) == kept
    held.close()
