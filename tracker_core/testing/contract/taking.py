"""Writing batches: the one order, repeats, gaps, and what is kept, natively."""

import random
from typing import TYPE_CHECKING

import pytest

from tracker_core.api import NativeTracker
from tracker_core.datatypes import TrackerArtifact
from tracker_core.errors import RetryableError
from tracker_core.records import (
    ArtifactBody,
    Batch,
    Body,
    LogBody,
    MetadataBody,
    MetricsBody,
    ParamsBody,
    ProvenanceBody,
    SourceBody,
    SpanBody,
    StepBody,
    TagsBody,
    TrackBody,
    UnknownBody,
)
from tracker_core.testing.contract.answers import answers, exact
from tracker_core.testing.contract.fixtures import ContractFixtures
from tracker_core.testing.contract.pen import Pen
from tracker_core.testing.contract.story import say, story
from tracker_core.testing.contract.torture import NAMES, VALUES
from tracker_core.testing.faults import FaultyTracker
from tracker_core.testing.memory import MemoryTracker

if TYPE_CHECKING:
    from tracker_core.values import Value

__all__ = ["Taking"]


class Taking(ContractFixtures):
    """What ``write`` promises, whatever the records say."""

    def test_params_keep_values_keys_and_types(
        self, native_tracker: NativeTracker, run_id: str
    ) -> None:
        """Params come back by type and bits under the keys that were given."""
        values: dict[str, Value] = dict(zip(NAMES, VALUES, strict=False))
        values |= {f"value{number}": value for number, value in enumerate(VALUES)}

        native_tracker.write(Pen(run_id).log(ParamsBody(values)))

        assert exact(native_tracker.params(run_id)) == exact(values)

    def test_tags_keep_keys_and_texts(
        self, native_tracker: NativeTracker, run_id: str
    ) -> None:
        """Tags are texts, also where they look like something else."""
        tags = {name: name[::-1] for name in NAMES} | {"empty": "", "one": "1"}

        native_tracker.write(Pen(run_id).log(TagsBody(tags)))

        assert exact(native_tracker.tags(run_id)) == exact(tags)

    def test_mappings_are_sorted_by_key(
        self, native_tracker: NativeTracker, run_id: str
    ) -> None:
        """Every mapping comes in the order of its keys' characters."""
        pen = Pen(run_id)
        mixed = dict.fromkeys(sorted(NAMES, key=lambda name: name[::-1]), 1)
        names = [*mixed]
        native_tracker.write(pen.log(MetadataBody(mixed), ParamsBody(mixed)))
        native_tracker.write(pen.log(TagsBody(dict.fromkeys(names, "x"))))
        native_tracker.write(pen.log(*(ArtifactBody(n, "p", None) for n in names)))
        native_tracker.write(pen.log(*(MetricsBody(0, {n: {"v": 1}}) for n in names)))

        assert list(native_tracker.metadata(run_id)) == sorted(names)
        assert list(native_tracker.params(run_id)) == sorted(names)
        assert list(native_tracker.tags(run_id)) == sorted(names)
        assert list(native_tracker.artifacts(run_id)) == sorted(names)
        assert list(native_tracker.series(run_id)) == sorted(f"{n}/v" for n in names)

    def test_answers_belong_to_the_reader(
        self, native_tracker: NativeTracker, run_id: str
    ) -> None:
        """Changing an answer does not change the store."""
        given: list[Value] = [1]
        native_tracker.write(Pen(run_id).log(ParamsBody({"key": given})))

        found = native_tracker.params(run_id)["key"]
        assert isinstance(found, list)
        found.append(2)

        assert native_tracker.params(run_id) == {"key": [1]}

    @pytest.mark.parametrize("reverse", [False, True])
    @pytest.mark.parametrize("decided_by", ["attempt", "time", "writer", "sequence"])
    def test_last_wins_by_order_not_by_arrival(
        self,
        native_tracker: NativeTracker,
        run_id: str,
        decided_by: str,
        *,
        reverse: bool,
    ) -> None:
        """Attempt, record time, writer and sequence decide, in this order."""
        batches = _earlier_and_later(run_id, decided_by)

        for batch in reversed(batches) if reverse else batches:
            native_tracker.write(batch)

        later = TrackerArtifact("a", "later", {"by": "later"})
        assert dict(native_tracker.metadata(run_id)) == {"key": "later"}
        assert dict(native_tracker.params(run_id)) == {"key": "later"}
        assert dict(native_tracker.tags(run_id)) == {"key": "later"}
        assert dict(native_tracker.artifacts(run_id)) == {"a": later}

    def test_arrival_does_not_matter_to_any_answer(
        self, native_tracker: NativeTracker, run_id: str
    ) -> None:
        """Batches of three writers in any order come to what the model says."""
        model = MemoryTracker()
        shuffle = random.Random(0)  # noqa: S311 - an order, no secret
        for number in range(4):
            batches = story(f"{run_id}-{number}")
            shuffle.shuffle(batches)
            for batch in batches:
                native_tracker.write(batch)
            for batch in sorted(batches):
                model.write(batch)

        for number in range(4):
            told = answers(native_tracker, f"{run_id}-{number}")
            assert told == answers(model, f"{run_id}-{number}")

    def test_repeated_batch_changes_nothing(
        self, native_tracker: NativeTracker, run_id: str
    ) -> None:
        """A batch that was taken is passed over, at once and after others."""
        batches = story(run_id)
        for batch in batches:
            native_tracker.write(batch)
        once = answers(native_tracker, run_id)

        for batch in [*batches, batches[0], batches[0]]:
            native_tracker.write(batch)

        assert answers(native_tracker, run_id) == once

    def test_overlapping_batches_count_each_record_once(
        self, native_tracker: NativeTracker, run_id: str
    ) -> None:
        """Of a batch that was taken in part, only the rest is taken."""
        pen = Pen(run_id)
        pen.log(*(MetricsBody(step, {"": {"loss": step}}) for step in range(1, 11)))

        for first, last in [(3, 5), (4, 7), (1, 10), (2, 2), (1, 4)]:
            native_tracker.write(pen.batch(first, last))

        summary = native_tracker.series(run_id)["loss"]
        assert (summary.count, summary.mean, summary.last) == (10, 5.5, 10)

    def test_gap_is_filled_later(
        self, native_tracker: NativeTracker, run_id: str
    ) -> None:
        """A batch that was skipped is taken when it comes, between its neighbours."""
        pen = Pen(run_id)
        bodies: list[Body] = [ParamsBody({f"p{n}": n, "last": n}) for n in range(1, 7)]
        pen.log(*bodies)

        for first, last in [(1, 2), (5, 6)]:
            native_tracker.write(pen.batch(first, last))
        before = set(native_tracker.params(run_id))
        native_tracker.write(pen.batch(3, 4))

        assert before == {"p1", "p2", "p5", "p6", "last"}
        assert dict(native_tracker.params(run_id)) == {
            "last": 6,
            **{f"p{n}": n for n in range(1, 7)},
        }

    def test_writers_do_not_share_what_was_taken(
        self, native_tracker: NativeTracker, run_id: str
    ) -> None:
        """The same sequence of another writer, or of another run, is another record."""
        pen, other = Pen(run_id), Pen(run_id)
        elsewhere = Pen(f"{run_id}-2")
        elsewhere.writer = pen.writer

        for number, writer in enumerate((pen, other, elsewhere)):
            native_tracker.write(writer.log(ParamsBody({f"p{number}": number})))

        assert dict(native_tracker.params(run_id)) == {"p0": 0, "p1": 1}
        assert dict(native_tracker.params(elsewhere.run_id)) == {"p2": 2}

    def test_unknown_kinds_are_taken(
        self, native_tracker: NativeTracker, run_id: str
    ) -> None:
        """A record of a later version is no error, and its neighbours are kept."""
        pen = Pen(run_id)

        native_tracker.write(
            pen.log(
                ParamsBody({"before": 1}),
                UnknownBody("hologram", {"x": [1.5], "y": {"$float": "nan"}}),
                ParamsBody({"after": 2}),
            )
        )

        assert dict(native_tracker.params(run_id)) == {"before": 1, "after": 2}

    @pytest.mark.parametrize(
        "body",
        [
            UnknownBody("hologram", {}),
            SourceBody("s", None),
            MetadataBody({}),
            LogBody("info", "", None),
            TrackBody("t", 0.0, {}),
            StepBody("s", "x", "RUNNING", None),
            SpanBody(None, "s"),
            ProvenanceBody({}),
        ],
        ids=lambda body: type(body).__name__,
    )
    def test_any_record_makes_the_run_known(
        self, native_tracker: NativeTracker, run_id: str, body: Body
    ) -> None:
        """A run is there from its first record on, whatever that says."""
        native_tracker.write(Pen(run_id).log(body))

        assert native_tracker.run(run_id).run_id == run_id
        assert dict(native_tracker.params(run_id)) == {}
        assert dict(native_tracker.tags(run_id)) == {}
        assert dict(native_tracker.series(run_id)) == {}
        assert list(native_tracker.run_ids()) == [run_id]

    def test_large_batch_is_taken_whole(
        self, native_tracker: NativeTracker, run_id: str
    ) -> None:
        """Thousands of records in one batch are all there afterwards."""
        pen = Pen(run_id)
        bodies = (MetricsBody(step, {"s": {"v": step}}) for step in range(3000))

        native_tracker.write(pen.log(*bodies, TagsBody({"end": "yes"})))

        assert native_tracker.series(run_id)["s/v"].last == 2999
        assert dict(native_tracker.tags(run_id)) == {"end": "yes"}

    def test_writes_that_are_tried_again_end_as_the_model(
        self, native_tracker: NativeTracker, run_id: str
    ) -> None:
        """Failures between writes, and repeats after them, leave no trace."""
        model = MemoryTracker()
        faulty = FaultyTracker(
            native_tracker,
            lambda write: None if write % 3 == 0 else RetryableError("planned"),
        )

        for batch in story(run_id):
            model.write(batch)
            _insist(faulty, batch)
            _insist(faulty, batch)

        assert answers(native_tracker, run_id) == answers(model, run_id)


def _insist(tracker: NativeTracker, batch: Batch) -> None:
    while True:
        try:
            return tracker.write(batch)
        except RetryableError:
            continue


def _earlier_and_later(run_id: str, decided_by: str) -> list[Batch]:
    """Return two batches; all components after ``decided_by`` say the opposite."""
    match decided_by:
        case "attempt":
            first, second = Pen(run_id, "z", attempt=2), Pen(run_id, "a", attempt=10)
            return [first.log(*say("early"), at=9), second.log(*say("later"), at=1)]
        case "time":
            first, second = Pen(run_id, "z"), Pen(run_id, "a")
            return [first.log(*say("early"), at=1), second.log(*say("later"), at=9)]
        case "writer":
            first, second = Pen(run_id, "a"), Pen(run_id, "b")
            first.log(TagsBody({}), at=5)
            return [first.log(*say("early"), at=5), second.log(*say("later"), at=5)]
        case _:
            pen = Pen(run_id)
            return [pen.log(*say("early"), at=5), pen.log(*say("later"), at=5)]
