"""What a removal has done."""

from typing import NamedTuple

__all__ = ["Removal"]


class Removal(NamedTuple):
    """What :meth:`NativeTracker.remove` has removed.

    Args:
        records: How many records of the run were taken, which are gone.
        artifacts: How many artifacts it had, by name.
        freed_bytes: How much content went with them, which no other run names.
        remains: What stays for now, and until when, each in words for a person.
    """

    records: int = 0
    artifacts: int = 0
    freed_bytes: int = 0
    remains: tuple[str, ...] = ()
