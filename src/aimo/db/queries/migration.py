"""Statements of the data migration. It moves the rows of all users, so none of them is scoped by an owner."""

from __future__ import annotations

from functools import cache
from typing import Any, cast

from sqlalchemy import (
    Delete,
    Insert,
    Select,
    Table,
    Update,
    bindparam,
    delete,
    func,
    insert,
    null,
    select,
    true,
    update,
)

from aimo.db import schema
from aimo.db.schema import (
    AIConversation,
    Attachment,
    Category,
    Memo,
    MemoRelation,
    MemoTag,
    MigrationCheckpoint,
    MigrationQuarantine,
    MigrationRun,
    Tag,
    User,
    VectorMark,
)
from aimo.db.statements import among, param


def table_of(model: type[schema.Table]) -> Table:
    """The table behind a model."""
    return cast(Table, model.__table__)


def key_of(table: Table) -> Any:
    """The column that is the primary key of a table with a single one."""
    return next(iter(table.primary_key.columns))


@cache
def rows(table: Table) -> Select[Any]:
    """All columns of the rows with these ``keys``."""
    return select(table).where(key_of(table).in_(among("keys")))


@cache
def add(table: Table) -> Insert:
    """New rows."""
    return insert(table)


@cache
def change(table: Table, columns: tuple[str, ...]) -> Update:
    """Other values for these columns of the row with the key ``which``; the values are named ``new_…``."""
    return (
        update(table)
        .where(key_of(table) == bindparam("which"))
        .values({name: bindparam(f"new_{name}", type_=table.c[name].type) for name in columns})
    )


@cache
def count(table: Table) -> Select[Any]:
    """The number of rows."""
    return select(func.count()).select_from(table)


@cache
def keys_after(table: Table) -> Select[Any]:
    """The next ``limit`` primary keys after the key ``after``, and when the rows were made, if they say."""
    key = key_of(table)
    made: Any = table.c.get("created_at", table.c.get("last_migrated_at"))
    return select(key, made).where(key > param("after")).order_by(key).limit(param("limit"))


RUNS = select(MigrationRun).order_by(MigrationRun.started_at, MigrationRun.run_id)
CHANGE_RUN = (
    update(MigrationRun)
    .where(MigrationRun.run_id == param("which"))
    .values(
        status=param("new_status"),
        state=param("new_state"),
        next_seq=param("new_next_seq"),
        summary=bindparam("new_summary", type_=MigrationRun.summary.type),
        finished_at=bindparam("new_finished_at", type_=MigrationRun.finished_at.type),
    )
)
CHECKPOINTS = (
    select(MigrationCheckpoint)
    .where(MigrationCheckpoint.run_id == param("run_id"), MigrationCheckpoint.table_name == param("table_name"))
    .order_by(MigrationCheckpoint.first_row)
)
LEDGERS = (
    select(MigrationCheckpoint.ledger)
    .where(MigrationCheckpoint.run_id == param("run_id"), MigrationCheckpoint.table_name == param("table_name"))
    .order_by(MigrationCheckpoint.first_row)
)
LAST_CHECKPOINT = (
    select(MigrationCheckpoint.first_row, MigrationCheckpoint.row_count)
    .where(MigrationCheckpoint.run_id == param("run_id"), MigrationCheckpoint.table_name == param("table_name"))
    .order_by(MigrationCheckpoint.first_row.desc())
    .limit(1)
)
CHECKPOINTED = select(func.count()).where(
    MigrationCheckpoint.run_id == param("run_id"),
    MigrationCheckpoint.table_name == param("table_name"),
    MigrationCheckpoint.first_row >= param("first_row"),
)
CHECKPOINT_OVER = (
    select(MigrationCheckpoint.first_row, MigrationCheckpoint.ledger)
    .where(
        MigrationCheckpoint.run_id == param("run_id"),
        MigrationCheckpoint.table_name == param("table_name"),
        MigrationCheckpoint.first_row + MigrationCheckpoint.row_count > param("first"),
        MigrationCheckpoint.first_row < param("end"),
    )
    .order_by(MigrationCheckpoint.first_row)
)
FORGET_CHECKPOINT: Delete = delete(MigrationCheckpoint).where(
    MigrationCheckpoint.run_id == param("run_id"), MigrationCheckpoint.table_name == param("table_name")
)
QUARANTINE = (
    select(MigrationQuarantine)
    .where(MigrationQuarantine.run_id == param("run_id"))
    .order_by(MigrationQuarantine.table_name, MigrationQuarantine.position)
)

USERS = select(User.uid).where(User.uid.in_(among("keys")))
EMAILS = select(User.uid, User.email_key).where(User.email_key.in_(among("keys")))
CATEGORIES = select(Category.uid, Category.category_id, Category.name_key).where(Category.uid.in_(among("keys")))
TAGS = select(Tag.uid, Tag.tag_id, Tag.name_key).where(Tag.uid.in_(among("keys")))
MEMOS = select(Memo.memo_id, Memo.uid).where(Memo.memo_id.in_(among("keys")))
ATTACHMENTS = select(Attachment.attachment_id, Attachment.uid).where(Attachment.attachment_id.in_(among("keys")))
CONVERSATIONS = select(AIConversation.conversation_id).where(AIConversation.conversation_id.in_(among("keys")))
RELATIONS = select(MemoRelation.relation_id, MemoRelation.source_memo_id, MemoRelation.target_memo_id).where(
    MemoRelation.source_memo_id.in_(among("keys"))
)
DAYS = select(
    schema.DailyRecommendation.recommendation_id, schema.DailyRecommendation.uid, schema.DailyRecommendation.date
).where(schema.DailyRecommendation.uid.in_(among("keys")))
LINKS = select(MemoTag.memo_id, MemoTag.tag_id, MemoTag.uid).where(MemoTag.memo_id.in_(among("keys")))
UNLINK = delete(MemoTag).where(MemoTag.memo_id == param("which"))
TEXTS = select(Memo.memo_id, Memo.uid, Memo.content).where(Memo.memo_id.in_(among("keys")))
MARK = insert(VectorMark)

_USES = select(func.count()).select_from(MemoTag).where(MemoTag.tag_id == Tag.tag_id).correlate(Tag).scalar_subquery()
RECOUNT = update(Tag).values(usage_count=_USES)
MISCOUNTED = select(Tag.tag_id, Tag.usage_count, _USES.label("uses")).where(Tag.usage_count != _USES)
USAGE = select(Tag.tag_id, Tag.usage_count).where(Tag.tag_id.in_(among("keys")))
MEMOS_AFTER = (
    select(Memo.memo_id, Memo.uid).where(Memo.memo_id > param("after")).order_by(Memo.memo_id).limit(param("limit"))
)
FILES_AFTER = (
    select(Attachment.attachment_id, Attachment.path, Attachment.type, Attachment.storage_type == "local")
    .where(Attachment.attachment_id > param("after"))
    .order_by(Attachment.attachment_id)
    .limit(param("limit"))
)
AVATARS_AFTER = (
    select(User.uid, User.avatar, null(), true())
    .where(User.uid > param("after"))
    .order_by(User.uid)
    .limit(param("limit"))
)
