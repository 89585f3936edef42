"""Settings from whatever a job keeps them in."""

import argparse
import enum
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import InitVar, dataclass, field
from pathlib import Path, PurePosixPath
from types import MappingProxyType, SimpleNamespace
from typing import ClassVar

import attrs
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from tracker_core.errors import (
    ConfigError,
    InvalidValueError,
    KeyConflictError,
    UnsupportedTypeError,
)
from tracker_core.params import nested, params_body
from tracker_core.run import AppRun
from tracker_core.testing.memory import MemoryTracker
from tracker_core.values import Value


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


class OptimizerModel(pydantic.BaseModel):
    """The settings of an optimizer as a model, whose names are not Python's."""

    rate: float = pydantic.Field(default=0.1, serialization_alias="lr")
    betas: tuple[float, float] = (0.9, 0.99)


class ConfigModel(pydantic.BaseModel):
    """The settings as a model."""

    name: str = "net"
    optimizer: OptimizerModel = OptimizerModel()


@attrs.define
class ConfigOfAttrs:
    """The settings as an attrs class."""

    name: str = "net"
    optimizer: OptimizerModel = attrs.field(factory=OptimizerModel)


FLAT = {"name": "net", "optimizer.lr": 0.1, "optimizer.betas": [0.9, 0.99]}


@pytest.mark.parametrize(
    "config",
    [
        {"name": "net", "optimizer": {"lr": 0.1, "betas": [0.9, 0.99]}},
        MappingProxyType({"name": "net", "optimizer": OrderedDict(vars(Optimizer()))}),
        argparse.Namespace(name="net", optimizer=Optimizer()),
        SimpleNamespace(name="net", optimizer=SimpleNamespace(**vars(Optimizer()))),
        Config(7),
        ConfigModel(),
        ConfigOfAttrs(),
        OmegaConf.create({"name": "net", "optimizer": vars(Optimizer())}),
        {"name": "net", "optimizer": OmegaConf.structured(Optimizer)},
        {"name": "net", "optimizer.lr": 0.1, "optimizer.betas": (0.9, 0.99)},
    ],
)
def test_params_are_flattened_whatever_holds_them(config: object) -> None:
    """Mappings and objects of all kinds nest in each other; lists stay whole."""
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


def test_params_in_a_list_stay_in_it() -> None:
    """Its objects become plain, and it is one param."""
    layers = [Optimizer(), OptimizerModel(), {"lr": PurePosixPath("a")}]

    plain = {"lr": 0.1, "betas": [0.9, 0.99]}
    assert params_body({"layers": layers}).values == {
        "layers": [plain, plain, {"lr": "a"}]
    }


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ({"a": {"b": 1}, "a.b": 2}, {"a.b": 2}),
        ({"a.b": 2, "a": {"b": 1}}, {"a.b": 1}),
        ({"a": {"b.c": 1}, "a.b": {"c": 2}}, {"a.b.c": 2}),
    ],
)
def test_params_of_two_spellings_are_one(
    values: dict[str, object], kept: dict[str, object]
) -> None:
    """A key with a dot is the same as a nested one, and the later counts."""
    assert params_body(values).values == kept


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", '{"name": "net", "optimizer": {"lr": 0.1, "betas": [0.9, 0.99]}}'),
        ("a.toml", 'name = "net"\n[optimizer]\nlr = 0.1\nbetas = [0.9, 0.99]'),
        ("a.yaml", "name: net\noptimizer:\n  lr: 0.1\n  betas: [0.9, 0.99]"),
    ],
)
def test_params_of_a_file_are_those_in_it(tmp_path: Path, name: str, text: str) -> None:
    """A path as the whole of the settings is the place of them."""
    path = tmp_path / name
    path.write_text(text)

    assert params_body(path).values == FLAT


def test_params_of_a_file_that_is_not_there_are_refused(tmp_path: Path) -> None:
    """The message names the file."""
    with pytest.raises(ConfigError, match=r"missing\.json' cannot be read: No such"):
        params_body(tmp_path / "missing.json")


def test_params_of_text_are_refused() -> None:
    """It may be the name of a file, or a mistake: the message says how to tell."""
    with pytest.raises(UnsupportedTypeError, match=r"use pathlib\.Path\(…\) of it"):
        params_body("config.yaml")


def test_params_without_a_value_are_refused() -> None:
    """What a user of OmegaConf has to give is named where it is missing."""
    config = OmegaConf.create({"optimizer": {"lr": "???"}})

    with pytest.raises(InvalidValueError, match=r"params: .*optimizer\.lr"):
        params_body(config)


KEYS = st.text(min_size=1).filter(lambda key: "." not in key and key.isprintable())
TREES = st.dictionaries(
    KEYS,
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text("ab") | st.lists(st.none()),
        lambda inner: st.dictionaries(KEYS, inner, max_size=3),
        max_leaves=8,
    ),
    max_size=3,
)


@given(TREES)
def test_nested_view_is_what_was_given(tree: dict[str, Value]) -> None:
    """Where no key has a dot, nothing is lost by taking settings apart."""
    assert nested(params_body(tree).values) == tree


def test_nested_view_is_sorted_by_key() -> None:
    """At every level."""
    view = nested({"b.d": 1, "a": 2, "b.c": 3, "b!": 4})

    assert repr(view) == "{'a': 2, 'b': {'c': 3, 'd': 1}, 'b!': 4}"


@pytest.mark.parametrize(
    ("values", "key", "longer"),
    [
        ({"optimizer": "adam", "optimizer.lr": 0.1}, "optimizer", "optimizer.lr"),
        ({"a.b.c.d": 1, "a!": 1, "a.b": 2}, "a.b", "a.b.c.d"),
        ({"a": {}, "a.b": 1}, "a", "a.b"),
    ],
)
def test_nested_view_of_a_leaf_that_is_a_prefix_is_refused(
    values: dict[str, Value], key: str, longer: str
) -> None:
    """The error names both; the flat view has them."""
    with pytest.raises(KeyConflictError) as caught:
        nested(values)

    assert caught.value.args == (key, longer)


@pytest.mark.parametrize(
    "config", [None, 3, [OmegaConf.create()], [("a", 1)], Config, ConfigModel, object()]
)
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


def _joined(view: Mapping[str, Value], prefix: str = "") -> dict[str, Value]:
    found: dict[str, Value] = {}
    for key, value in view.items():
        if isinstance(value, dict) and value:
            found |= _joined(value, f"{prefix}{key}.")
        else:
            found[prefix + key] = value
    return found


@given(st.dictionaries(st.text("ab.!", min_size=1), st.integers()))
def test_nested_view_loses_nothing_or_is_refused(values: dict[str, Value]) -> None:
    """Any dotted keys come back from it, with empty parts too, in whatever order."""
    is_both = any(longer.startswith(f"{key}.") for key in values for longer in values)

    try:
        view = nested(values)
    except KeyConflictError:
        assert is_both
    else:
        assert not is_both
        assert _joined(view) == values


def test_nested_view_of_a_key_with_empty_parts_has_empty_keys() -> None:
    """Every dot divides."""
    view = nested(params_body({"a..b": 1, ".a": 2, "c.": 3}).values)

    assert view == {"a": {"": {"b": 1}}, "": {"a": 2}, "c": {"": 3}}


class Preset(enum.Enum):
    """Settings to choose from, with all that they stand for."""

    SMALL = Config(7)
    LARGE = MappingProxyType({"name": PurePosixPath("large")})


def test_params_in_several_layers_are_flattened() -> None:
    """Such as a member of an enum whose value is a dataclass."""
    values = params_body({"a": Preset.SMALL, "b": Preset.LARGE}).values

    assert values == {
        **{f"a.{key}": value for key, value in FLAT.items()},
        "b.name": "large",
    }


@pytest.mark.parametrize("branches", [1, 2])
@pytest.mark.parametrize(
    "make", [SimpleNamespace, ConfigOfAttrs, Optimizer, argparse.Namespace]
)
def test_params_of_an_object_that_holds_itself_are_refused(
    make: Callable[[], object], branches: int
) -> None:
    """However many ways lead round the circle."""
    config = make()
    for name in ("name", "optimizer") if make is ConfigOfAttrs else ("lr", "betas"):
        setattr(config, name, [config] if branches > 1 else config)

    with pytest.raises(InvalidValueError, match="deeper than 64 levels"):
        params_body(config)


@pytest.mark.parametrize("parts", [64, 65])
def test_params_have_at_most_64_parts(parts: int) -> None:
    """A dotted key goes as deep as a nested one."""
    key = ".".join("a" * parts)

    if parts == 64:
        assert params_body({key: 1}).values == {key: 1}
    else:
        with pytest.raises(InvalidValueError, match="deeper than 64 levels under 'a'"):
            params_body({key: 1})


def test_params_that_cannot_be_read_leave_nothing_behind() -> None:
    """A serializer of the job's own that fails is a clear error before any write."""

    class Failing(pydantic.BaseModel):
        lr: float = 0.1

        @pydantic.field_serializer("lr")
        def _fail(self, lr: float) -> float:
            raise LookupError(lr)

    tracker = MemoryTracker()
    run = AppRun("run", [tracker])
    run.log_param("first", 1)

    with pytest.raises(InvalidValueError, match=r"'model': .*Failing cannot be read: "):
        run.log_params({"before": 1, "model": Failing()})

    assert tracker.params("run") == {"first": 1}


def test_params_with_a_set_are_refused() -> None:
    """The message names the key and what keeps the order."""
    with pytest.raises(
        UnsupportedTypeError,
        match=r"param 'a\.b' has the type set.*; use a sorted list",
    ):
        params_body({"a": {"b": {"x", "y"}}})


def test_params_with_a_class_are_refused() -> None:
    """The message tells it from an object of the class."""
    with pytest.raises(
        UnsupportedTypeError, match=r"param 'a\.b' has the type type\[.*Optimizer\]"
    ):
        params_body({"a": {"b": Optimizer}})
