"""What the jobs of these tests log, and how it is found again.

A job logs *deeds*, numbered from 0 in each of its threads. What a deed logs follows
from who does it and from its number alone, so acknowledging it takes a name and a
number, and a reader knows what must be there: all that was acknowledged, at most one
deed more of each thread, nothing twice, and nothing of a deed but all of it.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

from tracker_core import AppRun, NativeTracker
from tracker_core.errors import RunNotFoundError

__all__ = ["Found", "check_found", "do", "found_in"]


def do(run: AppRun, who: str, number: int) -> None:
    """Do one deed."""
    kind = _kind(number)
    if kind == "artifact":
        name = f"{who}-{number}"
        run.log_bytes("note", _content(who, number), "text/plain", name=name)
    elif kind == "param":
        run.log_param(f"{who}.{number}", number)
    elif kind == "log":
        run.log(f"{who} {number}")
    elif kind == "fields":
        values = {f"{who}/a": number, f"{who}/b": number / 8}
        run.log_metrics(values, step=number)
    else:
        run.log_metric(f"{who}/loss", number + 0.5, step=number)


class Found(NamedTuple):
    """A deed that a tracker holds.

    Args:
        number: Which one.
        time_ns: When it was logged; None where the tracker does not tell.
    """

    number: int
    time_ns: int | None


def check_found(
    tracker: NativeTracker, run_id: str, acknowledged: Mapping[str, int]
) -> int:
    """Compare what a tracker holds with what was acknowledged.

    Args:
        tracker: What holds the run.
        run_id: The run.
        acknowledged: Who → how many of its deeds were acknowledged.

    Returns:
        How many deeds it holds.

    Raises:
        AssertionError: One is missing, there twice, there in part, or out of order.
    """
    found = found_in(tracker, run_id)
    assert set(found) >= {who for who, count in acknowledged.items() if count}
    for who, deeds in found.items():
        count = acknowledged.get(who, 0)
        numbers = sorted(deed.number for deed in deeds)
        assert numbers in (list(range(count)), list(range(count + 1))), (
            f"{who}: {count} acknowledged, {_difference(numbers, count)}"
        )
        times = [deed.time_ns for deed in sorted(deeds) if deed.time_ns is not None]
        assert times == sorted(times), f"{who}: later deeds have earlier times"
    return sum(map(len, found.values()))


def found_in(tracker: NativeTracker, run_id: str) -> dict[str, list[Found]]:
    """Return who → deeds; within one kind in the order in which they are read.

    Raises:
        AssertionError: Something is there that no deed logs, or not in its order.
    """
    found: dict[str, list[Found]] = defaultdict(list)
    try:
        series = tracker.series(run_id)
    except RunNotFoundError:
        return found
    for name in series:
        who, field = name.split("/")
        deeds = _deeds_of_series(tracker, run_id, name)
        if field == "b":  # a deed with two fields is counted once, if it is whole
            assert deeds == _deeds_of_series(tracker, run_id, f"{who}/a")
        else:
            found[who] += deeds
    seen: dict[str, list[Found]] = defaultdict(list)
    for entry in tracker.logs(run_id):
        who, number = entry.message.split()
        seen[who].append(Found(int(number), entry.time_ns))
    for who, deeds in seen.items():
        assert deeds == sorted(deeds), f"the messages of {who} are out of order"
        found[who] += deeds
    for key, value in tracker.params(run_id).items():
        who, number = key.split(".")
        assert value == int(number)
        found[who].append(Found(int(number), None))
    for name in tracker.artifacts(run_id):
        who, number = name.split("-")
        with tracker.open_artifact(run_id, name) as file:
            assert file.read() == _content(who, int(number))
        found[who].append(Found(int(number), None))
    return found


def _deeds_of_series(tracker: NativeTracker, run_id: str, name: str) -> list[Found]:
    field = name.split("/")[1]
    deeds = []
    for point in tracker.points(run_id, name, abandoned=True):
        assert point.step is not None
        assert point.value == _value(field, point.step), f"{name} at {point.step}"
        deeds.append(Found(point.step, point.time_ns))
    assert deeds == sorted(deeds), f"the points of {name} are out of order"
    return deeds


def _kind(number: int) -> str:
    if number % 200 == 3:
        return "artifact"
    if number % 50 == 7:
        return "param"
    return ("loss", "fields", "loss", "log", "loss")[number % 5]


def _value(field: str, number: int) -> float:
    return {"loss": number + 0.5, "a": number, "b": number / 8}[field]


def _content(who: str, number: int) -> bytes:
    return f"{who} {number}\n".encode() * (1 + number % 97)


def _difference(numbers: list[int], count: int) -> str:
    missing = sorted(set(range(count)) - set(numbers))
    twice = sorted({n for n in numbers if numbers.count(n) > 1})
    return (
        f"{len(numbers)} found up to {max(numbers, default=None)}; {len(missing)} "
        f"missing {missing[:5]}, {len(twice)} more than once {twice[:5]}"
    )
