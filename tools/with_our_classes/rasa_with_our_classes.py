"""A plugin of pytest, for the tests of Rasa and rasa_sdk: our classes in place of theirs.

It changes nothing that a test does, so a test that passes without it has to pass with it.
"""

import sys
from typing import Any

import rasa.core.agent  # noqa: F401
import rasa.core.channels as rasas
import rasa_as_it_is  # noqa: F401
import rasa_sdk.endpoint  # noqa: F401
from rasa.core.channels.channel import InputChannel
from rasa.core.lock_store import InMemoryLockStore
from rasa.core.tracker_store import InMemoryTrackerStore
from rasa.core.tracker_store import SQLTrackerStore as RasasSQLTrackerStore
from rasa_sdk.executor import ActionExecutor

from rasa_metadata import runtime
from rasa_metadata.channels.callback import MetadataCallbackInput
from rasa_metadata.channels.rest import MetadataRestInput
from rasa_metadata.channels.socketio import MetadataSocketIOInput
from rasa_metadata.runtime.in_process import InProcessActions
from rasa_metadata.stores import InProcessLockStore, SQLTrackerStore


class InMemorySQLTrackerStore(SQLTrackerStore):
    """Our tracker store, without a file."""

    def __init__(self, domain: Any, event_broker: Any = None, **kwargs: Any) -> None:
        super().__init__(domain=domain, event_broker=event_broker, db=":memory:", **kwargs)


class InProcessExecutor(ActionExecutor):
    """rasa_sdk's executor, whose actions run as they do in a bot's server."""

    async def run(self, action_call: Any) -> Any:
        executor = ActionExecutor()
        executor.actions = dict(self.actions)
        result, error = await InProcessActions(executor)._outcome(action_call)
        if error:
            raise error
        return result


OURS = {
    InMemoryLockStore: InProcessLockStore,
    InMemoryTrackerStore: InMemorySQLTrackerStore,
    RasasSQLTrackerStore: SQLTrackerStore,
    rasas.RestInput: MetadataRestInput,
    rasas.CallbackInput: MetadataCallbackInput,
    rasas.SocketIOInput: MetadataSocketIOInput,
    ActionExecutor: InProcessExecutor,
}


def replace() -> None:
    """Let each module of Rasa and rasa_sdk that names one of their classes name ours."""
    names = [name for name in sys.modules if name.split(".")[0] in ("rasa", "rasa_sdk")]
    for module in (sys.modules[name] for name in names):
        for name, value in list(vars(module).items()):
            for theirs, ours in OURS.items():
                if value is theirs:
                    setattr(module, name, ours)
    rasas.BUILTIN_CHANNELS.update(
        {each.name(): each for each in OURS.values() if issubclass(each, InputChannel)}
    )


runtime.load()
replace()
