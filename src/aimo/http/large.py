"""Answers that may have megabytes: encoded in a thread, and with an end (docs/contract/bodies.md)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final, TypeVar

import msgspec

from aimo.dto.attachments import AttachmentPage
from aimo.dto.base import Envelope
from aimo.dto.explore import FoundMemos
from aimo.dto.memos import Memo, MemoChanges, MemoPage, MemoResult, NewMemos
from aimo.dto.reviews import ReviewItem
from aimo.http.output.envelope import ok
from aimo.threads import TEXTS

S = TypeVar("S", bound=msgspec.Struct)
P = TypeVar("P", bound=MemoPage)

LARGE: Final = 256 * 1024
"""Characters of text that are too many to be encoded between other requests."""

ANSWER_BYTES: Final = 40 * 1024 * 1024
"""JSON after which a page ends: control characters take six bytes each, which no size in the database tells."""

# What else of a memo or message has a length of its own, and about how much an entry takes beside its content.
_LISTS = ("relations", "attachments", "tags", "sources")
_PART = 300
_PROPERTIES = 16 * 1024


async def ok_in_parts(data: S, name: str) -> Envelope[S]:
    """Return the envelope of a success with a list of texts, which may be absent.

    Encoding megabytes in one call holds up everybody: elements of a long list are encoded one by one in a thread, and
    only put together afterwards.
    """
    elements = getattr(data, name) or ()
    if not _is_large(elements):
        return ok(data)
    return ok(msgspec.structs.replace(data, **{name: await TEXTS.run(_encode, elements)}))


async def ok_page(page: P) -> Envelope[P]:
    """Return the envelope of a page of memos, which ends at `ANSWER_BYTES` of JSON; the first memo is always there.

    Large ones are encoded as by `ok_in_parts`.
    """
    if not _is_large(page.items):
        return ok(page)
    encoded: list[Any] = await TEXTS.run(_encode, page.items, ANSWER_BYTES)
    if len(encoded) == len(page.items):
        return ok(msgspec.structs.replace(page, items=encoded))
    pagination = msgspec.structs.replace(page.pagination, truncated=True)
    return ok(msgspec.structs.replace(page, items=encoded, pagination=pagination))


async def ok_files(page: AttachmentPage) -> Envelope[AttachmentPage]:
    """Return the envelope of a page of files, which ends at `ANSWER_BYTES`: properties may have any size."""
    encoded: list[Any] = await TEXTS.run(_encode, page.items, ANSWER_BYTES)
    return ok(msgspec.structs.replace(page, items=encoded))


async def ok_memo(memo: Memo) -> Envelope[Memo]:
    """Return the envelope of a memo; the memos that it refers to may have megabytes."""
    return await ok_in_parts(memo, "relations")


async def ok_result(message: str, memo: Memo) -> Envelope[MemoResult]:
    """Return the envelope of a written memo with a sentence, encoded as by `ok_memo`."""
    whole = await ok_memo(memo)
    return ok(MemoResult(message=message, memo=whole.data or memo))


async def ok_found(items: Sequence[Memo]) -> Envelope[FoundMemos]:
    """Return the envelope of memos without pages, of which there are as many as `ANSWER_BYTES` of JSON can hold."""
    if not _is_large(items):
        return ok(FoundMemos(items=list(items), total=len(items)))
    encoded: list[Any] = await TEXTS.run(_encode, items, ANSWER_BYTES)
    return ok(FoundMemos(items=encoded, total=len(encoded)))


async def ok_newer(found: NewMemos) -> Envelope[NewMemos]:
    """Return the envelope of newer memos, the newest of them as many as `ANSWER_BYTES` of JSON can hold."""
    if not _is_large(found.items):
        return ok(found)
    encoded: list[Any] = await TEXTS.run(_encode, found.items, ANSWER_BYTES)
    return ok(msgspec.structs.replace(found, items=encoded, count=len(encoded)))


async def ok_changes(found: MemoChanges) -> Envelope[MemoChanges]:
    """Return the envelope of changed memos, all of them: the cursor lies behind the last."""
    return await ok_in_parts(found, "items")


def _is_large(elements: Sequence[Any]) -> bool:
    """Whether these memos or messages have too much text to be encoded between other requests."""
    size = 0
    for element in elements:
        size += len(_text(element))
        for name in _LISTS:
            for part in getattr(element, name, None) or ():
                size += _PART + len(getattr(part, "content", None) or "")
                size += _PROPERTIES if getattr(part, "properties", None) else 0
    return size >= LARGE


def _text(element: Any) -> str:
    """Return the text of a memo or message, or of the memo of a question, which may be absent."""
    text = element.memo_content if isinstance(element, ReviewItem) else element.content
    return text if isinstance(text, str) else ""


def _encode(elements: Sequence[object], most: float = math.inf) -> list[msgspec.Raw]:
    """Return the JSON of each element: of the first always, then as long as there is room."""
    encoded: list[msgspec.Raw] = []
    for element in elements:
        one = msgspec.json.encode(element)
        most -= len(one)
        if encoded and most < 0:
            break
        encoded.append(msgspec.Raw(one))
    return encoded
