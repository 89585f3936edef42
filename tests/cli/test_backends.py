"""Tests of ``tracker list trackers``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

OURS = ["tracker-core", "tracker_core.backends"]


def states(tracker: "Cli") -> dict[str, object]:
    """Give the state of each tracker by its name."""
    found = cast(
        "list[dict[str, object]]",
        tracker("list", "trackers", "--json").json["trackers"],
    )
    return {str(item["name"]): item["state"] for item in found}


def test_trackers_are_installed_or_configured(
    tracker: "Cli", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Backends are listed with their origin; configs are not shown."""
    backends = "sqlite,lake=tracker_fsspec:create,memory=tracker_memory:create"
    monkeypatch.setenv("TRACKER_BACKENDS", backends)
    monkeypatch.setenv("TRACKER_LAKE_CONFIG", "hunter22")

    done = tracker("list", "trackers")

    titles = ["NAME", "STATE", "CONFIGURED", "READ", "PACKAGE", "GROUP"]
    assert done.rows[0] == titles
    for row in (
        ["fsspec", "installed", "no", "–", *OURS],
        ["memory", "installed", "no", "–", *OURS],
        ["sqlite", "ready", "yes", "by", "default", *OURS],
        ["memory", "ready", "yes", "–", "–", "tracker_memory:create"],
    ):
        assert row in done.rows
    assert "hunter22" not in done.out + done.err


def test_tracker_that_is_read_without_configuration_is_marked(tracker: "Cli") -> None:
    """With nothing configured the embedded store is read."""
    done = tracker("list", "trackers")

    assert ["sqlite", "ready", "no", "by", "default", *OURS] in done.rows
    assert done.out.count("by default") == 1


def test_trackers_as_json(tracker: "Cli", monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs get the factory too."""
    monkeypatch.setenv("TRACKER_BACKENDS", "sqlite")

    found = tracker("list", "trackers", "--json").json["trackers"]

    assert {
        "name": "sqlite",
        "package": "tracker-core",
        "group": "tracker_core.backends",
        "factory": "tracker_sqlite:create",
        "state": "ready",
        "configured": True,
        "is_default": True,
    } in cast("list[object]", found)


def test_name_that_nothing_has_is_not_installed(
    tracker: "Cli", monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that no package offers does not look installed, and reads tell why."""
    monkeypatch.setenv("TRACKER_BACKENDS", "nothing")

    done = tracker("list", "trackers")

    row = ["nothing", "not", "installed", "yes", "–", "–", "–"]
    assert row in done.rows
    assert done.code == 0
    assert done.err.startswith("tracker: no backend is named 'nothing'")


def test_second_name_of_a_backend_is_available(
    tracker: "Cli", monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name that torchx knows a backend by resolves here too."""
    monkeypatch.setenv("TRACKER_BACKENDS", "tracker_sqlite")

    done = tracker("list", "trackers")

    package = ["tracker-core", "torchx.tracker"]
    assert ["tracker_sqlite", "ready", "yes", "by", "default", *package] in done.rows


def test_backend_that_lacks_a_package_says_which(
    tracker: "Cli", place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a configured backend needs is found by importing it, and only it."""
    (place / "needy.py").write_text("import no_such_package\n")
    (place / "ruined.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(place)
    backends = "memory,a=needy:create,b=ruined:create,c=nowhere.at.all:create"
    monkeypatch.setenv("TRACKER_BACKENDS", backends)
    monkeypatch.setenv("TRACKER_ON_ERROR", "warn")

    found = states(tracker)

    assert found["a"] == "needs no_such_package"
    assert (found["b"], found["c"]) == ("broken", "not installed")
    assert found["memory"] == "ready"


def test_trackers_that_are_not_used_are_not_imported(tracker: "Cli") -> None:
    """Listing what is installed imports none of it but what is read."""
    code = (
        "import sys; from tracker_core.cli import main\n"
        "try: main(['list', 'trackers'])\n"
        "finally: print('fsspec' in sys.modules, 'tracker_memory' in sys.modules)"
    )

    done = tracker.process("run", "--", sys.executable, "-c", code)

    assert done.out.endswith("False False\n")
