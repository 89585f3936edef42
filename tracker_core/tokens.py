r"""The words of a query: where they begin and end, and how a bad one is shown.

A *word* is one or more parts joined by dots. A part stands bare when it is made of
letters of any script, digits and signs such as ``_ - / : %``, else it stands in single
or double quotes: ``params."a b".c``. A single part in quotes is a *text*. Within quotes
a backslash goes before the quote, before itself, and before ``n``, ``r`` and ``t``; any
other backslash stands for itself, so that ``"\d+"`` is the pattern that it looks like.
"""

import re
import unicodedata
from typing import Literal, NamedTuple

from tracker_core.errors import InvalidValueError, QueryError
from tracker_core.values import check_text

__all__ = ["Piece", "Token", "query_error", "quote_key", "quote_text", "tokenise"]

_BARE = r"""[^\s\x00-\x1f\x7f"'()<>=!,~&|;\\.]"""
_QUOTED = r""""[^"\\]*(?:\\.[^"\\]*)*"|'[^'\\]*(?:\\.[^'\\]*)*'"""
_PIECE = f"(?:{_QUOTED}|{_BARE}*)"
_PIECES = re.compile(f"({_QUOTED}|{_BARE}*)(\\.|\\Z)", re.DOTALL)
_TOKEN = re.compile(
    rf"(?P<symbol>==|[!<>]=|[=<>(),])|(?P<word>{_PIECE}(?:\.{_PIECE})*)", re.DOTALL
)
_BLANK = re.compile(r"\s*")
_BARE_PIECE = re.compile(f"{_BARE}+")

_ESCAPED = re.compile(r"""\\([\\"'nrt])""")
_MEANINGS = {"n": "\n", "r": "\r", "t": "\t"}
_ESCAPES = str.maketrans(
    {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
)
_REMEDIES = {
    '"': "close the quote",
    "'": "close the quote",
    "!": "write not",
    "&": "write and",
    "|": "write or",
    "~": "write contains, startswith or matches",
}
_SHOWN_BEFORE = 44
_SHOWN_AFTER = 24


class Piece(NamedTuple):
    """A part of a word, as it reads without its quotes."""

    text: str
    is_quoted: bool


class Token(NamedTuple):
    """One word of a query.

    Args:
        kind: A text is a single part in quotes; the end comes after the last word.
        source: How it stands in the query.
        start: Where it begins, in characters from 0.
        pieces: The parts of a word or a text, empty otherwise.
    """

    kind: Literal["symbol", "word", "text", "end"]
    source: str
    start: int
    pieces: tuple[Piece, ...] = ()

    @property
    def keyword(self) -> str:
        """The sign, or the word in small letters; empty for texts and the end."""
        if self.kind == "symbol":
            return "=" if self.source == "==" else self.source
        return self.source.lower() if self.kind == "word" else ""


def tokenise(text: str) -> list[Token]:
    """Split a query into its words, with a token for its end.

    Raises:
        UnsupportedTypeError: The query is no text.
        QueryError: A quote is never closed, or a sign means nothing.
    """
    try:
        text = check_text(text, "the query")
    except InvalidValueError as error:
        raise QueryError(str(error)) from error
    tokens = []
    position = _skip_blanks(text, 0)
    while position < len(text):
        tokens.append(_token(text, position))
        position = _skip_blanks(text, position + len(tokens[-1].source))
    tokens.append(Token("end", "", len(text)))
    return tokens


def query_error(text: str, position: int, what: str, remedy: str) -> QueryError:
    """Return an error that shows the place in the query.

    Args:
        text: The query.
        position: The place, in characters from 0; the message counts from 1.
        what: What is wrong there.
        remedy: What to do.
    """
    start = max(0, position - _SHOWN_BEFORE)
    before = _printable(text[start:position])
    after = _printable(text[position : position + _SHOWN_AFTER])
    dots = "…" if start else ""
    more = "…" if position + _SHOWN_AFTER < len(text) else ""
    caret = " " * (len(dots) + sum(map(_columns, before)))
    return QueryError(
        f"{what}, at character {position + 1}; {remedy}\n"
        f"  {dots}{before}{after}{more}\n"
        f"  {caret}^"
    )


def quote_text(text: str) -> str:
    """Write a text in double quotes."""
    return f'"{text.translate(_ESCAPES)}"'


def quote_key(key: str) -> str:
    """Write a dotted key, each part in quotes that needs them."""
    return ".".join(
        piece if _BARE_PIECE.fullmatch(piece) else quote_text(piece)
        for piece in key.split(".")
    )


def _skip_blanks(text: str, position: int) -> int:
    found = _BLANK.match(text, position)
    return found.end() if found else position


def _token(text: str, start: int) -> Token:
    found = _TOKEN.match(text, start)
    if not found or not found[0]:
        remedy = _REMEDIES.get(
            text[start], "put the text or key that holds it in quotes"
        )
        raise query_error(text, start, f"unexpected {text[start]!r}", remedy)
    if found["symbol"]:
        return Token("symbol", found[0], start)
    pieces = _pieces(found[0])
    is_text = len(pieces) == 1 and pieces[0].is_quoted
    return Token("text" if is_text else "word", found[0], start, pieces)


def _pieces(word: str) -> tuple[Piece, ...]:
    pieces: list[Piece] = []
    position = 0
    while found := _PIECES.match(word, position):
        source = found[1]
        is_quoted = source[:1] in ('"', "'") and source != ""
        pieces.append(Piece(_unquoted(source) if is_quoted else source, is_quoted))
        position = found.end()
        if not found[2]:
            break
    return tuple(pieces)


def _unquoted(source: str) -> str:
    return _ESCAPED.sub(lambda found: _MEANINGS.get(found[1], found[1]), source[1:-1])


def _printable(text: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in text)


def _columns(sign: str) -> int:
    if unicodedata.combining(sign):
        return 0
    return 2 if unicodedata.east_asian_width(sign) in "WF" else 1
