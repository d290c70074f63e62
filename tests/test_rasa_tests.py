"""`make rasa-tests` finds what passes with Rasa's classes and fails with ours."""

import pytest

from tools.rasa_tests import SUITES, Comparison, compare, run

FAKE = """
from rasa.core.agent import InMemoryLockStore
from rasa.core.channels import BUILTIN_CHANNELS, RestInput
from rasa.core.tracker_store import SQLTrackerStore


def test_passes():
    assert InMemoryLockStore() and SQLTrackerStore(db=":memory:")


def test_passes_with_our_classes():
    assert BUILTIN_CHANNELS["rest"] is RestInput
    assert RestInput.__module__.startswith("rasa_metadata.")


def test_fails_with_any_classes():
    assert False


def test_fails_with_our_classes():
    assert SQLTrackerStore.__module__.startswith("rasa.")


def test_fails_without_a_reason():
    assert InMemoryLockStore.__module__.startswith("rasa.")
"""


def test_each_difference_is_listed_and_each_that_is_listed_is_one():
    found, listed = {"a", "b", "c[1]", "c[2]", "d"}, {"b": "passes", "c": "because"}
    compared = compare(found, with_ours={"a", "c[1]", "d"}, without={"a"}, listed=listed)
    assert compared == Comparison(["b", "c[2]"], {"c[1]": "because"}, ["a"], ["d"], ["b"])
    assert "NOT LISTED: d" in str(compared)


@pytest.mark.rasa
def test_a_checkouts_tests_run_with_our_classes_and_failures_with_rasas(default_bot, tmp_path):
    checkout, (first, *others) = tmp_path / "rasa", SUITES["rasa"].tests
    for folder in SUITES["rasa"].folders:
        (checkout / folder).mkdir(parents=True)
    (checkout / "pyproject.toml").touch()
    for test in others:
        (checkout / test).parent.mkdir(parents=True, exist_ok=True)
        (checkout / test).touch() if test.endswith(".py") else (checkout / test).mkdir()
    (checkout / first).write_text(FAKE)
    module = first.removesuffix(".py").replace("/", ".")
    reason = {f"{module}.test_fails_with_our_classes": "because"}
    assert run("rasa", checkout, default_bot, tmp_path / "build", reason) == Comparison(
        [f"{module}.test_passes", f"{module}.test_passes_with_our_classes"],
        reason,
        [f"{module}.test_fails_with_any_classes"],
        [f"{module}.test_fails_without_a_reason"],
        [],
    )
