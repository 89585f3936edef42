"""``tracker compact``: a smaller form of runs that have ended."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tracker_core.records import EndedBody, MetricsBody, StartedBody
from tracker_core.testing.contract.pen import Pen

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Store

pytest.importorskip("pyarrow", reason="needs pyarrow")
tracker_fsspec = pytest.importorskip("tracker_fsspec", reason="needs fsspec")


@pytest.fixture
def root(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Configure a folder with two runs that have ended and one that runs."""
    root = place / "runs"
    monkeypatch.setenv("TRACKER_BACKENDS", "fsspec")
    monkeypatch.setenv("TRACKER_FSSPEC_CONFIG", str(root))
    tracker = tracker_fsspec.create(str(root))
    for run_id in ("one", "two", "running"):
        points = (MetricsBody(n, {"": {"loss": 0.5}}) for n in range(3))
        end = () if run_id == "running" else (EndedBody("job", "FINISHED", None),)
        tracker.write(Pen(run_id).log(StartedBody("job"), *points, *end))
    return root


def test_all_runs_that_have_ended_are_compacted(tracker: "Cli", root: Path) -> None:
    """It says how many, and finds nothing to do the second time."""
    first, second = tracker("compact"), tracker("compact")

    assert (first.code, first.err) == (0, "")
    assert first.out == "compacted 2 runs of 6 points in 'fsspec'\n"
    assert second.out == "nothing to compact in 'fsspec'\n"
    assert len([*root.glob("LAKESIDE/points/*/*.parquet")]) == 2


def test_runs_that_are_named_are_compacted(tracker: "Cli", root: Path) -> None:
    """No others are, and one that runs is passed over."""
    done = tracker("compact", "one", "run", "--json")

    assert done.json == {"version": 1, "runs": 1, "points": 3, "removed": 0}
    assert len([*root.glob("LAKESIDE/points/*/*.parquet")]) == 1


def test_nothing_is_compacted_where_a_run_is_unknown(
    tracker: "Cli", root: Path
) -> None:
    """The command says which, and has done nothing."""
    done = tracker("compact", "one", "three")

    assert (done.code, done.out) == (1, "")
    assert "no run 'three'" in done.err
    assert [*root.glob("LAKESIDE/points")] == []


def test_backend_without_such_a_form_has_nothing_to_do(
    tracker: "Cli", store: "Store"
) -> None:
    """It is no error."""
    store.run("one")

    done = tracker("compact")

    assert (done.code, done.out) == (0, "nothing to compact in 'one'\n")
