"""The tutorial is true: what it says works, and it shows what the example holds."""

import re
from contextlib import closing
from pathlib import Path

import pytest

from tracker_core.plain import native
from tracker_core.registry import build_trackers

pytestmark = pytest.mark.one_python

_ROOT = Path(__file__).parents[2]
_EXAMPLE = _ROOT / "examples" / "iris"
_PAGE = (_ROOT / "docs" / "tutorial.md").read_text("utf-8")
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

Tutorial = tuple[Path, list[str]]


def _excerpts() -> list[str]:
    """Give the lines that the page shows of the job, but for those of its loop."""
    shown = _PAGE.partition("## The job\n")[2].partition("## The configuration\n")[0]
    blocks = [code for kind, code in _BLOCK.findall(shown) if kind == "python"]
    straight = [code for code in blocks if not code.startswith("for ")]
    return [line for code in straight for line in code.splitlines() if line]


def test_excerpts_are_lines_of_the_job() -> None:
    """Who opens the example finds what the page explains."""
    lines = [line.strip() for line in (_EXAMPLE / "train.py").read_text().splitlines()]

    assert [line for line in _excerpts() if line not in lines] == []
    assert len(_excerpts()) > 5


def test_configuration_is_that_of_the_example() -> None:
    """Word for word, but for its comment."""
    (shown,) = (code for kind, code in _BLOCK.findall(_PAGE) if kind == "toml")

    assert (_EXAMPLE / "tracker.toml").read_text().endswith(shown)


def test_launch_prints_what_the_page_shows(tutorial: Tutorial) -> None:
    """The same seed gives the same result."""
    (shown,) = (code for kind, code in _BLOCK.findall(_PAGE) if kind == "text")
    _, printed = tutorial

    assert printed[0] == shown


def test_commands_show_the_run(tutorial: Tutorial) -> None:
    """The weights come back, and both backends tell the same."""
    folder, printed = tutorial
    _, read, both, again, last = printed
    # Each backend is told by itself that the run is alive, and who has used it is left
    # out where every run would have to be read for that.
    told = re.sub(r'"(heartbeat_at|users)": [^\n]*', "", both)
    first, second = told.split("\n}\n")[:2]

    assert '"weights": [' in read
    assert first == second
    assert again.count("FINISHED") == 3
    assert "one flower has no label" in last
    assert (folder / "train.py").read_text() in last


def test_runs_are_those_of_the_page(tutorial: Tutorial) -> None:
    """Three launches and two blocks of code, in the order of the page."""
    folder, _ = tutorial
    store = str(folder / ".tracker" / "tracker.db")

    with closing(native(build_trackers({"sqlite": store})[0])) as tracker:
        experiments = [run.experiment for run in tracker.runs()]

    assert experiments == ["by-hand"] * 2 + ["iris"] * 3
