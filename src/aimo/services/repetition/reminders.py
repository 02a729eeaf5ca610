"""The morning's reminders of memos to review (docs/contract/notifications.md#reminders)."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from datetime import UTC, date, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo import clock, ids
from aimo.db.connection import Database
from aimo.db.failure_log import FailureLog
from aimo.db.queries import cards as card_queries
from aimo.db.queries import notifications as notification_queries
from aimo.db.queries import push_rules as rule_queries
from aimo.db.queries import spaced_repetition as repetition_queries
from aimo.db.queries.cards import DueCard
from aimo.db.queries.notifications import NewNotification
from aimo.db.transaction import atomically
from aimo.push.channels import Channels
from aimo.push.protocol import PushError, PushMessage
from aimo.services.repetition.eligibility import eligibility
from aimo.services.repetition.schedule import FIRST_HOUR
from aimo.services.repetition.service import title_of
from aimo.services.utf16_text import cut

log = structlog.get_logger(__name__)

_TITLE: Final = "📚 复习提醒"
_USERS: Final = 200


class Reminders:
    """Tells every user who wants it, once a local day from `FIRST_HOUR` on, what is due.

    The day is claimed with the notifications in one transaction, so that of several processes one does it, and a
    missed morning is made up for the same day. Pushes follow the transaction: lost with a process, never doubled.
    """

    def __init__(
        self, database: Database, channels: Channels, *, zone: ZoneInfo, url: str, push: Literal["summary", "each"]
    ) -> None:
        """``url`` is where users reach the server, if that is known; ``push`` is one message a user or one a card."""
        self._database = database
        self._channels = channels
        self._failures = FailureLog(log, "reminding of reviews failed")
        self._zone = zone
        self._url = url
        self._push = push

    async def run(self, may_go_on: Callable[[], bool]) -> int:
        """Remind whoever was not reminded today; return how many users that were."""
        if clock.to_datetime(clock.now_ms()).replace(tzinfo=UTC).astimezone(self._zone).hour < FIRST_HOUR:
            return 0
        day, after, reminded = clock.local_day(self._zone), "", 0
        while may_go_on():
            async with self._database.driver_connection() as connection:
                users = await repetition_queries.reminded_users(connection, after=after, limit=_USERS)
            if not users:
                break
            after = users[-1].uid
            for user in users:
                if user.sr_reminded_on != day and may_go_on():
                    reminded += await self._remind(user.uid, day)
        return reminded

    async def _remind(self, uid: str, day: str) -> bool:
        async def work(connection: AsyncConnection) -> list[DueCard]:
            if not await repetition_queries.claim_day(connection, owner=uid, day=day, tomorrow=_day_after(day)):
                return []
            settings = await repetition_queries.settings(connection, owner=uid)
            chosen = await eligibility(connection, uid, self._zone)
            now = clock.now_ms()
            cards = await card_queries.due(
                connection,
                chosen.shape,
                owner=uid,
                values=chosen.values,
                now=now,
                limit=settings.sr_daily_limit if settings else 0,
            )
            await notification_queries.create(
                connection, [self._notification(uid, card, now) for card in cards], owner=uid
            )
            return cards

        try:
            cards = await atomically(self._database, "repetition.remind", work, user=uid)
            if cards:
                await self._send(uid, cards)
        except Exception as error:  # noqa: BLE001 (logged; one user's failure must not keep the others from theirs)
            self._failures.failed(error, user=uid)
            return False
        return bool(cards)

    def _notification(self, uid: str, card: DueCard, now: int) -> NewNotification:
        return NewNotification(
            notification_id=ids.notification_id(),
            uid=uid,
            type="spaced_repetition",
            title=_TITLE,
            body=self._text([_of(card)]),
            memo_id=card.memo_id,
            seq=clock.next_sequence(),
            created_at=now,
        )

    async def _send(self, uid: str, cards: Sequence[DueCard]) -> None:
        texts = [_of(card) for card in cards]
        if self._push == "summary" and len(cards) > 1:
            lines = [f"今天有 {len(cards)} 条笔记待复习：", *(_name(card) for card in cards)]
            bodies = [self._text(["\n".join(lines)])]
        else:
            bodies = [self._text([text]) for text in texts]
        async with self._database.driver_connection() as connection:
            rules = await rule_queries.of_user(connection, owner=uid)
        targets: dict[str, object] = {}
        for rule in rules:
            if rule.enabled:
                targets |= self._channels.by_name(rule.channels if isinstance(rule.channels, list) else ())
        for body in bodies:
            message = PushMessage(_TITLE, _as_html(body), self._url)
            for target in targets.values():
                try:
                    await self._channels.send(target, message)
                except PushError as error:
                    log.warning("reminder not pushed", user=uid, reason=str(error))

    def _text(self, parts: Sequence[str]) -> str:
        return "\n".join([*parts, *([f"查看笔记：{self._url.rstrip('/')}/review"] if self._url else [])])


def _day_after(day: str) -> str:
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()


def _name(card: DueCard) -> str:
    return f"《{cut(title_of(card.content), 50) or '无标题'}》"


def _of(card: DueCard) -> str:
    return f"{_name(card)}\n{cut(card.content, 100)}"


def _as_html(text: str) -> str:
    return html.escape(text).replace("\n", "<br>")
