"""Callback and Socket.IO stand behind the same door as REST."""

import json
import queue
import threading
import uuid
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import urlsplit

import pytest
import socketio

from in_a_bot.live.test_life_cycle import wait_for
from in_a_bot.tokens import bearer, token

TOLD = {"probe": {"text": "a"}}
WAIT_SECONDS = 20


@pytest.fixture
def callbacks(bot):
    """Return a queue of what the bot POSTs to the callback's address."""
    said = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            said.put(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", urlsplit(bot.callback_url).port), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield said
    server.shutdown()
    thread.join()
    server.server_close()


def test_callback_carries_metadata(bot, sender, callbacks):
    response = bot.post(sender, "/probe_show", TOLD, channel="callback")
    assert (response.status_code, response.text) == (200, "success")
    said = callbacks.get(timeout=WAIT_SECONDS)
    assert said == {"recipient_id": sender, "text": "a None None"}
    assert bot.slots(sender)["probe_text"] == "a"


def test_callback_asks_the_door(bot, sender, callbacks):
    bad = bot.post(sender, "/probe_show", {"probe": {"flag": "yes"}}, channel="callback")
    assert (bad.status_code, bad.json()["reason"]) == (422, "BadMetadata")
    headers = bearer(sub="u1", metadata={"probe": {"id": "u1"}}, sender=sender)
    assert bot.post("x", "/probe_show", channel="callback", headers=headers).status_code == 200
    assert bot.slots(sender)["probe_id"] == "u1"
    assert callbacks.get(timeout=WAIT_SECONDS)["recipient_id"] == sender


def test_a_callback_that_cannot_be_reached_loses_no_turn(bot, sender):
    assert bot.post(sender, "/probe_show", TOLD, channel="callback").status_code == 200
    assert bot.slots(sender)["probe_text"] == "a"
    assert [e["text"] for e in bot.events(sender) if e["event"] == "bot"] == ["a None None"]


def test_a_callback_turn_that_fails_is_reported(bot, sender):
    assert bot.post(sender, "/probe_fail", channel="callback").status_code == 500


class Chat:
    """A Socket.IO client, with a queue for each event that the bot sends."""

    def __init__(self, bot, auth=None):
        self.client = socketio.Client(reconnection=False)
        self.events = {
            name: queue.Queue() for name in ("bot_uttered", "bot_error", "session_confirm")
        }
        for name, received in self.events.items():
            self.client.on(name, received.put)
        self.client.connect(bot.url, auth=auth, wait_timeout=WAIT_SECONDS)

    def next(self, event):
        return self.events[event].get(timeout=WAIT_SECONDS)

    def join(self, session_id=None):
        self.client.emit("session_request", {"session_id": session_id} if session_id else None)
        return self.next("session_confirm")

    def say(self, message, session_id=None, metadata=None):
        data = {"message": message, "session_id": session_id, "metadata": metadata}
        self.client.emit("user_uttered", data)


@pytest.fixture
def chat(bot):
    chats = []

    def connect(**kwargs):
        chats.append(Chat(bot, **kwargs))
        return chats[-1]

    yield connect
    for each in chats:
        if each.client.connected:
            each.client.disconnect()


def test_socketio_fills_slots_and_answers_in_the_session(bot, chat):
    guest = chat()
    session = guest.join()
    guest.say("/probe_show", session, TOLD)
    assert guest.next("bot_uttered") == {"text": "a None None"}
    wait_for(lambda: bot.slots(session)["probe_text"] == "a")  # it is said before it is stored


def test_socketio_answers_after_the_client_came_back(chat):
    session = uuid.uuid4().hex
    first = chat()
    assert first.join(session) == session
    first.say("/probe_show", session, TOLD)
    assert first.next("bot_uttered") == {"text": "a None None"}
    first.client.disconnect()
    second = chat()
    second.join(session)
    second.say("/probe_show", session)
    assert second.next("bot_uttered") == {"text": "a None None"}


@pytest.mark.parametrize(
    ("message", "metadata", "code"),
    [
        ("/probe_show", {"probe": {"flag": "yes"}}, 422),
        ("/probe_show", ["list"], 422),
        ("/probe_show", {"probe": {"id": "u1"}}, 403),
        ("", None, 422),
        (None, None, 422),
        ({"text": "hi"}, None, 422),
        ("/probe_fail", None, 500),
        ("/probe_hang", None, 503),
    ],
)
def test_socketio_tells_what_the_door_refuses(chat, message, metadata, code):
    guest = chat()
    guest.say(message, guest.join(), metadata)
    error = guest.next("bot_error")
    assert (error["status"], error["code"]) == ("failure", code)


def test_socketio_refuses_what_is_no_message_at_all(chat):
    guest = chat()
    for data in (None, "text", [1], {}):
        guest.client.emit("user_uttered", data)
        assert guest.next("bot_error")["code"] == 422


def test_socketio_knows_a_member_by_the_token(bot, chat):
    user = uuid.uuid4().hex
    auth = {"token": token(sub=user, metadata={"probe": {"id": user}})}
    ada = chat(auth=auth)
    assert ada.join("somebody else's session") == f"user:{user}"
    ada.say("/probe_show", "somebody else's session", TOLD)
    assert ada.next("bot_uttered") == {"text": "a None None"}
    wait_for(lambda: bot.slots(f"user:{user}")["probe_id"] == user)


@pytest.mark.parametrize("bad", ["nonsense", "expired", "another key", "a number"])
def test_socketio_refuses_to_connect_with_a_bad_token(chat, bad):
    made = {"expired": token(exp=1), "another key": token(key="some other key " * 6), "a number": 7}
    with pytest.raises(socketio.exceptions.ConnectionError):
        chat(auth={"token": made.get(bad, bad)})


def test_socketio_lets_nobody_listen_to_a_member(chat):
    user = uuid.uuid4().hex
    eve = chat()
    eve.client.emit("session_request", {"session_id": f"user:{user}"})
    assert eve.next("bot_error")["code"] == 403
    eve.say("/probe_show", f"user:{user}")
    assert eve.next("bot_error")["code"] == 403

    ada = chat(auth={"token": token(sub=user)})
    ada.say("/probe_show", metadata=TOLD)
    assert ada.next("bot_uttered") == {"text": "a None None"}
    assert eve.events["bot_uttered"].empty()
