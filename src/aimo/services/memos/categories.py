"""Categories of a user's memos."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo import clock, ids
from aimo.db.connection import Database
from aimo.db.queries import categories as sql
from aimo.db.transaction import atomically
from aimo.dto.base import UNSET, UnsetType
from aimo.dto.categories import Category, CategoryBody
from aimo.errors import AimoError, Code
from aimo.services.memos.name_keys import name_key, require_length, require_lookup, sort_key

DEFAULT_CATEGORY = "日记"


class CategoryService:
    """Lists, makes, changes and removes categories (docs/contract/categories.md)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self, uid: str) -> list[Category]:
        """The user's categories by name, without regard to case and accents."""
        async with self._database.reads() as connection:
            rows: Sequence[Any] = (await connection.execute(sql.OF_USER, {"owner": uid})).all()
        return [_present(row) for row in sorted(rows, key=lambda row: (sort_key(row.name), row.seq))]

    async def get(self, uid: str, category_id: str) -> Category:
        """One category; NOT_FOUND when the user has none of that id."""
        async with self._database.reads() as connection:
            return await _one(connection, uid, category_id)

    async def create(self, uid: str, body: CategoryBody) -> Category:
        """Make a category; CATEGORY_ALREADY_EXISTS when the user has one of that name."""
        if not body.name:
            raise AimoError(Code.PARAMS_ERROR, "Category name is required")
        color = (body.color or "").strip() or None
        row = new_row(uid, body.name, color)

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(sql.CREATE, row)

        try:
            await atomically(self._database, "categories.create", work, user=uid)
        except IntegrityError as error:
            raise AimoError(Code.CATEGORY_ALREADY_EXISTS) from error
        return Category(
            category_id=row["category_id"],
            id=row["category_id"],
            uid=uid,
            name=row["name"],
            color=color or UNSET,
            created_at=row["now"],
            updated_at=row["now"],
        )

    async def update(self, uid: str, category_id: str, body: CategoryBody) -> Category:
        """Change name or colour; what the body does not name stays."""
        if not isinstance(body.name, UnsetType):
            if not (body.name or "").strip():
                raise AimoError(Code.PARAMS_ERROR, "Category name cannot be empty")
            require_length((body.name or "").strip(), "Category name")
        now = clock.now_ms()

        async def work(connection: AsyncConnection) -> Category:
            category = await _one(connection, uid, category_id, sql.FOR_UPDATE)
            category.name = category.name if isinstance(body.name, UnsetType) else (body.name or "").strip()
            stored = None if isinstance(category.color, UnsetType) else category.color
            if not isinstance(body.color, UnsetType):
                stored = body.color
                category.color = stored or UNSET
            category.updated_at = now
            change = {
                "new_name": category.name,
                "new_name_key": name_key(category.name),
                "new_color": stored,
                "now": now,
            }
            await connection.execute(sql.UPDATE, {"owner": uid, "id": category_id, **change})
            return category

        try:
            return await atomically(self._database, "categories.update", work, user=uid, entity=category_id)
        except IntegrityError as error:
            raise AimoError(Code.CATEGORY_ALREADY_EXISTS) from error

    async def delete(self, uid: str, category_id: str) -> None:
        """Remove a category; its memos stay, without one."""
        _must_be_possible(category_id)

        async def work(connection: AsyncConnection) -> int:
            result = await connection.execute(sql.DELETE, {"owner": uid, "category_id": category_id})
            return result.rowcount

        if not await atomically(self._database, "categories.delete", work, user=uid, entity=category_id):
            raise AimoError(Code.NOT_FOUND)


def new_row(uid: str, name: str, color: str | None = None) -> dict[str, Any]:
    """The parameters for a new category; the name must not be blank."""
    name = require_length(name.strip(), "Category name")
    if not name:
        raise AimoError(Code.PARAMS_ERROR, "Category name cannot be empty")
    return {
        "category_id": ids.category_id(),
        "uid": uid,
        "name": name,
        "name_key": name_key(name),
        "color": color,
        "seq": clock.next_sequence(),
        "now": clock.now_ms(),
    }


async def resolve(connection: AsyncConnection, uid: str, given: str | None) -> str | None:
    """The user's category that an id, or failing that a name, stands for; None for an unknown one.

    See docs/decisions/12-category-of-a-memo.md.
    """
    if not given:
        return None
    require_lookup([given])
    candidate = given if ids.is_possible(given) else ""
    found = await connection.execute(sql.RESOLVE, {"owner": uid, "category_id": candidate, "name_key": name_key(given)})
    known: list[str] = [row.category_id for row in found]
    return given if given in known else next(iter(known), None)


async def find_or_create(connection: AsyncConnection, uid: str, name: str) -> str:
    """The id of the user's category of that name, made if need be."""
    row = new_row(uid, name)
    key = {"owner": uid, "name_key": row["name_key"]}
    found: str | None = await connection.scalar(sql.BY_NAME, key)
    if found is None:
        await connection.execute(sql.CREATE_NEW, row)
        found = await connection.scalar(sql.BY_NAME, key)
    assert found is not None
    return found


def _must_be_possible(category_id: str) -> None:
    if not ids.is_possible(category_id):
        raise AimoError(Code.NOT_FOUND)


async def _one(connection: AsyncConnection, uid: str, category_id: str, statement: Any = sql.ONE) -> Category:
    _must_be_possible(category_id)
    row = (await connection.execute(statement, {"owner": uid, "category_id": category_id})).first()
    if row is None:
        raise AimoError(Code.NOT_FOUND)
    return _present(row)


def _present(row: Any) -> Category:
    return Category(
        category_id=row.category_id,
        id=row.category_id,
        uid=row.uid,
        name=row.name,
        color=row.color,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
