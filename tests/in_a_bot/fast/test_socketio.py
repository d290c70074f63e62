"""The Socket.IO channel validates like REST, in a namespace too, and ends with a token."""

import asyncio
import json
import queue
import time
import uuid

import pytest
import requests
import socketio

from in_a_bot.cases import DOMAIN
from in_a_bot.fast.served import Running, serve
from in_a_bot.tokens import KEY, token
from rasa_metadata.channels.socketio import MOST_WAITING, MetadataSocketIOInput
from rasa_metadata.contract import contract_of
from rasa_metadata.contract.examples import example_metadata

WAIT_SECONDS = 10
EVENTS = ("bot_uttered", "bot_error", "session_confirm")
METADATA = example_metadata(contract_of(DOMAIN.as_dict()))


def running(**credentials):
    keys = {"session_persistence": True, "jwt_key": KEY, **credentials}
    return Running(serve(channel=MetadataSocketIOInput, **keys))


@pytest.fixture(scope="module")
def app():
    with running(namespace="/chat", metadata_key="customData") as app:
        yield app


class Client:
    def __init__(self, app, namespace="/chat", auth=None):
        self.namespace = namespace
        self.events = {name: queue.Queue() for name in EVENTS}
        self.socket = socketio.Client(reconnection=False)
        for name, received in self.events.items():
            self.socket.on(name, received.put, namespace=namespace)
        self.socket.connect(app.ctx.url, auth=auth, namespaces=[namespace], wait_timeout=5)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.disconnect()

    def emit(self, event, data):
        self.socket.emit(event, data, namespace=self.namespace)

    def next(self, event):
        return self.events[event].get(timeout=WAIT_SECONDS)

    def join(self, session_id=None):
        self.emit("session_request", {"session_id": session_id} if session_id else None)
        return self.next("session_confirm")

    def say(self, message="hello", **data):
        self.emit("user_uttered", {"message": message, **data})


def push(app, kind, *arguments):
    """Let the bot send something that answers no message, as a reminder does."""
    send = getattr(app.ctx.channel.get_output_channel(), f"send_{kind}")
    asyncio.run_coroutine_threadsafe(send(*arguments), app.ctx.loop).result(WAIT_SECONDS)


@pytest.fixture
def guest(app):
    with Client(app) as client:
        client.session = client.join()
        yield client


def test_a_namespace_gets_replies_with_metadata(app, guest):
    guest.say(session_id=guest.session, customData=METADATA)
    assert guest.next("bot_uttered") == {"text": "hello"}
    assert app.ctx.agent.messages[-1].metadata == METADATA


def test_metadata_may_be_json_in_a_text_as_in_rasa(app, guest):
    guest.say(session_id=guest.session, customData=json.dumps(METADATA))
    guest.next("bot_uttered")
    assert app.ctx.agent.messages[-1].metadata == METADATA


PAYLOADS = [
    ({"data": {"x": 1}}, {"x": 1}),
    ({"data": "text"}, "text"),
    ({"type": "cards", "cards": [1]}, {"type": "cards", "cards": [1]}),
    (
        {"event": "other", "data": 1, "skip_sid": True},
        {"event": "other", "data": 1, "skip_sid": True},
    ),
    ({}, {}),
]


@pytest.mark.parametrize("payload, received", PAYLOADS)
def test_messages_that_are_pushed_and_custom_payloads_arrive(app, guest, payload, received):
    push(app, "custom_json", guest.session, dict(payload))
    assert guest.next("bot_uttered") == received


def wrong(data):
    return pytest.param(data, id=str(data)[:40])


@pytest.mark.parametrize(
    "data, code, parameter",
    [
        ({"session_id": 7}, 422, "session_id"),
        ({"session_id": "a\0b"}, 422, None),
        ({"session_id": "a\nb"}, 422, "session_id"),
        ({"session_id": " a"}, 422, "session_id"),
        ({"session_id": "user:u1"}, 403, "session_id"),
        ({"session_id": "s" * 256}, 422, "session_id"),
        ({"customData": ["list"]}, 422, "customData"),
        ({"customData": "{broken"}, 400, None),
        ({"customData": '"text"'}, 422, "customData"),
        ({"customData": {"x": float("nan")}}, 400, None),
        ({"customData": {"x": b"binary"}}, 400, None),
        ({"customData": {"x": "\ud800"}}, 422, None),
        ({"customData": {"x": "x" * 70_000}}, 413, None),
        ({"message": b"binary"}, 400, None),
        ({"message": ""}, 422, "message"),
        ({"token": "nonsense"}, 401, None),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_is_not_valid_is_an_error_in_the_clients_own_words(guest, data, code, parameter):
    started = time.monotonic()
    guest.say(**{"session_id": guest.session, "message": "hello", **data})
    error = guest.next("bot_error")
    assert time.monotonic() - started < 1
    assert (error["code"], error["status"]) == (code, "failure")
    assert parameter is None or error["details"]["parameter"] == parameter


@pytest.mark.parametrize("session", [7, "", " a", "a\n", "\ud800", "user:u1", {"a": 1}])
def test_a_session_cannot_have_any_id(app, session):
    with Client(app) as client:
        client.emit("session_request", {"session_id": session})
        assert client.next("bot_error")["code"] in (403, 422)


def test_a_socket_hears_the_session_it_asked_for_last(app, guest):
    other = uuid.uuid4().hex
    guest.join(other)
    push(app, "text_message", guest.session, "for the first")
    push(app, "text_message", other, "for the other")
    assert guest.next("bot_uttered") == {"text": "for the other"}


def test_a_token_inside_the_message_says_who_it_is(app, guest):
    user = uuid.uuid4().hex
    guest.say(session_id=guest.session, token=token(sub=user))
    assert guest.next("bot_uttered") == {"text": "hello"}
    assert app.ctx.agent.messages[-1].sender_id == f"user:{user}"


def test_a_guest_with_a_token_in_a_message_hears_the_user_until_it_expires(app, guest):
    user = uuid.uuid4().hex
    guest.say(session_id=guest.session, token=token(sub=user, exp=time.time() + 2))
    assert guest.next("bot_uttered") == {"text": "hello"}
    push(app, "text_message", f"user:{user}", "for the user")
    assert guest.next("bot_uttered") == {"text": "for the user"}
    assert guest.next("bot_error")["code"] == 401
    push(app, "text_message", f"user:{user}", "a secret")
    guest.say("I am a guest again", session_id=guest.session)
    assert guest.next("bot_uttered") == {"text": "I am a guest again"}
    assert guest.events["bot_uttered"].empty()


@pytest.mark.parametrize("session_persistence", [True, False])
def test_a_guest_again_does_not_hear_the_user_of_a_token_before(session_persistence):
    user = uuid.uuid4().hex
    served = running(session_persistence=session_persistence)
    with served as app, Client(app, namespace="/") as client:
        session = client.join()
        client.say(session_id=session, token=token(sub=user))
        assert client.next("bot_uttered") == {"text": "hello"}
        client.say("I am a guest again", session_id=session)
        assert client.next("bot_uttered") == {"text": "I am a guest again"}
        push(app, "text_message", f"user:{user}", "a secret")
        client.say(session_id=session, token=token(sub=user))
        assert client.next("bot_uttered") == {"text": "hello"}
        client.say("", session_id=session)
        assert client.next("bot_error")["code"] == 422  # it still hears what is for it alone


def test_a_client_leaves_its_room_when_its_token_expires_and_is_notified(app):
    user = uuid.uuid4().hex
    with Client(app, auth={"token": token(sub=user, exp=time.time() + 2)}) as client:
        assert client.join() == f"user:{user}"
        client.say()
        assert client.next("bot_uttered") == {"text": "hello"}
        assert client.next("bot_error")["code"] == 401
        push(app, "text_message", f"user:{user}", "a secret")
        client.say()
        assert client.next("bot_error")["code"] == 401
        client.emit("session_request", None)
        assert client.next("bot_error")["code"] == 401
        assert client.events["bot_uttered"].empty()


def test_a_client_cannot_keep_its_room_by_an_event_that_is_called_disconnect(app):
    user = uuid.uuid4().hex
    with Client(app, auth={"token": token(sub=user, exp=time.time() + 2)}) as client:
        client.emit("disconnect", None)
        client.say()
        assert client.next("bot_uttered") == {"text": "hello"}
        assert client.next("bot_error")["code"] == 401
        push(app, "text_message", f"user:{user}", "a secret")
        client.emit("session_request", None)
        assert client.next("bot_error")["code"] == 401
        assert client.events["bot_uttered"].empty()


MESSAGE = '{"session_id": "s", "message": "hello"}'
UNREADABLE = {
    "a key twice": '42/chat,["user_uttered", {"message": "a", "message": "b"}]',
    "NaN": '42/chat,["user_uttered", {"message": NaN}]',
    "cut off": f'42/chat,["user_uttered", {MESSAGE}',
    "deep": '42/chat,["user_uttered", ' + "[" * 50_000,
    "nothing": "42/chat,",
    "no list": f"42/chat,{MESSAGE}",
    "an empty list": "42/chat,[]",
    "a name that is none": f"42/chat,[{{}}, {MESSAGE}]",
    "a long number": f"42/chat,{'7' * 200}[1]",
    "attachments": f'45999999999-/chat,["user_uttered", {MESSAGE}]',
    "an acknowledgement": "43/chat,7[",
    "an unknown type": "49/chat,",
}


def polled(app, *packets):
    """Send packets as they are, and return what the server sends then."""
    url = f"{app.ctx.url}/socket.io/?EIO=4&transport=polling"
    url += f"&sid={json.loads(requests.get(url, timeout=5).text[1:])['sid']}"
    for packet in packets:
        assert requests.post(url, data=packet, timeout=5).status_code == 200
    received = ""
    while "bot_" not in received and "44/chat" not in received:
        received = requests.get(url, timeout=5).text
    requests.post(url, data="1", timeout=5)
    return received


@pytest.mark.parametrize("packet", UNREADABLE.values(), ids=UNREADABLE)
def test_a_packet_that_cannot_be_read_is_an_error_too(app, packet):
    started = time.monotonic()
    received = polled(app, "40/chat,", packet)
    assert '"bot_error"' in received
    assert '"code":400' in received
    assert time.monotonic() - started < 1


def test_a_token_that_cannot_be_read_is_not_valid(app):
    assert '"code":401' in polled(app, '40/chat,{"token": ')


def test_without_guests_a_client_needs_a_token():
    with running(guests=False) as app:
        for auth in (None, {}, {"token": "nonsense"}, "nonsense"):
            with pytest.raises(socketio.exceptions.ConnectionError):
                Client(app, namespace="/", auth=auth)
        with Client(app, namespace="/", auth={"token": token()}) as client:
            client.say()
            assert client.next("bot_uttered") == {"text": "hello"}


def test_messages_of_one_socket_do_not_pile_up():
    release = []

    async def behave(agent, message):
        release.append(asyncio.get_running_loop().create_future())
        await release[-1]

    with running() as app:
        app.ctx.agent.behave = behave
        with Client(app, namespace="/") as client:
            session = client.join()
            for _ in range(MOST_WAITING + 5):
                client.emit("connect", {})  # which forgets none of them
                client.say(session_id=session)
            errors = [client.next("bot_error") for _ in range(5)]
            assert {error["reason"] for error in errors} == {"TooMany"}
            app.ctx.agent.behave = None
            for future in release:
                app.ctx.loop.call_soon_threadsafe(future.set_result, None)
            for _ in range(MOST_WAITING):
                client.next("bot_uttered")
