"""The page on queries is true: its examples mean what it says."""

import re
from pathlib import Path
from typing import Any

import pytest

from tracker_core import AppRun
from tracker_core.errors import QueryError
from tracker_core.expressions import parse, parse_order
from tracker_core.fields import RUN_ATTRIBUTES, STATUSES, SUMMARY_PARTS
from tracker_core.filters import FilterOp
from tracker_core.testing import MemoryTracker

_PAGE = (Path(__file__).parents[2] / "docs" / "querying.md").read_text("utf-8")
_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def _first_cells(head: str) -> list[str]:
    """Give the code of the first column of the tables whose first head is this."""
    tables = re.findall(rf"^\| {head} \|.*\n\|.*\n((?:\|.*\n)+)", _PAGE, re.MULTILINE)
    return re.findall(r"^\| `(.+?)` \|", "".join(tables), re.MULTILINE)


@pytest.mark.parametrize("query", _first_cells("query"))
def test_query_of_the_page_is_one(query: str) -> None:
    """What the page shows can be copied."""
    parse(query)


@pytest.mark.parametrize("order", _first_cells("order"))
def test_order_of_the_page_is_one(order: str) -> None:
    """What the page shows can be copied."""
    parse_order(order)


def test_page_shows_queries_and_orders() -> None:
    """The tables above were found."""
    assert len(_first_cells("query")) > 20
    assert len(_first_cells("order")) > 3


@pytest.mark.parametrize(
    "word", [*RUN_ATTRIBUTES, *SUMMARY_PARTS, *STATUSES, *FilterOp]
)
def test_page_names_every_word(word: str) -> None:
    """Attributes, parts of series, statuses and operators."""
    assert f"`{word}`" in _PAGE


def test_error_of_the_page_is_the_real_one() -> None:
    """The block shows what a user sees."""
    with pytest.raises(QueryError) as caught:
        parse('params.lr < 1 and statsu = "FAILED"')

    assert f"```text\n{caught.value}\n```" in _PAGE


def test_code_of_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """In order, as one program, on a store with one run."""
    tracker = MemoryTracker()
    run = AppRun("r1", [tracker])
    run.log_params({"lr": 1e-4, "optimizer": "adamw"})
    run.log_metric("train/loss", 0.5)
    names: dict[str, Any] = {"tracker": tracker}

    for code in _BLOCK.findall(_PAGE):
        exec(code, names)  # noqa: S102 - the code of our own page

    assert [info.run_id for info in names["best"]] == ["r1"]
    assert (names["small"], names["found"]) == ([], [])
    assert capsys.readouterr().out == (
        'experiment = "iris" and duration > 60 and params.lr > 0\n'
    )
