"""The statements on memos by hand, and rows as the JSON objects of the contract."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from bench.http.floor.sql import Connection, entries

from aimo.clock import to_ms
from aimo.storage.signing import FileSigner

_MEMO = (
    "m.memo_id, m.uid, m.category_id, m.content, m.type, m.source, m.attachments, m.tag_ids, m.is_public, "
    "m.created_at, m.updated_at"
)
USER = "SELECT uid, email, nickname FROM users WHERE uid = %s"
COUNT = "SELECT count(*) FROM memos WHERE uid = %s"
PAGE = f"SELECT {_MEMO} FROM memos m WHERE uid = %s ORDER BY created_at DESC, seq DESC LIMIT %s OFFSET %s"
ONE = f"SELECT {_MEMO} FROM memos m WHERE uid = %s AND memo_id = %s"
_BY_IDS = f"SELECT {_MEMO} FROM memos m WHERE uid = %s AND memo_id IN "
_TARGETS = (
    f"SELECT {_MEMO}, r.source_memo_id, r.position FROM memo_relations r "
    "JOIN memos m ON m.memo_id = r.target_memo_id AND m.uid = %s WHERE r.uid = %s AND r.source_memo_id IN "
)
_TAGS = "SELECT tag_id, name, color, usage_count, created_at, updated_at FROM tags WHERE uid = %s AND tag_id IN "
_FILES = (
    "SELECT attachment_id, filename, path, type, size, created_at, properties FROM attachments "
    "WHERE uid = %s AND attachment_id IN "
)

Json = dict[str, Any]


def _ms(value: Any) -> int:
    return to_ms(datetime.fromisoformat(value) if isinstance(value, str) else value)


def _list(value: Any) -> list[str]:
    return msgspec.json.decode(value) if value else []


class Presenter:
    """Enriches rows with tags, files and references, a statement each for a whole page."""

    def __init__(self, signer: FileSigner, lifetime: int) -> None:
        self._signer = signer
        self._lifetime = lifetime

    async def listed(self, connection: Connection, uid: str, rows: Sequence[Any]) -> list[Json]:
        """Memos of a list, or a single one, with source and references."""
        if not rows:
            return []
        ids = [row[0] for row in rows]
        targets: dict[str, list[Any]] = {}
        found = await connection.rows(f"{_TARGETS}({entries(ids)})", (uid, uid, *ids))
        for row in sorted(found, key=lambda row: row[12]):
            targets.setdefault(row[11], []).append(row)
        tags = await self.tags(connection, uid, [tag for row in rows for tag in _list(row[7])])
        files = await self._files(connection, uid, [*rows, *found])
        memos = []
        for row in rows:
            memo = _memo(row, tags, files)
            memo["isPublic"] = bool(row[8])
            memo["source"] = row[5]
            if row[0] in targets:
                memo["relations"] = [_nested(target, files) for target in targets[row[0]]]
            memos.append(memo)
        return memos

    async def found(self, connection: Connection, uid: str, hits: dict[str, float]) -> list[Json]:
        """Memos of a search by their ids, in that order, with their scores."""
        if not hits:
            return []
        found = await connection.rows(f"{_BY_IDS}({entries(tuple(hits))})", (uid, *hits))
        known = {row[0]: row for row in found}
        rows = [known[memo_id] for memo_id in hits if memo_id in known]
        tags = await self.tags(connection, uid, [tag for row in rows for tag in _list(row[7])])
        files = await self._files(connection, uid, rows)
        return [_memo(row, tags, files) | {"relevanceScore": hits[row[0]]} for row in rows]

    async def tags(self, connection: Connection, uid: str, wanted: Iterable[str]) -> dict[str, Json]:
        """Tags by id."""
        ids = list(dict.fromkeys(wanted))
        if not ids:
            return {}
        rows = await connection.rows(f"{_TAGS}({entries(ids)})", (uid, *ids))
        return {
            row[0]: {
                "tagId": row[0],
                "name": row[1],
                "color": row[2],
                "usageCount": row[3],
                "createdAt": _ms(row[4]),
                "updatedAt": _ms(row[5]),
            }
            for row in rows
        }

    async def _files(self, connection: Connection, uid: str, memos: Sequence[Any]) -> dict[str, Json]:
        ids = list(dict.fromkeys(file for row in memos for file in _list(row[6])))
        if not ids:
            return {}
        rows = await connection.rows(f"{_FILES}({entries(ids)})", (uid, *ids))
        return {
            row[0]: {
                "attachmentId": row[0],
                "filename": row[1],
                "url": self._signer.url(row[2], self._lifetime),
                "type": row[3],
                "size": row[4],
                "createdAt": _ms(row[5]),
                "properties": msgspec.json.decode(row[6]),
            }
            for row in rows
        }


def _nested(row: Any, files: dict[str, Json]) -> Json:
    return {
        "memoId": row[0],
        "uid": row[1],
        "content": row[3],
        "type": row[4],
        "categoryId": row[2],
        "attachments": [files[file] for file in _list(row[6]) if file in files],
        "createdAt": _ms(row[9]),
        "updatedAt": _ms(row[10]),
    }


def _memo(row: Any, tags: dict[str, Json], files: dict[str, Json]) -> Json:
    memo = _nested(row, files)
    memo["tagIds"] = _list(row[7])
    memo["tags"] = [tags[tag] for tag in memo["tagIds"] if tag in tags]
    return memo
