"""The contract of a tracker, as a suite of tests that a backend's author subclasses.

.. code-block:: python

    import functools

    import pytest
    from tracker_core.testing import TrackerContract

    from tracker_mine import create


    class TestMine(TrackerContract):
        @pytest.fixture
        def open_tracker(self, tmp_path):
            return functools.partial(create, str(tmp_path / "runs.db"))

pytest explains a failed comparison only in modules that it has rewritten, so tell it
of these in ``conftest.py``, before anything imports them::

    pytest.register_assert_rewrite("tracker_core.testing.contract")

The suite needs pytest and hypothesis. It runs what the tracker declares in its
``capabilities`` and skips the rest, naming what is missing.
"""

from tracker_core.testing.contract.changes import Changes
from tracker_core.testing.contract.columns import GatheredPoints
from tracker_core.testing.contract.compactions import Compactions
from tracker_core.testing.contract.contents import Contents
from tracker_core.testing.contract.curves import Curves
from tracker_core.testing.contract.edges import Edges
from tracker_core.testing.contract.eight import EightCalls
from tracker_core.testing.contract.faults import Faults
from tracker_core.testing.contract.heartbeats import Heartbeats
from tracker_core.testing.contract.identity import Identity
from tracker_core.testing.contract.lives import Lives
from tracker_core.testing.contract.logs import Logs
from tracker_core.testing.contract.machine import Machine
from tracker_core.testing.contract.queries import Queries
from tracker_core.testing.contract.refusals import Refusals
from tracker_core.testing.contract.removals import Removals
from tracker_core.testing.contract.retelling import Retelling
from tracker_core.testing.contract.rewinds import Rewinds
from tracker_core.testing.contract.sharing import Sharing
from tracker_core.testing.contract.steps import Steps
from tracker_core.testing.contract.streams import Streams
from tracker_core.testing.contract.taking import Taking
from tracker_core.testing.contract.tracks import Tracks

__all__ = ["TrackerContract"]


class TrackerContract(
    EightCalls,
    Edges,
    Taking,
    GatheredPoints,
    Lives,
    Heartbeats,
    Identity,
    Changes,
    Curves,
    Streams,
    Rewinds,
    Logs,
    Tracks,
    Steps,
    Contents,
    Retelling,
    Compactions,
    Removals,
    Queries,
    Refusals,
    Sharing,
    Faults,
    Machine,
):
    """Everything that a tracker promises; subclass it and give ``open_tracker``.

    The fixture ``open_tracker`` returns a function without arguments. Each call opens
    another tracker object on one store, which is empty when a test begins. For a
    tracker that declares ``Capability.MULTI_PROCESS`` the function can be pickled, for
    example a ``functools.partial`` of the backend's factory. What it returns may be a
    plain tracker, any object with the eight calls.

    Attributes:
        machine_examples: How many random stories are compared with the model; lower
            it for a slow server.
        machine_steps: How many steps each of them has at the most.
    """
