"""Secrets are taken out of text."""

import pytest

from tracker_core.redaction import (
    describe,
    hide_arguments,
    kept_text,
    known_secrets,
    redact,
    shows_secret,
)

# Its repr looks different.
LINES = "line1'\nline2\\"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("at postgres://me:pw1234@host/db", "at postgres://***@host/db"),
        ("at s3://key@bucket", "at s3://***@bucket"),
        ("at db://me:p@ss@host/x", "at db://***@host/x"),
        ("at db://me:it's@host/x", "at db://***@host/x"),
        ("two a://u:p@h b://u:p@h", "two a://***@h b://***@h"),
        ("no secret at https://host/path, mail me@host", None),
    ],
)
def test_redact_hides_credentials_in_urls(text: str, shown: str | None) -> None:
    """Whoever wrote the URL, its user and password are not shown."""
    assert redact(text) == (text if shown is None else shown)


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ("s3cr3t-token", "bad s3cr3t-token given"),
        ("s3cr3t-token\n", "bad s3cr3t-token given"),
        (LINES, f"bad {LINES!r}"),
        ("db://me:passw0rd@h", "no login with passw0rd"),
        ("host=h password=passw0rd", "no login with 'passw0rd'"),
        ('{"key": "AKIA1234", "secret": "abcdefgh"}', "refused AKIA1234 and abcdefgh"),
        ("https://h/?token=abcdefgh&x=1", "GET /?token=abcdefgh"),
        ("aws_secret_access_key: abcdefgh", "bad abcdefgh"),
    ],
)
def test_redact_hides_a_config_and_the_credentials_in_it(
    config: str, text: str
) -> None:
    """The whole string and its telling parts become stars."""
    shown = redact(text, [None, config])

    assert "***" in shown
    for secret in ("s3cr3t", "line1", "passw0rd", "AKIA", "abcdefgh"):
        assert secret not in shown


@pytest.mark.parametrize(
    "config", ["/data/runs", "./runs", "../a.b/c", "~/runs", "runs.db", "a/b.sqlite3"]
)
def test_redact_shows_a_local_path(config: str) -> None:
    """A message must be able to say which file is meant."""
    assert redact(f"no file {config}", [config]) == f"no file {config}"


def test_redact_leaves_what_is_too_short_to_be_a_secret() -> None:
    """Stars for every letter would protect nothing."""
    assert redact("a cat sat", ["a"]) == "a cat sat"


def test_describe_gives_one_line() -> None:
    """Type and message are told, with notes, without line breaks and secrets."""
    error = ValueError("cannot\n  use hunter2")
    error.add_note("at db://me:pw1234@host")

    shown = describe(error, ["hunter2"])

    assert shown == "ValueError: cannot use *** at db://***@host"


class UnspeakableError(Exception):
    """An error that cannot say what it is."""

    def __str__(self) -> str:
        """Fail."""
        raise RuntimeError


def test_describe_survives_an_error_that_cannot_be_shown() -> None:
    """A foreign error may fail in its own text."""
    assert "UnspeakableError" in describe(UnspeakableError())


def test_shows_secret_looks_at_the_whole_chain() -> None:
    """An error that led to another is printed with it."""
    inner, outer = ValueError("hunter2"), RuntimeError("failed")
    outer.__cause__ = inner

    assert shows_secret(outer, ["hunter2"])
    assert not shows_secret(RuntimeError("failed"), ["hunter2"])


@pytest.mark.parametrize(
    ("text", "kept"), [("täxt\n", "täxt\n"), ("a\udcff", "a\\udcff"), ("", "")]
)
def test_kept_text_writes_out_what_no_encoding_keeps(text: str, kept: str) -> None:
    """Everything else stays as it is."""
    assert kept_text(text) == kept


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("train --lr 0.1 --password hunter2", "train --lr 0.1 --password ***"),
        ("train --api-key=hunter2 x", "train --api-key=*** x"),
        ("train --auth-token supersecret -v", "train --auth-token *** -v"),
        ("train db.password=mysecret lr=1", "train db.password=*** lr=1"),
        ("train postgres://me:hunter2@host/x", "train postgres://***@host/x"),
        ("train --max-tokens 100 --pad-token x1y2z3w4", None),
        ("train --token ${TOKEN} --auth basic", None),
    ],
)
def test_hide_arguments_hides_what_follows_a_telling_option(
    words: str, shown: str | None
) -> None:
    """Whatever a password looks like, since it is one by its place."""
    assert " ".join(hide_arguments(words.split())) == (shown or words)


def test_known_secrets_are_those_that_a_process_was_given() -> None:
    """Configs, telling variables, passwords in URLs, and what options said."""
    environ = {
        "TRACKER_FSSPEC_CONFIG": "s3://bucket/runs",
        "WANDB_API_KEY": "supersecret",
        "DATABASE_URL": "postgresql://me:hunter2@host/db",
        "HOME": "/home/me",
        "PWD": "/home/me/work",
        "SHORT_TOKEN": "ab",
    }

    found = known_secrets(environ, ["train", "--password", "mypassword", "--lr", "0.1"])

    assert {"s3://bucket/runs", "supersecret", "hunter2", "mypassword"} <= {*found}
    assert not {*found} & {"/home/me", "/home/me/work", "ab", "0.1", "train", "me"}


def test_redact_hides_known_secrets_wherever_they_stand() -> None:
    """Nothing around them has to tell what they are."""
    assert redact("got supersecret", ["supersecret"]) == "got ***"
