"""Settings in files."""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker_core.configs import read_config
from tracker_core.errors import ConfigError, InvalidValueError, UnsupportedTypeError
from tracker_core.params import params_body
from tracker_core.testing.contract.answers import exact
from tracker_core.values import Value

Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Give what makes a file of a name and a text."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", '{"lr": 0.1, "layers": [{"name": "é"}]}'),
        ("a.toml", 'lr = 0.1\n[[layers]]\nname = "é"'),
        ("a.yaml", "lr: 0.1\nlayers:\n- name: é"),
        ("a.yml", "lr: 0.1\nlayers: [{name: é}]"),
        ("A.JSON", '{"lr": 0.1, "layers": [{"name": "é"}]}'),
        ("a.b.json", '\ufeff{"lr": 0.1, "layers": [{"name": "é"}]}'),
        (".hidden.yaml", "---\nlr: 0.1\nlayers: [{name: é}]"),
    ],
)
def test_config_is_read_as_its_suffix_says(write: Write, name: str, text: str) -> None:
    """All formats give the same."""
    assert read_config(write(name, text)) == {"lr": 0.1, "layers": [{"name": "é"}]}


def test_config_may_be_named_in_bytes(write: Write) -> None:
    """A path object may hold them."""
    path = write("a.json", '{"a": 1}')

    class Entry(os.PathLike[bytes]):
        def __fspath__(self) -> bytes:
            return bytes(path)

    assert read_config(Entry()) == {"a": 1}  # type: ignore[arg-type]  # hints want text


@pytest.mark.parametrize(
    ("name", "text"), [("a.toml", "day = 2026-01-02"), ("a.yaml", "day: 2026-01-02")]
)
def test_config_keeps_dates(write: Write, name: str, text: str) -> None:
    """What becomes of them is decided where values are checked."""
    assert read_config(write(name, text)) == {"day": date(2026, 1, 2)}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.json", '{"a":\n 1,}', r"is wrong: .*line 2"),
        ("a.json", "", r"is wrong: Expecting value: line 1"),
        ("a.json", "[" * 100_000, r"is wrong: maximum recursion depth"),
        ("a.json", f'{{"a": {"1" * 5000}}}', r"is wrong: Exceeds the limit"),
        ("a.toml", "a = 1\nb = ?", r"is wrong: .*line 2"),
        ("a.yaml", "a: 1\nb: [", r"is wrong: .*line 2"),
        ("a.yaml", "a: 1\n\tb: 1", r"is wrong: .*line 2"),
        ("a.yaml", "a: 1\n---\nb: 1", r"is wrong: .*line 2"),
        ("a.yaml", "a: \x00", r"is wrong: .*not allowed"),
        ("a.yaml", "a: !!python/object:os.system {}", r"is wrong: could not determine"),
        ("a.yaml", "a: !!bool maybe", r"is wrong: a value does not fit its tag"),
        ("a.json", "[1]", r"holds a list; make it a mapping"),
        ("a.yaml", "", r"holds nothing; make it a mapping"),
        ("a.yaml", "text", r"holds a str; make it a mapping"),
        ("a.ini", "[a]\nb = 1", r"is none of \.json, \.toml, \.yaml, \.yml; rename"),
        ("config", "", r"is none of"),
    ],
)
def test_config_that_is_wrong_is_refused(
    write: Write, name: str, text: str, message: str
) -> None:
    """The message names the file, the place where that is known, and what to do."""
    with pytest.raises(ConfigError, match=rf"config '.*/{name}' {message}"):
        read_config(write(name, text))


def test_config_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """Files in other encodings are not guessed at."""
    path = tmp_path / "a.yaml"
    path.write_bytes("a: é".encode("latin-1"))

    with pytest.raises(ConfigError, match="is wrong: 'utf-8' codec"):
        read_config(path)


@pytest.mark.parametrize("name", ["a.json", "missing/a.json", "a\0.json"])
def test_config_that_cannot_be_read_is_refused(tmp_path: Path, name: str) -> None:
    """The message says why."""
    (tmp_path / "a.json").mkdir()

    with pytest.raises(ConfigError, match=r"directory|No such file|null byte"):
        read_config(tmp_path / name)


def test_config_in_yaml_needs_pyyaml(write: Write) -> None:
    """Where it is not installed the message says what to install."""
    path = write("a.yaml", "a: 1")
    code = (
        f"import sys; sys.path[:] = {sys.path!r}; sys.modules['yaml'] = None; "
        "from pathlib import Path; from tracker_core.configs import read_config; "
        f"read_config(Path({str(path)!r}))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stderr.endswith(
        "ConfigError: "
        f"config {str(path)!r} needs the package pyyaml; install tracker-core[yaml]\n"
    )


def test_error_of_a_yaml_file_shows_none_of_it(write: Write) -> None:
    """The line that is wrong may hold a secret."""
    with pytest.raises(ConfigError) as caught:
        read_config(write("a.yaml", "password: s3cret: x\n"))

    assert str(caught.value).endswith(
        "mapping values are not allowed here: line 1 column 17; put it right"
    )


def _refusal(path: Path) -> str:
    """Return why a file is refused, or no text."""
    try:
        read_config(path)
    except ConfigError as error:
        return str(error)
    return ""


@given(text=st.text(), suffix=st.sampled_from(["json", "toml", "yaml"]))
def test_config_of_any_text_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, text: str, suffix: str
) -> None:
    """A file fails in one way, and its message is one line."""
    path = tmp_path_factory.getbasetemp() / f"any.{suffix}"
    path.write_text(text, encoding="utf-8")

    assert len(_refusal(path).splitlines()) <= 1


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("a: {1: x}", UnsupportedTypeError, r"param key under 'a\.' has the type int"),
        ("on: x", UnsupportedTypeError, "param key has the type bool"),
        ("a: !!set {x, y}", UnsupportedTypeError, "'a' has the type set.* sorted list"),
        ("a: !!binary eA==", UnsupportedTypeError, "param 'a' has the type bytes"),
        ("a: &a [*a]", InvalidValueError, "param 'a'.* nests deeper than 64 levels"),
        ("a: &a {b: *a}", InvalidValueError, "params nest deeper than 64 levels"),
    ],
)
def test_config_with_what_is_no_param_is_refused(
    write: Write, text: str, error: type[Exception], message: str
) -> None:
    """YAML can say more than a param can be, a circle for one."""
    with pytest.raises(error, match=message):
        params_body(write("a.yaml", text))


@pytest.mark.parametrize(
    ("name", "text", "kept"),
    [
        ("a.yaml", "x: 2026-01-02T03:04:05Z", "2026-01-02T03:04:05+00:00"),
        ("a.toml", "x = 2026-01-02T03:04:05Z", "2026-01-02T03:04:05+00:00"),
        ("a.toml", "x = 2026-01-02T03:04:05", "2026-01-02T03:04:05"),
        ("a.toml", "x = 03:04:05", "03:04:05"),
        ("a.yaml", "x: [1, 1.0, 1.0e-3, 1e-3, no]", [1, 1.0, 0.001, "1e-3", False]),
        ("a.json", '{"x": [1, 1.0, -Infinity]}', [1, 1.0, float("-inf")]),
        ("a.toml", "x = [1, 1.0, -inf]", [1, 1.0, float("-inf")]),
    ],
)
def test_value_in_a_config_is_what_its_language_says(
    write: Write, name: str, text: str, kept: Value
) -> None:
    """Moments become ISO 8601 text; the rest keeps its type."""
    values = params_body(write(name, text)).values

    assert exact(values["x"]) == exact(kept)
