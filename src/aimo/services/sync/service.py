"""Applies marks: those of this process at once, the others, and failed ones, in the background."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from aimo import clock
from aimo.db.connection import Database
from aimo.db.queries import memos as memo_sql
from aimo.db.queries import outbox as sql
from aimo.errors import ProviderError
from aimo.services.batching import Batcher
from aimo.services.embeddings import EmbeddingService
from aimo.services.sync import rebuild
from aimo.services.sync.applier import Applier, Result
from aimo.services.sync.filling import Filling
from aimo.services.sync.lease import Lease
from aimo.services.sync.marks import Mark
from aimo.services.sync.pictures import Pictures
from aimo.vectors.store import VectorStore

log = structlog.get_logger(__name__)

# How long a mark is left to the process that wrote it while that process is the writer.
GRACE_MS = 1500
SETTLE_SECONDS = 2.0

_GROUP = 256
_IDLE_SECONDS = 0.1
_FILL_SECONDS = 4.0
_SECONDS_PER_TEXT = 0.1
_SECONDS_PER_PICTURE = 15.0
_PICTURES_AT_ONCE = 8
# A provider that is back must be noticed within ten seconds; a refused text is not worth asking often.
_OUTAGE_WAITS_MS = (500, 1000, 2000, 4000)
_REFUSAL_WAITS_MS = (30_000, 120_000, 600_000, 3_600_000)
_WRONG_MODEL_WAIT_MS = 60_000


@dataclass(frozen=True)
class SyncStatus:
    """How far LanceDB lags behind: marks waiting, the oldest one's time, and the last failure."""

    waiting: int
    oldest_ms: int | None
    attempts: int
    last_error: str | None


class SyncService:
    """The sync worker of one process. It writes to LanceDB only while it holds the writer lease."""

    def __init__(
        self,
        database: Database,
        vectors: VectorStore,
        embeddings: EmbeddingService,
        pictures: Pictures | None = None,
    ) -> None:
        """Without ``pictures`` attachments have no vectors."""
        self.lease = Lease(database, "lancedb-writer")
        self._database = database
        self._vectors = vectors
        self._embeddings = embeddings
        self._applier = Applier(database, vectors, embeddings, pictures)
        self._batcher: Batcher[Mark, Result] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._pictures = pictures
        self._fillings = {"memo": Filling(self._embed_memos, _FILL_SECONDS, _SECONDS_PER_TEXT, _GROUP)}
        if pictures is not None:
            self._fillings["attachment"] = Filling(
                pictures.fill, _FILL_SECONDS, _SECONDS_PER_PICTURE, _PICTURES_AT_ONCE
            )

    async def start(self) -> None:
        """Take the lease if it is free and start working in the background."""
        await self._vectors.memo_vectors.refresh()
        self._batcher = Batcher(self._applier.apply, limit=_GROUP, name="sync-applier")
        await self.lease.start()
        if not self._applier.model_matches:
            table, embedder = self._vectors.memo_vectors, self._embeddings.embedder
            log.error(
                "The vectors were made by another model; searching by meaning is off until `aimo sync rebuild` has run",
                stored=f"{table.model}:{table.dimension}",
                configured=f"{embedder.model}:{embedder.dimension}",
            )
        self._tasks = [
            asyncio.create_task(self._run(), name="sync-worker"),
            asyncio.create_task(self._keep_up(), name="lancedb-upkeep"),
        ]

    async def stop(self) -> None:
        """Let the group in hand finish, stop everything and give the lease back."""
        tasks = [*self._tasks, *(filling.task for filling in self._fillings.values() if filling.task)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._batcher:
            await self._batcher.close()
        await self.lease.stop()

    @property
    def grace_ms(self) -> int:
        """What to give ``marks.write``: time to apply the mark oneself, where one can."""
        return GRACE_MS if self.lease.held else 0

    async def settle(self, marks: Sequence[Mark], *, seconds: float = SETTLE_SECONDS) -> bool:
        """Wait until marks just committed are applied, or nearly ``seconds``; whether they are.

        What is not applied by then is applied in the background: nothing is lost by not waiting.
        """
        if not marks:
            return True
        try:
            async with asyncio.timeout(seconds):
                if self.lease.held and self._batcher:
                    results = await asyncio.gather(*(self._batcher.submit(mark) for mark in marks))
                    return all(result is Result.APPLIED for result in results)
                return await self._applied_elsewhere([mark.mark_id for mark in marks])
        except TimeoutError:
            return False
        except Exception:
            log.exception("marks could not be applied at once", marks=len(marks))
            return False

    async def status(self) -> SyncStatus:
        """How far LanceDB lags behind."""
        return await status(self._database)

    async def _applied_elsewhere(self, mark_ids: list[int]) -> bool:
        while True:
            async with self._database.reads() as connection:
                left = (await connection.execute(sql.REMAINING, {"mark_ids": mark_ids})).all()
            if not left:
                return True
            if all(row.attempts for row in left):
                return False
            await asyncio.sleep(0.02)

    async def _run(self) -> None:
        while True:
            try:
                busy = self.lease.held and await self._work_once()
            except Exception:
                log.exception("the sync worker failed, it goes on in a moment")
                await asyncio.sleep(1)
                continue
            if not busy:
                await asyncio.sleep(_IDLE_SECONDS)

    async def _work_once(self) -> bool:
        """Apply one group of marks that are due; whether there may be more."""
        async with self._database.reads() as connection:
            rows = await connection.execute(sql.DUE, {"now": clock.now_ms(), "limit": _GROUP})
            marks = [Mark(*row) for row in rows]
        if not marks:
            return False
        for request in (mark for mark in marks if mark.kind == "rebuild"):
            pictured = self._pictures.embedder if self._pictures else None
            await rebuild.carry_out(self._database, self._vectors, self._embeddings.embedder, pictured, request)
        await self._apply([mark for mark in marks if mark.kind != "rebuild"])
        return len(marks) == _GROUP

    async def _apply(self, marks: list[Mark]) -> None:
        assert self._batcher is not None
        try:
            results = await asyncio.gather(*(self._batcher.submit(mark) for mark in marks))
        except Exception as error:
            log.exception("marks could not be applied", marks=len(marks))
            await self._postpone(marks, _OUTAGE_WAITS_MS, f"{type(error).__name__}: {error}")
            return
        wrong = [mark for mark, result in zip(marks, results, strict=True) if result is Result.WRONG_MODEL]
        await self._postpone(wrong, (_WRONG_MODEL_WAIT_MS,), Result.WRONG_MODEL.value)
        lacking = [mark for mark, result in zip(marks, results, strict=True) if result is Result.NEEDS_VECTOR]
        for kind, filling in self._fillings.items():
            if of_kind := [mark for mark in lacking if mark.kind == kind]:
                await self._fill_soon(filling, of_kind)

    async def _fill_soon(self, filling: Filling, marks: list[Mark]) -> None:
        """Have vectors made without holding up the marks of others."""
        if filling.busy:
            await self._delay(marks, _OUTAGE_WAITS_MS[0])
            return
        # While an outage lasts, one of them finds out whether it is over.
        batch = marks[: 1 if filling.outage else filling.most]
        await self._delay(marks[len(batch) :], _OUTAGE_WAITS_MS[0])
        seconds = filling.seconds + filling.seconds_each * len(batch)
        # Should this process die meanwhile, the next one need not wait much longer than the embedder may take.
        await self._delay(batch, int(2000 * seconds))
        filling.task = asyncio.create_task(self._fill(filling, batch, seconds), name="sync-embedding")

    async def _fill(self, filling: Filling, marks: list[Mark], seconds: float) -> None:
        try:
            failed = await filling.embed(list({mark.entity_id for mark in marks}), seconds)
        except Exception as error:
            log.exception("vectors could not be made")
            await self._postpone(marks, _OUTAGE_WAITS_MS, f"{type(error).__name__}: {error}")
            return
        filling.outage = any(reason.retryable for reason in failed.values())
        if failed:
            log.warning("left without a vector", rows=len(failed), reason=str(next(iter(failed.values()))))
        for mark in marks:
            if reason := failed.get(mark.entity_id):
                waits = _OUTAGE_WAITS_MS if reason.retryable else _REFUSAL_WAITS_MS
                await self._postpone([mark], waits, str(reason))
        await self._apply([mark for mark in marks if mark.entity_id not in failed])

    async def _embed_memos(self, memo_ids: Sequence[str], seconds: float) -> dict[str, ProviderError]:
        """Have the texts of these memos embedded; the reasons of those that failed are returned."""
        async with self._database.reads() as connection:
            rows = (await connection.execute(memo_sql.FOR_SYNC, {"memo_ids": memo_ids})).all()
        failed = await self._embeddings.fill([row.content for row in rows], seconds=seconds)
        return {row.memo_id: failed[row.content] for row in rows if row.content in failed}

    async def _postpone(self, marks: Sequence[Mark], waits_ms: Sequence[int], reason: str) -> None:
        for attempts in {mark.attempts for mark in marks}:
            ids = [mark.mark_id for mark in marks if mark.attempts == attempts]
            wait = waits_ms[min(attempts, len(waits_ms) - 1)]
            values = {"mark_ids": ids, "next_try": clock.now_ms() + wait, "error": reason[:1000]}
            async with self._database.reads() as connection:
                await connection.execute(sql.POSTPONE, values)

    async def _delay(self, marks: Sequence[Mark], wait_ms: int) -> None:
        if marks:
            values = {"mark_ids": [mark.mark_id for mark in marks], "next_try": clock.now_ms() + wait_ms}
            async with self._database.reads() as connection:
                await connection.execute(sql.DELAY, values)

    async def _keep_up(self) -> None:
        """Compact LanceDB whenever enough was written or enough time went by."""
        while True:
            await asyncio.sleep(1)
            if self.lease.held and self._vectors.upkeep_due():
                started = time.monotonic()
                try:
                    await self._vectors.upkeep()
                    log.debug("LanceDB upkeep done", seconds=round(time.monotonic() - started, 2))
                except Exception:
                    log.exception("LanceDB upkeep failed, it will be tried again")


async def status(database: Database) -> SyncStatus:
    """How far LanceDB lags behind, seen from the database."""
    async with database.reads() as connection:
        waiting, oldest, attempts = (await connection.execute(sql.DEPTH)).one()
        error = await connection.scalar(sql.LAST_ERROR) if waiting else None
    return SyncStatus(waiting, oldest, attempts or 0, error)
