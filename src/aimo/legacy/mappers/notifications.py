"""What users were told inside the application."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from aimo.db.queries.notifications import KEPT
from aimo.db.schema import InAppNotifications
from aimo.db.typed import table_of
from aimo.legacy.mappers.mapper import Mapped, Mapper, column_of
from aimo.legacy.mappers.row_fields import RowFields
from aimo.legacy.row_outcomes import Change, QuarantineReason, RowQuarantined
from aimo.legacy.source.column_values import Kind
from aimo.legacy.source.row_reader import SourceRow


class NotificationMapper(Mapper):
    """The newest of each user; one whose memo is gone keeps everything else."""

    source = "in_app_notifications"
    table = table_of(InAppNotifications)
    key = "notificationId"
    hashed = (("notification_id", "uid", "type", "title", "body", "memo_id", "is_read", "created_at"),)
    kinds: ClassVar = {
        "notificationId": Kind.TEXT,
        "uid": Kind.TEXT,
        "type": Kind.TEXT,
        "title": Kind.TEXT,
        "body": Kind.TEXT,
        "memoId": Kind.TEXT,
        "isRead": Kind.FLAG,
        "createdAt": Kind.MOMENT,
    }
    # Positions of rows that are older than those a user keeps; set by `legacy.plan.duplicates`.
    beyond: frozenset[int] = frozenset()

    async def look_up(self, rows: Sequence[SourceRow]) -> None:
        """Look up the owners and the memos."""
        await self.lookups.load_users(column_of(rows, "uid"))
        await self.lookups.load_memo_owners(column_of(rows, "memoId"))

    def build(self, row: SourceRow, fields: RowFields) -> Mapped:
        """Return the notification."""
        uid = fields.owner(self.lookups)
        if row.number in self.beyond:
            raise RowQuarantined(QuarantineReason.NOT_AMONG_NEWEST, f"its user has {KEPT} newer ones, which are kept")
        memo_id = fields.optional("memoId")
        if memo_id is not None and self.lookups.memos.get(memo_id) != uid:
            fields.note("memo_id", Change.UNKNOWN_MEMO, memo_id, None)
            memo_id = None
        values = {
            "notification_id": fields.id("notificationId"),
            "uid": uid,
            "type": fields.word("type", "type"),
            "title": fields.text("title", "title"),
            "body": fields.text("body", "body"),
            "memo_id": memo_id,
            "is_read": bool(fields.raw("isRead")),
            "created_at": fields.moment("createdAt", "created_at"),
        }
        return Mapped(values, fields.notes)
