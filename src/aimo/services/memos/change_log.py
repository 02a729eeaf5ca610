"""Numbers the changes of each user's memos (docs/contract/memos.md#changes)."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from aimo import clock
from aimo.db.connection import Database
from aimo.db.queries import memo_changes as change_queries
from aimo.db.transaction import atomically

# Rows of one INSERT.
_BATCH = 500


def new_epoch() -> str:
    """Return a text that no cursor given so far names."""
    return secrets.token_urlsafe(12)


async def record(connection: AsyncConnection, uid: str, memo_ids: Sequence[str], *, new: bool = False) -> None:
    """Note that these memos change in this transaction, at its end: others that change memos wait until it is over.

    ``new`` ones were made in it. To be called for whatever changes what a list shows of a memo, or whether it does.
    """
    if not memo_ids:
        return
    now = clock.now_ms()
    if (
        new
        and len(memo_ids) == 1
        and await change_queries.count_new(connection, owner=uid, memo_id=memo_ids[0], now=now)
    ):
        return
    version = await change_queries.count(connection, owner=uid)
    if version is None:
        await change_queries.create_counter(connection, owner=uid, epoch=new_epoch())
        version = await change_queries.count(connection, owner=uid)
        assert version is not None
    for start in range(0, len(memo_ids), _BATCH):
        batch = memo_ids[start : start + _BATCH]
        await change_queries.record(connection, owner=uid, memo_ids=batch, version=version, now=now, new=new)


async def start_again(database: Database) -> None:
    """Have every client load its memos anew: there are some whose arrival was not noted."""

    async def work(connection: AsyncConnection) -> None:
        await change_queries.start_again(connection, epoch=new_epoch())

    await atomically(database, "memo_changes.start_again", work)
