"""Our runs on the server: which MLflow run each is, how it is made, and its view."""

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final

from mlflow.entities import Param, Run, RunTag
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST

from tracker_core.contents import Content
from tracker_core.gathered import without_points
from tracker_core.history import RunHistory
from tracker_core.identity import friendly_name
from tracker_core.records import Batch, CreatedBody
from tracker_mlflow.batches import (
    MARK,
    RunBatches,
    new_mark,
    tells_life,
)
from tracker_mlflow.claims import RUN_ID, claimed_run, found_run, run_key
from tracker_mlflow.names import (
    LONGEST_PARAM,
    LONGEST_TAG,
    cut,
    shown_experiment,
    shown_key,
)
from tracker_mlflow.refusals import GONE
from tracker_mlflow.server import Server
from tracker_mlflow.shown import Shown, shown
from tracker_mlflow.trash import is_of_removed, put_into_trash

__all__ = ["Runs"]

_PARENT_KEY = "tracker.parent_key"
_PARENT = "mlflow.parentRunId"
_NS_PER_MS = 1_000_000
_CONTENT_RUN = "tracker content"
# No run has it: a name never holds this character.
_CONTENT_KEY = f"\0{_CONTENT_RUN}"
_LONGEST_NAME: Final = 250
_STATUSES = {None: "RUNNING", "PENDING": "SCHEDULED"}


class Runs:
    """The MLflow runs of our runs, as one process knows them.

    Args:
        server: Where.
        experiment: The experiment of runs that name none.
        location: Where the files of experiments that are made go.

    Attributes:
        refused: How many things the server did not show, by kind.
    """

    def __init__(self, server: Server, experiment: str, location: str | None) -> None:
        """Contact nobody yet."""
        self._server = server
        self._experiment = experiment
        self._location = location
        self._known: dict[str, RunBatches] = {}
        self._params: dict[str, dict[str, str]] = {}
        self._statuses: dict[str, str] = {}
        self._living: set[tuple[str, str]] = set()
        self.refused: Counter[str] = Counter()

    def find(self, run_id: str) -> Run | None:
        """Return the MLflow run of one of ours, as it is now."""
        known = self._known.get(run_id)
        if known is not None:
            try:
                found: Run = self._server.client.get_run(known.mlflow_id)
            except MlflowException as error:
                if error.error_code != GONE:
                    raise
            else:
                if found.info.lifecycle_stage == "active":
                    return found
            self._forget(run_id)
        return found_run(self._server, run_id)

    def all(self) -> Iterator[tuple[RunBatches, Run]]:
        """Give all MLflow runs that are ours."""
        by_id = {known.mlflow_id: known for known in self._known.values()}
        for found in self._server.search(f"tags.`{RUN_ID}` != ''"):
            known = by_id.get(found.info.run_id)
            yield known or RunBatches(self._server, found), found

    def remember(self, run_id: str, batches: RunBatches) -> None:
        """Keep what was read of a run for the next read."""
        self._known.setdefault(run_id, batches)

    def batches(self, run_id: str, found: Run) -> RunBatches:
        """Return the batches of an MLflow run, with what was read of them before."""
        known = self._known.get(run_id)
        if known is None or known.mlflow_id != found.info.run_id:
            known = self._known[run_id] = RunBatches(self._server, found)
            # An earlier attempt may have left it ended.
            self._statuses[known.mlflow_id] = found.info.status
        return known

    def take(self, batch: Batch) -> None:
        """Keep a batch and show it; the run is made if it is missing.

        What comes late of a run that was removed is passed over.
        """
        if self._is_of_removed(batch):
            return
        known = self._known.get(batch.run_id)
        if known is None:
            found = self._claim(batch)
            known = self.batches(batch.run_id, found)
            self._params[known.mlflow_id] = dict(found.data.params)
        known.keep(batch)
        try:
            self._show(known, batch)
        except MlflowException as error:
            if self._server.is_active(known.mlflow_id):
                raise
            self._forget(batch.run_id)
            if self._is_of_removed(batch):
                return
            # Somebody deleted it; the next try makes another.
            raise MlflowException(error.message, RESOURCE_DOES_NOT_EXIST) from error

    def remove(self, run_id: str) -> RunHistory | None:
        """Remove a run; return what it was, or None of one that is not there."""
        found = self.find(run_id)
        if found is None:
            return None
        history = self.batches(run_id, found).history(found)
        put_into_trash(self._server, found)
        self._forget(run_id)
        return history or RunHistory(run_id)

    def home_of(self, content: Content) -> Run:
        """Return the MLflow run whose files take some content."""
        batch = content.batch
        if batch is None:
            key = _CONTENT_KEY
            return found_run(self._server, key) or claimed_run(
                self._server, key, self._make_content_run
            )
        found = self.find(batch.run_id) or self._claim(batch)
        self.batches(batch.run_id, found)
        return found

    def _forget(self, run_id: str) -> None:
        known = self._known.pop(run_id)
        self._params.pop(known.mlflow_id, None)
        self._statuses.pop(known.mlflow_id, None)
        self._living = {one for one in self._living if one[0] != run_id}

    def _is_of_removed(self, batch: Batch) -> bool:
        """Tell whether a batch is late; a writer is looked for once in each run."""
        who = batch.run_id, batch.writer.id
        if who in self._living:
            return False
        if is_of_removed(self._server, batch):
            return True
        self._living.add(who)
        return False

    def _claim(self, batch: Batch) -> Run:
        created = _created(batch)
        try:
            return claimed_run(
                self._server, batch.run_id, partial(self._make, batch, created)
            )
        except MlflowException:
            self._server.forget_experiments()  # somebody may have deleted one
            raise

    def _make(self, batch: Batch, created: CreatedBody, tags: Mapping[str, str]) -> Run:
        name = shown_experiment(created.experiment or self._experiment)
        more = {**tags, **self._family(batch.run_id, created.parent_run_id)}
        return self._server.client.create_run(
            self._server.experiment_id(name, self._location),
            start_time=batch.records[0].time_ns // _NS_PER_MS,
            tags=more,
            run_name=cut(created.name or friendly_name(batch.run_id), _LONGEST_NAME),
        )

    def _make_content_run(self, tags: Mapping[str, str]) -> Run:
        id_ = self._server.experiment_id(_CONTENT_RUN, self._location)
        return self._server.client.create_run(
            id_, tags=dict(tags), run_name=_CONTENT_RUN
        )

    def _family(self, run_id: str, parent: str | None) -> dict[str, str]:
        """Return the tags that tell a run's parent, where MLflow has that by now."""
        if parent is None or parent == run_id:
            return {}
        found = self.find(parent)
        known = {} if found is None else {_PARENT: found.info.run_id}
        return {_PARENT_KEY: run_key(parent), **known}

    def _adopt(self, run_id: str, mlflow_id: str) -> None:
        """Nest the runs below that were made before this one, their parent."""
        query = f"tags.`{_PARENT_KEY}` = '{run_key(run_id)}'"
        for child in self._server.search(query, is_quick=True):
            self._server.client.set_tag(child.info.run_id, _PARENT, mlflow_id)

    def _show(self, run: RunBatches, batch: Batch) -> None:
        """Show a batch in MLflow's pages, and leave the mark that it is there."""
        view, id_ = shown(batch), run.mlflow_id
        name = f"{batch.writer.id}-{batch.first:012d}"
        for path, lines in (
            (f"logs/{name}.txt", view.logs),
            (f"tracks/{name}.jsonl", view.tracks),
        ):
            if lines:
                run.put_text(path, "".join(f"{line}\n" for line in lines))
        params = self._new_params(id_, view)
        tags = [RunTag(key, text) for key, text in view.tags.items()]
        tags.append(RunTag(MARK, new_mark(batch)))
        refused = self._server.log(id_, view.metrics, params, tags)
        self.refused.update(one.partition(" ")[0] for one in refused)
        if tells_life(batch):
            self._show_life(run, batch)

    def _new_params(self, mlflow_id: str, view: Shown) -> list[Param]:
        """Return what MLflow has no value of yet; a new value of one becomes a tag."""
        if not view.params:
            return []
        known = self._params.get(mlflow_id)
        if known is None:
            found = self._server.client.get_run(mlflow_id)
            known = self._params[mlflow_id] = dict(found.data.params)
        new: list[Param] = []
        for key, text in view.params.items():
            shorter = cut(text, LONGEST_PARAM)
            if key not in known:
                known[key] = shorter
                new.append(Param(key, shorter))
            elif known[key] != shorter:
                view.tags[shown_key(f"tracker.param.{key}")] = cut(text, LONGEST_TAG)
        return new

    def _show_life(self, run: RunBatches, batch: Batch) -> None:
        life = run.life()
        if life is None:  # a damaged file
            return
        info, id_ = life.info(), run.mlflow_id
        status = _STATUSES.get(info.status, info.status or "RUNNING")
        if self._statuses.get(id_) != status:
            if info.ended_at is None:
                self._server.client.update_run(id_, status)
            else:
                ended_ms = int(info.ended_at.timestamp() * 1000)
                self._server.client.set_terminated(id_, status, ended_ms)
            self._statuses[id_] = status
        if _created(batch) != CreatedBody():
            self._adopt(batch.run_id, id_)


def _created(batch: Batch) -> CreatedBody:
    """Return who a run is, as far as a batch tells."""
    for record in without_points(batch.records):
        if isinstance(record.body, CreatedBody):
            return record.body
    return CreatedBody()
