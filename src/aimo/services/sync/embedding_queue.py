"""Has vectors made in the background, batch by batch, and finds out when an outage is over."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Sequence

import structlog

from aimo import clock
from aimo.db.connection import Database
from aimo.db.failure_log import FailureLog
from aimo.db.queries import outbox as outbox_queries
from aimo.db.queries.outbox import HELD_MS
from aimo.errors import ProviderError
from aimo.services.sync.crashes import CrashRecord
from aimo.services.sync.outbox import OutboxEntry

log = structlog.get_logger(__name__)

Embed = Callable[[Sequence[str], float], Awaitable[dict[str, ProviderError]]]

# A hanging provider that is back must be noticed within ten seconds: its last call, and then a pause.
_SECONDS = 4.0
_OUTAGE_WAITS = (0.5, 1.0, 2.0, 3.0)
# Who answers, but nothing of use, will do so for a while: a wrong key, model or dimension, a used up quota.
_USELESS_ANSWER_WAITS = (0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0, 12.0, 15.0)
# A refused text is not worth asking often.
_REFUSAL_WAITS_MS = (60_000, 120_000, 600_000, 3_600_000)

# How many entries wait in memory; the others wait in the database alone.
_MOST_WAITING = 5000


class EmbeddingQueue:
    """The queue of entries of one kind that lack their vector.

    An entry in the queue stays in the database too, out of the worker's sight for a minute at a time, because
    looking at it again would only write its text again. Should this process die, `release` shows it to
    the next one. Only the writer process may use it.
    """

    def __init__(
        self,
        database: Database,
        embed: Embed,
        apply: Callable[[list[OutboxEntry]], Awaitable[None]],
        crashes: CrashRecord,
        *,
        seconds_each: float,
        first: int,
        most: int,
    ) -> None:
        """Args say who makes the vectors, and how patient to be.

        Args:
            database: where the entries are.
            embed: gets ids and seconds, and returns why some have no vector.
            apply: applies entries that have their vector.
            crashes: keeps a record of what is being embedded.
            seconds_each: what a batch may take for each of its entries, besides 4 s.
            first: size of the first batch; one that succeeds may be followed by one twice as large, and
                one that fails by one half as large.
            most: size of the largest batch.
        """
        self._database = database
        self._embed = embed
        self._apply = apply
        self._crashes = crashes
        self._seconds_each = seconds_each
        self._size = first
        self._most = most
        self._waiting: dict[int, OutboxEntry] = {}
        self._left_out = False
        self._failures = 0
        self._batch_failures = FailureLog(log, "embedding batch failed, will be retried")
        self._waits: Sequence[float] = _OUTAGE_WAITS
        self._task: asyncio.Task[None] | None = None

    async def add(self, entries: Sequence[OutboxEntry]) -> None:
        """Have the vectors of these entries made soon."""
        room = max(0, _MOST_WAITING - len(self._waiting))
        self._left_out = self._left_out or len(entries) > room
        self._waiting |= {entry.entry_id: entry for entry in entries[:room]}
        until = clock.now_ms() + HELD_MS
        async with self._database.reads() as connection:
            await outbox_queries.delay(connection, entry_ids=[entry.entry_id for entry in entries], until=until)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="sync-embedding")

    async def stop(self) -> None:
        """Forget the queue; its entries are still in the database."""
        self._waiting.clear()
        self._failures = 0
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while self._waiting:
            # While an outage lasts, one of them finds out whether it is over.
            size = 1 if self._failures else self._size
            batch = self._next(size)
            try:
                await self._fill(batch)
            except Exception as error:  # noqa: BLE001 (logged, and tried again)
                self._batch_failures.failed(error)
                self._failures += 1
                self._waits = _OUTAGE_WAITS
            if self._failures:
                await asyncio.sleep(self._waits[min(self._failures, len(self._waits)) - 1])
            elif self._left_out and not self._waiting:
                self._left_out = False
                await release(self._database)

    def _next(self, size: int) -> list[OutboxEntry]:
        """Return the first ones of the queue; those that the process may have died of come last, and alone."""
        innocent = (entry for entry in self._waiting.values() if not entry.crashes)
        return list(itertools.islice(innocent, size)) or [next(iter(self._waiting.values()))]

    async def _fill(self, batch: list[OutboxEntry]) -> None:
        ids = list({entry.entity_id for entry in batch})
        async with self._crashes.turn(batch), self._crashes.recorded(batch):
            failed = await self._embed(ids, _SECONDS + self._seconds_each * len(ids))
        if failed:
            log.warning("texts without a vector", rows=len(failed), reason=str(next(iter(failed.values()))))
        # A text may be at fault, and not the provider, which then answers for another one: hence behind the others.
        outage = len(failed) == len(ids) and any(reason.retryable for reason in failed.values())
        for entry in batch:
            self._waiting.pop(entry.entry_id, None)
            if reason := failed.get(entry.entity_id):
                if reason.retryable:
                    self._waiting[entry.entry_id] = entry
                await self._postpone(entry, reason)
        if outage:
            is_useless = any(reason.retryable and reason.answered for reason in failed.values())
            self._waits = _USELESS_ANSWER_WAITS if is_useless else _OUTAGE_WAITS
            # A batch of long texts that was too slow as a whole would be again, and keep its short ones waiting.
            self._size = max(1, len(batch) // 2)
        elif not self._failures:
            self._size = min(2 * self._size, self._most)
        self._failures = self._failures + 1 if outage else 0
        if ready := [entry for entry in batch if entry.entity_id not in failed]:
            await self._apply(ready)

    async def _postpone(self, entry: OutboxEntry, reason: ProviderError) -> None:
        refused = _REFUSAL_WAITS_MS[min(entry.attempts, len(_REFUSAL_WAITS_MS) - 1)]
        wait = HELD_MS if reason.retryable else refused
        until = clock.now_ms() + wait
        async with self._database.reads() as connection:
            await outbox_queries.postpone(connection, entry_ids=[entry.entry_id], until=until, error=str(reason)[:1000])


async def release(database: Database) -> None:
    """Show the worker every entry that is held, by whichever process."""
    now = clock.now_ms()
    async with database.reads() as connection:
        await outbox_queries.release(connection, now=now, latest=now + HELD_MS)
