"""The backends that ``tracker sync`` delivers to, by their names."""

import os
from collections.abc import Iterable
from typing import Self

from tracker_core.cli.border import say
from tracker_core.configfile import BackendSetting
from tracker_core.delivery.base import Target
from tracker_core.delivery.courier import is_private
from tracker_core.errors import ConfigError, TrackerError
from tracker_core.opening import open_targets
from tracker_core.redaction import redact
from tracker_core.settings import read_settings

__all__ = ["Receivers"]


class Receivers:
    """Builds backends as they are configured now, each once, and closes them.

    Attributes:
        are_missing: Whether one that was asked for cannot be had.
        private: The names of those that keep nothing beyond their process, so that
            nobody can deliver to them.

    Raises:
        ConfigError: A setting is unusable.
    """

    def __init__(self) -> None:
        """Nothing is built yet."""
        settings = read_settings()
        known = settings.backends or (settings.embedded,)
        self.are_missing: bool = False
        self.private: set[str] = set()
        self._known = {backend.name: backend for backend in known}
        self._built: dict[str, Target | None] = {}

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Close all."""
        for target in self._built.values():
            if target is not None:
                target.close()

    def get(self, name: str, factory: str | None) -> Target | None:
        """Return a backend, or say why it cannot be had.

        Args:
            name: Its name.
            factory: How it is built, where it is not configured here.
        """
        if name not in self._built:
            self._built[name] = self._build(name, factory)
        found = self._built[name]
        if found is None and name not in self.private:
            self.are_missing = True
        return found

    def forget(self, names: Iterable[str]) -> None:
        """Leave open what hangs in a call and cannot be closed; it ends with us."""
        for name in names:
            self._built.pop(name, None)

    def _build(self, name: str, factory: str | None) -> Target | None:
        setting = BackendSetting(name)
        try:
            setting = self._setting(name, factory)
            (target,) = open_targets([setting], "raise")
        except TrackerError as error:
            said = redact(str(error), [setting.config])
            say(f"backend {name!r} is left out: {said}")
            return None
        if is_private(target):
            target.close()
            self.private.add(name)
            say(f"backend {name!r} is left out: it keeps nothing beyond its process")
            return None
        return target

    def _setting(self, name: str, factory: str | None) -> BackendSetting:
        known = self._known.get(name)
        if known is not None:
            return known
        # Its config may be in the environment or in a file, though it is not listed.
        listed = f"{name}={factory}" if factory else name
        found = read_settings({**os.environ, "TRACKER_BACKENDS": listed}).backends
        if [backend.name for backend in found] != [name]:
            message = f"{name!r} must be the name of one backend, and nothing else"
            raise ConfigError(message)
        return found[0]
