"""Counters that limit how often something may happen, kept in the database for all processes."""

from __future__ import annotations

import hmac
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo import clock
from aimo.db.connection import Database
from aimo.db.queries import rate_limits as counter_queries
from aimo.db.queries.rate_limits import CounterRow
from aimo.db.transaction import atomically
from aimo.errors import RateLimitExceeded

log = structlog.get_logger(__name__)

MINUTE_MS = 60 * 1000
HOUR_MS = 60 * MINUTE_MS

LONGEST_MS: Final = 90 * 24 * HOUR_MS
"""No counter, and nothing that is remembered beside them, lasts longer."""

# Whatever addresses and e-mails strangers make up, a rule has no more counters than this. Two addresses share one
# with a probability of 1 in 262,144; which ones do depends on the server's secret.
STRANGERS_COUNTERS = 2**18

_TIDY_SECONDS = 600.0
_TIDIED_AT_ONCE = 1000


@dataclass(frozen=True)
class Rule:
    """At most ``most`` in ``window_ms``, counted from the first."""

    name: str
    most: int
    window_ms: int


@dataclass(frozen=True)
class Counter:
    """A rule applied to somebody: ``amount`` is added. One that is not ``enforced`` stops at its limit silently."""

    rule: Rule
    key: str
    amount: int = 1
    enforced: bool = True


class Counters:
    """Counts before the work is done, so that many requests at once are no way around a limit."""

    def __init__(self, database: Database, secret: str) -> None:
        """``secret`` keys the hashes of whom is counted, so that the table tells nobody's address or e-mail."""
        self._database = database
        self._secret = secret.encode()
        self._tidied = -_TIDY_SECONDS

    def key_of_user(self, name: str, uid: str) -> str:
        """Return the key of a counter of an existing account."""
        return f"{name}:{self._digest(name, uid).hex()}"

    def unauthenticated_key(self, name: str, *whom: str) -> str:
        """Return the key of a counter of something that strangers choose: one of ``STRANGERS_COUNTERS``."""
        return f"{name}:{int.from_bytes(self._digest(name, *whom)) % STRANGERS_COUNTERS:05x}"

    async def standing(self, keys: Sequence[str]) -> dict[str, CounterRow]:
        """Return the rows of these keys that have not expired, by key."""
        async with self._database.reads() as connection:
            rows = await counter_queries.standing(connection, keys=keys, now=clock.now_ms())
            return {row.name: row for row in rows}

    async def take(
        self, counters: Sequence[Counter], standing: Mapping[str, CounterRow] | None = None
    ) -> list[Counter]:
        """Count all of these up, or none where an enforced one is at its limit; return what was counted.

        LimitReached in that case. ``standing`` is what :meth:`standing` said a moment ago, asked for when it is not
        given: whoever is refused by it costs one read and waits for nobody.
        """
        if standing is None:
            standing = await self.standing([each.key for each in counters])
        now = clock.now_ms()
        for each in counters:
            row = standing.get(each.key)
            if row is None or row.expires_at - now > each.rule.window_ms:
                # Of a clock that was ahead: it begins again.
                continue
            if each.enforced and row.hits + each.amount > each.rule.most:
                raise _refused(each, row.expires_at - now)
        await self._tidy()
        # Always in one order, so that no two transactions wait for each other.
        ordered = sorted(counters, key=lambda each: each.key)

        async def work(connection: AsyncConnection) -> list[Counter]:
            return [each for each in ordered if await _count_up(connection, each)]

        return await atomically(self._database, "counters.take", work)

    async def give_back(self, taken: Sequence[Counter], *, remember: str = "", for_ms: int = 0) -> None:
        """Undo what was counted; ``remember`` is a key to be kept for ``for_ms`` from now."""

        async def work(connection: AsyncConnection) -> None:
            for each in taken:
                await counter_queries.count_down(connection, key=each.key, amount=each.amount)
            if remember:
                expiry = clock.now_ms() + for_ms
                await counter_queries.create_unless_known(connection, key=remember, expires_at=expiry)
                await counter_queries.set_expiry(connection, key=remember, expires_at=expiry)

        if taken or remember:
            await atomically(self._database, "counters.give_back", work)

    def _digest(self, *parts: str) -> bytes:
        text = "\0".join(("rate limit", *parts))
        return hmac.digest(self._secret, text.encode("utf-8", "surrogatepass"), "sha256")[:16]

    async def _tidy(self) -> None:
        """Remove counters that mean nothing any more, some at a time."""
        if time.monotonic() - self._tidied < _TIDY_SECONDS:
            return
        self._tidied = time.monotonic()
        async with self._database.reads() as connection:
            now = clock.now_ms()
            keys = await counter_queries.expired_keys(connection, now=now, limit=_TIDIED_AT_ONCE)
            latest = now + LONGEST_MS
            keys += await counter_queries.keys_beyond(connection, latest=latest, limit=_TIDIED_AT_ONCE)

        async def work(connection: AsyncConnection) -> None:
            await counter_queries.delete_expired(connection, keys=keys, now=now, latest=latest)

        if keys:
            await atomically(self._database, "counters.tidy", work)
        if len(keys) >= _TIDIED_AT_ONCE:
            self._tidied -= _TIDY_SECONDS


async def _count_up(connection: AsyncConnection, counter: Counter) -> bool:
    """Return whether it was counted; LimitReached where it may not be."""
    rule, now = counter.rule, clock.now_ms()
    if counter.amount > rule.most:
        raise _refused(counter, rule.window_ms)
    expiry = now + rule.window_ms

    async def count() -> bool:
        highest = rule.most - counter.amount
        return await counter_queries.count_up(
            connection, key=counter.key, amount=counter.amount, highest=highest, now=now, expires_at=expiry
        )

    if await count():
        return True
    expires = await counter_queries.expires_at(connection, key=counter.key)
    if expires is None:
        await counter_queries.create_unless_known(connection, key=counter.key, expires_at=expiry)
        if await count():
            return True
        expires = await counter_queries.expires_at(connection, key=counter.key)
    if not counter.enforced:
        return False
    raise _refused(counter, (expires or now) - now)


def _refused(counter: Counter, left_ms: int) -> RateLimitExceeded:
    left_ms = min(left_ms, counter.rule.window_ms)
    reached = RateLimitExceeded(counter.rule.name, retry_after=max(1, -(-left_ms // 1000)))
    log.warning("a limit was reached", limit=reached.limit, retry_after=reached.retry_after)
    return reached
