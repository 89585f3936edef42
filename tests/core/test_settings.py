"""What the environment says, in both families of variables."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tracker_core.configfile import BackendSetting, parse_backends
from tracker_core.errors import ConfigError
from tracker_core.settings import (
    VARIABLES,
    Settings,
    error_policy,
    home,
    is_launched,
    launch_path,
    read_settings,
    tracker_config_env_var_name,
    usable_settings,
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder that is also the user's home."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_empty_environment_gives_the_defaults() -> None:
    """Without any variable or file nothing is configured."""
    settings = read_settings({})

    assert settings == Settings()


@pytest.mark.parametrize(
    ("field", "ours", "torchx"),
    [
        ("job_id", "TRACKER_JOB_ID", "TORCHX_JOB_ID"),
        ("parent_run_id", "TRACKER_PARENT_RUN_ID", "TORCHX_PARENT_RUN_ID"),
        ("experiment", "TRACKER_EXPERIMENT", "TORCHX_TRACKING_EXPERIMENT_NAME"),
    ],
)
def test_variable_of_either_family_is_honoured_and_ours_wins(
    field: str, ours: str, torchx: str
) -> None:
    """Torchx's variable says the same where ours is unset, empty or blank."""
    environments: list[Mapping[str, str]] = [
        {ours: "a"},
        {torchx: "a"},
        {ours: "a", torchx: "b"},
        {ours: "", torchx: "a"},
        {ours: "  ", torchx: " a "},
    ]

    said = [getattr(read_settings(environ), field) for environ in environments]

    assert said == ["a"] * 5


def test_backends_of_either_family_are_honoured_and_ours_win() -> None:
    """One list counts, not the sum of both."""
    ours = read_settings({"TRACKER_BACKENDS": "a", "TORCHX_TRACKERS": "b"})
    torchx = read_settings({"TORCHX_TRACKERS": "b"})

    assert [backend.name for backend in ours.backends] == ["a"]
    assert [backend.name for backend in torchx.backends] == ["b"]


def test_group_attempt_and_rank_are_read() -> None:
    """Those that torchx has no variable for have one of ours."""
    settings = read_settings(
        {"TRACKER_GROUP": "g", "TRACKER_ATTEMPT": "3", "RANK": "0"}
    )

    assert (settings.group_id, settings.attempt, settings.rank) == ("g", 3, 0)


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "one", "²", "9" * 5000])
def test_attempt_that_is_no_count_is_refused(text: str) -> None:
    """Attempts are counted from 1."""
    with pytest.raises(ConfigError, match=r"TRACKER_ATTEMPT is .*; use a whole"):
        read_settings({"TRACKER_ATTEMPT": text})


@pytest.mark.parametrize(
    ("environ", "rank"),
    [
        ({"SLURM_PROCID": "5"}, 5),
        ({"RANK": "2", "SLURM_PROCID": "5"}, 2),
        ({"RANK": "none", "PMI_RANK": "7"}, 7),
        ({"RANK": "9" * 5000}, None),
        ({"RANK": "-1"}, None),
    ],
)
def test_rank_is_the_first_that_is_a_number(
    environ: Mapping[str, str], rank: int | None
) -> None:
    """A variable that another program uses for something else does no harm."""
    settings = read_settings(environ)

    assert settings.rank == rank


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a,b", ["a", "b"]),
        (" a , b ", ["a", "b"]),
        ("a,b,a", ["a", "b"]),
        ("a,", ["a"]),
        (",,a,,", ["a"]),
        ("", []),
        (" , ", []),
        ("pkg.mod:create", ["pkg.mod:create"]),
    ],
)
def test_list_of_backends_is_trimmed_and_without_duplicates(
    text: str, names: list[str]
) -> None:
    """Blanks and empty places are nothing; a name counts once."""
    backends = parse_backends(text)

    assert [backend.name for backend in backends] == names


def test_list_of_backends_names_factories() -> None:
    """A name of one's own stands before the factory."""
    backends = parse_backends("lake = pkg.mod:create ,lake=pkg.mod:create")

    assert backends == (BackendSetting("lake", "pkg.mod:create"),)


@pytest.mark.parametrize("text", ["a=", "=pkg:create", "b,a= ", "="])
def test_list_of_backends_with_a_gap_is_refused(text: str) -> None:
    """A variable that a shell left empty is not passed over."""
    with pytest.raises(ConfigError, match="lacks its name or its factory"):
        parse_backends(text)


@pytest.mark.parametrize("text", ["a=p:f,a=p:g", "a,a=p:f"])
def test_list_of_backends_with_two_factories_for_a_name_is_refused(text: str) -> None:
    """No backend that was asked for is dropped in silence."""
    with pytest.raises(ConfigError, match="'a' is listed with two factories"):
        parse_backends(text)


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("sqlite", "TRACKER_SQLITE_CONFIG"),
        ("my-store", "TRACKER_MY_STORE_CONFIG"),
        ("pkg.mod:create", "TRACKER_PKG_MOD_CREATE_CONFIG"),
        ("größe", "TRACKER_GR_SSE_CONFIG"),
    ],
)
def test_config_variable_can_be_exported_by_a_shell(name: str, variable: str) -> None:
    """Capitals, digits and underscores are all that is left of a name."""
    assert tracker_config_env_var_name(name) == variable


@pytest.mark.parametrize(
    "variable",
    [
        "TRACKER_MY_STORE_CONFIG",
        "TORCHX_TRACKER_MY_STORE_CONFIG",
        "TORCHX_TRACKER_MY-STORE_CONFIG",
    ],
)
def test_config_is_read_from_either_family(variable: str) -> None:
    """Torchx's own spelling counts too, which leaves a dash as it is."""
    settings = read_settings({"TRACKER_BACKENDS": "my-store", variable: " text "})

    assert settings.backends == (BackendSetting("my-store", None, " text "),)


def test_config_that_is_empty_counts_as_not_set() -> None:
    """As for every variable, torchx's word is taken then, if there is one."""
    ours, torchx = "TRACKER_A_CONFIG", "TORCHX_TRACKER_A_CONFIG"

    settings = read_settings({"TRACKER_BACKENDS": "a,b", ours: "", torchx: "c"})

    assert [backend.config for backend in settings.backends] == ["c", None]


def test_embedded_backend_is_configured_by_its_variable() -> None:
    """Without any backend named, SQLite is where its own variable says."""
    settings = read_settings({"TRACKER_SQLITE_CONFIG": "my.db"})

    assert settings.backends == ()
    assert settings.embedded == BackendSetting("sqlite", None, "my.db")


@pytest.mark.parametrize("names", ["my-store,my.store", "sqlite,SQLite"])
def test_backends_that_share_a_config_variable_are_refused(names: str) -> None:
    """The config of one must not reach the other."""
    with pytest.raises(ConfigError, match="would share the variable TRACKER_") as found:
        read_settings({"TRACKER_BACKENDS": names})

    assert all(repr(name) in str(found.value) for name in names.split(","))


@pytest.mark.parametrize(
    "name",
    ["TRACKER_JOB_ID", "TRACKER_BACKENDS", "TRACKER_PARENT_RUN_ID", "TRACKER_GROUP"],
)
def test_variable_that_is_no_text_is_refused(name: str) -> None:
    """Bytes that are no UTF-8 could be kept by no backend."""
    with pytest.raises(ConfigError, match=rf"{name} is 'a.udcff', which is no valid"):
        read_settings({name: "a\udcff"})


def test_error_policy_is_read() -> None:
    """The default is to raise."""
    environments: list[Mapping[str, str]] = [{}, {"TRACKER_ON_ERROR": " warn "}]

    said = [read_settings(environ).on_error for environ in environments]

    assert said == ["raise", "warn"]


def test_error_policy_is_known_beside_a_corrupt_file(folder: Path) -> None:
    """The file that cannot be read says nothing; the variable still counts."""
    (folder / "tracker.toml").write_text("on_error")

    assert error_policy({"TRACKER_ON_ERROR": "warn"}) == "warn"
    assert error_policy({}) == "raise"


def test_error_policy_of_another_name_is_refused() -> None:
    """The message names the variable and both choices."""
    with pytest.raises(ConfigError, match="TRACKER_ON_ERROR is 'ignore'; use raise or"):
        read_settings({"TRACKER_ON_ERROR": "ignore"})


def test_error_policy_of_a_file_is_refused_by_its_name(folder: Path) -> None:
    """The message says that it comes from the file."""
    (folder / "tracker.toml").write_text('on_error = "ignore"')

    with pytest.raises(ConfigError, match=r"on_error in tracker.toml is 'ignore'"):
        read_settings({})


def test_usable_settings_are_all_there_are() -> None:
    """Where nothing is wrong, nothing is left out."""
    environ = {"TRACKER_JOB_ID": "j", "TRACKER_GROUP": "g"}

    assert usable_settings(environ) == (read_settings(environ), None)


@pytest.mark.parametrize("job_id", ["j", "\udcff"])
def test_usable_settings_keep_the_run_id(folder: Path, job_id: str) -> None:
    """What uses the id goes on where nothing can be tracked."""
    (folder / "tracker.toml").write_text("corrupt")
    environ = {"TORCHX_JOB_ID": job_id, "TRACKER_ON_ERROR": "warn"}

    settings, error = usable_settings(environ)

    assert settings == Settings("j" if job_id == "j" else None, on_error="warn")
    assert "tracker.toml cannot be read" in str(error)


def test_usable_settings_follow_the_policy_of_the_file(folder: Path) -> None:
    """It counts for whatever else is wrong."""
    (folder / "tracker.toml").write_text('on_error = "warn"')

    _, error = usable_settings({"TRACKER_ATTEMPT": "x"})

    assert "TRACKER_ATTEMPT is 'x'" in str(error)


def test_unusable_settings_are_raised(folder: Path) -> None:
    """That is the policy, unless a variable or a file says otherwise."""
    (folder / "tracker.toml").write_text("corrupt")

    with pytest.raises(ConfigError, match=r"tracker\.toml cannot be read"):
        usable_settings({})


def test_unusable_policy_is_raised(folder: Path) -> None:
    """It is no word for leaving anything out."""
    (folder / "tracker.toml").write_text("corrupt")

    with pytest.raises(ConfigError, match="TRACKER_ON_ERROR is 'ignore'"):
        usable_settings({"TRACKER_ON_ERROR": "ignore"})


def test_environment_beats_the_file(folder: Path) -> None:
    """What a variable says is not asked of the file; the rest is."""
    (folder / "tracker.toml").write_text(
        'experiment = "filed"\non_error = "warn"\n'
        '[backends.a]\nconfig = "filed"\n[backends.b]\nfactory = "p:f"\nconfig = "f"\n'
    )

    settings = read_settings(
        {
            "TRACKER_EXPERIMENT": "said",
            "TRACKER_ON_ERROR": "raise",
            "TRACKER_BACKENDS": "b,a,c",
            "TRACKER_A_CONFIG": "said",
        }
    )

    assert (settings.experiment, settings.on_error) == ("said", "raise")
    assert settings.backends == (
        BackendSetting("b", "p:f", "f"),
        BackendSetting("a", None, "said"),
        BackendSetting("c"),
    )


def test_factory_of_the_environment_beats_the_file(folder: Path) -> None:
    """The config of the file stays."""
    (folder / "tracker.toml").write_text(
        '[backends.a]\nfactory = "p:f"\nconfig = "filed"\n'
    )

    settings = read_settings({"TRACKER_BACKENDS": "a=q:g"})

    assert settings.backends == (BackendSetting("a", "q:g", "filed"),)


def test_file_fills_what_the_environment_leaves_open(folder: Path) -> None:
    """Without a list in the environment the backends of the file are used."""
    (folder / "tracker.toml").write_text(
        'experiment = "iris"\non_error = "warn"\n[backends.a]\n'
    )

    settings = read_settings({"TRACKER_JOB_ID": "j", "TRACKER_BACKENDS": ""})

    assert settings == Settings(
        job_id="j",
        backends=(BackendSetting("a"),),
        experiment="iris",
        on_error="warn",
    )


def test_config_reaches_a_backend_that_torchx_does_not_list(folder: Path) -> None:
    """A section of torchx's file counts for a backend that the environment names."""
    (folder / ".torchxconfig").write_text("[tracker:a]\nconfig = filed\n")

    settings = read_settings({"TORCHX_TRACKERS": "a"})

    assert settings.backends == (BackendSetting("a", None, "filed"),)


def test_config_is_not_shown() -> None:
    """Neither the settings nor a backend of theirs show it."""
    settings = read_settings({"TRACKER_BACKENDS": "a", "TRACKER_A_CONFIG": "hunter2"})

    assert "hunter2" not in f"{settings!r} {settings} {settings.backends[0]!r}"
    assert "config=…" in repr(settings)


@pytest.mark.parametrize(
    ("environ", "launched"),
    [
        ({}, False),
        ({"TRACKER_EXPERIMENT": "e"}, False),
        ({"TRACKER_JOB_ID": " "}, False),
        ({"TORCHX_JOB_ID": "j"}, True),
        ({"TRACKER_BACKENDS": "a"}, True),
        ({"TRACKER_JOB_ID": "\udcff"}, True),
        ({"LSB_JOBID": "7"}, True),
        ({"LSB_JOBID": "7", "LSB_INTERACTIVE": "Y"}, False),
    ],
)
def test_launch_shows_in_the_environment(
    environ: Mapping[str, str], launched: object
) -> None:
    """A run id or backends come from a launcher."""
    assert is_launched(environ) is launched


def test_environment_of_the_process_is_the_default(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    """Every reader takes the variables of its process."""
    monkeypatch.setenv("TRACKER_JOB_ID", "j")
    monkeypatch.setenv("TRACKER_ON_ERROR", "warn")
    monkeypatch.setenv("TRACKER_HOME", str(folder / "kept"))

    assert read_settings().job_id == "j"
    assert usable_settings() == (read_settings(), None)
    assert is_launched()
    assert error_policy() == "warn"
    assert home() == folder / "kept"


def test_home_is_made_for_the_user_alone(folder: Path) -> None:
    """The folder is absolute, and nobody else may look into it."""
    found = home({"TRACKER_HOME": "deep/kept"})

    assert found == folder / "deep" / "kept"
    assert found.stat().st_mode & 0o777 == 0o700


def test_home_expands_the_user(folder: Path) -> None:
    """A tilde is the user's home."""
    assert home({"TRACKER_HOME": "~/kept"}) == folder / "kept"


def test_home_is_in_the_working_directory_by_default(folder: Path) -> None:
    """Runs lie beside the code that made them."""
    assert home({}) == folder / ".tracker"


def test_home_is_the_state_directory_where_nothing_can_be_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A working directory that is gone cannot hold it, even for root."""
    gone = folder / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()

    assert home({"XDG_STATE_HOME": str(folder / "s")}) == folder / "s" / "tracker"
    assert home({}) == folder / ".local" / "state" / "tracker"


@pytest.mark.parametrize("named", ["file/kept", "file", "~nobody-of-this-name/kept"])
def test_home_that_cannot_be_made_is_refused(folder: Path, named: str) -> None:
    """The message names the variable and the folder."""
    (folder / "file").touch()

    with pytest.raises(ConfigError, match=r"TRACKER_HOME '.*' cannot be made: .+; set"):
        home({"TRACKER_HOME": named})


def test_every_variable_has_a_meaning_and_is_named_once() -> None:
    """The documentation is made from the table."""
    names = [name for pair in VARIABLES.values() for name in pair[:2] if name]

    assert len(set(names)) == len(names)
    assert all(variable.meaning.endswith(".") for variable in VARIABLES.values())


@pytest.mark.parametrize(
    ("name", "field"),
    [("SLURM_RESTART_COUNT", "requeues"), ("TORCHELASTIC_RESTART_COUNT", "restarts")],
)
def test_restarts_are_counted_apart_from_the_attempt(name: str, field: str) -> None:
    """They say how often, and only our own variable says which attempt it is."""
    counted = read_settings({name: "2"})
    told = read_settings({name: "2", "TRACKER_ATTEMPT": "7"})

    assert counted.attempt is None
    assert told.attempt == 7
    for settings in (counted, told):
        found = {"requeues": settings.requeues, "restarts": settings.restarts}
        assert found == {"requeues": 0, "restarts": 0, field: 2}


@pytest.mark.parametrize("text", ["", "many", "-1", "1.5", "9" * 5000])
def test_restarts_that_are_no_count_are_none(text: str) -> None:
    """A variable that another program uses for something else does no harm."""
    environ = {"SLURM_RESTART_COUNT": text, "TORCHELASTIC_RESTART_COUNT": text}

    assert read_settings(environ) == Settings()


@pytest.mark.parametrize("mode", ["on", "offline", "off", " offline "])
def test_mode_is_read(mode: str) -> None:
    """Blanks around it are nothing."""
    assert read_settings({"TRACKER_MODE": mode}).mode == mode.strip()


@pytest.mark.parametrize("text", ["online", "OFF", "0", "on,off"])
def test_mode_of_another_name_is_refused(text: str) -> None:
    """The message names those that there are."""
    with pytest.raises(ConfigError, match=r"TRACKER_MODE is '.+'; use on, offline or"):
        read_settings({"TRACKER_MODE": text})


@pytest.mark.parametrize(
    ("text", "seconds"), [("0", 0.0), ("2.5", 2.5), (" 30 ", 30.0), ("1e3", 1000.0)]
)
def test_close_timeout_is_read_in_seconds(text: str, seconds: float) -> None:
    """0 leaves everything that is due in the journal."""
    assert read_settings({"TRACKER_CLOSE_TIMEOUT": text}).close_timeout == seconds


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "10s", "soon", "1e10"])
def test_close_timeout_that_is_no_time_is_refused(text: str) -> None:
    """Nor is it one that nobody could wait for."""
    with pytest.raises(ConfigError, match=r"TRACKER_CLOSE_TIMEOUT is .*; use seconds"):
        read_settings({"TRACKER_CLOSE_TIMEOUT": text})


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("1000", 1000),
        ("12B", 12),
        ("3k", 3000),
        ("3 KiB", 3072),
        ("500MB", 500_000_000),
        ("1.5mb", 1_500_000),
        ("2GiB", 2 * 2**30),
        (" 1T ", 10**12),
        ("1Ti", 2**40),
    ],
)
def test_disk_budget_is_read_with_its_unit(text: str, size: int) -> None:
    """Units of 1000, with an ``i`` of 1024, in any letter case."""
    assert read_settings({"TRACKER_DISK_BUDGET": text}).disk_budget == size


@pytest.mark.parametrize(
    "text", ["-1", "MB", "1 000", "5 XB", "half", "1e3", "1iB", "9" * 400, "9999999TB"]
)
def test_disk_budget_that_is_no_size_is_refused(text: str) -> None:
    """Nor is it one that no disk has."""
    with pytest.raises(ConfigError, match=r"TRACKER_DISK_BUDGET is .*; use bytes"):
        read_settings({"TRACKER_DISK_BUDGET": text})


@pytest.mark.parametrize(
    "name", ["TRACKER_MODE", "TRACKER_CLOSE_TIMEOUT", "TRACKER_DISK_BUDGET"]
)
def test_delivery_setting_that_is_empty_counts_as_not_set(name: str) -> None:
    """So that a shell can take it back."""
    assert read_settings({name: " "}) == Settings()


def test_launch_path_belongs_to_where_the_job_was_launched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that changes its directory finds what its launcher found."""
    monkeypatch.chdir(tmp_path)
    before = launch_path("runs")
    monkeypatch.setenv("TRACKER_LAUNCH_DIR", "/launched/here")

    after = [launch_path("runs"), launch_path("/else/where")]

    assert before == tmp_path / "runs"
    assert after == [Path("/launched/here/runs"), Path("/else/where")]


def test_step_has_no_slash_at_its_ends() -> None:
    """It is told before anything is logged below another name."""
    assert read_settings({"TRACKER_STEP": "train/fold"}).step == "train/fold"
    with pytest.raises(ConfigError, match=r"TRACKER_STEP '/a' begins or ends"):
        read_settings({"TRACKER_STEP": "/a"})
