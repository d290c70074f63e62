"""Telegram: Rasa's `telegram`, with metadata about who writes, and a verified webhook.

`author` has `id`, `name`, `username` and `locale`. `secret_token` in credentials.yml is 1 to
256 letters, digits, `_` and `-` that you choose: Telegram sends it with each update. When the
server starts, the token's bot has to be the one in `verify`, and the webhook is set.
"""

import hmac
from asyncio import AbstractEventLoop
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from aiogram.bot.api import TelegramAPIServer
from aiogram.utils.exceptions import TelegramAPIError
from rasa.core.channels.channel import UserMessage
from rasa.core.channels.telegram import TelegramInput, TelegramOutput
from rasa.shared.exceptions import RasaException
from sanic import Blueprint, Sanic
from sanic.request import Request

from rasa_metadata.channels.incoming import Incoming
from rasa_metadata.channels.platform import PlatformInput, PlatformOutput


class VerifiedTelegramOutput(TelegramOutput):
    """Rasa's output; it also tells Telegram the secret to send."""

    secret_token: str

    async def set_webhook(self, url: str) -> Any:
        return await self.request("setWebhook", {"url": url, "secret_token": self.secret_token})


class MetadataTelegramInput(PlatformInput, TelegramInput):
    """Rasa's keys, and `secret_token`. Edited messages are ignored, as what has no text is."""

    required = ("access_token", "verify", "webhook_url", "secret_token")
    base_url = "https://api.telegram.org"

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        self.output = VerifiedTelegramOutput(self.access_token)
        self.output.server = TelegramAPIServer.from_base(self.base_url)
        self.output.secret_token = self.credentials["secret_token"]
        webhook = super().blueprint(on_new_message)

        @webhook.listener("before_server_start")
        async def set_webhook(_app: Sanic, _: AbstractEventLoop) -> None:
            try:
                bot = await self.output.get_me()
                if bot.username != self.verify:
                    raise RasaException(f"The token belongs to '{bot.username}', not to 'verify'.")
                await self.output.set_webhook(self.webhook_url)
            except TelegramAPIError as error:
                raise RasaException(f"Telegram's webhook could not be set: {error}") from error

        return webhook

    def get_output_channel(self) -> PlatformOutput:
        return PlatformOutput(self, self.output)

    async def is_authentic(self, request: Request) -> bool:
        given = request.headers.get("x-telegram-bot-api-secret-token", "")
        return hmac.compare_digest(given.encode(), self.credentials["secret_token"].encode())

    def messages(self, request: Request) -> list[Incoming]:
        update = self.parsed(request.body)
        query = update.get("callback_query")  # a button
        message = query.get("message") if query else update.get("message")
        if not message or "from" not in (query or message):
            return []
        text, author = text_of(message), message["from"]
        if query:
            text, author = query.get("data"), query["from"]
        if not text:
            return []
        names = (author.get("first_name"), author.get("last_name"))
        chat = str(message["chat"]["id"])
        told = Incoming(
            text=text,
            sender=chat,
            id=str(query["id"] if query else message["message_id"]),
            author={
                "id": str(author["id"]),
                "name": " ".join(filter(None, names)),
                "username": author.get("username"),
                "locale": author.get("language_code"),
            },
            channel={"conversation": chat},
            raw=query or message,
            output=self.output,
        )
        start = replace(told, text="/start", id=f"{told.id}:start")
        return [told, start] if text == "/restart" else [told]


def text_of(message: dict[str, Any]) -> str | None:
    """Return the text of a message, or its location, as Rasa's class does."""
    if "text" in message:
        return str(message["text"]).replace("/bot", "")
    if place := message.get("location"):
        return f'{{"lng":{place["longitude"]}, "lat":{place["latitude"]}}}'
    return None
