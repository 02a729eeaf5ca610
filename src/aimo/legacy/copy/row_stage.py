"""The stages that fill the relational tables, in the order of their foreign keys."""

from __future__ import annotations

from aimo.db.connection import Database
from aimo.db.queries import migration as sql
from aimo.db.transaction import transaction
from aimo.legacy.copy import account_joins, ledger
from aimo.legacy.copy.ledger import LedgerEntry, LedgerIndex
from aimo.legacy.copy.progress import Progress
from aimo.legacy.copy.row_copier import RowCopier
from aimo.legacy.copy.row_writer import RowWriter
from aimo.legacy.copy.runs import Run, Runs, add_checkpoints, checkpoint_row, details_of
from aimo.legacy.mappers.mapper import Mapper
from aimo.legacy.mappers.tags_and_categories import TagMapper
from aimo.legacy.mappers.users import UserMapper
from aimo.legacy.plan import duplicates, key_changes
from aimo.legacy.plan.planner import Planner
from aimo.legacy.plan.run_plan import MAPPERS
from aimo.legacy.plan.target_lookups import TargetLookups
from aimo.legacy.retry import with_retries
from aimo.legacy.row_outcomes import IN_TARGET, Change, Into, RowOutcome
from aimo.legacy.source.row_reader import RowReader
from aimo.services.models.key_cipher import KeyCipher
from aimo.vectors.legacy_source import LegacySource, SourceTable

USAGE_COUNTS = "usage_counts"
_PAGE = 1000
# Wrong counts in one checkpoint.
_NOTES = 500


class RowStage:
    """All relational tables of one run."""

    def __init__(
        self, database: Database, runs: Runs, run: Run, source: LegacySource, *, batch: int, packet_limit: int
    ) -> None:
        self._database = database
        self._runs = runs
        self._run = run
        self._source = source
        self._batch = batch
        self._packet_limit = packet_limit
        self.keys: KeyCipher | None = None
        self._lookups = TargetLookups(database)

    async def copy_all(self, progress: Progress) -> None:
        """Bring every table of the plan to its end, then count again how often each tag is used."""
        for kind in MAPPERS:
            if kind.source in self._run.versions:
                if kind.source in ("memos", "spaced_repetition_rules", "review_profiles"):
                    await load_merges(self._runs, self._run, self._lookups)
                await self._copy(kind, self._source.tables[kind.source], progress)
        if {"tags", "memos"} & self._run.versions.keys() or self._run.plan.get("join_accounts"):
            await self._count_uses()

    async def _copy(self, kind: type[Mapper], table: SourceTable, progress: Progress) -> None:
        reader = RowReader(table, kind.kinds)
        mapper = kind(self._lookups, reader.absent)
        mapper.packet_limit, mapper.keys = self._packet_limit, self.keys
        if kind is UserMapper and self._run.plan.get("join_accounts"):
            mapper.joined = await account_joins.join(self._database, self._runs, self._run, table)
        earlier = [packed for run in self._runs.before(self._run) for packed in await self._ledgers(run, table.name)]
        recorded = LedgerIndex(earlier)
        await with_retries(lambda: key_changes.follow(self._database, mapper, reader, recorded))
        await duplicates.prepare(mapper, table)
        repeated = await duplicates.duplicate_keys(table, kind.key) if kind.key in table.schema.names else frozenset()
        planner = Planner(
            self._database,
            mapper,
            repeated=repeated,
            recorded=recorded,
            firsts=await self._firsts(table.name, repeated),
            first_seq=self._run.first_seq,
        )
        writer = RowWriter(
            self._database, self._run, mapper, reader, first_tag_seq(self._run), packet_limit=self._packet_limit
        )
        copier = RowCopier(
            self._runs,
            self._run,
            reader,
            planner,
            writer,
            lookups=self._lookups,
            batch=self._batch,
            careful=mapper.table.name not in self._run.plan["empty"],
        )
        await copier.copy(progress)

    async def _ledgers(self, run: Run, table: str) -> list[bytes]:
        return await with_retries(lambda: self._runs.ledgers(run, table))

    async def _firsts(self, table: str, repeated: frozenset[bytes]) -> dict[bytes, LedgerEntry]:
        """For keys that several rows have: the first row that this run has taken already."""
        firsts: dict[bytes, LedgerEntry] = {}
        for packed in await self._ledgers(self._run, table) if repeated else []:
            for entry in ledger.unpack(packed):
                if entry.key in repeated and entry.outcome in IN_TARGET:
                    firsts.setdefault(entry.key, entry)
        return firsts

    async def _count_uses(self) -> None:
        """Set the counters; the old ones, where they were wrong, are kept for the report."""

        async def work() -> None:
            async with transaction(self._database, "migration.usage_counts") as connection:
                await connection.execute(sql.RECOUNT)
            notes = await self._wrong_counts() if "tags" in self._run.versions else []
            rows = [
                checkpoint_row(
                    self._run, USAGE_COUNTS, i, ledger=b"", count=0, details={"notes": notes[i : i + _NOTES]}
                )
                for i in range(0, len(notes) or 1, _NOTES)
            ]
            async with transaction(self._database, "migration.usage_counts") as connection:
                which = {"run_id": self._run.run_id, "table_name": USAGE_COUNTS}
                await connection.execute(sql.FORGET_CHECKPOINT, which)
                for row in rows:
                    await add_checkpoints(connection, [row])

        await with_retries(work)

    async def _wrong_counts(self) -> list[list[object]]:
        table = self._source.tables["tags"]
        reader = RowReader(table, TagMapper.kinds)
        notes: list[list[object]] = []
        for first in range(0, table.rows, _PAGE):
            rows = await reader.read(first, min(_PAGE, table.rows - first))
            packed = await self._runs.ledger_of(self._run, "tags", first, len(rows), ledger.WIDTH)
            new = {
                str(row.values["tagId"]): row.values["usageCount"]
                for row, entry in zip(rows, ledger.unpack(packed), strict=True)
                if entry.outcome in (RowOutcome.MIGRATED, RowOutcome.NORMALISED, RowOutcome.UPDATED)
            }
            async with self._database.reads() as connection:
                uses = {
                    r.tag_id: r.usage_count for r in await connection.execute(sql.USAGE, {"keys": list(new) or [""]})
                }
            notes += [
                [key, "usage_count", Change.USAGE_RECOUNTED, old if isinstance(old, int) else None, uses[key]]
                for key, old in new.items()
                if key in uses and old != uses[key]
            ]
        return notes


def first_tag_seq(run: Run) -> int:
    """Return the order number after those of all rows of the source's own tags."""
    tags = run.plan["tables"].get("tags")
    return run.first_seq + (tags["rows"] if tags else 0)


async def load_merges(runs: Runs, run: Run, lookups: TargetLookups) -> None:
    """Know which tags and categories stand for others, from this run and those before it."""
    for one in [*runs.before(run), run]:
        for table, merged in (("tags", lookups.merged_tags), ("categories", lookups.merged_categories)):
            for checkpoint in await with_retries(lambda one=one, table=table: runs.checkpoints(one, table)):  # type: ignore[misc]
                for _, key, into, why in details_of(checkpoint).get("merged", ()):
                    if why == Into.SAME_NAME:
                        merged[key] = into
