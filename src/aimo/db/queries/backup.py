"""Statements of backup and restore: whole tables, every column."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Insert, Select, Text, func, insert, select
from sqlalchemy import Table as CoreTable

from aimo.db.schema import Attachment, Memo, Table, User
from aimo.db.statements import among, param, unscoped

_EXCUSE = "a backup holds the whole installation"

# What concerns the processes of one installation and means nothing in another.
TRANSIENT = frozenset({"asr_tasks", "invariant_checks", "leases", "rate_limits", "vector_outbox"})

# In the order in which foreign keys let them be filled.
TABLES: dict[str, CoreTable] = {
    table.name: table for table in Table.metadata.sorted_tables if table.name not in TRANSIENT
}
# Tables that have rows of any length.
WITH_LONG_TEXTS = frozenset(
    name for name, table in TABLES.items() if any(isinstance(column.type, Text | JSON) for column in table.columns)
)
READ: dict[str, Select[Any]] = {
    name: unscoped(f"archive.read_{name}", select(*table.columns), excuse=_EXCUSE) for name, table in TABLES.items()
}
WRITE: dict[str, Insert] = {
    name: unscoped(f"archive.write_{name}", insert(table), excuse=_EXCUSE) for name, table in TABLES.items()
}
COUNT: dict[str, Select[Any]] = {
    name: unscoped(f"archive.count_{name}", select(func.count()).select_from(table), excuse=_EXCUSE)
    for name, table in TABLES.items()
}
FILES = unscoped(
    "archive.files",
    select(Attachment.attachment_id, Attachment.path)
    .where(Attachment.attachment_id > param("after"))
    .order_by(Attachment.attachment_id)
    .limit(param("limit")),
    excuse=_EXCUSE,
)
AVATARS = unscoped(
    "archive.avatars",
    select(User.uid, User.avatar).where(User.uid > param("after")).order_by(User.uid).limit(param("limit")),
    excuse=_EXCUSE,
)
STILL_THERE = unscoped(
    "archive.still_there",
    select(Attachment.attachment_id).where(Attachment.attachment_id == param("attachment_id")),
    excuse=_EXCUSE,
)
MEMOS = unscoped(
    "archive.memos",
    select(Memo.memo_id, Memo.uid).where(Memo.memo_id > param("after")).order_by(Memo.memo_id).limit(param("limit")),
    excuse=_EXCUSE,
)
ATTACHMENTS = unscoped(
    "archive.attachments",
    select(Attachment.attachment_id, Attachment.uid)
    .where(Attachment.attachment_id > param("after"))
    .order_by(Attachment.attachment_id)
    .limit(param("limit")),
    excuse=_EXCUSE,
)
KNOWN_MEMOS = unscoped(
    "archive.known_memos", select(Memo.memo_id).where(Memo.memo_id.in_(among("memo_ids"))), excuse=_EXCUSE
)
