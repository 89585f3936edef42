"""Removal: a run is gone, nothing else is, and nothing comes back."""

import pytest

from tracker_core.api import Capability, NativeTracker
from tracker_core.contents import Content, content_of_bytes
from tracker_core.errors import NotSupportedError, RunNotFoundError
from tracker_core.records import (
    ArtifactBody,
    CreatedBody,
    EndedBody,
    MetricsBody,
    ParamsBody,
    SourceBody,
    StartedBody,
)
from tracker_core.testing.contract.answers import answers, exact
from tracker_core.testing.contract.fixtures import (
    ContractFixtures,
    OpenNative,
    require,
)
from tracker_core.testing.contract.pen import Pen
from tracker_core.testing.contract.story import story
from tracker_core.testing.memory import MemoryTracker

__all__ = ["Removals"]


class Removals(ContractFixtures):
    """What ``remove`` promises."""

    @pytest.fixture
    def removing_tracker(self, native_tracker: NativeTracker) -> NativeTracker:
        """Return a tracker that removes runs; skip for others."""
        try:
            native_tracker.remove("nothing")
        except NotSupportedError:
            pytest.skip("needs a tracker that removes runs; this one does not")
        except RunNotFoundError:
            pass
        return native_tracker

    def test_unknown_run_cannot_be_removed(
        self, removing_tracker: NativeTracker, run_id: str
    ) -> None:
        """Nor one that was removed already."""
        removing_tracker.write(Pen(run_id).log(ParamsBody({"a": 1})))
        removing_tracker.remove(run_id)

        for unknown in (run_id, f"{run_id}-unknown"):
            with pytest.raises(RunNotFoundError):
                removing_tracker.remove(unknown)

    def test_removed_run_is_unknown_to_every_read(
        self, open_native: OpenNative, removing_tracker: NativeTracker, run_id: str
    ) -> None:
        """To who removes it, to who has read it before, and to who comes later."""
        reader = open_native()
        batches = story(run_id)
        for batch in batches:
            removing_tracker.write(batch)
        told = reader.run(run_id)

        removal = removing_tracker.remove(run_id)

        assert told.experiment == "e"
        assert removal.records == sum(len(batch.records) for batch in batches)
        assert removal.artifacts == 1
        for tracker in (removing_tracker, reader, open_native()):
            assert not list(tracker.runs())
            assert not list(tracker.run_ids())
            assert not list(tracker.run_ids(parent_run_id="s"))
            assert not list(tracker.experiments())
            assert not tracker.metadata(run_id)
            assert not tracker.artifacts(run_id)
            assert not list(tracker.sources(run_id))
            for read in (tracker.run, tracker.params, tracker.tags, tracker.series):
                with pytest.raises(RunNotFoundError):
                    read(run_id)

    def test_removed_run_that_was_compacted_is_unknown(
        self, open_native: OpenNative, removing_tracker: NativeTracker, run_id: str
    ) -> None:
        """Its smaller form is gone too, and compacting goes on."""
        for name in (run_id, f"{run_id}-other"):
            points = (MetricsBody(n, {"": {"x": n}}) for n in range(9))
            pen = Pen(name)
            removing_tracker.write(pen.log(StartedBody("job"), *points))
            removing_tracker.write(pen.log(EndedBody("job", "FINISHED", None)))
            removing_tracker.compact(name)
        told = answers(removing_tracker, f"{run_id}-other")

        removing_tracker.remove(run_id)
        removing_tracker.compact()

        for tracker in (removing_tracker, open_native()):
            assert [run.run_id for run in tracker.runs()] == [f"{run_id}-other"]
            assert answers(tracker, f"{run_id}-other") == told
            with pytest.raises(RunNotFoundError):
                tracker.run(run_id)

    def test_removal_leaves_other_runs_as_they_are(
        self, open_native: OpenNative, removing_tracker: NativeTracker, run_id: str
    ) -> None:
        """They keep the edges that point to it, as to something foreign."""
        child, like = f"{run_id}-child", f"{run_id}2"
        for batch in (*story(run_id), *story(like)):
            removing_tracker.write(batch)
        made = Pen(child).log(CreatedBody("c", "e"), SourceBody(run_id, "label"))
        removing_tracker.write(made)
        before = [answers(removing_tracker, name) for name in (child, like)]

        removing_tracker.remove(run_id)

        for tracker in (removing_tracker, open_native()):
            assert [answers(tracker, name) for name in (child, like)] == before
            assert tracker.lineage(child).parents == (run_id,)
            assert list(tracker.run_ids(parent_run_id=run_id)) == [child]

    def test_what_comes_late_of_a_removed_run_is_passed_over(
        self, open_native: OpenNative, removing_tracker: NativeTracker, run_id: str
    ) -> None:
        """A batch that is repeated, and one that its writer has not sent before."""
        pen, other = Pen(run_id), open_native()
        first = pen.log(CreatedBody("n", "e"), ParamsBody({"a": 1}))
        other.write(first)

        removing_tracker.remove(run_id)
        late = pen.log(ParamsBody({"b": 2}), MetricsBody(1, {"": {"x": 1}}))
        for tracker in (other, removing_tracker):
            for batch in (first, late, pen.batch(1, 4)):
                tracker.write(batch)

        for tracker in (removing_tracker, other, open_native()):
            assert not list(tracker.runs())
            with pytest.raises(RunNotFoundError):
                tracker.run(run_id)

    def test_run_written_again_begins_anew(
        self, open_native: OpenNative, removing_tracker: NativeTracker, run_id: str
    ) -> None:
        """By another writer: with nothing of the run that was removed."""
        model, pen = MemoryTracker(), Pen(run_id)
        for batch in story(run_id):
            removing_tracker.write(batch)
        removing_tracker.write(pen.log(ParamsBody({"old": 1})))
        removing_tracker.remove(run_id)

        again = Pen(run_id).log(CreatedBody("new"), MetricsBody(0, {"": {"x": 2}}))
        for tracker in (removing_tracker, model):
            tracker.write(again)
        removing_tracker.write(pen.log(ParamsBody({"late": 1})))

        for tracker in (removing_tracker, open_native()):
            assert answers(tracker, run_id) == answers(model, run_id)
            assert exact(tracker.runs()) == exact(model.runs())

    def test_the_eight_calls_make_a_removed_run_anew(
        self, open_native: OpenNative, removing_tracker: NativeTracker, run_id: str
    ) -> None:
        """On the tracker that has removed what they had written."""
        removing_tracker.add_metadata(run_id, old=1)
        removing_tracker.remove(run_id)

        removing_tracker.add_metadata(run_id, new=2)

        assert dict(open_native().metadata(run_id)) == {"new": 2}

    def test_run_can_be_removed_again_and_again(
        self, removing_tracker: NativeTracker, run_id: str
    ) -> None:
        """Each time with all that was written since."""
        for number in range(3):
            removing_tracker.write(Pen(run_id).log(ParamsBody({"n": number})))

            assert removing_tracker.remove(run_id).records == 1
            assert not list(removing_tracker.runs())

    def test_content_that_another_run_names_stays(
        self, open_native: OpenNative, removing_tracker: NativeTracker, run_id: str
    ) -> None:
        """Also where it names it no more, or will name it with its next record."""
        require(removing_tracker, Capability.CONTENT)
        shared, replaced, awaited = (_content(run_id, n) for n in range(3))
        later, other = Pen(f"{run_id}-later"), Pen(f"{run_id}-other")
        for content in (shared, replaced, awaited):
            removing_tracker.add_content(content)
            removing_tracker.write(Pen(run_id).log(_named(content)))
        removing_tracker.write(other.log(_named(replaced), _named(shared)))
        removing_tracker.add_content(awaited)

        removing_tracker.remove(run_id)
        removing_tracker.compact()
        removing_tracker.write(later.log(_named(awaited)))

        reader = open_native()
        for pen, content in ((other, shared), (other, replaced), (later, awaited)):
            with reader.open_artifact(pen.run_id, content.digest) as file:
                assert file.read() == b"".join(content.read_checked())


def _content(run_id: str, number: int) -> Content:
    return content_of_bytes(f"{run_id} {number}".encode())


def _named(content: Content) -> ArtifactBody:
    return ArtifactBody(
        "a", "p", None, digest=content.digest, size_bytes=content.size_bytes
    )
