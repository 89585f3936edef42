"""Tests of what ``--json`` prints: the keys that the page of the command names."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tracker_core.records import LogBody, MetricsBody, ParamsBody

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Cli, Store

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"
COMMANDS = {
    "tracker list": "list",
    "tracker list jobs": "list jobs",
    "tracker list experiments": "list experiments",
    "tracker list groups": "list groups",
    "tracker list metadata": "list metadata a",
    "tracker list artifacts": "list artifacts a",
    "tracker list lineage": "list lineage a",
    "tracker list trackers": "list trackers",
    "tracker show": "show a",
    "tracker show --logs": "show a --logs",
    "tracker show --logs --follow": "show a --logs --follow",
    "tracker show --console": "show a --console",
    "tracker show --console --follow": "show a --console --follow",
    "tracker watch": "watch a",
    "tracker compare": "compare a b",
    "tracker plot": "plot loss",
    "tracker query": "query SELECT",
    "tracker env": "env",
    "tracker tag": "tag a",
    "tracker status": "status",
    "tracker copy": "copy --from one --to sqlite",
    "tracker import": "import torchx runs --to sqlite",
    "tracker verify": "verify a --tracker one --tracker two",
    "tracker rm": "rm a --dry-run",
    "tracker compact": "compact",
    "tracker check": "check",
}


def documented() -> dict[str, list[str]]:
    """Give the keys of each command as the table of the page has them."""
    text = PAGE.read_text("utf-8").partition("keys beside `version` |\n")[2]
    table = text.partition("\n\n")[0]
    rows = [line.split("|")[1:3] for line in table.splitlines()[1:]]
    return {
        command: re.findall("`(.*?)`", keys)
        for commands, keys in rows
        for command in re.findall("`(.*?)`", commands)
    }


def test_table_of_keys_has_every_command() -> None:
    """What is not in the table is not looked at below."""
    assert [*documented()] == [*COMMANDS]


@pytest.mark.parametrize("command", COMMANDS)
def test_document_has_the_keys_that_the_page_names(
    tracker: "Cli", stores: "Callable[..., list[Store]]", place: Path, command: str
) -> None:
    """They are those and no others, beside the version."""
    for number, store in enumerate(stores("one", "two")):
        loss = MetricsBody(0, {"": {"loss": 1.0}})
        said = LogBody("info", "hi", None)
        log = store.content("console/1.log", b"printed\n", kind="console")
        for run_id in "ab"[number:]:
            params = ParamsBody({"lr": run_id})
            store.run(run_id, params, loss, said, log)
    (place / "runs").mkdir()
    words = COMMANDS[command].split()
    if "SELECT" in words:
        pytest.importorskip("duckdb")
        words[-1] = "SELECT * FROM runs"

    out = tracker(*words, "--json").out

    whole = out if out.startswith("{\n") else out.partition("\n")[0]
    assert json.loads(whole).keys() == {"version", *documented()[command]}
    assert json.loads(whole)["version"] == 1
