"""A small real Litestar API inside the real layers, for a real Granian: ``edge_app:app``."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any, cast

import msgspec
from litestar import Litestar, Request, Response, get, post, put
from litestar.types import ASGIApp

from aimo.errors import AimoError
from aimo.http.asgi_types import App, Receive, Scope, Send, header
from aimo.http.edge.middleware import UPLOAD_PATHS, build_middleware
from aimo.http.edge.route_table import RouteTable
from aimo.http.input.multipart import receive_upload
from aimo.http.input.senders import Senders
from aimo.http.input.text_validation import require_usable_body
from aimo.http.output.plain_responses import send_bytes
from aimo.storage.local import LocalStorage
from aimo.storage.signing import FileSigner

FOLDER = Path(os.environ["EDGE_FOLDER"])
MAX_FILE = 1_048_576
signer = FileSigner("edge secret")
storage = LocalStorage(FOLDER / "files", signer)

AnyRequest = Request[Any, Any, Any]


@get("/api/v1/memos/{memo_id:str}")
async def one_memo(memo_id: str) -> dict[str, str]:
    return {"memoId": memo_id}


@get("/api/v1/slow")
async def slow() -> dict[str, str]:
    await asyncio.sleep(0.2)
    return {}


@post("/api/v1/memos", status_code=200)
async def create(request: AnyRequest) -> dict[str, Any]:
    require_usable_body(cast(Scope, request.scope))
    return {"code": 0, "data": msgspec.json.decode(await request.body())}


@put("/api/v1/broken")
async def broken() -> None:
    raise RuntimeError("a private detail")


@post(list(UPLOAD_PATHS), status_code=200)
async def upload(request: AnyRequest) -> dict[str, Any]:
    scope, receive = cast(Scope, request.scope), cast(Receive, request.receive)
    async with receive_upload(scope, receive, field="file", max_size=MAX_FILE, folder=storage.scratch) as got:
        key = f"u1/2026-01-31/{got.size}.{got.filename.rpartition('.')[2]}"
        await storage.put(key, got.path, got.content_type)
        return {"code": 0, "size": got.size, "fields": got.fields, "url": storage.url(key, lifetime=3600)}


def as_envelope(_: AnyRequest, error: AimoError) -> Response[dict[str, Any]]:
    return Response({"code": int(error.code), "msg": error.message, "data": None}, status_code=200)


def let_through(_: AnyRequest, error: Exception) -> Response[Any]:
    raise error


class Token:
    """Everything under /api wants a token."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].startswith("/api") and header(scope, b"authorization") != b"Bearer good":
            await send_bytes(send, 401, b"application/json", b'{"success":false,"message":"Authentication required"}')
            return
        scope["verified"] = "u1" if header(scope, b"authorization") else None
        await self._app(scope, receive, send)


api = Litestar(
    [one_memo, slow, create, broken, upload],
    exception_handlers={AimoError: as_envelope, Exception: let_through},
    on_startup=[storage.prepare],
    openapi_config=None,
    request_max_body_size=None,
)
app = build_middleware(
    cast(App, cast(ASGIApp, api)),
    routes=RouteTable.of(api),
    authentication=Token,
    storage=storage,
    signer=signer,
    max_body_size=200_000,
    senders=Senders(),
    https=False,
    web_folder=FOLDER / "web" if (FOLDER / "web").exists() else None,
)
