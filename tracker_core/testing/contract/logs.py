"""Messages: their order, levels, times and texts."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pytest

from tracker_core.api import NativeTracker
from tracker_core.entries import LogEntry
from tracker_core.errors import InvalidValueError
from tracker_core.records import LEVELS, Batch, LogBody, Record
from tracker_core.testing.contract.answers import exact
from tracker_core.testing.contract.fixtures import ContractFixtures
from tracker_core.testing.contract.pen import START_NS, Pen
from tracker_core.testing.contract.torture import VALUES

if TYPE_CHECKING:
    from tracker_core.values import Value

__all__ = ["Logs"]

_SECOND = 1_000_000_000
# Whole and half seconds are floats without a rest, so that bounds are exact.
_BASE = 1_700_000_000


class Logs(ContractFixtures):
    """What ``logs`` promises."""

    def test_log_keeps_message_level_time_and_metadata(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """To the character, the nanosecond and the bit; no metadata is not empty."""
        about: dict[str, Value] = {f"v{n}": value for n, value in enumerate(VALUES)}
        said = [
            LogBody("warn", "t\u00e4xt\n\u2028\x00\U0001f680 %s {0} ' -- ", None),
            LogBody("info", "", {}),
            LogBody("fatal", "x" * 100_000, about),
        ]
        history_tracker.write(Pen(run_id).log(*said, at=2))

        found = history_tracker.logs(run_id)

        time_ns = START_NS + 2_000_000
        assert exact(list(found)) == exact([LogEntry(time_ns, *body) for body in said])

    def test_logs_come_in_the_order_of_the_run(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """By attempt, time, writer and sequence; arrival does not matter."""
        one, two = Pen(run_id, "a"), Pen(run_id, "b")
        later = Pen(run_id, "c", attempt=2)
        batches = [
            one.log(LogBody("info", "1", None), LogBody("info", "2", None), at=5),
            two.log(LogBody("info", "3", None), at=5),
            one.log(LogBody("info", "4", None), at=6),
            later.log(LogBody("info", "5", None), at=1),
        ]
        for batch in reversed(batches):
            history_tracker.write(batch)

        found = history_tracker.logs(run_id)

        assert [entry.message for entry in found] == ["1", "2", "3", "4", "5"]

    def test_same_message_again_is_another_message(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """Two records of one text and one time are two; one record twice is one."""
        pen = Pen(run_id)
        batch = pen.log(LogBody("info", "same", None), LogBody("info", "same", None))

        history_tracker.write(batch)
        history_tracker.write(batch)

        assert len(history_tracker.logs(run_id)) == 2

    @pytest.mark.parametrize(
        ("level", "kept"),
        [
            (None, LEVELS),
            ("debug", LEVELS),
            ("info", ("info", "warn", "error", "fatal")),
            ("warn", ("warn", "error", "fatal")),
            ("Warning", ("warn", "error", "fatal")),
            ("ERROR", ("error", "fatal")),
            ("fatal", ("fatal",)),
            ("critical", ("fatal",)),
        ],
    )
    def test_logs_of_a_level_are_those_and_graver_ones(
        self,
        history_tracker: NativeTracker,
        run_id: str,
        level: str | None,
        kept: Iterable[str],
    ) -> None:
        """In any letter case, by the words of Python's logging too."""
        history_tracker.write(
            Pen(run_id).log(*(LogBody(word, word, None) for word in LEVELS))
        )

        found = history_tracker.logs(run_id, level)

        assert [entry.message for entry in found] == list(kept)

    def test_unknown_level_is_refused(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """The error says which there are; silence would look like an empty log."""
        history_tracker.write(Pen(run_id).log(LogBody("info", "x", None)))

        with pytest.raises(InvalidValueError, match="debug, info, warn, error, fatal"):
            history_tracker.logs(run_id, "loud")

    @pytest.mark.parametrize(
        ("start", "end", "expected"),
        [
            (None, None, [0.0, 0.5, 1.0, 1.5]),
            (0.5, None, [0.5, 1.0, 1.5]),
            (None, 1.0, [0.0, 0.5, 1.0]),
            (0.5, 1.0, [0.5, 1.0]),
            (0.75, 0.875, []),
            (1.0, 0.5, []),
            (1.5, 1.5, [1.5]),
            (9.0, None, []),
        ],
    )
    def test_logs_between_two_times_include_both(
        self,
        history_tracker: NativeTracker,
        run_id: str,
        start: float | None,
        end: float | None,
        expected: list[float],
    ) -> None:
        """Times are seconds since 1970; an inverted range is empty."""
        history_tracker.write(_logged_at(run_id, [0.0, 0.5, 1.0, 1.5]))

        found = history_tracker.logs(
            run_id,
            start=None if start is None else _BASE + start,
            end=None if end is None else _BASE + end,
        )

        assert [entry.message for entry in found] == [str(at) for at in expected]

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("", ["Loss is NaN", "STRASSE 100%", "stra\u00dfe_1", "\u0130stanbul"]),
            ("nan", ["Loss is NaN"]),
            ("LOSS IS", ["Loss is NaN"]),
            ("stra\u00dfe", ["STRASSE 100%", "stra\u00dfe_1"]),
            ("%", ["STRASSE 100%"]),
            ("_", ["stra\u00dfe_1"]),
            ("s*", []),
            ("lossis", []),
        ],
    )
    def test_logs_with_a_text_contain_it_in_any_letter_case(
        self,
        history_tracker: NativeTracker,
        run_id: str,
        text: str,
        expected: list[str],
    ) -> None:
        """Beyond ASCII too, and none of its characters is a wildcard."""
        said = ["Loss is NaN", "STRASSE 100%", "stra\u00dfe_1", "\u0130stanbul"]
        history_tracker.write(
            Pen(run_id).log(
                *(LogBody("info", message, {"x": "nan"}) for message in said)
            )
        )

        found = history_tracker.logs(run_id, text=text)

        assert [entry.message for entry in found] == expected

    @pytest.mark.parametrize(
        ("limit", "expected"), [(None, 5), (0, 0), (1, 1), (3, 3), (5, 5), (9, 5)]
    )
    def test_limit_keeps_the_last_messages_in_their_order(
        self,
        history_tracker: NativeTracker,
        run_id: str,
        limit: int | None,
        expected: int,
    ) -> None:
        """The newest are what one looks for; the last of them comes last."""
        history_tracker.write(
            Pen(run_id).log(*(LogBody("info", str(n), None) for n in range(5)))
        )

        found = history_tracker.logs(run_id, limit=limit)

        assert [entry.message for entry in found] == [*"01234"][5 - expected :]

    def test_limit_counts_what_the_other_filters_leave(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """The last messages of those that are asked for, not of all."""
        pen = Pen(run_id)
        for n in range(3):
            said = (
                LogBody("error", f"bad {n}", None),
                LogBody("info", f"bad {n}", None),
            )
            history_tracker.write(pen.log(*said, LogBody("error", "other", None)))

        found = history_tracker.logs(run_id, "warn", text="BAD", limit=2)

        assert [entry.message for entry in found] == ["bad 1", "bad 2"]

    def test_messages_are_no_metadata(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """A run that only logged messages is known, and has nothing else."""
        history_tracker.write(Pen(run_id).log(LogBody("info", "x", {"key": 1})))

        assert history_tracker.run(run_id).status is None
        assert dict(history_tracker.metadata(run_id)) == {}
        assert list(history_tracker.topics(run_id)) == []


def _logged_at(run_id: str, seconds: list[float]) -> Batch:
    writer = Pen(run_id).writer
    records = tuple(
        Record(n, int((_BASE + at) * _SECOND), LogBody("info", str(at), None))
        for n, at in enumerate(seconds, 1)
    )
    return Batch(run_id, writer, 1, len(records), records)
