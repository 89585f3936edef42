"""The backends that may hold a run, each asked by itself.

One that cannot be opened, or fails when it is asked, keeps nothing from the others: it
is *away*, with the reason.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Self, TypeVar

from tracker_core.cli.border import say
from tracker_core.cli.journals import journaled_runs, readable_journals
from tracker_core.cli.selection import LAST, NotOneRunError, find_run
from tracker_core.cli.text import similar
from tracker_core.configfile import BackendSetting
from tracker_core.delivery.ledger import ledgers
from tracker_core.errors import NotSupportedError, RunNotFoundError, TrackerError
from tracker_core.filters import Condition
from tracker_core.redaction import describe, redact
from tracker_core.runs import RunInfo
from tracker_core.settings import read_settings
from tracker_core.stores import Store, backend_of_name, open_backend

if TYPE_CHECKING:
    from tracker_core.journal.folders import RunFolder

__all__ = ["Holdings"]

_T = TypeVar("_T")


class Holdings:
    """Opens all backends that are configured, or that a journal names.

    Attributes:
        stores: Those that answer.
        journals: The journals of this machine by their runs.
        away: The names of those that do not answer, and why.

    Raises:
        ConfigError: A setting is unusable.
    """

    def __init__(self) -> None:
        """Open what can be opened."""
        self.stores: list[Store] = []
        self.away: dict[str, str] = {}
        self.journals: dict[str, list[RunFolder]] = {}
        for folder in readable_journals(journaled_runs()):
            self.journals.setdefault(folder.run_id, []).append(folder)
        for name, factory in self._expected():
            self._open(name, factory)

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Close all."""
        for store in self.stores:
            store.target.close()

    def ask(self, store: Store, call: Callable[[], _T]) -> _T | None:
        """Return what a backend answers; None where it knows no such run, or is away.

        Raises:
            NotSupportedError: It cannot do that.
        """
        if store.target.name in self.away:
            return None
        try:
            with store.tracker.turn:
                return call()
        except RunNotFoundError:
            return None
        except (NotSupportedError, NotOneRunError):
            raise
        except Exception as error:  # noqa: BLE001 - the border to backends
            self.away[store.target.name] = describe(error, [store.target.config])
            return None

    def chosen(
        self, words: Iterable[str], condition: Condition | None = None
    ) -> list[str]:
        """Return the ids of the runs that words and a query mean, each once.

        Raises:
            NotOneRunError: A word means no run, or several.
        """
        found: dict[str, None] = {}
        for word in words:
            run_id = self._find(word)
            if run_id is None:
                raise self._unknown(word)
            found[run_id] = None
        if condition is not None:
            found |= dict.fromkeys(self._matching(condition))
        return [*found]

    def of(self, run_id: str) -> list[tuple[Store, RunInfo]]:
        """Return the backends that hold a run, and what they tell of it."""
        found = []
        for store in self.stores:
            info = self.ask(store, partial(store.tracker.run, run_id))
            if info is not None:
                found.append((store, info))
        return found

    def tags(self, run_id: str, stores: Iterable[Store]) -> Mapping[str, str]:
        """Return the tags of a run, from the first of the backends that answers."""
        for store in stores:
            found = self.ask(store, partial(store.tracker.tags, run_id))
            if found is not None:
                return found
        return {}

    def _find(self, word: str) -> str | None:
        """Return the id of the run that a word means, in any backend or journal.

        Raises:
            NotOneRunError: It means several.
        """
        if word == LAST:
            return self._last()
        for store in self.stores:
            found = self.ask(store, partial(find_run, store, word))
            if found is not None:
                return found.run_id
        return word if word in self.journals else None

    def _matching(self, condition: Condition) -> list[str]:
        """Return the ids of the runs that match in any backend, the newest first."""
        found: dict[str, None] = {}
        for store in self.stores:
            runs = self.ask(store, partial(store.tracker.runs, condition))
            found |= dict.fromkeys(run.run_id for run in runs or ())
        return [*found]

    def _words(self) -> list[str]:
        """Return all words that mean a run: ids, names, and the newest."""
        found: dict[str, None] = dict.fromkeys(self.journals)
        for store in self.stores:
            for run in self.ask(store, store.tracker.runs) or ():
                found |= dict.fromkeys((LAST, run.run_id, run.name))
        return [*found]

    def _unknown(self, word: str) -> NotOneRunError:
        """Return what is said of a word that means no run anywhere."""
        for name, reason in self.away.items():
            say(f"backend {name!r} was not asked: {reason}")
        names = [store.target.name for store in self.stores]
        place = ", ".join(map(repr, names)) or "any backend that answers"
        known = self._words()
        if not known:
            return NotOneRunError(f"there is no run in {place}")
        hint = similar(word, known) or "`tracker list` lists the runs"
        return NotOneRunError(f"no run {word!r} in {place}; {hint}")

    def _last(self) -> str | None:
        newest: list[RunInfo] = []
        for store in self.stores:
            newest += self.ask(store, partial(store.tracker.runs, limit=1)) or ()
        dated = [run for run in newest if run.created_at is not None]
        found = max(dated, key=_created_at, default=None) or next(iter(newest), None)
        return None if found is None else found.run_id

    def _expected(self) -> Iterator[tuple[str, str | None]]:
        """Give the backends that are configured, and others that a journal names."""
        settings = read_settings()
        known = [one.name for one in settings.backends or (settings.embedded,)]
        yield from ((name, None) for name in known)
        for folder in chain.from_iterable(self.journals.values()):
            for ledger in ledgers(folder):
                if ledger.scope is None and ledger.backend not in known:
                    known.append(ledger.backend)
                    yield ledger.backend, ledger.factory

    def _open(self, name: str, factory: str | None) -> None:
        setting = BackendSetting(name)
        try:
            setting = backend_of_name(f"{name}={factory}" if factory else name)
            self.stores += open_backend(setting, "raise")
        except TrackerError as error:
            self.away[name] = redact(str(error), [setting.config])


def _created_at(run: RunInfo) -> datetime:
    return run.created_at or datetime.min.replace(tzinfo=UTC)
