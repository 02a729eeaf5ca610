"""Runs, and how far each has come in each table."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from aimo import clock
from aimo.db.connection import Database
from aimo.db.queries import migration as sql
from aimo.db.schema import MigrationCheckpoints, MigrationRuns
from aimo.db.transaction import transaction

RUNNING, FINISHED, FAILED = "running", "finished", "failed"
PENDING, MISMATCHED, VALIDATED = "pending", "mismatched", "validated"

_RUNS = sql.table_of(MigrationRuns)
_CHECKPOINTS = sql.table_of(MigrationCheckpoints)


@dataclass
class Run:
    """One run as the database knows it. ``plan`` does not change after the start."""

    run_id: str
    source: str
    status: str
    state: str
    first_seq: int
    next_seq: int
    plan: dict[str, Any]
    summary: Any
    started_at: int
    finished_at: int | None

    @property
    def versions(self) -> dict[str, int]:
        """The pinned version of each source table."""
        return {name: table["version"] for name, table in self.plan["tables"].items()}

    @property
    def brings_memos(self) -> bool:
        """Whether it has decided what becomes of the memos' vectors."""
        return "memos" in self.versions and self.status != FAILED

    def has_read(self, versions: dict[str, int]) -> bool:
        """Return whether the run read these tables at these versions."""
        return versions.items() <= self.versions.items()


class Runs:
    """The runs over one source, oldest first."""

    def __init__(self, database: Database, source: str) -> None:
        self._database = database
        self.source = source
        self.all: list[Run] = []
        self._everybodys: list[Run] = []

    async def load(self) -> None:
        """Read what the database has."""
        async with self._database.reads() as connection:
            found = [Run(**row._mapping) for row in await connection.execute(sql.RUNS)]
        self._everybodys = found
        self.all = [run for run in found if run.source == self.source]

    @property
    def unfinished(self) -> Run | None:
        """The run that was interrupted, if the newest one was."""
        return self.all[-1] if self.all and self.all[-1].status == RUNNING else None

    @property
    def interrupted_elsewhere(self) -> list[str]:
        """Other sources whose newest run was interrupted."""
        newest = {run.source: run for run in self._everybodys}
        return [one for one, run in newest.items() if run.status == RUNNING and one != self.source]

    @property
    def finished(self) -> Run | None:
        """The newest run that came to its end."""
        return next((run for run in reversed(self.all) if run.status == FINISHED), None)

    def before(self, run: Run) -> list[Run]:
        """Return the runs over this source that came earlier."""
        return [other for other in self.all if other.started_at < run.started_at and other.run_id != run.run_id]

    async def start(self, plan: dict[str, object], seqs: int) -> Run:
        """Return a new run that may give out ``seqs`` order numbers, above those of every run before it."""
        first = max((run.next_seq for run in self._everybodys), default=1)
        now = max(clock.now_ms(), *(run.started_at + 1 for run in self._everybodys), 0)
        run = Run(f"m{now}", self.source, RUNNING, PENDING, first, first + seqs, plan, None, now, None)
        async with self._database.reads() as connection:
            await connection.execute(sql.add(_RUNS), vars(run))
        self.all.append(run)
        return run

    async def save(self, run: Run) -> None:
        """Write down status, state and summary."""
        async with self._database.reads() as connection:
            await connection.execute(sql.CHANGE_RUN, _changes(run))

    async def give_up(self, run: Run) -> None:
        """End a run that cannot go on; what it put aside is for the next one to find again."""
        run.status = FAILED
        async with transaction(self._database, "migration.give_up") as connection:
            await connection.execute(sql.FORGET_QUARANTINE, {"run_id": run.run_id})
            await connection.execute(sql.CHANGE_RUN, _changes(run))

    async def position(self, run: Run, table: str) -> int:
        """Return how many rows of a table are done."""
        async with self._database.reads() as connection:
            row = (await connection.execute(sql.LAST_CHECKPOINT, {"run_id": run.run_id, "table_name": table})).first()
        return 0 if row is None else int(row.first_row) + int(row.row_count)

    async def checkpoints(self, run: Run, table: str) -> list[Any]:
        """Return all checkpoints of a table, in order."""
        async with self._database.reads() as connection:
            which = {"run_id": run.run_id, "table_name": table}
            return list(await connection.execute(sql.CHECKPOINTS, which))

    async def ledgers(self, run: Run, table: str) -> list[bytes]:
        """Return the ledgers of a table, in order."""
        async with self._database.reads() as connection:
            which = {"run_id": run.run_id, "table_name": table}
            return [row.ledger for row in await connection.execute(sql.LEDGERS, which)]

    async def ledger_of(self, run: Run, table: str, first: int, count: int, width: int) -> bytes:
        """Return the part of the ledger for these positions; ``width`` is the bytes of one record."""
        which = {"run_id": run.run_id, "table_name": table, "first": first, "end": first + count}
        async with self._database.reads() as connection:
            found = (await connection.execute(sql.CHECKPOINT_OVER, which)).all()
        if not found:
            return b""
        whole = b"".join(row.ledger for row in found)
        skipped = first - found[0].first_row
        return whole[skipped * width : (skipped + count) * width]

    async def checkpoint(self, run: Run, table: str, first: int, *, ledger: bytes, count: int, details: Any) -> None:
        """Write a checkpoint by itself, where the work was not in the database."""
        async with transaction(self._database, "migration.checkpoint") as connection:
            await add_checkpoints(
                connection, [checkpoint_row(run, table, first, ledger=ledger, count=count, details=details)]
            )


def _changes(run: Run) -> dict[str, object]:
    return {
        "which": run.run_id,
        "new_status": run.status,
        "new_state": run.state,
        "new_next_seq": run.next_seq,
        "new_summary": run.summary,
        "new_finished_at": run.finished_at,
    }


def details_of(checkpoint: Any) -> dict[str, Any]:
    """Return the details of a checkpoint."""
    details = checkpoint.details
    if isinstance(details, str):
        details = json.loads(details)
    return details or {}


def checkpoint_row(
    run: Run, table: str, first: int, *, ledger: bytes, count: int, details: object
) -> dict[str, object]:
    """Return the parameters of one checkpoint."""
    return {
        "run_id": run.run_id,
        "table_name": table,
        "first_row": first,
        "row_count": count,
        "ledger": ledger,
        "details": details or None,
        "created_at": clock.now_ms(),
    }


async def add_checkpoints(connection: AsyncConnection, rows: list[dict[str, object]]) -> None:
    """Write checkpoints in the caller's transaction."""
    if rows:
        await connection.execute(sql.add(_CHECKPOINTS), rows)
