"""What a shell offers when a person presses Tab: runs, series, backends.

What a parameter takes is known by how it is called: ``RUN`` is a run in every command.
Whatever goes wrong, a shell that waits for words gets none, and no message over the
line that the person is typing.
"""

import logging
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stderr
from itertools import islice
from pathlib import Path
from types import MappingProxyType

import click
from click.shell_completion import CompletionItem

__all__ = ["teach"]

_MOST = 50
_RECENT = 20
# What a shell would break or read as more than a word.
_PLAIN = re.compile(r"[\w@%+=:,./-]+")


class _Word(click.types.StringParamType):
    """A text for which a shell may offer words.

    Args:
        find: Gives words and what is said of them, from a name of a backend or None
            and the beginning that was typed.
    """

    def __init__(self, find: "_Find") -> None:
        """Keep where the words come from."""
        self._find = find

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the words that may be meant."""
        del param
        backend = ctx.params.get("backend")
        with _quietly():
            found = self._find(backend if isinstance(backend, str) else None)
            fitting = (pair for pair in found if pair[0].startswith(incomplete))
            plain = (pair for pair in fitting if _PLAIN.fullmatch(pair[0]))
            return [
                CompletionItem(word, help=words) for word, words in islice(plain, _MOST)
            ]
        return []


_Find = Callable[[str | None], Iterable[tuple[str, str]]]


def teach(command: click.Command) -> None:
    """Tell a command's parameters which words they take, by metavar or name."""
    for param in command.params:
        what = (param.metavar or "").strip("[].")
        find = _FINDERS.get(what) or _FINDERS.get(param.name or "")
        if find is not None:
            param.type = _Word(find)


@contextmanager
def _quietly() -> Iterator[None]:
    with Path(os.devnull).open("w") as nowhere, redirect_stderr(nowhere):
        logging.disable()
        try:
            yield
        except Exception:  # noqa: BLE001, S110 - the border to the shell
            pass
        finally:
            logging.disable(logging.NOTSET)


def _runs(backend: str | None) -> Iterator[tuple[str, str]]:
    from tracker_core.cli.selection import LAST
    from tracker_core.cli.stores import open_store

    with open_store(backend) as store:
        runs = list(store.tracker.runs())
    if runs:
        yield LAST, runs[0].name
    uses = Counter(run.name for run in runs)
    for run in runs:
        # A name of several runs means none of them.
        if uses[run.name] == 1:
            yield run.name, run.experiment or run.run_id
    for run in runs:
        yield run.run_id, run.name


def _series(backend: str | None) -> Iterator[tuple[str, str]]:
    from tracker_core.cli.stores import open_store

    with open_store(backend) as store:
        recent = store.tracker.runs(limit=_RECENT)
        found = {
            name: "" for run in recent for name in store.tracker.series(run.run_id)
        }
    for name in sorted(found):
        yield name, ""


def _experiments(backend: str | None) -> Iterator[tuple[str, str]]:
    from tracker_core.cli.stores import open_store

    with open_store(backend) as store:
        names = [experiment.name for experiment in store.tracker.experiments()]
    for name in names:
        yield name, ""


def _trackers(_backend: str | None) -> Iterator[tuple[str, str]]:
    from tracker_core.registry import installed_backends
    from tracker_core.settings import read_settings

    names = {backend.name: "configured" for backend in read_settings().backends}
    for installed in installed_backends():
        names.setdefault(installed.name, "installed")
    yield from names.items()


_FINDERS = MappingProxyType(
    {
        "RUN": _runs,
        "RUN_ID": _runs,
        "SERIES": _series,
        "experiment": _experiments,
        "backend": _trackers,
    }
)
