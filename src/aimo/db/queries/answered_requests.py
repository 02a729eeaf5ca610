"""Statements on requests that must have their effect once."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo.db.driver_reads import ReadConnection
from aimo.db.schema import AnsweredRequests
from aimo.db.statements import owned, param, unscoped
from aimo.db.typed import Command, Query, columns_for, values_for


class AnsweredRow(NamedTuple):
    """What was asked for under a key, as a hash, and what was answered, as JSON."""

    fingerprint: str
    answer: str | None


class NewRequest(NamedTuple):
    """A request whose effect is in the same transaction; ``expires_at`` in epoch milliseconds."""

    uid: str
    request_key: str
    fingerprint: str
    expires_at: int


_ONE = (AnsweredRequests.uid == param("owner"), AnsweredRequests.request_key == param("key"))
_EXCUSE = "answers to all users are kept for the same time"

_GET = Query(
    owned(
        "answered_requests.one",
        select(*columns_for(AnsweredRow, AnsweredRequests)).where(*_ONE, AnsweredRequests.expires_at > param("now")),
    ),
    AnsweredRow,
)
_CREATE = Command(
    owned("answered_requests.create", insert(AnsweredRequests).values(values_for(NewRequest, AnsweredRequests)))
)
_SET_ANSWER = Command(
    owned("answered_requests.set_answer", update(AnsweredRequests).where(*_ONE).values(answer=param("new_answer")))
)
_DELETE_EXPIRED_ONE = Command(
    owned(
        "answered_requests.delete_expired_one",
        delete(AnsweredRequests).where(*_ONE, AnsweredRequests.expires_at <= param("now")),
    )
)
_DELETE_EXPIRED = Command(
    unscoped(
        "answered_requests.delete_expired",
        delete(AnsweredRequests).where(AnsweredRequests.expires_at <= param("now")),
        reason=_EXCUSE,
    )
)
_DELETE_BEYOND = Command(
    unscoped(
        "answered_requests.delete_beyond",
        delete(AnsweredRequests).where(AnsweredRequests.expires_at > param("latest")),
        reason=_EXCUSE,
    )
)


async def get(connection: ReadConnection, *, owner: str, key: str, now: int) -> AnsweredRow | None:
    """Load what a user's request of this key was answered; None where there is none that counts any more."""
    return await _GET.first(connection, owner=owner, key=key, now=now)


async def create(connection: AsyncConnection, request: NewRequest, *, now: int) -> None:
    """Store a request without its answer; one of the same key is waited for, and replaced where it has expired.

    Raises:
        IntegrityError: there is one of this key that counts.
    """
    await _DELETE_EXPIRED_ONE.run(connection, owner=request.uid, key=request.request_key, now=now)
    await _CREATE.run(connection, **request._asdict())


async def set_answer(connection: AsyncConnection, *, owner: str, key: str, answer: str) -> None:
    """Store what a request is answered."""
    await _SET_ANSWER.run(connection, owner=owner, key=key, new_answer=answer)


async def delete_expired(connection: AsyncConnection, *, now: int, latest: int) -> int:
    """Remove what has expired at ``now``, or expires after ``latest``: the clock was ahead when it was written.

    Return how many there were.
    """
    expired = await _DELETE_EXPIRED.run(connection, now=now)
    return expired + await _DELETE_BEYOND.run(connection, latest=latest)
