"""MLflow's client, with errors that say whether trying again helps.

MLflow's own client tries a request again for minutes before it gives up. So a server
that cannot be reached is found out before by a request of our own, with a short
time-out, and what it would have been asked is tried again later, by who delivers.
"""

import math
import os
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from mlflow import MlflowClient
from mlflow.entities import FileInfo, Metric, Param, Run, RunTag, ViewType
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repo import ArtifactRepository
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.utils.uri import add_databricks_profile_info_to_artifact_uri

from tracker_core.errors import ConfigError
from tracker_mlflow.refusals import GONE, is_refusal, translated

__all__ = ["Server", "visible_uri"]

_ANSWER_SECONDS = 5.0
# Who has answered so short a time ago is not asked whether it is there.
_TRUSTED_SECONDS = 1.0
_METRICS = _ENTITIES = 1000
_PARAMS = _TAGS = 100
_RUNS = 1000
_FETCHERS = 8
_OLDEST = 2


class Server:
    """An MLflow server, or a store that MLflow opens itself.

    Args:
        uri: The tracking URI.
    """

    def __init__(self, uri: str) -> None:
        """Contact nobody yet."""
        self.uri = uri
        self._client: MlflowClient | None = None
        self._pid = 0
        self._experiments: list[str] = []
        self._ids: dict[tuple[str, str | None], str] = {}
        self._answered = -math.inf
        self._opened: tuple[str, int, ArtifactRepository] | None = None

    def __repr__(self) -> str:
        """Show the place without user and password."""
        return repr(visible_uri(self.uri))

    @property
    def client(self) -> MlflowClient:
        """The client of this process; a forked child has another one."""
        if self._client is None or self._pid != os.getpid():
            self._client, self._pid = MlflowClient(self.uri), os.getpid()
            # It would print a link to the run into the job's output.
            self._client._tracking_client._log_url = _say_nothing  # type: ignore[method-assign]  # noqa: SLF001 - see above
        return self._client

    @contextmanager
    def answering(self, what: str) -> Iterator[MlflowClient]:
        """Give the client, once the server is there, and translate what it raises.

        Args:
            what: What is done, for messages.

        Raises:
            RetryableError: The server cannot be reached, or failed.
            ConfigError: It refuses the credentials, or is no MLflow server.
            PermanentError: It refuses what was asked.
        """
        try:
            self._reach()
            yield self.client
            self._answered = time.monotonic()
        except (MlflowException, requests.RequestException) as error:
            where = f"the MLflow server {self!r}"
            known = not math.isinf(self._answered)
            raise translated(error, where, what, is_known=known) from error

    def _experiment_ids(self) -> list[str]:
        found: list[str] = []
        token = None
        while True:
            page = self.client.search_experiments(max_results=_RUNS, page_token=token)
            found += [experiment.experiment_id for experiment in page]
            token = page.token
            if not token:
                self._experiments = found
                return found

    def experiment_id(self, name: str, location: str | None) -> str:
        """Return the id of an experiment, which is made if it is missing."""
        if (name, location) not in self._ids:
            id_ = self._ids[name, location] = self._experiment_id(name, location)
            self._experiments = sorted({*self._experiments, id_})
        return self._ids[name, location]

    def forget_experiments(self) -> None:
        """Look for each experiment anew: somebody may have removed one."""
        self._ids.clear()

    def _experiment_id(self, name: str, location: str | None) -> str:
        found = self.client.get_experiment_by_name(name)
        if found is None:
            try:
                made: str = self.client.create_experiment(name, location)
            except MlflowException as error:
                found = self.client.get_experiment_by_name(name)
                if found is None:  # else another process was faster
                    raise error from None
            else:
                return made
        if found.lifecycle_stage != "active":
            message = (
                f"the experiment {name!r} was deleted on the MLflow server {self!r}; "
                "restore it there, or choose another name"
            )
            raise ConfigError(message)
        id_: str = found.experiment_id
        return id_

    def search(
        self, query: str, *, is_quick: bool = False, in_trash: bool = False
    ) -> list[Run]:
        """Return the runs of all experiments that a query of MLflow's finds.

        Args:
            query: Which.
            is_quick: Whether to look only into the experiments that were found before.
            in_trash: Whether to find those alone that were deleted, not the others.
        """
        ids = self._experiments if is_quick else self._experiment_ids()
        view = ViewType.DELETED_ONLY if in_trash else ViewType.ACTIVE_ONLY
        found: list[Run] = []
        token = None
        while ids:
            page = self.client.search_runs(
                ids, query, view, max_results=_RUNS, page_token=token
            )
            found += page
            token = page.token
            if not token:
                break
        return found

    def files(self, run: Run, folder: str) -> dict[str, int]:
        """Return path → size of the files in a folder of a run's artifacts."""
        return {
            path: entry.file_size or 0
            for path, entry in self._entries(run, folder)
            if not entry.is_dir
        }

    def folders(self, run: Run, folder: str) -> list[str]:
        """Return the paths of the folders in a folder of a run's artifacts."""
        return [path for path, entry in self._entries(run, folder) if entry.is_dir]

    def _entries(self, run: Run, folder: str) -> list[tuple[str, FileInfo]]:
        above = f"{folder}/" if folder else ""
        entries = self._artifacts(run).list_artifacts(folder or None)
        return [(above + str(one.path).rpartition("/")[2], one) for one in entries]

    def fetch(self, run: Run, path: str, folder: str) -> Path:
        """Download a file of a run's artifacts into a folder of this machine."""
        file = Path(folder) / path.rpartition("/")[2]
        # What is public asks first whether it is a folder, which doubles the requests.
        self._artifacts(run)._download_file(path, str(file))  # type: ignore[no-untyped-call]  # noqa: SLF001 - see above
        return file

    def fetch_all(self, run: Run, paths: Sequence[str], folder: str) -> Iterator[Path]:
        """Download files, several at a time, and give them in their order.

        Their names differ.
        """
        # When a program ends pools take no work any more, but its run does still end.
        if len(paths) < 2 or not threading.main_thread().is_alive():  # noqa: PLR2004
            yield from (self.fetch(run, path, folder) for path in paths)
            return
        with ThreadPoolExecutor(_FETCHERS) as pool:
            yield from pool.map(lambda path: self.fetch(run, path, folder), paths)

    def put(self, run: Run, path: str, content: bytes) -> None:
        """Make a file among a run's artifacts, or replace it."""
        parent, _, name = path.rpartition("/")
        with TemporaryDirectory(prefix="tracker-") as folder:
            file = Path(folder) / name
            file.write_bytes(content)
            self.put_file(run, parent, file)

    def put_file(self, run: Run, folder: str, file: Path) -> None:
        """Upload a file of this machine into a folder of a run's artifacts."""
        self._artifacts(run).log_artifact(str(file), folder or None)  # type: ignore[no-untyped-call]  # it is

    def _artifacts(self, run: Run) -> ArtifactRepository:
        """Return what reaches the artifacts of a run, kept for the run used last."""
        uri, pid = run.info.artifact_uri, os.getpid()
        kept = self._opened
        if kept is None or kept[:2] != (uri, pid):
            full = add_databricks_profile_info_to_artifact_uri(uri, self.uri)  # type: ignore[no-untyped-call]  # it is
            opened = get_artifact_repository(full, tracking_uri=self.uri)
            self._opened = kept = (uri, pid, opened)
        return kept[2]

    def log(
        self,
        mlflow_id: str,
        metrics: Sequence[Metric] = (),
        params: Sequence[Param] = (),
        tags: Sequence[RunTag] = (),
    ) -> list[str]:
        """Log all of it in requests as large as the server takes.

        Returns:
            What the server refused, each as ``kind key``; the rest is logged.
        """
        cut = len(metrics) - len(metrics) % _METRICS
        refused = self._log_parts(mlflow_id, "metrics", metrics[:cut], _METRICS)
        rest = metrics[cut:]
        if self._log_at_once(mlflow_id, rest, params, tags):
            return refused
        refused += self._log_parts(mlflow_id, "params", params, _PARAMS)
        refused += self._log_parts(mlflow_id, "metrics", rest, _METRICS)
        return refused + self._log_parts(mlflow_id, "tags", tags, _TAGS)

    def _log_at_once(
        self,
        mlflow_id: str,
        metrics: Sequence[Metric],
        params: Sequence[Param],
        tags: Sequence[RunTag],
    ) -> bool:
        """Log all of it in one request; tell whether the server took it."""
        count = len(metrics) + len(params) + len(tags)
        if count > _ENTITIES or len(params) > _PARAMS or len(tags) > _TAGS:
            return False
        try:
            self.client.log_batch(mlflow_id, metrics, params, tags)
        except MlflowException as error:
            if not is_refusal(error) or not self.is_active(mlflow_id):
                raise
            return False
        return True

    def _log_parts(
        self, mlflow_id: str, kind: str, part: Sequence[Any], size: int
    ) -> list[str]:
        refused: list[str] = []
        for begin in range(0, len(part), size):
            refused += self._log_part(mlflow_id, kind, part[begin : begin + size])
        return refused

    def is_active(self, mlflow_id: str) -> bool:
        """Tell whether an MLflow run is there and was not deleted."""
        try:
            found = self.client.get_run(mlflow_id)
        except MlflowException as error:
            if error.error_code != GONE:
                raise
            return False
        return bool(found.info.lifecycle_stage == "active")

    def _log_part(self, mlflow_id: str, kind: str, part: Sequence[Any]) -> list[str]:
        try:
            self.client.log_batch(mlflow_id, **{kind: part})  # type: ignore[arg-type]  # one of three
        except MlflowException as error:
            if not is_refusal(error) or not self.is_active(mlflow_id):
                raise
            if len(part) == 1:
                return [f"{kind} {part[0].key}"]
            middle = len(part) // 2
            halves: Iterable[Sequence[Any]] = (part[:middle], part[middle:])
            return [
                one for half in halves for one in self._log_part(mlflow_id, kind, half)
            ]
        return []

    def _reach(self) -> None:
        has_answered = time.monotonic() - self._answered < _TRUSTED_SECONDS
        if has_answered or not self.uri.startswith(("http://", "https://")):
            return
        page = "version" if math.isinf(self._answered) else "health"
        address = f"{self.uri.rstrip('/')}/{page}"
        try:
            answer = requests.get(address, timeout=_ANSWER_SECONDS)
        except requests.exceptions.SSLError:
            return  # whether that matters is MLflow's to decide, by its own settings
        if page == "version" and answer.ok and _is_too_old(answer.text.strip()):
            message = (
                f"the MLflow server {self!r} has version {answer.text.strip()}, which "
                f"lacks what runs are kept in; update it to {_OLDEST}.0 or later"
            )
            raise ConfigError(message)


def visible_uri(uri: str) -> str:
    """Return a tracking URI without user, password and what follows a ``?``."""
    parts = urlsplit(uri)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, place, parts.path, "", ""))


def _is_too_old(version: str) -> bool:
    major = version.partition(".")[0]
    return major.isdecimal() and int(major) < _OLDEST


def _say_nothing(_run_id: str) -> None:
    """Print no link."""
