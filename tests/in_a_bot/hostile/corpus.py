"""What a stranger may send: each case has a name, and holds on every channel and store.

A case is a message as JSON text, with the keys of REST; "hostile" is a new sender each time.
Most are made: each hostile piece of JSON is once in each place of a message.
"""

import json
import time
from dataclasses import dataclass, field

from in_a_bot.tokens import token

REJECTED = (400, 401, 403, 413, 415, 422)
ANY = (200, *REJECTED)
LONG = 60_000  # nearly as long as a body may be


@dataclass(frozen=True)
class Case:
    """`raw` is the body, `token` goes along, `headers` are for HTTP alone."""

    name: str
    raw: bytes
    statuses: tuple[int, ...] = REJECTED
    token: str | None = None
    headers: dict[str, str] = field(default_factory=dict)


def message(**parts: str) -> bytes:
    """Return a message whose parts are JSON texts already."""
    parts = {"sender": '"hostile"', "message": '"/probe_show"', **parts}
    text = ", ".join(f'"{key}": {value}' for key, value in parts.items())
    return f"{{{text}}}".encode("utf-8", "surrogatepass")


# Valid nowhere in a message.
NEVER = {
    "NaN": "NaN",
    "Infinity": "Infinity",
    "-Infinity": "-Infinity",
    "1e999": "1e999",
    "-1e999": "-1e999",
    "400 digits": "9" * 400,
    "60,000 digits": "9" * LONG,
    "-400 digits": "-" + "9" * 400,
    "NUL": '"a\\u0000"',
    "a lone surrogate": '"a\\ud800"',
    "a low surrogate": '"\\udfff"',
    "surrogates the wrong way round": '"\\ude00\\ud83d"',
    "a surrogate as a key": '{"\\udc00": 1}',
    "NUL as a key": '{"\\u0000": 1}',
    "a key twice": '{"x": 1, "x": 2}',
    "a key twice, escaped": '{"x": 1, "\\u0078": 2}',
    "a key twice, deep": '[{"y": {"x": 1, "x": 1}}]',
    "20 lists": "[" * 20 + "]" * 20,
    "20 objects": '{"a":' * 20 + "1" + "}" * 20,
    "1,500 lists": "[" * 1_500 + "]" * 1_500,
    "30,000 lists": "[" * 30_000 + "]" * 30_000,
    "10,000 objects": '{"a":' * 9_000 + "1" + "}" * 9_000,
    "lists that stay open": "[" * LONG,
    "objects that stay open": '{"a":' * 10_000,
    "600 keys": "{" + ",".join(f'"k{n}":1' for n in range(600)) + "}",
    "a control character": '"a\n"',
    "single quotes": "'a'",
    "a comment": "1 /* a */",
    "a comma too many": "[1,]",
    "a hexadecimal number": "0x10",
    "a leading zero": "01",
    "a plus sign": "+1",
    "undefined": "undefined",
    "a text that stays open": '"' + '\\"' * 30_000,
    "brackets and a text that stays open": "[" * 17 + '"' + '\\"' * 32_000,
    "half an escape": '"\\u12"',
    "an unknown escape": '"\\x41"',
}
# Valid where anything is.
ODD = {
    "null": "null",
    "true": "true",
    "0": "0",
    "-0.0": "-0.0",
    "the largest double": "1.7976931348623157e308",
    "the smallest double": "5e-324",
    "60,000 decimals": "0." + "9" * LONG,
    "an empty text": '""',
    "a blank text": '"\\u2003"',
    "a long text": '"' + "a" * LONG + '"',
    "a long text of escapes": '"' + "\\u0041" * 10_000 + '"',
    "a text of brackets": '"' + "[{" * 30_000 + '"',
    "a text of quotes": '"' + '\\"' * 30_000 + '"',
    "a text of backslashes": '"' + "\\\\" * 30_000 + '"',
    "an escape of a terminal": '"\\u001b[31m"',
    "direction marks": '"\\u202eabc\\u2066"',
    "an empty list": "[]",
    "an empty object": "{}",
    "many numbers": "[" + "1," * 30_000 + "1]",
    "many lists": "[" + "[]," * 19_000 + "[]]",
    "many objects": "[" + "{}," * 19_000 + "{}]",
    "a long key": '{"' + "k" * LONG + '": 1}',
    "a long key and many numbers": '{"' + "k" * 30_000 + '": [' + "1," * 15_000 + "1]}",
    "__proto__": '{"__proto__": {"x": 1}, "constructor": 1}',
    "a placeholder": '{"_placeholder": true, "num": 0}',
    "format fields": '"{0.__class__} {name} %s %n ${jndi:ldap://x}"',
    "a template": '"{{7*7}} {probe_text} $HOME `x`"',
    "SQL": '"\'; DROP TABLE events; --"',
    "HTML": '"<script>alert(1)</script>"',
}
PLACES = {
    "sender": lambda piece: message(sender=piece),
    "message": lambda piece: message(message=piece),
    "metadata": lambda piece: message(metadata=piece),
    "a free key": lambda piece: message(metadata=f'{{"x": {piece}}}'),
    "a slot": lambda piece: message(metadata=f'{{"probe": {{"text": {piece}}}}}'),
    "a list": lambda piece: message(metadata=f'{{"x": [1, {piece}]}}'),
    "input_channel": lambda piece: message(input_channel=piece),
}


def whole(piece: str) -> str:
    """Return entities in a command, as a JSON text; Rasa has its own parser for them."""
    return json.dumps(f'/probe_show{{"probe_early": {piece}}}')


SPACES = " \t\n\r\x0b\x0c\x1c\x85\xa0\u1680\u2003\u2028\u2029\u202f\u3000\u200b\ufeff\xad\u2060"
CONTROLS = "\x00\x01\x07\x08\x1b\x7f\x80\x9f\u2028"


def senders():
    for space in SPACES:
        for text in (f"{space}a", f"a{space}"):
            yield f"a sender {text!a}", message(sender=json.dumps(text))
    for control in CONTROLS:
        yield f"a sender with {control!a}", message(sender=json.dumps(f"a{control}b"))
    for text in ("user:", "user:u1", "user:\u0000", "a" * 256, "\ud83d"):
        yield f"the sender {text[:9]!a}", message(sender=json.dumps(text))
    for control in CONTROLS:
        yield f"a message with {control!a}", message(message=json.dumps(f"hi{control}"))
    yield "a long message", message(message=json.dumps("a" * 4097))


GOOD = message()
BYTES = {
    "nothing": b"",
    "a space": b" ",
    "NUL": b"\0",
    "one brace": b"{",
    "null": b"null",
    "a text": b'"hello"',
    "a list": b"[" + GOOD + b"]",
    "two messages": GOOD + GOOD,
    "something after it": GOOD + b"x",
    "a byte order mark": b"\xef\xbb\xbf" + GOOD,
    "UTF-16": GOOD.decode().encode("utf-16"),
    "UTF-32": GOOD.decode().encode("utf-32"),
    "Latin-1": message(sender='"\xe9"').decode().encode("latin-1"),
    "an overlong NUL": message(sender='"a@"').replace(b"@", b"\xc0\x80"),
    "surrogates in UTF-8": message(sender='"a@"').replace(b"@", b"\xed\xa0\x80"),
    "beyond Unicode": message(sender='"a@"').replace(b"@", b"\xf5\x80\x80\x80"),
    "half a character": message(sender='"a@"').replace(b"@", b"\xe2\x82"),
    "a form": b"sender=hostile&message=hello",
    "XML": b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "a">]><x>&a;</x>',
    "pickle": b"\x80\x04\x95\x0c\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94.",
    "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03",
    "a large body": message(metadata='{"x": "' + "x" * 70_000 + '"}'),
    "spaces": b" " * 65_000,
    "spaces and a message": b" " * 64_000 + GOOD,
    **{f"cut off after {end}": GOOD[:end] for end in range(1, len(GOOD), 5)},
    "no sender": b'{"message": "hello"}',
    "no message": b'{"sender": "hostile"}',
    "a sender twice": b'{"sender": "hostile", "sender": "user:u1", "message": "hi"}',
}
ALLOWED = {"spaces and a message": ANY, "no sender": ANY}


def signed(**claims):
    return token(sub="hostile", **claims)


def tokens():
    good = signed()
    head, body, signature = good.split(".")
    yield from {
        "nothing": "",
        "one dot": ".",
        "many dots": "." * 5_000,
        "nonsense": "nonsense",
        "a long one": "a" * 15_000,
        "cut off": good[:-2],
        "another body": f"{head}.{body[:-2]}AA.{signature}",
        "no signature": f"{head}.{body}.",
        "expired": signed(exp=1),
        "not yet valid": signed(nbf=time.time() + 600),
        "of another key": token(key="another key, which is long enough as well"),
        "of another method": token(method="HS512"),
        "a deep header": f"{'W1tb' * 3_000}.{body}.{signature}",
    }.items()
    for name, claims in {
        "an endless exp": {"exp": float("inf")},
        "exp as text": {"exp": "soon"},
        "an odd sub": {"sub": "a b"},
        "a sub with a slash": {"sub": "../x"},
        "an empty sub": {"sub": ""},
        "a long sub": {"sub": "x" * 300},
        "another user's conversation": {"sender": "user:u2"},
        "a sender with NUL": {"sender": "a\0b"},
        "a sender with a surrogate": {"sender": "a\ud83d"},
        "a sender with a line": {"sender": "a\nb"},
        "a sender with a space": {"sender": "a "},
        "a number as sender": {"sender": 7},
        "metadata as a list": {"metadata": [1]},
        "metadata as null": {"metadata": None},
        "metadata with NaN": {"metadata": {"x": float("nan")}},
        "metadata with a surrogate": {"metadata": {"x": "\ud800"}},
        "metadata with NUL": {"metadata": {"x": "\0"}},
        "deep metadata": {"metadata": json.loads('{"a":' * 40 + "1" + "}" * 40)},
        "many keys": {"metadata": {f"k{n}": 1 for n in range(600)}},
        "a wrong value": {"metadata": {"probe": {"flag": "yes"}}},
        "a reserved key": {"metadata": {"_signed": {}}},
    }.items():
        yield name, token(**{"sub": "hostile", **claims})


HEADERS = {
    "a form from a page": {"origin": "https://x.example", "content-type": "text/plain"},
    "no type from a page": {"origin": "null", "content-type": ""},
    "an empty key": {"idempotency-key": ""},
    "a key of two words": {"idempotency-key": "two words"},
    "a long key": {"idempotency-key": "k" * 256},
    "a key that is not ASCII": {"idempotency-key": "\xe9"},
    "an empty token": {"authorization": "Bearer"},
    "a long type": {"content-type": "a/" * 3_000, "origin": "null"},
}

KINDS: dict[str, list[Case]] = {
    **{
        f"never valid, as {place}": [Case(name, put(piece)) for name, piece in NEVER.items()]
        for place, put in PLACES.items()
    },
    **{
        f"odd, as {place}": [Case(name, put(piece), ANY) for name, piece in ODD.items()]
        for place, put in PLACES.items()
    },
    "entities": [
        Case(name, message(message=whole(piece)), ANY) for name, piece in {**NEVER, **ODD}.items()
    ],
    "senders and messages": [Case(name, raw) for name, raw in senders()],
    "bytes": [Case(name, raw, ALLOWED.get(name, REJECTED)) for name, raw in BYTES.items()],
    "tokens": [Case(name, GOOD, token=made) for name, made in tokens()],
    "headers": [Case(name, GOOD, headers=headers) for name, headers in HEADERS.items()],
}
COUNT = sum(map(len, KINDS.values()))
