"""Who a run is: experiment and config, its place in a trace, and its beginning."""

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tracker_core.api import NativeTracker
from tracker_core.errors import ExperimentNotFoundError
from tracker_core.records import CreatedBody, EndedBody, SpanBody, StartedBody
from tracker_core.runs import to_datetime
from tracker_core.testing.contract.answers import exact
from tracker_core.testing.contract.fixtures import ContractFixtures
from tracker_core.testing.contract.pen import START_NS, Pen
from tracker_core.testing.contract.torture import NAMES, VALUES

if TYPE_CHECKING:
    from tracker_core.values import Value

__all__ = ["Identity"]

_START = to_datetime(START_NS)


class Identity(ContractFixtures):
    """What runs tell of experiments, spans and their creation."""

    def test_run_is_pending_from_its_creation_until_it_starts(
        self, tracker: NativeTracker, run_id: str
    ) -> None:
        """Whoever makes a run and whoever starts it may be two, with hours between."""
        maker, job = Pen(run_id, "maker"), Pen(run_id, "job")

        tracker.write(maker.log(CreatedBody("name", experiment="e"), at=1))
        pending = tracker.run(run_id)
        tracker.write(job.log(StartedBody("job"), at=3_600_000))
        running = tracker.run(run_id)

        assert (pending.status, pending.started_at) == ("PENDING", None)
        assert pending.attempts == ()
        assert (running.status, running.name) == ("RUNNING", "name")
        assert running.created_at == _START + timedelta(milliseconds=1)
        assert running.started_at == _START + timedelta(hours=1)

    def test_creation_that_arrives_late_does_not_make_the_run_pending(
        self, native_tracker: NativeTracker, run_id: str
    ) -> None:
        """A run that has ended stays so, whatever order its records arrive in."""
        maker, job = Pen(run_id, "maker"), Pen(run_id, "job")
        created = maker.log(CreatedBody("name"), at=1)
        native_tracker.write(job.log(StartedBody("job"), at=2))
        native_tracker.write(job.log(EndedBody("job", "FINISHED", None), at=3))
        native_tracker.write(created)

        run = native_tracker.run(run_id)

        assert (run.status, run.name) == ("FINISHED", "name")
        assert run.created_at == _START + timedelta(milliseconds=1)

    def test_span_is_the_last_that_was_said(
        self, tracker: NativeTracker, run_id: str
    ) -> None:
        """What is None says nothing, so an earlier word stays."""
        pen = Pen(run_id)
        before = CreatedBody("n")
        tracker.write(pen.log(before, SpanBody("trace 1", "span 1")))
        tracker.write(
            pen.log(SpanBody(None, "span/2 \u00fc"), SpanBody("trace 2", None))
        )

        run = tracker.run(run_id)

        assert (run.trace_id, run.span_id) == ("trace 2", "span/2 \u00fc")

    def test_span_does_not_depend_on_arrival(
        self, native_tracker: NativeTracker, run_id: str
    ) -> None:
        """The last in the order of the run wins."""
        pen = Pen(run_id)
        early, late = pen.log(SpanBody("t", "old")), pen.log(SpanBody(None, "new"))
        native_tracker.write(late)
        native_tracker.write(early)

        run = native_tracker.run(run_id)

        assert (run.trace_id, run.span_id) == ("t", "new")
        assert run.status is None

    def test_run_without_a_span_has_none(
        self, tracker: NativeTracker, run_id: str
    ) -> None:
        """None, and no empty text."""
        tracker.write(Pen(run_id).log(CreatedBody("n")))

        run = tracker.run(run_id)

        assert (run.trace_id, run.span_id, run.experiment_config) == (None, None, None)

    def test_experiments_are_counted_from_their_runs(
        self, tracker: NativeTracker
    ) -> None:
        """The one with the newest run first; runs without an experiment are in none."""
        for run_id, experiment, at in [
            ("1", "old", 1),
            ("2", "busy", 2),
            ("3", None, 3),
            ("4", "busy", 4),
        ]:
            body = CreatedBody(experiment=experiment)
            tracker.write(Pen(run_id).log(body, at=at))

        experiments = tracker.experiments()

        assert [(e.name, e.run_count) for e in experiments] == [("busy", 2), ("old", 1)]
        assert experiments[0].created_at == _START + timedelta(milliseconds=2)
        assert experiments[0].last_run_at == _START + timedelta(milliseconds=4)

    def test_experiment_has_the_config_of_its_newest_run_that_told_one(
        self, tracker: NativeTracker
    ) -> None:
        """Types are kept; a run without a config takes nothing away."""
        config: dict[str, Value] = {f"v{n}": value for n, value in enumerate(VALUES)}
        told_by: dict[str, dict[str, Value] | None] = {
            "1": {"old": 1},
            "2": config,
            "3": None,
        }
        for run_id, told in told_by.items():
            body = CreatedBody(experiment="e", experiment_config=told)
            tracker.write(Pen(run_id).log(body, at=int(run_id)))

        experiment = tracker.experiment("e")

        assert exact(experiment.config) == exact(config)
        assert exact(tracker.run("2").experiment_config) == exact(config)
        assert tracker.run("3").experiment_config is None

    def test_experiment_names_are_unique_and_kept_apart(
        self, tracker: NativeTracker
    ) -> None:
        """One name is one experiment; names that differ in any character are two."""
        again = NAMES[:10]
        for number, name in enumerate([*NAMES, *again]):
            tracker.write(Pen(f"run{number}").log(CreatedBody(experiment=name)))

        counts = {e.name: e.run_count for e in tracker.experiments()}

        assert counts == {name: 1 + (name in again) for name in NAMES}

    def test_run_that_changed_its_experiment_is_in_the_later_one_alone(
        self, tracker: NativeTracker, run_id: str
    ) -> None:
        """The last that was said of a run counts."""
        pen = Pen(run_id)
        tracker.write(pen.log(CreatedBody(experiment="first")))
        tracker.write(pen.log(CreatedBody(experiment="second")))

        assert [e.name for e in tracker.experiments()] == ["second"]

    def test_unknown_experiment_is_an_error(
        self, tracker: NativeTracker, run_id: str
    ) -> None:
        """Also one of another letter case."""
        tracker.write(Pen(run_id).log(CreatedBody(experiment="Iris")))

        with pytest.raises(ExperimentNotFoundError, match="iris"):
            tracker.experiment("iris")
