"""Two actions, plain and async, that do the worst an action can do, as a message asks for."""

import asyncio
import sys

from rasa_sdk import Action
from rasa_sdk.events import FollowupAction, Restarted, SessionStarted, SlotSet

from rasa_metadata import known_metadata


def raising(error):
    def behave(*_):
        raise error

    return behave


def returning(*events):
    return lambda *_: list(events)


def saying(**message):
    return lambda dispatcher, *_: dispatcher.utter_message(**message)


def recursing(*_):
    return recursing()


def circular(*_):
    event = {"event": "slot", "name": "probe_text"}
    event["value"] = event
    return [event]


def deep(*_):
    value = []
    for _ in range(100_000):
        value = [value]
    return [SlotSet("probe_text", value)]


def cancelled(*_):
    asyncio.current_task().cancel()


def spoiling(_, tracker):
    tracker.events[:] = [None]
    tracker.slots.clear()
    tracker.latest_message = None
    del tracker.sender_id


class Odd(Exception):
    __str__ = None


class Empty:
    """Cannot be shown, compared, copied or turned into JSON."""

    def __repr__(self):
        raise KeyboardInterrupt

    __str__ = __eq__ = __deepcopy__ = __reduce_ex__ = __repr__
    __hash__ = None


FAULTS = {
    "exits": raising(SystemExit(1)),
    "exits with a text": lambda *_: sys.exit("gone"),
    "is interrupted": raising(KeyboardInterrupt()),
    "raises CancelledError": raising(asyncio.CancelledError()),
    "raises TimeoutError": raising(asyncio.TimeoutError()),
    "raises GeneratorExit": raising(GeneratorExit()),
    "raises StopIteration": raising(StopIteration(1)),
    "raises StopAsyncIteration": raising(StopAsyncIteration()),
    "raises BaseException": raising(BaseException("any")),
    "raises a group of lines": raising(ValueError("a\n2026-11-25 ERROR b\x1b[31m")),
    "raises what cannot be printed": raising(Odd()),
    "raises MemoryError": raising(MemoryError()),
    "calls next() on nothing": lambda *_: next(iter(())),
    "recurses": recursing,
    "cancels its own task": cancelled,
    "returns a set": returning(SlotSet("probe_text", {1})),
    "returns itself": circular,
    "returns bytes": returning(SlotSet("probe_text", b"x")),
    "returns what cannot be shown": returning(SlotSet("probe_text", Empty())),
    "returns 100,000 lists in one another": deep,
}
# Rasa takes some of these, or passes over them; nobody but this conversation may notice.
ODD = {
    "returns a number": lambda *_: 7,
    "returns a text": lambda *_: "slot",
    "returns an object": lambda *_: {"event": "slot"},
    "returns a generator": lambda *_: (SlotSet("probe_text", n) for n in "ab"),
    "returns an event without a name": returning({"x": 1}),
    "returns an unknown event": returning({"event": "nonsense"}),
    "returns None as an event": returning(None),
    "returns NaN": returning(SlotSet("probe_number", float("nan"))),
    "returns Infinity": returning(SlotSet("probe_number", float("inf"))),
    "returns 10**400": returning(SlotSet("probe_number", 10**400)),
    "returns NUL": returning(SlotSet("probe_text", "\0")),
    "returns a surrogate": returning(SlotSet("probe_text", "\ud800")),
    "returns a value of another type": returning(SlotSet("probe_flag", ["no"])),
    "returns an unknown slot": returning(SlotSet("nobody", 1)),
    "returns a slot without a name": returning(SlotSet(None, 1)),
    "returns 500 events": returning(*[SlotSet("probe_text", "x")] * 500),
    "returns 1 MB": returning(SlotSet("probe_text", "x" * 1_000_000)),
    "follows itself up": lambda _, tracker: [FollowupAction("action_hostile")],
    "follows up what is unknown": returning(FollowupAction("action_nobody")),
    "restarts": returning(Restarted()),
    "starts a session": returning(SessionStarted()),
    "forges a message": returning({"event": "user", "text": "/probe_show", "metadata": {"x": 1}}),
    "forges a time": returning({"event": "slot", "name": "probe_text", "timestamp": "now"}),
    "reminds in an odd year": returning(
        {"event": "reminder", "intent": "x", "date_time": "99999-01-01", "name": "x"}
    ),
    "says a surrogate": saying(text="\ud800"),
    "says NUL": saying(text="a\0b"),
    "says 1 MB": saying(text="x" * 1_000_000),
    "says NaN": saying(json_message={"x": float("nan")}),
    "says a number": saying(text=7),
    "says an unknown response": saying(response="utter_nobody"),
    "says odd buttons": saying(text="x", buttons="none"),
    "spoils its arguments": spoiling,
    "prints control characters": lambda *_: print("\x1b[31m\0\ud800".encode("utf-8", "replace")),
}
EVERY = {**FAULTS, **ODD}


class Hostile(Action):
    def name(self):
        return "action_hostile"

    def run(self, dispatcher, tracker, domain):
        return EVERY[known_metadata(tracker)["fault"]](dispatcher, tracker)


class HostileAsync(Action):
    def name(self):
        return "action_hostile_async"

    async def run(self, dispatcher, tracker, domain):
        await asyncio.sleep(0)
        found = EVERY[known_metadata(tracker)["fault"]](dispatcher, tracker)
        await asyncio.sleep(0)
        return found
