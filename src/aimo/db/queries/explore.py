"""Queries on what surrounds the memos that answer a question."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from aimo.db.driver_reads import ReadConnection
from aimo.db.queries.relations import LinkRow
from aimo.db.schema import MemoRelations
from aimo.db.statements import in_list, owned, param
from aimo.db.typed import Query, columns_for

# More links than this say nothing more about ten memos.
_MOST = 1000
_MINE = MemoRelations.uid == param("owner")
_LINKS = select(*columns_for(LinkRow, MemoRelations)).where(_MINE).limit(_MOST)

_OUTGOING = Query(
    owned("explore.outgoing", _LINKS.where(MemoRelations.source_memo_id.in_(in_list("memo_ids")))), LinkRow
)
_INCOMING = Query(
    owned("explore.incoming", _LINKS.where(MemoRelations.target_memo_id.in_(in_list("memo_ids")))), LinkRow
)


async def outgoing_links(connection: ReadConnection, *, owner: str, memo_ids: Sequence[str]) -> list[LinkRow]:
    """Return the references that these memos make, at most 1,000."""
    return await _OUTGOING.all(connection, owner=owner, memo_ids=memo_ids)


async def incoming_links(connection: ReadConnection, *, owner: str, memo_ids: Sequence[str]) -> list[LinkRow]:
    """Return the references to these memos, at most 1,000."""
    return await _INCOMING.all(connection, owner=owner, memo_ids=memo_ids)
