"""Writes planned rows, what comes with them, and their checkpoints: all in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from aimo import clock
from aimo.db.connection import Database
from aimo.db.queries import migration as sql
from aimo.db.schema import MemoTags, MigrationQuarantine, Tags
from aimo.db.transaction import transaction
from aimo.legacy.copy import ledger
from aimo.legacy.copy.runs import Run, add_checkpoints, checkpoint_row
from aimo.legacy.mappers.mapper import Mapper
from aimo.legacy.plan.planner import RowPlan, numbers
from aimo.legacy.row_outcomes import RowOutcome
from aimo.legacy.source.row_reader import RowReader

_NEW = (RowOutcome.MIGRATED, RowOutcome.NORMALISED)
# Room between two memos' order numbers for the tags that are made from a memo's names.
TAGS_A_MEMO = 64


class RowWriter:
    """Writes the rows of one table of one run."""

    def __init__(self, database: Database, run: Run, mapper: Mapper, reader: RowReader, first_tag_seq: int) -> None:
        self._database = database
        self._run = run
        self._mapper = mapper
        self._reader = reader
        self._first_tag_seq = first_tag_seq

    async def write(self, verdicts: Sequence[RowPlan], batch: int) -> None:
        """Commit these rows, with a checkpoint for each ``batch`` of them."""
        quarantine = [await self._quarantine_row(verdict) for verdict in verdicts if verdict.quarantined]
        new = [verdict for verdict in verdicts if verdict.entry.outcome in _NEW]
        changed = [verdict for verdict in verdicts if verdict.entry.outcome is RowOutcome.UPDATED]
        tags = self._new_tags(verdicts)
        checkpoints = [self._checkpoint(verdicts[i : i + batch]) for i in range(0, len(verdicts), batch)]
        async with transaction(self._database, f"migration.{self._mapper.source}") as connection:
            await _add(connection, sql.table_of(Tags), [tag | {"usage_count": 0} for tag in tags])
            for verdict in changed:
                await self._change(connection, verdict)
            await _add(connection, self._mapper.table, [self._values(verdict) for verdict in new])
            links = [self._link(verdict, tag_id) for verdict in (*new, *changed) for tag_id in _links(verdict)]
            await _add(connection, sql.table_of(MemoTags), links)
            await _add(connection, sql.table_of(MigrationQuarantine), quarantine)
            await add_checkpoints(connection, checkpoints)

    def _values(self, verdict: RowPlan) -> dict[str, object]:
        assert verdict.mapped is not None
        return verdict.mapped.values | numbers(self._mapper, verdict.entry)

    async def _change(self, connection: AsyncConnection, verdict: RowPlan) -> None:
        assert verdict.mapped is not None
        values = verdict.mapped.values
        statement = sql.change(self._mapper.table, tuple(values))
        key = values[sql.key_of(self._mapper.table).name]
        await connection.execute(statement, {"which": key} | {f"new_{name}": value for name, value in values.items()})
        if self._mapper.source == "memos":
            await connection.execute(sql.UNLINK, {"which": key})

    def _link(self, verdict: RowPlan, tag_id: str) -> dict[str, object]:
        assert verdict.mapped is not None
        return {"memo_id": verdict.key, "tag_id": tag_id, "uid": verdict.mapped.values["uid"]}

    def _new_tags(self, verdicts: Sequence[RowPlan]) -> list[dict[str, object]]:
        """Return the tags made for names, with their order numbers: after all tags of the source."""
        tags = []
        for verdict in verdicts:
            made = verdict.mapped.new_tags if verdict.mapped else []
            first = self._first_tag_seq + verdict.row.number * TAGS_A_MEMO
            for place, tag in enumerate(made):
                tag["seq"] = first + min(place, TAGS_A_MEMO - 1)
                tags.append(tag)
        return tags

    def _checkpoint(self, verdicts: Sequence[RowPlan]) -> dict[str, object]:
        details: dict[str, list[object]] = {"notes": [], "merged": [], "tags": []}
        for verdict in verdicts:
            if verdict.merged:
                details["merged"].append([verdict.row.number, verdict.key, verdict.merged.into, verdict.merged.why])
            if verdict.mapped:
                details["notes"] += [[verdict.key, n.column, n.change, n.old, n.new] for n in verdict.mapped.notes]
                details["tags"] += verdict.mapped.new_tags
        packed = ledger.pack(verdict.entry for verdict in verdicts)
        filled = {name: entries for name, entries in details.items() if entries}
        first = verdicts[0].row.number
        return checkpoint_row(self._run, self._mapper.source, first, ledger=packed, count=len(verdicts), details=filled)

    async def _quarantine_row(self, verdict: RowPlan) -> dict[str, object]:
        assert verdict.quarantined is not None
        key = verdict.row.values[self._mapper.key]
        return {
            "run_id": self._run.run_id,
            "table_name": self._mapper.source,
            "position": verdict.row.number,
            "row_key": key if isinstance(key, str) else None,
            "reason": verdict.quarantined.reason,
            "message": str(verdict.quarantined),
            "content": await self._reader.whole(verdict.row.number),
            "created_at": clock.now_ms(),
        }


def _links(verdict: RowPlan) -> list[str]:
    return verdict.mapped.links if verdict.mapped else []


async def _add(connection: AsyncConnection, table: object, rows: list[dict[str, object]]) -> None:
    if rows:
        await connection.execute(sql.add(table), rows)
