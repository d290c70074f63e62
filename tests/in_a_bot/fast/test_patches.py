"""Each patch of Rasa does what its docstring says, and nothing else.

Those that change a turn are proved in tests/live, by the forms and fallbacks of
test_life_cycle.py; the one of action results by the template's own tests.
"""

import asyncio
import logging

import pytest
from rasa.core.lock_store import InMemoryLockStore, LockStore
from rasa.core.tracker_store import FailSafeTrackerStore, InMemoryTrackerStore
from rasa.shared.core.events import Event
from rasa.shared.core.slot_mappings import SlotMapping
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.utils.common import all_subclasses

from in_a_bot.cases import DOMAIN
from rasa_metadata.runtime import patches, turn


@pytest.fixture(autouse=True)
def rasa_as_it_was(monkeypatch):
    """Undo each patch when its test is over."""
    monkeypatch.setattr(LockStore, "lock", LockStore.lock)
    for name in ("retrieve", "retrieve_full_tracker", "save", "keys"):
        monkeypatch.setattr(FailSafeTrackerStore, name, getattr(FailSafeTrackerStore, name))
    monkeypatch.setattr(Event, "resolve_by_type", staticmethod(Event.resolve_by_type))
    monkeypatch.setattr(SlotMapping, "intent_is_desired", SlotMapping.intent_is_desired)


def test_the_root_logger_stays_as_it_was(monkeypatch):
    root = logging.getLogger()
    monkeypatch.setattr(root, "level", logging.INFO)
    patches.keep_root_logger()
    import numpy.distutils.log  # noqa: F401

    assert root.level == logging.INFO
    assert type(root) is logging.RootLogger


def test_who_waits_for_a_conversation_looks_often_and_in_turn(monkeypatch):
    waits, sleep = [], asyncio.sleep

    def record(seconds):
        waits.append(seconds)
        return sleep(0)

    monkeypatch.setattr("rasa.core.lock_store.asyncio.sleep", record)
    patches.take_turns_promptly()
    store, turns = InMemoryLockStore(), []

    async def take_turn(name):
        async with store.lock("ada"):
            await sleep(0)
            turns.append(name)

    async def talk():
        await asyncio.gather(*(take_turn(name) for name in "abc"))

    asyncio.run(talk())
    assert turns == list("abc")
    assert set(waits) == {0.05}


def test_events_are_those_that_rasa_finds():
    rasas = Event.resolve_by_type
    names = [event.type_name for event in all_subclasses(Event)]
    found = [rasas(name) for name in names]
    patches.find_events_quickly()
    assert [Event.resolve_by_type(name) for name in [*names, *names]] == [*found, *found]
    assert Event.resolve_by_type("nothing", Event) is Event
    assert Event.resolve_by_type("topic") is None
    with pytest.raises(ValueError, match="Unknown event name 'nothing'"):
        Event.resolve_by_type("nothing")


class Broken(InMemoryTrackerStore):
    """A store that is away."""

    async def retrieve(self, sender_id):
        raise ConnectionError("away")

    save = retrieve_full_tracker = retrieve


@pytest.mark.parametrize("call", ["retrieve", "retrieve_full_tracker", "save"])
def test_a_store_that_is_away_is_told(call):
    store = FailSafeTrackerStore(Broken(DOMAIN))
    rasas = getattr(FailSafeTrackerStore, call)
    tracker = DialogueStateTracker("ada", [])
    told = tracker if call == "save" else "ada"
    assert asyncio.run(rasas(store, told)) is None, "this is what Rasa does"
    patches.tell_when_a_store_fails()
    with pytest.raises(turn.StoreFailed, match="away"):
        asyncio.run(getattr(store, call)(told))


def test_each_can_be_left_out(monkeypatch):
    done = []

    def one():
        done.append("one")

    def another():
        done.append("another")

    monkeypatch.setattr(patches, "PATCHES", (one, another))
    monkeypatch.setenv(patches.PATCHES_OFF, "one,nothing")
    patches.apply.__wrapped__()
    assert done == ["another"]
