"""What a run is going to do, decided once at its start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aimo.errors import ConfigurationError
from aimo.legacy.mapper import Mapper
from aimo.legacy.mappers.attachments import AttachmentMapper
from aimo.legacy.mappers.conversations import ConversationMapper, MessageMapper
from aimo.legacy.mappers.memos import MemoMapper
from aimo.legacy.mappers.names import CategoryMapper, TagMapper
from aimo.legacy.mappers.recommendations import RecommendationMapper
from aimo.legacy.mappers.relations import RelationMapper
from aimo.legacy.mappers.rest import PushRuleMapper, TableMigrationMapper
from aimo.legacy.mappers.users import UserMapper
from aimo.legacy.row_writer import TAGS_A_MEMO
from aimo.vectors.legacy_source import LegacySource

# In the order of their foreign keys.
MAPPERS: tuple[type[Mapper], ...] = (
    UserMapper,
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
)
NEEDS: Mapping[str, tuple[str, ...]] = {
    "categories": ("users",),
    "tags": ("users",),
    "memos": ("users", "categories", "tags"),
    "memo_relations": ("users", "memos"),
    "attachments": ("users",),
    "ai_conversations": ("users",),
    "ai_messages": ("ai_conversations",),
    "daily_recommendations": ("users",),
    "push_rules": ("users",),
}
CACHES = ("embedding_cache", "multimodal_embedding_cache")
# Tables of later releases that hold the vectors apart; read where the scalar table has none.
VECTOR_TABLES = ("memo_vectors", "attachment_vectors")
ROW_TABLES = tuple(mapper.source for mapper in MAPPERS)
KNOWN = (*ROW_TABLES, *CACHES)


class UsageError(ConfigurationError):
    """The command was given something that cannot be meant (exit code 2)."""


@dataclass(frozen=True)
class Options:
    """What the command was asked for.

    Args:
        source: folder or ``s3://`` address of the old database.
        batch: rows in one batch.
        tables: only these tables; all of them when empty.
        model: keep the vectors under this model's name.
        reembed: leave the vectors behind and have every memo embedded again.
        copy_files: folder of the old server's files, to be copied.
    """

    source: str
    batch: int = 100
    tables: tuple[str, ...] = ()
    dry_run: bool = False
    verify_only: bool = False
    resume: bool = False
    model: str | None = None
    reembed: bool = False
    copy_files: str | None = None
    purge_source: bool = False

    def check(self) -> None:
        """Refuse what cannot be meant.

        Raises:
            UsageError: with the reason.
        """
        if unknown := [name for name in self.tables if name not in KNOWN]:
            raise UsageError(f"--table {unknown[0]}: there is no such table; known are {', '.join(KNOWN)}.")
        if not 1 <= self.batch <= 100_000:
            raise UsageError("--batch-size must be between 1 and 100000.")
        if self.model is not None and self.reembed:
            raise UsageError("--model and --reembed exclude each other.")
        if self.dry_run and (self.purge_source or self.verify_only or self.resume):
            raise UsageError("--dry-run goes with neither --verify-only, --resume nor --purge-source.")
        if self.purge_source and self.tables:
            raise UsageError("--purge-source needs a run over all tables.")


def chosen(options: Options, source: LegacySource) -> list[str]:
    """The tables of the source to go through, in order."""
    wanted = options.tables or KNOWN
    return [name for name in KNOWN if name in source.tables and name in wanted]


def describe(options: Options, source: LegacySource, model: Mapping[str, Any], empty: Sequence[str]) -> dict[str, Any]:
    """The plan that is kept with the run."""
    extra = [name for name in VECTOR_TABLES if name in source.tables]
    return {
        "tables": {
            name: {"version": source.tables[name].version, "rows": source.tables[name].rows}
            for name in [*chosen(options, source), *extra]
        },
        "selected": list(options.tables),
        "model": dict(model),
        "empty": list(empty),
        "others": {
            name: table.rows for name, table in source.tables.items() if name not in KNOWN and name not in extra
        },
    }


def order_numbers(source: LegacySource) -> int:
    """How many order numbers a run may give out."""
    tables = source.tables.values()
    most = max((table.rows for table in tables), default=0)
    return most * (TAGS_A_MEMO + 1) + TAGS_A_MEMO + 1
