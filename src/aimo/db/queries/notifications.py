"""Statements on what users are told inside the application."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy import delete, false, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo.db.driver_reads import ReadConnection
from aimo.db.schema import InAppNotifications
from aimo.db.statements import in_list, owned, param
from aimo.db.typed import Command, Query, Scalar, columns_for, values_for

KEPT: Final = 50
"""Notifications of a user that are kept."""


class NotificationRow(NamedTuple):
    """A notification as it is stored; ``created_at`` is in epoch milliseconds."""

    notification_id: str
    uid: str
    type: str
    title: str
    body: str
    memo_id: str | None
    is_read: bool
    created_at: int


class NewNotification(NamedTuple):
    """What a notification is stored with; ``seq`` is its place in the order of insertion."""

    notification_id: str
    uid: str
    type: str
    title: str
    body: str
    memo_id: str | None
    seq: int
    created_at: int


_MINE = InAppNotifications.uid == param("owner")
_ONE = (_MINE, InAppNotifications.notification_id == param("id"))
_NEWEST_FIRST = (InAppNotifications.created_at.desc(), InAppNotifications.seq.desc())

_NEWEST = Query(
    owned(
        "notifications.newest",
        select(*columns_for(NotificationRow, InAppNotifications)).where(_MINE).order_by(*_NEWEST_FIRST).limit(KEPT),
    ),
    NotificationRow,
)
_COUNT_UNREAD = Scalar[int](
    owned(
        "notifications.count_unread",
        select(func.count()).select_from(InAppNotifications).where(_MINE, InAppNotifications.is_read == false()),
    )
)
_MARK_READ = Command(owned("notifications.mark_read", update(InAppNotifications).where(*_ONE).values(is_read=True)))
_MARK_ALL_READ = Command(
    owned(
        "notifications.mark_all_read",
        update(InAppNotifications).where(_MINE, InAppNotifications.is_read == false()).values(is_read=True),
    )
)
_CREATE = Command(
    owned("notifications.create", insert(InAppNotifications).values(values_for(NewNotification, InAppNotifications)))
)
_BEYOND = Scalar[str](
    owned(
        "notifications.beyond",
        select(InAppNotifications.notification_id)
        .where(_MINE)
        # Those of a clock that was ahead go first, or nothing new would ever be kept.
        .order_by(InAppNotifications.created_at > param("now"), *_NEWEST_FIRST)
        .limit(param("limit"))
        .offset(KEPT),
    )
)
_DELETE = Command(
    owned(
        "notifications.delete",
        delete(InAppNotifications).where(_MINE, InAppNotifications.notification_id.in_(in_list("ids"))),
    )
)


async def newest(connection: ReadConnection, *, owner: str) -> list[NotificationRow]:
    """Load a user's notifications, at most `KEPT`, the newest first."""
    return await _NEWEST.all(connection, owner=owner)


async def count_unread(connection: ReadConnection, *, owner: str) -> int:
    """Count the notifications that a user has not read."""
    return await _COUNT_UNREAD.one(connection, owner=owner)


async def mark_read(connection: AsyncConnection, *, owner: str, notification_id: str) -> bool:
    """Store that a notification was read; False where the user has none of this id."""
    return await _MARK_READ.run(connection, owner=owner, id=notification_id) > 0


async def mark_all_read(connection: AsyncConnection, *, owner: str) -> None:
    """Store that a user has read everything."""
    await _MARK_ALL_READ.run(connection, owner=owner)


async def create(connection: AsyncConnection, notifications: Sequence[NewNotification], *, owner: str) -> None:
    """Store notifications of a user, and remove those beyond the newest `KEPT`."""
    await _CREATE.run_many(connection, [each._asdict() for each in notifications])
    now = max((each.created_at for each in notifications), default=0)
    beyond = await _BEYOND.all(connection, owner=owner, now=now, limit=1000)
    if beyond:
        await _DELETE.run(connection, owner=owner, ids=beyond)
