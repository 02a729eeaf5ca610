"""Statements on the settings and rules of spaced repetition."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import delete, insert, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo.db.driver_reads import ReadConnection
from aimo.db.schema import SpacedRepetitionRules, Users
from aimo.db.statements import owned, param, unscoped
from aimo.db.typed import Command, Query, columns_for, following, values_for


class RuleRow(NamedTuple):
    """A rule as it is stored; ``category_id`` or ``tag_id`` is what its value means, ``created_at`` epoch ms."""

    rule_id: str
    uid: str
    mode: str
    filter_type: str
    filter_value: str
    category_id: str | None
    tag_id: str | None
    created_at: int


class NewRule(NamedTuple):
    """What a rule is stored with; ``seq`` is its place in the order of insertion."""

    rule_id: str
    uid: str
    mode: str
    filter_type: str
    filter_value: str
    category_id: str | None
    tag_id: str | None
    seq: int
    created_at: int


class SettingsRow(NamedTuple):
    """What a user has chosen."""

    sr_enabled: bool
    sr_daily_limit: int


class RemindedUser(NamedTuple):
    """A user, and the local day, ``YYYY-MM-DD``, of the latest reminder."""

    uid: str
    sr_reminded_on: str | None


_MINE = SpacedRepetitionRules.uid == param("owner")
_ME = Users.uid == param("owner")

_RULES = Query(
    owned(
        "sr_rules.of_user",
        select(*columns_for(RuleRow, SpacedRepetitionRules)).where(_MINE).order_by(SpacedRepetitionRules.seq),
    ),
    RuleRow,
)
_CREATE = Command(
    owned("sr_rules.create", insert(SpacedRepetitionRules).values(values_for(NewRule, SpacedRepetitionRules)))
)
_DELETE = Command(
    owned("sr_rules.delete", delete(SpacedRepetitionRules).where(_MINE, SpacedRepetitionRules.rule_id == param("id")))
)
_SETTINGS = Query(owned("sr_settings.one", select(*columns_for(SettingsRow, Users)).where(_ME)), SettingsRow)
_SETTINGS_FOR_UPDATE = Query(
    owned("sr_settings.for_update", select(*columns_for(SettingsRow, Users)).where(_ME).with_for_update()), SettingsRow
)
_SET = Command(
    owned(
        "sr_settings.set",
        update(Users).where(_ME).values(sr_enabled=param("new_enabled"), sr_daily_limit=param("new_limit")),
    )
)
_REMINDED = Query(
    unscoped(
        "sr_settings.reminded_users",
        following(Users.uid, *columns_for(RemindedUser, Users)).where(Users.sr_enabled == true()),
        reason="the scheduler reminds all users who want it",
    ),
    RemindedUser,
)
_CLAIM = Command(
    owned(
        "sr_settings.claim_day",
        update(Users)
        .where(_ME, Users.sr_enabled == true())
        .where(
            or_(
                Users.sr_reminded_on.is_(None),
                Users.sr_reminded_on < param("day"),
                # Claimed by a clock that was ahead.
                Users.sr_reminded_on > param("tomorrow"),
            )
        )
        .values(sr_reminded_on=param("claimed")),
    )
)


async def rules(connection: ReadConnection, *, owner: str) -> list[RuleRow]:
    """Load the rules of a user, the oldest first."""
    return await _RULES.all(connection, owner=owner)


async def create_rule(connection: AsyncConnection, rule: NewRule) -> None:
    """Store a rule."""
    await _CREATE.run(connection, **rule._asdict())


async def delete_rule(connection: AsyncConnection, *, owner: str, rule_id: str) -> bool:
    """Remove a rule; False where the user has none of this id."""
    return bool(await _DELETE.run(connection, owner=owner, id=rule_id))


async def settings(connection: ReadConnection, *, owner: str) -> SettingsRow | None:
    """Load what a user has chosen; None for an unknown one."""
    return await _SETTINGS.first(connection, owner=owner)


async def settings_for_update(connection: AsyncConnection, *, owner: str) -> SettingsRow | None:
    """Load the same and lock the user until the transaction ends."""
    return await _SETTINGS_FOR_UPDATE.first(connection, owner=owner)


async def set_settings(connection: AsyncConnection, *, owner: str, chosen: SettingsRow) -> None:
    """Store what a user has chosen."""
    await _SET.run(connection, owner=owner, new_enabled=chosen.sr_enabled, new_limit=chosen.sr_daily_limit)


async def reminded_users(connection: ReadConnection, *, after: str, limit: int) -> list[RemindedUser]:
    """Return the next users, behind an id, who want to be reminded of reviews."""
    return await _REMINDED.all(connection, after=after, limit=limit)


async def claim_day(connection: AsyncConnection, *, owner: str, day: str, tomorrow: str) -> bool:
    """Note that a user is reminded on a local day; False where it, or the next day, was noted, or nobody wants it."""
    return bool(await _CLAIM.run(connection, owner=owner, day=day, tomorrow=tomorrow, claimed=day))
