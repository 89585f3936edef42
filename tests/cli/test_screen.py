"""Tests of tables on a terminal and in a pipe."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tracker_core.records import (
    ArtifactBody,
    Body,
    CreatedBody,
    EndedBody,
    LogBody,
    MetadataBody,
    MetricsBody,
    Sequencer,
    SourceBody,
    StartedBody,
)
from tracker_sqlite import SqliteTracker

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

pytestmark = pytest.mark.one_python

Write = Callable[..., None]
ID = "01M7XZ50B85S4BF26ZHD5TN0E7"
ESCAPE = "\x1b["


@pytest.fixture
def write(place: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Give a function that records a run in a database, which commands read."""
    monkeypatch.setenv("TRACKER_BACKENDS", "sqlite")
    monkeypatch.setenv("TRACKER_SQLITE_CONFIG", str(place / "runs.db"))

    def record(run_id: str, name: str | None, *bodies: Body) -> None:
        store, sequencer = SqliteTracker(place / "runs.db"), Sequencer()
        life = (CreatedBody(name, "a-long-name-of-an-experiment"), StartedBody("job"))
        for body in (*life, *bodies):
            store.write(sequencer.batch(run_id, body))
        store.close()

    return record


def failed(kind: str) -> EndedBody:
    """Give the end by an exception of that kind."""
    return EndedBody("job", "FAILED", {"kind": "exception", "type": kind})


def plain(screen: str) -> str:
    """Give a screen without its colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", screen)


def test_runs_fit_a_terminal_of_80_columns(tracker: "Cli", write: Write) -> None:
    """Names and status stay whole; an experiment is cut, and an id shortened."""
    write(ID, "quick-hopper-0544", failed("ValueError"))

    lines = plain(tracker.on_screen("list")).splitlines()

    assert max(map(len, lines)) <= 80
    assert len(lines) == 2
    assert lines[1].startswith(f"quick-hopper-0544  {ID[:10]}  a-long-")
    assert "…  FAILED: ValueError  " in lines[1]


def test_long_names_stay_whole(tracker: "Cli", write: Write) -> None:
    """Names that differ at their ends alone are not cut, but take a second line."""
    for letter in "ab":
        write(f"{letter}{ID}", f"{'resnet50-' * 6}{letter}", failed("ValueError"))

    lines = plain(tracker.on_screen("list")).splitlines()

    assert max(map(len, lines)) <= 80
    assert "FAILED: ValueError" in lines[1]
    assert {lines[2].strip()[-1], lines[4].strip()[-1]} == {"a", "b"}


def test_groups_are_cut_before_a_status_is_broken(tracker: "Cli", write: Write) -> None:
    """Even with groups and long names a failure has one line at 80 columns."""
    group = CreatedBody("resnet50-" * 4, "an-experiment", "a-group-of-runs")
    write(ID, None, group, failed("ValueError"))

    lines = plain(tracker.on_screen("list")).splitlines()

    assert max(map(len, lines)) <= 80
    assert "FAILED: ValueError" in lines[1]


def test_status_takes_a_second_line_last(tracker: "Cli", write: Write) -> None:
    """Where nothing else gives room, the cause stands below the status."""
    write(ID, "resnet50-" * 9, failed("ConnectionError"))

    lines = plain(tracker.on_screen("list", columns=60)).splitlines()

    assert "  FAILED:  " in lines[1]
    assert "  ConnectionError" in lines[2]


SORTED = ("list", "--sort-by", "metrics.train/loss.min")


@pytest.fixture
def sorted_run(write: Write) -> None:
    """Record a run of a group whose row is too long for 80 columns."""
    identity = CreatedBody("sable-germain-9120", "an-experiment", "a-group-of-runs")
    loss = MetricsBody(0, {"train": {"loss": 0.123456}})
    write(ID, None, identity, loss, failed("OutOfMemoryError"))


@pytest.mark.usefixtures("sorted_run")
def test_names_stay_whole_where_runs_are_sorted(tracker: "Cli") -> None:
    """Group, experiment and duration are left out, and the title is cut."""
    lines = plain(tracker.on_screen(*SORTED, columns=74)).splitlines()

    assert max(map(len, lines)) <= 74
    assert len(lines) == 2
    assert lines[0].split() == ["NAME", "RUN", "ID", "STATUS", "train/loss…", "AGE"]
    assert lines[1].startswith(
        f"sable-germain-9120  {ID[:10]}  FAILED: OutOfMemoryError  0.123456  "
    )


@pytest.mark.usefixtures("sorted_run")
@pytest.mark.parametrize(
    ("columns", "spare"),
    [
        (74, []),
        (80, ["TOOK"]),
        (86, ["EXPER…", "TOOK"]),
        (94, ["EXPER…", "GROUP", "TOOK"]),
        (160, ["EXPERIMENT", "GROUP", "TOOK"]),
    ],
)
def test_columns_are_left_out_one_by_one(
    tracker: "Cli", columns: int, spare: list[str]
) -> None:
    """First the group, then the experiment, then the duration."""
    title = plain(tracker.on_screen(*SORTED, columns=columns)).splitlines()[0]

    words = ("GROUP", "EXPERIMENT", "EXPER…", "TOOK")
    assert [word for word in title.split() if word in words] == spare


@pytest.mark.usefixtures("sorted_run")
def test_pipes_get_all_columns(tracker: "Cli") -> None:
    """Whatever the width of a terminal somewhere."""
    title = tracker.process(*SORTED).out.splitlines()[0]

    assert title.split()[3:] == [
        "EXPERIMENT",
        "GROUP",
        "STATUS",
        "train/loss.min",
        "AGE",
        "TOOK",
    ]


def test_short_ids_are_found(tracker: "Cli", write: Write) -> None:
    """What is shown of an id means its run, and no other that is shown."""
    write(f"{ID}1", "a-name-of-twenty-four-xy")
    write(f"{ID}2", "a-name-of-twenty-four-xz")

    lines = plain(tracker.on_screen("list", columns=70)).splitlines()

    found = "".join(lines)
    assert f"{ID}1" in found
    assert f"{ID}2" in found


def test_long_values_are_left_to_the_terminal(tracker: "Cli", write: Write) -> None:
    """A long path is in one piece, to be copied; short keys stay in their column."""
    path = f"/data/{'folder/' * 20}file"
    write(ID, None, MetadataBody({"path": path, "a": 1}))

    lines = plain(tracker.on_screen("list", "metadata", "@last")).splitlines()

    assert lines == ["ID    VALUE", "a     1", f"path  {path}"]


def test_short_rows_have_one_line(tracker: "Cli", write: Write) -> None:
    """Runs that have just finished take a line each, well apart."""
    write(ID, "quick-hopper-0544", EndedBody("job", "FINISHED", None))

    lines = plain(tracker.on_screen("list", columns=120)).splitlines()

    assert len(lines) == 2
    assert (
        f"quick-hopper-0544  {ID}  a-long-name-of-an-experiment  FINISHED" in lines[1]
    )


@pytest.mark.parametrize("columns", [8, 20, 30, 60])
def test_narrow_terminals_lose_nothing(
    tracker: "Cli", write: Write, columns: int
) -> None:
    """Where columns have no room the terminal breaks the lines; ids stay whole."""
    write("i" * 50, "n")

    screen = plain(tracker.on_screen("list", columns=columns))

    assert "i" * (10 if columns == 60 else 50) in screen


def test_long_values_are_shortened_on_a_terminal(tracker: "Cli", write: Write) -> None:
    """A value of many pages is its beginning, and how long it is."""
    write(ID, None, MetadataBody({"big": "x" * 1_000_000}))

    screen = plain(tracker.on_screen("list", "metadata", "@last"))

    assert screen.count("x") == 400
    assert "(1000000 characters)" in screen


def test_pipes_get_long_values_whole(tracker: "Cli", write: Write) -> None:
    """Nothing is cut where a program reads, and each row is one line."""
    write("i" * 300, "n" * 300, MetadataBody({"big": "x" * 1_000_000}))

    metadata = tracker.process("list", "metadata", "@last")
    runs = tracker.process("list")

    assert metadata.out == f"ID   VALUE\nbig  {'x' * 1_000_000}\n"
    assert len(runs.rows) == 2
    assert runs.rows[1][:2] == ["n" * 300, "i" * 300]


def test_terminals_have_colours(tracker: "Cli", write: Write) -> None:
    """A status stands out on a terminal, and only there."""
    write(ID, None, failed("ValueError"))

    assert f"{ESCAPE}31mFAILED" in tracker.on_screen("list")
    assert ESCAPE not in tracker.process("list").out


def test_no_color_is_honoured(
    tracker: "Cli", write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who wants no colour gets none, nor any other escape sequence."""
    monkeypatch.setenv("NO_COLOR", "1")
    write(ID, None, failed("ValueError"))

    assert ESCAPE not in tracker.on_screen("show", "@last")


@pytest.mark.parametrize("kind", ["on_screen", "process"])
@pytest.mark.parametrize(
    "command",
    [
        ("list",),
        ("show", "@last"),
        ("list", "metadata", "@last"),
        ("show", "@last", "--json"),
    ],
)
def test_what_runs_hold_is_not_obeyed(
    tracker: "Cli",
    write: Write,
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
    kind: str,
) -> None:
    """Markup shows as it is, and control characters are written out."""
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "400")
    evil = "[red]x[/red] :bomb: \x1b[2J\x07\x9b1m\x7f\nnext"
    write(f"id {evil}", evil, MetadataBody({evil: evil}), SourceBody(evil, evil))

    done = getattr(tracker, kind)(*command)

    out = done if isinstance(done, str) else done.out
    assert not set(out) & set("\x1b\x07\x9b\x7f")
    assert "[red]" in out
    assert "\nnext" not in out


def test_messages_on_a_card_are_cut(tracker: "Cli", write: Write) -> None:
    """Each of the last messages has one line; all of it is in ``--logs``."""
    write(ID, None, LogBody("warn", "word " * 40, None))

    lines = plain(tracker.on_screen("show", "@last")).splitlines()

    assert lines[-1].endswith("…")
    assert len(lines[-1]) == 80


def test_digests_are_short_on_a_terminal(tracker: "Cli", write: Write) -> None:
    """A terminal gets as much of a digest as ``tracker get`` needs."""
    digest = f"sha256:{'0123456789abcdef' * 4}"
    write(ID, None, ArtifactBody("w", digest, None, digest, 40_000))

    lines = plain(tracker.on_screen("list", "artifacts", "@last")).splitlines()

    assert lines[1] == "w         –     0123456789ab  39 KiB  –"
    assert digest in tracker.process("list", "artifacts", "@last").out


def test_fingerprint_is_short_on_a_terminal(tracker: "Cli", write: Write) -> None:
    """A pipe gets all of it."""
    write(ID, None)

    screen = plain(tracker.on_screen("show", "@last"))

    whole = re.search("sha256:[0-9a-f]{64}", tracker.process("show", "@last").out)
    assert whole
    assert f"\nfingerprint  {whole[0][:19]}\n" in screen


@pytest.mark.parametrize("options", [(), ("--logs",)])
def test_times_of_messages_have_a_zone(
    tracker: "Cli",
    write: Write,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
) -> None:
    """It stands in the title, since every row has the same."""
    monkeypatch.setenv("TZ", "XYZ5")
    write(ID, None, LogBody("info", "hello", None))

    done = tracker.process("show", "@last", *options)

    assert [line.split() for line in done.out.splitlines()[-2:-1]] == [
        ["LOGGED", "(XYZ)", "LEVEL", "MESSAGE"]
    ]


def test_trees_are_drawn_on_a_terminal(tracker: "Cli", write: Write) -> None:
    """Markup in the ids of a lineage shows as it is."""
    write("[b]x[/b]", "n", SourceBody("[i]data[/i]", None))

    screen = plain(tracker.on_screen("list", "lineage", "@last"))

    assert screen == "made from\n└── [i]data[/i]\n[b]x[/b] (n)\nused by nothing\n"


def test_broken_pipe_is_no_error(tracker: "Cli", write: Write) -> None:
    """A reader that leaves after one line hears no complaint."""
    for number in range(200):
        write(f"{number}" + "i" * 1000, None)

    with tracker.start("list", "--limit", "200") as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        complaint = process.stderr.read()

    assert complaint == ""


def test_encoding_that_lacks_a_letter_is_served(
    tracker: "Cli", write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an encoding has no letter for is written out."""
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    write(ID, "snow ☃", SourceBody("p", None))

    done = tracker.process("list", "lineage", "@last")

    assert (done.code, done.err) == (0, "")
    assert f"{ID} (snow \\u2603)" in done.out
