"""Request validation: everything that is checked before a message reaches the bot.

Knows nothing of HTTP servers: bytes come in, a valid message or an API error goes out, so
every channel runs the same checks. They take linear time, whatever the bytes are.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, NamedTuple
from uuid import uuid4

from rasa.shared.exceptions import RasaException

from rasa_metadata.contract import ABSENT, Contract, lookup, merge, nested, violations, without
from rasa_metadata.contract.fields import IDEMPOTENCY_KEY, RESERVED_KEYS
from rasa_metadata.contract.signature import SIGNED_KEY, sign
from rasa_metadata.validation.errors import ApiError
from rasa_metadata.validation.tokens import (
    LONGEST_SENDER,
    SENDER_PREFIX,
    TOKEN_KEYS,
    Claims,
    Tokens,
    bad_token,
    bearer,
    sender_problem,
)

LISTS = ("reserved_senders", "input_channels")
IDEMPOTENCY = re.compile(r"[\x21-\x7e]{1,255}")
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # PostgreSQL rejects NUL, UTF-8 rejects surrogates
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]")
LONGEST_NUMBER = 309  # digits; no double has more before its decimal point
# What Rasa reads as entities (YAMLStoryReader._regex_message_pattern).
ENTITIES = re.compile(r"/[^{@]+(?:@[0-9.]+)?({.+})")
JSON_TYPE = re.compile(r"application/([\w.-]+\+)?json")

Place = tuple[Any, Any] | None  # the place above, and the key


class Names(NamedTuple):
    """The client's names for the keys of a message, which errors use."""

    sender: str = "sender"
    message: str = "message"
    metadata: str = "metadata"


USUAL_NAMES = Names()


@dataclass(frozen=True)
class ValidMessage:
    """A message that matches what the contract and Rasa expect.

    Signed metadata is bound to `id`, so Rasa's message needs the same `message_id`. `token` is
    for actions alone.
    """

    text: str
    sender: str
    metadata: dict[str, Any] | None
    input_channel: str | None = None
    id: str = field(default_factory=lambda: uuid4().hex)
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class RequestValidation:
    """What a channel accepts. Each field but `tokens` is a key in credentials.yml.

    `max_body_bytes` and `max_depth` (of objects and lists in one another) count for the
    whole body, `max_keys` for all its objects and lists together, a list's items as keys:
    each turn reads them again. `action_timeout` is in seconds.
    Without `guests`, each message needs a token. `reserved_senders` are prefixes that
    belong to other channels. `input_channels` are names that a body may give.
    `TOKEN_KEYS` are explained in tokens.py.
    """

    max_body_bytes: int = 64 * 1024
    max_depth: int = 16
    max_keys: int = 512
    max_message_characters: int = 4096
    max_sender_characters: int = LONGEST_SENDER
    action_timeout: float = 30.0
    guests: bool = True
    reserved_senders: tuple[str, ...] = ()
    input_channels: tuple[str, ...] = ()
    tokens: Tokens = field(default_factory=Tokens)

    @classmethod
    def from_credentials(cls, credentials: Mapping[str, Any] | None) -> "RequestValidation":
        """Read the keys of a channel.

        Raises:
            RasaException: for a key that is unknown, or a value of the wrong type.
        """
        credentials = dict(credentials or {})
        token_keys = {key: credentials.pop(key) for key in TOKEN_KEYS if key in credentials}
        known = [each.name for each in fields(cls) if each.name != "tokens"]
        for key, value in credentials.items():
            if key not in known:
                raise RasaException(
                    f"credentials.yml: '{key}' is unknown; there are "
                    f"{', '.join([*known, *TOKEN_KEYS])}."
                )
            if problem := _wrong_type(key, value):
                raise RasaException(f"credentials.yml: '{key}' {problem}, not {value!r}.")
        lists = {key: tuple(credentials[key]) for key in LISTS if key in credentials}
        return cls(tokens=Tokens.from_credentials(token_keys), **{**credentials, **lists})

    def validate(
        self,
        raw: bytes,
        contract: Contract,
        *,
        content_type: str = "",
        origin: str | None = None,
        authorization: str | None = None,
        idempotency_key: str | None = None,
    ) -> ValidMessage:
        """Return the message in an HTTP request.

        Args:
            raw: the body.
            contract: what the metadata may contain.
            content_type: the value of that header; browsers send an `origin` with it, and
                may then send JSON only, so that no form of another site can post here.
            origin: the value of that header, None if there is none.
            authorization: the value of that header.
            idempotency_key: the value of that header; it is stored with the message.

        Raises:
            ApiError: with the first reason to reject the message; metadata is judged as a
                whole and each violation named.
        """
        token = bearer(authorization)
        claims = None if token is None else self.tokens.claims(token)
        if len(raw) > self.max_body_bytes:
            raise body_too_large(self.max_body_bytes)
        media_type = content_type.split(";")[0].strip().lower()
        if origin is not None and not JSON_TYPE.fullmatch(media_type):
            problem = "Send JSON with the header 'Content-Type: application/json'."
            raise ApiError(415, "NotJSON", problem)
        message = self.validate_body(raw, claims, contract)
        return message if idempotency_key is None else _keyed(message, idempotency_key)

    def validate_body(
        self, raw: bytes, claims: Claims | None, contract: Contract, names: Names = USUAL_NAMES
    ) -> ValidMessage:
        """Return the message in a body, with `claims` if a valid token came with it.

        Raises:
            ApiError: as `validate`.
        """
        if claims is None and not self.guests:
            raise bad_token("this bot needs one with each message")
        body = self.parse(raw)
        if not isinstance(body, dict):
            message = 'Send a JSON object such as {"sender": "ada", "message": "hello"}.'
            raise ApiError(400, "BadJSON", message)
        claims = claims and _with_slots(claims, contract)
        text = self._text(body.get(names.message), names.message)
        sender: Any = claims.sender if claims else body.get(names.sender)
        if claims:
            self._check_claims(claims)
        else:
            self.check_sender(sender, names.sender)
        metadata = _metadata(body.get(names.metadata), claims, contract, names)
        valid = ValidMessage(text, sender, metadata, self._input_channel(body))
        return _signed(valid, claims) if claims else valid

    def parse(self, raw: bytes) -> Any:
        """Return the JSON in a body.

        Raises:
            ApiError: if it is not JSON, or too deep, too wide, or cannot be stored.
        """
        if len(raw) > self.max_body_bytes:
            raise body_too_large(self.max_body_bytes)
        try:
            body = DECODER.decode(raw.decode("utf-8"))
        except RecursionError:
            raise self.too_deep() from None
        except ValueError as error:
            message = f"The body is not valid JSON in UTF-8: {error}."
            raise ApiError(400, "BadJSON", message) from None
        if isinstance(body, dict):
            self._check_size(body)
        return body

    def check_sender(self, sender: Any, name: str = "sender") -> None:
        """Check a sender that no token vouches for.

        Raises:
            ApiError: 422 if it cannot be one, 403 if it belongs to tokens or another channel.
        """
        if problem := sender_problem(sender, self.max_sender_characters):
            details = {"parameter": name, "in": "body"}
            raise ApiError(422, "BadMessage", f"'{name}' {problem}.", details)
        if sender.startswith((SENDER_PREFIX, *self.reserved_senders)):
            details = {"parameter": name, "in": "body"}
            message = f"A {name} that begins like this one belongs to a token or another channel."
            raise ApiError(403, "ReservedSender", message, details)

    def _check_claims(self, claims: Claims) -> None:
        """Check the claims of a valid token by the rules of a body."""
        if claims.sender.startswith(self.reserved_senders):
            raise bad_token("'sender' belongs to another channel")
        try:
            self.parse(json.dumps(claims.metadata).encode())
        except (ApiError, RecursionError, ValueError) as error:
            raise bad_token(f"'metadata' cannot be used: {error}") from None

    def _text(self, value: Any, name: str) -> str:
        if not isinstance(value, str) or not value.strip():
            problem = "must be text that is not blank"
        elif len(value) > self.max_message_characters:
            problem = f"must be at most {self.max_message_characters} characters long"
        elif CONTROL.search(value):
            problem = "must not contain control characters"
        elif not self._entities_are_usable(value):
            problem = "contains entities that cannot be used"
        else:
            return value.strip()  # as Rasa stores it: a signature is bound to that
        details = {"parameter": name, "in": "body"}
        raise ApiError(422, "BadMessage", f"'{name}' {problem}.", details)

    def _entities_are_usable(self, text: str) -> bool:
        """Return whether Rasa can read the entities of a message such as `/greet{"a": 1}`.

        Rasa parses them without limits (YAMLStoryReader.unpack_regex_message); what is not
        JSON, it takes for plain text.
        """
        entities = ENTITIES.match(text.strip())
        if not entities:
            return True
        try:
            self._check_size(DECODER.decode(entities[1]))
        except json.JSONDecodeError:
            return True
        except (ApiError, RecursionError, ValueError):
            return False
        return True

    def _input_channel(self, body: Mapping[str, Any]) -> str | None:
        name = body.get("input_channel")
        if name is None or name in self.input_channels:
            return name
        message = "'input_channel' must be listed under 'input_channels' in credentials.yml."
        details = {"parameter": "input_channel", "in": "body"}
        raise ApiError(422, "BadMessage", message, details)

    def _check_size(self, body: Any) -> None:
        keys = 0
        for depth, place, value in _walk(body):
            if depth > self.max_depth:
                raise self.too_deep()
            keys += len(value) if isinstance(value, dict | list) else 0
            if keys > self.max_keys:
                message = f"Send at most {self.max_keys} keys and list items in one message."
                raise ApiError(422, "TooManyKeys", message)
            texts = value if isinstance(value, dict) else [value]
            if any(isinstance(text, str) and UNSTORABLE.search(text) for text in texts):
                message = "A text contains a NUL or a lone surrogate, which cannot be stored."
                details = {"parameter": _dotted(place) or "body", "in": "body"}
                raise ApiError(422, "BadText", message, details)

    def too_deep(self) -> ApiError:
        message = f"Nest objects and lists at most {self.max_depth} deep."
        return ApiError(422, "TooDeep", message)


def body_too_large(max_body_bytes: int) -> ApiError:
    message = f"Send at most {max_body_bytes} bytes in one request."
    return ApiError(413, "BodyTooLarge", message)


def _walk(body: Any) -> Iterator[tuple[int, Place, Any]]:
    """Yield (depth, place, value) of everything in a body, the body first.

    A place is the key and the place above it: as texts, places in a body with long keys
    would be many times its size.
    """
    waiting: list[tuple[int, Place, Any]] = [(1, None, body)]
    while waiting:
        depth, place, value = waiting.pop()
        yield depth, place, value
        inside = value.items() if isinstance(value, dict) else ()
        for key, each in enumerate(value) if isinstance(value, list) else inside:
            waiting.append((depth + isinstance(each, dict | list), (place, key), each))


def _dotted(place: Place) -> str:
    """Return a place as a dotted path, cut off where it gets long."""
    path = ""
    while place:
        place, key = place
        path = f"{key}.{path}" if path else str(key)
    return path[:LONGEST_SENDER]


def _wrong_type(key: str, value: Any) -> str | None:
    if key in LISTS:
        good = isinstance(value, list) and all(isinstance(each, str) and each for each in value)
        return None if good else "is a list of texts"
    if key == "guests":
        return None if isinstance(value, bool) else "is true or false"
    whole = key != "action_timeout"
    kinds = int if whole else (int, float)
    good = isinstance(value, kinds) and not isinstance(value, bool) and 0 < value < math.inf
    return None if good else f"is a {'whole ' if whole else ''}number above 0"


def _keyed(message: ValidMessage, key: str) -> ValidMessage:
    if not IDEMPOTENCY.fullmatch(key):
        text = "An Idempotency-Key has 1 to 255 visible ASCII characters."
        raise ApiError(422, "BadKey", text, {"parameter": "Idempotency-Key", "in": "header"})
    return replace(message, metadata={**(message.metadata or {}), IDEMPOTENCY_KEY: key})


def _finite(number: str) -> float:
    if not math.isfinite(float(number)):
        raise ValueError(f"{number[:20]} does not fit a number")
    return float(number)


def _integer(number: str) -> int:
    if len(number) > LONGEST_NUMBER:  # int() takes quadratic time
        raise ValueError(f"a number has more than {LONGEST_NUMBER} digits")
    _finite(number)
    return int(number)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {json.dumps(twice[:80])} is twice in one object")
    return found


DECODER = json.JSONDecoder(
    parse_constant=_finite, parse_float=_finite, parse_int=_integer, object_pairs_hook=_unique
)


def _metadata(
    metadata: Any, claims: Claims | None, contract: Contract, names: Names
) -> dict[str, Any] | None:
    """Return the metadata outside signed paths; a token's takes precedence over the body's."""
    if metadata is not None:
        _reject_signed(metadata, contract, names)
        _reject_violations(metadata, contract, names.metadata, "body")
    if claims:
        _reject_violations(claims.metadata, contract, "metadata", "token")
        metadata = merge(metadata or {}, claims.metadata)
        for each in contract.fields:
            if each.signed:
                metadata = without(metadata, each.path)
    known: dict[str, Any] | None = metadata
    return known


def _with_slots(claims: Claims, contract: Contract) -> Claims:
    """Return claims whose metadata contains those that a slot has as its `claim`, too."""
    metadata = claims.metadata
    for each in contract.fields:
        value = each.claimed(claims.content)
        if value is not ABSENT:
            metadata = merge(without(metadata, each.path), nested(each.path, value))
    return replace(claims, metadata=metadata)


def _signed(message: ValidMessage, claims: Claims) -> ValidMessage:
    """Return the message with its token, the token's metadata, and the proof of that."""
    bound_to = message.sender, message.id, message.text, claims.subject, claims.expires
    proof = sign(claims.metadata, *bound_to)
    metadata = {**(message.metadata or {}), SIGNED_KEY: proof}
    return replace(message, metadata=metadata, token=claims.token)


def _reject_signed(metadata: Any, contract: Contract, names: Names) -> None:
    found = [
        {"path": each.dotted, "message": "may come from a signed token only"}
        for each in contract.fields
        if each.signed and each.path[-1] in _object_at(metadata, each.path[:-1])
    ]
    if found:
        message = "The metadata contains paths that only a token may contain."
        details = {"parameter": names.metadata, "in": "body", "violations": found}
        raise ApiError(403, "SignedMetadata", message, details)


def _object_at(metadata: Any, path: tuple[str, ...]) -> Mapping[str, Any]:
    value = lookup(metadata, path)
    return value if isinstance(value, Mapping) else {}


def _reject_violations(metadata: Any, contract: Contract, name: str, where: str) -> None:
    found = [
        {"path": each.path, "message": each.message} for each in violations(contract, metadata)
    ]
    found += [
        {"path": key, "message": "is a key that Rasa or this bot writes itself"}
        for key in sorted(RESERVED_KEYS)
        if isinstance(metadata, dict) and key in metadata
    ]
    if found:
        message = "The metadata does not match its schema, which GET schema returns."
        details = {"parameter": name, "in": where, "violations": found}
        raise ApiError(422, "BadMetadata", message, details)
