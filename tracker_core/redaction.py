"""Taking secrets out of text before anybody sees it."""

import re
from collections.abc import Iterable

__all__ = ["redact"]

_HIDDEN = "***"
# Hiding every "a" would make a message unreadable and protect nothing.
_SHORTEST = 4
_CREDENTIALS = re.compile(r"(?<=://)[^/\s@'\"]+(?=@)")


def redact(text: str, configs: Iterable[str | None] = ()) -> str:
    """Return ``text`` without config strings and without credentials in URLs.

    Args:
        text: For example the message of an error that a foreign backend raised.
        configs: Config strings; they, and the credentials in them, become ``***``.
    """
    for config in configs:
        for secret in sorted(_secrets(config or ""), key=len, reverse=True):
            text = text.replace(secret, _HIDDEN)
    return _CREDENTIALS.sub(_HIDDEN, text)


def _secrets(config: str) -> set[str]:
    credentials = _CREDENTIALS.findall(config)
    passwords = [found.partition(":")[2] for found in credentials]
    found = {config, *credentials, *passwords}
    return {secret for secret in found if len(secret) >= _SHORTEST}
