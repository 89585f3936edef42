"""Tests of the files of a console log."""

from pathlib import Path

import pytest

from tracker_core.consolelog import Bounds, ConsoleLog, joined_log

KEY = (
    "-----BEGIN PRIVATE KEY-----\n"
    + "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n" * 30
    + "-----END PRIVATE KEY-----\n"
)
SMALL = Bounds(100, 200)


def numbers(*span: int) -> str:
    """Give lines of ten bytes."""
    return "".join(f"{number:09d}\n" for number in range(*span))


def small(place: Path) -> ConsoleLog:
    """Begin a log that keeps little."""
    return ConsoleLog(place, bounds=SMALL)


def text_of(place: Path) -> str:
    """Give the whole log."""
    return (place / "log").read_text()


def test_log_has_all_that_was_written(tmp_path: Path) -> None:
    """Lines come before what the screen shows."""
    log = ConsoleLog(tmp_path)

    log.write("a\n\nb\n")
    log.show("c\nd")
    log.show("c\ne")
    log.finish()

    assert text_of(tmp_path) == "a\n\nb\nc\ne"


@pytest.mark.parametrize("piece", [1, 3, 50, 100])
def test_log_keeps_the_beginning_and_the_end(tmp_path: Path, piece: int) -> None:
    """What is between is left out, and a line says how much that was."""
    log = small(tmp_path)

    for start in range(0, 100, piece):
        log.write(numbers(start, min(start + piece, 100)))
    log.finish()

    assert text_of(tmp_path) == (
        numbers(10) + "[tracker: 700 bytes are left out here]\n" + numbers(80, 100)
    )


def test_log_takes_no_more_of_the_disk_than_twice_its_bound(tmp_path: Path) -> None:
    """Pieces of the end that are not needed any more are removed."""
    log = small(tmp_path)

    for start in range(0, 1000, 5):
        log.write(numbers(start, start + 5))
    log.close()

    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 100 + 2 * 250


def test_log_tells_what_nobody_has_looked_at(tmp_path: Path) -> None:
    """It counts as left out."""
    log = small(tmp_path)

    log.write("a\n")
    log.skip(5000)
    log.write("b\n")
    log.finish()

    assert text_of(tmp_path) == "a\n[tracker: 5,000 bytes are left out here]\nb\n"


def test_log_of_a_writer_that_died_is_made_of_its_files(tmp_path: Path) -> None:
    """All that was written by then is in it."""
    log = small(tmp_path)
    log.write(numbers(20))
    log.show("half of a line")
    log.close()

    assert joined_log(tmp_path, SMALL) == tmp_path / "log"
    assert text_of(tmp_path) == numbers(20) + "half of a line"


def test_log_of_nothing_is_none(tmp_path: Path) -> None:
    """A job that prints nothing has no log."""
    assert joined_log(tmp_path) is None


def test_log_hides_secrets_before_they_reach_the_disk(tmp_path: Path) -> None:
    """Config strings are hidden, and what looks like a secret."""
    log = ConsoleLog(tmp_path, ["postgres://me:hunter22@host/db"])

    log.write(
        "using postgres://me:hunter22@host/db\nAWS_SECRET_ACCESS_KEY=abc/def123\n"
    )
    log.show("password: tr0ub4dor&3")
    log.close()

    found = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert not {b"hunter22", b"abc/def123", b"tr0ub4dor&3"} & set(found.split())
    assert found.count(b"***") == 3


@pytest.mark.parametrize("size", [1, 2, 7, 40])
def test_log_hides_a_key_that_comes_in_parts(tmp_path: Path, size: int) -> None:
    """Its lines are known by the one that comes before them all."""
    log = ConsoleLog(tmp_path)
    lines = [*f"before\n{KEY}\nafter\n".splitlines(keepends=True)]

    for start in range(0, len(lines), size):
        log.show("".join(lines[start : start + 24]))
        log.write("".join(lines[start : start + size]))
        found = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        assert b"MIIEv" not in found
    log.show("")
    log.finish()

    assert text_of(tmp_path).startswith("before\n-----BEGIN PRIVATE KEY-----")
    assert text_of(tmp_path).endswith("-----END PRIVATE KEY-----\n\nafter\n")


def test_log_hides_a_value_whose_name_came_before(tmp_path: Path) -> None:
    """They may come at different times, and what is between them stays."""
    log = ConsoleLog(tmp_path)

    for line in ("- name: DB_PASSWORD\n", "  value: hunter2\n", "", "bye\n"):
        log.write(line)
    log.finish()

    assert text_of(tmp_path) == "- name: DB_PASSWORD\n  value: ***\nbye\n"


def test_log_hides_a_key_of_a_diff_that_comes_in_parts(tmp_path: Path) -> None:
    """The signs before its lines are no end of it."""
    log = ConsoleLog(tmp_path)

    for line in KEY.splitlines(keepends=True):
        log.write(f"+ {line}")
    log.write("bye\n")
    log.finish()

    assert "MIIEv" not in text_of(tmp_path)
    assert text_of(tmp_path).endswith("bye\n")
