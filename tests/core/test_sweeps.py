"""Tests of the params of a sweep, their combinations and their places."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker_core.errors import InvalidValueError
from tracker_core.sweeps import Combination, combinations, read_params
from tracker_core.values import Value, to_json


def _values(text: str) -> list[Value]:
    (param,) = read_params([f"p={text}"])
    return [choice.value for choice in param.choices]


def _combination(*words: str) -> Combination:
    (only,) = combinations(read_params(words))
    return only


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("0.1,0.01", [0.1, 0.01]),
        ("1..3", [1, 2, 3]),
        ("-1..1,7", [-1, 0, 1, 7]),
        ("5..5", [5]),
        ("1e-3", [0.001]),
        ("3", [3]),
        ("3.0", [3.0]),
        ("adam, sgd", ["adam", "sgd"]),
        ("true,null", ["true", "null"]),
        ("0.1..0.3", ["0.1..0.3"]),
        ('[0.1,"a,b",true,null]', [0.1, "a,b", True, None]),
        ("[[64,10],[128]]", [[64, 10], [128]]),
        ('{"a":1,"b":2}', [{"a": 1, "b": 2}]),
        ('"a,b"', ["a,b"]),
        ('"a","b"', ["a", "b"]),
        ('"3"', ["3"]),
        ("a=b", ["a=b"]),
        ('[""]', [""]),
    ],
)
def test_values_are_read_with_their_types(text: str, values: list[Value]) -> None:
    """They are those that `tracker log param` would keep."""
    found = _values(text)

    assert list(map(to_json, found)) == list(map(to_json, values))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["lr"], "is no NAME=VALUES"),
        (["=1"], "is no NAME=VALUES"),
        (["lr="], "has an empty value"),
        (["lr=1,,2"], "has an empty value"),
        (["lr=[]"], "has no value"),
        (["lr=1,2,1"], "has the value '1' twice"),
        (["lr=1", "lr=2"], "is there twice; write lr=VALUE,VALUE"),
        (["a.b=1", "a-b=1"], "would share the variable TRACKER_PARAM_a_b"),
        (["seed=3..1"], "is empty; write 1..3"),
        (["seed=1..10001"], "make 10,001 runs"),
        (["seed=1..999999999999999999"], "999,999,999,999,999,999 runs"),
        (["a=1..101", "b=1..100"], "make 10,100 runs"),
        (['a="\\u0000"'], "holds a null byte"),
    ],
)
def test_params_that_make_no_sweep_are_refused(words: list[str], says: str) -> None:
    """Each error says what to write."""
    with pytest.raises(InvalidValueError) as caught:
        read_params(words)

    assert says in str(caught.value)


def test_last_param_varies_fastest() -> None:
    """As the loops would that one writes in this order."""
    found = combinations(read_params(["lr=0.1,0.01", "seed=1..3"]))

    assert [one.words for one in found] == [
        "lr=0.1 seed=1",
        "lr=0.1 seed=2",
        "lr=0.1 seed=3",
        "lr=0.01 seed=1",
        "lr=0.01 seed=2",
        "lr=0.01 seed=3",
    ]


@pytest.mark.parametrize(
    ("word", "filled"),
    [
        ("--lr={lr}", "--lr=1e-3"),
        ("{lr}{lr}", "1e-31e-3"),
        ("{opt.name}", "adam"),
        ("{optXname}", "{optXname}"),
        ("{{lr}}", "{lr}"),
        ("${lr}", "${lr}"),
        ("{seed}", "{seed}"),
        ('{"lr": {lr}}', '{"lr": 1e-3}'),
        ("{}", "{}"),
        ("lr", "lr"),
    ],
)
def test_places_of_params_are_filled(word: str, filled: str) -> None:
    """A value stands as it was written, and what is no param stays."""
    assert _combination("lr=1e-3", "opt.name=adam").filled(word) == filled


def test_place_in_a_value_is_not_filled_again() -> None:
    """Values are no words of the command line."""
    assert _combination("a={b}", "b={a}").filled("{a} {b}") == "{b} {a}"


def test_job_finds_values_in_variables() -> None:
    """What a shell cannot export becomes an underscore; the case is kept."""
    found = _combination("opt.lr=1e-3", "Layers=[[64,10]]", 'act=["relu"]')

    assert found.variables == {
        "TRACKER_PARAM_opt_lr": "1e-3",
        "TRACKER_PARAM_Layers": "[64,10]",
        "TRACKER_PARAM_act": "relu",
    }


def test_no_params_are_one_combination_that_fills_nothing() -> None:
    """A run without params is no sweep."""
    found = _combination()

    assert (found.params, found.variables, found.words) == ({}, {}, "")
    assert found.filled("{} {lr}") == "{} {lr}"


@given(st.text())
def test_word_without_braces_stays(word: str) -> None:
    """Only places are filled."""
    plain = word.replace("{", "")

    assert _combination("lr=0.1").filled(plain) == plain
