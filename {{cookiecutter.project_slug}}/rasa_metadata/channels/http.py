"""HTTP for every request of the server: heads are checked before a body is read, and each
error has the form of our API errors, with the CORS headers that `--cors` promises."""

import logging
import re
from asyncio import AbstractEventLoop
from typing import Any

from sanic import Blueprint, Sanic, response
from sanic.exceptions import InvalidUsage, SanicException
from sanic.http import HTTP_CONTINUE, Http
from sanic.request import Request
from sanic.response import HTTPResponse
from sanic.server.protocols import http_protocol
from sanic_cors.core import try_match_any

from rasa_metadata.validation.errors import ApiError, failed
from rasa_metadata.validation.message import body_too_large

logger = logging.getLogger(__name__)

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # a header's name: RFC 9110, 5.6.2
DECIMAL = re.compile(r"[0-9]{1,18}")
CHUNK = re.compile(rb"\r\n[0-9A-Fa-f]{1,16}[ \t]*(;[^\r\n]*)?\r\n")  # RFC 9112, 7.1
LONGEST_CHUNK_LINE = 64  # bytes, as in Sanic
EXPOSED_HEADERS = "Retry-After, WWW-Authenticate"
REASONS = {400: "BadRequest", 404: "NotFound", 405: "MethodNotAllowed", 413: "BodyTooLarge"}


class StrictHttp(Http):
    """Sanic's side of a connection, stricter: an address that cannot be parsed gets an answer,
    and a chunk's size is what RFC 9112 allows, so `+2` and `0x2` are rejected."""

    __slots__ = ()

    def create_empty_request(self) -> None:
        try:
            super().create_empty_request()
        except Exception:  # the address cannot be parsed
            self.url = None
            super().create_empty_request()

    async def read(self) -> bytes | None:
        if self.expecting_continue:
            self.expecting_continue = False
            await self._send(HTTP_CONTINUE)
        if self.request_body == "chunked" and not self.request_bytes_left:
            while self.recv_buffer.find(b"\r\n", 3) < 0:
                if len(self.recv_buffer) > LONGEST_CHUNK_LINE:
                    break
                await self._receive_more()
            if not CHUNK.match(self.recv_buffer):
                self.keep_alive, self.request_body = False, None
                raise InvalidUsage("Bad chunked encoding")
        data: bytes | None = await super().read()
        return data


def check_requests(webhook: Blueprint, prefix: str, max_body_bytes: int) -> None:
    """Check the head of each request; under `prefix`, limit the body while it arrives.

    Sanic 21.12 reads up to 100 MB before any middleware runs, and spins for ever at
    `Content-Length: -1`. Its signal before that is the only place to reject it.
    """

    @webhook.signal("http.lifecycle.request")
    async def check(request: Request) -> None:
        http = request.transport.get_protocol()._http
        # Sanic sets these a little later; an error raised here needs them for its answer.
        http.request, request.stream = request, http
        check_head(request)
        if request.path.startswith(prefix):
            http.request_max_size = max_body_bytes
            if int(request.headers.get("content-length", 0)) > max_body_bytes:
                raise body_too_large(max_body_bytes)
        elif request.path.startswith(request.app.ctx.channel_prefixes):
            pass  # another channel's, which has its own signal
        elif is_cross_site(request):
            message = "Pages on other sites cannot use this API unless --cors names them."
            raise ApiError(403, "CrossSite", message)

    @webhook.listener("before_server_start")
    async def prepare(app: Sanic, _: AbstractEventLoop) -> None:
        # Each channel's signal fires for the requests of all channels.
        app.ctx.channel_prefixes = (*getattr(app.ctx, "channel_prefixes", ()), prefix)
        if not hasattr(app.ctx, "answers_with_api_errors"):
            app.ctx.answers_with_api_errors = True
            http_protocol.Http = StrictHttp  # type: ignore[attr-defined]
            answer_with_api_errors(app)


def check_head(request: Request) -> None:
    """Check what Sanic does not check.

    Raises:
        ApiError: 400, for a head that two servers could read in two ways.
    """
    headers = request.headers
    lengths, encodings = (
        headers.getall("content-length", []),
        headers.getall("transfer-encoding", []),
    )
    if not all(TOKEN.fullmatch(name) for name in headers):
        raise _bad_request("The name of a header contains a space or another invalid character.")
    if len(lengths) > 1 or not all(DECIMAL.fullmatch(each.strip(" \t")) for each in lengths):
        raise _bad_request("Content-Length must be one decimal number.")
    if len(encodings) > 1 or any(each.strip().lower() != "chunked" for each in encodings):
        raise _bad_request("Transfer-Encoding must be 'chunked' if it is used.")
    if lengths and encodings:
        raise _bad_request("Content-Length and Transfer-Encoding exclude each other.")
    if encodings:
        headers["transfer-encoding"] = "chunked"  # as Sanic compares it


def is_cross_site(request: Request) -> bool:
    """Return whether a browser sends a request from a site that `--cors` does not name."""
    origin = request.headers.get("origin")
    if origin is None or origin.partition("://")[2] == request.headers.get("host"):
        return False
    resources = request.app.ctx.sanic_cors.resources
    return not any(try_match_any(origin, options["origins"]) for _, options in resources)


def answer_with_api_errors(app: Sanic) -> None:
    """Answer all errors of the server in our form, and let pages on other sites read them."""
    for _, options in app.ctx.sanic_cors.resources:
        exposed = options.get("expose_headers")
        options["expose_headers"] = ", ".join(filter(None, [exposed, EXPOSED_HEADERS]))
    for kind in (ApiError, SanicException, Exception):
        # sanic_cors adds its headers to what a plain function returns, not a coroutine.
        app.error_handler.add(kind, answer_error)


def answer_error(request: Request, error: Exception) -> HTTPResponse:
    """Return the answer to an error, whoever raised it."""
    headers: dict[str, Any] = {}
    if isinstance(error, SanicException):
        status = getattr(error, "status_code", 500)
        headers = getattr(error, "headers", {})
        error = ApiError(status, REASONS.get(status, "RequestFailed"), str(error) or "Failed.")
    elif not isinstance(error, ApiError):
        error = _unexpected(request, error)
    return response.json(error.body(), error.status, headers={**headers, **error.headers})


def _unexpected(request: Request, error: Exception) -> ApiError:
    if request.method == "NONE":  # Sanic's name for the method of a head that it cannot parse
        return _bad_request("The request's first line is not valid.")
    logger.error(f"{request.method} {request.path} failed.", exc_info=error)
    return failed("The server could not handle this request.")


def _bad_request(message: str) -> ApiError:
    return ApiError(400, "BadRequest", message)
