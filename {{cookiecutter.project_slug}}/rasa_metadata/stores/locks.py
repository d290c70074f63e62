"""Locks of conversations, for one process."""

import asyncio
import logging
import multiprocessing
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, ClassVar
from weakref import WeakValueDictionary

from rasa.constants import ENV_SANIC_WORKERS
from rasa.core.lock_store import LockStore
from rasa.core.utils import number_of_sanic_workers

logger = logging.getLogger(__name__)


class QueueLockStore(LockStore):
    """A queue for each conversation: first come, first served.

    Rasa's lock stores look once a second whether a conversation is free, and give a turn
    that takes longer than 60 seconds company.
    """

    # Of the process: after `PUT /model`, Rasa gives the agent and its processor, and so API
    # and reminders, different lock stores.
    queues: ClassVar[WeakValueDictionary[str, asyncio.Lock]] = WeakValueDictionary()

    @asynccontextmanager
    async def lock(self, conversation_id: str, *_: Any, **__: Any) -> AsyncGenerator[None, None]:
        """Hold a conversation's lock; wait until earlier holders have released it."""
        queue = self.queues.setdefault(conversation_id, asyncio.Lock())
        async with queue:
            yield


class InProcessLockStore(QueueLockStore):
    """The lock store of a bot that runs in one process."""

    def __init__(self, endpoint_config: Any = None) -> None:
        super().__init__()
        if number_of_sanic_workers(endpoint_config) > 1:
            # Rasa assumes that any custom lock store works with several processes.
            logger.critical(
                f"{ENV_SANIC_WORKERS} is {os.environ[ENV_SANIC_WORKERS]}, but InProcessLockStore "
                f"in endpoints.yml locks inside one process: unset {ENV_SANIC_WORKERS}, or use "
                "rasa_metadata.stores.redis_locks.RedisLockStore."
            )
            if multiprocessing.parent_process():  # a worker; Sanic itself would exit with 0
                os.kill(os.getppid(), signal.SIGUSR1)
            raise SystemExit(1)
