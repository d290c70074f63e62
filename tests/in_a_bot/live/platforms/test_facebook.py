"""What only Messenger has: its verification, batches, buttons and files."""

import hashlib
import hmac
import json

import pytest

from in_a_bot.live.platforms.platforms import Messenger, numbers
from in_a_bot.live.platforms.test_platforms import events, heard


@pytest.fixture
def messenger(platform_bot, api):
    return Messenger(platform_bot, api)


def test_the_address_is_verified_as_with_rasas_channel(messenger):
    asked = {"hub.mode": "subscribe", "hub.challenge": "123", "hub.verify_token": "a-word"}
    get = messenger.bot.session.get
    assert get(messenger.url, params=asked).text == "123"
    assert "123" not in get(messenger.url, params={**asked, "hub.verify_token": "x"}).text


def test_the_older_signature_is_not_enough(messenger):
    body = messenger.message("hello")
    proof = hmac.new(Messenger.KEY.encode(), body.encode(), hashlib.sha1).hexdigest()
    older = {"X-Hub-Signature-256": None, "X-Hub-Signature": f"sha1={proof}"}
    assert messenger.post(body, **older).status_code == 401


def test_each_message_of_a_batch_is_answered_once(messenger, platform_bot, api):
    other = Messenger(platform_bot, api)
    said = {"mid": f"m_{next(numbers)}", "text": "/probe_show"}
    asked = [messenger.event(message={**said, "mid": f"{said['mid']}-{n}"}) for n in range(3)]
    read = messenger.event(read={"watermark": 1})
    body = messenger.batch(*asked, read, other.event(message=said))
    body = json.dumps({"object": "page", "entry": [*json.loads(body)["entry"] * 2]})
    for _ in range(2):
        assert messenger.post(body).status_code == 200
    heard(messenger, *["None None None"] * 3)
    heard(other, "None None None")


@pytest.mark.parametrize(
    "content",
    [
        {"message": {"mid": "m", "text": "Who?", "quick_reply": {"payload": "/probe_author"}}},
        {"postback": {"title": "Who?", "payload": "/probe_author"}},
    ],
    ids=lambda content: next(iter(content)),
)
def test_a_button_is_a_message(messenger, content):
    messenger.post(messenger.batch(messenger.event(**content)))
    heard(messenger, messenger.expected)


def test_a_files_address_is_the_text_as_with_rasas_channel(messenger):
    file = {"type": "image", "payload": {"url": "https://example.com/p.png"}}
    messenger.post(messenger.batch(messenger.event(message={"mid": "m_9", "attachments": [file]})))
    (turn,) = events(messenger, "user")
    assert turn["text"] == "https://example.com/p.png"


def test_the_profile_has_the_name(messenger):
    messenger.write("/probe_author")
    (turn,) = events(messenger, "user")
    assert turn["metadata"]["author"] == {"id": messenger.id, "name": "Ada Lovelace"}


def test_the_user_sees_that_the_bot_reads_and_writes(messenger, api):
    messenger.write("/probe_show")
    to = {"id": messenger.id}
    sent = [content for _, content in api.calls if content.get("recipient") == to]
    actions = [content.get("sender_action", "a message") for content in sent]
    assert actions == ["mark_seen", "typing_on", "a message", "typing_off"]
