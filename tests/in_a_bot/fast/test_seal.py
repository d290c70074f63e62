"""Signed metadata is believed under the seal of the door, and no other."""

import pytest

from rasa_metadata.contract.signature import SEAL_KEY_VARIABLE, SEALED_KEY, opened, sealed

SIGNED = {"user": {"id": "u1"}, "number": 0.1}


def stored(sender="ada"):
    return {"city": "Rome", SEALED_KEY: sealed(SIGNED, sender)}


def test_what_was_sealed_can_be_opened():
    assert opened(stored(), "ada") == SIGNED


def test_a_seal_holds_for_its_sender_alone():
    assert opened(stored("ada"), "bob") == {}


@pytest.mark.parametrize(
    "forged",
    [
        None,
        "text",
        {},
        {SEALED_KEY: None},
        {SEALED_KEY: SIGNED},
        {SEALED_KEY: {"metadata": SIGNED, "seal": "x"}},
        {SEALED_KEY: {"metadata": '{"user": {"id": "u1"}}', "seal": ""}},
        {SEALED_KEY: {"metadata": '{"user": {"id": "u1"}}', "seal": "ü"}},
        {SEALED_KEY: {**stored()[SEALED_KEY], "metadata": '{"user": {"id": "u2"}}'}},
        {SEALED_KEY: {**stored()[SEALED_KEY], "seal": 7}},
    ],
)
def test_a_forged_seal_opens_nothing(forged):
    assert opened(forged, "ada") == {}


def test_two_servers_understand_each_other_by_a_key_they_share(monkeypatch):
    monkeypatch.setenv(SEAL_KEY_VARIABLE, "one")
    made_by_one = stored()
    assert opened(made_by_one, "ada") == SIGNED
    monkeypatch.setenv(SEAL_KEY_VARIABLE, "two")
    assert opened(made_by_one, "ada") == {}
