"""What can be asked of a run: its attributes, and what it logged.

A :class:`Field` names one value of a run. It lies in one of five spaces: the run itself
(:data:`RUN_ATTRIBUTES`), its params, tags and metadata by key, and the summary of each
of its series. Conditions and orders are made of fields; every backend looks them up.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import TypeAlias

from tracker_core.errors import InvalidValueError
from tracker_core.summaries import Summary
from tracker_core.values import check_name

__all__ = [
    "RUN_ATTRIBUTES",
    "STATUSES",
    "SUMMARY_PARTS",
    "Field",
    "Operand",
    "Ordering",
    "Space",
    "kind_of",
]

Operand: TypeAlias = "str | int | float | bool | datetime"
"""What a field is compared with; times are aware and in UTC."""

RUN_ATTRIBUTES: Mapping[str, type] = MappingProxyType(
    {
        "run_id": str,
        "name": str,
        "experiment": str,
        "group_id": str,
        "parent_run_id": str,
        "status": str,
        "trace_id": str,
        "span_id": str,
        "created_at": datetime,
        "started_at": datetime,
        "ended_at": datetime,
        "duration": float,
    }
)
"""Each attribute of a run and its kind; ``duration`` is ``ended_at - started_at`` in
seconds, the others are those of :class:`~tracker_core.runs.RunInfo`."""

STATUSES = ("PENDING", "RUNNING", "FINISHED", "FAILED", "KILLED")
"""Every status that a run can have, in the order of its life."""

SUMMARY_PARTS: tuple[str, ...] = Summary._fields
"""What a field of a series can name, from ``count`` to ``max_step``."""

_DEFAULT_PART = "last"


class Space(StrEnum):
    """Where a field lies; the values are the words of the text form."""

    RUN = "run"
    PARAMS = "params"
    TAGS = "tags"
    METADATA = "metadata"
    METRICS = "metrics"


@dataclass(frozen=True, slots=True)
class Field:
    """One value of a run.

    Args:
        space: Where it lies.
        key: An attribute's name, a key, or the name of a series (``train/loss``).
        part: For a series one of :data:`SUMMARY_PARTS`, ``last`` when it is left out;
            None elsewhere.

    Raises:
        UnsupportedTypeError: The key is no text.
        InvalidValueError: There is no such attribute or part, or the key is unusable.
    """

    space: Space
    key: str
    part: str | None = None

    def __post_init__(self) -> None:
        """Check that it exists, and fill in the part of a series."""
        key = check_name(self.key, f"the key of a field of {self.space}")
        object.__setattr__(self, "key", key)
        if self.space is Space.RUN and key not in RUN_ATTRIBUTES:
            raise InvalidValueError(_unknown(key))
        if self.space is not Space.METRICS:
            if self.part is not None:
                message = f"{self.space} has no parts, as {self.part!r}; leave it out"
                raise InvalidValueError(message)
            return
        part = _DEFAULT_PART if self.part is None else self.part
        if part not in SUMMARY_PARTS:
            parts = ", ".join(SUMMARY_PARTS)
            message = f"a series has no part {part!r}; use one of {parts}"
            raise InvalidValueError(message)
        object.__setattr__(self, "part", part)


@dataclass(frozen=True, slots=True)
class Ordering:
    """By which field runs are sorted; a run without it comes last in both directions.

    Args:
        field: What is compared.
        is_descending: Whether the greatest comes first.
    """

    field: Field
    is_descending: bool = False


def kind_of(value: object) -> type | None:
    """Tell what a value can be compared with: only values of one kind compare.

    Returns:
        ``str``, ``float`` (for int too), ``bool`` or ``datetime``; None for whatever
        compares with nothing: None, lists, mappings and foreign objects.
    """
    if isinstance(value, bool):
        return bool
    if isinstance(value, int | float):
        return float
    if isinstance(value, str):
        return str
    return datetime if isinstance(value, datetime) else None


def _unknown(name: str) -> str:
    from difflib import get_close_matches

    first, dot, rest = name.partition(".")
    spaces = [space.value for space in Space if space is not Space.RUN]
    if not dot and first in spaces:
        return f"{first} needs a key; write {first}.KEY"
    # What has a key can only be one of the spaces, what has none only an attribute.
    known = spaces if dot else list(RUN_ATTRIBUTES)
    near = get_close_matches(first.lower(), known, 1)
    if near:
        hint = f"did you mean {near[0] + dot + rest!r}?"
    else:
        attributes = ", ".join(RUN_ATTRIBUTES)
        hint = f"did you mean params.{name} or metrics.{name}? a run has {attributes}"
    return f"a run has no attribute {name!r}; {hint}"
