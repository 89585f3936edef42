"""The tracker that keeps runs on an MLflow server."""

from collections.abc import Iterator, Mapping
from typing import BinaryIO

from tracker_core.contents import Content
from tracker_core.errors import RetryableError, RunNotFoundError, TrackerError
from tracker_core.folded import FoldedTracker
from tracker_core.history import RunHistory
from tracker_core.records import Batch
from tracker_core.removals import Removal
from tracker_mlflow.batches import BEAT
from tracker_mlflow.contents import find_content, keep_content
from tracker_mlflow.runs import Runs
from tracker_mlflow.server import Server

__all__ = ["MlflowTracker"]


_REMAINS = "MLflow keeps it in its trash, with its files, until `mlflow gc`"


class MlflowTracker(FoldedTracker):
    """Keeps runs on an MLflow server, or in a store that MLflow opens itself.

    Each run is an MLflow run, with its params, metrics, tags, files, status and parent
    where MLflow has them, and its batches beside, as files, from which it reads back
    exactly (:mod:`tracker_mlflow.shown`, :mod:`tracker_mlflow.batches`). MLflow's
    global state – tracking URI, active run – is neither used nor changed.

    Args:
        server: Where.
        experiment_name: The experiment of runs that name none.
        artifact_location: Where the files of experiments that are made go.
    """

    gathers_for = 5.0
    beside = frozenset(
        {"log", "metadata", "provenance", "source", "span", "step", "track"}
    )

    def __init__(
        self, server: Server, experiment_name: str, artifact_location: str | None
    ) -> None:
        """Keep them; nobody is contacted."""
        self._server = server
        self._runs = Runs(server, experiment_name, artifact_location)
        self.degraded: Mapping[str, int] = self._runs.refused

    def __repr__(self) -> str:
        """Show the place without user and password."""
        return f"MlflowTracker({self._server!r})"

    @property
    def tracking_uri(self) -> str:
        """The tracking URI; it may hold a password."""
        return self._server.uri

    def mlflow_run_id(self, run_id: str) -> str | None:
        """Return the id that MLflow gave to a run; None of one that it does not hold.

        Raises:
            RetryableError: The server cannot be reached.
        """
        with self._server.answering(f"a look for the run {run_id!r}"):
            found = self._runs.find(run_id)
        return None if found is None else str(found.info.run_id)

    def write(self, batch: Batch) -> None:
        """Take ``batch`` as :meth:`NativeTracker.write` says.

        Raises:
            RetryableError: The server failed or cannot be reached.
            PermanentError: The server refuses the batch.
            ConfigError: It refuses the credentials, or is no MLflow server.
        """
        try:
            with self._server.answering(f"a batch of the run {batch.run_id!r}"):
                self._runs.take(batch)
        except TrackerError:
            raise
        except OSError as error:
            message = f"a batch cannot be prepared for MLflow: {error.strerror}"
            raise RetryableError(f"{message}; make room for temporary files") from error

    def remove(self, run_id: str) -> Removal:
        """Put a run into MLflow's trash, as :meth:`NativeTracker.remove` says.

        Its content, which is among its files, stays until ``mlflow gc``.

        Raises:
            RunNotFoundError: There is no such run.
            RetryableError: The server failed or cannot be reached.
        """
        with self._server.answering(f"the removal of the run {run_id!r}"):
            history = self._runs.remove(run_id)
        if history is None:
            raise RunNotFoundError(run_id)
        self._begin_writer()
        records = sum(one.total for one in history.taken().values())
        return Removal(records, len(history.artifacts()), 0, (_REMAINS,))

    def history(self, run_id: str) -> RunHistory | None:
        """Return the history of a run, as :meth:`FoldedTracker.history` says."""
        with self._server.answering(f"a read of the run {run_id!r}"):
            found = self._runs.find(run_id)
            if found is None:
                return None
            return self._runs.batches(run_id, found).history(found)

    def histories(self) -> Iterator[RunHistory]:
        """Give the histories of all runs, as :meth:`FoldedTracker.histories` says."""
        with self._server.answering("a read of all runs"):
            for batches, found in list(self._runs.all()):
                history = batches.history(found)
                if history is not None:
                    self._runs.remember(history.run_id, batches)
                    yield history

    def add_content(self, content: Content) -> None:
        """Keep content, as :meth:`NativeTracker.add_content` says."""
        with self._server.answering(f"content {content.digest}"):
            keep_content(self._server, self._runs.home_of(content), content)

    def open_content(self, digest: str) -> BinaryIO:
        """Open content, as :meth:`NativeTracker.open_content` says."""
        with self._server.answering(f"a read of content {digest}"):
            return find_content(self._server, digest)

    def beat(self, run_id: str, time_ns: int) -> None:
        """Note a heartbeat in a tag of this tracker's own.

        Raises:
            RetryableError: The server failed or cannot be reached.
        """
        with self._server.answering(f"a heartbeat of the run {run_id!r}"):
            found = self._runs.find(run_id)
            if found is not None:
                key = BEAT + self._sequencer.writer.id
                newest = max(time_ns, int(found.data.tags.get(key, 0)))
                self._server.client.set_tag(found.info.run_id, key, str(newest))
