"""Watches a turn that came through request validation, so that no failure in it is silent.

Rasa logs an action's exception and goes on, and answers `200 []`. In such a turn,
`TurnFailed` is raised instead where the turn cannot be right any more.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from rasa.core.channels.channel import UserMessage
from rasa.core.lock_store import LockError
from rasa.utils.endpoints import ClientResponseError

from rasa_metadata.contract.fields import IDEMPOTENCY_KEY, SYNC_ACTION
from rasa_metadata.slots.user_token import hold
from rasa_metadata.validation.errors import ApiError, failed, try_again

logger = logging.getLogger(__name__)

SESSION_START = "action_session_start"
OWN_ACTIONS = frozenset({SYNC_ACTION, SESSION_START})  # without them, slots are wrong

Handler = Callable[[UserMessage], Awaitable[Any]]
Send = Callable[[dict[str, Any], float], Awaitable[Any]]


@dataclass
class Turn:
    """One turn: whether the bot said anything, what went wrong, whether it is over.

    `timeout` is the time in seconds that each of its actions may take; `channel`, `text`,
    `metadata` and `message_id` are its message's, `key` is the Idempotency-Key that is still
    to be looked up.
    """

    timeout: float
    channel: str | None = None
    text: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    message_id: str | None = None
    key: str | None = None
    spoke: bool = False
    failed_action: str | None = None
    error: ApiError | None = None
    over: bool = False


class TurnEnded(BaseException):
    """Ends a turn at once, with an error for the client.

    It is not an `Exception`, so Rasa does not catch it: the tracker, which Rasa saves
    once at the end of a turn, stays as it was, and the message can be sent again.
    """

    def __init__(self, error: ApiError) -> None:
        super().__init__(error.message)
        self.error = error


class TurnFailed(TurnEnded):
    """One of the bot's actions failed, so the turn cannot be correct."""


class AnsweredBefore(BaseException):
    """Ends a turn whose message was handled before; carries what the bot said then."""

    def __init__(self, answer: list[dict[str, Any]]) -> None:
        super().__init__()
        self.answer = answer


_current: ContextVar[Turn | None] = ContextVar("turn", default=None)


async def take(
    on_new_message: Handler, message: UserMessage, timeout: float, user_token: str | None = None
) -> ApiError | None:
    """Let Rasa handle a valid message; return the error for the client if the turn failed.

    `timeout` is in seconds, for each action; `user_token` is what they may know of the user.
    """
    of_message = message.input_channel, message.text, message.metadata or {}, message.message_id
    turn = Turn(timeout, *of_message)
    turn.key = turn.metadata.get(IDEMPOTENCY_KEY)
    token, held = _current.set(turn), hold(user_token)
    message.output_channel.send_response = _noticing(message.output_channel.send_response, turn)
    try:
        await on_new_message(message)
        if turn.failed_action and not turn.spoke:
            turn.error = failed(f"The action '{turn.failed_action}' failed.")
    except TurnEnded as ended:
        turn.error = ended.error
    except AnsweredBefore as before:
        for said in before.answer:
            await message.output_channel.send_response(message.sender_id, said)
    except LockError:
        logger.exception("The conversation could not be locked.")
        turn.error = try_again("The conversation could not be locked.")
    except Exception:
        logger.exception("A message could not be handled.")
        turn.error = failed("The bot could not handle this message.")
    finally:
        turn.over = True  # a reminder that this turn scheduled runs in the same context
        held.clear()
        _current.reset(token)
    return turn.error


def current_turn() -> Turn | None:
    """Return the turn that this task runs for one of our channels, or None."""
    turn = _current.get()
    return None if turn is None or turn.over else turn


async def run_action(send: Send, call: dict[str, Any], timeout: float) -> Any:
    """Run an action; if it fails in a turn that is watched, end the turn.

    Args:
        send: runs the action, given the call and a time limit.
        call: what an action server receives.
        timeout: seconds that Rasa would wait; a turn of our channels has its own limit.

    Raises:
        TurnFailed: if the slots of the turn cannot be right any more.
        ClientResponseError: with which Rasa deals by itself.
    """
    turn, name = current_turn(), call["next_action"]
    if turn is None:
        return await send(call, timeout)
    if name == SESSION_START:
        # Rasa records the message, and its channel with it, only once the session is open.
        opening = {"input_channel": turn.channel, "text": turn.text, "message_id": turn.message_id}
        call["tracker"]["latest_message"] = {**(call["tracker"]["latest_message"] or {}), **opening}
    try:
        return await send(call, turn.timeout)
    except ClientResponseError as error:
        if error.status in (502, 503, 504):  # from a proxy
            raise _no_answer(name, error) from error
        if name in OWN_ACTIONS:
            logger.error(f"{name} failed: {error.status}")
            raise TurnFailed(failed(f"The bot's own '{name}' failed.")) from error
        if error.status == 400:  # a rejection, which Rasa handles
            raise
        turn.failed_action = name
        # An action server repeats the whole tracker in its error, and Rasa logs it.
        raise ClientResponseError(error.status, error.message, "") from None
    except (aiohttp.ClientError, OSError, asyncio.TimeoutError) as error:
        raise _no_answer(name, error) from error


def _no_answer(name: str, error: Exception) -> TurnFailed:
    # `repr` of some of these contains the headers that were sent.
    logger.error(f"{name} could not be run: {type(error).__name__} {error}")
    return TurnFailed(try_again("The bot's actions do not respond."))


def _noticing(send: Callable[..., Awaitable[None]], turn: Turn) -> Callable[..., Awaitable[None]]:
    async def send_response(*args: Any, **kwargs: Any) -> None:
        turn.spoke = True
        await send(*args, **kwargs)

    return send_response
