"""Queries of the doctor: it walks through whole tables in the order of their primary keys, some rows at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import and_, func, or_, select, type_coerce, update
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo.db.driver_reads import ReadConnection
from aimo.db.queries.live import LIVE
from aimo.db.queries.tags import MemoTag
from aimo.db.schema import Attachments, Memos, MemoTags, MigrationQuarantine, OutboxEntries, Tags
from aimo.db.statements import in_list, owned, param, unscoped
from aimo.db.typed import Command, Query, Scalar, columns_for, following
from aimo.db.types import Prose


class IndexedMemo(NamedTuple):
    """What LanceDB must agree with; ``updated_at`` is in epoch milliseconds."""

    memo_id: str
    uid: str
    content: str
    updated_at: int


class TagList(NamedTuple):
    """The tags of a memo as the text of its JSON list: one that cannot be read must not take others along."""

    memo_id: str
    uid: str
    tag_ids: str | None


class CountedTag(NamedTuple):
    """A tag, how often it says that it is used, and how many memos carry it."""

    tag_id: str
    uid: str
    usage_count: int
    carriers: int


class EntityEntry(NamedTuple):
    """An outbox entry of an entity."""

    kind: str
    entity_id: str
    crashes: int


class OwnedRow(NamedTuple):
    """A row by its id, and whose it is."""

    row_id: str
    uid: str


class QuarantinedFile(NamedTuple):
    """The files that a quarantined row of the source names."""

    row_key: str
    path: str | None
    avatar: str | None


_DOCTOR = "the doctor looks at everybody's rows and shows none of their content"
_LISTS = "memos in the trash keep their tags, and so does the index of tags"

# Who carries a tag, defined once wherever it is counted: live memos of the user of the tag.
_CARRYING = (
    select(func.count())
    .select_from(MemoTags)
    .join(Memos, and_(Memos.memo_id == MemoTags.memo_id, Memos.uid == MemoTags.uid, LIVE))
)
_CARRIERS = _CARRYING.where(MemoTags.tag_id == Tags.tag_id, MemoTags.uid == Tags.uid).correlate(Tags).scalar_subquery()
_MEMO = columns_for(IndexedMemo, Memos)
_LIST = (Memos.memo_id, Memos.uid, type_coerce(Memos.tag_ids, Prose).label("tag_ids"))
_TAG = (Tags.tag_id, Tags.uid, Tags.usage_count, _CARRIERS.label("carriers"))
_LISTED_MEMO = Memos.memo_id.in_(in_list("memo_ids"))
_LISTED_ATTACHMENT = Attachments.attachment_id.in_(in_list("attachment_ids"))

_MEMOS_AFTER = Query(
    unscoped(
        "doctor.memos",
        following(Memos.memo_id, *_MEMO).where(LIVE),
        reason=_DOCTOR,
    ),
    IndexedMemo,
)
_MEMOS_BY_ID = Query(
    unscoped("doctor.memos_by_id", select(*_MEMO).where(_LISTED_MEMO, LIVE), reason=_DOCTOR), IndexedMemo
)
_TAG_LISTS_AFTER = Query(
    unscoped(
        "doctor.lists",
        following(Memos.memo_id, *_LIST),
        reason=_DOCTOR,
        trashed=_LISTS,
    ),
    TagList,
)
_TAG_LISTS_BY_ID = Query(
    unscoped("doctor.lists_by_id", select(*_LIST).where(_LISTED_MEMO), reason=_DOCTOR, trashed=_LISTS), TagList
)
_TAG_LIST_FOR_UPDATE = Query(
    unscoped(
        "doctor.list_for_update",
        select(*_LIST).where(Memos.memo_id == param("id")).with_for_update(),
        reason=_DOCTOR,
        trashed=_LISTS,
    ),
    TagList,
)
_ENTRIES_OF = Query(
    unscoped(
        "doctor.entries_of",
        select(*columns_for(EntityEntry, OutboxEntries)).where(OutboxEntries.entity_id.in_(in_list("entity_ids"))),
        reason=_DOCTOR,
    ),
    EntityEntry,
)
_LIVE_ATTACHMENTS = Query(
    unscoped(
        "doctor.live_attachments",
        select(Attachments.attachment_id.label("row_id"), Attachments.uid).where(_LISTED_ATTACHMENT),
        reason=_DOCTOR,
    ),
    OwnedRow,
)
_LIVE_MEMOS = Query(
    unscoped(
        "doctor.live_memos", select(Memos.memo_id.label("row_id"), Memos.uid).where(_LISTED_MEMO, LIVE), reason=_DOCTOR
    ),
    OwnedRow,
)
_TAGS_AFTER = Query(
    unscoped(
        "doctor.tags",
        following(Tags.tag_id, *_TAG),
        reason=_DOCTOR,
    ),
    CountedTag,
)
_TAGS_BY_ID = Query(
    unscoped("doctor.tags_by_id", select(*_TAG).where(Tags.tag_id.in_(in_list("tag_ids"))), reason=_DOCTOR), CountedTag
)
_OWNERS_OF_TAGS = Query(
    unscoped(
        "doctor.owners_of_tags",
        select(Tags.tag_id.label("row_id"), Tags.uid).where(Tags.tag_id.in_(in_list("tag_ids"))),
        reason=_DOCTOR,
    ),
    OwnedRow,
)
_CARRIED = Query(
    unscoped(
        "doctor.carried",
        select(*columns_for(MemoTag, MemoTags)).where(MemoTags.memo_id.in_(in_list("memo_ids"))),
        reason=_DOCTOR,
    ),
    MemoTag,
)
_INDEXED_AFTER = Scalar[str](
    unscoped(
        "doctor.indexed",
        following(MemoTags.memo_id, MemoTags.memo_id).distinct(),
        reason=_DOCTOR,
    )
)
_LOCK_TAG = Scalar[str](
    owned(
        "doctor.lock_tag",
        select(Tags.tag_id).where(Tags.uid == param("owner"), Tags.tag_id == param("tag_id")).with_for_update(),
    )
)
_COUNT_CARRIERS = Scalar[int](
    owned(
        "doctor.carriers",
        _CARRYING.where(
            MemoTags.uid == param("owner"), Memos.uid == param("owner"), MemoTags.tag_id == param("tag_id")
        ),
    )
)
_SET_USAGE = Command(
    owned(
        "doctor.set_usage",
        update(Tags)
        .where(Tags.uid == param("owner"), Tags.tag_id == param("id"))
        .values(usage_count=param("carriers")),
    )
)
_KNOWN_PATHS = Scalar[str](
    owned(
        "doctor.paths",
        select(Attachments.path).where(Attachments.uid == param("owner"), Attachments.path.in_(in_list("paths"))),
    )
)
_PATH = MigrationQuarantine.content["path"].as_string()
_AVATAR = MigrationQuarantine.content["avatar"].as_string()
_QUARANTINED = Query(
    unscoped(
        "doctor.quarantined",
        select(MigrationQuarantine.row_key, _PATH.label("path"), _AVATAR.label("avatar")).where(
            or_(
                MigrationQuarantine.row_key.in_(in_list("names")),
                _PATH.in_(in_list("keys")),
                _AVATAR.in_(in_list("avatars")),
            )
        ),
        reason=_DOCTOR,
    ),
    QuarantinedFile,
)


async def memos_after(connection: ReadConnection, *, after: str, limit: int) -> list[IndexedMemo]:
    """Load the next live memos behind an id."""
    return await _MEMOS_AFTER.all(connection, after=after, limit=limit)


async def memos_by_id(connection: ReadConnection, *, memo_ids: Sequence[str]) -> list[IndexedMemo]:
    """Load those of these memos that are live."""
    return await _MEMOS_BY_ID.all(connection, memo_ids=memo_ids)


async def tag_lists_after(connection: ReadConnection, *, after: str, limit: int) -> list[TagList]:
    """Load the lists of tags of the next memos behind an id."""
    return await _TAG_LISTS_AFTER.all(connection, after=after, limit=limit)


async def tag_lists_by_id(connection: ReadConnection, *, memo_ids: Sequence[str]) -> list[TagList]:
    """Load the lists of tags of those of these memos that exist."""
    return await _TAG_LISTS_BY_ID.all(connection, memo_ids=memo_ids)


async def tag_list_for_update(connection: AsyncConnection, *, memo_id: str) -> list[TagList]:
    """Load the list of tags of a memo, where it exists, and lock the memo."""
    return await _TAG_LIST_FOR_UPDATE.all(connection, id=memo_id)


async def entries_of(connection: ReadConnection, *, entity_ids: Sequence[str]) -> list[EntityEntry]:
    """Load the outbox entries of these entities."""
    return await _ENTRIES_OF.all(connection, entity_ids=entity_ids)


async def live_attachments(connection: ReadConnection, *, attachment_ids: Sequence[str]) -> dict[str, str]:
    """Return whose those of these attachments are that exist."""
    return dict(await _LIVE_ATTACHMENTS.all(connection, attachment_ids=attachment_ids))


async def live_memos(connection: ReadConnection, *, memo_ids: Sequence[str]) -> dict[str, str]:
    """Return whose those of these memos are that are live."""
    return dict(await _LIVE_MEMOS.all(connection, memo_ids=memo_ids))


async def tags_after(connection: ReadConnection, *, after: str, limit: int) -> list[CountedTag]:
    """Load the next tags behind an id."""
    return await _TAGS_AFTER.all(connection, after=after, limit=limit)


async def tags_by_id(connection: ReadConnection, *, tag_ids: Sequence[str]) -> list[CountedTag]:
    """Load those of these tags that exist."""
    return await _TAGS_BY_ID.all(connection, tag_ids=tag_ids)


async def owners_of_tags(connection: ReadConnection, *, tag_ids: Sequence[str]) -> dict[str, str]:
    """Return whose those of these tags are that exist."""
    return dict(await _OWNERS_OF_TAGS.all(connection, tag_ids=tag_ids))


async def carried_tags(connection: ReadConnection, *, memo_ids: Sequence[str]) -> list[MemoTag]:
    """Load what the index of tags has of these memos."""
    return await _CARRIED.all(connection, memo_ids=memo_ids)


async def indexed_after(connection: ReadConnection, *, after: str, limit: int) -> list[str]:
    """Return the next ids of memos behind one that the index of tags has."""
    return await _INDEXED_AFTER.all(connection, after=after, limit=limit)


async def lock_tag(connection: AsyncConnection, *, owner: str, tag_id: str) -> None:
    """Lock a tag until the transaction ends."""
    await _LOCK_TAG.first(connection, owner=owner, tag_id=tag_id)


async def count_carriers(connection: ReadConnection, *, owner: str, tag_id: str) -> int:
    """Count the memos that carry a tag."""
    return await _COUNT_CARRIERS.one(connection, owner=owner, tag_id=tag_id)


async def set_usage(connection: AsyncConnection, *, owner: str, tag_id: str, carriers: int) -> None:
    """Store how many memos carry a tag."""
    await _SET_USAGE.run(connection, owner=owner, id=tag_id, carriers=carriers)


async def known_paths(connection: ReadConnection, *, owner: str, paths: Sequence[str]) -> list[str]:
    """Return those of these keys that files of a user have."""
    return await _KNOWN_PATHS.all(connection, owner=owner, paths=paths)


async def quarantined_files(
    connection: ReadConnection, *, names: Sequence[str], keys: Sequence[str]
) -> list[QuarantinedFile]:
    """Load what the migration could not take over of rows with these names, or of files with these keys."""
    return await _QUARANTINED.all(connection, names=names, keys=keys, avatars=keys)
