"""Tests of the card of a run on a terminal."""

from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len

from tracker_core.cli.card import read_card
from tracker_core.cli.cardbrief import brief_lines
from tracker_core.cli.courses import Courses
from tracker_core.cli.stores import open_store
from tracker_core.records import (
    ArtifactBody,
    Batch,
    CreatedBody,
    EndedBody,
    LogBody,
    MetricsBody,
    ParamsBody,
    ProvenanceBody,
    Record,
    SourceBody,
    StartedBody,
    StepBody,
    TagsBody,
    TrackBody,
    Writer,
)

if TYPE_CHECKING:
    from tests.cli.conftest import Store

TRACE = (
    'Traceback (most recent call last):\n  File "a.py", line 1\nValueError: bad lr\n'
)
RAISED = {
    "kind": "exception",
    "type": "ValueError",
    "message": "bad lr",
    "traceback": TRACE,
}


def brief(run_id: str = "x", room: int = 80) -> list[str]:
    """Give the lines of a run's card."""
    with open_store(None) as store:
        card = read_card(store, store.tracker.run(run_id))
        return brief_lines(card, Courses(store.tracker, run_id), room)


def test_card_fits_a_screen(store: "Store") -> None:
    """What is of one kind stands on one line, and extremes have their steps."""
    store.write(
        "x",
        CreatedBody("first try", "iris", "sweep", "p"),
        SourceBody("iris.csv", "dataset"),
        StartedBody("launcher"),
        ProvenanceBody({"environment": {"python": "3.12.1", "host": "node7"}}),
        ParamsBody({"lr": 0.1, "layers": [64, 64], "third": 1 / 3}),
        TagsBody({"device": "cpu"}),
        *(MetricsBody(step, {"train": {"loss": 4.0 - step}}) for step in range(4)),
        MetricsBody(0, {"system": {"cpu_percent": 35.0, "memory_bytes": 3 * 2**20}}),
        ArtifactBody("weights", "w.json", None),
        TrackBody("robot", 1.0, {"x": 1.0}),
        LogBody("info", "started", None),
        EndedBody("launcher", "FAILED", RAISED),
    )

    lines = [line for line in brief() if not line.startswith("started")]

    assert lines == [
        "first try",
        "status       ✗ failed after 12s: ValueError: bad lr",
        "run id       x",
        "experiment   iris",
        "group        sweep",
        "parent       p",
        "params       layers=[64,64]  lr=0.1  third=0.333333",
        "tags         device=cpu",
        "tracks       robot",
        "system       cpu 35%  memory 3.0 MiB",
        "made from    iris.csv (dataset)",
        "",
        "Traceback (most recent call last):",
        '  File "a.py", line 1',
        "ValueError: bad lr",
        "",
        "SERIES      COUNT  LAST  MIN   MAX   COURSE",
        "train/loss  4      1     1 @3  4 @0  █▆▃▁",
        "",
        "ARTIFACT  SIZE  KIND  DIGEST OR PATH",
        "weights               w.json",
        "",
        "00:00:14 info  started",
    ]


def test_long_lists_are_cut_and_counted(store: "Store") -> None:
    """Each says how much of it is left out, and where the rest is."""
    store.write(
        "x",
        ParamsBody({f"param_{number:03}": number for number in range(200)}),
        MetricsBody(0, {"": {f"series_{number:03}": 1 for number in range(100)}}),
        *(ArtifactBody(f"artifact_{number:02}", "p", None) for number in range(20)),
        *(
            StepBody(f"s{number:02}", f"e{number}", "RUNNING", None)
            for number in range(9)
        ),
    )

    lines = brief()

    left_out = [line.strip() for line in lines if "more; --all shows them" in line]
    assert [line.split()[2] for line in left_out] == ["182", "1", "92", "12"]
    assert len(lines) < 50


def test_lines_keep_to_their_room(store: "Store") -> None:
    """Wide letters, long values and control characters break no line."""
    wide = "日本語のとても長い名前🙂" * 9
    store.write(
        "x",
        CreatedBody(wide, wide),
        StartedBody("launcher"),
        ParamsBody({wide: wide, "evil": "\x1b[2J\n"}),
        MetricsBody(0, {"": {f"{wide}🙂": float("nan")}}),
        LogBody("info", f"{wide}\nline two\x07", None),
        EndedBody("launcher", "FAILED", {**RAISED, "message": wide}),
    )

    for room in (80, 40, 20):
        lines = brief(room=room)
        assert max(map(cell_len, lines)) <= room
        assert all(line.isprintable() for line in lines)


def test_attempts_are_rows(store: "Store") -> None:
    """A run that was tried again shows each try with its end."""
    failed = EndedBody("launcher", "FAILED", {"kind": "exit_code", "exit_code": 3})
    first = (Record(1, 101 * 10**9, StartedBody("job")), Record(2, 102 * 10**9, failed))
    for number in range(1, 11):
        store.tracker.write(Batch("x", Writer(f"w{number}", number), 1, 2, first))

    lines = brief()

    assert any(
        line.split()
        == ["10", "FAILED", "1.0s", "01-01", "00:01:41", "exit", "code", "3"]
        for line in lines
    )
    assert "… and 2 earlier; --all shows them" in lines


@pytest.mark.usefixtures("store")
def test_card_of_a_run_that_tells_nothing_is_short(store: "Store") -> None:
    """What is not known is left out."""
    store.write("x", TagsBody({"device": "cpu"}))

    assert [line.split()[0] for line in brief()[1:]] == [
        *("status", "run", "created", "tags"),
    ]
