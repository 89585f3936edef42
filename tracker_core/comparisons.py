"""Comparing what several trackers tell of a run: by key, by place, and by content."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain, zip_longest
from typing import TypeVar

from tracker_core.api import NativeTracker
from tracker_core.contents import checked, pieces
from tracker_core.errors import ContentError
from tracker_core.findings import Difference, Fields, Findings, Kind
from tracker_core.readings import Listing, Reading, Witness

__all__ = [
    "all_keys",
    "asked",
    "compare_content",
    "compare_keyed",
    "compare_listing",
    "compare_ordered",
    "compare_reading",
]

_T = TypeVar("_T")


def compare_reading(
    reading: Reading, witnesses: Iterable[Witness], findings: Findings
) -> None:
    """Compare the things of one kind that are found by their keys."""
    able = [witness for witness in witnesses if witness.can(reading.needs)]
    compare_keyed(reading.kind, asked(able, reading.read), findings)


def compare_listing(
    listing: Listing, witnesses: Iterable[Witness], findings: Findings
) -> None:
    """Compare all lists of one kind."""
    able = [witness for witness in witnesses if witness.can("history")]
    keys = asked(able, lambda tracker, run: [*listing.keys(tracker, run)])
    for key in all_keys(keys):
        told = [w for w in able if key in keys[w] or not listing.is_keyed]
        found = asked(told, _list_of(listing, key))
        compare_ordered(listing.kind, key, found, findings)


def compare_content(witnesses: Iterable[Witness], findings: Findings) -> None:
    """Read all content of each tracker that keeps it; note what is not whole."""
    able = [witness for witness in witnesses if witness.can("artifacts", "content")]
    digests = asked(able, _digests)
    for digest in all_keys(digests):
        keepers = [witness for witness in able if digest in digests[witness]]
        states = asked(keepers, _state_of(digest))
        if not all(is_whole for is_whole, _ in states.values()):
            said = {witness.name: words for witness, (_, words) in states.items()}
            findings.add(Difference("content", digest, said))


def compare_keyed(
    kind: Kind, found: Mapping[Witness, Mapping[str, Fields]], findings: Findings
) -> None:
    """Compare what trackers tell of each key."""
    for key in all_keys(found):
        told = {witness.name: things.get(key) for witness, things in found.items()}
        findings.compare(kind, key, told)


def compare_ordered(
    kind: Kind,
    key: str,
    found: Mapping[Witness, Sequence[Fields]],
    findings: Findings,
) -> None:
    """Find the first place at which lists differ."""
    names = [witness.name for witness in found]
    for index, things in enumerate(zip_longest(*found.values())):
        told = dict(zip(names, things, strict=True))
        if findings.compare(kind, key, told, index):
            return


def asked(
    witnesses: Iterable[Witness], read: Callable[[NativeTracker, str], _T]
) -> dict[Witness, _T]:
    """Return what each tracker answers."""
    return {witness: witness.ask(read) for witness in witnesses}


def all_keys(found: Mapping[Witness, Iterable[str]]) -> list[str]:
    """Return the keys that any of the trackers has, sorted."""
    return sorted(set(chain.from_iterable(found.values())))


def _list_of(
    listing: Listing, key: str
) -> Callable[[NativeTracker, str], Sequence[Fields]]:
    return lambda tracker, run_id: listing.read(tracker, run_id, key)


def _state_of(digest: str) -> Callable[[NativeTracker, str], tuple[bool, str]]:
    return lambda tracker, _: _state(tracker, digest)


def _digests(tracker: NativeTracker, run_id: str) -> set[str]:
    artifacts = tracker.artifacts(run_id)
    earlier = (tracker.artifact_history(run_id, name) for name in artifacts)
    every = chain(artifacts.values(), chain.from_iterable(earlier))
    return {artifact.digest for artifact in every if artifact.digest is not None}


def _state(tracker: NativeTracker, digest: str) -> tuple[bool, str]:
    """Tell whether content is whole, and in words what there is."""
    try:
        with checked(tracker.open_content(digest), digest) as file:
            size_bytes = sum(map(len, pieces(file)))
    except ContentError as error:
        return False, str(error)
    return True, f"{size_bytes} bytes"
