"""The REST channel lets good messages in as Rasa would, and says what is wrong with the others."""

import json
import time

import pytest
from rasa.core.lock_store import LockError
from rasa.shared.core.domain import Domain
from rasa.shared.exceptions import RasaException

from in_a_bot.cases import (
    CONTRACT,
    OPEN_FIELDS,
    REFUSING_FIELDS,
    SIGNED_FIELDS,
    bad,
    good,
    names,
)
from in_a_bot.fast.conversation import mapped
from in_a_bot.fast.served import Running, serve
from in_a_bot.tokens import KEY, bearer
from rasa_metadata.channels.callback import MetadataCallbackInput
from rasa_metadata.channels.rest import MetadataRestInput
from rasa_metadata.contract.examples import example_metadata
from rasa_metadata.contract.fields import IDEMPOTENCY_KEY
from rasa_metadata.contract.signature import SIGNED_KEY, sign, verify

WEBHOOK = "/webhooks/rest/webhook"
HELLO = {"sender": "ada", "message": "hello"}


@pytest.fixture(scope="module")
def running_app():
    """Return the app of most tests, served once: a start takes longer than a test."""
    with Running(serve()) as app:
        yield app


@pytest.fixture
def app(running_app):
    running_app.ctx.agent.messages.clear()
    return running_app


def post(app, body, headers=None, query=""):
    """POST a body, as JSON unless it is bytes already; return (status, answer)."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"content-type": "application/json", **(headers or {})}
    if hasattr(app.ctx, "session"):
        response = app.ctx.session.post(app.ctx.url + WEBHOOK + query, data=raw, headers=headers)
        return response.status_code, response.json()
    _, response = app.test_client.post(WEBHOOK + query, content=raw, headers=headers)
    return response.status, response.json


def get(app, path):
    return app.ctx.session.get(app.ctx.url + path).json()


def test_a_good_message_gets_what_rasa_answers(app):
    assert post(app, HELLO) == (200, [{"recipient_id": "ada", "text": "hello"}])
    (message,) = app.ctx.agent.messages
    assert (message.sender_id, message.text, message.input_channel) == ("ada", "hello", "rest")
    assert message.metadata is None


def test_metadata_reaches_the_bot_unchanged(app):
    metadata = {**example_metadata(CONTRACT), "more": {"keys": [1, None, "ü"]}}
    assert post(app, {**HELLO, "metadata": metadata})[0] == 200
    assert app.ctx.agent.messages[0].metadata == metadata


def test_an_idempotency_key_is_kept_with_the_message(app):
    metadata = example_metadata(CONTRACT)
    assert post(app, {**HELLO, "metadata": metadata}, {"Idempotency-Key": "k1"})[0] == 200
    assert post(app, HELLO, {"idempotency-key": '"k2"'})[0] == 200
    one, other = app.ctx.agent.messages
    assert one.metadata == {**metadata, IDEMPOTENCY_KEY: "k1"}
    assert other.metadata == {IDEMPOTENCY_KEY: '"k2"'}


@pytest.mark.parametrize("key", ["", "k" * 256, "two words", "schlüssel".encode()])
def test_an_idempotency_key_that_is_invalid_is_rejected(app, key):
    status, answer = post(app, HELLO, {"Idempotency-Key": key})
    assert (status, answer["reason"]) == (422, "BadKey")
    assert app.ctx.agent.messages == []


def test_a_body_cannot_bring_a_key_of_its_own(app):
    status, answer = post(app, {**HELLO, "metadata": {IDEMPOTENCY_KEY: "k1"}})
    assert (status, answer["reason"]) == (422, "BadMetadata")


@pytest.mark.parametrize("field", OPEN_FIELDS, ids=names(OPEN_FIELDS))
def test_each_of_your_slots_is_accepted(app, field):
    assert post(app, {**HELLO, "metadata": good(field)})[0] == 200
    assert app.ctx.agent.messages[0].metadata == good(field)


@pytest.mark.parametrize("field", REFUSING_FIELDS, ids=names(REFUSING_FIELDS))
def test_each_of_your_slots_rejects_what_it_cannot_hold(app, field):
    status, answer = post(app, {**HELLO, "metadata": bad(field)})
    assert (status, answer["reason"]) == (422, "BadMetadata")
    assert answer["details"]["violations"][0]["path"].startswith(field.dotted)
    assert app.ctx.agent.messages == []


@pytest.mark.parametrize("field", SIGNED_FIELDS, ids=names(SIGNED_FIELDS))
def test_each_of_your_signed_slots_is_closed_to_the_open_body(app, field):
    status, answer = post(app, {**HELLO, "metadata": good(field)})
    assert (status, answer["reason"]) == (403, "SignedMetadata")
    assert answer["details"]["violations"][0]["path"] == field.dotted
    assert app.ctx.agent.messages == []


def test_every_violation_is_named_at_once():
    app = serve(Domain.from_dict({"slots": {"a": mapped("x.a"), "b": mapped("b", "bool")}}))
    status, answer = post(app, {**HELLO, "metadata": {"x": {"a": 1}, "b": "yes"}})
    assert status == 422
    assert answer["details"] == {
        "parameter": "metadata",
        "in": "body",
        "violations": [
            {"path": "b", "message": "must be true or false"},
            {"path": "x.a", "message": "must be text"},
        ],
    }


@pytest.mark.parametrize("metadata", ["text", 1, True, ["list"]])
def test_metadata_is_an_object(app, metadata):
    status, answer = post(app, {**HELLO, "metadata": metadata})
    assert (status, answer["reason"]) == (422, "BadMetadata")
    assert answer["details"]["violations"] == [{"path": "", "message": "must be an object"}]


@pytest.mark.parametrize("key", ["model_id", "assistant_id", "is_external"])
def test_rasas_own_keys_are_rejected(app, key):
    status, answer = post(app, {**HELLO, "metadata": {key: "mine"}})
    assert status == 422
    assert answer["details"]["violations"][0]["path"] == key


@pytest.mark.parametrize(
    "body", [b"", b"{", b'"text"', b"[]", b"null", b'{"sender": NaN}', b'{"sender": "\xff"}']
)
def test_what_is_no_json_object_is_a_bad_request(app, body):
    status, answer = post(app, body)
    assert (status, answer["reason"]) == (400, "BadJSON")
    assert (answer["status"], answer["code"]) == ("failure", 400)


@pytest.mark.parametrize(
    "content_type, status",
    [
        ("application/json; charset=utf-8", 200),
        ("Application/JSON", 200),
        ("application/vnd.shop+json", 200),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("text/json+plain", 415),
        ("", 415),
    ],
)
def test_a_browser_has_to_send_a_json_type_and_nobody_else(app, content_type, status):
    headers = {"content-type": content_type, "origin": app.ctx.url}
    assert post(app, HELLO, headers=headers)[0] == status
    assert post(app, HELLO, headers={**headers, "origin": "null"})[0] == status
    assert post(app, HELLO, headers={"content-type": content_type})[0] == 200


def test_a_large_body_is_rejected(app):
    assert post(app, {**HELLO, "metadata": {"x": "x" * 70000}})[0] == 413


@pytest.mark.parametrize("key", ["sender", "message"])
@pytest.mark.parametrize("value", ["absent", None, "", "  ", 1, True, ["a"], {}, "x" * 5000])
def test_sender_and_message_are_texts(app, key, value):
    body = {**HELLO, key: value}
    if value == "absent":
        del body[key]
    status, answer = post(app, body)
    assert (status, answer["reason"]) == (422, "BadMessage")
    assert answer["details"] == {"parameter": key, "in": "body"}
    assert app.ctx.agent.messages == []


def test_nobody_speaks_for_a_signed_sender_without_a_token(app):
    assert post(app, {**HELLO, "sender": "user:u1"})[0] == 403


@pytest.mark.parametrize("name", ["telegram", "", 7, ["web"], {}])
def test_a_body_cannot_name_another_channel(app, name):
    status, answer = post(app, {**HELLO, "input_channel": name})
    assert (status, answer["details"]["parameter"]) == (422, "input_channel")
    assert app.ctx.agent.messages == []


def test_a_body_may_name_a_channel_that_credentials_list():
    app = serve(input_channels=["web", "app"])
    assert post(app, {**HELLO, "input_channel": "app"})[0] == 200
    assert post(app, HELLO)[0] == 200
    assert [each.input_channel for each in app.ctx.agent.messages] == ["app", "rest"]


def test_senders_of_other_channels_can_be_reserved():
    app = serve(reserved_senders=["whatsapp:"], jwt_key=KEY)
    assert post(app, {**HELLO, "sender": "whatsapp:+44"})[0] == 403
    assert post(app, {"message": "hi"}, headers=bearer(sender="whatsapp:+44"))[0] == 401
    assert post(app, {**HELLO, "sender": "telegram:1"})[0] == 200


@pytest.mark.parametrize(
    "channel, path",
    [
        (MetadataRestInput, WEBHOOK),
        (MetadataRestInput, f"{WEBHOOK}?stream=true"),
        (MetadataCallbackInput, "/webhooks/callback/webhook"),
    ],
)
def test_guests_can_be_turned_away_on_each_channel(channel, path):
    url = {"url": "http://127.0.0.1:9/"} if channel is MetadataCallbackInput else {}
    app = serve(channel=channel, guests=False, jwt_key=KEY, **url)
    assert_guests_are_turned_away(app, path)
    assert app.test_client.post(path, json=HELLO, headers=bearer())[1].status == 200
    assert app.ctx.agent.messages[0].sender_id == "user:u1"


def assert_guests_are_turned_away(app, path):
    for headers in ({}, {"authorization": "Basic YQ=="}, {"authorization": "Bearer"}):
        _, answer = app.test_client.post(path, json=HELLO, headers=headers)
        assert (answer.status, answer.json["reason"]) == (401, "BadToken")
        assert answer.headers["www-authenticate"] == "Bearer"
    assert app.ctx.agent.messages == []


def test_a_stream_validates_as_a_plain_request_does(app):
    assert post(app, HELLO, query="?stream=true") == (200, {"recipient_id": "ada", "text": "hello"})
    assert post(app, {"sender": "ada"}, query="?stream=true")[0] == 422


def test_the_schema_is_the_contract(app):
    assert get(app, "/webhooks/rest/schema") == CONTRACT.schema


def test_the_health_route_is_rasas(app):
    assert get(app, "/webhooks/rest/") == {"status": "ok"}


def test_without_a_model_the_answer_is_503():
    status, answer = post(serve(domain=None), HELLO)
    assert (status, answer["reason"]) == (503, "NoModel")


def test_a_broken_contract_answers_with_the_slot_and_the_fault():
    domain = Domain.from_dict({"slots": {"a": mapped({"paht": "x"})}})
    status, answer = post(serve(domain), HELLO)
    assert (status, answer["reason"]) == (500, "BrokenContract")
    assert "slot 'a'" in answer["message"]
    assert "'paht'" in answer["message"]


def signed_domain():
    slots = {
        "id": mapped({"path": "user.id", "signed": True, "schema": {"maxLength": 9}}),
        "name": mapped("user.name"),
    }
    return Domain.from_dict({"slots": slots})


def test_a_token_identifies_the_sender():
    app = serve(signed_domain(), jwt_key=KEY)
    claims = {"user": {"id": "u1", "name": "Ada"}}
    headers = bearer(sub="u1", metadata=claims)
    body = {"message": "hello", "sender": "somebody", "metadata": {"user": {"name": "x"}, "y": 1}}
    assert post(app, body, headers=headers)[0] == 200
    (message,) = app.ctx.agent.messages
    assert message.sender_id == "user:u1"
    assert verify(message.metadata, "user:u1", message.message_id, "hello") == claims
    assert verify(message.metadata, "user:u1", "another message", "hello") == {}
    del message.metadata[SIGNED_KEY]
    assert message.metadata == {"user": {"name": "Ada"}, "y": 1}


def test_with_a_token_the_body_needs_no_sender():
    app = serve(signed_domain(), jwt_key=KEY)
    assert post(app, {"message": "hello"}, headers=bearer())[0] == 200
    assert list(app.ctx.agent.messages[0].metadata) == [SIGNED_KEY]


def test_a_token_goes_on_with_the_guest_conversation_it_names():
    app = serve(signed_domain(), jwt_key=KEY)
    post(app, {"message": "hello"}, headers=bearer(sender="guest-7"))
    assert app.ctx.agent.messages[0].sender_id == "guest-7"


def test_a_bad_token_is_a_401_however_good_the_message():
    app = serve(signed_domain(), jwt_key=KEY)
    for headers in (bearer(exp=1), {"authorization": "Bearer"}, {"authorization": "Bearer x"}):
        _, response = app.test_client.post(WEBHOOK, json=HELLO, headers=headers)
        assert (response.status, response.json["reason"]) == (401, "BadToken")
        assert response.headers["www-authenticate"] == "Bearer"
    assert app.ctx.agent.messages == []


def test_the_metadata_of_a_token_must_match_the_contract():
    app = serve(signed_domain(), jwt_key=KEY)
    headers = bearer(metadata={"user": {"id": "far too long"}})
    status, answer = post(app, {"message": "hello"}, headers=headers)
    assert status == 422
    assert answer["details"]["in"] == "token"
    assert answer["details"]["violations"] == [
        {"path": "user.id", "message": "must be at most 9 characters long"}
    ]


def test_a_body_cannot_bring_a_signature():
    app = serve(signed_domain(), jwt_key=KEY)
    metadata = {SIGNED_KEY: sign({"user": {"id": "u1"}}, "ada", "m1", "hello", "u1", 2e9)}
    status, answer = post(app, {**HELLO, "metadata": metadata})
    assert status == 422
    assert answer["details"]["violations"][0]["path"] == SIGNED_KEY


@pytest.mark.parametrize(
    ("raw", "status", "reason"),
    [
        (b'{"sender": "a", "message": "b", "metadata": {"x": 1, "x": 2}}', 400, "BadJSON"),
        (b'{"sender": "a", "message": "b", "metadata": {"x": 1e999}}', 400, "BadJSON"),
        (rb'"\u0000"', 400, "BadJSON"),
        (b'{"sender": "a", "message": "b", "metadata": {"x": -Infinity}}', 400, "BadJSON"),
        (b'{"sender": "a", "message": "b\\u0000"}', 422, "BadText"),
        (b'{"sender": "a", "message": "b", "metadata": {"x": ["\\ud800"]}}', 422, "BadText"),
        (b'{"sender": "a", "message": "b", "metadata": {"\\udc00": 1}}', 422, "BadText"),
        (b'{"sender": "a", "message": "b", "metadata": ' + b"[" * 60000, 422, "TooDeep"),
        (b'{"sender": "a", "message": "b", "metadata": ' + b'{"a":' * 9000, 422, "TooDeep"),
        (
            b'{"sender": "a", "message": "b", "metadata": {'
            + b",".join(b'"k%d": 1' % n for n in range(600))
            + b"}}",
            422,
            "TooManyKeys",
        ),
        (b'{"sender": "a", "message": "b", "metadata": {"x": "[[[[[[[[[[[[[[[[[["}}', 200, None),
        (b'{"sender": "a", "message": "\\ud83d\\ude00"}', 200, None),
        # Each turn would read these again; as dotted paths, their places took 460 MB.
        (
            b'{"sender": "a", "message": "b", "metadata": {"'
            + (b"k" * 32000 + b'\\u0041": [' + b"1," * 15000 + b"1]}}"),
            422,
            "TooManyKeys",
        ),
        (b"[" * 17 + b'"' + b'\\"' * 32000, 400, "BadJSON"),
        (b'{"sender": "a", "message": "b", "metadata": {"x": ' + b"9" * 60000 + b"}}", 400, None),
        (b'{"sender": "a", "message": "b", "metadata": {"x": 0.' + b"9" * 60000 + b"}}", 200, None),
        (b'{"sender": "a", "message": "' + b"\\u0041" * 10000 + b'"}', 422, "BadMessage"),
        (
            b"{" + b",".join(b'"k%d": 1' % n for n in range(5000)) + b', "k4999": 2}',
            400,
            "BadJSON",
        ),
    ],
)
def test_json_that_cannot_be_used_is_rejected_in_time(app, raw, status, reason):
    started = time.perf_counter()
    answered, answer = post(app, raw)
    assert time.perf_counter() - started < 0.1
    assert answered == status
    assert reason is None or answer["reason"] == reason


@pytest.mark.parametrize(
    ("message", "status"),
    [
        ('/greet{"name": "Ada"}', 200),
        ("/help{me", 200),
        ("/help{me}", 200),
        ('/greet@{"x": NaN}', 200),  # Rasa does not read these as entities
        ('/greet{"x": ' + "[" * 200 + "]" * 200 + "}", 422),
        ('/greet{"x": ' + "[" * 2000, 200),  # not one closing brace: text
        ('/greet{"x": ' + "[" * 2000 + "}", 422),
        ('/greet{"x": NaN}', 422),
        ('/greet{"x": 1e999}', 422),
        ('/greet{"x": ' + "9" * 400 + "}", 422),
        ('/greet{"x": "\\ud800"}', 422),
        ('/greet{"x": "\\u0000"}', 422),
        ('  /greet@0.5{"\\udc00": 1} and more', 422),
        ('/greet{"x": "\\ud800"}\n}', 422),  # Rasa reads to the end of the line
    ],
)
def test_entities_that_rasa_could_not_read_or_store_are_rejected(app, message, status):
    answered, answer = post(app, {**HELLO, "message": message})
    assert answered == status
    assert status == 200 or answer["details"] == {"parameter": "message", "in": "body"}


def test_a_text_that_cannot_be_stored_is_named_by_its_place(app):
    _, answer = post(app, {**HELLO, "metadata": {"x": [1, {"y": "\0"}]}})
    assert answer["details"] == {"parameter": "metadata.x.1.y", "in": "body"}


def test_the_limits_are_keys_of_the_channel():
    limits = {"max_body_bytes": 200, "max_depth": 3, "max_keys": 5, "max_message_characters": 9}
    app = serve(**limits, max_sender_characters=4)
    assert post(app, {**HELLO, "metadata": {"x": {"y": 1}}})[0] == 200
    assert post(app, {**HELLO, "metadata": {"x": "x" * 200}})[0] == 413
    assert post(app, {**HELLO, "metadata": {"x": {"y": []}}})[0] == 422
    assert post(app, {**HELLO, "metadata": {"x": 1, "y": 1, "z": 1}})[0] == 422
    assert post(app, {**HELLO, "metadata": {"x": [1]}})[0] == 200
    assert post(app, {**HELLO, "metadata": {"x": [1, 1]}})[0] == 422
    assert post(app, {**HELLO, "message": "0123456789"})[0] == 422
    assert post(app, {**HELLO, "sender": "01234"})[0] == 422


@pytest.mark.parametrize(
    ("credentials", "said"),
    [
        ({"max_bytes": 1}, "'max_bytes' is unknown; there are max_body_bytes"),
        ({"max_keys": "many"}, "'max_keys' is a whole number above 0, not 'many'"),
        ({"max_keys": 0}, "'max_keys' is a whole number above 0"),
        ({"action_timeout": True}, "'action_timeout' is a number above 0"),
        ({"max_depth": 1.5}, "'max_depth' is a whole number above 0"),
        ({"guests": "no"}, "'guests' is true or false"),
        ({"reserved_senders": "user"}, "'reserved_senders' is a list of texts"),
        ({"input_channels": [""]}, "'input_channels' is a list of texts"),
    ],
)
def test_keys_of_the_channel_that_mean_nothing_stop_the_bot(credentials, said):
    with pytest.raises(RasaException, match=said):
        MetadataRestInput.from_credentials(credentials)


async def crash(agent, message):
    raise RuntimeError("something in Rasa is broken")


async def speak_and_crash(agent, message):
    await message.output_channel.send_response(message.sender_id, {"text": "Wait ..."})
    raise RuntimeError("something in Rasa is broken")


async def lose_the_lock(agent, message):
    raise LockError("Redis is away")


@pytest.mark.parametrize(
    ("behave", "status"), [(crash, 500), (speak_and_crash, 500), (lose_the_lock, 503)]
)
def test_a_turn_that_fails_is_never_an_empty_answer(behave, status):
    _, response = serve(behave=behave).test_client.post(WEBHOOK, json=HELLO)
    assert response.status == status
    assert response.json["status"] == "failure"
    assert ("retry-after" in response.headers) == (status == 503)


def test_a_stream_ends_with_the_error_of_a_turn_that_failed():
    _, response = serve(behave=speak_and_crash).test_client.post(
        WEBHOOK + "?stream=true", json=HELLO
    )
    said, error = map(json.loads, response.text.strip().split("\n"))
    assert said == {"recipient_id": "ada", "text": "Wait ..."}
    assert (error["code"], error["reason"]) == (500, "TurnFailed")
