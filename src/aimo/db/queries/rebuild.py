"""Queries of a rebuild: it goes through the memos and attachments of all users in the order of their ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import func, select

from aimo.db.driver_reads import ReadConnection
from aimo.db.queries.live import LIVE
from aimo.db.schema import Attachments, Memos
from aimo.db.statements import in_list, unscoped
from aimo.db.typed import Query, Scalar, following

_REBUILD = "rebuilding re-creates the vectors of all users"


class Entity(NamedTuple):
    """A memo or an attachment."""

    entity_id: str
    uid: str


_COUNT_MEMOS = Scalar[int](
    unscoped("rebuild.count_memos", select(func.count()).select_from(Memos).where(LIVE), reason=_REBUILD)
)
_NEXT_MEMOS = Query(
    unscoped(
        "rebuild.next_memos",
        following(Memos.memo_id, Memos.memo_id.label("entity_id"), Memos.uid).where(LIVE),
        reason=_REBUILD,
    ),
    Entity,
)
_NEXT_ATTACHMENTS = Query(
    unscoped(
        "rebuild.next_attachments",
        following(Attachments.attachment_id, Attachments.attachment_id.label("entity_id"), Attachments.uid),
        reason=_REBUILD,
    ),
    Entity,
)
_LIVE_MEMO_IDS = Scalar[str](
    unscoped(
        "rebuild.live_memos",
        select(Memos.memo_id).where(Memos.memo_id.in_(in_list("memo_ids")), LIVE),
        reason="the sweep removes rows of LanceDB whose memo is gone or in the trash, whoever owned it",
    )
)


async def count_memos(connection: ReadConnection) -> int:
    """Count the live memos of all users."""
    return await _COUNT_MEMOS.one(connection)


async def next_memos(connection: ReadConnection, *, after: str, limit: int) -> list[Entity]:
    """Return the next live memos behind an id."""
    return await _NEXT_MEMOS.all(connection, after=after, limit=limit)


async def next_attachments(connection: ReadConnection, *, after: str, limit: int) -> list[Entity]:
    """Return the next attachments behind an id."""
    return await _NEXT_ATTACHMENTS.all(connection, after=after, limit=limit)


async def live_memo_ids(connection: ReadConnection, *, memo_ids: Sequence[str]) -> set[str]:
    """Return those of these ids that live memos have."""
    return set(await _LIVE_MEMO_IDS.all(connection, memo_ids=memo_ids))
