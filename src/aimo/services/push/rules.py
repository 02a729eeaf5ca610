"""Push rules of users (docs/contract/push-rules.md)."""

from __future__ import annotations

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo import clock, ids
from aimo.db.connection import Database
from aimo.db.queries import push_rules as rule_queries
from aimo.db.queries.push_rules import PushRuleRow
from aimo.db.transaction import atomically
from aimo.dto.base import UNSET, UnsetType
from aimo.dto.push_rules import PushRule, PushRuleBody
from aimo.errors import AimoError, Code
from aimo.js_coercion import to_number
from aimo.push.channels import Channels, channel_list
from aimo.push.protocol import PushError, PushMessage
from aimo.services.memos.name_keys import require_length

log = structlog.get_logger(__name__)

CONTENT_TYPES = ("daily_pick", "daily_memos")
MOST_CHANNELS = 20
TEST = PushMessage("测试推送", "这是一条测试消息，如果你能看到这条消息，说明推送配置正确！")


class PushRuleService:
    """Lists, makes, changes, removes and tries push rules."""

    def __init__(self, database: Database, channels: Channels) -> None:
        self._database = database
        self._channels = channels

    async def all(self, uid: str) -> list[PushRule]:
        """Return the user's rules in the order in which they were made."""
        async with self._database.reads() as connection:
            rows = await rule_queries.of_user(connection, owner=uid)
        return [_present(row) for row in rows]

    async def get(self, uid: str, rule_id: str) -> PushRule:
        """Return one rule; NOT_FOUND when the user has none of that id."""
        _require_possible(rule_id)
        async with self._database.reads() as connection:
            row = await rule_queries.get(connection, owner=uid, rule_id=rule_id)
        if row is None:
            raise AimoError(Code.NOT_FOUND)
        return _present(row)

    async def create(self, uid: str, body: PushRuleBody) -> PushRule:
        """Make a rule; it pushes from now on. PARAMS_ERROR for what cannot be one."""
        now = clock.now_ms()
        row = PushRuleRow(
            id=ids.push_rule_id(),
            uid=uid,
            name=_name(body.name),
            push_time=_hour(body.push_time),
            content_type=_content_type(body.content_type),
            channels=_channels(body.channels),
            enabled=True,
            created_at=now,
            updated_at=now,
        )

        async def work(connection: AsyncConnection) -> None:
            await rule_queries.create(connection, row, seq=clock.next_sequence())

        await atomically(self._database, "push_rules.create", work, user=uid)
        return _as_sent(_present(row), body)

    async def update(self, uid: str, rule_id: str, body: PushRuleBody) -> PushRule:
        """Change what the body names, by the rules of :meth:`create`; the rest stays."""
        given = {
            "name": _name(body.name) if body.name is not UNSET else UNSET,
            "push_time": _hour(body.push_time) if body.push_time is not UNSET else UNSET,
            "content_type": _content_type(body.content_type) if body.content_type is not UNSET else UNSET,
            "channels": _channels(body.channels) if body.channels is not UNSET else UNSET,
            "enabled": _is_truthy(body.enabled) if body.enabled is not UNSET else UNSET,
            "updated_at": clock.now_ms(),
        }
        _require_possible(rule_id)

        async def work(connection: AsyncConnection) -> PushRule:
            before = await rule_queries.get_for_update(connection, owner=uid, rule_id=rule_id)
            if before is None:
                raise AimoError(Code.NOT_FOUND)
            row = PushRuleRow._make(
                value if given.get(name, UNSET) is UNSET else given[name] for name, value in before._asdict().items()
            )
            await rule_queries.update_rule(connection, row)
            return _present(row)

        return _as_sent(await atomically(self._database, "push_rules.update", work, user=uid, entity=rule_id), body)

    async def delete(self, uid: str, rule_id: str) -> None:
        """Remove a rule; NOT_FOUND when the user has none of that id."""
        _require_possible(rule_id)

        async def work(connection: AsyncConnection) -> bool:
            return await rule_queries.delete_rule(connection, owner=uid, rule_id=rule_id)

        if not await atomically(self._database, "push_rules.delete", work, user=uid, entity=rule_id):
            raise AimoError(Code.NOT_FOUND)

    async def test(self, uid: str, rule_id: str) -> None:
        """Push a test message through every channel in order, up to the first that fails.

        Every failure is DB_ERROR with the reason as its text, as clients know it.
        """
        try:
            rule = await self.get(uid, rule_id)
        except AimoError as error:
            raise AimoError(Code.DB_ERROR, "Push rule not found") from error
        channels = channel_list(rule.channels)
        if not channels:
            raise AimoError(Code.DB_ERROR, "No channels configured")
        for channel in channels:
            try:
                await self._channels.send(channel, TEST)
            except PushError as error:
                log.info("test push failed", user=uid, rule=rule_id, outcome=error.outcome.value)
                raise AimoError(Code.DB_ERROR, str(error)) from error


def _name(value: str | UnsetType | None) -> str:
    name = require_length("" if isinstance(value, UnsetType) else (value or "").strip(), "Push rule name")
    if not name:
        raise AimoError(Code.PARAMS_ERROR, "Push rule name is required")
    return name


def _hour(value: float | str | UnsetType | None) -> int:
    """Return the hour, cut to a whole number; a text without a number is 0, as in the existing server."""
    hour = (to_number(value) or 0) if isinstance(value, str) else value
    if hour is None or isinstance(hour, UnsetType) or not 0 <= hour <= 23:
        raise AimoError(Code.PARAMS_ERROR, "Push time must be between 0 and 23")
    return int(hour)


def _content_type(value: str | UnsetType | None) -> str:
    if not isinstance(value, str) or value not in CONTENT_TYPES:
        raise AimoError(Code.PARAMS_ERROR, "Content type must be daily_pick or daily_memos")
    return value


def _channels(value: list[object] | UnsetType | None) -> list[object]:
    if not isinstance(value, list) or not value:
        raise AimoError(Code.PARAMS_ERROR, "At least one channel is required")
    if len(value) > MOST_CHANNELS:
        raise AimoError(Code.PARAMS_ERROR, f"At most {MOST_CHANNELS} channels are possible")
    return value


def _is_truthy(value: object) -> bool:
    """As JavaScript has it: empty lists and objects are true."""
    return isinstance(value, list | dict) or bool(value)


def _require_possible(rule_id: str) -> None:
    if not ids.is_possible(rule_id):
        raise AimoError(Code.NOT_FOUND)


def _as_sent(rule: PushRule, body: PushRuleBody) -> PushRule:
    """Show the hour as it was sent: a text stays one (docs/contract/push-rules.md)."""
    if not isinstance(body.push_time, UnsetType) and body.push_time is not None:
        rule.push_time = body.push_time
    return rule


def _present(row: PushRuleRow) -> PushRule:
    return PushRule(
        id=row.id,
        uid=row.uid,
        name=row.name,
        push_time=row.push_time,
        content_type=row.content_type,
        channels=channel_list(row.channels),
        enabled=bool(row.enabled),
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
