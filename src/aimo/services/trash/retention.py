"""Deleting for good what has been in the trash for long enough (docs/contract/trash.md#retention)."""

from __future__ import annotations

from itertools import groupby
from typing import Final

import structlog

from aimo.db.connection import Database
from aimo.db.queries import trash as trash_queries
from aimo.db.queries import users as user_queries
from aimo.services.trash.service import TrashService
from aimo.services.trusted_clock import DAY_MS, TrustedClock

log = structlog.get_logger(__name__)

_NAME: Final = "trash-retention"
_USERS: Final = 200
_BATCH: Final = 100


class TrashRetention:
    """The nightly look for expired memos.

    Time is not trusted: a clock that is far ahead for one night must not delete everybody's trash.
    """

    def __init__(self, database: Database, trash: TrashService, *, days: int) -> None:
        """``days`` is how long memos stay in the trash; 0 keeps them for ever."""
        self._database = database
        self._trash = trash
        self._days = days
        self._clock = TrustedClock(database, _NAME)

    async def run(self) -> int:
        """Delete for good what has expired, some at a time; return how many memos that were."""
        believed = await self._clock.look() if self._days else None
        if believed is None:
            return 0
        until, deleted, after = believed.at - self._days * DAY_MS, 0, ""
        while True:
            async with self._database.driver_connection() as connection:
                uids = await user_queries.next_ids(connection, after=after, limit=_USERS)
            if not uids:
                break
            deleted += await self._delete_expired(uids, until)
            after = uids[-1]
        if deleted:
            log.info("expired memos of the trash deleted", memos=deleted, days=self._days)
        return deleted

    async def _delete_expired(self, uids: list[str], until: int) -> int:
        deleted = 0
        while True:
            async with self._database.driver_connection() as connection:
                found = await trash_queries.expired(connection, uids=uids, until=until, limit=_BATCH)
            if not found:
                return deleted
            gone = 0
            for uid, memos in groupby(sorted(found), key=lambda each: each.uid):
                gone += await self._trash.delete_listed(uid, [each.memo_id for each in memos], until=until)
            if not gone:
                # Restored meanwhile, or it would be asked for for ever.
                return deleted
            deleted += gone
