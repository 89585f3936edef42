"""Taking out of text what nobody may see, or no encoding can keep.

The config string of a backend is a secret as a whole, and so are the credentials in
it. Only one that is plainly a local path may be seen: it opens nothing, and without it
a message could not say which file is meant.
"""

import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "describe",
    "hide_arguments",
    "hide_secrets",
    "kept_text",
    "known_secrets",
    "redact",
    "shows_secret",
]

_HIDDEN = "***"
# Hiding every "a" would make a message unreadable and protect nothing.
_SHORTEST = 4
# A password may hold an @ of its own: the last one ends it.
_CREDENTIALS = re.compile(r"(?<=://)[^/\s\"]+(?=@)")
# What stands behind a telling name: password=…, "token": "…"
_NAMED = re.compile(
    r"(?:pass|pwd|secret|token|key|credential)[\w.-]*[\"']?\s*[=:]\s*[\"']?([^\s\"',;&}]+)",
    re.IGNORECASE,
)
_PATH = re.compile(r"(?:~|\.{1,2})?/[\w./-]*|[\w./-]+\.(?:db|sqlite3?)")


def hide_secrets(text: str) -> str:
    """Return ``text`` with ``***`` for whatever looks like a secret.

    For what Tracker collects by itself, never for what a job logs on purpose. Whole
    texts are better than single lines, since a private key has many; but a text must
    not begin or end within a line. Takes time that grows with the length of the text
    and no faster; hiding again changes nothing more.

    Args:
        text: For example the output of a program, a traceback, or a diff.
    """
    # Half a thousand lines, and patterns, that a job without any need never loads.
    from tracker_core.hiding import hidden

    return hidden(text)


def hide_arguments(arguments: Sequence[str]) -> list[str]:
    """Return the words of a command with ``***`` in place of its secrets.

    Beside what :func:`hide_secrets` knows, whatever follows an option with a telling
    name goes: ``--password``, ``hunter2``.
    """
    from tracker_core.hiding import hidden_words

    return hidden_words(arguments)


def known_secrets(
    environ: Mapping[str, str] | None = None, arguments: Sequence[str] | None = None
) -> list[str]:
    """Return what a process was given that nobody may see, for :func:`redact`.

    Args:
        environ: Of this the configs of backends, variables with telling names, and
            passwords in URLs; by default the environment of this process.
        arguments: The words of a command; by default those of this process.
    """
    from tracker_core.hiding import secret_variables, secret_words

    environ = os.environ if environ is None else environ
    arguments = sys.argv if arguments is None else arguments
    configs = [text for name, text in environ.items() if _is_config(name)]
    return [*configs, *secret_variables(environ), *secret_words(arguments)]


def redact(text: str, secrets: Iterable[str | None] = ()) -> str:
    """Return ``text`` without known secrets and without what looks like one.

    Args:
        text: For example the message of an error that a foreign backend raised.
        secrets: Config strings and other secrets; they, and the credentials in them,
            become ``***`` wherever they stand.
    """
    for given in secrets:
        for secret in sorted(_secrets(given or ""), key=len, reverse=True):
            text = text.replace(secret, _HIDDEN)
    return hide_secrets(_CREDENTIALS.sub(_HIDDEN, text))


def kept_text(text: str) -> str:
    r"""Return text that nobody chose, with lone surrogates written out: ``\udcff``.

    For what the system or an exception says; what a caller logs is refused instead.
    """
    return text.encode("utf-8", "backslashreplace").decode()


def describe(error: BaseException, configs: Iterable[str | None] = ()) -> str:
    """Return the type and the message of ``error`` in one line, without secrets.

    Those of ``configs`` are hidden, and what this process was given. It never fails,
    whatever the error's own ``__str__`` does.
    """
    import traceback

    text = "".join(traceback.format_exception_only(error))
    text = text.removeprefix(f"{type(error).__module__}.")
    return " ".join(redact(text, [*configs, *known_secrets()]).split())


def shows_secret(error: BaseException, configs: Iterable[str | None]) -> bool:
    """Tell whether the traceback of ``error``, or of what led to it, holds a secret."""
    import traceback

    text = "".join(traceback.format_exception(error))
    return redact(text, configs) != text


def _is_config(name: str) -> bool:
    return name.startswith(("TRACKER_", "TORCHX_TRACKER_")) and name.endswith("_CONFIG")


def _secrets(config: str) -> set[str]:
    if _PATH.fullmatch(config):
        return set()
    credentials = _CREDENTIALS.findall(config)
    passwords = [found.partition(":")[2] for found in credentials]
    named = _NAMED.findall(config)
    found = {config, config.strip(), *credentials, *passwords, *named}
    # A message mostly shows a value by its repr, where a quote or a newline looks
    # different.
    spelled = found | {repr(secret)[1:-1] for secret in found}
    return {secret for secret in spelled if len(secret) >= _SHORTEST}
