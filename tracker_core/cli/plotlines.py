"""The curves of one series that are to be drawn, read from a store."""

from array import array
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple, TypeAlias, cast

from tracker_core.api import NativeTracker
from tracker_core.cli.border import Failure
from tracker_core.cli.printing import clean
from tracker_core.cli.selection import no_run_matches, select_run
from tracker_core.cli.text import shortened, shown, similar
from tracker_core.comparing import differing
from tracker_core.expressions import parse
from tracker_core.fields import Field, Space
from tracker_core.filters import Exists, all_of
from tracker_core.metrics import is_number
from tracker_core.points import Points
from tracker_core.runs import RunInfo
from tracker_core.stores import Store
from tracker_core.thinning import Curve

__all__ = ["Axis", "Line", "Plot", "Wanted", "read_plot"]

Axis: TypeAlias = Literal["step", "index", "time"]
"""What the points are drawn over."""

_MOST_PARAMS = 3
_LONGEST_VALUE = 20
_NAN = float("nan")
_BILLION = 10**9
_UNITS = (("d", 86400), ("h", 3600), ("min", 60))
# So many of a unit make it the one that is read best.
_ENOUGH = 2


class Wanted(NamedTuple):
    """Which curves are wanted.

    Args:
        series: The name of the series.
        query: Which runs; None for all.
        runs: What runs are called, in place of a query.
        limit: How many runs at the most.
        axis: What the points are drawn over.
    """

    series: str
    query: str | None
    runs: Sequence[str]
    limit: int
    axis: Axis


class Line(NamedTuple):
    """The curve of one run.

    Args:
        run: The run.
        setting: The params that tell it from the others, ``lr=0.1``.
        curve: Its points.
    """

    run: RunInfo
    setting: str
    curve: Curve

    @property
    def name(self) -> str:
        """The name of the run, as it is shown."""
        return clean(self.run.name)

    @property
    def label(self) -> str:
        """What the curve is called."""
        return f"{self.name}  {self.setting}".rstrip()


class Plot(NamedTuple):
    """Curves of one series.

    Args:
        series: Its name, as it is shown.
        over: What the points are drawn over: ``step``, ``index``, ``time (min)``.
        lines: The curves that have any number, the newest run first.
        has_more: Whether more runs have the series.
    """

    series: str
    over: str
    lines: Sequence[Line]
    has_more: bool

    @property
    def is_whole(self) -> bool:
        """Whether what the points are drawn over are whole numbers."""
        return self.over in ("step", "index")

    @property
    def limits(self) -> tuple[float, float]:
        """The least and the greatest ``x``."""
        ends = [end(line.curve.xs) for line in self.lines for end in (min, max)]
        return min(ends), max(ends)


def read_plot(store: Store, wanted: Wanted) -> Plot:
    """Read the curves that are wanted.

    Raises:
        Failure: No run has the series, or it has no numbers.
        NotSupportedError: The tracker keeps no history.
        QueryError: The query means nothing.
    """
    runs = _runs(store, wanted)
    runs, has_more = runs[: wanted.limit], len(runs) > wanted.limit
    tracker, series = store.tracker, wanted.series
    points = {run.run_id: tracker.points(run.run_id, series) for run in runs}
    axis = wanted.axis
    if axis == "step" and not any(one.has_steps for one in points.values()):
        axis = "index"
    settings = _settings(tracker, runs)
    lines = [
        Line(run, settings[run.run_id], _curve(points.pop(run.run_id), run, axis))
        for run in runs
    ]
    lines = [line for line in lines if len(line.curve.xs)]
    if not lines:
        raise Failure(f"the series {series!r} has no numbers; `tracker show` shows it")
    over, lines = _in_units(lines) if axis == "time" else (axis, lines)
    return Plot(clean(series), over, lines, has_more)


def _runs(store: Store, wanted: Wanted) -> Sequence[RunInfo]:
    """Return the runs that have the series, one more than is wanted at the most.

    Raises:
        Failure: There is none.
    """
    if wanted.runs:
        chosen = [select_run(store, word) for word in wanted.runs]
        found = [*{run.run_id: run for run in chosen}.values()]
        runs = [run for run in found if wanted.series in _series(store, [run])]
    else:
        condition = () if wanted.query is None else (parse(wanted.query),)
        has_series = Exists(Field(Space.METRICS, wanted.series))
        query = all_of((*condition, has_series))
        runs = [*store.tracker.runs(query, limit=wanted.limit + 1)]
        found = [] if runs else [*store.tracker.runs(all_of(condition), limit=50)]
    if runs:
        return runs
    if not found:
        raise Failure(no_run_matches(store, wanted.query))
    raise Failure(_unknown(wanted.series, _series(store, found)))


def _series(store: Store, runs: Iterable[RunInfo]) -> set[str]:
    return {name for run in runs for name in store.tracker.series(run.run_id)}


def _unknown(series: str, known: Iterable[str]) -> str:
    hint = similar(series, sorted(known)) or "`tracker show RUN` lists those of a run"
    return f"no run of these has a series {series!r}; {hint}"


def _settings(tracker: NativeTracker, runs: Iterable[RunInfo]) -> dict[str, str]:
    """Return for each run the params that tell it from the others, a few of them."""
    params = {run.run_id: tracker.params(run.run_id) for run in runs}
    told = differing(params)[:_MOST_PARAMS]
    last = [thing.name.rpartition(".")[2] for thing in told]
    names = last if len({*last}) == len(told) else [thing.name for thing in told]
    return {
        run_id: " ".join(
            f"{clean(name)}={_value(thing.values[run_id])}"
            for name, thing in zip(names, told, strict=True)
            if run_id in thing.values
        )
        for run_id in params
    }


def _value(value: object) -> str:
    return shortened(clean(shown(value)), _LONGEST_VALUE)


def _curve(points: Points, run: RunInfo, axis: Axis) -> Curve:
    """Return the points that are numbers and have a place; NaN is a gap."""
    xs: Sequence[float | None] = range(len(points))
    if axis == "step":
        xs = points.steps
    elif axis == "time":
        begun = run.started_at or run.created_at
        start = begun.timestamp() * _BILLION if begun else points.times_ns[0]
        xs = array("d", [(time - start) / _BILLION for time in points.times_ns])
    ys = points.values
    if isinstance(ys, array) and not isinstance(xs, list):
        return Curve(cast("Sequence[float]", xs), ys)
    pairs = [
        (x, y)
        for x, value in zip(xs, ys, strict=True)
        if x is not None and (y := _number(value)) is not None
    ]
    return Curve(array("d", [x for x, _ in pairs]), array("d", [y for _, y in pairs]))


def _number(value: object) -> float | None:
    """Return what can be drawn of a value; what no float holds is a gap."""
    if not is_number(value):
        return None
    try:
        return float(value)
    except OverflowError:
        return _NAN


def _in_units(lines: Sequence[Line]) -> tuple[str, list[Line]]:
    """Return times in the unit that suits them, with its name."""
    longest = max(max(line.curve.xs) for line in lines)
    unit, seconds = next(
        (unit for unit in _UNITS if longest >= _ENOUGH * unit[1]), ("s", 1)
    )
    return f"time ({unit})", [
        line._replace(
            curve=Curve(array("d", [x / seconds for x in line.curve.xs]), line.curve.ys)
        )
        for line in lines
    ]
