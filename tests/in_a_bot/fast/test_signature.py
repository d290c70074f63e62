"""Signed metadata is used with the signature of request validation, and no other."""

import json
import time

import pytest
from rasa.core.channels.channel import UserMessage

from rasa_metadata.contract import contract_of
from rasa_metadata.contract.signature import SIGNATURE_KEY_VARIABLE, SIGNED_KEY, sign, verify
from rasa_metadata.validation.message import RequestValidation
from rasa_metadata.validation.tokens import Claims

SIGNED = {"user": {"id": "u1"}, "number": 0.1}


def stored(sender="ada", message_id="m1", text="hi", seconds=60.0):
    expires = time.time() + seconds
    return {"city": "Rome", SIGNED_KEY: sign(SIGNED, sender, message_id, text, "u1", expires)}


def test_what_was_signed_can_be_verified():
    assert verify(stored(), "ada", "m1", "hi") == SIGNED


def test_a_signature_is_valid_for_its_sender_and_message_alone_until_the_token_expires():
    assert verify(stored("ada"), "bob", "m1", "hi") == {}
    assert verify(stored(message_id="m1"), "ada", "m2", "hi") == {}
    assert verify(stored(), "ada", None, "hi") == {}
    assert verify(stored(text="hi"), "ada", "m1", "hello") == {}
    assert verify(stored(), "ada", "m1", None) == {}
    assert verify(stored(seconds=-1), "ada", "m1", "hi") == {}


def test_a_signature_cannot_be_prolonged():
    metadata = stored(seconds=-1)
    metadata[SIGNED_KEY]["expires"] += 60
    assert verify(metadata, "ada", "m1", "hi") == {}


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
        {SIGNED_KEY: {**stored()[SIGNED_KEY], "signature": "ü\ud800"}},
        {SIGNED_KEY: {**stored()[SIGNED_KEY], "expires": "never"}},
        {SIGNED_KEY: {**stored()[SIGNED_KEY], "expires": 10**400}},
        {SIGNED_KEY: {**stored()[SIGNED_KEY], "expires": float("nan")}},
        {SIGNED_KEY: {**stored()[SIGNED_KEY], "subject": {"not": "text"}}},
        {SIGNED_KEY: {**stored()[SIGNED_KEY], "subject": "u2"}},
        {SIGNED_KEY: {**stored()[SIGNED_KEY], "metadata": '{"user": {"id": "u2"}}'}},
        {SIGNED_KEY: {**stored()[SIGNED_KEY], "signature": 7}},
    ],
)
def test_a_forged_signature_proves_nothing(forged):
    assert verify(forged, "ada", "m1", "hi") == {}


def test_two_servers_understand_each_other_by_a_key_they_share(monkeypatch):
    monkeypatch.setenv(SIGNATURE_KEY_VARIABLE, "one")
    made_by_one = stored()
    assert verify(made_by_one, "ada", "m1", "hi") == SIGNED
    monkeypatch.setenv(SIGNATURE_KEY_VARIABLE, "two")
    assert verify(made_by_one, "ada", "m1", "hi") == {}


def test_signed_metadata_is_valid_with_the_text_that_rasa_stores():
    claims = Claims("user:u1", "u1", {"user": {"id": "u1"}}, time.time() + 60)
    body = json.dumps({"message": " hello\n"}).encode()
    valid = RequestValidation().validate_body(body, claims, contract_of({}))
    text = UserMessage(valid.text).text
    assert verify(valid.metadata, valid.sender, valid.id, text) == claims.metadata
