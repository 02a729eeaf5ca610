"""Queries on attachments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo.db.driver_reads import ReadConnection
from aimo.db.schema import Attachments
from aimo.db.statements import in_list, owned, param, unscoped
from aimo.db.typed import Command, Query, Scalar, columns_for


class AttachmentRow(NamedTuple):
    """An attachment as it is stored: every statement that reads or adds attachments has these columns.

    ``storage_type`` and what follows it say where its bytes are, ``is_public_bucket`` as ``true`` or ``false``.
    ``properties`` is JSON. ``created_at`` is in epoch milliseconds. ``width`` and ``height`` are those of a picture as
    it is shown, in pixels.
    """

    attachment_id: str
    uid: str
    filename: str
    type: str
    size: int
    path: str
    storage_type: str | None
    bucket: str | None
    prefix: str | None
    endpoint: str | None
    region: str | None
    is_public_bucket: str | None
    properties: object
    created_at: int
    width: int | None = None
    height: int | None = None


_COLUMNS = columns_for(AttachmentRow, Attachments)
_MINE = Attachments.uid == param("owner")
_ONE = (_MINE, Attachments.attachment_id == param("id"))
_LISTED = Attachments.attachment_id.in_(in_list("ids"))

_GET = Query(owned("attachments.one", select(*_COLUMNS).where(*_ONE)), AttachmentRow)
_GET_FOR_UPDATE = Query(
    owned("attachments.for_update", select(*_COLUMNS).where(*_ONE).with_for_update()), AttachmentRow
)
_BY_IDS = Query(owned("attachments.by_ids", select(*_COLUMNS).where(_MINE, _LISTED)), AttachmentRow)
_PAGE = Query(
    owned(
        "attachments.page",
        select(*_COLUMNS)
        .where(_MINE)
        .order_by(Attachments.created_at.desc(), Attachments.seq.desc())
        .limit(param("limit"))
        .offset(param("offset")),
    ),
    AttachmentRow,
)
_COUNT = Scalar[int](owned("attachments.count", select(func.count()).select_from(Attachments).where(_MINE)))
_BYTES_USED = Scalar[int](owned("attachments.used", select(func.coalesce(func.sum(Attachments.size), 0)).where(_MINE)))
_CREATE = Command(
    owned(
        "attachments.create",
        insert(Attachments).values({name: param(name) for name in (*AttachmentRow._fields, "seq")}),
    )
)
_SET_PROPERTIES = Command(
    owned("attachments.set_properties", update(Attachments).where(*_ONE).values(properties=param("new_properties")))
)
_SET_PICTURE_SIZE = Command(
    owned(
        "attachments.set_picture_size",
        update(Attachments).where(*_ONE).values(width=param("new_width"), height=param("new_height")),
    )
)
_DELETE = Command(owned("attachments.delete", delete(Attachments).where(*_ONE)))
_FOR_SYNC = Query(
    unscoped(
        "attachments.for_sync",
        select(*_COLUMNS).where(_LISTED),
        reason="the sync worker carries every user's pictures to LanceDB, each with its own uid",
    ),
    AttachmentRow,
)
_SET_MODEL_HASH = Command(
    unscoped(
        "attachments.set_model_hash",
        update(Attachments).where(_LISTED).values(multimodal_model_hash=param("new_hash")),
        reason="the sync worker notes by which model a picture was embedded",
    )
)


async def get(connection: ReadConnection, *, owner: str, attachment_id: str) -> AttachmentRow | None:
    """Load an attachment; None where the user has none of this id."""
    return await _GET.first(connection, owner=owner, id=attachment_id)


async def get_for_update(connection: AsyncConnection, *, owner: str, attachment_id: str) -> AttachmentRow | None:
    """Load an attachment and lock it until the transaction ends."""
    return await _GET_FOR_UPDATE.first(connection, owner=owner, id=attachment_id)


async def by_ids(connection: ReadConnection, *, owner: str, attachment_ids: Sequence[str]) -> list[AttachmentRow]:
    """Load the user's attachments that have one of these ids, in no particular order."""
    return await _BY_IDS.all(connection, owner=owner, ids=attachment_ids)


async def page(connection: ReadConnection, *, owner: str, limit: int, offset: int) -> list[AttachmentRow]:
    """Load a page of the user's attachments, newest first."""
    return await _PAGE.all(connection, owner=owner, limit=limit, offset=offset)


async def count(connection: ReadConnection, *, owner: str) -> int:
    """Count the user's attachments."""
    return await _COUNT.one(connection, owner=owner)


async def bytes_used(connection: ReadConnection, *, owner: str) -> int:
    """Return how many bytes the user's files have together."""
    return int(await _BYTES_USED.one(connection, owner=owner))


async def create(connection: AsyncConnection, attachment: AttachmentRow, *, seq: int) -> None:
    """Store an attachment; ``seq`` is its place in the order of insertion."""
    await _CREATE.run(connection, **attachment._asdict(), seq=seq)


async def set_properties(connection: AsyncConnection, *, owner: str, attachment_id: str, properties: object) -> None:
    """Store other properties of an attachment, as JSON."""
    await _SET_PROPERTIES.run(connection, owner=owner, id=attachment_id, new_properties=properties)


async def set_picture_size(
    connection: AsyncConnection, *, owner: str, attachment_id: str, width: int, height: int
) -> None:
    """Store how large a picture is shown."""
    await _SET_PICTURE_SIZE.run(connection, owner=owner, id=attachment_id, new_width=width, new_height=height)


async def delete_attachment(connection: AsyncConnection, *, owner: str, attachment_id: str) -> None:
    """Remove an attachment."""
    await _DELETE.run(connection, owner=owner, id=attachment_id)


async def for_sync(connection: ReadConnection, *, attachment_ids: Sequence[str]) -> list[AttachmentRow]:
    """Load the attachments of all users that have one of these ids."""
    return await _FOR_SYNC.all(connection, ids=attachment_ids)


async def set_model_hash(connection: AsyncConnection, *, attachment_ids: Sequence[str], model_hash: str) -> None:
    """Store by which model these attachments, at least one, were embedded."""
    await _SET_MODEL_HASH.run(connection, ids=attachment_ids, new_hash=model_hash)
