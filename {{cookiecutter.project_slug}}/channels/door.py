"""The door: everything that is checked before a message reaches the bot.

Knows nothing of HTTP servers: bytes go in, an admitted message or a refusal
comes out, so every channel can stand behind the same door.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from contract import ABSENT, Contract, lookup, violations
from contract.fields import RASA_KEYS

MAX_BODY_BYTES = 64 * 1024
MAX_MESSAGE_CHARACTERS = 4096
MAX_SENDER_CHARACTERS = 255  # what Rasa's SQL tracker store keeps of it

# Conversations of people whom a signed token names; the open body may not claim them.
SIGNED_SENDER_PREFIX = "user:"


@dataclass
class Refusal(Exception):
    """A message that may not come in, with what the client should do about it.

    `status` is the HTTP status, `reason` one word for programs, `message` a
    sentence for people, `details` where in the body the fault is.
    """

    status: int
    reason: str
    message: str
    details: dict[str, Any] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """Return the answer in the shape of Rasa's own errors
        (rasa/server.py, ErrorResponse)."""
        return {
            "status": "failure",
            "code": self.status,
            "reason": self.reason,
            "message": self.message,
            "details": self.details,
        }


@dataclass(frozen=True)
class Admitted:
    """A message that came in: all of it is what the contract and Rasa expect."""

    text: str
    sender: str
    metadata: dict[str, Any] | None


def admit(content_type: str, raw: bytes, contract: Contract) -> Admitted:
    """Check one request body and return the message in it.

    Args:
        content_type: the value of that HTTP header, "" when there is none.
        raw: the body as it came.
        contract: what its `metadata` may hold.

    Raises:
        Refusal: with the first reason not to let the message in; a metadata
            object is judged as a whole and every violation named.
    """
    body = _object(content_type, raw)
    text = _text(body, "message", MAX_MESSAGE_CHARACTERS)
    sender = _text(body, "sender", MAX_SENDER_CHARACTERS)
    if sender.startswith(SIGNED_SENDER_PREFIX):
        raise Refusal(
            403,
            "SignedSender",
            f"Only a signed token may speak for a '{SIGNED_SENDER_PREFIX}' sender.",
            {"parameter": "sender", "in": "body"},
        )
    return Admitted(text, sender, _metadata(body.get("metadata"), contract))


def _object(content_type: str, raw: bytes) -> Mapping[str, Any]:
    if len(raw) > MAX_BODY_BYTES:
        raise Refusal(413, "BodyTooLarge", f"Send at most {MAX_BODY_BYTES} bytes in one request.")
    if content_type.split(";")[0].strip().lower() != "application/json":
        raise Refusal(415, "NotJSON", "Send JSON with the header 'Content-Type: application/json'.")
    try:
        body = json.loads(raw.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, "BadJSON", f"The body is not valid JSON in UTF-8: {error}") from error
    if not isinstance(body, dict):
        raise Refusal(
            400,
            "BadJSON",
            'Send a JSON object such as {"sender": "ada", "message": "hello"}.',
        )
    return body


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _text(body: Mapping[str, Any], key: str, most: int) -> str:
    value = body.get(key)
    if not isinstance(value, str) or not value.strip():
        problem = "must be a text that is not blank"
    elif len(value) > most:
        problem = f"must be at most {most} characters long"
    else:
        return value
    raise Refusal(422, "BadMessage", f"'{key}' {problem}.", {"parameter": key, "in": "body"})


def _metadata(metadata: Any, contract: Contract) -> dict[str, Any] | None:
    if metadata is None:
        return None
    signed = [
        each.dotted
        for each in contract.fields
        if each.signed and lookup(metadata, each.path) is not ABSENT
    ]
    if signed:
        raise _bad_metadata(
            403,
            "SignedMetadata",
            "Only a signed token may say this.",
            [{"path": path, "message": "is signed"} for path in signed],
        )
    found = [
        {"path": each.path, "message": each.message} for each in violations(contract, metadata)
    ]
    found += [
        {"path": key, "message": "is a key that Rasa writes itself"}
        for key in sorted(RASA_KEYS)
        if isinstance(metadata, dict) and key in metadata
    ]
    if found:
        raise _bad_metadata(
            422,
            "BadMetadata",
            "The metadata breaks the contract; GET schema says what it may hold.",
            found,
        )
    return metadata


def _bad_metadata(status: int, reason: str, message: str, found: list[dict[str, str]]) -> Refusal:
    details = {"parameter": "metadata", "in": "body", "violations": found}
    return Refusal(status, reason, message, details)
