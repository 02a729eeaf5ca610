"""Spaced repetition: cards and rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from aimo.db.schema import SpacedRepetitionCards, SpacedRepetitionRules
from aimo.db.typed import table_of
from aimo.legacy.mappers.mapper import Mapped, Mapper, column_of
from aimo.legacy.mappers.row_fields import RowFields
from aimo.legacy.plan.target_lookups import NamedRows
from aimo.legacy.row_outcomes import Change, Into, QuarantineReason, RowMerged, RowQuarantined
from aimo.legacy.source.column_values import Kind
from aimo.legacy.source.row_reader import SourceRow
from aimo.services.memos.name_keys import name_key

# The source has single precision: what follows are its errors.
_EASE_PLACES: Final = 4
_EASE: Final = 2.5
_MODES: Final = ("include", "exclude")
_RANGES: Final = ("recent_days", "date_range")


class CardMapper(Mapper):
    """Cards, in the order of their memos. A memo has one: which of several stays is decided by the snapshot."""

    source = "spaced_repetition_cards"
    table = table_of(SpacedRepetitionCards)
    key = "cardId"
    # Their order number is that of their memo.
    numbered = ()
    hashed = (
        (
            "card_id",
            "uid",
            "memo_id",
            "ease_factor",
            "interval_days",
            "repetitions",
            "lapse_count",
            "next_review_at",
            "last_review_at",
            "seq",
            "created_at",
        ),
    )
    kinds: ClassVar = {
        "cardId": Kind.TEXT,
        "uid": Kind.TEXT,
        "memoId": Kind.TEXT,
        "easeFactor": Kind.REAL,
        "interval": Kind.WHOLE,
        "repetitions": Kind.WHOLE,
        "lapseCount": Kind.WHOLE,
        "nextReviewAt": Kind.MOMENT,
        "lastReviewAt": Kind.MOMENT,
        "createdAt": Kind.MOMENT,
    }

    async def look_up(self, rows: Sequence[SourceRow]) -> None:
        """Look up the owners, the memos, and the cards that these have."""
        memo_ids = column_of(rows, "memoId")
        await self.lookups.load_users(column_of(rows, "uid"))
        await self.lookups.load_memo_owners(memo_ids)
        await self.lookups.load_memo_cards(memo_ids)

    def build(self, row: SourceRow, fields: RowFields) -> Mapped:
        """Return the card, when its memo is its owner's and has no other."""
        uid, card_id = fields.owner(self.lookups), fields.id("cardId")
        memo_id = fields.raw("memoId")
        owner = self.lookups.memos.get(memo_id)
        if owner is None:
            raise RowQuarantined(QuarantineReason.TARGET_MISSING, f"memoId: there is no memo {memo_id!r}")
        if owner != uid:
            raise RowQuarantined(QuarantineReason.TARGET_FOREIGN, f"memoId: the memo {memo_id} is another user's")
        last = fields.raw("lastReviewAt")
        values = {
            "card_id": card_id,
            "uid": uid,
            "memo_id": memo_id,
            "ease_factor": round(fields.real("easeFactor", "ease_factor", _EASE), _EASE_PLACES),
            "interval_days": fields.whole("interval", "interval_days", 1),
            "repetitions": fields.whole("repetitions", "repetitions", 0),
            "lapse_count": fields.whole("lapseCount", "lapse_count", 0),
            "next_review_at": fields.moment("nextReviewAt", "next_review_at", "createdAt"),
            "last_review_at": None if last is None else fields.moment("lastReviewAt", "last_review_at"),
            "seq": self.lookups.memo_seqs[memo_id],
            "created_at": fields.moment("createdAt", "created_at"),
        }
        holder = self.lookups.cards.get(memo_id, card_id)
        if holder != card_id:
            raise RowMerged(holder, Into.SAME_CARD)
        return Mapped(values, fields.notes)

    def hold(self, mapped: Mapped) -> None:
        """Take up its memo."""
        self.lookups.cards[mapped.values["memo_id"]] = mapped.values["card_id"]

    def release(self, held: Mapping[str, Any]) -> None:
        """Free the memo it had."""
        self.lookups.cards.pop(held["memo_id"], None)


class RepetitionRuleMapper(Mapper):
    """Rules. One that names a category or tag which is not there means nothing, and is kept aside."""

    source = "spaced_repetition_rules"
    table = table_of(SpacedRepetitionRules)
    key = "ruleId"
    hashed = (("rule_id", "uid", "mode", "filter_type", "filter_value", "category_id", "tag_id", "created_at"),)
    kinds: ClassVar = {
        "ruleId": Kind.TEXT,
        "uid": Kind.TEXT,
        "mode": Kind.TEXT,
        "filterType": Kind.TEXT,
        "filterValue": Kind.TEXT,
        "createdAt": Kind.MOMENT,
    }

    async def look_up(self, rows: Sequence[SourceRow]) -> None:
        """Look up the owners, their categories and their tags."""
        uids = column_of(rows, "uid")
        await self.lookups.load_users(uids)
        await self.lookups.load_categories(uids)
        await self.lookups.load_tags(uids)

    def build(self, row: SourceRow, fields: RowFields) -> Mapped:
        """Return the rule with the id of what it names."""
        uid, kind = fields.owner(self.lookups), fields.word("filterType", "filter_type")
        mode, value = fields.word("mode", "mode"), fields.text("filterValue", "filter_value")
        if mode not in _MODES:
            raise RowQuarantined(QuarantineReason.UNREADABLE, f"mode: {mode!r} is neither include nor exclude")
        if kind not in ("category", "tag", *_RANGES):
            raise RowQuarantined(QuarantineReason.UNREADABLE, f"filterType: {kind!r} is not understood")
        values = {
            "rule_id": fields.id("ruleId"),
            "uid": uid,
            "mode": mode,
            "filter_type": kind,
            "filter_value": value,
            "category_id": self._category(fields, uid, value) if kind == "category" else None,
            "tag_id": self._tag(uid, value) if kind == "tag" else None,
            "created_at": fields.moment("createdAt", "created_at"),
        }
        return Mapped(values, fields.notes)

    def _category(self, fields: RowFields, uid: str, value: str) -> str:
        known = self.lookups.categories.get(uid, NamedRows()).ids
        if value in known:
            return value
        into = self.lookups.merged_categories.get(value)
        if into is None or into not in known:
            raise RowQuarantined(QuarantineReason.TARGET_MISSING, f"filterValue: there is no category {value!r}")
        fields.note("category_id", Change.MERGED_CATEGORY, value, into)
        return into

    def _tag(self, uid: str, value: str) -> str:
        tag_id = self.lookups.tags.get(uid, NamedRows()).by_key.get(name_key(value))
        if tag_id is None:
            raise RowQuarantined(QuarantineReason.TARGET_MISSING, f"filterValue: there is no tag {value!r}")
        return tag_id
