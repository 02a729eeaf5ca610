"""Queries on tags and on which memo carries them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import case, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo.db.dialect_sql import insert_new, json_without
from aimo.db.driver_reads import ReadConnection
from aimo.db.schema import Memos, MemoTags, Tags
from aimo.db.statements import in_list, owned, param
from aimo.db.typed import Command, Query, Scalar, columns_for, table_of, values_for


class TagRow(NamedTuple):
    """A tag as it is stored; ``name_key`` is its name as names are compared. Times are epoch milliseconds."""

    tag_id: str
    name: str
    name_key: str
    color: str | None
    usage_count: int
    created_at: int
    updated_at: int


class NewTag(NamedTuple):
    """What a tag is created with."""

    tag_id: str
    uid: str
    name: str
    name_key: str
    color: str | None
    usage_count: int
    seq: int
    created_at: int
    updated_at: int


class MemoTag(NamedTuple):
    """That a memo carries a tag."""

    memo_id: str
    tag_id: str
    uid: str


_COLUMNS = columns_for(TagRow, Tags)
_OWNED = Tags.uid == param("owner")
_ONE = (_OWNED, Tags.tag_id == param("id"))
_ATTACHED = (MemoTags.uid == param("owner"), MemoTags.memo_id == param("memo_id"))

_OF_USER = Query(owned("tags.of_user", select(*_COLUMNS).where(_OWNED).order_by(Tags.seq)), TagRow)
_GET = Query(owned("tags.one", select(*_COLUMNS).where(*_ONE)), TagRow)
_GET_FOR_UPDATE = Query(owned("tags.for_update", select(*_COLUMNS).where(*_ONE).with_for_update()), TagRow)
BY_IDS = Query(owned("tags.by_ids", select(*_COLUMNS).where(_OWNED, Tags.tag_id.in_(in_list("tag_ids")))), TagRow)
_BY_NAMES = Query(
    owned("tags.by_names", select(*_COLUMNS).where(_OWNED, Tags.name_key.in_(in_list("name_keys")))), TagRow
)
_CREATE_UNLESS_KNOWN = Command(owned("tags.create_new", insert_new(table_of(Tags)).values(values_for(NewTag, Tags))))
_UPDATE = Command(
    owned(
        "tags.update",
        update(Tags)
        .where(*_ONE)
        .values(
            name=param("new_name"), name_key=param("new_key"), color=param("new_color"), updated_at=param("changed_at")
        ),
    )
)
_DELETE = Command(owned("tags.delete", delete(Tags).where(*_ONE)))

# Counters change by themselves in the database: read-modify-write would lose updates.
_COUNT_UP = Command(owned("tags.count_up", update(Tags).where(*_ONE).values(usage_count=Tags.usage_count + 1)))
_COUNT_DOWN = Command(
    owned(
        "tags.count_down",
        update(Tags).where(*_ONE).values(usage_count=case((Tags.usage_count > 0, Tags.usage_count - 1), else_=0)),
    )
)
_ATTACH = Command(owned("tags.attach", insert(MemoTags).values(values_for(MemoTag, MemoTags))))
_DETACH = Command(owned("tags.detach", delete(MemoTags).where(*_ATTACHED, MemoTags.tag_id == param("tag_id"))))
_ATTACHED_IDS = Scalar[str](owned("tags.attached", select(MemoTags.tag_id).where(*_ATTACHED)))
# A join: MariaDB looks at every memo of everybody where the tagged ones are named by a subquery.
_REMOVE_FROM_MEMOS = Command(
    owned(
        "tags.forget_in_memos",
        update(Memos)
        .where(
            Memos.uid == param("owner"),
            Memos.memo_id == MemoTags.memo_id,
            MemoTags.uid == param("owner"),
            MemoTags.tag_id == param("tag_id"),
        )
        .values(tag_ids=json_without(Memos.tag_ids, param("tag_id"))),
        trashed="a memo that comes back from the trash must not name a tag that is gone",
    )
)


async def of_user(connection: ReadConnection, *, owner: str) -> list[TagRow]:
    """Load all tags of a user in the order in which they were created."""
    return await _OF_USER.all(connection, owner=owner)


async def get(connection: ReadConnection, *, owner: str, tag_id: str) -> TagRow | None:
    """Load a tag; None where the user has none of this id."""
    return await _GET.first(connection, owner=owner, id=tag_id)


async def get_for_update(connection: AsyncConnection, *, owner: str, tag_id: str) -> TagRow | None:
    """Load a tag and lock it until the transaction ends."""
    return await _GET_FOR_UPDATE.first(connection, owner=owner, id=tag_id)


async def by_ids(connection: ReadConnection, *, owner: str, tag_ids: Sequence[str]) -> list[TagRow]:
    """Load the user's tags that have one of these ids, in no particular order."""
    return await BY_IDS.all(connection, owner=owner, tag_ids=tag_ids)


async def by_name_keys(connection: ReadConnection, *, owner: str, name_keys: Sequence[str]) -> list[TagRow]:
    """Load the tags that have one of these names, at least one, in no particular order."""
    return await _BY_NAMES.all(connection, owner=owner, name_keys=name_keys)


async def create_unless_known(connection: AsyncConnection, tags: Sequence[NewTag]) -> None:
    """Store those of the tags whose names the user has no tag of."""
    await _CREATE_UNLESS_KNOWN.run_many(connection, [tag._asdict() for tag in tags])


async def update_tag(
    connection: AsyncConnection, *, owner: str, tag_id: str, name: str, name_key: str, color: str | None, now: int
) -> None:
    """Change the name and color of a tag.

    Raises:
        IntegrityError: the user has another one of this name.
    """
    await _UPDATE.run(
        connection, owner=owner, id=tag_id, new_name=name, new_key=name_key, new_color=color, changed_at=now
    )


async def delete_tag(connection: AsyncConnection, *, owner: str, tag_id: str) -> bool:
    """Remove a tag; False where the user has none of this id."""
    return bool(await _DELETE.run(connection, owner=owner, id=tag_id))


async def count_up(connection: AsyncConnection, *, owner: str, tag_id: str) -> bool:
    """Count one more use of a tag; False where the user has none of this id."""
    return bool(await _COUNT_UP.run(connection, owner=owner, id=tag_id))


async def count_down(connection: AsyncConnection, *, owner: str, tag_id: str) -> bool:
    """Count one use of a tag less, never below none; False where the user has none of this id."""
    return bool(await _COUNT_DOWN.run(connection, owner=owner, id=tag_id))


async def attach(connection: AsyncConnection, links: Sequence[MemoTag]) -> None:
    """Store that memos carry tags."""
    await _ATTACH.run_many(connection, [link._asdict() for link in links])


async def detach(connection: AsyncConnection, *, owner: str, memo_id: str, tag_id: str) -> None:
    """Store that a memo does not carry a tag any more."""
    await _DETACH.run(connection, owner=owner, memo_id=memo_id, tag_id=tag_id)


async def attached_ids(connection: ReadConnection, *, owner: str, memo_id: str) -> set[str]:
    """Return the ids of the existing tags that a memo carries."""
    return set(await _ATTACHED_IDS.all(connection, owner=owner, memo_id=memo_id))


async def remove_from_memos(connection: AsyncConnection, *, owner: str, tag_id: str) -> None:
    """Remove the id of a tag from the lists of the memos that carry it."""
    await _REMOVE_FROM_MEMOS.run(connection, owner=owner, tag_id=tag_id)
