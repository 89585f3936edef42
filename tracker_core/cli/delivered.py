"""How far the backends are with a run, as the journal of this machine knows it."""

from collections.abc import Iterable

from tracker_core.cli.border import say
from tracker_core.cli.times import seconds_words
from tracker_core.delivery.overview import BackendState, backend_states
from tracker_core.errors import JournalError
from tracker_core.journal.folders import RunFolder
from tracker_core.stores import embedded_home
from tracker_core.values import Value

__all__ = ["delivery_value", "delivery_words", "is_written", "read_delivery"]


def read_delivery(run_id: str) -> list[BackendState] | None:
    """Return how far each backend is; None for a run that has no journal here."""
    folder = RunFolder.of(embedded_home(), run_id)
    if not folder.path.is_dir():
        return None
    try:
        return backend_states(folder)
    except JournalError as error:
        say(f"how far delivery is cannot be told: {error}")
        return None


def is_written(run_id: str) -> bool:
    """Tell whether a process of this machine may write to the run still."""
    folder = RunFolder.of(embedded_home(), run_id)
    return folder.path.is_dir() and any(
        not writer.is_settled and writer.is_alive()
        for writer in folder.writers()
        if writer.host == folder.host
    )


def delivery_words(states: Iterable[BackendState]) -> list[str]:
    """Return how far each backend is: ``sqlite delivered``, ``mlflow 12 pending``."""
    return [_words(state) for state in states]


def delivery_value(states: Iterable[BackendState]) -> list[Value]:
    """Return how far each backend is, for programs."""
    return [
        {
            "backend": state.backend,
            "state": state.state,
            "delivered": state.delivered,
            "pending": state.pending,
            "dead_count": state.dead_count,
            "error": state.error,
            "lag_s": state.lag_s,
        }
        for state in states
    ]


def _words(state: BackendState) -> str:
    if state.state == "delivered":
        words = f"{state.backend} delivered"
    else:
        words = f"{state.backend} {state.pending} pending"
        words += f" for {seconds_words(state.lag_s)}" if state.pending else ""
        words += f" ({state.state})" if state.state != "delivering" else ""
    return f"{words}, {state.dead_count} refused" if state.dead_count else words
