"""MLflow's trash, in which runs that were removed remain known.

MLflow's own removal puts a run into the trash, where ``mlflow gc`` finds it. A run that
is removed through Tracker has the tag ``tracker.removed`` there, and its batches tell
by their names who wrote it: what these send later is passed over. A run that was put
there by other means is made anew by whoever writes to it. What ``mlflow gc`` has taken
is not known any more.

The tag is set first, so a crash leaves a run that can be removed again, or none.
"""

from typing import Final

from mlflow.entities import Run

from tracker_core.records import Batch
from tracker_mlflow.batches import FOLDER
from tracker_mlflow.claims import KEY, run_key
from tracker_mlflow.server import Server

__all__ = ["is_of_removed", "put_into_trash"]

_REMOVED: Final = "tracker.removed"


def put_into_trash(server: Server, run: Run) -> None:
    """Remove a run as MLflow does, and note that its writers are done with."""
    id_ = run.info.run_id
    server.client.set_tag(id_, _REMOVED, "yes")
    server.client.delete_run(id_)


def is_of_removed(server: Server, batch: Batch) -> bool:
    """Tell whether a batch comes from a writer of a run that was removed."""
    query = f"tags.`{KEY}` = '{run_key(batch.run_id)}' and tags.`{_REMOVED}` = 'yes'"
    return any(
        path.startswith(f"{FOLDER}/{batch.writer.id}-")
        for run in server.search(query, in_trash=True)
        for path in server.files(run, FOLDER)
    )
