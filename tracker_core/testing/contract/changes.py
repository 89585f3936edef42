"""What was said before: the values of a param, and what a name of artifacts meant."""

from typing import TYPE_CHECKING

from tracker_core.api import NativeTracker
from tracker_core.datatypes import TrackerArtifact
from tracker_core.entries import ParamChange
from tracker_core.records import ArtifactBody, ParamsBody, ProvenanceBody
from tracker_core.testing.contract.answers import exact
from tracker_core.testing.contract.fixtures import ContractFixtures
from tracker_core.testing.contract.pen import START_NS, Pen
from tracker_core.testing.contract.torture import NAMES, VALUES

if TYPE_CHECKING:
    from tracker_core.values import Value

__all__ = ["Changes"]

_MILLISECOND = 1_000_000


class Changes(ContractFixtures):
    """What ``param_history``, ``artifact_history`` and ``provenance`` promise."""

    def test_param_history_gives_every_value_with_its_time_and_attempt(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """The type may change; a value that is given again is another change."""
        one, two = Pen(run_id, attempt=1), Pen(run_id, attempt=2)
        history_tracker.write(one.log(ParamsBody({"lr": 1, "other": 0}), at=1))
        history_tracker.write(one.log(ParamsBody({"lr": 1.0}), at=2))
        history_tracker.write(one.log(ParamsBody({"other": 1}), at=3))
        history_tracker.write(two.log(ParamsBody({"lr": 1.0}), at=4))

        found = history_tracker.param_history(run_id, "lr")

        assert exact(list(found)) == exact(
            [
                ParamChange(START_NS + 1 * _MILLISECOND, 1, 1),
                ParamChange(START_NS + 2 * _MILLISECOND, 1, 1.0),
                ParamChange(START_NS + 4 * _MILLISECOND, 2, 1.0),
            ]
        )

    def test_param_history_is_in_the_order_of_the_run(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """Its last value is the param; arrival does not matter."""
        one, two = Pen(run_id, "a"), Pen(run_id, "b")
        batches = [
            one.log(ParamsBody({"p": "first"}), at=1),
            two.log(ParamsBody({"p": "second"}), at=1),
            one.log(ParamsBody({"p": "third"}), at=2),
        ]
        for batch in reversed(batches):
            history_tracker.write(batch)

        found = history_tracker.param_history(run_id, "p")

        assert [change.value for change in found] == ["first", "second", "third"]
        assert history_tracker.params(run_id) == {"p": "third"}

    def test_param_history_keeps_values_and_keys_apart(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """By type and bits, each key for itself; an unknown key has none."""
        pen = Pen(run_id)
        history_tracker.write(pen.log(*(ParamsBody({"p": value}) for value in VALUES)))
        names: dict[str, Value] = {name: name for name in NAMES}
        history_tracker.write(pen.log(ParamsBody(names)))

        values = [c.value for c in history_tracker.param_history(run_id, "p")]
        named = {
            name: [c.value for c in history_tracker.param_history(run_id, name)]
            for name in NAMES
        }

        assert exact(values) == exact(list(VALUES))
        assert named == {name: [name] for name in NAMES}
        assert list(history_tracker.param_history(run_id, "q")) == []

    def test_artifact_history_gives_all_that_a_name_meant(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """The newest last, whole; one that is added again is another."""
        pen = Pen(run_id)
        said = [
            ArtifactBody("model", "v1", {"epoch": 1}),
            ArtifactBody("model", "v2", None),
            ArtifactBody("model", "v1", {"epoch": 1}),
        ]
        batches = [pen.log(body) for body in said]
        history_tracker.write(pen.log(ArtifactBody("Model", "other", None)))
        for batch in reversed(batches):
            history_tracker.write(batch)

        found = history_tracker.artifact_history(run_id, "model")

        assert list(found) == [
            TrackerArtifact("model", "v1", {"epoch": 1}),
            TrackerArtifact("model", "v2"),
            TrackerArtifact("model", "v1", {"epoch": 1}),
        ]
        assert list(history_tracker.artifact_history(run_id, "mode")) == []

    def test_artifact_history_ends_with_the_newest(
        self, tracker: NativeTracker, run_id: str
    ) -> None:
        """Every tracker gives that at least."""
        tracker.add_artifact(run_id, "model", "v1")
        tracker.add_artifact(run_id, "model", "v2", {"a": 1})

        found = tracker.artifact_history(run_id, "model")

        assert found[-1] == TrackerArtifact("model", "v2", {"a": 1})
        assert list(tracker.artifact_history(run_id, "other")) == []

    def test_provenance_is_the_last_that_was_said_of_each_key(
        self, tracker: NativeTracker, run_id: str
    ) -> None:
        """It is apart from metadata and params, sorted, and types are kept."""
        code: dict[str, Value] = {"commit": "abc", "is_dirty": True, "diff": None}
        pen = Pen(run_id)
        tracker.write(pen.log(ProvenanceBody({"environment": {"x": 1}, "code": {}})))
        tracker.write(pen.log(ProvenanceBody({"code": code})))

        found = tracker.provenance(run_id)

        assert exact(found) == exact({"code": code, "environment": {"x": 1}})
        assert list(found) == ["code", "environment"]
        assert (dict(tracker.metadata(run_id)), dict(tracker.params(run_id))) == (
            {},
            {},
        )

    def test_provenance_of_a_run_without_one_is_empty(
        self, tracker: NativeTracker, run_id: str
    ) -> None:
        """Plain torchx jobs record none."""
        tracker.add_metadata(run_id, code="mine")

        assert dict(tracker.provenance(run_id)) == {}
