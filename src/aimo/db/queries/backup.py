"""Statements of backup and restore: whole tables, every column."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Insert, Select, Text, func, insert, select
from sqlalchemy import Table as CoreTable

from aimo.db.schema import Attachments, Memos, Model, Users
from aimo.db.statements import in_list, param, unscoped

_EXCUSE = "a backup holds the whole installation"

# What concerns the processes of one installation and means nothing in another.
TRANSIENT = frozenset({"asr_tasks", "invariant_checks", "leases", "rate_limits", "outbox_entries"})

# In the order in which foreign keys let them be filled.
TABLES: dict[str, CoreTable] = {
    table.name: table for table in Model.metadata.sorted_tables if table.name not in TRANSIENT
}
# Tables that have rows of any length.
WITH_LONG_TEXTS = frozenset(
    name for name, table in TABLES.items() if any(isinstance(column.type, Text | JSON) for column in table.columns)
)
READ: dict[str, Select[Any]] = {
    name: unscoped(f"archive.read_{name}", select(*table.columns), reason=_EXCUSE) for name, table in TABLES.items()
}
WRITE: dict[str, Insert] = {
    name: unscoped(f"archive.write_{name}", insert(table), reason=_EXCUSE) for name, table in TABLES.items()
}
COUNT: dict[str, Select[Any]] = {
    name: unscoped(f"archive.count_{name}", select(func.count()).select_from(table), reason=_EXCUSE)
    for name, table in TABLES.items()
}
FILES = unscoped(
    "archive.files",
    select(Attachments.attachment_id, Attachments.path)
    .where(Attachments.attachment_id > param("after"))
    .order_by(Attachments.attachment_id)
    .limit(param("limit")),
    reason=_EXCUSE,
)
AVATARS = unscoped(
    "archive.avatars",
    select(Users.uid, Users.avatar).where(Users.uid > param("after")).order_by(Users.uid).limit(param("limit")),
    reason=_EXCUSE,
)
STILL_THERE = unscoped(
    "archive.still_there",
    select(Attachments.attachment_id).where(Attachments.attachment_id == param("attachment_id")),
    reason=_EXCUSE,
)
MEMOS = unscoped(
    "archive.memos",
    select(Memos.memo_id, Memos.uid)
    .where(Memos.memo_id > param("after"))
    .order_by(Memos.memo_id)
    .limit(param("limit")),
    reason=_EXCUSE,
)
ATTACHMENTS = unscoped(
    "archive.attachments",
    select(Attachments.attachment_id, Attachments.uid)
    .where(Attachments.attachment_id > param("after"))
    .order_by(Attachments.attachment_id)
    .limit(param("limit")),
    reason=_EXCUSE,
)
KNOWN_MEMOS = unscoped(
    "archive.known_memos", select(Memos.memo_id).where(Memos.memo_id.in_(in_list("memo_ids"))), reason=_EXCUSE
)
