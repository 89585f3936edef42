"""How runs look in a notebook: small pages that stand for themselves.

What jobs have logged is somebody else's text, so all of it is escaped.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING

from tracker_core.metrics import is_sampled
from tracker_core.values import Value, check_value, to_json

if TYPE_CHECKING:
    from tracker_core.query import RunTable, StoredRun

__all__ = ["run_page", "table_page"]

_MOST_ROWS = 50
_MOST_COLUMNS = 12
_MOST_SERIES = 4
_LONGEST = 60
_ALWAYS = ("name", "status", "experiment", "started_at", "duration")


def run_page(run: "StoredRun") -> str:
    """Return one run: who it is, its params, tags, series and artifacts."""
    info = run.info
    head = f"<b>{_cell(info.name)}</b> {_cell(info.status)}"
    about = [info.run_id, info.experiment, info.group_id, info.started_at]
    told = " · ".join(_cell(one) for one in about if one is not None)
    parts = [
        f"<p>{head}<br>{told}</p>",
        _pairs("Params", run.params),
        _pairs("Tags", run.tags),
        _series(run),
        _pairs(
            "Artifacts",
            {
                name: artifact.digest or artifact.path
                for name, artifact in run.artifacts.items()
            },
        ),
    ]
    return f"<div>{''.join(parts)}</div>"


def table_page(table: "RunTable") -> str:
    """Return runs below each other, with what differs among them."""
    if not table:
        return "<p>no runs</p>"
    rows = list(table[:_MOST_ROWS].rows())
    names = dict.fromkeys(name for row in rows for name in row)
    shown = [name for name in _ALWAYS if name in names]
    shown += [name for name in names if name.endswith(".last")][:_MOST_SERIES]
    shown += _differing(rows, names)
    shown = shown[:_MOST_COLUMNS]
    body = _table(shown, ([row.get(name) for name in shown] for row in rows))
    more = len(table) - len(rows)
    return f"<div>{body}{f'<p>and {more} more</p>' if more else ''}</div>"


def _differing(rows: Sequence[Mapping[str, object]], names: Iterable[str]) -> list[str]:
    """Return the params in which rows differ, those with most values first."""
    looks = {
        name: len({to_json(_value(row.get(name))) for row in rows})
        for name in names
        if name.startswith("params.")
    }
    differing = [name for name, count in looks.items() if count > 1]
    return sorted(differing, key=lambda name: (-looks[name], name))


def _pairs(title: str, pairs: Mapping[str, object]) -> str:
    return _table((title, ""), pairs.items()) if pairs else ""


def _series(run: "StoredRun") -> str:
    rows = [
        (name, one.count, one.last, one.min, one.max)
        for name, one in sorted(run.series.items(), key=_own_first)
    ]
    return _table(("Series", "points", "last", "min", "max"), rows) if rows else ""


def _own_first(series: tuple[str, object]) -> tuple[bool, str]:
    name, _ = series
    return is_sampled(name), name


def _table(titles: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    head = "".join(f"<th>{_cell(title)}</th>" for title in titles)
    lines = [
        f"<tr>{''.join(f'<td>{_cell(cell)}</td>' for cell in row)}</tr>" for row in rows
    ]
    return (
        '<table style="white-space: nowrap"><thead>'
        f"<tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
    )


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        text = f"{value:.6g}"
    elif isinstance(value, datetime):
        text = f"{value:%Y-%m-%d %H:%M:%S}"
    else:
        found = _value(value)
        text = found if isinstance(found, str) else to_json(found)
    cut = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return escape(cut)


def _value(value: object) -> Value:
    """Return a value as JSON can say it; a time as text."""
    is_plain = value is None or isinstance(value, str | int | float | list | Mapping)
    return check_value(value if is_plain else str(value), "value")
