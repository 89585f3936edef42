"""A tracker that fails as planned, to prove that nothing else fails with it.

.. code-block:: python

    from tracker_core import RetryableError
    from tracker_core.testing.faults import FailHalfway, FaultyTracker, every

    tracker = FaultyTracker(inner, every(3, FailHalfway(RetryableError("busy"))))

A **plan** says which calls a fault befalls, and a **fault** what happens then. Both are
functions, so a test may write its own; these come ready-made:

=======================  ===========================================================
:class:`Fail`            an error; nothing was taken
:class:`FailHalfway`     an error; the first half of the batch was taken
:class:`FailAfter`       an error; everything was taken
:class:`Slow`            the call takes its time
:class:`Hang`            the call does not return until it is let go
:class:`Die`             the process is killed, before the call or after it
-----------------------  -----------------------------------------------------------
:func:`always`           befalls every call
:func:`every`            befalls every n-th call
:func:`first`            befalls the first n calls, then no more
:func:`once`             befalls the n-th call alone
:func:`seeded`           befalls calls at random, the same ones each time
=======================  ===========================================================

:func:`create` makes such a tracker from a text, for jobs in processes of their own.
"""

from tracker_core.testing.faults.factory import create
from tracker_core.testing.faults.fault import (
    Call,
    Die,
    Fail,
    FailAfter,
    FailHalfway,
    Fault,
    Hang,
    Slow,
)
from tracker_core.testing.faults.plans import (
    FaultPlan,
    always,
    every,
    first,
    once,
    seeded,
)
from tracker_core.testing.faults.tracker import FaultyTracker

__all__ = [
    "Call",
    "Die",
    "Fail",
    "FailAfter",
    "FailHalfway",
    "Fault",
    "FaultPlan",
    "FaultyTracker",
    "Hang",
    "Slow",
    "always",
    "create",
    "every",
    "first",
    "once",
    "seeded",
]
