"""The REST channel with a chat page, which turns a link's parameters into metadata.

GET /webhooks/rest/chat is chat.html; the files it needs are under /webhooks/rest/chat/.
"""

import hashlib
import json
import logging
import re
from asyncio import AbstractEventLoop
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from rasa.core.channels.channel import UserMessage
from rasa.shared.exceptions import RasaException
from sanic import Blueprint, Sanic, response
from sanic.request import Request
from sanic.response import HTTPResponse

from rasa_metadata.channels.rest import MetadataRestInput
from rasa_metadata.channels.serving import example_in
from rasa_metadata.validation.errors import ApiError

logger = logging.getLogger(__name__)

WEB = Path(__file__).parent.parent / "chat"
TEXTS = Path(__file__).parents[2] / "chat" / "texts.json"
WIDGET = WEB / "node_modules/deep-chat/dist/deepChat.bundle.js"
SCRIPTS = ("bot", "chat", "embed", "metadata", "page", "replies", "session", "widget")
OWN = (*(f"{name}.js" for name in SCRIPTS), "chat.css", "widget.css")
# What the page may load: the name in its address, and the file.
FILES = {
    **{name: WEB / name for name in OWN},
    "texts.json": TEXTS,
    "deep-chat.js": WIDGET,
    "purify.js": WEB / "node_modules/dompurify/dist/purify.min.js",
}
TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
ORIGIN = re.compile(r"https?://(\*\.)?[A-Za-z0-9.-]+(:\d+)?")


class ChatPageInput(MetadataRestInput):
    """`MetadataRestInput`, and the page. Two more keys in credentials.yml:

    `chat_origins` lists the sites that may show the page in a frame, such as
    `https://shop.example.com` or `https://*.example.com`; `chat_panel: false` hides what
    is known of the user.
    """

    origins: tuple[str, ...] = ()
    panel: bool = True

    @classmethod
    def from_credentials(cls, credentials: Mapping[str, Any] | None) -> "ChatPageInput":
        """Read the keys of the channel.

        Raises:
            RasaException: when one of them is not what it should be.
        """
        rest = dict(credentials or {})
        origins, panel = rest.pop("chat_origins", None) or [], rest.pop("chat_panel", True)
        if not isinstance(origins, list) or not all(
            ORIGIN.fullmatch(str(each)) for each in origins
        ):
            raise RasaException(
                "credentials.yml: 'chat_origins' is a list of origins without a path, such as "
                f'["https://shop.example.com"], not {origins!r}.'
            )
        if not isinstance(panel, bool):
            raise RasaException(f"credentials.yml: 'chat_panel' is true or false, not {panel!r}.")
        channel = super().from_credentials(rest)
        channel.origins, channel.panel = tuple(origins), panel
        return channel

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        webhook = super().blueprint(on_new_message)
        headers = {
            "Content-Security-Policy": policy(self.origins),
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-cache",
        }

        @webhook.get("/chat")
        async def page(request: Request) -> HTTPResponse:
            return sent(request, html(self.panel), ".html", headers)

        @webhook.get("/chat/<name>")
        async def part(request: Request, name: str) -> HTTPResponse:
            if not name:  # the page with a slash behind it, from where it would not find its parts
                return response.redirect(f"../chat?{request.query_string}")
            path = FILES.get(name, WEB / "no such file")
            if not path.is_file():
                raise ApiError(404, "NotFound", f"The chat page has no '{name}'.")
            return sent(request, path.read_bytes(), path.suffix, headers)

        @webhook.listener("after_server_start")
        async def show_the_link(app: Sanic, _: AbstractEventLoop) -> None:
            if not WIDGET.is_file():
                logger.warning("The chat page has no widget: type 'make chat', with a network.")
            url = f"http://localhost:{app.state.port}/webhooks/{self.name()}/chat"
            link = "?".join(filter(None, [url, "&".join(as_parameters(example_in(app) or {}))]))
            logger.info(f"Chat with it in a browser:\n\n  {link}\n")

        return webhook


def html(panel: bool) -> bytes:
    """Return the page, with or without the panel of what is known."""
    page = (WEB / "chat.html").read_bytes()
    return page if panel else page.replace(b'id="panel"', b'id="panel" hidden')


def policy(origins: tuple[str, ...]) -> str:
    """Return the Content-Security-Policy of the page: nothing from elsewhere but the
    pictures that a bot shows, nothing inline, in no other site's frame but these."""
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "connect-src 'self'",
            "img-src 'self' http: https: data:",
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
    """Yield `path=value` for each value in metadata, as a link says it."""
    for key, value in metadata.items():
        if isinstance(value, dict):
            yield from as_parameters(value, f"{above}{key}.")
        else:
            yield urlencode({above + key: value if isinstance(value, str) else json.dumps(value)})
