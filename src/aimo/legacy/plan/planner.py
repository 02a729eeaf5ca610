"""Decides what becomes of each source row, before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aimo import ids
from aimo.db.connection import Database
from aimo.db.queries import migration as sql
from aimo.legacy.copy.ledger import LedgerEntry, LedgerIndex
from aimo.legacy.hashing import hash_key
from aimo.legacy.mappers.mapper import Mapped, Mapper
from aimo.legacy.row_outcomes import (
    IN_TARGET,
    Change,
    Into,
    Note,
    QuarantineReason,
    RowMerged,
    RowOutcome,
    RowQuarantined,
)
from aimo.legacy.source.row_reader import SourceRow

_IN_ONE_QUERY = 1000


@dataclass(slots=True)
class RowPlan:
    """What is to be done with one row."""

    row: SourceRow
    key: str
    entry: LedgerEntry
    mapped: Mapped | None = None
    merged: RowMerged | None = None
    quarantined: RowQuarantined | None = None


class Planner:
    """Plans the rows of one table.

    Args:
        database: the target.
        mapper: makes rows of the target.
        repeated: hashes of keys that several rows of the source have.
        recorded: what earlier runs brought over.
        firsts: for repeated keys, the entry of the first row that was taken.
        first_seq: the order number of position 0.
    """

    def __init__(
        self,
        database: Database,
        mapper: Mapper,
        *,
        repeated: frozenset[bytes],
        recorded: LedgerIndex,
        firsts: dict[bytes, LedgerEntry],
        first_seq: int,
    ) -> None:
        self._database = database
        self._mapper = mapper
        self._repeated = repeated
        self._recorded = recorded
        self.firsts = firsts
        self._first_seq = first_seq

    async def plan(self, rows: Sequence[SourceRow], *, careful: bool) -> list[RowPlan]:
        """Return one verdict a row, in order. ``careful`` also compares with rows that the target has already."""
        await self._mapper.look_up(rows)
        keys = [str(row.values[self._mapper.key]) for row in rows]
        recorded = [self._recorded.get(hash_key(key)) for key in keys]
        wanted = [
            key
            for key, row, before in zip(keys, rows, recorded, strict=True)
            if (before.source != row.digest or key in self._mapper.joined if before else careful)
        ]
        present = await self._present(wanted)
        firsts = dict(self.firsts)
        return [
            self._one(row, key, before, present, firsts) for row, key, before in zip(rows, keys, recorded, strict=True)
        ]

    def commit(self, verdicts: Sequence[RowPlan]) -> None:
        """Note that the verdicts are in the database, or on their way: later rows are compared with them."""
        for verdict in verdicts:
            self._remember(verdict.entry, self.firsts)

    def _remember(self, entry: LedgerEntry, firsts: dict[bytes, LedgerEntry]) -> None:
        if entry.key in self._repeated and entry.outcome in IN_TARGET:
            firsts.setdefault(entry.key, entry)

    def _one(
        self,
        row: SourceRow,
        key: str,
        before: LedgerEntry | None,
        present: dict[str, dict[str, object]],
        firsts: dict[bytes, LedgerEntry],
    ) -> RowPlan:
        entry = LedgerEntry(RowOutcome.MIGRATED, hash_key(key), row.digest)
        verdict = RowPlan(row, key, entry)
        try:
            first = firsts.get(entry.key)
            if first is not None:
                raise _duplicate_error(key, first, row)
            if before is not None and before.source == row.digest and key not in self._mapper.joined:
                entry.outcome, entry.target, entry.seq = RowOutcome.PRESENT, before.target, before.seq
            else:
                self._plan_changed_row(verdict, before, present)
        except RowMerged as merged:
            entry.outcome, verdict.merged, verdict.mapped = RowOutcome.MERGED, merged, None
        except RowQuarantined as quarantined:
            entry.outcome, verdict.quarantined, verdict.mapped = RowOutcome.QUARANTINED, quarantined, None
        self._remember(entry, firsts)
        return verdict

    def _plan_changed_row(
        self, verdict: RowPlan, before: LedgerEntry | None, present: dict[str, dict[str, Any]]
    ) -> None:
        mapped = self._mapper.map(verdict.row)
        entry, held = verdict.entry, present.get(verdict.key)
        entry.target = self._mapper.digest(mapped.values)
        entry.seq = before.seq if before else self._first_seq + verdict.row.number
        verdict.mapped = mapped
        if verdict.key in self._mapper.joined and held is not None:
            self._plan_joined_row(verdict, mapped, held)
            return
        if before is None and held is None:
            entry.outcome = RowOutcome.NORMALISED if mapped.notes else RowOutcome.MIGRATED
            self._mapper.hold(mapped)
            return
        if held is None:
            raise RowQuarantined(
                QuarantineReason.DELETED_IN_TARGET, "it changed in the source and was deleted in the target since"
            )
        as_mapped = self._mapper.has_digest(held, entry.target)
        if as_mapped and verdict.key not in self._mapper.moved:
            entry.outcome, verdict.mapped = RowOutcome.PRESENT, None
            entry.seq = int(held.get("seq") or 0)
        elif before is None:
            raise RowQuarantined(QuarantineReason.KEY_TAKEN, f"the target has another row {verdict.key}")
        elif as_mapped or self._mapper.has_digest(held, before.target):
            entry.outcome = RowOutcome.UPDATED
            self._mapper.release(held)
            self._mapper.hold(mapped)
        else:
            raise RowQuarantined(
                QuarantineReason.CHANGED_ON_BOTH_SIDES, "it changed in the source and in the target since"
            )

    def _plan_joined_row(self, verdict: RowPlan, mapped: Mapped, held: dict[str, Any]) -> None:
        """Keep the row as joining two accounts has left it."""
        values = {name: held[name] for name in mapped.values}
        note = Note("uid", Change.ACCOUNTS_JOINED, self._mapper.joined[verdict.key], verdict.key)
        verdict.mapped = Mapped(values, [*mapped.notes, note])
        verdict.entry.target = self._mapper.digest(values)
        verdict.entry.outcome = RowOutcome.UPDATED
        self._mapper.hold(verdict.mapped)

    async def _present(self, keys: list[str]) -> dict[str, dict[str, Any]]:
        """Return the rows of the target that have these keys."""
        possible = [key for key in dict.fromkeys(keys) if ids.is_possible(key)]
        table = self._mapper.table
        found: dict[str, dict[str, Any]] = {}
        for start in range(0, len(possible), _IN_ONE_QUERY):
            async with self._database.reads() as connection:
                rows = await connection.execute(sql.rows(table), {"keys": possible[start : start + _IN_ONE_QUERY]})
                found |= {row._mapping[sql.key_of(table)]: dict(row._mapping) for row in rows}
        return found


def _duplicate_error(key: str, first: LedgerEntry, row: SourceRow) -> Exception:
    if first.source == row.digest:
        return RowMerged(key, Into.SAME_ROW)
    return RowQuarantined(QuarantineReason.DUPLICATE_DIFFERS, f"an earlier row has the key {key} and other values")


def numbers(mapper: Mapper, entry: LedgerEntry) -> dict[str, int]:
    """Return the values that the run gives, not the row."""
    given = {"seq": entry.seq, "position": entry.seq & 0x7FFFFFFF, "usage_count": 0}
    return {name: given[name] for name in mapper.numbered if name in mapper.table.c}
