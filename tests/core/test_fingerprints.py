"""Fingerprints are equal for runs that did the same."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker_core.errors import InvalidValueError
from tracker_core.fingerprints import fingerprints
from tracker_core.run import AppRun
from tracker_core.testing.memory import MemoryTracker
from tracker_core.values import Value

DIGEST = f"sha256:{'a' * 64}"
OTHER = f"sha256:{'b' * 64}"
ENVIRONMENT: dict[str, Value] = {
    "python": "3.12.1",
    "implementation": "cpython",
    "system": "Linux",
    "release": "6.1",
    "machine": "x86_64",
    "processors": 8,
    "host": "one",
    "variables": {"RANK": "0"},
}
CODE: dict[str, Value] = {
    "commit": "c" * 40,
    "branch": "main",
    "is_dirty": False,
    "has_untracked": False,
    "remote": None,
}
NAMES = ("program", "device", "intent", "run")


class Facts(NamedTuple):
    """What is known of a run."""

    artifacts: Iterable[tuple[str | None, str | None]] = (("program", DIGEST),)
    environment: Mapping[str, Value] = ENVIRONMENT
    code: Mapping[str, Value] = CODE
    tags: Mapping[str, str] = {"device": "gpu"}
    metadata: Mapping[str, Value] = {"device": "a100"}
    config: Mapping[str, Value] | None = {"goal": "accuracy"}
    params: Mapping[str, Value] = {"lr": 0.1, "data.seed": 1}

    def prints(self, *include: str) -> dict[str, str]:
        """Return the fingerprints."""
        return fingerprints(
            artifacts=self.artifacts,
            provenance={
                "environment": dict(self.environment),
                "code": dict(self.code),
            },
            tags=self.tags,
            metadata=self.metadata,
            experiment_config=self.config,
            params=self.params,
            include=include,
        )


def digest(text: str) -> str:
    """Return the digest of a text."""
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def changed(other: Facts, *include: str) -> set[str]:
    """Tell which fingerprints of ``other`` differ from those of the usual facts."""
    usual, found = Facts().prints(*include), other.prints(*include)
    return {name for name in NAMES if usual[name] != found[name]}


def test_fingerprints_are_four_digests() -> None:
    """They have the form of all digests here."""
    found = Facts().prints()

    assert tuple(found) == NAMES
    assert all(re.fullmatch("sha256:[0-9a-f]{64}", text) for text in found.values())


def test_fingerprints_are_those_of_canonical_json() -> None:
    """Those of stored runs can be compared with those of later releases."""
    program = f'{{"artifacts":["{DIGEST}"],"commit":null,"is_dirty":null}}'
    device = (
        '{"backend":null,"device":"gpu","implementation":"cpython","machine":"x86_64",'
        '"metadata":"a100","processors":8,"python":"3.12","system":"Linux"}'
    )
    intent = '{"config":{"goal":"accuracy"},"params":{"lr":0.1}}'
    parts = [digest(program), digest(device), digest(intent)]
    run = '{{"device":"{1}","intent":"{2}","program":"{0}"}}'.format(*parts)

    found = Facts(params={"lr": 0.1}).prints("params")

    assert list(found.values()) == [*parts, digest(run)]


@pytest.mark.parametrize(
    ("facts", "names"),
    [
        (Facts(artifacts=[("program", OTHER)]), {"program"}),
        (Facts(artifacts=[]), {"program"}),
        (Facts(artifacts=[("program", DIGEST), ("program", OTHER)]), {"program"}),
        (Facts(environment={**ENVIRONMENT, "machine": "arm64"}), {"device"}),
        (Facts(environment={**ENVIRONMENT, "system": "Darwin"}), {"device"}),
        (Facts(environment={**ENVIRONMENT, "processors": 9}), {"device"}),
        (Facts(environment={**ENVIRONMENT, "implementation": "pypy"}), {"device"}),
        (Facts(environment={**ENVIRONMENT, "python": "3.13.1"}), {"device"}),
        (Facts(environment={}), {"device"}),
        (Facts(tags={}), {"device"}),
        (Facts(tags={"device": "gpu", "backend": "qiskit"}), {"device"}),
        (Facts(metadata={"device": "h100"}), {"device"}),
        (Facts(tags={"device": "a100"}, metadata={"device": "gpu"}), {"device"}),
        (Facts(config={"goal": "speed"}), {"intent"}),
        (Facts(config={}), {"intent"}),
        (Facts(config=None), {"intent"}),
    ],
)
def test_fingerprint_differs_with_what_counts(facts: Facts, names: set[str]) -> None:
    """That of the thing, and that of the run, which is of all three."""
    assert changed(facts) == {*names, "run"}


@pytest.mark.parametrize(
    "facts",
    [
        Facts(artifacts=[("program", DIGEST), ("results", OTHER), (None, OTHER)]),
        Facts(artifacts=[("program", DIGEST), ("program", None)]),
        Facts(artifacts=[("program", DIGEST), ("program", DIGEST)]),
        Facts(environment={**ENVIRONMENT, "host": "two", "release": "6.2"}),
        Facts(environment={**ENVIRONMENT, "variables": {}, "python": "3.12.9"}),
        Facts(code={**CODE, "commit": "d" * 40}),
        Facts(code={}),
        Facts(tags={"device": "gpu", "owner": "me"}),
        Facts(metadata={"device": "a100", "started": 1.5}),
        Facts(params={}),
    ],
)
def test_fingerprints_do_not_differ_with_what_does_not_count(facts: Facts) -> None:
    """Results, hosts, times and what was not asked for leave them as they are."""
    assert not changed(facts)


@pytest.mark.parametrize(
    ("include", "facts", "names"),
    [
        ("params", Facts(params={"lr": 0.2, "data.seed": 1}), {"intent"}),
        ("params", Facts(params={"lr": 0.1, "data.seed": 2}), {"intent"}),
        ("seed", Facts(params={"lr": 0.1, "data.seed": 2}), {"intent"}),
        ("seed", Facts(params={"lr": 0.1, "data.seed": 1, "seed": 1}), {"intent"}),
        ("code", Facts(code={**CODE, "commit": "d" * 40}), {"program"}),
        ("code", Facts(code={**CODE, "is_dirty": True}), {"program"}),
        ("code", Facts(code={}), {"program"}),
    ],
)
def test_fingerprint_differs_with_what_was_asked_for(
    include: str, facts: Facts, names: set[str]
) -> None:
    """Each name adds one thing to one fingerprint."""
    assert changed(facts, include) == {*names, "run"}


@pytest.mark.parametrize(
    ("include", "facts"),
    [
        ("seed", Facts(params={"lr": 0.2, "data.seed": 1, "seeds": 3})),
        ("code", Facts(code={**CODE, "branch": "x", "has_untracked": True})),
        ("code", Facts(params={})),
        ("params", Facts(code={})),
    ],
)
def test_fingerprints_do_not_differ_with_more_than_was_asked_for(
    include: str, facts: Facts
) -> None:
    """A seed is a param whose last part is that word; of code the state counts."""
    assert not changed(facts, include)


@pytest.mark.parametrize(
    ("one", "another"),
    [
        (1, 1.0),
        (1, True),
        (0.0, -0.0),
        (float("nan"), None),
        (float("nan"), {"$float": "nan"}),
        (0.1, 0.1 + 2**-56),
        ("1", 1),
        ([], {}),
        (2**53, 2**53 + 1),
    ],
)
def test_fingerprints_tell_values_apart(one: Value, another: Value) -> None:
    """By type and by every bit."""
    first, second = Facts(config={"x": one}), Facts(config={"x": another})

    assert first.prints()["intent"] != second.prints()["intent"]


def test_fingerprints_do_not_depend_on_an_order() -> None:
    """Neither that of keys at any depth, nor that of artifacts."""
    one = Facts(
        artifacts=[("program", DIGEST), ("program", OTHER)],
        config={"a": {"b": 1, "c": [{"d": 1, "e": 2}]}, "f": float("nan")},
    )
    another = Facts(
        artifacts=[("program", OTHER), ("program", DIGEST)],
        config={"f": float("nan"), "a": {"c": [{"e": 2, "d": 1}], "b": 1}},
    )

    assert one.prints("params") == another.prints("params")


def test_fingerprints_need_no_provenance() -> None:
    """A run of which nothing is known has them too."""
    found = fingerprints(
        artifacts=(),
        provenance={},
        tags={},
        metadata={},
        experiment_config=None,
        params={},
    )

    assert tuple(found) == NAMES


@pytest.mark.parametrize("include", [("parms",), ("code", "time"), [""]])
def test_fingerprints_include_nothing_else(include: Iterable[str]) -> None:
    """The message says what there is."""
    with pytest.raises(InvalidValueError, match="use params, seed, code"):
        Facts().prints(*include)


def test_fingerprints_take_one_name_alone() -> None:
    """One name need not be put into a list."""
    found = fingerprints(
        artifacts=(),
        provenance={},
        tags={},
        metadata={},
        experiment_config=None,
        params={"lr": 1},
        include="params",
    )

    assert (
        found["intent"]
        == Facts(config=None, params={"lr": 1}).prints("params")["intent"]
    )


@given(st.permutations(range(4)))
def test_fingerprints_do_not_depend_on_when_things_were_logged(
    order: list[int],
) -> None:
    """Params, tags, metadata and artifacts in any order are the same."""
    artifacts = [("program", DIGEST), ("program", OTHER), ("x", OTHER), (None, None)]
    pairs: list[tuple[str, Value]] = [("a", 1), ("b", 2.0), ("seed", 3), ("c", None)]
    usual = Facts(artifacts=artifacts, params=dict(pairs))

    other = Facts(
        artifacts=[artifacts[place] for place in order],
        params=dict(pairs[place] for place in order),
    )

    assert other.prints("params", "seed") == usual.prints("seed", "params")


def test_fingerprints_of_runs_differ_by_their_seeds_when_asked_for() -> None:
    """Two runs in one store did the same, unless the seed counts."""
    tracker = MemoryTracker()
    for run_id, seed in (("one", 1), ("two", 2)):
        run = AppRun(run_id, [tracker])
        run.log_params({"lr": 0.1, "train": {"seed": seed}})
        run.log_metric("loss", seed)
        run.log_text("program", "x = 1", role="program")

    one, two = (AppRun(run_id, [tracker]) for run_id in ("one", "two"))

    assert one.fingerprints() == two.fingerprints()
    assert one.fingerprints(["seed"])["intent"] != two.fingerprints(["seed"])["intent"]
