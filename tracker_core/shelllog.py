"""Logging to a run by a call from a shell, which is a process of its own.

Such a call neither begins nor ends anything: what it logs lies in the journal when it
returns, under the writer that all of them share, and is delivered by whoever delivers
for the run. No backend is built, and nothing is waited for.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar, cast

from tracker_core.api import NativeTracker
from tracker_core.channel import Channel
from tracker_core.delivery.attempts import has_launcher, shell_attempt
from tracker_core.delivery.base import BodyT, Delivery
from tracker_core.journal.folders import RunFolder
from tracker_core.journal.shared import SharedWriter
from tracker_core.records import ArtifactBody, Body, CreatedBody, SourceBody
from tracker_core.settings import Settings

if TYPE_CHECKING:
    from tracker_core.contents import Content

__all__ = ["Entry", "FileEntry", "ShellLog"]

_T = TypeVar("_T")


class FileEntry(NamedTuple):
    """The content of a file that is to be an artifact."""

    name: str
    path: str


Entry: TypeAlias = Body | FileEntry
"""What one call logs: a record that was checked, or a file."""


class ShellLog(Delivery):
    """Appends to the journal of a run, and leaves delivery to others.

    One thread uses it.

    Args:
        place: The home of Tracker.
        run_id: The run.
        settings: What is configured for the run.
        is_own: Whether the environment tells of this run, so that it is made here where
            nobody has made it.
    """

    def __init__(
        self, place: Path, run_id: str, settings: Settings, *, is_own: bool
    ) -> None:
        """Nothing is written yet."""
        self._folder = RunFolder.of(place, run_id)
        self._settings = settings
        self._is_own = is_own
        attempt = settings.attempt or shell_attempt(
            self._folder, settings.requeues, settings.restarts, settings.step
        )
        self._writer = SharedWriter(
            self._folder,
            attempt,
            settings.rank,
            first=lambda: tuple(self._first()),
            budget=settings.disk_budget,
        )
        self._channel = Channel(run_id, self, lambda: False)

    def log(self, entry: Entry) -> None:
        """Log what a call has said.

        Raises:
            InvalidValueError: A file cannot be read, or a record is too large.
            JournalError: The disk refused.
        """
        if not isinstance(entry, FileEntry):
            self.send(entry)
            return
        # Few calls bring a file, and the modules for it are heavy.
        from tracker_core.artifacts import ArtifactWriter

        ArtifactWriter(self._channel).log_file(entry.path, name=entry.name)

    def send(self, body: BodyT, content: "Content | None" = None) -> BodyT:
        """Append one record, its content before it."""
        if self._settings.step is not None:
            from tracker_core.stepped import in_step

            body = in_step(self._settings.step, body)
        if content is not None and isinstance(body, ArtifactBody):
            from tracker_core.delivery.spool import Spool

            self._folder.make()
            spool = Spool(self._folder, self._settings.disk_budget)
            body = cast("BodyT", spool.keep(body, content))
        self._writer.append(body)
        return body

    def read(self, call: Callable[[NativeTracker], _T]) -> None:
        """Return None: nothing is read here."""
        del call

    def flush(self, timeout: float | None = None, *, durable: bool = False) -> int:
        """Wait for nothing."""
        del timeout, durable
        return 0

    def close(self, within: float | None = None) -> None:
        """Close what is open; the run goes on."""
        del within
        self._writer.close()

    def _first(self) -> Iterator[Body]:
        """Note who is to have the run, and give what makes it where nobody has."""
        if not has_launcher(self._folder, is_here=True):
            self._expect()
        others = [one for one in self._folder.writers() if not one.is_shared]
        if others or not self._is_own:
            return
        settings = self._settings
        yield CreatedBody(
            experiment=settings.experiment,
            group_id=settings.group_id,
            parent_run_id=settings.parent_run_id,
        )
        if settings.parent_run_id is not None:
            yield SourceBody(settings.parent_run_id, None)

    def _expect(self) -> None:
        """Note the backends, where nobody has noted any that have all of the run."""
        from tracker_core.delivery.ledger import expect, ledgers

        for backend in () if ledgers(self._folder) else self._settings.backends:
            expect(self._folder, backend.name, backend.factory)
