"""Curves drawn as pictures, by matplotlib: PNG, SVG, and a page of HTML.

What runs hold is text there, never markup or mathematics. The page holds all that it
shows, so it can be opened from a disk and sent to somebody.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import escape
from io import BytesIO
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from tracker_core.cli.outcomes import status_words
from tracker_core.cli.plotlines import Line, Plot
from tracker_core.cli.printing import clean
from tracker_core.cli.tables import value_cell
from tracker_core.cli.text import shortened
from tracker_core.errors import ConfigError
from tracker_core.summaries import Summary
from tracker_core.thinning import thinned

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

__all__ = ["PICTURES", "picture"]

# In inches, and how many dots there are in one.
_WIDTH, _HEIGHT, _DOTS = 9.0, 5.5, 150
_COLUMNS = int(_WIDTH * _DOTS)
_LINE_HEIGHT = 0.22
_LEGEND_COLUMNS = 2
_TEN = 10
# More would leave no room for the picture.
_LONGEST = 60
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem;
       padding: 0 1rem; color: #222; background: #fff; }}
h1 {{ font-size: 1.3rem; }}
svg {{ width: 100%; height: auto; }}
.runs {{ overflow-x: auto; }}
table {{ border-collapse: collapse; }}
th, td {{ text-align: left; padding: .25rem .8rem .25rem 0;
         border-bottom: 1px solid #ddd; white-space: nowrap; }}
td.words {{ white-space: normal; overflow-wrap: anywhere; min-width: 8rem; }}
td.number {{ font-variant-numeric: tabular-nums; }}
code {{ font-size: .85em; }}
.line {{ display: inline-block; width: 1.2rem; height: .2rem; vertical-align: middle; }}
</style>
</head>
<body>
<h1>{title}</h1>
{svg}
<div class="runs"><table>
<thead><tr><th></th><th>run</th><th>params</th><th>run id</th><th>status</th>\
<th>points</th><th>last</th><th>min</th><th>max</th></tr></thead>
<tbody>
{rows}
</tbody>
</table></div>
</body>
</html>
"""


def picture(
    form: str, plot: Plot, summaries: Mapping[str, Summary], *, is_log: bool
) -> bytes:
    """Return the content of a file that shows curves.

    Args:
        form: One of :data:`PICTURES`.
        plot: The curves.
        summaries: The summaries of the series by the ids of the runs.
        is_log: Whether the scale of the values is logarithmic.

    Raises:
        ConfigError: It needs ``tracker-core[plot]``.
    """
    try:
        import matplotlib  # noqa: F401, ICN001 - only whether it is there
    except ImportError as error:
        message = (
            f"--{form} needs the package matplotlib; install tracker-core[plot], "
            "or leave it out to plot in the terminal"
        )
        raise ConfigError(message) from error
    with _own_settings():
        return PICTURES[form](plot, summaries, is_log)


def _png(plot: Plot, _summaries: Mapping[str, Summary], is_log: bool) -> bytes:  # noqa: FBT001 - a private word
    return _saved(_figure(plot, is_log=is_log), "png")


def _svg(plot: Plot, _summaries: Mapping[str, Summary], is_log: bool) -> bytes:  # noqa: FBT001 - a private word
    return _saved(_figure(plot, is_log=is_log), "svg")


def _html(plot: Plot, summaries: Mapping[str, Summary], is_log: bool) -> bytes:  # noqa: FBT001 - a private word
    """Return a page with the picture and a table in place of its legend."""
    svg = _saved(_figure(plot, is_log=is_log, has_legend=False), "svg").decode()
    rows = (
        _row(line, colour, summaries.get(line.run.run_id))
        for line, colour in zip(plot.lines, _colours(len(plot.lines)), strict=True)
    )
    title = escape(_title(plot, is_log=is_log))
    # What stands before it belongs to a file of its own.
    svg = svg[svg.index("<svg") :].strip()
    return _PAGE.format(title=title, svg=svg, rows="\n".join(rows)).encode()


PICTURES: Final[Mapping[str, Callable[[Plot, Mapping[str, Summary], bool], bytes]]] = (
    MappingProxyType({"png": _png, "svg": _svg, "html": _html})
)
"""What draws each form."""


@contextmanager
def _own_settings() -> Iterator[None]:
    """Draw the same for everybody, whatever a person has set up for matplotlib."""
    import matplotlib as mpl

    with mpl.rc_context(), warnings.catch_warnings():
        # Of letters that its font lacks; they are shown as boxes.
        warnings.simplefilter("ignore")
        mpl.rcdefaults()
        mpl.rc("axes", grid=True)
        mpl.rc("axes.spines", right=False, top=False)
        mpl.rc("figure.constrained_layout", use=True)
        mpl.rc("grid", alpha=0.3)
        # Letters stay letters, which browsers have and readers can search for; the
        # same curves are the same file.
        mpl.rc("svg", fonttype="none", hashsalt="tracker")
        yield


def _figure(plot: Plot, *, is_log: bool, has_legend: bool = True) -> "Figure":
    """Return the picture, with a title and a legend unless they stand elsewhere."""
    from matplotlib.figure import Figure

    rows = -(-len(plot.lines) // _LEGEND_COLUMNS) if has_legend else 0
    figure = Figure(figsize=(_WIDTH, _HEIGHT + rows * _LINE_HEIGHT))
    axes = figure.add_subplot()
    handles: list[Artist] = []
    for line, colour in zip(plot.lines, _colours(len(plot.lines)), strict=True):
        strokes = thinned(line.curve, _COLUMNS, plot.limits, is_log=is_log)
        # A point without neighbours would not be seen as a line.
        for stroke in strokes:
            sign = "o" if len(stroke.xs) == 1 else None
            axes.plot(*stroke, color=colour, marker=sign, markersize=3, linewidth=1.2)
        handles += axes.plot([], [], color=colour)
    if is_log:
        axes.set_yscale("log")
    axes.set_xlabel(plot.over, parse_math=False)
    if plot.is_whole:
        axes.xaxis.get_major_locator().set_params(integer=True)
    if has_legend:
        title = shortened(_title(plot, is_log=is_log), _LONGEST)
        axes.set_title(title, parse_math=False)
        labels = [shortened(line.label, _LONGEST) for line in plot.lines]
        _add_legend(figure, handles, labels)
    return figure


def _add_legend(
    figure: "Figure", handles: "Sequence[Artist]", labels: Sequence[str]
) -> None:
    # Labels that begin with `_` would be left out, were they not set afterwards.
    legend = figure.legend(
        handles,
        [str(place) for place in range(len(labels))],
        loc="outside lower center",
        ncols=min(len(labels), _LEGEND_COLUMNS),
        frameon=False,
        fontsize="small",
    )
    for text, label in zip(legend.get_texts(), labels, strict=True):
        text.set_parse_math(False)
        text.set_text(label)


def _colours(count: int) -> list[str]:
    import matplotlib as mpl
    from matplotlib.colors import to_hex

    if count <= _TEN:
        return [to_hex(colour) for colour in mpl.color_sequences["tab10"][:count]]
    shades = mpl.colormaps["turbo"]
    return [to_hex(shades(place / (count - 1))) for place in range(count)]


def _title(plot: Plot, *, is_log: bool) -> str:
    return f"{plot.series} (log scale)" if is_log else plot.series


def _saved(figure: "Figure", form: str) -> bytes:
    file = BytesIO()
    # The time of drawing would make every file another one.
    metadata = {"Date": None} if form == "svg" else {}
    figure.savefig(file, format=form, dpi=_DOTS, metadata=metadata)
    return file.getvalue()


def _row(line: Line, colour: str, summary: Summary | None) -> str:
    numbers = [summary.count, summary.last, summary.min, summary.max] if summary else []
    cells = (
        f'<td><span class="line" style="background:{colour}"></span></td>',
        f'<td class="words">{escape(line.name)}</td>',
        f'<td class="words">{escape(line.setting)}</td>',
        f"<td><code>{escape(clean(line.run.run_id))}</code></td>",
        f"<td>{escape(clean(status_words(line.run)))}</td>",
        *(
            f'<td class="number">{escape(clean(value_cell(number)))}</td>'
            for number in numbers
        ),
    )
    return f"<tr>{''.join(cells)}</tr>"
