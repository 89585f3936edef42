"""A person's walk through the command line in a terminal, which a page keeps.

Each command is typed into a real terminal of 80 columns and 24 lines. Nothing may be
broken by its right edge, and what a person has to read may not leave it at the top.
``TRACKER_TEST_WALK=docs/walk.md`` writes the page anew.
"""

import os
import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.walk import COLUMNS, LINES, Screen, Walk

pytestmark = [
    pytest.mark.one_python,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux"),
]

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "walk.md"
HEAD = (
    "# A walk on the command line\n\n"
    f"These are the screens of a terminal of {COLUMNS} columns and {LINES} lines, as a "
    "test keeps them: a job, a sweep, jobs that fail or are killed, and what reads "
    "them.\n"
)
GOES_ON = "tracker watch slow"
TRAIN = "tracker run --experiment iris"
SWEEP = (
    f"{TRAIN} --param lr=0.03,0.1,0.3 --param seed=1..3 "
    "-- python train.py --epochs 20 --learning-rate {lr} --seed {seed}"
)


class Tour:
    """The commands of the walk, and what stood on the screen after each."""

    def __init__(self, walk: Walk) -> None:
        self._walk = walk
        self.screens: dict[str, Screen] = {}

    def __call__(self, command: str, answer: str | None = None) -> str:
        """Type a command, and an answer to what it asks; return the screen."""
        if answer is None:
            screen = self._walk.type(command)
        else:
            self._walk.begin(command)
            self._walk.until("[y/N]")
            screen = self._walk.answer(answer)
        self.screens[command] = screen._replace(command=command)
        return screen.text

    def wait(self, command: str) -> None:
        """Type a command that is no part of the walk."""
        self._walk.type(command)

    def watch(self, command: str, until: str) -> None:
        """Type a command that goes on, and keep the screen once it shows a text."""
        self._walk.begin(command)
        screen = self._walk.until(until)
        self.screens[command] = screen._replace(command=command)
        self._walk.end(command)


@pytest.fixture(scope="module")
def screens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Screen]]:
    """Walk through the commands in the folder of the example."""
    folder = tmp_path_factory.mktemp("walk") / "iris"
    folder.mkdir()
    for name in ("train.py", "iris.csv"):
        shutil.copy(ROOT / "examples" / "iris" / name, folder)
    with Walk(folder, f"tracker-{secrets.token_hex(4)}") as walk:
        tour = Tour(walk)
        _launch(tour)
        _read(tour)
        yield tour.screens
    kept = os.environ.get("TRACKER_TEST_WALK")
    if kept:
        # Nobody else has the folder of this test.
        page = _page(tour.screens).replace(str(folder), "/home/ada/iris")
        Path(kept).write_text(page, encoding="utf-8")


def _launch(tour: Tour) -> None:
    tour(f"{TRAIN} -- python train.py")
    tour(SWEEP)
    tour(f"{TRAIN} -- python train.py --epochs many")
    tour(f"{TRAIN} -- sh -c 'echo going; kill -KILL $$'")
    tour(f"{TRAIN} --name slow -- python train.py --epochs 1500 > log.txt 2>&1 &")
    tour.wait("until tracker show slow > out.txt 2>&1; do sleep 0.1; done")
    tour.watch(GOES_ON, "train/loss")


def _read(tour: Tour) -> None:
    listed = tour("tracker list").splitlines()
    named = [line.split()[1] for line in listed if line[:1] in "✓✗■"]
    _, killed, failed, last, *_, first = named
    tour("tracker list 'status = \"FINISHED\"' --sort-by metrics.test/loss.min")
    tour(f"tracker show {first}")
    tour(f"tracker show {failed}")
    tour(f"tracker show {killed} --console")
    tour(f"tracker compare {first} {last}")
    tour("tracker plot test/loss 'group_id exists' --limit 3")
    tour("tracker export --series test/loss -o loss.csv")
    tour("tracker status")
    tour(f"tracker rm {killed}", answer="y")


def _page(screens: dict[str, Screen]) -> str:
    return HEAD + "".join(map(_block, screens.values()))


def _block(screen: Screen) -> str:
    block = f"\n```text\n{screen.text}\n```\n"
    if screen.text.startswith("$ "):
        return block
    return f"\n`{screen.command}` fills the screen:\n{block}"


def _plain(command: str) -> str:
    """Return text without blanks, and without what another walk calls otherwise."""
    return re.sub(r"\s", "", re.sub(r"\b[a-z]+-[a-z]+-\d{4}\b", "NAME", command))


def test_walk_breaks_no_line(screens: dict[str, Screen]) -> None:
    """Nothing is wider than the terminal, but for what the job itself prints."""
    broken = {one.command: one.broken for one in screens.values() if one.broken}

    assert broken == {}


def test_walk_needs_no_scrolling(screens: dict[str, Screen]) -> None:
    """What each command says stands on one screen."""
    scrolled = {one.command: one.scrolled for one in screens.values() if one.scrolled}

    assert scrolled == {}


@pytest.mark.parametrize(
    ("begin", "texts"),
    [
        (f"{TRAIN} -- python train.py", ["test accuracy 0.967 on 30 flowers"]),
        (SWEEP, ["run 9 of 9: ", "9 runs: 9 finished, 0 failed"]),
        (f"{TRAIN} -- python train.py --epochs many", ["invalid int value: 'many'"]),
        (f"{TRAIN} -- sh", ["going"]),
        (GOES_ON, ["running for", "train/loss"]),
        ("tracker list", ["same for all: experiment=iris", "✗", "■", "SIGKILL"]),
        ("tracker list 'status", ["status=FINISHED", "test/loss.min"]),
        ("tracker compare", ["learning_rate", "test/loss"]),
        ("tracker plot", ["test/loss", "seed=3"]),
        ("tracker export", ["wrote 'loss.csv'"]),
        ("tracker status", ["delivered"]),
        ("tracker rm", ["removed"]),
    ],
)
def test_walk_shows(screens: dict[str, Screen], begin: str, texts: list[str]) -> None:
    """Each screen says what the person came for."""
    (screen, *_) = [one for name, one in screens.items() if name.startswith(begin)]

    assert [text for text in texts if text not in screen.text] == []


def test_page_has_the_commands_of_the_walk(screens: dict[str, Screen]) -> None:
    """The page that is published was made by this walk."""
    page = _plain(PAGE.read_text(encoding="utf-8"))

    assert [command for command in screens if _plain(command) not in page] == []
