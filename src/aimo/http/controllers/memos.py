"""Memos of the user who asks (docs/contract/memos.md)."""

from __future__ import annotations

import math
from typing import Literal

from litestar import Controller, Response
from litestar.params import JSONBody

from aimo.db.queries.memos import SortOrder
from aimo.dto.base import Done, Envelope
from aimo.dto.memos import (
    Memo,
    MemoBody,
    MemoChanges,
    MemoPage,
    MemoResult,
    NewMemos,
    SearchBody,
    SearchPage,
    TagsBody,
    VectorSearchBody,
)
from aimo.errors import AimoError, Code
from aimo.http.dependencies import AnyRequest, Params, PathText, Services, User, page_request
from aimo.http.input.preconditions import claim_of, version_tag, versions_of
from aimo.http.input.query_parameters import Query
from aimo.http.large import ok_changes, ok_memo, ok_newer, ok_page, ok_result
from aimo.http.output.envelope import ok
from aimo.http.output.openapi_parameters import LIMIT_10, LIMIT_20, PAGE, SORT_BY, SORT_ORDER, Parameter, documented
from aimo.http.routing import delete, get, post, put
from aimo.js_coercion import as_js_number, to_number
from aimo.services.memos.lists import MemoFilter
from aimo.services.memos.paging import PageRequest
from aimo.services.memos.tags import JoinedNames

LIST_FILTERS = (
    Parameter("search", "string", "Only memos that contain this text, whatever its case."),
    Parameter("categoryId", "string", "Only this category; `__uncategorized__` for memos without one."),
    Parameter("tags", "array", "Names of tags that a memo must all have."),
    Parameter("startDate", "string", "Not older than this, epoch milliseconds."),
    Parameter("endDate", "string", "Not newer than this, epoch milliseconds."),
    Parameter("hasAttachments", "string", "`true`: only memos with files."),
)

POLL = (
    Parameter("latestMemoId", "string", "Id of the newest memo that the client shows."),
    Parameter("sortBy", "string", "What newer means: `createdAt` (default), or `updatedAt` for anything else."),
)


CHANGES = (
    Parameter("cursor", "string", "What the last answer gave; absent to begin."),
    Parameter("limit", "number", "Memos of one answer, at most 2000.", 2000),
)


class MemoController(Controller):
    """Reading, writing and finding one's memos."""

    path = "/api/v1/memos"
    tags = ("Memos",)

    @get("/", summary="List memos", opt=documented(PAGE, LIMIT_10, SORT_BY, SORT_ORDER, *LIST_FILTERS))
    async def page(self, params: Params, services: Services, user: User) -> Envelope[MemoPage]:
        """Return a page of one's memos, filtered and sorted."""
        page, search = page_request(params, 10), params.text("search", "")
        return await ok_page(await services.lists.page(user.uid, list_filter(params), search, order(params), page))

    @get("/poll", summary="Ask for newer memos", opt=documented(*POLL))
    async def newer(self, params: Params, services: Services, user: User) -> Envelope[NewMemos]:
        """Return one's memos that are newer than a given one; none where that one is not known."""
        memo_id, sort_by = params.text("latestMemoId"), params.text("sortBy", "createdAt")
        if not memo_id or not sort_by:
            raise AimoError(Code.PARAMS_ERROR, "latestMemoId and sortBy are required")
        by: Literal["created_at", "updated_at"] = "created_at" if sort_by == "createdAt" else "updated_at"
        return await ok_newer(await services.lists.newer(user.uid, memo_id, by))

    @get("/changes", summary="Ask what has changed", opt=documented(*CHANGES))
    async def changes(self, params: Params, services: Services, user: User) -> Envelope[MemoChanges]:
        """Return one's memos that were written, changed or deleted since, in order, the newest ones to begin with."""
        limit = params.number("limit", 2000)
        size = int(min(max(limit, 1), 2000))
        return await ok_changes(await services.memo_changes.since(user.uid, params.text("cursor", ""), size))

    @post("/search/vector", summary="Search by meaning")
    async def search_by_meaning(
        self, data: JSONBody[VectorSearchBody], services: Services, user: User
    ) -> Envelope[MemoPage]:
        """One's memos by similarity to the query, best first."""
        if not data.query:
            raise AimoError(Code.PARAMS_ERROR, "Query is required")
        return await ok_page(
            await services.search.semantic_search(user.uid, data.query, search_filter(data), _page(data))
        )

    @post("/search", summary="Search by meaning and words")
    async def search(self, data: JSONBody[SearchBody], services: Services, user: User) -> Envelope[SearchPage]:
        """One's memos that contain the words, then those that mean the same."""
        if not data.query:
            raise AimoError(Code.PARAMS_ERROR, "Query is required")
        return await ok_page(
            await services.search.hybrid(user.uid, data.query, search_filter(data, data.tags), _page(data))
        )

    @post("/", summary="Write a memo", opt={"once": True})
    async def create(
        self, data: JSONBody[MemoBody], request: AnyRequest, services: Services, user: User
    ) -> Envelope[MemoResult]:
        """Store a memo with its tags, files and references."""
        claim = await claim_of(request, user)
        memo = await services.memo_requests.create(user.uid, data, claim)
        return ok(MemoResult(message="Memo created successfully", memo=memo))

    @get("/{memo_id:str}", summary="Read a memo")
    async def fetch(self, memo_id: PathText, services: Services, user: User) -> Response[Envelope[Memo]]:
        """Return one memo."""
        memo = await services.memos.get(user.uid, memo_id)
        return Response(await ok_memo(memo), headers=version_tag(memo.updated_at))

    @put("/{memo_id:str}", summary="Change a memo", opt={"once": True, "conditional": True})
    async def update(
        self, memo_id: PathText, data: JSONBody[MemoBody], request: AnyRequest, services: Services, user: User
    ) -> Envelope[MemoResult]:
        """Change a memo; `content` is required, what is absent stays."""
        claim = await claim_of(request, user)
        memo = await services.memo_requests.update(user.uid, memo_id, data, claim, versions_of(request))
        return await ok_result("Memo updated successfully", memo)

    @delete("/{memo_id:str}", summary="Remove a memo", opt={"once": True, "conditional": True})
    async def remove(self, memo_id: PathText, request: AnyRequest, services: Services, user: User) -> Envelope[Done]:
        """Remove a memo for good; its files stay."""
        claim = await claim_of(request, user)
        await services.memo_requests.delete(user.uid, memo_id, claim, versions_of(request))
        return ok(Done(message="Memo deleted successfully"))

    @put("/{memo_id:str}/tags", summary="Set the tags of a memo", opt={"once": True})
    async def set_tags(
        self, memo_id: PathText, data: JSONBody[TagsBody], request: AnyRequest, services: Services, user: User
    ) -> Envelope[MemoResult]:
        """Replace a memo's tags; ids win over names, neither clears them."""
        names, tag_ids = _texts(data.tags, "Tags"), _texts(data.tag_ids, "TagIds")
        claim = await claim_of(request, user)
        memo = await services.memo_requests.set_tags(user.uid, memo_id, tag_ids, names, claim)
        return await ok_result("Tags updated successfully", memo)

    @get("/{memo_id:str}/related", summary="List similar memos", opt=documented(PAGE, LIMIT_10))
    async def related(self, memo_id: PathText, params: Params, services: Services, user: User) -> Envelope[MemoPage]:
        """One's other memos by similarity to this one."""
        return await ok_page(await services.search.related(user.uid, memo_id, page_request(params, 10)))

    @get("/{memo_id:str}/backlinks", summary="List memos that refer to one", opt=documented(PAGE, LIMIT_20))
    async def backlinks(self, memo_id: PathText, params: Params, services: Services, user: User) -> Envelope[MemoPage]:
        """Return the memos that refer to this one."""
        return await ok_page(await services.lists.backlinks(user.uid, memo_id, page_request(params, 20)))


def order(params: Query) -> SortOrder:
    """Return the order that the query asks for."""
    by: Literal["created_at", "updated_at"] = (
        "created_at" if params.text("sortBy", "createdAt") == "createdAt" else "updated_at"
    )
    return SortOrder(by, descending=params.text("sortOrder", "desc") != "asc")


def list_filter(params: Params) -> MemoFilter:
    """Return what the query parameters of `LIST_FILTERS` filter by, ``search`` apart."""
    tags = params.texts("tags")
    return MemoFilter(
        category_id=params.text("categoryId"),
        tags=list(map(JoinedNames, tags)) if params.has_bare_commas("tags") else tags,
        since=params.integer_prefix("startDate"),
        until=params.integer_prefix("endDate"),
        has_attachments=params.text("hasAttachments") == "true",
    )


def search_filter(data: VectorSearchBody, tags: list[str] | None = None) -> MemoFilter:
    """Return what the body of a search filters by; ``tags`` only a search by words and meaning has."""
    return MemoFilter(
        category_id=data.category_id,
        tags=tags or (),
        since=_moment(data.start_date),
        until=_moment(data.end_date),
        has_attachments=data.has_attachments is True or data.has_attachments == "true",
    )


def _moment(value: object) -> int | None:
    """Return milliseconds from a number or numeric text; None for anything else. A null counts as 0.

    See docs/contract/search.md#by-meaning.
    """
    number = to_number(value) if isinstance(value, str) else 0 if value is None else as_js_number(value)
    return int(number) if isinstance(number, int | float) and math.isfinite(number) else None


def _page(data: VectorSearchBody) -> PageRequest:
    """Return the page of a body, whose numbers may be texts and are echoed as they came."""
    page, limit = as_js_number(data.page or 1), as_js_number(data.limit or 20)
    return PageRequest(_number(page, 1), _number(limit, 20), page, limit)


def _number(value: float | str, default: int) -> int | float:
    number = to_number(value) if isinstance(value, str) else value
    return default if number is None else number


def _texts(value: object, name: str) -> list[str]:
    """Return the usable texts of a list; nothing is an empty list."""
    if not value and not isinstance(value, dict):
        return []
    if not isinstance(value, list):
        raise AimoError(Code.PARAMS_ERROR, f"{name} must be an array")
    return [item for item in value if isinstance(item, str) and item.strip()]
