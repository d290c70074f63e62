"""A message with an Idempotency-Key is handled once, and answered as often as it is sent."""

import asyncio

import pytest
from rasa.core.channels.channel import CollectingOutputChannel, UserMessage
from rasa.core.lock_store import InMemoryLockStore
from rasa.core.tracker_store import FailSafeTrackerStore, InMemoryTrackerStore
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
from rasa_metadata.runtime import patches, turn


class Bot:
    """Does with a message and its conversation what Rasa's agent and processor do."""

    def __init__(self):
        self.store = FailSafeTrackerStore(InMemoryTrackerStore(DOMAIN))
        self.locks = InMemoryLockStore()

    async def handle(self, message):
        async with self.locks.lock(message.sender_id):
            tracker = await self.store.get_or_create_tracker(message.sender_id)
            events = [UserUttered(message.text, metadata=message.metadata)]
            if not tracker.latest_message.text:
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

    async def send(self, text, key=None):
        channel = CollectingOutputChannel()
        metadata = key and {IDEMPOTENCY_KEY: key}
        message = UserMessage(text, channel, "ada", metadata=metadata)
        error = await turn.take(self.handle, message, timeout=1)
        return error or channel.messages

    def say_to_it(self, text, key=None):
        return asyncio.run(self.send(text, key))


@pytest.fixture
def bot(monkeypatch):
    monkeypatch.setattr(FailSafeTrackerStore, "retrieve", FailSafeTrackerStore.retrieve)
    patches.answer_a_key_once()
    return Bot()


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


def test_a_key_of_another_message_is_refused(bot):
    bot.say_to_it("one", "k1")
    error = bot.say_to_it("two", "k1")
    assert (error.status, error.reason) == (422, "KeyReused")
    assert bot.messages() == ["one"]


def test_an_action_does_not_see_the_key_in_known_metadata():
    talk = Conversation({"user_name": mapped("user.name")})
    talk.say({"user": {"name": "Ada"}, IDEMPOTENCY_KEY: "k1"})
    assert known_metadata(talk.sdk_tracker()) == {"user": {"name": "Ada"}}
    assert talk.slots == {"user_name": "Ada"}
