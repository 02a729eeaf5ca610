"""Looking back at one's memos (docs/contract/insights.md)."""

from __future__ import annotations

from litestar import Controller

from aimo.dto.base import Envelope
from aimo.dto.explore import FoundMemos
from aimo.dto.insights import Activity, OnThisDay
from aimo.http.dependencies import Params, Services, User
from aimo.http.large import ok_found
from aimo.http.output.envelope import ok
from aimo.http.output.openapi_parameters import Parameter, documented
from aimo.http.routing import get

_DAYS = Parameter("days", "number", "How many days to look back, 1 to 365.", 90)


class InsightController(Controller):
    """What one's memos tell by their dates."""

    path = "/api/v1/insights"
    tags = ("Insights",)

    @get("/activity", summary="Count memos by day", opt=documented(_DAYS))
    async def activity(self, params: Params, services: Services, user: User) -> Envelope[Activity]:
        """Return how many memos were written on each day (UTC) of the last days."""
        return ok(await services.insights.activity(user.uid, min(max(params.number("days", 90), 1), 365)))

    @get("/on-this-day", summary="List memos of this day")
    async def on_this_day(self, services: Services, user: User) -> Envelope[OnThisDay]:
        """Return what was written on this day in other years."""
        return ok(await services.insights.on_this_day(user.uid))

    @get("/daily-recommendations", summary="Read today's picks")
    async def daily_recommendations(self, services: Services, user: User) -> Envelope[FoundMemos]:
        """Three memos worth reading again, the same all day long."""
        items = await services.recommendations.daily(user.uid)
        return await ok_found(items)
