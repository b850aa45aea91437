"""The keys with which Microsoft signs what it sends, kept fresh without holding anything up.

The library's own cache fetches on the event loop, and never asks again for a key it has not seen: after a change of keys it
would turn Teams away for up to a day.
"""

import asyncio
import logging
from dataclasses import dataclass
from math import inf
from time import monotonic
from typing import Any, Final

from aiohttp import ClientError, ClientSession, ClientTimeout
from botframework.connector.auth.jwt_token_extractor import JwtTokenExtractor
from jwt import PyJWK, PyJWKError

log = logging.getLogger("esafety.teams")

_FRESH_SECONDS: Final = 6 * 3600.0
_NONE_YET_SECONDS: Final = 0.0
_TIMEOUT: Final = ClientTimeout(total=8)
_ASK_AGAIN_SECONDS: Final = 60.0
"""How long no key is asked for again that nobody knows: whoever sends rubbish must not make the bot ask each time."""


class KeysUnreachableError(Exception):
    """Microsoft's keys cannot be fetched, so that nothing can be said of any token."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key, and the channels that may use it."""

    public_key: Any
    endorsements: tuple[str, ...]


class KeyRing:
    """The keys of one issuer."""

    def __init__(self, session: ClientSession, metadata_url: str) -> None:
        self._session = session
        self._metadata_url = metadata_url
        self._keys: dict[str, SigningKey] = {}
        self._fetched_at = -inf
        self._tried_at = -inf
        self._asking = asyncio.Lock()

    def use(self) -> None:
        """Puts this ring in the place of the library's own cache."""
        JwtTokenExtractor.metadataCache[self._metadata_url] = self

    async def get(self, key_id: str | None) -> SigningKey:
        """The key of that id.

        Raises:
            PermissionError: there is no such key.
            KeysUnreachableError: the keys were never fetched and cannot be.
        """
        async with self._asking:
            now = monotonic()
            stale = now - self._fetched_at > _FRESH_SECONDS
            wait = _ASK_AGAIN_SECONDS if self._keys else _NONE_YET_SECONDS
            if (stale or key_id not in self._keys) and now - self._tried_at > wait:
                self._tried_at = now
                await self._fetch()
        if not self._keys:
            raise KeysUnreachableError
        key = self._keys.get(key_id or "")
        if key is None:
            raise PermissionError("signed with a key that nobody knows")
        return key

    async def _fetch(self) -> None:
        try:
            async with self._session.get(self._metadata_url, timeout=_TIMEOUT) as response:
                response.raise_for_status()
                keys_url = (await response.json(content_type=None))["jwks_uri"]
            async with self._session.get(keys_url, timeout=_TIMEOUT) as response:
                response.raise_for_status()
                found = (await response.json(content_type=None))["keys"]
        except (ClientError, TimeoutError, OSError, ValueError, KeyError, TypeError) as trouble:
            log.warning("Microsoft's keys could not be fetched: %s", type(trouble).__name__)
            return
        # Never put nothing in the place of what is known.
        self._keys = {key["kid"]: read for key in found if "kid" in key and (read := _read(key)) is not None} or self._keys
        self._fetched_at = monotonic()


def _read(key: dict[str, Any]) -> SigningKey | None:
    try:
        return SigningKey(PyJWK(key, algorithm="RS256").key, tuple(key.get("endorsements") or ()))
    except (PyJWKError, ValueError, TypeError):
        return None
