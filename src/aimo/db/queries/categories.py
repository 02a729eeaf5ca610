"""Statements on categories."""

from __future__ import annotations

from typing import cast

from sqlalchemy import Table, delete, insert, or_, select, update

from aimo.db.dialect_sql import insert_new
from aimo.db.schema import Categories
from aimo.db.statements import owned, param

_COLUMNS = (
    Categories.category_id,
    Categories.uid,
    Categories.name,
    Categories.color,
    Categories.created_at,
    Categories.updated_at,
)
_ROW = {
    "category_id": param("category_id"),
    "uid": param("uid"),
    "name": param("name"),
    "name_key": param("name_key"),
    "color": param("color"),
    "seq": param("seq"),
    "created_at": param("now"),
    "updated_at": param("now"),
}

OF_USER = owned("categories.of_user", select(*_COLUMNS, Categories.seq).where(Categories.uid == param("owner")))
_ONE = (Categories.uid == param("owner"), Categories.category_id == param("category_id"))
ONE = owned("categories.one", select(*_COLUMNS).where(*_ONE))
FOR_UPDATE = owned("categories.for_update", select(*_COLUMNS).where(*_ONE).with_for_update())
BY_NAME = owned(
    "categories.by_name",
    select(Categories.category_id).where(Categories.uid == param("owner"), Categories.name_key == param("name_key")),
)
RESOLVE = owned(
    "categories.resolve",
    select(Categories.category_id)
    .where(
        Categories.uid == param("owner"),
        or_(Categories.category_id == param("category_id"), Categories.name_key == param("name_key")),
    )
    .with_for_update(read=True),
)
CREATE = owned("categories.create", insert(Categories).values(_ROW))
CREATE_NEW = owned("categories.create_new", insert_new(cast(Table, Categories.__table__)).values(_ROW))
UPDATE = owned(
    "categories.update",
    update(Categories)
    .where(Categories.uid == param("owner"), Categories.category_id == param("id"))
    .values(name=param("new_name"), name_key=param("new_name_key"), color=param("new_color"), updated_at=param("now")),
)
DELETE = owned(
    "categories.delete",
    delete(Categories).where(Categories.uid == param("owner"), Categories.category_id == param("category_id")),
)
