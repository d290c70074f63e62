"""What only Slack has: a challenge, late requests, retries, buttons and threads."""

import json

import pytest

from in_a_bot.live.platforms.platforms import Slack
from in_a_bot.live.platforms.test_platforms import events, heard
from in_a_bot.live.test_life_cycle import wait_for


@pytest.fixture
def slack(platform_bot, api):
    return Slack(platform_bot, api)


def test_the_address_is_verified_by_a_challenge(slack):
    challenge = json.dumps({"type": "url_verification", "challenge": "a-challenge"})
    assert slack.post(challenge).json() == "a-challenge"
    assert slack.post(challenge, forged=True).status_code == 401


def test_a_request_that_is_older_than_five_minutes_is_401(slack):
    assert slack.post(slack.message("hello"), forged="late").status_code == 401
    assert slack.bot.session.get(slack.url).status_code == 400


def test_a_retry_is_no_second_turn_whatever_its_reason(slack):
    body = slack.message("/probe_author")
    slack.post(body)
    for reason in ("http_timeout", "http_error", "connection_failed"):
        retry = {"X-Slack-Retry-Num": "1", "X-Slack-Retry-Reason": reason}
        assert slack.post(body, **retry).status_code == 200
    heard(slack, slack.expected)
    assert len(events(slack, "user")) == 1


def test_a_mention_is_one_turn_though_it_is_two_events(slack):
    body = json.loads(slack.message("<@UBOT> /probe_author"))
    slack.post(json.dumps(body))
    mention = {**body["event"], "type": "app_mention"}
    slack.post(json.dumps({**body, "event_id": "Ev2", "event": mention}))
    wait_for(lambda: events(slack, "user"))
    slack.write("/probe_show")
    heard(slack, slack.expected, "None None None")


def test_a_button_is_a_message_and_its_author_is_known(slack):
    slack.post(slack.pressed(value="/probe_author"))
    heard(slack, slack.expected)
    (turn,) = events(slack, "user")
    assert set(turn["metadata"]["raw"]) == {"user", "channel", "actions"}


def test_the_profile_is_asked_for_once(slack, api):
    def asked():
        return sum(path == "/slack/users.info" for path, _ in api.calls)

    before = asked()
    slack.write("/probe_author")
    wait_for(lambda: events(slack, "user"))
    slack.write("/probe_author")
    wait_for(lambda: len(events(slack, "user")) == 2)
    assert asked() == before + 1
    author = events(slack, "user")[0]["metadata"]["author"]
    known = {"username": "ada", "name": "Ada Lovelace", "timezone": "Europe/Berlin"}
    assert author == {"id": slack.id, "locale": "de-DE", **known}


def test_rasas_own_metadata_is_there_too(slack):
    slack.write("/probe_author")
    heard(slack, slack.expected)
    metadata = events(slack, "user")[0]["metadata"]
    assert (metadata["out_channel"], metadata["users"]) == (slack.room, ["UBOT"])
