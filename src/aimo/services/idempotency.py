"""Requests that clients repeat have their effect once (docs/contract/requests.md#idempotency-key)."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

import msgspec
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo import clock
from aimo.db.connection import Database
from aimo.db.queries import answered_requests as request_queries
from aimo.db.queries.answered_requests import AnsweredRow, NewRequest
from aimo.db.transaction import atomically
from aimo.errors import AimoError, Code, IdempotencyKeyReused
from aimo.ids import is_possible

T = TypeVar("T")

KEPT_MS: Final = 24 * 3600 * 1000
"""How long an answer is kept."""

MOST_ANSWER_BYTES: Final = 256 * 1024
"""Of longer answers an outline is kept."""


class AlreadyAnswered(AimoError):
    """The request of this key was answered while this one was on its way; the transaction has no effect."""

    def __init__(self) -> None:
        super().__init__(Code.OPERATION_NOT_ALLOWED, "This request has been answered already")


@dataclass(frozen=True)
class Claim:
    """The key of one request; what it does and `take` belong in the same transaction."""

    uid: str
    key: str
    fingerprint: str

    async def take(self, connection: AsyncConnection) -> None:
        """Have the transaction fail where a request of this key was or is being answered; wait for the latter."""
        now = clock.now_ms()
        new = NewRequest(self.uid, self.key, self.fingerprint, now + KEPT_MS)
        try:
            await request_queries.create(connection, new, now=now)
        except IntegrityError as error:
            raise AlreadyAnswered from error

    async def keep(self, connection: AsyncConnection, answer: object, outline: object = None) -> None:
        """Keep what the request is answered, or an outline where that is very long."""
        encoded = msgspec.json.encode(answer)
        if len(encoded) > MOST_ANSWER_BYTES:
            encoded = msgspec.json.encode(outline)
        await request_queries.set_answer(connection, owner=self.uid, key=self.key, answer=encoded.decode())


class RepeatedRequests:
    """Gives repeated requests the answer of the first one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def once(self, claim: Claim | None, kind: type[T], work: Callable[[], Awaitable[T]]) -> T:
        """Do the work, which takes and keeps the claim, or return what it was answered before.

        Without a claim the work is simply done.

        Raises:
            IdempotencyKeyReused: the key was used for another request.
        """
        if claim is None:
            return await work()
        for _ in range(3):
            known = await self._known(claim)
            if known is not None:
                return msgspec.json.decode(known.answer or "null", type=kind)
            try:
                return await work()
            except AlreadyAnswered:
                continue
        # The account is gone, or the row was removed each time after it was met.
        raise AimoError(Code.DB_ERROR)

    async def forget_expired(self) -> None:
        """Remove what was kept for long enough, for all users."""

        async def work(connection: AsyncConnection) -> None:
            now = clock.now_ms()
            await request_queries.delete_expired(connection, now=now, latest=now + 2 * KEPT_MS)

        await atomically(self._database, "answered_requests.forget", work)

    async def _known(self, claim: Claim) -> AnsweredRow | None:
        async with self._database.reads() as connection:
            row = await request_queries.get(connection, owner=claim.uid, key=claim.key, now=clock.now_ms())
        if row is not None and row.fingerprint != claim.fingerprint:
            raise IdempotencyKeyReused
        return row


def claim_for(uid: str, key: str | None, *request: str | bytes) -> Claim | None:
    """Return the claim of a request that consists of these parts; None without a key.

    Raises:
        AimoError: ``PARAMS_ERROR`` for a key that is not 1 to 191 visible ASCII characters.
    """
    if key is None:
        return None
    if not is_possible(key):
        raise AimoError(Code.PARAMS_ERROR, "Idempotency-Key must be 1 to 191 visible ASCII characters")
    hashed = hashlib.sha256()
    for part in request:
        piece = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        hashed.update(b"%d:" % len(piece) + piece)
    return Claim(uid, key, hashed.hexdigest())
