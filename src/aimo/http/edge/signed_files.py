"""``GET /files/{key}?exp=…&sig=…``: stored files by signed address, no token needed.

See docs/contract/files.md#signed-files.
"""

from __future__ import annotations

from urllib.parse import parse_qsl

from aimo import clock
from aimo.http.asgi_types import App, Headers, Receive, Scope, Send
from aimo.http.output.plain_responses import send_error
from aimo.http.output.send_content import send_content
from aimo.storage.protocol import ObjectMissingError, Storage, StoredObject
from aimo.storage.serving_headers import beginning_of, serving_headers
from aimo.storage.signing import FileSigner

PREFIX = "/files/"
_LONGEST_QUERY = 512


class SignedFiles:
    """Serves stored files before anything else is asked.

    403 for a signature that is bad or has expired, 404 for a file that is gone. Ranges
    work, so that videos can be sought. The bytes of a key never change, so browsers may
    keep them as long as the address lives; and any site may embed them, because whoever
    has the address may see the file.
    """

    def __init__(self, app: App, *, storage: Storage, signer: FileSigner) -> None:
        self._app = app
        self._storage = storage
        self._signer = signer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        path: str = scope["path"]
        if not path.startswith(PREFIX) or scope["method"] not in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        key = path.removeprefix(PREFIX)
        expires = self._allowed_until(key, scope["query_string"])
        if expires is None:
            await send_error(send, 403, "This address is not valid or has expired")
            return
        try:
            stored = await self._storage.open(key)
        except ObjectMissingError:
            await send_error(send, 404, "There is no such file")
            return
        async with stored:
            await send_content(stored, await _headers(key, expires, stored), scope, receive, send)

    def _allowed_until(self, key: str, query: bytes) -> int | None:
        given = dict(parse_qsl(query.decode("latin-1"))) if len(query) <= _LONGEST_QUERY else {}
        expires, signature = given.get("exp", ""), given.get("sig", "")
        return int(expires) if self._signer.allows(key, expires, signature) else None


async def _headers(key: str, expires: int, stored: StoredObject) -> Headers:
    served = serving_headers(key, await beginning_of(stored))
    fresh = max(0, expires - clock.now_ms() // 1000)
    return [
        (b"content-type", served.content_type.encode()),
        (b"content-disposition", served.disposition.encode()),
        (b"content-security-policy", served.policy.encode()),
        (b"cross-origin-resource-policy", b"cross-origin"),
        (b"cache-control", b"private, max-age=%d, immutable" % fresh),
    ]
