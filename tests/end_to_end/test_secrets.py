"""Five hundred secrets, in all that Tracker collects by itself: none is kept.

A job is launched that was given secrets by its arguments, its environment and the
configs of its backends, in a repository with uncommitted secrets; it prints others and
dies of an error that tells more. Then each is looked for as bytes.
"""

import json
import os
import sqlite3
import subprocess
import sys
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from random import Random, SystemRandom
from typing import NamedTuple

import pytest
from click.testing import CliRunner

from tests.core.planting import LETTERS, NAMES, password, planted
from tracker_core import RunInfo, track
from tracker_core.cli import main
from tracker_core.records import Batch
from tracker_core.testing import MemoryTracker

tracker_fsspec = pytest.importorskip("tracker_fsspec", reason="needs fsspec")

ROOTS = os.pathsep.join(
    str(Path(__file__).parents[2] / name) for name in (".", "backends", "plugins")
)
# It says what it was told to say, and dies of an error that another error led to.
JOB = """
import json, os, sys
from pathlib import Path
from tracker_core import AppRun

told = json.loads(Path(sys.argv[1]).read_text("utf-8"))
run = AppRun.run_from_env()
run.record_provenance(with_diff=True)
run.log_metric("loss", 0.5, step=1)
for line in told["printed"]:
    print(line, flush=True)
try:
    with run.step("connect"):
        raise ConnectionError("\\n".join(told["inner"]))
except ConnectionError as error:
    given = [os.environ[name] for name in told["variables"]]
    raise RuntimeError("\\n".join([*told["outer"], *given, *sys.argv[2:]])) from error
"""
READS = (
    *(("list",), ("list", "--json"), ("show", "job"), ("show", "job", "--json")),
    *(("show", "job", "--run-log"), ("show", "job", "--logs"), ("status",)),
    ("show", "job", "--console"),
    *(("status", "--json"), ("status", "job"), ("env", "--trackers", "sqlite,fsspec")),
    *(("list", "metadata", "job"), ("list", "artifacts", "job"), ("check",)),
)


class Planting(NamedTuple):
    """What a job is given, and where it all went."""

    place: Path
    secrets: tuple[str, ...]
    told: dict[str, list[str]]
    environ: dict[str, str]
    arguments: list[str]

    def launch(self) -> subprocess.CompletedProcess[bytes]:
        """Run the job, as its user would."""
        command = (sys.executable, "../job.py", "../told.json", *self.arguments)
        return subprocess.run(
            (sys.executable, "-m", "tracker_core", "run", "--run-id", "job", *command),
            cwd=self.place / "repository",
            env=self.environ,
            capture_output=True,
            timeout=120,
            check=False,
        )


class RefusingTracker(MemoryTracker):
    """A backend whose errors quote its config and a key that it was given."""

    def __init__(self, config: str) -> None:
        super().__init__()
        self._config = config

    def write(self, batch: Batch) -> None:
        """Refuse, as a bug would."""
        message = f"cannot login with {self._config!r} for {batch.run_id}"
        raise LookupError(message)

    def run(self, run_id: str) -> RunInfo:
        """Refuse too."""
        message = f"no run {run_id} with {self._config}"
        raise LookupError(message)


def create(config: str | None = None) -> RefusingTracker:
    """Make the tracker that refuses."""
    return RefusingTracker(config or "")


@pytest.fixture
def planting(tmp_path: Path) -> Planting:
    """Plant the secrets; the seed is printed."""
    seed = SystemRandom().randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - what is needed to see it again
    return _plant(tmp_path, seed)


def test_no_planted_secret_is_kept_or_shown(
    planting: Planting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in the journal, in no store, and in nothing that a command prints."""
    done = planting.launch()

    assert (done.returncode, b"RuntimeError" in done.stderr) == (1, True)
    kept = dict(_kept(planting.place / "home"))
    assert b"RuntimeError" in b"".join(kept.values())
    assert _found(planting.secrets, kept) == []
    for name, value in planting.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(planting.place / "repository")
    printed = {" ".join(words): _read(words) for words in READS}
    assert _found(planting.secrets, printed) == []


def test_run_in_memory_keeps_no_planted_secret() -> None:
    """A run that nobody launched, in a filesystem of memory."""
    fsspec = pytest.importorskip("fsspec")
    planted_ones = list(planted(seed=3, number=60))
    tracker = tracker_fsspec.create("memory://secrets")
    message = "\n".join(one.text for one in planted_ones)

    with pytest.raises(ValueError), track(trackers=[tracker]) as run:  # noqa: PT011 - ours
        raise ValueError(message)

    files = fsspec.filesystem("memory").store
    kept = {name: file.getvalue() for name, file in files.items() if "secrets" in name}
    tracker.close()
    assert run.id
    assert b"ValueError" in b"".join(kept.values())
    assert _found([one.secret for one in planted_ones], kept) == []


def _read(words: Sequence[str]) -> bytes:
    done = CliRunner().invoke(main, words, prog_name="tracker")
    assert done.exit_code < 2, done.output
    return done.output.encode()


def _plant(place: Path, seed: int) -> Planting:
    random = Random(seed)  # noqa: S311 - nobody logs in with them
    lines = iter(planted(seed, 400))
    told = {
        "printed": [next(lines) for _ in range(150)],
        "inner": [next(lines) for _ in range(70)],
        "outer": [next(lines) for _ in range(70)],
        "diff": [next(lines) for _ in range(110)],
    }
    given = [password(random, LETTERS + "!#%*-_+.@") for _ in range(100)]
    variables = dict(zip([f"P{at}_API_KEY" for at in range(40)], given, strict=False))
    arguments = _arguments(given[40:90])
    configs = {
        "TRACKER_BACKENDS": "sqlite,fsspec,bad=tests.end_to_end.test_secrets:create",
        "TRACKER_BAD_CONFIG": f"https://me:{given[90]}@db.example.org/?token={given[91]}",
        "TORCHX_TRACKER_BAD_CONFIG": given[92],
        "TRACKER_FSSPEC_CONFIG": json.dumps(
            {"url": str(place / "home" / "lake"), "auto_mkdir": True}
        ),
    }
    secrets = [one.secret for made in told.values() for one in made] + given[:93]
    texts = {name: [one.text for one in made] for name, made in told.items()}
    _write_files(place, texts)
    texts["variables"] = sorted(variables)
    (place / "told.json").write_text(json.dumps(texts), encoding="utf-8")
    return Planting(
        place, tuple(secrets), texts, _environ(place, variables, configs), arguments
    )


def _arguments(secrets: list[str]) -> list[str]:
    words = ["--lr", "0.1"]
    for at, secret in enumerate(secrets):
        name = NAMES[at % len(NAMES)]
        words += (
            [f"--{name}", secret],
            [f"--{name}={secret}"],
            [f"{name}={secret}"],
            [f"postgresql://me:{secret}@db/runs"],
        )[at % 4]
    return words


def _environ(place: Path, *more: dict[str, str]) -> dict[str, str]:
    left = ("TRACKER", "TORCHX", "COVERAGE")
    found = {k: v for k, v in os.environ.items() if not k.startswith(left)}
    found |= {"PYTHONPATH": ROOTS, "TRACKER_HOME": str(place / "home")}
    found |= {"TRACKER_CLOSE_TIMEOUT": "5", "HOME": str(place), "NO_COLOR": "1"}
    for some in more:
        found |= some
    return found


def _write_files(place: Path, texts: dict[str, list[str]]) -> None:
    repository = place / "repository"
    repository.mkdir()
    (place / "job.py").write_text(JOB, encoding="utf-8")
    code = repository / "settings.txt"
    code.write_text("nothing\n", encoding="utf-8")
    name = ("-c", "user.name=me", "-c", "user.email=me@example.org")
    for words in (("init", "-q"), ("add", "."), (*name, "commit", "-qm", "first")):
        subprocess.run(["git", *words], cwd=repository, check=True, timeout=60)
    code.write_text("\n".join(texts.pop("diff")), encoding="utf-8")


def _kept(home: Path) -> Iterator[tuple[str, bytes]]:
    """Give the bytes of each file, and what is packed in the database."""
    for path in home.rglob("*"):
        if path.is_file():
            yield str(path), path.read_bytes()
    with sqlite3.connect(home / "tracker.db") as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        for (table,) in tables.fetchall():
            rows = database.execute(f'SELECT * FROM "{table}"')  # noqa: S608 - its own
            cells = (_unpacked(cell) for row in rows for cell in row)
            yield f"table {table}", b"\n".join(cells)
    database.close()


def _unpacked(cell: object) -> bytes:
    if not isinstance(cell, bytes):
        return str(cell).encode()
    try:
        return zlib.decompress(cell)
    except zlib.error:
        return cell


def _found(secrets: Iterable[str], kept: dict[str, bytes]) -> list[tuple[str, str]]:
    """Give the secrets that are there, as they are or as JSON writes them."""
    return [
        (secret, f"{name}: {data[max(0, at - 40) : at + 60]!r}")
        for secret in secrets
        for name, data in kept.items()
        if (at := data.find(json.dumps(secret)[1:-1].encode())) >= 0
        or (at := data.find(secret.encode())) >= 0
    ]


def test_planted_secrets_are_five_hundred(tmp_path: Path) -> None:
    """All different, and none is a part of another."""
    secrets = _plant(tmp_path, seed=4).secrets

    assert len(secrets) >= 493
    assert len({*secrets}) == len(secrets)
