"""All patches of Rasa 3.6.21, each with its reason.

To see what a patch does, start the bot without it: RASA_PATCHES_OFF lists the names of
those to leave out, separated by commas.
"""

import copy
import functools
import os
import time
from collections.abc import Callable
from typing import Any

from jsonschema_rs import validator_for
from rasa.core.actions.action import ActionExtractSlots, RemoteAction
from rasa.core.constants import DEFAULT_REQUEST_TIMEOUT
from rasa.core.processor import MessageProcessor
from rasa.shared.core.events import UserUtteranceReverted, UserUttered
from rasa.utils.endpoints import EndpointConfig

from rasa_metadata.contract.fields import SYNC_ACTION
from rasa_metadata.runtime import turn
from rasa_metadata.runtime.in_process import actions_of
from rasa_metadata.slots.user_token import TOKEN_HEADER, user_token

PATCHES_OFF = "RASA_PATCHES_OFF"
TURN_ENDS = (UserUttered, UserUtteranceReverted)


def run_actions_in_process() -> None:
    """`EndpointConfig.request`: run actions here, and end a turn in which one fails.

    Rasa logs an action's exception and goes on, and answers `200 []`.
    """
    stock = EndpointConfig.request

    @functools.wraps(stock)
    async def request(self: EndpointConfig, *args: Any, **kwargs: Any) -> Any:
        call = kwargs.get("json")
        if not (isinstance(call, dict) and "next_action" in call):  # NLG, for example
            return await stock(self, *args, **kwargs)
        in_process = actions_of(self)

        async def send(call: dict[str, Any], timeout: float) -> Any:
            if in_process:
                return await in_process.request(call, timeout)
            token = user_token() if self.kwargs.get("forward_token") is True else None
            headers = {TOKEN_HEADER: token} if token else {}
            sent = {**kwargs, "json": call, "timeout": timeout, "headers": headers}
            return await stock(self, *args, **sent)

        return await turn.run_action(send, call, kwargs.get("timeout", DEFAULT_REQUEST_TIMEOUT))

    EndpointConfig.request = request


def greet_in_the_new_session() -> None:
    """`RemoteAction.run`: render the responses of action_session_start with the slots it sets.

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
        if self.synced and _custom_mapping_actions(domain) - {SYNC_ACTION, None}:
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


def _custom_mapping_actions(domain: Any) -> set[str | None]:
    return {mapping.get("action") for slot in domain.slots for mapping in slot.mappings}


def expire_restarted_sessions() -> None:
    """`MessageProcessor._has_session_expired`: also if nobody has spoken since `/restart`.

    Rasa looks for the last user message only, and finds none in such a session.
    """
    stock = MessageProcessor._has_session_expired

    @functools.wraps(stock)
    def has_expired(self: Any, tracker: Any) -> bool:
        config = self.domain.session_config
        if not config.are_sessions_enabled() or tracker.get_last_event_for(UserUttered):
            return bool(stock(self, tracker))
        last = tracker.events[-1].timestamp if tracker.events else time.time()
        return bool(time.time() - last > config.session_expiration_time * 60)

    MessageProcessor._has_session_expired = has_expired


PATCHES: tuple[Callable[[], None], ...] = (
    run_actions_in_process,
    greet_in_the_new_session,
    check_action_results_quickly,
    sync_before_extraction,
    sync_after_rewind,
    expire_restarted_sessions,
)


def apply() -> None:
    """Apply the patches to the Rasa of this process."""
    off = os.environ.get(PATCHES_OFF, "").split(",")
    for patch in PATCHES:
        if patch.__name__ not in off:
            patch()
