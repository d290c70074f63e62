"""A live bot with an identity provider: who talks, what actions may do for them, what is kept."""

import hashlib
import sqlite3
import time
import uuid
from contextlib import closing

import pytest

from in_a_bot.tokens import bearer

RETRY = 5  # seconds, as in rasa_metadata/validation/providers.py


def post(bot, headers, message="/probe_token", **kwargs):
    return bot.post("ignored", message, headers=headers, channel="openid", **kwargs)


def texts(answer):
    assert answer.status_code == 200, answer.text
    return [each["text"] for each in answer.json()]


def hashed(headers):
    return hashlib.sha256(headers["authorization"].split()[1].encode()).hexdigest()


@pytest.fixture
def sub():
    return f"auth0|{uuid.uuid4().hex}"


def test_a_claim_fills_a_slot_and_actions_have_the_token(bot, provider, sub):
    headers = provider.bearer(sub=sub, email="ada@example.com")
    answer = post(bot, headers)
    assert texts(answer) == [hashed(headers)] * 2
    (sender,) = {each["recipient_id"] for each in answer.json()}
    assert sender.startswith(f"user:{sub.replace('|', '=7C')}@http=3A=2F=2F127.0.0.1")
    assert bot.slots(sender)["probe_email"] == "ada@example.com"
    assert texts(post(bot, {"authorization": provider.bearer(sub=sub)["authorization"]}))
    assert bot.slots(sender)["probe_email"] is None


def test_without_a_token_there_is_none(bot, provider, sub, sender):
    assert texts(post(bot, provider.bearer(sub=sub)))[0] != "no token"
    assert bot.say(sender, "/probe_token", channel="openid") == ["no token"] * 2
    assert bot.say(sender, "/probe_token", channel="stock") == ["no token"] * 2


def test_a_token_of_the_backend_is_a_users_token_too(bot, sub):
    headers = bearer(sub=sub)
    assert bot.say("ignored", "/probe_token", headers=headers) == [hashed(headers)] * 2


def test_no_token_is_in_the_database_or_in_a_log(bot, provider, sub):
    marker = uuid.uuid4().hex
    tokens = [provider.token(sub=sub, marker=marker), provider.token(sub=sub, aud="another")]
    for token in tokens:
        for message in ("/probe_token", "/session_start", "/probe_fail", "hello", "/probe_hang"):
            channel = "hasty" if message == "/probe_hang" else "openid"
            headers = {"authorization": f"Bearer {token}"}
            answer = bot.post("ignored", message, headers=headers, channel=channel)
            assert token not in answer.text
    parts = {part for token in tokens for part in [marker, token, *token.split(".")[1:]]}
    project = bot.server.project
    kinds = (".log", ".db", ".db-wal", ".db-shm")
    files = [path for path in project.rglob("*") if path.name.endswith(kinds)]
    assert {"conversations.db", "rasa.log"} <= {path.name for path in files}
    contents = {path.name: path.read_bytes() for path in files}
    with closing(sqlite3.connect(project / "conversations.db")) as database:
        contents["events"] = repr(database.execute("SELECT * FROM events").fetchall()).encode()
    assert sub.replace("|", "=7C").encode() in contents["events"]
    assert [
        (name, part) for part in parts for name in contents if part.encode() in contents[name]
    ] == []
    print("searched:", {name: len(content) for name, content in contents.items()})


def test_a_talk_goes_on_through_a_rotation_and_an_outage_of_ten_seconds(bots, provider, sub):
    bot, started = bots["in process"], time.monotonic()
    slot = None

    def say(what, headers, wanted):
        nonlocal slot
        answer = post(bot, headers, "/probe_show", metadata={"probe": {"text": "a"}})
        if answer.status_code == 200:
            said = texts(answer)
            slot = bot.slots(answer.json()[0]["recipient_id"])["probe_email"]
            outcome = f"{said[0]!r}, email: {slot}"
        else:
            outcome = answer.json()["reason"]
        print(f"{time.monotonic() - started:5.1f} s  {what}: {answer.status_code} {outcome}")
        assert answer.status_code == wanted
        if wanted == 503:
            assert int(answer.headers["retry-after"]) > 0

    claims = {"sub": sub, "email": "ada@example.com"}
    first = provider.bearer(**claims)
    say("the first key", first, 200)
    provider.rotate("second", "ES256")
    second = provider.bearer(**claims)
    say("a second key (ES256) beside it", second, 200)
    say("the first key again", first, 200)

    provider.stop()
    stopped = time.monotonic()
    provider.rotate("third", "RS256")
    third = provider.bearer(**claims)
    say("the provider is away; the second key", second, 200)
    say("a third key, which nobody can know", third, 503)
    while time.monotonic() < stopped + 10:
        time.sleep(2)
        say("still away; the first key", first, 200)
        say("still away; the third key", third, 503)
    provider.start()
    time.sleep(RETRY)
    say("the provider is back; the third key", third, 200)
    say("the first key, which it still publishes", first, 200)
    assert slot == "ada@example.com"
