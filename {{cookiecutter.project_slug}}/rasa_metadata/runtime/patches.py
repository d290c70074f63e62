"""All that is patched in Rasa 3.6.21, each patch with its reason.

To see what a patch does, start the bot without it: RASA_PATCHES_OFF lists the names of
those to leave out, separated by commas.
"""

import copy
import functools
import os
from collections.abc import Callable
from typing import Any

import rasa.core.tracker_store as tracker_store
from jsonschema_rs import validator_for
from rasa.core.actions.action import ActionExtractSlots, RemoteAction
from rasa.core.constants import DEFAULT_REQUEST_TIMEOUT
from rasa.core.lock_store import LockStore
from rasa.core.processor import MessageProcessor
from rasa.shared.core.events import Event, UserUtteranceReverted, UserUttered
from rasa.utils.endpoints import EndpointConfig

from rasa_metadata.contract.fields import SYNC_ACTION
from rasa_metadata.runtime import turn
from rasa_metadata.runtime.in_process import actions_of

PATCHES_OFF = "RASA_PATCHES_OFF"
TURN_ENDS = (UserUttered, UserUtteranceReverted)


def take_turns_promptly() -> None:
    """Look every 50 ms, not every second, whether a conversation is free again.

    Sixteen messages that one sender sends at once take 14 seconds otherwise, fourteen
    of them asleep.
    """
    LockStore.lock = functools.partialmethod(LockStore.lock, wait_time_in_seconds=0.05)


def find_events_quickly() -> None:
    """Look an event's class up by its name once.

    Rasa walks through all its classes of events for each event of the conversation, each
    time it loads the tracker: a seventh of a conversation's eighth turn, a quarter of its
    seventy-fifth.
    """
    Event.resolve_by_type = staticmethod(functools.lru_cache(Event.resolve_by_type))


def run_actions_in_process() -> None:
    """`EndpointConfig.request`: run actions here, and end a turn in which one fails.

    Rasa logs an action's exception and goes on, and answers `200 []`.
    """
    stock = EndpointConfig.request

    @functools.wraps(stock)
    async def request(self: EndpointConfig, *args: Any, **kwargs: Any) -> Any:
        call = kwargs.get("json")
        if not (isinstance(call, dict) and "next_action" in call):  # not an action: NLG, say
            return await stock(self, *args, **kwargs)
        in_process = actions_of(self)

        async def send(call: dict[str, Any], timeout: float) -> Any:
            if in_process:
                return await in_process.request(call, timeout)
            return await stock(self, *args, **{**kwargs, "json": call, "timeout": timeout})

        return await turn.run_action(send, call, kwargs.get("timeout", DEFAULT_REQUEST_TIMEOUT))

    EndpointConfig.request = request


def greet_in_the_new_session() -> None:
    """`RemoteAction.run`: render what action_session_start says with the slots it sets.

    Rasa renders an action's responses before it applies the action's events, and stores
    them before `session_started`. Without an output channel, nothing is said.
    """
    stock = RemoteAction.run

    @functools.wraps(stock)
    async def run(self: Any, output_channel: Any, nlg: Any, tracker: Any, domain: Any) -> Any:
        if self.name() != turn.SESSION_START or self.action_endpoint is None:
            return await stock(self, output_channel, nlg, tracker, domain)
        endpoint, responses = copy.copy(self.action_endpoint), []

        async def request(*args: Any, **kwargs: Any) -> Any:
            result = await self.action_endpoint.request(*args, **kwargs)
            responses.extend(result.pop("responses", []))
            return result

        endpoint.request = request
        events = await stock(
            RemoteAction(self.name(), endpoint), output_channel, nlg, tracker, domain
        )
        if not responses or output_channel is None:
            return events
        tracker.update_with_events(events, domain)  # a copy (MessageProcessor._run_action)
        messages = await self._utter_responses(responses, output_channel, nlg, tracker)
        return [*events[:-1], *messages, *events[-1:]]  # action_listen stays the last one

    RemoteAction.run = run


def check_action_results_quickly() -> None:
    """`RemoteAction._validate_action_result`: compile the schema of action results once.

    Rasa checks the schema, which never changes, before it looks at a result: 20 to 30 ms
    for each call of an action. A result that violates it is left to Rasa, for its error.
    """
    stock = RemoteAction._validate_action_result
    is_valid = validator_for(RemoteAction.action_response_format_spec()).is_valid

    @functools.wraps(stock)
    def validate(self: Any, result: Any) -> bool:
        return is_valid(result) or stock(self, result)

    RemoteAction._validate_action_result = validate


def sync_before_extraction() -> None:
    """`ActionExtractSlots`: write metadata into the slots before Rasa extracts others.

    So what the user says in a message takes precedence over its metadata, in whatever
    order the domain lists slots and mappings. A message that a form ignores has its
    metadata synced too, and your other custom mappings see it.
    """
    stock_run = ActionExtractSlots.run
    stock_custom = ActionExtractSlots._execute_custom_action
    stock_validation = ActionExtractSlots._execute_validation_action

    @functools.wraps(stock_run)
    async def run(self: Any, output_channel: Any, nlg: Any, tracker: Any, domain: Any) -> Any:
        self.synced = await _sync(self, output_channel, nlg, tracker, domain)
        if self.synced and _has_other_custom_mappings(domain):
            tracker = tracker.copy()
            tracker.update_with_events(self.synced, domain)
        return await stock_run(self, output_channel, nlg, tracker, domain)

    @functools.wraps(stock_custom)
    async def run_custom(self: Any, mapping: Any, executed: Any, *args: Any) -> Any:
        if mapping.get("action") == SYNC_ACTION:  # it has run already
            return [], executed
        return await stock_custom(self, mapping, executed, *args)

    @functools.wraps(stock_validation)
    async def validate(self: Any, extracted: Any, *args: Any) -> Any:
        return await stock_validation(self, [*self.synced, *extracted], *args)

    ActionExtractSlots.run = run
    ActionExtractSlots._execute_custom_action = run_custom
    ActionExtractSlots._execute_validation_action = validate


def sync_after_rewind() -> None:
    """`MessageProcessor._run_prediction_loop`: sync once more if a turn undid its message.

    A fallback undoes the slots of its turn. Until the next message, the tracker would hold
    what was true before, such as the name of a user who has logged out.
    """
    stock = MessageProcessor._run_prediction_loop

    @functools.wraps(stock)
    async def run(self: Any, output_channel: Any, tracker: Any) -> None:
        await stock(self, output_channel, tracker)
        ends = (e for e in reversed(tracker.events) if isinstance(e, TURN_ENDS))
        if isinstance(next(ends, None), UserUtteranceReverted):
            extract = ActionExtractSlots(self.action_endpoint)
            context = output_channel, self.nlg, tracker, self.domain
            extract.synced = await _sync(extract, *context)
            events = await extract._execute_validation_action([], *context)
            await self._send_bot_messages(events, tracker, output_channel)
            tracker.update_with_events(events, self.domain)

    MessageProcessor._run_prediction_loop = run


async def _sync(extract: Any, output_channel: Any, nlg: Any, tracker: Any, domain: Any) -> Any:
    """Return the events of action_sync_metadata, [] if no slot reads metadata."""
    if SYNC_ACTION not in _custom_mapping_actions(domain):
        return []
    context = output_channel, nlg, tracker, domain
    return await extract._run_custom_action(SYNC_ACTION, *context)


def _has_other_custom_mappings(domain: Any) -> bool:
    return bool(_custom_mapping_actions(domain) - {SYNC_ACTION, None})


def _custom_mapping_actions(domain: Any) -> set[str | None]:
    return {mapping.get("action") for slot in domain.slots for mapping in slot.mappings}


def tell_when_a_store_fails() -> None:
    """Let a turn fail when its conversation cannot be read or saved.

    Rasa goes on with an empty conversation, saves into memory, which it never looks at
    again, and answers 200. With PostgreSQL away for a turn, all slots are empty in it and
    the turn is gone afterwards. Our channels answer 503; what else uses the store gets the
    error, too.
    """

    def loud(name: str) -> Callable[..., Any]:
        @functools.wraps(getattr(tracker_store.FailSafeTrackerStore, name))
        async def call(self: Any, *args: Any) -> Any:
            try:
                return await getattr(self._tracker_store, name)(*args)
            except Exception as error:
                raise turn.StoreFailed(f"The tracker store failed: {error!r}") from error

        return call

    for name in ("retrieve", "retrieve_full_tracker", "save", "keys"):
        setattr(tracker_store.FailSafeTrackerStore, name, loud(name))


def answer_a_key_once() -> None:
    """Let a turn look whether its Idempotency-Key was handled before.

    Between Rasa's taking of the lock and its reading of the message there is no other
    place for it than the reading of the conversation.
    """
    rasas = tracker_store.FailSafeTrackerStore.retrieve

    @functools.wraps(rasas)
    async def retrieve(self: Any, sender_id: str) -> Any:
        tracker = await rasas(self, sender_id)
        if tracker:
            await turn.look_back(sender_id, tracker.events, self)
        return tracker

    tracker_store.FailSafeTrackerStore.retrieve = retrieve


PATCHES: tuple[Callable[[], None], ...] = (
    take_turns_promptly,
    find_events_quickly,
    tell_when_a_store_fails,
    answer_a_key_once,
    run_actions_in_process,
    greet_in_the_new_session,
    check_action_results_quickly,
    sync_before_extraction,
    sync_after_rewind,
)


def apply() -> None:
    """Apply the patches to the Rasa of this process."""
    off = os.environ.get(PATCHES_OFF, "").split(",")
    for patch in PATCHES:
        if patch.__name__ not in off:
            patch()
