"""Each messaging platform: payload, slots and reply; forged, repeated and other requests."""

import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress

import pytest
import requests

from in_a_bot.live.test_life_cycle import wait_for
from in_a_bot.tokens import bearer

AUTHOR = "/probe_author"
WAIT_SECONDS = 10


def heard(platform, *texts):
    """Assert what the bot has said to the user, and wait until all of it is stored."""
    wait_for(lambda: len(events(platform, "bot")) >= len(texts))
    assert platform.said() == list(texts)


def events(platform, kind):
    return [event for event in platform.bot.events(platform.sender) if event["event"] == kind]


def turn_of(platform):
    """Return the text of the user's latest message that is stored."""
    return events(platform, "user")[-1]["text"]


def is_stored(platform):
    """Return whether anything of the user is in the database."""
    path = platform.bot.server.project / "conversations.db"
    with closing(sqlite3.connect(path)) as database:
        query = "SELECT count(*) FROM events WHERE data LIKE ? OR sender_id LIKE ?"
        ((rows,),) = database.execute(query, [f"%{platform.number}%"] * 2).fetchall()
    return rows > 0


def test_a_message_fills_slots_and_is_answered(platform):
    answer = platform.write(AUTHOR)
    assert answer.status_code in (200, 204), answer.text
    assert answer.text == ""
    heard(platform, platform.expected)
    slots = platform.bot.slots(platform.sender)
    assert (slots["author_name"], slots["author_id"]) == (platform.name, platform.id)
    assert slots["author_conversation"]
    assert slots["author_locale"] == platform.locale
    (turn,) = events(platform, "user")
    assert turn["input_channel"] == platform.channel


def test_what_the_platform_has_not_sent_is_401_and_nothing_is_stored(platform):
    forged = platform.post(platform.message(AUTHOR), forged=True)
    assert (forged.status_code, forged.json()["reason"]) == (401, "BadSignature")
    for name in platform.headers("", False):
        if name != "content-type":
            bare = platform.post(platform.message(AUTHOR), **{name: None})
            assert bare.status_code == 401, name
    slash = platform.bot.session.post(
        f"{platform.url}/", data=platform.message(AUTHOR), headers={"content-type": "text/plain"}
    )
    assert slash.status_code == 401
    no_host = platform.post(platform.message(AUTHOR), forged=True, host="[bot:99999999")
    assert no_host.status_code in (400, 401)
    assert platform.said() == []
    assert not is_stored(platform)


def test_a_message_that_comes_again_is_answered_once(platform):
    body = platform.message(AUTHOR)
    for _ in range(3):
        assert platform.post(body).ok
    platform.write("/probe_show")
    heard(platform, platform.expected, "None None None")
    assert len(events(platform, "user")) == 2


def test_a_message_that_comes_twice_at_once_is_answered_once(platform):
    body = platform.message(AUTHOR)
    headers = platform.headers(body, False)

    def post(_):
        return requests.post(platform.url, data=body, headers=headers, timeout=30)

    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(post, range(4)))
    assert all(answer.ok for answer in answers)
    heard(platform, platform.expected)
    assert len(events(platform, "user")) == 1


def test_what_has_no_text_of_the_user_is_ignored(platform):
    for name, body in platform.ignored():
        answer = platform.post(body)
        assert answer.ok, f"{name}: {answer.text}"
    assert platform.said() == []
    assert not is_stored(platform)


def test_what_the_platform_does_not_document_is_an_error_and_no_turn(platform):
    for body in platform.malformed():
        answer = platform.post(body)
        assert answer.status_code in (200, 204, 400, 422), (body, answer.text)
    assert not is_stored(platform)
    assert "Traceback" not in platform.bot.server.printed()


def test_no_other_channel_can_write_for_the_user(platform):
    platform.write(AUTHOR)
    heard(platform, platform.expected)
    open_body = platform.bot.post(platform.sender, AUTHOR)
    assert (open_body.status_code, open_body.json()["reason"]) == (403, "ReservedSender")
    headers = bearer(sub="u1", sender=platform.sender)
    assert platform.bot.post("x", AUTHOR, headers=headers).status_code == 401
    assert len(events(platform, "user")) == 1


def test_slots_hold_in_the_session_and_signed_ones_with_each_message(platform):
    platform.write("/probe_show")
    platform.write("/restart")
    platform.write(AUTHOR)
    wait_for(lambda: platform.expected in platform.said())
    # Without a message of the platform, nobody vouches for the user.
    platform.bot.trigger(platform.sender, "probe_author")
    assert platform.bot.slots(platform.sender)["author_id"] is None
    assert platform.bot.slots(platform.sender)["author_name"] == platform.name


def test_a_new_session_starts_with_what_the_platform_sends(platform, api):
    before = type(platform)(platform.bot, api)
    before.write("/probe_show")
    heard(before, "None None None")
    old = platform.bot.events(before.sender)
    for event in old:
        event["timestamp"] -= 7200
    platform.bot.put_events(platform.sender, old)
    platform.write(AUTHOR)
    wait_for(lambda: turn_of(platform) == AUTHOR)
    assert platform.said() == [platform.expected]
    opened = json.loads(platform.bot.slots(platform.sender)["probe_opened_by"].split(" ", 1)[1])
    assert opened["author"]["id"] == platform.id
    assert opened["person"] == {"name": platform.name, "id": platform.id}
    assert opened["message"]["id"]


def test_a_turn_is_kept_while_the_platform_takes_no_reply(platform, api):
    api.is_away = True
    try:
        platform.write(AUTHOR)
        wait_for(lambda: events(platform, "bot"))
    finally:
        api.is_away = False
    assert platform.bot.slots(platform.sender)["author_id"] == platform.id
    assert len(events(platform, "user")) == 1


def test_a_turn_goes_on_when_the_platform_waits_no_longer(platform, api):
    body, api.seconds = platform.message(AUTHOR), 1
    headers = platform.headers(body, False)
    try:
        with suppress(requests.Timeout):
            requests.post(platform.url, data=body, headers=headers, timeout=0.3)
        wait_for(lambda: events(platform, "user"))
    finally:
        api.seconds = 0
    platform.post(body)
    heard(platform, platform.expected)


@pytest.mark.parametrize("text", ["/probe_show" * 2000, "\t \n"], ids=["long", "blank"])
def test_a_text_that_cannot_be_used_is_ignored(platform, text):
    assert platform.write(text).ok
    platform.write("/probe_show")
    heard(platform, "None None None")
    assert len(events(platform, "user")) == 1


def test_a_failing_action_is_not_asked_for_again(platform):
    answer = platform.write("/probe_fail")
    assert answer.ok, answer.text
    wait_for(lambda: "action_probe_fail' failed" in platform.bot.server.printed())
    platform.write("/probe_show")
    heard(platform, "None None None")


def test_control_characters_in_a_text_are_spaces(platform):
    platform.write("hello\u2028there")
    wait_for(lambda: events(platform, "user"))
    assert turn_of(platform) == "hello there"


def test_what_a_reminder_or_the_api_says_finds_the_user(platform):
    if platform.channel == "botframework":
        return  # Rasa has no output for it without a message
    platform.write("/probe_show")
    heard(platform, "None None None")
    url = f"{platform.bot.url}/conversations/{platform.sender}/trigger_intent"
    asked = platform.bot.session.post(
        f"{url}?output_channel={platform.channel}", json={"name": "probe_who"}, timeout=30
    )
    assert asked.status_code == 200, asked.text
    heard(platform, "None None None", "None on None")
