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
    and_,
    bindparam,
    delete,
    func,
    insert,
    null,
    select,
    text,
    true,
    update,
)

from aimo.db import schema
from aimo.db.queries.live import IN_TRASH, LIVE
from aimo.db.schema import (
    AIConversations,
    Attachments,
    Categories,
    MemoRelations,
    Memos,
    MemoTags,
    MigrationCheckpoints,
    MigrationQuarantine,
    MigrationRuns,
    OutboxEntries,
    Tags,
    Users,
)
from aimo.db.statements import in_list, param


def table_of(model: type[schema.Model]) -> Table:
    """Return the table behind a model."""
    return cast(Table, model.__table__)


def key_of(table: Table) -> Any:
    """Return the column that is the primary key of a table with a single one."""
    return next(iter(table.primary_key.columns))


@cache
def rows(table: Table) -> Select[Any]:
    """Return all columns of the rows with these ``keys``."""
    return select(table).where(key_of(table).in_(in_list("keys")))


@cache
def add(table: Table) -> Insert:
    """Return new rows."""
    return insert(table)


@cache
def change(table: Table, columns: tuple[str, ...]) -> Update:
    """Return other values for these columns of the row with the key ``which``; the values are named ``new_…``."""
    return (
        update(table)
        .where(key_of(table) == bindparam("which"))
        .values({name: bindparam(f"new_{name}", type_=table.c[name].type) for name in columns})
    )


@cache
def count(table: Table) -> Select[Any]:
    """Return the number of rows."""
    return select(func.count()).select_from(table)


@cache
def keys_after(table: Table) -> Select[Any]:
    """Return the next ``limit`` primary keys after the key ``after``, and when the rows were made, if they say."""
    key = key_of(table)
    made: Any = table.c.get("created_at", table.c.get("last_migrated_at", null()))
    return select(key, made).where(key > param("after")).order_by(key).limit(param("limit"))


PACKET_LIMIT = text("SELECT @@max_allowed_packet")
RUNS = select(MigrationRuns).order_by(MigrationRuns.started_at, MigrationRuns.run_id)
CHANGE_RUN = (
    update(MigrationRuns)
    .where(MigrationRuns.run_id == param("which"))
    .values(
        status=param("new_status"),
        state=param("new_state"),
        next_seq=param("new_next_seq"),
        summary=bindparam("new_summary", type_=MigrationRuns.summary.type),
        finished_at=bindparam("new_finished_at", type_=MigrationRuns.finished_at.type),
    )
)
CHECKPOINTS = (
    select(MigrationCheckpoints)
    .where(MigrationCheckpoints.run_id == param("run_id"), MigrationCheckpoints.table_name == param("table_name"))
    .order_by(MigrationCheckpoints.first_row)
)
LEDGERS = (
    select(MigrationCheckpoints.ledger)
    .where(MigrationCheckpoints.run_id == param("run_id"), MigrationCheckpoints.table_name == param("table_name"))
    .order_by(MigrationCheckpoints.first_row)
)
LAST_CHECKPOINT = (
    select(MigrationCheckpoints.first_row, MigrationCheckpoints.row_count)
    .where(MigrationCheckpoints.run_id == param("run_id"), MigrationCheckpoints.table_name == param("table_name"))
    .order_by(MigrationCheckpoints.first_row.desc())
    .limit(1)
)
CHECKPOINTED = select(func.count()).where(
    MigrationCheckpoints.run_id == param("run_id"),
    MigrationCheckpoints.table_name == param("table_name"),
    MigrationCheckpoints.first_row >= param("first_row"),
)
CHECKPOINT_OVER = (
    select(MigrationCheckpoints.first_row, MigrationCheckpoints.ledger)
    .where(
        MigrationCheckpoints.run_id == param("run_id"),
        MigrationCheckpoints.table_name == param("table_name"),
        MigrationCheckpoints.first_row + MigrationCheckpoints.row_count > param("first"),
        MigrationCheckpoints.first_row < param("end"),
    )
    .order_by(MigrationCheckpoints.first_row)
)
FORGET_CHECKPOINT: Delete = delete(MigrationCheckpoints).where(
    MigrationCheckpoints.run_id == param("run_id"), MigrationCheckpoints.table_name == param("table_name")
)
QUARANTINE = (
    select(MigrationQuarantine)
    .where(MigrationQuarantine.run_id == param("run_id"))
    .order_by(MigrationQuarantine.table_name, MigrationQuarantine.position)
)

FORGET_QUARANTINE = delete(MigrationQuarantine).where(MigrationQuarantine.run_id == param("run_id"))
QUARANTINED_FOR = (
    select(func.count())
    .select_from(MigrationQuarantine)
    .where(MigrationQuarantine.run_id == param("run_id"), MigrationQuarantine.reason == param("reason"))
)

USERS = select(Users.uid).where(Users.uid.in_(in_list("keys")))
EMAIL_OWNERS = select(Users.uid, Users.email_key, Users.created_at).where(Users.email_key.in_(in_list("keys")))
EMAILS = select(Users.uid, Users.email_key).where(Users.email_key.in_(in_list("keys")))
CATEGORIES = select(Categories.uid, Categories.category_id, Categories.name_key).where(
    Categories.uid.in_(in_list("keys"))
)
TAGS = select(Tags.uid, Tags.tag_id, Tags.name_key).where(Tags.uid.in_(in_list("keys")))
MEMOS = select(Memos.memo_id, Memos.uid).where(Memos.memo_id.in_(in_list("keys")))
MEMO_CARDS = (
    select(Memos.memo_id, Memos.seq, schema.SpacedRepetitionCards.card_id)
    .outerjoin(
        schema.SpacedRepetitionCards,
        and_(
            schema.SpacedRepetitionCards.memo_id == Memos.memo_id,
            schema.SpacedRepetitionCards.uid == Memos.uid,
        ),
    )
    .where(Memos.memo_id.in_(in_list("keys")))
)
ATTACHMENTS = select(Attachments.attachment_id, Attachments.uid).where(Attachments.attachment_id.in_(in_list("keys")))
MODELS = select(schema.UserModels.id, schema.UserModels.uid).where(schema.UserModels.id.in_(in_list("keys")))
PROFILES = select(schema.ReviewProfiles.profile_id, schema.ReviewProfiles.uid).where(
    schema.ReviewProfiles.profile_id.in_(in_list("keys"))
)
SESSIONS = select(schema.ReviewSessions.session_id, schema.ReviewSessions.uid).where(
    schema.ReviewSessions.session_id.in_(in_list("keys"))
)
EMAIL_OF = select(Users.uid, Users.email).where(Users.uid.in_(in_list("keys")))
CONVERSATION_OWNERS = select(AIConversations.conversation_id, AIConversations.uid).where(
    AIConversations.conversation_id.in_(in_list("keys"))
)
CONVERSATIONS = select(AIConversations.conversation_id).where(AIConversations.conversation_id.in_(in_list("keys")))
RELATIONS = select(MemoRelations.relation_id, MemoRelations.source_memo_id, MemoRelations.target_memo_id).where(
    MemoRelations.source_memo_id.in_(in_list("keys"))
)
DAYS = select(
    schema.DailyRecommendations.recommendation_id, schema.DailyRecommendations.uid, schema.DailyRecommendations.date
).where(schema.DailyRecommendations.uid.in_(in_list("keys")))
LINKS = select(MemoTags.memo_id, MemoTags.tag_id, MemoTags.uid).where(MemoTags.memo_id.in_(in_list("keys")))
UNLINK = delete(MemoTags).where(MemoTags.memo_id == param("which"))
TEXTS = select(Memos.memo_id, Memos.uid, Memos.content).where(Memos.memo_id.in_(in_list("keys")))
CREATE_ENTRY = insert(OutboxEntries)
# An entry that has failed is no reason to leave out a new one, which is tried at once.
WAITING = select(OutboxEntries.entity_id).where(
    OutboxEntries.entity_id.in_(in_list("keys")), OutboxEntries.kind == param("kind"), OutboxEntries.attempts == 0
)

LIVE_MEMOS = MEMOS.where(LIVE)
_USES = (
    select(func.count())
    .select_from(MemoTags)
    .join(Memos, and_(Memos.memo_id == MemoTags.memo_id, LIVE))
    .where(MemoTags.tag_id == Tags.tag_id)
    .correlate(Tags)
    .scalar_subquery()
)
RECOUNT = update(Tags).values(usage_count=_USES)
MISCOUNTED = select(Tags.tag_id, Tags.usage_count, _USES.label("uses")).where(Tags.usage_count != _USES)
USAGE = select(Tags.tag_id, Tags.usage_count).where(Tags.tag_id.in_(in_list("keys")))
MEMOS_AFTER = (
    select(Memos.memo_id, Memos.uid)
    .where(Memos.memo_id > param("after"), LIVE)
    .order_by(Memos.memo_id)
    .limit(param("limit"))
)
TRASHED_AFTER = (
    select(Memos.memo_id).where(Memos.memo_id > param("after"), IN_TRASH).order_by(Memos.memo_id).limit(param("limit"))
)
# When rows were made or changed last, of the tables in which people leave traces.
LATEST = tuple(
    select(func.max(column))
    for column in (
        schema.Sessions.created_at,
        Memos.updated_at,
        Memos.deleted_at,
        Users.updated_at,
        Tags.updated_at,
        Categories.updated_at,
        Attachments.created_at,
        AIConversations.updated_at,
    )
)
FILES_AFTER = (
    select(Attachments.attachment_id, Attachments.path, Attachments.type, Attachments.storage_type == "local")
    .where(Attachments.attachment_id > param("after"))
    .order_by(Attachments.attachment_id)
    .limit(param("limit"))
)
AVATARS_AFTER = (
    select(Users.uid, Users.avatar, null(), true())
    .where(Users.uid > param("after"))
    .order_by(Users.uid)
    .limit(param("limit"))
)
