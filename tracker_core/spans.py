"""The place of a process in a distributed trace.

It is the current span of OpenTelemetry where the process uses that, else what
``TRACEPARENT`` says (https://www.w3.org/TR/trace-context/#traceparent-header):
version, trace id, span id and flags in lower-case hexadecimal digits, divided by ``-``.
"""

import sys
from collections.abc import Mapping

__all__ = ["current_span"]

_LENGTHS = (2, 32, 16, 2)


def current_span(environ: Mapping[str, str]) -> tuple[str, str] | None:
    """Return trace id (32 digits) and span id (16 digits); None outside of a trace.

    It never raises: what is not well-formed is no span, as the specification has it.
    """
    return _from_opentelemetry() or _from_traceparent(environ.get("TRACEPARENT", ""))


def _from_opentelemetry() -> tuple[str, str] | None:
    # A process that has a span has imported this.
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return None
    try:
        context = trace.get_current_span().get_span_context()
        found = (f"{context.trace_id:032x}", f"{context.span_id:016x}")
        is_valid = context.is_valid
    except (AttributeError, TypeError, ValueError):  # half imported, or another package
        return None
    return found if is_valid else None


def _from_traceparent(text: str) -> tuple[str, str] | None:
    version, *rest = text.strip().split("-")
    # A later version may add fields behind those of the first, which has none.
    if version == "ff" or len(rest) < len(_LENGTHS) - 1:
        return None
    if version == "00" and len(rest) > len(_LENGTHS) - 1:
        return None
    parts = (version, *rest[:3])
    if any(map(_is_wrong, parts, _LENGTHS)):
        return None
    _, trace_id, span_id, _ = parts
    return (trace_id, span_id) if trace_id.strip("0") and span_id.strip("0") else None


def _is_wrong(part: str, length: int) -> bool:
    return len(part) != length or bool(part.strip("0123456789abcdef"))
