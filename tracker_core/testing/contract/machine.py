"""A hypothesis state machine that compares a tracker with the model."""

import functools
from typing import cast

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    rule,
    run_state_machine_as_test,
)

from tracker_core.api import Capability, NativeTracker
from tracker_core.identity import new_run_id
from tracker_core.records import (
    ArtifactBody,
    Batch,
    Body,
    CreatedBody,
    EndedBody,
    MetadataBody,
    MetricsBody,
    ParamsBody,
    SourceBody,
    StartedBody,
    TagsBody,
    UnknownBody,
)
from tracker_core.testing.contract.answers import answers, exact
from tracker_core.testing.contract.fixtures import ContractFixtures
from tracker_core.testing.contract.pen import Pen
from tracker_core.testing.contract.torture import NAMES, VALUES
from tracker_core.testing.memory import MemoryTracker
from tracker_core.values import MAX_STEP, Value

__all__ = ["Machine", "TrackerMachine", "bodies", "texts", "values"]

_RUNS = 2
_PENS = 3
_LONGEST = 1000


def texts() -> st.SearchStrategy[str]:
    """Return texts as they can be kept: without lone surrogates."""
    short = [name for name in NAMES if len(name) < _LONGEST]
    anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
    return st.sampled_from(short) | anything


def values() -> st.SearchStrategy[Value]:
    """Return values of all types, nested."""
    small = [v for v in VALUES if not isinstance(v, str) or len(v) < _LONGEST]
    scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts()
    return st.sampled_from(small) | st.recursive(
        scalars,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(texts() | st.just("$float"), inner, max_size=3)
        ),
        max_leaves=5,
    )


def _names() -> st.SearchStrategy[str]:
    # Few, so that they meet again, and some that a careless store takes for one.
    return st.sampled_from(["a", "A", "a/b"])


def _mappings(of: st.SearchStrategy[Value]) -> st.SearchStrategy[dict[str, Value]]:
    return st.dictionaries(_names(), of, min_size=1, max_size=3)


def _metrics() -> st.SearchStrategy[MetricsBody]:
    steps = st.none() | st.integers(0, 3) | st.just(MAX_STEP)
    numbers = st.sampled_from([0, 1, 1.0, -0.0, 0.1, float("nan"), float("inf"), 2**63])
    fields = st.dictionaries(
        st.sampled_from(["v", "V"]), numbers | values(), min_size=1, max_size=2
    )
    streams = st.dictionaries(st.sampled_from(["", "a", "a/b"]), fields, max_size=2)
    return st.builds(MetricsBody, steps, streams)


def _lives() -> st.SearchStrategy[Body]:
    role = st.sampled_from(["job", "launcher"])
    status = st.sampled_from(["FINISHED", "FAILED", "KILLED"])
    kind = st.sampled_from(["exit_code", "exception", "signal", "lost"])
    cause = st.none() | st.fixed_dictionaries({"kind": kind, "more": values()})
    said = st.none() | texts().filter(bool)
    return st.one_of(
        st.builds(CreatedBody, said, said, said, said),
        st.builds(StartedBody, role),
        st.builds(EndedBody, role, status, cause),
    )


def bodies() -> st.SearchStrategy[Body]:
    """Return records of every kind."""
    tags = cast("st.SearchStrategy[dict[str, str]]", _mappings(texts()))
    about = st.none() | _mappings(values())
    return st.one_of(
        _metrics(),
        st.builds(MetadataBody, _mappings(values())),
        st.builds(ParamsBody, _mappings(values())),
        st.builds(TagsBody, tags),
        st.builds(ArtifactBody, _names(), texts().filter(bool), about),
        st.builds(SourceBody, _names(), st.none() | _names()),
        st.builds(UnknownBody, st.just("hologram"), _mappings(values())),
        _lives(),
    )


class TrackerMachine(RuleBasedStateMachine):
    """Writers log, batches arrive late, twice and overlapping; reads must agree.

    Args:
        tracker: What is tested; its store may hold runs of other examples.
    """

    def __init__(self, tracker: NativeTracker) -> None:
        """Begin with writers that have logged nothing, on new runs."""
        super().__init__()
        self._tracker = tracker
        self._model = MemoryTracker()
        self._run_ids = [f"{new_run_id()}-{number}" for number in range(_RUNS)]
        self._pens = [
            Pen(self._run_ids[number % _RUNS], f"w{number}", 1 + number // _RUNS)
            for number in range(_PENS)
        ]
        self._times = [0] * _PENS

    @rule(
        pen=st.integers(0, _PENS - 1),
        said=st.lists(bodies(), min_size=1, max_size=4),
        wait=st.integers(0, 2),
    )
    def log(self, pen: int, said: list[Body], wait: int) -> None:
        """Log records that are sent at once; clocks of writers often agree."""
        self.log_only(pen, said, wait)
        self._write(
            self._pens[pen].batch(self._logged(pen) - len(said) + 1, self._logged(pen))
        )

    @rule(
        pen=st.integers(0, _PENS - 1),
        said=st.lists(bodies(), min_size=1, max_size=4),
        wait=st.integers(0, 2),
    )
    def log_only(self, pen: int, said: list[Body], wait: int) -> None:
        """Log records that are not sent yet."""
        self._times[pen] += wait
        self._pens[pen].log(*said, at=self._times[pen])

    @rule(
        pen=st.integers(0, _PENS - 1),
        first=st.integers(0, 30),
        more=st.integers(0, 5),
    )
    def send(self, pen: int, first: int, more: int) -> None:
        """Send any stretch of a writer's records, whether it was sent before or not."""
        logged = self._logged(pen)
        if logged:
            first = first % logged + 1
            self._write(self._pens[pen].batch(first, min(first + more, logged)))

    @rule(pen=st.integers(0, _PENS - 1))
    def send_all(self, pen: int) -> None:
        """Send everything that a writer has logged in one batch."""
        self.send(pen, 0, self._logged(pen))

    @rule()
    def compare(self) -> None:
        """Compare every read with the model's."""
        mine = [run for run in self._tracker.runs() if run.run_id in self._run_ids]
        assert exact(mine) == exact(list(self._model.runs()))
        for run in mine:
            told = answers(self._tracker, run.run_id)
            assert told == answers(self._model, run.run_id)

    @rule(
        run=st.integers(0, _RUNS - 1),
        series=st.integers(0, 9),
        start=st.integers(0, 9),
        limit=st.none() | st.integers(0, 9),
    )
    def look(self, run: int, series: int, start: int, limit: int | None) -> None:
        """Compare a window of one series, and the edges of one label."""
        run_id = self._run_ids[run]
        known = [info.run_id for info in self._model.runs()]
        names = [*self._model.series(run_id)] if run_id in known else []
        if names and Capability.HISTORY in self._tracker.capabilities:
            window = (run_id, names[series % len(names)], start, limit)
            told = list(self._tracker.points(*window))
            assert exact(told) == exact(list(self._model.points(*window)))
        edges = list(self._tracker.sources(run_id, "a"))
        assert edges == list(self._model.sources(run_id, "a"))

    def teardown(self) -> None:
        """Compare once more at the end."""
        self.compare()

    def _logged(self, pen: int) -> int:
        return len(self._pens[pen].records)

    def _write(self, batch: Batch) -> None:
        self._model.write(batch)
        self._tracker.write(batch)


class Machine(ContractFixtures):
    """Random stories."""

    def test_random_stories_are_told_as_the_model_tells_them(
        self, native_tracker: NativeTracker
    ) -> None:
        """Whatever is logged and however it arrives, all reads agree with memory's."""
        factory = functools.partial(TrackerMachine, native_tracker)
        run_state_machine_as_test(
            # Typed as a class, documented as any function that makes a machine.
            cast("type[TrackerMachine]", factory),
            settings=settings(
                deadline=None,
                max_examples=self.machine_examples,
                stateful_step_count=self.machine_steps,
                suppress_health_check=[HealthCheck.too_slow],
            ),
        )
