"""The output of a launched job: shown as it comes, and kept as an artifact.

Where an output of the launcher is a terminal the job gets a terminal of its own of the
same size, else a pipe; what leads to one place stays one. A process beside the
launcher reads them, see :mod:`tracker_core.teeing`, so the job outlives both. The input
is that of the launcher, and so is the terminal to which the job belongs: keys, signals
and job control work as without it.

The log is an artifact when the job has ended. What a launcher leaves that is killed
itself, :func:`keep_left_logs` makes an artifact of later.
"""

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from tracker_core.consolelog import SECRETS_VARIABLE, joined_log
from tracker_core.contents import Content, content_of_file
from tracker_core.delivery.spool import Spool
from tracker_core.errors import TrackerError
from tracker_core.identity import new_writer_id
from tracker_core.journal.folders import (
    Lock,
    RunFolder,
    make_folder,
    read_file,
    replace_file,
)
from tracker_core.journal.writer import JournalWriter
from tracker_core.notices import warn
from tracker_core.records import ArtifactBody
from tracker_core.twinterminals import open_twin

__all__ = ["Console", "console_name", "keep_left_logs"]

_PIPE_BYTES = 2**20
_MEDIA_TYPE = "text/plain; charset=utf-8"
_KIND = "console"
# A child of nobody here, so that it is not taken for a part of the job. It loads the
# modules alone, without what the library loads for a job.
_READER = (
    "import os, sys, types; os.fork() and os._exit(0); "
    "package = types.ModuleType('tracker_core'); "
    "package.__path__ = [sys.argv[1]]; sys.modules['tracker_core'] = package; "
    "from tracker_core.teeing import main; main(sys.argv[2:])"
)
# All that might end the reader before the job.
_DEAF_TO = frozenset(
    {
        signal.SIGHUP,
        signal.SIGINT,
        signal.SIGQUIT,
        signal.SIGTERM,
        signal.SIGUSR1,
        signal.SIGUSR2,
    }
)


class _Ends(NamedTuple):
    """Two ends of a pipe or a terminal."""

    reader: int
    job: int
    is_terminal: bool


def console_name(attempt: int, rank: int | None = None, step: str | None = None) -> str:
    """Return the name of the artifact that is the log of an attempt.

    Of several launchers of one run, as there are with one on each machine, the first
    has the name of a launcher that is alone.
    """
    name = f"console/{attempt}.rank{rank}.log" if rank else f"console/{attempt}.log"
    return name if step is None else f"{step}/{name}"


class Console:
    """The outputs of one job, and their log.

    Args:
        folder: The journal of the run.
        name: The name of the artifact.
        attempt: The attempt of the run.
        secrets: What the job was given that its log must not show.

    Raises:
        OSError: The disk or the system refuses.
    """

    def __init__(
        self,
        folder: RunFolder,
        name: str,
        attempt: int,
        secrets: Iterable[str],
    ) -> None:
        """Make the outputs, and begin to read them."""
        self.stdout: int | None = None
        self.stderr: int | None = None
        self._name = name
        self._ends: list[_Ends] = []
        self._lock: Lock | None = None
        self._place = folder.path / "console" / new_writer_id()
        self._control, far_control = socket.socketpair()
        try:
            make_folder(self._place)
            self._lock = Lock.taken(self._place / "lock")
            about = {"version": 1, "name": name, "attempt": attempt}
            replace_file(self._place / "about.json", {**about, "host": folder.host})
            words = self._make_ends()
            self._starter = self._start(far_control, words, secrets)
        except BaseException:
            self._control.close()
            self._close_readers()
            self.let_go()
            _remove(self._place)
            if self._lock is not None:
                self._lock.drop()
            raise
        else:
            self._close_readers()
        finally:
            far_control.close()

    @classmethod
    def of(
        cls,
        folder: RunFolder,
        name: str,
        attempt: int,
        secrets: Iterable[str],
    ) -> "Console | None":
        """Make a console; where that fails, it is warned of and the job has none."""
        try:
            return cls(folder, name, attempt, secrets)
        except OSError as error:
            warn("the output of the job is not kept: %s", error)
            return None

    def let_go(self) -> None:
        """Close what is the job's, once it has it."""
        for ends in self._ends:
            os.close(ends.job)
        self._ends = []

    def keep(self, send: Callable[[ArtifactBody, Content], ArtifactBody]) -> None:
        """Send the log as an artifact; the job has ended.

        It waits until all that the job has written was passed on. For what processes
        write that the job has left behind, it waits a second at the most.
        """
        try:
            answer = self._answer()
            failure = answer[0] if answer else None
            for loss in answer[1:]:
                warn("not all that the job has printed could be written: %s", loss)
            if failure is None:
                warn("the output of the job may be kept in part: its reader has died")
            if failure:
                warn("the output of the job is not kept: %s", failure)
                _remove(self._place)
            else:
                self._send(send)
        except KeyboardInterrupt:
            warn("interrupted: the output of the job is kept by tracker sync")
        except (OSError, TrackerError) as error:
            warn("the output of the job is not kept: %s", error)
        finally:
            self._control.close()
            self._starter.wait()
            if self._lock is not None:
                self._lock.drop()

    def _answer(self) -> list[str]:
        """Wait for the log; return why there is none, and what else went wrong.

        Nothing is returned where the reader has died.
        """
        answer = b""
        # It may have let go already, with the end of all output.
        with suppress(ConnectionError):
            with suppress(BrokenPipeError):
                self._control.sendall(b"e")
            while piece := self._control.recv(4096):
                answer += piece
        return answer.decode().splitlines()

    def _send(self, send: Callable[[ArtifactBody, Content], ArtifactBody]) -> None:
        log = joined_log(self._place)
        if log is None or _sent(log, self._name, send):
            _remove(self._place)

    def _close_readers(self) -> None:
        for ends in self._ends:
            os.close(ends.reader)

    def _make_ends(self) -> list[str]:
        """Return the words that tell the reader of its pairs."""
        words: list[str] = []
        places = {number: _place_of(number) for number in (1, 2)}
        is_one = places[1] is not None and places[1] == places[2]
        for number in (1,) if is_one else (1, 2):
            if places[number] is None:
                continue
            ends = _ends(number)
            self._ends.append(ends)
            words.append(f"{'+' * ends.is_terminal}{ends.reader}:{number}")
            if number == 1:
                self.stdout = ends.job
            if number == 2 or is_one:  # noqa: PLR2004 - stderr
                self.stderr = ends.job
        return words

    def _start(
        self, control: socket.socket, words: Iterable[str], secrets: Iterable[str]
    ) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-I", "-S", "-c", _READER]
        command += [str(Path(__file__).parent), str(self._place)]
        command += [str(control.fileno()), *words]
        held = [control.fileno(), *(ends.reader for ends in self._ends)]
        if self._lock is not None:
            held.append(self._lock.fileno())
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, _DEAF_TO)
        try:
            return subprocess.Popen(  # noqa: S603 - our own program
                command,
                # Words of a command show in the list of processes, variables do not.
                env={**os.environ, SECRETS_VARIABLE: json.dumps([*secrets])},
                stdin=subprocess.DEVNULL,
                pass_fds=held,
                umask=0o077,
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def keep_left_logs(folder: RunFolder, budget: int | None = None) -> None:
    """Make artifacts of the logs on this host whose launchers were killed.

    What cannot be kept is warned of, and left for the next time.

    Args:
        folder: The journal of the run.
        budget: How many bytes the run may take on the disk; None for all there is.
    """
    for place in sorted(folder.path.glob("console/*")):
        about = read_file(place / "about.json")
        if about is None or about.get("host") != folder.host:
            continue
        try:
            lock = Lock.taken(place / "lock")
            if lock is None:
                continue
            try:
                if lock.is_known and place.exists():
                    _keep_left_log(folder, place, about, budget)
            finally:
                lock.drop()
        except (OSError, TrackerError) as error:
            warn("the output of a job of run %r is not kept: %s", folder.run_id, error)


def _keep_left_log(
    folder: RunFolder, place: Path, about: Mapping[str, object], budget: int | None
) -> None:
    name, attempt = about.get("name"), about.get("attempt")
    log = joined_log(place)
    if log is not None and isinstance(name, str) and isinstance(attempt, int):
        writer = JournalWriter(folder, attempt, None, None, budget=budget)
        spool = Spool(folder, budget)

        def send(body: ArtifactBody, content: Content) -> ArtifactBody:
            body = spool.keep(body, content)
            writer.append(body)
            return body

        try:
            if not _sent(log, name, send):
                return
        finally:
            writer.close()
    _remove(place)


def _sent(
    log: Path, name: str, send: Callable[[ArtifactBody, Content], ArtifactBody]
) -> bool:
    """Send a log; tell whether its content is kept."""
    content = content_of_file(log)
    body = ArtifactBody(
        name,
        content.digest,
        None,
        content.digest,
        content.size_bytes,
        _MEDIA_TYPE,
        _KIND,
        _KIND,
    )
    return send(body, content).path == content.digest


def _remove(place: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    with suppress(OSError):  # there are others
        place.parent.rmdir()


def _place_of(number: int) -> tuple[int, int] | None:
    """Return where an output leads to; None where it is closed.

    What this process has opened since may have its number, and is for it alone.
    """
    try:
        found = os.fstat(number)
    except OSError:
        return None
    if not os.get_inheritable(number):
        return None
    return found.st_dev, found.st_ino


def _ends(number: int) -> _Ends:
    """Make what stands between the job and an output of this process."""
    if not os.isatty(number):
        reader, job = os.pipe()
        with suppress(OSError, AttributeError):
            fcntl.fcntl(job, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        return _Ends(reader, job, is_terminal=False)
    reader, job = open_twin(number)
    return _Ends(reader, job, is_terminal=True)
