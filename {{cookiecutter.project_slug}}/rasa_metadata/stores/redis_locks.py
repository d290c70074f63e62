"""Locks of conversations in Redis, for several Rasa servers."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import redis.asyncio
from rasa.core.lock_store import LockError
from redis.asyncio.lock import Lock
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import LockNotOwnedError

from rasa_metadata.stores.locks import QueueLockStore

logger = logging.getLogger(__name__)

# A conversation waits this long for a server that was killed in the middle of a turn.
LEASE = 10.0
LOOK_EVERY = 0.05
LONGEST_WAIT = 30.0
LONGEST_CALL = 3.0


class RedisLockStore(QueueLockStore):
    """A short lease on a conversation, renewed while its turn lasts.

    Rasa's RedisLockStore reads the queue, adds to it, and writes it back: two servers that
    do so at once both go first. Its calls block all conversations of the server while
    Redis does not answer. redis-py's lock renews no lease by itself and gives up one that
    Redis lost in a restart; `_renew` does both.

    Messages that one server gets for a conversation are handled in the order in which
    they came; between servers there is no such order.
    """

    def __init__(self, endpoint_config: Any) -> None:
        super().__init__()
        self.redis = redis.asyncio.from_url(
            endpoint_config.url,
            socket_timeout=LONGEST_CALL,
            socket_connect_timeout=LONGEST_CALL,
            retry=Retry(NoBackoff(), 1),  # a connection from before Redis was restarted
            retry_on_error=[redis.ConnectionError],
        )

    @asynccontextmanager
    async def lock(self, conversation_id: str, *_: Any, **__: Any) -> AsyncGenerator[None, None]:
        """Hold a conversation's lock.

        Raises:
            LockError: if Redis is away, or the conversation is not free in time.
        """
        async with super().lock(conversation_id):
            lease = Lock(
                self.redis,
                f"lock:{conversation_id}",
                timeout=LEASE,
                sleep=LOOK_EVERY,
                blocking_timeout=LONGEST_WAIT,
                thread_local=False,
            )
            await self._take(lease)
            over = asyncio.Event()
            renewing = asyncio.ensure_future(self._renew(lease, over))
            try:
                yield
            finally:
                over.set()
                await renewing  # or it might acquire the lock again after its release
                await self._release(lease)

    async def _take(self, lease: Lock) -> None:
        try:
            taken = await lease.acquire()
        except (redis.RedisError, OSError) as error:
            raise LockError(f"Redis could not lock the conversation: {error!r}") from error
        if not taken:
            raise LockError(f"{lease.name} was not free within {LONGEST_WAIT} seconds.")

    async def _renew(self, lease: Lock, over: asyncio.Event) -> None:
        """Renew the lease until the turn is over, also in a Redis that has lost it."""
        while True:
            try:
                await asyncio.wait_for(over.wait(), LEASE / 3)
                return
            except asyncio.TimeoutError:
                pass
            try:
                await lease.reacquire()
            except LockNotOwnedError:
                if not await self._take_again(lease):
                    logger.warning(f"{lease.name} is held by another server now.")
            except (redis.RedisError, OSError) as error:
                logger.warning(f"{lease.name} could not be renewed: {error!r}")

    async def _take_again(self, lease: Lock) -> bool:
        try:
            return bool(await lease.do_acquire(lease.local.token))
        except (redis.RedisError, OSError):
            return False

    async def _release(self, lease: Lock) -> None:
        """Release the lock; the turn is over, so a failure only makes others wait."""
        try:
            await lease.release()
        except (redis.RedisError, OSError) as error:
            logger.warning(f"{lease.name} could not be released: {error!r}")
