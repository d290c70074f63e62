"""The signature: proof, stored with a message, that its signed metadata was validated.

A stock channel beside ours accepts any metadata, so what an event contains proves
nothing by itself. Request validation stores a token's metadata under `_signed`, with an
HMAC over it, the sender, the message's id and text, the token's subject and its expiry. Each
message has a new id, so a copy in another message is worthless, even one with the same text.
"""

import hashlib
import hmac
import json
import os
import secrets
import time
from collections.abc import Mapping
from typing import Any

SIGNED_KEY = "_signed"

# A Rasa server and its action server need the same key. Inside one process, one that
# nobody else knows is enough: a signature is only verified in the turn that makes it.
SIGNATURE_KEY_VARIABLE = "METADATA_SIGNATURE_KEY"
_OWN_KEY = secrets.token_hex(32)
LATEST = 1e15  # seconds; a forged number may be too large for a double


def sign(
    metadata: Mapping[str, Any],
    sender: str,
    message_id: str,
    text: str,
    subject: str,
    expires: float,
) -> dict[str, Any]:
    """Return what is stored under `_signed`.

    `message_id` is Rasa's, `subject` the token's `sub`, `expires` its `exp` in seconds since
    1970.
    """
    content = json.dumps(metadata)  # stored as text, so that no server can reformat a number
    proof = {"metadata": content, "subject": subject, "expires": expires}
    return {**proof, "signature": _hmac(sender, message_id, text, proof)}


def verify(metadata: Any, sender: str, message_id: str | None, text: str | None) -> dict[str, Any]:
    """Return the signed metadata in a message's metadata, {} without a valid signature."""
    proof = metadata.get(SIGNED_KEY) if isinstance(metadata, Mapping) else None
    if not isinstance(proof, Mapping):
        return {}
    content, signature = proof.get("metadata"), proof.get("signature")
    if not (isinstance(content, str) and isinstance(signature, str)):
        return {}
    if not all(isinstance(part, str) for part in (proof.get("subject"), message_id, text)):
        return {}
    expires = proof.get("expires")
    if not isinstance(expires, int | float) or not time.time() < expires < LATEST:
        return {}
    wanted = _hmac(sender, message_id, text, proof)
    valid = hmac.compare_digest(signature.encode(errors="replace"), wanted.encode())
    found: dict[str, Any] = json.loads(content) if valid else {}
    return found


def identity(proof: Any) -> tuple[Any, Any]:
    """Return the part of a stored proof that stays the same when a token is renewed."""
    proof = proof if isinstance(proof, Mapping) else {}
    return proof.get("subject"), proof.get("metadata")


def _hmac(sender: str, message_id: str | None, text: str | None, proof: Mapping[str, Any]) -> str:
    key = os.environ.get(SIGNATURE_KEY_VARIABLE) or _OWN_KEY
    parts = (proof.get("metadata"), proof.get("subject"), float(proof["expires"]))
    message = json.dumps([sender, message_id, text, *parts])
    return hmac.new(key.encode(), message.encode(), hashlib.sha256).hexdigest()
