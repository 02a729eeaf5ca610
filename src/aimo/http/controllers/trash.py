"""Memos in the trash (docs/contract/trash.md)."""

from __future__ import annotations

import math

from litestar import Controller

from aimo.dto.base import Done, Envelope
from aimo.dto.trash import TrashEmptied, TrashPage
from aimo.http.dependencies import Params, PathText, Services, User
from aimo.http.large import ok_in_parts
from aimo.http.output.envelope import ok
from aimo.http.output.openapi_parameters import PAGE, Parameter, documented
from aimo.http.routing import delete, get, post
from aimo.services.memos.paging import PageRequest
from aimo.services.trash.service import TrashFilter

_LARGEST_PAGE = 100

_FILTERS = (
    Parameter("pageSize", "number", "Memos a page, at most 100.", 20),
    Parameter("keyword", "string", "Only memos that contain this text, whatever its case."),
    Parameter(
        "sortBy", "string", "`deletedAt_asc` for the oldest deletion first; else the newest is.", "deletedAt_desc"
    ),
    Parameter("startDate", "string", "Not deleted before this, epoch milliseconds."),
    Parameter("endDate", "string", "Not deleted after this, epoch milliseconds."),
)


class TrashController(Controller):
    """Deleted memos, until they are deleted for good."""

    path = "/api/v1/trash"
    tags = ("Trash",)

    @get("/", summary="List the trash", opt=documented(PAGE, *_FILTERS))
    async def page(self, params: Params, services: Services, user: User) -> Envelope[TrashPage]:
        """Return a page of one's deleted memos."""
        criteria = TrashFilter(
            keyword=(params.texts("keyword") or [""])[-1],
            since=params.integer_prefix("startDate"),
            until=params.integer_prefix("endDate"),
        )
        newest_first = params.text("sortBy", "deletedAt_desc") != "deletedAt_asc"
        request = PageRequest(
            _whole(params.number("page", 1)), min(_whole(params.number("pageSize", 20)), _LARGEST_PAGE)
        )
        found = await services.trash.page(user.uid, criteria, newest_first=newest_first, request=request)
        return await ok_in_parts(found, "list")

    @delete("/", summary="Empty the trash")
    async def empty(self, services: Services, user: User) -> Envelope[TrashEmptied]:
        """Remove all of one's deleted memos for good, with the files that no other memo lists."""
        deleted = await services.trash.empty(user.uid)
        return ok(TrashEmptied(message="Trash emptied", deleted=deleted))

    @post("/{memo_id:str}/restore", summary="Take a memo out of the trash")
    async def restore(self, memo_id: PathText, services: Services, user: User) -> Envelope[Done]:
        """Make a deleted memo live again."""
        await services.trash.restore(user.uid, memo_id)
        return ok(Done(message="Memo restored successfully"))

    @delete("/{memo_id:str}", summary="Delete a memo for good")
    async def remove(self, memo_id: PathText, services: Services, user: User) -> Envelope[Done]:
        """Remove a memo that is in the trash, with the files that no other memo lists."""
        await services.trash.delete(user.uid, memo_id)
        return ok(Done(message="Memo permanently deleted"))


def _whole(number: float) -> int | float:
    return math.floor(number) if math.isfinite(number) else number
