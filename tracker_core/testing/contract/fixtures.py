"""The fixtures of the contract, and what makes a test skip."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TypeAlias

import pytest

from tracker_core.api import Capability, NativeTracker
from tracker_core.identity import new_run_id
from tracker_core.plain import PlainTracker, native

__all__ = ["ContractFixtures", "OpenNative", "OpenTracker", "require"]

OpenTracker: TypeAlias = Callable[[], object]
OpenNative: TypeAlias = Callable[[], NativeTracker]


class ContractFixtures:
    """What every part of the contract uses; an author gives ``open_tracker``.

    Attributes:
        machine_examples: How many random stories are compared with the model.
        machine_steps: How many steps each of them has at the most.
    """

    machine_examples = 100
    machine_steps = 30

    @pytest.fixture
    def open_tracker(self) -> OpenTracker:
        """Return a function that opens a tracker; authors override this."""
        message = f"{type(self).__name__} needs the fixture open_tracker"
        raise NotImplementedError(message)

    @pytest.fixture
    def open_native(self, open_tracker: OpenTracker) -> Iterator[OpenNative]:
        """Return a function that opens a native tracker, closed after the test."""
        with ExitStack() as stack:

            def open_one() -> NativeTracker:
                tracker = native(open_tracker())
                stack.callback(tracker.close)
                return tracker

            yield open_one

    @pytest.fixture
    def tracker(self, open_native: OpenNative) -> NativeTracker:
        """Return a tracker of any sort on an empty store."""
        return open_native()

    @pytest.fixture
    def native_tracker(self, tracker: NativeTracker) -> NativeTracker:
        """Return a tracker that takes records; skip for plain ones."""
        if isinstance(tracker, PlainTracker):
            pytest.skip("needs a native tracker; this one has the eight calls alone")
        return tracker

    @pytest.fixture
    def history_tracker(self, native_tracker: NativeTracker) -> NativeTracker:
        """Return a native tracker that keeps every point; skip for others."""
        require(native_tracker, Capability.HISTORY)
        return native_tracker

    @pytest.fixture
    def content_tracker(self, native_tracker: NativeTracker) -> NativeTracker:
        """Return a native tracker that keeps content; skip for others."""
        require(native_tracker, Capability.CONTENT)
        return native_tracker

    @pytest.fixture
    def run_id(self) -> str:
        """Return the id of a run that the store does not hold."""
        return new_run_id()


def require(tracker: NativeTracker, capability: Capability) -> None:
    """Skip the test for a tracker that does not declare ``capability``."""
    if capability not in tracker.capabilities:
        pytest.skip(f"needs the capability {capability.value!r}, which is not declared")
