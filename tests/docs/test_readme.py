"""The two commands of the README are the ones that are run."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    block.strip()
    for block in re.findall(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    if block.startswith("python3 -m venv")
]


def test_readme_has_two_commands_of_one_line_each() -> None:
    """One runs the example, one runs the tests."""
    example, tests = COMMANDS

    assert "examples/iris" in example
    assert "nox" in tests
    assert not any("\n" in command for command in COMMANDS)


def test_checks_run_the_command_of_the_readme() -> None:
    """What is checked before a change lands is what a newcomer runs."""
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")

    assert COMMANDS[1] in script
