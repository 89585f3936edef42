"""How the project is checked; ``nox`` runs every session, ``nox -s lint`` one."""

import os
import secrets
import shutil
import sys
import tempfile
from pathlib import Path

import nox

ROOT = Path(__file__).parent
PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
# What the tests and the documentation import.
EXTRAS = "[fsspec,gpu,mlflow,parquet,testing,yaml]"
# Compiles only what is imported, and then. Where warnings are errors, a compiler's
# would fail whichever test comes first; there all is compiled, on all processors.
LAZILY = "--no-compile"
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
# The Python that runs nox is always tried, so that something is whatever is there.
PYTHONS = sorted({"3.11", "3.12", "3.13", HERE}, key=lambda text: text.split("."))

# Many tests wait for a process, so there are more workers than processors; a file stays
# with one of them, as what it prepares is shared in it. In the order of their names the
# slow files, which hold few tests, do not all come last.
WORKERS = [
    f"--numprocesses={(os.cpu_count() or 2) * 3 // 2}",
    "--dist=loadfile",
    "--no-loadscope-reorder",
]

nox.needs_version = ">=2025.2.9"
# Many times as fast as pip; it may use the Pythons that are there, and no others. It
# does not look where PIP_FIND_LINKS points: what must come from there, such as a build
# of torch for processors alone, has to be installed by ``python -m pip``.
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.download_python = "never"
# It trusts whom the system trusts, as pip does.
os.environ.setdefault("UV_SYSTEM_CERTS", "true")


def install(session: nox.Session, group: str, *arguments: str) -> None:
    """Install a dependency group, and what ``arguments`` name, into the session."""
    session.install(*nox.project.dependency_groups(PROJECT, group), *arguments)


@nox.session
def lint(session: nox.Session) -> None:
    """Check rules and format."""
    install(session, "lint", LAZILY)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def typing(session: nox.Session) -> None:
    """Check the types of code and tests, and that the public ones are complete."""
    install(session, "typing", "-e", f".{EXTRAS}", LAZILY)
    session.run("mypy")
    # Pyright does not follow the import hook of an editable installation.
    paths = {"PYTHONPATH": str(ROOT)}
    session.run(
        "pyright", "--verifytypes", "tracker_core", "--ignoreexternal", env=paths
    )


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation; a dead reference fails."""
    install(session, "docs", "-e", f".{EXTRAS}", LAZILY)
    session.run("sphinx-build", "-nW", "--keep-going", "-q", "docs", "docs/_build/html")


@nox.session
def wheel(session: nox.Session) -> None:
    """Build the wheel from the sdist and test it where the tree cannot be imported."""
    session.install("build", LAZILY)
    with tempfile.TemporaryDirectory() as folder:
        session.run("python", "-m", "build", "--outdir", folder, ".", silent=True)
        (built,) = Path(folder).glob("*.whl")
        session.install(f"{built}{EXTRAS}")
        shutil.copytree(ROOT / "tests" / "packaging", Path(folder) / "packaging")
        with session.chdir(folder):
            tree = {"TRACKER_CHECKOUT": str(ROOT)}
            session.run("pytest", "-W", "error", "-ra", "packaging", env=tree)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests; the Python that runs nox also measures their coverage.

    It alone runs what says the same on every Python and takes long, and tries as many
    random examples as the tests ask for.
    """
    is_here = session.python == HERE
    groups = ["test", *(["servers"] if is_here else [])]
    packages = [*nox.project.dependency_groups(PROJECT, *groups), "-e", f".{EXTRAS}"]
    session.install(*packages, LAZILY)
    if is_here and "CI" in os.environ:
        # By pip, which is told where a small build of it lies.
        torch = nox.project.dependency_groups(PROJECT, "torchrun")
        session.run("python", "-m", "pip", "install", "-q", LAZILY, *torch)
    compile_all(session)
    # Else each of the thousand processes that tests start compiles what it imports.
    session.env["PYTHONDONTWRITEBYTECODE"] = None
    pytest = ["pytest", f"--hypothesis-seed={seed()}", *WORKERS, *session.posargs]
    if not is_here:
        fewer = {"TRACKER_TEST_PROFILE": "fewer"}
        there = ["-m", "not one_python"]
        # What the command line says, it says on every Python.
        left_out = ["cli", "seeds", "servers"]
        if session.python in PYTHONS[1:-1]:
            # What starts many processes says what it says on an older and a newer one.
            left_out += ["crash", "end_to_end"]
        there += [f"--ignore=tests/{folder}" for folder in left_out]
        session.run(*pytest, *there, env=fewer)
        return
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", *pytest)
    session.run("coverage", "combine", "--quiet")
    # A part of the tests, which the arguments name, cannot cover everything.
    session.run("coverage", "report", *(["--fail-under=0"] if session.posargs else []))


def compile_all(session: nox.Session) -> None:
    """Compile what is installed; some packages hold code of other Pythons.

    Torch, the largest, is left to what imports it.
    """
    get = "import sysconfig; print(sysconfig.get_path('purelib'))"
    folder = session.run("python", "-c", get, silent=True)
    quietly = ["-W", "ignore", "-m", "compileall", "-qq", "-j0", "-x", "/torch/"]
    session.run("python", *quietly, str(folder).strip(), success_codes=[0, 1])


def seed() -> int:
    """Give the seed of this run: that of TRACKER_TEST_SEED, or a fresh one."""
    return int(os.environ.get("TRACKER_TEST_SEED") or secrets.randbelow(2**32))
