"""Statements on tasks of speech recognition."""

from __future__ import annotations

from typing import cast

from sqlalchemy import Table, delete, select

from aimo.db.dialect_sql import insert_new
from aimo.db.schema import AsrTasks
from aimo.db.statements import owned, param

_MINE = AsrTasks.uid == param("owner")

CREATE = owned(
    "asr_tasks.create",
    insert_new(cast(Table, AsrTasks.__table__)).values(
        uid=param("uid"), task_hash=param("task_hash"), expires_at=param("expires_at")
    ),
)
ONE = owned(
    "asr_tasks.one",
    select(AsrTasks.task_hash).where(
        _MINE, AsrTasks.task_hash == param("task_hash"), AsrTasks.expires_at > param("now")
    ),
)
FORGET = owned("asr_tasks.forget", delete(AsrTasks).where(_MINE, AsrTasks.expires_at <= param("now")))
