"""What the machine of a run is busy with, in a few words."""

from collections.abc import Mapping

from tracker_core.cli.tables import value_cell
from tracker_core.cli.text import size_words
from tracker_core.metrics import SAMPLED, is_sampled
from tracker_core.summaries import Summary
from tracker_core.values import Value

__all__ = ["machine_items"]

# Those first that tell what the job itself does.
_FIRST = ("job_", "gpu.", "cpu_", "memory_percent")
# Tenths of a percent are of interest below.
_WHOLE = 10
_LAST = ("network_", "disk_")


def machine_items(series: Mapping[str, Summary]) -> list[str]:
    """Return what the launcher has sampled last, with its most but for percentages.

    ``job cpu 98%``, ``job memory 1.2 GiB (max 2.0 GiB)``, ``disk read 12 MiB/s``
    """
    sampled = {
        name.removeprefix(f"{SAMPLED}/"): summary
        for name, summary in series.items()
        if is_sampled(name)
    }
    return [_item(name, sampled[name]) for name in sorted(sampled, key=_place)]


def _place(name: str) -> tuple[int, str]:
    for place, beginning in enumerate(_FIRST):
        if name.startswith(beginning):
            return place, name
    is_late = name.startswith(_LAST)
    return len(_FIRST) + is_late, name


def _item(name: str, summary: Summary) -> str:
    for unit in ("_percent", "_bytes_per_s", "_bytes"):
        if name.endswith(unit):
            words = name.removesuffix(unit)
            break
    else:
        words, unit = name, ""
    last, most = (_amount(value, unit) for value in (summary.last, summary.max))
    is_more = summary.max is not None and most != last and unit != "_percent"
    more = f" (max {most})" if is_more else ""
    return f"{words.replace('_', ' ').replace('.', ' ')} {last}{more}"


def _amount(value: Value, unit: str) -> str:
    if not isinstance(value, int | float) or not abs(value) < float("inf"):
        return value_cell(value)
    if unit == "_percent":
        return f"{value:.0f}%" if value >= _WHOLE else f"{value:.1f}%"
    if unit:
        return size_words(int(value)) + ("/s" if unit == "_bytes_per_s" else "")
    return f"{value:.4g}"
