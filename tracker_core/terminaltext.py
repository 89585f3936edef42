r"""What a terminal would show in the end of what a program has written to it.

Programs that show progress write a line again and again: they return to its beginning
(``\r``), go back (``\b``), clear it, or climb to the lines above it, by the control
sequences of ECMA-48. Of what was overwritten only the last state stays. Colours and
other control sequences are left out, and so is what a program shows full-screen.

As on a screen, only the last lines can be changed; those above have scrolled out.
"""

import re

__all__ = ["TerminalText"]

_HEIGHT = 24
# One that is longer is broken, so that it costs no more the longer it gets.
_LONGEST_LINE = 2**16
_LONGEST_SEQUENCE = 4096
# Colours, titles, modes, character sets, and characters that show nothing. Full-screen
# has a mode too, which counts.
_UNSEEN = re.compile(
    r"\x1b\[[\d;:]*m"
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"
    r"|\x1b\[\?(?!(?:1049|1047|47)[hl])[\d;]*[hl]"
    r"|\x1b[ -/]+[0-~]"
    r"|[\x00-\x07\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]"
)
_CONTROL = re.compile("[\x00-\x07\x0b-\x1f\x7f]")
_SEQUENCE = re.compile(r"\x1b(?:\[([0-?]*)[ -/]*([@-~])|[PX^_][^\x1b]*\x1b\\|(.?))")
# What may go on in what comes next.
_UNFINISHED = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|[]PX^_][^\x07\x1b]*\x1b?|[ -/]*)\Z")
_FULL_SCREEN = frozenset({"?1049", "?1047", "?47"})
_MOVES = re.compile("[\r\b\x1b]")


class TerminalText:
    """Takes text as it is written, and gives lines once nothing can change them."""

    def __init__(self) -> None:
        """Begin with an empty line."""
        self._lines = [""]
        self._row = 0
        self._column = 0
        self._unfinished = ""
        self._is_full_screen = False

    @property
    def screen(self) -> str:
        """The lines that may still be changed; the last one may have no end."""
        return "\n".join(self._lines)

    def feed(self, text: str) -> str:
        """Take text, and return the lines that have scrolled out, each with its end."""
        text = self._unfinished + text
        unfinished = _UNFINISHED.search(text, max(len(text) - _LONGEST_SEQUENCE, 0))
        self._unfinished = unfinished.group() if unfinished else ""
        text = text[: len(text) - len(self._unfinished)].replace("\r\n", "\n")
        seen = _UNSEEN.sub("", text) if _CONTROL.search(text) else text
        first, *others = seen.split("\n")
        out: list[str] = []
        self._write(first, out)
        is_mere = max(map(len, others), default=0) <= _LONGEST_LINE
        is_mere = is_mere and not _MOVES.search(seen)
        if is_mere and self._row == len(self._lines) - 1:
            self._extend(others)
        else:
            for line in others:
                self._end_line()
                self._scroll(out)
                self._write(line, out)
        self._scroll(out)
        return "\n".join([*out, ""])

    def clear(self) -> str:
        """Return what the screen shows, and begin again; an open line gets its end."""
        shown = self.screen
        self._lines, self._row, self._column = [""], 0, 0
        return f"{shown}\n" if shown and not shown.endswith("\n") else shown

    def _extend(self, lines: list[str]) -> None:
        """Write lines of mere text below all others."""
        if lines and not self._is_full_screen:
            self._lines += lines
            self._row = len(self._lines) - 1
            self._column = len(lines[-1])

    def _write(self, line: str, out: list[str]) -> None:
        """Write what has no end of a line in it."""
        place = 0
        for found in _SEQUENCE.finditer(line) if "\x1b" in line else ():
            self._type(line[place : found.start()])
            place = found.end()
            self._obey(found[1] or "", found[2] or "", found[3], out)
        self._type(line[place:])

    def _type(self, text: str) -> None:
        """Write what moves by returning and going back at the most."""
        if not text or self._is_full_screen:
            return
        first, *returns = text.split("\r")
        self._put_back(first)
        if not returns:
            return
        self._column = 0
        if "\b" in text:
            for part in returns:
                self._column = 0
                self._put_back(part)
        else:
            self._put(_overlaid(returns))
            self._column = len(returns[-1])
        line = self._lines[self._row]
        # With blanks a program takes away what it has shown.
        self._lines[self._row] = line[: self._column] + line[self._column :].rstrip(" ")

    def _put_back(self, text: str) -> None:
        for number, part in enumerate(text.split("\b")):
            if number:
                self._column = max(self._column - 1, 0)
            self._put(part)

    def _put(self, text: str) -> None:
        while text:
            if self._column >= _LONGEST_LINE:
                self._end_line()
            room = _LONGEST_LINE - self._column
            self._put_on_line(text[:room])
            text = text[room:]

    def _put_on_line(self, text: str) -> None:
        line, column = self._lines[self._row], self._column
        if column > len(line):
            line = line.ljust(column)
        self._column = column + len(text)
        self._lines[self._row] = line[:column] + text + line[self._column :]

    def _end_line(self) -> None:
        if self._is_full_screen:
            return
        self._row += 1
        self._column = 0
        if self._row == len(self._lines):
            self._lines.append("")

    def _scroll(self, out: list[str]) -> None:
        surplus = len(self._lines) - _HEIGHT
        if surplus > 0:
            out += self._lines[:surplus]
            del self._lines[:surplus]
            self._row = max(self._row - surplus, 0)

    def _obey(self, given: str, what: str, other: str | None, out: list[str]) -> None:
        if what in ("h", "l"):
            if given in _FULL_SCREEN:
                self._is_full_screen = what == "h"
        elif self._is_full_screen:
            return
        elif other == "M":
            self._row = max(self._row - 1, 0)
        elif what == "J":
            self._clear_screen(given, out)
        elif what == "K":
            self._clear_line(given)
        else:
            number = int(given) if given.isdecimal() and len(given) < 5 else 1  # noqa: PLR2004 - digits
            self._move(what, max(number, 1))

    def _move(self, what: str, number: int) -> None:
        if what in ("A", "F"):
            self._row = max(self._row - number, 0)
        elif what in ("B", "E"):
            self._row = min(self._row + number, len(self._lines) - 1)
        elif what == "C":
            # As on a screen, it stops at the edge.
            self._column = min(self._column + number, _LONGEST_LINE - 1)
        elif what == "D":
            self._column = max(self._column - number, 0)
        elif what == "G":
            self._column = number - 1
        if what in ("E", "F"):
            self._column = 0

    def _clear_line(self, given: str) -> None:
        line = self._lines[self._row]
        if given in ("", "0"):
            line = line[: self._column]
        elif given == "1":
            line = " " * min(self._column + 1, len(line)) + line[self._column + 1 :]
        else:
            line = ""
        self._lines[self._row] = line

    def _clear_screen(self, given: str, out: list[str]) -> None:
        if given in ("", "0"):
            self._clear_line("0")
            del self._lines[self._row + 1 :]
        elif given in ("2", "3"):
            shown = self.clear()
            if shown:
                out.append(shown.removesuffix("\n"))


def _overlaid(parts: list[str]) -> str:
    """Return what is seen of texts that were written one over the other."""
    seen = parts[-1]
    for part in reversed(parts):
        if len(part) > len(seen):
            seen += part[len(seen) :]
    return seen
