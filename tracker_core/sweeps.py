"""Sweeps: one run for each combination of values of some params.

A param is written ``NAME=VALUES``. Values are separated by commas and read as those of
``tracker log param`` are, see :func:`tracker_core.trackvars.decoded`; ``1..3`` among
them stands for 1, 2 and 3. A JSON list gives its items, so that a value may hold a
comma or be ``true``; a JSON object or a text in quotes is one value::

    lr=0.1,0.01    seed=1..3    layers=[[64,10],[128,10]]    act=["relu","a,b",null]

The job finds its values in its variables, ``TRACKER_PARAM_lr``, and in its command
line, where ``{lr}`` stands for the value, as it was written. ``{{lr}}`` stands for
``{lr}`` itself; ``${lr}`` is the shell's, and what is no param stays as it is.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import product
from math import prod
from typing import NamedTuple

from tracker_core.errors import InvalidValueError
from tracker_core.trackvars import decoded
from tracker_core.values import Value, check_name, to_json

__all__ = ["Choice", "Combination", "Param", "combinations", "read_params"]

_MAX_RUNS = 10_000
_RANGE = re.compile(r"(-?[0-9]{1,18})\.\.(-?[0-9]{1,18})")
_PREFIX = "TRACKER_PARAM_"
# What means itself to every shell.
_PLAIN_WORD = re.compile(r"[\w@%+=:,./-]+")


class Choice(NamedTuple):
    """A value of a param, and how it was written."""

    text: str
    value: Value


class Param(NamedTuple):
    """A param, and the values that it takes one after the other."""

    name: str
    choices: tuple[Choice, ...]


class Combination(NamedTuple):
    """A value of each param: what one run of a sweep is made with."""

    choices: Mapping[str, Choice]

    @property
    def params(self) -> dict[str, Value]:
        """The values by the names of the params."""
        return {name: choice.value for name, choice in self.choices.items()}

    @property
    def variables(self) -> dict[str, str]:
        """What the job finds in its environment."""
        return {_variable(name): choice.text for name, choice in self.choices.items()}

    @property
    def words(self) -> str:
        """The combination as a person reads it: ``lr=0.1 seed=1``."""
        return " ".join(f"{name}={one.text}" for name, one in self.choices.items())

    def filled(self, word: str) -> str:
        """Return a word of the command line with the values in their places."""
        return self._filled(word, lambda name: self.choices[name].text)

    def filled_script(self, script: str) -> str:
        """Return a script of a shell with the values in their places.

        Raises:
            InvalidValueError: A value that has a place is more to a shell than a word.
        """
        return self._filled(script, self._plain_word)

    def _filled(self, text: str, told: Callable[[str], str]) -> str:
        if not self.choices:
            return text

        def fill(place: re.Match[str]) -> str:
            literal, name = place.groups()
            return f"{{{literal}}}" if literal else told(name)

        names = "|".join(map(re.escape, self.choices))
        place = rf"\{{\{{({names})\}}\}}|(?<!\$)\{{({names})\}}"
        return re.sub(place, fill, text)

    def _plain_word(self, name: str) -> str:
        text = self.choices[name].text
        if _PLAIN_WORD.fullmatch(text) is None:
            message = (
                f"the value {text!r} of param {name!r} is no plain word to a shell; "
                f'write "${_variable(name)}" in the script in place of {{{name}}}'
            )
            raise InvalidValueError(message)
        return text


def read_params(words: Iterable[str]) -> list[Param]:
    """Return the params that ``NAME=VALUES`` tell of, in their order.

    Raises:
        InvalidValueError: A word is none of these, a param or a value is there twice,
            or there would be more than 10,000 runs.
        UnsupportedTypeError: A value has a type that is not kept.
    """
    found: dict[str, Param] = {}
    variables: dict[str, str] = {}
    for word in words:
        name, has_values, text = word.partition("=")
        if not has_values or not name:
            message = f"param {word!r} is no NAME=VALUES, such as lr=0.1,0.01"
            raise InvalidValueError(message)
        other = variables.setdefault(_variable(check_name(name, "param")), name)
        if name in found:
            message = f"param {name!r} is there twice; write {name}=VALUE,VALUE"
            raise InvalidValueError(message)
        if other != name:
            message = (
                f"params {other!r} and {name!r} would share the variable "
                f"{_variable(name)}; rename one"
            )
            raise InvalidValueError(message)
        found[name] = Param(name, _choices(name, text))
    _refuse_many(prod(len(param.choices) for param in found.values()))
    return list(found.values())


def combinations(params: Sequence[Param]) -> Iterator[Combination]:
    """Give each combination of values; those of the last param vary fastest."""
    names = [param.name for param in params]
    for choices in product(*(param.choices for param in params)):
        yield Combination(dict(zip(names, choices, strict=True)))


def _choices(name: str, text: str) -> tuple[Choice, ...]:
    whole = decoded(text)
    if isinstance(whole, list):
        found = [Choice(_text(item), item) for item in whole]
    elif isinstance(whole, dict) or (whole != text and text.startswith('"')):
        found = [Choice(_text(whole), whole)]
    else:
        found = [choice for piece in text.split(",") for choice in _piece(name, piece)]
    _refuse_many(len(found))
    seen: set[str] = set()
    for choice in found:
        if "\0" in choice.text:
            message = f"a value of param {name!r} holds a null byte; leave it out"
            raise InvalidValueError(message)
        same = to_json(choice.value)
        if same in seen:
            message = (
                f"param {name!r} has the value {choice.text!r} twice; write it once"
            )
            raise InvalidValueError(message)
        seen.add(same)
    if not found:
        raise InvalidValueError(f"param {name!r} has no value; give at least one")
    return tuple(found)


def _piece(name: str, piece: str) -> Iterator[Choice]:
    text = piece.strip()
    found = _RANGE.fullmatch(text)
    if not text:
        message = f'param {name!r} has an empty value; write {name}=[""] for empty text'
        raise InvalidValueError(message)
    if found is None:
        yield Choice(text, decoded(text))
        return
    first, last = map(int, found.groups())
    if last < first:
        message = f"range {text!r} of param {name!r} is empty; write {last}..{first}"
        raise InvalidValueError(message)
    _refuse_many(last - first + 1)
    yield from (Choice(str(number), number) for number in range(first, last + 1))


def _text(value: Value) -> str:
    return value if isinstance(value, str) else to_json(value)


def _variable(name: str) -> str:
    return _PREFIX + re.sub(r"[^A-Za-z0-9_]", "_", name)


def _refuse_many(count: int) -> None:
    if count > _MAX_RUNS:
        message = (
            f"these params make {count:,} runs, and at most {_MAX_RUNS:,} are made"
        )
        raise InvalidValueError(f"{message}; give them fewer values")
