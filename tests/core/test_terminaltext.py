"""Tests of what a terminal would show in the end."""

import pytest

from tracker_core.terminaltext import TerminalText

FOLDED = {
    "plain": ("a\nb\n", "a\nb\n"),
    "no end": ("a\nb", "a\nb"),
    "windows": ("a\r\nb\r\n", "a\nb\n"),
    "progress": ("10%\r 50%\r100%\ndone\n", "100%\ndone\n"),
    "shorter": ("longer\rab\n", "abnger\n"),
    "wiped out": ("longer\r      \rab\n", "ab\n"),
    "half of it": ("abc\rX", "Xbc"),
    "back": ("abc\b\bX\n", "aXc\n"),
    "back and forth": ("ab\rc\bd\r\b\n", "db\n"),
    "colours": ("\x1b[1;31mred\x1b[0m \x1b[38:5:2mx\x1b[m\n", "red x\n"),
    "title": ("\x1b]0;title\x07hi\x1b]8;;http://x\x1b\\ there\n", "hi there\n"),
    "cursor": ("\x1b[?25lhidden\x1b[?25h\x1b(B\x07\n", "hidden\n"),
    "cleared line": ("one two\x1b[2K\rthree\n", "three\n"),
    "cleared end": ("one two\r\x1b[3C\x1b[K\n", "one\n"),
    "cleared beginning": ("one two\x1b[3D\x1b[1K\n", "     wo\n"),
    "column": ("abc\x1b[2GX\x1b[6GY\n", "aXc  Y\n"),
    "two bars": ("0%\n0%\x1b[A\r9%\n\r8%\x1b[A\r99%\n\n", "99%\n8%\n"),
    "line above": ("a\nb\n\x1b[2Fc\x1b[Ed\n", "c\nd\n"),
    "down": ("a\nb\x1b[A\x1b[BX\n", "a\nbX\n"),
    "up by index": ("a\nb\x1bMX\n", "aX\nb"),
    "cleared below": ("a\nb\nc\x1b[2A\r\x1b[Jd\n", "d\n"),
    "new screen": ("a\n\x1b[H\x1b[2Jb\n", "a\nb\n"),
    "full screen": ("a\n\x1b[?1049hjunk\nmore\x1b[2J\x1b[Hx\x1b[?1049lb\n", "a\nb\n"),
    "unknown": ("a\x1b[5;3rb\x1b7c\x1b", "abc"),
    "controls": ("a\0b\x0cc\td\n", "abc\td\n"),
}


def folded(*texts: str) -> str:
    """Give what a terminal shows of texts that come one after the other."""
    terminal = TerminalText()
    return "".join(map(terminal.feed, texts)) + terminal.screen


@pytest.mark.parametrize("case", FOLDED)
def test_text_is_what_stays_on_the_screen(case: str) -> None:
    """Of what was overwritten the last state stays, without colours."""
    text, shown = FOLDED[case]

    assert folded(text) == shown


@pytest.mark.parametrize("case", FOLDED)
def test_text_does_not_depend_on_how_it_comes(case: str) -> None:
    """A sequence may be cut anywhere."""
    text, shown = FOLDED[case]

    assert folded(*text) == shown


def test_lines_come_out_once_they_are_off_the_screen() -> None:
    """Only the last of them can still be changed."""
    terminal = TerminalText()

    out = terminal.feed("".join(f"{number}\n" for number in range(100)))

    assert out.splitlines() == [str(number) for number in range(77)]
    assert terminal.screen.splitlines() == [str(number) for number in range(77, 100)]


def test_lines_that_have_scrolled_out_stay() -> None:
    """Who climbs further than the screen is high changes its first line."""
    shown = folded("\n" * 50 + "\x1b[999Ax\n")

    assert shown == "\n" * 27 + "x" + "\n" * 23


@pytest.mark.parametrize(
    "pieces", [["x" * 1000] * 200, ["x" * 200_000], ["\n" + "x" * 200_000]]
)
def test_line_without_an_end_is_broken(pieces: list[str]) -> None:
    """Binary output costs no more the longer it gets, however it comes."""
    lines = folded(*pieces).lstrip("\n").split("\n")

    assert [*map(len, lines)] == [65536, 65536, 65536, 3392]


def test_column_has_an_edge() -> None:
    """A few bytes that go on and on to the right make no endless line."""
    assert len(folded("\x1b[9999C" * 20_000 + "xy")) == 65536 + len("\ny")


def test_clear_gives_what_is_shown() -> None:
    """An open line gets its end, and the next text begins below."""
    terminal = TerminalText()
    terminal.feed("a\nb")

    assert terminal.clear() == "a\nb\n"
    assert terminal.clear() == ""
    assert terminal.feed("c") + terminal.screen == "c"
