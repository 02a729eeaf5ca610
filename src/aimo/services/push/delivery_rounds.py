"""Pushing what is due: each message at most once, whatever is killed or runs twice (docs/push.md#at-most-once).

A message is claimed in the database before it is sent; who did not get the claim does not send. So
several processes, restarts and commands never send one twice, and a kill loses at most the message
that is on its way: messages go out one after the other. So that a user whose channels are slow does
not hold up everybody, users have turns: what does not fit into one waits until the others had theirs.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import defaultdict, deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import TypeVar

import structlog
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo import clock
from aimo.db.connection import Database
from aimo.db.failure_log import FailureLog
from aimo.db.queries import push_deliveries as delivery_queries
from aimo.db.queries import push_rules as rule_queries
from aimo.db.queries.push_deliveries import Delivery, DeliveryKey, DeliveryRow
from aimo.db.queries.push_rules import PushRuleRow
from aimo.db.transaction import atomically
from aimo.push.channels import Channels
from aimo.push.protocol import PushError, PushMessage, PushOutcome
from aimo.services.push.due_hours import parse_hour
from aimo.services.push.message_content import PushContent

T = TypeVar("T")

log = structlog.get_logger(__name__)

# When a message that certainly was not delivered is tried again.
WAITS_MS = (5_000, 20_000, 60_000, 180_000, 600_000)
LOST_AFTER_MS = 3 * 60_000
KEPT_DAYS = 30

# A clock that is set by a network may be some minutes ahead of another machine's.
_AHEAD_MS = 3_600_000
_GROUP = 200
_PREPARED_AHEAD = 4
_STATES = {PushOutcome.REJECTED: "failed", PushOutcome.UNAVAILABLE: "waiting", PushOutcome.UNKNOWN: "unknown"}
_LOST = "the server was stopped while this message was on its way"
_PUT_OFF = "earlier messages of this user took long"


@dataclass
class RoundCounts:
    """What became of the messages of a round; ``unprepared`` counts rules whose content could not be made."""

    sent: int = 0
    failed: int = 0
    waiting: int = 0
    unknown: int = 0
    unprepared: int = 0

    def count(self, state: str) -> None:
        """Count one message more in a state."""
        setattr(self, state, getattr(self, state) + 1)

    def add(self, other: RoundCounts) -> None:
        """Count the messages of another round as well."""
        for state, number in vars(other).items():
            setattr(self, state, getattr(self, state) + number)


@dataclass(frozen=True)
class _PreparedRule:
    """A rule, its channels by target that have not had their message, and the message."""

    rule: PushRuleRow
    left: Mapping[str, object]
    message: PushMessage


class _TimeShares:
    """How long the messages of each user have taken, and whether that was long enough."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._taken: defaultdict[str, float] = defaultdict(float)

    def is_over(self, uid: str) -> bool:
        """Return whether a user has had the turn."""
        return self._taken[uid] >= self._seconds

    @contextmanager
    def taken_by(self, uid: str) -> Iterator[None]:
        """Count what happens inside as a user's time."""
        started = time.monotonic()
        try:
            yield
        finally:
            self._taken[uid] += time.monotonic() - started


class DeliveryRounds:
    """Sends the messages of an hour, tries some of them again, and reports those that were lost."""

    def __init__(
        self,
        database: Database,
        channels: Channels,
        content: PushContent,
        *,
        waits_ms: tuple[int, ...] = WAITS_MS,
        lost_after_ms: int = LOST_AFTER_MS,
    ) -> None:
        self._database = database
        self._channels = channels
        self._content_failures = FailureLog(log, "push content failed")
        self._content = content
        self._waits_ms = waits_ms
        self._lost_after_ms = lost_after_ms

    async def run(
        self, due: str, go_on: Callable[[], bool] = lambda: True, *, turn_seconds: float = math.inf
    ) -> RoundCounts:
        """Send every message of a local hour that nobody has claimed yet; ``go_on`` is asked before each.

        A user whose messages took ``turn_seconds`` gets no further one begun: the rest is left to :meth:`retry`.
        """
        done = RoundCounts()
        turns = _TimeShares(turn_seconds)
        late: list[Delivery] = []
        async with self._database.reads() as connection:
            rules = await rule_queries.due(connection, hour=parse_hour(due))
        async with aclosing(self._prepared(rules, due, done, go_on)) as prepared:
            async for ready in prepared:
                late += await self._push(ready, due, done, go_on, turns)
        for delivery in late:
            if go_on() and await self._insert_delivery(delivery, "waiting", 0, error=_PUT_OFF):
                done.count("waiting")
        if rules:
            log.info("push round finished", due=due, rules=len(rules), **vars(done))
        return done

    async def retry(
        self, present_hours: list[str], go_on: Callable[[], bool] = lambda: True, *, turn_seconds: float = math.inf
    ) -> RoundCounts:
        """Try again what is due to be tried again; what belongs to an hour that is over is given up.

        A user whose messages took ``turn_seconds`` gets no further one begun; the rest stays due.
        """
        done = RoundCounts()
        turns = _TimeShares(turn_seconds)
        async with self._database.reads() as connection:
            now = clock.now_ms()
            latest = now + max(self._waits_ms)
            waiting = await delivery_queries.waiting(connection, now=now, latest=latest, limit=_GROUP)
        messages: dict[str, PushMessage] = {}
        for delivery in waiting:
            if not go_on():
                break
            if turns.is_over(delivery.uid):
                continue
            with turns.taken_by(delivery.uid):
                await self._retry_delivery(delivery, present_hours, messages, done)
        return done

    async def mark_lost_deliveries_unknown(self) -> int:
        """Say of messages claimed long ago, by a process that died, that their fate is unknown; how many."""
        now = clock.now_ms()
        async with self._database.reads() as connection:
            latest = now + self._lost_after_ms
            lost = await delivery_queries.lost(connection, now=now, latest=latest, limit=_GROUP)
        for delivery in lost:

            async def give_up(connection: AsyncConnection, key: DeliveryKey = delivery.key) -> None:
                await delivery_queries.give_up(connection, key, now=now, latest=latest, error=_LOST)

            await self._write("push.give_up", delivery, give_up)
            log.warning(
                "push delivery state unknown",
                rule=delivery.rule_id,
                user=delivery.uid,
                due=delivery.due,
                target=delivery.channel,
            )
        return len(lost)

    async def delete_outdated_deliveries(self) -> None:
        """Remove what was pushed more than ``KEPT_DAYS`` ago, or by a clock that was ahead.

        What such a clock has pushed would stand for the pushes of hours to come.
        """
        now = clock.now_ms()

        async def delete(connection: AsyncConnection) -> None:
            await delivery_queries.delete_outdated(
                connection, before=now - KEPT_DAYS * 86_400_000, after=now + _AHEAD_MS
            )

        await atomically(self._database, "push.delete_outdated", delete)

    async def _prepared(
        self, rules: Sequence[PushRuleRow], due: str, done: RoundCounts, go_on: Callable[[], bool]
    ) -> AsyncGenerator[_PreparedRule, None]:
        """Yield the rules that have something to send, in order, with their messages made some rules ahead.

        Making one may mean to wait for a chat model, and the messages of an hour should arrive in that hour.
        """
        ahead: deque[asyncio.Task[_PreparedRule | None]] = deque()
        waiting = deque(rules)
        try:
            while (waiting or ahead) and go_on():
                while waiting and len(ahead) < _PREPARED_AHEAD:
                    ahead.append(asyncio.create_task(self._load_rule_with_remaining(waiting.popleft(), due, done)))
                ready = await ahead.popleft()
                if ready:
                    yield ready
        finally:
            for task in ahead:
                task.cancel()
            await asyncio.gather(*ahead, return_exceptions=True)

    async def _load_rule_with_remaining(self, rule: PushRuleRow, due: str, done: RoundCounts) -> _PreparedRule | None:
        """Return a rule as it is now, with what it still has to send in an hour; None without anything."""
        async with self._database.reads() as connection:
            current = await rule_queries.get(connection, owner=rule.uid, rule_id=rule.id)
            if current is None or not current.enabled or current.push_time != parse_hour(due):
                return None
            known = await delivery_queries.known_channels(connection, rule_id=rule.id, due=due)
        left = {
            name: channel for name, channel in self._channels.by_name(current.channels).items() if name not in known
        }
        message = await self._prepare(current, done) if left else None
        return _PreparedRule(current, left, message) if message else None

    async def _push(
        self, ready: _PreparedRule, due: str, done: RoundCounts, go_on: Callable[[], bool], turns: _TimeShares
    ) -> list[Delivery]:
        """Send the messages of a rule; gives those for which its user's turn was too short."""
        late = []
        for name, channel in ready.left.items():
            if not go_on():
                break
            delivery = Delivery(ready.rule.id, due, name, ready.rule.uid)
            if turns.is_over(delivery.uid):
                late.append(delivery)
                continue
            with turns.taken_by(delivery.uid):
                if await self._claim(delivery):
                    await self._send(delivery, channel, ready.message, done)
        return late

    async def _prepare(self, rule: PushRuleRow, done: RoundCounts) -> PushMessage | None:
        """Return the rule's message, made once for all its channels."""
        try:
            return await self._content.generate(rule.uid, rule.content_type)
        except Exception as error:  # noqa: BLE001 (logged, and counted as a rule to ask again)
            self._content_failures.failed(error, rule=rule.id, user=rule.uid, content=rule.content_type)
            done.count("unprepared")
            return None

    async def _claim(self, delivery: Delivery) -> bool:
        return await self._insert_delivery(delivery, "claimed", self._lost_after_ms, tries=1)

    async def _insert_delivery(
        self, delivery: Delivery, state: str, look_after_ms: int, *, tries: int = 0, error: str | None = None
    ) -> bool:
        """Write a message down, unless it is already; whether this call was the one that did."""
        now = clock.now_ms()
        row = DeliveryRow(
            *delivery.key,
            uid=delivery.uid,
            state=state,
            attempts=tries,
            claimed_at=now,
            retry_at=now + look_after_ms,
            error=error,
        )

        async def insert(connection: AsyncConnection) -> None:
            await delivery_queries.create(connection, row)

        try:
            await self._write("push.claim", delivery, insert)
        except IntegrityError:  # somebody else has it, or the rule is gone
            return False
        return True

    async def _claim_again(self, delivery: Delivery) -> bool:
        now = clock.now_ms()

        async def claim(connection: AsyncConnection) -> bool:
            return await delivery_queries.claim_again(
                connection, delivery.key, now=now, lost_at=now + self._lost_after_ms
            )

        return await self._write("push.claim_again", delivery, claim)

    async def _send(self, delivery: Delivery, channel: object, message: PushMessage, done: RoundCounts) -> None:
        """Send a message whose claim is held, and write down what became of it."""
        try:
            await self._channels.send(channel, message)
        except PushError as error:
            await self._record_result(delivery, self._state_after(delivery, error), str(error), done)
        except Exception as error:
            log.exception("push failed unexpectedly", rule=delivery.rule_id, user=delivery.uid)
            await self._record_result(delivery, "unknown", type(error).__name__, done)
        else:
            await self._record_result(delivery, "sent", None, done)

    def _state_after(self, delivery: Delivery, error: PushError) -> str:
        state = _STATES[error.outcome]
        return "failed" if state == "waiting" and delivery.attempts >= len(self._waits_ms) else state

    async def _record_result(self, delivery: Delivery, state: str, error: str | None, done: RoundCounts) -> None:
        done.count(state)
        if state != "sent":
            log.warning(
                "push not delivered",
                rule=delivery.rule_id,
                user=delivery.uid,
                due=delivery.due,
                attempt=delivery.attempts + 1,
                state=state,
                error=error,
            )
        retry_at = clock.now_ms() + self._waits_ms[delivery.attempts] if state == "waiting" else None

        async def record(connection: AsyncConnection) -> None:
            await delivery_queries.record_result(connection, delivery.key, state=state, retry_at=retry_at, error=error)

        await self._write("push.record_result", delivery, record)

    async def _retry_delivery(
        self, delivery: Delivery, present_hours: list[str], messages: dict[str, PushMessage], done: RoundCounts
    ) -> None:
        async with self._database.reads() as connection:
            rule = await rule_queries.get(connection, owner=delivery.uid, rule_id=delivery.rule_id)
        channel = self._channels.by_name(rule.channels).get(delivery.channel) if rule and rule.enabled else None
        if rule is None or channel is None:
            await self._drop(delivery, "the rule was changed before it got through", done)
            return
        if delivery.due not in present_hours:
            await self._drop(delivery, "the hour is over", done)
            return
        message = messages.get(delivery.rule_id) or await self._prepare(rule, done)
        if message is None:
            await self._drop(delivery, "push content failed", done)
            return
        messages[delivery.rule_id] = message
        if await self._claim_again(delivery):
            await self._send(delivery, channel, message, done)

    async def _drop(self, delivery: Delivery, reason: str, done: RoundCounts) -> None:
        if await self._claim_again(delivery):
            await self._record_result(delivery, "failed", reason, done)

    async def _write(self, operation: str, delivery: Delivery, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Change a delivery in a transaction of its own."""
        return await atomically(self._database, operation, work, user=delivery.uid, entity=delivery.rule_id)
