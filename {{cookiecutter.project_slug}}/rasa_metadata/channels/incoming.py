"""A message as a messaging platform describes it, and the metadata that it brings."""

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rasa_metadata.contract import ABSENT, Contract, lookup, merge, nested
from rasa_metadata.contract.fields import IDEMPOTENCY_KEY, VOUCHED
from rasa_metadata.contract.signature import SIGNED_KEY, sign
from rasa_metadata.validation.errors import ApiError
from rasa_metadata.validation.message import RequestValidation, ValidMessage

logger = logging.getLogger(__name__)

LARGEST_RAW = RequestValidation(max_body_bytes=16 * 1024)
SIGNED_FOR = 3600.0  # seconds: longer than any turn


@dataclass(frozen=True)
class Incoming:
    """A message, as its platform describes it.

    `sender` is the conversation in the platform's words. `output` is Rasa's output channel,
    `recipient` the user it sends to, if that is not `sender`. `more` is metadata that Rasa's
    channel adds. Unless the platform vouches for the author, signed slots stay empty.
    """

    text: str
    sender: str
    id: str
    author: Mapping[str, Any]
    channel: Mapping[str, Any]
    raw: Any
    output: Any
    recipient: str | None = None
    more: Mapping[str, Any] = field(default_factory=dict)
    is_vouched_for: bool = True

    def __post_init__(self) -> None:
        for each in (self.text, self.sender, self.id, self.author["id"]):
            if not isinstance(each, str):
                raise TypeError(f"{each!r} is not text")

    def metadata(
        self, name: str, profile: Mapping[str, Any], valid: ValidMessage, contract: Contract
    ) -> dict[str, Any]:
        """Return the metadata of the message; what the platform vouches for is signed.

        Args:
            name: the channel's.
            profile: details of the author that the message lacks.
            valid: the message as Rasa gets it.
            contract: which slot reads which detail. A value that a slot does not accept is
                left out: there is nobody who could send another.
        """
        details = {
            **self.more,
            VOUCHED: present({**profile, **present(self.author)}),
            "channel": {"name": name, **self.channel},
            "message": {"id": self.id},
            "raw": bounded(self.raw),
        }
        metadata, vouched = details, dict[str, Any]()
        for each in contract.fields:
            source = each.channels.get(name, each.path)
            value = lookup(details, source)
            if value is ABSENT or (each.signed and source[0] != VOUCHED):
                continue
            if not each.accepts(value):
                logger.warning(f"{name}: the slot '{each.slot}' cannot hold {'.'.join(source)}.")
            elif each.signed:
                vouched = merge(vouched, nested(each.path, value))
            else:
                metadata = merge(metadata, nested(each.path, value))
        proof = {}
        if self.is_vouched_for:
            bound_to = valid.sender, valid.id, valid.text, valid.sender
            proof = {SIGNED_KEY: sign(vouched, *bound_to, time.time() + SIGNED_FOR)}
        return {**metadata, IDEMPOTENCY_KEY: f"{name}:{self.id}", **proof}


def present(details: Mapping[str, Any]) -> dict[str, Any]:
    """Return the details that are not empty: a `None` would clear a slot."""
    return {key: value for key, value in details.items() if value}


def bounded(raw: Any) -> Any:
    """Return what the platform sent, {} if it is too large to be stored with each message."""
    try:
        return LARGEST_RAW.parse(json.dumps(raw).encode())
    except ApiError:
        return {}
