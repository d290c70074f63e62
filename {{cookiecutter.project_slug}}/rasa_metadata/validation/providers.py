"""The keys of identity providers (OpenID Connect): fetched when they are needed, and kept.

`jwt.PyJWKClient` would wait in a thread, for as long as a server sends something, whatever its
size; it knows no discovery, and has no keys while the provider is away.
"""

import asyncio
import json
import logging
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from jwt import PyJWK, PyJWKSet
from rasa.shared.exceptions import RasaException

logger = logging.getLogger(__name__)

DISCOVERY = "/.well-known/openid-configuration"
ADDRESS = re.compile(r"https?://[^\s?#]+")
LIFESPAN = 300.0  # seconds; a withdrawn key is invalid after that
UNKNOWN = 60.0  # seconds between two fetches for keys that do not exist
RETRY = 5.0  # seconds after a fetch that failed
LONGEST_FETCH = 5.0  # seconds
LARGEST = 256 * 1024  # bytes


@dataclass
class Provider:
    """The keys of one issuer by `kid`; `away` is whether the last fetch has failed.

    Without `jwks_url`, discovery finds it. `issuer` is None if `iss` is not checked.
    """

    issuer: str | None
    jwks_url: str | None = None
    keys: Mapping[str | None, PyJWK] = field(default_factory=dict, repr=False)
    away: bool = False
    due: float = 0.0  # time.monotonic(), as in `due_unknown`
    due_unknown: float = 0.0
    fetching: asyncio.Task[None] | None = None

    async def load(self, kid: str | None) -> None:
        """Fetch the keys if it is time to, or if `kid` is not one of them.

        All who wait share a fetch. For a provider that is away, nobody with a known key waits.
        """
        now, known = time.monotonic(), kid in self.keys
        if self.fetching is None and now >= self.due:
            self.fetch()
        elif self.fetching is None and not known and now >= self.due_unknown:
            self.fetch(str(kid))
        if self.fetching and not (known and self.away):
            await asyncio.wait({self.fetching})

    def fetch(self, unknown: str | None = None) -> None:
        """Begin to fetch the keys, because of a `kid` that is `unknown` or because they are due."""
        self.fetching = asyncio.create_task(self._fetch(unknown))

    async def _fetch(self, unknown: str | None) -> None:
        try:
            self.keys = await asyncio.wait_for(self._fetched(), LONGEST_FETCH)
            self.away = False
        except Exception as error:  # whatever a server may answer; the last good keys are kept
            self.away = True
            source = self.issuer or self.jwks_url
            logger.error(f"No keys from {source}: {type(error).__name__} {error}")
        now, self.fetching = time.monotonic(), None
        self.due = now + (RETRY if self.away else LIFESPAN)
        if self.away:
            self.due_unknown = self.due
        elif unknown is not None and unknown not in self.keys:
            self.due_unknown = now + UNKNOWN

    async def _fetched(self) -> Mapping[str | None, PyJWK]:
        settings: Any = {"auto_decompress": False, "headers": {"Accept-Encoding": "identity"}}
        async with aiohttp.ClientSession(trust_env=True, **settings) as session:
            url = self.jwks_url
            if self.issuer and url is None:
                found = await _json(session, self.issuer.rstrip("/") + DISCOVERY)
                url = str(found["jwks_uri"])
                if found["issuer"] != self.issuer:
                    raise ValueError(f"it calls itself {found['issuer']!r}: write that")
                if self.issuer.startswith("https:") and not url.startswith("https:"):
                    raise ValueError("its keys are not at an https address")
            found = await _json(session, str(url))
        parsed = await asyncio.to_thread(PyJWKSet.from_dict, found)
        return {key.key_id: key for key in parsed.keys if key.public_key_use in ("sig", None)}


async def _json(session: aiohttp.ClientSession, url: str) -> Any:
    body = bytearray()
    async with session.get(url, allow_redirects=False) as response:
        if response.status != 200:
            raise ValueError(f"{url} answers {response.status}")
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > LARGEST:
                raise ValueError(f"{url} sends more than {LARGEST} bytes")
    return json.loads(body)


def providers(credentials: Mapping[str, Any]) -> dict[str | None, Provider]:
    """Return the providers by issuer; that of `None` is for tokens of any.

    Raises:
        RasaException: for a setting of the wrong type, or one that others need.
    """
    issuers, url = credentials.get("jwt_issuer", []), credentials.get("jwt_jwks_url")
    issuers, kind = issuers if isinstance(issuers, list) else [issuers], credentials.get("jwt_type")
    for each in [*issuers, *([] if url is None else [url])]:
        if not (isinstance(each, str) and ADDRESS.fullmatch(each)):
            raise RasaException(f"jwt_issuer and jwt_jwks_url are addresses, not {each!r}.")
    if kind is not None and not (isinstance(kind, str) and kind and (issuers or url)):
        raise RasaException("jwt_type is a text such as at+jwt, and needs jwt_issuer.")
    if (issuers or url) and not credentials.get("jwt_audience"):
        raise RasaException(
            "jwt_audience is missing: without it, tokens for any client of the provider are valid."
        )
    return {issuer: Provider(issuer, url) for issuer in issuers or ([None] if url else [])}
