"""Runs the bot's actions inside the Rasa server, without an action server.

Which one it is stands in endpoints.yml: `actions_module` names the package to
run here, and the environment variable ACTION_SERVER_URL, when it is set, the
server to ask instead.
"""

import asyncio
import functools
import inspect
import json
import logging
import os
import time
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any

import aiohttp
from rasa.utils.endpoints import ClientResponseError, EndpointConfig
from rasa_sdk.executor import ActionExecutor
from rasa_sdk.interfaces import ActionExecutionRejection, ActionNotFoundException
from rasa_sdk.utils import call_potential_coroutine

from rasa_metadata.contract.fields import SYNC_ACTION
from rasa_metadata.runtime.turn import SESSION_START, Request, loud

logger = logging.getLogger(__name__)

ACTION_SERVER_URL = "ACTION_SERVER_URL"

BLOCKING_SECONDS = 0.5

# These two read what they are given and never change it. All others get a copy,
# as they would over HTTP: what they do to it must not reach the live tracker.
READ_ONLY_ACTIONS = frozenset({SYNC_ACTION, SESSION_START})


def use(endpoint: EndpointConfig | None) -> None:
    """Make `action_endpoint` run the actions as endpoints.yml and the environment say.

    The object is changed in place, since `PUT /model` builds a new agent from the
    endpoints that Rasa read at its start (rasa/server.py, load_model).
    """
    if endpoint is None:
        return
    server = os.environ.get(ACTION_SERVER_URL)
    request = EndpointConfig.request.__get__(endpoint)
    if server:
        endpoint.url = server
        logger.info(f"Actions run on {server}.")
    elif "actions_module" in endpoint.kwargs:
        request = _request_to(_executor(endpoint.kwargs["actions_module"]))
        logger.info("Actions run inside this server.")
    endpoint.request = loud(request, READ_ONLY_ACTIONS)


def _executor(module: str) -> ActionExecutor:
    executor = ActionExecutor()
    try:
        executor.register_package(module)
    except SystemExit:  # rasa_sdk has logged the traceback, and would end the process
        raise ImportError(
            f"The actions in '{module}' cannot be imported; the first traceback says why."
        ) from None
    for name, run in executor.actions.items():
        if name not in READ_ONLY_ACTIONS:
            executor.actions[name] = _beside_others(name, run)
    return executor


def _beside_others(name: str, run: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    """Return an action's `run` that does not make other conversations wait.

    A plain function runs in a thread. A coroutine shares the server's event loop; when it
    blocks that, it is told.
    """

    async def run_beside(*args: Any) -> Any:
        if inspect.iscoroutinefunction(run):
            return await _watched(name, run(*args))
        return await call_potential_coroutine(await asyncio.to_thread(run, *args))

    return run_beside


@types.coroutine
def _watched(name: str, coroutine: Coroutine[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """Await a coroutine, and log a warning when it keeps the event loop to itself."""
    step = functools.partial(coroutine.send, None)
    while True:
        started = time.perf_counter()
        try:
            waited_for = step()
        except StopIteration as end:
            return end.value
        finally:
            busy = time.perf_counter() - started
            if busy > BLOCKING_SECONDS:
                logger.warning(
                    f"{name} kept all conversations waiting for {busy:.1f} seconds. Let it "
                    f"`await` what takes time, or write its `run` without `async`: it gets a "
                    f"thread then."
                )
        try:
            step = functools.partial(coroutine.send, (yield waited_for))
        except BaseException as error:  # it was cancelled, say
            step = functools.partial(coroutine.throw, error)


def _request_to(executor: ActionExecutor) -> Request:
    """Return what stands in for `EndpointConfig.request`, with its errors."""

    async def request(json: dict[str, Any], timeout: float, **_: Any) -> dict[str, Any] | None:
        name = json["next_action"]
        copied = _as_is if name in READ_ONLY_ACTIONS else _copied
        running = asyncio.ensure_future(executor.run(copied(json)))
        try:
            await asyncio.wait({running}, timeout=timeout)
        finally:
            in_time = running.done()
            running.cancel()
        if not in_time:
            raise aiohttp.ServerTimeoutError(f"{name} did not end within {timeout} seconds")
        try:
            return copied(running.result())
        except ActionExecutionRejection as error:
            raise _http_error(400, error.message, name) from error
        except ActionNotFoundException as error:
            logger.error(error)
            raise _http_error(404, error.message, name) from error
        except Exception as error:
            logger.exception(f"{name} failed.")
            raise _http_error(500, str(error), name) from error

    return request


def _as_is(value: Any) -> Any:
    return value


def _copied(value: Any) -> Any:
    return json.loads(json.dumps(value))


def _http_error(status: int, message: str, action: str) -> ClientResponseError:
    """Return the error that an action server's answer would have become.

    See rasa_sdk/endpoint.py for the answers, `RemoteAction.run` in
    rasa/core/actions/action.py for what becomes of them.
    """
    body = json.dumps({"error": message, "action_name": action})
    return ClientResponseError(status, message, body)
