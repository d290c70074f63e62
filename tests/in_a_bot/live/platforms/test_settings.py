"""What credentials.yml can say, how a turn ends, and what a message's metadata is, without a
server."""

import asyncio

import pytest
from rasa.core.lock_store import LockError
from rasa.shared.exceptions import RasaException
from rasa.shared.utils.common import class_from_module_path

from in_a_bot.fast.conversation import mapped
from in_a_bot.live.platforms.platforms import PLATFORMS, Telegram
from rasa_metadata.channels.incoming import Incoming
from rasa_metadata.channels.telegram import MetadataTelegramInput
from rasa_metadata.contract import Contract, contract_of
from rasa_metadata.contract.signature import verify
from rasa_metadata.validation.errors import ApiError
from rasa_metadata.validation.message import ValidMessage


def channel_of(platform):
    return class_from_module_path(
        f"rasa_metadata.channels.{platform.channel}.{platform.class_name}"
    )


@pytest.mark.parametrize("platform", PLATFORMS.values(), ids=PLATFORMS)
def test_nothing_starts_without_what_verifies_its_requests(platform):
    channel = channel_of(platform)
    for key in channel.required:
        for value in (None, ""):
            with pytest.raises(RasaException, match=f"'{key}' is missing"):
                channel.from_credentials({**platform.settings(), key: value})
    with pytest.raises(RasaException, match="is missing"):
        channel.from_credentials(None)
    with pytest.raises(RasaException, match="'sender_prefx' is unknown"):
        channel.from_credentials({**platform.settings(), "sender_prefx": ""})


@pytest.mark.parametrize("platform", PLATFORMS.values(), ids=PLATFORMS)
def test_the_api_is_the_platforms_own_unless_another_is_named(platform):
    channel = channel_of(platform).from_credentials(platform.settings())
    assert channel.base_url.startswith("https://")
    assert channel.validation.max_body_bytes == 262144
    with pytest.raises(RasaException, match="'action_timeout' is a number above 0"):
        channel_of(platform).from_credentials({**platform.settings(), "action_timeout": 0})


def test_a_prefix_is_text():
    with pytest.raises(RasaException, match="'sender_prefix' is text, not None"):
        MetadataTelegramInput.from_credentials({**Telegram.settings(), "sender_prefix": None})


@pytest.mark.parametrize("prefix, sender", [("", "7"), ("shop:", "shop:7"), (None, "telegram:7")])
def test_the_sender_is_the_platforms_behind_a_prefix_of_your_choice(prefix, sender):
    given = {} if prefix is None else {"sender_prefix": prefix}
    channel = MetadataTelegramInput.from_credentials({**Telegram.settings(), **given})
    assert taken(channel, "7") == [sender]


def test_without_a_prefix_nobody_gets_the_conversation_of_a_token():
    channel = MetadataTelegramInput.from_credentials({**Telegram.settings(), "sender_prefix": ""})
    assert taken(channel, "user:u1") == []


@pytest.mark.parametrize("error, again", [(LockError(), True), (ValueError(), False)])
def test_the_platform_sends_again_what_can_succeed_later_and_nothing_else(error, again):
    channel = MetadataTelegramInput.from_credentials(Telegram.settings())

    async def handle(_):
        raise error

    for answers_first in (False, True):
        channel.answers_first = answers_first
        if again and not answers_first:
            with pytest.raises(ApiError, match="could not be locked") as raised:
                asyncio.run(channel.take(handle, [message()], Contract(())))
            assert raised.value.status == 503
        else:
            asyncio.run(channel.take(handle, [message()], Contract(())))


def test_the_platform_vouches_for_the_author_alone():
    slots = {
        "id": mapped({"path": "author.id", "signed": True}),
        "said": mapped({"path": "raw.said", "signed": True}),
        "room": mapped("channel.conversation"),
        "name": mapped({"path": "user.name", "channels": {"telegram": "author.name"}}),
    }
    valid = ValidMessage("hello", "telegram:7", None)
    said = message(author={"id": "7", "name": "Ada", "locale": None}, raw={"said": "x"})
    metadata = said.metadata("telegram", {"locale": "de"}, valid, contract_of({"slots": slots}))
    assert verify(metadata, valid.sender, valid.id, valid.text) == {"author": {"id": "7"}}
    assert metadata["author"] == {"id": "7", "name": "Ada", "locale": "de"}
    assert metadata["user"] == {"name": "Ada"}
    assert metadata["channel"] == {"name": "telegram", "conversation": "room"}


@pytest.mark.parametrize(("channel", "value"), [("telegram", "Ada"), ("slack", "7")])
def test_a_channel_that_is_not_named_reads_the_path(channel, value):
    slot = mapped({"path": "author.id", "channels": {"telegram": "author.name"}})
    valid = ValidMessage("hello", f"{channel}:7", None)
    said, contract = (
        message(author={"id": "7", "name": "Ada"}),
        contract_of({"slots": {"it": slot}}),
    )
    assert said.metadata(channel, {}, valid, contract)["author"]["id"] == value


@pytest.mark.parametrize("key", ["text", "sender", "id", "author"])
def test_a_message_without_its_parts_is_none(key):
    with pytest.raises(TypeError):
        message(**{key: {"id": 5} if key == "author" else None})


class Output:
    def __init__(self):
        self.recipients = []

    async def send_response(self, recipient, message):
        self.recipients.append(recipient)


def message(**parts):
    usual = {"text": "hello", "sender": "7", "id": "1", "author": {"id": "7"}, "raw": {}}
    return Incoming(**{**usual, "channel": {"conversation": "room"}, "output": Output(), **parts})


def taken(channel, sender):
    """Let a channel take a message; return the senders that Rasa sees."""
    senders, said = [], message(sender=sender)

    async def handle(each):
        senders.append(each.sender_id)
        await each.output_channel.send_response(each.sender_id, {"text": "hello"})

    asyncio.run(channel.take(handle, [said], Contract(())))
    assert said.output.recipients == ["7"] * len(senders)
    return senders
