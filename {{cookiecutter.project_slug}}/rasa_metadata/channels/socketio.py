"""The Socket.IO channel: each message passes the validation, and a violation is an event."""

import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import socketio
from rasa.core.channels.channel import UserMessage
from rasa.core.channels.socketio import SocketIOInput, SocketIOOutput
from sanic import Blueprint, Sanic

from rasa_metadata.channels import serving
from rasa_metadata.runtime import turn
from rasa_metadata.validation.errors import ApiError
from rasa_metadata.validation.message import RequestValidation, reject_signed_sender
from rasa_metadata.validation.tokens import Claims, bad_token

RASA_KEYS = {
    "user_message_evt",
    "bot_message_evt",
    "namespace",
    "session_persistence",
    "socketio_path",
    "metadata_key",
}


class MetadataSocketIOInput(SocketIOInput):
    """Rasa's `socketio`, behind the door; it keeps Rasa's events and adds `error_evt`.

    A client that connects with `auth: {token}` speaks for whom the token names, in a
    room of its own. Whoever connects without a token is a guest. What the door refuses
    comes back as an `error_evt` ("bot_error"), with the body that REST would answer.
    """

    validation: RequestValidation = RequestValidation()
    error_evt = "bot_error"

    @classmethod
    def from_credentials(cls, credentials: Mapping[str, Any] | None) -> "MetadataSocketIOInput":
        ours = dict(credentials or {})
        rasas = {key: ours.pop(key) for key in RASA_KEYS & set(ours)}
        error_evt = ours.pop("error_evt", cls.error_evt)
        channel = super().from_credentials(rasas)
        channel.validation = RequestValidation.from_credentials(ours)
        channel.error_evt = error_evt
        return channel

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        """Return Rasa's blueprint, with handlers of ours for three of its events."""
        webhook = super().blueprint(on_new_message)

        @webhook.listener("after_server_start")
        async def start(app: Sanic, _: Any) -> None:
            self.app = app
            serving.start(app, self.validation)

        on = {"namespace": self.namespace}
        self.sio.on("connect", self._connect, **on)
        self.sio.on("session_request", self._session_request, **on)

        async def handle(sid: str, data: Any = None, *_: Any) -> None:
            try:
                await self._handle(on_new_message, sid, data)
            except ApiError as error:
                await self._tell(sid, error)

        self.sio.on(self.user_message_evt, handle, **on)
        return webhook

    async def _connect(self, sid: str, _: Any, auth: Any = None) -> None:
        token = auth.get("token") if isinstance(auth, dict) else None
        claims = None
        if token is not None:
            try:
                claims = self.validation.tokens.claims(str(token).removeprefix("Bearer "))
            except ApiError as error:
                raise socketio.exceptions.ConnectionRefusedError(
                    error.message, error.body()
                ) from None
            await self.sio.enter_room(sid, claims.sender, namespace=self.namespace)
        await self.sio.save_session(sid, {"claims": claims}, namespace=self.namespace)

    async def _session_request(self, sid: str, data: Any = None) -> None:
        claims = await self._claims(sid)
        wanted = data.get("session_id") if isinstance(data, dict) else None
        session_id = claims.sender if claims else str(wanted or uuid.uuid4().hex)
        if not claims:
            try:
                reject_signed_sender(session_id)
            except ApiError as error:
                await self._tell(sid, error)
                return
        if self.session_persistence:
            # Rasa forgets the `await` that python-socketio 5.10 and newer needs here.
            await self.sio.enter_room(sid, session_id, namespace=self.namespace)
        await self.sio.emit("session_confirm", session_id, room=sid, namespace=self.namespace)

    async def _handle(
        self, on_new_message: Callable[[UserMessage], Awaitable[Any]], sid: str, data: Any
    ) -> None:
        claims = await self._claims(sid)
        if claims and claims.expires <= time.time():
            raise bad_token("Signature has expired")
        body = {"message": None}
        if isinstance(data, dict):
            sender = data.get("session_id") if self.session_persistence else sid
            metadata = data.get(self.metadata_key)
            body = {"sender": sender, "message": data.get("message"), "metadata": metadata}
        self.validation.check_size(body)
        valid = self.validation.validate_body(body, claims, serving.contract_in(self.app))
        message = UserMessage(
            valid.text,
            SocketIOOutput(self.sio, self.bot_message_evt),
            valid.sender,
            input_channel=self.name(),
            metadata=valid.metadata,
        )
        error = await turn.take(on_new_message, message, self.validation.action_timeout)
        if error:
            raise error

    async def _tell(self, sid: str, error: ApiError) -> None:
        await self.sio.emit(self.error_evt, error.body(), room=sid, namespace=self.namespace)

    async def _claims(self, sid: str) -> Claims | None:
        return (await self.sio.get_session(sid, namespace=self.namespace)).get("claims")
