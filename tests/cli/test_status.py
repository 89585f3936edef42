"""``tracker status`` and ``tracker sync``: which run, and what they say."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tracker_core.cli import main
from tracker_core.identity import friendly_name
from tracker_core.journal.folders import RunFolder
from tracker_core.journal.writer import JournalWriter
from tracker_core.records import MetricsBody, StartedBody

_Tracker = Callable[..., Result]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where everything is kept."""
    monkeypatch.setenv("TRACKER_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def tracker() -> _Tracker:
    """Give the command."""

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments, prog_name="tracker")

    return invoke


def _log(home: Path, run_id: str, count: int = 3) -> None:
    writer = JournalWriter(RunFolder.of(home, run_id), role="job")
    writer.append(StartedBody("job"))
    for step in range(count):
        writer.append(MetricsBody(step, {"": {"loss": 0.5}}))
    writer.close()


def test_without_any_journal_it_says_how_to_make_one(
    home: Path, tracker: _Tracker
) -> None:
    """Nothing is an answer too."""
    del home

    assert "no journal here yet" in tracker("status").stdout
    assert tracker("sync").exit_code == 0
    missing = tracker("status", "r")
    assert (missing.exit_code, "there is no journal" in missing.stderr) == (2, True)


@pytest.mark.parametrize(
    "word", ["run-one", "run-o", "@last", friendly_name("run-one")]
)
def test_run_is_found_by_what_people_have_of_it(
    home: Path, tracker: _Tracker, word: str
) -> None:
    """An id, its beginning, its name, or that it is the newest."""
    _log(home, "run-one")
    tracker("sync", "--to", "sqlite")

    (run,) = json.loads(tracker("status", word, "--json").stdout)["runs"]

    assert run["run_id"] == "run-one"
    (backend,) = run["backends"]
    assert (backend["backend"], backend["state"]) == ("sqlite", "delivered")
    assert (backend["delivered"], backend["pending"]) == (4, 0)
    (writer,) = run["writers"]
    assert (writer["written"], writer["is_alive"]) == (4, False)


def test_word_that_means_several_runs_is_asked_back_about(
    home: Path, tracker: _Tracker
) -> None:
    """As is one that is nearly right."""
    _log(home, "run-one")
    _log(home, "run-two")

    several, near = tracker("status", "run-"), tracker("sync", "run-onn")

    assert (several.exit_code, near.exit_code) == (2, 2)
    assert "means 2 runs" in several.stderr
    assert "did you mean 'run-one'" in near.stderr


def test_backend_that_cannot_be_built_is_left_out_with_its_reason(
    home: Path, tracker: _Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others get theirs; the exit code says that something is left."""
    _log(home, "r")
    monkeypatch.setenv("TRACKER_BACKENDS", "sqlite,gone=no.such:factory")
    found = tracker("sync", "r", "--to", "gone")
    assert tracker("sync", "r", "--to", "sqlite").exit_code == 0

    assert found.exit_code == 1
    assert "'gone' is left out" in found.stderr
    listed = tracker("status").stdout
    assert "gone" in listed
    assert "waits for tracker sync" in listed


def test_config_is_never_shown(
    home: Path, tracker: _Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be a secret."""
    _log(home, "r")
    monkeypatch.setenv("TRACKER_BACKENDS", "fsspec")
    monkeypatch.setenv("TRACKER_FSSPEC_CONFIG", "nowhere://user:hunter2@host/x")

    texts = [tracker("sync", "r", "--to", "fsspec"), tracker("status", "r", "--json")]

    assert all("hunter2" not in text.output for text in texts)
    kept = [path.read_bytes() for path in home.rglob("*.json")]
    assert all(b"hunter2" not in data for data in kept)


def test_damage_of_the_journal_is_told(home: Path, tracker: _Tracker) -> None:
    """With its place; everything else is delivered."""
    _log(home, "r")
    (segment,) = home.rglob("*.segment")
    data = bytearray(segment.read_bytes())
    data[70] ^= 1
    segment.write_bytes(data)

    tracker("sync", "r", "--to", "sqlite")

    shown = tracker("status", "r").stdout
    assert "damaged: " in shown
    assert "at 64 in segment 1" in shown
