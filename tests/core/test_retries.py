"""A job that ends badly is tried again as the next attempt of its run."""

import logging
import os
import signal
import threading
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

import pytest

from tracker_core.api import NativeTracker
from tracker_core.delivery.base import Target
from tracker_core.launcher import launch_job
from tracker_core.launches import plan_launch
from tracker_core.retries import Retries
from tracker_core.runs import RunInfo
from tracker_core.testing.faults import Call, FaultyTracker, once

AT_ONCE = Retries(3, 0.0)
# Fails until it has been started as often as the first argument says.
FAILS_UNTIL = 'echo >> starts; test $(wc -l < starts) -ge "$1" || exit 3'


pytestmark = pytest.mark.usefixtures("place")


def run(
    tracker: NativeTracker,
    script: str,
    *arguments: str,
    retries: Retries = AT_ONCE,
    more: Mapping[str, str] | None = None,
) -> tuple[int, RunInfo]:
    """Launch a script of the shell as the run `r`; give its code and its run."""
    environ = {**os.environ, **(more or {})}
    launch = plan_launch(environ, run_id="r")
    command = ("sh", "-c", script, "sh", *arguments)
    target = Target("store", tracker)
    code = launch_job(launch, [target], command, environ, retries)
    return code, tracker.run("r")


def numbers(info: RunInfo) -> list[int]:
    """Give the numbers of the attempts."""
    return [attempt.number for attempt in info.attempts]


def test_pauses_double_up_to_five_minutes() -> None:
    """There is no chance in them."""
    assert [*Retries(0, 1.0).pauses()] == []
    assert [*Retries(4, 0.5).pauses()] == [0.5, 1.0, 2.0, 4.0]
    assert [*islice(Retries(99, 100.0).pauses(), 4)] == [100.0, 200.0, 300.0, 300.0]
    assert [*Retries(3, 900.0).pauses()] == [900.0, 900.0, 900.0]


def test_job_is_tried_until_it_ends_well(
    store: NativeTracker, caplog: pytest.LogCaptureFixture
) -> None:
    """Each try has an end of its own, and the last one is that of the run."""
    code, info = run(store, FAILS_UNTIL, "3")

    told = [(one.number, one.status, one.exit_code) for one in info.attempts]
    assert told == [(1, "FAILED", 3), (2, "FAILED", 3), (3, "FINISHED", 0)]
    assert (code, info.status) == (0, "FINISHED")
    assert caplog.messages == [
        "the job has failed (exit code 3); retry 1 of 3 in 0 s",
        "the job has failed (exit code 3); retry 2 of 3 in 0 s",
    ]


def test_job_that_always_fails_is_tried_so_often(store: NativeTracker) -> None:
    """The exit code is that of the last try."""
    script = "echo >> starts; exit $(wc -l < starts)"

    code, info = run(store, script, retries=Retries(2, 0.0))

    assert [one.exit_code for one in info.attempts] == [1, 2, 3]
    assert code == 3


def test_job_that_a_signal_has_ended_is_tried_again(
    store: NativeTracker, caplog: pytest.LogCaptureFixture
) -> None:
    """Where nobody asked the launcher for the end."""
    code, info = run(store, "kill -9 $$", retries=Retries(1, 0.0))

    assert [one.signal for one in info.attempts] == ["SIGKILL", "SIGKILL"]
    assert code == 128 + signal.SIGKILL
    assert caplog.messages == ["the job has failed (SIGKILL); retry 1 of 1 in 0 s"]


@pytest.mark.parametrize("name", ["HUP", "INT", "QUIT", "TERM"])
def test_job_that_was_asked_to_end_is_not_tried_again(
    store: NativeTracker, name: str
) -> None:
    """Also when it ends later, and by itself."""
    code, info = run(store, f"trap '' {name}; kill -{name} $PPID; exit 3")

    assert (code, numbers(info)) == (3, [1])


def test_other_signals_do_not_stop_the_tries(store: NativeTracker) -> None:
    """They are handed on, and ask for no end."""
    _, info = run(store, "trap '' USR1; kill -USR1 $PPID; exit 3")

    assert numbers(info) == [1, 2, 3, 4]


def test_command_that_cannot_be_executed_is_not_tried_again(
    store: NativeTracker,
) -> None:
    """It would fail in the same way."""
    launch = plan_launch(os.environ)
    targets = [Target("store", store)]

    code = launch_job(launch, targets, ["no-such"], os.environ, AT_ONCE)

    assert (code, numbers(store.run(launch.run_id))) == (127, [1])


def test_job_may_say_itself_that_a_command_is_missing(store: NativeTracker) -> None:
    """A shell within it exits so, and what is missing may come."""
    _, info = run(store, "no-such", retries=Retries(1, 0.0))

    assert [one.exit_code for one in info.attempts] == [127, 127]


class Answering(logging.Handler):
    """Asks for the end a moment after it has heard of a retry."""

    def emit(self, record: logging.LogRecord) -> None:
        """Do so."""
        if "retry" in record.getMessage():
            own = os.getpid()
            threading.Timer(0.05, os.kill, (own, signal.SIGTERM)).start()


def test_end_that_is_asked_for_in_a_pause_comes_at_once(store: NativeTracker) -> None:
    """The next attempt has begun and was killed; nothing was started."""
    handler = Answering()
    logging.getLogger("tracker_core").addHandler(handler)
    try:
        code, info = run(store, "echo >> starts; exit 3", retries=Retries(1, 3600.0))
    finally:
        logging.getLogger("tracker_core").removeHandler(handler)

    told = [(one.status, one.signal, one.exit_code) for one in info.attempts]
    assert told == [("FAILED", None, 3), ("KILLED", "SIGTERM", None)]
    assert (code, Path("starts").read_text()) == (128 + signal.SIGTERM, "\n")


def test_curve_of_a_job_that_is_tried_again_reads_right(store: NativeTracker) -> None:
    """What a try has logged anew replaces what was from there on."""
    script = (
        'test -e again && begin="1 2 3" || begin="0 1 2"; '
        'for n in $begin; do echo "loss_STEP_$n=$n.$$" >> "$TRACKER_TRACK_FILE"; done; '
        "test -e again || { touch again; exit 3; }"
    )

    code, _ = run(store, script)

    points = store.points("r", "loss")
    every = store.points("r", "loss", abandoned=True)
    assert code == 0
    assert [point.step for point in points] == [0, 1, 2, 3]
    assert [point.step for point in every] == [0, 1, 2, 1, 2, 3]
    assert [point.value for point in points][1:] == [p.value for p in every][3:]


def test_every_try_is_delivered_once_to_a_backend_that_fails(
    store: NativeTracker,
) -> None:
    """What it missed in one attempt comes in the next."""

    def fail(call: Call) -> None:
        call.hand_on()
        message = "the answer was lost"
        raise OSError(message)

    script = f'echo n=1 >> "$TRACKER_TRACK_FILE"; {FAILS_UNTIL}'

    code, info = run(FaultyTracker(store, once(1, fail)), script, "3")

    assert (code, numbers(info)) == (0, [1, 2, 3])
    assert len(store.points("r", "n", abandoned=True)) == 3


@pytest.mark.parametrize(
    "around",
    [
        {"SLURM_JOB_ID": "7", "SLURM_RESTART_COUNT": "1"},
        {"TRACKER_ATTEMPT": "2", "TRACKER_JOB_ID": "r"},
    ],
)
def test_attempts_after_a_requeue_do_not_meet_those_before(
    store: NativeTracker, place: Path, around: dict[str, str]
) -> None:
    """Also where the journal of the first start is on another machine."""
    run(store, "exit 3", retries=Retries(2, 0.0))

    other = {"TRACKER_HOME": str(place / "other"), **around}
    _, info = run(store, "exit 3", retries=Retries(2, 0.0), more=other)

    assert numbers(info) == [1, 2, 3, 4, 5, 6]


def test_attempts_of_a_run_that_is_launched_again_go_on(store: NativeTracker) -> None:
    """The journal knows those before."""
    run(store, "exit 3", retries=Retries(1, 0.0))

    _, info = run(store, "exit 3", retries=Retries(1, 0.0))

    assert numbers(info) == [1, 2, 3, 4]


def test_job_is_tried_again_where_nothing_is_recorded(place: Path) -> None:
    """Tracking that is off changes nothing for the job."""
    environ = {**os.environ, "TRACKER_MODE": "off"}
    launch = plan_launch(environ)
    command = ("sh", "-c", FAILS_UNTIL, "sh", "2")

    code = launch_job(launch, [], command, environ, AT_ONCE)

    assert code == 0
    assert (place / "starts").read_text() == "\n\n"
