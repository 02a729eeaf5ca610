"""Attachments: a row in the database and an object in the store, together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo import clock, ids
from aimo.db.connection import Database
from aimo.db.queries import attachments as attachment_queries
from aimo.db.queries import users as user_queries
from aimo.db.queries.attachments import AttachmentRow
from aimo.db.transaction import atomically
from aimo.dto.attachments import Attachment, AttachmentPage
from aimo.dto.base import UNSET
from aimo.errors import AimoError, Code
from aimo.services.accounts.provider_allowances import Allowance
from aimo.services.attachments.file_urls import FileUrls, placed
from aimo.services.attachments.thumbnails import SHOW_SIZES, measured, remove_copies
from aimo.services.idempotency import Claim
from aimo.services.memos.paging import PageRequest
from aimo.services.sync import outbox as entries
from aimo.services.sync.service import SyncService
from aimo.storage.keys import attachment_key
from aimo.storage.protocol import Storage, StorageError, StoredObject

log = structlog.get_logger(__name__)

MOST_PROPERTIES_BYTES: Final = 16 * 1024
"""JSON that may be kept with a file: it comes with every answer that shows the file."""


@dataclass(frozen=True)
class NewAttachment:
    """A file that was received into a local temporary file."""

    filename: str
    content_type: str
    size: int
    path: Path
    created_at: int | None = None
    properties: object = None


@dataclass(frozen=True)
class RemovedFiles:
    """Objects whose rows are being removed, and the outbox entries for it."""

    keys: Sequence[str] = ()
    entries: Sequence[entries.OutboxEntry] = ()


@dataclass(frozen=True)
class Download:
    """An attachment opened for reading."""

    filename: str
    content_type: str
    content: StoredObject


class AttachmentService:
    """Stores, lists, describes and removes attachments (docs/contract/attachments.md)."""

    def __init__(
        self,
        database: Database,
        storage: Storage,
        urls: FileUrls,
        sync: SyncService,
        *,
        zone: ZoneInfo,
        blocked_types: frozenset[str],
        quota: int,
        pictures: Allowance,
    ) -> None:
        """``quota`` is the most bytes of a user's files together, 0 for any number.

        ``pictures`` counts what is going to be embedded.
        """
        self._database = database
        self._storage = storage
        self._urls = urls
        self._sync = sync
        self._zone = zone
        self._blocked = blocked_types
        self._quota = quota
        self._pictures = pictures

    def require_allowed_type(self, content_type: str) -> None:
        """Refuse a media type of the block list, which may hold ``major/*``."""
        if content_type in self._blocked or f"{content_type.partition('/')[0]}/*" in self._blocked:
            message = f"File type {content_type} is not allowed due to security restrictions"
            raise AimoError(Code.UNSUPPORTED_FILE_TYPE, message)

    async def create(self, uid: str, file: NewAttachment, claim: Claim | None = None) -> Attachment:
        """Store the bytes, then the row; without the row the bytes are removed again.

        FILE_TOO_LARGE beyond the user's quota, LimitReached for too many pictures, STORAGE_ERROR when either fails.
        """
        self.require_allowed_type(file.content_type)
        await self.require_room(uid, file.size)
        if file.content_type.startswith(("image/", "video/")):
            await self._pictures.spend(uid)
        attachment_id = ids.attachment_id()
        key = attachment_key(uid, clock.local_day(self._zone), attachment_id, file.filename)
        properties = file.properties if isinstance(file.properties, dict) else None
        _require_small(properties)
        size = await measured(file.path, file.content_type)
        row = AttachmentRow(
            attachment_id=attachment_id,
            uid=uid,
            filename=file.filename,
            type=file.content_type,
            size=file.size,
            path=key,
            properties=properties or None,
            created_at=_require_storable(file.created_at),
            width=size.width if size else None,
            height=size.height if size else None,
            **placed(self._storage.placement),
        )
        attachment = present(row, self._urls)
        attachment.cover_url = UNSET
        seq = clock.next_sequence()

        async def work(connection: AsyncConnection) -> entries.OutboxEntry:
            if self._quota:
                # One upload of a user after the other, so that many at once do not get past the quota.
                await user_queries.lock(connection, owner=uid)
                await self._require_room(connection, uid, file.size)
            if claim:
                await claim.take(connection)
            await attachment_queries.create(connection, row, seq=seq)
            if claim:
                await claim.keep(connection, attachment)
            return await entries.write(connection, "attachment", attachment_id, uid, grace_ms=self._sync.grace_ms)

        try:
            await self._storage.put(key, file.path, file.content_type)
            try:
                entry = await atomically(self._database, "attachments.create", work, user=uid, entity=attachment_id)
            except Exception:
                # A commit may have happened although its answer was lost. An object too many is removed some day.
                if await self._row_is_known_to_be_missing(uid, attachment_id):
                    await self._remove_object(key)
                raise
        except AimoError:
            raise
        except Exception as error:
            log.exception("attachment store failed", user=uid, attachment=attachment_id)
            raise AimoError(Code.STORAGE_ERROR) from error
        await self._sync.wait_until_applied([entry])
        return attachment

    async def require_room(self, uid: str, size: int) -> None:
        """FILE_TOO_LARGE, with what is used and allowed, when so many bytes more are beyond the user's quota."""
        if self._quota:
            async with self._database.reads() as connection:
                await self._require_room(connection, uid, size)

    async def _require_room(self, connection: AsyncConnection, uid: str, size: int) -> None:
        used = await attachment_queries.bytes_used(connection, owner=uid)
        if used + size > self._quota:
            message = f"Storage quota exceeded: {used} of {self._quota} bytes are used, and {size} do not fit"
            raise AimoError(Code.FILE_TOO_LARGE, message)

    async def page(self, uid: str, request: PageRequest) -> AttachmentPage:
        """Return a page of the user's attachments, newest first."""
        async with self._database.reads() as connection:
            total = await attachment_queries.count(connection, owner=uid)
            rows = await attachment_queries.page(connection, owner=uid, limit=request.size, offset=request.offset)
        items = [present(row, self._urls) for row in rows]
        described = request.describe(total)
        return AttachmentPage(items=items, total=total, page=described.page, limit=described.limit)

    async def get(self, uid: str, attachment_id: str) -> Attachment:
        """Return one attachment; ATTACHMENT_NOT_FOUND when the user has none of that id."""
        async with self._database.reads() as connection:
            return present(await self._one(connection, uid, attachment_id), self._urls)

    async def delete(self, uid: str, attachment_id: str) -> None:
        """Remove row and object; memos keep the dead id, which they no longer show.

        The row goes first: bytes left behind by a failure are found and removed later, a row without bytes
        would be a promise broken.
        """
        _require_possible(attachment_id)

        async def work(connection: AsyncConnection) -> tuple[str, entries.OutboxEntry]:
            row = await _get_for_update(connection, uid, attachment_id)
            await attachment_queries.delete_attachment(connection, owner=uid, attachment_id=attachment_id)
            entry = await entries.write(connection, "attachment", attachment_id, uid, grace_ms=self._sync.grace_ms)
            return row.path, entry

        key, entry = await atomically(self._database, "attachments.delete", work, user=uid, entity=attachment_id)
        await self._remove_object(key)
        await self._sync.wait_until_applied([entry])

    async def forget(self, connection: AsyncConnection, uid: str, attachment_ids: Iterable[str]) -> RemovedFiles:
        """Remove the rows of these attachments, as far as the user has them, in a transaction of somebody else.

        What is returned is for `remove`, once that transaction has been committed.
        """
        keys, written = [], []
        for attachment_id in sorted(filter(ids.is_possible, set(attachment_ids))):
            row = await attachment_queries.get_for_update(connection, owner=uid, attachment_id=attachment_id)
            if row is None:
                continue
            await attachment_queries.delete_attachment(connection, owner=uid, attachment_id=attachment_id)
            written.append(
                await entries.write(connection, "attachment", attachment_id, uid, grace_ms=self._sync.grace_ms)
            )
            keys.append(row.path)
        return RemovedFiles(keys, written)

    async def remove(self, files: RemovedFiles) -> None:
        """Remove the objects whose rows are gone; what fails is logged, and found as stray files later."""
        for key in files.keys:
            await self._remove_object(key)

    async def merge_properties(self, uid: str, attachment_id: str, properties: dict[str, object]) -> Attachment:
        """Set these properties and keep the others; null values are kept as null."""
        _require_possible(attachment_id)

        async def work(connection: AsyncConnection) -> Attachment:
            row = await _get_for_update(connection, uid, attachment_id)
            before = row.properties if isinstance(row.properties, dict) else {}
            merged = before | properties
            _require_small(merged, before)
            await attachment_queries.set_properties(
                connection, owner=uid, attachment_id=attachment_id, properties=merged
            )
            return present(row._replace(properties=merged), self._urls)

        return await atomically(self._database, "attachments.properties", work, user=uid, entity=attachment_id)

    @asynccontextmanager
    async def download(self, uid: str, attachment_id: str) -> AsyncIterator[Download]:
        """Open an attachment's bytes.

        ATTACHMENT_NOT_FOUND without the row, SYSTEM_ERROR when the bytes cannot be read.
        """
        async with self._database.reads() as connection:
            row = await self._one(connection, uid, attachment_id)
        try:
            stored = await self._storage.open(row.path)
        except StorageError as error:
            log.exception("attachment cannot be read", user=uid, attachment=attachment_id)
            raise AimoError(Code.SYSTEM_ERROR) from error
        async with stored:
            yield Download(row.filename, row.type, stored)

    async def _one(self, connection: AsyncConnection, uid: str, attachment_id: str) -> AttachmentRow:
        _require_possible(attachment_id)
        row = await attachment_queries.get(connection, owner=uid, attachment_id=attachment_id)
        if row is None:
            raise AimoError(Code.ATTACHMENT_NOT_FOUND)
        return row

    async def _row_is_known_to_be_missing(self, uid: str, attachment_id: str) -> bool:
        try:
            async with self._database.reads() as connection:
                return await attachment_queries.get(connection, owner=uid, attachment_id=attachment_id) is None
        except Exception:
            log.exception("attachment commit state unknown", user=uid, attachment=attachment_id)
            return False

    async def _remove_object(self, key: str) -> None:
        try:
            await self._storage.delete(key)
        except StorageError:
            log.exception("stored file delete failed", key=key)
        # Whatever its name and type say, there may be some.
        await remove_copies(self._storage, key)


async def _get_for_update(connection: AsyncConnection, uid: str, attachment_id: str) -> AttachmentRow:
    row = await attachment_queries.get_for_update(connection, owner=uid, attachment_id=attachment_id)
    if row is None:
        raise AimoError(Code.ATTACHMENT_NOT_FOUND)
    return row


def present(row: AttachmentRow, urls: FileUrls) -> Attachment:
    """Return an attachment as clients see it."""
    properties = row.properties if isinstance(row.properties, dict) and row.properties else UNSET
    cover = properties.get("coverUrl", UNSET) if isinstance(properties, dict) else UNSET
    return Attachment(
        attachment_id=row.attachment_id,
        filename=row.filename,
        url=urls.attachment(row),
        type=row.type,
        size=row.size,
        created_at=row.created_at,
        cover_url=cover,
        width=row.width or UNSET if SHOW_SIZES.get() else UNSET,
        height=row.height or UNSET if SHOW_SIZES.get() else UNSET,
        properties=properties,
    )


def _require_small(properties: dict[str, object] | None, before: dict[str, object] | None = None) -> None:
    """PARAMS_ERROR for properties that are too large, unless they were larger ``before``."""
    size = len(msgspec.json.encode(properties))
    if size > MOST_PROPERTIES_BYTES and size >= len(msgspec.json.encode(before)):
        raise AimoError(Code.PARAMS_ERROR, f"Properties are larger than {MOST_PROPERTIES_BYTES} bytes")


def _require_possible(attachment_id: str) -> None:
    if not ids.is_possible(attachment_id):
        raise AimoError(Code.ATTACHMENT_NOT_FOUND)


def _require_storable(created_at: int | None) -> int:
    """Return the time that the upload gave, where it is one that can be kept; else now."""
    return created_at if created_at and 0 < created_at <= clock.LATEST_MS else clock.now_ms()
