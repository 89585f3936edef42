"""Text in the cells of a terminal, where a letter may take two of them or none."""

from collections.abc import Iterable, Sequence

from tracker_core.cli.printing import clean, has_letters, written_out

__all__ = [
    "columns",
    "cut",
    "ellipsis",
    "fitting",
    "labelled",
    "left_out",
    "packed",
    "text_width",
]

_GAP = "  "
_NARROWEST = 10
# Letters of ours that take a cell each.
_NARROW = str.maketrans(dict.fromkeys("–…○●✓✗■▁▂▃▄▅▆▇█"))


def text_width(text: str) -> int:
    """Return how many cells of a terminal a text takes."""
    if text.translate(_NARROW).isascii():
        return len(text)
    from rich.cells import cell_len  # takes long to load, and few need this

    return cell_len(text)


def cut(text: str, room: int) -> str:
    """Return ``text`` cleaned, in one line of at most ``room`` cells.

    What is left out is told by an ellipsis, three dots where the encoding lacks it.
    """
    text = written_out(clean(text))
    if text_width(text) <= room:
        return text
    from rich.cells import set_cell_size  # takes long to load, and few need this

    dots = ellipsis()
    kept = set_cell_size(text, max(room - len(dots), 0)).rstrip(" ")
    return f"{kept}{dots}"[: max(room, 0)]


def ellipsis() -> str:
    """Return the sign for what is left out, in letters that the encoding has."""
    return "…" if has_letters("…") else "..."


def packed(items: Iterable[str], room: int, most: int | None = None) -> list[str]:
    """Return items in as few lines as they need, two blanks between them.

    Args:
        items: What is to be said.
        room: How wide a line may be.
        most: How many lines at the most; the last one tells then what is left out.
    """
    lines: list[list[str]] = []
    width = 0
    for item in items:
        short = cut(item, room)
        width += len(_GAP) + text_width(short)
        if not lines or width > room:
            lines.append([])
            width = text_width(short)
        lines[-1].append(short)
    joined = [_GAP.join(line) for line in lines]
    if most is None or len(lines) <= most:
        return joined
    return [*joined[: most - 1], left_out(sum(map(len, lines[most - 1 :])))]


def fitting(items: Sequence[str], room: int) -> list[str]:
    """Return as many items as one line has room for, the last counting the others."""
    for kept in range(len(items), 0, -1):
        more = len(items) - kept
        note = [f"{ellipsis()} and {more} more"] if more else []
        if len(packed([*items[:kept], *note], room)) == 1:
            return [*items[:kept], *note]
    return list(items[:1])


def left_out(count: int) -> str:
    """Return what is said in place of the rest of a list."""
    return f"{ellipsis()} and {count} more; --all shows them"


def labelled(label: str, lines: Iterable[str], width: int) -> list[str]:
    """Return lines behind a label, which only the first of them has."""
    return [
        f"{'' if number else label:{width}}{line}" for number, line in enumerate(lines)
    ]


def columns(rows: Iterable[Sequence[str]], room: int) -> list[str]:
    """Return rows in columns as wide as they need to be.

    Where the room is short the first column is cut, to ten cells at the least, and
    then the lines are.
    """
    cells = [[written_out(clean(cell)) for cell in row] for row in rows]
    widths = [max(map(text_width, column)) for column in zip(*cells, strict=True)]
    if not widths:
        return []
    excess = sum(widths) + len(_GAP) * (len(widths) - 1) - room
    widths[0] -= min(max(excess, 0), max(widths[0] - _NARROWEST, 0))
    return [_line(row, widths, room) for row in cells]


def _line(row: Sequence[str], widths: Sequence[int], room: int) -> str:
    cells = (
        _filled(cut(cell, width), width)
        for cell, width in zip(row, widths, strict=True)
    )
    return cut(_GAP.join(cells).rstrip(" "), room)


def _filled(text: str, width: int) -> str:
    return text + " " * (width - text_width(text))
