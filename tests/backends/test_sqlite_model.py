"""The sqlite backend against the model in memory, on random runs of all kinds."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from tracker_core.api import NativeTracker
from tracker_core.records import (
    LEVELS,
    Batch,
    Body,
    ColumnsBody,
    LogBody,
    MetricsBody,
    StartedBody,
)
from tracker_core.testing import MemoryTracker
from tracker_core.testing.contract.answers import answers, exact
from tracker_core.testing.contract.pen import START_NS, Pen
from tracker_core.testing.contract.strategies import bodies, texts, values
from tracker_core.values import MAX_STEP, Value
from tracker_sqlite import create

_STREAMS = ("", "a", "a/b")


def _numbers() -> st.SearchStrategy[Value]:
    special = [0, 1, 1.0, -0.0, 0.1, float("nan"), float("inf"), 2**63, -(2**63)]
    return st.sampled_from(special) | values()


def _metrics() -> st.SearchStrategy[MetricsBody]:
    steps = st.none() | st.integers(0, 4) | st.just(MAX_STEP)
    fields = st.dictionaries(st.sampled_from(["v", "V"]), _numbers(), max_size=2)
    streams = st.dictionaries(st.sampled_from(_STREAMS), fields, max_size=2)
    return st.builds(MetricsBody, steps, streams)


@st.composite
def _columns(draw: st.DrawFn) -> ColumnsBody:
    size = draw(st.integers(1, 4))
    kind: st.SearchStrategy[Value] = draw(
        st.sampled_from([st.floats(), st.integers(-3, 3), _numbers()])
    )
    steps = st.lists(st.integers(0, 4), min_size=size, max_size=size)
    column = st.lists(kind, min_size=size, max_size=size)
    fields = draw(st.dictionaries(st.sampled_from("vV"), column, min_size=1))
    stream = draw(st.sampled_from(_STREAMS))
    return ColumnsBody(stream, draw(st.none() | steps), fields)


def _pens() -> list[Pen]:
    """Return writers of two attempts and two ranks of one run."""
    return [
        Pen("run", "w0", attempt=1, rank=0),
        Pen("run", "w1", attempt=1, rank=1),
        Pen("run", "w2", attempt=2, rank=0),
        Pen("run", "w3", attempt=3),
        Pen("run", "w4", attempt=2),
        Pen("run", "w5", attempt=1),
    ]


def _told(tracker: NativeTracker) -> object:
    """Return everything that a tracker tells of the run."""
    of_all = (list(tracker.runs()), list(tracker.experiments()))
    return answers(tracker, "run"), exact(of_all)


_SAID = st.lists(st.tuples(st.integers(0, 5), bodies(), st.integers(0, 9)), max_size=14)


def _batches(said: list[tuple[int, Body, int]]) -> list[Batch]:
    """Return a batch for each record, the clocks of all writers going forward."""
    pens, times = _pens(), sorted(at for _, _, at in said)
    return [
        pens[number].log(body, at=at)
        for (number, body, _), at in zip(said, times, strict=True)
    ]


@given(said=_SAID, order=st.randoms(use_true_random=False))
def test_batches_in_any_order_tell_what_the_model_tells(
    said: list[tuple[int, Body, int]], order: Random
) -> None:
    """Whatever six writers log, and however it arrives, all reads agree."""
    tracker, model = create(":memory:"), MemoryTracker()
    batches = _batches(said)
    for batch in batches:
        model.write(batch)

    order.shuffle(batches)
    for batch in batches:
        tracker.write(batch)

    assert not batches or _told(tracker) == _told(model)
    tracker.close()


@given(
    logged=st.lists(
        st.tuples(st.integers(0, 5), _metrics() | _columns()), min_size=1, max_size=14
    ),
    start=st.integers(0, 6),
    limit=st.none() | st.integers(0, 6),
    order=st.randoms(use_true_random=False),
)
def test_windows_are_those_of_the_model(
    logged: list[tuple[int, Body]], start: int, limit: int | None, order: Random
) -> None:
    """Every window of every series and stream, with and without rewound points."""
    tracker, model = create(":memory:"), MemoryTracker()
    batches = _batches([(number, body, 0) for number, body in logged])
    order.shuffle(batches)
    for batch in batches:
        model.write(batch)
        tracker.write(batch)

    windows = []
    for told in (tracker, model):
        found: list[object] = []
        for name in model.series("run"):
            window = (name, start, limit)
            found.append(list(told.points("run", *window)))
            found.append(list(told.points("run", *window, abandoned=True)))
        found += [told.rows("run", stream, start, limit) for stream in _STREAMS]
        windows.append(exact(found))

    assert windows[0] == windows[1]
    tracker.close()


@given(
    logged=st.lists(
        st.builds(LogBody, st.sampled_from(LEVELS), texts(), st.none()), max_size=8
    ),
    level=st.none() | st.sampled_from(LEVELS),
    bounds=st.tuples(*[st.none() | st.integers(-1, 9)] * 2),
    text=st.none() | texts(),
    limit=st.none() | st.integers(0, 4),
)
def test_logs_are_chosen_as_the_model_chooses(
    logged: list[LogBody],
    level: str | None,
    bounds: tuple[int | None, int | None],
    text: str | None,
    limit: int | None,
) -> None:
    """By level, time and text, of any letter case, and the last ones of them."""
    trackers = (create(":memory:"), MemoryTracker())
    pen = Pen("run")
    batch = pen.log(*logged, StartedBody("job"))
    start, end = (None if at is None else START_NS / 1e9 + at / 1e3 for at in bounds)

    told = []
    for tracker in trackers:
        tracker.write(batch)
        found = tracker.logs("run", level, start=start, end=end, text=text, limit=limit)
        told.append(list(found))

    assert told[0] == told[1]
    trackers[0].close()
