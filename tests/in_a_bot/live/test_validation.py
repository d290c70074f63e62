"""The door before a live bot: identity, failures that are told, and what a retry finds."""

import json
import os
import signal
import uuid

import pytest
import requests

from in_a_bot.tokens import bearer
from rasa_metadata.contract.signature import SIGNED_KEY

TOLD = {"probe": {"text": "a"}}


def member(user, **claims):
    return {"headers": bearer(sub=user, metadata={"probe": {"id": user}}, **claims)}


def user_events(bot, sender):
    return [event for event in bot.events(sender) if event["event"] == "user"]


@pytest.fixture
def user():
    return uuid.uuid4().hex


def test_a_signed_slot_is_filled_by_a_token_and_emptied_without(bot, user):
    sender = f"user:{user}"
    assert bot.say("ignored", "/probe_show", TOLD, **member(user)) == ["a None None"]
    assert bot.slots(sender)["probe_id"] == user
    bot.say("ignored", "/probe_show", headers=bearer(sub=user))
    assert bot.slots(sender)["probe_id"] is None
    assert bot.slots(sender)["probe_text"] == "a"


def test_login_in_the_middle_of_a_talk_and_logout(bot, sender, user):
    bot.say(sender, "/probe_show", TOLD)
    assert bot.say("ignored", "/probe_show", **member(user, sender=sender)) == ["a None None"]
    assert bot.slots(sender)["probe_id"] == user
    bot.say(sender, "/probe_show")
    assert bot.slots(sender)["probe_id"] is None


def test_restart_and_a_new_session_keep_no_identity(bot, sender, user):
    bot.say("ignored", "/probe_show", **member(user, sender=sender))
    bot.say(sender, "/restart")
    assert bot.slots(sender)["probe_id"] is None
    bot.say("ignored", "/restart", **member(user, sender=sender))
    assert bot.slots(sender)["probe_id"] == user
    bot.say(sender, "/session_start")
    assert bot.slots(sender)["probe_id"] is None


def test_a_stock_channel_cannot_send_signed_metadata(bot, sender, user):
    bot.say(f"user:{user}", "/probe_show", {"probe": {"id": "x", "text": "a"}}, channel="stock")
    assert bot.slots(f"user:{user}")["probe_id"] is None
    assert bot.slots(f"user:{user}")["probe_text"] == "a"

    bot.say("ignored", "/probe_show", **member(user))
    stolen = user_events(bot, f"user:{user}")[-1]["metadata"][SIGNED_KEY]
    for copied_to in (sender, f"user:{user}"):  # the same sender and text, too
        bot.say(copied_to, "/probe_show", {SIGNED_KEY: stolen}, channel="stock")
        assert bot.slots(copied_to)["probe_id"] is None
    bot.say(f"user:{user}", "/session_start", {SIGNED_KEY: stolen}, channel="stock")
    assert bot.slots(f"user:{user}")["probe_id"] is None
    forged = {"metadata": json.dumps({"probe": {"id": "x"}}), "signature": stolen["signature"]}
    bot.say(f"user:{user}", "/probe_show", {SIGNED_KEY: forged}, channel="stock")
    assert bot.slots(f"user:{user}")["probe_id"] is None


def test_a_stream_that_fails_ends_with_the_error(bot, sender):
    url = f"{bot.url}/webhooks/hasty/webhook?stream=true"
    body = {"sender": sender, "message": "/probe_hang", "metadata": TOLD}
    lines = requests.post(url, json=body, timeout=30).text.strip().split("\n")
    said, error = map(json.loads, lines)
    assert said["text"] == "one moment"
    assert (error["code"], error["reason"]) == (503, "TryAgain")


def test_a_client_that_goes_away_from_a_stream_leaves_a_bot_that_works(bot, sender):
    url = f"{bot.url}/webhooks/hasty/webhook?stream=true"
    body = {"sender": sender, "message": "/probe_hang", "metadata": TOLD}
    with requests.post(url, json=body, stream=True, timeout=30) as response:
        next(response.iter_lines())
    assert bot.say(sender, "/probe_show", TOLD) == ["a None None"]


def test_a_hanging_action_is_a_503_and_the_turn_is_not_stored(bot, sender):
    bot.say(sender, "/probe_show", TOLD)
    before = bot.events(sender)
    response = bot.post(sender, "/probe_hang", {"probe": {"text": "b"}}, channel="hasty")
    assert response.status_code == 503
    assert response.json()["reason"] == "TryAgain"
    assert int(response.headers["retry-after"]) > 0
    assert bot.events(sender) == before
    assert bot.say(sender, "/probe_show", {"probe": {"text": "b"}}) == ["b None None"]


@pytest.fixture
def apart(bots):
    return bots["action server"]


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("fault", ["down", "hanging"])
def test_an_action_server_that_does_not_answer_costs_nothing_but_time(apart, sender, fault, first):
    if not first:
        apart.say(sender, "/probe_show", {"probe": {"number": 1}})
    before = apart.events(sender) if not first else []
    process = apart.actions.process
    if fault == "down":
        apart.actions.stop()
    else:
        os.kill(process.pid, signal.SIGSTOP)
    try:
        response = apart.post(sender, "/probe_show", TOLD, channel="hasty")
    finally:
        if fault == "down":
            apart.actions.start()
            apart.actions.wait_until_it_answers(f"{apart.actions_url}/health")
        else:
            os.kill(process.pid, signal.SIGCONT)
    assert (response.status_code, response.json()["reason"]) == (503, "TryAgain")
    assert "retry-after" in response.headers

    number = "None" if first else "1"
    assert apart.say(sender, "/probe_show", TOLD) == [f"a None {number}"]
    events = apart.events(sender)
    assert events[: len(before)] == before
    assert len([e for e in events[len(before) :] if e["event"] == "user"]) == 1


def test_what_does_not_come_through_the_door_is_as_in_rasa(apart, sender):
    apart.actions.stop()
    try:
        url = f"{apart.url}/conversations/{sender}/trigger_intent"
        assert requests.post(url, json={"name": "probe_show"}, timeout=30).status_code == 200
        assert apart.post(sender, "/probe_show", channel="stock").status_code == 200
    finally:
        apart.actions.start()
        apart.actions.wait_until_it_answers(f"{apart.actions_url}/health")


@pytest.mark.parametrize("message", ["/probe_show", "/probe_known", "hello there"])
def test_a_good_message_gets_the_bytes_that_rasa_would_answer(bot, message):
    ours = bot.post("same-sender", message, TOLD)
    rasas = bot.post("same-sender", message, TOLD, channel="stock")
    assert ours.content == rasas.content
    assert ours.headers["content-type"] == rasas.headers["content-type"]
