"""A hypothesis state machine that compares a tracker with the model."""

import functools
from contextlib import suppress
from typing import cast

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    rule,
    run_state_machine_as_test,
)

from tracker_core.api import Capability, NativeTracker
from tracker_core.contents import Content
from tracker_core.errors import NotSupportedError
from tracker_core.fields import Field, Space
from tracker_core.filters import Condition, Membership, all_of
from tracker_core.identity import new_run_id
from tracker_core.records import LEVELS, Batch, Body
from tracker_core.runs import RunInfo
from tracker_core.testing.contract.answers import answers, exact
from tracker_core.testing.contract.columns import gathered
from tracker_core.testing.contract.fixtures import ContractFixtures
from tracker_core.testing.contract.pen import START_NS, Pen
from tracker_core.testing.contract.strategies import (
    CONTENTS,
    bodies,
    conditions,
    orders,
    texts,
    values,
)
from tracker_core.testing.memory import MemoryTracker

__all__ = ["Machine", "TrackerMachine", "bodies", "texts", "values"]

_RUNS = 2
_PENS = 4
_SECOND = 1_000_000_000
_DICE = 6


class TrackerMachine(RuleBasedStateMachine):
    """Writers log, batches arrive late, twice and overlapping; reads must agree.

    The first run has two attempts of one process, the second one attempt each of two
    ranks.

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
            Pen(
                self._run_ids[number % _RUNS],
                f"w{number}",
                1 + number // _RUNS,
                number if number % _RUNS else None,
            )
            for number in range(_PENS)
        ]
        self._times = [0] * _PENS
        self._heard_of: set[str] = set()
        self._late: list[Batch] = []

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

    @rule(content=st.sampled_from(CONTENTS))
    def keep(self, content: Content) -> None:
        """Keep content, whether it is there or not, and read it back."""
        if Capability.CONTENT in self._tracker.capabilities:
            self._tracker.add_content(content)
            with self._tracker.open_content(content.digest) as file:
                assert file.read() == b"".join(content.read_checked())

    @rule(run=st.integers(0, _RUNS - 1))
    def compact(self, run: int) -> None:
        """Let the tracker put a run into a smaller form, if it has one."""
        self._tracker.compact(self._run_ids[run])

    @rule(run=st.integers(0, _RUNS - 1), dice=st.integers(1, 6))
    def remove(self, run: int, dice: int) -> None:
        """Remove a run now and then; what its writers send later is passed over."""
        run_id = self._run_ids[run]
        if dice < _DICE or not self._is_known(run_id):
            return
        with suppress(NotSupportedError):
            self._tracker.remove(run_id)
            self._model.remove(run_id)
            for number, pen in enumerate(self._pens):
                if pen.run_id == run_id:
                    self._bury(number, pen)

    @rule()
    def send_late(self) -> None:
        """Send again what the writers of removed runs had logged."""
        for batch in self._late:
            self._write(batch)

    @rule()
    def compare(self) -> None:
        """Compare every read with the model's."""
        for run in self._model.runs():
            told = answers(self._tracker, run.run_id)
            assert told == answers(self._model, run.run_id)

    @rule()
    def retell(self) -> None:
        """Compare what another tracker makes of the records that are told again."""
        if Capability.HISTORY not in self._tracker.capabilities:
            return
        for run in self._model.runs():
            copy = MemoryTracker()
            with suppress(NotSupportedError):
                for batch in self._tracker.batches(run.run_id):
                    copy.write(batch)
                told = answers(copy, run.run_id)
                assert told == answers(self._model, run.run_id)

    @rule(
        asked=st.none() | conditions(),
        order=st.none() | orders(),
        limit=st.none() | st.integers(0, _RUNS),
    )
    def query(
        self, asked: Condition | None, order: str | None, limit: int | None
    ) -> None:
        """Compare which runs match, in which order."""
        mine = Membership(Field(Space.RUN, "run_id"), tuple(self._run_ids))
        condition = all_of([mine] if asked is None else [mine, asked])

        def ask(tracker: NativeTracker) -> list[RunInfo]:
            return list(tracker.runs(condition, order, limit))

        assert exact(ask(self._tracker)) == exact(ask(self._model))

    @rule(
        run=st.integers(0, _RUNS - 1),
        series=st.integers(0, 9),
        start=st.integers(0, 9),
        limit=st.none() | st.integers(0, 9),
        abandoned=st.booleans(),
    )
    def look(
        self, run: int, series: int, start: int, limit: int | None, *, abandoned: bool
    ) -> None:
        """Compare a window of one series and its stream, and the edges of one label."""
        run_id = self._run_ids[run]
        names = [*self._model.series(run_id)] if self._is_known(run_id) else []
        edges = list(self._tracker.sources(run_id, "a"))
        assert edges == list(self._model.sources(run_id, "a"))
        if not names or Capability.HISTORY not in self._tracker.capabilities:
            return
        name = names[series % len(names)]

        def ask(tracker: NativeTracker) -> object:
            points = tracker.points(run_id, name, start, limit, abandoned=abandoned)
            rows = tracker.rows(run_id, name.rpartition("/")[0], start, limit)
            return exact([list(points), list(rows), rows.total])

        assert ask(self._tracker) == ask(self._model)

    @rule(
        run=st.integers(0, _RUNS - 1),
        level=st.none() | st.sampled_from(LEVELS),
        text=st.none() | st.sampled_from(["A", "ss", "b"]),
        window=st.tuples(*[st.none() | st.integers(0, 4)] * 3),
    )
    def browse(
        self,
        run: int,
        level: str | None,
        text: str | None,
        window: tuple[int | None, int | None, int | None],
    ) -> None:
        """Compare parts of the messages and of the tracks."""
        run_id, (start, end, limit) = self._run_ids[run], window
        can = Capability.HISTORY in self._tracker.capabilities
        if not can or not self._is_known(run_id):
            return

        def ask(tracker: NativeTracker) -> object:
            logs = tracker.logs(
                run_id,
                level,
                start=_seconds(start),
                end=_seconds(end),
                text=text,
                limit=limit,
            )
            entries = [
                list(tracker.track_entries(run_id, topic, start, end))
                for topic in ("a", "a/b")
            ]
            return exact([list(logs), entries])

        assert ask(self._tracker) == ask(self._model)

    def teardown(self) -> None:
        """Compare once more at the end, and what is listed without being asked for."""
        listed = [run for run in self._tracker.runs() if run.run_id in self._run_ids]
        assert exact(listed) == exact(list(self._model.runs()))
        self.compare()

    def _bury(self, number: int, pen: Pen) -> None:
        """Let another writer take the place of one whose run was removed."""
        if pen.writer.id in self._heard_of:
            self._late.append(pen.batch(1, len(pen.records)))
        attempt, rank = pen.writer.attempt, pen.writer.rank
        self._pens[number] = Pen(pen.run_id, f"w{number}", attempt, rank)

    def _logged(self, pen: int) -> int:
        return len(self._pens[pen].records)

    def _is_known(self, run_id: str) -> bool:
        return run_id in [info.run_id for info in self._model.runs()]

    def _write(self, batch: Batch) -> None:
        self._heard_of.add(batch.writer.id)
        self._model.write(batch)
        # Points come as records and as columns.
        self._tracker.write(batch if batch.last % 2 else gathered(batch))


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


def _seconds(milliseconds: int | None) -> float | None:
    """Return a time on the clock of the pens."""
    if milliseconds is None:
        return None
    return START_NS / _SECOND + milliseconds / 1000
