"""The relational schema, one module a table; docs/contract/source-database.md tells what it came from."""

from aimo.db.schema.ai_conversations import AIConversation
from aimo.db.schema.ai_messages import AIMessage
from aimo.db.schema.asr_tasks import AsrTask
from aimo.db.schema.attachments import Attachment
from aimo.db.schema.base import Table
from aimo.db.schema.categories import Category
from aimo.db.schema.daily_recommendations import DailyRecommendation
from aimo.db.schema.invariant_checks import InvariantCheck
from aimo.db.schema.leases import Lease
from aimo.db.schema.memo_relations import MemoRelation
from aimo.db.schema.memo_tags import MemoTag
from aimo.db.schema.memos import Memo
from aimo.db.schema.migration_checkpoints import MigrationCheckpoint
from aimo.db.schema.migration_quarantine import MigrationQuarantine
from aimo.db.schema.migration_runs import MigrationRun
from aimo.db.schema.outbox_entries import VectorMark
from aimo.db.schema.push_deliveries import PushDelivery
from aimo.db.schema.push_rules import PushRule
from aimo.db.schema.rate_limits import RateLimit
from aimo.db.schema.sessions import Session
from aimo.db.schema.table_migrations import TableMigration
from aimo.db.schema.tags import Tag
from aimo.db.schema.users import User

__all__ = [
    "AIConversation",
    "AIMessage",
    "AsrTask",
    "Attachment",
    "Category",
    "DailyRecommendation",
    "InvariantCheck",
    "Lease",
    "Memo",
    "MemoRelation",
    "MemoTag",
    "MigrationCheckpoint",
    "MigrationQuarantine",
    "MigrationRun",
    "PushDelivery",
    "PushRule",
    "RateLimit",
    "Session",
    "Table",
    "TableMigration",
    "Tag",
    "User",
    "VectorMark",
]
