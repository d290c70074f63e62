"""A message with an Idempotency-Key is handled once, and answered as often as it is sent."""

import asyncio
import time

import pytest
from rasa.core.channels.channel import CollectingOutputChannel, UserMessage
from rasa.core.tracker_store import FailSafeTrackerStore
from rasa.shared.core.events import (
    ActionExecuted,
    BotUttered,
    Restarted,
    SessionStarted,
    SlotSet,
    UserUttered,
)

from in_a_bot.cases import DOMAIN
from in_a_bot.fast.conversation import Conversation, mapped
from rasa_metadata import known_metadata
from rasa_metadata.contract.fields import IDEMPOTENCY_KEY
from rasa_metadata.contract.signature import SIGNED_KEY, sign
from rasa_metadata.runtime import turn
from rasa_metadata.stores import InProcessLockStore, SQLTrackerStore


class Bot:
    """Does with a message and its conversation what Rasa's agent and processor do."""

    def __init__(self, folder):
        store = SQLTrackerStore(DOMAIN, db=str(folder / "conversations.db"))
        self.store = FailSafeTrackerStore(store)
        self.locks = InProcessLockStore()

    async def handle(self, message):
        async with self.locks.lock(message.sender_id):
            tracker = await self.store.get_or_create_tracker(message.sender_id)
            events = [UserUttered(message.text, metadata=message.metadata)]
            if not tracker.latest_message.text or message.text == "after a while":
                self.open_session(tracker, message.metadata)
            await asyncio.sleep(0)
            answer = {"buttons": [{"title": "yes", "payload": "/yes"}]}
            events += [ActionExecuted("utter"), BotUttered(message.text.upper(), answer)]
            if message.text == "/restart":
                events += [Restarted()]
            for event in events:
                tracker.update(event)
                await self.say(event, message)
            if message.text == "/restart":
                self.open_session(tracker, message.metadata)
            tracker.update(ActionExecuted("action_listen"))
            await self.store.save(tracker)

    def open_session(self, tracker, metadata):
        if metadata:
            tracker.update(SlotSet("session_started_metadata", metadata))
        tracker.update(ActionExecuted("action_session_start"))
        tracker.update(BotUttered("welcome"))
        tracker.update(SessionStarted())

    async def say(self, event, message):
        if isinstance(event, BotUttered):
            await message.output_channel.send_response(message.sender_id, event.message())

    def messages(self):
        tracker = asyncio.run(self.store.retrieve_full_tracker("ada"))
        return [event.text for event in tracker.events if isinstance(event, UserUttered)]

    async def send(self, text, key=None, **metadata):
        channel = CollectingOutputChannel()
        if key:
            metadata[IDEMPOTENCY_KEY] = key
        message = UserMessage(text, channel, "ada", metadata=metadata)
        error = await turn.take(self.handle, message, timeout=1)
        return error or channel.messages

    def say_to_it(self, text, key=None, **metadata):
        return asyncio.run(self.send(text, key, **metadata))


@pytest.fixture
def bot(tmp_path):
    return Bot(tmp_path)


def signed(subject="u1", text="one", **metadata):
    """Return what is stored of a token that was just renewed."""
    return {SIGNED_KEY: sign(metadata, "ada", "m1", text, subject, time.time() + 60)}


def test_it_is_handled_once_and_answered_each_time(bot):
    bot.say_to_it("hi", "k0")
    first = bot.say_to_it("one", "k1")
    assert first[0]["text"] == "ONE"
    assert first[0]["buttons"]
    bot.say_to_it("two", "k2")
    assert bot.say_to_it("one", "k1") == first
    assert bot.messages() == ["hi", "one", "two"]


def test_what_the_bot_said_at_session_start_is_in_the_answer(bot):
    bot.say_to_it("hi", "k1")
    assert [said["text"] for said in bot.say_to_it("hi", "k1")] == ["welcome", "HI"]
    assert bot.messages() == ["hi"]


def test_a_restart_is_done_once(bot):
    bot.say_to_it("hi")
    bot.say_to_it("/restart", "k1")
    assert [said["text"] for said in bot.say_to_it("/restart", "k1")] == ["/RESTART", "welcome"]
    assert bot.messages() == ["hi", "/restart"]


def test_it_is_handled_once_though_it_comes_twice_at_the_same_time(bot):
    async def both():
        return await asyncio.gather(bot.send("one", "k1"), bot.send("one", "k1"))

    bot.say_to_it("hi")
    one, other = asyncio.run(both())
    assert one == other
    assert bot.messages() == ["hi", "one"]


def test_without_a_key_a_message_is_handled_as_often_as_it_comes(bot):
    for _ in range(2):
        bot.say_to_it("one")
    assert bot.messages() == ["one", "one"]


OTHERS = {
    "another text": ("two", {}),
    "other metadata": ("one", {"a": 1}),
    "a token": ("one", signed()),
}


@pytest.mark.parametrize("what", OTHERS)
def test_a_key_of_another_message_is_rejected(bot, what):
    bot.say_to_it("hi")
    bot.say_to_it("one", "k1")
    text, metadata = OTHERS[what]
    error = bot.say_to_it(text, "k1", **metadata)
    assert (error.status, error.reason) == (422, "KeyReused")
    assert bot.messages() == ["hi", "one"]


@pytest.mark.parametrize("other", [{}, signed("u2"), signed("u1", id="u1")])
def test_nobody_gets_an_answer_that_was_given_to_another_token(bot, other):
    bot.say_to_it("one", "k1", **signed("u1"))
    assert bot.say_to_it("one", "k1", **other).reason == "KeyReused"


def test_a_renewed_token_says_the_same(bot):
    bot.say_to_it("hi")
    first = bot.say_to_it("one", "k1", **signed("u1", id="u1"))
    assert bot.say_to_it("one", "k1", **signed("u1", id="u1")) == first


def test_a_key_is_found_again_in_an_earlier_session(bot):
    bot.say_to_it("hi")
    first = bot.say_to_it("one", "k1")
    bot.say_to_it("after a while", "k2")
    bot.say_to_it("after a while")
    assert bot.say_to_it("one", "k1") == first
    assert bot.messages() == ["hi", "one", "after a while", "after a while"]


@pytest.mark.parametrize("key", ["%", "_", "!", '"', "\\", "k%1", "x" * 255])
def test_a_key_may_have_any_visible_character(bot, key):
    bot.say_to_it("hi", "another")
    first = bot.say_to_it("one", key)
    bot.say_to_it("after a while")
    assert bot.say_to_it("one", key) == first
    assert bot.messages() == ["hi", "one", "after a while"]


def test_a_key_that_metadata_contains_elsewhere_is_not_the_keys(bot):
    bot.say_to_it("hi")
    bot.say_to_it("one", "k0", deep={IDEMPOTENCY_KEY: "k1"})
    bot.say_to_it("after a while")
    assert bot.say_to_it("one", "k1")[0]["text"] == "ONE"


def test_an_action_does_not_see_the_key_in_known_metadata():
    talk = Conversation({"user_name": mapped("user.name")})
    talk.say({"user": {"name": "Ada"}, IDEMPOTENCY_KEY: "k1"})
    assert known_metadata(talk.sdk_tracker()) == {"user": {"name": "Ada"}}
    assert talk.slots == {"user_name": "Ada"}
