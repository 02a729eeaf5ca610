"""References between memos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from aimo.db.queries.migration import table_of
from aimo.db.schema import MemoRelations
from aimo.legacy.mappers.mapper import Mapped, Mapper, column_of
from aimo.legacy.mappers.row_fields import RowFields
from aimo.legacy.row_outcomes import Into, QuarantineReason, RowMerged, RowQuarantined
from aimo.legacy.source.column_values import Kind
from aimo.legacy.source.row_reader import SourceRow


class RelationMapper(Mapper):
    """Of several relations between the same two memos the first stays (docs/decisions/13-relations-and-order.md)."""

    source = "memo_relations"
    table = table_of(MemoRelations)
    key = "relationId"
    hashed = (
        (
            "relation_id",
            "uid",
            "source_memo_id",
            "target_memo_id",
            "created_at",
        ),
    )
    kinds: ClassVar = {
        "relationId": Kind.TEXT,
        "uid": Kind.TEXT,
        "sourceMemoId": Kind.TEXT,
        "targetMemoId": Kind.TEXT,
        "createdAt": Kind.MOMENT,
    }

    async def look_up(self, rows: Sequence[SourceRow]) -> None:
        """Look up the owners, both memos, and the relations that start at the sources."""
        sources = column_of(rows, "sourceMemoId")
        await self.lookups.load_users(column_of(rows, "uid"))
        await self.lookups.load_memo_owners([*sources, *column_of(rows, "targetMemoId")])
        await self.lookups.load_relations(sources)

    def build(self, row: SourceRow, fields: RowFields) -> Mapped:
        """Return the relation, when both ends are memos of its owner."""
        uid, relation_id = fields.owner(self.lookups), fields.id("relationId")
        pair = self._memo(fields, "sourceMemoId", uid), self._memo(fields, "targetMemoId", uid)
        if pair[0] == pair[1]:
            raise RowQuarantined(QuarantineReason.POINTS_TO_ITSELF, f"it leads from {pair[0]} to itself")
        created_at = fields.moment("createdAt", "created_at")
        holder = self.lookups.pairs.get(pair, relation_id)
        if holder != relation_id:
            raise RowMerged(holder, Into.SAME_RELATION)
        values = {
            "relation_id": relation_id,
            "uid": uid,
            "source_memo_id": pair[0],
            "target_memo_id": pair[1],
            "created_at": created_at,
        }
        return Mapped(values, fields.notes)

    def hold(self, mapped: Mapped) -> None:
        """Take up its two ends."""
        self.lookups.pairs[_ends(mapped.values)] = mapped.values["relation_id"]

    def release(self, held: Mapping[str, object]) -> None:
        """Free the ends it had."""
        self.lookups.pairs.pop(_ends(held), None)

    def _memo(self, fields: RowFields, name: str, uid: str) -> str:
        memo_id = fields.raw(name)
        owner = self.lookups.memos.get(memo_id)
        if owner is None:
            raise RowQuarantined(QuarantineReason.TARGET_MISSING, f"{name}: there is no memo {memo_id!r}")
        if owner != uid:
            raise RowQuarantined(QuarantineReason.TARGET_FOREIGN, f"{name}: the memo {memo_id} is another user's")
        return str(memo_id)


def _ends(values: Mapping[str, Any]) -> tuple[str, str]:
    return values["source_memo_id"], values["target_memo_id"]
