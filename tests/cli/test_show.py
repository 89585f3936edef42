"""Tests of the card of a run."""

from typing import TYPE_CHECKING

import pytest

from tracker_core.records import (
    ArtifactBody,
    Batch,
    CreatedBody,
    EndedBody,
    MetadataBody,
    MetricsBody,
    ParamsBody,
    Record,
    SourceBody,
    StartedBody,
    TagsBody,
    Writer,
)

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Store

NAN = float("nan")


@pytest.fixture
def full(store: "Store") -> "Store":
    """Record a run that has everything."""
    store.write(
        "x",
        CreatedBody("first try", "iris", "sweep", "p"),
        SourceBody("p", None),
        StartedBody("launcher"),
        ParamsBody({"lr": 0.1, "layers": [64, 64]}),
        TagsBody({"device": "cpu"}),
        MetadataBody({"labels": ["a", "b"]}),
        MetricsBody(0, {"train": {"loss": 2.0}}),
        MetricsBody(1, {"train": {"loss": 1.0}}),
        MetricsBody(None, {"": {"note": "text"}}),
        ArtifactBody("weights", "w.json", {"epoch": 10}),
        EndedBody(
            "launcher",
            "FAILED",
            {"kind": "exception", "type": "m.BadError", "message": "too\nbad"},
        ),
    )
    return store


def test_card_shows_everything(tracker: "Cli", full: "Store") -> None:
    """Identity, life, params, tags, metadata, series, artifacts and sources."""
    del full

    done = tracker("show", "x")

    assert done.out == (
        "first try\n"
        "run id      x\n"
        "experiment  iris\n"
        "group       sweep\n"
        "parent      p\n"
        "status      FAILED\n"
        "cause       m.BadError: too\\nbad\n"
        "created     1970-01-01 00:00:01 UTC\n"
        "started     1970-01-01 00:00:03 UTC\n"
        "ended       1970-01-01 00:00:11 UTC\n"
        "took        8.0s\n"
        "\n"
        "PARAM   VALUE\n"
        "layers  [64,64]\n"
        "lr      0.1\n"
        "\n"
        "TAG     VALUE\n"
        "device  cpu\n"
        "\n"
        "METADATA  VALUE\n"
        'labels    ["a","b"]\n'
        "\n"
        "SERIES      COUNT  LAST  MIN  AT  MAX  AT  MEAN\n"
        "note        1      text  –    –   –    –   –\n"
        "train/loss  2      1     1    1   2    0   1.5\n"
        "\n"
        "ARTIFACT  PATH    METADATA\n"
        'weights   w.json  {"epoch":10}\n'
        "\n"
        "SOURCE  NAME  AS\n"
        "p       –     –\n"
    )


def test_card_as_json_has_everything(tracker: "Cli", full: "Store") -> None:
    """Programs get the same, with the values that are not rounded."""
    del full

    found = tracker("show", "x", "--json").json

    loss = {"count": 2, "first": 2.0, "last": 1.0, "min": 1.0, "max": 2.0}
    assert found["params"] == {"layers": [64, 64], "lr": 0.1}
    assert found["tags"] == {"device": "cpu"}
    assert found["metadata"] == {"labels": ["a", "b"]}
    assert found["series"]["train/loss"] == {  # type: ignore[index]  # a JSON object
        **loss,
        "mean": 1.5,
        "min_step": 1,
        "max_step": 0,
    }
    assert found["sources"] == [{"source_run_id": "p", "artifact_name": None}]
    assert found["run"]["cause"]["message"] == "too\nbad"  # type: ignore[index]  # a JSON object


def test_card_names_the_runs_that_were_used(tracker: "Cli", store: "Store") -> None:
    """A source that is a run here has its name beside its id."""
    store.run("p", name="parent")
    store.run("x", SourceBody("p", None), SourceBody("data.csv", "dataset"))

    done = tracker("show", "x")

    assert done.out.endswith(
        "SOURCE    NAME    AS\ndata.csv  –       dataset\np         parent  –\n"
    )


def test_card_says_where_an_exception_was_raised(
    tracker: "Cli", store: "Store"
) -> None:
    """The place is shown, and where the rest of the traceback is."""
    trace = (
        "Traceback (most recent call last):\n"
        '  File "a.py", line 1, in <module>\n    f()\n'
        '  File "b.py", line 2, in f\n    1 / 0\n'
        "ZeroDivisionError: division by zero\n"
    )
    cause = {
        "kind": "exception",
        "type": "ZeroDivisionError",
        "message": "division by zero",
        "traceback": trace,
    }
    store.write("x", StartedBody("job"), EndedBody("job", "FAILED", cause))

    done = tracker("show", "x")

    assert "cause      ZeroDivisionError: division by zero\n" in done.out
    assert 'raised at  File "b.py", line 2, in f\n' in done.out
    assert "traceback  --json has it\n" in done.out


def test_card_shows_several_attempts(tracker: "Cli", store: "Store") -> None:
    """A run that was tried again shows each try."""
    failed = EndedBody("launcher", "FAILED", {"kind": "exit_code", "exit_code": 3})
    first = (Record(1, 101 * 10**9, StartedBody("job")), Record(2, 102 * 10**9, failed))
    second = (Record(1, 201 * 10**9, StartedBody("job")),)
    store.tracker.write(Batch("x", Writer("w1", 1), 1, 2, first))
    store.tracker.write(Batch("x", Writer("w2", 2), 1, 1, second))

    done = tracker("show", "x")

    assert "ATTEMPT  STATUS   CAUSE   STARTED" in done.out
    assert (
        "1        FAILED   exit 3  1970-01-01 00:01:41 UTC  1970-01-01 00:01:42"
        in done.out
    )
    assert "2        RUNNING          1970-01-01 00:03:21 UTC  –" in done.out


def test_card_of_a_run_without_a_life_cycle_is_short(
    tracker: "Cli", store: "Store"
) -> None:
    """What is not known is left out."""
    store.write("x", MetricsBody(None, {"": {"loss": NAN}}))

    done = tracker("show", "x")

    assert done.out.splitlines()[1:] == [
        "run id   x",
        "created  1970-01-01 00:00:01 UTC",
        "",
        "SERIES  COUNT  LAST  MIN  AT  MAX  AT  MEAN",
        "loss    1      nan   –    –   –    –   –",
    ]
