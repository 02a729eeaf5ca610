"""The tables of the existing server's relational database, as the mappers know them.

See docs/contract/source-database.md#relational-sources.
"""

from __future__ import annotations

from typing import Final

LEFT_OUT: Final = "leftOut"
"""A column that says why a row is not brought, beside its own tombstone: a `QuarantineReason`."""

MERGED_INTO: Final = "mergedInto"
"""A column with the id of the row that stands for this one."""

VECTOR: Final = "vector"
"""A column with the vector of a row that LanceDB alone has, as base64 of its float32 numbers."""

OURS: Final = frozenset({LEFT_OUT, MERGED_INTO, VECTOR})

KEYS: Final = {
    "users": "uid",
    "user_models": "id",
    "user_feature_configs": "id",
    "categories": "category_id",
    "tags": "tag_id",
    "memos": "memo_id",
    "memo_relations": "relation_id",
    "attachments": "attachment_id",
    "ai_conversations": "conversation_id",
    "ai_messages": "message_id",
    "daily_recommendations": "recommendation_id",
    "push_rules": "id",
    "table_migrations": "table_name",
    "in_app_notifications": "notification_id",
    "spaced_repetition_cards": "card_id",
    "spaced_repetition_rules": "rule_id",
    "review_profiles": "profile_id",
    "review_sessions": "session_id",
    "review_items": "item_id",
}
"""Primary keys, in the order in which the tables are read: what others refer to first."""

# Rows keep the order in which they were made; a table without such a time has one of its own.
ORDER: Final = {"review_items": ("sessionId", "order"), "table_migrations": ()}

# Their times of creation come from the database's clock, in the zone of the session that wrote them.
FILLED_BY_THE_DATABASE: Final = frozenset(
    {
        "users",
        "tags",
        "categories",
        "memo_relations",
        "ai_conversations",
        "ai_messages",
        "push_rules",
        "user_models",
        "user_feature_configs",
        "spaced_repetition_cards",
        "spaced_repetition_rules",
        "review_profiles",
        "review_sessions",
        "in_app_notifications",
    }
)


def field_name(column: str) -> str:
    """Return the name under which mappers know a column: ``memo_id`` is ``memoId``."""
    if column == "user_id":
        return "uid"
    first, *others = column.split("_")
    return first + "".join(part.capitalize() for part in others)
