"""Compares the relational tables with the source, by hashes in chunks; where those differ, value by value."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import numpy as np

from aimo import ids
from aimo.db.connection import Database
from aimo.db.queries import migration as sql
from aimo.db.schema import Tags
from aimo.legacy.copy import ledger
from aimo.legacy.copy.ledger import LedgerEntry
from aimo.legacy.copy.progress import Progress
from aimo.legacy.copy.row_stage import load_merges
from aimo.legacy.copy.runs import Run, Runs, details_of
from aimo.legacy.hashing import hash_key
from aimo.legacy.mappers.mapper import Mapper
from aimo.legacy.mappers.tags_and_categories import TagMapper
from aimo.legacy.plan import duplicates
from aimo.legacy.plan.planner import numbers
from aimo.legacy.plan.target_lookups import NamedRows, TargetLookups
from aimo.legacy.row_outcomes import IN_TARGET, RowMerged, RowQuarantined
from aimo.legacy.source.row_reader import RowReader, SourceRow, plain
from aimo.legacy.verify.use_since import UseSince
from aimo.legacy.verify.verification_result import Mismatch, TableCheck, Verification
from aimo.vectors.legacy_source import SourceTable

_CHUNK = 1000

Rows = dict[str, dict[str, Any]]


class RowVerifier:
    """The relational side of a verification."""

    def __init__(self, database: Database, runs: Runs, run: Run, result: Verification, use: UseSince) -> None:
        self._database = database
        self._runs = runs
        self._run = run
        self._result = result
        self._use = use
        self._lookups = TargetLookups(database)
        self._made_tags: dict[str, dict[str, Any]] = {}
        self._before = runs.before(run)

    async def _prepare(self) -> None:
        """Know what the runs merged, and which tags they made from names."""
        await load_merges(self._runs, self._run, self._lookups)
        for run in [*self._before, self._run]:
            for checkpoint in await self._runs.checkpoints(run, "memos"):
                self._made_tags |= {tag["tag_id"]: tag for tag in details_of(checkpoint).get("tags", ())}

    async def verify(self, kind: type[Mapper], table: SourceTable, progress: Progress) -> None:
        """Compare one table, in both directions."""
        if kind.source in ("tags", "memos", "spaced_repetition_rules", "review_profiles"):
            await self._prepare()
        reader = RowReader(table, kind.kinds)
        mapper = kind(self._lookups, reader.absent)
        await duplicates.prepare(mapper, table)
        check = self._result.begin(str(mapper.table.name))
        progress.begin(f"verify {table.name}", table.rows)
        expected = bytearray()
        for first in range(0, table.rows, _CHUNK):
            rows = await reader.read(first, min(_CHUNK, table.rows - first))
            packed = await self._runs.ledger_of(self._run, table.name, first, len(rows), ledger.WIDTH)
            entries = ledger.unpack(packed)
            if len(entries) != len(rows):
                self._differ(mapper, f"position {first}", "", "not_accounted_for", len(rows), len(entries))
                continue
            await self._chunk(mapper, list(zip(rows, entries, strict=True)), check)
            expected += b"".join(entry.key for entry in entries if entry.outcome in IN_TARGET)
            progress.advance(first + len(rows))
        if kind is TagMapper:
            await self._verify_made_tags(mapper)
        await self._find_extra_rows(mapper, np.frombuffer(bytes(expected), dtype="<u8"), check)

    async def verify_counts(self) -> None:
        """Compare each tag's counter with the number of its memos."""
        async with self._database.reads() as connection:
            for row in await connection.execute(sql.MISCOUNTED):
                self._result.differ(Mismatch("tags", row.tag_id, "usage_count", "differs", row.uses, row.usage_count))

    async def _chunk(self, mapper: Mapper, pairs: list[tuple[SourceRow, LedgerEntry]], check: TableCheck) -> None:
        """Hash both sides of a chunk; look closer where the hashes differ."""
        for row, entry in pairs:
            if entry.source != row.digest:
                self._differ(mapper, str(row.values[mapper.key]), "", "source_row_differs_from_the_one_migrated")
        wanted = {str(row.values[mapper.key]): (row, entry) for row, entry in pairs if entry.outcome in IN_TARGET}
        held = await self._held(mapper, list(wanted))
        check.chunks += 1
        check.expected += len(wanted)
        check.found += len(held)
        theirs = blake2b(b"".join(entry.target for _, entry in wanted.values())).digest()
        ours = blake2b(b"".join(mapper.digest(held[key]) for key in wanted if key in held)).digest()
        if theirs != ours:
            for key, (row, entry) in wanted.items():
                await self._compare_values(mapper, row, entry, held.get(key))
        for key, (_, entry) in wanted.items():
            self._numbers(mapper, key, entry, held.get(key))
        if mapper.source == "memos":
            await self._links(held)

    async def _held(self, mapper: Mapper, keys: list[str]) -> Rows:
        possible = [key for key in keys if ids.is_possible(key)]
        if not possible:
            return {}
        async with self._database.reads() as connection:
            rows = await connection.execute(sql.rows(mapper.table), {"keys": possible})
            return {row._mapping[sql.key_of(mapper.table)]: dict(row._mapping) for row in rows}

    async def _compare_values(
        self, mapper: Mapper, row: SourceRow, entry: LedgerEntry, held: dict[str, object] | None
    ) -> None:
        key = str(row.values[mapper.key])
        if held is None:
            name = str(sql.key_of(mapper.table).name)
            self._differ(mapper, key, name, "missing", key, changed=self._use.explains(None, set()))
            return
        if mapper.has_digest(held, entry.target):
            return
        await mapper.look_up([row])
        try:
            expected = mapper.map(row).values
        except (RowMerged, RowQuarantined):
            expected = {}
        differing = [name for name in expected if name in held and not _same(expected[name], held[name])]
        changed = self._use.explains(held, set(differing) or {""})
        for name in differing:
            self._differ(mapper, key, name, "differs", expected[name], held[name], changed=changed)
        if not differing:
            self._differ(mapper, key, "", "differs_from_what_was_recorded", changed=changed)

    def _numbers(self, mapper: Mapper, key: str, entry: LedgerEntry, held: dict[str, object] | None) -> None:
        expected = numbers(mapper, entry)
        expected.pop("usage_count", None)
        for name, value in expected.items():
            if held is not None and held[name] != value:
                self._differ(mapper, key, name, "differs", value, held[name])

    async def _links(self, memos: Rows) -> None:
        """Compare memo_tags with the lists in the memos."""
        await self._lookups.load_tags([row["uid"] for row in memos.values()])
        expected = {
            (key, tag_id): row["uid"]
            for key, row in memos.items()
            for tag_id in row["tag_ids"] or ()
            if tag_id in self._lookups.tags.get(row["uid"], NamedRows()).ids
        }
        async with self._database.reads() as connection:
            found = {
                (row.memo_id, row.tag_id): row.uid
                for row in await connection.execute(sql.LINKS, {"keys": list(memos) or [""]})
            }
        for link in expected.keys() | found.keys():
            if expected.get(link) != found.get(link):
                column = "uid" if link in expected and link in found else "tag_id"
                problem = "differs" if column == "uid" else ("missing" if link in expected else "extra")
                key = "/".join(link)
                self._result.differ(Mismatch("memo_tags", key, column, problem, expected.get(link), found.get(link)))

    async def _verify_made_tags(self, mapper: Mapper) -> None:
        """Check tags that were created from names: they have no row in the source, but a record."""
        tags = list(self._made_tags.values())
        for first in range(0, len(tags), _CHUNK):
            part = {tag["tag_id"]: tag for tag in tags[first : first + _CHUNK]}
            held = await self._held(mapper, list(part))
            for key, tag in part.items():
                if key not in held:
                    self._differ(mapper, key, "tag_id", "missing", key, changed=self._use.explains(None, set()))
                    continue
                for name, value in tag.items():
                    if not _same(value, held[key][name]):
                        changed = self._use.explains(held[key], {name})
                        self._differ(mapper, key, name, "differs", value, held[key][name], changed=changed)

    async def _find_extra_rows(self, mapper: Mapper, expected: Any, check: TableCheck) -> None:
        """Find rows of the target that the source does not have, where the target was empty before the move.

        Rows made after the run are the new server's own.
        """
        table = mapper.table
        first = next(run for run in [*self._before, self._run] if mapper.source in run.versions)
        if table.name not in first.plan["empty"]:
            return
        earlier = [packed for run in self._before for packed in await self._runs.ledgers(run, mapper.source)]
        known = ledger.LedgerIndex(earlier)
        expected = np.sort(expected)
        after = ""
        while True:
            async with self._database.reads() as connection:
                rows = (await connection.execute(sql.keys_after(table), {"after": after, "limit": 5000})).all()
            if not rows:
                return
            after = rows[-1][0]
            hashes = np.frombuffer(b"".join(hash_key(str(row[0])) for row in rows), dtype="<u8")
            for place in np.flatnonzero(~np.isin(hashes, expected)):
                key, made = rows[place]
                if table.name == Tags.__tablename__ and key in self._made_tags:
                    continue
                if known.get(hash_key(str(key))) or made is None or made > (self._run.finished_at or 0):
                    continue
                changed = self._use.explains(None, set())
                self._differ(mapper, str(key), str(sql.key_of(table).name), "extra", None, key, changed=changed)

    def _differ(self, mapper: Mapper, key: str, column: str, problem: str, *values: Any, changed: bool = False) -> None:
        """``values``: the expected one, and the one that was found; ``changed``: people did that."""
        found = Mismatch(str(mapper.table.name), key, column, problem, *map(plain, values))
        (self._result.change if changed else self._result.differ)(found)


def _same(one: object, other: object) -> bool:
    return type(one) is type(other) and one == other
