"""Tracks: what was so at certain moments, by topic."""

import json
import math
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker_core import AppRun
from tracker_core.channel import Channel
from tracker_core.delivery.base import Target
from tracker_core.delivery.direct import DirectDelivery
from tracker_core.entries import TrackEntry
from tracker_core.errors import (
    InvalidValueError,
    RunEndedError,
    UnsupportedTypeError,
)
from tracker_core.records import Sequencer
from tracker_core.testing import MemoryTracker
from tracker_core.tracks import Track

SURROGATE = "a\udcffb"


@pytest.fixture
def run() -> AppRun:
    """Give a run on an empty tracker."""
    return AppRun("r", [MemoryTracker()])


@pytest.fixture
def pose(run: AppRun) -> Track:
    """Give a track of that run."""
    return run.tracks("robot/pose")


def entries(track: Track) -> list[tuple[float, Mapping[str, object]]]:
    """Give moment and fields of each entry."""
    return [(entry.timestamp, entry.fields) for entry in track.slice()]


def ticking(*times: float) -> tuple[Track, Callable[[], list[float]]]:
    """Give a track whose clock shows these times, and its moments."""
    tracker = MemoryTracker()
    delivery = DirectDelivery("r", [Target.of(tracker)], Sequencer(), isolates=False)
    shown: Iterator[float] = iter(times)
    track = Track(Channel("r", delivery, lambda: False), "t", lambda: next(shown))
    return track, lambda: [entry.timestamp for entry in track.slice()]


def in_threads(work: Callable[[int], object]) -> None:
    """Do the work in four threads at once."""
    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_track_is_one_object_by_its_topic(run: AppRun) -> None:
    """So its default moments increase, wherever it is asked for."""
    assert run.tracks("a") is run.tracks("a")
    assert run.tracks("a/b") is not run.tracks("a_b")


def test_topics_are_told_apart(run: AppRun) -> None:
    """However similar they look as the name of a file."""
    for topic in ("r/s", "r_s", "R/S", "r", "../r", "ä"):
        run.tracks(topic).append(topic=topic, _ts=1.0)

    assert run.tracks.topics() == ["../r", "R/S", "r", "r/s", "r_s", "ä"]
    assert entries(run.tracks("r/s")) == [(1.0, {"topic": "r/s"})]


@pytest.mark.parametrize(
    ("topic", "message"),
    [
        ("", "topic is empty"),
        (SURROGATE, "topic holds the lone surrogate"),
        (None, "topic has the type NoneType"),
        (3, "topic has the type int"),
    ],
)
def test_unusable_topic_is_refused(run: AppRun, topic: object, message: str) -> None:
    """The message says what is wrong with it."""
    with pytest.raises((InvalidValueError, UnsupportedTypeError), match=message):
        run.tracks(cast("str", topic))


def test_run_without_tracks_has_no_topics(run: AppRun) -> None:
    """Asking for a track makes none."""
    run.tracks("a")

    assert run.tracks.topics() == []


def test_append_records_fields_at_a_moment(pose: Track) -> None:
    """Types are kept; mappings within become fields with dots."""
    pose.append(q=[0.1, 2], grip=True, pose={"x": 1, "at": {"z": 2.0}}, _ts=1.5)

    assert entries(pose) == [
        (1.5, {"grip": True, "pose.at.z": 2.0, "pose.x": 1, "q": [0.1, 2]})
    ]


def test_append_gives_the_track_back(pose: Track) -> None:
    """So the next call can follow."""
    assert pose.append(x=1, _ts=1).append(x=2, _ts=2) is pose


def test_append_takes_any_field(pose: Track) -> None:
    """What is no keyword of Python comes in a mapping."""
    pose.append(self=1, ts=2, _ts=0, **{"a b": 3, "ä": {}, "steps": None})

    assert entries(pose) == [
        (0.0, {"a b": 3, "self": 1, "steps": None, "ts": 2, "ä": {}})
    ]


def test_entry_may_have_no_fields(pose: Track) -> None:
    """The moment alone is recorded."""
    pose.append(_ts=3)

    assert entries(pose) == [(3.0, {})]


def test_same_moment_is_one_entry(pose: Track) -> None:
    """Whenever it is appended; of a field the last value stays."""
    pose.append(x=1, y=1, _ts=1.0)
    pose.append(x=9, _ts=2.0)
    pose.flush()
    pose.append(y=2, z=3, _ts=1)

    assert entries(pose) == [(1.0, {"x": 1, "y": 2, "z": 3}), (2.0, {"x": 9})]


def test_mapping_of_the_same_moment_is_merged_by_its_fields(pose: Track) -> None:
    """What it does not name stays."""
    pose.append(p={"x": 1, "y": 1}, _ts=1.0).append(p={"y": 2}, _ts=1.0)

    assert entries(pose) == [(1.0, {"p.x": 1, "p.y": 2})]


def test_zero_has_no_sign(pose: Track) -> None:
    """It is one moment."""
    pose.append(x=1, _ts=0.0).append(y=2, _ts=-0.0)

    assert [fields for _, fields in entries(pose)] == [{"x": 1, "y": 2}]


def test_entries_come_in_the_order_of_time(pose: Track) -> None:
    """Whatever order they were appended in; moments may lie before 1970."""
    for moment in (3.0, -1.0, 2.0):
        pose.append(_ts=moment)

    assert [moment for moment, _ in entries(pose)] == [-1.0, 2.0, 3.0]


@given(
    st.lists(
        st.tuples(st.integers(-3, 3), st.sampled_from("xyz"), st.integers(0, 9)),
        max_size=20,
    )
)
def test_merging_is_that_of_mappings(calls: list[tuple[int, str, int]]) -> None:
    """Each entry is what was said of its moment, the last word of each field."""
    track = AppRun("r", [MemoryTracker()]).tracks("t")
    expected: dict[float, dict[str, object]] = {}

    for moment, field, value in calls:
        track.append(_ts=moment, **{field: value})
        expected.setdefault(float(moment), {})[field] = value

    assert entries(track) == sorted(expected.items())


def test_default_moment_is_now() -> None:
    """As the clock shows it."""
    track, moments = ticking(5.0, 7.5)

    track.append().append()

    assert moments() == [5.0, 7.5]


def test_default_moments_increase_strictly() -> None:
    """Also while the clock stands still or is set back: none is merged."""
    track, moments = ticking(5.0, 5.0, 3.0, 5.0, 9.0)

    for number in range(5):
        track.append(number=number)

    assert [entry.fields["number"] for entry in track.slice()] == [0, 1, 2, 3, 4]
    assert moments()[0] == 5.0
    assert moments()[-1] == 9.0
    assert len(set(moments())) == 5


def test_given_moments_do_not_move_the_default_ones() -> None:
    """What they count from is the job's choice, and may be far from now."""
    track, moments = ticking(5.0, 6.0)

    track.append().append(_ts=1e18).append()

    assert moments() == [5.0, 6.0, 1e18]


def test_default_moments_increase_over_threads(pose: Track) -> None:
    """Four threads at once lose nothing."""
    in_threads(lambda number: [pose.append(n=number) for _ in range(100)])

    assert len(pose.slice()) == 400


BAD_ENTRIES: dict[str, tuple[dict[str, object], str]] = {
    "NaN": ({"_ts": math.nan}, r"_ts of topic 'robot/pose' is nan; use finite seconds"),
    "infinity": ({"_ts": -math.inf}, r"_ts of topic 'robot/pose' is -inf"),
    "int beyond all": ({"_ts": 10**400}, r"_ts of topic .* use finite seconds"),
    "text as moment": (
        {"_ts": "1.5"},
        r"_ts of topic 'robot/pose' has the type str, .* use seconds",
    ),
    "bool as moment": ({"_ts": True}, r"_ts of topic 'robot/pose' has the type bool"),
    "timestamp": (
        {"timestamp": 1},
        r"field 'timestamp' of topic 'robot/pose' is reserved .* give that as _ts",
    ),
    "time": ({"time": 1}, r"field 'time' of topic 'robot/pose' is reserved"),
    "object": (
        {"good": 1, "bad": object()},
        r"an entry of topic 'robot/pose'\['bad'\] has the type object",
    ),
    "surrogate": (
        {"bad": SURROGATE},
        r"an entry of topic 'robot/pose'\['bad'\] holds the lone surrogate",
    ),
    "surrogate as field": ({SURROGATE: 1}, r"a key of an entry .* lone surrogate"),
    "no name": ({"": 1}, r"field of a track is empty"),
    "no name within": ({"a": {"": 1}}, r"field of a track is empty"),
    "number as name": ({"a": {1: 2}}, r"a key of an entry .* has the type int"),
}


@pytest.mark.parametrize(("given", "message"), BAD_ENTRIES.values(), ids=BAD_ENTRIES)
def test_bad_entry_is_refused_and_nothing_is_written(
    pose: Track, given: dict[str, object], message: str
) -> None:
    """The error names topic and value; what is there stays."""
    pose.append(x=1, _ts=1)

    with pytest.raises((InvalidValueError, UnsupportedTypeError), match=message):
        pose.append(**cast("dict[str, float]", given))

    assert entries(pose) == [(1.0, {"x": 1})]


def test_track_takes_numbers_of_numpy(pose: Track) -> None:
    """As moments and as values."""
    pose.append(q=np.array([1.5, 2.5]), n=np.int32(3), _ts=np.float64(1.5))

    assert entries(pose) == [(1.5, {"n": 3, "q": [1.5, 2.5]})]


def test_track_of_a_run_that_has_ended_takes_no_more(run: AppRun, pose: Track) -> None:
    """What is there can be read."""
    pose.append(x=1, _ts=1)
    run.finish()

    with pytest.raises(RunEndedError, match="run 'r' has ended"):
        pose.append(x=2)

    assert entries(pose) == [(1.0, {"x": 1})]


def test_flush_tells_how_much_is_due(run: AppRun, pose: Track) -> None:
    """Nothing: all was delivered at once."""
    pose.append(x=1)

    assert (pose.flush(), run.tracks.flush(1.0)) == (0, 0)


def test_read_gives_entries_and_their_number(pose: Track) -> None:
    """The form that JSON has."""
    pose.append(x=1, _ts=1).append(y={"z": 2}, _ts=2)

    assert pose.read() == {
        "entries": [{"timestamp": 1.0, "x": 1}, {"timestamp": 2.0, "y.z": 2}],
        "count": 2,
    }


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ({}, [1, 2, 3]),
        ({"start": 2}, [2, 3]),
        ({"end": 2}, [1, 2]),
        ({"start": 2, "end": 2}, [2]),
        ({"start": 2.5, "end": 2.9}, []),
        ({"start": 3, "end": 1}, []),
        ({"start_timestamp": 2}, [2, 3]),
        ({"end_timestamp": 2}, [1, 2]),
        ({"start": 2, "end_timestamp": np.float32(2)}, [2]),
        ({"start": -(10**30), "end": 10**30}, [1, 2, 3]),
    ],
)
def test_read_takes_a_part_with_both_ends(
    pose: Track, bounds: dict[str, float], expected: list[int]
) -> None:
    """By either word for the bounds."""
    for moment in (1, 2, 3):
        pose.append(_ts=moment)

    found = cast("dict[str, list[dict[str, float]]]", pose.read(**bounds))  # type: ignore[arg-type]  # bounds alone

    assert [entry["timestamp"] for entry in found["entries"]] == expected


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"start": 1, "start_timestamp": 1}, "start and start_timestamp are both giv"),
        ({"end": 1, "end_timestamp": 2}, "end and end_timestamp are both given"),
        ({"start": math.nan}, "bound of 'robot/pose' is nan; use finite seconds"),
        ({"end": math.inf}, "bound of 'robot/pose' is inf"),
        ({"start": "1"}, "bound of 'robot/pose' has the type str"),
        ({"format": "mcap"}, "format is 'mcap'; use json, jsonl, parquet, mocap"),
        ({"format": None}, "format is None; use json"),
        ({"columns": "xy"}, "columns has the type str, .* use a list of fields"),
    ],
)
def test_read_refuses_what_cannot_be(
    pose: Track, asked: dict[str, object], message: str
) -> None:
    """Also where there is nothing to read."""
    with pytest.raises((InvalidValueError, UnsupportedTypeError), match=message):
        pose.read(**asked)  # type: ignore[arg-type]  # on purpose


@pytest.mark.parametrize("columns", [["x", "gone"], {"x"}, iter(["x"]), ("x", "x")])
def test_read_gives_the_columns_that_are_wanted(pose: Track, columns: object) -> None:
    """Unknown ones are passed over, and every moment stays."""
    pose.append(x=1, y=2, _ts=1).append(y=3, _ts=2)

    assert pose.read(columns=cast("list[str]", columns)) == {
        "entries": [{"timestamp": 1.0, "x": 1}, {"timestamp": 2.0}],
        "count": 2,
    }


def test_read_without_columns_gives_the_moments(pose: Track) -> None:
    """No column is wanted, which is not the same as all."""
    pose.append(x=1, _ts=1)

    assert pose.read(columns=[]) == {"entries": [{"timestamp": 1.0}], "count": 1}


def test_unknown_topic_is_empty(run: AppRun, pose: Track) -> None:
    """In a run without records and in one with others, in every format."""
    nothing = {"entries": [], "count": 0}
    assert pose.read() == nothing

    run.tracks("other").append(x=1)

    assert pose.read() == nothing
    assert pose.read(format="jsonl") == b""
    assert len(pose.slice()) == 0


def test_values_that_json_lacks_are_valid_json(pose: Track) -> None:
    """NaN and the infinities, in lists too."""
    pose.append(x=math.nan, y=[math.inf], _ts=1)

    def refuse(word: str) -> None:
        raise ValueError(word)

    line = cast("bytes", pose.read(format="jsonl"))
    found = json.loads(line, parse_constant=refuse)

    assert found["x"] == {"$float": "nan"}
    assert found["y"] == [{"$float": "inf"}]


def test_slice_is_of_the_moment_at_which_it_was_taken(pose: Track) -> None:
    """It has a length, and can be gone through again and again."""
    pose.append(x=1, _ts=1).append(x=2, _ts=2).append(x=3, _ts=3)

    part = pose.slice(1.5, 3)
    pose.append(x=9, _ts=2.5)

    assert len(part) == 2
    assert (
        list(part)
        == list(part)
        == [TrackEntry(2.0, {"x": 2}), TrackEntry(3.0, {"x": 3})]
    )


@pytest.mark.parametrize(
    ("moment", "x"), [(1, 1), (1.9, 1), (2, 2), (np.float64(2.5), 2), (99, 3)]
)
def test_find_by_time_gives_the_latest_entry(
    pose: Track, moment: float, x: int
) -> None:
    """The one at that moment, or the last one before it."""
    pose.append(x=1, _ts=1).append(x=2, _ts=2).append(x=3, _ts=3)

    assert pose.slice().find_by_time(moment).fields == {"x": x}


def test_find_by_time_before_the_first_is_a_key_error(pose: Track) -> None:
    """The message names both moments."""
    pose.append(x=1, _ts=1)

    with pytest.raises(KeyError, match=r"no entry at 0\.5 or before; .* is at 1\.0"):
        pose.slice().find_by_time(0.5)


def test_find_by_time_in_nothing_is_a_key_error(pose: Track) -> None:
    """There is no entry at all."""
    with pytest.raises(KeyError, match=r"no entry at 0\.5 or before; it is empty"):
        pose.slice().find_by_time(0.5)


@pytest.mark.parametrize("moment", [math.nan, math.inf, "1", None, True])
def test_find_by_what_is_no_time_is_refused(pose: Track, moment: object) -> None:
    """NaN is before and after nothing."""
    pose.append(x=1, _ts=1)

    with pytest.raises((InvalidValueError, UnsupportedTypeError), match="timestamp "):
        pose.slice().find_by_time(cast("float", moment))


@given(st.lists(st.floats(-9, 9), min_size=1, max_size=15), st.floats(-9, 9))
def test_find_by_time_is_a_search(moments: list[float], wanted: float) -> None:
    """Of all moments up to the one that is asked for it is the greatest."""
    track = AppRun("r", [MemoryTracker()]).tracks("t")
    for moment in moments:
        track.append(_ts=moment)
    earlier = [moment for moment in moments if moment <= wanted]

    found = track.slice()

    if earlier:
        assert found.find_by_time(wanted).timestamp == max(earlier)
    else:
        with pytest.raises(KeyError):
            found.find_by_time(wanted)


def test_track_of_the_empty_run_stores_nothing() -> None:
    """It checks values and answers with nothing."""
    run = AppRun.run_from_env()
    track = run.tracks("t").append(x=1)

    assert (run.tracks.topics(), len(track.slice())) == ([], 0)
    with pytest.raises(InvalidValueError, match="is nan"):
        track.append(_ts=math.nan)


def test_forked_child_goes_on_with_the_moments_of_its_parent() -> None:
    """Its own increase on, without a lock that somebody holds there."""
    track, moments = ticking(5.0, 4.0, 4.0)
    track.append()

    child = os.fork()
    if child == 0:
        code = 1
        try:
            track.append()
            code = 0 if len(moments()) == 2 else 1
        finally:
            os._exit(code)

    assert os.waitpid(child, 0)[1] == 0
    assert moments() == [5.0]
