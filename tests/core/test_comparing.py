"""Tests of comparing runs."""

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tracker_core.comparing import Comparison, compare_runs
from tracker_core.errors import InvalidValueError, RunNotFoundError
from tracker_core.partings import Parting
from tracker_core.records import (
    Body,
    ColumnsBody,
    CreatedBody,
    EndedBody,
    MetricsBody,
    ParamsBody,
    ProvenanceBody,
    Sequencer,
    StartedBody,
    TagsBody,
)
from tracker_core.summaries import Summary
from tracker_core.testing import MemoryTracker
from tracker_core.verdicts import verdict

if TYPE_CHECKING:
    from tracker_core.values import Value


def write(tracker: MemoryTracker, run_id: str, *bodies: Body, took: int = 10) -> None:
    """Record a run that has ended well, some seconds after it began."""
    times = iter((*(10**9,) * (len(bodies) + 2), (took + 1) * 10**9))
    sequencer = Sequencer(clock=lambda: next(times))
    life = (CreatedBody(f"run-{run_id}"), StartedBody("launcher"))
    end = EndedBody("launcher", "FINISHED", None)
    for body in (*life, *bodies, end):
        tracker.write(sequencer.batch(run_id, body))


def compared(*runs: tuple[Body, ...], with_system: bool = False) -> Comparison:
    """Compare runs, called ``a``, ``b``, …, of these records."""
    tracker = MemoryTracker()
    names = "abcdefgh"[: len(runs)]
    for name, bodies in zip(names, runs, strict=True):
        write(tracker, name, *bodies)
    return compare_runs(tracker, [*names], with_system=with_system)


def curve(series: str, *values: float) -> ColumnsBody:
    """Record one series."""
    stream, _, field = series.rpartition("/")
    return ColumnsBody(stream, [*range(len(values))], {field: [*values]})


def test_same_runs_differ_in_nothing() -> None:
    """Names, ids and times are not compared; NaN is NaN."""
    bodies = (ParamsBody({"lr": 0.1}), curve("loss", 1.0, math.nan))

    found = compared(bodies, bodies)

    assert found.is_equal
    assert found.same_series == ("loss",)
    assert verdict(found) == "nothing differs, 1 series included"


def test_series_of_ints_is_that_of_equal_floats() -> None:
    """What looks the same in both is not said to differ."""
    found = compared((curve("score", 1, 2),), (curve("score", 1.0, 2.0),))

    assert (found.series, found.same_series) == ((), ("score",))


def test_verdict_calls_no_infinity_better() -> None:
    """A curve that has run away is passed over."""
    away, kept, worse = curve("acc", math.inf), curve("acc", 0.9), curve("acc", 0.5)

    assert "better" not in verdict(compared((away,), (kept,)))
    assert verdict(compared((away,), (kept,), (worse,))).startswith("run-b is better")


def test_values_that_differ_are_told_by_run() -> None:
    """By type too; a run that lacks a key is not among them."""
    found = compared(
        (ParamsBody({"n": 3, "lr": 0.1, "opt.name": "sgd"}), TagsBody({"on": "cpu"})),
        (ParamsBody({"n": 3.0, "lr": 0.1}), TagsBody({"on": "gpu"})),
    )

    assert [(one.name, dict(one.values)) for one in found.params] == [
        ("n", {"a": 3, "b": 3.0}),
        ("opt.name", {"a": "sgd"}),
    ]
    assert [dict(one.values) for one in found.tags] == [{"a": "cpu", "b": "gpu"}]


def test_provenance_is_parted_into_code_packages_and_environment() -> None:
    """Mappings within it are told by dotted keys."""
    environment: Value = {"python": "3.12", "packages": {"numpy": "1", "click": "8"}}
    other: Value = {
        "python": "3.12",
        "packages": {"numpy": "2"},
        "variables": {"RANK": "1"},
    }

    found = compared(
        (ProvenanceBody({"environment": environment, "code": {"commit": "1"}}),),
        (ProvenanceBody({"environment": other, "code": {"commit": "2"}}),),
    )

    assert [one.name for one in found.code] == ["commit"]
    assert [one.name for one in found.packages] == ["click", "numpy"]
    assert [one.name for one in found.environment] == ["variables.RANK"]
    said = "2 packages, 1 fact of the environment and the code differ"
    assert verdict(found) == said


def test_series_tell_where_they_part() -> None:
    """One that only some runs have parts nowhere, and differs."""
    found = compared(
        (curve("loss", 3.0, 2.0), curve("same", 1.0), curve("extra", 1.0)),
        (curve("loss", 3.0, 1.0), curve("same", 1.0)),
    )

    extra, loss = found.series
    assert (extra.name, extra.parting, [*extra.summaries]) == ("extra", None, ["a"])
    assert loss.parting == Parting("step", 1, {"a": (2.0,), "b": (1.0,)})
    assert found.same_series == ("same",)


def test_series_of_the_system_are_left_out_unless_asked_for() -> None:
    """What a machine was busy with is mostly no difference between runs."""
    runs = ((curve("system/cpu", 1.0),), (curve("system/cpu", 2.0),))

    assert compared(*runs).left_out == ("system/cpu",)
    assert compared(*runs).is_equal
    assert [one.name for one in compared(*runs, with_system=True).series] == [
        "system/cpu"
    ]


@pytest.mark.parametrize("run_ids", [[], ["a"], ["a", "a"]])
def test_one_run_is_not_compared(run_ids: list[str]) -> None:
    """Comparing takes two, and both have to be there."""
    tracker = MemoryTracker()
    write(tracker, "a")

    with pytest.raises(InvalidValueError, match="two at least"):
        compare_runs(tracker, run_ids)
    with pytest.raises(RunNotFoundError):
        compare_runs(tracker, ["a", "b"])


@pytest.mark.parametrize(
    ("series", "values", "said"),
    [
        (
            "val/acc",
            (0.5, 0.89),
            "run-b is better on val/acc (0.89 against 0.5, +78 %)",
        ),
        ("loss", (0.5, 0.25), "run-b is better on loss (0.25 against 0.5, -50 %)"),
        ("loss", (0.5, 0.75), "run-a is better on loss (0.5 against 0.75, -33 %)"),
        ("lr", (1.0, 2.0), "run-b ends higher on lr (2 against 1, +100 %)"),
        (
            "acc",
            (0.5, 0.50001),
            "run-b is better on acc (0.50001 against 0.5, +0.002 %)",
        ),
        ("score", (0.0, 2.0), "run-b is better on score (2 against 0)"),
        ("score", (-1.0, 2.0), "run-b is better on score (2 against -1, +300 %)"),
    ],
)
def test_verdict_tells_which_run_is_better(
    series: str, values: tuple[float, float], said: str
) -> None:
    """By the best value where the name tells what is better, else by the last."""
    found = compared(*((curve(series, value),) for value in values))

    assert verdict(found) == f"{said}; 1 series differs; curves part at step 0"


@pytest.mark.parametrize("value", [math.nan, True, "text", 10**400])
def test_verdict_passes_over_what_is_no_number(value: float) -> None:
    """Without two numbers nothing is better, and the curves part all the same."""
    found = compared(
        (MetricsBody(0, {"": {"loss": value}}),), (MetricsBody(0, {"": {"loss": 2.0}}),)
    )

    assert verdict(found) == "1 series differs; curves part at step 0"


def test_verdict_prefers_what_was_held_back_and_all_have() -> None:
    """A value on data that was not learnt from tells more."""
    found = compared(
        (curve("acc", 1.0), curve("train/loss", 1.0), curve("val/loss", 0.5)),
        (curve("train/loss", 0.5), curve("val/loss", 1.0)),
    )

    assert verdict(found).startswith(
        "run-a is better on val/loss (0.5 against 1, -50 %)"
    )


def test_verdict_of_several_runs_names_the_best_and_the_next() -> None:
    """Those that share the first place are named together."""
    values = (1.0, 0.5, 0.5)

    found = compared(*((curve("loss", value),) for value in values))

    said = "run-b and run-c are best on loss (0.5 against 1 of run-a, -50 %)"
    assert verdict(found).startswith(said)


@pytest.mark.parametrize(
    ("took", "said"),
    [
        (10, "run-b is better on loss (1 against 2, -50 %); "),
        (12, "(1 against 2, -50 %) and is slower by 20 %; "),
        (9, "(1 against 2, -50 %) and is faster by 10 %; "),
        (40, "(1 against 2, -50 %) and takes 4 times as long; "),
    ],
)
def test_verdict_tells_the_pace_of_the_better_run(took: int, said: str) -> None:
    """Beside the other one of two."""
    tracker = MemoryTracker()
    write(tracker, "a", curve("loss", 2.0))
    write(tracker, "b", curve("loss", 1.0), took=took)

    assert said in verdict(compare_runs(tracker, ["a", "b"]))


def test_verdict_takes_the_last_value_where_there_is_no_history() -> None:
    """A plain tracker knows no best one."""
    found = compared((curve("loss", 2.0),), (curve("loss", 1.0),))
    (series,) = found.series
    last = {
        run: Summary(None, None, summary.last, *(None,) * 5)
        for run, summary in series.summaries.items()
    }
    told = replace(series, summaries=last, parting=None)

    said = verdict(replace(found, series=(told,)))

    assert said == "run-b is better on loss (1 against 2, -50 %); 1 series differs"


def test_verdict_tells_who_did_not_finish() -> None:
    """A run that goes on is compared as it is now; labels stand for names."""
    tracker = MemoryTracker()
    write(tracker, "a", took=5)
    sequencer = Sequencer(clock=lambda: 10**9)
    for body in (CreatedBody("x", "iris"), StartedBody("job")):
        tracker.write(sequencer.batch("b", body))

    found = compare_runs(tracker, ["a", "b"])

    said = verdict(found, {"a": "A", "b": "B"})
    assert said == "B is RUNNING; the experiment differs"
