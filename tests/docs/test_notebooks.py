"""The page on notebooks is true: its code runs on what the tutorial leaves."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.one_python

_PAGE = Path(__file__).parents[2] / "docs" / "notebooks.md"
_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_every_block_runs(
    tutorial: tuple[Path, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In order, as one program, with the columns that the page names."""
    for package in ("pandas", "polars", "duckdb"):
        pytest.importorskip(package)
    folder = tmp_path / "iris"
    shutil.copytree(tutorial[0], folder)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("TRACKER_HOME")
    names: dict[str, Any] = {}

    for code in _BLOCK.findall(_PAGE.read_text(encoding="utf-8")):
        exec(code, names)  # noqa: S102 - the code of our own page

    assert {"params.learning_rate", "metrics.test/loss.min"} <= {
        *names["frame"].columns
    }
    assert set(names["curves"]["series"]) == {"test/loss", "train/loss"}
    assert sum(names["answer"].to_pydict()["n"]) == len(names["query"].runs())
