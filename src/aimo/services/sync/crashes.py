"""Finds the outbox entries that kill the process which applies them, and sets them aside.

Before an old entry is applied, its row says so; a row that still says so when another process takes over was being
applied when the former one died. Such a suspect is from then on applied alone, so that nothing else is
counted with it, and at the third time it is not applied any more.

New entries leave no such trace, because the requests that wrote them wait for them. One that kills the process is
an old entry at the next start.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import structlog

from aimo import clock
from aimo.db.connection import Database
from aimo.db.queries import outbox as outbox_queries
from aimo.db.queries.outbox import MOST_CRASHES, SET_ASIDE_UNTIL, OutboxEntry, StartedEntry

log = structlog.get_logger(__name__)

# By the number of crashes: innocent suspects, and everything else, should be applied before the process dies again.
_RETRY_WAITS_MS = (500, 2000)
_CHUNK = 1000


class CrashRecord:
    """What the writer process knows about entries and crashes. Only the holder of the writer lease may use it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._newest_old_entry = 0
        self._set_aside: dict[str, list[int]] = {}
        # What this process has left a trace of. It is alive, so a trace that it could not remove tells of no crash.
        self._own_traces: set[int] = set()
        self._turn = asyncio.Condition()
        self._working = 0
        self._suspect_at_work = False

    async def take_over(self) -> None:
        """Count the entries that were being applied when the former writer died; all that exist now are old ones.

        A process that lost the lease, or the database, and takes over from itself counts nothing.
        """
        async with self._database.reads() as connection:
            started = await outbox_queries.started(connection)
        await self._end([row.entry_id for row in started if row.entry_id in self._own_traces])
        await self._count([row for row in started if row.entry_id not in self._own_traces])
        self._own_traces.clear()
        async with self._database.reads() as connection:
            self._newest_old_entry = await outbox_queries.newest_id(connection)
        self._set_aside = defaultdict(list)
        for entry in await set_aside(self._database):
            self._set_aside[entry.entity_id].append(entry.entry_id)

    def in_parts(self, entries: Sequence[OutboxEntry]) -> list[list[OutboxEntry]]:
        """Return what may be applied together: the new ones, the old ones, and every suspect alone."""
        innocent = [entry for entry in entries if not entry.crashes]
        new = [entry for entry in innocent if not self._is_old(entry)]
        old = [entry for entry in innocent if self._is_old(entry)]
        suspects = [[entry] for entry in entries if entry.crashes]
        return [part for part in (new, old, *suspects) if part]

    @asynccontextmanager
    async def turn(self, entries: Sequence[OutboxEntry]) -> AsyncIterator[None]:
        """Wait until these may be worked on: a suspect waits until no other old entry is, and they for it."""
        if not any(map(self._is_old, entries)):
            yield
            return
        suspect = any(entry.crashes for entry in entries)
        async with self._turn:
            await self._turn.wait_for(lambda: not self._suspect_at_work and not (suspect and self._working))
            self._working += 1
            self._suspect_at_work = suspect
        try:
            yield
        finally:
            async with self._turn:
                self._working -= 1
                self._suspect_at_work = False
                self._turn.notify_all()

    @asynccontextmanager
    async def recorded(self, entries: Sequence[OutboxEntry]) -> AsyncIterator[None]:
        """Leave a trace of the old ones among these entries that lasts until the end, or beyond a crash."""
        old = [entry.entry_id for entry in entries if self._is_old(entry)]
        if not old:
            yield
            return
        self._own_traces.update(old)
        async with self._database.reads() as connection:
            await outbox_queries.record_start(connection, entry_ids=old, now=clock.now_ms())
        try:
            yield
        finally:
            await self._end(old)
            self._own_traces.difference_update(old)

    async def forget(self, applied: Sequence[OutboxEntry]) -> None:
        """Remove the entries set aside whose memo or attachment has just been brought up to date by another entry."""
        outdated = [number for entry in applied for number in self._set_aside.pop(entry.entity_id, ())]
        if outdated:
            async with self._database.reads() as connection:
                await outbox_queries.delete_entries(connection, entry_ids=outdated)

    async def _end(self, entry_ids: Sequence[int]) -> None:
        if entry_ids:
            async with self._database.reads() as connection:
                await outbox_queries.record_end(connection, entry_ids=entry_ids)

    def _is_old(self, entry: OutboxEntry) -> bool:
        return entry.entry_id <= self._newest_old_entry

    async def _count(self, started: Sequence[StartedEntry]) -> None:
        for crashes in sorted({row.crashes for row in started}):
            rows = [row for row in started if row.crashes == crashes]
            fatal = crashes + 1 >= MOST_CRASHES
            next_try = SET_ASIDE_UNTIL if fatal else clock.now_ms() + _RETRY_WAITS_MS[crashes]
            for start in range(0, len(rows), _CHUNK):
                ids = [row.entry_id for row in rows[start : start + _CHUNK]]
                async with self._database.reads() as connection:
                    await outbox_queries.count_crash(connection, entry_ids=ids, next_try=next_try)
            log.warning("outbox entries were being applied when the process died", entries=len(rows), times=crashes + 1)
            for row in rows if fatal else ():
                log.error(
                    "An outbox entry is set aside: the process died each time that it was applied. `aimo doctor` says "
                    "what to do.",
                    entry=row.entry_id,
                    kind=row.kind,
                    entity=row.entity_id,
                )


async def set_aside(database: Database) -> list[OutboxEntry]:
    """Return the entries that are not applied any more, oldest first."""
    async with database.reads() as connection:
        return await outbox_queries.set_aside(connection)


async def retry_set_aside(database: Database) -> int:
    """Have all entries that are set aside applied once more, each alone; how many they are."""
    async with database.reads() as connection:
        return await outbox_queries.retry_set_aside(connection, now=clock.now_ms())
