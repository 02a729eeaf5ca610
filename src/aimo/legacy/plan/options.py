"""What the command can be asked for. Imports nothing heavy, so that a wrong option is answered at once."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from aimo.errors import ConfigurationError

# In the order of their foreign keys.
ROW_TABLES = (
    "users",
    "user_models",
    "user_feature_configs",
    "categories",
    "tags",
    "memos",
    "memo_relations",
    "attachments",
    "ai_conversations",
    "ai_messages",
    "daily_recommendations",
    "push_rules",
    "table_migrations",
    "in_app_notifications",
    "spaced_repetition_cards",
    "spaced_repetition_rules",
    "review_profiles",
    "review_sessions",
    "review_items",
)
_STORES = ("s3", "gs", "az", "memory", "file")
CACHES = ("embedding_cache", "multimodal_embedding_cache")
# Tables of later releases that hold vectors separately; read where the table of the rows has no such column.
VECTOR_TABLES = {
    "memo_vectors": ("memos", "embedding"),
    "attachment_vectors": ("attachments", "multimodalEmbedding"),
}
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
        vectors: LanceDB folder or ``s3://`` address of a source whose rows are in MySQL.
        source_zone: zone of the sessions of such a source, where it is not UTC.
        join_accounts: join accounts of the target and of the source that have the same e-mail.
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
    vectors: str | None = None
    source_zone: str | None = None
    join_accounts: bool = False

    def check(self, target: str) -> None:
        """Refuse what cannot be meant. ``target`` is the LanceDB folder, or address, that is going to be filled.

        Raises:
            UsageError: with the reason.
        """
        if not self.is_relational and "://" not in self.source and not Path(self.source).is_dir():
            raise UsageError(f"--source: there is no folder {self.source}.")
        self._check_relational(target)
        if same_place(self.source, target):
            raise UsageError("--source must differ from the configured LanceDB folder, which is the target.")
        if self.copy_files and not Path(self.copy_files).is_dir():
            raise UsageError(f"--copy-files: there is no folder {self.copy_files}.")
        if unknown := [name for name in self.tables if name not in KNOWN]:
            raise UsageError(f"--table {unknown[0]}: there is no such table; known are {', '.join(KNOWN)}.")
        if not 1 <= self.batch <= 100_000:
            raise UsageError("--batch-size must be between 1 and 100000.")
        if self.model is not None and self.reembed:
            raise UsageError("--model and --reembed exclude each other.")
        if self.dry_run and (self.purge_source or self.verify_only or self.resume):
            raise UsageError("--dry-run goes with neither --verify-only, --resume nor --purge-source.")
        if self.join_accounts and (self.verify_only or (self.tables and "users" not in self.tables)):
            raise UsageError("--join-accounts needs a run over the table users.")
        if self.purge_source and self.tables:
            raise UsageError("--purge-source needs a run over all tables.")

    @property
    def is_relational(self) -> bool:
        """Whether the rows are in MySQL."""
        return self.source.startswith(("mysql:", "mariadb:"))

    def _check_relational(self, target: str) -> None:
        if not self.is_relational:
            if "://" in self.source and urlsplit(self.source).scheme not in _STORES:
                raise UsageError(
                    f"--source: {urlsplit(self.source).scheme}:// is not understood; give the old server's "
                    "LanceDB folder, s3://bucket/prefix, or mysql://USER@HOST/DATABASE."
                )
            if self.vectors or self.source_zone:
                raise UsageError(
                    "--vectors and --source-zone go with a --source of the form mysql://USER@HOST/DATABASE."
                )
            return
        if self.purge_source:
            raise UsageError("--purge-source: a MySQL source is never written to; remove the old database yourself.")
        if self.vectors is None and not self.reembed and not self.verify_only:
            raise UsageError(
                "--vectors is required: the old server's LanceDB folder (LANCEDB_PATH), or s3://bucket/prefix; "
                "without it every memo must be embedded again, which costs calls of the provider: then say --reembed."
            )
        if self.vectors and "://" not in self.vectors and not Path(self.vectors).is_dir():
            raise UsageError(f"--vectors: there is no folder {self.vectors}.")
        if self.vectors and same_place(self.vectors, target):
            raise UsageError("--vectors must differ from the configured LanceDB folder, which is the target.")
        if self.source_zone:
            try:
                ZoneInfo(self.source_zone)
            except (ValueError, OSError, KeyError):
                raise UsageError(f"--source-zone: {self.source_zone} is no zone; give one as Asia/Shanghai.") from None


def same_place(one: str, other: str) -> bool:
    """Return whether two addresses name the same database."""
    if "://" in one or "://" in other:
        return one.rstrip("/") == other.rstrip("/")
    return os.path.realpath(one) == os.path.realpath(other)
