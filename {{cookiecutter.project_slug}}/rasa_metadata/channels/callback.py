"""The callback channel: takes messages like REST, and POSTs what the bot says to `url`."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import aiohttp
from rasa.core.channels.callback import CallbackInput, CallbackOutput
from rasa.utils.endpoints import EndpointConfig

from rasa_metadata.channels.webhook import ValidatedWebhook
from rasa_metadata.validation.message import RequestValidation

logger = logging.getLogger(__name__)

RASA_KEYS = {"url", "params", "headers", "basic_auth", "token", "token_name", "cafile"}


class PatientCallbackOutput(CallbackOutput):
    """Rasa's output, for which an address that cannot be reached does not end the turn.

    `timeout` is in seconds; Rasa waits five minutes, and the conversation with it.
    """

    def __init__(self, endpoint: EndpointConfig, timeout: float) -> None:
        super().__init__(endpoint)
        self.timeout = timeout

    async def _persist_message(self, message: dict[str, Any]) -> None:
        try:
            await asyncio.wait_for(super()._persist_message(message), self.timeout)
        except (aiohttp.ClientError, OSError, asyncio.TimeoutError) as error:
            logger.error(f"The callback could not be reached: {error!r}")


class MetadataCallbackInput(ValidatedWebhook, CallbackInput):
    """Rasa's `callback` with request validation, and with the metadata that Rasa's drops.

    Its keys in credentials.yml are Rasa's (`url` and the like) and `RequestValidation`'s.
    """

    @classmethod
    def from_credentials(cls, credentials: Mapping[str, Any] | None) -> "MetadataCallbackInput":
        if not credentials or "url" not in credentials:
            cls.raise_missing_credentials_exception()
        ours = dict(credentials or {})
        rasas = {key: ours.pop(key) for key in RASA_KEYS & set(ours)}
        channel = cls(EndpointConfig.from_dict(rasas))
        channel.validation = RequestValidation.from_credentials(ours)
        return channel

    def get_output_channel(self) -> PatientCallbackOutput:
        return PatientCallbackOutput(self.callback_endpoint, self.validation.action_timeout)
