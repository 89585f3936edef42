"""Tests of reading graphics cards, by a library that stands in for NVIDIA's."""

from types import ModuleType, SimpleNamespace
from typing import NamedTuple

import pytest

from tracker_core.graphics import Graphics


class _NvmlError(Exception):
    """What the library raises."""


class _Card(NamedTuple):
    """A card; None for what its driver does not tell."""

    used_percent: int
    used_bytes: int
    milliwatts: int | None
    degrees: int


class _Library(ModuleType):
    """The words of NVML that are used, for cards that are made up."""

    NVMLError = _NvmlError
    NVML_TEMPERATURE_GPU = 0

    def __init__(self, *cards: _Card, has_driver: bool = True) -> None:
        super().__init__("pynvml")
        self.cards = cards
        self.has_driver = has_driver
        self.opened = 0

    def nvmlInit(self) -> None:  # noqa: N802 - NVIDIA's name
        if not self.has_driver:
            raise _NvmlError
        self.opened += 1

    def nvmlShutdown(self) -> None:  # noqa: N802
        self.opened -= 1

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return len(self.cards)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> _Card:  # noqa: N802
        return self.cards[index]

    def nvmlDeviceGetUtilizationRates(self, card: _Card) -> SimpleNamespace:  # noqa: N802
        return SimpleNamespace(gpu=card.used_percent)

    def nvmlDeviceGetMemoryInfo(self, card: _Card) -> SimpleNamespace:  # noqa: N802
        return SimpleNamespace(used=card.used_bytes)

    def nvmlDeviceGetPowerUsage(self, card: _Card) -> int:  # noqa: N802
        if card.milliwatts is None:
            raise _NvmlError
        return card.milliwatts

    def nvmlDeviceGetTemperature(self, card: _Card, _sensor: int) -> int:  # noqa: N802
        return card.degrees


def test_each_card_is_read_by_its_number() -> None:
    """What a driver does not tell is left out alone."""
    library = _Library(_Card(97, 2**30, 250_500, 71), _Card(0, 0, None, 30))
    graphics = Graphics(library)

    found = dict(graphics.read())
    graphics.close()

    assert found == {
        "gpu.0.utilization_percent": 97,
        "gpu.0.memory_used_bytes": 2**30,
        "gpu.0.power_w": 250.5,
        "gpu.0.temperature_c": 71,
        "gpu.1.utilization_percent": 0,
        "gpu.1.memory_used_bytes": 0,
        "gpu.1.temperature_c": 30,
    }
    assert not library.opened


def test_library_without_a_driver_gives_nothing() -> None:
    """A package may be installed where there is no card."""
    graphics = Graphics(_Library(has_driver=False))

    assert not [*graphics.read()]
    graphics.close()


def test_genuine_library_has_the_words_that_are_used() -> None:
    """The one that stands in speaks as NVIDIA's does."""
    genuine = pytest.importorskip("pynvml")

    words = [name for name in vars(_Library) if name.lower().startswith("nvml")]

    assert len(words) == 10
    assert not [name for name in words if not hasattr(genuine, name)]
    Graphics().close()
