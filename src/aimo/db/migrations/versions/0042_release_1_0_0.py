"""Create the schema of release 1.0.0.

Every step is guarded, so that a run that ended half-way, or two at the same time, end in the same schema.
Databases of that release carry this number already.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from aimo.db import types
from aimo.db.migrations import sqlite_statistics, steps

revision = "0042"
down_revision = None


def upgrade() -> None:
    """Create all tables and indexes."""
    _create_users()
    _create_categories()
    _create_tags()
    _create_memos()
    _create_memo_tags()
    _create_memo_relations()
    _create_attachments()
    _create_ai_conversations()
    _create_ai_messages()
    _create_daily_recommendations()
    _create_push_rules()
    _create_table_migrations()
    _create_vector_outbox()
    _create_leases()
    _create_migration_runs()
    _create_migration_checkpoints()
    _create_migration_quarantine()
    _create_push_deliveries()
    _create_rate_limits()
    _create_invariant_checks()
    sqlite_statistics.write()


def _create_users() -> None:
    steps.create_table(
        "users",
        sa.Column("uid", types.Id, nullable=False),
        sa.Column("email", types.Prose, nullable=True),
        sa.Column("email_key", types.Key, nullable=True),
        sa.Column("phone", types.Prose, nullable=True),
        sa.Column("password", types.Prose, nullable=False),
        sa.Column("salt", types.Prose, nullable=False),
        sa.Column("nickname", types.Prose, nullable=True),
        sa.Column("avatar", types.Prose, nullable=True),
        sa.Column("status", sa.Integer(), nullable=False, server_default=sa.text("1")),
        sa.Column("created_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.Column("updated_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.PrimaryKeyConstraint("uid"),
        sa.UniqueConstraint("email_key", name="uq_users_email_key"),
    )


def _create_categories() -> None:
    steps.create_table(
        "categories",
        sa.Column("category_id", types.Id, nullable=False),
        sa.Column(
            "uid", types.Id, sa.ForeignKey("users.uid", name="fk_categories_uid", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("name", types.Prose, nullable=False),
        sa.Column("name_key", types.Key, nullable=False),
        sa.Column("color", types.Prose, nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("created_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.Column("updated_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.PrimaryKeyConstraint("category_id"),
        sa.UniqueConstraint("uid", "name_key", name="uq_categories_uid_name_key"),
    )


def _create_tags() -> None:
    steps.create_table(
        "tags",
        sa.Column("tag_id", types.Id, nullable=False),
        sa.Column("uid", types.Id, sa.ForeignKey("users.uid", name="fk_tags_uid", ondelete="CASCADE"), nullable=False),
        sa.Column("name", types.Prose, nullable=False),
        sa.Column("name_key", types.Key, nullable=False),
        sa.Column("color", types.Prose, nullable=True),
        sa.Column("usage_count", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("created_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.Column("updated_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.PrimaryKeyConstraint("tag_id"),
        sa.UniqueConstraint("uid", "name_key", name="uq_tags_uid_name_key"),
    )
    steps.create_index("ix_tags_uid_seq", "tags", ["uid", "seq"])


def _create_memos() -> None:
    steps.create_table(
        "memos",
        sa.Column("memo_id", types.Id, nullable=False),
        sa.Column("uid", types.Id, sa.ForeignKey("users.uid", name="fk_memos_uid", ondelete="CASCADE"), nullable=False),
        sa.Column(
            "category_id",
            types.Id,
            sa.ForeignKey("categories.category_id", name="fk_memos_category_id", ondelete="SET NULL"),
            nullable=True,
        ),
        sa.Column("content", types.Prose, nullable=False),
        sa.Column("type", types.Word, nullable=True, server_default=sa.text("'text'")),
        sa.Column("source", types.Prose, nullable=True),
        sa.Column("attachments", types.Json, nullable=True),
        sa.Column("tag_ids", types.Json, nullable=True),
        sa.Column("is_public", sa.Boolean(), nullable=False, server_default=sa.text("0")),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("created_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.Column("updated_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.PrimaryKeyConstraint("memo_id"),
    )
    steps.create_index("ix_memos_category_id_uid_created_at_seq", "memos", ["category_id", "uid", "created_at", "seq"])
    steps.create_index("ix_memos_category_id_uid_updated_at_seq", "memos", ["category_id", "uid", "updated_at", "seq"])
    steps.create_index("ix_memos_uid_created_at_seq", "memos", ["uid", "created_at", "seq"])
    steps.create_index("ix_memos_uid_is_public_created_at_seq", "memos", ["uid", "is_public", "created_at", "seq"])
    steps.create_index("ix_memos_uid_is_public_updated_at_seq", "memos", ["uid", "is_public", "updated_at", "seq"])
    steps.create_index("ix_memos_uid_updated_at_seq", "memos", ["uid", "updated_at", "seq"])


def _create_memo_tags() -> None:
    steps.create_table(
        "memo_tags",
        sa.Column(
            "memo_id",
            types.Id,
            sa.ForeignKey("memos.memo_id", name="fk_memo_tags_memo_id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column(
            "tag_id",
            types.Id,
            sa.ForeignKey("tags.tag_id", name="fk_memo_tags_tag_id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column(
            "uid", types.Id, sa.ForeignKey("users.uid", name="fk_memo_tags_uid", ondelete="CASCADE"), nullable=False
        ),
        sa.PrimaryKeyConstraint("memo_id", "tag_id"),
    )
    steps.create_index("ix_memo_tags_tag_id_memo_id", "memo_tags", ["tag_id", "memo_id"])
    steps.create_index("ix_memo_tags_uid_tag_id", "memo_tags", ["uid", "tag_id"])


def _create_memo_relations() -> None:
    steps.create_table(
        "memo_relations",
        sa.Column("relation_id", types.Id, nullable=False),
        sa.Column(
            "uid",
            types.Id,
            sa.ForeignKey("users.uid", name="fk_memo_relations_uid", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column(
            "source_memo_id",
            types.Id,
            sa.ForeignKey("memos.memo_id", name="fk_memo_relations_source_memo_id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column(
            "target_memo_id",
            types.Id,
            sa.ForeignKey("memos.memo_id", name="fk_memo_relations_target_memo_id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("position", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("created_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.PrimaryKeyConstraint("relation_id"),
        sa.UniqueConstraint("source_memo_id", "target_memo_id", name="uq_memo_relations_source_memo_id_target_memo_id"),
    )
    steps.create_index("ix_memo_relations_target_memo_id_seq", "memo_relations", ["target_memo_id", "seq"])
    steps.create_index("ix_memo_relations_uid", "memo_relations", ["uid"])


def _create_attachments() -> None:
    steps.create_table(
        "attachments",
        sa.Column("attachment_id", types.Id, nullable=False),
        sa.Column(
            "uid", types.Id, sa.ForeignKey("users.uid", name="fk_attachments_uid", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("filename", types.Prose, nullable=False),
        sa.Column("type", types.Prose, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("storage_type", types.Word, nullable=False),
        sa.Column("path", types.Prose, nullable=False),
        sa.Column("bucket", types.Prose, nullable=True),
        sa.Column("prefix", types.Prose, nullable=True),
        sa.Column("endpoint", types.Prose, nullable=True),
        sa.Column("region", types.Prose, nullable=True),
        sa.Column("is_public_bucket", types.Word, nullable=True),
        sa.Column("multimodal_model_hash", types.Word, nullable=True),
        sa.Column("properties", types.Json, nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("created_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.PrimaryKeyConstraint("attachment_id"),
    )
    steps.create_index("ix_attachments_uid_created_at_seq", "attachments", ["uid", "created_at", "seq"])


def _create_ai_conversations() -> None:
    steps.create_table(
        "ai_conversations",
        sa.Column("conversation_id", types.Id, nullable=False),
        sa.Column(
            "uid",
            types.Id,
            sa.ForeignKey("users.uid", name="fk_ai_conversations_uid", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("title", types.Prose, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("created_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.Column("updated_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.PrimaryKeyConstraint("conversation_id"),
    )
    steps.create_index("ix_ai_conversations_uid_updated_at_seq", "ai_conversations", ["uid", "updated_at", "seq"])


def _create_ai_messages() -> None:
    steps.create_table(
        "ai_messages",
        sa.Column("message_id", types.Id, nullable=False),
        sa.Column(
            "conversation_id",
            types.Id,
            sa.ForeignKey(
                "ai_conversations.conversation_id", name="fk_ai_messages_conversation_id", ondelete="CASCADE"
            ),
            nullable=False,
        ),
        sa.Column("role", types.Word, nullable=False),
        sa.Column("content", types.Prose, nullable=False),
        sa.Column("sources", types.Json, nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("created_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.PrimaryKeyConstraint("message_id"),
    )
    steps.create_index(
        "ix_ai_messages_conversation_id_created_at_seq", "ai_messages", ["conversation_id", "created_at", "seq"]
    )


def _create_daily_recommendations() -> None:
    steps.create_table(
        "daily_recommendations",
        sa.Column("recommendation_id", types.Id, nullable=False),
        sa.Column(
            "uid",
            types.Id,
            sa.ForeignKey("users.uid", name="fk_daily_recommendations_uid", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("date", sa.String(10), nullable=False),
        sa.Column("memo_ids", types.Json, nullable=False),
        sa.Column("created_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.PrimaryKeyConstraint("recommendation_id"),
        sa.UniqueConstraint("uid", "date", name="uq_daily_recommendations_uid_date"),
    )


def _create_push_rules() -> None:
    steps.create_table(
        "push_rules",
        sa.Column("id", types.Id, nullable=False),
        sa.Column(
            "uid", types.Id, sa.ForeignKey("users.uid", name="fk_push_rules_uid", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("name", types.Prose, nullable=False),
        sa.Column("push_time", sa.Integer(), nullable=False),
        sa.Column("content_type", types.Word, nullable=False),
        sa.Column("channels", types.Json, nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False, server_default=sa.text("1")),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("created_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.Column("updated_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.PrimaryKeyConstraint("id"),
    )
    steps.create_index("ix_push_rules_enabled_push_time_seq", "push_rules", ["enabled", "push_time", "seq"])
    steps.create_index("ix_push_rules_uid_seq", "push_rules", ["uid", "seq"])


def _create_table_migrations() -> None:
    steps.create_table(
        "table_migrations",
        sa.Column("table_name", sa.String(191), nullable=False),
        sa.Column("current_version", sa.Integer(), nullable=False),
        sa.Column("last_migrated_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.PrimaryKeyConstraint("table_name"),
    )


def _create_vector_outbox() -> None:
    steps.create_table(
        "vector_outbox",
        sa.Column("mark_id", types.Serial, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("entity_id", types.Id, nullable=False),
        sa.Column("uid", types.Id, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("last_error", types.Prose, nullable=True),
        sa.Column("created_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.Column("next_try_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.PrimaryKeyConstraint("mark_id"),
        sqlite_autoincrement=True,
    )
    steps.create_index("ix_vector_outbox_next_try_at_mark_id", "vector_outbox", ["next_try_at", "mark_id"])
    steps.create_index("ix_vector_outbox_entity_id", "vector_outbox", ["entity_id"])


def _create_leases() -> None:
    steps.create_table(
        "leases",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("holder", types.Word, nullable=False),
        sa.Column("expires_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.PrimaryKeyConstraint("name"),
    )


def _create_migration_runs() -> None:
    steps.create_table(
        "migration_runs",
        sa.Column("run_id", sa.String(32), nullable=False),
        sa.Column("source", types.Prose, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("first_seq", sa.BigInteger(), nullable=False),
        sa.Column("next_seq", sa.BigInteger(), nullable=False),
        sa.Column("plan", types.Json, nullable=False),
        sa.Column("summary", types.Json, nullable=True),
        sa.Column("started_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.Column("finished_at", types.Millis(), nullable=True),
        sa.PrimaryKeyConstraint("run_id"),
    )


def _create_migration_checkpoints() -> None:
    steps.create_table(
        "migration_checkpoints",
        sa.Column("run_id", sa.String(32), nullable=False),
        sa.Column("table_name", sa.String(64), nullable=False),
        sa.Column("first_row", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("ledger", sa.LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb"), nullable=False),
        sa.Column("details", types.Json, nullable=True),
        sa.Column("created_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.PrimaryKeyConstraint("run_id", "table_name", "first_row"),
    )


def _create_migration_quarantine() -> None:
    steps.create_table(
        "migration_quarantine",
        sa.Column("run_id", sa.String(32), nullable=False),
        sa.Column("table_name", sa.String(64), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("row_key", types.Prose, nullable=True),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("message", types.Prose, nullable=False),
        sa.Column("content", types.Json, nullable=False),
        sa.Column("created_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.PrimaryKeyConstraint("run_id", "table_name", "position"),
    )


def _create_push_deliveries() -> None:
    steps.create_table(
        "push_deliveries",
        sa.Column(
            "rule_id",
            types.Id,
            sa.ForeignKey("push_rules.id", name="fk_push_deliveries_rule_id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("due", sa.String(13), nullable=False),
        sa.Column("channel", sa.String(64), nullable=False),
        sa.Column("uid", types.Id, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("claimed_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.Column("next_look_at", types.Millis(), nullable=True),
        sa.Column("error", types.Prose, nullable=True),
        sa.PrimaryKeyConstraint("rule_id", "due", "channel"),
    )
    steps.create_index("ix_push_deliveries_state_next_look_at", "push_deliveries", ["state", "next_look_at"])
    steps.create_index("ix_push_deliveries_claimed_at", "push_deliveries", ["claimed_at"])


def _create_rate_limits() -> None:
    steps.create_table(
        "rate_limits",
        sa.Column("name", sa.String(96), nullable=False),
        sa.Column("hits", sa.Integer(), nullable=False),
        sa.Column("expires_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.PrimaryKeyConstraint("name"),
    )
    steps.create_index("ix_rate_limits_expires_at", "rate_limits", ["expires_at"])


def _create_invariant_checks() -> None:
    steps.create_table(
        "invariant_checks",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("checked", sa.BigInteger(), nullable=False),
        sa.Column("violations", sa.BigInteger(), nullable=False),
        sa.Column("repaired", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.PrimaryKeyConstraint("name"),
    )
