"""Records told again: what another tracker makes of them, and what they leave out."""

from collections.abc import Callable, Iterable
from itertools import cycle, islice

import pytest

from tracker_core.api import NativeTracker
from tracker_core.errors import NotSupportedError, RunNotFoundError
from tracker_core.records import (
    ArtifactBody,
    Batch,
    Body,
    ColumnsBody,
    CreatedBody,
    LogBody,
    MetadataBody,
    MetricsBody,
    ParamsBody,
    ProvenanceBody,
    SourceBody,
    StepBody,
    TagsBody,
    TrackBody,
    UnknownBody,
)
from tracker_core.retelling import BATCH_RECORDS
from tracker_core.taken import Taken
from tracker_core.testing.contract.answers import answers, exact
from tracker_core.testing.contract.columns import gathered
from tracker_core.testing.contract.fixtures import ContractFixtures
from tracker_core.testing.contract.pen import Pen
from tracker_core.testing.contract.story import story
from tracker_core.testing.contract.torture import NAMES, VALUES
from tracker_core.testing.memory import MemoryTracker
from tracker_core.values import Value

__all__ = ["Retelling"]

_NAMES = 4


class Retelling(ContractFixtures):
    """What ``batches`` and ``taken`` promise."""

    @pytest.fixture
    def telling_tracker(self, history_tracker: NativeTracker) -> NativeTracker:
        """Return a tracker that gives its records again; skip for others."""
        try:
            history_tracker.batches("nothing")
        except NotSupportedError:
            pytest.skip("needs a tracker that gives its records; this one does not")
        except RunNotFoundError:
            pass
        return history_tracker

    def test_unknown_run_has_no_batches(
        self, telling_tracker: NativeTracker, run_id: str
    ) -> None:
        """It is an error at once, not when the first batch is asked for."""
        with pytest.raises(RunNotFoundError):
            telling_tracker.batches(run_id)
        with pytest.raises(RunNotFoundError):
            telling_tracker.taken(run_id)

    @pytest.mark.parametrize("form", [lambda batch: batch, gathered], ids=["", "g"])
    def test_batches_tell_another_tracker_everything(
        self,
        telling_tracker: NativeTracker,
        run_id: str,
        form: Callable[[Batch], Batch],
    ) -> None:
        """Records of every kind by three writers, whatever order they arrived in."""
        batches = story(run_id)
        for batch in reversed(batches):
            telling_tracker.write(form(batch))

        copy = _copied(telling_tracker, run_id)

        assert answers(copy, run_id) == answers(_told(batches), run_id)

    def test_what_the_eight_calls_wrote_is_told(
        self, tracker: NativeTracker, run_id: str
    ) -> None:
        """By a plain tracker too, and the same until something is written."""
        tracker.add_metadata(run_id, a=1, b=[None, 0.5])
        tracker.add_artifact(run_id, "m", "/path", {"x": 1})
        tracker.add_source(run_id, "s")
        tracker.add_source(run_id, "s", "label")
        try:
            batches = [*tracker.batches(run_id), *tracker.batches(run_id)]
        except NotSupportedError:
            pytest.skip("needs a tracker that gives its records; this one does not")

        copy = _told(batches)

        assert exact(copy.metadata(run_id)) == exact(tracker.metadata(run_id))
        assert exact(copy.artifacts(run_id)) == exact(tracker.artifacts(run_id))
        assert list(copy.sources(run_id)) == list(tracker.sources(run_id))
        assert len(copy.taken(run_id)) == len({it.writer.id for it in batches})
        assert len(set(_names(batches))) == len(batches) // 2

    def test_batches_that_come_twice_change_nothing(
        self, telling_tracker: NativeTracker, run_id: str
    ) -> None:
        """Each of them, in the tracker that gave them and in another."""
        for batch in story(run_id):
            telling_tracker.write(batch)
        before = answers(telling_tracker, run_id)

        copy = _copied(telling_tracker, run_id)
        for batch in list(telling_tracker.batches(run_id)):
            copy.write(batch)
            telling_tracker.write(batch)

        assert answers(copy, run_id) == before
        assert answers(telling_tracker, run_id) == before

    def test_batches_complete_what_was_taken_in_part(
        self, telling_tracker: NativeTracker, run_id: str
    ) -> None:
        """A tracker that got some of the records from the run itself gets the rest."""
        batches = story(run_id)
        for batch in batches:
            telling_tracker.write(batch)

        copy = _told(batches[1::2])
        for batch in telling_tracker.batches(run_id):
            copy.write(batch)

        assert answers(copy, run_id) == answers(telling_tracker, run_id)

    def test_batches_of_a_copy_tell_the_same(
        self, telling_tracker: NativeTracker, run_id: str
    ) -> None:
        """What was taken from another tracker is told as what the run has said."""
        batches = story(run_id)
        first = _told(batches)
        for batch in first.batches(run_id):
            telling_tracker.write(batch)

        copy = _copied(telling_tracker, run_id)

        assert answers(copy, run_id) == answers(first, run_id)

    def test_batches_are_the_same_each_time(
        self, telling_tracker: NativeTracker, run_id: str
    ) -> None:
        """They have the same names, and hold as many records."""
        for batch in story(run_id):
            telling_tracker.write(batch)

        names = _names(telling_tracker.batches(run_id))

        assert names == _names(telling_tracker.batches(run_id))
        assert all(first <= last for _, first, last, _ in names)
        assert all(last - first + 1 == count for _, first, last, count in names)

    def test_batches_stay_where_they_are_when_more_is_written(
        self, telling_tracker: NativeTracker, run_id: str
    ) -> None:
        """Only the last batch of a writer grows, and none is too large."""
        pen = Pen(run_id)
        told = [MetricsBody(step, {"": {"v": 0.5}}) for step in range(BATCH_RECORDS)]
        telling_tracker.write(pen.log(TagsBody({"a": "b"}), *told))
        before = _names(telling_tracker.batches(run_id))
        telling_tracker.write(pen.log(*told[:10]))

        after = _names(telling_tracker.batches(run_id))

        assert [name[1:] for name in before] == [
            (1, BATCH_RECORDS, BATCH_RECORDS),
            (BATCH_RECORDS + 1, BATCH_RECORDS + 1, 1),
        ]
        assert after[0] == before[0]
        assert after[1][1:] == (BATCH_RECORDS + 1, BATCH_RECORDS + 11, 11)

    def test_what_was_never_taken_is_not_told(
        self, telling_tracker: NativeTracker, run_id: str
    ) -> None:
        """A gap is a gap in the copy too, and can be filled there."""
        pen = Pen(run_id)
        bodies: list[Body] = [ParamsBody({f"p{number}": number}) for number in range(9)]
        pen.log(*bodies)
        for first, last in [(2, 3), (6, 8)]:
            telling_tracker.write(pen.batch(first, last))

        copy = _copied(telling_tracker, run_id)
        is_same = answers(copy, run_id) == answers(telling_tracker, run_id)
        copy.write(pen.batch(1, 9))

        assert is_same
        assert dict(copy.params(run_id)) == {f"p{n}": n for n in range(9)}

    def test_taken_names_what_the_batches_hold(
        self, telling_tracker: NativeTracker, run_id: str
    ) -> None:
        """Writer by writer; what a copy has taken of them is the same."""
        pen = Pen(run_id)
        pen.log(*(ParamsBody({"p": number}) for number in range(9)))
        for first, last in [(2, 3), (6, 8)]:
            telling_tracker.write(pen.batch(first, last))
        telling_tracker.write(Pen(run_id).log(SourceBody("s", None), TagsBody({})))

        found = dict(telling_tracker.taken(run_id))
        copy = _copied(telling_tracker, run_id)

        assert found[pen.writer.id] == Taken(((2, 3), (6, 8)))
        assert copy.taken(run_id) == found

    def test_words_that_were_replaced_leave_no_hole(
        self, telling_tracker: NativeTracker, run_id: str
    ) -> None:
        """Nor do they come back, and the run is as old as it was."""
        pen, later = Pen(run_id), Pen(run_id, attempt=2)
        for number in range(3):
            telling_tracker.write(pen.log(*_say(number)))
        telling_tracker.write(later.log(*_say(4), at=500))

        copy = _copied(telling_tracker, run_id)

        assert answers(copy, run_id) == answers(telling_tracker, run_id)
        assert copy.taken(run_id)[pen.writer.id] == Taken(((1, len(pen.records)),))

    def test_ranks_are_told(self, telling_tracker: NativeTracker, run_id: str) -> None:
        """A restart of one rank abandons nothing of another in the copy either."""
        for attempt, rank, step in [(1, 0, 5), (1, 1, 5), (2, 1, 3), (3, None, 1)]:
            pen = Pen(run_id, attempt=attempt, rank=rank)
            told = [MetricsBody(step + n, {"": {"v": rank}}) for n in range(3)]
            telling_tracker.write(pen.log(*told))

        copy = _copied(telling_tracker, run_id)

        assert answers(copy, run_id) == answers(telling_tracker, run_id)

    def test_torture_is_told_as_it_was(
        self, telling_tracker: NativeTracker, run_id: str
    ) -> None:
        """Names and values of all sorts come through."""
        spare = (f"value{number}" for number in range(len(VALUES)))
        names = [*NAMES, *islice(spare, max(0, len(VALUES) - len(NAMES)))]
        pairs = [*zip(names, cycle(VALUES), strict=False)]
        # A few in each run, for a tracker that reads all of it for each question.
        for start in range(0, len(pairs), _NAMES):
            told = dict(pairs[start : start + _NAMES])
            pen = Pen(f"{run_id}-{start}", rank=3)
            telling_tracker.write(pen.log(*_torture(told)))

            copy = _copied(telling_tracker, pen.run_id)

            found = answers(telling_tracker, pen.run_id)
            assert answers(copy, pen.run_id) == found

    def test_thousands_of_records_are_all_told(
        self, telling_tracker: NativeTracker, run_id: str
    ) -> None:
        """Across batches, in the middle of columns and of messages."""
        pen = Pen(run_id)
        bodies: list[Body] = []
        for step in range(BATCH_RECORDS // 2 + 100):
            bodies.append(MetricsBody(step, {"a": {"x": step / 7}}))
            bodies.append(LogBody("info", str(step), None))
            if step % 500 == 0:
                bodies.append(ColumnsBody("a", [step, step], {"x": [0.5, None]}))
                bodies.append(TrackBody("t", step / 3, {"step": step}))
        telling_tracker.write(pen.log(*bodies))

        copy = _copied(telling_tracker, run_id)

        assert answers(copy, run_id) == answers(telling_tracker, run_id)


def _copied(tracker: NativeTracker, run_id: str) -> MemoryTracker:
    return _told(tracker.batches(run_id))


def _told(batches: Iterable[Batch]) -> MemoryTracker:
    tracker = MemoryTracker()
    for batch in batches:
        tracker.write(batch)
    return tracker


def _names(batches: Iterable[Batch]) -> list[tuple[str, int, int, int]]:
    return [(it.writer.id, it.first, it.last, len(it.records)) for it in batches]


def _say(number: int) -> Iterable[Body]:
    word = str(number)
    return (
        MetadataBody({"key": number}),
        TagsBody({"key": word}),
        ProvenanceBody({"code": word}),
        ParamsBody({"key": number}),
        SourceBody("s", None),
        ArtifactBody("a", word, None),
        MetricsBody(None, {}),
        CreatedBody(word),
    )


def _torture(values: dict[str, Value]) -> Iterable[Body]:
    yield from (MetadataBody(values), ParamsBody(values), ProvenanceBody(values))
    yield UnknownBody("hologram", values)
    for number, (name, value) in enumerate(values.items()):
        yield MetricsBody(number, {name: {"v": value}, "": {"v": number}})
        yield LogBody("warn", name, {name: value})
        yield TrackBody(name, number / 7, {name: value})
        yield StepBody(name, str(number), "RUNNING", None)
        yield ArtifactBody(name, "p", {name: value}, media_type=name)
        yield SourceBody(name, name)
        yield TagsBody({name: name})
        yield ColumnsBody("c", None, {"v": [value, value]})
