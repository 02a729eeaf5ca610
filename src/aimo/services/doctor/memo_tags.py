"""The index of tags names exactly the existing ones among the tags that a memo lists, all as its user's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo import ids
from aimo.db.connection import Database
from aimo.db.driver_reads import ReadConnection
from aimo.db.queries import doctor as doctor_queries
from aimo.db.queries import tags as tag_queries
from aimo.db.queries.doctor import TagList
from aimo.db.queries.tags import MemoTag
from aimo.db.transaction import atomically
from aimo.services.doctor.invariant import Scan, Violation
from aimo.services.doctor.tag_counts import recount

_BATCH = 200
_UNREADABLE = "memos.tag_ids is no list: set it to a JSON list of the ids of its tags, or to NULL"

# A row of the index beside its memo: the tag, and whose it is said to be.
Entries = set[tuple[str, str]]


class MemoTagLists:
    """Compares ``memos.tag_ids`` with ``memo_tags``; a memo that does not exist has no tags."""

    name = "memo-tags"

    def __init__(self, database: Database) -> None:
        self._database = database

    async def look(self) -> AsyncIterator[Scan]:
        """Yield all memos in the order of their ids, then what the index has of other ones."""
        after = ""
        while True:
            async with self._database.reads() as connection:
                rows = await doctor_queries.tag_lists_after(connection, after=after, limit=_BATCH)
                if not rows:
                    break
                found = await _compare(connection, [row.memo_id for row in rows], rows)
            after = rows[-1].memo_id
            yield Scan(len(rows), found)
        after = ""
        while True:
            async with self._database.reads() as connection:
                indexed = await doctor_queries.indexed_after(connection, after=after, limit=_BATCH)
                if not indexed:
                    return
                live = await doctor_queries.live_memos(connection, memo_ids=indexed)
                found = await _compare(connection, [each for each in indexed if each not in live], [])
            after = indexed[-1]
            yield Scan(0, found)

    async def again(self, suspects: Sequence[Violation]) -> list[Violation]:
        """Compare again."""
        memo_ids = [each.entity for each in suspects]
        async with self._database.reads() as connection:
            rows = await doctor_queries.tag_lists_by_id(connection, memo_ids=memo_ids)
            return await _compare(connection, memo_ids, rows)

    async def repair(self, violations: Sequence[Violation]) -> int:
        """Bring the index to what the memo lists, and the counts of the tags with it.

        Where the list cannot be read, the index is the last to know the tags, and stays.
        """
        repairable = [each for each in violations if each.problem != _UNREADABLE]
        for each in repairable:

            async def work(connection: AsyncConnection, each: Violation = each) -> None:
                await _reindex(connection, each.entity)

            await atomically(self._database, "doctor.memo_tags", work, user=each.uid, entity=each.entity)
        return len(repairable)


async def _reindex(connection: AsyncConnection, memo_id: str) -> None:
    rows = await doctor_queries.tag_list_for_update(connection, memo_id=memo_id)
    listed, carried = await _expected_and_indexed(connection, [memo_id], rows)
    wanted, found = listed.get(memo_id), carried[memo_id]
    if wanted is None:
        return
    # All that go first: an entry under another user is in the way of the right one.
    for tag_id, uid in found - wanted:
        await tag_queries.detach(connection, owner=uid, memo_id=memo_id, tag_id=tag_id)
    await tag_queries.attach(connection, [MemoTag(memo_id, tag_id, uid) for tag_id, uid in wanted - found])
    for tag_id, uid in sorted(wanted ^ found):
        await recount(connection, uid, tag_id)


async def _compare(connection: ReadConnection, memo_ids: Sequence[str], rows: Sequence[TagList]) -> list[Violation]:
    """Return what is wrong with these memos, of which ``rows`` are those that exist."""
    if not memo_ids:
        return []
    listed, carried = await _expected_and_indexed(connection, memo_ids, rows)
    owners = {row.memo_id: row.uid for row in rows}
    found = []
    for memo_id in memo_ids:
        wanted = listed.get(memo_id)
        if wanted is None:
            found.append(Violation(memo_id, owners[memo_id], _UNREADABLE))
        elif wanted != carried[memo_id]:
            missing, extra = wanted - carried[memo_id], carried[memo_id] - wanted
            evidence = " ".join(sorted(f"{tag_id}:{uid}" for tag_id, uid in missing | extra))
            problem = f"{len(missing)} tags are not indexed, {len(extra)} are indexed but not listed by its user"
            if memo_id not in owners:
                problem = f"{len(extra)} tags are indexed of a memo that does not exist"
            found.append(Violation(memo_id, owners.get(memo_id) or min(uid for _, uid in extra), problem, evidence))
    return found


async def _expected_and_indexed(
    connection: ReadConnection, memo_ids: Sequence[str], rows: Sequence[TagList]
) -> tuple[dict[str, Entries], dict[str, Entries]]:
    """By memo: what the index should have and what it has; a memo whose list cannot be read is not in the first."""
    given = {row.memo_id: _possible(row.tag_ids) for row in rows}
    everything: set[str] = set().union(*(tags for tags in given.values() if tags))
    owners = await doctor_queries.owners_of_tags(connection, tag_ids=list(everything)) if everything else {}
    listed: dict[str, Entries] = {memo_id: set() for memo_id in memo_ids}
    for row in rows:
        tags = given[row.memo_id]
        if tags is None:
            del listed[row.memo_id]
        else:
            listed[row.memo_id] = {(tag, row.uid) for tag in tags if owners.get(tag) == row.uid}
    carried: dict[str, Entries] = defaultdict(set)
    for each in await doctor_queries.carried_tags(connection, memo_ids=memo_ids):
        carried[each.memo_id].add((each.tag_id, each.uid))
    return listed, carried


def _possible(text: str | None) -> set[str] | None:
    """Return the ids of a stored list that a tag can have; None where there is something else."""
    try:
        listed = msgspec.json.decode(text) if text is not None else None
    except (msgspec.DecodeError, ValueError, TypeError):
        return None
    if listed is None:
        return set()
    if not isinstance(listed, list):
        return None
    return {each for each in listed if isinstance(each, str) and ids.is_possible(each)}
