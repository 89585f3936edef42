"""Every form of configuration, and every way in which it can be wrong."""

import json
import pickle
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.registry import known_implementations

from tracker_core.errors import BackendUnavailableError, ConfigError
from tracker_core.identity import new_run_id
from tracker_fsspec import create
from tracker_fsspec.settings_file import parse_settings

RUN = "run"


class LockedFiles(MemoryFileSystem):  # type: ignore[misc]  # fsspec ships no types
    """A filesystem that refuses some options, and tells them in its errors."""

    protocol = "locked"

    def __init__(self, key: str, port: object = None) -> None:
        """Refuse a port that is no number."""
        super().__init__()
        self.key = key
        if port == "refused":
            message = f"no connection with {key}"
            raise ConnectionRefusedError(111, "Connection refused", message)
        if not isinstance(port, int):
            message = f"bad port {port!r} with {key}"
            raise ValueError(message)  # noqa: TRY004 - as filesystems do

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(super()._strip_protocol(path.removeprefix("locked://")))


@pytest.fixture
def locked() -> None:
    """Make the protocol known to fsspec, which keeps it for good."""
    fsspec.register_implementation("locked", LockedFiles, clobber=True)


@pytest.fixture
def absent() -> Iterator[None]:
    """Make a protocol known whose package is not installed."""
    fsspec.register_implementation(
        "absent", "no_such_package.Files", errtxt="install no-such-package"
    )
    yield
    known_implementations.pop("absent")


def config_file(directory: Path, text: str) -> str:
    """Write a configuration file and return its path."""
    path = directory / "tracker.conf"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    "form",
    [
        "{dir}",
        "{dir}/",
        " {dir}\n",
        "file://{dir}",
        "local://{dir}",
        '{{"url": "file://{dir}"}}',
        '{{"protocol": "file", "root_path": "{dir}", "auto_mkdir": false}}',
        '{{"protocol": "file", "root_path": "file://{dir}"}}',
    ],
)
def test_create_takes_each_form_for_one_directory(tmp_path: Path, form: str) -> None:
    """A path, a URL and JSON all lead to the directory, which is made."""
    root = tmp_path / "new" / "runs"

    create(form.format(dir=root)).add_metadata(RUN, key=1)

    assert create(str(root)).metadata(RUN) == {"key": 1}


def test_create_takes_a_relative_directory_from_where_it_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Changing the directory later does not move the runs."""
    monkeypatch.chdir(tmp_path)
    by_path = create("runs")
    by_json = create('{"protocol": "file", "root_path": "runs"}')
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")

    by_path.add_metadata(RUN, key=1)

    assert by_json.metadata(RUN) == {"key": 1}
    assert create(str(tmp_path / "runs")).metadata(RUN) == {"key": 1}


@pytest.mark.parametrize(
    "form",
    [
        "runs",
        "./runs/",
        "file://runs",
        '{"url": "runs"}',
        '{"protocol": "file", "root_path": "runs"}',
        '{"protocol": "local", "root_path": "local://runs"}',
        "tracker.conf",
    ],
)
def test_create_takes_a_relative_path_from_where_the_job_was_launched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """A job that has changed its directory writes to that of its launcher."""
    config_file(tmp_path, "protocol=file\nroot_path=runs\n")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setenv("TRACKER_LAUNCH_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path / "elsewhere")

    create(form).add_metadata(RUN, key=1)

    assert create(str(tmp_path / "runs")).metadata(RUN) == {"key": 1}
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_create_takes_the_directory_beside_signs_of_urls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is a sign in a URL is none in the path of the place of launch."""
    place = tmp_path / "a::b"
    place.mkdir()
    monkeypatch.setenv("TRACKER_LAUNCH_DIR", str(place))

    create("runs").add_metadata(RUN, key=1)

    assert (place / "runs").is_dir()


def test_create_refuses_an_unknown_home() -> None:
    """The home of a user that does not exist is a wrong setting, no new directory."""
    with pytest.raises(ConfigError, match="no-such-user-here/runs' cannot be used"):
        create("~no-such-user-here/runs")


def test_create_takes_a_url_of_another_protocol() -> None:
    """Its path is the root, and nothing is written before the first batch."""
    root = new_run_id()

    tracker = create(f"memory://{root}")

    assert repr(tracker) == f"FsspecTracker('memory', '/{root}')"
    assert not MemoryFileSystem().exists(f"/{root}")


@pytest.mark.usefixtures("locked")
def test_create_hands_options_on_with_their_types() -> None:
    """A number in JSON is a number for the filesystem."""
    root = new_run_id()
    options = {"key": "hidden", "port": 5}

    by_url = create(json.dumps({"url": f"locked://{root}", **options}))
    by_parts = create(json.dumps({"protocol": "locked", "root_path": root, **options}))

    by_url.add_metadata(RUN, key=1)
    assert by_parts.metadata(RUN) == {"key": 1}
    assert "hidden" not in repr(by_url)


def test_create_reads_torchx_configuration_file(tmp_path: Path) -> None:
    """Comments, blank lines and options are understood; the root is made."""
    root = tmp_path / "runs"
    text = f"# torchx\n\n  # indented\nprotocol = file\nroot_path={root}\na.b=1"

    create(config_file(tmp_path, text)).add_metadata(RUN, key=1)

    assert create(str(root)).metadata(RUN) == {"key": 1}


def test_create_reads_a_configuration_file_anywhere(tmp_path: Path) -> None:
    """The file may lie on any filesystem, and begin with a byte order mark."""
    root = new_run_id()
    text = f"\ufeffprotocol=file\nroot_path={tmp_path / 'runs'}"
    MemoryFileSystem().pipe_file(f"/{root}.conf", text.encode())

    tracker = create(f"memory://{root}.conf")

    assert repr(tracker) == f"FsspecTracker('file', '{tmp_path / 'runs'}')"


def test_settings_nest_at_dots_and_stay_text() -> None:
    """Values are stripped text; an empty last one without newline is kept."""
    text = "a=1\r\nb.c=true\nb.d.e= x=y # z \nb.f ="

    settings = parse_settings(text)

    nested = {"c": "true", "d": {"e": "x=y # z"}, "f": ""}
    assert settings == {"a": "1", "b": nested}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a.=hidden", "line 1: key 'a.' has an empty part"),
        ("\n.a=hidden", "line 2: key '.a' has an empty part"),
        ("a..b=hidden", "key 'a..b' has an empty part"),
        ("=hidden", "key '' has an empty part"),
        ("a=hidden\na.b=2", "line 2: key 'a.b' nests in 'a', which has a value"),
        ("a.b=hidden\na=2", "line 2: key 'a' is there already"),
        ("a=hidden\na=hidden", "line 2: key 'a' is there already"),
        ("a=1\nhidden", "line 2 has no '='"),
    ],
)
def test_bad_line_is_named_without_its_value(
    tmp_path: Path, text: str, said: str
) -> None:
    """The error tells file, line and key, and no value."""
    path = config_file(tmp_path, text)

    with pytest.raises(ConfigError) as caught:
        create(path)

    assert path in str(caught.value)
    assert said in str(caught.value)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("", "lacks protocol and root_path"),
        ("protocol=file\n", "lacks root_path"),
        ("root_path=/x\n", "lacks protocol"),
        ("protocol=\nroot_path=/x\n", "lacks protocol"),
    ],
)
def test_missing_key_is_named(tmp_path: Path, text: str, missing: str) -> None:
    """The error says which of the two is not there."""
    with pytest.raises(ConfigError, match=missing):
        create(config_file(tmp_path, text))


@pytest.mark.parametrize("config", [None, "", "  \n"])
def test_no_configuration_shows_the_forms(config: str | None) -> None:
    """Without a place there is nothing to write to; the error shows what to set."""
    with pytest.raises(ConfigError) as caught:
        create(config)

    for part in ("TRACKER_FSSPEC_CONFIG", "s3://bucket/prefix", "root_path"):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ('{"protocol": "file", "root', "cannot be read: .*line 1 column"),
        ("{}", "lacks protocol and root_path"),
        ('{"protocol": "file"}', "lacks root_path"),
        ('{"protocol": 1, "root_path": "x"}', "protocol is of the type int"),
        ('{"protocol": "file", "root_path": ["x"]}', "root_path is of the type list"),
        ('{"url": 1}', "url is of the type int"),
        ('{"url": "/x", "root_path": "x"}', "has url and root_path"),
        ("nosuch://x", "fsspec knows no protocol 'nosuch'"),
        ('{"protocol": "nosuch", "root_path": "x"}', "knows no protocol 'nosuch'"),
    ],
)
def test_bad_configuration_is_explained(config: str, said: str) -> None:
    """Each way to be wrong has its message."""
    with pytest.raises(ConfigError, match=said):
        create(config)


def test_binary_file_is_no_configuration(tmp_path: Path) -> None:
    """A file that is no text is named, not decoded."""
    path = tmp_path / "x.bin"
    path.write_bytes(b"\x80\xff\x00")

    with pytest.raises(ConfigError, match=r"x\.bin' is no text"):
        create(str(path))


def test_root_below_a_file_is_refused(tmp_path: Path) -> None:
    """The error names the directory that cannot be made."""
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigError, match="file/runs' cannot be written: Not a dir"):
        create(str(tmp_path / "file" / "runs"))


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("root", ["/proc", "/proc/tracker"])
def test_read_only_root_is_refused(root: str) -> None:
    """Where not even root may write is found at once, not at the first run."""
    with pytest.raises(ConfigError, match=f"'{root}' cannot be written"):
        create(root)


def test_root_that_may_only_be_read_is_refused_and_says_why(
    humble_folder: Path,
) -> None:
    """Whoever wants to read alone is told that writing is what is missing."""
    create(str(humble_folder)).add_metadata(RUN, key=1)
    humble_folder.chmod(0o500)

    with pytest.raises(ConfigError) as caught:
        create(str(humble_folder))

    said = f"{str(humble_folder)!r} cannot be written: Permission denied"
    assert said in str(caught.value)
    assert "needed for reading too" in str(caught.value)


def test_check_of_the_root_leaves_nothing(tmp_path: Path) -> None:
    """What is written to try the directory is gone when the tracker is there."""
    create(str(tmp_path / "runs"))

    assert list((tmp_path / "runs").iterdir()) == []


@pytest.mark.usefixtures("absent")
@pytest.mark.parametrize(
    "config", ["absent://x", '{"protocol": "absent", "root_path": "x"}']
)
def test_missing_package_is_named(config: str) -> None:
    """The error tells which package the protocol needs, and survives pickling."""
    with pytest.raises(BackendUnavailableError) as caught:
        create(config)

    assert "needs the package no_such_package" in str(caught.value)
    assert "install no-such-package" in str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301 - our own


@pytest.mark.usefixtures("locked")
@pytest.mark.parametrize(
    "config",
    [
        '{"url": "locked://x", "key": "hidden", "port": "hidden"}',
        '{"url": "locked://x", "key": "hidden", "port": "refused"}',
        '{"url": "locked://hidden:hidden@x", "hidden": 1}',
        '{"protocol": "locked", "root_path": "x", "key": "hidden", "other": 1}',
        '{"key": "hidden", "protocol": "lock',
        '{"key": "hidden", "protocol": "nosuch", "root_path": "x"}',
        "nosuch://hidden:hidden@x",
    ],
)
def test_credentials_stay_out_of_errors(config: str) -> None:
    """Neither the message nor what is shown with it repeats options or users."""
    with pytest.raises(ConfigError) as caught:
        create(config)

    assert "hidden" not in str(caught.value)
    assert caught.value.__suppress_context__
    assert caught.value.__cause__ is None


def test_credentials_in_the_url_of_a_configuration_file_stay_out_of_errors() -> None:
    """The file is named by its place alone."""
    name = f"user:hidden@host/{new_run_id()}.conf"
    MemoryFileSystem().pipe_file(f"/{name}", b"protocol=file")

    with pytest.raises(ConfigError, match="host/") as caught:
        create(f"memory://{name}")

    assert "hidden" not in str(caught.value)
