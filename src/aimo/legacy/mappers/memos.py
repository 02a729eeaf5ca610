"""Memos: categories by id or name, tags by id or name.

See docs/contract/source-database.md#what-older-and-newer-builds-left, docs/contract/source-database.md#oddities.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import ClassVar

from aimo import ids
from aimo.db.queries.migration import table_of
from aimo.db.schema import Memos
from aimo.legacy.mappers.mapper import Mapped, Mapper, column_of
from aimo.legacy.mappers.row_fields import RowFields
from aimo.legacy.plan.target_lookups import NamedRows
from aimo.legacy.row_outcomes import Change
from aimo.legacy.source.column_values import Kind
from aimo.legacy.source.row_reader import SourceRow
from aimo.services.memos.name_keys import name_key

_TYPES = ("text", "audio", "video")
# What hashes of memos were made of before there was a trash.
_FIRST = (
    "memo_id",
    "uid",
    "category_id",
    "content",
    "type",
    "source",
    "attachments",
    "tag_ids",
    "is_public",
    "created_at",
    "updated_at",
)
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def tag_id_for(uid: str, key: str) -> str:
    """Return the id of a tag that is made from a name: the same in every run, so that a run can be repeated."""
    number = int.from_bytes(hashlib.sha256(f"{uid}\0{key}".encode()).digest(), "big")
    digits = []
    for _ in range(23):
        number, digit = divmod(number, 36)
        digits.append(_DIGITS[digit])
    return "t" + "".join(digits)


class MemoMapper(Mapper):
    """Tags that an early build kept by their names come back as tags."""

    source = "memos"
    table = table_of(Memos)
    key = "memoId"
    has_trash = True
    expendable: ClassVar = {"source": None}
    hashed = (_FIRST, (*_FIRST, "deleted_at"))
    kinds: ClassVar = {
        "memoId": Kind.TEXT,
        "uid": Kind.TEXT,
        "categoryId": Kind.TEXT,
        "content": Kind.TEXT,
        "type": Kind.TEXT,
        "source": Kind.TEXT,
        "attachments": Kind.TEXTS,
        "tagIds": Kind.TEXTS,
        "tags": Kind.TEXTS,
        "isPublic": Kind.FLAG,
        "createdAt": Kind.MOMENT,
        "updatedAt": Kind.MOMENT,
    }

    async def look_up(self, rows: Sequence[SourceRow]) -> None:
        """Look up the owners, their tags and their categories."""
        uids = column_of(rows, "uid")
        await self.lookups.load_users(uids)
        await self.lookups.load_tags(uids)
        await self.lookups.load_categories(uids)

    def build(self, row: SourceRow, fields: RowFields) -> Mapped:
        """Return the memo, with its links to tags that exist and the tags made for names."""
        uid = fields.owner(self.lookups)
        created_at = fields.moment("createdAt", "created_at", "updatedAt")
        values = {
            "memo_id": fields.id("memoId"),
            "uid": uid,
            "category_id": self._category(fields, uid),
            "content": fields.text("content", "content"),
            "type": _type(fields),
            "source": fields.optional("source"),
            "attachments": fields.ids("attachments", "attachments"),
            "is_public": _public(fields),
            "created_at": created_at,
            "updated_at": fields.moment("updatedAt", "updated_at", "createdAt"),
            "deleted_at": fields.deleted_at(),
        }
        new_tags: list[dict[str, object]] = []
        tag_ids = self._tags(fields, uid, created_at, new_tags)
        known, made = self.lookups.tags.get(uid, NamedRows()).ids, {tag["tag_id"] for tag in new_tags}
        links = [tag_id for tag_id in tag_ids or () if tag_id in known or tag_id in made]
        return Mapped(values | {"tag_ids": tag_ids}, fields.notes, links, new_tags)

    def hold(self, mapped: Mapped) -> None:
        """Take up the names of the tags that are created for it."""
        for tag in mapped.new_tags:
            self.lookups.tags.setdefault(tag["uid"], NamedRows()).add(tag["tag_id"], tag["name_key"])

    def _category(self, fields: RowFields, uid: str) -> str | None:
        given = fields.optional("categoryId")
        if given is None:
            return None
        if not given:
            fields.note("category_id", Change.EMPTY_TO_NULL, given, None)
            return None
        known = self.lookups.categories.get(uid, NamedRows())
        if given in known.ids:
            return given
        merged = self.lookups.merged_categories.get(given)
        if merged in known.ids:
            fields.note("category_id", Change.MERGED_CATEGORY, given, merged)
            return merged
        by_name = known.by_key.get(name_key(given))
        change = Change.CATEGORY_BY_NAME if by_name else Change.UNKNOWN_CATEGORY
        fields.note("category_id", change, given, by_name)
        return by_name

    def _tags(
        self, fields: RowFields, uid: str, created_at: int, new_tags: list[dict[str, object]]
    ) -> list[str] | None:
        given = fields.ids("tagIds", "tag_ids")
        named = fields.raw("tags")
        tag_ids = given
        known = self.lookups.tags.get(uid, NamedRows()).ids
        merged = {
            tag_id: into
            for tag_id in given or ()
            if tag_id not in known and (into := self.lookups.merged_tags.get(tag_id)) in known
        }
        if given and merged:
            tag_ids = list(dict.fromkeys(merged.get(tag_id, tag_id) for tag_id in given))
            fields.note("tag_ids", Change.MERGED_TAG, given, tag_ids)
        if named:
            found = [self._tag(uid, name, created_at, new_tags) for name in named if name and name.strip()]
            restored = list(dict.fromkeys([*(tag_ids or ()), *found]))
            if restored != (tag_ids or []):
                fields.note("tag_ids", Change.TAGS_FROM_NAMES, named, restored)
                tag_ids = restored
        return tag_ids

    def _tag(self, uid: str, name: str, created_at: int, new_tags: list[dict[str, object]]) -> str:
        """Return the tag that an entry of the old column means: an id, a name, or a name that needs a tag made."""
        known = self.lookups.tags.get(uid, NamedRows())
        if ids.is_possible(name) and name in known.ids:
            return name
        name = name.strip()
        key = name_key(name)
        tag_id = known.by_key.get(key) or tag_id_for(uid, key)
        if key not in known.by_key and all(tag["tag_id"] != tag_id for tag in new_tags):
            new_tags.append(
                {
                    "tag_id": tag_id,
                    "uid": uid,
                    "name": name,
                    "name_key": key,
                    "color": None,
                    "created_at": created_at,
                    "updated_at": created_at,
                }
            )
        return tag_id


def _type(fields: RowFields) -> str:
    given = fields.raw("type")
    if given in _TYPES:
        return str(given)
    if given is not None:
        fields.note("type", Change.UNKNOWN_TYPE, given, "text")
    return "text"


def _public(fields: RowFields) -> bool:
    value = fields.raw("isPublic")
    return bool(value)
