"""Statements that show operators what the tables hold: the contract's columns, nothing secret.

See docs/contract/machines.md#table-browser.

Left out are passwords and salts, the channels of push rules (addresses and secrets of users), and the
columns that this server added for itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute

from aimo.db import schema
from aimo.db.statements import param, unscoped
from aimo.db.typed import AnySelect

_TEXTS = "List<Utf8>"
_SOURCES = "List<Struct<{memoId:Utf8, content:Utf8, similarity:Float32}>>"

# Columns in the order of the contract (docs/contract/machines.md#table-browser); the first one identifies a row.
_TABLES: dict[str, tuple[type[schema.Model], str]] = {
    "users": (schema.Users, "uid email phone nickname avatar status created_at updated_at"),
    "memos": (
        schema.Memos,
        "memo_id uid category_id content type source attachments tag_ids created_at updated_at is_public",
    ),
    "memo_relations": (schema.MemoRelations, "relation_id uid source_memo_id target_memo_id created_at"),
    "categories": (schema.Categories, "category_id uid name color created_at updated_at"),
    "tags": (schema.Tags, "tag_id uid name color usage_count created_at updated_at"),
    "attachments": (
        schema.Attachments,
        "attachment_id uid filename type size storage_type path bucket prefix endpoint region is_public_bucket "
        "multimodal_model_hash properties created_at",
    ),
    "ai_conversations": (schema.AIConversations, "conversation_id uid title created_at updated_at"),
    "ai_messages": (schema.AIMessages, "message_id conversation_id role content sources created_at"),
    "daily_recommendations": (schema.DailyRecommendations, "recommendation_id uid date memo_ids created_at"),
    "push_rules": (schema.PushRules, "id uid name push_time content_type enabled created_at updated_at"),
    "table_migrations": (schema.TableMigrations, "table_name current_version last_migrated_at"),
}
# Where the type of the contract does not follow from the column's.
_TYPES = {
    "memos.attachments": _TEXTS,
    "memos.tag_ids": _TEXTS,
    "daily_recommendations.memo_ids": _TEXTS,
    "ai_messages.sources": _SOURCES,
}
_BY_PYTHON = {bool: "Bool", str: "Utf8"}


@dataclass(frozen=True)
class ColumnInfo:
    """A column as the contract names it; ``type`` is worded as Arrow's JavaScript library does."""

    name: str
    type: str
    nullable: bool


@dataclass(frozen=True)
class BrowsableTable:
    """A table that may be shown: its columns, and the statement for a page of them in the same order."""

    columns: tuple[ColumnInfo, ...]
    page: AnySelect


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _column(table: str, attribute: InstrumentedAttribute[object]) -> ColumnInfo:
    name = attribute.key
    if name.endswith("_at"):
        kind = "Timestamp<MILLISECOND>"
    else:
        kind = _TYPES.get(f"{table}.{name}") or _BY_PYTHON.get(_python_type(attribute), "Int32")
    return ColumnInfo(_camel(name), kind, bool(attribute.property.columns[0].nullable))


def _python_type(attribute: InstrumentedAttribute[object]) -> type:
    python: type = attribute.type.python_type
    # Free facts about a file are JSON, which the contract has as text.
    return str if python is dict else python


def _inspected(name: str, table: type[schema.Model], listed: str) -> BrowsableTable:
    attributes = [getattr(table, column) for column in listed.split()]
    statement = unscoped(
        f"table_browser.{name}",
        select(*attributes).order_by(attributes[0]).limit(param("limit")).offset(param("offset")),
        reason="operators look at the rows of all users, with the machine token",
        trashed="operators see every row that there is" if name == "memos" else None,
    )
    return BrowsableTable(tuple(_column(name, attribute) for attribute in attributes), statement)


INSPECTED = {name: _inspected(name, table, listed) for name, (table, listed) in _TABLES.items()}
