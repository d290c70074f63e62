"""The REST channel, which replaces `rest:` in credentials.yml at the same address."""

import json
from asyncio import AbstractEventLoop
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from rasa.core.channels.channel import UserMessage
from rasa.core.channels.rest import RestInput
from sanic import Blueprint, Sanic

from rasa_metadata.channels import serving
from rasa_metadata.channels.webhook import ValidatedWebhook, current_request
from rasa_metadata.validation.message import RequestValidation


class MetadataRestInput(ValidatedWebhook, RestInput):
    """Rasa's `rest` with request validation, whose keys it has in credentials.yml."""

    @classmethod
    def from_credentials(cls, credentials: Mapping[str, Any] | None) -> "MetadataRestInput":
        channel = cls()
        channel.validation = RequestValidation.from_credentials(credentials)
        return channel

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        webhook = super().blueprint(on_new_message)

        @webhook.listener("after_server_start")
        async def invite(app: Sanic, _: AbstractEventLoop) -> None:
            serving.invite(app, f"/webhooks/{self.name()}/webhook")

        return webhook

    def stream_response(self, *args: Any) -> Callable[[Any], Awaitable[None]]:
        """Return Rasa's stream; its last line is the error, if the turn failed."""
        stock = super().stream_response(*args)
        request = current_request.get()

        async def stream(client: Any) -> None:
            await stock(client)
            if request.ctx.error:
                await client.write(json.dumps(request.ctx.error.body()) + "\n")

        return stream
