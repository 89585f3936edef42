"""Conditions and orders are read as written, and errors say where and why."""

import pickle
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker_core.errors import QueryError, UnsupportedTypeError
from tracker_core.expressions import (
    field_to_text,
    parse,
    parse_fields,
    parse_order,
    to_text,
)
from tracker_core.fields import (
    RUN_ATTRIBUTES,
    STATUSES,
    SUMMARY_PARTS,
    Field,
    Operand,
    Ordering,
    Space,
)
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
from tracker_core.testing.contract.machine import texts

_A = Exists(Field(Space.PARAMS, "A"))
_B = Exists(Field(Space.PARAMS, "B"))
_C = Exists(Field(Space.PARAMS, "C"))
_MIDNIGHT = datetime(2026, 1, 31, tzinfo=UTC)
_TEXT_OPS = (FilterOp.CONTAINS, FilterOp.STARTS_WITH)
_OPS = [op for op in FilterOp if op is not FilterOp.MATCHES]


@st.composite
def _fields(draw: st.DrawFn) -> Field:
    space = draw(st.sampled_from(Space))
    if space is Space.RUN:
        return Field(space, draw(st.sampled_from(sorted(RUN_ATTRIBUTES))))
    part = draw(st.sampled_from(SUMMARY_PARTS)) if space is Space.METRICS else None
    words = st.sampled_from(["lr", "min", "a.b", "train/loss", "and", "a..b", ".", "'"])
    return Field(space, draw(words | texts().filter(bool)), part)


def _values(field: Field) -> st.SearchStrategy[Operand]:
    """Return values that the field can be compared with; NaN equals none, so not it."""
    numbers = st.integers() | st.floats(allow_nan=False)
    if field.space is not Space.RUN:
        return st.booleans() | numbers | texts()
    if field.key == "status":
        return st.sampled_from(STATUSES)
    if RUN_ATTRIBUTES[field.key] is datetime:
        return st.datetimes(timezones=st.just(UTC))
    return texts() if RUN_ATTRIBUTES[field.key] is str else numbers


@st.composite
def _comparisons(draw: st.DrawFn) -> Condition:
    field = draw(_fields())
    form = draw(st.sampled_from([Comparison, Membership, Exists]))
    if form is Exists:
        return Exists(field)
    if form is Membership:
        return Membership(field, tuple(draw(st.lists(_values(field), min_size=1))))
    is_text = field.space is not Space.RUN or RUN_ATTRIBUTES[field.key] is str
    if is_text and draw(st.booleans()):
        patterns = st.sampled_from([r"\d+", r"^a\.b$", '"', "\\\\", "x|y", "(?i)z"])
        return Comparison(field, FilterOp.MATCHES, draw(patterns))
    op = draw(st.sampled_from([op for op in _OPS if is_text or op not in _TEXT_OPS]))
    return Comparison(field, op, draw(_values(field)))


def _conditions() -> st.SearchStrategy[Condition]:
    def joined(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
        parts = st.lists(inner, min_size=2, max_size=3).map(tuple)
        return parts.map(AllOf) | parts.map(AnyOf) | inner.map(Negation)

    return st.recursive(_comparisons(), joined, max_leaves=6)


@given(_conditions())
def test_text_of_a_condition_reads_back(condition: Condition) -> None:
    """The same condition, the types of its values included."""
    copy = parse(to_text(condition))

    assert repr(copy) == repr(condition)
    assert copy == condition


@given(st.text(st.sampled_from("abp.<=!()\"'\\, 1-")) | st.text())
def test_any_text_is_a_condition_or_an_error(text: str) -> None:
    """Nothing else is ever raised."""
    try:
        condition = parse(text)
    except QueryError:
        return

    assert repr(parse(to_text(condition))) == repr(condition)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("params.lr", Field(Space.PARAMS, "lr")),
        ("params.optimizer.lr", Field(Space.PARAMS, "optimizer.lr")),
        ("params.lr.min", Field(Space.PARAMS, "lr.min")),
        ('params."a b".c', Field(Space.PARAMS, "a b.c")),
        ("params.'a.b'", Field(Space.PARAMS, "a.b")),
        ('params.a."".b', Field(Space.PARAMS, "a..b")),
        ("params.学习率", Field(Space.PARAMS, "学习率")),
        ("params.a-b/c:d%e_1", Field(Space.PARAMS, "a-b/c:d%e_1")),
        ("tags.device", Field(Space.TAGS, "device")),
        ("metadata.and", Field(Space.METADATA, "and")),
        ("metrics.train/loss", Field(Space.METRICS, "train/loss", "last")),
        ("metrics.train/loss.min", Field(Space.METRICS, "train/loss", "min")),
        ("metrics.top.1.max_step", Field(Space.METRICS, "top.1", "max_step")),
        ("metrics.min", Field(Space.METRICS, "min", "last")),
        ("metrics.min.max", Field(Space.METRICS, "min", "max")),
        ('metrics.loss."min"', Field(Space.METRICS, "loss.min", "last")),
        ('metrics."my stream/loss".min', Field(Space.METRICS, "my stream/loss", "min")),
        ("status", Field(Space.RUN, "status")),
        ("duration", Field(Space.RUN, "duration")),
    ],
)
def test_fields_are_read(text: str, field: Field) -> None:
    """By space and key; a series has its part at the end."""
    assert parse(f"{text} exists") == Exists(field)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-1", -1),
        ("+1", 1),
        ("007", 7),
        ("1.0", 1.0),
        ("1.", 1.0),
        (".5", 0.5),
        ("1e-3", 0.001),
        ("-1E+3", -1000.0),
        ("inf", float("inf")),
        ("-Infinity", float("-inf")),
        ("NaN", float("nan")),
        ("true", True),
        ("FALSE", False),
        ('"adamw"', "adamw"),
        (r"'it\'s'", "it's"),
        ('"true"', "true"),
        ("123456789012345678901234567890", 123456789012345678901234567890),
    ],
)
def test_values_keep_their_types(text: str, value: Operand) -> None:
    """A number with a dot or an exponent is a float, others are ints."""
    condition = parse(f"params.a = {text}")

    assert repr(condition) == repr(
        Comparison(Field(Space.PARAMS, "a"), FilterOp.EQ, value)
    )


@pytest.mark.parametrize("op", FilterOp)
def test_operators_are_read(op: FilterOp) -> None:
    """In any case, with or without blanks around signs."""
    expected = Comparison(Field(Space.PARAMS, "a"), op, "x")

    assert parse(f'params.a {op} "x"') == expected
    assert parse(f"params.a\n{op.upper()}'x'") == expected


def test_two_equals_signs_are_one() -> None:
    """As programmers write them."""
    assert parse("params.a == 1") == parse("params.a=1")


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("A and B and C", AllOf((_A, _B, _C))),
        ("A or B or C", AnyOf((_A, _B, _C))),
        ("A and B or C", AnyOf((AllOf((_A, _B)), _C))),
        ("A or B and C", AnyOf((_A, AllOf((_B, _C))))),
        ("(A or B) and C", AllOf((AnyOf((_A, _B)), _C))),
        ("A and (B and C)", AllOf((_A, AllOf((_B, _C))))),
        ("((A))", _A),
        ("not A and B", AllOf((Negation(_A), _B))),
        ("not (A and B)", Negation(AllOf((_A, _B)))),
        ("NOT not A Or B", AnyOf((Negation(Negation(_A)), _B))),
    ],
)
def test_words_bind_as_usual(text: str, condition: Condition) -> None:
    """``not`` binds tightest, then ``and``, then ``or``."""
    query = re.sub(r"\b[ABC]\b", lambda found: f"params.{found[0]} exists", text)

    assert parse(query) == condition


def test_membership_is_read() -> None:
    """Values of several types, as in comparisons."""
    condition = parse("params.a IN (1, 'x',true)")

    assert condition == Membership(Field(Space.PARAMS, "a"), (1, "x", True))


def test_times_and_statuses_are_read() -> None:
    """They come in the form that runs have."""
    time = parse('created_at >= "2026-01-31"')
    status = parse("status in ('finished', \"Failed\")")

    assert time == Comparison(Field(Space.RUN, "created_at"), FilterOp.GTE, _MIDNIGHT)
    assert status == Membership(Field(Space.RUN, "status"), ("FINISHED", "FAILED"))


@pytest.mark.parametrize(
    ("text", "what", "column", "remedy"),
    [
        ("", "the query is empty", 1, "leave it out"),
        ("lr < 3", "no attribute 'lr'", 1, "did you mean params.lr or metrics.lr?"),
        ("param.lr < 3", "no attribute 'param.lr'", 1, "did you mean 'params.lr'?"),
        ("statsu = 'x'", "no attribute 'statsu'", 1, "did you mean 'status'?"),
        ("params < 3", "params needs a key", 1, "write params.KEY"),
        ("params.a..b = 1", "has an empty part", 1, 'put "" for it'),
        ('params."" = 1', "params is empty", 1, "give it a name"),
        ("params.a", "expected an operator, found the end", 9, "use one of = !="),
        ("params.a is 3", "expected an operator, found 'is'", 10, "use one of = !="),
        (
            "metrics.E M/a > 1",
            "found 'M/a'",
            11,
            "; a key with a blank stands in quotes",
        ),
        ("params.a not in (1)", "unexpected 'not'", 10, "put not before the field"),
        ("params.a =", "expected a value, found the end", 11, "write a number"),
        ("params.a = adamw", "expected a value, found 'adamw'", 12, "text in quotes"),
        ("params.a = null", "expected a value, found 'null'", 12, "text in quotes"),
        ("params.a in ()", "expected a value, found ')'", 14, "write a number"),
        ("params.a in 1", "expected '(', found '1'", 13, "put ("),
        ("params.a in (1 2)", "expected ')', found '2'", 16, "put )"),
        ("(params.a = 1", "expected ')', found the end", 14, "put )"),
        ("params.a = 1)", "unexpected ')'", 13, "join conditions by and, or"),
        ("params.a = 1 params.b", "unexpected 'params.b'", 14, "join conditions"),
        ("params.a = 1 and", "expected a field, found the end", 17, "write one"),
        ("and", "expected a field, found 'and'", 1, "write one"),
        ('"a" = 1', "expected a field, found '\"a\"'", 1, "write one"),
        ("status = 'done'", "no run has the status 'done'", 10, "use one of PENDING"),
        ("status in ('KILLED', 'done')", "no run has", 22, "use one of PENDING"),
        ("created_at > 'soon'", "'soon' is none", 14, 'write "2026-01-31"'),
        ("created_at contains 'x'", "created_at is no text", 21, "compare it by ="),
        ("duration > '1h'", "duration is a number", 12, "compare it with a number"),
        ("name = 3", "name is text, and 3 is not", 8, "compare it with text"),
        ("params.a matches '('", "no regular expression", 18, "correct it"),
        ("params.a = 1 && x", "unexpected '&'", 14, "write and"),
    ],
)
def test_error_says_what_where_and_what_to_do(
    text: str, what: str, column: int, remedy: str
) -> None:
    """The query stands below, with a caret at the place."""
    with pytest.raises(QueryError) as caught:
        parse(text)

    message, shown, caret = str(caught.value).splitlines()
    assert what in message.partition(", at character ")[0]
    assert f", at character {column}; " in message
    assert remedy in message.partition(f"{column}; ")[2]
    assert shown == f"  {text}"
    assert caret == " " * (column + 1) + "^"


@pytest.mark.parametrize("opening", ["not ", "("])
def test_nesting_has_a_limit(opening: str) -> None:
    """64 levels are read, 65 are not."""
    closing = ")" if opening == "(" else ""
    parse(opening * 64 + "name exists" + closing * 64)

    with pytest.raises(QueryError, match="nests deeper than 64 levels"):
        parse(opening * 65 + "name exists" + closing * 65)


def test_length_has_no_limit() -> None:
    """Parts beside each other do not nest."""
    condition = parse(" or ".join(["(name = 'x')"] * 10_000))

    assert isinstance(condition, AnyOf)
    assert len(condition.parts) == 10_000


def test_int_of_too_many_digits_is_refused() -> None:
    """The message shows the beginning."""
    with pytest.raises(QueryError, match="an int of 5000 digits is too long"):
        parse("params.a = " + "9" * 5000)


def test_long_word_is_shown_in_part() -> None:
    """A message stays readable."""
    with pytest.raises(QueryError, match=r"found 'x{40}…', at character 12;"):
        parse("params.a = " + "x" * 5000)


def test_error_survives_pickling() -> None:
    """It can come from another process."""
    with pytest.raises(QueryError) as caught:
        parse("lr < 3")

    copy = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own

    assert str(copy) == str(caught.value)


def test_what_is_no_text_is_refused() -> None:
    """A query is text."""
    with pytest.raises(UnsupportedTypeError, match="the query has the type int"):
        parse(3)  # type: ignore[arg-type]  # what the test is about


@pytest.mark.parametrize(
    ("text", "is_descending"),
    [
        ("metrics.train/loss.min", [False]),
        ("metrics.train/loss.min asc", [False]),
        ("metrics.train/loss.min DESC", [True]),
        ("-metrics.train/loss.min", [True]),
        ("-metrics.train/loss.min , metrics.'train/loss'.min", [True, False]),
    ],
)
def test_order_is_read(text: str, is_descending: list[bool]) -> None:
    """A minus or ``desc`` turn a direction round."""
    field = Field(Space.METRICS, "train/loss", "min")

    order = parse_order(text)

    assert order == tuple(Ordering(field, turned) for turned in is_descending)


def test_order_keeps_minus_signs_of_keys() -> None:
    """Only the one in front is a direction."""
    assert parse_order('-params.-a."- b", -name') == (
        Ordering(Field(Space.PARAMS, "-a.- b"), is_descending=True),
        Ordering(Field(Space.RUN, "name"), is_descending=True),
    )


@pytest.mark.parametrize(
    ("text", "what", "column", "remedy"),
    [
        ("", "the order is empty", 1, "leave it out"),
        ("nmae", "no attribute 'nmae'", 1, "did you mean 'name'?"),
        ("-nmae", "no attribute 'nmae'", 2, "did you mean 'name'?"),
        ("-", "expected a field, found '-'", 1, "write one"),
        ("name,", "expected a field, found the end", 6, "write one"),
        ("name,,name", "expected a field, found ','", 6, "write one"),
        ("name down", "unexpected 'down'", 6, "write FIELD asc or FIELD desc"),
        ("params.a b", "unexpected 'b'", 10, "; a key with a blank stands in quotes"),
        ("-name desc", "unexpected 'desc'", 7, "write FIELD asc or FIELD desc"),
        ("name desc asc", "unexpected 'asc'", 11, "write FIELD asc or FIELD desc"),
        ("name = 3", "unexpected '='", 6, "write FIELD asc or FIELD desc"),
    ],
)
def test_order_that_means_nothing_is_refused(
    text: str, what: str, column: int, remedy: str
) -> None:
    """As for conditions."""
    with pytest.raises(QueryError) as caught:
        parse_order(text)

    message, _, caret = str(caught.value).splitlines()
    assert what in message
    assert remedy in message
    assert caret == " " * (column + 1) + "^"


def test_fields_are_read_in_their_order() -> None:
    """A list of fields is written as each of them is in a query."""
    text = 'params.lr, metrics.train/loss.min,tags."a b", duration'

    fields = parse_fields(text)

    assert [field_to_text(field) for field in fields] == [
        "params.lr",
        "metrics.train/loss.min",
        'tags."a b"',
        "duration",
    ]
    assert parse_fields(", ".join(map(field_to_text, fields))) == fields


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a field, found the end"),
        ("params.lr,", "expected a field, found the end"),
        ("params.lr desc", "unexpected 'desc'"),
        ("params.a b", "a key with a blank stands in quotes"),
        ("durtion", "did you mean 'duration'?"),
    ],
)
def test_fields_that_mean_nothing_are_refused(text: str, message: str) -> None:
    """The error shows what is wrong and where."""
    with pytest.raises(QueryError, match=re.escape(message)):
        parse_fields(text)
