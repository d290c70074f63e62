"""What is wrong with a request's head is answered before its body is read, and each error can
be read by a page on another site."""

import json
import socket
import threading
import time

import pytest

from in_a_bot.fast.served import Running, serve

SITE, STRANGER = "https://shop.example.com", "https://evil.example.com"
PATH = "/webhooks/rest/webhook"
BODY = b'{"sender": "ada", "message": "hello"}'
LONGEST = 0.5  # seconds; generous, since a machine may be busy


@pytest.fixture(scope="module")
def app():
    with Running(serve(cors=[SITE], max_body_bytes=1000)) as app:
        yield app


def exchange(app, raw, close=False):
    """Send bytes and return (status, answer as JSON or None, headers, seconds)."""
    started = time.monotonic()
    with socket.create_connection(("127.0.0.1", app.ctx.port), 5) as connection:
        connection.sendall(raw)
        if close:
            connection.shutdown(socket.SHUT_WR)
        received = b""
        while b"\r\n\r\n" not in received:
            data = connection.recv(65536)
            if not data:
                break
            received += data
        head, _, body = received.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, value in (x.split(": ", 1) for x in lines[1:])}
        while len(body) < int(headers.get("content-length", 0)):
            body += connection.recv(65536)
    seconds = time.monotonic() - started
    answer = json.loads(body) if "content-length" in headers and body else None  # not a stream
    return int(lines[0].split()[1]), answer, headers, seconds


def request(*lines, method="POST", path=PATH, body=b""):
    head = [f"{method} {path} HTTP/1.1", "Host: bot", *lines, "", ""]
    return "\r\n".join(head).encode("latin-1") + body


JSON = "Content-Type: application/json"
HEADS = {
    "a negative length": (["Content-Length: -1"], 400),
    "a length with a sign": (["Content-Length: +37"], 400),
    "a length that is not a number": (["Content-Length: x"], 400),
    "a hexadecimal length": (["Content-Length: 0x25"], 400),
    "a length in other digits": (["Content-Length: \xb2"], 400),
    "an empty length": (["Content-Length: "], 400),
    "two lengths in one header": (["Content-Length: 37, 37"], 400),
    "two lengths": (["Content-Length: 37", "Content-Length: 5"], 400),
    "the same length twice": (["Content-Length: 37", "Content-Length: 37"], 400),
    "a length of 400 digits": ([f"Content-Length: {'9' * 400}"], 400),
    "a length beside chunks": (["Content-Length: 37", "Transfer-Encoding: chunked"], 400),
    "an unknown encoding": (["Transfer-Encoding: gzip"], 400),
    "two encodings": (["Transfer-Encoding: gzip, chunked"], 400),
    "an encoding twice": (["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], 400),
    "a space in a header's name": (["Content-Length : 37"], 400),
    "a tab in a header's name": (["X\tY: 1", "Content-Length: 37"], 400),
    "a header without a name": ([": 1", "Content-Length: 37"], 400),
    "a header without a colon": (["nothing", "Content-Length: 37"], 400),
    "a header's line that is folded": (["X: 1", " 2", "Content-Length: 37"], 400),
    "an expectation nobody knows": (["Content-Length: 37", "Expect: miracles"], 417),
    "a large body": (["Content-Length: 99000000"], 413),
    "a large body that waits to be asked for": (
        ["Content-Length: 99000000", "Expect: 100-continue"],
        413,
    ),
    "a head that is too large": (["X: " + "x" * 20_000], 413),
}


@pytest.mark.parametrize("what", HEADS)
def test_a_bad_head_is_answered_at_once_and_in_our_form(app, what):
    lines, wanted = HEADS[what]
    status, answer, _, seconds = exchange(app, request(JSON, *lines))
    assert (status, answer["code"], answer["status"]) == (wanted, wanted, "failure")
    assert answer["reason"]
    assert seconds < LONGEST
    assert exchange(app, request(JSON, "Content-Length: 37", body=BODY))[0] == 200


@pytest.mark.parametrize(
    "line",
    [
        *("GET / HTTP/3.7", "GET", "\x00\x01", "GET  / HTTP/1.1", "GET  HTTP/1.1"),
        *("GET /\xff HTTP/1.1", "GET /\x1b[31m HTTP/1.1", "CONNECT bot:443 HTTP/1.1"),
    ],
)
def test_a_bad_request_line_is_a_400(app, line):
    raw = f"{line}\r\nHost: bot\r\n\r\n".encode("latin-1")
    status, answer, _, _ = exchange(app, raw)
    assert (status, answer["code"], answer["reason"]) == (400, 400, "BadRequest")


@pytest.mark.parametrize("method, path, status", [("GET", "/nowhere", 404), ("PUT", PATH, 405)])
def test_sanics_own_errors_have_our_form(app, method, path, status):
    found, answer, _, _ = exchange(app, request(method=method, path=path))
    assert (found, answer["code"], answer["status"]) == (status, status, "failure")


def test_chunks_are_read_up_to_the_limit_and_no_further(app):
    def chunked(size, times):
        chunk = b"%x\r\n" % size + b"x" * size + b"\r\n"
        return request(JSON, "Transfer-Encoding: chunked", body=chunk * times)

    status, answer, _, seconds = exchange(app, chunked(500, 100))
    assert (status, answer["reason"]) == (413, "BodyTooLarge")
    assert seconds < LONGEST
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
    for encoding in ("chunked", "Chunked"):
        good = request(JSON, f"Transfer-Encoding: {encoding}", body=body)
        assert exchange(app, good)[0] == 200


@pytest.mark.parametrize(
    "size, after, wanted",
    [
        *(("25", "", 200), ("025", "", 200), ("25 ;a=b", "", 200)),
        *(("+25", "", 400), ("0x25", "", 400), ("2_5", "", 400), ("-25", "", 400)),
        *(("x", "", 400), ("", "", 400), ("25", "xx", 400), ("0" * 99 + "25", "", 400)),
    ],
)
def test_a_chunks_size_is_hexadecimal_digits(app, size, after, wanted):
    body = f"{size}\r\n".encode() + BODY + f"{after or chr(13) + chr(10)}0\r\n\r\n".encode()
    status, _, _, seconds = exchange(app, request(JSON, "Transfer-Encoding: chunked", body=body))
    assert (status, seconds < LONGEST) == (wanted, True)


def test_a_chunked_body_may_wait_to_be_asked_for(app):
    with socket.create_connection(("127.0.0.1", app.ctx.port), 5) as connection:
        connection.sendall(request(JSON, "Transfer-Encoding: chunked", "Expect: 100-continue"))
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"25\r\n" + BODY + b"\r\n0\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize("origin", ["http://[", "\xff", "null", "http://bot:1", "//bot", ""])
def test_an_origin_that_is_not_the_servers_is_refused_outside_the_channels(app, origin):
    status, answer, _, _ = exchange(app, request(f"Origin: {origin}", method="GET", path="/x"))
    assert (status, answer["reason"]) == (403, "CrossSite")
    assert exchange(app, request("Origin: http://bot", method="GET", path="/x"))[0] == 404


def test_others_are_served_while_bodies_are_awaited(app):
    waiting = [socket.create_connection(("127.0.0.1", app.ctx.port), 5) for _ in range(50)]
    for connection in waiting:
        connection.sendall(request(JSON, "Content-Length: 900", body=b"{"))
    status, _, _, seconds = exchange(app, request(JSON, "Content-Length: 37", body=BODY))
    assert (status, seconds < LONGEST) == (200, True)
    for connection in waiting:
        connection.close()


def answers(app, origin):
    """Yield (status, headers) of an answer of each kind to a page of this origin."""

    def post(*lines, body=BODY, path=PATH, length=None, method="POST"):
        length = f"Content-Length: {len(body) if length is None else length}"
        raw = request(f"Origin: {origin}", length, *lines, body=body, path=path, method=method)
        status, _, headers, _ = exchange(app, raw)
        return status, headers

    def behave(error):
        async def raise_error(*_):
            raise error

        return raise_error

    yield post(JSON)
    yield post(JSON, path=f"{PATH}?stream=true")
    yield post(JSON, body=b"{")
    yield post(JSON, "Authorization: Bearer x")
    yield post(JSON, body=b'{"sender": "user:ada", "message": "hello"}')
    yield post(method="GET", body=b"", path="/webhooks/rest/nowhere")
    yield post(JSON, method="PUT")
    yield post(JSON, length=2000)
    yield post("Content-Type: text/plain")
    yield post(JSON, body=b'{"sender": "ada", "message": ""}')
    app.ctx.agent.behave = behave(RuntimeError("oops"))
    yield post(JSON)
    app.ctx.agent.behave = None
    domain, app.ctx.agent.domain = app.ctx.agent.domain, None
    yield post(JSON)
    app.ctx.agent.domain = domain


STATUSES = [200, 200, 400, 401, 403, 404, 405, 413, 415, 422, 500, 503]


def test_each_answer_can_be_read_by_a_site_that_cors_names(app):
    found = list(answers(app, SITE))
    assert [status for status, _ in found] == STATUSES
    for status, headers in found:
        assert headers.get("access-control-allow-origin") == SITE, status
        exposed = headers["access-control-expose-headers"].split(", ")
        assert {"Retry-After", "WWW-Authenticate"} <= set(exposed), status
        assert (status == 401) == ("www-authenticate" in headers)
        assert (status == 503) == ("retry-after" in headers)


def test_no_answer_can_be_read_by_any_other_site(app):
    for status, headers in answers(app, STRANGER):
        assert "access-control-allow-origin" not in headers, status


def test_two_hundred_requests_at_once_are_all_answered(app):
    found = []

    def talk():
        found.append(exchange(app, request(JSON, "Content-Length: 37", body=BODY))[0])

    threads = [threading.Thread(target=talk) for _ in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [200] * 200
