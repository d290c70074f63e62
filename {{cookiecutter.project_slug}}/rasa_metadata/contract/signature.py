"""The seal: a proof, stored with a message, that its signed metadata came from the door.

A stock channel beside ours takes any metadata, so what stands in an event proves
nothing by itself. The door puts signed metadata under `_signed` with an HMAC over it
and the sender; the actions believe it only when the HMAC is right.
"""

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from typing import Any

SIGNED_KEY = "_signed"

# Both servers need the same one when actions run apart. Inside one process a key that
# nobody else ever knows will do: a seal is only looked at in the turn it is made in.
SIGNATURE_KEY_VARIABLE = "METADATA_SIGNATURE_KEY"
_OWN_KEY = secrets.token_hex(32)


def sign(metadata: Mapping[str, Any], sender: str) -> dict[str, str]:
    """Return what the door stores under `_signed` for metadata that a token signed."""
    text = json.dumps(metadata)  # stored as text, so that no server can reformat a number
    return {"metadata": text, "signature": _hmac(text, sender)}


def verify(metadata: Any, sender: str) -> dict[str, Any]:
    """Return the signed metadata in an event's metadata, {} without a good seal."""
    proof = metadata.get(SIGNED_KEY) if isinstance(metadata, Mapping) else None
    if not isinstance(proof, Mapping):
        return {}
    text, seal = proof.get("metadata"), proof.get("signature")
    if not isinstance(text, str) or not isinstance(seal, str):
        return {}
    good = hmac.compare_digest(seal.encode(), _hmac(text, sender).encode())
    return json.loads(text) if good else {}


def _hmac(text: str, sender: str) -> str:
    key = os.environ.get(SIGNATURE_KEY_VARIABLE) or _OWN_KEY
    message = json.dumps([sender, text])
    return hmac.new(key.encode(), message.encode(), hashlib.sha256).hexdigest()
