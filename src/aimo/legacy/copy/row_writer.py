"""Writes planned rows, what comes with them, and their checkpoints: all in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo import clock
from aimo.db.connection import Database
from aimo.db.queries import migration as sql
from aimo.db.schema import MemoTags, MigrationQuarantine, Tags
from aimo.db.transaction import transaction
from aimo.legacy import packet
from aimo.legacy.copy import ledger
from aimo.legacy.copy.runs import Run, add_checkpoints, checkpoint_row
from aimo.legacy.mappers.mapper import Mapper
from aimo.legacy.plan.planner import RowPlan, numbers
from aimo.legacy.row_outcomes import QuarantineReason, RowOutcome
from aimo.legacy.source.row_reader import RowReader

_NEW = (RowOutcome.MIGRATED, RowOutcome.NORMALISED)
# Room between two memos' order numbers for the tags that are made from a memo's names.
TAGS_A_MEMO = 64
# Room for the message and the other columns of a quarantined row.
_BARE_BYTES = 32 * 1024


class RowWriter:
    """Writes the rows of one table of one run."""

    def __init__(
        self,
        database: Database,
        run: Run,
        mapper: Mapper,
        reader: RowReader,
        first_tag_seq: int,
        *,
        packet_limit: int,
    ) -> None:
        self._database = database
        self._run = run
        self._mapper = mapper
        self._reader = reader
        self._first_tag_seq = first_tag_seq
        self._limit = packet_limit

    async def write(self, verdicts: Sequence[RowPlan], batch: int, *, bare: bool = False) -> None:
        """Commit these rows, with a checkpoint for each ``batch`` of them.

        ``bare`` leaves every longer value of quarantined rows out: the database may refuse even those.
        """
        longest = 2 * _BARE_BYTES if bare else self._limit
        quarantine = [await self._quarantine_row(verdict, longest) for verdict in verdicts if verdict.quarantined]
        new = [verdict for verdict in verdicts if verdict.entry.outcome in _NEW]
        changed = [verdict for verdict in verdicts if verdict.entry.outcome is RowOutcome.UPDATED]
        tags = self._new_tags(verdicts)
        parts = [verdicts[i : i + batch] for i in range(0, len(verdicts), batch)]
        checkpoints = [checkpoint for part in parts for checkpoint in self._checkpoints(part)]
        async with transaction(self._database, f"migration.{self._mapper.source}") as connection:
            await self._add(connection, sql.table_of(Tags), [tag | {"usage_count": 0} for tag in tags])
            for verdict in changed:
                await self._change(connection, verdict)
            await self._add(connection, self._mapper.table, [self._values(verdict) for verdict in new])
            links = [self._link(verdict, tag_id) for verdict in (*new, *changed) for tag_id in _links(verdict)]
            await self._add(connection, sql.table_of(MemoTags), links)
            await self._add(connection, sql.table_of(MigrationQuarantine), quarantine)
            for group in packet.groups(checkpoints, self._limit):
                await add_checkpoints(connection, group)

    async def _add(self, connection: AsyncConnection, table: Table, rows: list[dict[str, object]]) -> None:
        for group in packet.groups(rows, self._limit):
            await connection.execute(sql.add(table), group)

    def _values(self, verdict: RowPlan) -> dict[str, object]:
        assert verdict.mapped is not None
        given = numbers(self._mapper, verdict.entry) | self._mapper.secrets_of(verdict.row)
        return verdict.mapped.values | given

    async def _change(self, connection: AsyncConnection, verdict: RowPlan) -> None:
        assert verdict.mapped is not None
        values = verdict.mapped.values | self._mapper.secrets_of(verdict.row)
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

    def _checkpoints(self, verdicts: Sequence[RowPlan]) -> list[dict[str, object]]:
        """Return the checkpoint of these rows; several where one statement cannot hold it."""
        row = self._checkpoint(verdicts)
        if packet.fits(row.values(), self._limit):
            return [row]
        if len(verdicts) == 1:
            return [self._checkpoint(verdicts, brief=True)]
        half = len(verdicts) // 2
        return self._checkpoints(verdicts[:half]) + self._checkpoints(verdicts[half:])

    def _checkpoint(self, verdicts: Sequence[RowPlan], *, brief: bool = False) -> dict[str, object]:
        details: dict[str, list[object]] = {"notes": [], "merged": [], "tags": []}
        for verdict in verdicts:
            if verdict.merged:
                details["merged"].append([verdict.row.number, verdict.key, verdict.merged.into, verdict.merged.why])
            if verdict.mapped:
                values = packet.left_out if brief else lambda value: value
                details["notes"] += [
                    [verdict.key, n.column, n.change, values(n.old), values(n.new)] for n in verdict.mapped.notes
                ]
                details["tags"] += verdict.mapped.new_tags
        packed = ledger.pack(verdict.entry for verdict in verdicts)
        filled = {name: entries for name, entries in details.items() if entries}
        first = verdicts[0].row.number
        return checkpoint_row(self._run, self._mapper.source, first, ledger=packed, count=len(verdicts), details=filled)

    async def _quarantine_row(self, verdict: RowPlan, longest: int) -> dict[str, object]:
        assert verdict.quarantined is not None
        key = verdict.row.values[self._mapper.key]
        # Who deleted an account wants nothing of it kept.
        gone = verdict.quarantined.reason is QuarantineReason.ACCOUNT_DELETED
        whole = {} if gone else await self._reader.whole(verdict.row.number)
        content = {name: value for name, value in whole.items() if name not in self._mapper.secret}
        return {
            "run_id": self._run.run_id,
            "table_name": self._mapper.source,
            "position": verdict.row.number,
            "row_key": packet.shortened(key) if isinstance(key, str) else None,
            "reason": verdict.quarantined.reason,
            "message": packet.shortened(str(verdict.quarantined)),
            "content": packet.without_largest(content, longest - _BARE_BYTES),
            "created_at": clock.now_ms(),
        }


def _links(verdict: RowPlan) -> list[str]:
    return verdict.mapped.links if verdict.mapped else []
