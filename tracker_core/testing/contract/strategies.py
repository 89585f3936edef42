"""What random stories are made of: records of every kind, conditions and orders."""

from functools import cache
from typing import cast

from hypothesis import strategies as st

from tracker_core.contents import Content, content_of_bytes
from tracker_core.fields import SUMMARY_PARTS, Field, Space
from tracker_core.filters import (
    AllOf,
    AnyOf,
    Comparison,
    Condition,
    Exists,
    FilterOp,
    Membership,
    Negation,
)
from tracker_core.records import (
    LEVELS,
    ArtifactBody,
    Body,
    ColumnsBody,
    CreatedBody,
    EndedBody,
    LogBody,
    MetadataBody,
    MetricsBody,
    ParamsBody,
    ProvenanceBody,
    SourceBody,
    SpanBody,
    StartedBody,
    StepBody,
    TagsBody,
    TrackBody,
    UnknownBody,
)
from tracker_core.testing.contract.torture import NAMES, VALUES
from tracker_core.values import MAX_STEP, Value

__all__ = ["CONTENTS", "bodies", "conditions", "orders", "texts", "values"]

CONTENTS: tuple[Content, ...] = tuple(map(content_of_bytes, (b"", b"a", b"bb" * 4000)))
"""Contents that artifacts of random stories have."""

_LONGEST = 1000
_NUMBERS = (0, 1, 1.0, -0.0, 0.1, float("nan"), float("inf"), 2**63)
_TEXT_ATTRIBUTES = (
    "run_id",
    "name",
    "experiment",
    "group_id",
    "parent_run_id",
    "trace_id",
    "span_id",
)
_TIMES = ("2023-11-14T22:13:20.124456Z", "2023-11-14T22:13:20.127456Z", "2024-01-01")


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


# Composite, as hypothesis would write out all that the others are made of.
@st.composite
def bodies(draw: st.DrawFn) -> Body:
    """Return records of every kind."""
    return draw(_bodies())


@st.composite
def conditions(draw: st.DrawFn) -> Condition:
    """Return conditions on what records of random stories say."""
    return draw(_conditions())


def orders() -> st.SearchStrategy[str]:
    """Return orders as text, of one field or two."""
    keys = ["params.a", "params.A", "tags.a", "metadata.a", "metrics.v", "metrics.a/v"]
    parts = [f"metrics.v.{part}" for part in SUMMARY_PARTS]
    attributes = ["name", "status", "started_at", "duration", "group_id"]
    one = st.tuples(
        st.sampled_from([*keys, *parts, *attributes]),
        st.sampled_from(["", " asc", " desc"]),
    ).map("".join)
    return one | st.tuples(one, one).map(", ".join)


@cache
def _bodies() -> st.SearchStrategy[Body]:
    tags = cast("st.SearchStrategy[dict[str, str]]", _mappings(texts()))
    return st.one_of(
        # Often, since it takes two of one series to rewind, of one moment to merge.
        *(_one_curve() for _ in range(5)),
        *(_one_moment() for _ in range(3)),
        _metrics(),
        _columns(),
        st.builds(MetadataBody, _mappings(values())),
        st.builds(ParamsBody, _mappings(_numbers() | values())),
        st.builds(TagsBody, tags),
        st.builds(ProvenanceBody, _mappings(values())),
        st.builds(LogBody, st.sampled_from(LEVELS), texts(), _about()),
        _tracks(),
        _artifacts(),
        st.builds(SourceBody, _names(), st.none() | _names()),
        st.builds(UnknownBody, st.just("hologram"), _mappings(values())),
        _lives(),
        _steps(),
    )


@cache
def _conditions() -> st.SearchStrategy[Condition]:
    leaves = st.one_of(
        _comparisons(),
        st.builds(Exists, _fields()),
        st.builds(
            Membership, _keyed_fields(), st.lists(_operands(), min_size=1).map(tuple)
        ),
    )
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.builds(AllOf, st.tuples(inner, inner)),
            st.builds(AnyOf, st.tuples(inner, inner)),
            st.builds(Negation, inner),
        ),
        max_leaves=4,
    )


def _names() -> st.SearchStrategy[str]:
    # Few, so that they meet again, and some that a careless store takes for one.
    return st.sampled_from(["a", "A", "a/b", "a_b"])


def _numbers() -> st.SearchStrategy[Value]:
    return st.sampled_from(_NUMBERS)


def _mappings(of: st.SearchStrategy[Value]) -> st.SearchStrategy[dict[str, Value]]:
    return st.dictionaries(_names(), of, min_size=1, max_size=3)


def _about() -> st.SearchStrategy[dict[str, Value] | None]:
    return st.none() | st.just({}) | _mappings(values())


def _step_numbers() -> st.SearchStrategy[int]:
    return st.integers(0, 3) | st.just(MAX_STEP)


def _streams() -> st.SearchStrategy[str]:
    return st.sampled_from(["", "a", "a/b"])


def _one_curve() -> st.SearchStrategy[MetricsBody]:
    steps = st.integers(0, 3)
    return st.builds(
        lambda step, value: MetricsBody(step, {"": {"v": value}}), steps, _numbers()
    )


def _one_moment() -> st.SearchStrategy[TrackBody]:
    moments = st.sampled_from([0.0, -0.0, 1.0])
    return st.builds(
        lambda at, value: TrackBody("a", at, {"a": value}), moments, _numbers()
    )


def _metrics() -> st.SearchStrategy[MetricsBody]:
    fields = st.dictionaries(
        st.sampled_from(["v", "V"]), _numbers() | values(), min_size=1, max_size=2
    )
    streams = st.dictionaries(_streams(), fields, max_size=2)
    return st.builds(MetricsBody, st.none() | _step_numbers(), streams)


@st.composite
def _columns(draw: st.DrawFn) -> ColumnsBody:
    rows = draw(st.integers(1, 4))
    floats = st.floats() | st.sampled_from([float("nan"), -0.0, 0.1])
    kinds = (floats, st.integers(-9, 9), st.integers(), values())
    column = st.one_of(
        *(st.lists(kind, min_size=rows, max_size=rows) for kind in kinds)
    )
    fields = draw(st.dictionaries(st.sampled_from(["v", "V"]), column, min_size=1))
    steps = st.lists(_step_numbers(), min_size=rows, max_size=rows)
    return ColumnsBody(draw(_streams()), draw(st.none() | steps), fields)


def _tracks() -> st.SearchStrategy[TrackBody]:
    near = st.sampled_from([0.0, -0.0, 0.1, 0.3, 0.1 + 0.2, -1.0, 1e300, 5e-324])
    moments = near | st.floats(allow_nan=False, allow_infinity=False)
    fields = st.dictionaries(_names(), values(), max_size=2)
    return st.builds(TrackBody, _names(), moments, fields)


def _artifacts() -> st.SearchStrategy[ArtifactBody]:
    word = st.none() | texts().filter(bool)
    kept = st.sampled_from(CONTENTS).flatmap(
        lambda content: st.builds(
            ArtifactBody,
            _names(),
            st.just(content.digest),
            _about(),
            st.just(content.digest),
            st.just(content.size_bytes),
            media_type=word,
            artifact_kind=word,
            role=word,
        )
    )
    # Hypothesis would fill in what has a default, with sizes of any length.
    said = (_names(), texts().filter(bool), _about(), *[st.none()] * 5)
    return kept | st.builds(ArtifactBody, *said)


def _causes() -> st.SearchStrategy[dict[str, Value] | None]:
    kind = st.sampled_from(["exit_code", "exception", "signal", "lost"])
    return st.none() | st.fixed_dictionaries({"kind": kind, "more": values()})


def _lives() -> st.SearchStrategy[Body]:
    role = st.sampled_from(["job", "launcher"])
    status = st.sampled_from(["FINISHED", "FAILED", "KILLED"])
    said = st.none() | st.sampled_from(["a", "b"]) | texts().filter(bool)
    config = st.none() | _mappings(values())
    code = st.none() | st.integers(0, 255)
    peak_bytes = st.none() | st.integers(1, 2**60)
    return st.one_of(
        st.builds(CreatedBody, said, said, said, said, config),
        st.builds(
            StartedBody,
            role,
            st.sampled_from([None, "node1", "n\u00f6de"]),
            st.sampled_from([None, "a", "a/b", "c"]),
        ),
        st.builds(EndedBody, role, status, _causes(), code, peak_bytes),
        st.builds(SpanBody, said, said),
    )


def _steps() -> st.SearchStrategy[StepBody]:
    status = st.sampled_from(["RUNNING", "RUNNING", "FINISHED", "FAILED", "KILLED"])
    execution = st.sampled_from(["1", "2", "3"])
    return st.builds(StepBody, _names(), execution, status, _causes())


def _keyed_fields() -> st.SearchStrategy[Field]:
    spaces = st.sampled_from([Space.PARAMS, Space.TAGS, Space.METADATA])
    series = st.sampled_from(["v", "V", "a/v", "a/b/v"])
    parts = st.sampled_from(SUMMARY_PARTS)
    return st.builds(Field, spaces, _names()) | st.builds(
        Field, st.just(Space.METRICS), series, parts
    )


def _fields() -> st.SearchStrategy[Field]:
    words = (*_TEXT_ATTRIBUTES, "status", "started_at", "ended_at", "duration")
    return _keyed_fields() | st.builds(
        Field, st.just(Space.RUN), st.sampled_from(words)
    )


def _operands() -> st.SearchStrategy[str | int | float | bool]:
    near: list[str | int | float | bool] = [*_NUMBERS, True, "a", "1", 3, 2**53 + 1]
    return st.sampled_from(near) | st.integers() | st.floats() | texts()


def _comparisons() -> st.SearchStrategy[Comparison]:
    all_ops = [op for op in FilterOp if op is not FilterOp.MATCHES]
    orderings = all_ops[:6]
    patterns = st.sampled_from(["a", "^a$", "(?i)A", r"\d", "[^a]", ""])

    def attribute(*names: str) -> st.SearchStrategy[Field]:
        return st.builds(Field, st.just(Space.RUN), st.sampled_from(names))

    text_fields = attribute(*_TEXT_ATTRIBUTES)
    times = attribute("created_at", "started_at", "ended_at")
    statuses = st.sampled_from(["PENDING", "RUNNING", "FINISHED", "failed", "KILLED"])
    return st.one_of(
        st.builds(Comparison, _keyed_fields(), st.sampled_from(all_ops), _operands()),
        st.builds(
            Comparison,
            _keyed_fields() | text_fields,
            st.just(FilterOp.MATCHES),
            patterns,
        ),
        st.builds(Comparison, text_fields, st.sampled_from(all_ops), texts()),
        st.builds(Comparison, attribute("status"), st.sampled_from(all_ops), statuses),
        st.builds(
            Comparison,
            times,
            st.sampled_from(orderings),
            st.sampled_from(_TIMES),
        ),
        st.builds(
            Comparison,
            attribute("duration"),
            st.sampled_from(orderings),
            st.sampled_from([0, 0.001, 0.002, 1, -1.0]),
        ),
    )
