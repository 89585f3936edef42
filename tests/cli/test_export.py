"""Tests of ``tracker export``: the points of many runs as one file."""

import csv
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tracker_core import track
from tracker_core.exporting import exported, points_of_runs
from tracker_core.records import ColumnsBody, CreatedBody, MetricsBody
from tracker_core.values import Value, from_json

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Store

NESTED: Value = [1, {"c": 2}]
ODD: tuple[Value, ...] = (
    *(0.1, 1, -0.0, 2**53 + 1, 10**400, True, None, 'a,"b"\n'),
    *(NESTED, math.inf, -math.inf),
)


@pytest.fixture
def stored(store: "Store") -> "Store":
    """Record two runs: one of plain points, and one of odd values."""
    steps, losses = [*range(1000)], [1 / (n + 1) for n in range(1000)]
    store.run(
        "plain",
        CreatedBody(experiment="iris"),
        ColumnsBody("train", steps, {"loss": losses, "seen": steps}),
        MetricsBody(None, {"": {"score": 7}}),
    )
    store.run("odd", *(MetricsBody(None, {"": {"x": value}}) for value in ODD))
    return store


@pytest.fixture
def empty(stored: "Store", tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to a folder without files."""
    del stored
    folder = tmp_path / "empty"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def rows_of(text: str) -> list[dict[str, str]]:
    """Read a CSV text."""
    return [*csv.DictReader(text.splitlines(keepends=True))]


def test_csv_goes_to_the_output(tracker: "Cli", stored: "Store") -> None:
    """Each point is a row, with where it comes from."""
    del stored

    done = tracker("export", "experiment = 'iris'")

    rows = rows_of(done.out)
    assert done.code == 0
    assert [*rows[0]] == [
        "run_id",
        "experiment",
        "series",
        "index",
        "step",
        "time",
        "value",
    ]
    assert {row["experiment"] for row in rows} == {"iris"}
    losses = [row for row in rows if row["series"] == "train/loss"]
    assert [float(row["value"]) for row in losses] == [1 / (n + 1) for n in range(1000)]
    assert [int(row["step"]) for row in losses] == [*range(1000)]
    assert [int(row["index"]) for row in losses] == [*range(1000)]
    (score,) = (row for row in rows if row["series"] == "score")
    assert (score["step"], score["value"]) == ("", "7")
    assert score["time"].endswith("Z")


def test_json_lines_keep_every_value(
    tracker: "Cli", stored: "Store", tmp_path: Path
) -> None:
    """By value and type."""
    del stored
    file = tmp_path / "points.jsonl"

    done = tracker("export", "--series", "x", "-o", str(file))

    rows = [from_json(line) for line in file.read_text().splitlines()]
    values = [row["value"] for row in rows if isinstance(row, dict)]
    assert done.code == 0
    assert f"wrote {str(file)!r}" in done.err
    assert list(map(repr, values)) == list(map(repr, ODD))


def test_csv_tells_odd_values_as_json(tracker: "Cli", stored: "Store") -> None:
    """Numbers are numbers, also those that JSON has no word for."""
    del stored

    rows = rows_of(tracker("export", "--series", "x").out)

    texts = [row["value"] for row in rows]
    assert texts[-2:] == ["inf", "-inf"]
    assert [json.loads(text) for text in texts[:-2]] == [*ODD[:-2]]


@pytest.mark.parametrize(
    "reader",
    [
        pytest.param("pandas", marks=pytest.mark.one_python),
        pytest.param("duckdb", marks=pytest.mark.one_python),
        "pyarrow",
    ],
)
def test_parquet_equals_what_was_logged(
    tracker: "Cli", stored: "Store", tmp_path: Path, reader: str
) -> None:
    """For each program that reads it."""
    del stored
    module = pytest.importorskip(reader, reason=f"needs {reader}")
    file = tmp_path / "points.parquet"

    assert tracker("export", "-o", str(file)).code == 0

    if reader == "pandas":
        table = module.read_parquet(file)
        losses = table[table.series == "train/loss"].value.tolist()
    elif reader == "duckdb":
        rows = module.execute(
            "SELECT value FROM read_parquet(?) WHERE series = 'train/loss' "
            "ORDER BY index",
            [str(file)],
        ).fetchall()
        losses = [value for (value,) in rows]
    else:
        from pyarrow import parquet

        rows = parquet.read_table(file).to_pylist()
        losses = [row["value"] for row in rows if row["series"] == "train/loss"]
        odd = [row for row in rows if row["series"] == "x"]
        assert [row["value_json"] for row in odd if row["value_json"]] == [
            *(str(2**53 + 1), str(10**400)),
            *("true", "null", json.dumps('a,"b"\n'), '[1,{"c":2}]'),
        ]
        assert [row["is_integer"] for row in odd[:4]] == [False, True, False, True]
    assert losses == [1 / (n + 1) for n in range(1000)]


def test_file_that_is_there_is_kept(
    tracker: "Cli", stored: "Store", tmp_path: Path
) -> None:
    """Unless it is said that it may go."""
    del stored
    file = tmp_path / "points.csv"
    file.write_text("mine")

    done = tracker("export", "-o", str(file))
    assert (done.code, file.read_text()) == (1, "mine")
    assert "--force replaces it" in done.err

    assert tracker("export", "-o", str(file), "--force").code == 0
    assert file.read_text().startswith("run_id,")


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("-o", "points.txt"), 2, "tells no form; give --format"),
        (("--series", "lost", "-o", "points.csv"), 1, "no run has a series 'lost'"),
        (("experiment = 'none'",), 1, "`tracker list` shows all"),
        (("experiment ~ 3",), 2, "experiment ~ 3"),
        (("-o", "no/such/points.csv"), 1, "there is no folder"),
    ],
)
def test_wrong_use_is_told(
    tracker: "Cli", empty: Path, arguments: tuple[str, ...], code: int, told: str
) -> None:
    """And no file is left."""
    done = tracker("export", *arguments)

    assert (done.code, told in done.err) == (code, True), done.err
    assert not [*empty.iterdir()]


def test_terminal_does_not_obey_a_table(
    tracker: "Cli", monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it would obey is written out there; a file has it as it is."""
    monkeypatch.setenv("TRACKER_BACKENDS", "sqlite")
    with track(name="run") as run:
        run.log_metric("a\x1b[2J", 1.0)

    screen = tracker.on_screen("export")

    assert "a\\x1b[2J,0,," in screen
    assert "\x1b[2J" not in screen


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_long_series_is_written_in_pieces(store: "Store", form: str) -> None:
    """The text of a series need not fit into memory."""
    steps = range(10_001)
    store.run("run", ColumnsBody("", steps, {"x": [0.5] * len(steps)}))
    tables = points_of_runs(store.tracker, store.tracker.runs())

    pieces = [piece.count(b"\n") for piece in exported(form, tables)]

    titles = 1 if form == "csv" else 0
    assert max(pieces) <= 10_000 + titles
    assert sum(pieces) == len(steps) + titles
