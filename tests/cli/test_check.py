"""Tests of ``tracker check``."""

import os
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import pytest

from tracker_core import track
from tracker_core.testing import MemoryTracker

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Done


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give an empty working directory in which nothing is configured."""
    for name in os.environ:
        if name.startswith(("TRACKER_", "TORCHX_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def states(done: "Done") -> dict[str, tuple[str, str]]:
    """Return what was found, by what was looked at."""
    found = done.json["checks"]
    assert isinstance(found, list)
    return {one["what"]: (one["state"], one["words"]) for one in found}


def test_check_of_an_empty_place_is_fine_and_leaves_nothing(
    tracker: "Cli", place: Path
) -> None:
    """Nothing needs to be configured, and a check makes no store."""
    done = tracker("check", "--json")

    found = states(done)
    assert (done.code, done.err) == (0, "")
    assert {state for state, _ in found.values()} == {"ok"}
    assert list(found) == ["settings", "home", "disk", "sqlite", "delivery"]
    assert found["home"][1] == f"{place / '.tracker'} (made later)"
    assert list(place.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "TRACKER_BAKENDS",
            "nobody reads this variable; did you mean 'TRACKER_BACKENDS'?",
        ),
        ("TRACKER_QQQ", "nobody reads this variable; correct or unset it"),
        (
            "TRACKER_FOO_CONFIG",
            (
                "configures a backend that is not in use; name it in tracker.toml or "
                "TRACKER_BACKENDS"
            ),
        ),
    ],
)
@pytest.mark.usefixtures("place")
def test_check_finds_variables_that_nobody_reads(
    tracker: "Cli", monkeypatch: pytest.MonkeyPatch, name: str, words: str
) -> None:
    """A misspelt variable is a warning, which keeps no job from running."""
    monkeypatch.setenv(name, "hush-hush")

    done = tracker("check", "--json")

    assert (done.code, states(done)[name]) == (0, ("warning", words))
    assert "hush-hush" not in done.out


@pytest.mark.usefixtures("place")
def test_check_names_each_backend_that_cannot_be_had(
    tracker: "Cli", monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is broken hides none of the others, and no secret is shown."""
    monkeypatch.setenv("TRACKER_BACKENDS", "sqlite,fsspec,nobody")
    monkeypatch.setenv("TRACKER_FSSPEC_CONFIG", "nothing://user:hush-hush@place")

    done = tracker("check", "--json")

    found = states(done)
    assert done.code == 1
    assert [found[name][0] for name in ("sqlite", "fsspec", "nobody")] == [
        "ok",
        "error",
        "error",
    ]
    assert "hush-hush" not in done.out + done.err
    assert done.err == (
        "tracker: a job would not be tracked as configured: see fsspec, nobody\n"
    )


@pytest.mark.usefixtures("place")
def test_check_asks_the_backend(
    tracker: "Cli", monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that is there but cannot be read is an error."""
    Path("notes.db").write_text("no database at all, but a long enough text file")
    monkeypatch.setenv("TRACKER_BACKENDS", "sqlite")
    monkeypatch.setenv("TRACKER_SQLITE_CONFIG", "notes.db")

    done = tracker("check")

    assert done.code == 1
    assert "error    sqlite" in done.out


RELEASED = Event()


def make_hanging(_config: str | None) -> MemoryTracker:
    """Make a tracker, after a while that the test ends."""
    RELEASED.wait(60)
    return MemoryTracker()


@pytest.mark.usefixtures("place")
def test_check_does_not_wait_for_a_backend_that_hangs(
    tracker: "Cli", monkeypatch: pytest.MonkeyPatch
) -> None:
    """What does not answer in time is named, and the rest is checked."""
    monkeypatch.setenv("TRACKER_BACKENDS", f"hanging={__name__}:make_hanging")

    done = tracker("check", "--timeout", "0.01", "--json")

    RELEASED.set()
    assert states(done)["hanging"] == (
        "error",
        "no answer within 0.01 s; is its server or its disk up?",
    )
    assert "delivery" in states(done)


def test_check_tells_of_what_waits(
    tracker: "Cli", place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs that nobody delivers are a warning that says what to do."""
    monkeypatch.setenv("TRACKER_MODE", "offline")
    with track(name="waiting"):
        pass
    monkeypatch.delenv("TRACKER_MODE")

    done = tracker("check", "--json")

    assert states(done)["delivery"] == (
        "warning",
        (
            "1 run waits for delivery; `tracker status` tells more, `tracker sync` "
            "delivers"
        ),
    )
    assert states(done)["home"] == ("ok", str(place / ".tracker"))


@pytest.mark.usefixtures("place")
def test_check_says_which_setting_is_wrong(
    tracker: "Cli", monkeypatch: pytest.MonkeyPatch
) -> None:
    """With unusable settings there are no backends to ask."""
    monkeypatch.setenv("TRACKER_MODE", "sometimes")

    done = tracker("check")

    assert done.code == 1
    assert "TRACKER_MODE is 'sometimes'; use on, offline or off" in done.out


@pytest.mark.parametrize("seconds", ["nan", "0", "-1", "abc", "inf"])
def test_timeout_is_a_time(tracker: "Cli", seconds: str) -> None:
    """What is none is told, with what to write."""
    done = tracker("check", "--timeout", seconds)

    assert done.code == 2
    assert f"'{seconds}' is no time; use seconds, 0.01 at the least" in done.err
