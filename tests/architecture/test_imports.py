"""The directions of imports, read from the code."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.one_python

ROOT = Path(__file__).parents[2]
CORE = ROOT / "tracker_core"

# A module imports modules of its own row or of rows above it, and no others.
ROWS = (
    ("errors",),
    ("unwrapping", "values", "interruptions"),
    ("redaction", "hiding", "secretforms", "secretnames"),
    ("forks", "notices", "once", "identity", "mounts", "schedulers"),
    ("records", "wire", "gathered", "points", "blocks"),
    ("configs", "params", "metrics", "ends", "bodies"),
    ("contents", "aggregates", "spans", "provenance"),
    ("datatypes", "runs", "summaries", "rewinds"),
    (
        "entries",
        "stepinfo",
        "experiments",
        "fingerprints",
        "compactions",
        "removals",
    ),
    ("fields", "filters", "tokens", "expressions", "matching"),
    ("taken", "retelling", "curves", "history"),
    (
        "api",
        "plain",
        "plainwords",
        "outcome",
        "lineage",
        "keeping",
        "selection",
        "folded",
    ),
    ("copying", "arrow", "exporting"),
    ("runlog", "runprint"),
    ("sameness", "findings", "readings", "comparisons", "pointwise", "verification"),
    ("directions", "partings", "comparing", "verdicts", "thinning"),
    ("journal",),
    ("configfile", "settings", "registry"),
    ("delivery", "channel", "stepped"),
    ("artifacts", "streams", "pages", "tracks", "trackformats", "trackvars"),
    ("active", "steps", "run", "opening", "journaling", "processend", "loghandler"),
    ("shelllog", "leavings"),
    ("stores", "query", "sqltables", "notebooks"),
    ("terminaltext", "twinterminals", "consolelog", "teeing", "consoles"),
    ("sweeps", "graphics", "machine", "jobpackages"),
    ("forwarding", "jobprocess", "launches", "outofmemory", "retries", "sampling"),
    ("launcher",),
    ("cli",),
)
LEVELS = {name: level for level, row in enumerate(ROWS) for name in row}
BESIDE = ("__init__", "__main__", "testing")
HEAVY = (
    *("click", "rich", "plotille", "matplotlib", "fsspec", "mlflow", "numpy"),
    *("pytest", "hypothesis"),
)


def imports_of(path: Path) -> Iterator[str]:
    """Give the full names of the modules that a file imports when it runs."""
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            waiting.extend(node.orelse)
        else:
            waiting.extend(ast.iter_child_nodes(node))


def core_rooms(path: Path) -> set[str]:
    """Give the rooms of the core that a file imports."""
    parts = (name.split(".") for name in imports_of(path))
    return {part[1] for part in parts if part[0] == "tracker_core" and len(part) > 1}


def room_of(path: Path) -> str:
    """Give the room of the core that a file belongs to."""
    return path.relative_to(CORE).parts[0].removesuffix(".py")


MODULES = sorted(CORE.rglob("*.py"))
BACKENDS = sorted((ROOT / "backends").rglob("*.py"))


def test_rooms_are_all_placed() -> None:
    """Every module of the core has a row, so that no import goes unchecked."""
    rooms = {room_of(path) for path in MODULES}

    assert rooms - set(BESIDE) == set(LEVELS)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_core_imports_only_upwards(path: Path) -> None:
    """A module of the core imports nothing from a row below its own."""
    room = room_of(path)
    level = len(ROWS) if room == "__main__" else LEVELS.get(room, LEVELS["run"])

    below = {other for other in core_rooms(path) & set(LEVELS) if LEVELS[other] > level}

    assert not below


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_core_imports_no_backend(path: Path) -> None:
    """The core knows no backend and no plugin by name."""
    names = {name.split(".")[0] for name in imports_of(path)}

    assert {name for name in names if name.startswith("tracker_")} <= {"tracker_core"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_core_keeps_heavy_packages_in_their_rooms(path: Path) -> None:
    """Parser and tables belong to the command line, test tools to testing."""
    drawing = {"plotille", "matplotlib"}
    allowed = {
        "cli": {"click", "rich", *drawing},
        "testing": {"pytest", "hypothesis"},
    }

    heavy = {name.split(".")[0] for name in imports_of(path)} & set(HEAVY)

    assert heavy <= allowed.get(room_of(path), set())


@pytest.mark.parametrize("path", BACKENDS, ids=lambda path: str(path.relative_to(ROOT)))
def test_backend_knows_only_the_core(path: Path) -> None:
    """A backend imports the core and itself, and no other backend."""
    own = path.relative_to(ROOT / "backends").parts[0]

    names = {name.split(".")[0] for name in imports_of(path)}

    ours = {name for name in names if name.startswith("tracker_")}
    assert ours <= {"tracker_core", own}
    assert not core_rooms(path) & {"run", "delivery", "registry", "launcher", "cli"}
