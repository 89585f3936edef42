"""Tests of which series of a run tells most."""

import pytest

from tracker_core.cli.mainseries import main_series, own_series


@pytest.mark.parametrize(
    ("names", "main"),
    [
        (["acc", "train/Loss", "val/loss"], "train/Loss"),
        (["lr", "val/acc"], "val/acc"),
        (["loss/weight", "lr"], "loss/weight"),
        (["acc", "system/loss"], "acc"),
        (["system/loss"], None),
    ],
)
def test_main_series_is_a_loss_an_accuracy_or_the_first(
    names: list[str], main: str | None
) -> None:
    """The last part of the name counts, and that of the launcher is none."""
    assert main_series(names) == main


def test_own_series_are_without_those_of_the_launcher() -> None:
    """A series of the root stream may be called like the launcher's stream."""
    series = {"loss": 1, "system": 2, "system/cpu": 3, "system/3/cpu": 4}

    assert own_series(series) == {"loss": 1, "system": 2}
