"""The configuration files, sound and corrupt."""

import traceback
from pathlib import Path

import pytest

from tracker_core.configfile import BackendSetting, FileSettings, read_files
from tracker_core.errors import ConfigError

SECRET = "hunter2-and-more"  # noqa: S105 - what no message may show


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, with an empty home beside it."""
    work, user = tmp_path / "work", tmp_path / "user"
    work.mkdir()
    user.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("HOME", str(user))
    return work


def test_no_file_says_nothing() -> None:
    """Files are never required."""
    assert read_files({}) == FileSettings()


def test_toml_lists_backends_in_order(folder: Path) -> None:
    """Each table is a backend; both of its keys may be left out."""
    (folder / "tracker.toml").write_text(
        'experiment = "iris"\non_error = "warn"\n[backends.sqlite]\nconfig = "a.db"\n'
        '[backends."my lake"]\nfactory = "pkg.mod:create"\n[backends.bare]\n'
        'factory = ""\n'
    )

    settings = read_files({})

    assert settings == FileSettings(
        (
            BackendSetting("sqlite", None, "a.db"),
            BackendSetting("my lake", "pkg.mod:create"),
            BackendSetting("bare"),
        ),
        "iris",
        "warn",
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "colour = 1",
            "unknown key 'colour'; use experiment, on_error, backends",
        ),
        ("experiment = 3", "experiment must be text, not int"),
        ("on_error = true", "on_error must be text, not bool"),
        ("backends = 'a,b'", "backends must be tables such as"),
        ("[backends]\na = 1", r"backends.a must be a table \[backends.a\]"),
        ("[backends.a]\npath = 'x'", "unknown key 'path'; use factory, config"),
        ("[backends.a]\nconfig = 3", "config must be text, not int"),
        ("[backends.a]\nfactory = []", "factory must be text, not list"),
        ("[backends.'a,b']", "'a,b' cannot be a backend's name"),
        ("[backends.'a=b']", "'a=b' cannot be a backend's name"),
        ("[backends.'']", "'' cannot be a backend's name"),
        ("[backends.' a']", "' a' cannot be a backend's name"),
    ],
)
def test_toml_that_says_something_unusable_is_refused(
    folder: Path, text: str, message: str
) -> None:
    """The message names the file, the place and what belongs there."""
    (folder / "tracker.toml").write_text(text)

    with pytest.raises(
        ConfigError, match=rf"^tracker\.toml(, \[backends\.a\])?: {message}"
    ):
        read_files({})


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (f"x = 1\n{SECRET} {SECRET}", "at line 2: Expected '='"),
        (f"x = '{SECRET}", "at line 1: Expected"),
        (f"x = 1\n\ny = '{SECRET}", "at line 3: Expected"),
        (f"x = 1\nx = '{SECRET}'", "at line 2: Cannot overwrite a value"),
        (f"[{SECRET}]\n[{SECRET}]", "at line 2: TOMLDecodeError"),
        (b"x = 1\ny = '" + SECRET.encode() + b"\xff'", "at line 2: UnicodeDecodeError"),
        ("x = " + "[" * 100_000, ": RecursionError"),
        (f"x = 1\x00{SECRET}", "at line 1: Expected newline"),
    ],
    ids=str,
)
def test_corrupt_toml_is_refused_without_its_content(
    folder: Path, content: str | bytes, where: str
) -> None:
    """The error names file and line; no part of its traceback quotes the file."""
    data = content.encode() if isinstance(content, str) else content
    (folder / "tracker.toml").write_bytes(data)

    with pytest.raises(
        ConfigError, match=rf"^tracker\.toml cannot be read.*{where}"
    ) as e:
        read_files({})

    assert SECRET not in "".join(traceback.format_exception(e.value))


def test_toml_that_is_a_folder_is_refused(folder: Path) -> None:
    """The system's reason is told."""
    (folder / "tracker.toml").mkdir()

    with pytest.raises(ConfigError, match="cannot be read: Is a directory; correct it"):
        read_files({})


def test_torchxconfig_lists_backends_and_their_configs(folder: Path) -> None:
    """A name without a value is an entry point; one with a value has that factory."""
    (folder / ".torchxconfig").write_text(
        "[torchx:tracker]\nfsspec =\nbare\nLake = pkg.mod:create\npkg.mod:make =\n"
        "pkg.mod:other\n"
        "[tracker:fsspec]\nconfig = a=b:c\n[tracker:Lake]\nconfig: with: colon = 1\n"
        "[tracker:pkg.mod:make]\nconfig = %(raw)s\n[local_cwd]\nlog_dir = x\n"
    )

    settings = read_files({})

    assert settings.backends == (
        BackendSetting("fsspec", None, "a=b:c"),
        BackendSetting("bare"),
        BackendSetting("Lake", "pkg.mod:create", "with: colon = 1"),
        BackendSetting("pkg.mod:make", None, "%(raw)s"),
        BackendSetting("pkg.mod:other"),
    )
    assert settings.unlisted == ()


def test_torchxconfig_configures_backends_that_it_does_not_list(folder: Path) -> None:
    """They are kept apart; one without a config says nothing."""
    (folder / ".torchxconfig").write_text(
        "[tracker:a]\nconfig = x\n[tracker:b]\nother = y\n[tracker:c]\nconfig\n"
    )

    settings = read_files({})

    assert settings == FileSettings(unlisted=(BackendSetting("a", None, "x"),))


def test_torchxconfig_of_the_home_goes_first(folder: Path, tmp_path: Path) -> None:
    """Option by option, what the home says stays, and the rest is added."""
    (tmp_path / "user" / ".torchxconfig").write_text(
        "[torchx:tracker]\na = home:f\n[tracker:b]\nconfig = home\n"
    )
    (folder / ".torchxconfig").write_text(
        "[torchx:tracker]\na = work:f\nb =\n"
        "[tracker:a]\nconfig = work\n[tracker:b]\nconfig = work\n"
    )

    settings = read_files({})

    assert settings.backends == (
        BackendSetting("a", "home:f", "work"),
        BackendSetting("b", None, "home"),
    )


def test_torchxconfig_that_is_named_is_the_only_one(
    folder: Path, tmp_path: Path
) -> None:
    """The variable TORCHXCONFIG leaves all others out."""
    (folder / ".torchxconfig").write_text("[torchx:tracker]\na =\n")
    (tmp_path / "named").write_text("[torchx:tracker]\nb =\n")

    settings = read_files({"TORCHXCONFIG": str(tmp_path / "named")})

    assert settings.backends == (BackendSetting("b"),)


def test_torchxconfig_that_is_named_and_missing_is_refused() -> None:
    """A file that somebody asked for is not passed over."""
    with pytest.raises(ConfigError, match="TORCHXCONFIG names 'gone', which cannot be"):
        read_files({"TORCHXCONFIG": "gone"})


def test_toml_with_backends_replaces_torchxconfig(folder: Path) -> None:
    """Only one of the two files tells the backends."""
    (folder / ".torchxconfig").write_text("[torchx:tracker]\na =\n")
    (folder / "tracker.toml").write_text("[backends.b]\n")

    settings = read_files({})

    assert settings.backends == (BackendSetting("b"),)


def test_toml_without_backends_leaves_torchxconfig(folder: Path) -> None:
    """The rest of it counts all the same."""
    (folder / ".torchxconfig").write_text("[torchx:tracker]\na =\n")
    (folder / "tracker.toml").write_text('experiment = "e"\n')

    settings = read_files({})

    assert settings == FileSettings((BackendSetting("a"),), "e")


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (f"{SECRET}\n", "at line 1: MissingSectionHeaderError"),
        (f"[a]\n={SECRET}\n", "at line 2: ParsingError"),
        (f"[a]\nx=1\nx={SECRET}\n", "at line 3: DuplicateOptionError"),
        (f"[a]\n[a]\nx={SECRET}\n", "at line 2: DuplicateSectionError"),
        (b"[a]\nx=\xff" + SECRET.encode(), "at line 2: UnicodeDecodeError"),
        (f"[torchx:tracker]\na,b = {SECRET}\n", ": 'a,b' cannot be a backend's name"),
    ],
    ids=str,
)
def test_corrupt_torchxconfig_is_refused_without_its_content(
    folder: Path, content: str | bytes, where: str
) -> None:
    """The error names file and line; no part of its traceback quotes the file."""
    data = content.encode() if isinstance(content, str) else content
    (folder / ".torchxconfig").write_bytes(data)

    with pytest.raises(ConfigError, match=rf"torchxconfig.*{where}") as found:
        read_files({})

    assert SECRET not in "".join(traceback.format_exception(found.value))


def test_home_that_cannot_be_searched_is_one_without_the_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job under another user's home still starts; the name here is too long."""
    monkeypatch.setenv("HOME", "/x" * 3000)
    (folder / ".torchxconfig").write_text("[torchx:tracker]\na =\n")

    assert read_files({}).backends == (BackendSetting("a"),)


def test_user_without_a_home_has_no_file_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container may run under a user id that nobody knows."""
    monkeypatch.setenv("HOME", "~")
    (folder / ".torchxconfig").write_text("[torchx:tracker]\na =\n")

    assert read_files({}).backends == (BackendSetting("a"),)
