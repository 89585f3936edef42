"""Batches survive as lines of JSON, with kinds that nobody knows yet."""

import json
import random
from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker_core.gathered import Gathered
from tracker_core.records import (
    ArtifactBody,
    Batch,
    Body,
    ColumnsBody,
    CreatedBody,
    EndedBody,
    LogBody,
    MetadataBody,
    MetricsBody,
    ParamsBody,
    ProvenanceBody,
    Record,
    Sequencer,
    SourceBody,
    SpanBody,
    StartedBody,
    StepBody,
    TagsBody,
    TrackBody,
    UnknownBody,
    Writer,
)
from tracker_core.testing.contract.answers import exact
from tracker_core.testing.contract.columns import gathered
from tracker_core.testing.contract.machine import bodies, texts
from tracker_core.values import MAX_STEP
from tracker_core.wire import (
    batch_from_lines,
    batch_to_lines,
    body_from_fields,
    body_kind,
    body_to_fields,
)

if TYPE_CHECKING:
    from tracker_core.values import Value

_KINDS: dict[str, Body] = {
    "metadata": MetadataBody({}),
    "params": ParamsBody({}),
    "tags": TagsBody({}),
    "metrics": MetricsBody(None, {}),
    "columns": ColumnsBody("", None, {"v": [1]}),
    "log": LogBody("info", "m", None),
    "track": TrackBody("t", 1.0, {}),
    "artifact": ArtifactBody("n", "p", None),
    "source": SourceBody("s", None),
    "created": CreatedBody(),
    "started": StartedBody("job"),
    "ended": EndedBody("job", "FINISHED", None),
    "span": SpanBody(None, "s"),
    "step": StepBody("s", "1", "RUNNING", None),
    "provenance": ProvenanceBody({}),
    "hologram": UnknownBody("hologram", {}),
}
_HEAD = (
    '{"version":1,"run_id":"r","writer":"w","attempt":1,"rank":null,'
    '"first":1,"last":1}\n'
)


def _batch(*said: Body, run_id: str = "run") -> Batch:
    records = tuple(Record(n, 10 * n, body) for n, body in enumerate(said, 4))
    return Batch(run_id, Writer("w", 2, 3), 4, 3 + len(said), records)


@given(st.lists(bodies(), max_size=4), texts().filter(bool))
def test_batch_survives(said: list[Body], run_id: str) -> None:
    """Every kind of record comes back by type and bits."""
    batch = _batch(*said, run_id=run_id)

    back = batch_from_lines(batch_to_lines(batch))

    assert [type(r.body) for r in back.records] == [type(r.body) for r in batch.records]
    assert exact(back) == exact(batch)


@given(st.lists(bodies(), max_size=4))
def test_batch_is_one_line_for_its_head_and_one_a_record(said: list[Body]) -> None:
    """Whatever texts are in it, each line is JSON of its own."""
    lines = batch_to_lines(_batch(*said)).split("\n")

    assert lines.pop() == ""
    assert len(lines) == 1 + len(said)
    assert all(isinstance(json.loads(line), dict) for line in lines)


@pytest.mark.parametrize(
    "text", ["a\nb", "a\r\nb", "a\u2028b", "a\u2029b", "a\x85b\x0c"]
)
def test_line_breaks_of_all_sorts_survive(text: str) -> None:
    """In names and in values, and also through a file's bytes."""
    batch = _batch(TagsBody({text: text}), run_id=text)

    lines = batch_to_lines(batch).encode()

    assert batch_from_lines(lines.decode()) == batch


@pytest.mark.parametrize("kind", _KINDS)
def test_body_has_a_kind(kind: str) -> None:
    """Its name is the one on the wire."""
    body = _KINDS[kind]

    assert body_kind(body) == kind
    assert json.loads(batch_to_lines(_batch(body)).split("\n")[1])["kind"] == kind


def test_head_names_the_batch() -> None:
    """The first line tells run, writer and range, and the version of the format."""
    head = json.loads(batch_to_lines(_batch(TagsBody({}))).split("\n")[0])

    assert head == {
        "version": 1,
        "run_id": "run",
        "writer": "w",
        "attempt": 2,
        "rank": 3,
        "first": 4,
        "last": 4,
    }


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("hologram", '"depth":[1.5],"nan":{"$float":"nan"}'),
        ("tags", '"values":{},"colour":"red"'),
        ("params", '"x":1'),
    ],
    ids=["kind", "more fields", "fewer fields"],
)
def test_unknown_records_are_written_back_unchanged(kind: str, fields: str) -> None:
    """An older reader keeps what a newer writer logged."""
    line = f'{{"sequence":1,"time_ns":5,"kind":"{kind}",{fields}}}\n'

    batch = batch_from_lines(_HEAD + line)

    assert isinstance(batch.records[0].body, UnknownBody)
    assert batch_to_lines(batch) == _HEAD + line


def test_known_record_without_its_fields_is_carried_along() -> None:
    """It is of another version, and unread like an unknown one."""
    batch = _batch(UnknownBody("params", {}))

    assert batch_from_lines(batch_to_lines(batch)) == batch


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{\n",
        "[1]\n",
        "{}\n",
        '{"version":2}\n',
        '{"version":1}\n',
        _HEAD + "7\n",
        _HEAD + "{}\n",
        _HEAD + '{"sequence":1,"time_ns":1}\n',
        _HEAD[:20],
    ],
)
def test_text_that_is_no_batch_is_a_value_error(text: str) -> None:
    """Damage is found when the text is read, whatever was cut or changed."""
    with pytest.raises(ValueError, match=r"\S"):
        batch_from_lines(text)


def test_newer_version_is_named() -> None:
    """The error says which version was found, and what to do."""
    with pytest.raises(ValueError, match=r"version 3.*upgrade"):
        batch_from_lines(_HEAD.replace('"version":1', '"version":3'))


@pytest.mark.parametrize("time", ["-1", "1.5", "true", "null", '"1"', str(2**63)])
def test_batch_with_an_impossible_time_is_refused(time: str) -> None:
    """Damage is found where the text is read, not when a date is made of it."""
    text = batch_to_lines(Sequencer(clock=lambda: 777).batch("r", TagsBody({"a": "b"})))

    with pytest.raises(ValueError, match=r"the field 'time_ns' is .*damaged"):
        batch_from_lines(text.replace("777", time))


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ('"run_id":"r"', '"run_id":5'),
        ('"rank":null', '"rank":"x"'),
        ('"kind":"tags"', '"kind":[]'),
        ('"values":{"a":"b"}', '"values":[1]'),
    ],
)
def test_batch_with_a_field_of_another_type_is_refused(good: str, bad: str) -> None:
    """A damaged batch is an error of one sort, which readers pass over."""
    text = batch_to_lines(Sequencer().batch("r", TagsBody({"a": "b"})))
    assert good in text

    with pytest.raises(ValueError, match=r"damaged|expected a JSON object"):
        batch_from_lines(text.replace(good, bad))


_OLDER: dict[str, tuple[str, Body]] = {
    "artifact": (
        '"kind":"artifact","name":"n","path":"p","metadata":null',
        ArtifactBody("n", "p", None),
    ),
    "created": ('"kind":"created"', CreatedBody()),
    "started": ('"kind":"started","role":"job"', StartedBody("job")),
    "ended": (
        '"kind":"ended","role":"launcher","status":"FAILED","cause":null',
        EndedBody("launcher", "FAILED", None),
    ),
    "created with three": (
        '"kind":"created","name":"n","experiment":"e","group_id":null',
        CreatedBody("n", "e"),
    ),
}


@pytest.mark.parametrize("case", _OLDER)
def test_record_without_newer_fields_is_read(case: str) -> None:
    """What an older writer could not say has its default."""
    fields, body = _OLDER[case]

    batch = batch_from_lines(f'{_HEAD}{{"sequence":1,"time_ns":5,{fields}}}\n')

    assert batch.records == (Record(1, 5, body),)


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (ArtifactBody("n", "p", None), {"name", "path", "metadata"}),
        (
            ArtifactBody("n", "d", {}, "d", role="program"),
            {"name", "path", "metadata", "digest", "role"},
        ),
        (CreatedBody(), set()),
        (CreatedBody("n", experiment_config={}), {"name", "experiment_config"}),
        (LogBody("info", "m", None), {"level", "message", "metadata"}),
        (SpanBody(None, "s"), {"trace_id", "span_id"}),
        (StartedBody("job"), {"role"}),
        (
            EndedBody("launcher", "FINISHED", None, 0),
            {"role", "status", "cause", "exit_code"},
        ),
        (UnknownBody("hologram", {"x": 1}), {"x"}),
    ],
)
def test_fields_that_have_their_defaults_are_left_out(
    body: Body, names: set[str]
) -> None:
    """So an older reader knows each record that says nothing newer."""
    fields = body_to_fields(body)

    assert set(fields) == names
    assert body_from_fields(body_kind(body), fields) == body


@given(bodies())
def test_body_survives_as_fields(body: Body) -> None:
    """Every kind, by type and bits."""
    back = body_from_fields(body_kind(body), body_to_fields(body))

    assert type(back) is type(body)
    assert exact(back) == exact(body)


def test_fields_of_an_unknown_kind_are_kept() -> None:
    """Whatever they are named."""
    fields: dict[str, Value] = {"values": 5, "timestamp": "x"}

    assert body_from_fields("hologram", fields) == UnknownBody("hologram", fields)


@pytest.mark.parametrize(
    "fields",
    [
        '"kind":"metadata","values":null',
        '"kind":"provenance","values":"x"',
        '"kind":"metrics","step":1,"streams":[]',
        '"kind":"metrics","step":1,"streams":{"a":5}',
        '"kind":"track","topic":"t","timestamp":1.0,"fields":[]',
        '"kind":"track","topic":"t","timestamp":"1.0","fields":{}',
        '"kind":"track","topic":"t","timestamp":null,"fields":{}',
        '"kind":"track","topic":"t","timestamp":{"$float":"nan"},"fields":{}',
        '"kind":"track","topic":"t","timestamp":{"$float":"inf"},"fields":{}',
        '"kind":"columns","stream":"","steps":null,"fields":[1]',
        '"kind":"columns","stream":"","steps":null,"fields":{"v":1}',
        '"kind":"columns","stream":"","steps":null,"fields":{"v":"text"}',
        '"kind":"columns","stream":"","steps":null,"fields":{"v":[1],"w":[1,2]}',
        '"kind":"columns","stream":"","steps":[1,2],"fields":{"v":[1]}',
        '"kind":"columns","stream":"","steps":5,"fields":{"v":[1]}',
        '"kind":"columns","stream":"","steps":null,"fields":{}',
        '"kind":"columns","stream":"","steps":[1.5],"fields":{"v":[1]}',
        '"kind":"columns","stream":"","steps":[null],"fields":{"v":[1]}',
        '"kind":"columns","stream":"","steps":[-1],"fields":{"v":[1]}',
        '"kind":"metrics","step":"1","streams":{}',
        '"kind":"metrics","step":1.5,"streams":{}',
        '"kind":"metrics","step":true,"streams":{}',
        '"kind":"metrics","step":-1,"streams":{}',
        f'"kind":"metrics","step":{2**63},"streams":{{}}',
        '"kind":"log","level":"info","message":null,"metadata":null',
        '"kind":"log","level":3,"message":"m","metadata":null',
        '"kind":"artifact","name":null,"path":"p","metadata":null',
        '"kind":"artifact","name":"n","path":"p","metadata":null,"digest":5',
        '"kind":"source","source_run_id":null,"artifact_name":null',
        '"kind":"source","source_run_id":"s","artifact_name":5',
        '"kind":"created","experiment":[1]',
        '"kind":"span","trace_id":5,"span_id":null',
        '"kind":"ended","role":"job","status":null,"cause":null',
        '"kind":"ended","role":"job","status":"","cause":null,"exit_code":"1"',
        '"kind":"ended","role":"job","status":"","cause":null,"peak_memory_bytes":-1',
        '"kind":"started","role":"job","host":5',
        '"kind":"started","role":"job","step":5',
        '"kind":"step","step":5,"execution":"x","status":"RUNNING","cause":null',
    ],
)
def test_damaged_record_is_refused(fields: str) -> None:
    """Where it is read, and not when somebody asks for what it says."""
    line = f'{{"sequence":1,"time_ns":5,{fields}}}\n'

    with pytest.raises(ValueError, match=r"damaged|expected a JSON object"):
        batch_from_lines(_HEAD + line)


@pytest.mark.parametrize(
    "body",
    [
        MetricsBody(None, {}),
        MetricsBody(MAX_STEP, {}),
        ColumnsBody("", [0, MAX_STEP], {"v": [1, 2]}),
        SourceBody("s", None),
        SpanBody(None, None),
        LogBody("info", "", None),
    ],
)
def test_record_at_its_bounds_is_read(body: Body) -> None:
    """What may be None, empty or as large as can be is no damage."""
    assert batch_from_lines(batch_to_lines(_batch(body))) == _batch(body)


@pytest.mark.parametrize(
    ("steps", "column"),
    [((0, 1), (0.5, 1.5)), (range(2), range(2)), (array("q", [0, 1]), [True, None])],
    ids=["tuple", "range", "array"],
)
def test_columns_may_be_any_sequences(
    steps: Sequence[int], column: "Sequence[Value]"
) -> None:
    """They come back as lists of the same values."""
    batch = _batch(ColumnsBody("s", steps, {"v": column}))

    (record,) = batch_from_lines(batch_to_lines(batch)).records

    expected = ColumnsBody("s", list(steps), {"v": list(column)})
    assert exact(record.body) == exact(expected)


def test_columns_are_written_as_lists() -> None:
    """One list for the steps and one for each field, NaN as valid JSON."""
    body = ColumnsBody("s", [0, 1], {"v": [float("nan"), 1]})

    line = json.loads(batch_to_lines(_batch(body)).split("\n")[1])

    assert (line["stream"], line["steps"]) == ("s", [0, 1])
    assert line["fields"] == {"v": [{"$float": "nan"}, 1]}


def _points(count: int) -> Batch:
    """Return a batch of records of two plain points each, as columns."""
    said = [
        MetricsBody(step, {"train": {"loss": step / 7}, "": {"n": step}})
        for step in range(count)
    ]
    return gathered(_batch(TagsBody({"a": "b"}), *said))


@given(st.lists(bodies(), max_size=4), st.integers(0, 9))
def test_gathered_batch_survives(said: list[Body], count: int) -> None:
    """Points come back as columns where they are many, and always as they were."""
    points = [MetricsBody(n, {"s": {"v": n / 7, "n": -n}}) for n in range(count)]
    batch = _batch(*points, *said)

    back = batch_from_lines(batch_to_lines(gathered(batch)))

    assert exact(back._replace(records=tuple(back.records))) == exact(batch)


def test_many_points_are_a_line_for_each_series() -> None:
    """The first line tells the version, and how many records there are."""
    batch = _points(100)

    head, *lines = map(json.loads, batch_to_lines(batch).splitlines())

    assert (head["version"], head["count"]) == (2, 101)
    assert [line.get("kind", line.get("field")) for line in lines] == [
        "tags",
        "loss",
        "n",
    ]
    assert isinstance(batch_from_lines(batch_to_lines(batch)).records, Gathered)


def test_few_points_are_a_line_for_each_record() -> None:
    """Older readers read them, and so do people."""
    head, *lines = map(json.loads, batch_to_lines(_points(3)).splitlines())

    assert head["version"] == 1
    assert [line["kind"] for line in lines] == ["tags", *["metrics"] * 3]


def test_points_take_few_bytes() -> None:
    """Noise takes eight bytes, and its text form a third more."""
    source = random.Random(7)  # noqa: S311 - noise, no secret
    said = [MetricsBody(n, {"": {"loss": source.random()}}) for n in range(5_000)]

    text = batch_to_lines(gathered(_batch(*said)))

    assert len(text) < 5_000 * 14


def test_long_columns_are_blocks() -> None:
    """They come back as lists of the same values, of whatever kinds."""
    body = ColumnsBody("s", [*range(40)], {"v": [0.5] * 40, "x": [1, None] * 20})
    batch = _batch(body)

    line = json.loads(batch_to_lines(batch).split("\n")[1])

    assert {*line["fields"]["v"]} == {*line["steps"]} == {"block"}
    assert exact(batch_from_lines(batch_to_lines(batch))) == exact(batch)


@pytest.mark.parametrize(
    ("place", "bad"),
    [
        ("points", ""),
        ("points", "!"),
        ("points", "AAAA"),
        ("points", 5),
        ("field", None),
    ],
)
def test_damaged_block_of_points_is_refused(place: str, bad: object) -> None:
    """Damage is found where the text is read."""
    *lines, last = batch_to_lines(_points(50)).splitlines()
    damaged = json.dumps({**json.loads(last), place: bad})

    with pytest.raises(ValueError, match=r"\S"):
        batch_from_lines("\n".join([*lines, damaged]))


def test_points_of_without_points_are_refused() -> None:
    """A block tells of the records of its batch alone."""
    lines = batch_to_lines(_points(50)).replace('"first":4', '"first":40')

    with pytest.raises(ValueError, match="damaged"):
        batch_from_lines(lines)


def test_damaged_block_of_a_column_is_refused() -> None:
    """Damage is found where the text is read."""
    body = ColumnsBody("s", None, {"v": [0.5] * 40})
    head, line = batch_to_lines(_batch(body)).splitlines()
    record = json.loads(line)
    record["fields"]["v"]["block"] = "AAAA"

    with pytest.raises(ValueError, match="a block of values"):
        batch_from_lines(f"{head}\n{json.dumps(record)}\n")
