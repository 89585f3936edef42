"""A step that is launched by itself: what its job logs has the step's name in front.

The job logs as if it were the whole run. On their way its records become those that
``with run.step(name)`` would have made: metric streams, artifacts and steps lie below
the step; the rest belongs to the run.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar, cast

from tracker_core.api import NativeTracker
from tracker_core.delivery.base import BodyT, Delivery
from tracker_core.errors import InvalidValueError
from tracker_core.records import (
    ArtifactBody,
    Body,
    ColumnsBody,
    MetricsBody,
    StartedBody,
    StepBody,
)
from tracker_core.values import check_name

if TYPE_CHECKING:
    from tracker_core.contents import Content

__all__ = ["SteppedDelivery", "check_step", "in_step"]

_T = TypeVar("_T")


def check_step(name: str) -> str:
    """Check the name of a step.

    Raises:
        InvalidValueError: It is empty, or begins or ends with ``/``.
    """
    checked = check_name(name, "step name")
    if checked.strip("/") != checked:
        message = f"step name {name!r} begins or ends with '/'; leave that out"
        raise InvalidValueError(message)
    return checked


def in_step(step: str, body: BodyT) -> BodyT:
    """Return a record of the run as one of a step; what has no step stays as it is."""
    told: Body = body
    match body:
        case MetricsBody(number, streams):
            named = {_below(step, name): fields for name, fields in streams.items()}
            told = MetricsBody(number, named)
        case ColumnsBody(stream=stream):
            told = body._replace(stream=_below(step, stream))
        case ArtifactBody(name=name):
            told = body._replace(name=_below(step, name))
        case StepBody(step=inner):
            told = body._replace(step=_below(step, inner))
        case StartedBody():
            told = body._replace(step=step)
        case _:
            pass
    return cast("BodyT", told)


class SteppedDelivery(Delivery):
    """The delivery of a run, for the job of one of its steps.

    Args:
        delivery: That of the run.
        step: The name of the step.
    """

    def __init__(self, delivery: Delivery, step: str) -> None:
        """Keep both."""
        self._delivery = delivery
        self._step = step

    @property
    def is_busy(self) -> bool:
        """Whether the calling thread is just handing something to the trackers."""
        return self._delivery.is_busy

    def point(self, key: str, value: object, step: object) -> bool:
        """Take one number the shortest way, as :meth:`Delivery.point` says."""
        is_text = type(key) is str
        return is_text and self._delivery.point(f"{self._step}/{key}", value, step)

    def points(self, values: Mapping[str, object], step: object) -> bool:
        """Take several numbers the shortest way, as :meth:`Delivery.points` says."""
        if not all(type(key) is str for key in values):
            return False
        named = {f"{self._step}/{key}": value for key, value in values.items()}
        return self._delivery.points(named, step)

    def send(self, body: BodyT, content: "Content | None" = None) -> BodyT:
        """Take one record as one of the step."""
        return self._delivery.send(in_step(self._step, body), content)

    def stored(self, name: str) -> str:
        """Return the name by which what the job calls ``name`` is kept."""
        return _below(self._step, name)

    def read(self, call: Callable[[NativeTracker], _T]) -> _T | None:
        """Ask a tracker that holds the run, as :meth:`Delivery.read` says."""
        return self._delivery.read(call)

    def flush(self, timeout: float | None = None, *, durable: bool = False) -> int:
        """Wait for the delivery, as :meth:`Delivery.flush` says."""
        return self._delivery.flush(timeout, durable=durable)

    def close(self, within: float | None = None) -> None:
        """End the delivery, as :meth:`Delivery.close` says."""
        self._delivery.close(within)


def _below(step: str, name: str) -> str:
    return f"{step}/{name}" if name else step
