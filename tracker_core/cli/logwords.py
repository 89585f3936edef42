"""What the words of ``tracker log`` say, read without the parser of the command line.

One grammar: ``KIND NAME VALUE``, or ``KIND NAME=VALUE...`` where the first name holds
``=``; options anywhere before ``--``. An option begins with two dashes, so that ``-1``
is a value.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, NoReturn

from tracker_core.bodies import artifact_body, log_body, tags_body
from tracker_core.errors import InvalidValueError
from tracker_core.metrics import metrics_body
from tracker_core.params import params_body
from tracker_core.shelllog import Entry, FileEntry
from tracker_core.trackvars import decoded
from tracker_core.values import check_name

__all__ = ["LogCall", "read_words"]

# Which kind an option belongs to; None for those that belong to none.
_VALUED = {"--run": None, "--step": "metric", "--level": "text"}
_FLAGS = {"--reference": "artifact", "--stdin": None}
# Longer ones are beyond every step.
_MAX_DIGITS = 19


class LogCall(NamedTuple):
    """What one call says.

    Args:
        entries: What is to be logged.
        run: The word for the run; None for that of the job around the call.
        reads_stdin: Whether lines of the input say what is to be logged.
    """

    entries: tuple[Entry, ...]
    run: str | None
    reads_stdin: bool


def read_words(arguments: Sequence[str]) -> LogCall:
    """Return what the words behind ``tracker log`` say.

    Raises:
        InvalidValueError: They are no such call, or a value lies outside what is
            allowed.
        UnsupportedTypeError: A value has a type that is not kept.
    """
    words, options = _sorted(arguments)
    run = options.pop("--run", None)
    if "--stdin" in options:
        if words or len(options) > 1:
            _refuse("--stdin takes nothing beside it but --run")
        return LogCall((), run, reads_stdin=True)
    if not words:
        _refuse(f"it is not said what to log; use one of {', '.join(_KINDS)}")
    kind, *rest = words
    if kind not in _KINDS:
        _refuse(f"there is no kind {kind!r}; use one of {', '.join(_KINDS)}")
    for option in options:
        owner = {**_VALUED, **_FLAGS}[option]
        if owner != kind:
            _refuse(f"{option} belongs to {owner}, not to {kind}")
    return LogCall(_KINDS[kind](rest, options), run, reads_stdin=False)


def _sorted(arguments: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Return the words, and the options with their values."""
    words: list[str] = []
    options: dict[str, str] = {}
    waiting = iter(arguments)
    for argument in waiting:
        name, has_value, value = argument.partition("=")
        if argument == "--":
            words += waiting
        elif not argument.startswith("--"):
            words.append(argument)
        elif argument in _FLAGS:
            options[argument] = ""
        elif name in _VALUED:
            value = value if has_value else next(waiting, "--")
            if value == "--":
                _refuse(f"{name} lacks its value")
            options[name] = value
        else:
            known = ", ".join((*_VALUED, *_FLAGS))
            _refuse(
                f"there is no option {argument!r} but {known}; write -- before words "
                "that begin with --"
            )
    return words, options


def _params(words: list[str], _options: dict[str, str]) -> tuple[Entry, ...]:
    pairs = _pairs("param", words)
    return (params_body({name: decoded(text) for name, text in pairs.items()}),)


def _metrics(words: list[str], options: dict[str, str]) -> tuple[Entry, ...]:
    pairs = _pairs("metric", words)
    values = {name: decoded(text) for name, text in pairs.items()}
    return (metrics_body(values, _step(options.get("--step"))),)


def _tags(words: list[str], _options: dict[str, str]) -> tuple[Entry, ...]:
    return (tags_body(_pairs("tag", words)),)


def _text(words: list[str], options: dict[str, str]) -> tuple[Entry, ...]:
    if len(words) != 1:
        _refuse(f"text takes one MESSAGE, not {len(words)} words; quote it")
    return (log_body(words[0], options.get("--level", "info"), None),)


def _artifacts(words: list[str], options: dict[str, str]) -> tuple[Entry, ...]:
    pairs = _pairs("artifact", words, "PATH")
    return tuple(
        artifact_body(name, path, None)
        if "--reference" in options
        else FileEntry(check_name(name, "artifact name"), path)
        for name, path in pairs.items()
    )


def _pairs(kind: str, words: list[str], value: str = "VALUE") -> dict[str, str]:
    if not words or "=" not in words[0]:
        if len(words) != 2:  # noqa: PLR2004 - a name and a value
            _refuse(
                f"{kind} takes NAME {value}, or any number of NAME={value}, not "
                f"{len(words)} words; quote what holds blanks"
            )
        return {words[0]: words[1]}
    found: dict[str, str] = {}
    for word in words:
        name, has_value, text = word.partition("=")
        if not has_value:
            _refuse(f"{word!r} stands beside pairs and is none; write NAME={value}")
        if name in found:
            _refuse(f"{name!r} is there twice; log each value by a call of its own")
        found[name] = text
    return found


def _step(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS):
        _refuse(f"--step is {text!r}; use a whole number from 0")
    return int(text)


def _refuse(why: str) -> NoReturn:
    message = f"{why}; see `tracker log --help`"
    raise InvalidValueError(message)


_KINDS: dict[str, Callable[[list[str], dict[str, str]], tuple[Entry, ...]]] = {
    "param": _params,
    "metric": _metrics,
    "tag": _tags,
    "text": _text,
    "artifact": _artifacts,
}
