"""The trash."""

from __future__ import annotations

from aimo.dto.base import Annotated, Dto, Meta
from aimo.dto.memos import Memo


class TrashedMemo(Memo, kw_only=True):
    """A memo in the trash; it never has ``relations``."""

    deleted_at: Annotated[int, Meta(description="When it was deleted, epoch milliseconds.")]


# A field called `list` hides the type of that name.
_Memos = list[TrashedMemo]


class TrashPage(Dto):
    """A page of the trash. Unlike other pages it is flat."""

    list: Annotated[_Memos, Meta(description="The memos of the page.")]
    total: Annotated[int, Meta(description="How many there are on all pages.")]
    page: Annotated[int | float | str | None, Meta(description="The page as it was asked for, from 1.")]
    page_size: Annotated[int | float | str | None, Meta(description="Memos a page, at most 100.")]
    total_pages: Annotated[int | None, Meta(description="How many pages; null for sizes below 1.")]


class TrashEmptied(Dto):
    """What emptying the trash did."""

    message: Annotated[str, Meta(description="An English sentence about it.")]
    deleted: Annotated[int, Meta(description="How many memos are gone.")]
