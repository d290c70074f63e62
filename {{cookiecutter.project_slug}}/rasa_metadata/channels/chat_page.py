"""The REST channel with a chat page, which turns a link's parameters into metadata.

GET /webhooks/rest/chat is chat.html; the files it needs are under /webhooks/rest/chat/.
"""

import hashlib
import json
import logging
import re
from asyncio import AbstractEventLoop
from collections.abc import Awaitable, Callable, Iterator, Mapping
from html import escape
from typing import Any
from urllib.parse import urlencode

from rasa.core.channels.channel import CollectingOutputChannel, UserMessage
from rasa.shared.core.events import BotUttered, UserUttered
from rasa.shared.exceptions import RasaException
from sanic import Blueprint, Sanic, response
from sanic.request import Request
from sanic.response import HTTPResponse

from rasa_metadata.channels.rest import MetadataRestInput
from rasa_metadata.channels.serving import address, contract_in, example_in
from rasa_metadata.chat import FOLDER, YOURS, texts
from rasa_metadata.runtime import turn
from rasa_metadata.runtime.in_process import actions_of
from rasa_metadata.runtime.readiness import agent_in
from rasa_metadata.slots.session_start import greets, registered_action
from rasa_metadata.validation.errors import ApiError
from rasa_metadata.validation.message import RequestValidation

logger = logging.getLogger(__name__)

WIDGET = FOLDER / "node_modules/deep-chat/dist/deepChat.bundle.js"
SCRIPTS = ("bot", "chat", "embed", "metadata", "page", "replies", "session", "widget")
# The files that the page may load: the name in the URL, and the file.
FILES = {
    **{f"{name}.js": FOLDER / f"{name}.js" for name in SCRIPTS},
    "chat.css": FOLDER / "chat.css",
    "widget.css": FOLDER / "widget.css",
    "colors.css": YOURS / "colors.css",
    "deep-chat.js": WIDGET,
    "purify.js": FOLDER / "node_modules/dompurify/dist/purify.min.js",
}
TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
ORIGIN = re.compile(r"https?://(\*\.)?[A-Za-z0-9.-]+(:\d+)?")
PICTURES = ("data:", "https:")  # unless `chat_images` names origins


class ChatPageInput(MetadataRestInput):
    """`MetadataRestInput`, and the page. Four more keys in credentials.yml:

    `chat_origins` lists the sites that may show the page in a frame, such as
    `https://shop.example.com` or `https://*.example.com`, and `chat_images` the only ones
    whose pictures it shows. `chat_panel: false` hides what is known about the user, and
    with `chat_link_tokens: false` a link cannot sign anybody in.
    """

    has_chat_page = True
    origins: tuple[str, ...] = ()
    images: tuple[str, ...] = PICTURES
    panel: bool = True
    link_tokens: bool = True

    @classmethod
    def from_credentials(cls, credentials: Mapping[str, Any] | None) -> "ChatPageInput":
        """Read the keys of the channel.

        Raises:
            RasaException: if one of them has a wrong value.
        """
        rest = dict(credentials or {})
        channel = cls()
        channel.origins = origins(rest, "chat_origins", ())
        channel.images = origins(rest, "chat_images", PICTURES)
        channel.panel = flag(rest, "chat_panel")
        channel.link_tokens = flag(rest, "chat_link_tokens")
        channel.validation = RequestValidation.from_credentials(rest)
        return channel

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        webhook = super().blueprint(on_new_message)
        headers = {
            "Content-Security-Policy": policy(self.origins, self.images),
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-cache",
        }

        @webhook.get("/chat")
        async def page(request: Request) -> HTTPResponse:
            return sent(request, html(), ".html", headers)

        @webhook.get("/chat/config.json")
        async def config(request: Request) -> HTTPResponse:
            return sent(request, json.dumps(self.config(request.app)).encode(), ".json", headers)

        @webhook.post("/chat/greeting")
        async def greeting(request: Request) -> HTTPResponse:
            """Start a session, and return one line for each message of its greeting."""
            valid, said = request.ctx.message, CollectingOutputChannel()
            opening = UserMessage(
                valid.text,
                said,
                valid.sender,
                input_channel=self._extract_input_channel(request),
                message_id=valid.id,
                metadata=valid.metadata,
            )

            async def start(message: UserMessage) -> None:
                await start_session(request.app.ctx.agent, message)

            timeout = self.validation.action_timeout
            request.ctx.error = await turn.take(start, opening, timeout, valid.token)
            return response.text("".join(json.dumps(each) + "\n" for each in said.messages))

        @webhook.get("/chat/<name>")
        async def part(request: Request, name: str) -> HTTPResponse:
            if not name:  # a slash after the page's address: the parts are not under that one
                return response.redirect(f"../chat?{request.query_string}")
            path = FILES.get(name, FOLDER / "no such file")
            if not path.is_file():
                raise ApiError(404, "NotFound", f"The chat page has no '{name}'.")
            return sent(request, path.read_bytes(), path.suffix, headers)

        @webhook.listener("after_server_start")
        async def show_the_link(app: Sanic, _: AbstractEventLoop) -> None:
            if not WIDGET.is_file():
                logger.warning("The chat page has no widget: run 'make chat', with a network.")
            url = address(app, f"/webhooks/{self.name()}/chat")
            link = "?".join(filter(None, [url, "&".join(as_parameters(example_in(app) or {}))]))
            logger.info(f"Chat with it in a browser:\n\n  {link}\n")

        return webhook

    def config(self, app: Sanic) -> dict[str, Any]:
        """Return what the page has to know before it shows anything."""
        try:
            schema = contract_in(app).schema
        except ApiError:
            schema = None
        processor = getattr(agent_in(app), "processor", None)
        return {
            "bot": processor and processor.model_metadata.assistant_id,
            "greets": greets_in(app),
            "link_tokens": self.link_tokens,
            "panel": self.panel,
            "schema": schema,
            "texts": texts(),
        }


def origins(credentials: dict[str, Any], key: str, default: tuple[str, ...]) -> tuple[str, ...]:
    """Read a list of origins from the credentials.

    Raises:
        RasaException: if it is something else.
    """
    found = credentials.pop(key, None)
    if found is None:
        return default
    if not isinstance(found, list) or not all(ORIGIN.fullmatch(str(each)) for each in found):
        raise RasaException(
            f"credentials.yml: '{key}' is a list of origins without a path, such as "
            f'["https://shop.example.com"], not {found!r}.'
        )
    return tuple(found)


def flag(credentials: dict[str, Any], key: str) -> bool:
    """Read a setting from the credentials whose default is true.

    Raises:
        RasaException: if it is something else.
    """
    found = credentials.pop(key, True)
    if not isinstance(found, bool):
        raise RasaException(f"credentials.yml: '{key}' is true or false, not {found!r}.")
    return found


def greets_in(app: Sanic) -> bool:
    """Return whether `greet` in actions/session_start.py says something.

    This is not known of actions that run on a server.
    """
    endpoint = getattr(agent_in(app), "action_endpoint", None)
    if endpoint is None or actions_of(endpoint) is None:
        return False
    action = registered_action(turn.SESSION_START)
    return action is not None and greets(type(action))


async def start_session(agent: Any, message: UserMessage) -> None:
    """Start the sender's session, as Rasa does before it handles a first message.

    A message `/session_start` would start two: one before it, and one that it asks for. If
    a session has been greeted already, its greeting is sent again: the answer may have been
    lost.
    """
    said = message.output_channel
    async with agent.lock_store.lock(message.sender_id):
        tracker = await agent.processor.fetch_tracker_and_update_session(
            message.sender_id, said, message.metadata
        )
        await agent.processor.save_tracker(tracker)
    if not said.messages and not any(isinstance(each, UserUttered) for each in tracker.events):
        for event in tracker.events:
            if isinstance(event, BotUttered):
                await said.send_response(message.sender_id, event.message())


def html() -> bytes:
    """Return the page with its texts."""
    page = (FOLDER / "chat.html").read_text("utf-8")
    for name, text in texts().items():
        page = page.replace(f"{{{name}}}", escape(text))
    return page.encode()


def policy(origins: tuple[str, ...], images: tuple[str, ...]) -> str:
    """Return the Content-Security-Policy of the page: nothing comes from elsewhere but the
    bot's pictures, nothing is inline, and no other site frames it."""
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "connect-src 'self'",
            " ".join(["img-src", "'self'", *images]),
            "base-uri 'none'",
            "form-action 'none'",
            " ".join(["frame-ancestors", "'self'", *origins]),
        ]
    )


def sent(request: Request, body: bytes, suffix: str, headers: Mapping[str, str]) -> HTTPResponse:
    """Return a file, or that the browser has it already."""
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    if request.headers.get("if-none-match") == tag:
        return response.empty(304, headers={**headers, "ETag": tag})
    content_type = f"{TYPES.get(suffix, 'application/json')}; charset=utf-8"
    return response.raw(body, content_type=content_type, headers={**headers, "ETag": tag})


def as_parameters(metadata: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """Yield `path=value` for each value in metadata, as a link contains it."""
    for key, value in metadata.items():
        if isinstance(value, dict):
            yield from as_parameters(value, f"{above}{key}.")
        else:
            yield urlencode({above + key: value if isinstance(value, str) else json.dumps(value)})
