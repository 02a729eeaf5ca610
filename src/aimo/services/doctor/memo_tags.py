"""The index of tags names exactly the existing ones among the tags that a memo lists."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from aimo import ids
from aimo.db.connection import Database
from aimo.db.queries import doctor as sql
from aimo.db.queries import memos as memo_sql
from aimo.db.queries import tags as tag_sql
from aimo.db.transaction import atomically
from aimo.services.doctor.invariant import Looked, Violation
from aimo.services.doctor.tag_counts import recount

_BATCH = 200


class MemoTags:
    """Compares ``memos.tag_ids`` with ``memo_tags``."""

    name = "memo-tags"

    def __init__(self, database: Database) -> None:
        self._database = database

    async def look(self) -> AsyncIterator[Looked]:
        """All memos in the order of their ids."""
        after = ""
        while True:
            async with self._database.reads() as connection:
                rows = (await connection.execute(sql.MEMOS, {"after": after, "limit": _BATCH})).all()
                if not rows:
                    return
                found = await _compare(connection, rows)
            after = rows[-1].memo_id
            yield Looked(len(rows), found)

    async def again(self, suspects: Sequence[Violation]) -> list[Violation]:
        """Compare again."""
        async with self._database.reads() as connection:
            memo_ids = [each.entity for each in suspects]
            rows = (await connection.execute(sql.MEMOS_BY_ID, {"memo_ids": memo_ids})).all()
            return await _compare(connection, rows) if rows else []

    async def repair(self, violations: Sequence[Violation]) -> int:
        """Bring the index to what the memo lists, and the counts of the tags with it."""
        for each in violations:

            async def work(connection: AsyncConnection, each: Violation = each) -> None:
                await _reindex(connection, each.uid, each.entity)

            await atomically(self._database, "doctor.memo_tags", work, user=each.uid, entity=each.entity)
        return len(violations)


async def _reindex(connection: AsyncConnection, uid: str, memo_id: str) -> None:
    row = (await connection.execute(memo_sql.FOR_UPDATE, {"owner": uid, "id": memo_id})).first()
    if row is None:
        return
    listed, carried = await _both(connection, [row])
    wrong = listed[memo_id] ^ carried[memo_id]
    for tag_id in carried[memo_id] - listed[memo_id]:
        await connection.execute(tag_sql.DETACH, {"owner": uid, "memo_id": memo_id, "tag_id": tag_id})
    rows = [{"uid": uid, "memo_id": memo_id, "tag_id": tag_id} for tag_id in listed[memo_id] - carried[memo_id]]
    if rows:
        await connection.execute(tag_sql.ATTACH, rows)
    for tag_id in sorted(wrong):
        await recount(connection, uid, tag_id)


async def _compare(connection: AsyncConnection, rows: Sequence[Any]) -> list[Violation]:
    listed, carried = await _both(connection, rows)
    found = []
    for row in rows:
        missing, extra = listed[row.memo_id] - carried[row.memo_id], carried[row.memo_id] - listed[row.memo_id]
        if missing or extra:
            problem = f"{len(missing)} tags are not indexed, {len(extra)} are indexed but not listed"
            found.append(Violation(row.memo_id, row.uid, problem, " ".join(sorted(missing | extra))))
    return found


async def _both(connection: AsyncConnection, rows: Sequence[Any]) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """By memo: the tags of its list that exist and are its user's, and those of the index."""
    given = {row.memo_id: _possible(row.tag_ids) for row in rows}
    everything = set().union(*given.values())
    owners = {}
    if everything:
        found = await connection.execute(sql.OWNERS_OF_TAGS, {"tag_ids": list(everything)})
        owners = {tag.tag_id: tag.uid for tag in found}
    listed = {row.memo_id: {tag for tag in given[row.memo_id] if owners.get(tag) == row.uid} for row in rows}
    carried: dict[str, set[str]] = defaultdict(set)
    for each in await connection.execute(sql.CARRIED, {"memo_ids": list(given)}):
        carried[each.memo_id].add(each.tag_id)
    return listed, carried


def _possible(tag_ids: Any) -> set[str]:
    """The ids of a stored list that a tag can have."""
    return {each for each in tag_ids if isinstance(each, str) and ids.is_possible(each)} if tag_ids else set()
