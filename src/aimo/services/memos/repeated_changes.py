"""Changes of memos that clients may send again without knowing whether the first one arrived."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aimo.dto.memos import Memo, MemoBody
from aimo.errors import AimoError, Code
from aimo.services.idempotency import Claim, RepeatedRequests
from aimo.services.memos.service import MemoService, Versions


class MemoRequests:
    """Does what `MemoService` does, once for each claim (docs/contract/requests.md#idempotency-key)."""

    def __init__(self, memos: MemoService, requests: RepeatedRequests) -> None:
        self._memos = memos
        self._requests = requests

    async def create(self, uid: str, body: MemoBody, claim: Claim | None) -> Memo:
        """Store a memo."""
        return await self._once(uid, claim, lambda: self._memos.create(uid, body, claim=claim))

    async def update(self, uid: str, memo_id: str, body: MemoBody, claim: Claim | None, only: Versions | None) -> Memo:
        """Change a memo."""
        return await self._once(uid, claim, lambda: self._memos.update(uid, memo_id, body, claim=claim, only=only))

    async def set_tags(self, uid: str, memo_id: str, tag_ids: list[str], names: list[str], claim: Claim | None) -> Memo:
        """Replace the tags of a memo."""
        return await self._once(uid, claim, lambda: self._memos.set_tags(uid, memo_id, tag_ids, names, claim=claim))

    async def delete(self, uid: str, memo_id: str, claim: Claim | None, only: Versions | None) -> None:
        """Remove a memo."""
        await self._requests.once(claim, type(None), lambda: self._memos.delete(uid, memo_id, claim=claim, only=only))

    async def _once(self, uid: str, claim: Claim | None, work: Callable[[], Awaitable[Memo]]) -> Memo:
        memo = await self._requests.once(claim, Memo, work)
        if memo.content:
            return memo
        # The answer was too long to be kept: the memo as it is now, if there still is one.
        try:
            return await self._memos.get(uid, memo.memo_id)
        except AimoError as error:
            if error.code is not Code.NOT_FOUND:
                raise
            return memo
