"""Signed metadata is believed under the seal of the validation, and no other."""

import pytest

from rasa_metadata.contract.signature import SIGNATURE_KEY_VARIABLE, SIGNED_KEY, sign, verify

SIGNED = {"user": {"id": "u1"}, "number": 0.1}


def stored(sender="ada"):
    return {"city": "Rome", SIGNED_KEY: sign(SIGNED, sender)}


def test_what_was_sealed_can_be_opened():
    assert verify(stored(), "ada") == SIGNED


def test_a_seal_holds_for_its_sender_alone():
    assert verify(stored("ada"), "bob") == {}


@pytest.mark.parametrize(
    "forged",
    [
        None,
        "text",
        {},
        {SIGNED_KEY: None},
        {SIGNED_KEY: SIGNED},
        {SIGNED_KEY: {"metadata": SIGNED, "signature": "x"}},
        {SIGNED_KEY: {"metadata": '{"user": {"id": "u1"}}', "signature": ""}},
        {SIGNED_KEY: {"metadata": '{"user": {"id": "u1"}}', "signature": "ü"}},
        {SIGNED_KEY: {**stored()[SIGNED_KEY], "metadata": '{"user": {"id": "u2"}}'}},
        {SIGNED_KEY: {**stored()[SIGNED_KEY], "signature": 7}},
    ],
)
def test_a_forged_seal_opens_nothing(forged):
    assert verify(forged, "ada") == {}


def test_two_servers_understand_each_other_by_a_key_they_share(monkeypatch):
    monkeypatch.setenv(SIGNATURE_KEY_VARIABLE, "one")
    made_by_one = stored()
    assert verify(made_by_one, "ada") == SIGNED
    monkeypatch.setenv(SIGNATURE_KEY_VARIABLE, "two")
    assert verify(made_by_one, "ada") == {}
