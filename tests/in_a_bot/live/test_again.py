"""A message can be sent again, and a balancer knows which server to send it to."""

import json

import pytest

from in_a_bot.live.test_life_cycle import probe

KEY = {"Idempotency-Key": "k1"}


def messages(bot, sender):
    return [event["text"] for event in bot.events(sender) if event["event"] == "user"]


def test_a_message_with_a_key_is_answered_again_and_handled_once(bot, sender):
    for _ in range(2):
        assert bot.say(sender, "/probe_show", probe(text="a"), headers=KEY) == ["a None None"]
    other = bot.post(sender, "/probe_show", headers=KEY)
    assert (other.status_code, other.json()["reason"]) == (422, "KeyReused")
    assert messages(bot, sender) == ["/probe_show"]
    assert bot.say(sender, "/probe_known") == ['{"probe": {"text": "a"}}']


def test_a_stream_can_be_asked_for_again(bot, sender):
    asked = {"headers": KEY, "params": {"stream": "true"}}
    one, other = (bot.post(sender, "/probe_show", probe(text="a"), **asked).text for _ in "12")
    assert one == other
    assert json.loads(one)["text"] == "a None None"
    assert messages(bot, sender) == ["/probe_show"]


def test_what_failed_is_handled_when_it_comes_again(bot, sender):
    hung = bot.post(sender, "/probe_hang", probe(text="a"), channel="hasty", headers=KEY)
    assert (hung.status_code, messages(bot, sender)) == (503, [])
    again = bot.post(sender, "/probe_hang", channel="hasty", headers=KEY)
    assert (again.status_code, messages(bot, sender)) == (503, [])


def ready(bot):
    answer = bot.session.get(f"{bot.url}/webhooks/rest/ready")
    return answer.status_code, answer.json()


@pytest.mark.parametrize(
    "name, more", [("in process", ["actions"]), ("action server", ["action server"])]
)
def test_a_server_is_ready_when_all_it_needs_is_there(bots, name, more):
    parts = ["model", "tracker store", "lock store", *more]
    assert ready(bots[name]) == (200, dict.fromkeys(parts, "ready"))


def test_a_server_without_a_model_is_not_ready(bots):
    bot = bots["in process"]
    bot.session.delete(f"{bot.url}/model")
    try:
        status, answer = ready(bot)
        assert (status, answer["reason"]) == (503, "NotReady")
        assert answer["details"] == {"model": "not ready"}
        assert "there is none: run 'make train'" in bot.server.printed()
    finally:
        bot.load(bot.model)
