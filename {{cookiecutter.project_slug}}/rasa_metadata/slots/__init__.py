"""The values of slots: session start, sync in each turn, and the known metadata."""

import logging
import os
import sys
from typing import Any

from pluggy import HookimplMarker
from rasa_sdk.plugin import plugin_manager

from rasa_metadata.contract.signature import SIGNATURE_KEY_VARIABLE
from rasa_metadata.slots.user_token import TOKEN_HEADER, hold


@HookimplMarker("rasa_sdk")
def attach_sanic_app_extensions(app: Any) -> None:
    """Warn if a key is missing, and receive tokens: rasa_sdk calls this when an action server
    starts."""

    @app.middleware("request")
    async def receive_token(request: Any) -> None:
        hold(request.headers.get(TOKEN_HEADER))

    if not os.environ.get(SIGNATURE_KEY_VARIABLE):
        logging.getLogger(__name__).warning(
            f"There is no {SIGNATURE_KEY_VARIABLE}, the key of the Rasa server, so signed slots "
            "stay empty. 'make actions' sets it."
        )


plugin_manager().register(sys.modules[__name__])
