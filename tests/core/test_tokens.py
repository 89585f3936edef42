"""Queries fall into words, and errors show the place."""

import pytest
from hypothesis import given

from tracker_core.errors import QueryError, UnsupportedTypeError
from tracker_core.testing.contract.machine import texts
from tracker_core.tokens import query_error, quote_key, quote_text, tokenise


def _sources(text: str) -> list[str]:
    return [token.source for token in tokenise(text)[:-1]]


@pytest.mark.parametrize(
    ("text", "sources"),
    [
        ("", []),
        (" \n\t ", []),
        ("a<1e-3", ["a", "<", "1e-3"]),
        ("a!=-2", ["a", "!=", "-2"]),
        ("a>=b<=c==d=e", ["a", ">=", "b", "<=", "c", "==", "d", "=", "e"]),
        ("in(1,2)", ["in", "(", "1", ",", "2", ")"]),
        ("x_1-y/z:50%.ü", ["x_1-y/z:50%.ü"]),
        ("params.学习率 हिन्दी", ["params.学习率", "हिन्दी"]),
        ('a."b c".\'d"\'', ['a."b c".\'d"\'']),
        ('"a""b"', ['"a"', '"b"']),
        ("a..b.", ["a..b."]),
    ],
)
def test_words_end_where_they_must(text: str, sources: list[str]) -> None:
    """Signs need no blanks around them, quotes may hold anything."""
    assert _sources(text) == sources


def test_word_knows_its_pieces() -> None:
    """Dots within quotes join nothing."""
    word = tokenise('a."b.c".')[0]

    assert word.pieces == (("a", False), ("b.c", True), ("", False))


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (r'"a\"b"', 'a"b'),
        (r"'a\'b'", "a'b"),
        (r'"a\\"', "a\\"),
        (r'"\n\r\t"', "\n\r\t"),
        (r'"\d\.\b"', r"\d\.\b"),
        (r'"\\n"', r"\n"),
        ('"\n"', "\n"),
        ("''", ""),
    ],
)
def test_backslash_goes_before_what_needs_it(source: str, text: str) -> None:
    """Before anything else it stands for itself, as in a regular expression."""
    token = tokenise(source)[0]

    assert (token.kind, token.pieces[0].text) == ("text", text)


@given(texts())
def test_quoted_text_reads_back(text: str) -> None:
    """Whatever the text holds."""
    tokens = tokenise(quote_text(text))

    assert [token.kind for token in tokens] == ["text", "end"]
    assert tokens[0].pieces[0].text == text


@given(texts())
def test_quoted_key_reads_back(key: str) -> None:
    """Whatever the key holds, dots and empty parts too."""
    tokens = tokenise(f"params.{quote_key(key)}")

    assert [token.kind for token in tokens] == ["word", "end"]
    assert ".".join(piece.text for piece in tokens[0].pieces[1:]) == key


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('a = "b', r"unexpected '\"', at character 5; close the quote"),
        ("a = 'b\"", r"unexpected \"'\", at character 5; close the quote"),
        (r'a = "b\"', "at character 5; close the quote"),
        ("a = 1 && b", "unexpected '&', at character 7; write and"),
        ("a || b", "unexpected '|', at character 3; write or"),
        ("!a", "unexpected '!', at character 1; write not"),
        ("a ~ b", "at character 3; write contains, startswith or matches"),
        ("a;b", "at character 2; put the text or key that holds it in quotes"),
        ("a\x00b", r"unexpected '\\x00', at character 2"),
        ("a\udcff", r"the query holds the lone surrogate '\\udcff'"),
    ],
)
def test_sign_that_means_nothing_is_refused(text: str, message: str) -> None:
    """The message says where, and what to write."""
    with pytest.raises(QueryError, match=message.replace("||", r"\|\|")):
        tokenise(text)


def test_what_is_no_text_is_refused() -> None:
    """A query is text."""
    with pytest.raises(UnsupportedTypeError, match="the query has the type bytes"):
        tokenise(b"a")  # type: ignore[arg-type]  # what the test is about


def test_error_points_at_the_place() -> None:
    """A caret stands below it."""
    error = query_error("lr < x", 5, "no number", "write one")

    assert str(error) == "no number, at character 6; write one\n  lr < x\n       ^"


def test_error_points_at_the_place_below_wide_letters() -> None:
    """Letters of two columns and marks of none are counted as they are shown."""
    error = query_error("损失 e\u0301\n!", 6, "what", "remedy")

    assert str(error).splitlines()[1:] == ["  损失 e\u0301 !", "         ^"[:-1] + "^"]


def test_error_shows_a_part_of_a_long_query() -> None:
    """Only what stands around the place."""
    error = query_error("a" * 500 + "!" + "b" * 500, 500, "what", "remedy")

    _, shown, caret = str(error).splitlines()
    assert shown == f"  …{'a' * 44}!{'b' * 23}…"
    assert shown[caret.index("^")] == "!"
