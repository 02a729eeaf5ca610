"""The floor: the measured routes as one function on the raw drivers, with no framework in between."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import jwt
import msgspec
from bench.http.floor import memos as sql
from bench.http.floor.lance import Lance
from bench.http.floor.memos import Json, Presenter
from bench.http.floor.sql import Pool, entries, open_pool

from aimo import clock, config, ids
from aimo.ai.local_embedder import LocalEmbedder
from aimo.services.search import hybrid_ranking as fusion
from aimo.services.search.snippets import snippet
from aimo.storage.signing import FileSigner

_DEPTH = 1000
_PREFIX = "/api/v1/memos"
_HEADERS = [(b"content-type", b"application/json; charset=utf-8")]
_MEMO_COLUMNS = (
    "memo_id, uid, category_id, content, type, source, attachments, tag_ids, is_public, seq, created_at, updated_at"
)
_INSERT_MEMO = f"INSERT INTO memos ({_MEMO_COLUMNS}) VALUES ({entries([None] * 12)})"
_INSERT_TAG = "INSERT INTO memo_tags (memo_id, tag_id, uid) VALUES (%s, %s, %s)"
_COUNT_UP = "UPDATE tags SET usage_count = usage_count + 1 WHERE uid = %s AND tag_id = %s"
_INSERT_ENTRY = (
    "INSERT INTO outbox_entries (kind, entity_id, uid, attempts, created_at, next_try_at) "
    "VALUES ('memo', %s, %s, 0, %s, %s)"
)
_DELETE_ENTRY = "DELETE FROM outbox_entries WHERE entry_id = %s"


class _Search(msgspec.Struct):
    query: str
    page: int
    limit: int


class _New(msgspec.Struct, rename="camel"):
    content: str
    tag_ids: list[str]


class Floor:
    """The ASGI application."""

    def __init__(self, settings: config.Settings) -> None:
        self._settings = settings
        self._secret = settings.jwt_secret.get_secret_value()
        self._users: dict[bytes, str] = {}
        self._routes: dict[str, Callable[[str, Any], Awaitable[Any]]] = {
            f"GET {_PREFIX}": self._list,
            f"POST {_PREFIX}": self._create,
            f"POST {_PREFIX}/search/vector": self._by_meaning,
            f"POST {_PREFIX}/search": self._hybrid,
        }
        self._pool: Pool
        self._lance: Lance
        self._presenter: Presenter

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve a request, or the start and end of the process."""
        if scope["type"] != "http":
            await self._live(receive, send)
            return
        if scope["path"] == "/healthz":
            await _answer(send, b"{}")
            return
        uid = await self._authenticate(scope)
        route = self._routes.get(f"{scope['method']} {scope['path']}")
        if route is None:
            data = await self._get(uid, scope["path"].rpartition("/")[2])
        elif scope["method"] == "GET":
            data = await route(uid, scope["query_string"])
        else:
            data = await route(uid, (await receive())["body"])
        await _answer(send, msgspec.json.encode({"code": 0, "msg": "操作成功", "data": data}))

    async def _live(self, receive: Any, send: Any) -> None:
        await receive()
        self._pool = await open_pool(self._settings)
        self._lance = await Lance.open(self._settings)
        self._presenter = Presenter(FileSigner(self._secret), self._settings.attachment_presigned_url_expiry)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def _authenticate(self, scope: Any) -> str:
        token = next(value for name, value in scope["headers"] if name == b"authorization").removeprefix(b"Bearer ")
        if token not in self._users:
            self._users[token] = jwt.decode(token, self._secret, algorithms=["HS256"])["uid"]
        async with self._pool.connection() as connection:
            [user] = await connection.rows(sql.USER, (self._users[token],))
        return str(user[0])

    async def _list(self, uid: str, query: bytes) -> Json:
        given = dict(part.split("=") for part in query.decode().split("&"))
        page, limit = int(given["page"]), int(given["limit"])
        async with self._pool.connection() as connection:
            [(total,)] = await connection.rows(sql.COUNT, (uid,))
            rows = await connection.rows(sql.PAGE, (uid, limit, (page - 1) * limit))
            items = await self._presenter.listed(connection, uid, rows)
        return _page(items, total, page, limit)

    async def _get(self, uid: str, memo_id: str) -> Json:
        async with self._pool.connection() as connection:
            rows = await connection.rows(sql.ONE, (uid, memo_id))
            return (await self._presenter.listed(connection, uid, rows))[0]

    async def _by_meaning(self, uid: str, body: bytes) -> Json:
        asked = msgspec.json.decode(body, type=_Search)
        vector = await self._lance.vector(asked.query)
        total = await self._lance.count(uid)
        hits = await self._lance.nearest(uid, vector, min(asked.page * asked.limit, total))
        async with self._pool.connection() as connection:
            items = await self._presenter.found(connection, uid, hits)
        return _page(items, total, asked.page, asked.limit)

    async def _hybrid(self, uid: str, body: bytes) -> Json:
        asked = msgspec.json.decode(body, type=_Search)
        vector = await self._lance.vector(asked.query)
        near, literal = await asyncio.gather(
            self._lance.nearest(uid, vector, _DEPTH), self._lance.containing(uid, fusion.lookups(asked.query))
        )
        partial = await self._lance.ranked(uid, asked.query, 100) if len(near) < _DEPTH else []
        matches = fusion.fuse(list(near.items()), literal, partial, relevant=LocalEmbedder.relevant)
        page = matches[(asked.page - 1) * asked.limit : asked.page * asked.limit]
        async with self._pool.connection() as connection:
            hits = {match.id: near.get(match.id, 0.0) for match in page}
            items = await self._presenter.found(connection, uid, hits)
        terms = fusion.query_terms(asked.query)
        ways = {match.id: match.matched_by for match in page}
        for memo in items:
            way = ways[memo["memoId"]]
            memo["matchedBy"] = ["semantic", "text"] if way == "both" else [way]
            memo["snippet"] = snippet(memo["content"], terms)
        return _page(items, len(matches), asked.page, asked.limit) | {"degraded": False}

    async def _create(self, uid: str, body: bytes) -> Json:
        new = msgspec.json.decode(body, type=_New)
        vector = await self._lance.vector(new.content)
        memo_id, now = ids.memo_id(), clock.now_ms()
        moment = clock.to_datetime(now).isoformat(" ", "milliseconds")
        later = clock.to_datetime(now + 60_000).isoformat(" ", "milliseconds")
        tag_ids = msgspec.json.encode(new.tag_ids).decode()
        row = (memo_id, uid, None, new.content, "text", None, None, tag_ids, False, clock.next_sequence())
        async with self._pool.transaction() as connection:
            for tag_id in sorted(new.tag_ids):
                await connection.run(_COUNT_UP, (uid, tag_id))
            await connection.run(_INSERT_MEMO, (*row, moment, moment))
            for tag_id in new.tag_ids:
                await connection.run(_INSERT_TAG, (memo_id, tag_id, uid))
            tags = await self._presenter.tags(connection, uid, new.tag_ids)
            entry = await connection.run(_INSERT_ENTRY, (memo_id, uid, moment, later))
        await self._lance.write(memo_id, uid, new.content, vector)
        async with self._pool.connection() as connection:
            await connection.run(_DELETE_ENTRY, (entry,))
        memo = {
            "memoId": memo_id,
            "uid": uid,
            "content": new.content,
            "type": "text",
            "attachments": [],
            "createdAt": now,
            "updatedAt": now,
            "tags": [tags[tag_id] for tag_id in new.tag_ids],
            "isPublic": False,
        }
        return {"message": "Memo created successfully", "memo": memo}


async def _answer(send: Any, body: bytes) -> None:
    headers = [*_HEADERS, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _page(items: list[Json], total: int, page: int, limit: int) -> Json:
    pagination = {"total": total, "page": page, "limit": limit, "totalPages": -(-total // limit)}
    return {"items": items, "pagination": pagination}


def create() -> Floor:
    """The application of this process, from the same environment as AIMO's."""
    return Floor(config.load())
