"""A plugin of pytest, for the tests of Rasa and rasa_sdk: our classes and patches in Rasa."""

from typing import Any

import rasa.core.channels as rasas
from rasa.core.lock_store import InMemoryLockStore
from rasa.core.tracker_store import InMemoryTrackerStore
from rasa.core.tracker_store import SQLTrackerStore as RasasSQLTrackerStore
from rasa_sdk.executor import ActionExecutor
from replacing import in_memory, replace

from rasa_metadata import runtime
from rasa_metadata.channels.callback import MetadataCallbackInput
from rasa_metadata.channels.rest import MetadataRestInput
from rasa_metadata.channels.socketio import MetadataSocketIOInput
from rasa_metadata.runtime.in_process import InProcessActions
from rasa_metadata.stores import InProcessLockStore, SQLTrackerStore


class InProcessExecutor(ActionExecutor):
    """rasa_sdk's executor, whose actions run as they do in a bot's server."""

    async def run(self, action_call: Any) -> Any:
        executor = ActionExecutor()
        executor.actions = dict(self.actions)
        result, error = await InProcessActions(executor)._outcome(action_call)
        if error:
            raise error
        return result


CHANNELS = {
    rasas.RestInput: MetadataRestInput,
    rasas.CallbackInput: MetadataCallbackInput,
    rasas.SocketIOInput: MetadataSocketIOInput,
}

runtime.load()
rasas.BUILTIN_CHANNELS.update({channel.name(): channel for channel in CHANNELS.values()})
replace(
    {
        **CHANNELS,
        InMemoryTrackerStore: in_memory(SQLTrackerStore),
        RasasSQLTrackerStore: SQLTrackerStore,
        InMemoryLockStore: InProcessLockStore,
        ActionExecutor: InProcessExecutor,
    }
)
