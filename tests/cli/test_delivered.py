"""Tests of how far the backends are with a run, in words."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tracker_core.cli.delivered import delivery_words, is_written, read_delivery
from tracker_core.delivery.ledger import DeadLetter, ledger_folder
from tracker_core.delivery.overview import BackendState
from tracker_core.records import TagsBody

if TYPE_CHECKING:
    from tests.cli.conftest import Journals

TAGS = TagsBody({"device": "cpu"})


def state(**more: Any) -> BackendState:
    """Give how far a backend is; nothing is left to deliver unless told otherwise."""
    known: Any = ("mlflow", None, False, 5, {}, (), {}, (), None, 0.0, 0.0, True, False)
    return BackendState(*known)._replace(**more)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (state(), "mlflow delivered"),
        (
            state(dead=(DeadLetter(Path(), "w", 1, 2),)),
            "mlflow delivered, 2 refused",
        ),
        (state(due={"w": 12}, lag_s=3.0), "mlflow 12 pending for 3.0s"),
        (
            state(due={"w": 12}, lag_s=65.0, error="no"),
            "mlflow 12 pending for 1m05s (failing)",
        ),
        (state(has_died=True, is_held=False), "mlflow 0 pending (waiting)"),
    ],
)
def test_delivery_is_told_in_words(found: BackendState, words: str) -> None:
    """What is pending has its age, and what is wrong is named."""
    assert delivery_words([found]) == [words]


def test_delivery_of_a_run_without_a_journal_is_not_known(
    journals: "Journals",
) -> None:
    """It was logged on another machine."""
    del journals

    assert read_delivery("x") is None
    assert not is_written("x")


def test_run_is_written_as_long_as_its_writer_lives(journals: "Journals") -> None:
    """A process that has its journal open may write still."""
    journals.log("x", TAGS)
    journals.log("y", TAGS, ends=False)

    assert not is_written("x")
    assert is_written("y")


def test_ledger_that_cannot_be_understood_is_told(
    journals: "Journals", capsys: pytest.CaptureFixture[str]
) -> None:
    """All else is known of the run."""
    folder = journals.log("x", TAGS)
    (ledger_folder(folder, "sqlite") / "cursor.json").write_text('{"version": 1}')

    assert read_delivery("x") is None
    assert "how far delivery is cannot be told: " in capsys.readouterr().err
