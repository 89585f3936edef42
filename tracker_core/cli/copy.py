"""``tracker copy``: taking runs from one backend to another."""

from collections import Counter
from collections.abc import Mapping, Sequence

import click

from tracker_core.cli.border import Misuse, end, examples, say
from tracker_core.cli.documents import print_json
from tracker_core.cli.options import given
from tracker_core.cli.printing import clean, echo
from tracker_core.cli.progress import copy_progress
from tracker_core.cli.receivers import Receivers
from tracker_core.cli.selection import no_run_matches
from tracker_core.cli.stores import blamed, open_stores
from tracker_core.cli.text import counted
from tracker_core.copying import Result, RunCopy, copy_runs
from tracker_core.delivery.base import Target, unheld
from tracker_core.errors import TrackerError
from tracker_core.expressions import parse
from tracker_core.filters import Condition
from tracker_core.redaction import describe, redact
from tracker_core.stores import Store
from tracker_core.values import Value

__all__ = ["copy", "copy_from"]

_LEFT = 1


@click.command(
    epilog=examples(
        "tracker copy --from sqlite --to fsspec",
        "tracker copy --from sqlite --to lake 'experiment = \"iris\"'",
    ),
)
@click.argument("query", metavar="[QUERY]", required=False)
@click.option(
    "--from",
    "source_name",
    metavar="NAME",
    required=True,
    callback=given,
    help="The backend that holds the runs, configured or only installed.",
)
@click.option(
    "--to",
    "target_name",
    metavar="NAME",
    required=True,
    callback=given,
    help="The backend that is to hold them.",
)
@click.option("--json", "as_json", is_flag=True, help="Print for programs.")
def copy(
    query: str | None, source_name: str, target_name: str, *, as_json: bool
) -> None:
    """Copy runs from one backend to another.

    QUERY chooses them, as `tracker list --where` does; without it all are meant. What
    the other backend has already is passed over, so a copy that was interrupted goes
    on where it was, and copying again changes nothing. The exit code is 1 when a run
    failed.
    """
    if source_name == target_name:
        raise Misuse(
            f"{source_name!r} cannot be copied to itself; name another by --to"
        )
    with open_stores([source_name]) as (store,):
        copy_from(store, target_name, query, as_json=as_json)


def copy_from(
    store: Store, target_name: str, query: str | None, *, as_json: bool
) -> None:
    """Copy runs of an open store to a backend, and say what came of it.

    Raises:
        Misuse: Nothing can be copied to the backend.
        QueryError: The query means nothing.
        click.exceptions.Exit: A run failed.
    """
    condition = None if query is None else parse(query)
    with Receivers() as receivers:
        target = receivers.get(target_name, None)
        if target is None:
            raise Misuse(f"nothing can be copied to {target_name!r}")
        copied: list[RunCopy] = []
        is_whole = _copy_all(store, target, condition, copied)
        if as_json:
            print_json(_value(copied, store, target))
        else:
            _print(copied, store, target)
        if is_whole and not copied:
            say(no_run_matches(store, query))
    if not is_whole or any(it.result is Result.FAILED for it in copied):
        end(_LEFT)


def _copy_all(
    store: Store, target: Target, condition: Condition | None, copied: list[RunCopy]
) -> bool:
    """Copy the runs; tell whether it was not interrupted."""
    try:
        with blamed(store), copy_progress() as show:
            done = copy_runs(store.tracker, target.tracker, condition, progress=show)
            # One by one, so that those that were done are known.
            for one in done:
                copied.append(one)  # noqa: PERF402 - as above
    except KeyboardInterrupt:
        say("interrupted; what was copied stays so")
        return False
    return True


def _print(copied: Sequence[RunCopy], store: Store, target: Target) -> None:
    for done in copied:
        echo(clean(f"{done.run_id}: {_words(done, store, target)}"))
    for kind, count in sorted(_degraded(copied).items()):
        echo(clean(f"{target.name} holds {unheld(kind, count)}"))
    for kind, count in sorted(_beside(copied).items()):
        records = counted(count, f"{kind} record")
        echo(clean(f"{target.name} keeps {records} beside what it shows"))


def _words(done: RunCopy, store: Store, target: Target) -> str:
    if done.error is not None:
        return f"failed: {_reason(done.error, store, target)}"
    words = [counted(done.records, "record")]
    if done.contents:
        words.append(f"the content of {counted(done.contents, 'artifact')}")
    said = f"{' and '.join(words)} copied"
    if done.result is Result.UNCHANGED:
        said = "unchanged"
    if done.missing:
        missing = counted(len(done.missing), "artifact")
        said = f"{said}; {store.target.name} lacks the content of {missing}"
    return said


def _reason(error: Exception, store: Store, target: Target) -> str:
    configs = [store.target.config, target.config]
    if isinstance(error, TrackerError):
        return redact(str(error), configs)
    return describe(error, configs)


def _degraded(copied: Sequence[RunCopy]) -> Counter[str]:
    found: Counter[str] = Counter()
    for done in copied:
        found.update(done.degraded)
    return found


def _beside(copied: Sequence[RunCopy]) -> Counter[str]:
    found: Counter[str] = Counter()
    for done in copied:
        found.update(done.beside)
    return found


def _value(
    copied: Sequence[RunCopy], store: Store, target: Target
) -> Mapping[str, Value]:
    return {
        "from": store.target.name,
        "to": target.name,
        "runs": [_run_value(done, store, target) for done in copied],
        "degraded": dict(sorted(_degraded(copied).items())),
        "beside": dict(sorted(_beside(copied).items())),
    }


def _run_value(done: RunCopy, store: Store, target: Target) -> Value:
    error = done.error
    return {
        "run_id": done.run_id,
        "result": done.result.value,
        "records": done.records,
        "contents": done.contents,
        "missing_contents": [*done.missing],
        "degraded": {**done.degraded},
        "beside": {**done.beside},
        "error": None if error is None else _reason(error, store, target),
    }
