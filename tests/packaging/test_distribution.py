"""What is installed is what the tree holds: packages, entry points, types, names.

These tests use the installed distribution alone, so that they can run against a built
wheel in a folder where the tree cannot be imported. ``TRACKER_CHECKOUT`` names the
tree then.
"""

import configparser
import importlib
import os
import subprocess
import sys
from importlib.metadata import EntryPoint, distribution
from pathlib import Path

import pytest

CHECKOUT = Path(os.environ.get("TRACKER_CHECKOUT") or Path(__file__).parents[2])
ROOTS = [CHECKOUT / "backends", CHECKOUT / "plugins"]
PACKAGES = sorted(
    folder.name for root in ROOTS for folder in root.iterdir() if folder.is_dir()
)


def installed_points() -> list[EntryPoint]:
    """Give the entry points of the installed distribution."""
    return list(distribution("tracker-core").entry_points)


def registered_points() -> set[tuple[str, str, str]]:
    """Give group, name and value of everything that setup.cfg registers."""
    parser = configparser.ConfigParser(delimiters=("=",))
    parser.read(CHECKOUT / "setup.cfg", encoding="utf-8")
    return {
        (group, name.strip(), value.strip())
        for group, text in parser["options.entry_points"].items()
        for line in text.split("\n")
        if line
        for name, value in [line.split("=")]
    }


def test_entry_points_reach_the_installation() -> None:
    """Everything that setup.cfg registers is registered, and nothing else."""
    installed = {(point.group, point.name, point.value) for point in installed_points()}

    assert installed == registered_points()


@pytest.mark.parametrize("package", [name for name in PACKAGES if "__" not in name])
def test_package_has_an_entry_point_that_loads(package: str) -> None:
    """Each folder of backends and plugins comes in by the door that others use."""
    points = [point for point in installed_points() if point.module == package]

    assert points
    assert all(callable(point.load()) for point in points)


@pytest.mark.parametrize("package", ["tracker_core", *PACKAGES])
def test_package_carries_its_types(package: str) -> None:
    """A type checker believes the annotations of what is installed."""
    file = importlib.import_module(package).__file__

    assert file is not None
    assert (Path(file).parent / "py.typed").is_file()


@pytest.mark.parametrize("module", ["tracker_core", "tracker_core.testing", *PACKAGES])
def test_public_names_are_importable_and_sorted(module: str) -> None:
    """``__all__`` is what a user can import."""
    loaded = importlib.import_module(module)

    assert all(hasattr(loaded, name) for name in loaded.__all__)
    assert list(loaded.__all__) == sorted(loaded.__all__)


def test_version_is_that_of_the_distribution() -> None:
    """The version is written once and arrives everywhere."""
    version = importlib.import_module("tracker_core").__version__

    assert version == distribution("tracker-core").version


def test_command_is_installed(tmp_path: Path) -> None:
    """The ``tracker`` command starts, in a folder that knows nothing of the tree."""
    command = Path(sys.executable).with_name("tracker")

    done = subprocess.run(
        [command, "--version"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    assert distribution("tracker-core").version in done.stdout


def test_library_comes_from_where_it_should() -> None:
    """The tests of the wheel see the wheel, and those of the tree the tree."""
    file = importlib.import_module("tracker_core").__file__

    assert file is not None
    is_apart = "TRACKER_CHECKOUT" in os.environ
    assert (Path(file).parents[1] == CHECKOUT) != is_apart
