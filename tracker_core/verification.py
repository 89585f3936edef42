"""Whether several trackers hold the same of a run.

Everything that a tracker can be asked about a run is compared: by type, and floats by
their bits. Lineage is compared by the edges that the run has itself, for what came of
it is told by other runs. The time of the last heartbeat is passed over, since it goes
to each tracker on its own.

What a tracker cannot hold is left out. One without
:attr:`~tracker_core.api.Capability.HISTORY` knows what it was told last: not the times,
causes and attempts of a run, and of a series the last value alone. Every tracker that
keeps content is asked for the bytes, and damaged ones count as a difference even where
no other tracker has better ones.

Points are compared by columns and by the page, so a series of any length takes no
more memory than a page of it in each tracker. How the fields of a stream fall together
in rows is compared up to a page of points; messages and tracks are read whole.
"""

from collections.abc import Iterable, Mapping, Sequence

from tracker_core.api import TrackerBase
from tracker_core.comparisons import compare_content, compare_listing, compare_reading
from tracker_core.errors import (
    InvalidValueError,
    RunNotFoundError,
    UnsupportedTypeError,
)
from tracker_core.findings import (
    NOTHING,
    Difference,
    Findings,
    Verification,
)
from tracker_core.plain import native
from tracker_core.pointwise import compare_series
from tracker_core.readings import LISTINGS, READINGS, Ability, Witness
from tracker_core.values import check_name

__all__ = ["verify"]

_FEWEST = 2
_UNHELD: Mapping[Ability, tuple[tuple[str, ...], str]] = {
    "metadata": (
        (
            *("who it is", "status", "span", "provenance", "params", "tags"),
            *("metadata", "last values of series"),
        ),
        "it takes no metadata",
    ),
    "artifacts": (("artifacts",), "it takes no artifacts"),
    "sources": (("sources",), "it takes no sources"),
    "history": (
        (
            *("times", "cause", "attempts", "points", "summaries", "messages"),
            *("tracks", "steps", "changes of params and artifacts"),
        ),
        "it keeps no history",
    ),
    "content": (("content",), "it keeps no content"),
}


def verify(
    run_id: str, trackers: Mapping[str, TrackerBase] | Iterable[TrackerBase]
) -> Verification:
    """Compare what trackers hold of a run.

    ::

        found = verify(run.run_id, {"sqlite": database, "fsspec": folder})
        for difference in found.differences:
            print(difference.kind, difference.key, difference.said)

    A run that is still being written may differ for a moment.

    Args:
        run_id: The run.
        trackers: At least two, by their names in what is returned; without names they
            are called by their classes. Plain ones are compared as far as they go.

    Raises:
        RunNotFoundError: None of the trackers holds the run.
        InvalidValueError: There are fewer than two trackers.
        UnsupportedTypeError: They are neither a mapping nor a list.
        ConfigError: One of them is no tracker.
        Exception: What a tracker raises; a note tells the name of the tracker.
    """
    run_id = check_name(run_id, "run id")
    witnesses = _witnesses(run_id, trackers)
    findings = Findings()
    holders = _holders(run_id, witnesses, findings)
    for reading in READINGS:
        compare_reading(reading, holders, findings)
    for listing in LISTINGS:
        compare_listing(listing, holders, findings)
    compare_series(holders, findings)
    compare_content(holders, findings)
    for holder in holders:
        _leave_out(holder, findings)
    return findings.verification(run_id, (witness.name for witness in witnesses))


def _witnesses(
    run_id: str, trackers: Mapping[str, TrackerBase] | Iterable[TrackerBase]
) -> Sequence[Witness]:
    named = trackers if isinstance(trackers, Mapping) else _named(trackers)
    if len(named) < _FEWEST:
        message = f"{len(named)} trackers cannot be compared; give at least two"
        raise InvalidValueError(message)
    return [Witness(name, native(found), run_id) for name, found in named.items()]


def _named(trackers: object) -> Mapping[str, TrackerBase]:
    if not isinstance(trackers, Iterable):
        kind = type(trackers).__qualname__
        raise UnsupportedTypeError("trackers", kind, "a mapping or a list of trackers")
    named: dict[str, TrackerBase] = {}
    for tracker in trackers:
        name, number = type(tracker).__name__, 1
        while name in named:
            number += 1
            name = f"{type(tracker).__name__} {number}"
        named[name] = tracker
    return named


def _holders(
    run_id: str, witnesses: Sequence[Witness], findings: Findings
) -> Sequence[Witness]:
    holds = {witness: witness.holds_run() for witness in witnesses}
    if True not in holds.values():
        raise RunNotFoundError(run_id)
    if False in holds.values():
        words = {True: "held", False: NOTHING}
        said = {
            w.name: words[is_held] for w, is_held in holds.items() if is_held in words
        }
        findings.add(Difference("run", "", said))
    return [witness for witness, is_held in holds.items() if is_held is not False]


def _leave_out(holder: Witness, findings: Findings) -> None:
    for ability, (things, reason) in _UNHELD.items():
        if not holder.can(ability):
            findings.leave_out(holder.name, things, reason)
