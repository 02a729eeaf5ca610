"""What pushes say: today's picks, or today's memos (docs/contract/providers.md#contents-of-pushes)."""

from __future__ import annotations

import html
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from aimo import clock
from aimo.db.connection import Database
from aimo.db.queries import push_rules as rule_queries
from aimo.push.protocol import PushMessage

_BLOCK = (
    '<div style="margin:12px 0;padding:12px;border-radius:8px;background:#f6f7f9">'
    '<p style="margin:0 0 6px;font-size:12px;color:#888">{when}</p>'
    '<p style="margin:0;white-space:pre-wrap;word-break:break-word">{text}</p></div>'
)


class UnknownContentError(Exception):
    """A rule asks for content of a kind that there is not."""


class RecommendedMemo(Protocol):
    """What is pushed of a memo."""

    content: str
    created_at: int


class RecommendationSource(Protocol):
    """Who picks the memos of the day."""

    async def daily(self, uid: str) -> Sequence[RecommendedMemo]:
        """Return the user's picks of today; empty when there is nothing to pick from."""


class PushContent:
    """Makes the messages of push rules."""

    def __init__(self, database: Database, picks: RecommendationSource, *, zone: ZoneInfo, url: str = "") -> None:
        """``zone`` decides what today is; ``url`` is where users reach the server, if that is known."""
        self._database = database
        self._picks = picks
        self._zone = zone
        self._url = url

    async def generate(self, uid: str, content_type: str) -> PushMessage:
        """Return the message for a user right now.

        Raises:
            UnknownContentError: the content type is none.
        """
        if content_type == "daily_pick":
            return await self._daily_pick(uid)
        if content_type == "daily_memos":
            return await self._daily_memos(uid)
        raise UnknownContentError(f"Unsupported content type: {content_type}")

    async def _daily_pick(self, uid: str) -> PushMessage:
        memos = await self._picks.daily(uid)
        blocks = [_block(_date(self._local(memo.created_at)), memo.content) for memo in memos]
        return self._message("今日推荐", blocks, "你还没有记录任何备忘录，来创建一个吧！")

    async def _daily_memos(self, uid: str) -> PushMessage:
        start, end = day_bounds(self._zone, clock.now_ms())
        async with self._database.reads() as connection:
            rows = await rule_queries.memos_of_day(connection, owner=uid, start=start, end=end)
        blocks = [_block(self._local(row.created_at).strftime("%H:%M"), row.content) for row in rows]
        title = f"今日备忘录 ({len(blocks)}条)" if blocks else "今日备忘录"
        return self._message(title, blocks, "今天还没有记录任何备忘录")

    def _message(self, title: str, blocks: Sequence[str], nothing: str) -> PushMessage:
        return PushMessage(title, "".join(blocks) or f"<p>{nothing}</p>", self._url)

    def _local(self, ms: int) -> datetime:
        # Not fromtimestamp, which refuses moments long ago on some systems.
        utc = clock.to_datetime(ms).replace(tzinfo=ZoneInfo("UTC"))
        return utc.astimezone(self._zone)


def day_bounds(zone: ZoneInfo, now_ms: int) -> tuple[int, int]:
    """Return the first moments of the local day and the next one, epoch milliseconds; days have 23 to 25 hours."""
    local = clock.to_datetime(now_ms).replace(tzinfo=ZoneInfo("UTC")).astimezone(zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    start, end = (int(moment.timestamp() * 1000) for moment in (midnight, midnight + timedelta(days=1)))
    return start, end


def _block(when: str, text: str) -> str:
    return _BLOCK.format(when=when, text=_escaped(text))


def _escaped(text: str) -> str:
    return html.escape(text).replace("/", "&#x2F;")


def _date(local: datetime) -> str:
    return f"{local.year}/{local.month}/{local.day}"
