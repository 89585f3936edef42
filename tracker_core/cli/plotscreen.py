"""Curves drawn with letters, for a terminal or a file of text.

A cell of the picture is a sign of braille with two by four dots. Each curve has a
letter, which stands here and there on it and in the legend, so that curves are told
apart without colours too. Where an encoding lacks braille, ASCII stands in for it.
"""

from collections.abc import Iterable, Sequence
from itertools import chain, pairwise
from string import ascii_letters
from typing import NamedTuple

from plotille import Canvas
from rich.cells import cell_len, set_cell_size

from tracker_core.cli.plotlines import Line, Plot
from tracker_core.cli.ticks import Scale, Tick, log_scale, plain_scale
from tracker_core.thinning import Stroke, thinned

__all__ = ["Screen", "drawn"]

# A sign of braille has so many dots.
_ACROSS, _UPWARDS = 2, 4
_COLOURS = (
    *("cyan", "yellow", "magenta", "green", "red", "blue"),
    *("bright_cyan", "bright_yellow", "bright_magenta", "bright_green"),
)
_ALONE = "•"
_BLANK = "\u2800"
_SIGNS = f"{_ALONE}…│┤└─┬⣿"
_TO_ASCII: dict[int, int | str] = {
    **str.maketrans(_SIGNS, "*~|++-+."),
    **{ord(_BLANK) + dots: "." for dots in range(1, 256)},
}
# The title, the axis and what stands below it.
_AROUND = 3
_LEAST_HEIGHT = 3
_LEAST_WIDTH = 10
_ROWS_APART = 3
_TICK_WIDTH = 12
_LETTER_WIDTH = 18
_LEGEND_WIDTH = 36


class Screen(NamedTuple):
    """Where curves are drawn.

    Args:
        width: Its columns.
        height: Its lines, legend and all.
        has_colours: Whether it has colours.
        encoding: How it writes letters.
    """

    width: int
    height: int
    has_colours: bool
    encoding: str


def drawn(plot: Plot, screen: Screen, *, is_log: bool) -> list[str]:
    """Return the lines of a picture of curves.

    Args:
        plot: The curves; with ``is_log`` one at least has a value above zero.
        screen: Where they are drawn.
        is_log: Whether the scale of the values is logarithmic.
    """
    legend = _legend(plot.lines, screen)
    height = max(screen.height - _AROUND - len(legend), _LEAST_HEIGHT)
    strokes = [
        thinned(line.curve, screen.width * _ACROSS, plot.limits, is_log=is_log)
        for line in plot.lines
    ]
    ys = [y for stroke in chain.from_iterable(strokes) for y in stroke.ys]
    upwards = log_scale(ys) if is_log else plain_scale(ys)
    across = plain_scale(plot.limits, is_whole=plot.is_whole)
    # One number in three lines is enough.
    ticks = upwards.ticks(max(height // _ROWS_APART, 2))
    margin = max(len(tick.text) for tick in ticks) + 1
    width = max(screen.width - margin - 1, _LEAST_WIDTH)
    cells = _cells(strokes, (across, upwards), (width, height), screen)
    lines = [
        _fitted(f"{plot.series}{' (log scale)' if is_log else ''}", screen.width),
        *_beside_axis(cells, ticks, margin),
        *_axis(across, plot.over, margin, width),
        *legend,
    ]
    return _encoded(lines, screen.encoding)


def _cells(
    strokes: Sequence[Sequence[Stroke]],
    scales: tuple[Scale, Scale],
    size: tuple[int, int],
    screen: Screen,
) -> list[str]:
    """Return the rows of the picture itself."""
    width, height = size
    # In dots; the last ones are those at the upper and the right edge.
    right, top = width * _ACROSS - 1, height * _UPWARDS - 1
    canvas = Canvas(width, height, 0, 0, right + 1, top + 1)
    letters = _letters(len(strokes))
    count = len(strokes)
    curves = [[_dots(s, scales, right, top) for s in curve] for curve in strokes]
    colours = [_COLOURS[place % len(_COLOURS)] for place in range(count)]
    shown = colours if screen.has_colours else [None] * count
    for curve, colour in zip(curves, shown, strict=True):
        _draw(canvas, curve, colour)
    # Above all lines, so that none covers them.
    for place, (curve, colour) in enumerate(zip(curves, shown, strict=True)):
        for x, y in _marked(curve, place, count, right):
            canvas.point(x, y, color=colour, marker=letters[place])
    picture: str = canvas.plot("\n")
    return picture.split("\n")


def _dots(
    stroke: Stroke, scales: tuple[Scale, Scale], right: int, top: int
) -> list[tuple[int, int]]:
    across, upwards = scales
    return [
        (round(across.at(x) * right), round(upwards.at(y) * top))
        for x, y in zip(*stroke, strict=True)
    ]


def _draw(
    canvas: Canvas, strokes: Iterable[Sequence[tuple[int, int]]], colour: str | None
) -> None:
    for dots in strokes:
        canvas.point(*dots[0], color=colour)
        for one, other in pairwise(dots):
            canvas.line(*one, *other, color=colour)


def _marked(
    strokes: Sequence[Sequence[tuple[int, int]]], place: int, count: int, right: int
) -> Iterable[tuple[int, int]]:
    """Return the points of a curve that its letter stands on.

    Those of several curves are apart from each other. A point without neighbours has
    one always, since a single dot is hardly seen.
    """
    alone = [dots[0] for dots in strokes if len({x for x, _ in dots}) == 1]
    every = [dot for dots in strokes for dot in dots]
    if count == 1 or not every:
        return alone
    apart = _LETTER_WIDTH * _ACROSS
    first = apart // 2 + place * apart // count
    wanted = range(first % apart, right + 1, apart)
    near = {min(every, key=lambda dot: abs(dot[0] - x)) for x in wanted}
    return [*alone, *sorted(near)]


def _letters(count: int) -> str:
    """Return a letter for each curve; one alone needs none."""
    if count == 1:
        return _ALONE
    return ascii_letters[:count].ljust(count, "*")


def _beside_axis(cells: Sequence[str], ticks: Sequence[Tick], margin: int) -> list[str]:
    """Return the rows of the picture with the axis and its numbers beside them."""
    top = len(cells) - 1
    texts = {top - round(tick.at * top): tick.text for tick in ticks}
    return [
        f"{texts.get(row, ''):>{margin - 1}} {'┤' if row in texts else '│'}{line}"
        for row, line in enumerate(cells)
    ]


def _axis(across: Scale, over: str, margin: int, width: int) -> tuple[str, str]:
    """Return the axis below the picture, and its numbers with what they count."""
    room = width - len(over) - 1
    signs, texts = ["─"] * width, [" "] * (room if room > 0 else width)
    free = 0
    for tick in across.ticks(max(width // _TICK_WIDTH, 2)):
        column = round(tick.at * (width - 1))
        start = max(min(column - len(tick.text) // 2, len(texts) - len(tick.text)), 0)
        signs[column] = "┬"
        if start < free or start < column - len(tick.text):
            continue
        texts[start : start + len(tick.text)] = tick.text
        free = start + len(tick.text) + 1
    words = f" {over}" if room > 0 else ""
    blank = " " * margin
    return f"{blank}└{''.join(signs)}", f"{blank} {''.join(texts)}{words}"


def _legend(lines: Sequence[Line], screen: Screen) -> list[str]:
    """Return what the letters stand for, in a third of the screen at the most."""
    count = max(screen.width // _LEGEND_WIDTH, 1) if len(lines) > _LEAST_HEIGHT else 1
    most = max(screen.height // 3, 1) * count
    letters = _letters(len(lines))
    width = screen.width // count
    entries = [
        _entry(line, letters[place], place, width - 1, screen)
        for place, line in enumerate(lines)
    ]
    if len(entries) > most:
        more = f"… and {len(entries) - most + 1} more"
        entries[most - 1 :] = [set_cell_size(more, width - 1)]
    return [" ".join(entries[n : n + count]) for n in range(0, len(entries), count)]


def _entry(line: Line, letter: str, place: int, width: int, screen: Screen) -> str:
    # The setting tells more than the end of a name.
    setting = _fitted(line.setting, max(width // 2, width - 24))
    name = _fitted(line.name, width - 4 - cell_len(setting))
    text = set_cell_size(f"{name}  {setting}", width - 2)
    if not screen.has_colours:
        return f"{letter} {text}"
    from plotille import color

    return f"{color(letter, fg=_COLOURS[place % len(_COLOURS)])} {text}"


def _fitted(text: str, width: int) -> str:
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, max(width - 1, 0)).rstrip() + "…"


def _encoded(lines: Sequence[str], encoding: str) -> list[str]:
    lines = [line.replace(_BLANK, " ").rstrip() for line in lines]
    try:
        _SIGNS.encode(encoding)
    except UnicodeEncodeError:
        return [line.translate(_TO_ASCII) for line in lines]
    return lines
