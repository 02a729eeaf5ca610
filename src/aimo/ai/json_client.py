"""Requests to the JSON interfaces of providers that have no client library."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import httpx
import msgspec

from aimo.errors import ProviderError

# More than a recognized book; whatever is longer is no answer but an attack or a mistake.
_MOST_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """What a provider answered."""

    status: int
    reason: str
    content: bytes

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        """The body as text, whatever it is."""
        return self.content.decode("utf-8", "replace")

    @property
    def json(self) -> dict[str, object]:
        """The JSON object that came; an empty one for anything else."""
        try:
            value = msgspec.json.decode(self.content)
        except (msgspec.DecodeError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}


class JsonClient:
    """A client of one provider. It keeps connections open until it is closed."""

    def __init__(
        self,
        base_url: str,
        key: str = "",
        *,
        seconds: float,
        headers: Mapping[str, str] | None = None,
        follow_redirects: bool = False,
    ) -> None:
        """``key`` is sent as bearer token; ``seconds`` bound a whole call, with all redirects that it follows."""
        authorization = {"Authorization": f"Bearer {key}"} if key else {}
        self._headers = {**(headers or {}), **authorization}
        self._base = base_url.rstrip("/")
        self._seconds = seconds
        self._follow_redirects = follow_redirects

    @cached_property
    def _client(self) -> httpx.AsyncClient:
        # Made by the first call: reading the certificates takes as long as opening a database.
        return httpx.AsyncClient(headers=self._headers, timeout=self._seconds, follow_redirects=self._follow_redirects)

    async def get(self, path: str) -> Reply:
        """GET a path below the base URL; see :meth:`send`."""
        return await self.send("GET", path)

    async def post(self, path: str, body: object, headers: Mapping[str, str] | None = None) -> Reply:
        """POST a JSON body; see :meth:`send`."""
        return await self.send("POST", path, body, headers)

    async def send(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Return one request and its answer, whatever its status.

        Raises:
            ProviderError: there is none; the text says why and holds nothing secret.
        """
        data = None if body is None else msgspec.json.encode(body)
        typed = {"Content-Type": "application/json"} if data is not None else {}
        try:
            async with asyncio.timeout(self._seconds):
                request = self._client.build_request(
                    method, self._base + path, content=data, headers={**typed, **(headers or {})}
                )
                return await self._read(await self._client.send(request, stream=True))
        except TimeoutError:
            raise ProviderError(f"no answer within {self._seconds:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ProviderError(str(error) or type(error).__name__) from None

    async def close(self) -> None:
        """Hang up."""
        if "_client" in vars(self):
            await self._client.aclose()

    @staticmethod
    async def _read(response: httpx.Response) -> Reply:
        pieces: list[bytes] = []
        try:
            async for piece in response.aiter_bytes():
                pieces.append(piece)
                if sum(map(len, pieces)) > _MOST_BYTES:
                    raise ProviderError(f"the answer is longer than {_MOST_BYTES} bytes")
        finally:
            await response.aclose()
        return Reply(response.status_code, response.reason_phrase, b"".join(pieces))
