"""What can become of a source row, and why (docs/decisions/30-outcome-of-every-row.md)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class RowOutcome(IntEnum):
    """The one thing that a run did with a source row; the numbers are kept in the ledger."""

    MIGRATED = 1
    NORMALISED = 2
    UPDATED = 3
    PRESENT = 4
    MERGED = 5
    QUARANTINED = 6


IN_TARGET = frozenset({RowOutcome.MIGRATED, RowOutcome.NORMALISED, RowOutcome.UPDATED, RowOutcome.PRESENT})


class QuarantineReason(StrEnum):
    """Why a row is in quarantine."""

    OWNER_MISSING = "owner_missing"
    TARGET_MISSING = "target_missing"
    TARGET_FOREIGN = "target_foreign"
    POINTS_TO_ITSELF = "points_to_itself"
    DELETED = "deleted"
    ACCOUNT_DELETED = "account_deleted"
    ONLY_IN_VECTORS = "only_in_vectors"
    UNREADABLE = "unreadable"
    IMPOSSIBLE_ID = "impossible_id"
    DUPLICATE_DIFFERS = "duplicate_differs"
    KEY_TAKEN = "key_taken"
    TIME_OUT_OF_RANGE = "time_out_of_range"
    TOO_LONG = "too_long"
    LARGER_THAN_PACKET = "larger_than_packet"
    NOT_AMONG_NEWEST = "not_among_newest"
    CHANGED_ON_BOTH_SIDES = "changed_on_both_sides"
    DELETED_IN_TARGET = "deleted_in_target"
    REFUSED = "refused_by_database"


class Into(StrEnum):
    """Why a row was merged into another one."""

    SAME_ROW = "same_row"
    SAME_NAME = "same_name"
    SAME_RELATION = "same_relation"
    SAME_DAY = "same_day"
    SAME_TABLE = "same_table"
    SAME_CARD = "same_card"


class Change(StrEnum):
    """What was changed in a row on its way."""

    NULL_FILLED = "null_filled"
    EMAIL_TAKEN = "email_taken"
    ACCOUNTS_JOINED = "accounts_joined"
    EMPTY_TO_NULL = "empty_to_null"
    UNKNOWN_CATEGORY = "unknown_category"
    CATEGORY_BY_NAME = "category_by_name"
    MERGED_CATEGORY = "merged_category"
    MERGED_TAG = "merged_tag"
    TAGS_FROM_NAMES = "tags_from_names"
    UNKNOWN_TYPE = "unknown_type"
    IMPOSSIBLE_IDS_DROPPED = "impossible_ids_dropped"
    DUPLICATES_DROPPED = "duplicates_dropped"
    NAME_REPAIRED = "name_repaired"
    NOT_AN_OBJECT = "not_an_object"
    NOT_JSON = "not_json"
    EMPTY_SOURCES = "empty_sources"
    LARGER_THAN_PACKET = "larger_than_packet"
    UNKNOWN_MODEL = "unknown_model"
    UNKNOWN_MEMO = "unknown_memo"
    UNKNOWN_PROFILE = "unknown_profile"
    OUT_OF_RANGE = "out_of_range"
    RULES_FROM_SCOPE = "rules_from_scope"
    NOT_A_LIST = "not_a_list"
    USAGE_RECOUNTED = "usage_recounted"


@dataclass(frozen=True, slots=True)
class Note:
    """One change: the column of the target, what was done, and the value before and after."""

    column: str
    change: Change
    old: object
    new: object


class RowQuarantined(Exception):
    """The row has no place in the target; the text says why in full."""

    def __init__(self, reason: QuarantineReason, message: str) -> None:
        self.reason = reason
        super().__init__(message)


class RowMerged(Exception):
    """Another row of the target, ``into``, stands for this one."""

    def __init__(self, into: str, why: Into) -> None:
        self.into = into
        self.why = why
        super().__init__(f"{why}: {into}")
