"""Names and texts in the form that MLflow takes.

A key – of a param, a metric or a tag – has letters and digits of any script, ``_``,
``-``, ``.``, blanks, ``:`` and ``/``, at most 250 in all, and is a path that cannot be
written shorter. A key that MLflow would refuse is shown with ``_`` in the place of each
other character and the first eight digits of its SHA-256 at its end, so that different
keys stay apart: ``loss@0.5`` as ``loss_0.5-7c1bd5f4``. The tag ``tracker.name.<shown>``
tells the true one.

The name of an artifact's file keeps to a smaller set, as its path becomes a URL.
"""

import posixpath
import re
from hashlib import sha256

__all__ = [
    "LONGEST_PARAM",
    "LONGEST_TAG",
    "cut",
    "file_path",
    "shown_experiment",
    "shown_key",
]

LONGEST_PARAM = 6000
LONGEST_TAG = 5000
"""Servers before version 2.16 take no more; later ones take 8000."""

_LONGEST_KEY = 250
_REFUSED = re.compile(r"[^\w.\- :/]")
_REFUSED_IN_FILES = re.compile(r"[^\w.\- ]")
# Of what file systems take, less what MLflow puts before it.
_LONGEST_FILE = 200
_LONGEST_SUFFIX = 20
_LONGEST_EXPERIMENT = 250
_MARK = "…"


def shown_key(key: str) -> str:
    """Return the key under which MLflow shows something: ``key`` itself if it can."""
    if len(key) <= _LONGEST_KEY and not _REFUSED.search(key) and _is_plain(key):
        return key
    parts = (part.strip(" ") for part in _REFUSED.sub("_", key).split("/"))
    clean = "/".join(part for part in parts if part.strip("."))
    return _marked(clean, key, _LONGEST_KEY)


def file_path(name: str) -> str:
    """Return the path of an artifact's file below those of its run."""
    parts = name.split("/")
    is_safe = not any(
        _REFUSED_IN_FILES.search(part) or len(part.encode()) > _LONGEST_FILE
        for part in parts
    )
    if is_safe and _is_plain(name) and name == name.strip():
        return name
    base, dot, suffix = name.rpartition(".")
    if not dot or _REFUSED_IN_FILES.search(suffix) or len(suffix) > _LONGEST_SUFFIX:
        base, dot, suffix = name, "", ""
    stem = _REFUSED_IN_FILES.sub("_", base).strip("_. ")
    return _marked(stem[: _LONGEST_FILE // 4], name, _LONGEST_FILE) + dot + suffix


def shown_experiment(name: str) -> str:
    """Return the name under which MLflow shows an experiment."""
    clean = cut(name, _LONGEST_EXPERIMENT)
    return name if clean == name else _marked(clean, name, _LONGEST_EXPERIMENT)


def cut(text: str, longest: int) -> str:
    """Return a text that is short enough; what was cut ends in ``…``.

    PostgreSQL takes no NUL, in whose place stands the mark of what cannot be shown.
    """
    text = text.replace("\0", "\ufffd")
    return text if len(text) <= longest else text[: longest - 1] + _MARK


def _is_plain(name: str) -> bool:
    return (
        posixpath.normpath(name) == name
        and name not in ("", ".")
        and not name.startswith(("..", "/"))
    )


def _marked(clean: str, name: str, longest: int) -> str:
    digest = sha256(name.encode()).hexdigest()[:8]
    return f"{clean[: longest - 9]}-{digest}" if clean else digest
