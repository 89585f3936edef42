"""Run ids sort by time; friendly names follow from ids."""

import re

import pytest

from tracker_core.identity import friendly_name, new_run_id, new_writer_id

_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")


def test_new_run_id_is_a_ulid() -> None:
    """It has 26 characters of Crockford's base 32."""
    assert _ULID.fullmatch(new_run_id())


def test_new_run_ids_differ() -> None:
    """Many made at once are all different."""
    assert len({new_run_id() for _ in range(10_000)}) == 10_000


def test_new_run_ids_sort_by_time() -> None:
    """The first ten characters, the milliseconds, never go back."""
    times = [new_run_id()[:10] for _ in range(1000)]

    assert times == sorted(times)


def test_new_writer_id_is_safe_in_file_names() -> None:
    """It has lower-case ASCII letters and digits alone."""
    assert re.fullmatch(r"[0-9a-z]{26}", new_writer_id())


@pytest.mark.parametrize(
    ("run_id", "name"),
    [
        ("run", "misty-johnson-2704"),
        ("01ARZ3NDEKTSV4RRFFQ69G5FAV", "eager-somerville-3901"),
        ("scheduler://session/app", "honest-wright-7781"),
        ("\u5b9f\u9a13", "ivory-kepler-4919"),
    ],
)
def test_friendly_name_never_changes(run_id: str, name: str) -> None:
    """The same id has the same name in every process and every version."""
    assert friendly_name(run_id) == name


def test_friendly_names_differ_mostly() -> None:
    """A thousand runs share hardly any name."""
    names = {friendly_name(new_run_id()) for _ in range(1000)}

    assert len(names) > 990
    assert all(re.fullmatch(r"[a-z]+-[a-z]+-\d{4}", name) for name in names)
