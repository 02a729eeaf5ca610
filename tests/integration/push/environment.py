"""Push rounds without a server: rules, what they send, and what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import insert, select, update

from aimo import clock, ids
from aimo.db.connection import Database
from aimo.db.schema import Memos, PushDeliveries, Users
from aimo.dto.push_rules import PushRuleBody
from aimo.push.channels import Channels
from aimo.push.protocol import PushMessage
from aimo.services.attachments.file_urls import FileUrls
from aimo.services.insights.recommendations import RecommendationService
from aimo.services.memos.memo_presenter import MemoPresenter
from aimo.services.push.delivery_rounds import DeliveryRounds
from aimo.services.push.message_content import PushContent
from aimo.services.push.rules import PushRuleService
from aimo.storage.local import LocalStorage
from aimo.storage.signing import FileSigner

ZONE = ZoneInfo("Asia/Shanghai")
DUE = "2026-01-31T08"


class Recorder:
    """A channel that keeps what it gets, fails as it is told to, and takes its time for ``slow`` names."""

    def __init__(self) -> None:
        self.got: list[tuple[str, PushMessage]] = []
        self.failures: list[BaseException] = []
        self.slow_seconds = 0.1

    def address(self, target: Mapping[str, Any]) -> object:
        return target.get("nickname")

    async def send(self, target: Mapping[str, Any], message: PushMessage) -> None:
        await asyncio.sleep(self.slow_seconds if target["nickname"].startswith("slow") else 0)
        if self.failures:
            raise self.failures.pop(0)
        self.got.append((target["nickname"], message))

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.got]


class Place:
    """An opened database with push rules and a channel that records."""

    def __init__(self, database: Database, **options: Any) -> None:
        self.database = database
        self.channel = Recorder()
        self.channels = Channels({"meow": self.channel})
        urls = FileUrls(LocalStorage(Path("unused"), FileSigner("secret")), 3600)
        picks = RecommendationService(database, MemoPresenter(urls), None, ZONE)
        self.content = PushContent(database, picks, zone=ZONE)
        self.rounds = DeliveryRounds(database, self.channels, self.content, **options)
        self.rules = PushRuleService(database, self.channels)

    async def user(self) -> str:
        uid = ids.user_id()
        values = {"uid": uid, "email": uid, "email_key": uid, "password": "x", "salt": "x", "status": 1}
        async with self.database.reads() as connection:
            await connection.execute(insert(Users).values(values))
        return uid

    async def rule(self, *names: str, uid: str = "", **values: Any) -> str:
        channels = [{"type": "meow", "nickname": name} for name in names]
        given: dict[str, Any] = {"name": "r", "push_time": 8, "content_type": "daily_memos", "channels": channels}
        body = PushRuleBody(**given | values)
        return (await self.rules.create(uid or await self.user(), body)).id

    async def memo(self, uid: str, content: str, created_at: int) -> None:
        values = {
            "memo_id": ids.memo_id(),
            "uid": uid,
            "content": content,
            "seq": clock.next_sequence(),
            "created_at": created_at,
            "updated_at": created_at,
        }
        async with self.database.reads() as connection:
            await connection.execute(insert(Memos).values(values))

    async def states(self) -> dict[str, str | None]:
        async with self.database.reads() as connection:
            rows = await connection.execute(select(PushDeliveries.state, PushDeliveries.error))
            return {row.state: row.error for row in rows}

    async def look_now(self) -> None:
        """Let the moment come for which rows wait."""
        async with self.database.reads() as connection:
            await connection.execute(update(PushDeliveries).values(retry_at=clock.now_ms() - 1000))
