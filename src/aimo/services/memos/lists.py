"""Lists of memos: filtered ones, public ones, and those that refer to a memo."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Final, Literal

from aimo import clock, ids
from aimo.db.connection import Database
from aimo.db.driver_reads import ReadConnection
from aimo.db.queries import memos as memo_queries
from aimo.db.queries import relations as relation_queries
from aimo.db.queries import users as user_queries
from aimo.db.queries.memos import FilteredMemos, FilterShape, MemoRow, SortOrder
from aimo.dto.base import Pagination
from aimo.dto.memos import Author, Memo, MemoPage, NewMemos, PublicMemo
from aimo.errors import AimoError, Code
from aimo.folding import is_blank
from aimo.services.attachments.file_urls import FileUrls
from aimo.services.memos import tags
from aimo.services.memos.memo_presenter import LISTED, PLAIN, MemoPresenter
from aimo.services.memos.name_keys import require_query
from aimo.services.memos.paging import PAGE_BYTES, PUBLIC_PAGE_BYTES, SURELY_SMALL, PageRequest, fitting
from aimo.services.memos.possible_ids import require_possible_id
from aimo.services.memos.service import one
from aimo.vectors.text_table import TextTable

UNCATEGORIZED = "__uncategorized__"

MOST_NEWER: Final = 50
"""Memos that a client gets when it asks for newer ones; where there are more it loads its list again."""

# Up to here the ids found in LanceDB are handed to the database; beyond, its ids are handed to us.
_LISTED_IDS = 1000


@dataclass(frozen=True)
class MemoFilter:
    """What a client filters memos by; None, False and empty mean no filter. Times are epoch milliseconds, inclusive."""

    category_id: str | None = None
    tags: Sequence[str] = ()
    since: int | None = None
    until: int | None = None
    has_attachments: bool | None = None

    @property
    def any(self) -> bool:
        """Whether there is any filter at all."""
        return any(_is_set(getattr(self, each.name)) for each in fields(self))


def _is_set(value: object) -> bool:
    if isinstance(value, str | bool):
        return bool(value)
    return not all(map(is_blank, value)) if isinstance(value, Sequence) else value is not None


async def select(connection: ReadConnection, uid: str, criteria: MemoFilter) -> FilteredMemos | None:
    """Return the selection that criteria mean; None when no memo can meet them."""
    values: dict[str, object] = {}
    shape = FilterShape(
        since=criteria.since is not None,
        until=criteria.until is not None,
        attachments=bool(criteria.has_attachments),
    )
    if criteria.since is not None:
        values["since"] = clock.within_range(criteria.since)
    if criteria.until is not None:
        values["until"] = clock.within_range(criteria.until)
    if criteria.category_id == UNCATEGORIZED:
        shape = replace(shape, category="none")
    elif criteria.category_id:
        if not ids.is_possible(criteria.category_id):
            return None
        shape = replace(shape, category="one")
        values["category_id"] = criteria.category_id
    tag_ids = await tags.find_by_names(connection, uid, criteria.tags) if criteria.tags else []
    if tag_ids is None:
        return None
    if tag_ids:
        shape = replace(shape, tags=True)
        values |= {"tag_ids": tag_ids, "tag_count": len(tag_ids)}
    return FilteredMemos(uid, shape, values)


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
        found = await self._texts.containing(uid, [search]) if not is_blank(search) else None
        async with self._database.driver_connection() as connection:
            selection = await select(connection, uid, criteria)
            if selection is None or found == []:
                return MemoPage(items=[], pagination=request.describe(0))
            if found is None:
                total, rows = await _page(connection, selection, order, request)
            elif len(found) <= _LISTED_IDS:
                listed = replace(selection.shape, listed=True)
                restricted = FilteredMemos(uid, listed, {**selection.values, "memo_ids": found})
                total, rows = await _page(connection, restricted, order, request)
            else:
                total, rows = await _page_within_ids(connection, selection, order, request, set(found))
            items = await self._views.present(connection, uid, rows, LISTED)
        return MemoPage(items=items, pagination=_describe(request, total, len(items)))

    async def newer(self, uid: str, memo_id: str, by: Literal["created_at", "updated_at"]) -> NewMemos:
        """Return the user's memos that are newer than one of theirs, the newest first, at most `MOST_NEWER`.

        None where the user has no such memo: what a client showed may have been deleted.
        """
        async with self._database.driver_connection() as connection:
            known = await memo_queries.get(connection, owner=uid, memo_id=memo_id) if ids.is_possible(memo_id) else None
            found = await memo_queries.newer(connection, known, by, limit=MOST_NEWER) if known else []
            rows = await _with_long_contents(connection, uid, found)
            items = await self._views.present(connection, uid, rows, LISTED)
        return NewMemos(has_new=bool(items), items=items, count=len(items))

    async def public(self, uid: str, order: SortOrder, request: PageRequest) -> MemoPage:
        """Return a user's public memos; none for an unknown user."""
        if not ids.is_possible(uid):
            return MemoPage(items=[], pagination=request.describe(0))
        async with self._database.driver_connection() as connection:
            total, rows = await _page(connection, _public_memos(uid), order, request)
            items = await self._views.present(connection, uid, rows, PLAIN)
        return MemoPage(items=items, pagination=_describe(request, total, len(items)))

    async def random_public(self, uid: str) -> Memo:
        """Return one of a user's public memos, each as likely as the other; NOT_FOUND when there is none."""
        memos = _public_memos(uid)
        async with self._database.driver_connection() as connection:
            total = await memo_queries.count(connection, memos) if ids.is_possible(uid) else 0
            found: list[MemoRow] = []
            if total:
                found = await memo_queries.page(connection, memos, SortOrder(), limit=1, offset=random.randrange(total))
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
            user = await user_queries.profile(connection, owner=row.uid)
        if user is None:
            raise AimoError(Code.NOT_FOUND, "User not found")
        author = Author(uid=user.uid, nickname=user.nickname, avatar=self._urls.avatar(user.uid, user.avatar))
        return PublicMemo(memo=memo, user=author)

    async def backlinks(self, uid: str, memo_id: str, request: PageRequest) -> MemoPage:
        """Return the memos that refer to a memo: cut by the order of references, shown in that of memos."""
        require_possible_id(memo_id)
        async with self._database.driver_connection() as connection:
            await one(connection, uid, memo_id)
            total = await relation_queries.count_backlinks(connection, owner=uid, memo_id=memo_id)
            limit, offset = request.size, request.offset
            if limit > SURELY_SMALL:
                limit = fitting(
                    await relation_queries.backlink_sizes(
                        connection, owner=uid, memo_id=memo_id, limit=limit, offset=offset
                    )
                )
            found = await relation_queries.backlink_page(
                connection, owner=uid, memo_id=memo_id, limit=limit, offset=offset
            )
            rows = await _with_long_contents(connection, uid, found)
            items = await self._views.present(connection, uid, rows, PLAIN)
        return MemoPage(items=items, pagination=_describe(request, total, len(items)))


def _public_memos(uid: str) -> FilteredMemos:
    return FilteredMemos(uid, FilterShape(public=True), {})


async def _page(
    connection: ReadConnection, memos: FilteredMemos, order: SortOrder, request: PageRequest
) -> tuple[int, Sequence[MemoRow]]:
    total = await memo_queries.count(connection, memos)
    if not total or not request.size:
        return total, []
    limit, public = request.size, memos.shape.public
    if public or limit > SURELY_SMALL:
        sizes = await memo_queries.sizes(connection, memos, order, limit=limit, offset=request.offset)
        limit = fitting(sizes, PUBLIC_PAGE_BYTES if public else PAGE_BYTES)
    rows = await memo_queries.page(connection, memos, order, limit=limit, offset=request.offset)
    return total, await _with_long_contents(connection, memos.owner, rows)


async def _page_within_ids(
    connection: ReadConnection, memos: FilteredMemos, order: SortOrder, request: PageRequest, found: set[str]
) -> tuple[int, Sequence[MemoRow]]:
    wanted = [each for each in await memo_queries.matching_ids(connection, memos, order) if each in found]
    page, _ = await page_by_ids(connection, memos.owner, wanted[request.offset : request.offset + request.size])
    return len(wanted), page


async def page_by_ids(connection: ReadConnection, uid: str, memo_ids: Sequence[str]) -> tuple[Sequence[MemoRow], bool]:
    """Return the rows of a user's memos in the order of the ids, and whether a page had no room for all of them.

    Ids without a row are left out.
    """
    if not memo_ids:
        return [], False
    page = memo_ids if len(memo_ids) <= SURELY_SMALL else await _within_page(connection, uid, memo_ids)
    found = _in_order(await memo_queries.page_by_ids(connection, owner=uid, memo_ids=page), page)
    rows = await _with_long_contents(connection, uid, found)
    return rows, len(page) < len(memo_ids) or len(rows) < len(found)


async def load_rows_by_ids(connection: ReadConnection, uid: str, memo_ids: Sequence[str]) -> list[MemoRow]:
    """Return the rows of a user's memos in the order of the ids, of any size; ids without a row are left out."""
    if not memo_ids:
        return []
    return _in_order(await memo_queries.by_ids(connection, owner=uid, memo_ids=memo_ids), memo_ids)


def _in_order(rows: Sequence[MemoRow], memo_ids: Sequence[str]) -> list[MemoRow]:
    known = {row.memo_id: row for row in rows}
    return [known[memo_id] for memo_id in memo_ids if memo_id in known]


async def _within_page(connection: ReadConnection, uid: str, memo_ids: Sequence[str]) -> Sequence[str]:
    """Return the first of these ids, as many as a page has room for."""
    sizes = await memo_queries.sizes_by_ids(connection, owner=uid, memo_ids=memo_ids)
    return memo_ids[: fitting(sizes.get(memo_id, 0) for memo_id in memo_ids)]


async def _with_long_contents(connection: ReadConnection, uid: str, rows: Sequence[MemoRow]) -> Sequence[MemoRow]:
    """Return the rows of a page with the contents that were too long to be read at once, as far as there is room."""
    if all(row.content for row in rows):
        return rows
    return await load_rows_by_ids(connection, uid, await _within_page(connection, uid, [row.memo_id for row in rows]))


def _describe(request: PageRequest, total: int, shown: int) -> Pagination:
    return request.describe(total, truncated=shown < min(request.size, max(0, total - request.offset)))
