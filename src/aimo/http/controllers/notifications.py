"""What a user is told inside the application (docs/contract/notifications.md)."""

from __future__ import annotations

from litestar import Controller

from aimo.dto.base import Done, Envelope
from aimo.dto.notifications import NotificationList, UnreadCount
from aimo.http.dependencies import PathText, Services, User
from aimo.http.output.envelope import ok
from aimo.http.routing import get, post


class NotificationController(Controller):
    """A user's notifications."""

    path = "/api/v1/notifications"
    tags = ("Notifications",)

    @get("/", summary="List notifications")
    async def fetch_all(self, services: Services, user: User) -> Envelope[NotificationList]:
        """Return the newest notifications."""
        return ok(NotificationList(notifications=await services.notifications.all(user.uid)))

    @get("/unread-count", summary="Count unread notifications")
    async def unread_count(self, services: Services, user: User) -> Envelope[UnreadCount]:
        """Return how many are unread."""
        return ok(UnreadCount(count=await services.notifications.count_unread(user.uid)))

    @post("/read-all", summary="Mark all notifications as read")
    async def read_all(self, services: Services, user: User) -> Envelope[Done]:
        """Take note that all were read."""
        await services.notifications.mark_all_read(user.uid)
        return ok(Done(message="All notifications marked as read"))

    @post("/{notification_id:str}/read", summary="Mark a notification as read")
    async def read(self, notification_id: PathText, services: Services, user: User) -> Envelope[Done]:
        """Take note that one was read."""
        await services.notifications.mark_read(user.uid, notification_id)
        return ok(Done(message="Notification marked as read"))
