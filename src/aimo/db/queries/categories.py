"""Queries on categories."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo.db.dialect_sql import insert_new
from aimo.db.driver_reads import ReadConnection
from aimo.db.schema import Categories
from aimo.db.statements import owned, param
from aimo.db.typed import Command, Query, Scalar, columns_for, table_of, values_for


class CategoryRow(NamedTuple):
    """A category as it is stored. Times are in milliseconds since 1970."""

    category_id: str
    uid: str
    name: str
    color: str | None
    seq: int
    created_at: int
    updated_at: int


class NewCategory(NamedTuple):
    """What a category is created with; ``name_key`` is its name as names are compared."""

    category_id: str
    uid: str
    name: str
    name_key: str
    color: str | None
    seq: int
    created_at: int
    updated_at: int


_COLUMNS = columns_for(CategoryRow, Categories)
_OWNED = Categories.uid == param("owner")
_ONE = (_OWNED, Categories.category_id == param("category_id"))

_OF_USER = Query(owned("categories.of_user", select(*_COLUMNS).where(_OWNED)), CategoryRow)
_GET = Query(owned("categories.one", select(*_COLUMNS).where(*_ONE)), CategoryRow)
_GET_FOR_UPDATE = Query(owned("categories.for_update", select(*_COLUMNS).where(*_ONE).with_for_update()), CategoryRow)
_ID_BY_NAME = Scalar[str](
    owned("categories.by_name", select(Categories.category_id).where(_OWNED, Categories.name_key == param("key")))
)
_IDS_BY_ID_OR_NAME = Scalar[str](
    owned(
        "categories.resolve",
        select(Categories.category_id)
        .where(_OWNED, or_(Categories.category_id == param("category_id"), Categories.name_key == param("key")))
        .with_for_update(read=True),
    )
)
_INSERT = Command(owned("categories.create", insert(Categories).values(values_for(NewCategory, Categories))))
_INSERT_UNLESS_KNOWN = Command(
    owned("categories.create_new", insert_new(table_of(Categories)).values(values_for(NewCategory, Categories)))
)
_UPDATE = Command(
    owned(
        "categories.update",
        update(Categories)
        .where(_OWNED, Categories.category_id == param("id"))
        .values(
            name=param("new_name"), name_key=param("new_key"), color=param("new_color"), updated_at=param("changed_at")
        ),
    )
)
_DELETE = Command(owned("categories.delete", delete(Categories).where(*_ONE)))


async def of_user(connection: ReadConnection, *, owner: str) -> list[CategoryRow]:
    """Load all categories of a user, in no particular order."""
    return await _OF_USER.all(connection, owner=owner)


async def get(connection: ReadConnection, *, owner: str, category_id: str) -> CategoryRow | None:
    """Load a category; None where the user has none of this id."""
    return await _GET.first(connection, owner=owner, category_id=category_id)


async def get_for_update(connection: AsyncConnection, *, owner: str, category_id: str) -> CategoryRow | None:
    """Load a category and lock it until the transaction ends."""
    return await _GET_FOR_UPDATE.first(connection, owner=owner, category_id=category_id)


async def id_by_name(connection: ReadConnection, *, owner: str, name_key: str) -> str | None:
    """Find the id of the category of this name."""
    return await _ID_BY_NAME.first(connection, owner=owner, key=name_key)


async def ids_by_id_or_name(connection: AsyncConnection, *, owner: str, category_id: str, name_key: str) -> list[str]:
    """Find the categories of this id or this name, at most two, and keep them from being removed meanwhile."""
    return await _IDS_BY_ID_OR_NAME.all(connection, owner=owner, category_id=category_id, key=name_key)


async def create(connection: AsyncConnection, category: NewCategory) -> None:
    """Store a category.

    Raises:
        IntegrityError: the user has one of this name.
    """
    await _INSERT.run(connection, **category._asdict())


async def create_unless_known(connection: AsyncConnection, category: NewCategory) -> None:
    """Store a category unless the user has one of this name."""
    await _INSERT_UNLESS_KNOWN.run(connection, **category._asdict())


async def update_category(
    connection: AsyncConnection, *, owner: str, category_id: str, name: str, name_key: str, color: str | None, now: int
) -> None:
    """Change the name and color of a category.

    Raises:
        IntegrityError: the user has another one of this name.
    """
    await _UPDATE.run(
        connection,
        owner=owner,
        id=category_id,
        new_name=name,
        new_key=name_key,
        new_color=color,
        changed_at=now,
    )


async def delete_category(connection: AsyncConnection, *, owner: str, category_id: str) -> bool:
    """Remove a category; False where the user has none of this id."""
    return bool(await _DELETE.run(connection, owner=owner, category_id=category_id))
