"""Prints a token for development, as a site's backend would sign one; `make token` runs it."""

import json
import os
import sys
import time

import jwt

HOUR = 3600


def main() -> int:
    try:
        metadata = json.loads(os.environ.get("METADATA") or "{}")
    except ValueError as error:
        print(f"METADATA is not JSON: {error}. Use METADATA='{{...}}'.", file=sys.stderr)
        return 1
    key = os.environ.get("METADATA_JWT_KEY", "")
    if not key or key.lstrip().startswith(("{", "-----")):
        text = "METADATA_JWT_KEY is not a single secret: let your backend sign the token."
        print(text, file=sys.stderr)
        return 1
    claims = {
        "sub": os.environ.get("SUB") or "u1",
        "exp": int(time.time()) + HOUR,
        "metadata": metadata,
    }
    print(jwt.encode(claims, key, algorithm="HS256"))
    return 0
