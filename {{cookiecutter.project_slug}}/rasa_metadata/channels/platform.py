"""What the channels of messaging platforms share: a webhook that verifies who calls it, and
metadata about who writes, which goes through the contract. README.md describes both."""

import asyncio
import json
import logging
import time
from asyncio import AbstractEventLoop
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rasa.core.channels.channel import InputChannel, UserMessage
from rasa.shared.exceptions import RasaException
from sanic import Blueprint, Sanic, response
from sanic.request import Request
from sanic.response import HTTPResponse

from rasa_metadata.channels import serving
from rasa_metadata.channels.http import check_requests
from rasa_metadata.channels.incoming import Incoming
from rasa_metadata.contract import Contract
from rasa_metadata.runtime import turn
from rasa_metadata.validation.errors import ApiError
from rasa_metadata.validation.message import CONTROL, RequestValidation

logger = logging.getLogger(__name__)

KEYS = ("sender_prefix", "base_url", "profiles")
# A platform sends more around a text than a client of ours: these are the defaults here.
LIMITS: dict[str, Any] = {
    "action_timeout": 30,
    "max_body_bytes": 256 * 1024,
    "max_depth": 32,
    "max_keys": 4096,
    "max_message_characters": 16 * 1024,
}
AN_HOUR = 3600.0
MOST_PROFILES = 10_000
NOT_AS_DESCRIBED = (AttributeError, IndexError, KeyError, TypeError, ValueError)


class PlatformInput(InputChannel):
    """Comes before Rasa's class among the bases of a channel, whose keys it keeps.

    `required` are the keys without which nothing can be verified or answered, `optional` are
    others; `base_url` is the address of the platform's API. With `answers_first`, the platform
    does not wait for the turn; with `blocks`, Rasa's output blocks the event loop, and gets a
    thread. `status` is the answer's.
    """

    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    base_url = ""
    answers_first = False
    blocks = False
    status = 200

    credentials: dict[str, Any]
    validation: RequestValidation
    prefix: str
    profiles: dict[str, tuple[float, Mapping[str, Any]]]  # by author, and when it was asked for

    @classmethod
    def from_credentials(cls, credentials: Mapping[str, Any] | None) -> Any:
        """Read Rasa's keys, and those of every platform.

        Raises:
            RasaException: if one is missing or unknown, or has a wrong value.
        """
        given = dict(credentials or {})
        known = [*cls.required, *cls.optional, *KEYS, *LIMITS]
        for key in cls.required:
            if not given.get(key):
                needed = ", ".join(cls.required)
                raise RasaException(f"credentials.yml: '{key}' is missing; add {needed}.")
        for key in given:
            if key not in known:
                names = ", ".join(known)
                raise RasaException(f"credentials.yml: '{key}' is unknown; there are {names}.")
        prefix = given.get("sender_prefix", f"{cls.name()}:")
        if not isinstance(prefix, str):
            raise RasaException(f"credentials.yml: 'sender_prefix' is text, not {prefix!r}.")
        channel = super().from_credentials(given)
        channel.credentials = given
        channel.validation = RequestValidation.from_credentials(
            {key: given.get(key, value) for key, value in LIMITS.items()}
        )
        channel.prefix, channel.profiles = prefix, {}
        channel.base_url = given.get("base_url", cls.base_url)
        return channel

    def parsed(self, body: bytes | str) -> dict[str, Any]:
        """Return the JSON object in a request.

        Raises:
            ApiError: if it is too large, for example.
            TypeError: if it is no object.
        """
        found = self.validation.parse(body if isinstance(body, bytes) else body.encode())
        if not isinstance(found, dict):
            raise TypeError("no object")
        return found

    async def is_authentic(self, request: Request) -> bool:
        """Return whether the platform has sent a request."""
        raise NotImplementedError

    async def profile(self, author: str) -> Mapping[str, Any]:
        """Return what the platform's API knows of an author, and its messages do not contain.

        Asked once an hour, if `profiles` in credentials.yml is true.
        """
        return {}

    async def show(self, output: "PlatformOutput", recipient: str, is_answered: bool) -> None:
        """Show the user that the bot has seen a message, and that it has answered."""

    def messages(self, request: Request) -> Sequence[Incoming] | None:
        """Return the messages in an authentic request; None lets Rasa's class answer."""
        raise NotImplementedError

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        """Return Rasa's blueprint, with our handler in place of its `POST /webhook`."""

        async def reject(_: UserMessage) -> None:
            raise ApiError(405, "MethodNotAllowed", "The platform POSTs its messages.")

        async def once(message: UserMessage) -> None:
            try:
                await on_new_message(message)
            except turn.AnsweredBefore:
                logger.info(f"{self.name()} has sent a message again.")

        webhook = super().blueprint(reject)
        check_requests(webhook, f"/webhooks/{self.name()}/", self.validation.max_body_bytes)
        running: set[asyncio.Task[None]] = set()

        @webhook.middleware("request")
        async def receive(request: Request) -> HTTPResponse | None:
            if request.method != "POST" or not request.path.rstrip("/").endswith("/webhook"):
                return None
            try:
                is_authentic = await self.is_authentic(request)
            except NOT_AS_DESCRIBED:
                is_authentic = False
            if not is_authentic:
                raise ApiError(401, "BadSignature", f"This does not come from {self.name()}.")
            try:
                found = self.messages(request)
            except NOT_AS_DESCRIBED as error:
                logger.warning(f"{self.name()} has sent what it does not document: {error!r}")
                message = f"This is not a message of {self.name()}."
                raise ApiError(400, "BadMessage", message) from None
            if found is None:
                return None
            taking = asyncio.create_task(self.take(once, found, serving.contract_in(request.app)))
            running.add(taking)
            taking.add_done_callback(running.discard)
            if not self.answers_first:
                await asyncio.shield(taking)  # a platform that waits no longer has it answered
            return response.text("", self.status)

        @webhook.listener("before_server_start")
        async def reserve_senders(app: Sanic, _: AbstractEventLoop) -> None:
            """Keep clients of the other channels out of this one's conversations."""
            for other in app.ctx.input_channels:
                known = getattr(other, "validation", None)
                if known and other is not self and self.prefix:
                    reserved = (*known.reserved_senders, self.prefix)
                    other.validation = replace(known, reserved_senders=reserved)

        @webhook.listener("after_server_start")
        async def start(app: Sanic, _: AbstractEventLoop) -> None:
            serving.start(app, self.validation)

        return webhook

    async def take(
        self, handle: turn.Handler, found: Sequence[Incoming], contract: Contract
    ) -> None:
        """Take the turns of some messages.

        Raises:
            ApiError: 503, so that the platform sends them again. Nothing else would become
                better by that.
        """
        for each in found:
            text = CONTROL.sub(" ", each.text).strip()
            body = {"sender": f"{self.prefix}{each.sender}", "message": text}
            try:
                valid = self.validation.validate_body(json.dumps(body).encode(), None, contract)
            except ApiError as error:
                logger.warning(f"{self.name()}: a message was ignored: {error.message}")
                continue
            profile = await self._profile(each.author["id"])
            output = PlatformOutput(self, each.output, each.recipient)
            message = UserMessage(
                valid.text,
                output,
                valid.sender,
                input_channel=self.name(),
                metadata=each.metadata(self.name(), profile, valid, contract),
                message_id=valid.id,
            )
            await self.show(output, each.sender, is_answered=False)
            failure = await turn.take(handle, message, self.validation.action_timeout)
            await self.show(output, each.sender, is_answered=True)
            if failure:
                logger.error(f"{self.name()}: a message failed: {failure.message}")
                if failure.status == 503 and not self.answers_first:
                    raise failure

    async def _profile(self, author: str) -> Mapping[str, Any]:
        if not self.credentials.get("profiles"):
            return {}
        asked_at, known = self.profiles.get(author, (0.0, {}))
        if time.time() - asked_at > AN_HOUR:
            try:
                asked = asyncio.wait_for(self.profile(author), self.validation.action_timeout)
                known = await asked
            except Exception as error:  # a scope is missing, for example
                kind = type(error).__name__
                logger.warning(f"{self.name()} has no profile of an author: {kind}")
            if len(self.profiles) >= MOST_PROFILES:
                self.profiles.clear()
            self.profiles[author] = time.time(), known
        return known


class PlatformOutput:
    """One conversation's output: Rasa's, with the platform's own word for the recipient.

    If the platform cannot be reached, the turn goes on, as with the callback channel.
    """

    def __init__(self, channel: PlatformInput, output: Any, recipient: str | None = None) -> None:
        self.channel, self.output, self.recipient = channel, output, recipient

    def __getattr__(self, name: str) -> Any:
        return getattr(self.output, name)

    async def send_response(self, recipient_id: str, message: dict[str, Any]) -> None:
        recipient = self.recipient or recipient_id.removeprefix(self.channel.prefix)
        await self.send(self.output.send_response(recipient, message))

    async def send(self, sending: Coroutine[Any, Any, None]) -> None:
        """Do what a coroutine of Rasa's output does; log an error if it fails."""
        try:
            if self.channel.blocks:
                sending = asyncio.to_thread(asyncio.run, sending)
            await asyncio.wait_for(sending, self.channel.validation.action_timeout)
        except Exception as error:  # its text can contain the address, and that a token
            kind = type(error).__name__
            logger.error(f"{self.channel.name()} did not take a message: {kind}")
