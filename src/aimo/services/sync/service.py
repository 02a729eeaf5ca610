"""Applies entries: those of this process at once, the others, and failed ones, in the background."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from aimo import clock
from aimo.db.connection import Database
from aimo.db.failure_log import FailureLog
from aimo.db.queries import memos as memo_queries
from aimo.db.queries import outbox as outbox_queries
from aimo.errors import ProviderError
from aimo.services.embedding.service import EmbeddingService
from aimo.services.sync import rebuild
from aimo.services.sync.applier import Applier, ApplyResult, NotTheWriterError
from aimo.services.sync.attachment_vectors import AttachmentVectors
from aimo.services.sync.batcher import Batcher
from aimo.services.sync.crashes import CrashRecord
from aimo.services.sync.embedding_queue import EmbeddingQueue, release
from aimo.services.sync.lease import LeaseRow
from aimo.services.sync.outbox import OutboxEntry
from aimo.services.sync.refold import create_entries_for_refolding
from aimo.vectors.fence import FencedError
from aimo.vectors.store import VectorStore

log = structlog.get_logger(__name__)

# How long an entry is left to the process that wrote it while that process is the writer.
GRACE_MS = 1500
WAIT_SECONDS = 2.0

_GROUP = 256
_IDLE_SECONDS = 0.1
_HEALING_SECONDS = 5.0
_SECONDS_PER_TEXT = 0.1
_SECONDS_PER_PICTURE = 15.0
_PICTURES_AT_ONCE = 8
_FAILURE_WAITS_MS = (500, 1000, 2000, 4000)
_WRONG_MODEL_WAIT_MS = 60_000
_REFOLDING_RETRY_SECONDS = 60.0


@dataclass(frozen=True)
class SyncStatus:
    """How far LanceDB lags behind: entries waiting, the oldest one's time, and the last failure.

    Entries that are set aside do not wait.
    """

    waiting: int
    oldest_ms: int | None
    attempts: int
    last_error: str | None
    set_aside: int = 0


class SyncService:
    """The sync worker of one process. It writes to LanceDB only while it holds the writer lease."""

    def __init__(
        self,
        database: Database,
        vectors: VectorStore,
        embeddings: EmbeddingService,
        pictures: AttachmentVectors | None = None,
    ) -> None:
        """Without ``pictures`` attachments have no vectors."""
        self.lease = LeaseRow(database, "lancedb-writer")
        self._database = database
        self._vectors = vectors
        self._embeddings = embeddings
        self._applier = Applier(database, vectors, embeddings, pictures, holds_lease=lambda: self.lease.held)
        self._batcher: Batcher[OutboxEntry, ApplyResult] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._next_healing = 0.0
        self._pictures = pictures
        self._crashes = CrashRecord(database)
        self._failures = FailureLog(log, "sync worker failed, retrying", over="the sync worker works again")
        self._failures_at_once = FailureLog(log, "entries could not be applied at once")
        self._upkeep_failures = FailureLog(
            log, "LanceDB upkeep failed, will be retried", over="LanceDB upkeep works again"
        )
        self._of_memos = EmbeddingQueue(
            database,
            self._embed_memos,
            self._apply,
            self._crashes,
            seconds_each=_SECONDS_PER_TEXT,
            first=32,
            most=_GROUP,
        )
        self._of_attachments = pictures and EmbeddingQueue(
            database,
            pictures.fill,
            self._apply,
            self._crashes,
            seconds_each=_SECONDS_PER_PICTURE,
            first=2,
            most=_PICTURES_AT_ONCE,
        )

    async def start(self) -> None:
        """Take the lease if it is free; what requests write is applied from now on."""
        await self._vectors.memo_vectors.refresh()
        self._batcher = Batcher(self._apply_group, limit=_GROUP, name="sync-applier")
        await self.lease.start()
        if not self._applier.model_matches:
            table, embedder = self._vectors.memo_vectors, self._embeddings.embedder
            log.error(
                "vector table belongs to another model; semantic search is off until `aimo sync rebuild` has run",
                stored=f"{table.model}:{table.dimension}",
                configured=f"{embedder.model}:{embedder.dimension}",
            )

    def begin(self) -> None:
        """Apply in the background what waits. Nothing of that should keep a server from listening: call it then."""
        self._tasks = [
            asyncio.create_task(self._run(), name="sync-worker"),
            asyncio.create_task(self._run_upkeep_periodically(), name="lancedb-upkeep"),
            asyncio.create_task(self._refold_once(), name="text-refolding"),
        ]

    async def stop(self) -> None:
        """Let the group in hand finish, stop everything and give the lease back."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._stop_embedding_queues()
        if self._batcher:
            await self._batcher.close()
        await self.lease.stop()

    @property
    def grace_ms(self) -> int:
        """What to give ``entries.write``: time to apply the entry oneself, where one can."""
        return GRACE_MS if self.lease.held else 0

    async def wait_until_applied(self, entries: Sequence[OutboxEntry], *, seconds: float = WAIT_SECONDS) -> bool:
        """Wait until entries just committed are applied, or nearly ``seconds``; whether they are.

        What is not applied by then is applied in the background: nothing is lost by not waiting.
        """
        if not entries:
            return True
        try:
            async with asyncio.timeout(seconds):
                if self.lease.held and self._batcher:
                    results = await asyncio.gather(*(self._batcher.submit(entry) for entry in entries))
                    outcomes = zip(entries, results, strict=True)
                    await self._fill([entry for entry, result in outcomes if result is ApplyResult.NEEDS_VECTOR])
                    return all(result is ApplyResult.APPLIED for result in results)
                return await self._wait_for_lease_holder([entry.entry_id for entry in entries])
        except TimeoutError:
            return False
        except (NotTheWriterError, FencedError):
            return False
        except Exception as error:  # noqa: BLE001 (logged, and tried again in the background)
            self._failures_at_once.failed(error, entries=len(entries))
            return False

    async def status(self) -> SyncStatus:
        """Return how far LanceDB lags behind."""
        return await status(self._database)

    async def _wait_for_lease_holder(self, entry_ids: list[int]) -> bool:
        while True:
            async with self._database.reads() as connection:
                left = await outbox_queries.remaining(connection, entry_ids=entry_ids)
            if not left:
                return True
            # The writer has looked at them, so their texts are found; what they lack will take a while.
            if all(row.next_try_at > row.created_at for row in left):
                return False
            await asyncio.sleep(0.02)

    async def _run(self) -> None:
        writer = False
        while True:
            try:
                held = self.lease.held
                if writer != held:
                    await (self._take_over() if held else self._stop_embedding_queues())
                    writer = held
                if writer and time.monotonic() >= self._next_healing:
                    self._next_healing = time.monotonic() + _HEALING_SECONDS
                    await self._heal()
                busy = writer and await self._apply_due_entries()
            except Exception as error:  # noqa: BLE001 (logged, and tried again)
                self._failures.failed(error)
                await asyncio.sleep(1)
                continue
            if writer:
                self._failures.succeeded()
            if not busy:
                await asyncio.sleep(_IDLE_SECONDS)

    async def _apply_due_entries(self) -> bool:
        """Apply one group of entries that are due; whether there may be more."""
        async with self._database.reads() as connection:
            entries = await outbox_queries.due(connection, now=clock.now_ms(), limit=_GROUP)
        if not entries:
            return False
        for request in (entry for entry in entries if entry.kind == "rebuild"):
            async with self._crashes.turn([request]), self._crashes.recorded([request]):
                await self._rebuild(request)
        await self._apply([entry for entry in entries if entry.kind != "rebuild"])
        return len(entries) == _GROUP

    async def _rebuild(self, request: OutboxEntry) -> None:
        pictured = self._pictures.embedder if self._pictures else None
        try:
            await self._applier.become_writer()
            await rebuild.create_entries_for_rebuild(
                self._database, self._vectors, self._embeddings.embedder, pictured, request
            )
        except Exception as error:
            log.exception("rebuild failed, will be retried", tries=request.attempts + 1)
            await self._postpone([request], rebuild.RETRY_WAITS_MS, f"{type(error).__name__}: {error}")
        else:
            await self._crashes.forget([request])
            # What was put off because the vectors were of another model need not wait any longer.
            await release(self._database)

    async def _heal(self) -> None:
        """Have those entries tried whose next try was written by a clock that was ahead."""
        async with self._database.reads() as connection:
            healed = await outbox_queries.heal(connection, now=clock.now_ms())
        if healed:
            log.warning("the clock has been ahead: outbox entries waited for a time to come", entries=healed)

    async def _take_over(self) -> None:
        # Whoever wrote before may have died with entries in its hands.
        await release(self._database)
        await self._crashes.take_over()

    async def _apply_group(self, entries: list[OutboxEntry]) -> list[ApplyResult]:
        results: dict[OutboxEntry, ApplyResult] = {}
        for part in self._crashes.in_parts(entries):
            async with self._crashes.recorded(part):
                results |= zip(part, await self._applier.apply(part), strict=True)
        await self._crashes.forget([entry for entry, result in results.items() if result is ApplyResult.APPLIED])
        return [results[entry] for entry in entries]

    async def _apply(self, entries: list[OutboxEntry]) -> None:
        for part in self._crashes.in_parts(entries):
            async with self._crashes.turn(part):
                await self._apply_together(part)

    async def _apply_together(self, entries: list[OutboxEntry]) -> None:
        if reason := await self._try(entries):
            log.error("entries could not be applied", entries=len(entries), reason=reason)
            await self._postpone(await self._narrow(entries), _FAILURE_WAITS_MS, reason)

    async def _narrow(self, failed: list[OutboxEntry]) -> list[OutboxEntry]:
        """Apply those of a group that failed which do not fail by themselves; the others are returned.

        Where no half can be applied, the reason is taken to lie elsewhere than in one of them.
        """
        while len(failed) > 1:
            shuffled = random.sample(failed, len(failed))
            middle = len(failed) // 2
            bad = [half for half in (shuffled[:middle], shuffled[middle:]) if await self._try(half)]
            if len(bad) != 1:
                return failed if bad else []
            [failed] = bad
        return failed

    async def _try(self, entries: list[OutboxEntry]) -> str | None:
        """Apply these together; why that failed, None if it did not."""
        assert self._batcher is not None
        try:
            results = await asyncio.gather(*(self._batcher.submit(entry) for entry in entries))
        except (NotTheWriterError, FencedError) as error:
            # Nothing is wrong with the entries; they are as due as before, for this process or another.
            log.warning("entries were left to another writer", entries=len(entries), reason=str(error))
            await asyncio.sleep(_IDLE_SECONDS)
            return None
        except Exception as error:  # noqa: BLE001 (reported by the caller, and kept with the entries)
            return f"{type(error).__name__}: {error}"
        wrong = [entry for entry, result in zip(entries, results, strict=True) if result is ApplyResult.WRONG_MODEL]
        await self._postpone(wrong, (_WRONG_MODEL_WAIT_MS,), ApplyResult.WRONG_MODEL.value)
        await self._fill(
            [entry for entry, result in zip(entries, results, strict=True) if result is ApplyResult.NEEDS_VECTOR]
        )
        return None

    async def _fill(self, lacking: Sequence[OutboxEntry]) -> None:
        """Have the vectors of these made in the background."""
        of_attachments = [entry for entry in lacking if entry.kind == "attachment"]
        if of_attachments and self._of_attachments:
            await self._of_attachments.add(of_attachments)
        if of_memos := [entry for entry in lacking if entry.kind != "attachment"]:
            await self._of_memos.add(of_memos)

    async def _stop_embedding_queues(self) -> None:
        await self._of_memos.stop()
        if self._of_attachments:
            await self._of_attachments.stop()

    async def _embed_memos(self, memo_ids: Sequence[str], seconds: float) -> dict[str, ProviderError]:
        """Have the texts of these memos embedded; the reasons of those that failed are returned."""
        async with self._database.reads() as connection:
            rows = await memo_queries.for_sync(connection, memo_ids=memo_ids)
        failed = await self._embeddings.fill([row.content for row in rows], seconds=seconds, cached_within=0)
        return {row.memo_id: failed[row.content] for row in rows if row.content in failed}

    async def _postpone(self, entries: Sequence[OutboxEntry], waits_ms: Sequence[int], reason: str) -> None:
        for attempts in {entry.attempts for entry in entries}:
            ids = [entry.entry_id for entry in entries if entry.attempts == attempts]
            wait = waits_ms[min(attempts, len(waits_ms) - 1)]
            until = clock.now_ms() + wait
            async with self._database.reads() as connection:
                await outbox_queries.postpone(connection, entry_ids=ids, until=until, error=reason[:1000])

    async def _refold_once(self) -> None:
        """Have texts that an earlier release stored folded again, as soon as this process is the writer."""
        while True:
            await asyncio.sleep(_IDLE_SECONDS)
            if not self.lease.held:
                continue
            try:
                return await create_entries_for_refolding(self._database, self._vectors.memo_texts)
            except Exception:
                log.exception("texts could not be enqueued to be folded again, will be retried")
                await asyncio.sleep(_REFOLDING_RETRY_SECONDS)

    async def _run_upkeep_periodically(self) -> None:
        """Compact LanceDB whenever enough was written or enough time went by."""
        while True:
            await asyncio.sleep(1)
            if self.lease.held and self._vectors.upkeep_due():
                started = time.monotonic()
                try:
                    await self._vectors.upkeep()
                    log.debug("LanceDB upkeep done", seconds=round(time.monotonic() - started, 2))
                    self._upkeep_failures.succeeded()
                except Exception as error:  # noqa: BLE001 (logged, and tried again)
                    self._upkeep_failures.failed(error)


async def status(database: Database) -> SyncStatus:
    """Return how far LanceDB lags behind, seen from the database."""
    async with database.reads() as connection:
        backlog = await outbox_queries.backlog(connection)
        error = await outbox_queries.last_error(connection) if backlog.waiting else None
        set_aside = await outbox_queries.count_set_aside(connection)
    return SyncStatus(backlog.waiting, backlog.oldest_at, backlog.attempts or 0, error, set_aside)
