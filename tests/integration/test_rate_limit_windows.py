"""A limit ends with its window, and what has ended is removed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from aimo import clock, config
from aimo.db.connection import Database
from aimo.db.schema import RateLimit
from aimo.errors import LimitReached
from aimo.services import rate_limits
from aimo.services.rate_limits import RateLimits


async def test_after_its_window_a_limit_begins_anew_and_old_counters_go(
    settings: Callable[..., config.Settings], migrated_database: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits, "REGISTRATIONS_OF_ADDRESS", replace(rate_limits.REGISTRATIONS_OF_ADDRESS, most=2))
    now = clock.now_ms()
    monkeypatch.setattr(clock, "now_ms", lambda: now)
    database = await Database.open(settings(**migrated_database))
    try:
        limits = RateLimits(database, enabled=True)

        async def make(address: str = "192.0.2.1") -> None:
            async with limits.registration(address):
                """An account is made."""

        for _ in range(2):
            await make()
        with pytest.raises(LimitReached) as refused:
            await make()
        assert refused.value.retry_after == 3600
        now += 3_599_001
        with pytest.raises(LimitReached) as refused:
            await make()
        assert refused.value.retry_after == 1
        now += 1000
        for _ in range(2):
            await make()
        with pytest.raises(LimitReached):
            await make()
        now += 3_600_000
        await RateLimits(database, enabled=True)._tidy()
        async with database.reads() as connection:
            assert await connection.scalar(select(func.count()).select_from(RateLimit)) == 0
    finally:
        await database.close()
