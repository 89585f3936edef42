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
    """Names stay whole; an experiment is cut, an id shortened, a status its cause."""
    write(ID, "quick-hopper-0544", failed("ValueError"))

    lines = plain(tracker.on_screen("list")).splitlines()

    assert max(map(len, lines)) <= 80
    assert len(lines) == 2
    assert lines[1].startswith(f"✗  quick-hopper-0544  {ID[:10]}  a-long-")
    assert "…  ValueError  " in lines[1]


def test_long_names_stay_whole(tracker: "Cli", write: Write) -> None:
    """Names that differ at their ends alone are not cut; other columns are left out."""
    for letter in "ab":
        write(f"{letter}{ID}", f"{'resnet50-' * 6}{letter}", failed("ValueError"))

    lines = plain(tracker.on_screen("list")).splitlines()

    shared = "experiment=a-long-name-of-an-experiment, status=FAILED: ValueError"
    assert lines[0] == f"same for all: {shared}"
    assert {line.split()[1][-1] for line in lines[2:4]} == {"a", "b"}
    assert max(map(len, lines)) <= 80


def test_causes_stay_whole_beside_a_long_name(tracker: "Cli", write: Write) -> None:
    """Even with groups and long names a failure has one line at 80 columns."""
    group = CreatedBody("resnet50-" * 4, "an-experiment", "a-group-of-runs")
    write(ID, None, group, failed("ValueError"))

    lines = plain(tracker.on_screen("list")).splitlines()

    assert max(map(len, lines)) <= 80
    assert "  ValueError  " in lines[1]


def test_name_is_cut_beside_the_id_where_there_is_no_room(
    tracker: "Cli", write: Write
) -> None:
    """It is longer than the terminal is wide; the status has its glyph still."""
    write(ID, "resnet50-" * 9, failed("ConnectionError"))

    lines = plain(tracker.on_screen("list", columns=58)).splitlines()

    name = ("resnet50-" * 9)[:28] + "…"
    assert lines[0].split() == ["NAME", "RUN", "ID", "STARTED"]
    assert lines[1].startswith(f"✗  {name}  {ID[:10]}  ")


SORTED = ("list", "--sort-by", "metrics.train/loss.min")


@pytest.fixture
def sorted_run(write: Write) -> None:
    """Record a run of a group whose row is too long for 80 columns."""
    identity = CreatedBody("sable-germain-9120", "an-experiment", "a-group-of-runs")
    loss = MetricsBody(0, {"train": {"loss": 0.123456}})
    write(ID, None, identity, loss, failed("OutOfMemoryError"))


@pytest.mark.usefixtures("sorted_run")
@pytest.mark.parametrize(
    ("columns", "titles"),
    [
        (44, ["NAME", "STATUS"]),
        (60, ["NAME", "STATUS", "…in/loss.min"]),
        (71, ["NAME", "STATUS", "train/loss.min", "STARTED"]),
        (160, ["NAME", "RUN ID", "EXPERIMENT", "GROUP", "STATUS", "train/loss.min"]),
    ],
)
def test_columns_are_left_out_one_by_one(
    tracker: "Cli", columns: int, titles: list[str]
) -> None:
    """What tells least goes first, and what is sorted by is among the last."""
    screen = plain(tracker.on_screen(*SORTED, columns=columns))

    assert re.split("  +", screen.splitlines()[0].strip())[: len(titles)] == titles
    assert ("no room for RUN ID" in screen) is (columns < 160)


@pytest.mark.usefixtures("sorted_run")
def test_pipes_get_all_columns(tracker: "Cli") -> None:
    """Whatever the width of a terminal somewhere."""
    title = tracker.process(*SORTED).out.splitlines()[0]

    assert title.split()[3:] == [
        "EXPERIMENT",
        "GROUP",
        "STATUS",
        "train/loss.min",
        "STARTED",
        "TOOK",
    ]


def test_short_ids_are_found(tracker: "Cli", write: Write) -> None:
    """What is shown of an id means its run; names that several have need it."""
    write(f"{ID}1", "a-name-of-twenty-four-xy")
    write(f"{ID}2", "a-name-of-twenty-four-xy")

    screen = plain(tracker.on_screen("list", columns=70))

    assert f"{ID}1  " in screen
    assert f"{ID}2  " in screen


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

    row = f"quick-hopper-0544  {ID}  a-long-name-of-an-experiment  FINISHED"
    assert len(lines) == 2
    assert row in lines[1]


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

    assert f"{ESCAPE}31m✗{ESCAPE}0m" in tracker.on_screen("list")
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


def test_fingerprint_is_on_the_whole_card(tracker: "Cli", write: Write) -> None:
    """The brief card of a terminal does without it."""
    write(ID, None)

    assert "fingerprint" not in tracker.on_screen("show", "@last")
    assert "fingerprint  sha256:" in tracker.on_screen("show", "@last", "--all")


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


@pytest.mark.usefixtures("write")
def test_message_is_broken_between_words(tracker: "Cli") -> None:
    """What is said to a person fits the terminal; elsewhere it is one line."""
    shown = tracker.in_front("show", "nobody-of-this-name", columns=60).finish()
    piped = tracker("show", "nobody-of-this-name")

    lines = shown.out.splitlines()
    assert len(lines) > 1
    assert max(map(len, lines)) < 60
    assert " ".join(line.strip() for line in lines) == piped.err.strip()
    assert len(piped.err.splitlines()) == 1


def test_comparison_has_a_line_for_each_series(tracker: "Cli", write: Write) -> None:
    """Two runs stand beside each other, with the best by what a name tells."""
    for name, values in (("first", (0.5, 0.2, 0.3)), ("second", (0.5, 0.1, 0.4))):
        bodies = [
            MetricsBody(step, {"": {"loss": value, "x": value}})
            for step, value in enumerate(values)
        ]
        write(name, name, *bodies)

    done = tracker.in_front("compare", "first", "second").finish()

    lines = [line.split() for line in done.out.splitlines()]
    assert ["loss", "0.3", "0.4", "0.2", "@1", "0.1", "@1", "1"] in lines
    assert ["x", "0.3", "0.4", "0.2", "…", "0.5", "0.1", "…", "0.5", "1"] in lines
