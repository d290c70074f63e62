"""Tokens: a JWT, signed by the site's backend, that identifies a user.

The keys in credentials.yml have Rasa's names: `jwt_key` (or the environment variable
METADATA_JWT_KEY), `jwt_method`, and `jwt_audience` if a token must name one. `jwt_key` may
be a JSON object of keys by `kid`, so that an old and a new one are valid for a while. With
`jwt_key_encoding: base64`, secrets are the bytes that they encode.
"""

import base64
import binascii
import json
import os
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt
from jwt.algorithms import get_default_algorithms
from rasa.shared.exceptions import RasaException

from rasa_metadata.validation.errors import ApiError

JWT_KEY_VARIABLE = "METADATA_JWT_KEY"
KEY_ENCODING = "jwt_key_encoding"
TOKEN_KEYS = ("jwt_key", "jwt_method", "jwt_audience", KEY_ENCODING)  # in credentials.yml
URL_SAFE = str.maketrans("-_", "+/")
SENDER_PREFIX = "user:"
LONGEST_SENDER = 255  # characters; the limit of Rasa's SQL tracker store
SUBJECT = re.compile(r"[A-Za-z0-9._~-]{1,250}")  # unreserved: the same in every URL
SMALLEST_RSA_KEY = 2048  # bits; RFC 7518, 3.3


@dataclass(frozen=True)
class Claims:
    """The content of a valid token: the conversation, and metadata that only it can set."""

    sender: str
    subject: str
    metadata: dict[str, Any]
    expires: float  # seconds since 1970


@dataclass(frozen=True)
class Tokens:
    """Verifies tokens; without keys there are none to verify."""

    keys: Mapping[str, str | bytes] = field(default_factory=dict, repr=False)
    method: str = "HS256"
    audience: str | list[str] | None = None

    @classmethod
    def from_credentials(cls, credentials: Mapping[str, Any]) -> "Tokens":
        """Read the keys.

        Raises:
            RasaException: if a key cannot serve its method, or is too weak to.
        """
        method, audience = credentials.get("jwt_method", "HS256"), credentials.get("jwt_audience")
        given = credentials.get("jwt_key", os.environ.get(JWT_KEY_VARIABLE) or {})
        if isinstance(given, str) and given.lstrip().startswith("{"):
            try:
                given = json.loads(given)
            except ValueError as error:
                raise RasaException(f"jwt_key is not a JSON object: {error}") from error
        keys = given if isinstance(given, Mapping) else {"": given}
        if not keys and ("jwt_key" in credentials or os.environ.get(JWT_KEY_VARIABLE)):
            raise RasaException("jwt_key has no keys: add one by its `kid`, or remove the line.")
        keys = {kid: decoded(key, credentials.get(KEY_ENCODING)) for kid, key in keys.items()}
        for kid, key in keys.items():
            _check_key(f"jwt_key '{kid}'" if kid else "jwt_key", key, method)
        names = audience if isinstance(audience, list) else [audience]
        if audience is not None and not all(isinstance(x, str) and x for x in names or [None]):
            raise RasaException(f"jwt_audience is a text or a list of texts, not {audience!r}.")
        return cls(keys, method, audience)

    def claims(self, token: str) -> Claims:
        """Return the claims of a token.

        Raises:
            ApiError: 401, if it is not valid.
        """
        if not self.keys:
            raise bad_token("this bot has no key to check tokens with")
        try:
            return _claims(self._decoded(token))
        except (jwt.PyJWTError, ValueError, OverflowError, TypeError, RecursionError) as error:
            raise bad_token(str(error)) from None  # the cause may quote the token

    def _decoded(self, token: str) -> dict[str, Any]:
        kid = str(jwt.get_unverified_header(token).get("kid"))
        keys = [self.keys[kid]] if kid in self.keys else list(self.keys.values())
        for key in keys[:-1]:
            try:
                return self._decoded_with(key, token)
            except jwt.InvalidSignatureError:
                continue
        return self._decoded_with(keys[-1], token)

    def _decoded_with(self, key: str | bytes, token: str) -> dict[str, Any]:
        return jwt.decode(
            token,
            key,
            algorithms=[self.method],
            audience=self.audience,
            options={"require": ["exp", "sub"] + (["aud"] if self.audience else [])},
        )


def decoded(key: Any, encoding: Any) -> Any:
    """Return a key from the settings as PyJWT needs it; `encoding` is None or "base64".

    Raises:
        RasaException: for another encoding, or a key that is not encoded so.
    """
    if encoding is None:
        return key
    if encoding != "base64":
        raise RasaException(f"{KEY_ENCODING} is base64 or left out, not {encoding!r}.")
    try:
        return base64.b64decode(str(key).translate(URL_SAFE).rstrip("=") + "==", validate=True)
    except binascii.Error as error:
        raise RasaException(f"jwt_key is not base64: {error}") from error


def bearer(authorization: str | None) -> str | None:
    """Return the token of an `Authorization` header, None if it contains none."""
    scheme, _, token = (authorization or "").strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def bad_token(why: str) -> ApiError:
    headers = {"WWW-Authenticate": "Bearer"}
    return ApiError(401, "BadToken", f"The token is not valid: {why}.", headers=headers)


def sender_problem(sender: Any, most: int = LONGEST_SENDER) -> str | None:
    """Return why something cannot be a sender, wherever it comes from; None if it can."""
    if not isinstance(sender, str) or not sender.strip():
        return "must be text that is not blank"
    if len(sender) > most:
        return f"must be at most {most} characters long"
    categories = [unicodedata.category(character) for character in sender]
    if any(category in ("Cc", "Cs", "Zl", "Zp") for category in categories):
        return "must not contain control characters"
    if {categories[0], categories[-1]} & {"Zs", "Cf"}:  # `Cf`: a zero-width space, for example
        return "must not begin or end with a space"
    return None


def _claims(claims: Mapping[str, Any]) -> Claims:
    subject, guest, metadata = claims["sub"], claims.get("sender"), claims.get("metadata", {})
    if not isinstance(subject, str) or not SUBJECT.fullmatch(subject):
        raise bad_token("'sub' must be 1 to 250 letters, digits and -._~")
    if guest is not None:
        if problem := sender_problem(guest):
            raise bad_token(f"'sender' {problem}")
        if guest.startswith(SENDER_PREFIX):
            raise bad_token("'sender' does not name a guest's conversation")
    if not isinstance(metadata, dict):
        raise bad_token("'metadata' is not an object")
    sender = guest or f"{SENDER_PREFIX}{subject}"
    return Claims(sender, subject, metadata, float(claims["exp"]))


def _check_key(name: str, key: Any, method: str) -> None:
    algorithm = get_default_algorithms().get(str(method))
    if algorithm is None or method == "none":
        raise RasaException(f"jwt_method '{method}' is unknown; use HS256, RS256 or ES256.")
    if not isinstance(key, (str, bytes)) or not key.strip():
        raise RasaException(f"{name} is empty or not text: give a key, or remove the line.")
    is_secret = method.startswith("HS")
    if "PRIVATE KEY" in str(key):
        wanted = "a secret that only your servers know" if is_secret else "the public key"
        raise RasaException(f"{name} is a private key; {method} is checked with {wanted}.")
    try:
        prepared = algorithm.prepare_key(key)
    except Exception as error:
        raise RasaException(f"{name} is not a key for {method}: {error}") from error
    shortest = int(method[2:]) // 8 if is_secret else 0  # RFC 7518, 3.2
    length = len(key if isinstance(key, bytes) else key.strip().encode())
    if length < shortest:
        raise RasaException(
            f"{name} has {length} bytes and {method} needs {shortest} or "
            f"more: make one with 'openssl rand -hex {shortest}'."
        )
    if getattr(prepared, "key_size", SMALLEST_RSA_KEY) < SMALLEST_RSA_KEY and method[0] in "RP":
        raise RasaException(f"{name} has fewer than {SMALLEST_RSA_KEY} bits; make a longer one.")
