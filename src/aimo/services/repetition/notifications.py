"""What users are told inside the application (docs/contract/notifications.md)."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from aimo import clock, ids
from aimo.db.connection import Database
from aimo.db.queries import notifications as notification_queries
from aimo.db.queries.notifications import NotificationRow
from aimo.db.transaction import atomically
from aimo.dto.notifications import Notification
from aimo.errors import AimoError, Code


class NotificationService:
    """Lists notifications, counts unread ones, and takes note of what was read."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self, uid: str) -> list[Notification]:
        """Return the user's notifications, the newest first."""
        async with self._database.driver_connection() as connection:
            return [_present(row) for row in await notification_queries.newest(connection, owner=uid)]

    async def count_unread(self, uid: str) -> int:
        """Return how many of them are unread."""
        async with self._database.driver_connection() as connection:
            return await notification_queries.count_unread(connection, owner=uid)

    async def mark_read(self, uid: str, notification_id: str) -> None:
        """Take note that one was read.

        Raises:
            AimoError: NOT_FOUND for a notification that the user does not have.
        """

        async def work(connection: AsyncConnection) -> bool:
            return await notification_queries.mark_read(connection, owner=uid, notification_id=notification_id)

        if not ids.is_possible(notification_id) or not await atomically(
            self._database, "notifications.mark_read", work, user=uid, entity=notification_id
        ):
            raise AimoError(Code.NOT_FOUND, "Notification not found")

    async def mark_all_read(self, uid: str) -> None:
        """Take note that all were read."""

        async def work(connection: AsyncConnection) -> None:
            await notification_queries.mark_all_read(connection, owner=uid)

        await atomically(self._database, "notifications.mark_all_read", work, user=uid)


def _present(row: NotificationRow) -> Notification:
    return Notification(
        notification_id=row.notification_id,
        user_id=row.uid,
        type=row.type,
        title=row.title,
        body=row.body,
        memo_id=row.memo_id,
        is_read=bool(row.is_read),
        created_at=clock.to_iso(row.created_at),
    )
