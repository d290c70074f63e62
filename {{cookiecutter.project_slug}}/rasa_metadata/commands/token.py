"""Prints a token for development; `make token` runs it.

A site's backend would sign such a token; with ISSUER, an identity provider does, for whoever
signs in at it (the device authorization grant, RFC 8628).
"""

import json
import os
import sys
import time

import jwt
import requests
from rasa.shared.exceptions import RasaException

from rasa_metadata.project import Project, plain
from rasa_metadata.validation.providers import DISCOVERY
from rasa_metadata.validation.tokens import JWT_KEY_VARIABLE, KEY_ENCODING, decoded

HOUR = 3600
SECONDS = 30
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


def main() -> int:
    if issuer := os.environ.get("ISSUER"):
        try:
            print(signed_in(issuer, os.environ.get("CLIENT") or ""))
        except (requests.RequestException, KeyError, ValueError) as error:
            print(f"{issuer} gives no token: {error}", file=sys.stderr)
            return 1
        return 0
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
    channels = [each or {} for each in Project.here().credentials.values()]
    settings = {name: value for each in channels for name, value in plain(each).items()}
    if audience := settings.get("jwt_audience"):
        claims["aud"] = audience
    try:
        secret = decoded(key, settings.get(KEY_ENCODING))
    except RasaException as error:
        print(error, file=sys.stderr)
        return 1
    print(jwt.encode(claims, secret, algorithm="HS256"))
    return 0


def signed_in(issuer: str, client: str) -> str:
    """Return an access token for whoever signs in at the address that this prints.

    Raises:
        requests.RequestException, KeyError, ValueError: if the provider gives none.
    """
    found = requests.get(issuer.rstrip("/") + DISCOVERY, timeout=SECONDS).json()
    ask = {"client_id": client, "scope": "openid"}
    begun = requests.post(found["device_authorization_endpoint"], ask, timeout=SECONDS).json()
    if "device_code" not in begun:
        raise ValueError(begun)
    place = begun.get("verification_uri_complete") or begun["verification_uri"]
    print(f"Sign in at {place} (code {begun['user_code']}) ...", file=sys.stderr)
    ask |= {"grant_type": DEVICE, "device_code": begun["device_code"]}
    answer = {"error": "slow_down"}
    while answer.get("error") in ("authorization_pending", "slow_down"):
        time.sleep(begun.get("interval", 5))
        answer = requests.post(found["token_endpoint"], ask, timeout=SECONDS).json()
    if "access_token" not in answer:
        raise ValueError(answer)
    return answer["access_token"]
