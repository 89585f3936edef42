"""Tests of ``tracker compare``: what differs between runs."""

import re
from typing import TYPE_CHECKING

import pytest

from tracker_core import track
from tracker_core.records import (
    ColumnsBody,
    MetricsBody,
    ParamsBody,
    ProvenanceBody,
    TagsBody,
)

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Store
    from tracker_core.values import Value


@pytest.fixture
def stored(store: "Store") -> "Store":
    """Record two runs that differ, and one that is as the first."""
    for run_id, name, lr, accuracies, python in (
        ("one", "first", 0.1, [0.0, 0.5, 0.89], "3.11"),
        ("two", "second", 0.5, [0.0, 0.5, 0.91], "3.12"),
        ("same", "third", 0.1, [0.0, 0.5, 0.89], "3.11"),
    ):
        store.run(
            run_id,
            ParamsBody({"opt.lr": lr, "batch": 32}),
            ColumnsBody("val", [0, 600, 1200], {"acc": accuracies}),
            MetricsBody(0, {"system": {"cpu": lr}}),
            ProvenanceBody({"environment": {"python": python}}),
            name=name,
        )
    return store


def test_comparison_is_a_verdict_and_what_differs(
    tracker: "Cli", stored: "Store"
) -> None:
    """Letters stand for runs; what is the same is not there."""
    del stored

    done = tracker("compare", "first", "two")

    assert done.code == 0
    assert done.out == (
        "B (second) is better on val/acc (0.91 against 0.89, +2.2 %); 1 param, 1 fact "
        "of the environment and 1 series differ; curves part at step 1200\n"
        "\n"
        "RUN  NAME    RUN ID  STATUS    TOOK\n"
        "A    first   one     FINISHED  5.0s\n"
        "B    second  two     FINISHED  5.0s\n"
        "\n"
        "PARAM   A    B\n"
        "opt.lr  0.1  0.5\n"
        "\n"
        "ENVIRONMENT  A       B\n"
        'python       "3.11"  "3.12"\n'
        "\n"
        "SERIES   RUN  LAST  MIN  STEP  MAX   STEP  PARTS AT\n"
        "val/acc  A    0.89  0    0     0.89  1200  1200\n"
        "val/acc  B    0.91  0    0     0.91  1200  1200\n"
    )
    assert done.err == (
        "tracker: 1 series of the system left out; --all compares them\n"
    )


def test_comparison_says_that_nothing_differs(tracker: "Cli", stored: "Store") -> None:
    """In so many words, and with the runs that were compared."""
    del stored

    lines = tracker("compare", "one", "same").out.splitlines()

    assert lines[0] == "nothing differs, 1 series included"
    assert len(lines) == 5


def test_comparison_takes_the_series_of_the_system_too(
    tracker: "Cli", stored: "Store"
) -> None:
    """When it is asked to."""
    del stored

    done = tracker("compare", "--all", "one", "two")

    assert "system/cpu  A" in done.out
    assert not done.err


def test_comparison_for_programs_has_values_by_run(
    tracker: "Cli", stored: "Store"
) -> None:
    """As one document."""
    del stored

    found = tracker("compare", "one", "two", "--json").json

    assert found["version"] == 1
    assert found["is_equal"] is False
    assert found["params"] == [{"name": "opt.lr", "values": {"one": 0.1, "two": 0.5}}]
    assert found["left_out"] == ["system/cpu"]
    summary = {"count": 3, "first": 0.0, "min": 0.0, "min_step": 0, "max_step": 1200}
    means = {"one": 0.4633333333333333, "two": 0.47000000000000003}
    assert found["series"] == [
        {
            "name": "val/acc",
            "direction": "higher",
            "summaries": {
                run: {**summary, "last": best, "max": best, "mean": means[run]}
                for run, best in (("one", 0.89), ("two", 0.91))
            },
            "parting": {
                "axis": "step",
                "at": 1200,
                "values": {"one": [0.89], "two": [0.91]},
            },
        }
    ]


def test_values_that_only_their_type_tells_apart_look_different(
    tracker: "Cli", store: "Store"
) -> None:
    """So does one that is not there; nothing is obeyed by a terminal."""
    values: list[dict[str, Value]] = [{"n": 3}, {"n": 3.0}, {"n": "3"}, {}]
    for place, params in enumerate(values):
        store.run(f"r{place}", ParamsBody(params), TagsBody({"t": f"\x1b{place}"}))

    done = tracker("compare", "r0", "r1", "r2", "r3")

    assert 'n      3  3.0  "3"  –' in done.out
    assert r"t    \x1b0  \x1b1  \x1b2  \x1b3" in done.out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("one",), 2, "'one' is one run; name another to compare it with"),
        (("one", "first"), 2, "'one' and 'first' mean the same run, 'one'; name"),
        (("one", "secnd"), 1, "did you mean 'second'?"),
        ((), 2, "Missing argument"),
    ],
)
def test_two_different_runs_are_needed(
    tracker: "Cli", stored: "Store", words: tuple[str, ...], code: int, said: str
) -> None:
    """However they are named."""
    del stored

    done = tracker("compare", *words)

    assert done.code == code
    assert said in done.err


def test_many_runs_take_several_tables_on_a_narrow_terminal(
    tracker: "Cli", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has the columns that it has room for, and none is left out."""
    monkeypatch.setenv("TRACKER_BACKENDS", "sqlite")
    monkeypatch.setenv("NO_COLOR", "1")
    for n in range(9):
        with track(name=f"run-{n}") as run:
            run.log_param("path", f"/data/set-{n:09}")
            run.log_metric("loss", n, step=0)

    screen = tracker.on_screen("compare", *(f"run-{n}" for n in range(9)))

    lines = re.sub(r"\x1b\[[\d;]*m", "", screen).splitlines()
    assert max(map(len, lines)) <= 80
    titles = [line.split() for line in lines if line.startswith("PARAM")]
    assert [*"ABCDEFGHI"] == [word for title in titles for word in title[1:]]
    assert len(titles) == 3
    said = "A (run-0) is best on loss (0 against 1 of B (run-1), -100 %); 1 param and 1"
    assert lines[0] == said
    assert "loss    A    0" in "\n".join(lines)
    assert "        B    1" in "\n".join(lines)
