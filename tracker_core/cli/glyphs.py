"""How the status of a run looks: a letter that the eye finds in a list, a colour."""

from collections.abc import Mapping
from types import MappingProxyType

from tracker_core.cli.printing import has_letters

__all__ = ["STATUS_COLOURS", "status_glyph"]

STATUS_COLOURS: Mapping[str, str] = MappingProxyType(
    {
        "FINISHED": "green",
        "FAILED": "red",
        "KILLED": "yellow",
        "RUNNING": "cyan",
        "LOST": "magenta",
    }
)
"""The colour of each status that has one."""

_GLYPHS: Mapping[str | None, str] = MappingProxyType(
    {
        "PENDING": "○",
        "RUNNING": "●",
        "FINISHED": "✓",
        "FAILED": "✗",
        "KILLED": "■",
        "LOST": "?",
        None: "–",
    }
)
_ASCII: Mapping[str | None, str] = MappingProxyType(
    {
        "PENDING": "o",
        "RUNNING": "*",
        "FINISHED": "+",
        "FAILED": "x",
        "KILLED": "#",
        "LOST": "?",
        None: "-",
    }
)


def status_glyph(status: str | None) -> str:
    """Return the letter of a status, one cell wide.

    It is one of ``○ ● ✓ ✗ ■ ?`` for a run that is pending, runs, has finished, has
    failed, was killed, or is lost, and ``o * + x # ?`` where the encoding of the
    output lacks any of them, so that each has one meaning throughout.

    Args:
        status: As :func:`~tracker_core.cli.outcomes.status_name` gives it; None and a
            status that is not known have a dash.
    """
    glyphs = _GLYPHS if has_letters("".join(_GLYPHS.values())) else _ASCII
    return glyphs.get(status, glyphs[None])
