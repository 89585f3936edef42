"""``tracker list trackers``: the backends that could be or are used here."""

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec

import click

from tracker_core.cli.border import examples, failure_of, say
from tracker_core.cli.documents import print_json
from tracker_core.cli.stores import open_store
from tracker_core.cli.tables import Table, print_table
from tracker_core.configfile import BackendSetting
from tracker_core.errors import TrackerError
from tracker_core.registry import (
    InstalledBackend,
    installed_backend,
    installed_backends,
)
from tracker_core.settings import read_settings
from tracker_core.values import Value

__all__ = ["list_trackers"]

_READY, _INSTALLED = "ready", "installed"
_MISSING, _BROKEN = "not installed", "broken"


@click.command("trackers", epilog=examples("tracker list trackers"))
@click.option("--json", "as_json", is_flag=True, help="Print for programs.")
def list_trackers(*, as_json: bool) -> None:
    """List the backends that are installed or configured here."""
    found = list(_trackers())
    if as_json:
        print_json({"trackers": list(found)})
        return
    titles = ("NAME", "STATE", "CONFIGURED", "READ", "PACKAGE", "GROUP")
    rows = [
        (
            str(tracker["name"]),
            str(tracker["state"]),
            "yes" if tracker["configured"] else "no",
            "by default" if tracker["is_default"] else "–",
            str(tracker["package"] or "–"),
            str(tracker["group"] or tracker["factory"] or "–"),
        )
        for tracker in found
    ]
    print_table(Table(titles, rows, flows=True))


def _trackers() -> Iterator[dict[str, Value]]:
    configured = {backend.name: backend for backend in read_settings().backends}
    default, is_any_configured = _default_name(), bool(configured)
    for installed in installed_backends():
        mine = configured.get(installed.name)
        is_mine = mine is not None and mine.factory is None
        if is_mine:
            del configured[installed.name]
        is_used = is_mine or not is_any_configured
        yield _tracker(
            installed,
            configured=is_mine,
            is_default=is_used and installed.name == default,
        )
    for backend in configured.values():
        found = _found(backend)
        yield _tracker(found, configured=True, is_default=backend.name == default)


def _tracker(
    found: InstalledBackend, *, configured: bool, is_default: bool
) -> dict[str, Value]:
    return {
        "name": found.name,
        "package": found.distribution or None,
        "group": found.group or None,
        "factory": found.factory or None,
        # What nobody uses is not imported.
        "state": _state(found.factory, is_used=configured or is_default),
        "configured": configured,
        "is_default": is_default,
    }


def _found(backend: BackendSetting) -> InstalledBackend:
    """Return what a configured name stands for that no listed backend has.

    It is a factory, or one more name of a backend that is listed under its first, or
    nothing.
    """
    factory = backend.factory or (backend.name if ":" in backend.name else "")
    found = None if factory else installed_backend(backend.name)
    return found or InstalledBackend(backend.name, "", factory, "")


def _state(factory: str, *, is_used: bool) -> str:
    module = factory.partition(":")[0].strip()
    try:
        if not module or find_spec(module.partition(".")[0]) is None:
            return _MISSING
        if not is_used:
            return _INSTALLED
        import_module(module)
    except ImportError as error:
        return f"needs {error.name}" if error.name else _BROKEN
    except Exception:  # noqa: BLE001 - the border to plugins
        return _BROKEN
    return _READY


def _default_name() -> str | None:
    try:
        with open_store(None) as store:
            return store.target.name
    except click.ClickException as failure:
        say(failure.message)
    except TrackerError as error:
        say(failure_of(error).message)
    return None
