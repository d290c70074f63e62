"""Reports whether this server can handle a turn now: GET …/ready, for balancers and probes.

`GET /webhooks/rest/`, Rasa's own, only shows that the process answers. A server that is
not ready need not be restarted, but gets no messages.
"""

import asyncio
import logging
import os
import time
import uuid
from collections.abc import Awaitable
from typing import Any

import aiohttp
import rasa
from sanic import Sanic

from rasa_metadata.contract.fields import SYNC_ACTION
from rasa_metadata.contract.signature import SIGNATURE_KEY_VARIABLE, SIGNED_KEY, sign
from rasa_metadata.runtime.in_process import ACTION_SERVER_URL, actions_of
from rasa_metadata.runtime.turn import TurnEnded
from rasa_metadata.validation.errors import ApiError, try_again

logger = logging.getLogger(__name__)

LONGEST_CHECK = 2.0
HOUR = 3600
NOBODY = f"ready-{uuid.uuid4().hex}"  # the sender that the checks look up and lock


# The domain of a message with which the action server shows that it verifies signatures.
MAPPING = {"type": "custom", "action": SYNC_ACTION, "metadata": {"path": "ready", "signed": True}}
DOMAIN = {"slots": {"ready": {"type": "bool", "mappings": [MAPPING]}}}


def agent_in(app: Sanic) -> Any:
    """Return Rasa's agent, None while the server has none."""
    return getattr(app.ctx, "agent", None)


async def readiness(app: Sanic, signed: bool = False) -> dict[str, str]:
    """Return what was checked; `signed`: whether metadata of tokens fills slots.

    Raises:
        ApiError: 503; its `details` name what is away. Why is in the log alone: it may
            contain addresses, and clients may reach this.
    """
    agent = agent_in(app)
    if agent is None or not agent.is_ready():
        raise _not_ready({"model": "there is none: run 'make train'"})
    checks = {
        "tracker store": _store(agent.tracker_store),
        "lock store": _lock(agent.lock_store),
    }
    if agent.action_endpoint and (actions := actions_of(agent.action_endpoint)):
        checks["actions"] = actions.check()
    server = os.environ.get(ACTION_SERVER_URL)
    if server:
        checks["action server"] = _run_sync(server, signed)
    found = await asyncio.gather(*(_problem(check) for check in checks.values()))
    problems = {name: problem for name, problem in zip(checks, found, strict=True) if problem}
    if problems:
        raise _not_ready(problems)
    return dict.fromkeys(["model", *checks], "ready")


def _not_ready(problems: dict[str, str]) -> ApiError:
    logger.error(f"This server cannot handle a turn: {problems}")
    message = f"This server cannot handle a turn: {', '.join(problems)}."
    return try_again(message, "NotReady", dict.fromkeys(problems, "not ready"))


async def _problem(check: Awaitable[Any]) -> str | None:
    try:
        await asyncio.wait_for(check, LONGEST_CHECK)
    except asyncio.TimeoutError:
        return f"no answer within {LONGEST_CHECK} seconds"
    except (Exception, TurnEnded) as error:
        return str(error) or repr(error)
    return None


async def _store(store: Any) -> None:
    ours: Any = getattr(store, "_tracker_store", None)  # Rasa's FailSafeTrackerStore is around it
    if hasattr(ours, "check_writable"):
        await ours.check_writable()
    else:
        await store.retrieve(NOBODY)


async def _lock(store: Any) -> None:
    async with store.lock(NOBODY):
        pass


async def _run_sync(webhook: str, signed: bool) -> None:
    """Let the action server run our action on a signed message, as in a turn."""
    proof = sign({"ready": True}, NOBODY, NOBODY, NOBODY, NOBODY, time.time() + HOUR)
    message = {"event": "user", "text": NOBODY, "message_id": NOBODY}
    events = [{**message, "metadata": {SIGNED_KEY: proof}}]
    tracker = {"sender_id": NOBODY, "events": events, "slots": {}}
    call = {"next_action": SYNC_ACTION, "tracker": tracker, "domain": DOMAIN}
    call["version"] = rasa.__version__
    async with aiohttp.ClientSession() as session, session.post(webhook, json=call) as response:
        response.raise_for_status()
        if signed and not (await response.json())["events"]:
            raise ValueError(f"it has another {SIGNATURE_KEY_VARIABLE} than this server, or none")
