"""Code and machine are recorded as they are, without secrets and without harm."""

import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker_core.provenance import RECORDED_VARIABLES, code_identity, environment
from tracker_core.values import Value, from_json, to_json

_CLEAN = {
    "branch": "main",
    "is_dirty": False,
    "has_untracked": False,
    "remote": None,
}
_MIB = 2**20


@pytest.fixture(autouse=True)
def settings_of_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the settings of whoever runs the tests out of them."""
    for name in os.environ:
        if name.startswith("GIT_"):
            monkeypatch.delenv(name)
    settings = tmp_path / "gitconfig"
    settings.write_text(
        "[user]\n name = Ada\n email = ada@example.org\n"
        '[init]\n defaultBranch = main\n[protocol "file"]\n allow = always\n',
        encoding="utf-8",
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Make a repository with one commit of one file."""
    folder = tmp_path / "project"
    folder.mkdir()
    _git(folder, "init", "-q")
    (folder / "train.py").write_text("lr = 0.1\n", encoding="utf-8")
    _git(folder, "add", ".")
    _git(folder, "commit", "-q", "-m", "Begin")
    return folder


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def _identity(folder: Path, **options: bool) -> dict[str, Value]:
    found = code_identity(folder, **options)
    assert found is not None
    return found


def _differing(folder: Path) -> dict[str, Value]:
    """Give what is not as in a clean repository, besides the commit."""
    found = _identity(folder)
    commit = found.pop("commit")
    assert commit is None or re.fullmatch(r"[0-9a-f]{40}", str(commit))
    return {name: found[name] for name in found if found[name] != _CLEAN[name]}


def _fake_git(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = folder / "programs"
    programs.mkdir()
    (programs / "git").write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    (programs / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)


def test_identity_of_a_clean_repository(repository: Path) -> None:
    """The commit is the one that git names, and nothing has changed."""
    assert _identity(repository) == {
        "commit": _git(repository, "rev-parse", "HEAD"),
        **_CLEAN,
    }


def test_identity_is_the_same_in_a_folder_of_it(repository: Path) -> None:
    """Any folder of a repository stands for it, also one that git does not know."""
    (repository / "a" / "b").mkdir(parents=True)

    assert code_identity(repository / "a" / "b") == code_identity(repository)


def test_identity_is_that_of_the_folder_given_as_text(repository: Path) -> None:
    """A path is text or a path object."""
    assert code_identity(str(repository)) == code_identity(repository)


def test_changed_file_makes_it_dirty(repository: Path) -> None:
    """A file that git knows differs from the commit."""
    (repository / "train.py").write_text("lr = 0.2\n", encoding="utf-8")

    assert _differing(repository) == {"is_dirty": True}


def test_staged_file_makes_it_dirty(repository: Path) -> None:
    """What is staged is in no commit yet."""
    (repository / "new.py").touch()
    _git(repository, "add", "new.py")

    assert _differing(repository) == {"is_dirty": True}


@pytest.mark.parametrize("arguments", [("rm", "train.py"), ("mv", "train.py", "b.py")])
def test_file_removed_or_renamed_makes_it_dirty(
    repository: Path, arguments: tuple[str, ...]
) -> None:
    """So does a file that is gone."""
    _git(repository, *arguments)

    assert _differing(repository) == {"is_dirty": True}


def test_conflict_makes_it_dirty(repository: Path) -> None:
    """Two changes of one line that were not brought together."""
    _git(repository, "switch", "-q", "-c", "other")
    (repository / "train.py").write_text("lr = 0.2\n", encoding="utf-8")
    _git(repository, "commit", "-q", "-a", "-m", "Other")
    _git(repository, "switch", "-q", "main")
    (repository / "train.py").write_text("lr = 0.3\n", encoding="utf-8")
    _git(repository, "commit", "-q", "-a", "-m", "Ours")
    subprocess.run(
        ["git", "merge", "other"], cwd=repository, check=False, capture_output=True
    )

    assert _differing(repository) == {"is_dirty": True}


def test_unknown_file_is_untracked(repository: Path) -> None:
    """It changes nothing that git knows."""
    (repository / "notes.txt").touch()

    assert _differing(repository) == {"has_untracked": True}


def test_unknown_file_is_untracked_though_the_user_hides_it(repository: Path) -> None:
    """Settings of how much ``git status`` shows make no difference."""
    _git(repository, "config", "status.showUntrackedFiles", "no")
    (repository / "notes.txt").touch()

    assert _differing(repository) == {"has_untracked": True}


def test_ignored_file_is_nothing(repository: Path) -> None:
    """What ``.gitignore`` names counts for neither."""
    (repository / ".git" / "info" / "exclude").write_text("*.log\n", encoding="utf-8")
    (repository / "a.log").touch()

    assert _differing(repository) == {}


@pytest.mark.parametrize("quotes", ["true", "false"])
@pytest.mark.parametrize(
    "name",
    [
        b"line\nbreak",
        b"\xff\xfe",
        "a\u2028b\x85c".encode(),
        b'"quoted"\t',
        b"# branch.oid x",
        "日本".encode(),
    ],
)
def test_odd_file_name_is_untracked_alone(
    repository: Path, name: bytes, quotes: str
) -> None:
    """Whatever bytes it has, it is not taken for another line of git."""
    _git(repository, "config", "core.quotePath", quotes)
    Path(repository, os.fsdecode(name)).touch()

    assert _differing(repository) == {"has_untracked": True}


def test_detached_head_has_no_branch(repository: Path) -> None:
    """As continuous integration checks out."""
    commit = _git(repository, "rev-parse", "HEAD")
    _git(repository, "checkout", "-q", commit)

    assert _differing(repository) == {"branch": None}
    assert _identity(repository)["commit"] == commit


def test_branch_is_named_in_full(repository: Path) -> None:
    """Slashes and other alphabets are part of its name."""
    _git(repository, "switch", "-q", "-c", "ada/été")

    assert _differing(repository) == {"branch": "ada/été"}


def test_repository_without_a_commit_has_none(tmp_path: Path) -> None:
    """There is a branch already, and nothing to compare with."""
    _git(tmp_path, "init", "-q", "empty")
    found = _identity(tmp_path / "empty", with_diff=True)

    assert found == {"commit": None, **_CLEAN}


def test_linked_worktree_has_its_own_state(repository: Path, tmp_path: Path) -> None:
    """It shares the commit, and has a branch of its own."""
    _git(repository, "worktree", "add", "-q", "-b", "second", str(tmp_path / "second"))
    (tmp_path / "second" / "train.py").unlink()

    assert _differing(tmp_path / "second") == {"branch": "second", "is_dirty": True}
    assert _differing(repository) == {}


def test_submodule_counts_when_its_commit_has_changed(
    repository: Path, tmp_path: Path
) -> None:
    """Unknown files in it do not make the outer repository dirty; a commit does."""
    outer = tmp_path / "outer"
    _git(tmp_path, "init", "-q", "outer")
    _git(outer, "submodule", "--quiet", "add", str(repository), "part")
    _git(outer, "commit", "-q", "-m", "Begin")

    (outer / "part" / "notes.txt").touch()
    with_notes = _differing(outer)
    _git(outer / "part", "commit", "-q", "--allow-empty", "-m", "More")

    assert with_notes == {}
    assert _differing(outer) == {"is_dirty": True}
    assert _differing(outer / "part") == {
        "has_untracked": True,
        "remote": str(repository),
    }


@pytest.mark.parametrize(
    ("url", "remote"),
    [
        ("https://example.org/ada/net.git", "https://example.org/ada/net.git"),
        ("https://ada:s3cret@example.org/net", "https://example.org/net"),
        ("https://s3cret@example.org/net", "https://example.org/net"),
        ("https://ada:s3@cret@example.org/net", "https://example.org/net"),
        ("https://ada:s3/cret@example.org/net", "https://example.org/net"),
        ("https://ada:s3?cret@example.org/net", "https://example.org/net"),
        ("https://ada:s3#cret@example.org/net", "https://example.org/net"),
        ("https://example.org:8443/net@2", "https://example.org:8443/net@2"),
        ("https://example.org/net?private_token=s3cret", "https://example.org/net"),
        ("https://example.org?private_token=s3cret", "https://example.org"),
        ("https://example.org/net#s3cret", "https://example.org/net"),
        ("HTTPS://ada:s3cret@example.org/net", "HTTPS://example.org/net"),
        ("ssh://git@example.org:22/net", "ssh://example.org:22/net"),
        ("ssh://git:s3cret@example.org/net", "ssh://example.org/net"),
        ("hg::https://ada:s3cret@example.org/net", "hg::https://example.org/net"),
        ("git@example.org:ada/net.git", "git@example.org:ada/net.git"),
        ("git@example.org:ada/net@2", "git@example.org:ada/net@2"),
        ("example.org:net", "example.org:net"),
        ("ada:s3cret@example.org:net", "example.org:net"),
        ("https:ada:s3cret@example.org/net", "example.org/net"),
        ("/srv/git/net", "/srv/git/net"),
        ("file:///srv/git/net", "file:///srv/git/net"),
    ],
)
def test_remote_has_no_credentials(repository: Path, url: str, remote: str) -> None:
    """Host and path stay, and nothing that opens them."""
    _git(repository, "config", "remote.origin.url", url)

    assert _differing(repository) == {"remote": remote}


def test_remote_is_origin(repository: Path) -> None:
    """Others are somebody else's."""
    _git(repository, "remote", "add", "upstream", "https://example.org/net")

    assert _differing(repository) == {}


def test_remote_is_as_it_was_written(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token that git puts in front of every address is not taken over."""
    for name, text in (
        ("GIT_CONFIG_COUNT", "1"),
        ("GIT_CONFIG_KEY_0", "url.s3cret:example.insteadOf"),
        ("GIT_CONFIG_VALUE_0", "https://example"),
    ):
        monkeypatch.setenv(name, text)
    _git(repository, "remote", "add", "origin", "https://example.org/net")

    assert _differing(repository) == {"remote": "https://example.org/net"}


def test_bare_repository_has_no_identity(tmp_path: Path) -> None:
    """No files lie there that could have run."""
    _git(tmp_path, "init", "-q", "--bare", "bare.git")

    assert code_identity(tmp_path / "bare.git") is None


@pytest.mark.parametrize("name", [".", "missing", "file", "nul\0"])
def test_what_is_no_repository_has_no_identity(tmp_path: Path, name: str) -> None:
    """Nor has what is no folder at all."""
    (tmp_path / "file").touch()

    assert code_identity(tmp_path / name) is None


def test_damaged_repository_has_no_identity(repository: Path) -> None:
    """Git itself refuses it."""
    (repository / ".git" / "HEAD").write_text("nonsense", encoding="utf-8")

    assert code_identity(repository) is None


def test_without_git_there_is_no_identity(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Small images have none."""
    monkeypatch.setenv("PATH", str(tmp_path))

    assert code_identity(repository) is None


def test_repository_of_a_hook_is_not_taken(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Git tells its hooks where it is at work, which may be elsewhere."""
    _git(tmp_path, "init", "-q", "other")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other" / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path / "other"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "other" / "index"))

    found = _identity(repository)

    assert found["commit"] is not None
    assert found["is_dirty"] is False


def test_git_that_hangs_is_left(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked no more once its time is over, and ended."""
    _fake_git(tmp_path, "echo $$ > pid; exec sleep 600", monkeypatch)

    began = time.monotonic()
    found = code_identity(repository, timeout=0.3)
    took = time.monotonic() - began

    pid = (repository / "pid").read_text(encoding="ascii").strip()
    assert found is None
    assert 0.3 <= took < 10
    assert not Path("/proc", pid).exists()


def test_git_that_hangs_after_its_answer_is_left(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it said may be half of it."""
    script = "echo '# branch.oid x'; exec >&-; exec sleep 600"
    _fake_git(tmp_path, script, monkeypatch)

    assert code_identity(repository, timeout=0.3) is None


def test_git_that_fails_has_no_identity(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answer does not count."""
    _fake_git(tmp_path, "echo '# branch.oid x'; exit 1", monkeypatch)

    assert code_identity(repository) is None


@pytest.mark.parametrize("folder", ["project", "."])
def test_identity_prints_nothing(
    repository: Path,
    folder: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Neither git's complaints nor its traces reach the job's output."""
    monkeypatch.setenv("GIT_TRACE", "1")

    code_identity(repository.parent / folder, with_diff=True)

    assert capfd.readouterr() == ("", "")


def test_identity_starts_no_monitor(repository: Path, tmp_path: Path) -> None:
    """What a repository sets to watch its files is not run."""
    hook = tmp_path / "monitor"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n", encoding="utf-8")
    hook.chmod(0o755)
    _git(repository, "config", "core.fsmonitor", str(hook))

    code_identity(repository)

    assert not (tmp_path / "ran").exists()


def test_identity_leaves_the_index_alone(repository: Path) -> None:
    """A git of the user at the same time is not disturbed by a lock."""
    index = repository / ".git" / "index"
    os.utime(repository / "train.py", (1, 1))
    before = (index.read_bytes(), index.stat().st_mtime_ns)

    code_identity(repository)

    assert (index.read_bytes(), index.stat().st_mtime_ns) == before


def test_diff_is_that_of_the_whole_repository(repository: Path) -> None:
    """Staged or not, wherever it is asked for, and in git's own form."""
    _git(repository, "config", "color.ui", "always")
    _git(repository, "config", "diff.relative", "true")
    _git(repository, "config", "diff.external", "false")
    (repository / "sub").mkdir()
    (repository / "train.py").write_text("lr = 0.2\n", encoding="utf-8")
    (repository / "new.py").write_text("é\n", encoding="utf-8")
    _git(repository, "add", "new.py")

    found = _identity(repository / "sub", with_diff=True)

    lines = str(found["diff"]).splitlines()
    assert [line for line in lines if line[0] in "-+"] == [
        "--- /dev/null",
        "+++ b/new.py",
        "+é",
        "--- a/train.py",
        "+++ b/train.py",
        "-lr = 0.1",
        "+lr = 0.2",
    ]
    assert found["is_diff_cut"] is False


def test_diff_of_a_clean_repository_is_empty(repository: Path) -> None:
    """It is there, so that it is seen to have been asked for."""
    found = _identity(repository, with_diff=True)

    assert (found["diff"], found["is_diff_cut"]) == ("", False)


def test_diff_is_absent_unless_wanted(repository: Path) -> None:
    """It may hold what nobody wants to keep."""
    (repository / "train.py").write_text("password = 's3cret'\n", encoding="utf-8")

    assert "s3cret" not in to_json(_identity(repository))


def test_diff_that_is_long_is_cut(repository: Path) -> None:
    """Whole lines of a MiB are kept, and that there was more."""
    (repository / "train.py").write_text("x\n" * _MIB, encoding="utf-8")

    found = _identity(repository, with_diff=True)

    assert (len(str(found["diff"])), found["is_diff_cut"]) == (_MIB - 1, True)
    assert str(found["diff"]).endswith("\n+x\n")


def test_diff_is_without_secrets(repository: Path) -> None:
    """What looks like one becomes stars, and the rest of the line stays."""
    (repository / "train.py").write_text("password = 's3cret'\n", encoding="utf-8")

    found = _identity(repository, with_diff=True)

    assert "\n+password = '***'\n" in str(found["diff"])


@pytest.mark.parametrize("content", [b"\0\1\2", b"caf\xe9\n", b"\xff" * 100])
def test_diff_of_any_bytes_is_text(repository: Path, content: bytes) -> None:
    """It can be written down and read back."""
    (repository / "train.py").write_bytes(content)

    found = _identity(repository, with_diff=True)

    assert "train.py" in str(found["diff"])
    assert from_json(to_json(found)) == found


def test_environment_is_this_machine() -> None:
    """Each part is what Python says of it."""
    found = environment({})

    assert found == {
        "python": platform.python_version(),
        "implementation": sys.implementation.name,
        "system": platform.system(),
        "release": platform.release(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "host": platform.node(),
        "variables": {},
    }


def test_environment_has_the_variables_of_the_list() -> None:
    """All of them, in its order."""
    environ = dict.fromkeys(reversed(RECORDED_VARIABLES), "x")

    found = environment(environ)["variables"]

    assert isinstance(found, dict)
    assert list(found) == sorted(RECORDED_VARIABLES)


@given(st.dictionaries(st.text(), st.text()))
def test_environment_has_no_other_variable(environ: Mapping[str, str]) -> None:
    """What is not on the list may be anything, a secret too."""
    others = {name: environ[name] for name in environ.keys() - {*RECORDED_VARIABLES}}

    assert environment(others)["variables"] == {}


@pytest.mark.parametrize("word", ["TOKEN", "SECRET", "PASS", "KEY", "CREDENTIAL"])
def test_list_of_variables_names_no_secret(word: str) -> None:
    """A name that speaks of one does not come to stand on it."""
    assert not [name for name in RECORDED_VARIABLES if word in name]


def test_environment_tells_what_started_the_job() -> None:
    """Credentials do not come in as the name of anything."""
    environ = {"LSB_JOBID": "pull https://ada:s3cret@example.org/net"}

    found = environment(environ)["scheduler"]

    assert found == {"name": "lsf", "job": "pull https://***@example.org/net"}


def test_variable_with_credentials_is_kept_without_them() -> None:
    """No variable of the list should hold any, but anybody can set it."""
    environ = {"SLURM_JOB_NAME": "pull https://ada:s3cret@example.org/net"}

    found = environment(environ)["variables"]

    assert found == {"SLURM_JOB_NAME": "pull https://***@example.org/net"}


def test_variable_of_any_bytes_is_text() -> None:
    """What the environment holds need not be UTF-8."""
    found = environment({"VIRTUAL_ENV": os.fsdecode(b"/caf\xe9")})

    assert found["variables"] == {"VIRTUAL_ENV": "/caf\\udce9"}
    assert from_json(to_json(found)) == found


def test_environment_has_the_packages_on_request() -> None:
    """Their versions are those that are imported, in the order of their names."""
    packages = environment({}, with_packages=True)["packages"]

    assert isinstance(packages, dict)
    assert packages["pytest"] == pytest.__version__
    assert list(packages) == sorted(packages)
