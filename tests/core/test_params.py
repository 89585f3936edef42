"""Settings from whatever a job keeps them in."""

import argparse
import subprocess
import sys
from collections import OrderedDict
from dataclasses import InitVar, dataclass, field
from types import MappingProxyType, SimpleNamespace
from typing import ClassVar

import pytest

from tracker_core.errors import InvalidValueError, UnsupportedTypeError
from tracker_core.params import params_body


@dataclass
class Optimizer:
    """Settings of an optimizer."""

    lr: float = 0.1
    betas: tuple[float, float] = (0.9, 0.99)


@dataclass
class Config:
    """Settings of a model, with parts that are no fields of the object."""

    kind: ClassVar[str] = "config"
    seed: InitVar[int]
    name: str = "net"
    optimizer: Optimizer = field(default_factory=Optimizer)


FLAT = {"name": "net", "optimizer.lr": 0.1, "optimizer.betas": [0.9, 0.99]}


@pytest.mark.parametrize(
    "config",
    [
        {"name": "net", "optimizer": {"lr": 0.1, "betas": [0.9, 0.99]}},
        MappingProxyType({"name": "net", "optimizer": OrderedDict(vars(Optimizer()))}),
        argparse.Namespace(name="net", optimizer=Optimizer()),
        SimpleNamespace(name="net", optimizer=SimpleNamespace(**vars(Optimizer()))),
        Config(7),
        {"name": "net", "optimizer.lr": 0.1, "optimizer.betas": (0.9, 0.99)},
    ],
)
def test_params_are_flattened_whatever_holds_them(config: object) -> None:
    """Mappings, namespaces and dataclasses nest in each other; lists stay whole."""
    assert params_body(config).values == FLAT


def test_params_keep_their_types() -> None:
    """A bool is no int, an int no float, None and the empty mapping are values."""
    leaves: dict[str, object] = {
        "a": True,
        "b": 1,
        "c": 1.0,
        "d": None,
        "e": {},
        "f": [],
    }

    kept = params_body({**leaves, "g": {"h": {}}}).values

    assert repr(kept) == (
        "{'a': True, 'b': 1, 'c': 1.0, 'd': None, 'e': {}, 'f': [], 'g.h': {}}"
    )


def test_params_of_an_empty_namespace_stay_a_leaf() -> None:
    """Whatever is empty becomes an empty mapping."""
    values = {"a": SimpleNamespace()}

    assert params_body(values).values == {"a": {}}


def test_params_take_a_key_that_is_leaf_and_prefix() -> None:
    """Both are kept side by side."""
    values = {"optimizer": "adam", "optimizer.lr": 0.1}

    assert params_body(values).values == values


@pytest.mark.parametrize("config", [None, 3, "text", [("a", 1)], Config, object()])
def test_params_of_another_type_are_refused(config: object) -> None:
    """The message says what would do, and a class is no settings."""
    with pytest.raises(
        UnsupportedTypeError, match=r"params has the type .*; use a map"
    ):
        params_body(config)


def test_params_with_an_unknown_object_are_refused() -> None:
    """The message names key and type."""
    message = "param 'model.layer' has the type object, which cannot be kept"

    with pytest.raises(UnsupportedTypeError, match=message):
        params_body({"model": {"layer": object()}})


def test_params_with_a_key_that_is_no_text_are_refused() -> None:
    """The message names the place."""
    with pytest.raises(
        UnsupportedTypeError, match=r"param key under 'a.' has the type"
    ):
        params_body({"a": {1: 2}})


@pytest.mark.parametrize("values", [{"": 1}, {"a": {"": 1}}, {"a\udcff": 1}])
def test_params_with_an_unusable_key_are_refused(values: object) -> None:
    """A key is non-empty text that can be encoded."""
    with pytest.raises(InvalidValueError, match="param key"):
        params_body(values)


def test_params_that_hold_themselves_are_refused() -> None:
    """A circle would never end."""
    values: dict[str, object] = {}
    values["x"] = values

    with pytest.raises(InvalidValueError, match="params nest deeper than 64 levels"):
        params_body(values)


def test_params_are_those_of_the_moment() -> None:
    """What changes afterwards changes nothing here."""
    layers = [1, 2]

    body = params_body({"layers": layers})
    layers.append(3)

    assert body.values == {"layers": [1, 2]}


def test_params_need_no_argparse() -> None:
    """A job that does not parse arguments does not import their parser."""
    code = (
        "import sys; from tracker_core.params import params_body; "
        "assert not {'argparse', 'dataclasses'} & set(sys.modules); "
        "print(params_body({'a': 1}).values)"
    )

    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:] = {sys.path!r}; {code}"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout, done.stderr) == ("{'a': 1}\n", "")
