"""How many calls to providers that cost money a user may cause within an hour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from aimo.errors import RateLimitExceeded
from aimo.services.accounts.rate_limit_counters import HOUR_MS, Counter, Counters, Rule


class Allowance(Protocol):
    """What a user may spend."""

    async def spend(self, uid: str, amount: int = 1) -> None:
        """Count calls before they are made; they stay counted when they fail, for the provider may charge them.

        Raises:
            LimitReached: they would be too many, and none is counted.
        """


class Chosen(Protocol):
    """A model that will be called."""

    @property
    def is_own(self) -> bool:
        """Whether its user pays for it."""


class HourlyAllowance:
    """At most so many calls in an hour from the first, counted in the database for all processes."""

    def __init__(self, counters: Counters, name: str, most: int, what: str) -> None:
        """``name`` is that of the counter, ``what`` says in the refusal what is counted."""
        self._counters = counters
        self._rule = Rule(name, most, HOUR_MS)
        self._message = f"At most {most} {what} an hour are allowed, please try again later"

    async def spend(self, uid: str, amount: int = 1) -> None:
        """See ``Allowance``."""
        key = self._counters.key_of_user(self._rule.name, uid)
        try:
            # The counter is the user's alone, so nobody else waits when it is at its limit: no need to look first.
            await self._counters.take([Counter(self._rule, key, amount)], {})
        except RateLimitExceeded as reached:
            raise RateLimitExceeded(reached.limit, retry_after=reached.retry_after, message=self._message) from None


class Unlimited:
    """Whatever a user likes."""

    async def spend(self, uid: str, amount: int = 1) -> None:
        """See ``Allowance``."""


@dataclass(frozen=True, slots=True)
class Allowances:
    """What a user may spend on the server's account, and how often they may have a model of their own called."""

    server: Allowance
    own: Allowance

    def of(self, chosen: Chosen) -> Allowance:
        """Return the allowance that calls of a model count against."""
        return self.own if chosen.is_own else self.server
