"""The REST channel: Rasa's own, which asks the door before it answers.

It keeps the name `rest`, and so the address /webhooks/rest/webhook. What the
door admits is handled by Rasa's class, so good messages get Rasa's answers.
"""

import json
import logging
import shlex
from asyncio import AbstractEventLoop
from collections.abc import Awaitable, Callable
from typing import Any

from rasa.core.channels.channel import UserMessage
from rasa.core.channels.rest import RestInput
from sanic import Blueprint, Sanic, response
from sanic.request import Request
from sanic.response import HTTPResponse

from channels import in_process, mends
from channels.door import Refusal, admit
from contract import Contract, ContractError, contract_of
from contract.examples import example_metadata

logger = logging.getLogger(__name__)


class MetadataRestInput(RestInput):
    """Takes the place of `rest:` in credentials.yml."""

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        """Return Rasa's routes with the door before them, and GET /schema."""
        mends.keep_root_logger()
        webhook = super().blueprint(on_new_message)

        @webhook.middleware("request")
        async def door(request: Request) -> None:
            if request.method == "POST":
                content_type = request.headers.get("content-type", "")
                contract = contract_in(request.app)
                request.ctx.admitted = admit(content_type, request.body, contract)

        @webhook.exception(Refusal)
        async def refuse(_: Request, refusal: Refusal) -> HTTPResponse:
            return response.json(refusal.body(), refusal.status)

        @webhook.get("/schema")
        async def schema(request: Request) -> HTTPResponse:
            return response.json(contract_in(request.app).schema)

        @webhook.listener("after_server_start")
        async def start(app: Sanic, _: AbstractEventLoop) -> None:
            in_process.use(app.ctx.agent.action_endpoint)
            try:
                logger.info(_invitation(app, webhook))
            except Refusal as refusal:
                logger.error(refusal.message)

        return webhook

    async def _extract_sender(self, req: Request) -> str:
        return req.ctx.admitted.sender

    def _extract_message(self, req: Request) -> str:
        return req.ctx.admitted.text

    def _extract_input_channel(self, req: Request) -> str:
        return self.name()  # a body cannot name another channel

    def get_metadata(self, request: Request) -> dict[str, Any] | None:
        return request.ctx.admitted.metadata


def contract_in(app: Sanic) -> Contract:
    """Return the contract of the model that runs now.

    Raises:
        Refusal: 503 when there is no model, 500 when its contract is broken.
    """
    domain = getattr(app.ctx.agent, "domain", None)
    if domain is None:
        raise Refusal(503, "NoModel", "The bot has no model: run 'make train'.")
    try:
        return contract_of(domain.as_dict())
    except ContractError as error:
        raise Refusal(500, "BrokenContract", str(error)) from error


def _invitation(app: Sanic, webhook: Blueprint) -> str:
    """Return a `curl` to paste, with example metadata from the contract."""
    message = {"sender": "ada", "message": "hello"}
    metadata = example_metadata(contract_in(app))
    if metadata:
        message["metadata"] = metadata
    body = shlex.quote(json.dumps(message, ensure_ascii=False))
    path = app.url_for(f"{webhook.name}.receive")
    url = f"http://localhost:{app.state.port}{path}"
    return (
        f"Talk to the bot at {url}, for example\n\n"
        f"  curl {url} -H 'Content-Type: application/json' -d {body}\n"
    )
