"""Push rules, and the old server's own record of its schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar

from aimo.db.queries.migration import table_of
from aimo.db.schema import PushRules, TableMigrations
from aimo.legacy.mappers.mapper import Mapped, Mapper
from aimo.legacy.mappers.row_fields import RowFields
from aimo.legacy.row_outcomes import Change, Into, RowMerged
from aimo.legacy.source.column_values import Kind
from aimo.legacy.source.row_reader import SourceRow


class PushRuleMapper(Mapper):
    """Push rules; the channels, JSON text until now, become JSON."""

    source = "push_rules"
    table = table_of(PushRules)
    key = "id"
    expendable: ClassVar = {"name": ""}
    hashed = (
        (
            "id",
            "uid",
            "name",
            "push_time",
            "content_type",
            "channels",
            "enabled",
            "created_at",
            "updated_at",
        ),
    )
    kinds: ClassVar = {
        "id": Kind.TEXT,
        "uid": Kind.TEXT,
        "name": Kind.TEXT,
        "pushTime": Kind.WHOLE,
        "contentType": Kind.TEXT,
        "channels": Kind.TEXT,
        "enabled": Kind.WHOLE,
        "createdAt": Kind.MOMENT,
        "updatedAt": Kind.MOMENT,
    }

    def build(self, row: SourceRow, fields: RowFields) -> Mapped:
        """Return the rule."""
        values = {
            "id": fields.id("id"),
            "uid": fields.owner(self.lookups),
            "name": fields.text("name", "name"),
            "push_time": fields.whole("pushTime", "push_time", 0),
            "content_type": fields.word("contentType", "content_type"),
            "channels": _channels(fields),
            "enabled": fields.whole("enabled", "enabled", 1) != 0,
            "created_at": fields.moment("createdAt", "created_at", "updatedAt"),
            "updated_at": fields.moment("updatedAt", "updated_at", "createdAt"),
        }
        return Mapped(values, fields.notes)


def _channels(fields: RowFields) -> list[object] | None:
    channels = fields.json("channels", "channels", [])
    if channels is None or isinstance(channels, list):
        return channels
    fields.note("channels", Change.NOT_A_LIST, fields.raw("channels"), [])
    return []


class TableMigrationMapper(Mapper):
    """Versions of the old tables, for information; of several for one table the highest stays."""

    source = "table_migrations"
    table = table_of(TableMigrations)
    key = "tableName"
    hashed = (
        (
            "table_name",
            "current_version",
            "last_migrated_at",
        ),
    )
    kinds: ClassVar = {"tableName": Kind.TEXT, "currentVersion": Kind.WHOLE, "lastMigratedAt": Kind.MOMENT}
    # Positions of rows that another one of the same table outdoes; set by `legacy.plan.duplicates`.
    outdone: Mapping[int, str] = MappingProxyType({})

    async def look_up(self, rows: Sequence[SourceRow]) -> None:
        """Look up nothing."""

    def build(self, row: SourceRow, fields: RowFields) -> Mapped:
        """Return the version."""
        name = fields.id("tableName")
        if row.number in self.outdone:
            raise RowMerged(name, Into.SAME_TABLE)
        values = {
            "table_name": name,
            "current_version": fields.whole("currentVersion", "current_version", 0),
            "last_migrated_at": fields.moment("lastMigratedAt", "last_migrated_at"),
        }
        return Mapped(values, fields.notes)
