"""A conversation held with Rasa's own tracker and our two actions, and nothing else.

It does to the tracker what rasa/core/processor.py does in a turn, so the rules
by which Rasa undoes and wipes events are Rasa's, not a copy of them.
"""

import asyncio
import copy
import inspect
import time
from collections.abc import Sequence
from typing import Any

from rasa.shared.core.domain import Domain
from rasa.shared.core.events import (
    ActionExecuted,
    Event,
    Restarted,
    SlotSet,
    UserUtteranceReverted,
    UserUttered,
    deserialise_events,
)
from rasa.shared.core.trackers import DialogueStateTracker, EventVerbosity
from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher

from actions.session_start import ActionSessionStart
from rasa_metadata.slots.sync import ActionSyncMetadata

NOTHING: dict[str, Any] = {}
MESSAGE_ID = "the id of each message here"


def mapped(
    metadata: Any, kind: str = "text", others: Sequence[dict] = (), **settings: Any
) -> dict[str, Any]:
    """Return a slot of domain.yml that is filled from metadata, and by other mappings."""
    mapping = {"type": "custom", "action": "action_sync_metadata", "metadata": metadata}
    return {"type": kind, "mappings": [*others, mapping], **settings}


class Conversation:
    """One sender's talk with a bot that has these slots."""

    def __init__(self, slots: dict[str, Any], session_config: dict | None = None) -> None:
        mappings = [mapping for slot in slots.values() for mapping in slot.get("mappings", ())]
        entities = [mapping["entity"] for mapping in mappings if "entity" in mapping]
        data = {"slots": slots, "entities": entities, "session_config": session_config or {}}
        self.domain = Domain.from_dict(copy.deepcopy(data))
        self.tracker = DialogueStateTracker("ada", self.domain.slots)

    def say(
        self,
        metadata: Any = NOTHING,
        *then: Event,
        text: str = "hi",
        entities: dict[str, Any] = NOTHING,
    ) -> "Conversation":
        """Take a turn: a message with metadata, then the events an action returned.

        `entities` fill the slots of their names, which need that mapping.
        """
        self._hear(metadata, text, entities)
        if text == "/session_start":
            self._run(ActionSessionStart())
        else:
            self._add([*then, ActionExecuted("action_listen")])
        return self

    def fall_back(self, metadata: Any = NOTHING) -> "Conversation":
        """Take a turn that action_default_fallback undoes."""
        return self.say(
            metadata, ActionExecuted("action_default_fallback"), UserUtteranceReverted()
        )

    def restart(self, metadata: Any = NOTHING) -> "Conversation":
        """Take the turn of `/restart`, in which Rasa starts a session too."""
        self._hear(metadata, "/restart")
        self._add([ActionExecuted("action_restart"), Restarted()])
        self._run(ActionSessionStart())
        return self

    def sync(self, *extracted: Event) -> None:
        """Sync metadata and extract slots; all these events are added together."""
        self._add([*self._events_of(ActionSyncMetadata()), *extracted])

    def wait(self, minutes: float) -> "Conversation":
        """Let time pass by making all that happened older."""
        for event in self.tracker.events:
            event.timestamp -= minutes * 60
        return self

    def reload(self) -> "Conversation":
        """Do what a tracker store does between turns: forget the sessions before."""
        events = list(self.tracker.events)
        starts = [i for i, e in enumerate(events) if e.type_name == "session_started"]
        self.tracker = DialogueStateTracker.from_events(
            "ada", events[starts[-1] :], self.domain.slots
        )
        return self

    seen: dict[str, Any] = NOTHING
    """The values of the slots when the bot decided what to say to the latest message."""

    @property
    def slots(self) -> dict[str, Any]:
        """The values of the slots that domain.yml names."""
        ours = self.domain.as_dict()["slots"]
        return {slot: self.tracker.get_slot(slot) for slot in ours}

    def sdk_tracker(self) -> Tracker:
        """Return the tracker as a custom action receives it."""
        return Tracker.from_dict(self.tracker.current_state(EventVerbosity.ALL))

    def _hear(self, metadata: Any, text: str, entities: dict[str, Any] = NOTHING) -> None:
        if not self.tracker.applied_events() or self._expired():
            self._start_session(metadata, text)
        intent = {"name": text[1:] if text.startswith("/") else "other"}
        found = [{"entity": name, "value": value} for name, value in entities.items()]
        metadata = copy.deepcopy(metadata) or None
        message = UserUttered(text, intent, found, message_id=MESSAGE_ID, metadata=metadata)
        self._add([message])
        self.sync(*(SlotSet(name, value) for name, value in entities.items()))
        self.seen = self.slots

    def _start_session(self, metadata: Any, text: str) -> None:
        if metadata:
            self._add([SlotSet("session_started_metadata", copy.deepcopy(metadata))])
        self._run(ActionSessionStart(), text)

    def _run(self, action: Any, opening: str | None = None) -> None:
        self._add([ActionExecuted(action.name()), *self._events_of(action, opening)])

    def _events_of(self, action: Any, opening: str | None = None) -> list[Event]:
        tracker = self.sdk_tracker()
        if opening is not None:  # as turn.run_action passes it on
            message = {"text": opening, "message_id": MESSAGE_ID}
            tracker.latest_message = {**tracker.latest_message, **message}
        before = copy.deepcopy(tracker.events)
        run = action.run(CollectingDispatcher(), tracker, self.domain.as_dict())
        events = asyncio.run(run) if inspect.isawaitable(run) else run
        assert tracker.events == before, "our actions never change what they are given"
        return deserialise_events(events)

    def _add(self, events: list[Event]) -> None:
        self.tracker.update_with_events(events, self.domain)

    def _expired(self) -> bool:
        minutes = self.domain.session_config.session_expiration_time
        last = self.tracker.get_last_event_for(UserUttered) or self.tracker.events[-1]
        return bool(minutes) and time.time() - last.timestamp > minutes * 60
