"""What is inside the objects that jobs keep settings and results in."""

import argparse
import enum
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import Annotated, Any

import attrs
import numpy as np
import pydantic
import pydantic.dataclasses
import pydantic.v1
import pytest
from omegaconf import OmegaConf

from tracker_core.errors import InvalidValueError, UnsupportedTypeError
from tracker_core.testing.contract.answers import exact
from tracker_core.values import Value, check_value


class Opaque:
    """Nothing that is kept; its text, unlike that of an object, is always the same."""

    def __repr__(self) -> str:
        return "opaque"


class Optimizer(pydantic.BaseModel):
    """The settings that all optimizers have."""

    lr: float = pydantic.Field(default=0.1, serialization_alias="learning-rate")


class Adam(Optimizer):
    """One optimizer with a setting more."""

    betas: tuple[float, float] = (0.9, 0.99)


class Training(pydantic.BaseModel):
    """A model that holds everything that a model can."""

    model_config = pydantic.ConfigDict(arbitrary_types_allowed=True, extra="allow")

    optimizer: Optimizer = Adam()
    several: list[Optimizer] = [Adam()]
    anything: Any = None
    password: str = pydantic.Field(default="hunter2", exclude=True)
    layer: Annotated[object, pydantic.PlainSerializer(lambda _: "a layer")] = Opaque()
    device: str = "cuda"

    @pydantic.field_serializer("device")
    def _with_number(self, device: str) -> str:
        return f"{device}:0"


class OldOptimizer(pydantic.v1.BaseModel):
    """A model of pydantic before 2."""

    lr: float = pydantic.v1.Field(0.1, alias="learning-rate")


@dataclass
class Layer:
    """Settings as a dataclass."""

    units: int = 8
    shape: tuple[int, ...] = field(default=(2, 2))


@dataclass
class Layers:
    """Settings of which a part can be absent."""

    first: Layer | None = None


@attrs.define
class Data:
    """Settings as an attrs class."""

    path: Path = Path("data")
    layer: Layer = attrs.field(factory=Layer)


class Mode(enum.Enum):
    """Settings to choose from."""

    TRAIN = "train"
    SMALL = Layer(units=2)


@pydantic.dataclasses.dataclass
class Checked:
    """A dataclass of pydantic."""

    layer: Layer = field(default_factory=Layer)
    size: int = pydantic.Field(default=1, serialization_alias="Size")


ADAM = {"learning-rate": 0.1, "betas": [0.9, 0.99]}
TRAINING = {
    "optimizer": ADAM,
    "several": [ADAM],
    "anything": None,
    "layer": "a layer",
    "device": "cuda:0",
}
LAYER = {"units": 8, "shape": [2, 2]}


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (Training(), TRAINING),
        (Training.model_validate({"more": Adam()}), {**TRAINING, "more": ADAM}),
        (pydantic.RootModel[list[Optimizer]]([Adam()]), [ADAM]),
        (OldOptimizer(**{"learning-rate": 0.5}), {"learning-rate": 0.5}),
        (Layer(), LAYER),
        (Data(), {"path": "data", "layer": LAYER}),
        (argparse.Namespace(layer=Layer()), {"layer": LAYER}),
        (SimpleNamespace(a=SimpleNamespace()), {"a": {}}),
        (OmegaConf.create({"a": 1, "b": {"c": "${a}"}}), {"a": 1, "b": {"c": 1}}),
        (OmegaConf.create([1, {"a": None}]), [1, {"a": None}]),
        (OmegaConf.structured(Layer(units=3)).units, 3),
        (Mode.TRAIN, "train"),
        (Mode.SMALL, {"units": 2, "shape": [2, 2]}),
        (Checked(), {"layer": LAYER, "Size": 1}),
        (PurePosixPath("a/b"), "a/b"),
        (date(2026, 1, 2), "2026-01-02"),
        (time(3, 4), "03:04:00"),
        (datetime(2026, 1, 2, 3, 4, tzinfo=UTC), "2026-01-02T03:04:00+00:00"),
        (np.arange(3), [0, 1, 2]),
        (np.array([[1.5], [2.5]], dtype=np.float32), [[1.5], [2.5]]),
        (np.array([True]), [True]),
        (np.float32(0.5), 0.5),
        (np.array(7), 7),
        (np.datetime64("2026-01-02T03:04", "m"), "2026-01-02T03:04"),
        (np.array(["2026-01-02"], "datetime64[ns]"), ["2026-01-02T00:00:00.000000000"]),
        (np.ma.array([1, 2], mask=[False, True]), [1, None]),
        (np.empty(0), []),
        (np.zeros((0, 20_000)), []),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize(
    ("wrap", "unwrap"),
    [
        (lambda value: value, lambda kept: kept),
        (lambda value: {"a": value}, lambda kept: kept["a"]),
        (lambda value: [(value,)], lambda kept: kept[0][0]),
        (lambda value: Training(anything=value), lambda kept: kept["anything"]),
        (lambda value: SimpleNamespace(a=[value]), lambda kept: kept["a"][0]),
    ],
    ids=["alone", "in a mapping", "in lists", "in a model", "in a namespace"],
)
def test_value_in_an_object_is_found(
    wrap: Callable[[object], object],
    unwrap: Callable[[Any], Value],
    value: object,
    kept: Value,
) -> None:
    """Objects of all kinds hold each other, and what is inside keeps its type."""
    checked = check_value(wrap(value), "x")

    assert exact(unwrap(checked)) == exact(kept)


def test_largest_array_is_a_list() -> None:
    """Ten thousand elements are few enough."""
    assert check_value(np.ones((100, 100)), "x") == [[1.0] * 100] * 100


def test_array_that_is_too_large_is_refused() -> None:
    """The message says how large it is and what to do."""
    message = "metric 'x' is an array of 10001 elements; log a file of it"

    with pytest.raises(InvalidValueError, match=message):
        check_value(np.ones(10_001), "metric 'x'")


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (Training(anything={"a": [Opaque()]}), r"x\['anything'\]\['a'\]\[0\]"),
        (Training(anything=pydantic.SecretStr("pw")), r"x\['anything'\]"),
        (SimpleNamespace(a=Layer), r"x\['a'\]"),
        ([Training], r"x\[0\]"),
        (Data, "x"),
        (np.array([1, 2j]), r"x\[0\]"),
        (np.array(Opaque()), "x"),
        (np.timedelta64(3, "s"), "x"),
        (np.array([3], "timedelta64[s]"), "x"),
        (np.array([Opaque()]), r"x\[0\]"),
        (pydantic.BaseModel, "x"),
    ],
    ids=str,
)
def test_what_is_not_kept_is_refused_wherever_it_is(value: object, place: str) -> None:
    """The message names the place; a class is nothing that it makes."""
    with pytest.raises(UnsupportedTypeError, match=f"{place} has the type"):
        check_value(value, "x")


@pytest.mark.parametrize("value", [{2, 1}, frozenset(), {"a": {1}}])
def test_set_is_refused(value: object) -> None:
    """Its order would differ from one run to the next."""
    with pytest.raises(UnsupportedTypeError, match=r"set, which .*; use a sorted list"):
        check_value(value, "x")


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"a": {"b": "???"}}, "Missing mandatory value: a.b"),
        ({"a": "${b}"}, "Interpolation key 'b' not found"),
    ],
)
@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: [value]])
def test_omegaconf_that_cannot_be_resolved_is_refused(
    config: dict[str, object], reason: str, wrap: Callable[[object], object]
) -> None:
    """A setting that somebody forgot is named."""
    value = wrap(OmegaConf.create(config))

    with pytest.raises(InvalidValueError, match=f"{reason}.*; set it before logging"):
        check_value(value, "x")


def test_omegaconf_with_the_words_of_an_array_is_settings() -> None:
    """A setting may be called as the attributes by which arrays are recognised."""
    settings = {"item": 1, "ndim": 0, "shape": [1], "tolist": 2}

    assert check_value(OmegaConf.create(settings), "x") == settings


def test_pydantic_model_that_holds_itself_is_refused() -> None:
    """Pydantic's own refusal becomes ours, which names the value."""
    model = Training()
    model.anything = [model]

    with pytest.raises(InvalidValueError, match=r"metric 'x'.*(ircular|deeper)"):
        check_value(model, "metric 'x'")


def test_pydantic_serializer_that_fails_is_refused() -> None:
    """So is a model that its own serializers cannot write."""

    class Failing(pydantic.BaseModel):
        a: int = 1

        @pydantic.field_serializer("a")
        def _fail(self, value: int) -> int:
            return value // 0

    with pytest.raises(InvalidValueError, match=r"x: .*ZeroDivisionError"):
        check_value(Failing(), "x")


def test_pydantic_model_with_wrong_values_is_kept_quietly() -> None:
    """What was never validated is taken as it is."""
    model = Optimizer.model_construct(lr="fast")

    assert check_value(model, "x") == {"learning-rate": "fast"}


def test_object_in_too_many_others_is_refused() -> None:
    """A model whose serializer gives the model again never ends."""

    class Again(pydantic.BaseModel):
        @pydantic.model_serializer
        def _same(self) -> Any:  # noqa: ANN401 - hidden from the generated schema
            return SimpleNamespace(a=self)

    with pytest.raises(InvalidValueError, match=r"x.* (deeper|in more) than 64"):
        check_value(Again(), "x")


def test_pydantic_model_with_a_dump_of_its_own_is_taken() -> None:
    """A job may have written one that knows no options."""

    class Own(pydantic.BaseModel):
        def model_dump(self, *, by_alias: bool = False) -> dict[str, Any]:  # type: ignore[override]  # as jobs do
            return {"by_alias": by_alias}

    assert check_value(Own(), "x") == {"by_alias": True}


def test_namespace_that_holds_itself_is_refused() -> None:
    """A circle of objects ends as one of mappings does."""
    namespace = SimpleNamespace()
    namespace.a = namespace

    with pytest.raises(InvalidValueError, match="deeper than 64 levels"):
        check_value(namespace, "x")


def test_libraries_are_recognised_without_being_imported() -> None:
    """A job that has none of them loads none of them."""
    names = {"pydantic", "attrs", "omegaconf", "numpy", "dataclasses", "datetime"}
    code = (
        "from types import SimpleNamespace; from tracker_core.values import *; "
        "check_value(SimpleNamespace(a=[1]), 'x'); "
        f"print(sorted({names} & set(sys.modules)))"
    )

    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:] = {sys.path!r}; {code}"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (np.datetime64("2026-01-02"), "2026-01-02"),
        (np.datetime64("2026-01-02T03:04:05", "ns"), "2026-01-02T03:04:05.000000000"),
        (np.array(["2026-01-02"], dtype="M8[ns]"), ["2026-01-02T00:00:00.000000000"]),
        (np.ma.masked, None),
        (np.ma.array([1, 2], mask=[False, True]), [1, None]),
        (np.str_("a"), "a"),
        (np.uint64(2**64 - 1), 2**64 - 1),
        (np.float16(np.nan), float("nan")),
    ],
    ids=repr,
)
def test_numpy_keeps_what_it_means(value: object, kept: Value) -> None:
    """A moment is text at any resolution, and what is masked is nothing."""
    assert exact(check_value(value, "x")) == exact(kept)


@pytest.mark.parametrize(
    "value",
    [
        np.timedelta64(5, "ns"),
        np.array([5], dtype="m8[ns]"),
        np.longdouble("0.1"),
        np.void(b"a"),
    ],
    ids=repr,
)
def test_numpy_that_would_lose_something_is_refused(value: object) -> None:
    """Its unit, its bits or its bytes."""
    with pytest.raises(UnsupportedTypeError, match=r"x has the type numpy\."):
        check_value(value, "x")


class Tensor:
    """An array as torch makes them, whose ``size`` is a method that gives a shape."""

    ndim = 2

    def __init__(self, *shape: int) -> None:
        self.shape = shape

    def size(self) -> tuple[int, ...]:
        """Return the shape."""
        return self.shape

    def tolist(self) -> list[list[int]]:
        """Return zeros."""
        return [[0] * self.shape[1]] * self.shape[0]


def test_array_of_another_package_is_a_list() -> None:
    """It is known by its dimensions."""
    assert check_value(Tensor(1, 2), "x") == [[0, 0]]


def test_array_of_another_package_that_is_too_large_is_refused() -> None:
    """Its shape tells how large it is."""
    with pytest.raises(InvalidValueError, match="an array of 10100 elements"):
        check_value(Tensor(101, 100), "x")


@attrs.define
class Unset:
    """An object whose field nobody has set."""

    a: int = attrs.field(init=False)


@pytest.mark.parametrize("value", [Unset(), {"a": [Unset()]}], ids=["alone", "inside"])
def test_field_that_is_not_set_is_refused(value: object) -> None:
    """The message names the field."""
    with pytest.raises(
        InvalidValueError, match=r"x.*Unset cannot be read: AttributeError.*'a'"
    ):
        check_value(value, "x")


def test_omegaconf_of_nothing_is_none() -> None:
    """A part of a config that was set to null."""
    config = OmegaConf.structured(Layers)

    assert check_value(config, "x") == {"first": None}
    assert check_value(config._get_node("first"), "x") is None  # noqa: SLF001 - as given


def test_object_that_is_always_another_is_refused() -> None:
    """It never comes to a list or a mapping, which alone have depths."""

    class Another(pydantic.BaseModel):
        def model_dump(self, **_: object) -> Any:  # noqa: ANN401 - a wrong promise
            return Another()

    with pytest.raises(InvalidValueError, match="x is an object in more than 64"):
        check_value(Another(), "x")
