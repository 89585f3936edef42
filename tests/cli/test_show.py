"""Tests of the card of a run."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tracker_core.api import TrackerBase
from tracker_core.datatypes import Lineage, TrackerArtifact, TrackerSource
from tracker_core.records import (
    ArtifactBody,
    Batch,
    CreatedBody,
    EndedBody,
    LogBody,
    MetadataBody,
    MetricsBody,
    ParamsBody,
    ProvenanceBody,
    Record,
    Sequencer,
    SourceBody,
    SpanBody,
    StartedBody,
    StepBody,
    TagsBody,
    TrackBody,
    Writer,
)
from tracker_core.runlog import run_log
from tracker_core.runprint import run_fingerprints
from tracker_core.testing import MemoryTracker
from tracker_core.values import Value, to_json
from tracker_sqlite import SqliteTracker

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Journals, Store

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


def fingerprint(store: "Store") -> str:
    """Give the fingerprint of the run ``x``."""
    return run_fingerprints(store.tracker, "x")["run"]


def test_card_shows_everything(tracker: "Cli", full: "Store") -> None:
    """Identity, life, params, tags, metadata, series, artifacts and sources."""
    done = tracker("show", "x")

    assert done.out == (
        "first try\n"
        "run id       x\n"
        "experiment   iris\n"
        "group        sweep\n"
        "parent       p\n"
        "status       ✗ failed after 8.0s: m.BadError: too\\nbad\n"
        "created      1970-01-01 00:00:01 UTC\n"
        "started      1970-01-01 00:00:03 UTC\n"
        "ended        1970-01-01 00:00:11 UTC\n"
        f"fingerprint  {fingerprint(full)}\n"
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
        "SERIES      COUNT  LAST  MIN  STEP  MAX  STEP  MEAN\n"
        "note        1      text  –    –     –    –     –\n"
        "train/loss  2      1     1    1     2    0     1.5\n"
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
    """The whole traceback is shown where no terminal cuts it."""
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

    assert ": ZeroDivisionError: division by zero\n" in done.out
    assert f"\nTRACEBACK\n{trace}" in done.out


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


def test_card_names_the_runs_that_used_it(
    tracker: "Cli", place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tracker that can tell without reading every run is asked for the users."""
    monkeypatch.setenv("TRACKER_BACKENDS", "sqlite")
    monkeypatch.setenv("TRACKER_SQLITE_CONFIG", str(place / "runs.db"))
    kept, sequencer = SqliteTracker(place / "runs.db"), Sequencer()
    kept.write(sequencer.batch("x", TagsBody({"device": "cpu"})))
    kept.write(sequencer.batch("y", CreatedBody("child")))
    kept.write(sequencer.batch("y", SourceBody("x", None)))
    kept.close()

    assert tracker("show", "x").out.endswith("\nUSED BY  NAME\ny        child\n")
    assert tracker("show", "x", "--json").json["users"] == ["y"]


def test_card_tells_how_far_delivery_is(
    tracker: "Cli", store: "Store", journals: "Journals"
) -> None:
    """Where this machine has the journal, each backend's state is shown."""
    store.run("x")
    journals.log("x", TagsBody({"device": "cpu"}), backends=["sqlite"])

    done = tracker("show", "x")

    titles = ["BACKEND", "STATE", "DELIVERED", "PENDING", "DEAD"]
    assert done.rows[-2:] == [titles, ["sqlite", "waiting", "0", "1", "0"]]
    found = tracker("show", "x", "--json").json["delivery"]
    assert isinstance(found, list)
    assert [(one["backend"], one["pending"]) for one in found] == [("sqlite", 1)]


def test_card_parts_what_the_launcher_samples(tracker: "Cli", store: "Store") -> None:
    """The series of the machine have a table of their own, after those of the job."""
    store.write("x", MetricsBody(0, {"system": {"cpu": 5}, "train": {"loss": 1.0}}))

    out = tracker("show", "x").out

    assert out.index("\nSERIES ") < out.index("train/loss") < out.index("SYSTEM SERIES")
    assert out.index("SYSTEM SERIES") < out.index("system/cpu")


def test_card_tells_when_a_lost_run_was_last_seen(
    tracker: "Cli", store: "Store"
) -> None:
    """Its host has gone, or does not reach this store."""
    store.write("x", StartedBody("job"))
    store.tracker.beat("x", 3 * 10**9)

    rows = tracker("show", "x").rows

    assert ["status", "?", "lost,", "last", "seen"] in [row[:5] for row in rows]
    assert ["last", "seen", "1970-01-01", "00:00:03", "UTC"] in rows


def test_card_of_a_run_without_a_life_cycle_is_short(
    tracker: "Cli", store: "Store"
) -> None:
    """What is not known is left out."""
    store.write("x", MetricsBody(None, {"": {"loss": NAN}}))

    done = tracker("show", "x")

    assert done.out.splitlines()[1:] == [
        "run id       x",
        "created      1970-01-01 00:00:01 UTC",
        f"fingerprint  {fingerprint(store)}",
        "",
        "SERIES  COUNT  LAST  MIN  STEP  MAX  STEP  MEAN",
        "loss    1      nan   –    –     –    –     –",
    ]


CODE: dict[str, Value] = {
    "commit": "3f2a9c1d7b6e5a40",
    "branch": "main",
    "is_dirty": True,
}


@pytest.fixture
def told(store: "Store") -> "Store":
    """Record a run that has what jobs of today tell."""
    failed = {"kind": "exception", "type": "m.BadError", "message": "no"}
    store.write(
        "x",
        CreatedBody("n", "iris", None, None, {"depth": 50}),
        ProvenanceBody(
            {"code": CODE, "environment": {"python": "3.12.1", "host": "node7"}}
        ),
        SpanBody("trace", "span"),
        StepBody("train", "e1", "RUNNING", None),
        StepBody("train", "e1", "FAILED", failed),
        StepBody("train", "e2", "RUNNING", None),
        StepBody("train", "e2", "FINISHED", None),
        TrackBody("robot/position", 1.0, {"x": 1.0}),
        store.content("notes", b"hello", "text/plain", "text.note", "results"),
        ArtifactBody("plot", "s3://b/p", None),
        *(LogBody("info", f"epoch {number}", None) for number in range(7)),
    )
    return store


def test_card_shows_what_a_run_tells_of_itself(tracker: "Cli", told: "Store") -> None:
    """Code, machine, trace, config, steps, tracks, content and the last messages."""
    digest = told.content("notes", b"hello").digest

    done = tracker("show", "x")

    assert done.out == (
        "n\n"
        "run id       x\n"
        "experiment   iris\n"
        "status       ○ pending\n"
        "created      1970-01-01 00:00:01 UTC\n"
        "code         3f2a9c1d7b6e (branch main, with changes)\n"
        "python       3.12.1\n"
        "host         node7\n"
        "trace        trace\n"
        "span         span\n"
        f"fingerprint  {fingerprint(told)}\n"
        "\n"
        "EXPERIMENT CONFIG  VALUE\n"
        "depth              50\n"
        "\n"
        "STEP   STATUS    CAUSE  ATTEMPTS  STARTED                  TOOK\n"
        "train  FINISHED         2         1970-01-01 00:00:06 UTC  1.0s\n"
        "\n"
        "TRACK\n"
        "robot/position\n"
        "\n"
        f"ARTIFACT  DIGEST{' ' * 67}SIZE  KIND       ROLE\n"
        f"notes     {digest}  5 B   text.note  results\n"
        "\n"
        "ARTIFACT  PATH\n"
        "plot      s3://b/p\n"
        "\n"
        "LOGGED (UTC)             LEVEL  MESSAGE\n"
        "1970-01-01 00:00:13.000  info   epoch 2\n"
        "1970-01-01 00:00:14.000  info   epoch 3\n"
        "1970-01-01 00:00:15.000  info   epoch 4\n"
        "1970-01-01 00:00:16.000  info   epoch 5\n"
        "1970-01-01 00:00:17.000  info   epoch 6\n"
    )
    assert done.err == "tracker: showing the last 5 messages; --logs shows all\n"


def test_usual_role_is_a_dash(tracker: "Cli", store: "Store") -> None:
    """Only a role that somebody gave stands out."""
    given = store.content("notes", b"hello", "text/plain", "text.note", "results")
    usual = store.content("weights", b"x", "text/plain", "text.note", "artifact")
    store.run("x", given, usual)

    done = tracker("show", "x")

    assert [line.split()[-1] for line in done.out.splitlines()[-3:]] == [
        "ROLE",
        "results",
        "–",
    ]


def test_usual_role_alone_is_no_column(tracker: "Cli", store: "Store") -> None:
    """A column of dashes says nothing."""
    store.run("x", store.content("w", b"x", "text/plain", "text.note", "artifact"))

    done = tracker("show", "x")

    assert "ROLE" not in done.out


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ({"commit": "3f2a9c1d"}, "3f2a9c1d"),
        ({"commit": "3f2a9c1d", "is_dirty": True}, "3f2a9c1d (with changes)"),
        ({"commit": "3f2a9c1d", "branch": None}, "3f2a9c1d"),
    ],
)
def test_card_shows_what_is_known_of_the_code(
    tracker: "Cli", store: "Store", code: dict[str, Value], words: str
) -> None:
    """A detached commit has no branch."""
    store.write("x", ProvenanceBody({"code": code}))

    assert f"\ncode         {words}\n" in tracker("show", "x").out


@pytest.mark.parametrize("code", [None, "text", {"commit": None, "branch": "main"}])
def test_card_is_silent_on_code_without_a_commit(
    tracker: "Cli", store: "Store", code: Value
) -> None:
    """Before the first commit there is nothing to name."""
    store.write("x", ProvenanceBody({"code": code}))

    assert "code" not in tracker("show", "x").out


def test_card_as_json_has_what_a_run_tells_of_itself(
    tracker: "Cli", told: "Store"
) -> None:
    """Programs get provenance, steps, topics, content and fingerprints."""
    digest = told.content("notes", b"hello").digest

    found = tracker("show", "x", "--json").json

    assert found["provenance"]["code"] == CODE  # type: ignore[index]  # a JSON object
    assert [step["name"] for step in found["steps"]] == ["train"]  # type: ignore[attr-defined]  # a JSON list
    assert found["topics"] == ["robot/position"]
    assert found["artifacts"][0] == {  # type: ignore[index]  # a JSON list
        "name": "notes",
        "path": digest,
        "metadata": None,
        "digest": digest,
        "size_bytes": 5,
        "media_type": "text/plain",
        "kind": "text.note",
        "role": "results",
    }
    assert sorted(found["fingerprints"]) == ["device", "intent", "program", "run"]  # type: ignore[call-overload]  # a JSON object


def test_card_as_json_has_the_attempts_of_a_step(tracker: "Cli", told: "Store") -> None:
    """Each execution of a step has status, cause and times."""
    del told

    steps = tracker("show", "x", "--json").json["steps"]

    assert isinstance(steps, list)
    cause = {"kind": "exception", "type": "m.BadError", "message": "no"}
    assert steps[0]["attempts"][0] == {
        "number": 1,
        "status": "FAILED",
        "cause": cause,
        "started_at": "1970-01-01T00:00:04.000000Z",
        "ended_at": "1970-01-01T00:00:05.000000Z",
        "duration": 1.0,
    }


def test_card_of_a_plain_tracker_has_what_that_holds(
    tracker: "Cli", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no history is kept, steps and topics are not known."""
    monkeypatch.setenv("TRACKER_BACKENDS", f"plain={__name__}:create_plain")

    found = tracker("show", "x", "--json").json

    assert (found["steps"], found["topics"]) == (None, None)
    assert tracker("show", "x").code == 0


def test_run_log_is_one_document(tracker: "Cli", told: "Store") -> None:
    """It is that of the library, as JSON."""
    done = tracker("show", "x", "--run-log")

    assert done.json == json.loads(to_json(run_log(told.tracker, "x")))
    assert (done.code, done.err) == (0, "")


def create_plain(config: str | None) -> "PlainOnly":
    """Give a plain tracker with a run."""
    del config
    found = PlainOnly()
    found.add_metadata("x", a=1)
    return found


class PlainOnly(TrackerBase):
    """The eight calls, and nothing else."""

    def __init__(self) -> None:
        self._inner = MemoryTracker()

    def add_artifact(
        self,
        run_id: str,
        name: str,
        path: str,
        metadata: Mapping[str, object] | None = None,
    ) -> None:
        """Record a reference."""
        self._inner.add_artifact(run_id, name, path, metadata)

    def artifacts(self, run_id: str) -> Mapping[str, TrackerArtifact]:
        """Return references."""
        return self._inner.artifacts(run_id)

    def add_metadata(self, run_id: str, **kwargs: object) -> None:
        """Record metadata."""
        self._inner.add_metadata(run_id, **kwargs)

    def metadata(self, run_id: str) -> Mapping[str, object]:
        """Return metadata."""
        return self._inner.metadata(run_id)

    def add_source(
        self, run_id: str, source_id: str, artifact_name: str | None = None
    ) -> None:
        """Record an edge."""
        self._inner.add_source(run_id, source_id, artifact_name)

    def sources(
        self, run_id: str, artifact_name: str | None = None
    ) -> Iterable[TrackerSource]:
        """Return edges."""
        return self._inner.sources(run_id, artifact_name)

    def lineage(self, run_id: str) -> Lineage:
        """Return the lineage."""
        return self._inner.lineage(run_id)

    def run_ids(self, **kwargs: str) -> Iterable[str]:
        """Return ids."""
        return self._inner.run_ids(**kwargs)
