"""What is patched in Rasa 3.6.21, and why. Nothing of Rasa is changed anywhere else.

To see what a patch is good for, start the bot without it: RASA_PATCHES_OFF names those to
leave out, separated by commas.
"""

import functools
import logging
import os
import sys
from collections.abc import Callable
from typing import Any

from jsonschema.validators import validator_for
from rasa.core.lock_store import LockStore
from rasa.shared.core.events import Event, UserUtteranceReverted, UserUttered
from rasa.shared.core.slot_mappings import SlotMapping

from rasa_metadata.contract.fields import SYNC_ACTION
from rasa_metadata.runtime import turn

PATCHES_OFF = "RASA_PATCHES_OFF"


def keep_root_logger() -> None:
    """Keep the root logger as Rasa set it up.

    Loading a model imports numpy.distutils, which takes the root logger for its
    own: it sets it to WARNING and prints without time or level (with setuptools
    70.3, which Rasa pins). "Rasa server is up and running" and each INFO line of your
    actions are lost. Done first and undone, the import is harmless later.
    """
    root = logging.getLogger()
    level, kind = root.level, root.__class__
    import numpy.distutils.log  # noqa: F401

    root.setLevel(level)
    root.__class__ = kind


def take_turns_promptly() -> None:
    """Look every 50 ms, not every second, whether a conversation is free again.

    Sixteen messages that one sender sends at once take 14 seconds otherwise, fourteen
    of them asleep.
    """
    LockStore.lock = functools.partialmethod(LockStore.lock, wait_time_in_seconds=0.05)


def check_action_results_quickly() -> None:
    """Read the schema of action results once, not in each call of an action.

    Rasa checks the schema itself, which never changes, before it looks at a result: 20 to
    30 ms of each call, three stock turns. A result that breaks it is left to Rasa, whose
    error says so in the same words.
    """
    actions = _served("rasa.core.actions.action")
    if not actions:
        return
    remote = actions.RemoteAction
    rasas = remote._validate_action_result
    schema = remote.action_response_format_spec()
    is_valid = validator_for(schema)(schema).is_valid

    @functools.wraps(rasas)
    def validate(self: Any, result: Any) -> bool:
        return is_valid(result) or rasas(self, result)

    remote._validate_action_result = validate


def find_events_quickly() -> None:
    """Look an event's class up by its name once.

    Rasa walks through all its classes of events for each event of the conversation, each
    time it loads the tracker: a seventh of a conversation's eighth turn, a quarter of its
    seventy-fifth.
    """
    Event.resolve_by_type = staticmethod(functools.lru_cache(Event.resolve_by_type))


def sync_on_ignored_intents() -> None:
    """Write metadata into the slots in each turn, also in one that a form ignores.

    Rasa leaves out all slot mappings when a form is active and the message's intent is
    one of its `ignored_intents`. Who has logged out by then would still be known by
    name in the reply.
    """
    rasas = SlotMapping.intent_is_desired

    @functools.wraps(rasas)
    def is_desired(mapping: dict[str, Any], *args: Any) -> bool:
        return mapping.get("action") == SYNC_ACTION or rasas(mapping, *args)

    SlotMapping.intent_is_desired = staticmethod(is_desired)


def sync_after_rewind() -> None:
    """Write metadata into the slots once more when a turn ends with its message undone.

    A fallback takes the slots of its turn along. Without this the tracker holds, until
    the next message comes, what was true before: who has logged out, say.
    """
    processor, action = _served("rasa.core.processor"), _served("rasa.core.actions.action")
    if not processor:
        return
    rasas = processor.MessageProcessor._run_prediction_loop

    @functools.wraps(rasas)
    async def run(self: Any, output_channel: Any, tracker: Any) -> None:
        await rasas(self, output_channel, tracker)
        ends = (e for e in reversed(tracker.events) if isinstance(e, TURN_ENDS))
        if isinstance(next(ends, None), UserUtteranceReverted):
            extract = action.ActionExtractSlots(self.action_endpoint)
            slots = await extract._run_custom_action(
                SYNC_ACTION, output_channel, self.nlg, tracker, self.domain
            )
            tracker.update_with_events(slots, self.domain)

    processor.MessageProcessor._run_prediction_loop = run


def tell_when_a_store_fails() -> None:
    """Let a turn fail when its conversation cannot be read or saved.

    Rasa goes on with an empty conversation, saves into memory, which it never looks at
    again, and answers 200. With PostgreSQL away for a turn, all slots are empty in it and
    the turn is gone afterwards. Our channels answer 503; what else uses the store gets the
    error, too.
    """
    stores = _served("rasa.core.tracker_store")
    if not stores:
        return

    def loud(name: str) -> Callable[..., Any]:
        @functools.wraps(getattr(stores.FailSafeTrackerStore, name))
        async def call(self: Any, *args: Any) -> Any:
            try:
                return await getattr(self._tracker_store, name)(*args)
            except Exception as error:
                raise turn.StoreFailed(f"The tracker store failed: {error!r}") from error

        return call

    for name in ("retrieve", "retrieve_full_tracker", "save", "keys"):
        setattr(stores.FailSafeTrackerStore, name, loud(name))


def answer_a_key_once() -> None:
    """Let a turn look whether its Idempotency-Key was handled before.

    Between Rasa's taking of the lock and its reading of the message there is no other
    place for it than the reading of the conversation.
    """
    stores = _served("rasa.core.tracker_store")
    if not stores:
        return
    rasas = stores.FailSafeTrackerStore.retrieve

    @functools.wraps(rasas)
    async def retrieve(self: Any, sender_id: str) -> Any:
        tracker = await rasas(self, sender_id)
        if tracker:
            await turn.look_back(sender_id, tracker.events, self)
        return tracker

    stores.FailSafeTrackerStore.retrieve = retrieve


TURN_ENDS = (UserUttered, UserUtteranceReverted)
PATCHES: tuple[Callable[[], None], ...] = (
    keep_root_logger,
    take_turns_promptly,
    check_action_results_quickly,
    find_events_quickly,
    sync_on_ignored_intents,
    sync_after_rewind,
    tell_when_a_store_fails,
    answer_a_key_once,
)


@functools.cache  # each of our channels asks for them
def apply() -> None:
    """Apply the patches to the Rasa of this process."""
    off = os.environ.get(PATCHES_OFF, "").split(",")
    for patch in PATCHES:
        if patch.__name__ not in off:
            patch()


def _served(module: str) -> Any:
    """Return a module that each Rasa server has loaded, and TensorFlow with it.

    Where it is not loaded there is no server to patch: the fast tests import the channels
    alone.
    """
    return sys.modules.get(module)
