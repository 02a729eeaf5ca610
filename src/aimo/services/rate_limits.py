"""How often somebody may try to log in or to register (decisions.md 17), counted in the database for all processes."""

from __future__ import annotations

import hashlib
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo import clock
from aimo.db.connection import Database
from aimo.db.queries import rate_limits as sql
from aimo.db.transaction import atomically
from aimo.errors import LimitReached

log = structlog.get_logger(__name__)

_MINUTE_MS = 60 * 1000
_TIDY_SECONDS = 600.0
# Whoever has one IPv6 address has the whole /64 that it is in.
_IPV6_HOST_BITS = 64


@dataclass(frozen=True)
class Rule:
    """At most ``most`` in ``window_ms``, counted from the first."""

    name: str
    most: int
    window_ms: int


FAILED_LOGINS_OF_ACCOUNT = Rule("login-account", 10, 15 * _MINUTE_MS)
FAILED_LOGINS_OF_ADDRESS = Rule("login-address", 30, 15 * _MINUTE_MS)
REGISTRATIONS_OF_ADDRESS = Rule("register-address", 10, 60 * _MINUTE_MS)


class RateLimits:
    """Counts attempts before they are made, so that many at once are no way around a limit."""

    def __init__(self, database: Database, *, enabled: bool) -> None:
        self._database = database
        self._enabled = enabled
        self._tidied = -_TIDY_SECONDS

    @asynccontextmanager
    async def failed_login(self, email: str, address: str) -> AsyncIterator[None]:
        """Around an attempt to log in; only one that raises stays counted. LimitReached when there were too many.

        Without an ``address``, as on the command line, nothing is counted.
        """
        counters = [(FAILED_LOGINS_OF_ACCOUNT, email), (FAILED_LOGINS_OF_ADDRESS, _network(address))]
        keys = await self._take(counters) if address else []
        yield
        await self._give_back(keys)

    @asynccontextmanager
    async def registration(self, address: str) -> AsyncIterator[None]:
        """Around making an account; one that raises is not counted. LimitReached when there were too many."""
        keys = await self._take([(REGISTRATIONS_OF_ADDRESS, _network(address))]) if address else []
        try:
            yield
        except BaseException:
            await self._give_back(keys)
            raise

    async def _take(self, counters: Sequence[tuple[Rule, str]]) -> list[str]:
        """Count all of these up, or none of them where one is at its limit; return their keys."""
        if not self._enabled:
            return []
        await self._tidy()
        taken = [(rule, _key(rule, whom)) for rule, whom in counters]

        async def work(connection: AsyncConnection) -> list[str]:
            for rule, key in taken:
                await _count_up(connection, rule, key)
            return [key for _, key in taken]

        try:
            return await atomically(self._database, "rate_limits.take", work)
        except LimitReached as reached:
            log.warning("too many attempts", limit=reached.limit, retry_after=reached.retry_after)
            raise

    async def _give_back(self, keys: Sequence[str]) -> None:
        async def work(connection: AsyncConnection) -> None:
            for key in keys:
                await connection.execute(sql.COUNT_DOWN, {"key": key})

        if keys:
            await atomically(self._database, "rate_limits.give_back", work)

    async def _tidy(self) -> None:
        """Remove counters that mean nothing any more, now and then."""
        if time.monotonic() - self._tidied < _TIDY_SECONDS:
            return
        self._tidied = time.monotonic()

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(sql.FORGET, {"now": clock.now_ms()})

        await atomically(self._database, "rate_limits.tidy", work)


async def _count_up(connection: AsyncConnection, rule: Rule, key: str) -> None:
    now = clock.now_ms()
    values = {"key": key, "now": now, "most": rule.most, "expiry": now + rule.window_ms}
    if (await connection.execute(sql.COUNT_UP, values)).rowcount:
        return
    expires: int | None = await connection.scalar(sql.EXPIRY, {"key": key})
    if expires is None:
        await connection.execute(sql.CREATE, {"name": key, "expiry": now + rule.window_ms})
        if (await connection.execute(sql.COUNT_UP, values)).rowcount:
            return
        expires = await connection.scalar(sql.EXPIRY, {"key": key})
    left_ms = (expires or now) - now
    raise LimitReached(rule.name, retry_after=max(1, -(-left_ms // 1000)))


def _key(rule: Rule, whom: str) -> str:
    return f"{rule.name}:{hashlib.sha256(whom.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _network(address: str) -> str:
    """What counts as one address: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(int(parsed) >> _IPV6_HOST_BITS)
    return str(parsed)
