"""Categories of a user's memos."""

from __future__ import annotations

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo import clock, ids
from aimo.db.connection import Database
from aimo.db.queries import categories as category_queries
from aimo.db.queries import memos as memo_queries
from aimo.db.queries.categories import CategoryRow, NewCategory
from aimo.db.queries.memos import FilteredMemos, FilterShape
from aimo.db.transaction import atomically
from aimo.dto.base import UNSET, UnsetType
from aimo.dto.categories import Category, CategoryBody
from aimo.errors import AimoError, Code
from aimo.folding import is_blank
from aimo.services.memos import change_log
from aimo.services.memos.name_keys import name_key, require_color, require_length, require_lookup, sort_key
from aimo.services.memos.possible_ids import require_possible_id

DEFAULT_CATEGORY = "日记"


class CategoryService:
    """Lists, makes, changes and removes categories (docs/contract/categories.md)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self, uid: str) -> list[Category]:
        """Return the user's categories by name, without regard to case and accents."""
        async with self._database.reads() as connection:
            rows = await category_queries.of_user(connection, owner=uid)
        return [_present(row) for row in sorted(rows, key=lambda row: (sort_key(row.name), row.seq))]

    async def get(self, uid: str, category_id: str) -> Category:
        """Return one category; NOT_FOUND when the user has none of that id."""
        async with self._database.reads() as connection:
            return _present(await _require(connection, uid, category_id))

    async def create(self, uid: str, body: CategoryBody) -> Category:
        """Make a category; CATEGORY_ALREADY_EXISTS when the user has one of that name."""
        if not body.name:
            raise AimoError(Code.PARAMS_ERROR, "Category name is required")
        color = require_color((body.color or "").strip()) or None
        category = new_category(uid, body.name, color)

        async def work(connection: AsyncConnection) -> None:
            await category_queries.create(connection, category)

        try:
            await atomically(self._database, "categories.create", work, user=uid)
        except IntegrityError as error:
            raise AimoError(Code.CATEGORY_ALREADY_EXISTS) from error
        return Category(
            category_id=category.category_id,
            id=category.category_id,
            uid=uid,
            name=category.name,
            color=color or UNSET,
            created_at=category.created_at,
            updated_at=category.updated_at,
        )

    async def update(self, uid: str, category_id: str, body: CategoryBody) -> Category:
        """Change name or colour; what the body does not name stays."""
        if not isinstance(body.name, UnsetType):
            if is_blank(body.name or ""):
                raise AimoError(Code.PARAMS_ERROR, "Category name cannot be empty")
            require_length((body.name or "").strip(), "Category name")
        require_color(body.color)
        now = clock.now_ms()

        async def work(connection: AsyncConnection) -> Category:
            stored = await _require(connection, uid, category_id, lock=True)
            name = stored.name if isinstance(body.name, UnsetType) else (body.name or "").strip()
            color = stored.color if isinstance(body.color, UnsetType) else body.color
            await category_queries.update_category(
                connection,
                owner=uid,
                category_id=category_id,
                name=name,
                name_key=name_key(name),
                color=color,
                now=now,
            )
            category = _present(stored._replace(name=name, updated_at=now))
            if not isinstance(body.color, UnsetType):
                category.color = color or UNSET
            return category

        try:
            return await atomically(self._database, "categories.update", work, user=uid, entity=category_id)
        except IntegrityError as error:
            raise AimoError(Code.CATEGORY_ALREADY_EXISTS) from error

    async def delete(self, uid: str, category_id: str) -> None:
        """Remove a category; its memos stay, without one."""
        require_possible_id(category_id)

        async def work(connection: AsyncConnection) -> bool:
            its_memos = FilteredMemos(uid, FilterShape("one"), {"category_id": category_id})
            changed = await memo_queries.matching_ids(connection, its_memos)
            removed = await category_queries.delete_category(connection, owner=uid, category_id=category_id)
            await change_log.record(connection, uid, changed)
            return removed

        if not await atomically(self._database, "categories.delete", work, user=uid, entity=category_id):
            raise AimoError(Code.NOT_FOUND)


def new_category(uid: str, name: str, color: str | None = None) -> NewCategory:
    """Prepare a new category; PARAMS_ERROR where the name is blank or too long."""
    name = require_length(name.strip(), "Category name")
    if is_blank(name):
        raise AimoError(Code.PARAMS_ERROR, "Category name cannot be empty")
    now = clock.now_ms()
    return NewCategory(
        category_id=ids.category_id(),
        uid=uid,
        name=name,
        name_key=name_key(name),
        color=color,
        seq=clock.next_sequence(),
        created_at=now,
        updated_at=now,
    )


async def resolve(connection: AsyncConnection, uid: str, given: str | None) -> str | None:
    """Return the user's category that an id, or failing that a name, stands for; None for an unknown one.

    See docs/decisions/12-category-of-a-memo.md.
    """
    if not given:
        return None
    require_lookup([given])
    candidate = given if ids.is_possible(given) else ""
    known = await category_queries.ids_by_id_or_name(
        connection, owner=uid, category_id=candidate, name_key=name_key(given)
    )
    return given if given in known else next(iter(known), None)


async def find_or_create(connection: AsyncConnection, uid: str, name: str) -> str:
    """Return the id of the user's category of that name, made if need be."""
    category = new_category(uid, name)
    key = category.name_key
    found = await category_queries.id_by_name(connection, owner=uid, name_key=key)
    if found is None:
        await category_queries.create_unless_known(connection, category)
        found = await category_queries.id_by_name(connection, owner=uid, name_key=key)
    assert found is not None
    return found


async def _require(connection: AsyncConnection, uid: str, category_id: str, *, lock: bool = False) -> CategoryRow:
    require_possible_id(category_id)
    load = category_queries.get_for_update if lock else category_queries.get
    row = await load(connection, owner=uid, category_id=category_id)
    if row is None:
        raise AimoError(Code.NOT_FOUND)
    return row


def _present(row: CategoryRow) -> Category:
    return Category(
        category_id=row.category_id,
        id=row.category_id,
        uid=row.uid,
        name=row.name,
        color=row.color,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
