"""Prints a token for development, as a site's backend would sign one; `make token` runs it."""

import json
import os
import sys
import time

import jwt
from rasa.shared.exceptions import RasaException

from rasa_metadata.project import Project
from rasa_metadata.validation.tokens import JWT_KEY_VARIABLE, KEY_ENCODING, decoded

HOUR = 3600


def main() -> int:
    try:
        metadata = json.loads(os.environ.get("METADATA") or "{}")
    except ValueError as error:
        print(f"METADATA is not JSON: {error}. Use METADATA='{{...}}'.", file=sys.stderr)
        return 1
    key = os.environ.get(JWT_KEY_VARIABLE, "")
    if not key or key.lstrip().startswith(("{", "-----")):
        text = f"{JWT_KEY_VARIABLE} is not a single secret: let your backend sign the token."
        print(text, file=sys.stderr)
        return 1
    claims = {
        "sub": os.environ.get("SUB") or "u1",
        "exp": int(time.time()) + HOUR,
        "metadata": metadata,
    }
    channels = Project.here().credentials.values()
    encodings = (each[KEY_ENCODING] for each in channels if KEY_ENCODING in (each or ()))
    try:
        secret = decoded(key, next(encodings, None))
    except RasaException as error:
        print(error, file=sys.stderr)
        return 1
    print(jwt.encode(claims, secret, algorithm="HS256"))
    return 0
