"""Tests of ``tracker watch``."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len

from tracker_core.api import NativeTracker
from tracker_core.cli.screens import run_line, run_screen, runs_screen
from tracker_core.cli.sight import Eye, Sight, watched
from tracker_core.records import (
    Batch,
    Body,
    CreatedBody,
    EndedBody,
    LogBody,
    MetricsBody,
    Record,
    Sequencer,
    StartedBody,
    Writer,
)
from tracker_sqlite import SqliteTracker

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Store

WIDE = "日本語のとても長い名前🙂" * 9
ENDED = EndedBody("launcher", "FINISHED", None)


def sight(tracker: NativeTracker, run_id: str = "x") -> Sight:
    """Look at a run for the first time."""
    return Eye(tracker, run_id).look(tracker.run(run_id), 24)


@pytest.fixture
def busy(store: "Store") -> "Store":
    """Record a run with more than a screen can show."""
    numbers = range(100)
    store.write(
        "x",
        CreatedBody(WIDE, "iris"),
        StartedBody("launcher"),
        *(
            MetricsBody(
                step, {"train": {f"loss_{number:02}": step for number in numbers}}
            )
            for step in range(3)
        ),
        MetricsBody(0, {"system": {"memory_bytes": 3 * 2**20}, "": {WIDE: 1.0}}),
        *(LogBody("info", f"{WIDE} {number}\n\x1b[2J", None) for number in range(40)),
    )
    return store


@pytest.mark.parametrize(("room", "height"), [(80, 24), (40, 10), (20, 5), (10, 1)])
def test_screen_of_a_run_keeps_to_its_size(
    busy: "Store", room: int, height: int
) -> None:
    """However much there is, no line is too long and none too many."""
    lines = run_screen(sight(busy.tracker), room, height)

    assert len(lines) == height
    assert max(map(cell_len, lines)) <= room
    assert all(line.isprintable() for line in lines)


def test_low_screen_shows_a_series_beside_messages(busy: "Store") -> None:
    """Messages leave room for its titles and one of them."""
    lines = run_screen(sight(busy.tracker), 60, 10)

    assert any(line.startswith("SERIES ") for line in lines)
    assert lines[-1].startswith("00:")


def test_screen_of_a_run_shows_what_is_new(store: "Store") -> None:
    """Status, pace, machine, series and the last messages."""
    store.run(
        "x",
        *(MetricsBody(step, {"train": {"loss": 4.0 - step}}) for step in range(4)),
        MetricsBody(0, {"system": {"memory_bytes": 3 * 2**20}}),
        LogBody("info", "done", None),
        name="first try",
    )

    assert run_screen(sight(store.tracker), 80, 24) == [
        "first try  iris  x",
        "✓ finished after 7.0s  step 3",
        "system     memory 3.0 MiB",
        "",
        "SERIES      COUNT  LAST  MIN   MAX   COURSE",
        "train/loss  4      1     1 @3  4 @0  █▆▃▁",
        "",
        "00:00:08 info  done",
    ]


def test_screen_of_a_run_without_messages_shows_what_it_prints(
    store: "Store",
) -> None:
    """Many jobs log none, and print."""
    store.run("x", store.content("console/1.log", b"a\tb\n\x1b[2J\n", None, "console"))

    assert run_screen(sight(store.tracker), 80, 24)[2:] == ["", "a       b", "\\x1b[2J"]


def test_screen_of_a_run_tells_of_earlier_attempts(store: "Store") -> None:
    """How the attempt before ended stands below the status."""
    failed = EndedBody("launcher", "FAILED", {"kind": "exit_code", "exit_code": 3})
    first = (Record(1, 101 * 10**9, StartedBody("job")), Record(2, 102 * 10**9, failed))
    second = (Record(1, 201 * 10**9, StartedBody("job")),)
    store.tracker.write(Batch("x", Writer("w1", 1), 1, 2, first))
    store.tracker.write(Batch("x", Writer("w2", 2), 1, 1, second))

    lines = run_screen(sight(store.tracker), 80, 24)

    assert lines[1].endswith("(attempt 2)")
    assert lines[2] == "earlier    1 failed after 1.0s: exit code 3"


def test_pace_is_told_of_a_run_that_runs(store: "Store") -> None:
    """Steps a second come from the newest points of the main series."""
    points = (MetricsBody(step * 5, {"": {"loss": 1.0}}) for step in range(4))
    store.write("x", StartedBody("launcher"), *points)

    assert "step 15 (5 a second)" in run_screen(sight(store.tracker), 80, 24)[1]


def test_line_of_a_run_has_its_last_values(store: "Store") -> None:
    """It is what a log of a batch job can hold."""
    fields = {f"series_{number}": number for number in range(8)}
    store.run("x", MetricsBody(7, {"": fields}), name="first try")

    line = run_line(sight(store.tracker))

    assert line[8:].startswith("  first try  finished after 2.0s  step 7  series_0=0")
    assert line.endswith("series_5=5  … and 2 more series")


def test_watched_runs_stay_when_they_have_ended(store: "Store") -> None:
    """A run that begins comes in, and the watch ends when none runs."""
    store.write("x", CreatedBody("one"), StartedBody("launcher"))

    def turns() -> Iterator[None]:
        store.write("y", CreatedBody("two"), StartedBody("launcher"), at=5)
        yield
        for run_id in "xy":
            store.write(run_id, ENDED, at=9)
            yield

    happening = turns()
    frames = [
        [(one.run.run_id, one.run.status) for one in frame]
        for frame in watched(store.tracker, 1.0, lambda _seconds: next(happening))
    ]

    assert frames == [
        [("x", "RUNNING")],
        [("y", "RUNNING"), ("x", "RUNNING")],
        [("y", "RUNNING"), ("x", "FINISHED")],
        [("x", "FINISHED"), ("y", "FINISHED")],
    ]


def test_screen_of_several_runs_keeps_to_its_size(busy: "Store") -> None:
    """Each has a line, and those that have no room are counted."""
    sights = [sight(busy.tracker)] * 30

    lines = runs_screen(sights, 80, 24)

    assert len(lines) == 24
    assert max(map(cell_len, lines)) <= 80
    assert lines[0].split()[:3] == ["RUN", "STATUS", "TIME"]
    assert lines[-1] == "… and 8 more"
    assert runs_screen([], 80, 24) == []
    assert len(runs_screen(sights[:23], 80, 24)) == 24


def test_watch_prints_lines_where_there_is_no_terminal(
    tracker: "Cli", store: "Store"
) -> None:
    """A run that has ended is one line."""
    store.run("x", name="first try")

    done = tracker("watch", "first try")

    assert (done.code, done.err) == (0, "")
    assert done.out[8:] == "  first try  finished after 1.0s\n"


def test_watch_prints_for_programs(tracker: "Cli", store: "Store") -> None:
    """Each look is a document of one line."""
    store.run("x", MetricsBody(4, {"": {"loss": 1.0}}))

    found = tracker("watch", "x", "--json").json

    assert found["run"]["status"] == "FINISHED"  # type: ignore[index]  # a JSON object
    assert (found["step"], found["steps_per_second"]) == (4, None)
    assert found["series"]["loss"]["last"] == 1.0  # type: ignore[index]  # a JSON object
    assert found["delivery"] is None


def test_watch_prints_what_a_plain_tracker_holds(
    tracker: "Cli", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without history there is no course and no pace."""
    monkeypatch.setenv("TRACKER_BACKENDS", "plain=tests.cli.test_show:create_plain")

    done = tracker("watch", "@last")

    assert (done.code, done.err) == (0, "")


def test_watch_needs_a_run_that_runs(tracker: "Cli", store: "Store") -> None:
    """Without one the newest is told."""
    assert "no run yet in 'one'" in tracker("watch").err
    store.run("x", name="first try")

    done = tracker("watch")

    assert done.code == 1
    assert done.err == (
        "tracker: no run is running in 'one'; the newest, 'first try', finished after "
        "1.0s; `tracker watch @last` shows it\n"
    )


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "soon"])
def test_watch_refuses_what_is_no_interval(tracker: "Cli", text: str) -> None:
    """A look takes its time."""
    done = tracker("watch", "--interval", text)

    assert done.code == 2
    assert f"'{text}' is no interval; use seconds, 0.2 at the least" in done.err


@pytest.fixture
def ended(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Record a run that has ended, in a database that commands read."""
    monkeypatch.setenv("TRACKER_BACKENDS", "sqlite")
    monkeypatch.setenv("TRACKER_SQLITE_CONFIG", str(place / "runs.db"))
    kept, sequencer = SqliteTracker(place / "runs.db"), Sequencer()
    life: list[Body] = [CreatedBody("first try"), StartedBody("launcher")]
    points = (MetricsBody(step, {"": {"loss": step}}) for step in range(8))
    for body in (*life, *points, ENDED):
        kept.write(sequencer.batch("x", body))
    kept.close()


@pytest.mark.one_python
@pytest.mark.usefixtures("ended")
def test_watch_leaves_the_last_screen(tracker: "Cli") -> None:
    """A terminal is drawn over, and what was last stays above the prompt."""
    screen = tracker.on_screen("watch", "x")

    before, _, after = screen.partition("\x1b[?1049l")
    assert "first try  x" in before
    assert after.startswith("first try  x\n✓ finished after")
    assert "▁▂▃▄▅▆▇█" in after


@pytest.mark.one_python
@pytest.mark.usefixtures("ended")
def test_watch_draws_in_letters_that_the_terminal_has(
    tracker: "Cli", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the encoding lacks glyphs and bars there are others."""
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")

    screen = tracker.on_screen("watch", "x")

    assert "+ finished after" in screen
    assert "_.-:=+*#" in screen
