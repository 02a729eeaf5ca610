"""Statements on push rules and on what they push."""

from __future__ import annotations

from sqlalchemy import delete, insert, select, true, update

from aimo.db.schema import Memo, PushRule
from aimo.db.statements import owned, param, unscoped

_COLUMNS = (
    PushRule.id,
    PushRule.uid,
    PushRule.name,
    PushRule.push_time,
    PushRule.content_type,
    PushRule.channels,
    PushRule.enabled,
    PushRule.created_at,
    PushRule.updated_at,
)
_MINE = PushRule.uid == param("owner")
_ONE = (_MINE, PushRule.id == param("rule"))

OF_USER = owned("push_rules.of_user", select(*_COLUMNS).where(_MINE).order_by(PushRule.seq))
ONE = owned("push_rules.one", select(*_COLUMNS).where(*_ONE))
FOR_UPDATE = owned("push_rules.for_update", select(*_COLUMNS).where(*_ONE).with_for_update())
CREATE = owned(
    "push_rules.create",
    insert(PushRule).values({column.key: param(column.key) for column in _COLUMNS} | {"seq": param("seq")}),
)
UPDATE = owned(
    "push_rules.update",
    update(PushRule)
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
DELETE = owned("push_rules.delete", delete(PushRule).where(*_ONE))
DUE = unscoped(
    "push_rules.due",
    select(*_COLUMNS).where(PushRule.enabled == true(), PushRule.push_time == param("hour")).order_by(PushRule.seq),
    excuse="the scheduler pushes for all users",
)
MEMOS_OF_DAY = owned(
    "push_rules.memos_of_day",
    select(Memo.content, Memo.created_at)
    .where(Memo.uid == param("owner"), Memo.created_at >= param("start"), Memo.created_at < param("end"))
    .order_by(Memo.seq),
)
