"""Accounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from aimo.db.queries.migration import table_of
from aimo.db.schema import Users
from aimo.db.types import unique_key
from aimo.legacy.mappers.mapper import Mapped, Mapper, column_of
from aimo.legacy.mappers.row_fields import RowFields
from aimo.legacy.row_outcomes import Change
from aimo.legacy.source.column_values import Kind
from aimo.legacy.source.row_reader import SourceRow

_HASHED_FIRST: Final = (
    "uid",
    "email",
    "email_key",
    "phone",
    "password",
    "salt",
    "nickname",
    "avatar",
    "status",
    "created_at",
    "updated_at",
)
_CARDS: Final = 5
_MOST_CARDS: Final = 100


class UserMapper(Mapper):
    """The oldest account keeps an e-mail that several have; the others keep everything else.

    See docs/decisions/30-outcome-of-every-row.md.
    """

    source = "users"
    table = table_of(Users)
    key = "uid"
    hashed = (_HASHED_FIRST, (*_HASHED_FIRST, "sr_enabled", "sr_daily_limit"))
    kinds: ClassVar = {
        "uid": Kind.TEXT,
        "email": Kind.TEXT,
        "phone": Kind.TEXT,
        "password": Kind.TEXT,
        "salt": Kind.TEXT,
        "nickname": Kind.TEXT,
        "avatar": Kind.TEXT,
        "status": Kind.WHOLE,
        "createdAt": Kind.MOMENT,
        "updatedAt": Kind.MOMENT,
        "srEnabled": Kind.FLAG,
        "srDailyLimit": Kind.WHOLE,
    }
    unique = ("email_key",)
    expendable: ClassVar = {"avatar": None, "nickname": None, "phone": None}
    # Positions of rows whose e-mail belongs to an older account; set by `legacy.plan.duplicates`.
    shadowed: frozenset[int] = frozenset()

    async def look_up(self, rows: Sequence[SourceRow]) -> None:
        """Look up which users own these e-mail addresses already."""
        await self.lookups.need_emails(
            unique_key(email) for email in column_of(rows, "email") if isinstance(email, str)
        )

    def build(self, row: SourceRow, fields: RowFields) -> Mapped:
        """Return the account, with the hash of its password untouched."""
        uid = fields.id("uid")
        values = {
            "uid": uid,
            "phone": fields.optional("phone"),
            "password": fields.text("password", "password"),
            "salt": fields.text("salt", "salt"),
            "nickname": fields.optional("nickname"),
            "avatar": fields.optional("avatar"),
            "status": fields.whole("status", "status", 1),
            "created_at": fields.moment("createdAt", "created_at", "updatedAt"),
            "updated_at": fields.moment("updatedAt", "updated_at", "createdAt"),
            "sr_enabled": bool(fields.raw("srEnabled")),
            "sr_daily_limit": _daily_limit(fields),
        }
        email = self._email(row, fields, uid)
        return Mapped(
            values | {"email": email, "email_key": None if email is None else unique_key(email)}, fields.notes
        )

    async def need_holders(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Look up which users own these e-mail addresses."""
        await self.lookups.need_emails(row["email_key"] for row in rows if row["email_key"] is not None)

    def holder(self, values: Mapping[str, Any]) -> str | None:
        """Return the account that has the e-mail."""
        return self.lookups.emails.get(values["email_key"])

    def hold(self, mapped: Mapped) -> None:
        """Take up its e-mail address."""
        if (key := mapped.values["email_key"]) is not None:
            self.lookups.emails[key] = mapped.values["uid"]

    def release(self, held: Mapping[str, Any]) -> None:
        """Free the e-mail address it had."""
        if held["email_key"] is not None:
            self.lookups.emails[held["email_key"]] = None

    def _email(self, row: SourceRow, fields: RowFields, uid: str) -> str | None:
        email = fields.optional("email")
        if email is None:
            return None
        if not email:
            fields.note("email", Change.EMPTY_TO_NULL, email, None)
            return None
        if row.number in self.shadowed or self.rival({"email_key": unique_key(email)}, uid) is not None:
            fields.note("email", Change.EMAIL_TAKEN, email, None)
            return None
        return email


def _daily_limit(fields: RowFields) -> int:
    """Return how many cards a day the user wants; the default for what nobody could choose."""
    limit = fields.whole("srDailyLimit", "sr_daily_limit", _CARDS)
    if not 1 <= limit <= _MOST_CARDS:
        fields.note("sr_daily_limit", Change.OUT_OF_RANGE, limit, _CARDS)
        return _CARDS
    return limit
