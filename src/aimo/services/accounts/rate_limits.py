"""How often somebody may try to log in, to prove a password or to register.

A stranger who fails on purpose locks out nobody but their own address: an account is limited per address, and over
all addresses only where it has not been logged in to before. Who has a session keeps it whatever happens here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import IPv6Address, ip_address

from aimo import clock
from aimo.errors import AimoError, Code
from aimo.services.accounts.rate_limit_counters import HOUR_MS, LONGEST_MS, MINUTE_MS, Counter, Counters, Rule

# Whoever has one IPv6 address has the whole /64 that it is in.
_IPV6_HOST_BITS = 64

FAILED_LOGINS_OF_PAIR = Rule("login-pair", 10, 15 * MINUTE_MS)
FAILED_LOGINS_OF_ACCOUNT = Rule("login-account", 100, 15 * MINUTE_MS)
FAILED_LOGINS_OF_ADDRESS = Rule("login-address", 30, 15 * MINUTE_MS)
FAILED_CHANGES_OF_ACCOUNT = Rule("password-account", 100, 15 * MINUTE_MS)
REGISTRATIONS_OF_ADDRESS = Rule("register-address", 10, HOUR_MS)

# An address from which somebody logged in to an account: as long as their token is valid.
_KNOWN = "login-known"
_KNOWN_FOR_MS = LONGEST_MS

_WRONG = (Code.USER_NOT_FOUND, Code.PASSWORD_ERROR)


class RateLimiter:
    """Counts attempts before they are made; without an address, as on the command line, nothing is counted."""

    def __init__(self, counters: Counters, *, enabled: bool) -> None:
        self._counters = counters
        self._enabled = enabled

    @asynccontextmanager
    async def login(self, email: str, uid: str | None, address: str) -> AsyncIterator[None]:
        """Around an attempt to log in to the account ``uid``, None for one that does not exist.

        Only one that was wrong, or broken off, stays counted. LimitReached when there were too many.
        """
        if not self._enabled or not address:
            yield
            return
        network = _counted_address(address)
        # Counters of accounts that do not exist are as good as those of others, and no more than a fixed number.
        whose = uid or f"?{email}"
        known = self._counters.unauthenticated_key(_KNOWN, whose, network)
        attempts = [*self._counters_of_guesses(whose, network), self._account(whose, exists=uid is not None)]
        standing = await self._counters.standing([known, *(each.key for each in attempts)])
        if known in standing and standing[known].expires_at <= clock.now_ms() + _KNOWN_FOR_MS:
            attempts[-1] = self._account(whose, exists=uid is not None, enforced=False)
        taken = await self._counters.take(attempts, standing)
        async with self._keep_count_when_wrong(taken):
            yield
        await self._counters.give_back(taken, remember=known, for_ms=_KNOWN_FOR_MS)

    @asynccontextmanager
    async def password_change(self, uid: str, address: str) -> AsyncIterator[None]:
        """Around an attempt to prove the old password: a wrong one counts like a failed login of the account.

        Strangers who fail to log in from elsewhere do not keep anybody from it. LimitReached when there were too many.
        """
        if not self._enabled or not address:
            yield
            return
        own = Counter(FAILED_CHANGES_OF_ACCOUNT, self._counters.key_of_user(FAILED_CHANGES_OF_ACCOUNT.name, uid))
        account = self._account(uid, exists=True, enforced=False)
        taken = await self._counters.take([*self._counters_of_guesses(uid, _counted_address(address)), own, account])
        async with self._keep_count_when_wrong(taken):
            yield
        await self._counters.give_back(taken)

    @asynccontextmanager
    async def registration(self, address: str) -> AsyncIterator[None]:
        """Around making an account: counted when it is made and when its e-mail is taken.

        LimitReached when there were too many.
        """
        if not self._enabled or not address:
            yield
            return
        key = self._counters.unauthenticated_key(REGISTRATIONS_OF_ADDRESS.name, _counted_address(address))
        taken = await self._counters.take([Counter(REGISTRATIONS_OF_ADDRESS, key)])
        try:
            yield
        except Exception as error:
            if not isinstance(error, AimoError) or error.code is not Code.USER_ALREADY_EXISTS:
                await self._counters.give_back(taken)
            raise

    def _counters_of_guesses(self, whose: str, network: str) -> list[Counter]:
        """Return those of an account and an address, and of the address."""
        pair = self._counters.unauthenticated_key(FAILED_LOGINS_OF_PAIR.name, whose, network)
        address = self._counters.unauthenticated_key(FAILED_LOGINS_OF_ADDRESS.name, network)
        return [Counter(FAILED_LOGINS_OF_PAIR, pair), Counter(FAILED_LOGINS_OF_ADDRESS, address)]

    def _account(self, whose: str, *, exists: bool, enforced: bool = True) -> Counter:
        name = FAILED_LOGINS_OF_ACCOUNT.name
        key = self._counters.key_of_user(name, whose) if exists else self._counters.unauthenticated_key(name, whose)
        return Counter(FAILED_LOGINS_OF_ACCOUNT, key, enforced=enforced)

    @asynccontextmanager
    async def _keep_count_when_wrong(self, taken: list[Counter]) -> AsyncIterator[None]:
        """Give back what was counted when something else failed than the password, such as the database."""
        try:
            yield
        except Exception as error:
            if not isinstance(error, AimoError) or error.code not in _WRONG:
                await self._counters.give_back(taken)
            raise


def _counted_address(address: str) -> str:
    """Return what counts as one address: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(int(parsed) >> _IPV6_HOST_BITS)
    return str(parsed)
