"""Looking back at one's memos (docs/contract/insights.md)."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from litestar import Controller

from aimo.dto.base import Envelope
from aimo.dto.explore import FoundMemos
from aimo.dto.insights import Activity, OnThisDay
from aimo.errors import AimoError, Code
from aimo.http.dependencies import Params, Services, User
from aimo.http.large import ok_found
from aimo.http.output.envelope import ok
from aimo.http.output.openapi_parameters import Parameter, documented
from aimo.http.routing import get

_DAYS = Parameter("days", "number", "How many days to look back, 1 to 365.", 90)

_TZ = Parameter("tz", "string", "A time zone by its name, such as `Asia/Shanghai`, whose days are meant.")


class InsightController(Controller):
    """What one's memos tell by their dates."""

    path = "/api/v1/insights"
    tags = ("Insights",)

    @get("/activity", summary="Count memos by day", opt=documented(_DAYS, _TZ))
    async def activity(self, params: Params, services: Services, user: User) -> Envelope[Activity]:
        """Return how many memos were written on each day (of UTC without a zone) of the last days."""
        days = min(max(params.number("days", 90), 1), 365)
        return ok(await services.insights.activity(user.uid, days, _zone(params)))

    @get("/on-this-day", summary="List memos of this day", opt=documented(_TZ))
    async def on_this_day(self, params: Params, services: Services, user: User) -> Envelope[OnThisDay]:
        """Return what was written on this day in other years."""
        return ok(await services.insights.on_this_day(user.uid, _zone(params)))

    @get("/daily-recommendations", summary="Read today's picks")
    async def daily_recommendations(self, services: Services, user: User) -> Envelope[FoundMemos]:
        """Three memos worth reading again, the same all day long."""
        items = await services.recommendations.daily(user.uid)
        return await ok_found(items)


def _zone(params: Params) -> ZoneInfo | None:
    """Return the zone that the query names; None without one. PARAMS_ERROR for an unknown one."""
    name = params.text("tz")
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError) as error:
        raise AimoError(Code.PARAMS_ERROR, "tz is not the name of a time zone, such as Asia/Shanghai") from error
