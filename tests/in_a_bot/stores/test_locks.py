"""Turns of a conversation come one after the other, and no other conversation waits."""

import asyncio
import gc
import time

import pytest
from rasa.core.lock_store import LockError
from rasa.utils.endpoints import EndpointConfig

from in_a_bot.stores.conftest import frozen, run
from rasa_metadata.stores import InProcessLockStore
from rasa_metadata.testing.processes import free_port

redis_locks = pytest.importorskip("rasa_metadata.stores.redis_locks")


@pytest.fixture(params=["in process", "redis"])
def open_locks(request):
    """Return a function that opens a lock store, as `PUT /model` or one more server would."""
    if request.param == "in process":
        return InProcessLockStore
    url = request.getfixturevalue("servers").env["REDIS_URL"]
    return lambda: redis_locks.RedisLockStore(EndpointConfig(url))


def test_turns_of_a_conversation_come_in_the_order_of_its_messages(open_locks, sender):
    async def talk():
        locks, begun, running = open_locks(), [], 0

        async def turn(number):
            nonlocal running
            async with locks.lock(sender):
                begun.append(number)
                running += 1
                assert running == 1
                await asyncio.sleep(0)
                running -= 1

        await asyncio.gather(*(turn(number) for number in range(50)))
        return begun

    assert run(talk()) == list(range(50))


def test_two_lock_stores_lock_the_same_conversations(open_locks, sender):
    """After `PUT /model` Rasa's agent and its processor have different ones."""

    async def both():
        one, other = open_locks(), open_locks()
        async with one.lock(sender):
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(other.lock(sender).__aenter__(), 0.3)
        async with other.lock(sender):
            return True

    assert run(both())


def test_nobody_waits_for_another_conversation(open_locks, sender):
    async def beside():
        locks = open_locks()
        async with locks.lock(sender):
            waiting = [asyncio.ensure_future(hold(locks, sender)) for _ in range(600)]
            started = time.monotonic()
            await hold(locks, f"{sender}-2")
            took = time.monotonic() - started
        await asyncio.gather(*waiting)
        return took

    assert run(beside()) < 1


async def hold(locks, sender):
    async with locks.lock(sender):
        pass


def test_a_turn_that_fails_or_is_given_up_frees_its_conversation(open_locks, sender):
    async def talk():
        locks = open_locks()
        with pytest.raises(SystemExit):
            async with locks.lock(sender):
                raise SystemExit
        async with locks.lock(sender):
            given_up = asyncio.ensure_future(hold(locks, sender))
            await asyncio.sleep(0)
            given_up.cancel()
        await asyncio.wait_for(hold(locks, sender), 2)
        return True

    assert run(talk())


def test_a_conversation_that_nobody_holds_takes_no_memory(open_locks, sender):
    async def talk():
        locks = open_locks()
        await hold(locks, sender)
        gc.collect()
        return sender in locks.queues

    assert not run(talk())


def test_several_sanic_workers_are_refused_with_what_to_do(monkeypatch, caplog):
    monkeypatch.setenv("SANIC_WORKERS", "2")
    with pytest.raises(SystemExit) as ended:
        InProcessLockStore(EndpointConfig(type="rasa_metadata.stores.InProcessLockStore"))
    assert ended.value.code == 1
    assert "unset SANIC_WORKERS" in caplog.text


@pytest.mark.parametrize("workers", ["1", "0", "many"])
def test_what_rasa_takes_for_one_worker_is_one(monkeypatch, workers):
    monkeypatch.setenv("SANIC_WORKERS", workers)
    assert InProcessLockStore(EndpointConfig(type="rasa_metadata.stores.InProcessLockStore"))


@pytest.fixture
def redis_url(servers):
    return servers.env["REDIS_URL"]


def opened(url):
    return redis_locks.RedisLockStore(EndpointConfig(url))


def test_a_lease_is_renewed_while_its_turn_lasts(redis_url, sender, monkeypatch):
    monkeypatch.setattr(redis_locks, "LEASE", 0.3)

    async def talk():
        locks, other = opened(redis_url), opened(redis_url)
        lost = []
        async with locks.lock(sender):
            for _ in range(20):  # as long as five leases
                await asyncio.sleep(0.075)
                lost.append(not await other.redis.exists(f"lock:{sender}"))
        return lost, await other.redis.exists(f"lock:{sender}")

    lost, held_afterwards = run(talk())
    assert not any(lost)
    assert not held_afterwards


def test_a_lock_that_redis_lost_is_taken_again_and_released(redis_url, sender, monkeypatch):
    monkeypatch.setattr(redis_locks, "LEASE", 0.3)

    async def talk():
        locks = opened(redis_url)
        async with locks.lock(sender):
            await locks.redis.flushall()
            while not await locks.redis.exists(f"lock:{sender}"):
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.6)  # two leases
            held = await locks.redis.exists(f"lock:{sender}")
        return held, await locks.redis.exists(f"lock:{sender}")

    assert run(asyncio.wait_for(talk(), 10)) == (1, 0)


def test_the_wait_for_a_conversation_is_bounded(redis_url, sender, monkeypatch):
    monkeypatch.setattr(redis_locks, "LONGEST_WAIT", 0.3)

    async def talk():
        one, other = opened(redis_url), opened(redis_url)
        one.queues, other.queues = {}, {}  # as of two processes
        async with one.lock(sender):
            await hold(other, sender)

    with pytest.raises(LockError, match="was not free within"):
        run(talk())


def test_a_conversation_whose_server_was_killed_is_free_after_the_lease(
    redis_url, sender, monkeypatch
):
    monkeypatch.setattr(redis_locks, "LEASE", 0.5)

    async def talk():
        locks = opened(redis_url)
        await locks.redis.set(f"lock:{sender}", "of a server that is no more", px=500)
        started = time.monotonic()
        await hold(locks, sender)
        return time.monotonic() - started

    assert 0.2 < run(talk()) < 2


def test_a_redis_that_is_away_or_frozen_is_an_error_within_bounds(servers, sender, monkeypatch):
    monkeypatch.setattr(redis_locks, "LONGEST_CALL", 0.3)

    async def locked(url):
        started = time.monotonic()
        with pytest.raises(LockError, match="Redis could not lock"):
            await hold(opened(url), sender)
        return time.monotonic() - started

    assert run(locked(f"redis://127.0.0.1:{free_port()}/0")) < 1
    with frozen(servers.redis):
        assert run(locked(servers.env["REDIS_URL"])) < 3
    run(hold(opened(servers.env["REDIS_URL"]), sender))
