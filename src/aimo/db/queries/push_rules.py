"""Queries on push rules and on what they push."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import delete, insert, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo.db.driver_reads import ReadConnection
from aimo.db.queries.live import LIVE
from aimo.db.schema import Memos, PushRules
from aimo.db.statements import owned, param, unscoped
from aimo.db.typed import Command, Query, columns_for


class PushRuleRow(NamedTuple):
    """A push rule as it is stored: every statement that reads, adds or changes rules has these columns.

    ``push_time`` is a local hour, 0 to 23; ``channels`` is JSON. Times are epoch milliseconds.
    """

    id: str
    uid: str
    name: str
    push_time: int
    content_type: str
    channels: list[object] | None
    enabled: bool
    created_at: int
    updated_at: int


class WrittenMemo(NamedTuple):
    """What a push tells of a memo; ``created_at`` is in epoch milliseconds."""

    content: str
    created_at: int


_FIXED = ("id", "uid", "created_at")
_CHANGEABLE = [name for name in PushRuleRow._fields if name not in _FIXED]
_COLUMNS = columns_for(PushRuleRow, PushRules)
_MINE = PushRules.uid == param("owner")
_ONE = (_MINE, PushRules.id == param("rule"))

_OF_USER = Query(owned("push_rules.of_user", select(*_COLUMNS).where(_MINE).order_by(PushRules.seq)), PushRuleRow)
_GET = Query(owned("push_rules.one", select(*_COLUMNS).where(*_ONE)), PushRuleRow)
_GET_FOR_UPDATE = Query(owned("push_rules.for_update", select(*_COLUMNS).where(*_ONE).with_for_update()), PushRuleRow)
_CREATE = Command(
    owned("push_rules.create", insert(PushRules).values({name: param(name) for name in (*PushRuleRow._fields, "seq")}))
)
_UPDATE = Command(
    owned(
        "push_rules.update",
        update(PushRules).where(*_ONE).values({name: param(f"new_{name}") for name in _CHANGEABLE}),
    )
)
_DELETE = Command(owned("push_rules.delete", delete(PushRules).where(*_ONE)))
_DUE = Query(
    unscoped(
        "push_rules.due",
        select(*_COLUMNS)
        .where(PushRules.enabled == true(), PushRules.push_time == param("hour"))
        .order_by(PushRules.seq),
        reason="the scheduler pushes for all users",
    ),
    PushRuleRow,
)
_MEMOS_OF_DAY = Query(
    owned(
        "push_rules.memos_of_day",
        select(*columns_for(WrittenMemo, Memos))
        .where(Memos.uid == param("owner"), LIVE, Memos.created_at >= param("start"), Memos.created_at < param("end"))
        .order_by(Memos.seq),
    ),
    WrittenMemo,
)


async def of_user(connection: ReadConnection, *, owner: str) -> list[PushRuleRow]:
    """Load the user's rules in the order in which they were created."""
    return await _OF_USER.all(connection, owner=owner)


async def get(connection: ReadConnection, *, owner: str, rule_id: str) -> PushRuleRow | None:
    """Load a rule; None where the user has none of this id."""
    return await _GET.first(connection, owner=owner, rule=rule_id)


async def get_for_update(connection: AsyncConnection, *, owner: str, rule_id: str) -> PushRuleRow | None:
    """Load a rule and lock it until the transaction ends."""
    return await _GET_FOR_UPDATE.first(connection, owner=owner, rule=rule_id)


async def create(connection: AsyncConnection, rule: PushRuleRow, *, seq: int) -> None:
    """Store a rule; ``seq`` is its place in the order of insertion."""
    await _CREATE.run(connection, **rule._asdict(), seq=seq)


async def update_rule(connection: AsyncConnection, rule: PushRuleRow) -> None:
    """Store what has changed of a rule, whose id, owner and time of creation stay."""
    changed = {f"new_{name}": getattr(rule, name) for name in _CHANGEABLE}
    await _UPDATE.run(connection, owner=rule.uid, rule=rule.id, **changed)


async def delete_rule(connection: AsyncConnection, *, owner: str, rule_id: str) -> bool:
    """Remove a rule; False where the user has none of this id."""
    return bool(await _DELETE.run(connection, owner=owner, rule=rule_id))


async def due(connection: ReadConnection, *, hour: int) -> list[PushRuleRow]:
    """Load the enabled rules of all users that push at a local hour, in the order in which they were created."""
    return await _DUE.all(connection, hour=hour)


async def memos_of_day(connection: ReadConnection, *, owner: str, start: int, end: int) -> list[WrittenMemo]:
    """Load what the user wrote between two moments, the second excluded, epoch milliseconds."""
    return await _MEMOS_OF_DAY.all(connection, owner=owner, start=start, end=end)
