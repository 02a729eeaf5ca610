"""Reviews: profiles, sessions and their questions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from aimo.db.schema import ReviewItems, ReviewProfiles, ReviewSessions
from aimo.db.typed import table_of
from aimo.legacy.mappers.mapper import Mapped, Mapper, column_of
from aimo.legacy.mappers.models import own_model
from aimo.legacy.mappers.row_fields import RowFields
from aimo.legacy.plan.target_lookups import NamedRows
from aimo.legacy.row_outcomes import Change, QuarantineReason, RowQuarantined
from aimo.legacy.source.column_values import Kind
from aimo.legacy.source.row_reader import SourceRow
from aimo.services.reviews.rules import rules_of_earlier_profile

_QUESTIONS = 10


class ReviewProfileMapper(Mapper):
    """Profiles; what those of an earlier release meant becomes rules."""

    source = "review_profiles"
    table = table_of(ReviewProfiles)
    key = "profileId"
    hashed = (
        ("profile_id", "uid", "name", "filter_rules", "question_count", "user_model_id", "created_at", "updated_at"),
    )
    kinds: ClassVar = {
        "profileId": Kind.TEXT,
        "uid": Kind.TEXT,
        "name": Kind.TEXT,
        "scope": Kind.TEXT,
        "filterValues": Kind.TEXT,
        "recentDays": Kind.WHOLE,
        "questionCount": Kind.WHOLE,
        "userModelId": Kind.TEXT,
        "createdAt": Kind.MOMENT,
        "updatedAt": Kind.MOMENT,
    }

    async def look_up(self, rows: Sequence[SourceRow]) -> None:
        """Look up the owners, their models, and the tags and categories that rules may name."""
        uids = column_of(rows, "uid")
        await self.lookups.load_users(uids)
        await self.lookups.load_tags(uids)
        await self.lookups.load_models(column_of(rows, "userModelId"))

    def build(self, row: SourceRow, fields: RowFields) -> Mapped:
        """Return the profile."""
        uid = fields.owner(self.lookups)
        values = {
            "profile_id": fields.id("profileId"),
            "uid": uid,
            "name": fields.text("name", "name"),
            "filter_rules": self._rules(fields, uid),
            "question_count": fields.whole("questionCount", "question_count", _QUESTIONS),
            "user_model_id": own_model(self, fields, uid),
            "created_at": fields.moment("createdAt", "created_at", "updatedAt"),
            "updated_at": fields.moment("updatedAt", "updated_at", "createdAt"),
        }
        return Mapped(values, fields.notes)

    def _rules(self, fields: RowFields, uid: str) -> list[object]:
        given = fields.json("filterValues", "filter_rules", [])
        rules = rules_of_earlier_profile(fields.optional("scope") or "all", given, fields.raw("recentDays"))
        if rules != (given or []):
            fields.note("filter_rules", Change.RULES_FROM_SCOPE, given, rules)
        known = self.lookups.tags.get(uid, NamedRows()).ids
        for rule in rules:
            if isinstance(rule, dict) and rule.get("type") == "tag" and rule["value"] not in known:
                into = self.lookups.merged_tags.get(rule["value"])
                if into in known:
                    fields.note("filter_rules", Change.MERGED_TAG, rule["value"], into)
                    rule["value"] = into
        return rules


class ReviewSessionMapper(Mapper):
    """Reviews; one whose profile is gone keeps everything else."""

    source = "review_sessions"
    table = table_of(ReviewSessions)
    key = "sessionId"
    hashed = (
        ("session_id", "uid", "profile_id", "scope", "scope_value", "status", "score", "created_at", "completed_at"),
    )
    kinds: ClassVar = {
        "sessionId": Kind.TEXT,
        "uid": Kind.TEXT,
        "profileId": Kind.TEXT,
        "scope": Kind.TEXT,
        "scopeValue": Kind.TEXT,
        "status": Kind.TEXT,
        "score": Kind.WHOLE,
        "createdAt": Kind.MOMENT,
        "completedAt": Kind.MOMENT,
    }

    async def look_up(self, rows: Sequence[SourceRow]) -> None:
        """Look up the owners, and their profiles."""
        await self.lookups.load_users(column_of(rows, "uid"))
        await self.lookups.load_profiles(column_of(rows, "profileId"))

    def build(self, row: SourceRow, fields: RowFields) -> Mapped:
        """Return the review."""
        uid = fields.owner(self.lookups)
        profile = fields.optional("profileId")
        if profile is not None and self.lookups.profiles.get(profile) != uid:
            fields.note("profile_id", Change.UNKNOWN_PROFILE, profile, None)
            profile = None
        values = {
            "session_id": fields.id("sessionId"),
            "uid": uid,
            "profile_id": profile,
            "scope": fields.word("scope", "scope"),
            "scope_value": fields.optional("scopeValue"),
            "status": fields.word("status", "status"),
            "score": None if fields.raw("score") is None else fields.whole("score", "score", 0),
            "created_at": fields.moment("createdAt", "created_at"),
            "completed_at": None if fields.raw("completedAt") is None else fields.moment("completedAt", "completed_at"),
        }
        return Mapped(values, fields.notes)


class ReviewItemMapper(Mapper):
    """Questions; their memo may be gone."""

    source = "review_items"
    table = table_of(ReviewItems)
    key = "itemId"
    # Their position is the row's own.
    numbered = ()
    hashed = (
        ("item_id", "session_id", "uid", "memo_id", "question", "user_answer", "ai_feedback", "mastery", "position"),
    )
    kinds: ClassVar = {
        "itemId": Kind.TEXT,
        "sessionId": Kind.TEXT,
        "memoId": Kind.TEXT,
        "question": Kind.TEXT,
        "userAnswer": Kind.TEXT,
        "aiFeedback": Kind.TEXT,
        "mastery": Kind.TEXT,
        "order": Kind.WHOLE,
    }

    async def look_up(self, rows: Sequence[SourceRow]) -> None:
        """Look up the reviews."""
        await self.lookups.load_sessions(column_of(rows, "sessionId"))

    def build(self, row: SourceRow, fields: RowFields) -> Mapped:
        """Return the question, when its review is there."""
        session_id = fields.raw("sessionId")
        uid = self.lookups.sessions.get(session_id)
        if uid is None:
            raise RowQuarantined(QuarantineReason.TARGET_MISSING, f"there is no review {session_id!r}")
        values = {
            "item_id": fields.id("itemId"),
            "session_id": session_id,
            "uid": uid,
            "memo_id": fields.id("memoId"),
            "question": fields.text("question", "question"),
            "user_answer": fields.optional("userAnswer"),
            "ai_feedback": fields.optional("aiFeedback"),
            "mastery": fields.optional("mastery"),
            "position": fields.whole("order", "position", 0),
        }
        return Mapped(values, fields.notes)
