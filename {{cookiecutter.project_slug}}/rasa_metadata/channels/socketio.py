"""The Socket.IO channel: messages are validated as in HTTP requests; errors are events."""

import asyncio
import json
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import socketio
from rasa.core.channels.channel import UserMessage
from rasa.core.channels.socketio import SocketIOInput, SocketIOOutput
from sanic import Blueprint, Sanic
from socketio.packet import ACK, CONNECT, DISCONNECT, EVENT

from rasa_metadata.channels import serving
from rasa_metadata.channels.http import check_requests
from rasa_metadata.runtime import turn
from rasa_metadata.validation.errors import ApiError, try_again
from rasa_metadata.validation.message import DECODER, Names, RequestValidation, ValidMessage
from rasa_metadata.validation.tokens import Claims, bad_token

RASA_KEYS = {
    "user_message_evt",
    "bot_message_evt",
    "namespace",
    "session_persistence",
    "socketio_path",
    "metadata_key",
}
READABLE = (CONNECT, DISCONNECT, EVENT, ACK)
UNREADABLE = "unreadable_packet"
MOST_WAITING = 16  # messages of one socket that are not answered yet
A_DAY = 86_400.0


@dataclass
class Client:
    """One socket: who is connected, in which room, and how many messages are unanswered."""

    claims: Claims | None = None
    room: str | None = None
    waiting: int = 0
    expiry: asyncio.TimerHandle | None = None


class StrictPacket(socketio.packet.Packet):
    """What a client sends, read by the rules of a body; what cannot be read becomes an event.

    Socket.IO would leave that unanswered, and keep attachments until their last one comes.
    """

    json = SimpleNamespace(dumps=json.dumps, loads=DECODER.decode)
    packet_type: int
    data: Any

    def decode(self, encoded_packet: Any) -> int:
        try:
            super().decode(encoded_packet)
            if self.packet_type not in READABLE:
                raise ValueError("it is binary, or of an unknown type")
            if self.packet_type == EVENT and not (self.data and isinstance(self.data[0], str)):
                raise ValueError("it does not name an event")
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            if self.packet_type == CONNECT:
                self.data = {"token": ""}  # which is not valid
            else:
                self.packet_type, self.data = EVENT, [UNREADABLE, str(error)]
        return 0


class NamespacedOutput(SocketIOOutput):
    """Rasa's output, which also answers in a namespace and takes any custom payload."""

    def __init__(self, sio: socketio.AsyncServer, bot_message_evt: str, namespace: str) -> None:
        super().__init__(sio, bot_message_evt)
        self.namespace = namespace

    async def _send_message(self, socket_id: str, response: Any) -> None:
        await self.sio.emit(
            self.bot_message_evt, response, room=socket_id, namespace=self.namespace
        )

    async def send_custom_json(
        self, recipient_id: str, json_message: dict[str, Any], **_: Any
    ) -> None:
        """Send `{"data": …, "room": …}` as Rasa does, and any other payload as it is."""
        if json_message.keys() <= {"data", "room"} and "data" in json_message:
            room = json_message.get("room", recipient_id)
            await self._send_message(room, json_message["data"])
        else:
            await self._send_message(recipient_id, json_message)


class MetadataSocketIOInput(SocketIOInput):
    """Rasa's `socketio` with request validation; it keeps Rasa's events and adds `error_evt`.

    A client that connects with `auth: {token}` speaks for whom the token names, in a room
    of its own, until the token expires. A client without a token is a guest. An API error
    comes as an `error_evt` ("bot_error"), with the body that REST would answer.
    """

    validation: RequestValidation = RequestValidation()
    error_evt = "bot_error"

    @classmethod
    def from_credentials(cls, credentials: Mapping[str, Any] | None) -> "MetadataSocketIOInput":
        ours = dict(credentials or {})
        rasas = {key: ours.pop(key) for key in RASA_KEYS & set(ours)}
        error_evt = ours.pop("error_evt", cls.error_evt)
        channel: MetadataSocketIOInput = super().from_credentials(rasas)
        channel.validation = RequestValidation.from_credentials(ours)
        channel.error_evt = error_evt
        channel.namespace = channel.namespace or "/"
        channel.clients = {}
        return channel

    clients: dict[str, Client]

    def get_output_channel(self) -> NamespacedOutput | None:
        if self.sio is None:
            return None
        return NamespacedOutput(self.sio, self.bot_message_evt, self.namespace)

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        """Return Rasa's blueprint, with our handlers for its events."""
        webhook = super().blueprint(on_new_message)
        limit = self.validation.max_body_bytes
        check_requests(webhook, self.socketio_path, 2 * limit)  # a frame around a message
        self.sio.eio.max_http_buffer_size = 2 * limit
        self.sio.packet_class = StrictPacket

        @webhook.listener("after_server_start")
        async def start(app: Sanic, _: Any) -> None:
            self.app = app
            serving.start(app, self.validation)

        async def handle(sid: str, data: Any = None, *_: Any) -> None:
            try:
                await self._handle(on_new_message, sid, data)
            except ApiError as error:
                await self._send_error(sid, error)

        async def reject(sid: str, problem: Any = None, *_: Any) -> None:
            message = f"The packet cannot be read: {problem}."
            await self._send_error(sid, ApiError(400, "BadJSON", message))

        on = {"namespace": self.namespace}
        self.sio.on("connect", self._connect, **on)
        self.sio.on("disconnect", self._disconnect, **on)
        self.sio.on("session_request", self._session_request, **on)
        self.sio.on(self.user_message_evt, handle, **on)
        self.sio.on(UNREADABLE, reject, **on)
        return webhook

    async def _connect(self, sid: str, _: Any, auth: Any = None) -> None:
        if sid in self.clients:  # a client may send an event of this name, too
            return
        token = auth.get("token") if isinstance(auth, dict) else None
        client = Client()
        try:
            if token is not None:
                client.claims = await self._claims(token)
            elif not self.validation.guests:
                raise bad_token("this bot needs one")
        except ApiError as error:
            refused = socketio.exceptions.ConnectionRefusedError(error.message, error.body())
            raise refused from None
        self.clients[sid] = client
        if client.claims:
            await self._join(sid, client.claims.sender, client.claims)

    async def _disconnect(self, sid: str, *_: Any) -> None:
        if self.sio.manager.is_connected(sid, self.namespace):  # an event of this name
            return
        client = self.clients.pop(sid, None)
        if client and client.expiry:
            client.expiry.cancel()

    async def _session_request(self, sid: str, data: Any = None, *_: Any) -> None:
        client = self.clients.get(sid)
        if client is None:  # it has disconnected
            return
        wanted = data.get("session_id") if isinstance(data, dict) else None
        try:
            if client.claims:
                _check_expiry(client.claims)
                session_id = client.claims.sender
            else:
                session_id = uuid.uuid4().hex if wanted is None else wanted
                self.validation.check_sender(session_id, "session_id")
        except ApiError as error:
            await self._send_error(sid, error)
            return
        if self.session_persistence:
            await self._join(sid, session_id, client.claims)
        await self.sio.emit("session_confirm", session_id, room=sid, namespace=self.namespace)

    async def _handle(
        self, on_new_message: Callable[[UserMessage], Awaitable[Any]], sid: str, data: Any
    ) -> None:
        client = self.clients.get(sid)
        if client is None:
            return
        if client.waiting >= MOST_WAITING:
            raise try_again("Too many messages of this socket wait for an answer.", "TooMany")
        client.waiting += 1
        try:
            valid = await self._validated(sid, client, data)
            message = UserMessage(
                valid.text,
                self.get_output_channel(),
                valid.sender,
                input_channel=self.name(),
                metadata=valid.metadata,
                message_id=valid.id,
            )
            timeout = self.validation.action_timeout
            error = await turn.take(on_new_message, message, timeout, valid.token)
        finally:
            client.waiting -= 1
        if error:
            raise error

    async def _validated(self, sid: str, client: Client, data: Any) -> ValidMessage:
        """Return the message in what a client sent: an object, as Rasa expects it.

        A widget that cannot pass `auth` may send a `token` inside the message.
        """
        names = Names(sender="session_id", metadata=self.metadata_key)
        data = data if isinstance(data, dict) else {}
        claims = client.claims
        if data.get("token") is not None:
            claims = await self._claims(data["token"])
        if claims:
            _check_expiry(claims)
        metadata = data.get(self.metadata_key)
        if isinstance(metadata, str):  # as Rasa's channel accepts it
            metadata = self.validation.parse(metadata.encode(errors="replace"))
        body = {
            names.sender: data.get("session_id") if self.session_persistence else sid,
            names.message: data.get("message"),
            names.metadata: metadata,
        }
        try:
            raw = json.dumps(body).encode()
        except RecursionError:
            raise self.validation.too_deep() from None
        contract = serving.contract_in(self.app)
        valid = self.validation.validate_body(raw, claims, contract, names)
        await self._join(sid, valid.sender, claims)
        return valid

    async def _claims(self, token: Any) -> Claims:
        token = str(token).removeprefix("Bearer ")
        await self.validation.tokens.fetch_keys(token)
        return self.validation.tokens.claims(token)

    async def _join(self, sid: str, room: str, claims: Claims | None) -> None:
        """Subscribe a socket to one conversation, a user's until the token expires."""
        client = self.clients[sid]
        if client.expiry:
            client.expiry.cancel()
        client.expiry = self._watch_expiry(sid, claims) if claims else None
        if client.room != room:
            await self._leave(sid, client)
            await self.sio.enter_room(sid, room, namespace=self.namespace)
            client.room = room

    async def _leave(self, sid: str, client: Client) -> None:
        if client.room not in (None, sid):  # in its own one, it hears what is sent to it alone
            await self.sio.leave_room(sid, client.room, namespace=self.namespace)
        client.room = None

    def _watch_expiry(self, sid: str, claims: Claims) -> asyncio.TimerHandle:
        async def expire() -> None:
            client = self.clients.get(sid)
            if client is None:
                return
            if claims.expires > time.time():
                client.expiry = self._watch_expiry(sid, claims)
                return
            await self._leave(sid, client)
            await self._send_error(sid, bad_token("Signature has expired"))

        loop = asyncio.get_running_loop()
        delay = min(max(claims.expires - time.time(), 0.0), A_DAY)
        return loop.call_later(delay, lambda: loop.create_task(expire()))

    async def _send_error(self, sid: str, error: ApiError) -> None:
        await self.sio.emit(self.error_evt, error.body(), room=sid, namespace=self.namespace)


def _check_expiry(claims: Claims) -> None:
    if claims.expires <= time.time():
        raise bad_token("Signature has expired")
