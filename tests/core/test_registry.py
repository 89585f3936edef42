"""The door through which every backend comes in.

The packages here are real ones: folders on the path with the metadata that pip leaves
behind, found by the same search that finds an installed package.
"""

import sys
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tracker_core.configfile import BackendSetting
from tracker_core.errors import (
    BackendNotFoundError,
    BackendUnavailableError,
    ConfigError,
    InvalidValueError,
    TrackerError,
    UnsupportedTypeError,
)
from tracker_core.registry import (
    InstalledBackend,
    build_tracker,
    build_trackers,
    installed_backend,
    installed_backends,
    torchx_name,
    trackers_from_environ,
)
from tracker_core.testing import MemoryTracker

OURS, TORCHX = "tracker_core.backends", "torchx.tracker"
SECRET = "hunter2-and-more"  # noqa: S105 - what no message may show

SOUND = """
from tracker_core.testing import MemoryTracker

class Tracker(MemoryTracker):
    config = "unset"

def create(config):
    tracker = Tracker()
    tracker.config = config
    return tracker

class Makers:
    create = staticmethod(create)
"""

PLAIN = """
class Tracker:
    def __init__(self, config):
        self.config = config

    add_artifact = artifacts = add_metadata = metadata = print
    add_source = sources = lineage = run_ids = print

def create(config):
    return Tracker(config)
"""


class Site:
    """A folder on the path to which packages are installed.

    Args:
        folder: The folder.
    """

    def __init__(self, folder: Path) -> None:
        """Begin without packages."""
        self.folder = folder

    def install(
        self, name: str, groups: Mapping[str, Mapping[str, str]], extra: str = ""
    ) -> None:
        """Install a distribution with these entry points."""
        about = self.folder / f"{name}-1.0.dist-info"
        about.mkdir()
        provides = f"Provides-Extra: {extra}\n" if extra else ""
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{provides}"
        (about / "METADATA").write_text(metadata)
        lines = []
        for group, points in groups.items():
            lines += [f"[{group}]", *(f"{key} = {to}" for key, to in points.items())]
        (about / "entry_points.txt").write_text("\n".join(lines))

    def write(self, module: str, source: str) -> None:
        """Write a module."""
        (self.folder / f"{module}.py").write_text(source)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Give a folder on the path, and forget its modules afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path))
    yield Site(tmp_path)
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


def found_by(group: str, name: str) -> list[str]:
    """Give the names under which a name of a group is listed."""
    return [
        b.factory for b in installed_backends() if (b.group, b.name) == (group, name)
    ]


def test_listing_imports_nothing(site: Site) -> None:
    """A package is listed with all that its metadata say, and not loaded."""
    site.install("lake-package", {OURS: {"lake": "lake_module:create"}})
    site.write("lake_module", "raise SystemExit('imported')")

    listed = installed_backends()

    backend = InstalledBackend("lake", OURS, "lake_module:create", "lake-package")
    assert backend in listed
    assert listed == sorted(listed)
    assert "lake_module" not in sys.modules


def test_build_uses_the_entry_point_of_the_name(site: Site) -> None:
    """The factory gets the config as its one argument, or None."""
    site.install("lake-package", {OURS: {"lake": "lake_module:create"}})
    site.write("lake_module", SOUND)

    named, bare = (build_trackers({"lake": config})[0] for config in ("text", None))

    assert isinstance(named, MemoryTracker)
    assert (vars(named)["config"], vars(bare)["config"]) == ("text", None)


def test_build_imports_nothing_but_what_is_named(site: Site) -> None:
    """A broken package does no harm to those who do not use it."""
    site.install("p", {OURS: {"lake": "lake_module:create", "bad": "bad_module:f"}})
    site.write("lake_module", SOUND)
    site.write("bad_module", "raise SystemExit('imported')")

    build_trackers({"lake": None})

    assert "bad_module" not in sys.modules


def test_build_takes_what_was_made_for_torchx(site: Site) -> None:
    """An object with the eight calls is a tracker, and is given out as it is."""
    site.install("p", {TORCHX: {"lake": "lake_module:create"}})
    site.write("lake_module", PLAIN)

    (tracker,) = build_trackers({"lake": "text"})

    assert type(tracker).__module__ == "lake_module"
    assert vars(tracker) == {"config": "text"}


def test_build_keeps_the_order(site: Site) -> None:
    """Trackers come in the order in which they were named."""
    points = dict.fromkeys("cab", "lake_module:create")
    site.install("p", {OURS: points})
    site.write("lake_module", SOUND)

    trackers = build_trackers({name: name for name in "bca"})

    assert [vars(tracker)["config"] for tracker in trackers] == ["b", "c", "a"]


def test_first_group_wins_a_clash(site: Site) -> None:
    """A name of both groups is ours."""
    site.install("other", {TORCHX: {"lake": "other_module:create"}})
    site.install("ours", {OURS: {"lake": "lake_module:create"}})
    site.write("lake_module", SOUND)

    (tracker,) = build_trackers({"lake": None})

    assert type(tracker).__module__ == "lake_module"
    assert found_by(OURS, "lake") == ["lake_module:create"]
    assert found_by(TORCHX, "lake") == []


def test_aliases_of_one_factory_are_listed_once(site: Site) -> None:
    """The first name in the first group stands for all; each of them can be used."""
    site.install(
        "p", {OURS: {"b": "m:create", "a": "m:create"}, TORCHX: {"c": "m:create"}}
    )
    site.write("m", SOUND)

    listed = [b.name for b in installed_backends() if b.factory == "m:create"]

    assert listed == ["a"]
    assert len(build_trackers({"a": None, "b": None, "c": None})) == 3


def test_extras_behind_an_entry_point_are_no_part_of_the_factory(site: Site) -> None:
    """The metadata of packages allow them."""
    site.install("p", {OURS: {"lake": "lake_module : create [fast]"}})
    site.write("lake_module", SOUND)

    assert len(build_trackers({"lake": None})) == 1


@pytest.mark.parametrize(
    "factory",
    ["lake_module:create", "lake_module:Makers.create", " lake_module : create "],
)
def test_build_uses_a_factory_that_is_named(site: Site, factory: str) -> None:
    """Any function that can be imported is a factory."""
    site.write("lake_module", SOUND)

    tracker = build_tracker(BackendSetting("lake", factory, "text"))

    assert vars(tracker)["config"] == "text"


def test_build_takes_a_factory_as_a_name(site: Site) -> None:
    """It needs no other name."""
    site.write("lake_module", SOUND)

    (tracker,) = build_trackers({"lake_module:create": "text"})

    assert vars(tracker)["config"] == "text"


def test_factory_that_is_named_beats_the_entry_point(site: Site) -> None:
    """Whoever says ``name=factory`` means that factory."""
    site.install("p", {OURS: {"lake": "bad_module:create"}})
    site.write("lake_module", SOUND)

    tracker = build_tracker(BackendSetting("lake", "lake_module:create"))

    assert isinstance(tracker, MemoryTracker)


def test_environment_names_the_trackers(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names, factories and configs come from the variables."""
    site.write("lake_module", SOUND)
    monkeypatch.setenv("TORCHX_TRACKERS", "a=lake_module:create,lake_module:create")
    monkeypatch.setenv("TORCHX_TRACKER_A_CONFIG", "text")

    trackers = trackers_from_environ()

    assert [vars(tracker)["config"] for tracker in trackers] == ["text", None]


@pytest.mark.parametrize("name", ["lak", "LAKE", "lake2"])
def test_unknown_name_is_asked_back_about(site: Site, name: str) -> None:
    """A near miss names what was meant."""
    site.install("p", {OURS: {"lake": "lake_module:create"}})

    with pytest.raises(BackendNotFoundError, match=r"did you mean 'lake'\?") as found:
        build_trackers({name: None})

    assert f"no backend is named {name!r}" in str(found.value)


def test_unknown_name_is_told_what_there_is(site: Site) -> None:
    """Without a near miss all names are listed, and the other way to name one."""
    site.install("p", {OURS: {"lake": "m:create"}, TORCHX: {"pond": "m:other"}})

    with pytest.raises(BackendNotFoundError, match=r"installed: .*lake.*pond") as found:
        build_trackers({"zzzzzz": None})

    assert "package.module:factory" in str(found.value)


def test_missing_extra_is_named(site: Site) -> None:
    """The message names the missing package and the extra that brings it."""
    site.install("pack", {OURS: {"lake": "tracker_lake:create"}}, extra="lake")
    site.write("tracker_lake", "import gone_away.deep")

    with pytest.raises(BackendUnavailableError) as found:
        build_trackers({"lake": None})

    assert str(found.value) == (
        "backend 'lake' needs the package gone_away; install pack[lake]"
    )
    assert found.value.name == "gone_away"


def test_missing_dependency_without_an_extra_is_named(site: Site) -> None:
    """The package is to be installed again, with what it needs."""
    site.install("pack", {OURS: {"lake": "tracker_lake:create"}})
    site.write("tracker_lake", "import gone_away")

    message = "needs the package gone_away; install pack again with what it needs"
    with pytest.raises(BackendUnavailableError, match=message):
        build_trackers({"lake": None})


def test_dependency_of_the_wrong_version_is_explained(site: Site) -> None:
    """A package that is there but lacks something is not called missing."""
    site.write("lake_module", "from json import gone_away")

    with pytest.raises(
        BackendUnavailableError, match=r"cannot import name 'gone_away'"
    ):
        build_trackers({"lake_module:create": None})


@pytest.mark.parametrize("name", ["gone_away:create", "gone_away.deep:create"])
def test_module_that_is_missing_is_named(site: Site, name: str) -> None:
    """It may be misspelt or not installed."""
    del site
    message = "needs the package gone_away; install the package that has it, or correct"

    with pytest.raises(BackendUnavailableError, match=message):
        build_trackers({name: None})


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        ("lake_module:gone", "module 'lake_module' has no attribute 'gone'; correct"),
        ("lake_module:Makers.gone", "has no attribute 'gone'; correct the name"),
        ("lake_module", "name a factory as package.module:factory"),
        ("lake_module:", "name a factory as package.module:factory"),
        (":create", "name a factory as package.module:factory"),
        (".lake_module:create", "'lake' cannot be imported: TypeError"),
        ("broken_module:create", "'lake' cannot be imported: .*SyntaxError"),
        ("raising_module:create", "'lake' cannot be imported: ZeroDivisionError"),
        ("lake_module:Tracker", "names the class Tracker; name a factory, a function"),
        ("lake_module:Tracker.config", "names a str; name a factory, a function"),
        ("lake_module:Makers", "names the class Makers"),
    ],
)
def test_name_that_leads_to_no_factory_is_explained(
    site: Site, factory: str, message: str
) -> None:
    """Each way of going wrong has its own message, with what to do."""
    site.write("lake_module", SOUND)
    site.write("broken_module", "def")
    site.write("raising_module", "1 / 0")

    with pytest.raises(ConfigError, match=message):
        build_tracker(BackendSetting("lake", factory))


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ("None", "NoneType is no tracker: it lacks add_artifact"),
        ("{}", "dict is no tracker"),
        ("config", "str is no tracker"),
        ("MemoryTracker", "the class MemoryTracker; return an object of it"),
    ],
)
def test_factory_that_returns_no_tracker_is_explained(
    site: Site, result: str, message: str
) -> None:
    """The message names the backend and what came instead."""
    site.write(
        "lake_module",
        "from tracker_core.testing import MemoryTracker\n"
        f"def create(config):\n    return {result}\n",
    )

    prefix = "the factory of backend 'lake' returned"
    with pytest.raises(ConfigError, match=f"^{prefix} .*{message}"):
        build_tracker(BackendSetting("lake", "lake_module:create", "text"))


def failing(statement: str) -> str:
    """Give a module whose factory runs the statement."""
    return f"from tracker_core.errors import *\ndef create(config):\n    {statement}\n"


def test_factory_that_raises_is_explained(site: Site) -> None:
    """The message names backend, error and variable; the error is chained."""
    site.write("m", failing("raise ValueError('no port')"))

    with pytest.raises(ConfigError) as found:
        build_tracker(BackendSetting("lake", "m:create", SECRET))

    assert str(found.value) == (
        "the factory of backend 'lake' failed: ValueError: no port; it was called with "
        "the value of TRACKER_LAKE_CONFIG or of a configuration file, or with None"
    )
    assert isinstance(found.value.__cause__, ValueError)


def test_factory_that_takes_no_config_is_explained(site: Site) -> None:
    """A factory of another form fails by a message, not by a bare TypeError."""
    site.write("m", "def create():\n    pass\n")

    with pytest.raises(ConfigError, match="failed: TypeError: create"):
        build_tracker(BackendSetting("lake", "m:create"))


def test_error_of_ours_is_passed_on(site: Site) -> None:
    """A factory that explains itself is not explained again."""
    site.write("m", failing("raise InvalidValueError('say a bucket')"))

    with pytest.raises(InvalidValueError, match=r"^say a bucket$"):
        build_tracker(BackendSetting("lake", "m:create", SECRET))


@pytest.mark.parametrize(
    "statement",
    [
        "raise ValueError(config)",
        "raise ValueError(repr(config))",
        "raise ConfigError(f'cannot use {config}')",
        "raise InvalidValueError(f'cannot use {config!r}')",
        "raise ValueError('no') from KeyError(config)",
        "raise ConfigError('no') from KeyError(config)",
        "raise BackendUnavailableError('lake', config, 'install it')",
        "raise ExceptionGroup('no', [ValueError(config)])",
        "error = ValueError('no'); error.add_note(config); raise error",
        "raise type('Odd' + config.split('=')[-1], (Exception,), {})()",
        "open(config)",
        "return {}[config]",
    ],
)
@pytest.mark.parametrize(
    "config",
    [SECRET, f"host=h password={SECRET}", f"db://me:{SECRET}@host/x", f"'{SECRET}\n"],
)
def test_secret_is_shown_by_no_failure(site: Site, statement: str, config: str) -> None:
    """Neither the message nor the chained traceback nor the repr shows the config."""
    site.write("m", failing(statement))

    with pytest.raises(TrackerError) as found:
        build_tracker(BackendSetting("lake", "m:create", config))

    shown = "".join(traceback.format_exception(found.value))
    assert SECRET not in f"{found.value!r} {found.value} {shown}"


def test_path_is_shown_by_a_failure(site: Site) -> None:
    """A file that cannot be used is named."""
    site.write("m", failing("raise ConfigError(f'{config!r} is no database')"))

    with pytest.raises(ConfigError, match=r"'/data/runs.db' is no database"):
        build_tracker(BackendSetting("lake", "m:create", "/data/runs.db"))


@pytest.mark.parametrize("error", ["KeyboardInterrupt", "SystemExit"])
def test_request_to_stop_passes_through(site: Site, error: str) -> None:
    """Whoever stops the program while a factory works is obeyed."""
    site.write("m", failing(f"raise {error}"))

    with pytest.raises((KeyboardInterrupt, SystemExit)) as found:
        build_tracker(BackendSetting("lake", "m:create"))

    assert found.type.__name__ == error


def test_damaged_package_is_passed_over(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """It is named, and every other backend is found as before."""
    site.install("damaged", {})
    site.install("pack", {OURS: {"lake": "lake_module:create"}})
    site.write("lake_module", SOUND)
    damaged = site.folder / "damaged-1.0.dist-info" / "entry_points.txt"
    damaged.write_bytes(b"[tracker_core.backends]\nx = \xff\n")

    assert len(build_trackers({"lake": None})) == 1
    assert "the installed package 'damaged' is damaged" in caplog.text


@pytest.mark.parametrize(
    "points",
    [
        b"[a]\nb = c\n\n[tracker_core.backends]\nx = y:z\nlake= lake_module:create\n",
        b"# \xff\n[tracker_core.backends]\nlake = lake_module:create",
        b"[tracker_core.backends]\nother = x:y\n\n[z]\nlake = z:z\n",
        b"[tracker_core.backends]\nlake",
    ],
)
def test_own_entry_points_are_read_as_they_lie(site: Site, points: bytes) -> None:
    """What they do not tell, or tell wrongly, is looked up among all packages."""
    site.install("tracker_core", {})
    (site.folder / "tracker_core-1.0.dist-info" / "entry_points.txt").write_bytes(
        points
    )
    site.write("lake_module", SOUND)
    is_complete = b"lake_module" in points and b"\xff" not in points
    if not is_complete:
        site.install("pack", {OURS: {"lake": "lake_module:create"}})

    assert len(build_trackers({"lake": None})) == 1


def test_name_of_ours_cannot_be_taken(site: Site) -> None:
    """A package that offers another `sqlite` is not given what belongs to ours."""
    site.install("pack", {OURS: {"memory": "evil_module:create"}})
    site.write("evil_module", "def create(config): raise RuntimeError")

    (tracker,) = build_trackers({"memory": "store"})
    listed = [backend for backend in installed_backends() if backend.name == "memory"]

    assert type(tracker).__name__ == "MemoryTracker"
    assert [backend.distribution for backend in listed] == ["tracker-core"]
    assert installed_backend("memory") == listed[0]


def test_torchx_name_is_that_of_the_same_factory(site: Site) -> None:
    """Genuine torchx finds our backends, and foreign ones, in its own group."""
    site.install("pack", {TORCHX: {"lake": "lake_module:create"}})
    settings = [
        BackendSetting("sqlite"),
        BackendSetting("mine", "tracker_sqlite:create"),
        BackendSetting("other", "lake_module:create"),
        BackendSetting("lake"),
        BackendSetting("odd", "pack.mod:create"),
    ]

    names = [torchx_name(backend) for backend in settings]

    assert names == [
        "tracker_sqlite",
        "tracker_sqlite",
        "lake",
        "lake",
        "pack.mod:create",
    ]


def test_package_without_metadata_can_be_used(site: Site) -> None:
    """Its name is not known; all else works."""
    site.install("pack", {OURS: {"lake": "lake_module:create", "bad": "bad_module:f"}})
    (site.folder / "pack-1.0.dist-info" / "METADATA").unlink()
    site.write("lake_module", SOUND)

    listed = [b for b in installed_backends() if b.name == "lake"]

    assert listed == [InstalledBackend("lake", OURS, "lake_module:create", "")]
    assert len(build_trackers({"lake": None})) == 1
    with pytest.raises(BackendUnavailableError, match="install bad_module:f again"):
        build_trackers({"bad": None})


def test_build_trackers_takes_a_mapping_alone() -> None:
    """A list of names is not guessed to mean their defaults; the message shows how."""
    names: Any = ["sqlite"]

    with pytest.raises(UnsupportedTypeError, match=r"such as \{'sqlite': None\}"):
        build_trackers(names)
