"""The REST channel lets good messages in as Rasa would, and says what is wrong with the others."""

import json

import pytest
from rasa.core.channels.channel import register
from rasa.shared.core.domain import Domain
from rasa.utils.endpoints import EndpointConfig
from sanic import Sanic

from channels.rest import MetadataRestInput
from contract.examples import example_metadata
from tests.cases import (
    CONTRACT,
    DOMAIN,
    OPEN_FIELDS,
    REFUSING_FIELDS,
    SIGNED_FIELDS,
    bad,
    good,
    names,
)
from tests.fast.conversation import mapped

WEBHOOK = "/webhooks/rest/webhook"
HELLO = {"sender": "ada", "message": "hello"}


class Echo:
    """Stands where Rasa's agent does: it has a domain, and answers what it was told."""

    def __init__(self, domain):
        self.domain = domain
        self.action_endpoint = EndpointConfig("http://localhost:5055/webhook")
        self.messages = []

    async def handle_message(self, message):
        self.messages.append(message)
        await message.output_channel.send_text_message(message.sender_id, message.text)


def serve(domain=DOMAIN):
    """Return a real Sanic app with our channel, the way Rasa registers it."""
    app = Sanic("fast_tier", configure_logging=False)
    app.ctx.agent = Echo(domain)
    register([MetadataRestInput.from_credentials(None)], app, route="/webhooks/")
    return app


@pytest.fixture
def app():
    Sanic._app_registry.clear()  # one name, one app: a rule of Sanic's
    return serve()


def post(app, body, **kwargs):
    """POST a body, as JSON unless it is bytes already; return (status, answer)."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"content-type": "application/json", **kwargs.pop("headers", {})}
    _, response = app.test_client.post(WEBHOOK, content=raw, headers=headers, **kwargs)
    return response.status, response.json


def test_a_good_message_gets_what_rasa_answers(app):
    assert post(app, HELLO) == (200, [{"recipient_id": "ada", "text": "hello"}])
    (message,) = app.ctx.agent.messages
    assert (message.sender_id, message.text, message.input_channel) == ("ada", "hello", "rest")
    assert message.metadata is None


def test_metadata_reaches_the_bot_unchanged(app):
    metadata = {**example_metadata(CONTRACT), "more": {"keys": [1, None, "ü"]}}
    assert post(app, {**HELLO, "metadata": metadata})[0] == 200
    assert app.ctx.agent.messages[0].metadata == metadata


@pytest.mark.parametrize("field", OPEN_FIELDS, ids=names(OPEN_FIELDS))
def test_each_of_your_slots_is_let_in(app, field):
    assert post(app, {**HELLO, "metadata": good(field)})[0] == 200
    assert app.ctx.agent.messages[0].metadata == good(field)


@pytest.mark.parametrize("field", REFUSING_FIELDS, ids=names(REFUSING_FIELDS))
def test_each_of_your_slots_refuses_what_it_cannot_hold(app, field):
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
    Sanic._app_registry.clear()
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
def test_rasas_own_keys_are_refused(app, key):
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


def test_another_content_type_is_not_json(app):
    assert post(app, HELLO, headers={"content-type": "text/plain"})[0] == 415
    assert post(app, HELLO, headers={"content-type": "application/json; charset=utf-8"})[0] == 200


def test_a_large_body_is_refused(app):
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


def test_a_body_cannot_name_another_channel(app):
    post(app, {**HELLO, "input_channel": "telegram"})
    assert app.ctx.agent.messages[0].input_channel == "rest"


def test_the_stream_form_answers_and_refuses_alike(app):
    _, response = app.test_client.post(WEBHOOK + "?stream=true", json=HELLO)
    assert json.loads(response.text) == {"recipient_id": "ada", "text": "hello"}
    _, response = app.test_client.post(WEBHOOK + "?stream=true", json={"sender": "ada"})
    assert response.status == 422


def test_the_schema_tells_clients_what_metadata_may_hold(app):
    _, response = app.test_client.get("/webhooks/rest/schema")
    assert (response.status, response.json) == (200, CONTRACT.schema)


def test_the_health_route_is_rasas(app):
    _, response = app.test_client.get("/webhooks/rest/")
    assert response.json == {"status": "ok"}


def test_without_a_model_the_answer_says_so():
    Sanic._app_registry.clear()
    status, answer = post(serve(domain=None), HELLO)
    assert (status, answer["reason"]) == (503, "NoModel")


def test_a_broken_contract_answers_with_the_slot_and_the_fault():
    Sanic._app_registry.clear()
    domain = Domain.from_dict({"slots": {"a": mapped({"paht": "x"})}})
    status, answer = post(serve(domain), HELLO)
    assert (status, answer["reason"]) == (500, "BrokenContract")
    assert "slot 'a'" in answer["message"]
    assert "'paht'" in answer["message"]
