"""Tags and categories: things of a user that have a name of their own.

See docs/decisions/11-names-of-tags-and-categories.md.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from aimo.db.queries.migration import key_of, table_of
from aimo.db.schema import Categories, Tags
from aimo.legacy.mappers.mapper import Mapped, Mapper, column_of
from aimo.legacy.mappers.row_fields import RowFields
from aimo.legacy.plan.target_lookups import NamedRows
from aimo.legacy.row_outcomes import Into, RowMerged
from aimo.legacy.source.column_values import Kind
from aimo.legacy.source.row_reader import SourceRow
from aimo.services.memos.name_keys import name_key, name_key_as_before


class _NamedMapper(Mapper):
    """Of several with one name, the first stays and the others are merged into it."""

    unique = ("uid", "name_key")

    @property
    @abstractmethod
    def _known(self) -> dict[str, NamedRows]:
        """Which names each user has."""

    @abstractmethod
    def _merged(self, old: str, into: str) -> None:
        """Note what has become of a row."""

    def has_digest(self, values: Mapping[str, object], recorded: bytes) -> bool:
        """Tell the same of a row whose name had another key when it was recorded, by 1.0.0."""
        if super().has_digest(values, recorded):
            return True
        name = str(values["name"])
        former = {**values, "name_key": name_key_as_before(name)}
        return values["name_key"] == name_key(name) and super().has_digest(former, recorded)

    def build(self, row: SourceRow, fields: RowFields) -> Mapped:
        """Return the row, unless the user has one of that name."""
        uid, row_id = fields.owner(self.lookups), fields.id(self.key)
        name = fields.text("name", "name")
        values: dict[str, object] = {
            key_of(self.table).name: row_id,
            "uid": uid,
            "name": name,
            "name_key": name_key(name),
            "color": fields.optional("color"),
            "created_at": fields.moment("createdAt", "created_at", "updatedAt"),
            "updated_at": fields.moment("updatedAt", "updated_at", "createdAt"),
        }
        rival = self.rival(values, row_id)
        if rival is not None:
            self._merged(row_id, rival)
            raise RowMerged(rival, Into.SAME_NAME)
        return Mapped(values, fields.notes)

    def holder(self, values: Mapping[str, Any]) -> str | None:
        """Return the user's tag, or category, of that name."""
        return self._known.get(values["uid"], NamedRows()).by_key.get(values["name_key"])

    def hold(self, mapped: Mapped) -> None:
        """Take up its name."""
        values = mapped.values
        self._known.setdefault(values["uid"], NamedRows()).add(values[key_of(self.table).name], values["name_key"])

    def release(self, held: Mapping[str, Any]) -> None:
        """Free the name it had."""
        self._known.setdefault(held["uid"], NamedRows()).free(held[key_of(self.table).name], held["name_key"])


class CategoryMapper(_NamedMapper):
    """Categories."""

    source = "categories"
    table = table_of(Categories)
    key = "categoryId"
    hashed = (
        (
            "category_id",
            "uid",
            "name",
            "name_key",
            "color",
            "created_at",
            "updated_at",
        ),
    )
    kinds: ClassVar = {
        "categoryId": Kind.TEXT,
        "uid": Kind.TEXT,
        "name": Kind.TEXT,
        "color": Kind.TEXT,
        "createdAt": Kind.MOMENT,
        "updatedAt": Kind.MOMENT,
    }

    @property
    def _known(self) -> dict[str, NamedRows]:
        return self.lookups.categories

    def _merged(self, old: str, into: str) -> None:
        self.lookups.merged_categories[old] = into

    async def look_up(self, rows: Sequence[SourceRow]) -> None:
        """Look up the owners and their categories."""
        uids = column_of(rows, "uid")
        await self.lookups.load_users(uids)
        await self.lookups.load_categories(uids)

    async def need_holders(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Look up the owners' categories."""
        await self.lookups.load_categories(row["uid"] for row in rows)


class TagMapper(_NamedMapper):
    """Tags. How often each is used is counted again once the memos are there."""

    source = "tags"
    table = table_of(Tags)
    key = "tagId"
    hashed = (
        (
            "tag_id",
            "uid",
            "name",
            "name_key",
            "color",
            "created_at",
            "updated_at",
        ),
    )
    kinds: ClassVar = CategoryMapper.kinds | {"tagId": Kind.TEXT, "usageCount": Kind.WHOLE}
    kinds.pop("categoryId")

    @property
    def _known(self) -> dict[str, NamedRows]:
        return self.lookups.tags

    def _merged(self, old: str, into: str) -> None:
        self.lookups.merged_tags[old] = into

    async def look_up(self, rows: Sequence[SourceRow]) -> None:
        """Look up the owners and their tags."""
        uids: list[object] = column_of(rows, "uid")
        await self.lookups.load_users(uids)
        await self.lookups.load_tags(uids)

    async def need_holders(self, rows: Sequence[Mapping[str, object]]) -> None:
        """Look up the owners' tags."""
        await self.lookups.load_tags(row["uid"] for row in rows)
