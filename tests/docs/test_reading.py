"""The page on reading runs is true: its code runs on what the tutorial leaves."""

import platform
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tracker_core import track
from tracker_core.registry import build_trackers

_PAGE = Path(__file__).parents[2] / "docs" / "reading.md"
_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_STORE = ".tracker/tracker.db"
_EPOCHS = 200


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a store with two runs of the example and one of something else."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TRACKER_BACKENDS", "sqlite")
    monkeypatch.setenv("TRACKER_SQLITE_CONFIG", _STORE)
    _make_run("iris", "best", [1 / (epoch + 1) for epoch in range(_EPOCHS)])
    _make_run("other", "foreign", [0.0] * _EPOCHS)
    _make_run("iris", "newest", [2 / (epoch + 1) for epoch in range(_EPOCHS)])
    return tmp_path / _STORE


def _make_run(experiment: str, name: str, losses: Sequence[float]) -> None:
    with track(experiment, name=name, group_id="sweep") as run:
        run.log_params({"learning_rate": 0.1})
        run.set_tags({"task": "classification"})
        for epoch, loss in enumerate(losses):
            run.log_metrics({"train/loss": loss, "test/loss": loss + 1}, step=epoch)
        run.add_metadata(labels=["setosa"])
        run.add_artifact("weights", "weights.json")


def _run_all() -> dict[str, Any]:
    names: dict[str, Any] = {}
    for code in _BLOCK.findall(_PAGE.read_text(encoding="utf-8")):
        exec(code, names)  # noqa: S102 - the code of our own page
    return names


def test_every_block_runs(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In order, as one program, and it prints what was logged."""
    (tracker,) = build_trackers({"sqlite": str(store)})
    _run_all()
    printed = capsys.readouterr().out.splitlines()

    assert printed[0].startswith("newest iris FINISHED 20")
    assert printed[1].startswith("iris 2 20")
    assert printed[2].startswith("other 1 20")
    assert printed[3] == "0.1 classification ['setosa'] weights.json"
    assert printed[4] == f"{_EPOCHS} 3.0 1.01"
    assert printed[5].startswith(f"1.01 {_EPOCHS - 1} 3.0 0 1.0")
    assert printed[6].startswith(f"{_EPOCHS} {_EPOCHS - 1} 0.01 ")
    assert printed[7] == f"100 100 {2 / 101}"
    assert "no run 'no such run' here" in printed[-1]
    assert len(list(tracker.run_ids())) == 4


def test_blocks_read_what_a_run_says(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rows, messages, tracks, steps, content, changes and where it was made."""
    del store

    names = _run_all()

    printed = capsys.readouterr().out.splitlines()[57:-1]
    assert printed[:4] == [
        f"{_EPOCHS} 100 100 {2 / 101}",
        "warn battery is low 10.9",
        "['arm/position']",
        "1.0 1.5 2.0",
    ]
    assert printed[4].startswith("train FINISHED 1 20")
    assert printed[5:7] == [
        "{'loss': 0.25}",
        "text.note text/plain; charset=utf-8 19 the arm holds still",
    ]
    assert [line.split()[:2] for line in printed[7:9]] == [["1", "0.5"], ["1", "0.7"]]
    assert printed[9].startswith(f"{platform.python_version()} ")
    assert printed[10] == names["prints"]["run"]
    assert len(printed) == 11


def test_blocks_choose_the_runs_that_the_page_says(store: Path) -> None:
    """The newest, those of one experiment, and the best of them."""
    del store
    names = _run_all()

    assert [run.name for run in names["finished"]] == ["newest", "best"]
    assert names["best"].name == "best"
    assert names["iris"].run_count == 2
    assert [group.group_id for group in names["sweeps"]] == ["sweep"]
    assert names["names"][1:] == ["newest", "foreign", "best"]
    assert [type(t).__name__ for t in names["trackers"]] == ["SqliteTracker"]


def test_columns_are_as_long_as_the_curve(store: Path) -> None:
    """Steps, values and times belong together."""
    del store
    curve = _run_all()["curve"]

    assert list(curve.steps) == list(range(_EPOCHS))
    assert list(curve.values) == [2 / (epoch + 1) for epoch in range(_EPOCHS)]
    assert list(curve.times_ns) == sorted(curve.times_ns)
