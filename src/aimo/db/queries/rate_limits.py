"""Queries on counters of attempts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Integer, bindparam, case, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo.db.dialect_sql import insert_new
from aimo.db.driver_reads import ReadConnection
from aimo.db.schema import RateLimits
from aimo.db.statements import in_list, param, unscoped
from aimo.db.typed import Command, Query, Scalar, columns_for, table_of
from aimo.db.types import Millis


class CounterRow(NamedTuple):
    """A counter; ``expires_at`` is when it counts nothing any more, epoch milliseconds."""

    name: str
    hits: int
    expires_at: int


_EXCUSE = "attempts are counted before anybody knows who makes them"
# Also what would last longer than its rule allows: the clock was ahead when it was written.
_EXPIRED = or_(RateLimits.expires_at <= param("now"), RateLimits.expires_at > param("latest"))
_EXPIRY = bindparam("expiry", type_=Millis())
_AMOUNT = bindparam("amount", type_=Integer())

_STANDING = Query(
    unscoped(
        "rate_limits.standing",
        select(*columns_for(CounterRow, RateLimits)).where(
            RateLimits.name.in_(in_list("keys")), RateLimits.expires_at > param("now")
        ),
        reason=_EXCUSE,
    ),
    CounterRow,
)
_CREATE_UNLESS_KNOWN = Command(
    unscoped(
        "rate_limits.create",
        insert_new(table_of(RateLimits)).values(name=param("name"), hits=0, expires_at=param("expiry")),
        reason=_EXCUSE,
    )
)
# MySQL assigns from left to right, so the number comes before the time on which it depends.
_COUNT_UP = Command(
    unscoped(
        "rate_limits.count_up",
        update(RateLimits)
        .where(RateLimits.name == param("key"), or_(RateLimits.hits <= param("highest"), _EXPIRED))
        .ordered_values(
            (RateLimits.hits, case((_EXPIRED, _AMOUNT), else_=RateLimits.hits + _AMOUNT)),
            (RateLimits.expires_at, case((_EXPIRED, _EXPIRY), else_=RateLimits.expires_at)),
        ),
        reason=_EXCUSE,
    )
)
_COUNT_DOWN = Command(
    unscoped(
        "rate_limits.count_down",
        update(RateLimits)
        .where(RateLimits.name == param("key"), RateLimits.hits >= _AMOUNT)
        .values(hits=RateLimits.hits - _AMOUNT),
        reason=_EXCUSE,
    )
)
_SET_EXPIRY = Command(
    unscoped(
        "rate_limits.set_expiry",
        update(RateLimits).where(RateLimits.name == param("key")).values(expires_at=_EXPIRY),
        reason=_EXCUSE,
    )
)
_EXPIRES_AT = Scalar[int](
    unscoped("rate_limits.expiry", select(RateLimits.expires_at).where(RateLimits.name == param("key")), reason=_EXCUSE)
)
_BEYOND = Scalar[str](
    unscoped(
        "rate_limits.beyond",
        select(RateLimits.name).where(RateLimits.expires_at > param("latest")).limit(param("limit")),
        reason=_EXCUSE,
    )
)
_DELETE_BEYOND = Command(
    unscoped(
        "rate_limits.delete_beyond",
        delete(RateLimits).where(RateLimits.expires_at > param("latest")),
        reason=_EXCUSE,
    )
)
_EXPIRED_NAMES = Scalar[str](
    unscoped(
        "rate_limits.expired",
        select(RateLimits.name)
        .where(RateLimits.expires_at <= param("now"))
        .order_by(RateLimits.expires_at)
        .limit(param("limit")),
        reason=_EXCUSE,
    )
)
_DELETE_EXPIRED = Command(
    unscoped(
        "rate_limits.delete_expired",
        delete(RateLimits).where(RateLimits.name.in_(in_list("keys")), _EXPIRED),
        reason=_EXCUSE,
    )
)


async def standing(connection: ReadConnection, *, keys: Sequence[str], now: int) -> list[CounterRow]:
    """Load those of these counters, at least one, that have not expired at a moment."""
    return await _STANDING.all(connection, keys=keys, now=now)


async def create_unless_known(connection: AsyncConnection, *, key: str, expires_at: int) -> None:
    """Store a counter that has counted nothing, unless there is one of its key."""
    await _CREATE_UNLESS_KNOWN.run(connection, name=key, expiry=expires_at)


async def count_up(
    connection: AsyncConnection, *, key: str, amount: int, highest: int, now: int, expires_at: int
) -> bool:
    """Count ``amount`` more where at most ``highest`` are counted; one that has expired begins again.

    So does one that would expire later than ``expires_at``, which is the latest by its rule. False where there is no
    such counter, or it stands higher.
    """
    values = {"key": key, "amount": amount, "highest": highest, "now": now, "expiry": expires_at, "latest": expires_at}
    return bool(await _COUNT_UP.run(connection, **values))


async def count_down(connection: AsyncConnection, *, key: str, amount: int) -> None:
    """Count ``amount`` less, never below none."""
    await _COUNT_DOWN.run(connection, key=key, amount=amount)


async def set_expiry(connection: AsyncConnection, *, key: str, expires_at: int) -> None:
    """Store when a counter expires."""
    await _SET_EXPIRY.run(connection, key=key, expiry=expires_at)


async def expires_at(connection: ReadConnection, *, key: str) -> int | None:
    """Return when a counter expires; None without it."""
    return await _EXPIRES_AT.first(connection, key=key)


async def expired_keys(connection: ReadConnection, *, now: int, limit: int) -> list[str]:
    """Return the keys of counters that have expired at a moment."""
    return await _EXPIRED_NAMES.all(connection, now=now, limit=limit)


async def keys_beyond(connection: ReadConnection, *, latest: int, limit: int) -> list[str]:
    """Return the keys of counters that expire after a moment."""
    return await _BEYOND.all(connection, latest=latest, limit=limit)


async def delete_beyond(connection: AsyncConnection, *, latest: int) -> int:
    """Remove them; return how many they are."""
    return await _DELETE_BEYOND.run(connection, latest=latest)


async def delete_expired(connection: AsyncConnection, *, keys: Sequence[str], now: int, latest: int) -> None:
    """Remove those of these counters, at least one, that have expired at ``now``, or expire after ``latest``."""
    await _DELETE_EXPIRED.run(connection, keys=keys, now=now, latest=latest)
