"""Sends random bytes that look like HTTP to a live server, over raw sockets.

Each request is made from a seed, which the report of a failure names. The server has to answer
with something other than a 500, or to close the connection, in time.
"""

import json
import re
import socket
import threading
import time
from collections.abc import Callable
from random import Random

from in_a_bot.hostile.talk import TABLE

SECONDS = 5.0  # for an answer, before it counts as none
PATIENCE = 0.5  # seconds; a server that waits for more than was sent is right to do so
BODY = b'{"sender": "fuzz", "message": "/probe_show", "metadata": {"probe": {"text": "a"}}}'
PATHS = (
    *("/webhooks/rest/webhook", "/webhooks/callback/webhook", "/webhooks/rest/webhook?stream=true"),
    *("/webhooks/rest/", "/webhooks/rest/schema", "/webhooks/rest/ready", "/webhooks/rest/chat"),
    *("/webhooks/rest/chat/greeting", "/webhooks/rest/chat/..%2f", "/", "/nowhere", "*", ""),
    *("/socket.io/?EIO=4&transport=polling", "/socket.io/?EIO=4&transport=polling&sid=x"),
    *("http://bot/webhooks/rest/webhook", "//bot", "/%00", "/\xff", "/" + "a" * 9_000, "bot:443"),
)
METHODS = ("GET", "POST", "POST", "POST", "PUT", "HEAD", "OPTIONS", "DELETE", "TRACE", "get", "")
VERSIONS = ("HTTP/1.1",) * 6 + ("HTTP/1.0", "HTTP/2.0", "HTTP/1.1 ", "http/1.1", "")
VALUES = {
    "Content-Length": ("0", "1", "-1", "+5", "0x5", "5, 5", "", " ", "9" * 30, "65537", "1e3", "²"),
    "Transfer-Encoding": ("chunked", "Chunked", "gzip", "gzip, chunked", "", "identity", "x"),
    "Content-Type": ("application/json", "text/plain", "", "multipart/form-data; boundary=x", "/"),
    "Authorization": ("Bearer", "Bearer x.y.z", "Bearer \xff", "Basic x", "x" * 3_000),
    "Origin": ("null", "http://[", "https://x.example", "", "\xff"),
    "Expect": ("100-continue", "100-Continue", "x"),
    "Connection": ("close", "keep-alive", "Upgrade", "x, y"),
    "Upgrade": ("websocket", "h2c", "x"),
    "Cookie": ("a=b", ";;=", '"' * 50, "a=" + "b" * 3_000),
    "Host": ("bot", "", "[", "bot:99999999"),
    "Idempotency-Key": ("k", "", "a b", "x" * 300),
    "Content-Encoding": ("gzip", "br"),
    "X-Forwarded-For": ("unknown", "1.2.3.4, " * 200),
    "Sec-WebSocket-Key": ("x", "dGhlIHNhbXBsZSBub25jZQ=="),
    "Sec-WebSocket-Version": ("13", "99"),
}
NAMES = (*VALUES, "X Y", "", ":", "\x00", "\xff", "X" * 3_000, "content-length")
HOSTILE = (b"\r\n", b"\n", b"\r", b"\0", b":", b" ", b"\t", b"\r\n\r\n", b"\xff", b"%", b"0", b"-")


def head(random: Random, *lines: str) -> bytes:
    first = " ".join(map(random.choice, (METHODS, PATHS, VERSIONS)))
    return "\r\n".join([first, "Host: bot", *lines, "", ""]).encode("latin-1", "replace")


def good(*lines: str, body: bytes = BODY) -> bytes:
    start = "POST /webhooks/rest/webhook HTTP/1.1", "Host: bot", "Content-Type: application/json"
    length = () if any("chunked" in line for line in lines) else (f"Content-Length: {len(body)}",)
    return "\r\n".join([*start, *length, *lines, "", ""]).encode() + body


def heads(random: Random) -> bytes:
    """Some header lines at random, with a body or without."""
    lines = []
    for _ in range(random.randrange(8)):
        name = random.choice(NAMES)
        value = random.choice(VALUES.get(name, ("x",)))
        lines.append(name + random.choice((": ", ":", " : ", "")) + value)
    return head(random, *lines) + random.choice((b"", BODY, BODY[:20], random.randbytes(99)))


def mutated(random: Random) -> bytes:
    """A good request in which bytes are changed, inserted, left out or doubled."""
    raw = bytearray(good())
    for _ in range(random.choice((1, 1, 2, 5, 40))):
        place = random.randrange(len(raw))
        some = random.randrange(1, 20)
        change = random.randrange(4)
        if change == 0:
            raw[place] = random.randrange(256)
        elif change == 1:
            raw[place:place] = random.choice(HOSTILE)
        elif change == 2 and len(raw) > 60:
            del raw[place : place + some]
        else:
            raw[place:place] = raw[place : place + some]
    return bytes(raw)


def chunks(random: Random) -> bytes:
    """A chunked body with sizes that are right, wrong, or no sizes."""
    sizes = (
        "%x",
        "%X",
        "0%x",
        "+%x",
        "0x%x",
        "-%x",
        "%x;a=b",
        "%x ",
        " %x",
        "%d_0",
        "",
        "x",
        "\xb2",
    )
    raw = b""
    for start in range(0, len(BODY), 30):
        piece = BODY[start : start + 30]
        kind = random.choice(sizes) if random.random() < 0.2 else "%x"
        size = (kind % len(piece) if "%" in kind else kind).encode("latin-1")
        raw += size + b"\r\n" + piece + random.choice((b"\r\n",) * 9 + (b"", b"\n", b"xx"))
    raw += random.choice((b"0\r\n\r\n", b"0\r\n", b"", b"0\r\nX: y\r\n\r\n", b"ffffffffff\r\n"))
    return good("Transfer-Encoding: chunked", body=raw)


def pipeline(random: Random) -> bytes:
    """Some requests at once."""
    makers = [heads, mutated, chunks, lambda _: good()]
    return b"".join(random.choice(makers)(random) for _ in range(random.randrange(2, 9)))


def noise(random: Random) -> bytes:
    """Anything."""
    return random.randbytes(random.choice((1, 10, 300, 20_000))) + random.choice(HOSTILE)


def json_noise(random: Random) -> bytes:
    """A body of the characters that JSON is made of."""
    some = "".join(random.choices('{}[]",:0123456789.eE+-\\u tfn\x00ü', k=random.randrange(3_000)))
    return good(body=some.encode())


def frames(random: Random) -> bytes:
    """What a Socket.IO client sends by polling, changed; a server knows no such session."""
    packet = random.choice(("40", "42", "451-", "43", "41", "2", "b")) + json.dumps(["x", {"y": 1}])
    body = (packet + "\x1e" * random.randrange(20)).encode()[random.randrange(3) :]
    first = "POST /socket.io/?EIO=4&transport=polling&sid=x HTTP/1.1"
    return f"{first}\r\nHost: bot\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def websocket(random: Random) -> bytes:
    """An upgrade, and frames of any kind after it."""
    first = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: bot\r\n"
    upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    text = random.choice((b"40", b'42["user_uttered",{}]', b"2probe", b"5", random.randbytes(30)))
    mask = random.randbytes(4)
    masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(text))
    kinds = b"\x81", b"\x82", b"\x01", b"\x80", b"\x88", b"\x89", b"\xc1", b"\xff"
    frame = random.choice(kinds) + bytes([0x80 | len(text)]) + mask + masked
    return (first + upgrade + key).encode() + frame * random.randrange(4) + random.randbytes(9)


MAKERS: tuple[Callable[[Random], bytes], ...] = (
    *(heads, mutated, chunks, pipeline, noise, json_noise, frames, websocket),
)


def exchange(port: int, raw: bytes, random: Random) -> tuple[str, float]:
    """Send bytes, some of them in pieces, and return (what came of it, seconds).

    Half of the time, nothing comes after them, and the server has to end the connection. Else
    it may wait for more; a turn that a client does not wait for is not finished.
    """
    received, ends = b"", random.random() < 0.5
    with socket.create_connection(("127.0.0.1", port), SECONDS) as connection:
        connection.settimeout(SECONDS)
        started = time.monotonic()
        try:
            if random.random() < 0.1:
                cut = random.randrange(len(raw))
                connection.sendall(raw[:cut])
                time.sleep(0.002)
                raw, started = raw[cut:], time.monotonic()
            connection.sendall(raw)
            if ends:
                connection.shutdown(socket.SHUT_WR)
            else:
                connection.settimeout(PATIENCE)
            while got := connection.recv(65536):
                received += got
                if not ends and received.endswith((b"}", b"]", b"success")):
                    break
        except TimeoutError:
            if ends:
                return "no end", time.monotonic() - started
            return "waiting" if not received else status(received), 0.0
        except OSError:
            pass  # the server has closed the connection before it has read everything
    return status(received), time.monotonic() - started


def status(received: bytes) -> str:
    """Return the worst of the statuses in what was received."""
    return max(re.findall(rb"HTTP/1\.[01] (\d\d\d) ", received), default=b"closed").decode()


def fuzz(port: int, seconds: float, seed: int, threads: int = 4) -> list[str]:
    """Send requests for some time; return what went wrong, and fill the table."""
    wrong: list[str] = []
    ends = time.monotonic() + seconds
    lock = threading.Lock()

    def work(number: int) -> None:
        count = 0
        while time.monotonic() < ends:
            name = f"{seed}/{number}/{count}"
            count += 1
            random = Random(name)
            maker = random.choice(MAKERS)
            answer, took = exchange(port, maker(random), random)
            row = TABLE[f"HTTP: {maker.__name__}"]
            with lock:
                row.answers[answer] += 1
                row.worst = max(row.worst, took)
                if answer in ("500", "no end"):
                    wrong.append(f"{maker.__name__} of {name}: {answer} after {took:.2f} s")

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    return wrong
