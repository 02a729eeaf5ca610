"""Copies the rows of one table, batch by batch, so that it can be interrupted anywhere."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from aimo.db.connection import is_transient
from aimo.db.outages import is_outage
from aimo.legacy.copy.ledger import LedgerEntry
from aimo.legacy.copy.progress import Progress
from aimo.legacy.copy.row_writer import RowWriter
from aimo.legacy.copy.runs import Run, Runs
from aimo.legacy.plan.planner import Planner, RowPlan
from aimo.legacy.plan.target_lookups import TargetLookups
from aimo.legacy.retry import with_retries
from aimo.legacy.row_outcomes import QuarantineReason, RowOutcome, RowQuarantined
from aimo.legacy.source.row_reader import RowReader, SourceRow

log = structlog.get_logger(__name__)

# Commits cost a disk flush each, so batches are committed in groups of about this many rows.
_COMMITTED_ROWS = 1000
_ATTEMPTS = 3


class RowCopier:
    """One table of one run. ``careful`` says that the target had rows before the run."""

    def __init__(
        self,
        runs: Runs,
        run: Run,
        reader: RowReader,
        planner: Planner,
        writer: RowWriter,
        *,
        lookups: TargetLookups,
        batch: int,
        careful: bool,
    ) -> None:
        self._runs = runs
        self._run = run
        self._reader = reader
        self._planner = planner
        self._writer = writer
        self._lookups = lookups
        self._batch = batch
        self._careful = careful
        self._writing: asyncio.Task[None] | None = None
        self._ahead: tuple[Sequence[SourceRow], dict[bytes, LedgerEntry]] = ((), {})

    async def copy(self, progress: Progress) -> None:
        """Bring every row from where the run stands to the end of the table.

        While the database writes one group of batches, the next one is read and planned. Whatever happens to
        single rows, this ends; it raises only when the database stays away, or the source cannot be read.
        """
        name, total = self._reader.table.name, self._reader.table.rows
        first = await with_retries(lambda: self._runs.position(self._run, name))
        progress.begin(name, total, first)
        following = self._read(first)
        try:
            while following is not None:
                rows = await following
                first += len(rows)
                following = self._read(first)
                await self._plan_and_write(rows)
                progress.advance(first)
            await self._finish_writing()
        finally:
            for task in (following, self._writing):
                if task is not None:
                    task.cancel()

    def _read(self, first: int) -> asyncio.Task[list[SourceRow]] | None:
        left = self._reader.table.rows - first
        group = max(self._batch, _COMMITTED_ROWS // self._batch * self._batch)
        return asyncio.create_task(self._reader.read(first, min(group, left))) if left > 0 else None

    async def _plan_and_write(self, rows: Sequence[SourceRow]) -> None:
        """Plan these rows while those before them are written, then begin to write these."""
        if self._lookups.crowded:
            await self._finish_writing()
            self._lookups.forget()
        firsts = dict(self._planner.firsts)
        planning = asyncio.create_task(self._planner.plan(rows, careful=self._careful))
        await asyncio.wait({planning})
        if not await self._finish_writing() or not self._succeeded(planning):
            # What was planned on top of rows that did not arrive counts for nothing.
            self._lookups.forget()
            await self._copy(rows, careful=self._careful)
            return
        verdicts = planning.result()
        self._planner.commit(verdicts)
        self._ahead = rows, firsts
        self._writing = asyncio.create_task(self._write(verdicts))

    async def _finish_writing(self) -> bool:
        """Wait until what is being written is there; False if it took more than one attempt."""
        if self._writing is None:
            return True
        await asyncio.wait({self._writing})
        writing, self._writing = self._writing, None
        if self._succeeded(writing):
            return True
        rows, self._planner.firsts = self._ahead
        self._lookups.forget()
        await self._copy(rows, careful=self._careful)
        return False

    def _succeeded(self, task: asyncio.Task[object]) -> bool:
        error = task.exception()
        if error is None:
            return True
        if not isinstance(error, Exception):
            raise error
        log.warning("batch retried", table=self._reader.table.name, error=type(error).__name__)
        return False

    async def _copy(self, rows: Sequence[SourceRow], *, careful: bool, attempt: int = 1) -> None:
        """Commit these rows; where the database refuses them, halve them until the one at fault is alone."""
        try:
            await with_retries(lambda: self._try(rows, careful=careful))
        except Exception as error:
            if is_outage(error):
                raise
            if len(rows) == 1:
                await self._refused(rows, error, attempt)
                return
            log.warning("batch refused, trying halves", table=self._reader.table.name, rows=len(rows))
            half = len(rows) // 2
            await self._copy(rows[:half], careful=True)
            await self._copy(rows[half:], careful=True)

    async def _refused(self, rows: Sequence[SourceRow], error: Exception, attempt: int) -> None:
        if attempt < _ATTEMPTS:
            await asyncio.sleep(0.05 * attempt)
            await self._copy(rows, careful=True, attempt=attempt + 1)
            return
        reason = str(getattr(error, "orig", None) or error)
        verdict = (await with_retries(lambda: self._planner.plan(rows, careful=True)))[0]
        # It holds nothing after all.
        self._lookups.forget()
        verdict.entry.outcome, verdict.mapped, verdict.merged = RowOutcome.QUARANTINED, None, None
        verdict.quarantined = RowQuarantined(QuarantineReason.REFUSED, f"{type(error).__name__}: {reason[:2000]}")
        try:
            await with_retries(lambda: self._write([verdict]))
        except Exception as failure:
            if is_outage(failure):
                raise
            log.warning("quarantined row refused, leaving its values out", table=self._reader.table.name)
            await with_retries(lambda: self._write([verdict], bare=True))

    async def _try(self, rows: Sequence[SourceRow], *, careful: bool) -> None:
        if self._lookups.crowded:
            self._lookups.forget()
        try:
            verdicts = await self._planner.plan(rows, careful=careful)
            await self._write(verdicts)
        except Exception as error:
            self._lookups.forget()
            if is_outage(error) or is_transient(error):
                log.warning("batch retried", table=self._reader.table.name, error=type(error).__name__)
            raise
        self._planner.commit(verdicts)

    async def _write(self, verdicts: list[RowPlan], *, bare: bool = False) -> None:
        # A commit whose answer was lost may have happened: then the checkpoint is there.
        if await self._runs.position(self._run, self._reader.table.name) > verdicts[0].row.number:
            return
        await self._writer.write(verdicts, self._batch, bare=bare)
