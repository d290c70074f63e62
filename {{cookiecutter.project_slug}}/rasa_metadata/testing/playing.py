"""Plays a talk with the running bot, and says at which step it goes another way."""

import json
import time
from typing import Any

from rasa_metadata.contract import same
from rasa_metadata.testing.bot import BotUnderTest, new_sender
from rasa_metadata.testing.talks import Step, Talk, TalkError


def play(talk: Talk, bot: BotUnderTest) -> None:
    """Send the messages of a talk and compare what the bot says and knows.

    Raises:
        TalkError: at the first step that goes another way, with the talk up to there.
    """
    Conversation(talk, bot).play()


class Conversation:
    """A talk while it is played. `unmatched` are the bot's messages that no step has named."""

    def __init__(self, talk: Talk, bot: BotUnderTest) -> None:
        self.talk, self.bot = talk, bot
        self.sender = self.tracked = new_sender()
        self.transcript: list[str] = []
        self.unmatched: list[dict[str, Any]] = []

    def play(self) -> None:
        if self.talk.fixtures:
            slots = self.talk.fixtures.items()
            events = [{"event": "slot", "name": name, "value": value} for name, value in slots]
            self.bot.add_events(self.sender, *events)
            self.transcript.append(f"  fixtures: {_json(self.talk.fixtures)}")
        for step in self.talk.steps:
            if step.kind == "user":
                self._send(step)
            elif step.kind in ("bot", "utter"):
                self._compare_message(step)
            else:
                self._compare_slots(step)

    def _send(self, step: Step) -> None:
        extras = [_json(step.metadata)] if step.metadata else []
        extras += [f"token {_json(step.token)}"] if step.token is not None else []
        self.transcript.append("  ".join([f"  user: {step.value}", *extras]))
        since = time.time()
        sent = self.bot.send(self.sender, step.value, step.metadata or None, step.token)
        self.tracked, answer = sent.conversation, sent.answer
        events = self.bot.tracker(self.tracked)["events"] if sent.status == 200 else []
        spoken = (event for event in events if event["event"] == "bot")
        self.unmatched = [event for event in spoken if event["timestamp"] >= since]
        self.transcript += [f"  bot: {_content(event)}" for event in self.unmatched]

        error = answer if isinstance(answer, dict) else {}
        received = {"status": sent.status, "reason": error.get("reason")}
        if any(received[key] != wanted for key, wanted in step.expect.items()):
            what = {**received, "message": error.get("message"), **error.get("details", {})}
            raise self._differs(step, _json(step.expect), _json(what if error else received))

    def _compare_message(self, step: Step) -> None:
        for index, event in enumerate(self.unmatched):
            said = _content(event) if step.kind == "bot" else event["metadata"].get("utter_action")
            if said == step.value.strip():
                del self.unmatched[: index + 1]
                return
        received = " | ".join(
            _content(event) if step.kind == "bot" else _named(event) for event in self.unmatched
        )
        raise self._differs(step, step.value, received or "no more messages")

    def _compare_slots(self, step: Step) -> None:
        slots = self.bot.tracker(self.tracked)["slots"]
        for name, *wanted in step.value:
            value = slots.get(name)
            is_set = same(value, wanted[0]) if wanted else value is not None
            if is_set != (step.kind == "slot_was_set"):
                expected = f"{name}: {_json(wanted[0])}" if wanted else str(name)
                raise self._differs(step, expected, f"{name}: {_json(value)}")

    def _differs(self, step: Step, expected: str, received: str) -> TalkError:
        what = "expect" if step.kind == "user" else step.kind
        lines = [*self.transcript, f"> {what}: {expected}", f"  received: {received}"]
        return TalkError("\n".join([f"{step.line}: {self.talk.name}", *lines]))


def _content(event: dict[str, Any]) -> str:
    """Return the text of a bot message, or its buttons, image and the like as JSON."""
    text = event["text"]
    return text.strip() if text else _json({k: v for k, v in event["data"].items() if v})


def _named(event: dict[str, Any]) -> str:
    return event["metadata"].get("utter_action") or f"'{_content(event)}' (not a response)"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
