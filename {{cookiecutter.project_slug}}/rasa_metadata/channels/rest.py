"""The REST channel, which replaces `rest:` in credentials.yml at the same address."""

import json
from asyncio import AbstractEventLoop
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from rasa.core.channels.channel import UserMessage
from rasa.core.channels.rest import RestInput
from sanic import Blueprint, Sanic, response
from sanic.request import Request
from sanic.response import HTTPResponse

from rasa_metadata.channels import serving
from rasa_metadata.channels.webhook import ValidatedWebhook, current_request
from rasa_metadata.contract import Contract
from rasa_metadata.validation.message import RequestValidation
from rasa_metadata.validation.openapi import document


class MetadataRestInput(ValidatedWebhook, RestInput):
    """Rasa's `rest` with request validation, whose keys it has in credentials.yml."""

    has_chat_page = False

    @classmethod
    def from_credentials(cls, credentials: Mapping[str, Any] | None) -> "MetadataRestInput":
        channel = cls()
        channel.validation = RequestValidation.from_credentials(credentials)
        return channel

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        webhook = super().blueprint(on_new_message)

        @webhook.get("/openapi.json")
        async def describe(request: Request) -> HTTPResponse:
            return response.json(self.openapi(serving.contract_in(request.app)))

        @webhook.listener("after_server_start")
        async def invite(app: Sanic, _: AbstractEventLoop) -> None:
            serving.invite(app, f"/webhooks/{self.name()}/webhook")

        return webhook

    def openapi(self, contract: Contract) -> dict[str, Any]:
        """Return the OpenAPI document of this channel."""
        return document(contract, self.validation, self.has_chat_page)

    def stream_response(self, *args: Any) -> Callable[[Any], Awaitable[None]]:
        """Return Rasa's stream; its last line is the error, if the turn failed."""
        stock = super().stream_response(*args)
        request = current_request.get()

        async def stream(client: Any) -> None:
            await stock(client)
            if request.ctx.error:
                await client.write(json.dumps(request.ctx.error.body()) + "\n")

        return stream
