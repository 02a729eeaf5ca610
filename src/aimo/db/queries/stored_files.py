"""Queries on the files that rows name: attachments' and users' pictures, of all users."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo.db.driver_reads import ReadConnection
from aimo.db.schema import Attachments, Users
from aimo.db.statements import in_list, param, unscoped
from aimo.db.typed import Command, Query, Scalar, columns_for, following


class StoredFile(NamedTuple):
    """What an attachment's row says of its file.

    ``path`` is its key, ``size`` is in bytes, 0 where a migration did not know it; ``storage_type`` is the kind of
    storage that has it.
    """

    attachment_id: str
    uid: str
    path: str
    size: int
    type: str
    storage_type: str | None


class Picture(NamedTuple):
    """A user's picture: an address or the key of a stored file."""

    uid: str
    avatar: str | None


_EVERYBODYS = "backups, moves and the doctor go through the files of all users"

_FILES_AFTER = Query(
    unscoped(
        "stored_files.after",
        following(Attachments.attachment_id, *columns_for(StoredFile, Attachments)),
        reason=_EVERYBODYS,
    ),
    StoredFile,
)
_FILES_BY_ID = Query(
    unscoped(
        "stored_files.by_id",
        select(*columns_for(StoredFile, Attachments)).where(Attachments.attachment_id.in_(in_list("attachment_ids"))),
        reason=_EVERYBODYS,
    ),
    StoredFile,
)
_PATH = Scalar[str](
    unscoped(
        "stored_files.path",
        select(Attachments.path).where(Attachments.attachment_id == param("id")),
        reason=_EVERYBODYS,
    )
)
_PICTURES_AFTER = Query(
    unscoped(
        "stored_files.pictures_after",
        following(Users.uid, *columns_for(Picture, Users)),
        reason=_EVERYBODYS,
    ),
    Picture,
)
_PICTURES = Query(
    unscoped(
        "stored_files.pictures",
        select(*columns_for(Picture, Users)).where(Users.uid.in_(in_list("uids"))),
        reason=_EVERYBODYS,
    ),
    Picture,
)
_PLACE = Command(
    unscoped(
        "stored_files.place",
        update(Attachments)
        .where(Attachments.attachment_id == param("id"), Attachments.path == param("key"))
        .values(
            storage_type=param("new_storage_type"),
            bucket=param("new_bucket"),
            prefix=param("new_prefix"),
            endpoint=param("new_endpoint"),
            region=param("new_region"),
            is_public_bucket=param("new_is_public_bucket"),
        ),
        reason=_EVERYBODYS,
    )
)


async def files_after(connection: ReadConnection, *, after: str, limit: int) -> list[StoredFile]:
    """Load the files of the next attachments behind an id."""
    return await _FILES_AFTER.all(connection, after=after, limit=limit)


async def files_by_id(connection: ReadConnection, *, attachment_ids: Sequence[str]) -> list[StoredFile]:
    """Load the files of those of these attachments that exist."""
    return await _FILES_BY_ID.all(connection, attachment_ids=attachment_ids)


async def path_of(connection: ReadConnection, *, attachment_id: str) -> str | None:
    """Return the key of an attachment's file; None without the attachment."""
    return await _PATH.first(connection, id=attachment_id)


async def pictures_after(connection: ReadConnection, *, after: str, limit: int) -> list[Picture]:
    """Load the pictures of the next users behind an id."""
    return await _PICTURES_AFTER.all(connection, after=after, limit=limit)


async def pictures(connection: ReadConnection, *, uids: Sequence[str]) -> dict[str, str | None]:
    """Return the pictures of those of these users that exist."""
    return dict(await _PICTURES.all(connection, uids=uids))


async def place(
    connection: AsyncConnection,
    *,
    attachment_id: str,
    key: str,
    storage_type: str,
    bucket: str | None,
    prefix: str | None,
    endpoint: str | None,
    region: str | None,
    is_public_bucket: str | None,
) -> bool:
    """Store where an attachment's file is now; False where its row names another file, or is gone."""
    values = {
        "new_storage_type": storage_type,
        "new_bucket": bucket,
        "new_prefix": prefix,
        "new_endpoint": endpoint,
        "new_region": region,
        "new_is_public_bucket": is_public_bucket,
    }
    return await _PLACE.run(connection, id=attachment_id, key=key, **values) == 1
