"""Fills both stores directly, where thousands of memos over HTTP would take too long."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import insert

from aimo import ids
from aimo.config import Settings
from aimo.db.connection import Database
from aimo.db.migrate import migrate
from aimo.db.schema import Attachments, Categories, MemoRelations, Memos, MemoTags, Model, PushRules, Tags, Users
from aimo.services.accounts.tokens import Tokens
from aimo.services.memos.name_keys import name_key
from aimo.vectors.store import VectorStore

SECRET = "a secret of the tests, long enough"
Row = dict[str, Any]

_ORDER: tuple[type[Model], ...] = (Users, Categories, Tags, Memos, MemoTags, MemoRelations, Attachments, PushRules)
_CHUNK = 2000


class Plot:
    """What is to be planted, row by row; `plant` puts it into the stores of the settings.

    A server started with `JWT_SECRET=SECRET` accepts the tokens of `token(uid)`.
    """

    def __init__(self) -> None:
        self.rows: dict[type[Model], list[Row]] = {table: [] for table in _ORDER}
        self.vectors: dict[str, Any] = {}
        self._seq = 0

    def user(self) -> str:
        """Add a user who cannot log in, and give the id."""
        uid = ids.user_id()
        self._add(Users, uid=uid, email=f"{uid}@example.test", email_key=f"{uid}@example.test", password="-", salt="-")
        return uid

    def category(self, uid: str, name: str) -> str:
        """Add a category and give its id."""
        category_id = ids.category_id()
        self._add(Categories, category_id=category_id, uid=uid, name=name, name_key=name_key(name), seq=self._next())
        return category_id

    def tag(self, uid: str, name: str) -> str:
        """Add a tag and give its id."""
        tag_id = ids.tag_id()
        row = {"tag_id": tag_id, "uid": uid, "name": name, "name_key": name_key(name), "usage_count": 0}
        self._add(Tags, **row, seq=self._next())
        return tag_id

    def attachment(self, uid: str) -> str:
        """Add the row of a stored file, without the file, and give its id."""
        attachment_id = ids.attachment_id()
        row = {"filename": "a.png", "type": "image/png", "size": 9, "storage_type": "local"}
        path = f"{uid}/2026-01-01/{attachment_id}.png"
        self._add(Attachments, attachment_id=attachment_id, uid=uid, path=path, seq=self._next(), created_at=0, **row)
        return attachment_id

    def memo(
        self,
        uid: str,
        content: str,
        vector: Any = None,
        *,
        category_id: str | None = None,
        tag_ids: Sequence[str] = (),
        attachments: Sequence[str] = (),
        created_at: int = 1_700_000_000_000,
        public: bool = False,
    ) -> str:
        """Add a memo, with its vector if it shall be found by meaning, and give its id."""
        memo_id = ids.memo_id()
        self._add(
            Memos,
            memo_id=memo_id,
            uid=uid,
            content=content,
            category_id=category_id,
            tag_ids=list(tag_ids) or None,
            attachments=list(attachments) or None,
            is_public=public,
            seq=self._next(),
            created_at=created_at,
            updated_at=created_at,
        )
        for tag_id in tag_ids:
            self._add(MemoTags, memo_id=memo_id, tag_id=tag_id, uid=uid)
        if vector is not None:
            self.vectors[memo_id] = vector
        return memo_id

    def relation(self, uid: str, source: str, target: str) -> None:
        """Add a reference from one memo to another."""
        row = {"relation_id": ids.relation_id(), "uid": uid, "position": 0, "seq": self._next(), "created_at": 0}
        self._add(MemoRelations, source_memo_id=source, target_memo_id=target, **row)

    def push_rule(self, uid: str, name: str, hour: int, channels: Sequence[Mapping[str, str]]) -> None:
        """Add a rule that pushes the day's memos at a local hour."""
        row = {"push_time": hour, "content_type": "daily_memos", "channels": list(channels)}
        self._add(PushRules, id=ids.push_rule_id(), uid=uid, name=name, seq=self._next(), **row)

    async def plant(self, settings: Settings, *, model: str, dimension: int) -> None:
        """Write everything to the database, which is migrated where it must be, and to LanceDB. No server may run."""
        await self.plant_rows(settings)
        store = await VectorStore.open(settings.lancedb_uri, model=model, dimension=dimension)
        try:
            await store.raise_fence()
            memos = self.rows[Memos]
            for chunk in _chunks(memos):
                await store.memo_texts.upsert([(row["memo_id"], row["uid"], row["content"]) for row in chunk])
            embedded = [row for row in memos if row["memo_id"] in self.vectors]
            for chunk in _chunks(embedded):
                vectors = np.stack([self.vectors[row["memo_id"]] for row in chunk])
                owners = [row["uid"] for row in chunk]
                await store.memo_vectors.upsert_arrays([row["memo_id"] for row in chunk], owners, vectors)
            await store.optimize()
        finally:
            await store.close()

    async def plant_rows(self, settings: Settings) -> None:
        """Write everything to the database, and nothing to LanceDB."""
        counts: dict[str, int] = {}
        for row in self.rows[MemoTags]:
            counts[row["tag_id"]] = counts.get(row["tag_id"], 0) + 1
        for row in self.rows[Tags]:
            row["usage_count"] = counts.get(row["tag_id"], 0)
        database = await Database.open(settings)
        try:
            await migrate(database)
            await _insert(database, self.rows)
        finally:
            await database.close()

    def _add(self, table: type[Model], **row: Any) -> None:
        self.rows[table].append(row)

    def _next(self) -> int:
        self._seq += 1
        return self._seq


def token(uid: str) -> str:
    """A login token of a server whose `JWT_SECRET` is `SECRET`."""
    return Tokens(SECRET).issue(uid)


async def _insert(database: Database, rows: Mapping[type[Model], list[Row]]) -> None:
    async with database.engine.connect() as connection:
        await connection.exec_driver_sql("BEGIN" if database.is_sqlite else "START TRANSACTION")
        for table in _ORDER:
            for chunk in _chunks(rows[table]):
                await connection.execute(insert(table), chunk)
        await connection.exec_driver_sql("COMMIT")


def _chunks(rows: list[Row]) -> Iterable[list[Row]]:
    return (rows[start : start + _CHUNK] for start in range(0, len(rows), _CHUNK))
