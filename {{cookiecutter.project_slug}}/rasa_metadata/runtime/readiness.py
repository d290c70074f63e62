"""Reports whether this server can take a turn now: GET …/ready, for balancers and probes.

`GET /webhooks/rest/`, Rasa's own, only shows that the process answers. A server that is
not ready need not be restarted, but gets no messages.
"""

import asyncio
import logging
import os
import uuid
from collections.abc import Awaitable
from typing import Any

import aiohttp
from sanic import Sanic

from rasa_metadata.runtime.in_process import ACTION_SERVER_URL
from rasa_metadata.runtime.turn import TurnEnded
from rasa_metadata.validation.errors import ApiError, try_again

logger = logging.getLogger(__name__)

LONGEST_CHECK = 2.0
NOBODY = f"ready-{uuid.uuid4().hex}"  # whom the checks look up, and lock


async def readiness(app: Sanic) -> dict[str, str]:
    """Return what was checked.

    Raises:
        ApiError: 503; its `details` name what is away. Why is in the log alone: it may
            contain addresses, and clients may reach this.
    """
    agent = app.ctx.agent
    if not agent.is_ready():
        raise _not_ready({"model": "there is none: run 'make train'"})
    checks = {
        "tracker store": _store(agent.tracker_store),
        "lock store": _lock(agent.lock_store),
    }
    server = os.environ.get(ACTION_SERVER_URL)
    if server:
        checks["action server"] = _health(server)
    found = await asyncio.gather(*(_problem(check) for check in checks.values()))
    problems = {name: problem for name, problem in zip(checks, found, strict=True) if problem}
    if problems:
        raise _not_ready(problems)
    return dict.fromkeys(["model", *checks], "ready")


def _not_ready(problems: dict[str, str]) -> ApiError:
    logger.error(f"This server cannot take a turn: {problems}")
    message = f"This server cannot take a turn: {', '.join(problems)}."
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


async def _health(webhook: str) -> None:
    """Ask the action server by the address beside its webhook (rasa_sdk/endpoint.py)."""
    url = f"{webhook.rsplit('/', 1)[0]}/health"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        response.raise_for_status()
