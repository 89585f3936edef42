"""Tests of listing the packages of a job."""

import importlib.metadata
import os
import sys
from pathlib import Path

import pytest

from tracker_core.jobpackages import installed_packages, python_of


@pytest.mark.parametrize(
    ("line", "python"),
    [
        (f"#!{sys.executable}", sys.executable),
        (f"#! {sys.executable} -u", sys.executable),
        ("#!/usr/bin/env here", None),
        ("#!/usr/bin/env -S PYTHONHASHSEED=0 python3 -u", "bin/python3"),
        ("#!/bin/sh", None),
        ("#!/usr/bin/env", None),
        ("#!", None),
        ("\x7fELF", None),
        ("", None),
    ],
)
def test_python_of_a_script_is_in_its_first_line(
    tmp_path: Path, line: str, python: str | None
) -> None:
    """Commands of packages are such scripts."""
    (tmp_path / "bin").mkdir()
    for name in ("command", "python3"):
        (tmp_path / "bin" / name).write_text(f"{line}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    expected = str(tmp_path / python) if python == "bin/python3" else python

    found = python_of(["command"], {"PATH": str(tmp_path / "bin")})

    assert found == expected


@pytest.mark.parametrize("program", ["sh", "nothing-of-this-name", "/"])
def test_python_of_another_program_is_unknown(program: str) -> None:
    """What it starts, nobody knows."""
    assert python_of([program], os.environ) is None


def test_python_that_may_not_be_read_is_unknown(tmp_path: Path) -> None:
    """A folder is no program, whatever its name."""
    (tmp_path / "python").mkdir()

    assert python_of(["python"], {"PATH": str(tmp_path)}) is None


def test_packages_are_those_that_python_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file beside the job that is named like a module changes nothing."""
    (tmp_path / "json.py").write_text("raise SystemExit")
    monkeypatch.chdir(tmp_path)

    found = installed_packages(sys.executable, os.environ)

    known = {one.metadata["Name"] for one in importlib.metadata.distributions()}
    assert set(found) == known
    assert found["pytest"] == pytest.__version__


@pytest.mark.parametrize("python", ["/nothing/here", "/bin/true", "/bin/false"])
def test_packages_of_what_is_no_python_are_none(python: str) -> None:
    """Nothing is raised: a list is not worth a job."""
    assert installed_packages(python, os.environ) == {}
