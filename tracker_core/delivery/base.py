"""What a run knows of the way that its records take."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from tracker_core.api import NativeTracker, TrackerBase
from tracker_core.interruptions import is_interruption
from tracker_core.notices import warn
from tracker_core.plain import PlainTracker, native
from tracker_core.records import Body
from tracker_core.redaction import describe

if TYPE_CHECKING:
    from tracker_core.contents import Content

__all__ = ["BodyT", "Delivery", "Target", "unheld"]

_T = TypeVar("_T")
BodyT = TypeVar("BodyT", bound=Body)


class Target(NamedTuple):
    """A tracker that a run is delivered to.

    Args:
        name: What messages call it.
        tracker: The tracker, or the wrapper of a plain one.
        config: Its config string, hidden from messages; None when it had none.
        is_owned: Whether closing the delivery closes the tracker.
        factory: How it was built, where its name does not tell.
    """

    name: str
    tracker: NativeTracker
    config: str | None = None
    is_owned: bool = False
    factory: str | None = None

    @property
    def raw(self) -> TrackerBase:
        """The tracker as it was built, without a wrapper."""
        tracker = self.tracker
        return tracker.raw if isinstance(tracker, PlainTracker) else tracker

    def close(self) -> None:
        """Close the tracker; what it raises becomes a warning."""
        try:
            with self.tracker.turn:
                self.tracker.close()
        except BaseException as error:
            if is_interruption(error):
                raise
            shown = describe(error, [self.config])
            warn("backend %r failed to close: %s", self.name, shown)

    def __repr__(self) -> str:
        """Show the name and the kind of the tracker, nothing that may be secret."""
        return f"<target {self.name!r}: {type(self.raw).__name__}>"

    @classmethod
    def of(cls, tracker: object) -> "Target":
        """Return a target for a tracker object that somebody else closes."""
        return cls(type(tracker).__name__, native(tracker))


class Delivery(ABC):
    """Takes the records of one run to where they belong, and reads them back.

    Safe to call from several threads; usable in a forked child, which becomes a writer
    of its own.
    """

    @property
    def is_busy(self) -> bool:
        """Whether the calling thread is just handing something to the trackers."""
        return False

    def point(self, key: str, value: object, step: object) -> bool:
        """Take one number of one series in the shortest way, where there is one.

        Args:
            key: The name of the series; like the rest, it is not checked yet.
            value: The number.
            step: The x axis that the job counts, or None.

        Returns:
            False where it was not taken; :meth:`send` takes it then.
        """
        del key, value, step
        return False

    def points(self, values: Mapping[str, object], step: object) -> bool:
        """Take one record of several numbers, as :meth:`point`."""
        del values, step
        return False

    @abstractmethod
    def send(self, body: BodyT, content: "Content | None" = None) -> BodyT:
        """Take one record, checked already, and the content that it names if any.

        Returns:
            The record as it is kept; where content cannot be, that is a reference.
        """

    def stored(self, name: str) -> str:
        """Return the name by which a stream or an artifact called ``name`` is kept."""
        return name

    @abstractmethod
    def read(self, call: Callable[[NativeTracker], _T]) -> _T | None:
        """Ask a tracker that holds the run; None where there is none."""

    @abstractmethod
    def flush(self, timeout: float | None = None, *, durable: bool = False) -> int:
        """Wait at most ``timeout`` seconds; return how many records are still due.

        Args:
            timeout: The most seconds to wait; None for as long as it takes.
            durable: Whether what waits is brought to the disk, against loss of power.
        """

    @abstractmethod
    def close(self, within: float | None = None) -> None:
        """End the delivery and sum up what failed; repeating it changes nothing.

        Args:
            within: The most seconds to wait, where it is less than usual.
        """


def unheld(kind: str, count: int) -> str:
    """Return in words what a tracker could not hold."""
    if kind == "metrics":
        return f"of {count} metric values the last of each series"
    if kind == "content":
        return f"of {count} artifacts the digest, not the content"
    return f"none of {count} {kind} records"
