"""Memos on the wire (docs/contract/memos.md#which-field-appears-where, docs/contract/memos.md)."""

from __future__ import annotations

from typing import Literal

from aimo.dto.attachments import Attachment
from aimo.dto.base import UNSET, Annotated, Dto, Meta, Pagination, UnsetType
from aimo.dto.tags import Tag


class NestedMemo(Dto):
    """A memo inside another one's ``relations``."""

    memo_id: Annotated[str, Meta(description="Id of the memo.")]
    uid: Annotated[str, Meta(description="Its owner.")]
    content: Annotated[str, Meta(description="Its text.")]
    type: Annotated[str, Meta(description="`text`, `audio` or `video`.")]
    category_id: Annotated[str | None, Meta(description="Its category, or null.")]
    attachments: Annotated[list[Attachment], Meta(description="Its files, in order.")]
    created_at: Annotated[int, Meta(description="When it was written, epoch milliseconds.")]
    updated_at: Annotated[int, Meta(description="When it was last changed, epoch milliseconds.")]
    truncated: Annotated[
        bool | UnsetType,
        Meta(description="True where the answer has no room for it: the beginning of its text, and no attachments."),
    ] = UNSET


class Snippet(Dto):
    """The place in a memo that answers a search."""

    text: Annotated[str, Meta(description="A piece of the memo's text, plain.")]
    marks: Annotated[
        list[tuple[int, int]], Meta(description="Where the query occurs: start and end, UTF-16 offsets into the text.")
    ]


class Memo(Dto):
    """A memo. Which optional fields are there depends on the route."""

    memo_id: Annotated[str, Meta(description="Id of the memo.")]
    uid: Annotated[str, Meta(description="Its owner.")]
    content: Annotated[str, Meta(description="Its text.")]
    type: Annotated[str | None, Meta(description="`text`, `audio` or `video`; on creation as it was sent.")]
    attachments: Annotated[list[Attachment], Meta(description="Its files, in order.")]
    created_at: Annotated[int, Meta(description="When it was written, epoch milliseconds.")]
    updated_at: Annotated[int, Meta(description="When it was last changed, epoch milliseconds.")]
    category_id: Annotated[str | UnsetType | None, Meta(description="Its category, or null.")] = UNSET
    tag_ids: Annotated[list[str] | UnsetType, Meta(description="Ids of its tags, in order.")] = UNSET
    tags: Annotated[list[Tag] | UnsetType, Meta(description="Its tags that exist, in order.")] = UNSET
    is_public: Annotated[bool | UnsetType, Meta(description="Whether anybody may read it.")] = UNSET
    source: Annotated[str | UnsetType | None, Meta(description="Where it came from, or null.")] = UNSET
    relations: Annotated[list[NestedMemo] | UnsetType, Meta(description="The memos that it refers to.")] = UNSET
    relevance_score: Annotated[float | UnsetType, Meta(description="Similarity to what was asked, 0 to 1.")] = UNSET
    matched_by: Annotated[
        list[Literal["semantic", "text"]] | UnsetType,
        Meta(description="How a search found it: by meaning, words or both."),
    ] = UNSET
    snippet: Annotated[Snippet | UnsetType, Meta(description="The place that answers the search.")] = UNSET


class MemoPage(Dto):
    """A page of memos."""

    items: Annotated[list[Memo], Meta(description="The memos of the page.")]
    pagination: Annotated[Pagination, Meta(description="Where the page lies.")]


class NewMemos(Dto):
    """Memos that are newer than one that a client shows."""

    has_new: Annotated[bool, Meta(description="Whether there are any.")]
    items: Annotated[list[Memo], Meta(description="The newest of them, at most 50, newest first.")]
    count: Annotated[int, Meta(description="How many `items` has.")]


class MemoChanges(Dto):
    """What a client changes in its copy of a user's memos."""

    items: Annotated[list[Memo], Meta(description="Memos that were written, changed or restored, as in lists.")]
    deleted: Annotated[list[str], Meta(description="Ids of memos that are gone, or in the trash.")]
    cursor: Annotated[str, Meta(description="Where to go on: what has changed later lies behind it.")]
    has_more: Annotated[bool, Meta(description="Whether more lies behind the cursor already.")]
    reset: Annotated[
        bool, Meta(description="True where the answer begins anew: what else the client holds may be outdated.")
    ]


class SearchPage(MemoPage):
    """A page of search results."""

    degraded: Annotated[bool, Meta(description="True when only words could be searched, not meaning.")]


class MemoResult(Dto):
    """One memo with a sentence."""

    message: Annotated[str, Meta(description="An English sentence about it.")]
    memo: Annotated[Memo, Meta(description="The memo.")]


class Author(Dto):
    """Who wrote a public memo."""

    uid: Annotated[str, Meta(description="Id of the user.")]
    nickname: Annotated[str | None, Meta(description="Name to show, or null.")]
    avatar: Annotated[str, Meta(description="URL of the picture; empty when there is none.")]


class PublicMemo(Dto):
    """A public memo with its author."""

    memo: Annotated[Memo, Meta(description="The memo.")]
    user: Annotated[Author, Meta(description="Its author.")]


class MemoBody(Dto):
    """What a memo is made of or changed by."""

    content: Annotated[str | None, Meta(description="Its text; required, not blank.")] = None
    type: Annotated[str | UnsetType | None, Meta(description="`text` (default), `audio` or `video`.")] = UNSET
    category_id: Annotated[
        str | UnsetType | None, Meta(description="A category's id, or its name; an unknown one means none.")
    ] = UNSET
    attachments: Annotated[list[str] | UnsetType | None, Meta(description="Ids of its files, in order.")] = UNSET
    tag_ids: Annotated[list[str] | UnsetType | None, Meta(description="Ids of its tags; win over names.")] = UNSET
    tags: Annotated[list[str] | UnsetType | None, Meta(description="Names of its tags; unknown ones are made.")] = UNSET
    relation_ids: Annotated[
        list[str] | UnsetType | None, Meta(description="Ids of the memos that it refers to, in order.")
    ] = UNSET
    is_public: Annotated[bool | UnsetType | None, Meta(description="Whether anybody may read it.")] = UNSET
    created_at: Annotated[
        int | float | None, Meta(description="When it was written, epoch milliseconds; creation only.")
    ] = None
    updated_at: Annotated[
        int | float | None, Meta(description="When it was last changed, epoch milliseconds; creation only.")
    ] = None
    source: Annotated[str | UnsetType | None, Meta(description="Where it came from.")] = UNSET


class MachineMemoBody(MemoBody):
    """A memo from a machine: its category may be given by name."""

    category: Annotated[str | UnsetType | None, Meta(description="A category's name; made when unknown.")] = UNSET


class VectorSearchBody(Dto):
    """A search by meaning."""

    query: Annotated[str | None, Meta(description="What to look for.")] = None
    page: Annotated[int | float | str | None, Meta(description="Page from 1.")] = None
    limit: Annotated[int | float | str | None, Meta(description="Items a page, 20 when absent.")] = None
    category_id: Annotated[
        str | None, Meta(description="Only this category; `__uncategorized__` for memos without one.")
    ] = None
    start_date: Annotated[
        int | float | str | UnsetType | None, Meta(description="Not older than this, epoch milliseconds.")
    ] = UNSET
    end_date: Annotated[
        int | float | str | UnsetType | None, Meta(description="Not newer than this, epoch milliseconds.")
    ] = UNSET
    has_attachments: Annotated[object, Meta(description="`true`: only memos with files.")] = None


class SearchBody(VectorSearchBody):
    """A search by meaning and by words."""

    tags: Annotated[list[str] | None, Meta(description="Names of tags that a memo must all have.")] = None


class TagsBody(Dto):
    """The tags that a memo shall have."""

    tags: Annotated[object, Meta(description="Names of tags; unknown ones are made, what is no text is left out.")] = (
        None
    )
    tag_ids: Annotated[object, Meta(description="Ids of tags; they win over names.")] = None
