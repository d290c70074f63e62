"""A server whose database cannot be written to gets no messages, and why is in its log alone."""

import contextlib
from types import SimpleNamespace

import pytest
import sqlalchemy
from rasa.core.tracker_store import FailSafeTrackerStore

from in_a_bot.stores.conftest import run, take_turn
from rasa_metadata.runtime.readiness import readiness
from rasa_metadata.stores import InProcessLockStore
from rasa_metadata.validation.errors import ApiError


def ready(store):
    agent = SimpleNamespace(
        is_ready=lambda: True,
        tracker_store=FailSafeTrackerStore(store),
        lock_store=InProcessLockStore(),
        action_endpoint=None,
    )
    return run(readiness(SimpleNamespace(ctx=SimpleNamespace(agent=agent))))


def assert_not_ready(store, why, caplog):
    with pytest.raises(ApiError) as error:
        ready(store)
    assert (error.value.status, error.value.reason) == (503, "NotReady")
    assert error.value.details == {"tracker store": "not ready"}
    assert why in caplog.text


def test_a_store_that_can_be_written_to_is_ready_and_stays_as_it_was(store, options):
    run(take_turn(store, "ada", "hello"))
    assert ready(store) == dict.fromkeys(["model", "tracker store", "lock store"], "ready")
    assert run(store.keys()) == ["ada"]


def test_a_full_disk_is_not_ready_until_there_is_room(open_store, small_disk, caplog):
    (small_disk / "ballast").write_bytes(b"x" * 200_000)
    store = open_store(db=str(small_disk / "conversations.db"))
    run(take_turn(store, "ada", "hello"))
    more = (small_disk / "more").open("wb", buffering=0)
    with more, contextlib.suppress(OSError):
        while more.write(b"x" * 4096):
            pass
    assert_not_ready(store, "disk is full", caplog)
    (small_disk / "ballast").unlink()
    assert ready(store)["tracker store"] == "ready"
    store.engine.dispose()


def test_a_database_that_may_only_be_read_is_not_ready(open_store, options, caplog):
    store = open_store(**options)
    forbid = "PRAGMA query_only = on" if store.file else "SET default_transaction_read_only = on"
    sqlalchemy.event.listen(store.engine, "connect", lambda new, _: execute(new, forbid))
    store.engine.dispose()
    assert_not_ready(store, "read", caplog)


def execute(connection, statement):
    connection.cursor().execute(statement)
    connection.commit()
