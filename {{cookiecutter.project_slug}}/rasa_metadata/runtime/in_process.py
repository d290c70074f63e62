"""Runs the bot's actions inside the Rasa server, without an action server.

`actions_module` in endpoints.yml names the package with the actions. If the environment
variable ACTION_SERVER_URL is set, the server at that URL runs them instead.
"""

import asyncio
import contextvars
import functools
import inspect
import json
import logging
import os
import threading
import time
import types
from collections.abc import Callable, Coroutine, Generator
from typing import Any

import aiohttp
from rasa.utils.endpoints import ClientResponseError, EndpointConfig
from rasa_sdk.executor import ActionExecutor
from rasa_sdk.interfaces import ActionExecutionRejection, ActionNotFoundException
from rasa_sdk.utils import call_potential_coroutine

from rasa_metadata.contract import copied
from rasa_metadata.contract.fields import SYNC_ACTION

logger = logging.getLogger(__name__)

ACTION_SERVER_URL = "ACTION_SERVER_URL"
ACTIONS_MODULE = "actions_module"

BLOCKING_SECONDS = 0.5
# A plain action that never returns keeps its thread; this many may run at once.
MOST_THREADS = 64

# This one reads its arguments and never changes them. All others get copies, as over
# HTTP: what they do to their arguments must not reach the live tracker.
READ_ONLY_ACTION = SYNC_ACTION

Call = dict[str, Any]


class TooManyActions(aiohttp.ClientError):
    """All threads of plain actions are in use."""


def actions_of(endpoint: EndpointConfig) -> "InProcessActions | None":
    """Return the actions that run in this process, None if a server runs them.

    The object is kept on the endpoint, which outlives agents: `PUT /model` builds a new
    agent from the endpoints that Rasa read at its start (rasa/server.py, load_model).

    Raises:
        ImportError: if the package with the actions cannot be imported.
    """
    if ACTIONS_MODULE not in endpoint.kwargs:
        return None
    if url := os.environ.get(ACTION_SERVER_URL):
        endpoint.url = url
        return None
    if not hasattr(endpoint, "in_process"):
        endpoint.in_process = InProcessActions(registered(endpoint.kwargs[ACTIONS_MODULE]))
    actions: InProcessActions = endpoint.in_process
    return actions


def registered(module: str) -> ActionExecutor:
    """Return an executor with the actions of a package."""
    executor = ActionExecutor()
    try:
        executor.register_package(module)
    except SystemExit:  # rasa_sdk has logged the traceback, and would end the process
        raise ImportError(
            f"The actions in '{module}' cannot be imported; the traceback above says why."
        ) from None
    return executor


class InProcessActions:
    """The actions of an executor, run as rasa_sdk's server would run them."""

    def __init__(self, executor: ActionExecutor) -> None:
        self.executor = executor
        self.threads = 0
        self.overdue = 0
        for name, run in self.executor.actions.items():
            if name != READ_ONLY_ACTION:
                watched = inspect.iscoroutinefunction(run)
                run_beside = self._run_watched if watched else self._run_in_thread
                self.executor.actions[name] = functools.partial(run_beside, name, run)

    async def request(self, call: Call, timeout: float) -> Call | None:
        """Run an action and return what a server would; `timeout` is in seconds.

        Raises:
            ClientResponseError: with the status that a server would answer.
            aiohttp.ClientError: if the action takes too long, or too many are running.
        """
        running = asyncio.ensure_future(self._outcome(call))
        try:
            await asyncio.wait({running}, timeout=timeout)
        finally:
            in_time = running.done()
            running.cancel()
        name = call["next_action"]
        if not in_time:
            raise aiohttp.ServerTimeoutError(f"{name} did not end within {timeout} seconds")
        result, error = running.result()
        if error is None:
            return result
        if isinstance(error, TooManyActions):
            raise error
        if isinstance(error, ActionExecutionRejection):
            raise _http_error(400, error.message, name) from error
        if isinstance(error, ActionNotFoundException):
            logger.error(error)
            raise _http_error(404, error.message, name) from error
        logger.error(f"{name} failed.", exc_info=error)
        raise _http_error(500, repr(error), name) from error

    async def check(self) -> None:
        """Check that a plain action could run.

        Raises:
            TooManyActions: if all threads have actions that run past their timeouts.
        """
        if self.overdue >= MOST_THREADS:
            raise TooManyActions(f"{MOST_THREADS} actions are running past their timeout")

    async def _outcome(self, call: Call) -> tuple[Call | None, BaseException | None]:
        """Return what the action returned, or whatever it raised."""
        own = call["next_action"] == READ_ONLY_ACTION
        try:
            result = await self.executor.run(call if own else copied(call))
            return (result if own else copied(result)), None
        except BaseException as error:  # even `sys.exit()` affects this turn only
            return None, error

    async def _run_watched(self, name: str, run: Callable[..., Any], *args: Any) -> Any:
        return await _watched(name, run(*args))

    async def _run_in_thread(self, name: str, run: Callable[..., Any], *args: Any) -> Any:
        """Run a plain function in its own thread, so that it may block.

        asyncio.to_thread has a few threads for everybody: as many hanging actions would
        stop all the others.
        """
        if self.threads >= MOST_THREADS:
            raise TooManyActions(f"{name} has to wait: {MOST_THREADS} actions are running")
        loop = asyncio.get_running_loop()
        ended = loop.create_future()
        context = contextvars.copy_context()

        def settle(outcome: tuple[Any, BaseException | None]) -> None:
            self.threads -= 1
            if ended.done():
                self.overdue -= 1
            else:
                ended.set_result(outcome)

        def work() -> None:
            outcome: tuple[Any, BaseException | None]
            try:
                outcome = context.run(run, *args), None
            except BaseException as error:
                outcome = None, error
            loop.call_soon_threadsafe(settle, outcome)

        self.threads += 1
        threading.Thread(target=work, name=name, daemon=True).start()
        try:
            result, error = await ended
        except asyncio.CancelledError:  # it took too long
            self._give_up(name)
            raise
        if error is not None:
            raise error
        return await call_potential_coroutine(result)

    def _give_up(self, name: str) -> None:
        self.overdue += 1
        logger.error(f"{name} runs past its timeout; {self.overdue} of {MOST_THREADS} threads do.")


@types.coroutine
def _watched(name: str, coroutine: Coroutine[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """Await a coroutine, and log a warning if it blocks the event loop."""
    step = functools.partial(coroutine.send, None)
    while True:
        started = time.perf_counter()
        try:
            awaited = step()
        except StopIteration as end:
            return end.value
        finally:
            busy = time.perf_counter() - started
            if busy > BLOCKING_SECONDS:
                logger.warning(
                    f"{name} blocked all conversations for {busy:.1f} seconds. `await` what "
                    f"takes time, or write its `run` without `async`: then it gets a thread."
                )
        try:
            step = functools.partial(coroutine.send, (yield awaited))
        except BaseException as error:  # it was cancelled, for example
            step = functools.partial(coroutine.throw, error)


def _http_error(status: int, message: str, action: str) -> ClientResponseError:
    """Return the error that the response of an action server would cause.

    See rasa_sdk/endpoint.py for the answers, `RemoteAction.run` in
    rasa/core/actions/action.py for what becomes of them.
    """
    body = json.dumps({"error": message, "action_name": action})
    return ClientResponseError(status, message, body)
