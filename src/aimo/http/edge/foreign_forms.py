"""What a plain HTML form can send is refused from a foreign page (docs/contract/bodies.md).

Browsers ask nobody before they send a form, so that any page could log somebody into a stranger's account.
"""

from __future__ import annotations

import msgspec

from aimo.dto.base import Envelope
from aimo.errors import Code
from aimo.http.asgi_types import App, Receive, Scope, Send, header
from aimo.http.input.senders import sender_of
from aimo.http.output.plain_responses import JSON, send_bytes

_FORMS = (b"application/x-www-form-urlencoded", b"text/plain", b"multipart/")
_HARMLESS = frozenset({"GET", "HEAD", "OPTIONS"})
_REFUSAL = (
    "Forms from another site are not accepted. If this is the server's own page, set PUBLIC_URL to its address, "
    "or list its origin in CORS_ORIGIN."
)


class ForeignForms:
    """Answers 403 before anything of the body is read.

    A request with an ``Authorization`` header is no form's: only a script that was allowed to can add one.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        if scope["method"] in _HARMLESS or not _is_form(scope) or sender_of(scope).trusted:
            await self._app(scope, receive, send)
            return
        if header(scope, b"authorization"):
            await self._app(scope, receive, send)
            return
        await send_bytes(send, 403, JSON, msgspec.json.encode(Envelope(Code.FORBIDDEN, _REFUSAL, None)))


def _is_form(scope: Scope) -> bool:
    kinds = [value.strip().lower() for name, value in scope["headers"] if name == b"content-type"]
    return any(kind.startswith(_FORMS) for kind in kinds)
