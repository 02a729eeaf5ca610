"""Lists of memos: filtered ones, public ones, and those that refer to a memo."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from aimo import clock, ids
from aimo.db.connection import Database
from aimo.db.driver_reads import ReadConnection, fetch, fetch_one, fetch_value
from aimo.db.queries import memos as memo_queries
from aimo.db.queries import relations as relation_sql
from aimo.db.queries import users as user_sql
from aimo.db.queries.memos import FilterShape, MemoRow, SortOrder
from aimo.dto.base import Pagination
from aimo.dto.memos import Author, Memo, MemoPage, PublicMemo
from aimo.errors import AimoError, Code
from aimo.services.attachments.file_urls import FileUrls
from aimo.services.memos import tags
from aimo.services.memos.memo_presenter import LISTED, PLAIN, MemoPresenter
from aimo.services.memos.name_keys import require_query
from aimo.services.memos.paging import PAGE_BYTES, PUBLIC_PAGE_BYTES, SURELY_SMALL, PageRequest, fitting
from aimo.services.memos.possible_ids import require_possible_id
from aimo.services.memos.service import one
from aimo.vectors.text_table import TextTable

UNCATEGORIZED = "__uncategorized__"

# Up to here the ids found in LanceDB are handed to the database; beyond, its ids are handed to us.
_LISTED_IDS = 1000


@dataclass(frozen=True)
class MemoFilter:
    """What a client filters memos by; None and empty mean no filter. Times are epoch milliseconds, inclusive."""

    category_id: str | None = None
    tags: Sequence[str] = ()
    since: int | None = None
    until: int | None = None

    @property
    def any(self) -> bool:
        """Whether there is any filter at all."""
        return any(_is_set(getattr(self, each.name)) for each in fields(self))


def _is_set(value: object) -> bool:
    if isinstance(value, str):
        return bool(value)
    return any(name.strip() for name in value) if isinstance(value, Sequence) else value is not None


@dataclass(frozen=True)
class FilteredStatement:
    """Criteria made ready for a statement: its shape and the values to bind."""

    filters: FilterShape
    values: dict[str, Any]


async def select(connection: ReadConnection, uid: str, criteria: MemoFilter) -> FilteredStatement | None:
    """Return the selection that criteria mean; None when no memo can meet them."""
    values: dict[str, Any] = {"owner": uid}
    filters = FilterShape(since=criteria.since is not None, until=criteria.until is not None)
    if criteria.since is not None:
        values["since"] = clock.within_range(criteria.since)
    if criteria.until is not None:
        values["until"] = clock.within_range(criteria.until)
    if criteria.category_id == UNCATEGORIZED:
        filters = replace(filters, category="none")
    elif criteria.category_id:
        if not ids.is_possible(criteria.category_id):
            return None
        filters = replace(filters, category="one")
        values["category_id"] = criteria.category_id
    tag_ids = await tags.find_by_names(connection, uid, criteria.tags) if criteria.tags else []
    if tag_ids is None:
        return None
    if tag_ids:
        filters = replace(filters, tags=True)
        values |= {"tag_ids": tag_ids, "tag_count": len(tag_ids)}
    return FilteredStatement(filters, values)


class MemoLists:
    """Pages of memos (docs/contract/memos.md#list, docs/contract/memos.md#backlinks, docs/contract/public.md)."""

    def __init__(self, database: Database, views: MemoPresenter, texts: TextTable, urls: FileUrls) -> None:
        self._database = database
        self._views = views
        self._texts = texts
        self._urls = urls

    async def page(
        self, uid: str, criteria: MemoFilter, search: str, order: SortOrder, request: PageRequest
    ) -> MemoPage:
        """Return the user's memos that meet the criteria and literally contain ``search``.

        See docs/decisions/10-folding-and-literal-search.md.
        """
        require_query(search)
        found = await self._texts.containing(uid, [search]) if search.strip() else None
        async with self._database.driver_connection() as connection:
            selection = await select(connection, uid, criteria)
            if selection is None or found == []:
                return MemoPage(items=[], pagination=request.describe(0))
            if found is None:
                total, rows = await _page(connection, selection, order, request)
            elif len(found) <= _LISTED_IDS:
                listed = replace(selection.filters, listed=True)
                restricted = FilteredStatement(listed, selection.values | {"memo_ids": found})
                total, rows = await _page(connection, restricted, order, request)
            else:
                total, rows = await _page_within_ids(connection, selection, order, request, set(found))
            items = await self._views.present(connection, uid, rows, LISTED)
        return MemoPage(items=items, pagination=_describe(request, total, len(items)))

    async def public(self, uid: str, order: SortOrder, request: PageRequest) -> MemoPage:
        """Return a user's public memos; none for an unknown user."""
        if not ids.is_possible(uid):
            return MemoPage(items=[], pagination=request.describe(0))
        async with self._database.driver_connection() as connection:
            total, rows = await _page(
                connection, FilteredStatement(FilterShape(public=True), {"owner": uid}), order, request
            )
            items = await self._views.present(connection, uid, rows, PLAIN)
        return MemoPage(items=items, pagination=_describe(request, total, len(items)))

    async def random_public(self, uid: str) -> Memo:
        """Return one of a user's public memos, each as likely as the other; NOT_FOUND when there is none."""
        filters, order = FilterShape(public=True), SortOrder()
        async with self._database.driver_connection() as connection:
            total = 0
            if ids.is_possible(uid):
                total = await fetch_value(connection, memo_queries.count(filters), {"owner": uid})
            values = {"owner": uid, "limit": 1, "offset": random.randrange(max(total, 1))}
            found = await fetch(connection, memo_queries.page(filters, order), values) if total else []
            rows = await _with_long_contents(connection, uid, found)
            if not rows:
                raise AimoError(Code.NOT_FOUND, "No public memos found for this user")
            return (await self._views.present(connection, uid, rows, PLAIN))[0]

    async def get_public_memo(self, memo_id: str) -> PublicMemo:
        """Return a public memo and its author, no e-mail or private relations (docs/decisions/23-public-memos.md)."""
        async with self._database.driver_connection() as connection:
            row = None
            if ids.is_possible(memo_id):
                row = await memo_queries.get_public(connection, memo_id=memo_id)
            if row is None:
                raise AimoError(Code.NOT_FOUND, "Public memo not found")
            memo = (await self._views.present(connection, row.uid, [row], PLAIN))[0]
            user = await fetch_one(connection, user_sql.PROFILE, {"owner": row.uid})
        if user is None:
            raise AimoError(Code.NOT_FOUND, "User not found")
        author = Author(uid=user.uid, nickname=user.nickname, avatar=self._urls.avatar(user.uid, user.avatar))
        return PublicMemo(memo=memo, user=author)

    async def backlinks(self, uid: str, memo_id: str, request: PageRequest) -> MemoPage:
        """Return the memos that refer to a memo: cut by the order of references, shown in that of memos."""
        require_possible_id(memo_id)
        async with self._database.driver_connection() as connection:
            await one(connection, uid, memo_id)
            which = {"owner": uid, "id": memo_id}
            total: int = await fetch_value(connection, relation_sql.COUNT_BACKLINKS, which)
            values = which | {"limit": request.size, "offset": request.offset}
            if request.size > SURELY_SMALL:
                sizes = await fetch(connection, relation_sql.BACKLINK_SIZES, values)
                values["limit"] = fitting(row.size for row in sizes)
            found = await fetch(connection, relation_sql.BACKLINKS, values)
            order = {row.memo_id: row.seq for row in found}
            rows = sorted(await _with_long_contents(connection, uid, found), key=lambda row: order[row.memo_id])
            items = await self._views.present(connection, uid, rows, PLAIN)
        return MemoPage(items=items, pagination=_describe(request, total, len(items)))


async def _page(
    connection: ReadConnection, selection: FilteredStatement, order: SortOrder, request: PageRequest
) -> tuple[int, Sequence[Any]]:
    total: int = await fetch_value(connection, memo_queries.count(selection.filters), selection.values)
    if not total or not request.size:
        return total, []
    values = selection.values | {"limit": request.size, "offset": request.offset}
    public = selection.filters.public
    if public or request.size > SURELY_SMALL:
        sizes = await fetch(connection, memo_queries.sizes(selection.filters, order), values)
        values["limit"] = fitting((row.size for row in sizes), PUBLIC_PAGE_BYTES if public else PAGE_BYTES)
    rows = await fetch(connection, memo_queries.page(selection.filters, order), values)
    return total, await _with_long_contents(connection, values["owner"], rows)


async def _page_within_ids(
    connection: ReadConnection, selection: FilteredStatement, order: SortOrder, request: PageRequest, found: set[str]
) -> tuple[int, Sequence[Any]]:
    rows = await fetch(connection, memo_queries.ids(selection.filters, order), selection.values)
    wanted = [memo_id for (memo_id,) in rows if memo_id in found]
    uid = selection.values["owner"]
    page, _ = await page_by_ids(connection, uid, wanted[request.offset : request.offset + request.size])
    return len(wanted), page


async def page_by_ids(connection: ReadConnection, uid: str, memo_ids: Sequence[str]) -> tuple[Sequence[Any], bool]:
    """Return the rows of a user's memos in the order of the ids, and whether a page had no room for all of them.

    Ids without a row are left out.
    """
    if not memo_ids:
        return [], False
    page = memo_ids if len(memo_ids) <= SURELY_SMALL else await _within_page(connection, uid, memo_ids)
    found = _in_order(await fetch(connection, memo_queries.PAGE_BY_IDS, {"owner": uid, "memo_ids": page}), page)
    rows = await _with_long_contents(connection, uid, found)
    return rows, len(page) < len(memo_ids) or len(rows) < len(found)


async def load_rows_by_ids(connection: ReadConnection, uid: str, memo_ids: Sequence[str]) -> list[MemoRow]:
    """Return the rows of a user's memos in the order of the ids, of any size; ids without a row are left out."""
    if not memo_ids:
        return []
    return _in_order(await memo_queries.by_ids(connection, owner=uid, memo_ids=memo_ids), memo_ids)


def _in_order(rows: Sequence[Any], memo_ids: Sequence[str]) -> list[Any]:
    known = {row.memo_id: row for row in rows}
    return [known[memo_id] for memo_id in memo_ids if memo_id in known]


async def _within_page(connection: ReadConnection, uid: str, memo_ids: Sequence[str]) -> Sequence[str]:
    """Return the first of these ids, as many as a page has room for."""
    rows = await fetch(connection, memo_queries.SIZES, {"owner": uid, "memo_ids": memo_ids})
    sizes = {row.memo_id: row.size for row in rows}
    return memo_ids[: fitting(sizes.get(memo_id, 0) for memo_id in memo_ids)]


async def _with_long_contents(connection: ReadConnection, uid: str, rows: Sequence[Any]) -> Sequence[Any]:
    """Return the rows of a page with the contents that were too long to be read at once, as far as there is room."""
    if all(row.content is not None for row in rows):
        return rows
    return await load_rows_by_ids(connection, uid, await _within_page(connection, uid, [row.memo_id for row in rows]))


def _describe(request: PageRequest, total: int, shown: int) -> Pagination:
    return request.describe(total, truncated=shown < min(request.size, max(0, total - request.offset)))
