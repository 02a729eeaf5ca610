"""What a run is going to do, decided once at its start."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from aimo.legacy.copy.row_writer import TAGS_A_MEMO
from aimo.legacy.copy.separate_vectors import has_vector_column
from aimo.legacy.mappers.attachments import AttachmentMapper
from aimo.legacy.mappers.conversations import ConversationMapper, MessageMapper
from aimo.legacy.mappers.mapper import Mapper
from aimo.legacy.mappers.memos import MemoMapper
from aimo.legacy.mappers.models import FeatureConfigMapper, UserModelMapper
from aimo.legacy.mappers.notifications import NotificationMapper
from aimo.legacy.mappers.recommendations import RecommendationMapper
from aimo.legacy.mappers.relations import RelationMapper
from aimo.legacy.mappers.repetition import CardMapper, RepetitionRuleMapper
from aimo.legacy.mappers.rest import PushRuleMapper, TableMigrationMapper
from aimo.legacy.mappers.reviews import ReviewItemMapper, ReviewProfileMapper, ReviewSessionMapper
from aimo.legacy.mappers.tags_and_categories import CategoryMapper, TagMapper
from aimo.legacy.mappers.users import UserMapper
from aimo.legacy.plan.options import KNOWN, VECTOR_TABLES, Options
from aimo.vectors.legacy_source import LegacySource

# In the order of their foreign keys.
MAPPERS: tuple[type[Mapper], ...] = (
    UserMapper,
    UserModelMapper,
    FeatureConfigMapper,
    CategoryMapper,
    TagMapper,
    MemoMapper,
    RelationMapper,
    AttachmentMapper,
    ConversationMapper,
    MessageMapper,
    RecommendationMapper,
    PushRuleMapper,
    TableMigrationMapper,
    NotificationMapper,
    CardMapper,
    RepetitionRuleMapper,
    ReviewProfileMapper,
    ReviewSessionMapper,
    ReviewItemMapper,
)
NEEDS: Mapping[str, tuple[str, ...]] = {
    "user_models": ("users",),
    "user_feature_configs": ("users", "user_models"),
    "categories": ("users",),
    "tags": ("users",),
    "memos": ("users", "categories", "tags"),
    "memo_relations": ("users", "memos"),
    "attachments": ("users",),
    "ai_conversations": ("users",),
    "ai_messages": ("ai_conversations",),
    "daily_recommendations": ("users",),
    "push_rules": ("users",),
    "in_app_notifications": ("users", "memos"),
    "spaced_repetition_cards": ("users", "memos"),
    "spaced_repetition_rules": ("users", "categories", "tags"),
    "review_profiles": ("users", "user_models", "tags"),
    "review_sessions": ("users", "review_profiles"),
    "review_items": ("review_sessions",),
}


def chosen(options: Options, source: LegacySource) -> list[str]:
    """Return the tables of the source to go through, in order."""
    wanted = options.tables or KNOWN
    return [name for name in KNOWN if name in source.tables and name in wanted]


def describe(
    options: Options, source: LegacySource, model: Mapping[str, object], empty: Sequence[str], packet_limit: int
) -> dict[str, object]:
    """Return the plan that is kept with the run."""
    names = chosen(options, source)
    extra = [
        separate
        for separate, (rows, column) in VECTOR_TABLES.items()
        if separate in source.tables and rows in names and not has_vector_column(source.tables[rows], column)
    ]
    return {
        "tables": {
            name: {"version": source.tables[name].version, "rows": source.tables[name].rows}
            for name in [*names, *extra]
        },
        "selected": list(options.tables),
        "model": dict(model),
        "empty": list(empty),
        "packet_limit": packet_limit,
        "join_accounts": options.join_accounts,
        "others": tables_without_a_place(source, extra),
    }


def tables_without_a_place(source: LegacySource, read: Collection[str]) -> dict[str, int]:
    """Return the rows of the tables that no run brings; ``read`` are those that this one reads."""
    return {name: table.rows for name, table in source.tables.items() if name not in KNOWN and name not in read}


def order_numbers(source: LegacySource) -> int:
    """Return how many order numbers a run may give out."""
    tables = source.tables.values()
    most = max((table.rows for table in tables), default=0)
    return most * (TAGS_A_MEMO + 1) + TAGS_A_MEMO + 1
