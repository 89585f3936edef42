"""What NVIDIA's graphics cards do, as their library NVML tells.

The package ``nvidia-ml-py`` (the extra ``gpu``) speaks to it. Without that package, a
driver or a card there is nothing to read, and nobody is told so.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from types import ModuleType
from typing import Any, cast

__all__ = ["Graphics"]

_MILLIWATTS = 1000


class Graphics:
    """Reads the cards of this machine.

    Args:
        library: What speaks to them, in the words of ``pynvml``; by default that
            package, where it is there.
    """

    def __init__(self, library: ModuleType | None = None) -> None:
        """Find the cards."""
        # Any: the package has no types.
        self._library: Any = library or _library()
        self._cards: list[object] = []
        if self._library is None:
            return
        nvml = self._library
        try:
            nvml.nvmlInit()
        except nvml.NVMLError:
            self._library = None
            return
        with suppress(nvml.NVMLError):
            count = nvml.nvmlDeviceGetCount()
            self._cards = [nvml.nvmlDeviceGetHandleByIndex(n) for n in range(count)]

    def read(self) -> Iterator[tuple[str, int | float]]:
        """Give what can be read of each card, which is numbered as NVML does."""
        for number, card in enumerate(self._cards):
            for name, read in self._readings():
                with suppress(self._library.NVMLError):
                    yield f"gpu.{number}.{name}", read(card)

    def close(self) -> None:
        """Let go of the library."""
        if self._library is not None:
            with suppress(self._library.NVMLError):
                self._library.nvmlShutdown()

    def _readings(self) -> Iterator[tuple[str, Callable[[object], int | float]]]:
        nvml = self._library
        yield "utilization_percent", lambda card: _used(nvml, card)
        yield "memory_used_bytes", lambda card: nvml.nvmlDeviceGetMemoryInfo(card).used
        yield "power_w", lambda card: nvml.nvmlDeviceGetPowerUsage(card) / _MILLIWATTS
        yield "temperature_c", lambda card: _temperature(nvml, card)


def _used(nvml: Any, card: object) -> int:  # noqa: ANN401 - the package has no types
    used: int = nvml.nvmlDeviceGetUtilizationRates(card).gpu
    return used


def _temperature(nvml: Any, card: object) -> int:  # noqa: ANN401 - as above
    sensor = nvml.NVML_TEMPERATURE_GPU
    degrees: int = nvml.nvmlDeviceGetTemperature(card, sensor)
    return degrees


def _library() -> ModuleType | None:
    try:
        import pynvml
    except ImportError:
        return None
    return cast("ModuleType", pynvml)
