"""What only Telegram has: buttons, places, its webhook, and `/restart`."""

import json

import pytest

from in_a_bot.live.platforms.platforms import Telegram, credentials
from in_a_bot.live.platforms.test_platforms import events, heard
from in_a_bot.live.servers import Bot, lay_out
from rasa_metadata.testing.processes import NotStarted


@pytest.fixture
def telegram(platform_bot, api):
    return Telegram(platform_bot, api)


def test_the_webhook_is_set_with_the_secret(telegram, api):
    wanted = {
        "url": Telegram.settings()["webhook_url"],
        "secret_token": Telegram.settings()["secret_token"],
    }
    assert (f"/telegram/bot{Telegram.settings()['access_token']}/setWebhook", wanted) in api.calls
    api.calls.clear()
    address = f"{telegram.bot.url}/webhooks/telegram/set_webhook"
    assert telegram.bot.session.get(address).text == "Webhook setup successful"
    assert [content for _, content in api.calls] == [wanted]


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"verify": "other_bot"}, "The token belongs to 'probe_bot', not to 'verify'."),
        ({"base_url": "http://127.0.0.1:9"}, "Telegram's webhook could not be set"),
    ],
    ids=["another bot", "away"],
)
def test_a_server_without_its_webhook_ends_and_says_why(api, tmp_path, setting, said):
    name, given = list(credentials(api.url).items())[1]
    project = lay_out(tmp_path / "project")
    (project / "credentials.yml").write_text(json.dumps({name: {**given, **setting}}))
    with pytest.raises(NotStarted, match=f"RasaException: {said}"):
        Bot(project, "rasa", ACTION_SERVER_URL="").wait()


def test_a_button_is_the_message_of_who_presses_it(telegram):
    bot = {"id": 1, "is_bot": True, "first_name": "Probe"}
    under = {**telegram.content(text="Choose"), "from": bot}
    query = {"id": str(telegram.number), "data": "/probe_author", "message": under}
    telegram.post(telegram.update(callback_query={**query, "from": telegram.user()}))
    heard(telegram, telegram.expected)


def test_a_place_is_text_as_with_rasas_channel(telegram):
    place = {"longitude": 13.5, "latitude": 52.25}
    telegram.post(telegram.update(message=telegram.content(location=place)))
    (turn,) = events(telegram, "user")
    assert turn["text"] == '{"lng":13.5, "lat":52.25}'


def test_restart_is_followed_by_start_as_with_rasas_channel(telegram):
    body = telegram.message("/restart")
    telegram.post(body)
    telegram.post(body)
    assert [turn["text"] for turn in events(telegram, "user")] == ["/restart", "/start"]


def test_a_value_that_violates_a_slots_schema_is_left_out(telegram):
    telegram.write("/probe_author")
    heard(telegram, telegram.expected)
    assert telegram.bot.slots(telegram.sender)["author_short"] is None
    warning = "telegram: the slot 'author_short' cannot hold author.name."
    assert warning in telegram.bot.server.printed()


def test_members_of_a_group_share_a_conversation_and_not_their_names(telegram):
    telegram.write("/probe_author")
    other = {**telegram.user(), "id": 5, "first_name": "Grace", "last_name": "Hopper"}
    telegram.write("/probe_author", **{"from": other})
    heard(telegram, telegram.expected, "Grace Hopper 5")


def test_what_is_too_large_to_store_is_left_out(telegram):
    telegram.write("/probe_author", entities=[{"type": "bold", "offset": 0}] * 1000)
    heard(telegram, telegram.expected)
    (turn,) = events(telegram, "user")
    assert turn["metadata"]["raw"] == {}
