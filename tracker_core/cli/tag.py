"""``tracker tag``: setting and listing the tags of runs, also of those that ended."""

from collections.abc import Iterable, Mapping, Sequence

import click

from tracker_core.bodies import tags_body
from tracker_core.cli.border import Misuse, end, examples, say
from tracker_core.cli.documents import print_json
from tracker_core.cli.holdings import Holdings
from tracker_core.cli.printing import clean, echo
from tracker_core.cli.tables import Table, print_table
from tracker_core.cli.tagging import Tagged, append, deliver
from tracker_core.values import Value

__all__ = ["tag"]

_LEFT = 1


@click.command(
    epilog=examples(
        "tracker tag @last",
        "tracker tag @last best=yes note='before the fix'",
        "tracker tag 01K8ZQ 01K8ZR group=ablation",
    ),
)
@click.argument("words", metavar="RUN... [NAME=TEXT]...", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print for programs.")
def tag(words: tuple[str, ...], *, as_json: bool) -> None:
    """Set tags of runs, also of runs that have ended, or list them.

    RUN is an id, the beginning of one, a name, or @last for the newest run. Tags go to
    every backend that holds the run; of one name the last text counts. Without any
    NAME=TEXT the tags are listed. The exit code is 1 when a backend lacks them still.
    """
    wanted = [word for word in words if "=" not in word]
    texts = _texts(word for word in words if "=" in word)
    if not wanted:
        raise Misuse("name a run first; @last is the newest")
    if not texts:
        _list(wanted, as_json=as_json)
        return
    body = tags_body(texts)
    with Holdings() as holdings:
        ids = holdings.chosen(wanted)
        folders = [append(holdings, run_id, body) for run_id in ids]
        away = dict(holdings.away)
    done = deliver(folders)
    if as_json:
        print_json({"runs": [_tagged_value(one, texts) for one in done]})
    else:
        _print(done, texts)
    for name, reason in away.items():
        say(f"backend {name!r} was not asked whether it holds more: {reason}")
    if away or any(one.pending for one in done):
        end(_LEFT)


def _texts(words: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in words:
        name, _, text = word.partition("=")
        if name in found:
            raise Misuse(f"the tag {name!r} is there twice; give it once")
        found[name] = text
    return found


def _list(wanted: Sequence[str], *, as_json: bool) -> None:
    """Print the tags of runs."""
    found: list[tuple[str, str, Mapping[str, str]]] = []
    with Holdings() as holdings:
        for run_id in holdings.chosen(wanted):
            held = holdings.of(run_id)
            name = held[0][1].name if held else ""
            tags = holdings.tags(run_id, [store for store, _ in held])
            found.append((run_id, name, tags))
    if as_json:
        runs: list[Value] = [
            {"run_id": run_id, "name": name or None, "tags": {**tags}}
            for run_id, name, tags in found
        ]
        print_json({"runs": runs})
        return
    rows = [(run_id, *pair) for run_id, _, tags in found for pair in tags.items()]
    table = Table(("RUN ID", "TAG", "TEXT"), rows, flows=True)
    if len(found) == 1:
        table = Table(("TAG", "TEXT"), [row[1:] for row in rows], flows=True)
    if rows:
        print_table(table)
    for run_id, _, tags in found:
        if not tags:
            say(f"run {run_id!r} has no tags; `tracker tag RUN NAME=TEXT` sets one")


def _print(done: Iterable[Tagged], texts: Mapping[str, str]) -> None:
    names = ", ".join(texts)
    for one in done:
        where = f" in {', '.join(one.delivered_to)}" if one.delivered_to else ""
        verb = "set" if one.delivered_to else "kept in the journal"
        echo(clean(f"{one.run_id}: {names} {verb}{where}"))
        for backend, reason in one.pending.items():
            say(
                f"backend {backend!r} lacks it still: {reason}; `tracker sync` "
                "delivers it"
            )


def _tagged_value(one: Tagged, texts: Mapping[str, str]) -> Value:
    return {
        "run_id": one.run_id,
        "tags": {**texts},
        "delivered_to": [*one.delivered_to],
        "pending": [
            {"backend": backend, "reason": reason}
            for backend, reason in one.pending.items()
        ],
    }
