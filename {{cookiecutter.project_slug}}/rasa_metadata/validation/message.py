"""The door: everything that is checked before a message reaches the bot.

Knows nothing of HTTP servers: bytes or parsed JSON go in, an valid message or a
error comes out, so every channel can stand behind the same door.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from rasa.shared.exceptions import RasaException

from rasa_metadata.contract import Contract, lookup, merge, violations, without
from rasa_metadata.contract.fields import IDEMPOTENCY_KEY, RESERVED_KEYS
from rasa_metadata.contract.signature import SIGNED_KEY, sign
from rasa_metadata.validation.errors import ApiError
from rasa_metadata.validation.tokens import LONGEST_SENDER, SENDER_PREFIX, Claims, Tokens, bearer

TOKEN_KEYS = ("jwt_key", "jwt_method", "jwt_audience")
STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
GOOD_KEY = re.compile(r"[\x21-\x7e]{1,255}")
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # PostgreSQL takes no NUL, UTF-8 no surrogate


@dataclass(frozen=True)
class ValidMessage:
    """A message that came in: all of it is what the contract and Rasa expect."""

    text: str
    sender: str
    metadata: dict[str, Any] | None


@dataclass(frozen=True)
class RequestValidation:
    """What a channel lets in. Each number is a key in credentials.yml.

    `max_body_bytes` and `max_depth` (of objects and lists in one another) count for the
    whole body, `max_keys` for all objects in it together; `action_timeout` is in seconds.
    `jwt_key`, `jwt_method` and `jwt_audience` are explained in channels/tokens.py.
    """

    max_body_bytes: int = 64 * 1024
    max_depth: int = 16
    max_keys: int = 512
    max_message_characters: int = 4096
    max_sender_characters: int = LONGEST_SENDER
    action_timeout: float = 30.0
    tokens: Tokens = field(default_factory=Tokens)

    @classmethod
    def from_credentials(cls, credentials: Mapping[str, Any] | None) -> "RequestValidation":
        """Read the keys of a channel.

        Raises:
            RasaException: for a key that is unknown, or a value that is no number above 0.
        """
        credentials = dict(credentials or {})
        token_keys = {key: credentials.pop(key) for key in TOKEN_KEYS if key in credentials}
        numbers = [each.name for each in fields(cls) if each.name != "tokens"]
        for key, value in credentials.items():
            if key not in numbers:
                known = ", ".join([*numbers, *TOKEN_KEYS])
                raise RasaException(f"credentials.yml: '{key}' is unknown; there are {known}.")
            if isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
                raise RasaException(f"credentials.yml: '{key}' is a number above 0, not {value!r}.")
        return cls(tokens=Tokens.from_credentials(token_keys), **credentials)

    def validate(
        self,
        content_type: str,
        raw: bytes,
        authorization: str | None,
        contract: Contract,
        idempotency_key: str | None = None,
    ) -> ValidMessage:
        """Check one HTTP request and return the message in it.

        Args:
            content_type: the value of that header, "" when there is none.
            raw: the body as it came.
            authorization: the value of that header.
            contract: what the metadata may hold.
            idempotency_key: the value of that header; it is stored with the message.

        Raises:
            ApiError: with the first reason not to let the message in; metadata is judged
                as a whole and every violation named.
        """
        token = bearer(authorization)
        claims = None if token is None else self.tokens.claims(token)
        valid = self.validate_body(self.parse(content_type, raw), claims, contract)
        return valid if idempotency_key is None else _keyed(valid, idempotency_key)

    def parse(self, content_type: str, raw: bytes) -> Any:
        """Return the JSON in a body.

        Raises:
            ApiError: when it is none, or too large to look at.
        """
        if len(raw) > self.max_body_bytes:
            message = f"Send at most {self.max_body_bytes} bytes in one request."
            raise ApiError(413, "BodyTooLarge", message)
        if content_type.split(";")[0].strip().lower() != "application/json":
            message = "Send JSON with the header 'Content-Type: application/json'."
            raise ApiError(415, "NotJSON", message)
        brackets = raw.count(b"[") + raw.count(b"{")
        if brackets > self.max_depth and _depth(raw) > self.max_depth:
            raise self._too_deep()
        try:
            body = DECODER.decode(raw.decode("utf-8"))
        except ValueError as error:
            message = f"The body is not valid JSON in UTF-8: {error}."
            raise ApiError(400, "BadJSON", message) from error
        # Few bodies need a closer look: each key has its colon, and what cannot be stored
        # gets through the parser by an escape only.
        if isinstance(body, dict) and (raw.count(b":") > self.max_keys or b"\\u" in raw):
            self.check_size(body)
        return body

    def validate_body(self, body: Any, claims: Claims | None, contract: Contract) -> ValidMessage:
        """Check a parsed body of a good size and return the message in it.

        Args:
            body: what `parse` returned, or `check_size` let pass.
            claims: of a good token, if there is one.
            contract: what the metadata may hold.

        Raises:
            ApiError: as `admit`.
        """
        if not isinstance(body, dict):
            message = 'Send a JSON object such as {"sender": "ada", "message": "hello"}.'
            raise ApiError(400, "BadJSON", message)
        text = _text(body, "message", self.max_message_characters)
        if claims:
            sender = claims.sender
        else:
            sender = _text(body, "sender", self.max_sender_characters)
            reject_signed_sender(sender)
        return ValidMessage(text, sender, _metadata(body.get("metadata"), claims, sender, contract))

    def check_size(self, body: Any) -> None:
        """Look through a parsed body.

        Raises:
            ApiError: when it is too deep or too wide, or holds a text that cannot be stored.
        """
        keys = 0
        for depth, path, value in _walk(body):
            if depth > self.max_depth:
                raise self._too_deep()
            if isinstance(value, dict):
                keys += len(value)
            if keys > self.max_keys:
                message = f"Send at most {self.max_keys} keys in one message."
                raise ApiError(422, "TooManyKeys", message)
            texts = value if isinstance(value, dict) else [value]
            if any(isinstance(text, str) and UNSTORABLE.search(text) for text in texts):
                message = "A text holds a NUL or a lone surrogate, which cannot be stored."
                named = path.encode("ascii", "backslashreplace").decode() or "body"
                details = {"parameter": named, "in": "body"}
                raise ApiError(422, "BadText", message, details)

    def _too_deep(self) -> ApiError:
        message = f"Send objects and lists at most {self.max_depth} deep in one another."
        return ApiError(422, "TooDeep", message)


def reject_signed_sender(sender: str) -> None:
    """Refuse, with 403, to let the open body speak for somebody whom a token names."""
    if sender.strip().startswith(SENDER_PREFIX):
        message = f"Only a signed token may speak for a '{SENDER_PREFIX}' sender."
        details = {"parameter": "sender", "in": "body"}
        raise ApiError(403, "SignedSender", message, details)


def _depth(raw: bytes) -> int:
    """Return how deep a body nests, without parsing it."""
    depth = deepest = 0
    for byte in STRING.sub(b"", raw):
        if byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest


def _walk(body: Any) -> Iterator[tuple[int, str, Any]]:
    """Yield (depth, dotted path, value) of all that a body holds, itself first."""
    waiting = [(1, "", body)]
    while waiting:
        depth, path, value = waiting.pop()
        yield depth, path, value
        inside = value.items() if isinstance(value, dict) else ()
        if isinstance(value, list):
            inside = enumerate(value)
        for key, each in inside:
            deeper = depth + isinstance(each, (dict, list))
            waiting.append((deeper, f"{path}.{key}".lstrip("."), each))


def _keyed(valid: ValidMessage, key: str) -> ValidMessage:
    if not GOOD_KEY.fullmatch(key):
        message = "An Idempotency-Key has 1 to 255 visible ASCII characters."
        raise ApiError(422, "BadKey", message, {"parameter": "Idempotency-Key", "in": "header"})
    return replace(valid, metadata={**(valid.metadata or {}), IDEMPOTENCY_KEY: key})


def _finite(number: str) -> float:
    if not math.isfinite(float(number)):
        raise ValueError(f"{number} is no number that can be kept")
    return float(number)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {json.dumps(twice)} stands twice in one object")
    return found


DECODER = json.JSONDecoder(parse_constant=_finite, parse_float=_finite, object_pairs_hook=_unique)


def _text(body: Mapping[str, Any], key: str, most: int) -> str:
    value = body.get(key)
    if not isinstance(value, str) or not value.strip():
        problem = "must be a text that is not blank"
    elif len(value) > most:
        problem = f"must be at most {most} characters long"
    else:
        return value
    details = {"parameter": key, "in": "body"}
    raise ApiError(422, "BadMessage", f"'{key}' {problem}.", details)


def _metadata(
    metadata: Any, claims: Claims | None, sender: str, contract: Contract
) -> dict[str, Any] | None:
    """Return what is stored with the message: open metadata, and the signed under a seal."""
    if metadata is not None:
        _reject_signed(metadata, contract)
        _reject_violations(metadata, contract, "body")
    if not claims or not claims.metadata:
        return metadata

    _reject_violations(claims.metadata, contract, "token")
    known = merge(metadata or {}, claims.metadata)  # what is signed wins
    for each in contract.fields:
        if each.signed:
            known = without(known, each.path)
    return {**known, SIGNED_KEY: sign(claims.metadata, sender)}


def _reject_signed(metadata: Any, contract: Contract) -> None:
    found = [
        {"path": each.dotted, "message": "may come from a signed token only"}
        for each in contract.fields
        if each.signed and each.path[-1] in _object_at(metadata, each.path[:-1])
    ]
    if found:
        message = "The metadata holds what only a signed token may say."
        details = {"parameter": "metadata", "in": "body", "violations": found}
        raise ApiError(403, "SignedMetadata", message, details)


def _object_at(metadata: Any, path: tuple[str, ...]) -> Mapping[str, Any]:
    value = lookup(metadata, path)
    return value if isinstance(value, Mapping) else {}


def _reject_violations(metadata: Any, contract: Contract, where: str) -> None:
    found = [
        {"path": each.path, "message": each.message} for each in violations(contract, metadata)
    ]
    found += [
        {"path": key, "message": "is a key that Rasa or this bot writes itself"}
        for key in sorted(RESERVED_KEYS)
        if isinstance(metadata, dict) and key in metadata
    ]
    if found:
        message = "The metadata breaks the contract; GET schema says what it may hold."
        details = {"parameter": "metadata", "in": where, "violations": found}
        raise ApiError(422, "BadMetadata", message, details)
