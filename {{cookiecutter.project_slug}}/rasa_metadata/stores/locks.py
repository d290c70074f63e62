"""Locks of conversations in Redis, for several Rasa servers at once."""

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from weakref import WeakValueDictionary

import redis.asyncio
from rasa.core.lock_store import LockError, LockStore
from rasa.utils.endpoints import EndpointConfig
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

logger = logging.getLogger(__name__)

# For so long a conversation waits for a server that was killed in the middle of a turn.
LEASE = 10.0
LOOK_EVERY = 0.05
LONGEST_WAIT = 30.0
LONGEST_CALL = 3.0

# Each may be repeated when its answer was lost.
TAKE_OR_KEEP = """
local holder = redis.call('get', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('set', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
RELEASE = """
if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end
return 0
"""


class Locks(LockStore):
    """A short lease on a conversation, renewed while its turn lasts.

    Rasa's RedisLockStore reads the waiting line, adds to it, and writes it back: two
    servers that do so at once both go first. It holds a lock for 60 seconds, no longer
    though a turn may be, and no shorter though its server was killed. Its calls keep all
    conversations of the server waiting while Redis does not answer.

    Messages that one server gets for a conversation are handled in the order in which
    they came; between servers there is no such order.
    """

    def __init__(self, endpoint_config: EndpointConfig) -> None:
        self.redis = redis.asyncio.from_url(
            endpoint_config.url,
            socket_timeout=LONGEST_CALL,
            socket_connect_timeout=LONGEST_CALL,
            retry=Retry(NoBackoff(), 1),  # a connection from before Redis was restarted
            retry_on_error=[redis.ConnectionError],
        )
        self.lines: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        super().__init__()

    @asynccontextmanager
    async def lock(self, conversation_id: str, *_: Any, **__: Any) -> AsyncGenerator[None, None]:
        """Hold a conversation's lock.

        Raises:
            LockError: when Redis is away, or the conversation is not free in time.
        """
        line = self.lines.setdefault(conversation_id, asyncio.Lock())
        async with line:
            key, holder = f"lock:{conversation_id}", uuid.uuid4().hex
            await self._take(key, holder)
            over = asyncio.Event()
            keeping = asyncio.ensure_future(self._keep(key, holder, over))
            try:
                yield
            finally:
                over.set()
                await keeping  # or it might take the lock once more when it was given back
                await self._release(key, holder)

    async def _take(self, key: str, holder: str) -> None:
        deadline = time.monotonic() + LONGEST_WAIT
        try:
            while not await self._hold(key, holder):
                if time.monotonic() > deadline:
                    raise LockError(f"{key} was not free within {LONGEST_WAIT} seconds.")
                await asyncio.sleep(LOOK_EVERY)
        except (redis.RedisError, OSError) as error:
            raise LockError(f"Redis could not lock the conversation: {error!r}") from error

    async def _keep(self, key: str, holder: str, over: asyncio.Event) -> None:
        """Renew the lease until the turn is over, also in a Redis that has lost it."""
        while True:
            try:
                await asyncio.wait_for(over.wait(), LEASE / 3)
                return
            except asyncio.TimeoutError:
                pass
            try:
                if not await self._hold(key, holder):
                    logger.warning(f"{key} is held by another server now.")
            except (redis.RedisError, OSError) as error:
                logger.warning(f"{key} could not be renewed: {error!r}")

    async def _hold(self, key: str, holder: str) -> bool:
        return bool(await self.redis.eval(TAKE_OR_KEEP, 1, key, holder, int(LEASE * 1000)))

    async def _release(self, key: str, holder: str) -> None:
        """Give the lock back; the turn is over, so a failure changes nothing but the wait."""
        try:
            await self.redis.eval(RELEASE, 1, key, holder)
        except (redis.RedisError, OSError) as error:
            logger.warning(f"{key} could not be given back: {error!r}")
