"""Takes the fields of one source row, normalises what must be, and notes what it changed.

See docs/decisions/30-outcome-of-every-row.md.
"""

from __future__ import annotations

from collections.abc import Set
from typing import Any

import msgspec

from aimo import clock, ids
from aimo.legacy.plan.target_lookups import TargetLookups
from aimo.legacy.row_outcomes import Change, Into, Note, QuarantineReason, RowMerged, RowQuarantined
from aimo.legacy.source.column_values import UnreadableValue
from aimo.legacy.source.relational_tables import LEFT_OUT, MERGED_INTO
from aimo.legacy.source.row_reader import DELETED_AT, plain

LONGEST_TEXT = 16_777_215
_LEFT_OUT = {
    QuarantineReason.ACCOUNT_DELETED: "its account was deleted; nothing of it is kept",
    QuarantineReason.ONLY_IN_VECTORS: "the old database has no such memo, but LanceDB still has its text",
}
LONGEST_WORD = 255


class RowFields:
    """The values of one row. Each method takes one column as what it must be in the target.

    Raises:
        Quarantined: (any method) the value makes the whole row impossible.
    """

    def __init__(self, values: dict[str, object], absent: Set[str] = frozenset()) -> None:
        self.notes: list[Note] = []
        self._values = values
        self._absent = absent

    def raw(self, name: str) -> Any:
        """Return the value as it was read."""
        value = self._values[name]
        if isinstance(value, UnreadableValue):
            raise RowQuarantined(QuarantineReason.UNREADABLE, f"{name}: {value.why}")
        return value

    def note(self, column: str, change: Change, old: object, new: object) -> None:
        """Remember a change."""
        self.notes.append(Note(column, change, plain(old), plain(new)))

    def refuse_left_out(self) -> None:
        """Quarantine what the source as a whole says has no place, and merge what another row stands for."""
        reason = self._values.get(LEFT_OUT)
        if isinstance(reason, str):
            raise RowQuarantined(QuarantineReason(reason), _LEFT_OUT[QuarantineReason(reason)])
        into = self._values.get(MERGED_INTO)
        if isinstance(into, str):
            raise RowMerged(into, Into.SAME_CARD)

    def refuse_deleted(self) -> None:
        """Quarantine what a later release has in its trash."""
        deleted_at = self._values.get(DELETED_AT)
        if isinstance(deleted_at, UnreadableValue) or deleted_at:
            raise RowQuarantined(QuarantineReason.DELETED, f"it was deleted ({DELETED_AT} {plain(deleted_at)})")

    def deleted_at(self) -> int:
        """Return when the row went to the trash of a later release, in epoch milliseconds; 0 for a live one.

        A time that nobody can have meant is quarantined.
        """
        value = self._values.get(DELETED_AT) or 0
        if not isinstance(value, int) or not 0 <= value <= clock.LATEST_MS:
            self.refuse_deleted()
        return int(value) if isinstance(value, int) else 0

    def id(self, name: str) -> str:
        """Return an id that the target can hold."""
        value = self.raw(name)
        if not isinstance(value, str) or not ids.is_possible(value):
            raise RowQuarantined(QuarantineReason.IMPOSSIBLE_ID, f"{name} {value!r} cannot be an id")
        return value

    def owner(self, lookups: TargetLookups) -> str:
        """Return the id of a user who is in the target."""
        uid = self.raw("uid")
        if not isinstance(uid, str) or not lookups.users.get(uid):
            raise RowQuarantined(QuarantineReason.OWNER_MISSING, f"there is no user {uid!r}")
        return uid

    def text(self, name: str, column: str) -> str:
        """Return a text; null becomes an empty one."""
        value = self.optional(name)
        if value is None:
            self._fill(name, column, "")
            return ""
        return value

    def optional(self, name: str, longest: int = LONGEST_TEXT) -> str | None:
        """Return a text or null."""
        value = self.raw(name)
        if value is None:
            return None
        text: str = value
        size = len(text) if longest == LONGEST_WORD else len(text.encode())
        if size > longest:
            raise RowQuarantined(QuarantineReason.TOO_LONG, f"{name} is {size} long, at most {longest} can be kept")
        return text

    def word(self, name: str, column: str) -> str:
        """Return a short text; null becomes an empty one."""
        value = self.optional(name, LONGEST_WORD)
        if value is None:
            self._fill(name, column, "")
        return value or ""

    def whole(self, name: str, column: str, default: int) -> int:
        """Return a whole number of 32 bits; null becomes the default."""
        value = self.raw(name)
        if value is None:
            self._fill(name, column, default)
            return default
        if not -(2**31) <= value < 2**31:
            raise RowQuarantined(QuarantineReason.TOO_LONG, f"{name} {value} does not fit 32 bits")
        return int(value)

    def real(self, name: str, column: str, default: float) -> float:
        """Return a finite number; null becomes the default."""
        value = self.raw(name)
        if value is None:
            self._fill(name, column, default)
            return default
        return float(value)

    def moment(self, name: str, column: str, *others: str) -> int:
        """Epoch milliseconds; null becomes the first of the other columns that has a time, or 1970."""
        value = self.raw(name)
        if value is None:
            value = next((self.raw(other) for other in others if self.raw(other) is not None), 0)
            self._fill(name, column, value)
        if not clock.EARLIEST_MS <= value <= clock.LATEST_MS:
            raise RowQuarantined(
                QuarantineReason.TIME_OUT_OF_RANGE, f"{name} {value} is outside the years 1000 to 9999"
            )
        return int(value)

    def ids(self, name: str, column: str) -> list[str] | None:
        """Return a list of ids without repetitions and without what cannot be an id."""
        value = self.raw(name)
        if value is None:
            return None
        possible = [item for item in value if isinstance(item, str) and ids.is_possible(item)]
        if len(possible) < len(value):
            self.note(column, Change.IMPOSSIBLE_IDS_DROPPED, value, possible)
        distinct = list(dict.fromkeys(possible))
        if len(distinct) < len(possible):
            self.note(column, Change.DUPLICATES_DROPPED, value, distinct)
        return distinct

    def json(self, name: str, column: str, fallback: object) -> object:
        """Return the value that a JSON text stands for; text that is none becomes the fallback."""
        text = self.optional(name)
        if text is None:
            return None
        try:
            return msgspec.json.decode(text)
        except (msgspec.DecodeError, ValueError, RecursionError):
            self.note(column, Change.NOT_JSON, text, fallback)
            return fallback

    def _fill(self, name: str, column: str, default: object) -> None:
        # A column that the old build did not have is no damage.
        if name not in self._absent:
            self.note(column, Change.NULL_FILLED, None, default)
