"""Notifications on the wire (docs/contract/notifications.md)."""

from __future__ import annotations

from aimo.dto.base import Annotated, Dto, Meta


class Notification(Dto):
    """What a user is told."""

    notification_id: Annotated[str, Meta(description="Id of the notification.")]
    user_id: Annotated[str, Meta(description="Whom it is for.")]
    type: Annotated[str, Meta(description="`spaced_repetition`.")]
    title: Annotated[str, Meta(description="Its title.")]
    body: Annotated[str, Meta(description="Its text, plain.")]
    memo_id: Annotated[str | None, Meta(description="The memo that it is about, or null.")]
    is_read: Annotated[bool, Meta(description="Whether it was read.")]
    created_at: Annotated[str, Meta(description="When it was made, ISO 8601 in UTC.")]


class NotificationList(Dto):
    """A user's notifications."""

    notifications: Annotated[list[Notification], Meta(description="The newest 50, newest first.")]


class UnreadCount(Dto):
    """How many are unread."""

    count: Annotated[int, Meta(description="Unread notifications.")]
