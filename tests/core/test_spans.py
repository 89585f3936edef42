"""The place of a process in a distributed trace, as others tell it."""

import subprocess
import sys
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import (
    INVALID_SPAN,
    NonRecordingSpan,
    SpanContext,
    use_span,
)

from tracker_core.spans import current_span, span_below

TRACE = "12345678901234567890123456789012"
SPAN = "1234567890123456"
PARENT = f"00-{TRACE}-{SPAN}-01"


# The vectors of the test suite of the specification, w3c/trace-context, and the
# examples of its text.
@pytest.mark.parametrize(
    ("header", "found"),
    [
        (PARENT, (TRACE, SPAN)),
        (f"00-{TRACE}-{SPAN}-00", (TRACE, SPAN)),
        (f"00-{TRACE}-{SPAN}-ff", (TRACE, SPAN)),
        (
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"),
        ),
        (f" {PARENT}", (TRACE, SPAN)),
        (f"\t{PARENT}", (TRACE, SPAN)),
        (f"{PARENT} ", (TRACE, SPAN)),
        (f"\t {PARENT} \t", (TRACE, SPAN)),
        (f"cc-{TRACE}-{SPAN}-01", (TRACE, SPAN)),
        (f"cc-{TRACE}-{SPAN}-01-what-the-future-will-be-like", (TRACE, SPAN)),
        (f"01-{TRACE}-{SPAN}-01-", (TRACE, SPAN)),
    ],
)
def test_traceparent_that_is_well_formed_is_taken(
    header: str, found: tuple[str, str]
) -> None:
    """So is one of a later version, whose first fields are those of today."""
    assert current_span({"TRACEPARENT": header}) == found


@pytest.mark.parametrize(
    "header",
    [
        "",
        "-",
        "---",
        "garbage",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-",
        f"00-{TRACE}-{SPAN}-01.",
        f"00-{TRACE}-{SPAN}-01-",
        f"00-{TRACE}-{SPAN}-01-what-the-future-will-be-like",
        f"cc-{TRACE}-{SPAN}-01.what-the-future-will-be-like",
        f"ff-{TRACE}-{SPAN}-01",
        f".0-{TRACE}-{SPAN}-01",
        f"0.-{TRACE}-{SPAN}-01",
        f"000-{TRACE}-{SPAN}-01",
        f"0000-{TRACE}-{SPAN}-01",
        f"0-{TRACE}-{SPAN}-01",
        f"-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-.{TRACE[1:]}-{SPAN}-01",
        f"00-{TRACE[:-1]}.-{SPAN}-01",
        f"00-{TRACE}3-{SPAN}-01",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"00--{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-.{SPAN[1:]}-01",
        f"00-{TRACE}-{SPAN}7-01",
        f"00-{TRACE}-{SPAN[:-1]}-01",
        f"00-{TRACE}-{SPAN}-.0",
        f"00-{TRACE}-{SPAN}-0.",
        f"00-{TRACE}-{SPAN}-001",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{'A' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'F' * 16}-01",
        f"00-{chr(0x661) * 32}-{SPAN}-01",
        f"00_{TRACE}_{SPAN}_01",
        f"{PARENT},{PARENT}",
    ],
)
def test_traceparent_that_is_malformed_is_no_span(header: str) -> None:
    """The specification has it that such a header is ignored as a whole."""
    assert current_span({"TRACEPARENT": header}) is None


def test_process_without_a_trace_has_no_span() -> None:
    """Neither a variable nor a span, and no trace is begun."""
    assert current_span({}) is None
    assert span_below({}) is None
    assert span_below({"TRACEPARENT": "garbage"}) is None


@pytest.mark.parametrize(
    ("flags", "kept"), [("00", "00"), ("01", "01"), ("03", "03"), ("fd", "01")]
)
@pytest.mark.parametrize("version", ["00", "cc"])
def test_span_below_is_another_one_of_the_trace(
    version: str, flags: str, kept: str
) -> None:
    """It is told in the version that is known, with the flags that this has."""
    span = span_below({"TRACEPARENT": f"{version}-{TRACE}-{SPAN}-{flags}"})

    assert span is not None
    assert span.span_id != SPAN
    assert span.traceparent == f"00-{TRACE}-{span.span_id}-{kept}"
    assert current_span({"TRACEPARENT": span.traceparent}) == span[:2]


def test_span_below_one_of_opentelemetry_is_of_its_trace() -> None:
    """Whatever the variable says."""
    with TracerProvider().get_tracer("here").start_as_current_span("work") as around:
        span = span_below({"TRACEPARENT": PARENT})
        context = around.get_span_context()

    assert span is not None
    assert span.trace_id == f"{context.trace_id:032x}"
    assert span.span_id != f"{context.span_id:016x}"
    assert span.flags == f"{context.trace_flags:02x}"


@given(st.text())
def test_traceparent_never_raises(header: str) -> None:
    """Whatever text it is."""
    assert current_span({"TRACEPARENT": header}) is None


@given(st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1))
def test_span_of_opentelemetry_is_taken(trace_id: int, span_id: int) -> None:
    """Its numbers become as many digits as the specification wants."""
    context = SpanContext(trace_id, span_id, is_remote=False)

    with use_span(NonRecordingSpan(context)):
        found = current_span({})

    assert found == (f"{trace_id:032x}", f"{span_id:016x}")


def test_span_of_the_sdk_goes_before_the_environment() -> None:
    """What the process does is nearer than what started it."""
    provider = TracerProvider(shutdown_on_exit=False)

    with provider.get_tracer("tests").start_as_current_span("step") as span:
        found = current_span({"TRACEPARENT": PARENT})

    context = span.get_span_context()
    assert found == (f"{context.trace_id:032x}", f"{context.span_id:016x}")
    provider.shutdown()


def test_innermost_span_counts_and_ends() -> None:
    """After it the span around it is the current one again."""
    provider = TracerProvider(shutdown_on_exit=False)
    tracer = provider.get_tracer("tests")

    with tracer.start_as_current_span("outer"):
        outer = current_span({})
        with tracer.start_as_current_span("inner"):
            inner = current_span({})
        again = current_span({})

    assert (outer, inner) == (again, inner)
    assert inner != outer
    assert current_span({}) is None
    provider.shutdown()


def test_invalid_span_leaves_the_environment() -> None:
    """A process that merely imports OpenTelemetry has no span of its own."""
    with use_span(INVALID_SPAN):
        found = current_span({"TRACEPARENT": PARENT})

    assert found == (TRACE, SPAN)


def test_half_imported_opentelemetry_is_passed_over() -> None:
    """A module of that name without what it should have does no harm."""
    name = "opentelemetry.trace"
    genuine = sys.modules[name]

    sys.modules[name] = ModuleType(name)
    try:
        found = current_span({"TRACEPARENT": PARENT})
    finally:
        sys.modules[name] = genuine

    assert found == (TRACE, SPAN)


def test_opentelemetry_is_not_imported() -> None:
    """A job that does not trace loads nothing for it."""
    code = (
        "from tracker_core.spans import current_span; current_span({}); "
        "print([name for name in sys.modules if 'telemetry' in name])"
    )

    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:] = {sys.path!r}; {code}"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout, done.stderr) == ("[]\n", "")
