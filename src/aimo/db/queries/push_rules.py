"""Statements on push rules and on what they push."""

from __future__ import annotations

from sqlalchemy import delete, insert, select, true, update

from aimo.db.schema import Memos, PushRules
from aimo.db.statements import owned, param, unscoped

_COLUMNS = (
    PushRules.id,
    PushRules.uid,
    PushRules.name,
    PushRules.push_time,
    PushRules.content_type,
    PushRules.channels,
    PushRules.enabled,
    PushRules.created_at,
    PushRules.updated_at,
)
_MINE = PushRules.uid == param("owner")
_ONE = (_MINE, PushRules.id == param("rule"))

OF_USER = owned("push_rules.of_user", select(*_COLUMNS).where(_MINE).order_by(PushRules.seq))
ONE = owned("push_rules.one", select(*_COLUMNS).where(*_ONE))
FOR_UPDATE = owned("push_rules.for_update", select(*_COLUMNS).where(*_ONE).with_for_update())
CREATE = owned(
    "push_rules.create",
    insert(PushRules).values({column.key: param(column.key) for column in _COLUMNS} | {"seq": param("seq")}),
)
UPDATE = owned(
    "push_rules.update",
    update(PushRules)
    .where(*_ONE)
    .values(
        name=param("new_name"),
        push_time=param("new_push_time"),
        content_type=param("new_content_type"),
        channels=param("new_channels"),
        enabled=param("new_enabled"),
        updated_at=param("now"),
    ),
)
DELETE = owned("push_rules.delete", delete(PushRules).where(*_ONE))
DUE = unscoped(
    "push_rules.due",
    select(*_COLUMNS).where(PushRules.enabled == true(), PushRules.push_time == param("hour")).order_by(PushRules.seq),
    reason="the scheduler pushes for all users",
)
MEMOS_OF_DAY = owned(
    "push_rules.memos_of_day",
    select(Memos.content, Memos.created_at)
    .where(Memos.uid == param("owner"), Memos.created_at >= param("start"), Memos.created_at < param("end"))
    .order_by(Memos.seq),
)
