"""Tokens: a JWT, signed by the site's backend or an identity provider, that identifies a user.

The keys in credentials.yml have Rasa's names: `jwt_key` (or the environment variable
METADATA_JWT_KEY), `jwt_method`, and `jwt_audience` if a token must name one. `jwt_key` may
be a JSON object of keys by `kid`, so that an old and a new one are valid for a while. With
`jwt_key_encoding: base64`, secrets are the bytes that they encode. `jwt_leeway` is how many
seconds clocks may differ.

A token whose `iss` is one of `jwt_issuer` is verified with the keys of that provider
(providers.py), and no other token is. With `jwt_type`, its header has to have that `typ`.
"""

import base64
import binascii
import hashlib
import json
import os
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import jwt
from jwt.algorithms import get_default_algorithms
from rasa.shared.exceptions import RasaException

from rasa_metadata.validation.errors import ApiError, try_again
from rasa_metadata.validation.providers import Provider, providers

JWT_KEY_VARIABLE = "METADATA_JWT_KEY"
KEY_ENCODING = "jwt_key_encoding"
TOKEN_KEYS = (  # in credentials.yml
    *("jwt_key", "jwt_method", "jwt_audience", KEY_ENCODING, "jwt_leeway"),
    *("jwt_issuer", "jwt_jwks_url", "jwt_type"),
)
URL_SAFE = str.maketrans("-_", "+/")
SENDER_PREFIX = "user:"
LONGEST_SENDER = 255  # characters; the limit of Rasa's SQL tracker store
SMALLEST_RSA_KEY = 2048  # bits; RFC 7518, 3.3
MOST_LEEWAY = 600  # seconds
PUBLIC_KEY_METHODS = [name for name in get_default_algorithms() if name[0] in "RPE"]
INVALID = (jwt.PyJWTError, ValueError, OverflowError, TypeError, RecursionError)


@dataclass(frozen=True)
class Claims:
    """The content of a valid token: the conversation, and metadata that only it can set.

    `subject` is whose token it is, `content` all that it contains.
    """

    sender: str
    subject: str
    metadata: dict[str, Any]
    expires: float  # seconds since 1970
    content: Mapping[str, Any] = field(default_factory=dict, repr=False)
    token: str = field(default="", repr=False)


@dataclass(frozen=True)
class Tokens:
    """Verifies tokens; without keys there are none to verify."""

    keys: Mapping[str, str | bytes] = field(default_factory=dict, repr=False)
    method: str = "HS256"
    audience: str | list[str] | None = None
    leeway: float = 0.0
    type: str | None = None
    providers: Mapping[str | None, Provider] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Return whether a token can be valid."""
        return bool(self.keys or self.providers)

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
        leeway = credentials.get("jwt_leeway", 0)
        if type(leeway) not in (int, float) or not 0 <= leeway <= MOST_LEEWAY:
            raise RasaException(f"jwt_leeway is 0 to {MOST_LEEWAY} seconds, not {leeway!r}.")
        found = providers(credentials)
        if keys and None in found and method in PUBLIC_KEY_METHODS:
            raise RasaException("jwt_jwks_url and a public jwt_key together need jwt_issuer.")
        return cls(keys, method, audience, leeway, credentials.get("jwt_type"), found)

    async def fetch_keys(self, token: str | None) -> None:
        """Fetch the keys that a token needs, unless they are here; `claims` verifies it."""
        if token and self.providers:
            with suppress(*INVALID):
                provider, header = self._provider(token)
                if provider:
                    await provider.load(header.get("kid"))

    def claims(self, token: str) -> Claims:
        """Return the claims of a token.

        Raises:
            ApiError: 401, if it is not valid; 503, if the keys of its issuer cannot be fetched.
        """
        if not self:
            raise bad_token("this bot has no key to check tokens with")
        try:
            provider, header = self._provider(token)
            content = self._decoded(token, self._keys_for(provider, header), provider)
            issuer = (content.get("iss") or provider.jwks_url) if provider else None
            return _claims(content, token, self.leeway, issuer)
        except INVALID as error:
            raise bad_token(str(error)) from None  # the cause may quote the token

    def _provider(self, token: str) -> tuple[Provider | None, dict[str, Any]]:
        """Return whose keys are to verify a token, None for ours, and its header."""
        if not self.providers:
            return None, jwt.get_unverified_header(token)
        parts = jwt.decode_complete(token, options={"verify_signature": False})
        header, issuer = parts["header"], str(parts["payload"].get("iss"))
        other = self.providers.get(None) if header.get("alg") in PUBLIC_KEY_METHODS else None
        return self.providers.get(issuer, other), header

    def _keys_for(self, provider: Provider | None, header: Mapping[str, Any]) -> list[Any]:
        kid, kind = header.get("kid"), str(header.get("typ")).lower()
        if provider is None:
            key = self.keys.get(str(kid))
            return [key] if key else list(self.keys.values())
        if self.type and kind.removeprefix("application/") != self.type.lower():
            raise bad_token(f"its type is not {self.type}")
        if kid not in provider.keys and provider.away:
            raise try_again("The keys of the identity provider cannot be fetched.")
        return [provider.keys[kid]] if kid in provider.keys else []

    def _decoded(self, token: str, keys: list[Any], provider: Provider | None) -> dict[str, Any]:
        """Return the content of a token that one of the keys has signed, by the key's method."""
        for key in keys:
            try:
                return jwt.decode(
                    token,
                    key,
                    algorithms=PUBLIC_KEY_METHODS if provider else [self.method],
                    audience=self.audience,
                    issuer=provider.issuer if provider else None,
                    leeway=self.leeway,
                    options={
                        "require": ["exp", "sub"] + (["aud"] if self.audience else []),
                        "enforce_minimum_key_length": True,
                    },
                )
            except jwt.InvalidSignatureError:
                if key is keys[-1]:
                    raise
        raise bad_token("its issuer or its 'kid' is unknown")


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


def user_id(subject: str, issuer: str | None = None) -> str:
    """Return a subject as part of a sender; no other subject, or issuer, has the same one.

    Letters, digits and `-._~` stay, other bytes are `=` and two hexadecimal digits, and `@` is
    between subject and issuer: the same in every URL. If that is too long for a sender, it is
    `@` and the SHA-256 of it.
    """
    parts = [subject] if issuer is None else [subject, issuer]
    name = "@".join(quote(part, safe="").replace("%", "=") for part in parts)
    fits = len(SENDER_PREFIX + name) <= LONGEST_SENDER
    return name if fits else f"@{hashlib.sha256(name.encode()).hexdigest()}"


def _claims(claims: Mapping[str, Any], token: str, leeway: float, issuer: str | None) -> Claims:
    subject, metadata = claims["sub"], claims.get("metadata", {})
    guest = None if issuer else claims.get("sender")  # a provider may mean something else by it
    if problem := sender_problem(subject):
        raise bad_token(f"'sub' {problem}")
    if guest is not None:
        if problem := sender_problem(guest):
            raise bad_token(f"'sender' {problem}")
        if guest.startswith(SENDER_PREFIX):
            raise bad_token("'sender' does not name a guest's conversation")
    if not isinstance(metadata, dict):
        raise bad_token("'metadata' is not an object")
    user = user_id(subject, issuer)
    sender, expires = guest or f"{SENDER_PREFIX}{user}", float(claims["exp"]) + leeway
    return Claims(sender, user, metadata, expires, claims, token)


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
