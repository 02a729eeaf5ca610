"""Statements on tags and on which memo carries them."""

from __future__ import annotations

from typing import cast

from sqlalchemy import Table, case, delete, insert, select, update

from aimo.db.dialect_sql import insert_new, json_without
from aimo.db.schema import Memos, MemoTags, Tags
from aimo.db.statements import in_list, owned, param

_COLUMNS = (Tags.tag_id, Tags.name, Tags.color, Tags.usage_count, Tags.created_at, Tags.updated_at)

OF_USER = owned("tags.of_user", select(*_COLUMNS).where(Tags.uid == param("owner")).order_by(Tags.seq))
_ONE = (Tags.uid == param("owner"), Tags.tag_id == param("tag_id"))
ONE = owned("tags.one", select(*_COLUMNS).where(*_ONE))
FOR_UPDATE = owned("tags.for_update", select(*_COLUMNS).where(*_ONE).with_for_update())
BY_IDS = owned("tags.by_ids", select(*_COLUMNS).where(Tags.uid == param("owner"), Tags.tag_id.in_(in_list("tag_ids"))))
BY_NAMES = owned(
    "tags.by_names",
    select(*_COLUMNS, Tags.name_key).where(Tags.uid == param("owner"), Tags.name_key.in_(in_list("name_keys"))),
)
CREATE_NEW = owned(
    "tags.create_new",
    insert_new(cast(Table, Tags.__table__)).values(
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
    update(Tags)
    .where(Tags.uid == param("owner"), Tags.tag_id == param("id"))
    .values(name=param("new_name"), name_key=param("new_name_key"), color=param("new_color"), updated_at=param("now")),
)
DELETE = owned("tags.delete", delete(Tags).where(Tags.uid == param("owner"), Tags.tag_id == param("tag_id")))

# Counters change by themselves in the database: read-modify-write would lose updates.
COUNT_UP = owned(
    "tags.count_up",
    update(Tags).where(Tags.uid == param("owner"), Tags.tag_id == param("id")).values(usage_count=Tags.usage_count + 1),
)
COUNT_DOWN = owned(
    "tags.count_down",
    update(Tags)
    .where(Tags.uid == param("owner"), Tags.tag_id == param("id"))
    .values(usage_count=case((Tags.usage_count > 0, Tags.usage_count - 1), else_=0)),
)
ATTACH = owned(
    "tags.attach",
    insert(MemoTags).values(memo_id=param("memo_id"), tag_id=param("tag_id"), uid=param("uid")),
)
DETACH = owned(
    "tags.detach",
    delete(MemoTags).where(
        MemoTags.uid == param("owner"), MemoTags.memo_id == param("memo_id"), MemoTags.tag_id == param("tag_id")
    ),
)
ATTACHED = owned(
    "tags.attached",
    select(MemoTags.tag_id).where(MemoTags.uid == param("owner"), MemoTags.memo_id == param("memo_id")),
)
# A join: MariaDB looks at every memo of everybody where the tagged ones are named by a subquery.
FORGET_IN_MEMOS = owned(
    "tags.forget_in_memos",
    update(Memos)
    .where(
        Memos.uid == param("owner"),
        Memos.memo_id == MemoTags.memo_id,
        MemoTags.uid == param("owner"),
        MemoTags.tag_id == param("tag_id"),
    )
    .values(tag_ids=json_without(Memos.tag_ids, param("tag_id"))),
)
