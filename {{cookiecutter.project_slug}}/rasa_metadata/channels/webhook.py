"""Request validation in front of the webhook of one of Rasa's channels."""

from asyncio import AbstractEventLoop
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

from rasa.core.channels.channel import InputChannel, UserMessage
from sanic import Blueprint, Sanic, response
from sanic.request import Request
from sanic.response import HTTPResponse

from rasa_metadata.channels import serving
from rasa_metadata.channels.http import answer_error, check_requests
from rasa_metadata.runtime import readiness, turn
from rasa_metadata.validation.message import RequestValidation
from rasa_metadata.validation.tokens import bearer

# The current request: Rasa's code between validation and the bot passes on sender and text
# only, and cannot report that a turn has failed.
current_request: ContextVar[Request] = ContextVar("current_request")


class ValidatedWebhook(InputChannel):
    """Comes before Rasa's class among the bases of a channel.

    Rasa's routes stay as they are, and answer what is valid. GET /schema returns what that
    is, GET /ready whether a message would be answered now.
    """

    validation: RequestValidation = RequestValidation()

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        """Return Rasa's blueprint with validation in front of its routes."""

        async def take_turn(message: UserMessage) -> None:
            request = current_request.get()
            message.metadata = request.ctx.message.metadata
            message.message_id = request.ctx.message.id
            request.ctx.error = await turn.take(
                on_new_message, message, self.validation.action_timeout, request.ctx.message.token
            )

        webhook = super().blueprint(take_turn)
        check_requests(webhook, f"/webhooks/{self.name()}/", self.validation.max_body_bytes)

        @webhook.middleware("request")
        async def validate_request(request: Request) -> None:
            if request.method == "POST":
                headers = request.headers
                await self.validation.tokens.fetch_keys(bearer(headers.get("authorization")))
                request.ctx.message = self.validation.validate(
                    request.body,
                    serving.contract_in(request.app),
                    content_type=headers.get("content-type", ""),
                    origin=headers.get("origin"),
                    authorization=headers.get("authorization"),
                    idempotency_key=headers.get("idempotency-key"),
                )
                current_request.set(request)

        @webhook.middleware("response")
        async def answer_with_error(request: Request, stock: HTTPResponse) -> HTTPResponse | None:
            error = getattr(request.ctx, "error", None)
            return with_headers_of(stock, answer_error(request, error)) if error else None

        @webhook.get("/schema")
        async def schema(request: Request) -> HTTPResponse:
            return response.json(serving.contract_in(request.app).schema)

        @webhook.get("/ready")
        async def ready(request: Request) -> HTTPResponse:
            contract, keys = serving.contract_or_none(request.app), bool(self.validation.tokens)
            signed = contract is not None and contract.has_signed
            checked = await readiness.readiness(request.app, bool(signed and keys))
            if signed and not keys:
                checked["signed slots"] = serving.NO_TOKENS
            return response.json(checked)

        @webhook.listener("after_server_start")
        async def start(app: Sanic, _: AbstractEventLoop) -> None:
            serving.start(app, self.validation)

        return webhook

    async def _extract_sender(self, req: Request) -> str:
        return req.ctx.message.sender

    def _extract_message(self, req: Request) -> str:
        return req.ctx.message.text

    def _extract_input_channel(self, req: Request) -> str:
        return req.ctx.message.input_channel or self.name()

    def get_metadata(self, request: Request) -> dict[str, Any] | None:
        return request.ctx.message.metadata


def with_headers_of(replaced: HTTPResponse, answer: HTTPResponse) -> HTTPResponse:
    """Return an answer with the CORS headers of the one that it replaces."""
    for name, value in replaced.headers.items():
        if name.lower() == "vary" or name.lower().startswith("access-control-"):
            answer.headers[name] = value
    return answer
