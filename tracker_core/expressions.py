"""Conditions and orders as people write them.

The grammar; keywords in any case, words as in :mod:`tracker_core.tokens`::

    condition   = conjunction {"or" conjunction}
    conjunction = term {"and" term}
    term        = "not" term | "(" condition ")" | comparison
    comparison  = field operator value
                | field "in" "(" value {"," value} ")"
                | field "exists"
    operator    = "=" | "==" | "!=" | "<" | "<=" | ">" | ">="
                | "contains" | "startswith" | "matches"
    value       = text in quotes | number | "true" | "false"
    field       = ("params" | "tags" | "metadata") "." key
                | "metrics" "." series ["." part]
                | attribute of the run

    order       = ordering {"," ordering}
    ordering    = "-" field | field ["asc" | "desc"]
    fields      = field {"," field}

The last part of ``metrics.train/loss.min`` is a part of the summary when it is one of
its words and stands bare; without one, ``last`` is meant.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from tracker_core.errors import InvalidValueError, QueryError
from tracker_core.fields import SUMMARY_PARTS, Field, Operand, Ordering, Space
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
from tracker_core.tokens import (
    Piece,
    Token,
    query_error,
    quote_key,
    quote_text,
    tokenise,
)

__all__ = ["field_to_text", "parse", "parse_fields", "parse_order", "to_text"]

_MAX_DEPTH = 64
_LONGEST_SHOWN = 40
_INT = re.compile("[+-]?[0-9]+")
_FLOAT = re.compile(
    r"[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?|inf|infinity|nan)", re.IGNORECASE
)
_KEYED_SPACES = frozenset(Space) - {Space.RUN}
_KEYWORDS = ("and", "or", "not", "in", "exists", *FilterOp)
_OPERATORS = "= != < <= > >= contains startswith matches in (…) exists"


def parse(text: str) -> Condition:
    """Read a condition.

    Raises:
        UnsupportedTypeError: The query is no text.
        QueryError: It means nothing; the message shows where and why. Among others: it
            nests deeper than 64 levels, a regular expression does not compile, a time
            or a status does not exist.
    """
    return _Parser(text).query()


def parse_order(text: str) -> tuple[Ordering, ...]:
    """Read by what runs are sorted: ``metrics.acc.max desc, params.lr``.

    Returns:
        The orderings, the one that decides first in front.

    Raises:
        UnsupportedTypeError: The order is no text.
        QueryError: It means nothing; the message shows where and why.
    """
    return _Parser(text).order()


def parse_fields(text: str) -> tuple[Field, ...]:
    """Read a list of fields: ``params.lr, metrics.train/loss.min, duration``.

    Raises:
        UnsupportedTypeError: The list is no text.
        QueryError: It means nothing; the message shows where and why.
    """
    return _Parser(text).fields()


def field_to_text(field: Field) -> str:
    """Write a field so that :func:`parse_fields` reads back the same one."""
    if field.space is Space.RUN:
        return field.key
    text = f"{field.space}.{quote_key(field.key)}"
    return text if field.part is None else f"{text}.{field.part}"


def to_text(condition: Condition) -> str:
    """Write a condition so that :func:`parse` reads back the same one."""
    match condition:
        case Comparison(field, op, value):
            return f"{field_to_text(field)} {op} {_value_text(value)}"
        case Membership(field, values):
            return f"{field_to_text(field)} in ({', '.join(map(_value_text, values))})"
        case Exists(field):
            return f"{field_to_text(field)} exists"
        case AllOf(parts):
            return " and ".join(map(_part_text, parts))
        case AnyOf(parts):
            return " or ".join(map(_part_text, parts))
        case Negation(part):
            return f"not {_part_text(part)}"


def _part_text(part: Condition) -> str:
    text = to_text(part)
    return f"({text})" if isinstance(part, AllOf | AnyOf) else text


def _value_text(value: Operand) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return quote_text(value.isoformat())
    return quote_text(value) if isinstance(value, str) else repr(value)


class _Parser:
    """Reads one text, word by word, by the grammar above."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokenise(text)
        self._position = 0
        self._depth = 0

    def query(self) -> Condition:
        """Read all of the text as a condition."""
        if self._is_at_end():
            raise self._error("the query is empty", "leave it out to mean every run")
        condition = self._condition()
        if not self._is_at_end():
            raise self._error(f"unexpected {self._found}", "join conditions by and, or")
        return condition

    def order(self) -> tuple[Ordering, ...]:
        """Read all of the text as an order."""
        if self._is_at_end():
            raise self._error("the order is empty", "leave it out for the newest first")
        orderings = [self._ordering()]
        while self._took(","):
            orderings.append(self._ordering())
        if not self._is_at_end():
            quotes = self._quotes(orderings[-1].field)
            remedy = f"write FIELD asc or FIELD desc, joined by commas{quotes}"
            raise self._error(f"unexpected {self._found}", remedy)
        return tuple(orderings)

    def fields(self) -> tuple[Field, ...]:
        """Read all of the text as a list of fields."""
        found = [self._field(self._next)]
        while self._took(","):
            found.append(self._field(self._next))
        if not self._is_at_end():
            remedy = f"join fields by commas{self._quotes(found[-1])}"
            raise self._error(f"unexpected {self._found}", remedy)
        return tuple(found)

    def _condition(self) -> Condition:
        return self._joined("or", AnyOf, self._conjunction)

    def _conjunction(self) -> Condition:
        return self._joined("and", AllOf, self._term)

    def _joined(
        self,
        word: str,
        join: Callable[[tuple[Condition, ...]], Condition],
        read: Callable[[], Condition],
    ) -> Condition:
        parts = [read()]
        while self._took(word):
            parts.append(read())
        return parts[0] if len(parts) == 1 else join(tuple(parts))

    def _term(self) -> Condition:
        if self._next.keyword not in ("not", "("):
            return self._comparison()
        if self._depth == _MAX_DEPTH:
            what = f"the query nests deeper than {_MAX_DEPTH} levels"
            raise self._error(what, "simplify it")
        self._depth += 1
        if self._took("not"):
            term: Condition = Negation(self._term())
        else:
            self._expect("(")
            term = self._condition()
            self._expect(")")
        self._depth -= 1
        return term

    def _comparison(self) -> Condition:
        field = self._field(self._next)
        if self._took("exists"):
            return Exists(field)
        if self._took("in"):
            return self._membership(field)
        if self._next.keyword not in tuple(FilterOp):
            raise self._no_operator(field)
        op = FilterOp(self._take().keyword)
        token = self._next
        value = self._value()
        with self._showing(token):
            return Comparison(field, op, value)

    def _membership(self, field: Field) -> Membership:
        values: list[Operand] = []
        self._expect("(")
        while not values or self._took(","):
            token = self._next
            value = self._value()
            with self._showing(token):
                values += Membership(field, (value,)).values
        self._expect(")")
        return Membership(field, tuple(values))

    def _ordering(self) -> Ordering:
        token = self._next
        if not token.source.startswith("-"):
            field = self._field(token)
            is_descending = self._took("desc")
            if not is_descending:
                self._took("asc")
            return Ordering(field, is_descending)
        first, *rest = token.pieces
        pieces = (Piece(first.text[1:], is_quoted=False), *rest)
        bare = Token(token.kind, token.source[1:], token.start + 1, pieces)
        return Ordering(self._field(bare), is_descending=True)

    def _field(self, token: Token) -> Field:
        if token.kind != "word" or token.keyword in ("", *_KEYWORDS):
            raise self._no_field()
        self._take()
        pieces = token.pieces
        with self._showing(token):
            if pieces[0].text not in _KEYED_SPACES or len(pieces) == 1:
                return Field(Space.RUN, token.source)
            space = Space(pieces[0].text)
            return _keyed_field(space, pieces[1:])

    def _value(self) -> str | int | float | bool:
        token = self._next
        if token.kind == "text":
            return self._take().pieces[0].text
        if token.kind == "word" and token.keyword in ("true", "false"):
            return self._take().keyword == "true"
        if _INT.fullmatch(token.source):
            with self._showing(token):
                return _integer(self._take().source)
        if _FLOAT.fullmatch(token.source):
            return float(self._take().source)
        what = f"expected a value, found {self._found}"
        raise self._error(what, "write a number, true, false or text in quotes")

    @property
    def _next(self) -> Token:
        return self._tokens[self._position]

    @property
    def _found(self) -> str:
        source = self._next.source
        if len(source) > _LONGEST_SHOWN:
            source = f"{source[:_LONGEST_SHOWN]}…"
        return repr(source) if source else "the end"

    def _is_at_end(self) -> bool:
        return self._next.kind == "end"

    def _take(self) -> Token:
        token = self._next
        self._position += 1
        return token

    def _took(self, keyword: str) -> bool:
        if self._next.keyword != keyword:
            return False
        self._position += 1
        return True

    def _expect(self, keyword: str) -> None:
        if not self._took(keyword):
            raise self._error(
                f"expected {keyword!r}, found {self._found}", f"put {keyword}"
            )

    def _no_field(self) -> QueryError:
        what = f"expected a field, found {self._found}"
        return self._error(what, "write one, for example params.lr or status")

    def _no_operator(self, field: Field) -> QueryError:
        if self._next.keyword == "not":
            what, remedy = "unexpected 'not'", "put not before the field"
            return self._error(what, remedy)
        what = f"expected an operator, found {self._found}"
        return self._error(what, f"use one of {_OPERATORS}{self._quotes(field)}")

    def _quotes(self, field: Field) -> str:
        """Return what may be wrong with a field that another word follows."""
        is_key = field.space is not Space.RUN and self._next.kind == "word"
        return "; a key with a blank stands in quotes" if is_key else ""

    def _error(self, what: str, remedy: str) -> QueryError:
        return query_error(self._text, self._next.start, what, remedy)

    @contextmanager
    def _showing(self, token: Token) -> Iterator[None]:
        """Turn what a constructor refuses into an error that shows the word."""
        try:
            yield
        except InvalidValueError as error:
            what, _, remedy = str(error).rpartition("; ")
            raise query_error(self._text, token.start, what, remedy) from error


def _keyed_field(space: Space, pieces: tuple[Piece, ...]) -> Field:
    if any(not piece.text and not piece.is_quoted for piece in pieces):
        message = f"a key of {space} has an empty part"
        raise InvalidValueError(f'{message}; put "" for it, or leave out the dot')
    *series, last = pieces
    is_part = space is Space.METRICS and series and not last.is_quoted
    if is_part and last.text in SUMMARY_PARTS:
        return Field(space, ".".join(piece.text for piece in series), last.text)
    return Field(space, ".".join(piece.text for piece in pieces))


def _integer(digits: str) -> int:
    try:
        return int(digits)
    except ValueError as error:  # Python reads no more than 4300 digits
        message = f"an int of {len(digits)} digits is too long"
        raise InvalidValueError(f"{message}; compare it as a float") from error
