"""Statements on tags and on which memo carries them."""

from __future__ import annotations

from typing import cast

from sqlalchemy import Table, case, delete, insert, select, update

from aimo.db.dialect_sql import insert_new, json_without
from aimo.db.schema import Memo, MemoTag, Tag
from aimo.db.statements import among, owned, param

_COLUMNS = (Tag.tag_id, Tag.name, Tag.color, Tag.usage_count, Tag.created_at, Tag.updated_at)

OF_USER = owned("tags.of_user", select(*_COLUMNS).where(Tag.uid == param("owner")).order_by(Tag.seq))
_ONE = (Tag.uid == param("owner"), Tag.tag_id == param("tag_id"))
ONE = owned("tags.one", select(*_COLUMNS).where(*_ONE))
FOR_UPDATE = owned("tags.for_update", select(*_COLUMNS).where(*_ONE).with_for_update())
BY_IDS = owned("tags.by_ids", select(*_COLUMNS).where(Tag.uid == param("owner"), Tag.tag_id.in_(among("tag_ids"))))
BY_NAMES = owned(
    "tags.by_names",
    select(*_COLUMNS, Tag.name_key).where(Tag.uid == param("owner"), Tag.name_key.in_(among("name_keys"))),
)
CREATE_NEW = owned(
    "tags.create_new",
    insert_new(cast(Table, Tag.__table__)).values(
        {
            "tag_id": param("tag_id"),
            "uid": param("uid"),
            "name": param("name"),
            "name_key": param("name_key"),
            "color": param("color"),
            "usage_count": 0,
            "seq": param("seq"),
            "created_at": param("now"),
            "updated_at": param("now"),
        }
    ),
)
UPDATE = owned(
    "tags.update",
    update(Tag)
    .where(Tag.uid == param("owner"), Tag.tag_id == param("id"))
    .values(name=param("new_name"), name_key=param("new_name_key"), color=param("new_color"), updated_at=param("now")),
)
DELETE = owned("tags.delete", delete(Tag).where(Tag.uid == param("owner"), Tag.tag_id == param("tag_id")))

# Counters change by themselves in the database: read-modify-write would lose updates.
COUNT_UP = owned(
    "tags.count_up",
    update(Tag).where(Tag.uid == param("owner"), Tag.tag_id == param("id")).values(usage_count=Tag.usage_count + 1),
)
COUNT_DOWN = owned(
    "tags.count_down",
    update(Tag)
    .where(Tag.uid == param("owner"), Tag.tag_id == param("id"))
    .values(usage_count=case((Tag.usage_count > 0, Tag.usage_count - 1), else_=0)),
)
ATTACH = owned(
    "tags.attach",
    insert(MemoTag).values(memo_id=param("memo_id"), tag_id=param("tag_id"), uid=param("uid")),
)
DETACH = owned(
    "tags.detach",
    delete(MemoTag).where(
        MemoTag.uid == param("owner"), MemoTag.memo_id == param("memo_id"), MemoTag.tag_id == param("tag_id")
    ),
)
ATTACHED = owned(
    "tags.attached",
    select(MemoTag.tag_id).where(MemoTag.uid == param("owner"), MemoTag.memo_id == param("memo_id")),
)
# A join: MariaDB looks at every memo of everybody where the tagged ones are named by a subquery.
FORGET_IN_MEMOS = owned(
    "tags.forget_in_memos",
    update(Memo)
    .where(
        Memo.uid == param("owner"),
        Memo.memo_id == MemoTag.memo_id,
        MemoTag.uid == param("owner"),
        MemoTag.tag_id == param("tag_id"),
    )
    .values(tag_ids=json_without(Memo.tag_ids, param("tag_id"))),
)
