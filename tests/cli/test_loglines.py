"""Tests of ``tracker log --stdin``: one line of JSON is one record."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tracker_core.cli.loglines import read_line
from tracker_core.errors import TrackerError
from tracker_core.journal.folders import RunFolder
from tracker_core.journal.reader import JournalReader
from tracker_core.records import (
    ArtifactBody,
    Body,
    LogBody,
    MetricsBody,
    ParamsBody,
    TagsBody,
)
from tracker_core.shelllog import FileEntry
from tracker_sqlite import SqliteTracker

if TYPE_CHECKING:
    from tests.cli.conftest import Cli
    from tracker_core.shelllog import Entry

DOCS = Path(__file__).parents[2] / "docs"
COMMAND = (sys.executable, "-m", "tracker_core", "log", "--stdin")


@pytest.fixture
def database(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be inside of a run that goes to a database."""
    monkeypatch.setenv("TRACKER_HOME", str(place / "home"))
    monkeypatch.setenv("TRACKER_JOB_ID", "r")
    monkeypatch.setenv("TRACKER_BACKENDS", "sqlite")
    monkeypatch.setenv("TRACKER_SQLITE_CONFIG", str(place / "runs.db"))
    return place / "runs.db"


@pytest.mark.parametrize(
    ("line", "entry"),
    [
        (b'{"param": {"lr": 0.1, "is_on": true}}', ParamsBody({"lr": 0.1, "is_on": 1})),
        (
            b'{"metric": {"loss": 0.5, "a/b": 1}, "step": 3}\r\n',
            MetricsBody(3, {"": {"loss": 0.5}, "a": {"b": 1}}),
        ),
        (b'{"metric": {"loss": 2}}', MetricsBody(None, {"": {"loss": 2}})),
        ('{"tag": {"device": "\u00e9"}}'.encode(), TagsBody({"device": "\u00e9"})),
        (b'{"text": "a", "level": "WARNING"}', LogBody("warn", "a", None)),
        (b'{"text": "a"}', LogBody("info", "a", None)),
        (b'{"artifact": "m", "path": "m.pt"}', FileEntry("m", "m.pt")),
        (
            b'{"artifact": "m", "path": "s3://b/m", "reference": true}',
            ArtifactBody("m", "s3://b/m", None),
        ),
    ],
)
def test_line_is_a_record(line: bytes, entry: "Entry") -> None:
    """Each kind has a key of its name."""
    assert read_line(line) == entry


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"loss 1", "it is no JSON: Expecting value at character 1"),
        (b'{"text": "\xff"}', "it is no JSON, since it is no UTF-8"),
        (b"[" * 100_000, "it cannot be read as JSON"),
        (b"[1]", "it is no JSON object"),
        (b"{}", "it has 0 of the keys param, metric"),
        (b'{"text": "a", "tag": {}}', "it has 2 of the keys"),
        (b'{"param": {"a": 1}, "step": 3}', "param has nothing beside it, no 'step'"),
        (b'{"metric": {"a": 1}, "stpe": 3}', "metric has only step beside it"),
        (b'{"metric": 0.5}', "metric"),
        (b'{"metric": {"a": 1}, "step": -1}', "step is -1"),
        (b'{"tag": {"a": 1}}', "tag 'a'"),
        (b'{"text": 1}', "log message"),
        (b'{"text": "a", "level": 3}', "level"),
        (b'{"artifact": "m"}', "path of artifact 'm' is empty"),
        (b'{"artifact": "m", "path": "p", "reference": 1}', "reference"),
    ],
)
def test_line_that_is_none_is_explained(line: bytes, why: str) -> None:
    """It says what is wrong with it."""
    with pytest.raises(TrackerError, match=why.replace("[", r"\[")):
        read_line(line)


def test_bad_line_is_left_out_and_the_rest_goes_on(
    tracker: "Cli", database: Path
) -> None:
    """Its number is told, and the exit code is 1."""
    lines = b'{"param": {"a": 1}}\n\n{"parm": {"b": 2}}\n{"param": {"c": 3}}'

    done = subprocess.run(COMMAND, input=lines, capture_output=True, check=False)
    tracker("sync")

    assert done.returncode == 1
    first, last = done.stderr.decode().splitlines()
    assert first.startswith("tracker: line 3 is left out: it has 0 of the keys")
    assert last == "tracker: 1 of 4 lines are left out"
    with closing(SqliteTracker(database)) as store:
        assert store.params("r") == {"a": 1, "c": 3}


def test_files_are_kept_too(tracker: "Cli", database: Path) -> None:
    """An artifact is a line like any other."""
    Path("model.pt").write_bytes(b"weights")
    lines = b'{"artifact": "m", "path": "model.pt"}\n{"artifact": "n", "path": "none"}'

    done = subprocess.run(COMMAND, input=lines, capture_output=True, check=False)
    tracker("sync")

    assert done.returncode == 1
    assert b"line 2 is left out" in done.stderr
    with closing(SqliteTracker(database)) as store:
        assert store.open_artifact("r", "m").read() == b"weights"


@pytest.mark.usefixtures("database")
def test_record_is_kept_while_the_pipe_is_open(place: Path) -> None:
    """Who reads along sees it, and whoever is killed loses nothing."""
    folder = RunFolder.of(place / "home", "r")
    with subprocess.Popen(COMMAND, stdin=subprocess.PIPE) as process:
        assert process.stdin
        process.stdin.write(b'{"text": "a"}\n')
        process.stdin.flush()
        while not (found := messages(folder)):
            assert process.poll() is None
        process.kill()

    assert found == [LogBody("info", "a", None)]
    assert messages(folder) == found


def test_example_of_the_page_logs_what_it_prints(
    tracker: "Cli", database: Path
) -> None:
    """Any language that prints lines can log."""
    page = (DOCS / "cli.md").read_text(encoding="utf-8")
    (example,) = (line for line in page.splitlines() if line.startswith("awk "))
    Path("train.log").write_text("begun\nepoch 3 loss 0.25\n")
    command = example.replace("| tracker", f"| {sys.executable} -m tracker_core")

    subprocess.run(["sh", "-c", command], check=True)
    tracker("sync")

    with closing(SqliteTracker(database)) as store:
        points = [(one.step, one.value) for one in store.points("r", "loss")]
        assert points == [(3, 0.25)]


def messages(folder: RunFolder) -> list[Body]:
    """Give the messages that the journal holds."""
    return [
        record.body
        for writer in folder.writers()
        for record in JournalReader(writer.path).read().records
        if isinstance(record.body, LogBody)
    ]


def test_closed_input_is_wrong_usage(database: Path) -> None:
    """There is nothing to read from."""
    del database
    shim = ("sh", "-c", 'exec "$@" <&-', "sh", *COMMAND)

    done = subprocess.run(shim, capture_output=True, check=False)

    assert done.returncode == 2
    assert b"--stdin has no input" in done.stderr
