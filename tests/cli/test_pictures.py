"""Tests of plots as pictures."""

import math
import warnings
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from tracker_core.records import ColumnsBody, ParamsBody

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Store

pytestmark = pytest.mark.one_python

SERIES = "a_b/$x_1$"
NAMES = ("_under", "$\\bad{$", "<script>alert(1)</script>", "実\x1b[31m", "n" * 500)


@pytest.fixture(scope="module", autouse=True)
def fonts() -> None:
    """Let matplotlib find and open its fonts, which it keeps open."""
    module = pytest.importorskip("matplotlib.figure", reason="needs matplotlib")
    figure = module.Figure()
    figure.text(0, 0, "実 $1$")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        figure.savefig(BytesIO(), format="png")


@pytest.fixture
def stored(store: "Store") -> "Store":
    """Record runs whose names are anything but words."""
    for place, name in enumerate(NAMES):
        ys = [float(place + n) if n != 3 else math.nan for n in range(9)]
        store.run(
            f"r{place}",
            ParamsBody({"lr": place / 10}),
            ColumnsBody("a_b", [*range(9)], {"$x_1$": ys}),
            name=name,
        )
    return store


def test_pictures_are_written_beside_each_other(
    tracker: "Cli", stored: "Store", place: Path
) -> None:
    """Several at once, and none over a file that is there."""
    del stored

    done = tracker("plot", SERIES, "--png", "o.png", "--svg", "o.svg")

    assert done.code == 0
    assert done.err == "tracker: wrote 'o.png'\ntracker: wrote 'o.svg'\n"
    assert (place / "o.png").read_bytes().startswith(b"\x89PNG")
    again = tracker("plot", SERIES, "--svg", "o.svg")
    assert again.code == 1
    assert "is there already; --force replaces it" in again.err
    before = (place / "o.svg").read_bytes()
    assert tracker("plot", SERIES, "--svg", "o.svg", "--force", "--log").code == 0
    assert (place / "o.svg").read_bytes() != before


def test_svg_holds_texts_as_they_are(
    tracker: "Cli", stored: "Store", place: Path
) -> None:
    """Never as mathematics or markup, and the same curves are the same file."""
    del stored

    for name in ("one.svg", "two.svg"):
        assert tracker("plot", SERIES, "--svg", name).code == 0

    root = ET.fromstring((place / "one.svg").read_text("utf-8"))  # noqa: S314 - ours
    texts = [element.text or "" for element in root.iter() if element.text]
    assert SERIES in texts
    shown = ("_under  lr=0", *NAMES[1:3], r"実\x1b[31m", "n" * 59 + "…")
    missing = [s for s in shown if not any(t.startswith(s) for t in texts)]
    assert not missing
    assert not any("script" in element.tag for element in root.iter())
    assert (place / "one.svg").read_bytes() == (place / "two.svg").read_bytes()


def test_page_holds_all_that_it_shows(
    tracker: "Cli", stored: "Store", place: Path
) -> None:
    """A picture and a table of its runs, and nothing from elsewhere."""
    del stored

    assert tracker("plot", SERIES, "--html", "o.html").code == 0

    page = (place / "o.html").read_text("utf-8")
    assert page.count("<svg") == 1
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert page.count("<tr>") == 1 + len(NAMES)
    assert '<td class="number">9</td>' in page
    assert not [word for word in ("src=", "@import", "url(http") if word in page]


def test_pictures_of_many_runs_have_a_colour_each(
    tracker: "Cli", store: "Store", place: Path
) -> None:
    """Whatever the number."""
    for n in range(12):
        store.run(f"r{n}", ColumnsBody("", None, {"y": [float(n)]}))

    assert tracker("plot", "y", "--html", "o.html", "--limit", "12").code == 0

    page = (place / "o.html").read_text("utf-8")
    colours = {part[:7] for part in page.split("background:")[2:]}
    assert len(colours) == 12
