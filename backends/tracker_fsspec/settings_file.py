"""torchx's configuration file: lines of ``key=value``.

Both sides are stripped; values are text. Dots in a key nest: ``a.b=1`` is
``{"a": {"b": "1"}}``. Blank lines, and lines whose first character is ``#``, say
nothing. Error messages name lines and keys, never values, which may be secrets.
"""

from typing import TypeAlias

from tracker_core.errors import ConfigError

__all__ = ["Settings", "parse_settings"]

Settings: TypeAlias = "dict[str, str | Settings]"


def parse_settings(text: str) -> Settings:
    """Read the lines of a configuration file.

    Raises:
        ConfigError: A line has no ``=``, a key has an empty part, is there twice, or
            is both a value and a prefix.
    """
    settings: Settings = {}
    for number, line in enumerate(text.split("\n"), start=1):
        content = line.strip()
        if content and not content.startswith("#"):
            key, equals, value = content.partition("=")
            if not equals:
                raise ConfigError(f"line {number} has no '='; write key=value")
            _set(settings, key.strip(), value.strip(), f"line {number}")
    return settings


def _set(settings: Settings, key: str, value: str, where: str) -> None:
    *outer, last = key.split(".")
    if not all((*outer, last)):
        message = (
            f"{where}: key {key!r} has an empty part; a dot stands between two names"
        )
        raise ConfigError(message)
    for part in outer:
        inner = settings.setdefault(part, {})
        if not isinstance(inner, dict):
            message = f"{where}: key {key!r} nests in {part!r}, which has a value"
            raise ConfigError(message)
        settings = inner
    if last in settings:
        raise ConfigError(f"{where}: key {key!r} is there already; keep one of them")
    settings[last] = value
