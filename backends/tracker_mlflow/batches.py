"""The batches of a run, as files of its MLflow run: the truth that is read back.

::

    <artifacts of the run>/tracker/batches/<writer>-<first>-<last>.jsonl.gz
                                          /<writer>-<first>-<last>.life.jsonl.gz

A batch is one file of JSON lines (:mod:`tracker_core.wire`), compressed, that never
changes. Its name has ``life`` where it tells of a beginning or an end, so that the
status of a run follows from a few of them.

The tag ``tracker.batch`` of the run gets another value after each batch. Who has read
all files since it got its value has nothing new to read. A crash before that leaves a
batch that is found by whoever lists the files, and by all once it was delivered again,
which replaces the file by an equal one.
"""

import gzip
import logging
import time
from collections.abc import Iterable
from tempfile import TemporaryDirectory
from typing import Final

from mlflow.entities import Run

from tracker_core.gathered import without_points
from tracker_core.history import RunHistory
from tracker_core.records import Batch, CreatedBody, EndedBody, StartedBody
from tracker_core.wire import batch_from_lines, batch_to_lines
from tracker_mlflow.server import Server

__all__ = ["BEAT", "FOLDER", "MARK", "RunBatches", "new_mark", "tells_life"]

MARK: Final = "tracker.batch"
BEAT: Final = "tracker.heartbeat."
"""The prefix of the tags that tell when a run was alive."""

FOLDER: Final = "tracker/batches"
"""Where they lie among the files of the run."""

_SUFFIX = ".jsonl.gz"
_LIFE = f".life{_SUFFIX}"
# More saves little, and takes twice the time.
_LEVEL = 3

_log = logging.getLogger(__name__)


def new_mark(batch: Batch) -> str:
    """Return a value of the mark that it never had before."""
    return f"{_name(batch)} {time.time_ns()}"


def tells_life(batch: Batch) -> bool:
    """Tell whether a batch says that the run was made, began or ended."""
    kinds = CreatedBody | StartedBody | EndedBody
    return any(
        isinstance(record.body, kinds) for record in without_points(batch.records)
    )


class RunBatches:
    """What is known of the batches of one MLflow run.

    A file that makes no sense is passed over with one warning, and tried again at the
    next read.

    Args:
        server: Where.
        run: The MLflow run.
    """

    def __init__(self, server: Server, run: Run) -> None:
        """Read nothing yet."""
        self._server = server
        self._run = run
        self._mark: str | None = None
        self._lives: dict[str, Batch] = {}
        self._warned: set[str] = set()
        self._taken: set[str] = set()
        self._history: RunHistory | None = None

    @property
    def mlflow_id(self) -> str:
        """The id that MLflow gave to the run."""
        id_: str = self._run.info.run_id
        return id_

    def keep(self, batch: Batch) -> None:
        """Store a batch; the same batch again replaces it by an equal one."""
        content = gzip.compress(batch_to_lines(batch).encode(), _LEVEL, mtime=0)
        self._server.put(self._run, f"{FOLDER}/{_name(batch)}", content)

    def put_text(self, path: str, text: str) -> None:
        """Make a text among the files of the run, or replace it."""
        self._server.put(self._run, path, text.encode())

    def history(self, run: Run) -> RunHistory | None:
        """Read what is new; return None when there are no batches.

        Args:
            run: As the server tells of it now.
        """
        mark: str | None = run.data.tags.get(MARK)
        # Not known of batches whose mark is another's: they are listed each time.
        if mark is None or mark != self._mark:
            self._refresh(self._listed())
            self._mark = None if self._warned else mark
        if self._history is not None:
            for key, text in run.data.tags.items():
                if key.startswith(BEAT) and text.isdecimal():
                    self._history.beat(int(text))
        return self._history

    def life(self) -> RunHistory | None:
        """Return a history of those batches alone that tell of beginnings and ends."""
        names = [name for name in self._listed() if name.endswith(_LIFE)]
        new = (name for name in names if name not in self._lives)
        self._lives.update(self._read(new))
        found: RunHistory | None = None
        for name in names:
            if batch := self._lives.get(name):
                found = found or RunHistory(batch.run_id)
                found.add(batch)
        return found

    def _refresh(self, names: list[str]) -> None:
        if not self._taken <= set(names):  # somebody removed some
            self._taken, self._history = set(), None
        new = [name for name in names if name not in self._taken]
        for name, batch in self._read(new):
            self._history = self._history or RunHistory(batch.run_id)
            self._history.add(batch)
            self._taken.add(name)

    def _listed(self) -> list[str]:
        paths = self._server.files(self._run, FOLDER)
        names = (path.rpartition("/")[2] for path in paths)
        return sorted(name for name in names if name.endswith(_SUFFIX))

    def _read(self, names: Iterable[str]) -> Iterable[tuple[str, Batch]]:
        with TemporaryDirectory(prefix="tracker-") as folder:
            paths = [f"{FOLDER}/{name}" for name in names]
            for file in self._server.fetch_all(self._run, paths, folder):
                batch = self._batch(file.name, file.read_bytes())
                file.unlink()
                if batch is not None:
                    yield file.name, batch

    def _batch(self, name: str, content: bytes) -> Batch | None:
        try:
            batch = batch_from_lines(gzip.decompress(content).decode())
        except (ValueError, TypeError, LookupError, OSError, EOFError) as error:
            if name not in self._warned:
                self._warned.add(name)
                place = f"{FOLDER}/{name} of the MLflow run {self.mlflow_id}"
                _log.warning("passed over %s, which cannot be read: %s", place, error)
            return None
        self._warned.discard(name)
        return batch


def _name(batch: Batch) -> str:
    suffix = _LIFE if tells_life(batch) else _SUFFIX
    return f"{batch.writer.id}-{batch.first:012d}-{batch.last:012d}{suffix}"
