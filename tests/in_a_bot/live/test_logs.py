"""Whatever clients send, no line of the log is theirs, and no secret is in it: at `--debug` too."""

import json
import re
import socket
import uuid

import pytest
import requests
import socketio

from in_a_bot.live.test_other_channels import Chat
from in_a_bot.tokens import bearer, token

CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
RASAS_COLOURS = re.compile("\x1b\\[(0|93)m")
LINE = "2026-11-25 ERROR"  # what a client would write into the log
TEXTS = (
    "{0}\r\n" + LINE + "\t{0}",
    "/{0}\n" + LINE + " \r\n{0}",
    '/probe_show{{"probe_early": "{0}\\n' + LINE + ' \\u001b[31m"}}',
    '/probe_show{{"{0}\\n' + LINE + '": 1}}',
)


def odd(name):
    return f"{name}\r\n{LINE} \x1b[31m\x85\u2028"


def test_no_token_and_no_signed_value_is_in_the_log_or_in_an_event(bot):
    user = uuid.uuid4().hex
    secret = token(sub=user, metadata={"probe": {"id": f"secret-{user}"}})
    headers = {"authorization": f"Bearer {secret}"}
    for channel in ("rest", "callback"):
        bot.post("x", "/probe_show", {"probe": {"text": "a"}}, channel, headers=headers)
        bot.post("x", "/session_start", channel=channel, headers=headers)
        bot.post("x", "/probe_fail", channel=channel, headers=headers)
    for auth, inside in (({"token": secret}, None), (None, secret)):
        chat = Chat(bot, auth=auth)
        message = {"message": "/probe_show", "session_id": "x", "token": inside}
        chat.client.emit("user_uttered", message)
        chat.next("bot_uttered")
        chat.client.disconnect()
    expired = token(sub=user, exp=1)
    answer = bot.post("x", "/probe_show", headers={"authorization": f"Bearer {expired}"})
    assert answer.status_code == 401
    with pytest.raises(socketio.exceptions.ConnectionError):
        Chat(bot, auth={"token": expired})
    log = bot.server.printed()
    assert secret not in log + json.dumps(bot.events(f"user:{user}"))
    assert f"secret-{user}" not in log
    assert expired not in log + answer.text


def by_http(bot, name):
    made = bearer(sub=odd(name)), bearer(sender=odd(name)), bearer(metadata={"x": odd(name)})
    for channel in ("rest", "callback"):
        for text in TEXTS:
            bot.post(name, text.format(name), {odd(name): [odd(name)]}, channel)
        slots = {"probe": {"text": odd(name), "page": odd(name)}}
        bot.post(name, "/probe_show", slots, channel)
        bot.post(name, "/probe_fail", slots, channel)
        bot.post(odd(name), "/probe_show", None, channel)
        bot.post(name, "/probe_show", {"probe": {"flag": odd(name)}}, channel)
        for headers in made:
            bot.post(name, "/probe_show", None, channel, headers=headers)


def by_socketio(bot, name):
    chat = Chat(bot)
    session = chat.join()
    for text in TEXTS:
        chat.say(text.format(name), session, {odd(name): odd(name)})
        chat.next("bot_uttered")
    for session in (odd(name), {name: odd(name)}):
        chat.client.emit("session_request", {"session_id": session})
        chat.say("/probe_show", session)
        assert {chat.next("bot_error")["code"] for _ in "12"} <= {403, 422}
    chat.client.emit(odd(name), odd(name))
    chat.client.disconnect()
    for made in (odd(name), token(sub=odd(name))):
        with pytest.raises(socketio.exceptions.ConnectionError):
            Chat(bot, auth={"token": made})
    url = f"{bot.url}/socket.io/?EIO=4&transport="
    for query in (name, f"polling&sid={name}"):
        requests.get(f"{url}{query}%0A{LINE}%1B", timeout=5)
    sid = json.loads(requests.get(f"{url}polling", timeout=5).text[1:])["sid"]
    for packet in (f"40/{odd(name)},", f"42/{odd(name)},[]", f"42[{odd(name)}", f"9{odd(name)}"):
        requests.post(f"{url}polling&sid={sid}", data=packet.encode(), timeout=5)


HEADERS = ("X", "Host", "Origin", "Content-Type", "Idempotency-Key", "Content-Length", "Expect")


def by_heads(bot, name):
    """Send control characters in each part of a head, as no HTTP client would."""
    value = f"{name}\x1b[31m\x85\x00\x0b"
    first = "POST /webhooks/rest/webhook HTTP/1.1\r\nHost: bot"
    heads = [f"{first}\r\n{header}: {value}" for header in HEADERS]
    heads.append(f"{first}\r\nAuthorization: Bearer {value}")
    heads.append(f"{first}\r\n{value}: x")
    paths = f"/{value}", f"/%0A{LINE.replace(' ', '%20')}%1B{value}", f"/webhooks/rest/?x={value}"
    for path in (*paths, *(f"/conversations{path}/tracker" for path in paths)):
        heads.append(f"GET {path} HTTP/1.1\r\nHost: bot")
    heads.append(f"GE{value} / HTTP/1.1\r\nHost: bot")
    for head in heads:
        with socket.create_connection(("127.0.0.1", int(bot.url.rsplit(":", 1)[1])), 5) as sent:
            sent.sendall(head.encode("latin-1") + b"\r\nConnection: close\r\n\r\n")
            sent.shutdown(socket.SHUT_WR)
            while sent.recv(65536):
                pass


@pytest.mark.parametrize("send", [by_http, by_socketio, by_heads])
def test_no_client_can_write_a_line_or_a_control_character_into_the_log(bot, sender, send):
    before = bot.server.log.stat().st_size
    send(bot, sender)
    log = bot.server.log.read_bytes()[before:].decode(errors="replace")
    lines = RASAS_COLOURS.sub("", log).split("\n")
    assert [x for x in lines if CONTROL.search(x) or x.startswith((LINE, sender))] == []


def test_a_warning_that_repeats_a_text_is_one_line(bots, sender):
    bot = bots["action server"]
    bot.say(sender, f"/{sender}\n{LINE} \r\n{sender}")
    lines = [line for line in bot.server.printed().splitlines() if sender in line]
    assert any("Failed to parse" in line for line in lines)
