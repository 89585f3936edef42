"""Runs and their lives, natively."""

from datetime import timedelta

from tracker_core.api import NativeTracker
from tracker_core.identity import friendly_name
from tracker_core.records import (
    CreatedBody,
    EndedBody,
    MetadataBody,
    StartedBody,
    TagsBody,
)
from tracker_core.runs import to_datetime
from tracker_core.testing.contract.fixtures import ContractFixtures
from tracker_core.testing.contract.pen import START_NS, Pen
from tracker_core.values import Value

__all__ = ["Lives"]

_START = to_datetime(START_NS)
_OOM: dict[str, Value] = {"kind": "out_of_memory"}
_EXIT: dict[str, Value] = {"kind": "exit_code", "exit_code": 1}
_EXCEPTION: dict[str, Value] = {"kind": "exception", "type": "E", "message": "\u00e9"}


class Lives(ContractFixtures):
    """What ``run`` and ``runs`` tell from the life-cycle records."""

    def test_run_without_a_life_cycle_has_no_status(
        self, native_tracker: NativeTracker, run_id: str
    ) -> None:
        """A run that only logged has a name and a time, and nothing else."""
        native_tracker.write(Pen(run_id).log(MetadataBody({"key": 1}), at=0))

        run = native_tracker.run(run_id)

        assert (run.run_id, run.name) == (run_id, friendly_name(run_id))
        assert (run.created_at, run.started_at, run.ended_at) == (_START, None, None)
        assert (run.status, run.cause, run.attempts) == (None, None, ())
        assert (run.experiment, run.group_id, run.parent_run_id) == (None, None, None)

    def test_created_run_is_pending_and_has_its_identity(
        self, native_tracker: NativeTracker, run_id: str
    ) -> None:
        """Name, experiment, group and parent are those given, to the character."""
        identity = CreatedBody("n\u00e4me ", "Exp/\u5b9f", "g'1", "scheduler://s/app")
        native_tracker.write(Pen(run_id).log(identity))

        run = native_tracker.run(run_id)

        assert run.status == "PENDING"
        assert (
            CreatedBody(run.name, run.experiment, run.group_id, run.parent_run_id)
            == identity
        )

    def test_later_identity_replaces_only_what_it_says(
        self, native_tracker: NativeTracker, run_id: str
    ) -> None:
        """What is None in a later word says nothing; arrival does not matter."""
        pen = Pen(run_id)
        first = pen.log(CreatedBody("one", "exp", "group"))
        second = pen.log(CreatedBody(name="two", parent_run_id="parent"))
        native_tracker.write(second)
        native_tracker.write(first)

        run = native_tracker.run(run_id)

        assert (run.name, run.experiment) == ("two", "exp")
        assert (run.group_id, run.parent_run_id) == ("group", "parent")

    def test_started_run_is_running_until_its_end(
        self, native_tracker: NativeTracker, run_id: str
    ) -> None:
        """Status, times and the one attempt follow the records."""
        pen = Pen(run_id)
        native_tracker.write(pen.log(CreatedBody(), at=1))
        native_tracker.write(pen.log(StartedBody("job"), at=2))
        running = native_tracker.run(run_id)
        native_tracker.write(pen.log(EndedBody("job", "FINISHED", None), at=9))
        ended = native_tracker.run(run_id)

        assert (running.status, running.ended_at) == ("RUNNING", None)
        assert (ended.status, ended.cause) == ("FINISHED", None)
        assert ended.created_at == _START + timedelta(milliseconds=1)
        assert ended.started_at == _START + timedelta(milliseconds=2)
        assert ended.ended_at == _START + timedelta(milliseconds=9)
        assert [attempt.number for attempt in ended.attempts] == [1]

    def test_failed_run_keeps_its_cause(
        self, native_tracker: NativeTracker, run_id: str
    ) -> None:
        """The cause comes back whole."""
        pen = Pen(run_id)
        cause: dict[str, Value] = {
            **_EXCEPTION,
            "traceback": "line\n" * 10_000,
            "more": [1, 2.0, None],
        }
        end = EndedBody("job", "FAILED", cause)
        native_tracker.write(pen.log(StartedBody("job"), end))

        run = native_tracker.run(run_id)

        assert run.status == "FAILED"
        assert run.cause == run.attempts[0].cause == cause

    def test_launcher_decides_over_the_job(
        self, native_tracker: NativeTracker, run_id: str
    ) -> None:
        """The job says finished, the launcher saw signal 9: the run was killed."""
        launcher, job = Pen(run_id, "launcher"), Pen(run_id, "job")
        killed: dict[str, Value] = {"kind": "signal", "signal": "SIGKILL", "number": 9}
        native_tracker.write(
            launcher.log(EndedBody("launcher", "KILLED", killed), at=9)
        )
        native_tracker.write(job.log(StartedBody("job"), at=2))
        native_tracker.write(job.log(EndedBody("job", "FINISHED", None), at=3))
        native_tracker.write(launcher.log(StartedBody("launcher"), at=9))

        run = native_tracker.run(run_id)

        assert (run.status, run.cause) == ("KILLED", killed)
        assert run.ended_at == _START + timedelta(milliseconds=9)

    def test_launcher_decides_without_the_job(
        self, native_tracker: NativeTracker, run_id: str
    ) -> None:
        """A job that could say nothing any more has ended when the launcher says so."""
        launcher, job = Pen(run_id, "launcher"), Pen(run_id, "job")
        native_tracker.write(launcher.log(StartedBody("launcher"), at=1))
        native_tracker.write(job.log(StartedBody("job"), at=2))
        native_tracker.write(launcher.log(EndedBody("launcher", "FAILED", _OOM), at=3))

        run = native_tracker.run(run_id)

        assert (run.status, run.cause) == ("FAILED", _OOM)

    def test_launcher_may_know_better_than_a_job_that_failed(
        self, native_tracker: NativeTracker, run_id: str
    ) -> None:
        """What the launcher calls finished is finished, and has no cause."""
        launcher, job = Pen(run_id, "launcher"), Pen(run_id, "job")
        native_tracker.write(job.log(StartedBody("job"), at=2))
        native_tracker.write(job.log(EndedBody("job", "FAILED", _EXCEPTION), at=3))
        native_tracker.write(launcher.log(StartedBody("launcher"), at=1))
        native_tracker.write(
            launcher.log(EndedBody("launcher", "FINISHED", None), at=4)
        )

        run = native_tracker.run(run_id)

        assert (run.status, run.cause) == ("FINISHED", None)

    def test_run_of_several_processes_ends_with_the_last_and_the_worst(
        self, native_tracker: NativeTracker, run_id: str
    ) -> None:
        """Without a launcher it runs until all have ended; one failure fails it."""
        one, two = Pen(run_id, "a", rank=0), Pen(run_id, "b", rank=1)
        native_tracker.write(one.log(StartedBody("job"), at=1))
        native_tracker.write(two.log(StartedBody("job"), at=2))
        native_tracker.write(one.log(EndedBody("job", "FAILED", _EXIT), at=3))
        halfway = native_tracker.run(run_id)
        native_tracker.write(two.log(EndedBody("job", "FINISHED", None), at=4))
        ended = native_tracker.run(run_id)

        assert halfway.status == "RUNNING"
        assert (ended.status, ended.cause) == ("FAILED", _EXIT)
        assert ended.ended_at == _START + timedelta(milliseconds=4)

    def test_strongest_cause_explains_the_end(
        self, native_tracker: NativeTracker, run_id: str
    ) -> None:
        """Out of memory comes before an exception, and that before an exit code."""
        causes = (_EXIT, _EXCEPTION, _OOM)
        pens = [Pen(run_id, f"w{number}") for number in range(len(causes))]
        for pen, cause in zip(pens, causes, strict=True):
            end = EndedBody("job", "FAILED", cause)
            native_tracker.write(pen.log(StartedBody("job"), end))

        assert native_tracker.run(run_id).cause == _OOM

    def test_attempts_are_told_apart(
        self, native_tracker: NativeTracker, run_id: str
    ) -> None:
        """Each try has its own life; the last one gives the status of the run."""
        second, first = Pen(run_id, attempt=2), Pen(run_id, attempt=1)
        native_tracker.write(second.log(StartedBody("job"), at=5))
        native_tracker.write(first.log(StartedBody("job"), at=1))
        native_tracker.write(first.log(EndedBody("job", "FAILED", _EXIT), at=2))

        run = native_tracker.run(run_id)

        told = [(attempt.number, attempt.status) for attempt in run.attempts]
        assert told == [(1, "FAILED"), (2, "RUNNING")]
        assert (run.status, run.cause, run.ended_at) == ("RUNNING", None, None)
        assert run.started_at == _START + timedelta(milliseconds=1)

    def test_attempts_tell_their_facts(
        self, native_tracker: NativeTracker, run_id: str
    ) -> None:
        """Where each try started, its exit code and its memory; None is no 0."""
        launcher, again = Pen(run_id, "launcher"), Pen(run_id, attempt=2)
        end = EndedBody("launcher", "FINISHED", None, 0, 2**40 + 1)
        native_tracker.write(launcher.log(end, at=1_500))
        native_tracker.write(launcher.log(StartedBody("launcher", "n\u00f6de"), at=2))
        native_tracker.write(again.log(StartedBody("job"), at=2_000))

        first, second = native_tracker.run(run_id).attempts

        assert (first.host, first.exit_code) == ("n\u00f6de", 0)
        assert (first.peak_memory_bytes, first.duration) == (2**40 + 1, 1.498)
        assert (second.host, second.exit_code) == (None, None)
        assert (second.peak_memory_bytes, second.duration) == (None, None)

    def test_created_at_is_the_earliest_record_of_any_kind(
        self, native_tracker: NativeTracker, run_id: str
    ) -> None:
        """Also when that record arrives last."""
        early, late = Pen(run_id, "late"), Pen(run_id, "early")
        native_tracker.write(late.log(CreatedBody(), at=7))
        native_tracker.write(early.log(TagsBody({"a": "b"}), at=3))

        run = native_tracker.run(run_id)

        assert run.created_at == _START + timedelta(milliseconds=3)

    def test_runs_come_newest_first(self, native_tracker: NativeTracker) -> None:
        """By creation, then by id, both descending; arrival does not matter."""
        for run_id, at in [("b", 5), ("old", 1), ("a", 5), ("new", 9), ("B", 5)]:
            native_tracker.write(Pen(run_id).log(CreatedBody(), at=at))
        native_tracker.write(Pen("new").log(TagsBody({}), at=2))

        assert [run.run_id for run in native_tracker.runs()] == [
            *("b", "a", "B", "new", "old"),
        ]
        assert list(native_tracker.run_ids()) == ["b", "a", "B", "new", "old"]

    def test_runs_are_told_as_run_tells_them(
        self, native_tracker: NativeTracker
    ) -> None:
        """The list and the single read agree on everything."""
        for number in range(3):
            pen = Pen(f"run{number}", attempt=number + 1)
            end = EndedBody("job", "FAILED", _EXIT)
            native_tracker.write(pen.log(CreatedBody(experiment="e"), at=number))
            native_tracker.write(pen.log(StartedBody("job"), end))

        runs = list(native_tracker.runs())

        assert runs == [native_tracker.run(run.run_id) for run in runs]

    def test_runs_stop_at_the_limit(self, native_tracker: NativeTracker) -> None:
        """The limit keeps the newest; 0 keeps none, more than there are keeps all."""
        for number in range(4):
            native_tracker.write(Pen(f"run{number}").log(CreatedBody(), at=number))

        found = {
            limit: [run.run_id for run in native_tracker.runs(limit=limit)]
            for limit in (0, 2, 9)
        }

        assert found[0] == []
        assert found[2] == ["run3", "run2"]
        assert found[9] == ["run3", "run2", "run1", "run0"]
