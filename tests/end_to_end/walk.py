"""A person's walk through the command line, in a terminal of 80 columns and 24 lines.

A real terminal multiplexer draws the screens; what stands on them is read as a person
would read it, and kept.
"""

import os
import subprocess
import sys
import time
from math import ceil
from pathlib import Path
from typing import NamedTuple, Self

__all__ = ["COLUMNS", "LINES", "Screen", "Walk"]

COLUMNS, LINES = 80, 24
_PROMPT = "$ "
_PATIENCE_S = 120
_LOOK_S = 0.1


class Screen(NamedTuple):
    """What stands on the screen after a command.

    Args:
        command: What was typed.
        text: The lines of the screen, without blanks at their ends.
        broken: Lines of output that the terminal had to break.
        scrolled: How many lines of output have left the screen at its top.
    """

    command: str
    text: str
    broken: list[str]
    scrolled: int


class Walk:
    """A shell in a terminal; use it in a ``with`` block.

    Args:
        folder: Where the shell begins.
        name: What the terminal is called, unlike any other on the machine.
    """

    def __init__(self, folder: Path, name: str) -> None:
        """Keep where it is to be."""
        self._folder = folder
        self._socket = name

    def __enter__(self) -> Self:
        """Start the terminal."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("TRACKER_")}
        beside = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        signal = f"tmux -L {self._socket} wait-for -S ready"
        said = {"PROMPT_COMMAND": signal, "LC_ALL": "C.UTF-8"}
        environment = {**kept, **said, "PATH": beside, "TERM": "xterm-256color"}
        size = ("-x", str(COLUMNS), "-y", str(LINES))
        start = ("new-session", "-d", "-s", "walk", *size, "bash --norc --noprofile")
        self._ask("-f", "/dev/null", *start, environment=environment)
        self._wait()
        self.type(f"PS1={_PROMPT!r}")
        return self

    def __exit__(self, *_error: object) -> None:
        """End the terminal and all that runs in it."""
        self._ask("kill-server")

    def type(self, command: str) -> Screen:
        """Type a command on an empty screen, and wait for its end."""
        self.begin(command)
        return self.end(command)

    def begin(self, command: str) -> None:
        """Type a command on an empty screen."""
        # The terminal is emptied before the shell draws its prompt anew: else what
        # stood there would count as scrolled.
        self._ask("send-keys", "-t", "walk", "-R")
        self._keys("C-l")
        self._ask("clear-history", "-t", "walk")
        self._ask("send-keys", "-t", "walk", "-l", command)
        self._keys("Enter")

    def end(self, command: str) -> Screen:
        """Wait for the end of a command, and look at the screen."""
        self._wait()
        return self.look(command)

    def until(self, text: str) -> Screen:
        """Wait until a text stands on the screen, and look at it."""
        deadline = time.monotonic() + _PATIENCE_S
        while text not in (screen := self.look("")).text:
            if time.monotonic() > deadline:
                message = f"{text!r} never came: {screen.text}"
                raise TimeoutError(message)
            time.sleep(_LOOK_S)
        return screen

    def answer(self, keys: str) -> Screen:
        """Press keys and Enter, and wait for the end of the command."""
        self._ask("send-keys", "-t", "walk", "-l", keys)
        self._keys("Enter")
        return self.end(keys)

    def look(self, command: str) -> Screen:
        """Look at the screen."""
        seen = self._ask("capture-pane", "-p", "-t", "walk").splitlines()
        joined = self._ask("capture-pane", "-p", "-J", "-t", "walk").splitlines()
        broken = [
            line.rstrip()
            for line in joined
            if len(line.rstrip()) > COLUMNS and not line.startswith(_PROMPT)
        ]
        size = self._ask("display-message", "-p", "-t", "walk", "#{history_size}")
        text = "\n".join(line.rstrip() for line in seen).strip()
        # What was typed is known, and may go.
        typed = ceil(len(_PROMPT + command) / COLUMNS)
        return Screen(command, text, broken, max(int(size) - typed, 0))

    def _keys(self, name: str) -> None:
        self._ask("send-keys", "-t", "walk", name)

    def _wait(self) -> None:
        self._ask("wait-for", "ready")

    def _ask(self, *arguments: str, environment: dict[str, str] | None = None) -> str:
        done = subprocess.run(
            ("tmux", "-u", "-L", self._socket, *arguments),
            cwd=self._folder,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=_PATIENCE_S,
        )
        return done.stdout
