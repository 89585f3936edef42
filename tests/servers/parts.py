"""The parts of the contract that a store decides."""

from tracker_core.testing.contract.columns import GatheredPoints
from tracker_core.testing.contract.compactions import Compactions
from tracker_core.testing.contract.contents import Contents
from tracker_core.testing.contract.edges import Edges
from tracker_core.testing.contract.eight import EightCalls
from tracker_core.testing.contract.faults import Faults
from tracker_core.testing.contract.heartbeats import Heartbeats
from tracker_core.testing.contract.machine import Machine
from tracker_core.testing.contract.sharing import Sharing
from tracker_core.testing.contract.taking import Taking

__all__ = ["StoreParts"]


class StoreParts(
    EightCalls,
    Edges,
    Taking,
    GatheredPoints,
    Heartbeats,
    Contents,
    Compactions,
    Sharing,
    Faults,
    Machine,
):
    """All others follow from the records alone, which are the same wherever they lie.

    For a backend that keeps the whole contract on another store; the random stories
    here mix everything in.
    """

    # Each request takes a hundred times what it takes on a disk.
    machine_examples = 3
    machine_steps = 12
    # Hundreds of requests each, for what the others say in few.
    test_sources_keep_names_apart = None  # type: ignore[assignment]  # left out
    test_run_ids_keep_runs_apart = None  # type: ignore[assignment]  # left out
    test_contents_are_kept_apart = None  # type: ignore[assignment]  # left out
    test_processes_add_one_content_at_once = None  # type: ignore[assignment]  # left out
