"""MLflow's client, with errors that say whether trying again helps.

MLflow's own client tries a request again for minutes before it gives up. So a server
that cannot be reached is found out before by a request of our own, with a short
time-out, and what it would have been asked is tried again later, by who delivers.
"""

import math
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import requests
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts, list_artifacts
from mlflow.entities import FileInfo, Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException

from tracker_core.errors import ConfigError, PermanentError, RetryableError

__all__ = ["GONE", "Server", "visible_uri"]

GONE: Final = "RESOURCE_DOES_NOT_EXIST"
"""The error code of what is not there, or no more."""

_ANSWER_SECONDS = 5.0
# Who has answered so short a time ago is not asked whether it is there.
_TRUSTED_SECONDS = 1.0
_METRICS = _ENTITIES = 1000
_PARAMS = _TAGS = 100
_RUNS = 1000
_FETCHERS = 8
_LONGEST_REASON = 300
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _SERVER_FAILS = 401, 403, 404, 500


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
            raise self._translated(error, what) from error

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

    def search(self, query: str, *, is_quick: bool = False) -> list[Run]:
        """Return the runs of all experiments that a query of MLflow's finds.

        Args:
            query: Which.
            is_quick: Whether to look only into the experiments that were found before.
        """
        ids = self._experiments if is_quick else self._experiment_ids()
        found: list[Run] = []
        token = None
        while ids:
            page = self.client.search_runs(
                ids, query, max_results=_RUNS, page_token=token
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
        place = f"{run.info.artifact_uri}/{folder}" if folder else run.info.artifact_uri
        above = f"{folder}/" if folder else ""
        return [
            (above + str(entry.path).rpartition("/")[2], entry)
            for entry in list_artifacts(artifact_uri=place, tracking_uri=self.uri)
        ]

    def fetch(self, run: Run, path: str, folder: str) -> Path:
        """Download a file of a run's artifacts into a folder of this machine."""
        uri = f"{run.info.artifact_uri}/{path}"
        return Path(
            download_artifacts(artifact_uri=uri, dst_path=folder, tracking_uri=self.uri)
        )

    def fetch_all(self, run: Run, paths: Sequence[str], folder: str) -> Iterator[Path]:
        """Download files, several at a time, and give them in their order."""
        if len(paths) == 1:
            yield self.fetch(run, paths[0], folder)
        elif paths:
            with ThreadPoolExecutor(_FETCHERS) as pool:
                yield from pool.map(lambda path: self.fetch(run, path, folder), paths)

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
            if not _is_refusal(error) or not self.is_active(mlflow_id):
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
            if not _is_refusal(error) or not self.is_active(mlflow_id):
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
        try:
            requests.get(f"{self.uri.rstrip('/')}/health", timeout=_ANSWER_SECONDS)
        except requests.exceptions.SSLError:
            return  # whether that matters is MLflow's to decide, by its own settings

    def _translated(self, error: Exception, what: str) -> Exception:
        if not isinstance(error, MlflowException):
            reason = type(error).__name__
            message = (
                f"the MLflow server {self!r} cannot be reached ({reason}), so {what} "
                "waits; start it, or check the tracking URI"
            )
            return RetryableError(message)
        status, where = _status(error), f"the MLflow server {self!r}"
        if status in (_UNAUTHORIZED, _FORBIDDEN):
            message = (
                f"{where} refuses the credentials ({status}); set "
                "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or "
                "MLFLOW_TRACKING_TOKEN"
            )
            return ConfigError(message)
        if status == _NOT_FOUND and error.error_code != GONE:
            message = (
                f"{where} does not know what MLflow's client asks for ({status}); "
                "check the tracking URI, and that its version is at least 2.0"
            )
            return ConfigError(message)
        told = f"{where} answered {error.error_code} to {what}"
        if _is_refusal(error):
            reason = str(error.message).partition("\n")[0][:_LONGEST_REASON]
            return PermanentError(f"{told}: {reason}")
        return RetryableError(told)


def visible_uri(uri: str) -> str:
    """Return a tracking URI without user, password and what follows a ``?``."""
    parts = urlsplit(uri)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, place, parts.path, "", ""))


def _is_refusal(error: MlflowException) -> bool:
    status = _status(error)
    return (
        status < _SERVER_FAILS
        and error.error_code != GONE
        and (status not in (_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, 408, 429))
    )


def _status(error: MlflowException) -> int:
    status: int = error.get_http_status_code()  # type: ignore[no-untyped-call]  # it is
    return status


def _say_nothing(_run_id: str) -> None:
    """Print no link."""
