"""The command line as a test uses it: in this process, in one of its own, in front."""

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

import pytest
from click.testing import CliRunner

from tracker_core.cli import main
from tracker_core.contents import content_of_bytes
from tracker_core.delivery.ledger import Ledger, expect, ledger_folder
from tracker_core.journal.folders import RunFolder
from tracker_core.journal.writer import JournalWriter
from tracker_core.records import (
    ArtifactBody,
    Body,
    CreatedBody,
    EndedBody,
    Sequencer,
    StartedBody,
)
from tracker_memory import create

if TYPE_CHECKING:
    from tracker_core.api import NativeTracker

COMMAND = (sys.executable, "-m", "tracker_core")
# A terminal belongs to the process that asks for it before it becomes the command.
IN_FRONT = "import os, sys; os.login_tty(0); os.execv(sys.executable, sys.argv[1:])"


class Done(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, object]:
        """What it printed, read as JSON."""
        found: dict[str, object] = json.loads(self.out)
        return found

    @property
    def rows(self) -> list[list[str]]:
        """The words of each line that it printed, titles first."""
        return [line.split() for line in self.out.splitlines()]


class Terminal:
    """A command in front of a terminal of its own."""

    def __init__(self, arguments: tuple[str, ...], columns: int) -> None:
        self.master, slave = pty.openpty()
        size = struct.pack("HHHH", 24, columns, 0, 0)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, size)
        shim = (sys.executable, "-c", IN_FRONT, *COMMAND, *arguments)
        # Given by name, since readline adds a width behind the back of os.environ.
        self.process = subprocess.Popen(
            shim, stdin=slave, stdout=slave, stderr=slave, env=dict(os.environ)
        )
        os.close(slave)
        self._seen = b""

    def press(self, keys: bytes) -> None:
        """Type ``keys``."""
        os.write(self.master, keys)

    def until(self, text: str) -> None:
        """Wait until ``text`` is on the screen."""
        while text not in self._seen.decode():
            assert self._read(), f"{text!r} never came: {self._seen!r}"

    def finish(self) -> Done:
        """Wait for the end."""
        while self._read():
            pass
        screen = self._seen.decode().replace("\r\n", "\n")
        return Done(self.process.wait(60), screen, "")

    def close(self) -> None:
        """Give the terminal back, and end what is still in front of it."""
        os.close(self.master)
        self.process.kill()
        self.process.wait(60)

    def _read(self) -> bytes:
        try:
            new = os.read(self.master, 65536)
        except OSError:  # how Linux says that nobody is left in front
            return b""
        self._seen += new
        return new


class Cli:
    """The ``tracker`` command."""

    def __init__(self) -> None:
        self.terminals: list[Terminal] = []

    def __call__(self, *arguments: str) -> Done:
        """Run the command in this process."""
        done = CliRunner().invoke(main, arguments, prog_name="tracker")
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Done(done.exit_code, done.stdout, done.stderr)

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start the command in a process of its own, away from any terminal."""
        return subprocess.Popen(
            (*COMMAND, *arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def process(self, *arguments: str) -> Done:
        """Run the command in a process of its own."""
        with self.start(*arguments) as process:
            out, err = process.communicate(timeout=60)
        return Done(process.returncode, out, err)

    def into(self, output: IO[bytes], *arguments: str) -> Done:
        """Run the command with its output in a file."""
        done = subprocess.run(
            (*COMMAND, *arguments),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
        return Done(done.returncode, "", done.stderr.decode())

    def without_output(self, *arguments: str) -> Done:
        """Run the command with its output closed."""
        shim = ("sh", "-c", 'exec "$@" >&-', "sh", *COMMAND, *arguments)
        done = subprocess.run(shim, stderr=subprocess.PIPE, timeout=60, check=False)
        return Done(done.returncode, "", done.stderr.decode())

    def in_front(self, *arguments: str, columns: int = 80) -> Terminal:
        """Start the command in front of a terminal."""
        self.terminals.append(Terminal(arguments, columns))
        return self.terminals[-1]

    def on_screen(self, *arguments: str, columns: int = 80) -> str:
        """Run the command in front of a terminal, and give what it printed."""
        return self.in_front(*arguments, columns=columns).finish().out


class Store:
    """A memory store that commands of this process read."""

    def __init__(self, name: str) -> None:
        self.tracker: NativeTracker = create(name)

    def write(self, run_id: str, *bodies: Body, at: int = 1) -> None:
        """Record ``bodies`` for a run, each a second after the one before."""
        times = iter(range(at * 10**9, 2**62, 10**9))
        sequencer = Sequencer(clock=lambda: next(times))
        for body in bodies:
            self.tracker.write(sequencer.batch(run_id, body))

    def content(
        self,
        name: str,
        data: bytes,
        media_type: str | None = None,
        kind: str | None = None,
        role: str | None = None,
    ) -> ArtifactBody:
        """Keep content, and return what names it."""
        content = content_of_bytes(data)
        self.tracker.add_content(content)
        digest, size = content.digest, content.size_bytes
        return ArtifactBody(name, digest, None, digest, size, media_type, kind, role)

    def run(
        self, run_id: str, *bodies: Body, at: int = 1, name: str | None = None
    ) -> None:
        """Record a run that has ended well."""
        life = (CreatedBody(name, "iris"), StartedBody("launcher"))
        end = EndedBody("launcher", "FINISHED", None)
        self.write(run_id, *life, *bodies, end, at=at)


class Journals:
    """The journals of runs, as the processes of this machine have left them."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.writers: list[JournalWriter] = []

    def folder(self, run_id: str, host: str | None = None) -> RunFolder:
        """Give the folder of a run, on this machine or on another."""
        folder = RunFolder.of(self.home, run_id)
        return folder if host is None else folder._replace(host=host)

    def log(
        self,
        run_id: str,
        *bodies: Body,
        backends: Sequence[str] = ("sqlite",),
        ends: bool = True,
        **options: object,
    ) -> RunFolder:
        """Log to a run that some backends are to have, in a process of its own."""
        folder = self.folder(run_id)
        writer = JournalWriter(folder, **options)  # type: ignore[arg-type]  # as given
        for backend in backends:
            expect(folder, backend)
        for body in bodies:
            writer.append(body)
        if ends:
            writer.close()
        else:
            self.writers.append(writer)
        return folder

    def ledger(self, folder: RunFolder, backend: str) -> Ledger:
        """Give the ledger of a backend as it is now."""
        found = Ledger.load(ledger_folder(folder, backend))
        assert found is not None
        return found


@pytest.fixture
def journals(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Journals]:
    """Give the journals below a home of their own, and close what is open still."""
    monkeypatch.setenv("TRACKER_HOME", str(place / "home"))
    found = Journals(place / "home")
    yield found
    for writer in found.writers:
        writer.close()


@pytest.fixture
def faulty(place: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Configure sqlite, and beside it a database whose calls suffer what is planned."""

    def configure(**plan: object) -> None:
        inner = {"sqlite": str(place / "faulty.db")}
        monkeypatch.setenv(
            "TRACKER_BACKENDS", "sqlite,faulty=tracker_core.testing.faults:create"
        )
        config = json.dumps({**plan, "inner": inner})
        monkeypatch.setenv("TRACKER_FAULTY_CONFIG", config)

    return configure


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder without any configuration; return it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def tracker() -> Iterator[Cli]:
    """Give the command, and end what was left in front of a terminal."""
    cli = Cli()
    yield cli
    for terminal in cli.terminals:
        terminal.close()


@pytest.fixture
def stores(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[Store]]:
    """Configure memory stores under the names that are given, the first one first."""

    def configure(*names: str) -> list[Store]:
        listed = ",".join(f"{name}=tracker_memory:create" for name in names)
        monkeypatch.setenv("TRACKER_BACKENDS", listed)
        for name in names:
            # Each test has stores of its own, whatever it calls them.
            monkeypatch.setenv(
                f"TRACKER_{name.upper()}_CONFIG", f"{request.node.nodeid} {name}"
            )
        return [Store(f"{request.node.nodeid} {name}") for name in names]

    return configure


@pytest.fixture
def store(stores: Callable[..., list[Store]]) -> Store:
    """Configure one memory store."""
    return stores("one")[0]
