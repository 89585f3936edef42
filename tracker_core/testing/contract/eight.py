"""The eight calls, for every tracker, native or plain."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tracker_core.api import NativeTracker
from tracker_core.datatypes import TrackerArtifact, TrackerSource
from tracker_core.errors import (
    InvalidValueError,
    UnsupportedTypeError,
)
from tracker_core.records import (
    CreatedBody,
    EndedBody,
    MetricsBody,
    ParamsBody,
    StartedBody,
    TagsBody,
)
from tracker_core.runs import to_datetime
from tracker_core.testing.contract.answers import exact
from tracker_core.testing.contract.fixtures import ContractFixtures
from tracker_core.testing.contract.pen import START_NS, Pen
from tracker_core.testing.contract.torture import NAMES, RUN_IDS, SURROGATES, VALUES

if TYPE_CHECKING:
    from tracker_core.values import Value

__all__ = ["EightCalls"]

_Write = Callable[[NativeTracker, str], None]

# Each is called with a text that holds a lone surrogate, in one of its places.
_SURROGATE_WRITES: dict[str, _Write] = {
    "run id": lambda tracker, bad: tracker.add_metadata(bad, key=1),
    "metadata key": lambda tracker, bad: tracker.add_metadata("run", **{bad: 1}),
    "metadata value": lambda tracker, bad: tracker.add_metadata("run", key=[bad]),
    "artifact run": lambda tracker, bad: tracker.add_artifact(bad, "name", "path"),
    "artifact name": lambda tracker, bad: tracker.add_artifact("run", bad, "path"),
    "artifact path": lambda tracker, bad: tracker.add_artifact("run", "name", bad),
    "artifact metadata": lambda tracker, bad: tracker.add_artifact(
        "run", "name", "path", {"key": bad}
    ),
    "source run": lambda tracker, bad: tracker.add_source(bad, "source"),
    "source id": lambda tracker, bad: tracker.add_source("run", bad),
    "source label": lambda tracker, bad: tracker.add_source("run", "source", bad),
}
_EMPTY_WRITES: dict[str, Callable[[NativeTracker], None]] = {
    "metadata run": lambda tracker: tracker.add_metadata("", key=1),
    "artifact run": lambda tracker: tracker.add_artifact("", "name", "path"),
    "source run": lambda tracker: tracker.add_source("", "source"),
    "metadata key": lambda tracker: tracker.add_metadata("run", **{"": 1}),
    "artifact name": lambda tracker: tracker.add_artifact("run", "", "path"),
    "source id": lambda tracker: tracker.add_source("run", ""),
}


class EightCalls(ContractFixtures):
    """What the eight calls promise, and the reads that every tracker has."""

    def test_unknown_run_is_empty_to_the_eight_calls(
        self, tracker: NativeTracker, run_id: str
    ) -> None:
        """A run that nothing was written to has nothing; asking is no error."""
        lineage = tracker.lineage(run_id)

        assert dict(tracker.metadata(run_id)) == {}
        assert dict(tracker.artifacts(run_id)) == {}
        assert list(tracker.sources(run_id)) == []
        assert list(tracker.sources(run_id, "label")) == []
        assert list(tracker.run_ids(parent_run_id=run_id)) == []
        assert (lineage.run_id, lineage.edges) == (run_id, ())

    def test_reading_leaves_no_trace(self, tracker: NativeTracker, run_id: str) -> None:
        """A read does not make a run known."""
        tracker.metadata(run_id)
        tracker.artifacts(run_id)
        tracker.lineage(run_id)

        assert list(tracker.run_ids()) == []
        assert list(tracker.runs()) == []

    def test_metadata_keeps_values_and_types(
        self, tracker: NativeTracker, run_id: str
    ) -> None:
        """Every value comes back by type and bits: 1, 1.0 and True are three."""
        values = {f"key{number:02}": value for number, value in enumerate(VALUES)}

        tracker.add_metadata(run_id, **values)

        assert exact(tracker.metadata(run_id)) == exact(values)

    def test_metadata_keeps_keys_apart(
        self, tracker: NativeTracker, run_id: str
    ) -> None:
        """Keys that differ in any character are different keys; none is a path."""
        values = {name: number for number, name in enumerate(NAMES)}

        for name, number in values.items():
            tracker.add_metadata(run_id, **{name: number})

        assert dict(tracker.metadata(run_id)) == values

    def test_metadata_last_value_wins(
        self, tracker: NativeTracker, run_id: str
    ) -> None:
        """A later value replaces an earlier one of any type; other keys stay."""
        tracker.add_metadata(run_id, changed={"deep": 1}, kept="k")
        tracker.add_metadata(run_id, changed=2.5)
        tracker.add_metadata(run_id, changed=None)

        assert dict(tracker.metadata(run_id)) == {"changed": None, "kept": "k"}

    @pytest.mark.parametrize("key", ["tracker.x", "tracker.params.lr"])
    def test_metadata_refuses_reserved_keys(
        self, tracker: NativeTracker, run_id: str, key: str
    ) -> None:
        """Keys under the reserved prefix are refused, and nothing is written."""
        with pytest.raises(InvalidValueError, match="reserved"):
            tracker.add_metadata(run_id, good=1, **{key: 1})

        assert list(tracker.run_ids()) == []

    def test_unserialisable_value_is_refused_before_anything_is_written(
        self, tracker: NativeTracker, run_id: str
    ) -> None:
        """The error names the key and the type, and the good keys stay out too."""
        with pytest.raises(UnsupportedTypeError, match=r"'bad'.*\[1\].*complex"):
            tracker.add_metadata(run_id, good=1, bad=[1, 2j])
        with pytest.raises(UnsupportedTypeError, match=r"'model'.*bytes"):
            tracker.add_artifact(run_id, "model", "path", {"bad": b""})

        assert list(tracker.run_ids()) == []

    @pytest.mark.parametrize("place", _SURROGATE_WRITES)
    def test_lone_surrogate_is_refused_before_anything_is_written(
        self, tracker: NativeTracker, place: str
    ) -> None:
        """A text that no encoding can keep is an error at the call."""
        for text in SURROGATES:
            with pytest.raises(InvalidValueError, match="surrogate"):
                _SURROGATE_WRITES[place](tracker, text)

        assert list(tracker.run_ids()) == []

    @pytest.mark.parametrize("place", _EMPTY_WRITES)
    def test_empty_name_is_refused_before_anything_is_written(
        self, tracker: NativeTracker, place: str
    ) -> None:
        """Run ids, keys, names and source ids have at least one character."""
        with pytest.raises(InvalidValueError, match="empty"):
            _EMPTY_WRITES[place](tracker)

        assert list(tracker.run_ids()) == []

    def test_artifacts_give_what_was_added(
        self, tracker: NativeTracker, run_id: str
    ) -> None:
        """Path and metadata are kept as given, and are not looked at."""
        about: dict[str, Value] = {"size": 3, "loss": float("nan"), "deep": [{}]}
        expected = {
            "bare": TrackerArtifact("bare", "/no/such/file"),
            "empty": TrackerArtifact("empty", "gs://b/k?x=1#f", {}),
            "full": TrackerArtifact("full", "rel/ative \u00fc", about),
        }

        for artifact in expected.values():
            tracker.add_artifact(
                run_id, artifact.name, artifact.path, artifact.metadata
            )

        assert exact(tracker.artifacts(run_id)) == exact(expected)

    def test_artifacts_give_the_newest_of_each_name(
        self, tracker: NativeTracker, run_id: str
    ) -> None:
        """A name that is added again is replaced whole, its metadata too."""
        tracker.add_artifact(run_id, "model", "v1", {"epoch": 1})
        tracker.add_artifact(run_id, "data", "d")
        tracker.add_artifact(run_id, "model", "v2")

        assert dict(tracker.artifacts(run_id)) == {
            "data": TrackerArtifact("data", "d"),
            "model": TrackerArtifact("model", "v2"),
        }

    def test_artifacts_keep_names_apart(
        self, tracker: NativeTracker, run_id: str
    ) -> None:
        """Names that differ in any character are different artifacts."""
        expected = {name: TrackerArtifact(name, f"p/{name}") for name in NAMES}

        for artifact in expected.values():
            tracker.add_artifact(run_id, artifact.name, artifact.path)

        assert dict(tracker.artifacts(run_id)) == expected

    def test_run_ids_keep_runs_apart(self, tracker: NativeTracker) -> None:
        """Distinct run ids never share data, and come back as they were given."""
        for number, run_id in enumerate(RUN_IDS):
            tracker.add_metadata(run_id, number=number)
            tracker.add_artifact(run_id, "a", f"path {number}")
            tracker.add_source(run_id, f"source {number}")

        found = [
            (
                dict(tracker.metadata(run_id)),
                [artifact.path for artifact in tracker.artifacts(run_id).values()],
                list(tracker.sources(run_id)),
            )
            for run_id in RUN_IDS
        ]

        assert sorted(tracker.run_ids()) == sorted(RUN_IDS)
        assert found == [
            ({"number": n}, [f"path {n}"], [TrackerSource(f"source {n}")])
            for n in range(len(RUN_IDS))
        ]

    def test_run_ids_refuse_unknown_filters(self, tracker: NativeTracker) -> None:
        """A filter that nobody knows is an error, not ignored."""
        with pytest.raises(InvalidValueError, match="parent_id"):
            tracker.run_ids(parent_id="x")

    def test_life_cycle_is_kept(self, tracker: NativeTracker, run_id: str) -> None:
        """Every tracker tells who a run is, how it ended and when."""
        pen = Pen(run_id)
        cause: dict[str, Value] = {"kind": "exit_code", "exit_code": 3}

        tracker.write(pen.log(CreatedBody("name", "exp", "group", "parent"), at=1))
        tracker.write(pen.log(StartedBody("job"), at=2))
        running = tracker.run(run_id).status
        tracker.write(pen.log(EndedBody("job", "FAILED", cause), at=3))
        (run,) = tracker.runs()

        assert running == "RUNNING"
        assert (run.run_id, run.name, run.experiment) == (run_id, "name", "exp")
        assert (run.group_id, run.parent_run_id) == ("group", "parent")
        assert (run.status, run.cause) == ("FAILED", cause)
        assert run.created_at == to_datetime(START_NS + 1_000_000)
        assert run.started_at == to_datetime(START_NS + 2_000_000)
        assert run.ended_at == to_datetime(START_NS + 3_000_000)

    def test_last_values_of_params_tags_and_series_are_kept(
        self, tracker: NativeTracker, run_id: str
    ) -> None:
        """Every tracker gives the last value of each, and does not mix them."""
        pen = Pen(run_id)

        tracker.write(pen.log(ParamsBody({"lr": 0.1, "a/b": True, "loss": [1]})))
        tracker.write(pen.log(TagsBody({"device": "cpu", "loss": "yes"})))
        for step in (1, 2):
            streams: dict[str, dict[str, Value]] = {
                "": {"loss": step / 2},
                "train": {"loss": step},
            }
            tracker.write(pen.log(MetricsBody(step, streams)))
        tracker.write(pen.log(ParamsBody({"lr": 1})))
        last = {name: found.last for name, found in tracker.series(run_id).items()}

        assert exact(tracker.params(run_id)) == exact(
            {"lr": 1, "a/b": True, "loss": [1]}
        )
        assert dict(tracker.tags(run_id)) == {"device": "cpu", "loss": "yes"}
        assert exact(last) == exact({"loss": 1.0, "train/loss": 2})
        assert dict(tracker.metadata(run_id)) == {}
