"""The place of a process in a distributed trace.

It is the current span of OpenTelemetry where the process uses that, else what
``TRACEPARENT`` says (https://www.w3.org/TR/trace-context/#traceparent-header):
version, trace id, span id and flags in lower-case hexadecimal digits, divided by ``-``.
"""

import os
import sys
from collections.abc import Mapping
from typing import NamedTuple

__all__ = ["Span", "current_span", "span_below"]

_LENGTHS = (2, 32, 16, 2)
# The flags that the version 00 knows: sampled, and a random trace id.
_FLAGS = 0x03


class Span(NamedTuple):
    """A place in a trace.

    Args:
        trace_id: 32 hexadecimal digits.
        span_id: 16 of them.
        flags: What is to be done with the trace, two of them.
    """

    trace_id: str
    span_id: str
    flags: str

    @property
    def traceparent(self) -> str:
        """The header, or variable, that tells another process of it."""
        known = int(self.flags, 16) & _FLAGS
        return f"00-{self.trace_id}-{self.span_id}-{known:02x}"


def current_span(environ: Mapping[str, str]) -> tuple[str, str] | None:
    """Return trace id (32 digits) and span id (16 digits); None outside of a trace.

    It never raises: what is not well-formed is no span, as the specification has it.
    """
    span = _around(environ)
    return None if span is None else span[:2]


def span_below(environ: Mapping[str, str]) -> Span | None:
    """Return a new span of the trace that there is; None outside of one.

    No trace is begun: nobody would ask for it, and no parent would know it.
    """
    around = _around(environ)
    return None if around is None else around._replace(span_id=_new_span_id())


def _new_span_id() -> str:
    # One of zeros alone means none.
    return f"{int.from_bytes(os.urandom(8), 'big') or 1:016x}"


def _around(environ: Mapping[str, str]) -> Span | None:
    return _from_opentelemetry() or _from_traceparent(environ.get("TRACEPARENT", ""))


def _from_opentelemetry() -> Span | None:
    # A process that has a span has imported this.
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return None
    try:
        context = trace.get_current_span().get_span_context()
        flags = getattr(context, "trace_flags", 0)
        found = Span(
            f"{context.trace_id:032x}", f"{context.span_id:016x}", f"{flags:02x}"
        )
        is_valid = context.is_valid
    except (AttributeError, TypeError, ValueError):  # half imported, or another package
        return None
    return found if is_valid else None


def _from_traceparent(text: str) -> Span | None:
    version, *rest = text.strip().split("-")
    # A later version may add fields behind those of the first, which has none.
    if version == "ff" or len(rest) < len(_LENGTHS) - 1:
        return None
    if version == "00" and len(rest) > len(_LENGTHS) - 1:
        return None
    parts = (version, *rest[:3])
    if any(map(_is_wrong, parts, _LENGTHS)):
        return None
    _, trace_id, span_id, flags = parts
    is_span = trace_id.strip("0") and span_id.strip("0")
    return Span(trace_id, span_id, flags) if is_span else None


def _is_wrong(part: str, length: int) -> bool:
    return len(part) != length or bool(part.strip("0123456789abcdef"))
