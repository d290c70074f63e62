"""Watches a turn that came through the door, so that no failure in it stays silent.

Rasa logs an action's exception and goes on, and answers `200 []`. In a turn of ours a
`TurnFailed` is raised instead where the turn cannot be right any more. It is no
`Exception`, so Rasa does not catch it: the tracker, which Rasa saves once at the end of
a turn, stays as it was, and the same message can be sent again.
"""

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import aiohttp
from rasa.core.channels.channel import UserMessage
from rasa.core.lock_store import LockError
from rasa.utils.endpoints import ClientResponseError

from channels.refusal import Refusal, failed, try_again

logger = logging.getLogger(__name__)

SESSION_START = "action_session_start"
CHANNEL_KEY = "input_channel"

Handler = Callable[[UserMessage], Awaitable[Any]]
Request = Callable[..., Awaitable[Any]]


@dataclass
class Turn:
    """One turn: whether the bot said anything, what went wrong, whether it is over.

    `timeout` is the time in seconds that each of its actions may take, `channel` the name
    of the one that the message came through.
    """

    timeout: float
    channel: str | None = None
    spoke: bool = False
    failed_action: str | None = None
    refusal: Refusal | None = None
    over: bool = False


class TurnFailed(BaseException):
    """Ends a turn at once; carries what the client is told."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


_current: ContextVar[Turn | None] = ContextVar("turn", default=None)


async def take(on_new_message: Handler, message: UserMessage, timeout: float) -> Refusal | None:
    """Let Rasa handle a message that the door admitted; return what the client is told
    when the turn failed. `timeout` is in seconds, for each action."""
    turn = Turn(timeout, message.input_channel)
    token = _current.set(turn)
    message.output_channel.send_response = _noticing(message.output_channel.send_response, turn)
    try:
        await on_new_message(message)
        if turn.failed_action and not turn.spoke:
            turn.refusal = failed(f"The action '{turn.failed_action}' failed.")
    except TurnFailed as failure:
        turn.refusal = failure.refusal
    except LockError:
        logger.exception("The conversation could not be locked.")
        turn.refusal = try_again("The conversation is busy.")
    except Exception:
        logger.exception("A message could not be handled.")
        turn.refusal = failed("The bot could not handle this message.")
    finally:
        turn.over = True  # a reminder that this turn scheduled runs in the same context
        _current.reset(token)
    return turn.refusal


def loud(request: Request, own_actions: frozenset[str]) -> Request:
    """Return an endpoint's `request` whose failures end a turn of ours.

    Args:
        request: `EndpointConfig.request`, or what stands in for it.
        own_actions: the actions without which the slots of the turn are wrong.
    """

    @functools.wraps(request)
    async def watched(*args: Any, **kwargs: Any) -> Any:
        name = kwargs["json"]["next_action"]
        turn = _current.get()
        if turn is None or turn.over:
            return await request(*args, **kwargs)
        kwargs["timeout"] = turn.timeout  # instead of Rasa's 300 seconds
        if name == SESSION_START:
            # Rasa records the message, and its channel with it, only once the session is open.
            tracker = kwargs["json"]["tracker"]
            latest = {**(tracker["latest_message"] or {}), CHANNEL_KEY: turn.channel}
            tracker["latest_message"] = latest
        try:
            return await request(*args, **kwargs)
        except ClientResponseError as error:
            if name in own_actions:
                logger.error(f"{name} failed: {error.status}")
                raise TurnFailed(failed(f"The bot's own '{name}' failed.")) from error
            if error.status == 400:  # a rejection, with which Rasa can deal
                raise
            turn.failed_action = name
            # An action server repeats the whole tracker in its error, and Rasa logs it.
            raise ClientResponseError(error.status, error.message, "") from None
        except (aiohttp.ClientError, OSError, asyncio.TimeoutError) as error:
            logger.error(f"{name} could not be run: {error!r}")
            raise TurnFailed(try_again("The bot's actions do not answer.")) from error

    return watched


def _noticing(send: Callable[..., Awaitable[None]], turn: Turn) -> Callable[..., Awaitable[None]]:
    async def send_response(*args: Any, **kwargs: Any) -> None:
        turn.spoke = True
        await send(*args, **kwargs)

    return send_response
