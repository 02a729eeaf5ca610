"""What counts against whom, how long, and that the table of counters stays small."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import bcrypt
import pytest
from sqlalchemy import func, select

from aimo import clock, config
from aimo.db.connection import Database
from aimo.db.schema import RateLimits
from aimo.dto.users import RegisterBody
from aimo.errors import AimoError, Code, RateLimitExceeded
from aimo.runtime import Runtime
from aimo.runtime.services import create_allowance
from aimo.services.accounts import rate_limit_counters as counting
from aimo.services.accounts import rate_limits
from aimo.services.accounts.rate_limit_counters import Counters
from aimo.services.accounts.rate_limits import RateLimiter

ALICE = "user_alice"
HOME = "192.0.2.77"
MINUTE_MS = 60 * 1000


@pytest.fixture
async def database(
    settings: Callable[..., config.Settings], migrated_database: dict[str, str]
) -> AsyncIterator[Database]:
    opened = await Database.open(settings(**migrated_database))
    yield opened
    await opened.close()


@pytest.fixture
def limits(database: Database) -> RateLimiter:
    return RateLimiter(Counters(database, "a secret"), enabled=True)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A clock that stands still until its one item changes."""
    now = [clock.now_ms()]
    monkeypatch.setattr(clock, "now_ms", lambda: now[0])
    return now


async def fail(limits: RateLimiter, address: str, uid: str | None = ALICE, email: str = "a@example.test") -> None:
    """A login that fails; LimitReached when it is refused."""
    try:
        async with limits.login(email, uid, address):
            raise AimoError(Code.PASSWORD_ERROR if uid else Code.USER_NOT_FOUND)
    except RateLimitExceeded:
        raise
    except AimoError:
        return


async def succeed(limits: RateLimiter, address: str, uid: str = ALICE) -> None:
    async with limits.login("a@example.test", uid, address):
        """The password is right."""


async def rows(database: Database) -> list[Any]:
    async with database.reads() as connection:
        return list(await connection.execute(select(RateLimits.name, RateLimits.hits, RateLimits.expires_at)))


async def strangers_fail_a_hundred_times(limits: RateLimiter) -> None:
    for number in range(100):
        await fail(limits, f"203.0.113.{number // 10}")
    with pytest.raises(RateLimitExceeded):
        await fail(limits, "203.0.113.200")


async def test_strangers_do_not_lock_out_who_logged_in_from_an_address_before(limits: RateLimiter) -> None:
    await succeed(limits, HOME)
    await strangers_fail_a_hundred_times(limits)
    await succeed(limits, HOME)
    with pytest.raises(RateLimitExceeded):
        await succeed(limits, "198.51.100.1")
    await succeed(limits, "198.51.100.1", "user_bob")


async def test_strangers_do_not_keep_a_session_from_changing_its_password(limits: RateLimiter) -> None:
    await strangers_fail_a_hundred_times(limits)
    async with limits.password_change(ALICE, "198.51.100.1"):
        """The old password is right."""


async def test_a_stolen_session_guesses_a_hundred_old_passwords_from_all_addresses(limits: RateLimiter) -> None:
    async def guess(address: str) -> None:
        async with limits.password_change(ALICE, address):
            raise AimoError(Code.PASSWORD_ERROR)

    for number in range(100):
        with pytest.raises(AimoError) as wrong:
            await guess(f"203.0.113.{number // 10}")
        assert wrong.value.code is Code.PASSWORD_ERROR
    with pytest.raises(RateLimitExceeded):
        await guess("203.0.113.200")


async def test_a_known_address_is_limited_like_any_other(limits: RateLimiter) -> None:
    await succeed(limits, HOME)
    for _ in range(10):
        await fail(limits, HOME)
    with pytest.raises(RateLimitExceeded):
        await succeed(limits, HOME)


async def test_failures_that_are_nobodys_fault_are_not_counted(limits: RateLimiter, database: Database) -> None:
    for error in (OSError(), AimoError(Code.DB_ERROR), RateLimitExceeded("bcrypt", retry_after=1)):
        with pytest.raises(type(error)):
            async with limits.login("a@example.test", ALICE, HOME):
                raise error
        with pytest.raises(type(error)):
            async with limits.registration(HOME):
                raise error
    assert {row.hits for row in await rows(database)} == {0}


async def test_hanging_up_gives_no_attempt_back(limits: RateLimiter) -> None:
    for _ in range(10):
        with pytest.raises(asyncio.CancelledError):
            async with limits.login("a@example.test", ALICE, HOME):
                raise asyncio.CancelledError
    with pytest.raises(RateLimitExceeded):
        await succeed(limits, HOME)


async def test_many_at_once_get_no_more_attempts(limits: RateLimiter) -> None:
    results = await asyncio.gather(*(fail(limits, HOME) for _ in range(40)), return_exceptions=True)
    assert [type(result) for result in results].count(RateLimitExceeded) == 30


async def test_accounts_that_do_not_exist_are_limited_the_same_way(limits: RateLimiter) -> None:
    for number in range(100):
        await fail(limits, f"203.0.113.{number // 10}", None, "nobody@example.test")
    with pytest.raises(RateLimitExceeded):
        await fail(limits, "203.0.113.200", None, "nobody@example.test")
    await fail(limits, "203.0.113.200", None, "somebody.else@example.test")


async def test_made_up_names_and_addresses_share_a_fixed_number_of_counters(
    limits: RateLimiter, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "STRANGERS_COUNTERS", 4)
    for number in range(60):
        try:
            await fail(limits, f"2001:db8:0:{number:x}::1", None, f"nobody{number}@example.test")
        except RateLimitExceeded:
            continue
    assert len(await rows(database)) <= 3 * 4


async def test_counters_tell_neither_addresses_nor_emails(limits: RateLimiter, database: Database) -> None:
    await succeed(limits, HOME)
    await fail(limits, HOME, None, "nobody@example.test")
    other = Counters(database, "another secret")
    for row in await rows(database):
        assert not any(text in row.name for text in (ALICE, HOME, "nobody"))
        name = row.name.partition(":")[0]
        assert row.name != other.key_of_user(name, ALICE)


async def test_after_its_window_a_limit_begins_anew(
    limits: RateLimiter, time: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits, "REGISTRATIONS_OF_ADDRESS", replace(rate_limits.REGISTRATIONS_OF_ADDRESS, most=2))

    async def make() -> None:
        async with limits.registration(HOME):
            """An account is made."""

    for _ in range(2):
        await make()
    with pytest.raises(RateLimitExceeded) as refused:
        await make()
    assert refused.value.retry_after == 3600
    time[0] += 3_599_001
    with pytest.raises(RateLimitExceeded) as refused:
        await make()
    assert refused.value.retry_after == 1
    time[0] += 1000
    for _ in range(2):
        await make()
    with pytest.raises(RateLimitExceeded):
        await make()


async def test_counters_that_have_expired_are_removed_a_few_at_a_time(
    database: Database, time: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "_TIDIED_AT_ONCE", 4)
    limits = RateLimiter(Counters(database, "a secret"), enabled=True)
    for number in range(10):
        await fail(limits, f"203.0.113.{number}", None, f"nobody{number}@example.test")
    assert len(await rows(database)) == 30
    time[0] += 16 * MINUTE_MS
    later = RateLimiter(Counters(database, "a secret"), enabled=True)
    for left in (26 + 3, 22 + 3, 18 + 3):
        await fail(later, HOME, None, "nobody@example.test")
        assert len(await rows(database)) == left


async def test_who_is_refused_writes_nothing(limits: RateLimiter, database: Database) -> None:
    for _ in range(10):
        await fail(limits, HOME)
    async with database.reads() as connection:
        before = await connection.scalar(select(func.sum(RateLimits.hits)))
    with pytest.raises(RateLimitExceeded):
        await fail(limits, HOME)
    async with database.reads() as connection:
        assert await connection.scalar(select(func.sum(RateLimits.hits))) == before


async def test_zero_or_no_provider_means_no_allowance(database: Database) -> None:
    counters = Counters(database, "a secret")
    for per_hour, provider in ((0, object()), (1, None)):
        unlimited = create_allowance(counters, "ocr-user", per_hour, "files", provider)
        await unlimited.spend(ALICE, 1000)
    limited = create_allowance(counters, "ocr-user", 1, "files", object())
    await limited.spend(ALICE)
    with pytest.raises(RateLimitExceeded, match="At most 1 files an hour"):
        await limited.spend(ALICE)


async def test_an_account_that_does_not_exist_costs_a_hash_as_well(
    settings: Callable[..., config.Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[bytes] = []
    real = bcrypt.checkpw

    def spied(password: bytes, stored: bytes) -> bool:
        compared.append(stored)
        return real(password, stored)

    monkeypatch.setattr(bcrypt, "checkpw", spied)
    async with Runtime(settings(embedder="local"), worker=False) as runtime:
        accounts = runtime.services.accounts
        await accounts.register(RegisterBody(email="a@example.test", password="Passw0rd-test"))
        for email, code in (("a@example.test", Code.PASSWORD_ERROR), ("b@example.test", Code.USER_NOT_FOUND)):
            with pytest.raises(AimoError) as refused:
                await accounts.log_in(email, "Passw0rd-wrong")
            assert refused.value.code is code
    assert [stored[:7] for stored in compared] == [b"$2b$10$"] * 2
