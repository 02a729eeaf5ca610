"""The relational schema, one module a table; docs/contract/source-database.md tells what it came from."""

from aimo.db.schema.access_tokens import AccessTokens
from aimo.db.schema.ai_conversations import AIConversations
from aimo.db.schema.ai_messages import AIMessages
from aimo.db.schema.answered_requests import AnsweredRequests
from aimo.db.schema.asr_tasks import AsrTasks
from aimo.db.schema.attachments import Attachments
from aimo.db.schema.base import Model
from aimo.db.schema.categories import Categories
from aimo.db.schema.daily_recommendations import DailyRecommendations
from aimo.db.schema.in_app_notifications import InAppNotifications
from aimo.db.schema.invariant_checks import InvariantChecks
from aimo.db.schema.leases import Leases
from aimo.db.schema.memo_changes import MemoChangeCounters, MemoChanges
from aimo.db.schema.memo_relations import MemoRelations
from aimo.db.schema.memo_tags import MemoTags
from aimo.db.schema.memos import Memos
from aimo.db.schema.migration_checkpoints import MigrationCheckpoints
from aimo.db.schema.migration_quarantine import MigrationQuarantine
from aimo.db.schema.migration_runs import MigrationRuns
from aimo.db.schema.outbox_entries import OutboxEntries
from aimo.db.schema.push_deliveries import PushDeliveries
from aimo.db.schema.push_rules import PushRules
from aimo.db.schema.rate_limits import RateLimits
from aimo.db.schema.review_items import ReviewItems
from aimo.db.schema.review_profiles import ReviewProfiles
from aimo.db.schema.review_sessions import ReviewSessions
from aimo.db.schema.sessions import Sessions
from aimo.db.schema.spaced_repetition_cards import SpacedRepetitionCards
from aimo.db.schema.spaced_repetition_rules import SpacedRepetitionRules
from aimo.db.schema.table_migrations import TableMigrations
from aimo.db.schema.tags import Tags
from aimo.db.schema.trusted_times import TrustedTimes
from aimo.db.schema.user_feature_configs import UserFeatureConfigs
from aimo.db.schema.user_models import UserModels
from aimo.db.schema.users import Users

__all__ = [
    "AIConversations",
    "AIMessages",
    "AccessTokens",
    "AnsweredRequests",
    "AsrTasks",
    "Attachments",
    "Categories",
    "DailyRecommendations",
    "InAppNotifications",
    "InvariantChecks",
    "Leases",
    "MemoChangeCounters",
    "MemoChanges",
    "MemoRelations",
    "MemoTags",
    "Memos",
    "MigrationCheckpoints",
    "MigrationQuarantine",
    "MigrationRuns",
    "Model",
    "OutboxEntries",
    "PushDeliveries",
    "PushRules",
    "RateLimits",
    "ReviewItems",
    "ReviewProfiles",
    "ReviewSessions",
    "Sessions",
    "SpacedRepetitionCards",
    "SpacedRepetitionRules",
    "TableMigrations",
    "Tags",
    "TrustedTimes",
    "UserFeatureConfigs",
    "UserModels",
    "Users",
]
