"""What the parts of a run – streams, tracks, steps – may do to it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from tracker_core.delivery.base import BodyT, Delivery
from tracker_core.errors import NotSupportedError, RunEndedError, RunNotFoundError

if TYPE_CHECKING:
    from tracker_core.api import NativeTracker
    from tracker_core.contents import Content

__all__ = ["Channel"]

_T = TypeVar("_T")


class Channel:
    """Sends records of one run and reads them back; safe to call from threads.

    Args:
        run_id: The run.
        delivery: How its records reach the backends.
        has_ended: Tells whether it takes no more records.
    """

    __slots__ = ("_delivery", "has_ended", "run_id")

    def __init__(
        self, run_id: str, delivery: Delivery, has_ended: Callable[[], bool]
    ) -> None:
        """Keep what is given."""
        self.run_id: str = run_id
        self._delivery = delivery
        self.has_ended: Callable[[], bool] = has_ended

    @property
    def is_busy(self) -> bool:
        """Whether the calling thread is just handing something to the backends."""
        return self._delivery.is_busy

    def send(self, body: BodyT, content: "Content | None" = None) -> BodyT:
        """Send a record that was checked, and the content that it names.

        Returns:
            The record as it is kept; where content cannot be, that is a reference.

        Raises:
            RunEndedError: The run takes no more records.
        """
        self.refuse_if_ended()
        return self._delivery.send(body, content)

    def stored(self, name: str) -> str:
        """Return the name by which a stream or an artifact called ``name`` is kept."""
        return self._delivery.stored(name)

    def refuse_if_ended(self) -> None:
        """Do nothing while the run takes records.

        Raises:
            RunEndedError: It takes no more.
        """
        if self.has_ended():
            raise RunEndedError(self.run_id)

    def ask(self, call: "Callable[[NativeTracker], _T]", empty: _T) -> _T:
        """Ask the trackers of the run until one answers.

        Returns:
            The answer; ``empty`` without trackers, and where those that could answer
            have not heard of the run.

        Raises:
            NotSupportedError: None of them holds such things.
        """
        is_unknown = False

        def known(tracker: "NativeTracker") -> tuple[_T]:
            nonlocal is_unknown
            try:
                return (call(tracker),)
            except RunNotFoundError:  # nothing was logged yet, or not here
                is_unknown = True
                raise

        try:
            found = self._delivery.read(known)
        except RunNotFoundError:
            return empty
        except NotSupportedError:
            if not is_unknown:
                raise
            return empty
        return empty if found is None else found[0]

    def flush(self, timeout: float | None = None, *, durable: bool = False) -> int:
        """Wait until all is delivered; return how many records are still due."""
        return self._delivery.flush(timeout, durable=durable)
