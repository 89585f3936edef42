"""What a signal handler of the job raises, told apart from what a backend raises.

A handler may run in the middle of a backend's call, and its exception then comes out
of that call: a time-out, the exit that a scheduler asked for, Ctrl-C. It is meant for
the job. Everything else that a backend lets out is the backend's own failure.
"""

import signal
from types import CodeType

__all__ = ["is_interruption"]


def is_interruption(error: BaseException) -> bool:
    """Tell whether ``error`` was raised by a signal handler: it must reach the job."""
    if isinstance(error, KeyboardInterrupt):
        return True
    handlers = (signal.getsignal(number) for number in signal.valid_signals())
    codes = {_code_of(handler) for handler in handlers if callable(handler)}
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code in codes:
            return True
        trace = trace.tb_next
    return False


def _code_of(handler: object) -> CodeType | None:
    for found in (handler, getattr(handler, "func", None), type(handler).__call__):
        function = getattr(found, "__func__", found)
        code = getattr(function, "__code__", None)
        if isinstance(code, CodeType):
            return code
    return None
