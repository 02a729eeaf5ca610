"""An attachment's row and its stored object exist together; no stored object belongs to nobody."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence

from aimo import clock
from aimo.db.connection import Database
from aimo.db.queries import doctor as sql
from aimo.services.doctor.invariant import Looked, Violation
from aimo.storage.protocol import Storage

_BATCH = 500
# An upload stores its object before its row.
_YOUNG_SECONDS = 3600
# Only what has the form of a key made by AIMO can be a stray: folders are shared with other things.
_ATTACHMENT = re.compile(r"(?P<uid>[A-Za-z0-9_-]+)/\d{4}-\d\d-\d\d/[^/]+")
_AVATAR = re.compile(r"avatar/(?P<uid>[A-Za-z0-9_-]+)/\d{4}-\d\d-\d\d/[^/]+")


class AttachmentFiles:
    """Every row of an attachment has its object. What is lost cannot be mended: a backup may have it."""

    name = "attachment-files"

    def __init__(self, database: Database, storage: Storage) -> None:
        self._database = database
        self._storage = storage

    async def look(self) -> AsyncIterator[Looked]:
        """All attachments in the order of their ids."""
        after = ""
        while True:
            async with self._database.reads() as connection:
                rows = (await connection.execute(sql.ATTACHMENTS, {"after": after, "limit": _BATCH})).all()
            if not rows:
                return
            after = rows[-1].attachment_id
            keys = [(row.attachment_id, row.uid, row.path) for row in rows]
            yield Looked(len(rows), await self._missing(keys))

    async def again(self, suspects: Sequence[Violation]) -> list[Violation]:
        """Those that still have a row and no object."""
        async with self._database.reads() as connection:
            ids = [each.entity for each in suspects]
            rows = (await connection.execute(sql.ATTACHMENTS_BY_ID, {"attachment_ids": ids})).all()
        return await self._missing([(row.attachment_id, row.uid, row.path) for row in rows])

    async def repair(self, violations: Sequence[Violation]) -> int:
        """Nothing can bring bytes back, and a row without them still tells what was there."""
        return 0

    async def _missing(self, keys: Sequence[tuple[str, str, str]]) -> list[Violation]:
        return [
            Violation(attachment_id, uid, "its stored object is missing")
            for attachment_id, uid, key in keys
            if not await self._storage.exists(key)
        ]


class StrayFiles:
    """Every stored object older than an hour is named by the row of an attachment or is its user's picture."""

    name = "stray-files"

    def __init__(self, database: Database, storage: Storage) -> None:
        self._database = database
        self._storage = storage

    async def look(self) -> AsyncIterator[Looked]:
        """All stored objects."""
        horizon = clock.now_ms() / 1000 - _YOUNG_SECONDS
        async for batch in self._storage.listing(_BATCH):
            yield Looked(len(batch), await self._unnamed([key for key, stored in batch if stored < horizon]))

    async def again(self, suspects: Sequence[Violation]) -> list[Violation]:
        """Those that still exist and that nothing names."""
        keys = [each.entity for each in suspects if await self._storage.exists(each.entity)]
        return await self._unnamed(keys)

    async def repair(self, violations: Sequence[Violation]) -> int:
        """Remove them: nobody can reach them any more."""
        for each in violations:
            await self._storage.delete(each.entity)
        return len(violations)

    async def _unnamed(self, keys: Sequence[str]) -> list[Violation]:
        attachments: dict[str, list[str]] = defaultdict(list)
        avatars: dict[str, list[str]] = defaultdict(list)
        for key in keys:
            if match := _AVATAR.fullmatch(key):
                avatars[match["uid"]].append(key)
            elif match := _ATTACHMENT.fullmatch(key):
                attachments[match["uid"]].append(key)
        named: set[str] = set()
        async with self._database.reads() as connection:
            for uid, mine in attachments.items():
                named.update(await connection.scalars(sql.PATHS, {"owner": uid, "paths": mine}))
            for uid in avatars:
                named.add(await connection.scalar(sql.AVATAR, {"owner": uid}) or "")
        strays = [(uid, key) for group in (attachments, avatars) for uid, mine in group.items() for key in mine]
        return [Violation(key, uid, "a stored object of nobody") for uid, key in strays if key not in named]
