"""Tests of ``tracker plot``: curves in the terminal."""

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tracker_core import track
from tracker_core.cli.plotlines import Line, Plot
from tracker_core.cli.plotscreen import Screen, drawn
from tracker_core.records import ColumnsBody, MetricsBody, ParamsBody
from tracker_core.runs import RunInfo
from tracker_core.thinning import Curve

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Store
    from tracker_core.values import Value

STEPS = [*range(0, 1000, 10)]


@pytest.fixture
def stored(store: "Store") -> "Store":
    """Record two runs of one experiment, and one with odd values."""
    for place, (run_id, lr) in enumerate((("slow", 0.01), ("fast", 0.1)), 1):
        losses = [math.exp(-step * lr / 20) for step in STEPS]
        store.run(
            run_id,
            ParamsBody({"opt.lr": lr, "batch": 32}),
            ColumnsBody("train", STEPS, {"loss": losses}),
            name=run_id,
            at=place,
        )
    odd: tuple[Value, ...] = (1, "text", True, None, 10**400, math.nan, -2.5)
    points = (MetricsBody(None, {"": {"odd": value}}) for value in odd)
    store.run("odd", *points, MetricsBody(3, {"": {"words": "a"}}), at=9)
    return store


def line_of(name: str, ys: Sequence[float], setting: str = "") -> Line:
    """Give the curve of a run."""
    run = RunInfo(name, name, *(None,) * 5, (), *(None,) * 3)
    return Line(run, setting, Curve(range(len(ys)), ys))


def picture(
    *lines: Line,
    width: int = 80,
    height: int = 20,
    encoding: str = "utf-8",
    is_log: bool = False,
) -> list[str]:
    """Draw curves."""
    screen = Screen(width, height, has_colours=False, encoding=encoding)
    return drawn(Plot("loss", "step", lines, has_more=False), screen, is_log=is_log)


def test_plot_into_a_pipe_is_80_by_20_letters(tracker: "Cli", stored: "Store") -> None:
    """With the series, both axes, and a legend of what tells the runs apart."""
    del stored

    done = tracker("plot", "train/loss")

    lines = done.out.splitlines()
    assert done.code == 0
    assert len(lines) == 20
    assert max(map(len, lines)) <= 80
    assert lines[0] == "train/loss"
    assert re.match(r"1\.0 ┤\S", lines[1])
    assert re.fullmatch(r" +0 .* 200 .* 800 +step", lines[-3])
    assert lines[-2:] == ["a fast  lr=0.1", "b slow  lr=0.01"]
    assert "\x1b" not in done.out


def test_plot_of_one_run_needs_no_letters(tracker: "Cli", stored: "Store") -> None:
    """Nor params that tell it apart."""
    del stored

    lines = tracker("plot", "train/loss", "--run", "fast").out.splitlines()

    assert lines[-1] == "• fast"
    assert not any("a" in line for line in lines[1:-2])


def test_plot_chooses_runs(tracker: "Cli", stored: "Store") -> None:
    """By a query, by their number, or by what they are called."""
    del stored

    def names(*arguments: str) -> list[str]:
        found = tracker("plot", "train/loss", "--json", *arguments).json["runs"]
        return [run["name"] for run in found]  # type: ignore[attr-defined]  # a list

    assert names() == ["fast", "slow"]
    assert names("params.opt.lr < 0.05") == ["slow"]
    assert names("--limit", "1") == ["fast"]
    assert names("--run", "slow", "--run", "fast", "--run", "slow") == ["slow", "fast"]
    assert "--limit N shows more" in tracker("plot", "train/loss", "--limit", "1").err


@pytest.mark.parametrize(
    ("axis", "over", "xs"),
    [
        ("step", "step", [0, 10]),
        ("index", "index", [0, 1]),
        ("time", "time (s)", [2.0]),
    ],
)
def test_plot_is_over_steps_indices_or_times(
    tracker: "Cli", stored: "Store", axis: str, over: str, xs: list[float]
) -> None:
    """Times begin with the run; all points here have one."""
    del stored

    found = tracker("plot", "train/loss", "--json", "--x", axis, "--run", "fast").json

    assert found["x"] == over
    stroke = found["runs"][0]["strokes"][0]  # type: ignore[index]  # a list
    assert stroke["x"][: len(xs)] == xs


def test_plot_of_odd_values_has_the_numbers(tracker: "Cli", stored: "Store") -> None:
    """What is none is not there; NaN and what is too large are gaps."""
    del stored

    found = tracker("plot", "odd", "--json").json

    assert found["x"] == "index"
    assert found["runs"] == [
        {
            "run_id": "odd",
            "name": found["runs"][0]["name"],  # type: ignore[index]  # a list
            "setting": "",
            "count": 4,
            "strokes": [{"x": [0], "y": [1.0]}, {"x": [6], "y": [-2.5]}],
        }
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("train/los",), 1, "no run of these has a series 'train/los'; did you mean"),
        (("qqq",), 1, "`tracker show RUN` lists those of a run"),
        (("train/loss", "name = 'x'"), 1, "matches; `tracker list` shows all"),
        (("train/loss", "nam = 'x'"), 2, "did you mean 'name'?"),
        (("train/loss", "--run", "fst"), 1, "did you mean 'fast'?"),
        (("train/loss", "--run", "odd"), 1, "no run of these has a series"),
        (("words",), 1, "the series 'words' has no numbers"),
        (("train/loss", "x = 1", "--run", "fast"), 2, "exclude each other"),
        (("train/loss", "--json", "--svg", "x"), 2, "exclude each other"),
        (("train/loss", "--png", "x", "--svg", "x"), 2, "two forms cannot have one"),
        (("train/loss", "--png", "no/x.png"), 1, "there is no folder 'no'"),
        (("train/loss", "--limit", "0"), 2, "is no count"),
    ],
)
def test_plot_explains_what_it_cannot_plot(
    tracker: "Cli", stored: "Store", arguments: tuple[str, ...], code: int, said: str
) -> None:
    """With what to do."""
    del stored

    done = tracker("plot", *arguments)

    assert done.code == code
    assert said in done.err.replace("\n", " ")
    assert not done.out


def test_logarithmic_plot_needs_values_above_zero(
    tracker: "Cli", store: "Store"
) -> None:
    """Others are gaps; the scale is named."""
    store.run("a", ColumnsBody("", None, {"y": [-1.0, 0.0], "z": [0.0, 1.0]}))

    assert "nothing above zero" in tracker("plot", "y", "--log").err
    assert tracker("plot", "z", "--log").out.startswith("z (log scale)\n")


def test_plot_fits_a_terminal(tracker: "Cli", monkeypatch: pytest.MonkeyPatch) -> None:
    """With a line for the prompt, in colours, and whatever names there are."""
    monkeypatch.setenv("TRACKER_BACKENDS", "sqlite")
    for place in range(11):
        with track(name=f"実験{place}\x1b[31m{'x' * 60}") as run:
            run.log_param("lr", 10.0**-place)
            for step in range(20):
                run.log_metric("loss", 1 / (step + place + 1), step=step)

    screen = tracker.on_screen("plot", "loss")

    assert "\x1b[36ma\x1b[0m" in screen
    assert "\x1b[31mx" not in screen
    lines = re.sub(r"\x1b\[[\d;]*m", "", screen).splitlines()
    assert len(lines) == 23
    assert lines[-1] == "tracker: showing the newest 10 runs; --limit N shows more"
    assert max(map(len, lines)) <= 80
    assert "lr=1e-10" in lines[-6]


def test_picture_has_gaps_and_lone_points() -> None:
    """A point without neighbours has a sign of its own."""
    lines = picture(line_of("r", [1.0, math.nan, 5.0, math.nan, 1.0]))

    assert sum(line.count("•") for line in lines[:-1]) == 3


def test_picture_in_ascii_is_the_same_curve() -> None:
    """Where an encoding lacks the signs of braille."""
    curves = line_of("r", [*map(float, range(50))]), line_of("s", [3.0] * 50)

    plain = picture(*curves, encoding="ascii")

    assert all(line.isascii() for line in plain)
    assert plain[0] == "loss"
    shapes = (
        [re.sub(r"\S", "x", line) for line in p] for p in (plain, picture(*curves))
    )
    assert next(shapes) == next(shapes)


@pytest.mark.parametrize("size", [(80, 24), (20, 5), (1, 1), (200, 60)])
@pytest.mark.parametrize("count", [1, 2, 70])
def test_picture_fits_its_screen(size: tuple[int, int], count: int) -> None:
    """Unless there is no room for any curve."""
    width, height = size
    curves = (line_of(f"run-{n}", [1.0, float(n)], "lr=0.1") for n in range(count))

    lines = picture(*curves, width=width, height=height)

    assert len(lines) == max(height, 7)
    assert max(map(len, lines)) <= max(width, 20)


def test_long_legend_says_how_many_runs_it_leaves_out() -> None:
    """It takes a third of the screen at the most."""
    lines = picture(*(line_of(f"run-{n}", [1.0, float(n)]) for n in range(70)))

    assert len(lines) == 20
    assert "l run-11" in lines[-1] or "k run-10" in lines[-1]
    assert lines[-1].endswith("… and 59 more")


@pytest.mark.parametrize("is_log", [False, True])
@pytest.mark.parametrize(
    "ys", [[5e-324, 1.7e308], [3.0], [1e300, 1e300], [1e-300, 2e-300]]
)
def test_picture_takes_any_numbers(ys: list[float], *, is_log: bool) -> None:
    """However large, small or few."""
    lines = picture(line_of("r", ys), is_log=is_log)

    assert len(lines) == 20
    assert max(map(len, lines)) <= 80


def test_plot_without_matplotlib_says_what_to_install(
    tracker: "Cli", stored: "Store", place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And leaves no file."""
    del stored
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)

    done = tracker("plot", "train/loss", "--png", "x.png")

    assert done.code == 2
    assert "--png needs the package matplotlib; install tracker-core[plot]" in done.err
    assert not (place / "x.png").exists()


def test_plot_of_nan_alone_says_so(tracker: "Cli", store: "Store") -> None:
    """There is nothing to draw in a series of NaN and infinities."""
    values = (math.nan, math.inf)
    store.run("run-1", *(MetricsBody(None, {"": {"x": value}}) for value in values))

    done = tracker("plot", "x")

    assert (done.code, done.out) == (1, "")
    assert done.err == "tracker: the series 'x' has only NaN and infinities\n"
