"""Tokens: who somebody is, said by a JWT that the site's own backend signed.

The keys in credentials.yml have Rasa's names: `jwt_key` (or the environment variable
METADATA_JWT_KEY), `jwt_method`, and `jwt_audience` if the token must name one. A key may
be a JSON object of keys by `kid`, so that an old one and a new one both hold for a while.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt
from jwt.algorithms import get_default_algorithms
from rasa.shared.exceptions import RasaException

from rasa_metadata.validation.errors import ApiError

JWT_KEY_VARIABLE = "METADATA_JWT_KEY"
SENDER_PREFIX = "user:"
LONGEST_SENDER = 255  # characters; what Rasa's SQL tracker store keeps
SUBJECT = re.compile(r"[A-Za-z0-9._~-]{1,250}")  # unreserved: the same in every URL


@dataclass(frozen=True)
class Claims:
    """What a verified token says: the conversation, and metadata nobody else may claim."""

    sender: str
    metadata: dict[str, Any]
    expires: float  # seconds since 1970


@dataclass(frozen=True)
class Tokens:
    """Verifies tokens; without keys there are none to verify."""

    keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    method: str = "HS256"
    audience: str | None = None

    @classmethod
    def from_credentials(cls, credentials: Mapping[str, Any]) -> "Tokens":
        """Read the keys.

        Raises:
            RasaException: if a key cannot serve its method.
        """
        method = credentials.get("jwt_method", "HS256")
        given = credentials.get("jwt_key") or os.environ.get(JWT_KEY_VARIABLE) or {}
        if isinstance(given, str) and given.lstrip().startswith("{"):
            try:
                given = json.loads(given)
            except ValueError as error:
                raise RasaException(f"jwt_key is no JSON object: {error}") from error
        keys = given if isinstance(given, Mapping) else {"": given}
        for kid, key in keys.items():
            _check_key(kid, key, method)
        return cls(dict(keys), method, credentials.get("jwt_audience"))

    def claims(self, token: str) -> Claims:
        """Return what a token says.

        Raises:
            ApiError: 401, when it is not to be believed.
        """
        if not self.keys:
            raise bad_token("this bot has no key to check tokens with")
        try:
            return _claims(self._decoded(token))
        except (jwt.PyJWTError, ValueError, OverflowError) as error:
            raise bad_token(str(error)) from None  # the cause may quote the token

    def _decoded(self, token: str) -> dict[str, Any]:
        kid = jwt.get_unverified_header(token).get("kid")
        keys = [self.keys[kid]] if kid in self.keys else list(self.keys.values())
        for key in keys[:-1]:
            try:
                return self._decoded_with(key, token)
            except jwt.InvalidSignatureError:
                continue
        return self._decoded_with(keys[-1], token)

    def _decoded_with(self, key: str, token: str) -> dict[str, Any]:
        return jwt.decode(
            token,
            key,
            algorithms=[self.method],
            audience=self.audience,
            options={"require": ["exp", "sub"] + (["aud"] if self.audience else [])},
        )


def bearer(authorization: str | None) -> str | None:
    """Return the token of an `Authorization` header, None when it holds none."""
    scheme, _, token = (authorization or "").strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def bad_token(why: str) -> ApiError:
    return ApiError(
        401, "BadToken", f"The token is not valid: {why}.", headers={"WWW-Authenticate": "Bearer"}
    )


def _claims(claims: Mapping[str, Any]) -> Claims:
    subject, guest = claims["sub"], claims.get("sender")
    metadata = claims.get("metadata", {})
    if not SUBJECT.fullmatch(subject):
        raise bad_token("'sub' is 1 to 250 letters, digits and -._~")
    if guest is not None and (
        not isinstance(guest, str)
        or not guest.strip()
        or len(guest) > LONGEST_SENDER
        or guest.startswith(SENDER_PREFIX)
    ):
        raise bad_token("'sender' names no guest conversation")
    if not isinstance(metadata, dict):
        raise bad_token("'metadata' is no object")
    return Claims(guest or f"{SENDER_PREFIX}{subject}", metadata, float(claims["exp"]))


def _check_key(kid: str, key: Any, method: str) -> None:
    name = f"jwt_key '{kid}'" if kid else "jwt_key"
    algorithm = get_default_algorithms().get(method)
    if algorithm is None or method == "none":
        raise RasaException(f"jwt_method '{method}' is unknown; use HS256, RS256 or ES256.")
    try:
        algorithm.prepare_key(key)
    except Exception as error:
        raise RasaException(f"{name} is no key for {method}: {error}") from error
    shortest = int(method[2:]) // 8 if method.startswith("HS") else 0  # RFC 7518, 3.2
    if len(key.encode()) < shortest:
        raise RasaException(
            f"{name} has {len(key.encode())} bytes and {method} needs {shortest} or more: "
            f"make one with 'openssl rand -hex {shortest}'."
        )
