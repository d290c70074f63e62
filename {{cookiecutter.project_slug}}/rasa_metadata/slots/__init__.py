"""The values of slots: session start, sync in each turn, and the known metadata."""

import logging
import os
import sys

from pluggy import HookimplMarker
from rasa_sdk.plugin import plugin_manager

from rasa_metadata.contract.signature import SIGNATURE_KEY_VARIABLE


@HookimplMarker("rasa_sdk")
def attach_sanic_app_extensions() -> None:
    """Warn if a key is missing: rasa_sdk calls this when an action server starts."""
    if not os.environ.get(SIGNATURE_KEY_VARIABLE):
        logging.getLogger(__name__).warning(
            f"There is no {SIGNATURE_KEY_VARIABLE}, the key of the Rasa server, so signed slots "
            "stay empty. 'make actions' sets it."
        )


plugin_manager().register(sys.modules[__name__])
