"""The page on reading runs is true: its code runs on what the tutorial leaves."""

import platform
import re
import shutil
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tracker_core.plain import native
from tracker_core.registry import build_trackers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tracker_core.api import NativeTracker

pytestmark = pytest.mark.one_python

_PAGE = Path(__file__).parents[2] / "docs" / "reading.md"
_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_EPOCHS = 200


@pytest.fixture
def store(
    tutorial: tuple[Path, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> "Iterator[NativeTracker]":
    """Be in the folder of the example after the tutorial, and give its database."""
    folder = tmp_path / "iris"
    shutil.copytree(tutorial[0], folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("TRACKER_HOME")
    (tracker,) = build_trackers({"sqlite": ".tracker/tracker.db"})
    with closing(native(tracker)) as opened:
        yield opened


def _run_all() -> dict[str, Any]:
    names: dict[str, Any] = {}
    for code in _BLOCK.findall(_PAGE.read_text(encoding="utf-8")):
        exec(code, names)  # noqa: S102 - the code of our own page
    return names


def test_every_block_runs(
    store: "NativeTracker", capsys: pytest.CaptureFixture[str]
) -> None:
    """In order, as one program, and it prints what the newest launch logged."""
    newest = store.runs(query='experiment = "iris"', limit=1)[0]
    loss = store.series(newest.run_id)["test/loss"]
    curve = store.points(newest.run_id, "train/loss")
    digest = store.artifacts(newest.run_id)["weights"].digest

    _run_all()

    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith(f"{newest.name} iris FINISHED 20")
    assert printed[1].startswith("by-hand 2 20")
    assert printed[2].startswith("iris 3 20")
    assert printed[3].startswith("0.1 classification ['setosa', ")
    assert printed[3].endswith(f" {digest}")
    assert printed[4] == f"{_EPOCHS} {loss.first} {loss.last}"
    assert printed[5].startswith(f"{loss.min} {loss.min_step} {loss.max} 0 ")
    assert printed[6].startswith(f"{_EPOCHS} {_EPOCHS - 1} {curve.values[-1]} ")
    assert printed[7] == f"100 100 {curve.values[100]}"
    assert "no run 'no such run'" in printed[-1]
    assert len(list(store.run_ids())) == 6


def test_blocks_read_what_a_run_says(
    store: "NativeTracker", capsys: pytest.CaptureFixture[str]
) -> None:
    """Rows, messages, tracks, steps, content, changes and where it was made."""
    newest = store.runs(query='experiment = "iris"', limit=1)[0]
    curve = store.points(newest.run_id, "train/loss")

    names = _run_all()

    printed = capsys.readouterr().out.splitlines()[57:-1]
    assert printed[:4] == [
        f"{_EPOCHS} 100 100 {curve.values[100]}",
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
    assert "better on test/" in printed[11]
    assert [*names["changed"]] == ["learning_rate", "seed"]
    assert names["parted"]
    assert printed[12].split()[:2] == [newest.run_id, "copied"]
    assert len(printed) == 13


def test_blocks_choose_the_runs_that_the_page_says(store: "NativeTracker") -> None:
    """The newest, those of one experiment, and the best of them."""
    launched = store.runs(query='experiment = "iris"')
    losses = {run: store.series(run.run_id)["test/loss"].min or 0 for run in launched}
    before = [run.name for run in store.runs()]

    names = _run_all()

    assert names["newest"] == launched[0]
    assert names["finished"] == launched
    assert names["best"] == min(launched, key=losses.__getitem__)
    assert names["iris"].run_count == 3
    assert names["names"][1:] == before
    tracker_types = [type(tracker).__name__ for tracker in names["trackers"]]
    assert tracker_types == ["SqliteTracker", "FsspecTracker"]


def test_columns_are_as_long_as_the_curve(store: "NativeTracker") -> None:
    """Steps, values and times belong together."""
    del store

    curve = _run_all()["curve"]

    assert list(curve.steps) == list(range(_EPOCHS))
    assert len(curve.values) == _EPOCHS
    assert list(curve.times_ns) == sorted(curve.times_ns)


def test_trackers_hold_the_same(store: "NativeTracker") -> None:
    """The newest launch is the same in both, in all that they can be asked."""
    del store

    proof = _run_all()["proof"]

    assert proof.trackers == ("one", "other")
    assert (proof.differences, proof.left_out) == ((), ())


def test_groups_are_those_of_the_runs(store: "NativeTracker") -> None:
    """Nothing of the tutorial has one."""
    del store

    assert _run_all()["sweeps"] == []
